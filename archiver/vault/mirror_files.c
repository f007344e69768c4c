/* mirror_files.c - whole files of a vault that its mirror lacks, and files that it is to lose. */
#include "archiver/vault/keys_priv.h"
#include "archiver/vault/mirror_priv.h"
#include "base/atomic_file.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, LOOKS = 5 };

struct found { /* of a segment's number; generations are 0 where there is no key file */
    bool open, sealed, sealed_there, rows_there, more_there;
    uint64_t generation, generation_there;
};
struct look {
    struct fk_mirror *m;
    struct found *at;
    uint64_t count;
    bool there; /* it is the mirror that is being listed */
    struct found stray;
    uint64_t part; /* bytes of a segment that may still be copied */
    bool more;     /* they did not suffice */
};

static enum fk_status found_at(struct look *l, uint64_t number, struct found **out,
                               struct fk_err *err) {
    if (number >= l->count && l->there) { /* a stray name: the vault has no such segment */
        *out = &l->stray;
        return FK_OK;
    }
    if (number >= l->count) {
        if (number > SIZE_MAX / sizeof *l->at / 4)
            return fk_fail(err, FK_CORRUPT, "there is a file with the number %" PRIu64, number);
        uint64_t count = 2 * number + 16;
        struct found *at = realloc(l->at, (size_t)count * sizeof *at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "no memory for %" PRIu64 " segments", count);
        memset(at + l->count, 0, (size_t)(count - l->count) * sizeof *at);
        l->at = at;
        l->count = count;
    }
    *out = &l->at[number];
    return FK_OK;
}

static enum fk_status segment_seen(void *ctx, uint64_t number, const char *rest,
                                   struct fk_err *err) {
    struct look *l = ctx;
    struct found *f;
    enum fk_status st = found_at(l, number, &f, err);
    if (st == FK_OK && strcmp(rest, "sealed") == 0)
        *(l->there ? &f->sealed_there : &f->sealed) = true;
    if (st == FK_OK && l->there && strcmp(rest, "rows") == 0)
        f->rows_there = true;
    if (st == FK_OK && !l->there && strcmp(rest, "open") == 0)
        f->open = true;
    return st;
}

static enum fk_status keys_seen(void *ctx, uint64_t number, const char *rest, struct fk_err *err) {
    struct look *l = ctx;
    struct found *f;
    char *end;
    uint64_t generation = strtoull(rest, &end, 10);
    enum fk_status st = found_at(l, number, &f, err);
    if (st != FK_OK)
        return st;
    uint64_t *newest = l->there ? &f->generation_there : &f->generation;
    f->more_there |= l->there && (*newest || strcmp(end, ".keys") != 0);
    if (strcmp(end, ".keys") == 0 && generation > *newest)
        *newest = generation;
    return FK_OK;
}

/* FK_NOT_FOUND: the file has been replaced, overwritten or removed meanwhile. */
static enum fk_status copied_all(int fd, const struct stat *before, const char *from,
                                 struct fk_err *err) {
    struct stat now;
    if (fstat(fd, &now) != 0)
        return fk_fail_sys(err, errno, "%s: cannot stat", from);
    if (now.st_nlink == 0 || now.st_ctim.tv_sec != before->st_ctim.tv_sec ||
        now.st_ctim.tv_nsec != before->st_ctim.tv_nsec)
        return fk_fail(err, FK_NOT_FOUND, "%s: was replaced while it was copied", from);
    return FK_OK;
}

enum fk_status fk_mirror__copy(const char *from, const char *to, mode_t mode, struct fk_err *err) {
    struct fk_atomic_file *file = NULL;
    struct stat s;
    uint8_t *block = malloc(BLOCK);
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t n = 1;
    enum fk_status st = FK_OK;
    if (fd < 0)
        st = errno == ENOENT ? fk_fail(err, FK_NOT_FOUND, "%s: is gone", from)
                             : fk_fail_sys(err, errno, "%s: cannot open", from);
    else if (!block)
        st = fk_fail(err, FK_NOMEM, "no memory to copy %s", from);
    else if (fstat(fd, &s) != 0)
        st = fk_fail_sys(err, errno, "%s: cannot stat", from);
    FK_TRY(st);
    FK_TRY(fk_atomic_begin(to, mode, &file, err));
    while (n > 0) {
        n = read(fd, block, BLOCK);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            FK_TRY(fk_fail_sys(err, errno, "%s: cannot read", from));
        else
            FK_TRY(fk_atomic_write(file, block, (size_t)n, err));
    }
    FK_TRY(copied_all(fd, &s, from, err));
    st = fk_atomic_commit(&file, err);
done:
    fk_atomic_abort(&file);
    fk_close(&fd);
    free(block);
    return st;
}

static enum fk_status keys_copy(struct look *l, uint64_t number, uint64_t generation,
                                struct fk_err *err) {
    char from[PATH_MAX], to[PATH_MAX];
    fk_layout__keys(from, l->m->source.dir, number, generation);
    fk_layout__keys(to, l->m->dir, number, generation);
    return fk_mirror__copy(from, to, 0600, err);
}

void fk_mirror__copy_drop(struct fk_mirror *m) {
    fk_atomic_abort(&m->copy.file);
    fk_close(&m->copy.fd);
    m->copy.number = 0;
}

static enum fk_status copy_begin(struct look *l, uint64_t number, struct fk_err *err) {
    struct fk_mirror *m = l->m;
    char from[PATH_MAX], to[PATH_MAX];
    fk_mirror__copy_drop(m);
    fk_layout__segment(from, m->source.dir, number, "sealed");
    fk_layout__segment(to, m->dir, number, "sealed");
    m->copy.fd = open(from, O_RDONLY | O_CLOEXEC);
    if (m->copy.fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot open", from);
    m->copy.number = number;
    return fk_atomic_begin(to, 0400, &m->copy.file, err);
}

/* A sealed file does not change, so it may be copied a part at a time. */
static enum fk_status segment_copy(struct look *l, uint64_t number, struct fk_err *err) {
    struct fk_mirror *m = l->m;
    uint8_t *block = malloc(BLOCK);
    ssize_t n = 1;
    enum fk_status st = block ? FK_OK : fk_fail(err, FK_NOMEM, "no memory to copy a segment");
    FK_TRY(st);
    if (m->copy.number != number)
        FK_TRY(copy_begin(l, number, err));
    while (n && l->part) {
        n = read(m->copy.fd, block, l->part < BLOCK ? l->part : BLOCK);
        if (n < 0)
            FK_TRY(fk_fail_sys(err, errno, "cannot read segment %" PRIu64, number));
        FK_TRY(fk_atomic_write(m->copy.file, block, (size_t)n, err));
        l->part -= (uint64_t)n;
    }
    l->more = n != 0;
    if (n)
        FK_TRY(fk_atomic_flush(m->copy.file, err));
    if (n == 0) {
        st = fk_atomic_commit(&m->copy.file, err);
        fk_mirror__copy_drop(m);
    }
done:
    free(block);
    return st;
}

static enum fk_status rows_remove(struct look *l, uint64_t number, struct fk_err *err) {
    char path[PATH_MAX], folder[PATH_MAX];
    fk_layout__segment(path, l->m->dir, number, "rows");
    enum fk_status st = fk_layout__remove(path, err);
    if (st != FK_OK)
        return st;
    fk_layout__path(folder, l->m->dir, "segments");
    return fk_sync_dir(folder, err);
}

/* Keys before what they open; what no longer counts goes when both are there. */
static enum fk_status sealed_bring(struct look *l, uint64_t number, struct fk_err *err) {
    const struct found *f = &l->at[number];
    enum fk_status st = FK_OK;
    bool new_keys = f->generation != f->generation_there;
    if (!f->generation && f->generation_there && f->sealed_there)
        return FK_OK; /* lost in the vault: what is here is what heals it */
    if (!f->generation)
        return fk_fail(err, FK_CORRUPT, "%s/keys: segment %" PRIu64 " has no key file",
                       l->m->source.dir, number);
    if (new_keys)
        FK_TRY(keys_copy(l, number, f->generation, err));
    if (!f->sealed_there)
        FK_TRY(segment_copy(l, number, err));
    if (l->more)
        return FK_OK;
    if (f->rows_there)
        FK_TRY(rows_remove(l, number, err));
    if (new_keys || f->more_there)
        st = fk_keyfile__destroy_others(l->m->dir, number, f->generation, err);
done:
    return st;
}

static void open_forget(struct fk_mirror *m, uint64_t number) {
    if (number > m->sealed_to)
        m->sealed_to = number;
    while (m->open_count && m->open[0].mark.segment <= number) {
        fk_close(&m->open[0].fd);
        memmove(m->open, m->open + 1, --m->open_count * sizeof *m->open);
    }
}

static enum fk_status look_once(struct look *l, struct fk_err *err) {
    struct fk_mirror *m = l->m;
    enum fk_status st;
    if (l->count)
        memset(l->at, 0, (size_t)l->count * sizeof *l->at);
    l->there = false;
    FK_TRY(fk_layout__each(m->source.dir, "segments", segment_seen, l, err));
    FK_TRY(fk_layout__each(m->source.dir, "keys", keys_seen, l, err));
    l->there = true;
    FK_TRY(fk_layout__each(m->dir, "segments", segment_seen, l, err));
    FK_TRY(fk_layout__each(m->dir, "keys", keys_seen, l, err));
    for (uint64_t i = 1; i < l->count; i++) {
        if (!l->at[i].sealed || l->at[i].open) /* .open counts until the seal entry is durable */
            continue;
        FK_TRY(sealed_bring(l, i, err));
        if (l->more)
            break;
        open_forget(m, i);
    }
done:
    return st;
}

enum fk_status fk_mirror__files(struct fk_mirror *m, uint64_t part, bool *more,
                                struct fk_err *err) {
    struct look l = {.m = m, .part = part};
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st = FK_NOT_FOUND;
    for (int i = 0; i < LOOKS && st == FK_NOT_FOUND; i++)
        st = look_once(&l, &why);
    *more = l.more;
    free(l.at);
    return st == FK_OK ? st : fk_fail(err, st == FK_NOT_FOUND ? FK_RETRY : st, "%s", why.text);
}
