/* office.c - see office_priv.h: which elements hold text, and what stands between them. */
#include "indexer/reading/office_priv.h"

#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CHUNK = 65536, DEPTH_MAX = 1000 };

struct part {
    struct fk_office_parts *doc;
    struct fk_buf out, number;     /* number: of a shared string */
    struct fk_buf links;           /* targets, each with a NUL behind it */
    unsigned depth, text, skipped; /* text: depth of elements whose characters count */
    bool takes_all;                /* every character is text */
    bool is_about;                 /* ... and every element a line: what is said of the document */
    bool is_strings, in_value, is_shared;
    bool is_over;
};

static bool is(const xmlChar *name, const char *word) {
    return strcmp((const char *)name, word) == 0;
}

static bool is_one_of(const xmlChar *name, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (is(name, names[i]))
            return true;
    return false;
}
#define ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof *(names))

/* rPh, rt, ruby-text: how something is pronounced, which stands beside it. Fallback: the same
 * again for older programs. */
static const char *const skipped[] = {"rPh",       "rt",  "ruby-text", "Fallback",
                                      "instrText", "pPr", "rPr"};
static const char *const texts[] = {"t",           "delText",     "oddHeader",
                                    "oddFooter",   "evenHeader",  "evenFooter",
                                    "firstHeader", "firstFooter", "text"};
static const char *const line_ends[] = {"br", "cr", "line-break"};
static const char *const paragraphs[] = {"p",         "h",     "row", "table-row",  "si", "comment",
                                         "list-item", "sheet", "pt",  "definedName"};
static const char *const cells[] = {"tc", "c", "table-cell"};

static void line_end(struct part *p) {
    if (p->out.len && p->out.data[p->out.len - 1] != '\n')
        fk_buf_byte(&p->out, '\n');
}

static const char *attribute(const xmlChar **attributes, int n, const char *name, size_t *len_out) {
    for (int i = 0; i < n; i++, attributes += 5)
        if (is(attributes[0], name)) {
            *len_out = (size_t)(attributes[4] - attributes[3]);
            return (const char *)attributes[3];
        }
    return NULL;
}

/* Of a document in ODF on the element itself (href), of OOXML in the relations of its part. What
 * leads to another part of the document is no link. */
static void link_take(struct part *p, const xmlChar *name, const xmlChar **attributes, int count) {
    size_t len = 0, mode_len = 0;
    const bool is_relation = is(name, "Relationship");
    const char *target = attribute(attributes, count, is_relation ? "Target" : "href", &len);
    const char *mode =
        is_relation ? attribute(attributes, count, "TargetMode", &mode_len) : "External";
    if (!target || !mode || strncmp(mode, "External", 8) != 0 || !memchr(target, ':', len))
        return;
    /* libxml2 gives each & of a value as it would stand in a document. */
    for (const char *end = target + len; target < end; target++) {
        fk_buf_byte(&p->links, (uint8_t)*target);
        if (end - target >= 5 && memcmp(target, "&#38;", 5) == 0)
            target += 4;
    }
    fk_buf_byte(&p->links, 0);
}

static void element_begin(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                          int namespace_count, const xmlChar **namespaces, int count, int defaulted,
                          const xmlChar **attributes) {
    struct part *p = ctx;
    size_t len;
    const char *value;
    (void)prefix, (void)uri, (void)namespace_count, (void)namespaces, (void)defaulted;
    p->depth++;
    link_take(p, name, attributes, count);
    if (p->skipped || ONE_OF(name, skipped)) {
        /* pPr and rPr hold names of styles and nothing to read */
        p->skipped++;
        return;
    }
    if (is(name, "encryption-data"))
        p->doc->is_encrypted = true;
    if (ONE_OF(name, line_ends))
        fk_buf_byte(&p->out, '\n');
    else if (is(name, "tab"))
        fk_buf_byte(&p->out, '\t');
    else if (is(name, "s") && p->takes_all)
        fk_buf_byte(&p->out, ' ');
    else if (is(name, "noBreakHyphen"))
        fk_buf_byte(&p->out, '-');
    else if (is(name, "sheet") && (value = attribute(attributes, count, "name", &len))) {
        fk_buf_add(&p->out, value, len);
        line_end(p);
    } else if (is(name, "c")) {
        value = attribute(attributes, count, "t", &len);
        p->is_shared = value && len == 1 && *value == 's';
    } else if (is(name, "v")) {
        p->in_value = true;
        fk_buf_reset(&p->number);
    }
    if (ONE_OF(name, texts))
        p->text++;
}

/* A cell's value: what it names, or itself. */
static void value_end(struct part *p) {
    p->in_value = false;
    const size_t count = p->doc->ends.len / sizeof(size_t);
    if (!p->is_shared) {
        fk_buf_add(&p->out, p->number.data, p->number.len);
        return;
    }
    const size_t i = strtoul(fk_buf_cstr(&p->number), NULL, 10);
    size_t from = 0, to;
    if (i >= count) { /* the strings are not there, or not all of them */
        p->doc->is_damaged = true;
        return;
    }
    memcpy(&to, p->doc->ends.data + i * sizeof to, sizeof to);
    if (i > 0)
        memcpy(&from, p->doc->ends.data + (i - 1) * sizeof from, sizeof from);
    if (p->out.len + (to - from) > FK_FILE_TEXT_MAX)
        p->is_over = true;
    else
        fk_buf_add(&p->out, p->doc->strings.data + from, to - from);
}

static void element_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri) {
    struct part *p = ctx;
    (void)prefix, (void)uri;
    p->depth--;
    if (p->skipped) {
        p->skipped--;
        return;
    }
    if (ONE_OF(name, texts) && p->text)
        p->text--;
    if (is(name, "v") && p->in_value)
        value_end(p);
    if (p->is_strings) {
        if (is(name, "si")) {
            const size_t end = p->out.len;
            fk_buf_add(&p->doc->ends, &end, sizeof end);
        }
        return;
    }
    if (p->is_about)
        line_end(p);
    else if (ONE_OF(name, cells))
        fk_buf_byte(&p->out, '\t');
    else if (ONE_OF(name, paragraphs))
        line_end(p);
}

static void characters(void *ctx, const xmlChar *text, int len) {
    struct part *p = ctx;
    if (p->skipped)
        return;
    if (p->in_value)
        fk_buf_add(&p->number, text, (size_t)len);
    else if (p->text || p->takes_all) {
        if (p->out.len + (size_t)len > FK_FILE_TEXT_MAX)
            p->is_over = true;
        else
            fk_buf_add(&p->out, text, (size_t)len);
    }
}

static void parse(struct part *p, const char *xml, size_t len) {
    xmlSAXHandler sax;
    memset(&sax, 0, sizeof sax);
    sax.initialized = XML_SAX2_MAGIC;
    sax.startElementNs = element_begin;
    sax.endElementNs = element_end;
    sax.characters = characters;
    sax.ignorableWhitespace = characters;
    sax.cdataBlock = characters;
    xmlParserCtxtPtr parser = xmlCreatePushParserCtxt(&sax, p, NULL, 0, NULL);
    if (!parser) {
        p->out.failed = true;
        return;
    }
    (void)xmlCtxtUseOptions(parser, XML_PARSE_RECOVER | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                        XML_PARSE_NONET);
    for (size_t at = 0; at < len && !p->out.failed && !p->is_over && p->depth < DEPTH_MAX;
         at += CHUNK)
        (void)xmlParseChunk(parser, xml + at, (int)(len - at < CHUNK ? len - at : CHUNK), 0);
    (void)xmlParseChunk(parser, NULL, 0, 1);
    if (!parser->wellFormed)
        p->doc->is_damaged = true;
    if (parser->myDoc)
        xmlFreeDoc(parser->myDoc);
    xmlFreeParserCtxt(parser);
}

enum fk_status fk_office__strings(struct fk_office_parts *doc, const void *xml, size_t len,
                                  struct fk_err *err) {
    struct part p = {.doc = doc, .is_strings = true};
    parse(&p, xml, len);
    fk_buf_free(&doc->strings);
    doc->strings = p.out;
    fk_buf_free(&p.number);
    fk_buf_free(&p.links);
    return p.out.failed || doc->ends.failed
               ? fk_fail(err, FK_NOMEM, "reading a workbook: out of memory")
               : FK_OK;
}

static bool has_all_its_text(enum fk_office office, const char *name) {
    return strncasecmp(name, "docProps/", 9) == 0 ||
           (office == FK_OFFICE_ODF && strcmp(name, "META-INF/manifest.xml") != 0);
}

enum fk_status fk_office__part(struct fk_office_parts *doc, struct fk_files *f, const char *name,
                               const void *xml, size_t len, struct fk_err *err) {
    struct part p = {.doc = doc, .takes_all = has_all_its_text(doc->office, name)};
    enum fk_status st = FK_OK;
    if (doc->is_encrypted)
        return FK_OK;
    p.is_about = strncasecmp(name, "docProps/", 9) == 0 || strcmp(name, "meta.xml") == 0;
    parse(&p, xml, len);
    if (p.is_over)
        fk_files__unread(f, NULL, FK_REASON_LIMIT);
    if (p.out.failed || p.links.failed)
        st = fk_fail(err, FK_NOMEM, "reading a document: out of memory");
    else if (p.out.len)
        st = fk_files__text(f, (const char *)p.out.data, p.out.len, err);
    if (st == FK_OK && p.links.len)
        st = fk_files__links(f, &p.links, err);
    fk_buf_free(&p.links);
    fk_buf_free(&p.out);
    fk_buf_free(&p.number);
    return st;
}

void fk_office__free(struct fk_office_parts *p) {
    fk_buf_free(&p->strings);
    fk_buf_free(&p->ends);
}
