/* manifest.c - sorted lists of files with their digests. */
#include "tape-export/manifest.h"
#include "base/io.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fk_summer {
    struct fk_digest *d256, *d512;
    uint64_t bytes;
};

enum fk_status fk_summer_new(struct fk_summer **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_summer *s = calloc(1, sizeof *s);
    if (!s)
        return fk_fail(err, FK_NOMEM, "no memory for digests");
    FK_TRY(fk_digest_new(FK_SHA256, &s->d256, err));
    FK_TRY(fk_digest_new(FK_SHA512, &s->d512, err));
    *out = s;
    s = NULL;
done:
    fk_summer_free(&s);
    return st;
}

void fk_summer_add(struct fk_summer *s, const void *data, size_t len) {
    fk_digest_add(s->d256, data, len);
    fk_digest_add(s->d512, data, len);
    s->bytes += len;
}

void fk_summer_end(struct fk_summer *s, struct fk_sum *out) {
    uint8_t sha256[FK_SHA256_BYTES], sha512[FK_SHA512_BYTES];
    fk_digest_end(s->d256, sha256);
    fk_digest_end(s->d512, sha512);
    fk_hex(out->sha256, sha256, sizeof sha256);
    fk_hex(out->sha512, sha512, sizeof sha512);
    out->bytes = s->bytes;
    fk_digest_reset(s->d256);
    fk_digest_reset(s->d512);
    s->bytes = 0;
}

void fk_summer_free(struct fk_summer **s) {
    if (*s) {
        fk_digest_free(&(*s)->d256);
        fk_digest_free(&(*s)->d512);
        free(*s);
    }
    *s = NULL;
}

enum fk_status fk_summer_file(struct fk_summer *s, int fd, const char *what, struct fk_sum *out,
                              struct fk_err *err) {
    enum { BLOCK = 524288 };
    enum fk_status st = FK_OK;
    uint8_t *block = malloc(BLOCK);
    if (!block)
        return fk_fail(err, FK_NOMEM, "%s: no memory to read it", what);
    for (off_t at = 0;;) {
        ssize_t n = pread(fd, block, BLOCK, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            st = fk_fail_sys(err, errno, "%s: cannot read at byte %lld", what, (long long)at);
        if (n <= 0)
            break;
        fk_summer_add(s, block, (size_t)n);
        at += n;
    }
    free(block);
    struct fk_sum sum;
    fk_summer_end(s, &sum);
    if (st == FK_OK)
        *out = sum;
    return st;
}

static size_t place_of(const struct fk_manifest *m, const char *name) {
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(m->at[mid].name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct fk_listed *fk_manifest_find(const struct fk_manifest *m, const char *name) {
    size_t i = place_of(m, name);
    return i < m->count && strcmp(m->at[i].name, name) == 0 ? &m->at[i] : NULL;
}

enum fk_status fk_manifest_add(struct fk_manifest *m, const char *name, const struct fk_sum *sum,
                               struct fk_err *err) {
    size_t i = place_of(m, name);
    if (i < m->count && strcmp(m->at[i].name, name) == 0)
        return fk_fail(err, FK_CORRUPT, "%s is listed twice", name);
    if (m->count == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 32;
        struct fk_listed *at = realloc(m->at, cap * sizeof *at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "no memory for a list of files");
        m->at = at;
        m->cap = cap;
    }
    char *copy = strdup(name);
    if (!copy)
        return fk_fail(err, FK_NOMEM, "no memory for a list of files");
    memmove(&m->at[i + 1], &m->at[i], (m->count - i) * sizeof *m->at);
    m->at[i] = (struct fk_listed){copy, *sum, {"", "", 0}};
    m->count++;
    return FK_OK;
}

void fk_manifest_write(const struct fk_manifest *m, enum fk_digest_kind kind, struct fk_buf *out) {
    for (size_t i = 0; i < m->count; i++)
        fk_buf_printf(out, "%s  %s\n",
                      kind == FK_SHA256 ? m->at[i].sum.sha256 : m->at[i].sum.sha512, m->at[i].name);
}

static bool safe_name(const char *name) {
    for (const char *part = name;; part++) {
        size_t len = strcspn(part, "/");
        if (len == 0 || (len == 1 && part[0] == '.') || (len == 2 && memcmp(part, "..", 2) == 0))
            return false;
        for (size_t i = 0; i < len; i++)
            if (part[i] < 0x21 || part[i] > 0x7e || part[i] == '\\' || part[i] == '%')
                return false;
        part += len;
        if (!*part)
            return true;
    }
}

static enum fk_status read_line(struct fk_manifest *m, enum fk_digest_kind kind, const char *line,
                                size_t len, struct fk_err *err) {
    size_t hex = kind == FK_SHA256 ? 64 : 128;
    uint8_t raw[FK_SHA512_BYTES];
    char name[1024];
    if (len < hex + 3 || len - hex - 2 >= sizeof name || !fk_unhex(raw, line, hex / 2) ||
        line[hex] != ' ' || (line[hex + 1] != ' ' && line[hex + 1] != '*'))
        return fk_fail(err, FK_CORRUPT, "a line is not of the form \"digest  name\": %.*s",
                       len < 200 ? (int)len : 200, line);
    memcpy(name, line + hex + 2, len - hex - 2);
    name[len - hex - 2] = 0;
    if (strlen(name) != len - hex - 2 || !safe_name(name))
        return fk_fail(err, FK_CORRUPT, "the name %.200s is none of ours", name);
    struct fk_listed *listed = fk_manifest_find(m, name);
    if (!listed) {
        struct fk_sum none = {"", "", 0};
        enum fk_status st = fk_manifest_add(m, name, &none, err);
        if (st != FK_OK)
            return st;
        listed = fk_manifest_find(m, name);
        assert(listed);
    }
    char *digest = kind == FK_SHA256 ? listed->sum.sha256 : listed->sum.sha512;
    if (*digest)
        return fk_fail(err, FK_CORRUPT, "%s is listed twice", name);
    memcpy(digest, line, hex);
    digest[hex] = 0;
    return FK_OK;
}

enum fk_status fk_manifest_read(struct fk_manifest *m, enum fk_digest_kind kind, const void *text,
                                size_t len, struct fk_err *err) {
    enum fk_status st = FK_OK;
    const char *at = text, *end = at + len;
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        if (!lf)
            return fk_fail(err, FK_CORRUPT, "the last line does not end");
        FK_TRY(read_line(m, kind, at, (size_t)(lf - at), err));
        at = lf + 1;
    }
done:
    return st;
}

void fk_manifest_free(struct fk_manifest *m) {
    for (size_t i = 0; i < m->count; i++)
        free(m->at[i].name);
    free(m->at);
    *m = (struct fk_manifest){NULL, 0, 0};
}
