/* pen_heal.c - a damaged or missing file of a sealed segment is replaced by the mirror's copy.
 *
 * 1. The vault's file is left alone where it is whole; a copy that is not proven whole is refused.
 * 2. A sealed file is proven by the digest in its seal entry: all its bytes are those that were
 *    sealed. A key file by its keys: it opens with the key-encryption key, has a key that unwraps
 *    for each content that was not disposed of, and none for one that was.
 * 3. So no disposal is undone: a key file of an older generation is refused, and where the vault
 * has lost its own, one that has a key which a dispose entry destroyed.
 * 4. The copy is on the disk under a name of its own before the entry is, and the entry before the
 *    copy gets the file's name. A crash leaves the old file or the new one; recovery removes the
 *    copy. */
#include "archiver/vault/desk_priv.h"
#include "archiver/vault/mirror_priv.h"
#include "archiver/vault/pen_priv.h"
#include "base/atomic_file.h"
#include "base/fault.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES_A_LOOK = 4096 };

struct fk_healing {
    struct fk_where where; /* of the vault, with a key of its own */
    char dir[PATH_MAX];
    uint8_t ledger[FK_LEDGER_BYTES];
    struct fk_kek kek;
    const char *mirror;
    uint64_t number;
    char seal[2 * FK_SHA256_BYTES + 1]; /* "": no entry has it */
    struct fk_disposals *disposals;
    uint64_t unread; /* a later segment that cannot be read; 0: none */
    /* what is to be done: nothing, where path is "" */
    bool keys;
    uint64_t generation;
    char path[PATH_MAX], scratch[PATH_MAX + 16], digest[2 * FK_SHA256_BYTES + 1];
    struct stat before; /* the file to be replaced, as it was looked at */
    bool was_there;
};

void fk_healing_free(struct fk_healing **hp) {
    struct fk_healing *h = *hp;
    if (!h)
        return;
    if (*h->scratch)
        (void)unlink(h->scratch); /* recovery removes what is left */
    fk_disposals__free(&h->disposals);
    OPENSSL_cleanse(&h->kek, sizeof h->kek);
    free(h);
    *hp = NULL;
}

/* ---- what the ledger says */

static enum fk_status line_take(struct fk_healing *h, const struct fk_buf *line,
                                struct fk_err *err) {
    struct fk_entry e;
    uint64_t number;
    bool stop, seal = memmem(line->data, line->len, " kind=seal ", 11) != NULL;
    if (!seal && !memmem(line->data, line->len, " kind=dispose ", 14))
        return FK_OK;
    enum fk_status st = fk_entry_read(line->data, line->len, &e, err);
    if (st != FK_OK)
        return st;
    if (fk_entry_is(&e, "dispose"))
        return fk_disposals__add(h->disposals, &e, &stop, err);
    if (fk_entry_is(&e, "seal") && fk_entry_number(&e, "segment", &number) && number == h->number &&
        !fk_entry_field(&e, "digest", h->seal, sizeof h->seal))
        st = fk_fail(err, FK_CORRUPT, "entry %" PRIu64 ": a seal entry without a digest", e.seq);
    return st;
}

/* Some lines of a segment at a time, so that commits go on in between. *next follows; *more false:
 * the segment has no more. */
static enum fk_status lines_look(struct fk_pen *pen, struct fk_healing *h, uint64_t number,
                                 uint64_t *next, bool *more, struct fk_err *err) {
    struct fk_buf line = FK_BUF_INIT;
    struct fk_book *b;
    pthread_mutex_lock(&pen->lock);
    enum fk_status st = fk_shelf__get(pen->shelf, number, &b, err);
    if (st == FK_OK && *next < b->first)
        *next = b->first;
    for (int i = 0; st == FK_OK && i < LINES_A_LOOK && *next < b->next; i++, ++*next) {
        fk_buf_reset(&line);
        st = fk_book__line(b, *next, &line, err);
        if (st == FK_OK)
            st = line_take(h, &line, err);
    }
    *more = st == FK_OK && *next < b->next;
    pthread_mutex_unlock(&pen->lock);
    fk_buf_free(&line);
    return st;
}

/* Seal and dispose entries that came after the segment. */
static enum fk_status ledger_look(struct fk_pen *pen, struct fk_healing *h, struct fk_err *err) {
    uint64_t last = fk_pen_segment(pen);
    for (uint64_t i = h->number + 1; i <= last; i++) {
        uint64_t next = 0;
        bool more = true;
        enum fk_status st = FK_OK;
        while (st == FK_OK && more)
            st = lines_look(pen, h, i, &next, &more, err);
        if (st == FK_NOMEM)
            return st;
        if (st != FK_OK)
            h->unread = i;
    }
    return FK_OK;
}

/* ---- the sealed file */

/* From the disk, as far as the kernel follows the hint. */
static enum fk_status digest_of(const char *path, char out[2 * FK_SHA256_BYTES + 1],
                                struct fk_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    fk_close(&fd);
    return fk_layout__digest(path, out, err);
}

static enum fk_status refused(const struct fk_healing *h, const char *what, struct fk_err *err) {
    return fk_fail(err, FK_CORRUPT, "segment %" PRIu64 " is not healed: %s", h->number, what);
}

static enum fk_status sealed_copy(struct fk_healing *h, struct fk_err *err) {
    char from[PATH_MAX], what[PATH_MAX + 256];
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st;
    fk_layout__segment(from, h->mirror, h->number, "sealed");
    fk_layout__segment(h->scratch, h->dir, h->number, "healing");
    st = fk_mirror__copy(from, h->scratch, 0400, &why);
    if (st == FK_NOT_FOUND) {
        fk_layout__segment(from, h->mirror, h->number, "rows");
        snprintf(what, sizeof what, "the mirror has no sealed copy of it%s",
                 fk_layout__exists(from) ? ", only rows: \"mirror restore\" makes a vault of them"
                                         : "");
        return refused(h, what, err);
    }
    if (st != FK_OK)
        return fk_fail(err, st == FK_IO ? FK_RETRY : st, "%s", why.text);
    FK_TRY(digest_of(h->scratch, h->digest, err));
    if (strcmp(h->digest, h->seal) != 0) {
        snprintf(what, sizeof what,
                 "the mirror's copy is damaged too: its SHA-256 %s is not that of the seal entry",
                 h->digest);
        st = refused(h, what, err);
    }
done:
    return st;
}

/* Whether the vault's sealed file is what was sealed; else a copy that is. */
static enum fk_status sealed_look(struct fk_healing *h, struct fk_err *err) {
    char is[2 * FK_SHA256_BYTES + 1];
    struct fk_err why = FK_ERR_INIT;
    fk_layout__segment(h->path, h->dir, h->number, "sealed");
    h->was_there = stat(h->path, &h->before) == 0;
    enum fk_status st = h->was_there ? digest_of(h->path, is, &why)
                                     : fk_fail(&why, FK_NOT_FOUND, "%s: is missing", h->path);
    if (st == FK_NOMEM)
        return fk_fail(err, st, "%s", why.text);
    if (st != FK_OK || strcmp(is, h->seal) != 0)
        return sealed_copy(h, err);
    *h->path = 0;
    return FK_OK;
}

/* ---- the key file */

static enum fk_status key_check(struct fk_keyfile *kf, struct fk_wrap *wrap, struct fk_book *b,
                                uint64_t seq, struct fk_content_record *record,
                                struct fk_err *err) {
    uint8_t wrapped[FK_WRAPPED_BYTES], key[FK_KEY_BYTES];
    struct fk_bound to = {b->where.ledger, record->id, seq};
    enum fk_status st;
    FK_TRY(fk_keyfile__find(kf, seq, wrapped, err));
    FK_TRY(fk_book__record(b, seq, record, err));
    if (!fk_unwrap__content(wrap, &to, wrapped, key))
        st = fk_fail(err, FK_CORRUPT, "the key of entry %" PRIu64 " does not unwrap", seq);
    OPENSSL_cleanse(key, sizeof key);
done:
    return st;
}

/* A key for each content that was not disposed of, and no other. */
static enum fk_status keys_compare(struct fk_healing *h, struct fk_book *b, struct fk_keyfile *kf,
                                   struct fk_wrap *wrap, struct fk_err *err) {
    struct fk_content_record record = {0};
    struct fk_buf line = FK_BUF_INIT;
    uint64_t dispose, found = 0;
    bool has_content;
    enum fk_status st = FK_OK;
    for (uint64_t seq = b->first; seq < b->next; seq++) {
        FK_TRY(fk_book__has_content(b, seq, &line, &has_content, err));
        if (!has_content)
            continue;
        st = key_check(kf, wrap, b, seq, &record, err);
        bool gone = fk_disposals__has(h->disposals, seq, &dispose);
        if (st == FK_OK && gone)
            st = fk_fail(err, FK_CORRUPT,
                         "it has the key of entry %" PRIu64 ", which entry %" PRIu64
                         " disposed of: it is older than that",
                         seq, dispose);
        found += st == FK_OK;
        if (st == FK_NOT_FOUND && gone)
            st = FK_OK;
        FK_TRY(st);
    }
    if (found != kf->count)
        st = fk_fail(err, FK_CORRUPT, "it has %" PRIu64 " keys, %" PRIu64 " are of contents",
                     kf->count, found);
done:
    fk_buf_free(&record.bytes);
    fk_buf_free(&line);
    return st == FK_NOT_FOUND ? fk_fail(err, FK_CORRUPT, "%s", err->text) : st;
}

static enum fk_status keys_check(struct fk_healing *h, struct fk_book *b, const char *dir,
                                 uint64_t generation, struct fk_err *err) {
    struct fk_keyname name = {dir, h->ledger, &h->kek, h->number, generation};
    struct fk_keyfile kf = {.fd = -1};
    struct fk_wrap *wrap = NULL;
    enum fk_status st;
    FK_TRY(fk_keyfile__open(&name, &kf, err));
    FK_TRY(fk_wrap__new(kf.sik, &wrap, err));
    st = keys_compare(h, b, &kf, wrap, err);
done:
    fk_wrap__free(&wrap);
    fk_keyfile__close(&kf);
    return st;
}

/* Dispose entries of the segment itself: its key file was made after them. */
static enum fk_status own_disposals(struct fk_healing *h, struct fk_book *b, struct fk_err *err) {
    struct fk_buf line = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    for (uint64_t seq = b->first; seq < b->next && st == FK_OK; seq++) {
        fk_buf_reset(&line);
        st = fk_book__line(b, seq, &line, err);
        if (st == FK_OK && memmem(line.data, line.len, " kind=dispose ", 14))
            st = line_take(h, &line, err);
    }
    fk_buf_free(&line);
    return st;
}

static enum fk_status keys_copy(struct fk_healing *h, struct fk_book *b, uint64_t there,
                                struct fk_err *err) {
    char from[PATH_MAX], what[512];
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st;
    if (!there)
        return refused(h, "the mirror has no key file of it", err);
    if (h->was_there && there != h->generation) {
        snprintf(what, sizeof what,
                 "the mirror has generation %" PRIu64 " of the key file, the vault had %" PRIu64
                 ": with it a disposal or a rotation could be undone",
                 there, h->generation);
        return refused(h, what, err);
    }
    if (!h->was_there && h->unread) {
        snprintf(what, sizeof what,
                 "segment %" PRIu64 " cannot be read, and may have entries that disposed of keys: "
                 "heal it first",
                 h->unread);
        return refused(h, what, err);
    }
    st = keys_check(h, b, h->mirror, there, &why);
    if (st == FK_NOMEM)
        return fk_fail(err, st, "%s", why.text);
    if (st != FK_OK) {
        snprintf(what, sizeof what, "the mirror's key file is no better: %.400s", why.text);
        return refused(h, what, err);
    }
    h->generation = there;
    fk_layout__keys(h->path, h->dir, h->number, there);
    fk_layout__keys(from, h->mirror, h->number, there);
    snprintf(h->scratch, sizeof h->scratch, "%s.healing", h->path);
    st = fk_mirror__copy(from, h->scratch, 0600, &why);
    if (st != FK_OK)
        return fk_fail(err, st == FK_IO ? FK_RETRY : st, "%s", why.text);
    return fk_layout__digest(h->scratch, h->digest, err);
}

static enum fk_status keys_look(struct fk_healing *h, struct fk_err *err) {
    struct fk_book *b = NULL;
    struct fk_err why = FK_ERR_INIT;
    uint64_t there;
    enum fk_status st;
    h->keys = true;
    FK_TRY(fk_book__open(&h->where, h->number, FK_BOOK_SEALED, &b, err));
    FK_TRY(own_disposals(h, b, err));
    FK_TRY(fk_keyfile__newest(h->dir, h->number, &h->generation, err));
    FK_TRY(fk_keyfile__newest(h->mirror, h->number, &there, err));
    fk_layout__keys(h->path, h->dir, h->number, h->generation);
    h->was_there = h->generation && stat(h->path, &h->before) == 0;
    st = h->was_there ? keys_check(h, b, h->dir, h->generation, &why)
                      : fk_fail(&why, FK_NOT_FOUND, "its key file is missing");
    *h->path = 0;
    if (st == FK_NOMEM)
        FK_TRY(fk_fail(err, st, "%s", why.text));
    if (st == FK_OK)
        goto done;
    st = keys_copy(h, b, there, err);
done:
    fk_book__close(&b);
    return st;
}

/* ---- looking */

static enum fk_status healing_new(struct fk_pen *pen, const struct fk_heal_order *order,
                                  struct fk_healing **out, struct fk_err *err) {
    struct fk_healing *h = calloc(1, sizeof *h);
    if (!h || !(h->disposals = fk_disposals__new())) {
        free(h);
        return fk_fail(err, FK_NOMEM, "no memory to heal a segment");
    }
    snprintf(h->dir, sizeof h->dir, "%s", pen->dir);
    memcpy(h->ledger, pen->ledger, sizeof h->ledger);
    h->mirror = order->mirror;
    h->number = order->number;
    pthread_mutex_lock(&pen->lock);
    h->kek = pen->kek;
    pthread_mutex_unlock(&pen->lock);
    h->where = (struct fk_where){h->dir, h->ledger, &h->kek};
    *out = h;
    return FK_OK;
}

static enum fk_status may_be_healed(struct fk_pen *pen, const struct fk_heal_order *order,
                                    struct fk_err *err) {
    uint8_t ledger[FK_LEDGER_BYTES];
    char path[PATH_MAX];
    enum fk_status st;
    if (!order->mirror)
        FK_TRY(fk_fail(err, FK_INVALID,
                       "there is no mirror (mirror, mirror-dir) to heal from: put the file back "
                       "from a tape or a copy"));
    FK_TRY(fk_pen__spoiled(pen, err));
    FK_TRY(fk_layout__check(order->mirror, err));
    FK_TRY(fk_mirror__ledger(order->mirror, ledger, err));
    if (memcmp(ledger, pen->ledger, sizeof ledger) != 0)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: is the mirror of another vault", order->mirror));
    fk_layout__segment(path, pen->dir, order->number, "open");
    if (!order->number || order->number > fk_pen_segment(pen))
        st = fk_fail(err, FK_NOT_FOUND, "there is no segment %" PRIu64, order->number);
    else if (order->number == fk_pen_segment(pen) || fk_layout__exists(path))
        st = fk_fail(err, FK_INVALID,
                     "segment %" PRIu64
                     " is not sealed, and pages of an open one are not put back one by one: where "
                     "it is damaged, stop the server and make a vault of the mirror (mirror "
                     "restore)",
                     order->number);
done:
    return st;
}

enum fk_status fk_pen_heal_look(struct fk_pen *pen, const struct fk_heal_order *order,
                                struct fk_healing **out, struct fk_err *err) {
    struct fk_healing *h = NULL;
    enum fk_status st;
    FK_TRY(may_be_healed(pen, order, err));
    FK_TRY(healing_new(pen, order, &h, err));
    FK_TRY(ledger_look(pen, h, err));
    if (!*h->seal)
        FK_TRY(fk_fail(err, FK_CORRUPT,
                       "no seal entry of segment %" PRIu64 " can be read%s: a copy of it cannot be "
                       "proven",
                       h->number, h->unread ? "; heal the segments after it first" : ""));
    FK_TRY(sealed_look(h, err));
    if (!*h->path)
        st = keys_look(h, err);
done:
    if (st == FK_OK)
        *out = h;
    else
        fk_healing_free(&h);
    return st;
}

/* ---- doing it */

static bool is_as_before(const struct fk_healing *h) {
    struct stat now;
    bool there = stat(h->path, &now) == 0;
    return there == h->was_there && (!there || (now.st_ino == h->before.st_ino &&
                                                now.st_ctim.tv_sec == h->before.st_ctim.tv_sec &&
                                                now.st_ctim.tv_nsec == h->before.st_ctim.tv_nsec));
}

/* A damaged key file is destroyed like any: its blocks may hold keys that a later disposal is to
 * destroy. So the two change places, and the old one goes under the name of the copy. */
static enum fk_status keys_swap(struct fk_healing *h, struct fk_err *err) {
    char folder[PATH_MAX];
    enum fk_status st = FK_OK;
    int injected = fk_fault("rename");
    int rc = injected ? -1
                      : renameat2(AT_FDCWD, h->scratch, AT_FDCWD, h->path,
                                  h->was_there ? RENAME_EXCHANGE : RENAME_NOREPLACE);
    if (rc != 0)
        return fk_fail_sys(err, injected ? injected : errno, "%s: cannot take its place", h->path);
    fk_layout__path(folder, h->dir, "keys");
    FK_TRY(fk_sync_dir(folder, err));
    if (h->was_there)
        st = fk_destroy_file(h->scratch, err);
    if (st == FK_OK)
        *h->scratch = 0;
done:
    return st;
}

static enum fk_status replace(struct fk_pen *pen, struct fk_healing *h, struct fk_err *err) {
    enum fk_status st;
    fk_shelf__forget(pen->shelf);
    pen->changes++;
    if (!is_as_before(h))
        return fk_fail(err, FK_RETRY, "%s: was changed meanwhile", h->path);
    if (h->keys)
        return keys_swap(h, err);
    st = fk_layout__rename(h->dir, h->scratch, h->path, err);
    if (st == FK_OK)
        *h->scratch = 0;
    return st;
}

static enum fk_status told(struct fk_pen *pen, const struct fk_healing *h, uint64_t act,
                           const char *result, struct fk_err *err) {
    char fields[160];
    snprintf(fields, sizeof fields, "what=healed of=%" PRIu64 " segment=%" PRIu64 " result=%s", act,
             h->number, result);
    pthread_mutex_lock(&pen->lock);
    enum fk_status st = fk_pen__append(pen, "fact", fields, err);
    pthread_mutex_unlock(&pen->lock);
    return st;
}

enum fk_status fk_pen_heal(struct fk_pen *pen, struct fk_healing *h, const void *body, size_t len,
                           uint64_t *seq_out, struct fk_err *err) {
    char fields[256];
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st;
    *seq_out = 0;
    if (!*h->path)
        return FK_OK;
    if (!is_as_before(h))
        return fk_fail(err, FK_RETRY, "%s: was changed meanwhile; try again", h->path);
    snprintf(fields, sizeof fields, "what=heal segment=%" PRIu64 " file=%s digest=%s from=mirror",
             h->number, h->keys ? "keys" : "sealed", h->digest);
    FK_TRY(fk_pen__entry(pen, "admin", fields, body, len, seq_out, err));
    pthread_mutex_lock(&pen->lock);
    st = replace(pen, h, &why);
    pthread_mutex_unlock(&pen->lock);
    bool done = st == FK_OK;
    FK_TRY(told(pen, h, *seq_out, done ? "done" : "failed", err));
    if (!done)
        st = fk_fail(err, FK_RETRY, "entry %" PRIu64 " ordered it, and it was not done: %s",
                     *seq_out, why.text);
done:
    return st;
}
