/* pen_seal.c - from a closed segment to a sealed one. run packs lines, copies records and the parts
 * that records name into a fresh file, checking the chain and every part's tag on the way, and
 * wraps the keys anew into the records of a key file. The key of that file's records stays in
 * memory until end, which alone writes it down: so a disposal in between leaves nothing that opens.
 */
#include "archiver/vault/pen_priv.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "base/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TXN_BYTES = 8 << 20, KEYS_BUFFER = 64 << 10 };

struct fk_sealing {
    struct fk_where where;
    struct fk_kek kek;           /* run reads with it, while a rotation may change the pen's */
    uint64_t number, generation; /* generation: of the key file that is to be */
    atomic_bool stale;
    bool named;            /* something has its final name: only recovery can undo it */
    enum fk_status status; /* what run came to; FK_RETRY before it */
    struct fk_err err;
    char path[PATH_MAX], keys_path[PATH_MAX], keys_scratch[PATH_MAX + 8];
    /* while run copies */
    struct fk_pace *pace;
    int64_t began_ms;
    uint64_t read;
    struct fk_book *book;
    struct fk_bench *bench;
    struct fk_segment *scratch;
    MDB_txn *txn;
    size_t txn_bytes;
    uint64_t extent; /* number of the one being filled */
    struct fk_buf filling, line, record_out, keys;
    struct fk_buf lines, block; /* lines of the block being filled; it packed */
    uint32_t line_count;
    struct fk_content_record record, chunk;
    struct fk_chunk_marks chunks; /* those that a message which opens names */
    uint8_t prev[FK_SHA256_BYTES];
    /* results */
    uint8_t sik[FK_KEY_BYTES];
    struct fk_wrap *to;
    int keys_fd;
    uint64_t key_count, first, last, bytes;
    char digest[2 * FK_SHA256_BYTES + 1];
};

static enum fk_status closed_seen(void *ctx, uint64_t number, const char *rest,
                                  struct fk_err *err) {
    uint64_t *oldest = ctx;
    (void)err;
    if (strcmp(rest, "open") == 0 && number < *oldest)
        *oldest = number;
    return FK_OK;
}

static void sealing_free(struct fk_sealing **jp) {
    struct fk_sealing *j = *jp;
    if (!j)
        return;
    fk_segment__abort(&j->txn);
    fk_segment__close(&j->scratch);
    fk_book__close(&j->book);
    fk_bench__free(&j->bench);
    fk_wrap__free(&j->to);
    fk_close(&j->keys_fd);
    fk_buf_free(&j->filling);
    fk_buf_free(&j->line);
    fk_buf_free(&j->lines);
    fk_buf_free(&j->block);
    fk_buf_free(&j->record_out);
    fk_buf_free(&j->keys);
    fk_buf_free(&j->record.bytes);
    fk_buf_free(&j->chunk.bytes);
    fk_chunk_marks__free(&j->chunks);
    OPENSSL_cleanse(j->sik, sizeof j->sik);
    OPENSSL_cleanse(&j->kek, sizeof j->kek);
    free(j);
    *jp = NULL;
}

static enum fk_status begin_locked(struct fk_pen *pen, struct fk_sealing *j, struct fk_err *err) {
    uint64_t oldest = pen->active->number, generation;
    struct fk_book *b;
    enum fk_status st;
    FK_TRY(fk_pen__spoiled(pen, err));
    if (pen->sealing)
        return fk_fail(err, FK_INVALID, "a segment is being sealed already");
    FK_TRY(fk_layout__each(pen->dir, "segments", closed_seen, &oldest, err));
    if (oldest == pen->active->number)
        return fk_fail(err, FK_NOT_FOUND, "no segment is closed and not sealed");
    FK_TRY(fk_pen__touch(pen, err));
    FK_TRY(fk_shelf__get(pen->shelf, oldest, &b, err));
    FK_TRY(fk_book__meta_number(b, "generation", &generation, err));
    j->kek = pen->kek;
    j->where.kek = &j->kek;
    j->number = oldest;
    j->generation = generation + 1;
    fk_layout__segment(j->path, pen->dir, oldest, "sealing");
    fk_layout__keys(j->keys_path, pen->dir, oldest, j->generation);
    /* not NAME.new: while this is written a disposal may make a key file of that name */
    snprintf(j->keys_scratch, sizeof j->keys_scratch, "%s.sealing", j->keys_path);
    pen->sealing = j;
done:
    return st;
}

enum fk_status fk_pen_seal_begin(struct fk_pen *pen, struct fk_sealing **out, struct fk_err *err) {
    struct fk_sealing *j = calloc(1, sizeof *j);
    if (!j)
        return fk_fail(err, FK_NOMEM, "no memory to seal a segment");
    j->where = pen->where;
    j->keys_fd = -1;
    j->status = FK_RETRY;
    pthread_mutex_lock(&pen->lock);
    enum fk_status st = begin_locked(pen, j, err);
    pthread_mutex_unlock(&pen->lock);
    if (st == FK_OK)
        *out = j;
    else
        sealing_free(&j);
    return st;
}

void fk_pen__sealing_stale(struct fk_pen *pen) {
    if (pen->sealing)
        atomic_store(&pen->sealing->stale, true);
}

static enum fk_status lmdb_status(struct fk_sealing *j, int rc, struct fk_err *err) {
    return rc ? fk_segment__fail(j->scratch, rc, "cannot write the sealed copy", err) : FK_OK;
}

static enum fk_status txn_end(struct fk_sealing *j, struct fk_err *err) {
    j->txn_bytes = 0;
    return j->txn ? lmdb_status(j, fk_segment__commit(&j->txn), err) : FK_OK;
}

/* A transaction to put len more bytes in; a new one when the last has become large. */
static enum fk_status txn_for(struct fk_sealing *j, size_t len, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (j->txn_bytes > TXN_BYTES)
        FK_TRY(txn_end(j, err));
    j->txn_bytes += len;
    if (j->txn)
        return FK_OK;
    FK_TRY(fk_segment__room(j->scratch, 2 * TXN_BYTES, err));
    st = fk_segment__begin(j->scratch, &j->txn, err);
done:
    return st;
}

static enum fk_status extent_put(struct fk_sealing *j, struct fk_err *err) {
    if (j->filling.len == 0)
        return FK_OK;
    enum fk_status st = txn_for(j, j->filling.len, err);
    if (st == FK_OK)
        st = lmdb_status(j,
                         fk_segment__append(j->txn, j->scratch->extents, j->extent++,
                                            j->filling.data, j->filling.len),
                         err);
    fk_buf_reset(&j->filling);
    return st;
}

/* Gives one part a place in the extent being filled, which replaces the old one at `at` of the
 * record that is being made; out: gets a copy, or NULL. */
static enum fk_status part_put(struct fk_sealing *j, struct fk_part from, size_t at,
                               struct fk_buf *out, struct fk_err *err) {
    struct fk_part part = from;
    enum fk_status st = FK_OK;
    if (j->filling.len + part.len > FK_EXTENT_MAX)
        FK_TRY(extent_put(j, err));
    part.extent = j->extent;
    part.offset = (uint32_t)j->filling.len;
    FK_TRY(fk_book__part(j->book, &from, &j->filling, err));
    j->read += part.len;
    fk_part__write(&part, j->record_out.data + at);
    if (out)
        fk_buf_add(out, j->filling.data + part.offset, part.len);
    if (j->filling.failed || (out && out->failed))
        st = fk_fail(err, FK_NOMEM, "no memory to seal a segment");
done:
    return st;
}

/* Called by the decoder where there is a key: in order, but that a recipe is asked for first. */
static enum fk_status part_move(void *ctx, uint32_t i, struct fk_buf *out, struct fk_err *err) {
    struct fk_sealing *j = ctx;
    return part_put(j, fk_record__part(&j->record, i), FK_RECORD_HEAD + (size_t)i * FK_RECORD_PART,
                    out, err);
}

/* The record to be, with the places of its parts still those of before. */
static enum fk_status record_begin(struct fk_sealing *j, const struct fk_content_record *record,
                                   struct fk_err *err) {
    fk_buf_reset(&j->record_out);
    fk_buf_add(&j->record_out, record->bytes.data, record->bytes.len);
    return j->record_out.failed ? fk_fail(err, FK_NOMEM, "no memory to seal a segment") : FK_OK;
}

/* False: the segment is to be begun anew, or left to the next pen. */
static bool goes_on(struct fk_sealing *j) {
    return !atomic_load(&j->stale) &&
           !(j->pace && __atomic_load_n(&j->pace->give_up, __ATOMIC_ACQUIRE));
}

/* Sleeps until so many bytes may have been read. Short, to see when somebody waits. */
static void pace_keep(struct fk_sealing *j) {
    enum { STEP_MS = 20 };
    if (!j->pace || !j->pace->bytes_per_s)
        return;
    while (goes_on(j) && !__atomic_load_n(&j->pace->hurry, __ATOMIC_ACQUIRE)) {
        int64_t due = j->began_ms + (int64_t)(j->read * 1000 / j->pace->bytes_per_s);
        if (fk_monotonic_ms() >= due)
            return;
        (void)poll(NULL, 0, STEP_MS);
    }
}

/* Each chunk's tag is checked once. */
static enum fk_status chunk_seen(void *ctx, uint64_t number, struct fk_stored_chunk *out,
                                 struct fk_err *err) {
    struct fk_sealing *j = ctx;
    out->skip = fk_chunk_marks__has(&j->chunks, number);
    if (out->skip)
        return FK_OK;
    fk_chunk_marks__set(&j->chunks, number);
    enum fk_status st = fk_book__chunk(j->book, number, &j->chunk, out, err);
    j->read += out->stored.len;
    pace_keep(j);
    return st;
}

/* Those that only messages without a key name are left out: nobody can read them. */
static enum fk_status chunks_copy(struct fk_sealing *j, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (uint64_t number = 1; number <= j->chunks.max && st == FK_OK && goes_on(j); number++) {
        if (!fk_chunk_marks__has(&j->chunks, number))
            continue;
        pace_keep(j);
        FK_TRY(fk_book__chunk_record(j->book, number, &j->chunk, err));
        FK_TRY(record_begin(j, &j->chunk, err));
        FK_TRY(part_put(j, fk_record__part(&j->chunk, 0), FK_RECORD_HEAD, NULL, err));
        FK_TRY(txn_for(j, j->record_out.len, err));
        st = lmdb_status(j,
                         fk_segment__append(j->txn, j->scratch->chunks, number, j->record_out.data,
                                            j->record_out.len),
                         err);
    }
done:
    return st;
}

static enum fk_status keys_flush(struct fk_sealing *j, size_t at_least, struct fk_err *err) {
    if (j->keys.len < at_least)
        return FK_OK;
    enum fk_status st = fk_write_full(j->keys_fd, j->keys.data, j->keys.len, j->keys_scratch, err);
    fk_buf_reset(&j->keys);
    return st;
}

static enum fk_status key_add(struct fk_sealing *j, uint64_t seq, const uint8_t *key,
                              struct fk_err *err) {
    uint8_t wrapped[FK_WRAPPED_BYTES];
    struct fk_bound to = {j->where.ledger, j->record.id, seq};
    fk_wrap__content(j->to, &to, key, wrapped);
    fk_put_u64(&j->keys, seq);
    fk_buf_add(&j->keys, wrapped, sizeof wrapped);
    if (j->keys.failed)
        return fk_fail(err, FK_NOMEM, "no memory to seal a segment");
    j->key_count++;
    return keys_flush(j, KEYS_BUFFER, err);
}

/* With its key every part's tag is checked; disposed of, parts are copied as they are. */
static enum fk_status parts_copy(struct fk_sealing *j, uint64_t seq, struct fk_err *err) {
    uint8_t key[FK_KEY_BYTES];
    enum fk_status st = fk_book__key(j->book, seq, j->record.id, key, err);
    if (st == FK_NOT_FOUND) {
        st = FK_OK;
        for (uint32_t i = 0; i < j->record.parts && st == FK_OK; i++)
            st = part_move(j, i, NULL, err);
        return st;
    }
    struct fk_decoding d = {.ledger = j->where.ledger,
                            .id = j->record.id,
                            .key = key,
                            .codec = j->record.codec,
                            .parts = j->record.parts,
                            .tags_only = true,
                            .stored = part_move,
                            .chunk = chunk_seen,
                            .ctx = j};
    if (st == FK_OK)
        st = fk_content__decode(j->bench, &d, err);
    if (st == FK_OK)
        st = key_add(j, seq, key, err);
    OPENSSL_cleanse(key, sizeof key);
    return st;
}

static enum fk_status content_copy(struct fk_sealing *j, uint64_t seq, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(fk_book__record(j->book, seq, &j->record, err));
    FK_TRY(record_begin(j, &j->record, err));
    FK_TRY(parts_copy(j, seq, err));
    FK_TRY(txn_for(j, j->record_out.len, err));
    st = lmdb_status(j,
                     fk_segment__append(j->txn, j->scratch->contents, seq, j->record_out.data,
                                        j->record_out.len),
                     err);
done:
    return st;
}

/* last: the newest of the lines that wait. */
static enum fk_status lines_put(struct fk_sealing *j, uint64_t last, struct fk_err *err) {
    enum fk_status st;
    fk_buf_reset(&j->block);
    FK_TRY(fk_lines__pack(&j->lines, j->line_count, &j->block, err));
    FK_TRY(txn_for(j, j->block.len, err));
    st = lmdb_status(
        j, fk_segment__append(j->txn, j->scratch->lines, last, j->block.data, j->block.len), err);
    fk_buf_reset(&j->lines);
    j->line_count = 0;
done:
    return st;
}

static enum fk_status line_add(struct fk_sealing *j, uint64_t seq, struct fk_err *err) {
    fk_buf_add(&j->lines, j->line.data, j->line.len);
    if (j->lines.failed)
        return fk_fail(err, FK_NOMEM, "no memory to seal a segment");
    bool full = ++j->line_count == FK_LINES_COUNT || j->lines.len >= FK_LINES_PLAIN;
    return full || seq == j->last ? lines_put(j, seq, err) : FK_OK;
}

static enum fk_status entry_copy(struct fk_sealing *j, uint64_t seq, struct fk_err *err) {
    struct fk_entry e;
    size_t len;
    enum fk_status st;
    fk_buf_reset(&j->line);
    FK_TRY(fk_book__line(j->book, seq, &j->line, err));
    FK_TRY(fk_entry_read(j->line.data, j->line.len, &e, err));
    if (e.seq != seq || (seq > j->first && memcmp(e.prev, j->prev, sizeof e.prev) != 0))
        st = fk_fail(err, FK_CORRUPT, "entry %" PRIu64 " does not follow the one before it", seq);
    FK_TRY(st);
    fk_sha256(j->line.data, j->line.len, j->prev);
    FK_TRY(line_add(j, seq, err));
    if (fk_entry_field_at(&e, "c256", &len))
        st = content_copy(j, seq, err);
done:
    return st == FK_NOT_FOUND
               ? fk_fail(err, FK_CORRUPT,
                         "entry %" PRIu64 ": its line or content record is missing", seq)
               : st;
}

static enum fk_status meta_write(struct fk_sealing *j, struct fk_err *err) {
    uint64_t rules;
    enum fk_status st;
    FK_TRY(fk_book__meta_number(j->book, "rules", &rules, err));
    FK_TRY(txn_for(j, 0, err));
    int rc = fk_segment__meta_put(j->scratch, j->txn, "format", "2");
    if (rc == 0)
        rc = fk_segment__meta_number(j->scratch, j->txn, "segment", j->number);
    if (rc == 0)
        rc = fk_segment__meta_number(j->scratch, j->txn, "first", j->first);
    if (rc == 0)
        rc = fk_segment__meta_put(j->scratch, j->txn, "state", "sealed");
    if (rc == 0)
        rc = fk_segment__meta_number(j->scratch, j->txn, "next-extent", j->extent);
    if (rc == 0)
        rc = fk_segment__meta_number(j->scratch, j->txn, "rules", rules);
    FK_TRY(lmdb_status(j, rc, err));
    st = txn_end(j, err);
done:
    return st;
}

/* The key file begins with a blank line as long as its first line will be. */
static enum fk_status keys_begin(struct fk_sealing *j, struct fk_err *err) {
    struct fk_keyname name = {j->where.dir, j->where.ledger, j->where.kek, j->number,
                              j->generation};
    enum fk_status st;
    j->key_count = j->book->keys->tree.entries;
    fk_random(j->sik, sizeof j->sik);
    FK_TRY(fk_wrap__new(j->sik, &j->to, err));
    FK_TRY(fk_keyfile__head(&name, j->key_count, j->sik, &j->keys, err));
    memset(j->keys.data, ' ', j->keys.len);
    int injected = fk_fault("create");
    if (!injected)
        j->keys_fd = open(j->keys_scratch, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (j->keys_fd < 0)
        st = fk_fail_sys(err, injected ? injected : errno, "%s: cannot create", j->keys_scratch);
done:
    return st;
}

/* The copy is whole: on the disk, read-only, and its digest taken. Room that was taken for it
 * beyond its end is given back by setting the length that it has. */
static enum fk_status copy_finish(struct fk_sealing *j, struct fk_err *err) {
    struct stat s;
    enum fk_status st = FK_OK;
    int fd = open(j->path, O_RDWR | O_CLOEXEC);
    int injected = fk_fault("fsync");
    if (fd < 0 || fstat(fd, &s) != 0 || ftruncate(fd, s.st_size) != 0 || fchmod(fd, 0400) != 0 ||
        injected || fsync(fd) != 0)
        st = fk_fail_sys(err, injected ? injected : errno, "%s: cannot sync", j->path);
    fk_close(&fd);
    if (st != FK_OK)
        return st;
    j->bytes = (uint64_t)s.st_size;
    return fk_layout__digest(j->path, j->digest, err);
}

static enum fk_status run_all(struct fk_sealing *j, struct fk_err *err) {
    uint64_t keys;
    enum fk_status st;
    FK_TRY(fk_book__open(&j->where, j->number, 0, &j->book, err));
    FK_TRY(fk_bench__new(&j->bench, err));
    j->first = j->book->first;
    j->last = j->book->next - 1;
    j->extent = 1;
    FK_TRY(fk_chunk_marks__begin(&j->chunks, j->book, err));
    FK_TRY(keys_begin(j, err));
    keys = j->key_count;
    j->key_count = 0;
    FK_TRY(fk_segment__open(j->path, j->number, 2 * (uint64_t)j->book->pages->size + FK_SCRATCH_MAP,
                            FK_SEGMENT_NEW, &j->scratch, err));
    j->began_ms = fk_monotonic_ms();
    for (uint64_t seq = j->first; seq <= j->last && goes_on(j); seq++) {
        FK_TRY(entry_copy(j, seq, err));
        pace_keep(j);
    }
    FK_TRY(chunks_copy(j, err));
    if (!goes_on(j))
        return fk_fail(err, FK_RETRY, "segment %" PRIu64 " is sealed later", j->number);
    FK_TRY(extent_put(j, err));
    FK_TRY(meta_write(j, err));
    fk_segment__close(&j->scratch);
    FK_TRY(keys_flush(j, 1, err));
    if (keys != j->key_count)
        st =
            fk_fail(err, FK_CORRUPT, "%s: %" PRIu64 " keys, but %" PRIu64 " contents that have one",
                    j->book->pages->path, keys, j->key_count);
    FK_TRY(st);
    st = copy_finish(j, err);
done:
    return st;
}

enum fk_status fk_pen_seal_run(struct fk_sealing *j, struct fk_pace *pace, struct fk_err *err) {
    struct fk_err mine = FK_ERR_INIT;
    j->pace = pace;
    j->status = run_all(j, &mine);
    fk_segment__abort(&j->txn);
    fk_segment__close(&j->scratch);
    j->err = mine;
    if (err && j->status != FK_OK)
        *err = mine;
    return j->status;
}

/* Wrapped by the key that the pen has now: a rotation that has come by meanwhile does not come
 * again.
 */
static enum fk_status keys_finish(struct fk_pen *pen, struct fk_sealing *j, struct fk_err *err) {
    struct fk_keyname name = {pen->dir, pen->ledger, &pen->kek, j->number, j->generation};
    struct fk_buf head = FK_BUF_INIT;
    char folder[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_keyfile__head(&name, j->key_count, j->sik, &head, err));
    if (lseek(j->keys_fd, 0, SEEK_SET) != 0)
        st = fk_fail_sys(err, errno, "%s: cannot seek", j->keys_scratch);
    FK_TRY(st);
    FK_TRY(fk_write_full(j->keys_fd, head.data, head.len, j->keys_scratch, err));
    int injected = fk_fault("fsync");
    if (injected || fsync(j->keys_fd) != 0)
        st = fk_fail_sys(err, injected ? injected : errno, "%s: cannot sync", j->keys_scratch);
    FK_TRY(st);
    j->named = true;
    injected = fk_fault("rename");
    if (injected || rename(j->keys_scratch, j->keys_path) != 0)
        st = fk_fail_sys(err, injected ? injected : errno, "%s: cannot rename", j->keys_scratch);
    FK_TRY(st);
    fk_layout__path(folder, j->where.dir, "keys");
    st = fk_sync_dir(folder, err);
done:
    fk_buf_free(&head);
    return st;
}

/* The sealed file gets its name, then the ledger says so: from there on it counts. */
static enum fk_status publish(struct fk_pen *pen, struct fk_sealing *j, struct fk_err *err) {
    char path[PATH_MAX], fields[256];
    enum fk_status st;
    FK_TRY(keys_finish(pen, j, err));
    fk_layout__segment(path, pen->dir, j->number, "sealed");
    FK_TRY(fk_layout__rename(pen->dir, j->path, path, err));
    snprintf(fields, sizeof fields,
             "segment=%" PRIu64 " first=%" PRIu64 " last=%" PRIu64 " bytes=%" PRIu64 " digest=%s",
             j->number, j->first, j->last, j->bytes, j->digest);
    st = fk_pen__append(pen, "seal", fields, err);
done:
    return st;
}

static enum fk_status open_file_remove(struct fk_pen *pen, struct fk_sealing *j,
                                       struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st;
    fk_shelf__forget(pen->shelf);
    fk_layout__segment(path, pen->dir, j->number, "open-lock");
    FK_TRY(fk_layout__remove(path, err));
    fk_layout__segment(path, pen->dir, j->number, "open");
    FK_TRY(fk_layout__remove(path, err));
    fk_layout__path(path, pen->dir, "segments");
    FK_TRY(fk_sync_dir(path, err));
    st = fk_keyfile__destroy_others(pen->dir, j->number, j->generation, err);
done:
    return st;
}

static enum fk_status end_locked(struct fk_pen *pen, struct fk_sealing *j, struct fk_err *err) {
    enum fk_status st;
    if (atomic_load(&j->stale))
        return fk_fail(err, FK_RETRY, "a disposal came while segment %" PRIu64 " was sealed",
                       j->number);
    if (j->status != FK_OK) {
        if (err)
            *err = j->err;
        return j->status;
    }
    FK_TRY(fk_pen__spoiled(pen, err));
    st = publish(pen, j, err);
    if (st == FK_OK)
        st = open_file_remove(pen, j, err);
    if (st != FK_OK &&
        j->named) /* two files and two generations of keys: recovery tells which count */
        fk_pen__spoil(pen, st);
done:
    return st;
}

/* After a failure before anything got its name. */
static void scratch_remove(struct fk_sealing *j) {
    (void)unlink(j->path); /* recovery removes what is left */
    (void)unlink(j->keys_scratch);
}

enum fk_status fk_pen_seal_end(struct fk_pen *pen, struct fk_sealing **jp, uint64_t *number_out,
                               struct fk_err *err) {
    struct fk_sealing *j = *jp;
    pthread_mutex_lock(&pen->lock);
    enum fk_status st = end_locked(pen, j, err);
    pen->sealing = NULL;
    pen->changes++;
    if (st == FK_OK)
        *number_out = j->number;
    else
        scratch_remove(j);
    pthread_mutex_unlock(&pen->lock);
    sealing_free(jp);
    return st;
}

enum fk_status fk_pen_seal_next(struct fk_pen *pen, uint64_t *number_out, struct fk_err *err) {
    struct fk_sealing *j = NULL;
    enum fk_status st = fk_pen_seal_begin(pen, &j, err);
    if (st != FK_OK)
        return st;
    st = fk_pen_seal_run(j, NULL, err);
    enum fk_status ended = fk_pen_seal_end(pen, &j, number_out, err);
    return st == FK_OK ? ended : st;
}
