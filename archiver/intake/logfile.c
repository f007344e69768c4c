/* logfile.c - libarchive's filters over a descriptor whose bytes are hashed as they are read. */
#include "archiver/intake/logfile.h"
#include "base/clock.h"
#include "base/io.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 256 << 10 };

struct fk_logfile {
    char *path;
    int fd;
    struct archive *archive;
    struct fk_digest *digest;
    int64_t changed_ms;
    uint64_t number, cut;
    bool ended;         /* no more blocks */
    bool in_cut;        /* the rest of a line that was too long is passed over */
    size_t at, len;     /* of block */
    struct fk_buf line; /* the beginning of one that goes on in the next block */
    uint8_t raw[BLOCK]; /* as they lie there */
    char block[BLOCK];  /* uncompressed */
};

static la_ssize_t raw_read(struct archive *a, void *ctx, const void **out) {
    struct fk_logfile *f = ctx;
    ssize_t n;
    do
        n = read(f->fd, f->raw, sizeof f->raw);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        archive_set_error(a, errno, "%s", strerror(errno));
        return -1;
    }
    fk_digest_add(f->digest, f->raw, (size_t)n);
    *out = f->raw;
    return n;
}

static enum fk_status archive_begin(struct fk_logfile *f, struct fk_err *err) {
    struct archive_entry *entry;
    f->archive = archive_read_new();
    if (!f->archive)
        return fk_fail(err, FK_NOMEM, "no memory to read %s", f->path);
    if (archive_read_support_filter_all(f->archive) < ARCHIVE_WARN ||
        archive_read_support_format_raw(f->archive) != ARCHIVE_OK ||
        archive_read_support_format_empty(f->archive) != ARCHIVE_OK ||
        archive_read_open(f->archive, f, NULL, raw_read, NULL) != ARCHIVE_OK)
        return fk_fail(err, FK_CORRUPT, "%s: %s", f->path, archive_error_string(f->archive));
    int rc = archive_read_next_header(f->archive, &entry);
    if (rc == ARCHIVE_EOF)
        f->ended = true;
    else if (rc != ARCHIVE_OK)
        return fk_fail(err, FK_CORRUPT, "%s: %s", f->path, archive_error_string(f->archive));
    return FK_OK;
}

enum fk_status fk_logfile_open(const char *path, struct fk_logfile **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct stat s;
    struct fk_logfile *f = calloc(1, sizeof *f);
    bool is_stdin = strcmp(path, "-") == 0;
    if (!f)
        return fk_fail(err, FK_NOMEM, "no memory to read %s", path);
    f->fd = -1;
    f->path = strdup(is_stdin ? "stdin" : path);
    if (!f->path)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory to read %s", path));
    f->fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0 && errno == ENOENT)
        FK_TRY(fk_fail(err, FK_NOT_FOUND, "%s: there is no such file", path));
    if (f->fd < 0 || fstat(f->fd, &s) != 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot open", path));
    if (S_ISDIR(s.st_mode))
        FK_TRY(fk_fail(err, FK_INVALID, "%s: is a directory; name the files in it", path));
    f->changed_ms = S_ISREG(s.st_mode) ? (int64_t)s.st_mtim.tv_sec * 1000 : fk_now_ms();
    FK_TRY(fk_digest_new(FK_SHA256, &f->digest, err));
    FK_TRY(archive_begin(f, err));
    *out = f;
    f = NULL;
done:
    fk_logfile_close(&f);
    return st;
}

static enum fk_status block_read(struct fk_logfile *f, struct fk_err *err) {
    la_ssize_t n = archive_read_data(f->archive, f->block, sizeof f->block);
    if (n < 0)
        return fk_fail(err, FK_CORRUPT, "%s, after line %llu: %s", f->path,
                       (unsigned long long)f->number, archive_error_string(f->archive));
    f->at = 0;
    f->len = (size_t)n;
    f->ended = n == 0;
    return FK_OK;
}

/* Appends up to the limit; what is over is passed over. */
static void line_add(struct fk_logfile *f, const char *at, size_t n) {
    size_t room = FK_LOGFILE_LINE_MAX - f->line.len;
    if (n > room) {
        f->cut += !f->in_cut;
        f->in_cut = true;
        n = room;
    }
    fk_buf_add(&f->line, at, n);
}

static enum fk_status line_give(struct fk_logfile *f, const char *at, size_t n,
                                const char **line_out, size_t *len_out, struct fk_err *err) {
    if (f->line.failed)
        return fk_fail(err, FK_NOMEM, "no memory for a line of %s", f->path);
    f->number++;
    f->in_cut = false;
    *line_out = at;
    *len_out = n && at[n - 1] == '\r' ? n - 1 : n;
    return FK_OK;
}

enum fk_status fk_logfile_next(struct fk_logfile *f, const char **line_out, size_t *len_out,
                               struct fk_err *err) {
    fk_buf_reset(&f->line);
    for (;;) {
        const char *at = f->block + f->at, *lf = memchr(at, '\n', f->len - f->at);
        size_t n = lf ? (size_t)(lf - at) : f->len - f->at;
        f->at += n + (lf != NULL);
        if (lf && !f->line.len && n <= FK_LOGFILE_LINE_MAX)
            return line_give(f, at, n, line_out, len_out, err); /* most of them, in place */
        line_add(f, at, n);
        if (!lf && !f->ended) {
            enum fk_status st = block_read(f, err);
            if (st != FK_OK)
                return st;
            if (!f->ended)
                continue;
        }
        if (!lf && !f->line.len)
            return FK_NOT_FOUND;
        return line_give(f, fk_buf_cstr(&f->line), f->line.len, line_out, len_out, err);
    }
}

uint64_t fk_logfile_number(const struct fk_logfile *f) {
    return f->number + 1;
}

uint64_t fk_logfile_cut(const struct fk_logfile *f) {
    return f->cut;
}

int64_t fk_logfile_changed_ms(const struct fk_logfile *f) {
    return f->changed_ms;
}

void fk_logfile_digest(struct fk_logfile *f, uint8_t out[FK_SHA256_BYTES]) {
    ssize_t n;
    /* What a filter left unread behind its own end is part of the file too. */
    while ((n = read(f->fd, f->raw, sizeof f->raw)) > 0)
        fk_digest_add(f->digest, f->raw, (size_t)n);
    fk_digest_end(f->digest, out);
}

void fk_logfile_close(struct fk_logfile **fp) {
    struct fk_logfile *f = *fp;
    if (!f)
        return;
    if (f->archive)
        (void)archive_read_free(f->archive); /* it was only read */
    fk_digest_free(&f->digest);
    fk_close(&f->fd);
    fk_buf_free(&f->line);
    free(f->path);
    free(f);
    *fp = NULL;
}
