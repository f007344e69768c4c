/* html.c - see html_priv.h. */
#include "indexer/reading/html_priv.h"
#include "indexer/reading/charset_priv.h"

#include <libxml/HTMLparser.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { CHUNK = 65536, LOOK_AT = 2048 };

struct page {
    struct fk_buf *out;
    struct fk_buf *links; /* NULL: not wanted */
    size_t begin;
    unsigned hidden; /* depth inside script and style */
};

/* Names begin with a small letter. */
static bool is_one_of(const char *name, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((name[0] | 0x20) == names[i][0] && strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}
#define ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof *(names))

static const char *const inline_elements[] = {
    "a",   "abbr", "acronym", "b",    "bdi", "bdo",  "big",   "body", "cite",   "code",   "del",
    "dfn", "em",   "font",    "html", "i",   "ins",  "kbd",   "mark", "meta",   "nobr",   "o:p",
    "q",   "rp",   "rt",      "ruby", "s",   "samp", "small", "span", "strike", "strong", "sub",
    "sup", "tt",   "u",       "var",  "wbr", "img",  "link",  "base", "head"};
static const char *const link_attributes[] = {"href",       "src",     "action", "formaction",
                                              "background", "poster",  "cite",   "xlink:href",
                                              "data",       "longdesc"};
static const char *const hidden_elements[] = {"script", "style"};

/* Two line ends, unless they are there already. */
static void set_apart(struct page *p) {
    struct fk_buf *b = p->out;
    while (b->len > p->begin && (b->data[b->len - 1] == ' ' || b->data[b->len - 1] == '\n'))
        b->len--;
    if (b->len > p->begin)
        fk_buf_add(b, "\n\n", 2);
}

static void element_begin(void *ctx, const xmlChar *name, const xmlChar **attributes) {
    struct page *p = ctx;
    const char *n = (const char *)name;
    if (ONE_OF(n, hidden_elements))
        p->hidden++;
    else if (strcasecmp(n, "br") == 0)
        fk_buf_byte(p->out, '\n');
    else if (!ONE_OF(n, inline_elements))
        set_apart(p);
    for (; attributes && attributes[0]; attributes += 2) {
        const char *a = (const char *)attributes[0], *value = (const char *)attributes[1];
        if (p->links && value && *value && *value != '#' && ONE_OF(a, link_attributes) &&
            strncasecmp(value, "data:", 5) != 0) /* a picture, and large */
            fk_buf_add(p->links, value, strlen(value) + 1);
        if (p->hidden)
            continue;
        if (value && *value && strcasecmp(a, "alt") == 0) {
            fk_buf_byte(p->out, ' ');
            fk_buf_str(p->out, value);
            fk_buf_byte(p->out, ' ');
        }
    }
}

static void element_end(void *ctx, const xmlChar *name) {
    struct page *p = ctx;
    const char *n = (const char *)name;
    if (ONE_OF(n, hidden_elements)) {
        if (p->hidden > 0)
            p->hidden--;
    } else if (strcasecmp(n, "br") != 0 && !ONE_OF(n, inline_elements))
        set_apart(p);
}

static void characters(void *ctx, const xmlChar *text, int len) {
    struct page *p = ctx;
    if (!p->hidden)
        fk_buf_add(p->out, text, (size_t)len);
}

void fk_html__prepare(void) {
    xmlInitParser();
}

enum fk_status fk_html__read(const char *html, size_t len, struct fk_buf *out, struct fk_buf *links,
                             struct fk_err *err) {
    struct page p = {out, links, out->len, 0};
    xmlSAXHandler sax;
    memset(&sax, 0, sizeof sax);
    sax.startElement = element_begin;
    sax.endElement = element_end;
    sax.characters = characters;
    sax.ignorableWhitespace = characters;
    sax.cdataBlock = characters;
    htmlParserCtxtPtr parser =
        htmlCreatePushParserCtxt(&sax, &p, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);
    if (!parser)
        return fk_fail(err, FK_NOMEM, "reading HTML: out of memory");
    (void)htmlCtxtUseOptions(parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
                                         HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
                                         HTML_PARSE_IGNORE_ENC);
    /* What the parser thinks of the page is of no interest: it recovers from everything. */
    for (size_t at = 0; at < len && !out->failed; at += CHUNK)
        (void)htmlParseChunk(parser, html + at, (int)(len - at < CHUNK ? len - at : CHUNK), 0);
    (void)htmlParseChunk(parser, NULL, 0, 1);
    htmlFreeParserCtxt(parser);
    return out->failed || (links && links->failed)
               ? fk_fail(err, FK_NOMEM, "reading HTML: out of memory")
               : FK_OK;
}

enum fk_status fk_html__text(const char *html, size_t len, struct fk_buf *out, struct fk_err *err) {
    return fk_html__read(html, len, out, NULL, err);
}

void fk_html__charset(const void *html, size_t len, char *out, size_t size) {
    const char *text = html, *end = text + (len < LOOK_AT ? len : LOOK_AT);
    out[0] = 0;
    for (const char *at = text; end - at > 8; at++) {
        if (strncasecmp(at, "charset=", 8) != 0)
            continue;
        size_t n = 0;
        for (at += 8; at < end && (*at == '"' || *at == '\''); at++)
            ;
        while (at + n < end && n + 1 < size && at[n] > ' ' && !strchr("\"'>;/", at[n]))
            n++;
        memcpy(out, at, n);
        out[n] = 0;
        if (fk_charset__is_wide(out)) /* then this could not be read (HTML, 13.2.3.2) */
            snprintf(out, size, "utf-8");
        return;
    }
}
