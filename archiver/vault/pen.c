/* pen.c - taking up the pen and putting it down. */
#include "archiver/vault/pen_priv.h"
#include "base/pack.h"
#include "base/atomic_file.h"
#include "base/fault.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

bool fk_pen__is_rules(const char *kind) {
    return strcmp(kind, "hold") == 0 || strcmp(kind, "release") == 0 ||
           strcmp(kind, "class") == 0 || strcmp(kind, "policy") == 0 ||
           strcmp(kind, "key") == 0; /* a bundle is named by the certificate of what comes after */
}

enum fk_status fk_pen__spoiled(struct fk_pen *pen, struct fk_err *err) {
    if (!__atomic_load_n(&pen->spoiled, __ATOMIC_ACQUIRE))
        return FK_OK;
    return fk_fail(err, FK_IO,
                   "%s: a write failed before; nothing is taken until the vault has been opened "
                   "anew",
                   pen->dir);
}

enum fk_status fk_pen__spoil(struct fk_pen *pen, enum fk_status st) {
    __atomic_store_n(&pen->spoiled, true, __ATOMIC_RELEASE);
    return st;
}

uint64_t fk_pen__map_bytes(const struct fk_pen_options *options) {
    uint64_t bytes =
        options->map_bytes ? options->map_bytes : 4 * options->rotate_bytes + ((uint64_t)1 << 30);
    return bytes & ~(uint64_t)65535; /* whole pages of any machine */
}

enum fk_status fk_pen__reserve(const struct fk_pen *pen, struct fk_err *err) {
    struct statvfs s;
    int injected = fk_fault("reserve");
    if (!injected && statvfs(pen->dir, &s) != 0)
        return fk_fail_sys(err, errno, "%s: cannot ask for free space", pen->dir);
    if (injected || (uint64_t)s.f_bavail * s.f_frsize < pen->options.reserve_bytes)
        return fk_fail(err, FK_FULL,
                       "%s: less than the reserve of %" PRIu64
                       " bytes is free: mail is refused until there is room",
                       pen->dir, pen->options.reserve_bytes);
    return FK_OK;
}

static void marker_path(const struct fk_pen *pen, char out[PATH_MAX]) {
    fk_layout__path(out, pen->dir, "run/clean");
}

enum fk_status fk_pen__touch(struct fk_pen *pen, struct fk_err *err) {
    char path[PATH_MAX];
    if (!pen->clean)
        return FK_OK;
    marker_path(pen, path);
    enum fk_status st = fk_layout__remove(path, err);
    if (st == FK_OK) {
        fk_layout__path(path, pen->dir, "run");
        st = fk_sync_dir(path, err);
    }
    if (st == FK_OK)
        pen->clean = false;
    return st;
}

static enum fk_status lock_take(struct fk_pen *pen, struct fk_err *err) {
    char path[PATH_MAX];
    fk_layout__path(path, pen->dir, "lock");
    pen->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (pen->lock_fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot open", path);
    if (flock(pen->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return FK_OK;
    if (errno == EWOULDBLOCK)
        return fk_fail(err, FK_RETRY,
                       "%s: another process has the pen of this vault: stop it, or ask it", path);
    return fk_fail_sys(err, errno, "%s: cannot lock", path);
}

static struct fk_pen *pen_new(const char *dir, const struct fk_pen_options *options) {
    struct fk_pen *pen = calloc(1, sizeof *pen);
    if (!pen)
        return NULL;
    snprintf(pen->dir, sizeof pen->dir, "%s", dir);
    pen->where = (struct fk_where){pen->dir, pen->ledger, &pen->kek};
    pen->options = *options;
    pen->lock_fd = -1;
    pthread_mutex_init(&pen->lock, NULL);
    pthread_mutex_init(&pen->bench_lock, NULL);
    return pen;
}

static enum fk_status head_check(struct fk_book *b, const uint8_t digest[FK_SHA256_BYTES],
                                 struct fk_err *err) {
    char want[2 * FK_SHA256_BYTES + 1], is[2 * FK_SHA256_BYTES + 1];
    enum fk_status st = fk_book__meta(b, "head", want, sizeof want, err);
    fk_hex(is, digest, FK_SHA256_BYTES);
    if (st == FK_OK && strcmp(want, is) != 0)
        st = fk_fail(err, FK_CORRUPT, "%s: entry %" PRIu64 " is not the last one written",
                     b->pages->path, b->next - 1);
    return st;
}

static enum fk_status next_chunk(struct fk_book *b, uint64_t *out, struct fk_err *err) {
    enum fk_status st = b->chunks ? fk_cursor__last(b->chunks, err) : FK_OK;
    *out = 1;
    if (st == FK_OK && b->chunks && b->chunks->valid && b->chunks->key_len == 8)
        *out = fk_be64_read(b->chunks->key) + 1;
    return st;
}

void fk_pen__chunks_forget(struct fk_pen *pen) {
    fk_chunks__begin(pen->chunks, pen->active->has_chunks && !pen->options.every_instance);
}

enum fk_status fk_pen__take(struct fk_pen *pen, uint64_t number, struct fk_err *err) {
    struct fk_book *b = NULL;
    struct fk_keyfile kf = {.fd = -1};
    struct fk_segment *segment = NULL;
    struct fk_wrap *wrap = NULL;
    struct fk_buf line = FK_BUF_INIT;
    struct fk_stand stand;
    char path[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_book__open(&pen->where, number, 0, &b, err));
    /* Also after a good end: LMDB takes the next pages from the free list, and one whose number has
     * rotted would be written over while it is in use. It maps the file too, so all of it must be
     * there. */
    FK_TRY(fk_pages__account(b->pages, err));
    FK_TRY(fk_book__meta_number(b, "next-extent", &stand.next_extent, err));
    FK_TRY(next_chunk(b, &stand.next_chunk, err));
    FK_TRY(fk_book__meta_number(b, "rules", &stand.rules, err));
    FK_TRY(fk_book__meta_number(b, "erased", &pen->erased, err));
    FK_TRY(fk_book__meta_number(b, "generation", &pen->generation, err));
    FK_TRY(fk_book__line(b, b->next - 1, &line, err));
    fk_sha256(line.data, line.len, stand.last_digest);
    FK_TRY(head_check(b, stand.last_digest, err));
    stand.next_seq = b->next;
    struct fk_keyname name = {pen->dir, pen->ledger, &pen->kek, number, pen->generation};
    FK_TRY(fk_keyfile__open(&name, &kf, err));
    FK_TRY(fk_wrap__new(kf.sik, &wrap, err));
    fk_layout__segment(path, pen->dir, number, "open");
    FK_TRY(fk_segment__open(path, number, fk_pen__map_bytes(&pen->options), FK_SEGMENT_OPEN,
                            &segment, err));
    int dead;
    int rc = mdb_reader_check(segment->env, &dead);
    if (rc)
        st = fk_segment__fail(segment, rc, "cannot clear the slots of dead readers", err);
    FK_TRY(st);
    fk_segment__close(&pen->active);
    fk_wrap__free(&pen->wrap);
    pen->active = segment;
    pen->wrap = wrap;
    pen->first = b->first;
    pen->stand = stand;
    fk_pen__chunks_forget(pen);
    segment = NULL;
    wrap = NULL;
done:
    fk_segment__close(&segment);
    fk_wrap__free(&wrap);
    fk_keyfile__close(&kf);
    fk_book__close(&b);
    fk_buf_free(&line);
    return st;
}

/* A writer that was killed after it wrote a meta page and before it said so in the lock file leaves
 * readers with the transaction before it until the next writer takes LMDB's mutex, which then finds
 * that its owner died (mdb_mutex_failed). What is on the disk is to be seen from here on: an import
 * asks what was kept. */
static enum fk_status readers_catch_up(struct fk_pen *pen, struct fk_err *err) {
    MDB_txn *txn = NULL;
    enum fk_status st = fk_segment__begin(pen->active, &txn, err);
    fk_segment__abort(&txn);
    return st;
}

enum fk_status fk_pen_open(const char *dir, const struct fk_pen_options *options,
                           struct fk_pen **out, struct fk_err *err) {
    struct fk_pen *pen = NULL;
    char path[PATH_MAX];
    uint64_t active;
    enum fk_status st;
    FK_TRY(fk_layout__check(dir, err));
    pen = pen_new(dir, options);
    if (!pen)
        st = fk_fail(err, FK_NOMEM, "%s: no memory to open it", dir);
    FK_TRY(st);
    FK_TRY(fk_layout__ledger(dir, pen->ledger, err));
    FK_TRY(lock_take(pen, err));
    FK_TRY(fk_kek__load(dir, &pen->kek, err));
    FK_TRY(fk_chunks__new(&pen->chunks, err));
    marker_path(pen, path);
    pen->clean = pen->settled = fk_layout__exists(path);
    FK_TRY(fk_pen__recover(pen, &active, err));
    FK_TRY(fk_shelf__open(&pen->where, 0, &pen->shelf, err));
    FK_TRY(fk_pen__take(pen, active, err));
    if (!pen->clean)
        FK_TRY(fk_pen__reread(pen, err));
    FK_TRY(readers_catch_up(pen, err));
    FK_TRY(fk_pen__rekey_recover(pen, err));
    st = fk_pen__erase(pen, err);
done:
    if (st == FK_OK)
        *out = pen;
    else if (pen) {
        fk_pen__spoil(pen, st); /* no marker: it was not put down in good order */
        fk_pen_close(&pen);
    }
    return st;
}

/* Best effort: without the marker the next open reads the active segment again. After a failed meta
 * write there is none until a commit has replaced that page (fk_book__open says why). */
static void marker_write(struct fk_pen *pen) {
    char path[PATH_MAX];
    if (pen->clean || !pen->settled || __atomic_load_n(&pen->spoiled, __ATOMIC_ACQUIRE) ||
        pen->pending.count)
        return;
    marker_path(pen, path);
    if (fk_atomic_put(path, 0644, "", 0, NULL) == FK_OK)
        pen->clean = true;
}

void fk_pen_close(struct fk_pen **pp) {
    struct fk_pen *pen = *pp;
    if (!pen)
        return;
    fk_segment__close(&pen->active);
    marker_write(pen);
    fk_wrap__free(&pen->wrap);
    fk_shelf__close(&pen->shelf);
    fk_seqs_free(&pen->pending);
    for (int i = 0; i < FK_BENCHES; i++)
        fk_bench__free(&pen->bench[i]);
    fk_chunks__free(&pen->chunks);
    fk_close(&pen->lock_fd);
    pthread_mutex_destroy(&pen->lock);
    pthread_mutex_destroy(&pen->bench_lock);
    OPENSSL_cleanse(&pen->kek, sizeof pen->kek);
    free(pen);
    *pp = NULL;
}

const struct fk_err *fk_pen_trouble(const struct fk_pen *pen) {
    return &pen->trouble;
}

uint64_t fk_pen_next_seq(const struct fk_pen *pen) {
    return pen->stand.next_seq;
}

uint64_t fk_pen_segment(struct fk_pen *pen) {
    pthread_mutex_lock(&pen->lock);
    uint64_t number = pen->active->number;
    pthread_mutex_unlock(&pen->lock);
    return number;
}
