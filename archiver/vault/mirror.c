/* mirror.c - opening a mirror, and rows of open segments. */
#include "archiver/vault/mirror_priv.h"
#include "archiver/vault/book_priv.h"
#include "base/atomic_file.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PART_BYTES = 8 << 20, OPEN_MAX_SEGMENTS = 1000, SLICES_A_STEP = 8, STAMP_FILES_A_PART = 16 };

static const char marker_head[] = "fumikura-mirror/1 ledger=";

/* ---- the marker */

enum fk_status fk_mirror__ledger(const char *dir, uint8_t id[FK_LEDGER_BYTES], struct fk_err *err) {
    char path[PATH_MAX];
    struct fk_buf b = FK_BUF_INIT;
    const size_t head = sizeof marker_head - 1;
    fk_layout__path(path, dir, "mirror");
    enum fk_status st = fk_read_file(path, 4096, &b, err);
    if (st == FK_NOT_FOUND)
        st = fk_fail(err, FK_NOT_FOUND,
                     "%s: there is no mirror (no file \"mirror\" in it): its disk may not be "
                     "mounted; \"fumikura mirror init\" makes one",
                     dir);
    else if (st == FK_OK &&
             (b.len != head + 2 * FK_LEDGER_BYTES + 1 || memcmp(b.data, marker_head, head) != 0 ||
              !fk_unhex(id, (const char *)b.data + head, FK_LEDGER_BYTES)))
        st = fk_fail(err, FK_INVALID, "%s: not the marker of a mirror that this program knows",
                     path);
    fk_buf_free(&b);
    return st;
}

static enum fk_status marker_make(const char *dir, const uint8_t ledger[FK_LEDGER_BYTES],
                                  struct fk_err *err) {
    char path[PATH_MAX], hex[2 * FK_LEDGER_BYTES + 1], line[80];
    enum fk_status st;
    FK_TRY(fk_layout__empty(dir, err));
    fk_layout__path(path, dir, "segments");
    FK_TRY(fk_make_dir(path, 0750, err));
    fk_layout__path(path, dir, "keys");
    FK_TRY(fk_make_dir(path, 0700, err));
    fk_hex(hex, ledger, FK_LEDGER_BYTES);
    int n = snprintf(line, sizeof line, "%s%s\n", marker_head, hex);
    fk_layout__path(path, dir, "mirror");
    st = fk_atomic_put(path, 0600, line, (size_t)n, err);
done:
    return st;
}

enum fk_status fk_mirror_init(const char *dir, const char *vault_dir, struct fk_err *err) {
    uint8_t ledger[FK_LEDGER_BYTES], is[FK_LEDGER_BYTES];
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st;
    FK_TRY(fk_layout__check(dir, err));
    FK_TRY(fk_layout__ledger(vault_dir, ledger, err));
    FK_TRY(fk_make_dir(dir, 0750, err));
    st = fk_mirror__ledger(dir, is, &why);
    if (st == FK_NOT_FOUND)
        return marker_make(dir, ledger, err);
    if (st != FK_OK)
        return fk_fail(err, st, "%s", why.text);
    if (memcmp(ledger, is, sizeof is) != 0)
        st = fk_fail(err, FK_INVALID, "%s: is the mirror of another vault", dir);
done:
    return st;
}

/* ---- opening */

static enum fk_status lock_take(struct fk_mirror *m, struct fk_err *err) {
    char path[PATH_MAX];
    fk_layout__path(path, m->dir, "mirror");
    m->lock_fd = open(path, O_RDWR | O_CLOEXEC);
    if (m->lock_fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot open", path);
    if (flock(m->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return FK_OK;
    if (errno == EWOULDBLOCK)
        return fk_fail(err, FK_RETRY, "%s: another process writes this mirror", path);
    return fk_fail_sys(err, errno, "%s: cannot lock", path);
}

static enum fk_status open_add(struct fk_mirror *m, uint64_t number, struct fk_err *err) {
    if (m->open_count == m->open_cap) {
        size_t cap = 2 * m->open_cap + 4;
        struct fk_mirror_open *more = realloc(m->open, cap * sizeof *more);
        if (!more)
            return fk_fail(err, FK_NOMEM, "%s: no memory for the mirror", m->dir);
        m->open = more;
        m->open_cap = cap;
    }
    struct fk_mirror_open *o = &m->open[m->open_count++];
    *o = (struct fk_mirror_open){.mark = {.segment = number}, .fd = -1, .newest = -1};
    fk_layout__segment(o->path, m->dir, number, "rows");
    return FK_OK;
}

/* How far the file goes, as the disk has it: after a failed sync the page cache may show more. */
static enum fk_status rows_take(struct fk_mirror_open *o, struct fk_err *err) {
    struct fk_rows_end end;
    struct stat s;
    enum fk_status st;
    o->fd = open(o->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (o->fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot open", o->path);
    if (fstat(o->fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_nlink != 1)
        FK_TRY(fk_fail(err, FK_CORRUPT, "%s: is no plain file, or has another name", o->path));
    (void)posix_fadvise(o->fd, 0, 0, POSIX_FADV_DONTNEED);
    FK_TRY(fk_rows_scan(o->fd, o->path, o->mark.segment, &end, err));
    if (end.damaged)
        FK_TRY(
            fk_fail(err, FK_CORRUPT,
                    "%s: damaged at byte %lld, and more follows. Nothing is written to it; move it "
                    "away, and all of the segment is brought again",
                    o->path, (long long)end.bytes));
    o->mark = end.mark;
    o->closed = end.closed;
    o->newest = end.newest;
    o->whole = end.bytes;
done:
    return st;
}

/* What a crash left: a slice that is torn, or was written and not synced, and key files that do not
 * count any more. Not before the mirror is known to be of this vault's history. */
static enum fk_status leftovers_end(struct fk_mirror *m, struct fk_err *err) {
    char folder[PATH_MAX];
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < m->open_count; i++) {
        struct fk_mirror_open *o = &m->open[i];
        struct stat s;
        if (o->fd < 0)
            continue;
        bool cut =
            fstat(o->fd, &s) == 0 && (s.st_size <= o->whole || ftruncate(o->fd, o->whole) == 0);
        if (!cut || fsync(o->fd) != 0)
            FK_TRY(fk_fail_sys(err, errno, "%s: cannot cut off a torn slice", o->path));
        if (o->mark.generation)
            FK_TRY(fk_keyfile__destroy_others(m->dir, o->mark.segment, o->mark.generation, err));
    }
    fk_layout__path(folder, m->dir, "segments");
    st = fk_sync_dir(folder, err);
done:
    return st;
}

/* Links would lead the mirror's writing elsewhere. */
static enum fk_status folders_check(const struct fk_mirror *m, struct fk_err *err) {
    static const char *const names[] = {"segments", "keys"};
    char path[PATH_MAX];
    struct stat s;
    for (int i = 0; i < 2; i++) {
        fk_layout__path(path, m->dir, names[i]);
        if (lstat(path, &s) != 0)
            return fk_fail_sys(err, errno, "%s: cannot look at it", path);
        if (!S_ISDIR(s.st_mode))
            return fk_fail(err, FK_CORRUPT, "%s: is no directory", path);
    }
    return FK_OK;
}

/* Sealed segments are those before the open ones; a file that is missing among them is brought by
 * the first look at files. */
static enum fk_status segments_take(struct fk_mirror *m, struct fk_err *err) {
    uint64_t rows;
    enum fk_status st;
    FK_TRY(folders_check(m, err));
    FK_TRY(fk_layout__highest(m->dir, "sealed", &m->sealed_to, err));
    FK_TRY(fk_layout__highest(m->dir, "rows", &rows, err));
    if (rows > m->sealed_to && rows - m->sealed_to > OPEN_MAX_SEGMENTS)
        FK_TRY(fk_fail(err, FK_CORRUPT,
                       "%s/segments: has rows of segment %" PRIu64
                       ", and sealed ones up to %" PRIu64 ": a stray file",
                       m->dir, rows, m->sealed_to));
    for (uint64_t i = m->sealed_to + 1; i <= rows; i++) {
        FK_TRY(open_add(m, i, err));
        struct fk_mirror_open *o = &m->open[m->open_count - 1];
        if (fk_layout__exists(o->path))
            FK_TRY(rows_take(o, err));
    }
done:
    return st;
}

static enum fk_status rows_head(const struct fk_mirror_open *o, bool *found,
                                uint8_t digest[FK_SHA256_BYTES], struct fk_err *err) {
    struct fk_rows_head head;
    struct fk_row row;
    struct fk_buf rows = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    if (o->newest < 0)
        return FK_OK;
    FK_TRY(fk_rows_read(o->fd, o->path, o->newest, &head, &rows, err));
    for (struct fk_rows_it it = fk_rows_begin(&rows); fk_rows_next(&it, &row);)
        if (row.table == FK_ROW_ENTRY) {
            fk_sha256(row.value, row.len, digest);
            *found = true;
        }
done:
    fk_buf_free(&rows);
    return st;
}

static enum fk_status sealed_head(struct fk_mirror *m, uint64_t *seq_out,
                                  uint8_t digest[FK_SHA256_BYTES], struct fk_err *err) {
    const struct fk_where where = {m->dir, m->ledger, NULL};
    struct fk_buf line = FK_BUF_INIT;
    struct fk_book *b = NULL;
    enum fk_status st;
    FK_TRY(fk_book__open(&where, m->sealed_to, FK_BOOK_SEALED, &b, err));
    *seq_out = b->next - 1;
    FK_TRY(fk_book__line(b, *seq_out, &line, err));
    fk_sha256(line.data, line.len, digest);
done:
    fk_book__close(&b);
    fk_buf_free(&line);
    return st;
}

/* SHA-256 of the newest line in the mirror, and its seq; *found false: it has none. */
static enum fk_status head_find(struct fk_mirror *m, bool *found, uint64_t *seq_out,
                                uint8_t digest[FK_SHA256_BYTES], struct fk_err *err) {
    enum fk_status st = FK_OK;
    *found = false;
    for (size_t i = m->open_count; i-- && st == FK_OK && !*found;)
        if (m->open[i].mark.generation) {
            *seq_out = m->open[i].mark.next_seq - 1;
            st = rows_head(&m->open[i], found, digest, err);
        }
    if (st == FK_OK && !*found && m->sealed_to) {
        st = sealed_head(m, seq_out, digest, err);
        *found = st == FK_OK;
    }
    return st;
}

/* The chain makes one line stand for all before it. */
static enum fk_status history_check(struct fk_mirror *m, struct fk_err *err) {
    uint8_t here[FK_SHA256_BYTES], there[FK_SHA256_BYTES];
    uint64_t seq = 0;
    bool found;
    enum fk_status st = head_find(m, &found, &seq, here, err);
    if (st != FK_OK || !found)
        return st;
    st = m->source.digest(m->source.ctx, seq, there, err);
    if (st == FK_NOT_FOUND)
        return fk_fail(err, FK_CORRUPT,
                       "%s: the mirror has entries up to %" PRIu64
                       ", and the vault %s ends before: "
                       "the vault is an older copy, most likely. Nothing is written to the mirror; "
                       "\"fumikura mirror restore\" makes a vault of it",
                       m->dir, seq, m->source.dir);
    if (st == FK_OK && memcmp(here, there, sizeof here) != 0)
        st = fk_fail(err, FK_CORRUPT,
                     "%s: entry %" PRIu64 " of the mirror is not that of the vault %s: they parted "
                     "before it. Nothing is written to the mirror; give the vault another one",
                     m->dir, seq, m->source.dir);
    return st;
}

enum fk_status fk_mirror_open(const char *dir, const struct fk_mirror_source *source,
                              struct fk_mirror **out, struct fk_err *err) {
    uint8_t ledger[FK_LEDGER_BYTES];
    enum fk_status st;
    struct fk_mirror *m = calloc(1, sizeof *m);
    if (!m)
        return fk_fail(err, FK_NOMEM, "%s: no memory for the mirror", dir);
    m->lock_fd = m->copy.fd = -1;
    m->source = *source;
    m->tidied = UINT64_MAX; /* files have changed since it was open last, for all that is known */
    FK_TRY(fk_layout__check(dir, err));
    snprintf(m->dir, sizeof m->dir, "%s", dir);
    FK_TRY(fk_mirror__ledger(dir, m->ledger, err));
    FK_TRY(fk_layout__ledger(source->dir, ledger, err));
    if (memcmp(ledger, m->ledger, sizeof ledger) != 0)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: is the mirror of another vault", dir));
    FK_TRY(lock_take(m, err));
    FK_TRY(segments_take(m, err));
    FK_TRY(history_check(m, err));
    st = leftovers_end(m, err);
done:
    if (st == FK_OK)
        *out = m;
    else
        fk_mirror_close(&m);
    return st;
}

void fk_mirror_close(struct fk_mirror **mp) {
    struct fk_mirror *m = *mp;
    if (!m)
        return;
    for (size_t i = 0; i < m->open_count; i++)
        fk_close(&m->open[i].fd);
    free(m->open);
    fk_mirror__copy_drop(m);
    fk_slice_free(&m->slice);
    fk_close(&m->lock_fd);
    free(m);
    *mp = NULL;
}

/* ---- bringing rows over */

static enum fk_status rows_create(const struct fk_mirror *m, struct fk_mirror_open *o,
                                  struct fk_err *err) {
    char folder[PATH_MAX];
    o->fd = open(o->path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (o->fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot create", o->path);
    fk_layout__path(folder, m->dir, "segments");
    return fk_sync_dir(folder, err);
}

/* The key file first, the old one last: whatever slice is the newest, its keys are there. */
static enum fk_status slice_apply(struct fk_mirror *m, struct fk_mirror_open *o,
                                  struct fk_err *err) {
    const struct fk_slice *s = &m->slice;
    char path[PATH_MAX];
    enum fk_status st = FK_OK;
    if (!s->rows.len && !s->new_keys && (!s->closed || o->closed))
        return FK_OK;
    if (s->new_keys) {
        fk_layout__keys(path, m->dir, s->to.segment, s->to.generation);
        FK_TRY(fk_atomic_put(path, 0600, s->key_file.data, s->key_file.len, err));
    }
    if (o->fd < 0)
        FK_TRY(rows_create(m, o, err));
    FK_TRY(fk_rows_append(o->fd, o->path, s, err));
    if (s->new_keys)
        FK_TRY(fk_keyfile__destroy_others(m->dir, s->to.segment, s->to.generation, err));
    o->mark = s->to;
    o->closed = s->closed;
done:
    return st;
}

/* One slice of an open segment; *more: there may be another. */
static enum fk_status slice_bring(struct fk_mirror *m, struct fk_mirror_open *o, bool *more,
                                  struct fk_err *err) {
    enum fk_status st = m->source.slice(m->source.ctx, &o->mark, &m->slice, err);
    *more = st == FK_OK && !m->slice.sealed && !m->slice.at_end;
    if (st != FK_OK || m->slice.sealed)
        return st;
    return slice_apply(m, o, err);
}

static uint64_t next_of(const struct fk_mirror *m) {
    for (size_t i = m->open_count; i--;)
        if (m->open[i].mark.generation)
            return m->open[i].mark.next_seq;
    return 0;
}

/* One slice of the newest segment; *done: there was nothing left. What is sealed by now, having
 * come while the mirror was away, is brought as a file before anything that follows. */
static enum fk_status step_part(struct fk_mirror *m, bool *done, struct fk_err *err) {
    struct fk_err why = FK_ERR_INIT;
    bool more;
    enum fk_status st = FK_OK;
    if (!m->open_count)
        FK_TRY(open_add(m, m->sealed_to + 1, err));
    struct fk_mirror_open *o = &m->open[m->open_count - 1];
    st = m->source.slice(m->source.ctx, &o->mark, &m->slice, &why);
    if (st != FK_OK)
        FK_TRY(fk_fail(err, st, "%s", why.text));
    m->seen = m->slice.changes;
    if (m->slice.sealed)
        return fk_mirror__files(m, PART_BYTES, &more, err);
    FK_TRY(slice_apply(m, o, err));
    *done = m->slice.at_end && !m->slice.closed;
    if (m->slice.closed)
        st = open_add(m, o->mark.segment + 1, err);
done:
    return st;
}

enum fk_status fk_mirror_step(struct fk_mirror *m, uint64_t *next_out, bool *more,
                              struct fk_err *err) {
    enum fk_status st = FK_OK;
    bool done = false;
    for (int i = 0; i < SLICES_A_STEP && st == FK_OK && !done; i++) {
        st = step_part(m, &done, err);
        if (m->slice.sealed)
            break; /* a part of a file takes as long */
    }
    *more = !done;
    *next_out = next_of(m);
    return st;
}

/* ---- tidying */

/* Keys of closed segments, exchanged or destroyed since. */
static enum fk_status closed_bring(struct fk_mirror *m, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; i + 1 < m->open_count; i++)
        for (bool more = true; more;)
            FK_TRY(slice_bring(m, &m->open[i], &more, err));
done:
    return st;
}

enum fk_status fk_mirror_tidy(struct fk_mirror *m, bool *more, struct fk_err *err) {
    uint64_t seen = m->tidying ? m->tidying : m->seen;
    enum fk_status st = FK_OK;
    *more = seen != m->tidied;
    if (!*more)
        return FK_OK;
    if (!m->tidying)
        FK_TRY(closed_bring(m, err));
    m->tidying = seen;
    FK_TRY(fk_mirror__files(m, PART_BYTES, more, err));
    if (!*more)
        FK_TRY(fk_mirror__stamps(&(struct fk_stamps_bring){.from = m->source.dir,
                                                           .to = m->dir,
                                                           .at_most = STAMP_FILES_A_PART},
                                 more, err));
    if (!*more) {
        m->tidied = seen;
        m->tidying = 0;
        *more = m->seen != m->tidied;
    }
done:
    return st;
}
