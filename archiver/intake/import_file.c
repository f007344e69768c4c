/* import_file.c - one file: an mbox, or a message. */
#include "archiver/intake/import_priv.h"
#include "archiver/intake/mbox.h"
#include "archiver/intake/unpack.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- mbox */

struct box {
    struct fk_import_run *run;
    struct fk_mbox m;
    uint64_t offset; /* in the file, of the line in work */
};

static void mbox_begin(void *ctx, const char *from_line, size_t len) {
    struct box *b = ctx;
    snprintf(b->run->at, sizeof b->run->at, "byte %" PRIu64, b->offset);
    fk_import__message_begin(b->run, from_line, len);
    fk_buf_add(&b->run->note, b->run->remark.data, b->run->remark.len);
    if (b->run->remark.len)
        fk_buf_str(&b->run->note, "; ");
}

static void mbox_data(void *ctx, const void *data, size_t len) {
    struct box *b = ctx;
    fk_import__message_data(b->run, data, len);
}

/* "Name:", which is what every message begins with that was not cut in two. */
static bool begins_with_a_field(const struct fk_buf *head) {
    for (size_t i = 0; i < head->len; i++)
        if (head->data[i] <= ' ' || head->data[i] > '~')
            return false;
        else if (head->data[i] == ':')
            return i > 0;
    return false;
}

/* Where the header ends and the body begins, as far as the head goes; 0: not in it. */
static size_t body_start(const struct fk_buf *head) {
    const char *text = (const char *)head->data;
    for (size_t i = 0; i + 1 < head->len; i++)
        if (text[i] == '\n' && text[i + 1] == '\n')
            return i + 2;
        else if (i + 2 < head->len && text[i] == '\n' && text[i + 1] == '\r' && text[i + 2] == '\n')
            return i + 3;
    return 0;
}

/* The header's Content-Length, which mboxcl and mboxcl2 have. */
static bool content_length_find(const struct fk_buf *head, size_t header_len, uint64_t *out) {
    static const char name[] = "\ncontent-length:";
    const char *text = (const char *)head->data;
    for (size_t i = 0; i + sizeof name <= header_len; i++) {
        const size_t skip = i == 0 && text[0] != '\n' ? 1 : 0;
        if (strncasecmp(text + i, name + skip, sizeof name - 1 - skip) != 0)
            continue;
        const char *at = text + i + sizeof name - 1 - skip, *end = text + header_len;
        uint64_t n = 0;
        while (at < end && *at == ' ')
            at++;
        if (at == end || *at < '0' || *at > '9')
            return false;
        for (; at < end && *at >= '0' && *at <= '9' && n < UINT64_MAX / 100; at++)
            n = 10 * n + (uint64_t)(*at - '0');
        *out = n;
        return true;
    }
    return false;
}

/* What can be said of how its lines were quoted: "said=" by the user, "seems=" by the lines. plain:
 * no line that any quoting could have changed. */
static void quoting_tell(struct box *b) {
    static const char *const said[] = {NULL, "rd", "o", "cl", "cl2"};
    struct fk_import_run *r = b->run;
    struct fk_buf text = FK_BUF_INIT;
    const uint64_t quoted = b->m.quoted + b->m.requoted;
    const size_t header = body_start(&r->head);
    uint64_t announced = 0;
    const bool has_length = header && content_length_find(&r->head, header, &announced);
    const uint64_t body = r->file.bytes - header;
    if (said[r->options->mbox])
        fk_buf_printf(&text, "said=%s", said[r->options->mbox]);
    else
        fk_buf_printf(&text, "seems=%s",
                      has_length && announced == body ? "cl"
                      : b->m.requoted                 ? "rd"
                      : quoted                        ? "unknown"
                                                      : "plain");
    if (quoted)
        fk_buf_printf(&text, " quoted=%" PRIu64, quoted);
    if (has_length && announced != body)
        fk_buf_printf(&text, " content-length=%" PRIu64 " body=%" PRIu64, announced, body);
    fk_fields_add(&r->fields, "mbox", text.data, text.len);
    r->fields.failed |= text.failed;
    if (has_length && announced > body)
        fk_buf_printf(&r->note,
                      "its Content-Length says %" PRIu64 " bytes and %" PRIu64
                      " stand before the next From_ line; ",
                      announced, body);
    fk_buf_free(&text);
}

static void mbox_end(void *ctx) {
    struct box *b = ctx;
    struct fk_import_run *r = b->run;
    quoting_tell(b);
    if (!r->has_from_line)
        fk_buf_printf(&r->note, "stands before the first From_ line of the file; ");
    if (r->head.len && !begins_with_a_field(&r->head))
        fk_buf_printf(&r->note, "does not begin with a header field, so a line of a text may have "
                                "been taken for a From_ line; ");
    if (b->m.doubtful)
        fk_buf_printf(&r->note,
                      "%" PRIu64 " lines that begin with \"From \" were taken for its text; ",
                      b->m.doubtful);
    if (r->note.len >= 2)
        r->note.len -= 2;
    fk_import__message_end(r);
}

/* Whole lines of buffer[0..len) to the mbox; returns how many bytes are left at the buffer's end. A
 * line that fills the buffer, and the last one, go as they are. */
static size_t lines_take(struct box *b, size_t len, bool last) {
    struct fk_import_run *r = b->run;
    size_t at = 0;
    while (at < len) {
        const char *lf = memchr(r->buffer + at, '\n', len - at);
        size_t n = lf ? (size_t)(lf - r->buffer) + 1 - at : len - at;
        if (!lf && !last && (at || len < FK_IMPORT_READ))
            break;
        fk_mbox_take(&b->m, r->buffer + at, n);
        b->offset += n;
        at += n;
    }
    fk_import__message_settle(r);
    memmove(r->buffer, r->buffer + at, len - at);
    return len - at;
}

/* ---- which it is */

static bool looks_like_mbox(const struct fk_import_run *r, size_t len) {
    const char *lf = memchr(r->buffer, '\n', len);
    if (r->options->mbox != FK_MBOX_SEEN && len >= 5 && memcmp(r->buffer, "From ", 5) == 0)
        return true;
    return lf && fk_mbox_is_from_line(r->buffer, (size_t)(lf - r->buffer));
}

/* Longer than a message may be, and its first line is nearly a From_ line. */
static void hint_give(struct fk_import_run *r, bool nearly_mbox) {
    if (nearly_mbox && r->broken)
        fk_import__refuse(&r->window, r->path, "byte 0",
                          "it begins with \"From \", but that is no From_ line; with --mbox it is "
                          "taken as an mbox all the same");
}

void fk_import__progress(struct fk_import_run *r, uint64_t more_bytes) {
    r->done_bytes += more_bytes;
    if (r->options->progress)
        r->options->progress(r->options->ctx, r->done_bytes, r->all_bytes, r->window.sum.read);
}

/* False: it cannot be read on; *why_out says why. */
static bool more_read(struct fk_import_run *r, const struct fk_import_reader *from, size_t *len,
                      bool *end, const char **why_out) {
    ssize_t n = from->read(from->ctx, r->buffer + *len, FK_IMPORT_READ - *len, why_out);
    *end = n == 0;
    if (n < 0)
        return false;
    *len += (size_t)n;
    return true;
}

/* What the first bytes say; begins the message where it is one. */
static bool mbox_or_message(struct fk_import_run *r, size_t len, enum fk_import_shape shape,
                            bool *nearly_out) {
    bool is_bare, is_mbox = shape != FK_SHAPE_MESSAGE && looks_like_mbox(r, len);
    *nearly_out =
        !is_mbox && shape != FK_SHAPE_MESSAGE && len > 5 && memcmp(r->buffer, "From ", 5) == 0;
    if (is_mbox)
        return true;
    fk_import__message_begin(r, NULL, 0);
    fk_buf_add(&r->note, r->remark.data, r->remark.len);
    if (shape == FK_SHAPE_MEMBER && fk_unpack_is_archive(r->buffer, len, &is_bare))
        fk_import__message_break(r,
                                 "an archive in an archive; unpack the outer one and import that");
    return false;
}

void fk_import__file_read(struct fk_import_run *r, const struct fk_import_reader *from,
                          enum fk_import_shape shape) {
    static const struct fk_mbox_sink sink = {mbox_begin, mbox_data, mbox_end};
    struct box b = {.run = r, .m = {.sink = &sink}};
    size_t len = 0;
    uint64_t read_bytes = 0;
    bool end = false, is_mbox = false, first = true, nearly = false;
    b.m.ctx = &b;
    *r->at = 0;
    r->broken = false;
    while (!end && r->st == FK_OK) {
        size_t before = len;
        const char *why = "";
        if (!more_read(r, from, &len, &end, &why)) {
            char reason[300];
            snprintf(reason, sizeof reason, "cannot read on at byte %" PRIu64 ": %s", read_bytes,
                     why);
            fk_import__message_break(r, reason);
            *r->at = 0;
            return;
        }
        read_bytes += len - before;
        if (first)
            is_mbox = mbox_or_message(r, len, shape, &nearly);
        first = false;
        if (is_mbox) {
            len = lines_take(&b, len, end);
        } else {
            fk_import__message_data(r, r->buffer, len);
            fk_import__message_settle(r);
            len = 0;
        }
    }
    if (is_mbox) {
        fk_mbox_end(&b.m);
    } else {
        fk_import__message_end(r);
        hint_give(r, nearly);
    }
    *r->at = 0;
}

/* ---- a file of the disk */

struct disk_file {
    struct fk_import_run *run;
    int fd;
};

static ssize_t disk_read(void *ctx, void *out, size_t size, const char **why_out) {
    const struct disk_file *f = ctx;
    ssize_t n;
    do
        n = read(f->fd, out, size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        *why_out = strerror(errno);
    else
        fk_import__progress(f->run, (uint64_t)n);
    return n;
}

static void open_file_import(struct fk_import_run *r, int fd, const struct stat *s,
                             enum fk_import_shape shape) {
    struct disk_file file = {r, fd};
    const struct fk_import_reader reader = {disk_read, &file};
    uint8_t head[512];
    bool is_bare;
    ssize_t n = shape == FK_SHAPE_MESSAGE ? 0 : pread(fd, head, sizeof head, 0);
    if (n > 0 && fk_import__is_pst(head, (size_t)n))
        fk_import__pst_read(r, fd, (uint64_t)s->st_size);
    else if (n > 0 && fk_unpack_is_archive(head, (size_t)n, &is_bare))
        fk_import__archive_read(r, fd, (uint64_t)s->st_size);
    else
        fk_import__file_read(r, &reader, shape);
}

/* The path may have become something else since it was looked at; a pipe would then hang us. */
void fk_import__file_import(struct fk_import_run *r, const char *path, enum fk_import_shape shape) {
    char shown[PATH_MAX + NAME_MAX];
    const size_t below = r->scratch ? strlen(r->scratch) : 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat s;
    if (below && strncmp(path, r->scratch, below) == 0) {
        snprintf(shown, sizeof shown, "%s!%s", r->scratch_of, path + below + 1);
        path = shown;
    }
    r->path = path;
    *r->at = 0;
    if (r->describe)
        r->describe(r->describe_ctx, path);
    if (fd < 0 || fstat(fd, &s) != 0)
        fk_import__refuse(&r->window, path, "", strerror(errno));
    else if (!S_ISREG(s.st_mode))
        fk_import__refuse(&r->window, path, "", "not a file any more");
    else
        open_file_import(r, fd, &s, shape);
    fk_close(&fd);
}
