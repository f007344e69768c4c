/* unwrap.c - see unwrap_priv.h. */
#include "indexer/reading/unwrap_priv.h"
#include "indexer/reading/charset_priv.h"
#include "indexer/reading/header_priv.h"
#include "indexer/reading/html_priv.h"
#include "indexer/reading/mime_priv.h"

#include <string.h>
#include <strings.h>

enum { DEPTH_MAX = 8, PARTS_MAX = 1000, REPORT_MAX = 32 << 20 };

/* A message or a part: a block of header fields, and what comes after its empty line. */
struct entity {
    const char *head, *body, *end;
};

struct field {
    const char *at; /* NULL: not there; after the colon, folded as it came */
    size_t len;
};

static const char *line_end(const char *at, const char *end) {
    const char *lf = memchr(at, '\n', (size_t)(end - at));
    return lf ? lf + 1 : end;
}

static struct entity entity_of(const char *at, const char *end) {
    struct entity e = {at, end, end};
    while (at < end) {
        const char *next = line_end(at, end);
        if (*at == '\n' || (*at == '\r' && next - at == 2 && at[1] == '\n')) {
            e.body = next;
            return e;
        }
        at = next;
    }
    return e;
}

/* The first field of that name. */
static struct field field_of(const struct entity *e, const char *name) {
    const size_t n = strlen(name);
    for (const char *at = e->head; at < e->body;) {
        const char *stop = line_end(at, e->body);
        if ((size_t)(stop - at) > n && strncasecmp(at, name, n) == 0) {
            const char *colon = at + n;
            while (colon < stop && (*colon == ' ' || *colon == '\t'))
                colon++;
            if (colon < stop && *colon == ':') {
                while (stop < e->body && (*stop == ' ' || *stop == '\t'))
                    stop = line_end(stop, e->body);
                return (struct field){colon + 1, (size_t)(stop - colon - 1)};
            }
        }
        at = stop;
    }
    return (struct field){NULL, 0};
}

/* The value's first word, such as "multipart/mixed", is this, or begins with it where it ends with
 * a slash. */
static bool field_begins(struct field f, const char *word) {
    const size_t n = strlen(word);
    while (f.len && strchr(" \t\r\n", *f.at) && *f.at)
        f.at++, f.len--;
    if (!f.at || f.len < n || strncasecmp(f.at, word, n) != 0)
        return false;
    return word[n - 1] == '/' || f.len == n || strchr("; \t\r\n", f.at[n]) != NULL;
}

static enum fk_journal_format format_of(const struct entity *e) {
    if (field_of(e, "X-MS-Journal-Report").at ||
        field_of(e, "X-MS-Exchange-Organization-Journal-Report").at)
        return FK_JOURNAL_EXCHANGE;
    if (field_begins(field_of(e, "Content-Identifier"), "ExJournalReport") ||
        field_begins(field_of(e, "Content-Identifer"), "ExJournalReport"))
        return FK_JOURNAL_EXCHANGE_2003;
    return FK_JOURNAL_NONE;
}

static enum fk_transfer transfer_of(const struct entity *e) {
    const struct field f = field_of(e, "Content-Transfer-Encoding");
    return field_begins(f, "base64")             ? FK_TRANSFER_BASE64
           : field_begins(f, "quoted-printable") ? FK_TRANSFER_QUOTED
                                                 : FK_TRANSFER_IDENTITY;
}

/* ---- parts */

/* Is this line the boundary? *last: the one that ends them all. */
static bool is_boundary(const char *at, const char *end, const char *name, size_t n, bool *last) {
    if ((size_t)(end - at) < n + 2 || at[0] != '-' || at[1] != '-' || memcmp(at + 2, name, n) != 0)
        return false;
    at += n + 2;
    *last = end - at >= 2 && at[0] == '-' && at[1] == '-';
    if (*last)
        at += 2;
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    return at == end;
}

/* The next part from *at on, which is left behind it; false when there is none. The line end before
 * a boundary is the boundary's (RFC 2046, section 5.1.1). */
static bool part_next(const char **at, const char *end, const char *name, struct entity *out) {
    const size_t n = strlen(name);
    const char *begin = NULL;
    bool last;
    for (const char *line = *at; line < end;) {
        const char *next = line_end(line, end);
        if (is_boundary(line, next, name, n, &last)) {
            if (begin) {
                const char *stop = line;
                if (stop > begin && stop[-1] == '\n')
                    stop--;
                if (stop > begin && stop[-1] == '\r')
                    stop--;
                *out = entity_of(begin, stop);
                *at = last ? end : line;
                return true;
            }
            if (last)
                return false;
            begin = next;
        }
        line = next;
    }
    if (!begin || begin >= end)
        return false;
    *out = entity_of(begin, end); /* cut off */
    *at = end;
    return true;
}

/* ---- what is in a report */

struct contents {
    struct entity messages[FK_INNER_MAX], texts[FK_UNWRAP_TEXTS];
    size_t message_count, text_count;
    unsigned parts;
};

static bool is_message(struct field type) {
    return field_begins(type, "message/rfc822") || field_begins(type, "message/global");
}

static enum fk_status contents_add(struct contents *c, const struct entity *e, unsigned depth,
                                   struct fk_err *err) {
    const struct field type = field_of(e, "Content-Type");
    char boundary[256];
    struct entity part;
    if (is_message(type)) {
        if (c->message_count < FK_INNER_MAX)
            c->messages[c->message_count++] = *e;
        return FK_OK;
    }
    if (!field_begins(type, "multipart/")) {
        const bool is_text = !type.at || field_begins(type, "text/");
        if (is_text && c->text_count < FK_UNWRAP_TEXTS)
            c->texts[c->text_count++] = *e;
        return FK_OK;
    }
    enum fk_status st =
        fk_params__first(type.at, type.len, "boundary", boundary, sizeof boundary, err);
    const char *at = e->body;
    while (st == FK_OK && *boundary && depth < DEPTH_MAX && c->parts++ < PARTS_MAX &&
           part_next(&at, e->end, boundary, &part))
        st = contents_add(c, &part, depth + 1, err);
    return st;
}

static enum fk_status text_decode(const struct entity *e, struct fk_buf *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf raw = FK_BUF_INIT, page = FK_BUF_INIT;
    const struct field type = field_of(e, "Content-Type");
    const size_t len = (size_t)(e->end - e->body);
    const bool is_html = field_begins(type, "text/html");
    char charset[64] = "";
    bool clean = true;
    fk_transfer_decode(transfer_of(e), (const uint8_t *)e->body,
                       len < REPORT_MAX ? len : REPORT_MAX, &raw);
    if (raw.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "a journal report: out of memory"));
    if (type.at)
        FK_TRY(fk_params__first(type.at, type.len, "charset", charset, sizeof charset, err));
    if (is_html && !charset[0])
        fk_html__charset(raw.data, raw.len, charset, sizeof charset);
    FK_TRY(fk_charset__decode(charset, raw.data, raw.len, is_html ? &page : out, &clean, err));
    if (is_html)
        FK_TRY(fk_html__text((const char *)page.data, page.len, out, err));
done:
    fk_buf_free(&raw);
    fk_buf_free(&page);
    return st;
}

/* The first text that says who sent it or who had it. */
static enum fk_status report_read(const struct contents *c, struct fk_journal_report *out,
                                  struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf text = FK_BUF_INIT;
    for (size_t i = 0; st == FK_OK && i < c->text_count; i++) {
        fk_journal__free(out);
        fk_buf_reset(&text);
        st = text_decode(&c->texts[i], &text, err);
        if (st == FK_OK)
            st = fk_journal__parse((const char *)text.data, text.len, out, err);
        if (st == FK_OK && fk_journal__says_something(out))
            break;
    }
    fk_buf_free(&text);
    return st;
}

/* ---- layers */

static enum fk_status layer_read(const char *whole, const struct entity *e, unsigned layer,
                                 struct fk_unwrapped *out, struct fk_err *err);

/* Inside what stands as it is a further layer may be; inside base64 it is not looked for. */
static enum fk_status inner_look(const char *whole, const struct entity *message, unsigned layer,
                                 struct fk_unwrapped *out, struct fk_err *err) {
    if (layer >= FK_UNWRAP_LAYERS || transfer_of(message) != FK_TRANSFER_IDENTITY)
        return FK_OK;
    const struct entity inner = entity_of(message->body, message->end);
    return layer_read(whole, &inner, layer, out, err);
}

static enum fk_status report_take(const char *whole, const struct contents *c,
                                  enum fk_journal_format format, unsigned layer,
                                  struct fk_unwrapped *out, struct fk_err *err) {
    struct fk_unwrapped u = {.format = format, .layers = layer};
    enum fk_status st = report_read(c, &u.report, err);
    if (st != FK_OK || !fk_journal__says_something(&u.report)) {
        fk_journal__free(&u.report);
        return st;
    }
    for (size_t i = 0; i < c->message_count; i++)
        u.inner[u.inner_count++] = (struct fk_slice){
            (size_t)(c->messages[i].body - whole),
            (size_t)(c->messages[i].end - c->messages[i].body), transfer_of(&c->messages[i])};
    *out = u;
    return FK_OK;
}

static enum fk_status layer_read(const char *whole, const struct entity *e, unsigned layer,
                                 struct fk_unwrapped *out, struct fk_err *err) {
    const enum fk_journal_format format = format_of(e);
    const bool is_ndr = field_begins(field_of(e, "Content-Type"), "multipart/report");
    struct contents c = {.message_count = 0};
    enum fk_status st = FK_OK;
    if (!format && !is_ndr)
        return FK_OK;
    FK_TRY(contents_add(&c, e, 0, err));
    for (size_t i = 0; i < c.message_count && out->format == FK_JOURNAL_NONE; i++)
        FK_TRY(inner_look(whole, &c.messages[i], layer + 1, out, err));
    if (format && out->format == FK_JOURNAL_NONE)
        st = report_take(whole, &c, format, layer + 1, out, err);
done:
    return st;
}

enum fk_status fk_unwrap(const uint8_t *message, size_t len, struct fk_unwrapped *out,
                         struct fk_err *err) {
    struct fk_buf lines = FK_BUF_INIT;
    *out = (struct fk_unwrapped)FK_UNWRAPPED_INIT;
    enum fk_status st = fk_scan_lines(message, len, &lines, err);
    const char *whole = (const char *)(lines.len ? lines.data : message);
    const struct entity e = entity_of(whole, whole + len);
    if (st == FK_OK)
        st = layer_read(whole, &e, 0, out, err);
    fk_buf_free(&lines);
    return st;
}

void fk_unwrapped_free(struct fk_unwrapped *u) {
    fk_journal__free(&u->report);
    *u = (struct fk_unwrapped)FK_UNWRAPPED_INIT;
}

void fk_unwrapped_shell(const uint8_t *message, size_t len, const struct fk_unwrapped *u,
                        struct fk_buf *out) {
    size_t at = 0;
    for (size_t i = 0; i < u->inner_count; i++) {
        fk_buf_add(out, message + at, u->inner[i].offset - at);
        at = u->inner[i].offset + u->inner[i].len;
    }
    fk_buf_add(out, message + at, len - at);
}
