/* logbook.c - from the ledger to a signed checkpoint. */
#include "archiver/vault/logbook.h"
#include "archiver/vault/entry.h"
#include "archiver/vault/prover.h"
#include "archiver/vault/tiles.h"
#include "base/atomic_file.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct fk_logbook {
    char dir[PATH_MAX]; /* DIR/log */
    struct fk_lend *lend;
    struct fk_sign *sign;
    void (*notice)(const struct fk_err *err);
    int lock;
    struct fk_sign_head head; /* what was signed last */
    struct fk_tilewriter *tiles;
    uint8_t last[FK_SHA256_BYTES]; /* of the last line in the tiles: the next one's prev */
    struct fk_buf lines;
};

static enum fk_status lock_take(struct fk_logbook *log, struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_join_path(path, sizeof path, log->dir, "lock", err));
    log->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (log->lock < 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot open", path));
    if (flock(log->lock, LOCK_EX | LOCK_NB) != 0)
        st = fk_fail(err, FK_RETRY, "%s: another process makes this log's checkpoints", path);
done:
    return st;
}

static enum fk_status key_publish(struct fk_logbook *log, struct fk_err *err) {
    struct fk_buf vkey = FK_BUF_INIT, pem = FK_BUF_INIT;
    char path[PATH_MAX];
    enum fk_status st;
    fk_verifier_format(&log->head.verifier, &vkey);
    fk_buf_byte(&vkey, '\n');
    FK_TRY(fk_verifier_pem(&log->head.verifier, &pem, err));
    if (vkey.failed || pem.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for the log's public key"));
    FK_TRY(fk_join_path(path, sizeof path, log->dir, "vkey", err));
    FK_TRY(fk_atomic_put(path, 0644, vkey.data, vkey.len, err));
    FK_TRY(fk_join_path(path, sizeof path, log->dir, "key.pem", err));
    st = fk_atomic_put(path, 0644, pem.data, pem.len, err);
done:
    fk_buf_free(&vkey);
    fk_buf_free(&pem);
    return st;
}

/* The digest of the last line that is in the tiles. */
static enum fk_status last_read(struct fk_logbook *log, struct fk_err *err) {
    const struct fk_checkpoint *c = &log->head.checkpoint;
    struct fk_tiles *tiles = NULL;
    enum fk_status st;
    fk_buf_reset(&log->lines);
    FK_TRY(fk_tiles_open(log->dir, c->size, c->root, &tiles, err));
    FK_TRY(fk_tiles_line(tiles, c->size - 1, &log->lines, err));
    fk_sha256(log->lines.data, log->lines.len, log->last);
done:
    fk_tiles_close(&tiles);
    return st;
}

/* Where the tiles do not give what was signed, they are begun anew. */
static enum fk_status tiles_open(struct fk_logbook *log, struct fk_err *err) {
    const struct fk_checkpoint *c = &log->head.checkpoint;
    fk_hash empty;
    enum fk_status st = fk_tilewriter_open(log->dir, c->size, c->root, &log->tiles, err);
    if (st == FK_OK && c->size)
        st = last_read(log, err);
    if (st != FK_CORRUPT && st != FK_NOT_FOUND)
        return st;
    if (log->notice && err) {
        struct fk_err why;
        (void)fk_fail(&why, FK_CORRUPT, "%.300s; the log's tiles are made anew from the ledger",
                      err->text);
        log->notice(&why);
    }
    fk_tilewriter_close(&log->tiles);
    memset(log->last, 0, sizeof log->last);
    fk_sha256("", 0, empty);
    return fk_tilewriter_open(log->dir, 0, empty, &log->tiles, err);
}

enum fk_status fk_logbook_open(const char *dir, struct fk_lend *lend, struct fk_sign *sign,
                               void (*notice)(const struct fk_err *err), struct fk_logbook **out,
                               struct fk_err *err) {
    enum fk_status st;
    struct fk_logbook *log = calloc(1, sizeof *log);
    if (!log)
        return fk_fail(err, FK_NOMEM, "no memory for the log");
    log->lend = lend;
    log->sign = sign;
    log->notice = notice;
    log->lock = -1;
    FK_TRY(fk_join_path(log->dir, sizeof log->dir, dir, "log", err));
    FK_TRY(fk_make_dir(log->dir, 0755, err));
    FK_TRY(lock_take(log, err));
    FK_TRY(fk_sign_head(sign, &log->head, err));
    FK_TRY(key_publish(log, err));
    st = tiles_open(log, err);
done:
    if (st == FK_OK)
        *out = log;
    else
        fk_logbook_close(&log);
    return st;
}

void fk_logbook_close(struct fk_logbook **lp) {
    struct fk_logbook *log = *lp;
    if (!log)
        return;
    fk_tilewriter_close(&log->tiles);
    fk_buf_free(&log->lines);
    fk_close(&log->lock);
    free(log);
    *lp = NULL;
}

uint64_t fk_logbook_size(const struct fk_logbook *log) {
    return log->head.checkpoint.size;
}

/* ---- advancing */

static enum fk_status line_add(struct fk_logbook *log, const uint8_t *line, size_t len,
                               struct fk_err *err) {
    struct fk_entry e;
    uint64_t seq = fk_tilewriter_frontier(log->tiles)->size;
    enum fk_status st = fk_entry_read(line, len, &e, err);
    if (st != FK_OK)
        return st;
    if (e.seq != seq || memcmp(e.prev, log->last, sizeof log->last) != 0)
        return fk_fail(err, FK_DENIED,
                       "entry %" PRIu64
                       " does not follow the entry before it in log/: the ledger is "
                       "not the one whose checkpoints were signed; nothing more is signed "
                       "(docs/evidence.md, \"A vault that was put back\")",
                       seq);
    fk_sha256(line, len, log->last);
    return fk_tilewriter_add(log->tiles, line, len, err);
}

/* Lines past `until` came after the head was asked for, and may not be on the disk. */
static enum fk_status lines_add(struct fk_logbook *log, uint64_t until, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (uint64_t seq; (seq = fk_tilewriter_frontier(log->tiles)->size) < until;) {
        fk_buf_reset(&log->lines);
        FK_TRY(fk_lend_lines(log->lend, seq, &log->lines, err));
        const uint8_t *at = log->lines.data, *end = at + log->lines.len;
        for (const uint8_t *lf; seq < until && (lf = memchr(at, '\n', (size_t)(end - at)));
             at = lf + 1, seq++)
            FK_TRY(line_add(log, at, (size_t)(lf + 1 - at), err));
    }
done:
    return st;
}

static enum fk_status tiles_prove(struct fk_logbook *log, uint64_t size, const fk_hash root,
                                  struct fk_proof *out, struct fk_err *err) {
    struct fk_tiles *tiles = NULL;
    enum fk_status st = fk_tiles_open(log->dir, size, root, &tiles, err);
    if (st == FK_OK)
        st = fk_tree_consistency(fk_tiles_source(tiles), log->head.checkpoint.size, size, out, err);
    fk_tiles_close(&tiles);
    return st;
}

/* Held for a moment by whoever replaces log/checkpoint: a cosignature that comes late must not put
 * an older one back. */
static enum fk_status publish_lock(const char *log_dir, int *out, struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st;
    int fd = -1;
    FK_TRY(fk_join_path(path, sizeof path, log_dir, "publish", err));
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot lock", path));
    *out = fd;
    fd = -1;
done:
    fk_close(&fd);
    return st;
}

enum fk_status fk_logbook_advance(struct fk_logbook *log, struct fk_err *err) {
    struct fk_head head;
    struct fk_proof proof = {0};
    int lock = -1;
    struct fk_buf note = FK_BUF_INIT;
    struct fk_checkpoint next = log->head.checkpoint;
    char path[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_lend_settled_head(log->lend, &head, err));
    if (head.next_seq < next.size)
        FK_TRY(
            fk_fail(err, FK_DENIED,
                    "the ledger has %" PRIu64 " entries and %" PRIu64 " were signed: this is an "
                    "older copy; nothing more is signed (docs/evidence.md, \"A vault that was put "
                    "back\")",
                    head.next_seq, next.size));
    FK_TRY(lines_add(log, head.next_seq, err));
    next.size = head.next_seq;
    fk_frontier_root(fk_tilewriter_frontier(log->tiles), next.root);
    FK_TRY(fk_tilewriter_flush(log->tiles, err));
    FK_TRY(tiles_prove(log, next.size, next.root, &proof, err));
    FK_TRY(fk_sign_next(log->sign, next.size, next.root, &proof, &note, err));
    FK_TRY(publish_lock(log->dir, &lock, err));
    FK_TRY(fk_join_path(path, sizeof path, log->dir, "checkpoint", err));
    FK_TRY(fk_atomic_put(path, 0644, note.data, note.len, err));
    fk_close(&lock);
    log->head.checkpoint = next;
    st = fk_tilewriter_prune(log->tiles, err);
done:
    fk_close(&lock);
    fk_buf_free(&note);
    return st;
}

/* ---- cosignatures */

/* The file's time is when the log signed, which says how old a checkpoint is. */
static void time_keep(const char *path, const struct stat *before) {
    const struct timespec times[2] = {before->st_atim, before->st_mtim};
    (void)utimensat(AT_FDCWD, path, times, 0); /* looks a little younger without */
}

/* Reads the published note; false where it is over something else by now, or has the line already.
 */
static bool still_stands(const char *path, const struct fk_checkpoint *c,
                         const struct fk_verifier *witness, struct fk_buf *out) {
    struct fk_checkpoint now;
    return fk_read_file(path, 65536, out, NULL) == FK_OK &&
           fk_checkpoint_read(out->data, out->len, &now, NULL) == FK_OK &&
           strcmp(now.origin, c->origin) == 0 && now.size == c->size &&
           memcmp(now.root, c->root, sizeof now.root) == 0 &&
           fk_checkpoint_signature(out->data, out->len, witness, NULL, NULL, NULL) == FK_NOT_FOUND;
}

enum fk_status fk_logbook_cosigned(const char *dir, const struct fk_checkpoint *c,
                                   const struct fk_buf *note, const struct fk_verifier *witness,
                                   const struct fk_buf *line, struct fk_err *err) {
    char log_dir[PATH_MAX], path[PATH_MAX], name[sizeof "cosigned." + 8] = "cosigned.";
    struct fk_buf whole = FK_BUF_INIT;
    struct stat before = {0};
    int lock = -1;
    enum fk_status st;
    FK_TRY(fk_join_path(log_dir, sizeof log_dir, dir, "log", err));
    FK_TRY(publish_lock(log_dir, &lock, err));
    FK_TRY(fk_join_path(path, sizeof path, log_dir, "checkpoint", err));
    const bool stands = stat(path, &before) == 0 && still_stands(path, c, witness, &whole);
    if (!stands) {
        fk_buf_reset(&whole);
        fk_buf_add(&whole, note->data, note->len);
    }
    fk_buf_add(&whole, line->data, line->len);
    if (whole.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a checkpoint"));
    if (stands) {
        FK_TRY(fk_atomic_put(path, 0644, whole.data, whole.len, err));
        time_keep(path, &before);
    }
    fk_hex(name + strlen(name), witness->id, sizeof witness->id);
    FK_TRY(fk_join_path(path, sizeof path, log_dir, name, err));
    st = fk_atomic_put(path, 0644, whole.data, whole.len, err);
done:
    fk_close(&lock);
    fk_buf_free(&whole);
    return st;
}

/* ---- reading */

enum fk_status fk_logbook_verifier(const char *dir, struct fk_verifier *out, struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st = fk_join_path(path, sizeof path, dir, "log/vkey", err);
    return st == FK_OK ? fk_verifier_load(path, FK_KEY_LOG, out, err) : st;
}

enum fk_status fk_logbook_signed(const char *dir, struct fk_checkpoint *out, struct fk_err *err) {
    char path[PATH_MAX];
    struct fk_buf text = FK_BUF_INIT;
    enum fk_status st;
    FK_TRY(fk_join_path(path, sizeof path, dir, "secrets/log-head", err));
    FK_TRY(fk_read_file(path, 65536, &text, err));
    st = fk_checkpoint_read(text.data, text.len, out, err);
done:
    fk_buf_free(&text);
    return st;
}

enum fk_status fk_logbook_read(const char *path, const struct fk_verifier *v,
                               struct fk_checkpoint *out, struct fk_buf *note, struct fk_err *err) {
    struct fk_buf text = FK_BUF_INIT;
    enum fk_status st = fk_read_file(path, 65536, &text, err);
    if (st == FK_OK)
        st = fk_checkpoint_open(text.data, text.len, v, out, err);
    if (st == FK_OK && note) {
        fk_buf_add(note, text.data, text.len);
        if (note->failed)
            st = fk_fail(err, FK_NOMEM, "no memory for a checkpoint");
    }
    fk_buf_free(&text);
    return st;
}

enum fk_status fk_logbook_newest(const char *dir, const struct fk_verifier *v,
                                 struct fk_checkpoint *out, struct fk_buf *note,
                                 struct fk_err *err) {
    char path[PATH_MAX];
    struct fk_verifier own;
    enum fk_status st;
    FK_TRY(fk_join_path(path, sizeof path, dir, "log/checkpoint", err));
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return fk_fail(err, FK_NOT_FOUND, "%s: there is no checkpoint yet", path);
    if (!v) {
        FK_TRY(fk_logbook_verifier(dir, &own, err));
        v = &own;
    }
    st = fk_logbook_read(path, v, out, note, err);
done:
    return st;
}

enum fk_status fk_logbook_consistency(const char *dir, uint64_t old, const struct fk_checkpoint *c,
                                      struct fk_proof *out, struct fk_err *err) {
    char log_dir[PATH_MAX];
    struct fk_tiles *tiles = NULL;
    enum fk_status st;
    if (old > c->size)
        return fk_fail(err, FK_INVALID,
                       "a checkpoint over %" PRIu64 " entries is not one that one over %" PRIu64
                       " continues",
                       old, c->size);
    FK_TRY(fk_join_path(log_dir, sizeof log_dir, dir, "log", err));
    st = fk_tiles_open(log_dir, c->size, c->root, &tiles, err);
    if (st == FK_CORRUPT) /* a partial tile that was replaced just now is there at another look */
        st = fk_tiles_open(log_dir, c->size, c->root, &tiles, err);
    FK_TRY(st);
    st = fk_tree_consistency(fk_tiles_source(tiles), old, c->size, out, err);
done:
    fk_tiles_close(&tiles);
    return st;
}

enum fk_status fk_logbook_proof(const char *dir, uint64_t seq, const struct fk_checkpoint *c,
                                const struct fk_buf *note, struct fk_buf *out, struct fk_err *err) {
    struct fk_prover *prover = NULL;
    enum fk_status st = fk_prover_open(dir, c, note, &prover, err);
    if (st == FK_OK)
        st = fk_prover_entry(prover, seq, out, err);
    fk_prover_close(&prover);
    return st;
}
