/* notice.c - see notice_priv.h */
#include "indexer/reading/notice_priv.h"
#include "indexer/text/prefixes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { WORD_MAX = 200, ADDRESS_MAX = 1000, TEXT_MAX = 500, FIELD_MAX = 8000 };

struct span {
    const char *at; /* NULL: not there */
    size_t len;
};

enum fk_notice_part fk_notice__part_of(const char *type, const char *subtype) {
    static const struct {
        const char *type, *subtype;
        enum fk_notice_part part;
    } parts[] = {
        {"message", "delivery-status", FK_NOTICE_DELIVERY},
        {"message", "global-delivery-status", FK_NOTICE_DELIVERY}, /* RFC 6533 */
        {"message", "disposition-notification", FK_NOTICE_DISPOSITION},
        {"message", "global-disposition-notification", FK_NOTICE_DISPOSITION},
        {"text", "rfc822-headers", FK_NOTICE_HEADERS},
        {"text", "rfc822-header", FK_NOTICE_HEADERS}, /* Exchange and others write it so */
        {"message", "rfc822-headers", FK_NOTICE_HEADERS},
        {"message", "global-headers", FK_NOTICE_HEADERS},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcasecmp(type, parts[i].type) == 0 && strcasecmp(subtype, parts[i].subtype) == 0)
            return parts[i].part;
    return FK_NOTICE_NONE;
}

/* ---- fields */

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span trimmed(struct span s) {
    while (s.len && is_blank(*s.at))
        s.at++, s.len--;
    while (s.len && is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

static const char *line_end(const char *at, const char *end) {
    const char *lf = memchr(at, '\n', (size_t)(end - at));
    return lf ? lf + 1 : end;
}

static bool is_empty(const char *at, const char *end) {
    return trimmed((struct span){at, (size_t)(end - at)}).len == 0;
}

/* The next field of a group from *at on, folded as it is; false at the group's end, which is left
 * at the empty line. Lines that are no field are passed over. */
static bool field_next(const char **at, const char *end, struct span *name, struct span *value) {
    while (*at < end) {
        const char *line = *at, *stop = line_end(line, end);
        if (is_empty(line, stop))
            return false;
        while (stop < end && (*stop == ' ' || *stop == '\t') &&
               !is_empty(stop, line_end(stop, end)))
            stop = line_end(stop, end);
        *at = stop;
        const char *colon = memchr(line, ':', (size_t)(stop - line));
        if (!colon || is_blank(*line))
            continue;
        *name = trimmed((struct span){line, (size_t)(colon - line)});
        *value = trimmed((struct span){colon + 1, (size_t)(stop - colon - 1)});
        return true;
    }
    return false;
}

static bool group_begin(const char **at, const char *end) {
    while (*at < end && is_empty(*at, line_end(*at, end)))
        *at = line_end(*at, end);
    return *at < end;
}

static bool is_named(struct span name, const char *word) {
    return name.len == strlen(word) && strncasecmp(name.at, word, name.len) == 0;
}

/* ---- values */

/* "rfc822; a@b": what stands behind the type. An address in quotes may have a semicolon in it, so
 * only what can be a type is one. */
static struct span untyped(struct span s) {
    size_t n = 0;
    if (!s.at)
        return s;
    while (n < s.len && ((s.at[n] >= 'a' && s.at[n] <= 'z') || (s.at[n] >= 'A' && s.at[n] <= 'Z') ||
                         (s.at[n] >= '0' && s.at[n] <= '9') || s.at[n] == '-' || s.at[n] == '.'))
        n++;
    struct span rest = trimmed((struct span){s.at + n, s.len - n});
    return rest.len && *rest.at == ';' ? trimmed((struct span){rest.at + 1, rest.len - 1}) : s;
}

static struct span bracketed(struct span s) {
    return s.len > 1 && *s.at == '<' && s.at[s.len - 1] == '>'
               ? trimmed((struct span){s.at + 1, s.len - 2})
               : s;
}

static struct span cut(struct span s, size_t max) {
    if (s.len > max)
        for (s.len = max; s.len && ((unsigned char)s.at[s.len] & 0xc0) == 0x80;)
            s.len--;
    return s;
}

/* Appended with no blanks or control characters in it, so that it is one word. */
static void word_put(struct fk_buf *out, struct span s, size_t max) {
    const size_t begin = out->len;
    s = cut(s, max);
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] > ' ' && s.at[i] != 0x7f)
            fk_buf_byte(out, (uint8_t)s.at[i]);
    if (out->len == begin)
        fk_buf_byte(out, '-');
}

/* Unfolded: every run of blanks and control characters is one blank. */
static void text_put(struct fk_buf *out, struct span s, size_t max) {
    bool gap = false;
    s = cut(s, max);
    for (size_t i = 0; i < s.len; i++) {
        const bool is_gap = (unsigned char)s.at[i] <= ' ' || s.at[i] == 0x7f;
        if (gap && !is_gap)
            fk_buf_byte(out, ' ');
        if (!is_gap)
            fk_buf_byte(out, (uint8_t)s.at[i]);
        gap = is_gap;
    }
}

static void line_add(struct fk_buf *out, const char *name, struct span s, size_t max) {
    struct fk_buf value = FK_BUF_INIT;
    text_put(&value, s, max);
    if (value.len)
        fk_fields_add(out, name, value.data, value.len);
    out->failed |= value.failed;
    fk_buf_free(&value);
}

/* Letters and hyphens, in lower case: an action, or a disposition's type. */
static void status_put(struct fk_buf *out, struct span s) {
    size_t n = 0;
    while (n < s.len && n < 20 &&
           ((s.at[n] >= 'a' && s.at[n] <= 'z') || (s.at[n] >= 'A' && s.at[n] <= 'Z') ||
            s.at[n] == '-'))
        n++;
    for (size_t i = 0; i < n; i++)
        fk_buf_byte(out, (uint8_t)(s.at[i] >= 'A' && s.at[i] <= 'Z' ? s.at[i] + 32 : s.at[i]));
    if (n == 0)
        fk_buf_byte(out, '-');
}

/* Digits and points, up to a comment. */
static void code_put(struct fk_buf *out, struct span s) {
    size_t n = 0;
    while (n < s.len && n < 11 && ((s.at[n] >= '0' && s.at[n] <= '9') || s.at[n] == '.'))
        n++;
    word_put(out, (struct span){s.at, n}, n);
}

/* ---- groups */

struct group {
    struct span by, envelope, about, final, original, action, code, host, words, disposition;
};

static void group_read(const char **at, const char *end, struct group *g) {
    const struct {
        const char *name;
        struct span *to;
    } known[] = {{"Reporting-MTA", &g->by},
                 {"Reporting-UA", &g->by},
                 {"Original-Envelope-Id", &g->envelope},
                 {"Original-Message-ID", &g->about},
                 {"Final-Recipient", &g->final},
                 {"Original-Recipient", &g->original},
                 {"Action", &g->action},
                 {"Status", &g->code},
                 {"Remote-MTA", &g->host},
                 {"Diagnostic-Code", &g->words},
                 {"Disposition", &g->disposition}};
    struct span name, value;
    *g = (struct group){.by = {NULL, 0}};
    while (field_next(at, end, &name, &value))
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (!known[i].to->at && is_named(name, known[i].name))
                *known[i].to = cut(value, FIELD_MAX);
}

/* What stands between <>, where they are there. */
static struct span id_of(struct span s) {
    const char *open = s.len ? memchr(s.at, '<', s.len) : NULL;
    if (!open)
        return s;
    const struct span rest = {open + 1, s.len - (size_t)(open + 1 - s.at)};
    const char *close = rest.len ? memchr(rest.at, '>', rest.len) : NULL;
    return close ? (struct span){rest.at, (size_t)(close - rest.at)} : rest;
}

static void head_put(const struct group *g, enum fk_notice_part part, struct fk_buf *out) {
    line_add(out, "notice-by", part == FK_NOTICE_DELIVERY ? untyped(g->by) : g->by, WORD_MAX);
    line_add(out, "notice-envelope", g->envelope, WORD_MAX);
    line_add(out, "notice-about", id_of(g->about), FK_WHOLE_MAX);
}

static bool is_same(struct span a, struct span b) {
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

/* "manual-action/MDN-sent-manually; displayed/error": its type. */
static struct span disposition_type(struct span s) {
    const char *semicolon = s.len ? memchr(s.at, ';', s.len) : NULL;
    return semicolon ? trimmed((struct span){semicolon + 1, s.len - (size_t)(semicolon + 1 - s.at)})
                     : (struct span){NULL, 0};
}

static void recipient_put(const struct group *g, enum fk_notice_part part, struct fk_buf *out) {
    struct fk_buf line = FK_BUF_INIT;
    const struct span final = bracketed(untyped(g->final)), orig = bracketed(untyped(g->original));
    status_put(&line, part == FK_NOTICE_DELIVERY ? g->action : disposition_type(g->disposition));
    fk_buf_byte(&line, ' ');
    code_put(&line, g->code);
    fk_buf_byte(&line, ' ');
    word_put(&line, untyped(g->host), WORD_MAX);
    fk_buf_byte(&line, ' ');
    word_put(&line, final.len ? final : orig, ADDRESS_MAX);
    if (final.len && orig.len && !is_same(final, orig)) {
        fk_buf_byte(&line, '\t');
        word_put(&line, orig, ADDRESS_MAX);
    }
    fk_fields_add(out, "notice-of", line.data, line.len);
    out->failed |= line.failed;
    fk_buf_free(&line);
    line_add(out, "notice-words", untyped(g->words), TEXT_MAX);
}

void fk_notice__read(enum fk_notice_part part, const char *text, size_t len, struct fk_buf *out) {
    const char *at = text, *end = text + len;
    const size_t begin = out->len;
    unsigned long left_out = 0, recipients = 0;
    struct group g;
    fk_fields_add_str(out, "notice", part == FK_NOTICE_DELIVERY ? "dsn" : "mdn");
    for (bool is_first = true; group_begin(&at, end); is_first = false) {
        group_read(&at, end, &g);
        if (is_first)
            head_put(&g, part, out);
        if (!g.final.len && !g.original.len)
            continue;
        if (recipients >= FK_NOTICE_RECIPIENTS || out->len - begin > FK_NOTICE_LINES_MAX)
            left_out++;
        else {
            recipient_put(&g, part, out);
            recipients++;
        }
    }
    if (left_out) {
        char number[24];
        snprintf(number, sizeof number, "%lu", left_out);
        fk_fields_add_str(out, "notice-left-out", number);
    }
}

bool fk_notice__message_id(const char *text, size_t len, const char **at_out, size_t *len_out) {
    const char *at = text, *end = text + len;
    struct span name, value;
    if (!group_begin(&at, end))
        return false;
    while (field_next(&at, end, &name, &value)) {
        if (!is_named(name, "Message-ID") || !value.len)
            continue;
        const struct span id = id_of(value);
        *at_out = id.at;
        *len_out = id.len;
        return id.len > 0;
    }
    return false;
}
