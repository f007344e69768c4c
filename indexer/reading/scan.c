/* scan.c - a cheap look at the bytes before a parser sees them.
 *
 * Lines of a message whose header has them end in CR alone get ends that parsers see.
 *
 * Then every line that begins with two hyphens is taken for a boundary, and what follows it for
 * header fields: an upper bound that hardly any message exceeds. Only where it does, the boundaries
 * that the message names are collected, and it is looked through again exactly and cut. */
#include "indexer/reading/mime_priv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct line {
    const uint8_t *at;
    size_t len; /* with its line end */
};

struct name {
    const char *at;
    size_t len;
};

struct scan {
    const uint8_t *at, *end;
    struct name *names; /* boundaries, sorted; NULL in the first look */
    size_t name_count;
    size_t boundaries, fields, block_fields, bytes, block_bytes;
    bool in_header, nests; /* nests: the block says that a message follows it */
    unsigned reasons;
};

static bool line_next(struct scan *s, struct line *out) {
    if (s->at >= s->end)
        return false;
    const uint8_t *lf = memchr(s->at, '\n', (size_t)(s->end - s->at));
    out->at = s->at;
    s->at = lf ? lf + 1 : s->end;
    out->len = (size_t)(s->at - out->at);
    return true;
}

/* "\r\r\n" is one line end, badly sent. */
static const uint8_t *past_carriage_returns(const uint8_t *at, const uint8_t *end) {
    while (at < end && *at == '\r')
        at++;
    return at;
}

const uint8_t *fk_scan_lone_cr(const uint8_t *at, const uint8_t *end, size_t *n_out) {
    while (at < end && (at = memchr(at, '\r', (size_t)(end - at)))) {
        const uint8_t *after = past_carriage_returns(at, end);
        *n_out = (size_t)(after - at);
        if (after == end || *after != '\n')
            return at;
        at = after;
    }
    return NULL;
}

/* Among its lines up to the first empty one. */
static bool header_has_lone_cr(const uint8_t *at, const uint8_t *end) {
    while (at < end) {
        const uint8_t *line = at;
        while (at < end && *at != '\n' && *at != '\r')
            at++;
        const uint8_t *lf = past_carriage_returns(at, end);
        if (lf > at && (lf == end || *lf != '\n'))
            return true;
        if (at == line || lf == end)
            return false;
        at = lf + 1;
    }
    return false;
}

enum fk_status fk_scan_lines(const uint8_t *message, size_t len, struct fk_buf *out,
                             struct fk_err *err) {
    if (!header_has_lone_cr(message, message + len))
        return FK_OK;
    fk_buf_add(out, message, len);
    if (out->failed)
        return fk_fail(err, FK_NOMEM, "reading a message: out of memory");
    const uint8_t *end = out->data + len;
    size_t n;
    for (const uint8_t *at = out->data; (at = fk_scan_lone_cr(at, end, &n)); at += n)
        memset(out->data + (at - out->data), '\n', n);
    return FK_OK;
}

static bool is_empty(struct line l) {
    return l.at[0] == '\n' || (l.at[0] == '\r' && (l.len < 2 || l.at[1] == '\n'));
}

static int compare_names(const void *a, const void *b) {
    const struct name *x = a, *y = b;
    const int order = memcmp(x->at, y->at, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* The line's text after the hyphens, with and without the two at its end. */
static bool is_boundary(const struct scan *s, struct line l) {
    if (l.len < 2 || l.at[0] != '-' || l.at[1] != '-')
        return false;
    if (!s->names)
        return true;
    struct name key = {(const char *)l.at + 2, l.len - 2};
    while (key.len && strchr(" \t\r\n", key.at[key.len - 1]) && key.at[key.len - 1])
        key.len--;
    if (bsearch(&key, s->names, s->name_count, sizeof key, compare_names))
        return true;
    if (key.len < 2 || memcmp(key.at + key.len - 2, "--", 2) != 0)
        return false;
    key.len -= 2;
    return bsearch(&key, s->names, s->name_count, sizeof key, compare_names) != NULL;
}

static bool begins_with(struct line l, const char *word) {
    const size_t n = strlen(word);
    return l.len >= n && strncasecmp((const char *)l.at, word, n) == 0;
}

static bool says_message(struct line l) {
    if (!begins_with(l, "content-type:"))
        return false;
    for (size_t i = 13; i + 8 <= l.len; i++)
        if (strncasecmp((const char *)l.at + i, "message/", 8) == 0)
            return true;
    return false;
}

/* How much of a header line may be read. */
static size_t header_allowance(struct scan *s, struct line l) {
    if (l.at[0] != ' ' && l.at[0] != '\t') {
        s->fields++;
        s->block_fields++;
    }
    const size_t block_left = FK_HEADER_MAX - s->block_bytes, left = FK_HEADER_ALL_MAX - s->bytes;
    size_t may = block_left < left ? block_left : left;
    if (s->fields > FK_FIELDS_ALL_MAX || s->block_fields > FK_FIELDS_MAX)
        may = 0;
    if (may >= l.len)
        may = l.len;
    else
        s->reasons |= FK_REASON_HEADERS;
    s->bytes += may;
    s->block_bytes += may;
    return may;
}

static void block_begin(struct scan *s, bool begins) {
    s->in_header = begins;
    s->nests = false;
    s->block_fields = s->block_bytes = 0;
}

/* How much of the line may be read; SIZE_MAX: the message ends before it. */
static size_t line_allowance(struct scan *s, struct line l) {
    if (is_boundary(s, l)) {
        if (++s->boundaries > FK_PARTS_MAX) {
            s->reasons |= FK_REASON_PARTS;
            return SIZE_MAX;
        }
        block_begin(s, true);
    } else if (s->in_header && is_empty(l)) {
        block_begin(s, s->nests);
    } else if (s->in_header) {
        s->nests |= says_message(l);
        return header_allowance(s, l);
    }
    return l.len;
}

/* boundary=NAME, wherever it stands: quoted, in any header, in a folded line. */
static enum fk_status names_collect(struct scan *s, const uint8_t *message, size_t len,
                                    struct fk_err *err) {
    const char *at = (const char *)message, *end = at + len;
    size_t cap = 0;
    while (at < end && (at = memchr(at, '=', (size_t)(end - at)))) {
        const char *word = at - 8, *begin = ++at;
        if (word < (const char *)message || strncasecmp(word, "boundary", 8) != 0)
            continue;
        const bool quoted = begin < end && *begin == '"';
        begin += quoted;
        const char *stop = begin;
        while (stop < end && stop - begin < 1000 && *stop != '\n' &&
               (quoted ? *stop != '"' : !strchr("; \t\r", *stop) || !*stop))
            stop++;
        if (s->name_count == cap) {
            cap = cap ? cap * 2 : 64;
            struct name *more = realloc(s->names, cap * sizeof *more);
            if (!more)
                return fk_fail(err, FK_NOMEM, "reading a message: out of memory");
            s->names = more;
        }
        s->names[s->name_count++] = (struct name){begin, (size_t)(stop - begin)};
    }
    if (!s->names && !(s->names = malloc(sizeof *s->names)))
        return fk_fail(err, FK_NOMEM, "reading a message: out of memory");
    qsort(s->names, s->name_count, sizeof *s->names, compare_names);
    return FK_OK;
}

static void copy_allowed(struct scan *s, struct fk_buf *out) {
    struct line l;
    while (line_next(s, &l)) {
        const size_t may = line_allowance(s, l);
        if (may == SIZE_MAX)
            return;
        fk_buf_add(out, l.at, may);
        if (may > 0 && may < l.len)
            fk_buf_byte(out, '\n');
    }
}

enum fk_status fk_scan(const uint8_t *message, size_t len, struct fk_buf *out, unsigned *reasons,
                       struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct scan first = {.at = message, .end = message + len, .in_header = true};
    struct scan exact = first;
    struct line l;
    while (line_next(&first, &l) && !first.reasons)
        (void)line_allowance(&first, l);
    if (!first.reasons)
        return FK_OK;
    FK_TRY(names_collect(&exact, message, len, err));
    copy_allowed(&exact, out);
    *reasons |= exact.reasons;
    if (!exact.reasons)
        fk_buf_reset(out);
    if (out->failed)
        st = fk_fail(err, FK_NOMEM, "reading a message: out of memory");
done:
    free(exact.names);
    return st;
}
