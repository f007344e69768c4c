/* rows.c - slices in a file. */
#include "archiver/vault/rows.h"
#include "base/fault.h"
#include "base/io.h"
#include "base/pack.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 300 };
static const char digest_name[] = " sha256=";

/* The line up to the digest. */
static int line_begin(char out[LINE_MAX_BYTES], const struct fk_mark *to, uint64_t first,
                      bool closed, uint64_t bytes) {
    return snprintf(out, LINE_MAX_BYTES,
                    "fumikura-rows/1 segment=%" PRIu64 " first=%" PRIu64 " next=%" PRIu64
                    " extent=%" PRIu64 " generation=%" PRIu64 " state=%s bytes=%" PRIu64,
                    to->segment, first, to->next_seq, to->next_extent, to->generation,
                    closed ? "closed" : "active", bytes);
}

static enum fk_status digest_of(const struct fk_buf *rows, const char *line, size_t len,
                                uint8_t out[FK_SHA256_BYTES], struct fk_err *err) {
    struct fk_digest *d = NULL;
    enum fk_status st = fk_digest_new(FK_SHA256, &d, err);
    if (st != FK_OK)
        return st;
    fk_digest_add(d, rows->data, rows->len);
    fk_digest_add(d, line, len);
    fk_digest_end(d, out);
    fk_digest_free(&d);
    return FK_OK;
}

enum fk_status fk_rows_append(int fd, const char *path, const struct fk_slice *s,
                              struct fk_err *err) {
    uint8_t sum[FK_SHA256_BYTES];
    char line[LINE_MAX_BYTES + 80];
    struct stat f;
    enum fk_status st;
    int n = line_begin(line, &s->to, s->first, s->closed, s->rows.len);
    FK_TRY(digest_of(&s->rows, line, (size_t)n, sum, err));
    memcpy(line + n, digest_name, sizeof digest_name);
    n += (int)sizeof digest_name - 1;
    fk_hex(line + n, sum, sizeof sum);
    n += 2 * (int)sizeof sum;
    line[n++] = '\n';
    int injected = fk_fault("mirror-write");
    if (injected)
        FK_TRY(fk_fail_sys(err, injected, "%s: cannot write", path));
    FK_TRY(fk_write_full(fd, line, (size_t)n, path, err));
    FK_TRY(fk_write_full(fd, s->rows.data, s->rows.len, path, err));
    injected = fk_fault("mirror-sync");
    if (injected || fdatasync(fd) != 0)
        FK_TRY(fk_fail_sys(err, injected ? injected : errno, "%s: cannot sync", path));
    if (fstat(fd, &f) != 0 || f.st_nlink == 0)
        st = fk_fail(err, FK_NOT_FOUND, "%s: has been removed", path);
done:
    return st;
}

static bool number_read(const char **p, const char *name, uint64_t *out) {
    size_t len = strlen(name);
    char *end;
    if (strncmp(*p, name, len) != 0)
        return false;
    errno = 0;
    *out = strtoull(*p + len, &end, 10);
    *p = end;
    return errno == 0;
}

/* What was read is written again and compared, so there is one reading. */
static bool line_read(const char *text, size_t len, struct fk_rows_head *out) {
    struct fk_rows_head h = {.first = 0};
    char again[LINE_MAX_BYTES];
    const char *p = text, *end = memchr(text, '\n', len);
    if (!end || !number_read(&p, "fumikura-rows/1 segment=", &h.to.segment) ||
        !number_read(&p, " first=", &h.first) || !number_read(&p, " next=", &h.to.next_seq) ||
        !number_read(&p, " extent=", &h.to.next_extent) ||
        !number_read(&p, " generation=", &h.to.generation))
        return false;
    h.closed = strncmp(p, " state=closed", 13) == 0;
    p += 13;
    if (p > end || !number_read(&p, " bytes=", &h.bytes))
        return false;
    int n = line_begin(again, &h.to, h.first, h.closed, h.bytes);
    h.line = (size_t)(end - text) + 1;
    if (h.line != (size_t)n + sizeof digest_name - 1 + 2 * FK_SHA256_BYTES + 1 ||
        memcmp(text, again, (size_t)n) != 0 ||
        memcmp(text + n, digest_name, sizeof digest_name - 1) != 0 ||
        !fk_unhex(h.sha256, text + n + sizeof digest_name - 1, FK_SHA256_BYTES))
        return false;
    *out = h;
    return true;
}

/* False: there is no whole slice here, of the lengths that its line says. */
static enum fk_status head_at(int fd, const char *path, off_t at, off_t size, bool *found,
                              struct fk_rows_head *out, struct fk_err *err) {
    char text[LINE_MAX_BYTES + 1];
    size_t n = size - at < LINE_MAX_BYTES ? (size_t)(size - at) : LINE_MAX_BYTES;
    enum fk_status st = fk_pread_full(fd, text, n, at, path, err);
    text[st == FK_OK ? n : 0] = 0;
    *found =
        st == FK_OK && line_read(text, n, out) && out->bytes <= (uint64_t)(size - at) - out->line;
    return st;
}

enum fk_status fk_rows_read(int fd, const char *path, off_t at, struct fk_rows_head *head,
                            struct fk_buf *rows, struct fk_err *err) {
    struct stat s;
    uint8_t sum[FK_SHA256_BYTES];
    char line[LINE_MAX_BYTES];
    bool good;
    enum fk_status st;
    if (fstat(fd, &s) != 0)
        return fk_fail_sys(err, errno, "%s: cannot stat", path);
    FK_TRY(head_at(fd, path, at, s.st_size, &good, head, err));
    if (!good)
        return fk_fail(err, FK_CORRUPT, "%s: no whole slice at byte %lld", path, (long long)at);
    fk_buf_reset(rows);
    if (!fk_buf_reserve(rows, head->bytes + 1))
        return fk_fail(err, FK_NOMEM, "%s: no memory for a slice of %" PRIu64 " bytes", path,
                       head->bytes);
    FK_TRY(fk_pread_full(fd, rows->data, head->bytes, at + (off_t)head->line, path, err));
    rows->len = head->bytes;
    int n = line_begin(line, &head->to, head->first, head->closed, head->bytes);
    FK_TRY(digest_of(rows, line, (size_t)n, sum, err));
    if (memcmp(sum, head->sha256, sizeof sum) != 0)
        st = fk_fail(err, FK_CORRUPT, "%s: the slice at byte %lld is damaged (SHA-256)", path,
                     (long long)at);
done:
    return st;
}

static bool follows(const struct fk_rows_end *before, uint64_t segment,
                    const struct fk_rows_head *h) {
    bool keys_only = h->closed && h->first == h->to.next_seq;
    return h->to.segment == segment && h->to.generation > 0 && h->first <= h->to.next_seq &&
           (!before->closed || keys_only) &&
           (!before->mark.generation ||
            (h->first == before->mark.next_seq && h->to.next_extent >= before->mark.next_extent &&
             h->to.generation >= before->mark.generation));
}

/* Whether a line of a slice stands somewhere behind `from`: then that is not the torn end. */
static enum fk_status others_follow(int fd, const char *path, off_t from, off_t size, bool *found,
                                    struct fk_err *err) {
    enum { BLOCK = 1 << 20 };
    static const char begin[] = "fumikura-rows/1 segment=";
    const size_t overlap = sizeof begin - 2;
    char *block = malloc(BLOCK);
    enum fk_status st = block ? FK_OK : fk_fail(err, FK_NOMEM, "%s: no memory to read it", path);
    *found = false;
    for (off_t at = from + 1; at < size && st == FK_OK && !*found; at += BLOCK - (off_t)overlap) {
        size_t n = size - at < BLOCK ? (size_t)(size - at) : BLOCK;
        st = fk_pread_full(fd, block, n, at, path, err);
        *found = st == FK_OK && memmem(block, n, begin, sizeof begin - 1);
    }
    free(block);
    return st;
}

enum fk_status fk_rows_scan(int fd, const char *path, uint64_t segment, struct fk_rows_end *out,
                            struct fk_err *err) {
    struct fk_rows_end end = {.newest = -1, .mark = {.segment = segment}}, before = end;
    struct fk_rows_head h;
    struct fk_buf rows = FK_BUF_INIT;
    struct stat s;
    bool found = true;
    enum fk_status st = FK_OK;
    if (fstat(fd, &s) != 0)
        return fk_fail_sys(err, errno, "%s: cannot stat", path);
    while (end.bytes < s.st_size) {
        FK_TRY(head_at(fd, path, end.bytes, s.st_size, &found, &h, err));
        if (!found || !follows(&end, segment, &h))
            break;
        before = end;
        if (h.first < h.to.next_seq)
            end.newest = end.bytes;
        end.mark = h.to;
        end.closed = h.closed;
        end.bytes += (off_t)(h.line + h.bytes);
    }
    if (end.bytes) {
        st = fk_rows_read(fd, path, before.bytes, &h, &rows, NULL);
        if (st == FK_CORRUPT) { /* torn */
            end = before;
            st = FK_OK;
        }
        if (st != FK_OK)
            st = fk_fail(err, st, "%s: cannot read its last slice", path);
    }
    end.size = s.st_size;
    if (st == FK_OK && end.bytes < end.size)
        st = others_follow(fd, path, end.bytes, end.size, &end.damaged, err);
    *out = end;
done:
    fk_buf_free(&rows);
    return st;
}

struct fk_rows_it fk_rows_begin(const struct fk_buf *rows) {
    return (struct fk_rows_it){rows->data, rows->data + rows->len, false};
}

bool fk_rows_next(struct fk_rows_it *it, struct fk_row *out) {
    struct fk_reader r;
    if (it->at == it->end || it->bad)
        return false;
    fk_reader_init(&r, it->at, (size_t)(it->end - it->at));
    out->table = (enum fk_row_table)fk_get_u8(&r);
    out->key = fk_get_u64(&r);
    out->value = fk_get_bytes(&r, &out->len);
    it->bad = r.bad || out->table < FK_ROW_ENTRY || out->table > FK_ROW_CHUNK;
    it->at = r.at;
    return !it->bad;
}
