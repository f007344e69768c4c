/* verdict_lines.c - verdicts as lines of a document's data, and as terms: see verdicts_priv.h */
#include "archiver/vault/fields.h"
#include "indexer/deliveries_priv.h"
#include "indexer/text/prefixes.h"
#include "indexer/transactions_priv.h"
#include "indexer/verdicts_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lines */

/* The archive's own stand below captures alone; only there can nobody else have written such. */
static bool is_verdict(const struct fk_field *f) {
    return fk_field_is(f, "verdict");
}

/* So is what a log says of deliveries, and how people corrected a transaction: all stay with their
 * capture. */
static bool is_found_later(const struct fk_field *f) {
    return is_verdict(f) || fk_deliveries__is_line(f) || fk_transactions__is_line(f);
}

static uint64_t capture_seq(const struct fk_field *f) {
    return strtoull(f->value, NULL, 10); /* a blank follows */
}

static void line_copy(const struct fk_field *f, struct fk_buf *out) {
    fk_buf_add(out, f->name, (size_t)(f->value + f->value_len + 1 - f->name));
}

void fk_verdicts__replace(const struct fk_buf *data, uint64_t seq, const struct fk_buf *lines,
                          struct fk_buf *out) {
    struct fk_fields it = fk_fields_begin(data->data, data->len);
    bool is_of_it = false;
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        const bool begins = fk_field_is(&f, "capture");
        if (begins)
            is_of_it = capture_seq(&f) == seq;
        if (!is_of_it || !is_verdict(&f))
            line_copy(&f, out);
        if (begins && is_of_it)
            fk_buf_add(out, lines->data, lines->len);
    }
    out->failed |= data->failed || lines->failed;
}

/* What was found of one capture, from where the one before ended. */
static void verdicts_copy(struct fk_fields *at, uint64_t seq, struct fk_buf *out) {
    bool is_of_it = false;
    struct fk_fields ahead = *at;
    for (struct fk_field f; fk_fields_next(&ahead, &f); *at = ahead) {
        if (fk_field_is(&f, "capture")) {
            if (capture_seq(&f) > seq)
                return;
            is_of_it = capture_seq(&f) == seq;
        } else if (is_of_it && is_found_later(&f))
            line_copy(&f, out);
    }
}

void fk_verdicts__merge(const struct fk_buf *data, const struct fk_buf *earlier,
                        struct fk_buf *out) {
    struct fk_fields it = fk_fields_begin(data->data, data->len);
    struct fk_fields at = fk_fields_begin(earlier->data, earlier->len);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        line_copy(&f, out);
        if (fk_field_is(&f, "capture"))
            verdicts_copy(&at, capture_seq(&f), out);
    }
    out->failed |= data->failed || earlier->failed;
}

/* ---- terms */

static enum fk_status term_add(struct fk_xdoc *doc, const char *prefix, const char *name,
                               size_t name_len, const char *detail, size_t detail_len,
                               struct fk_err *err) {
    char term[FK_WHOLE_MAX + 16];
    int n = snprintf(term, sizeof term, "%s%.*s", prefix, (int)name_len, name);
    if (detail)
        n = snprintf(term, sizeof term, "%sdkim=@%.*s", prefix, (int)detail_len, detail);
    if (n >= FK_WHOLE_MAX)
        n = FK_WHOLE_MAX;
    for (int i = (int)strlen(prefix); i < n; i++)
        if (term[i] >= 'A' && term[i] <= 'Z')
            term[i] = (char)(term[i] - 'A' + 'a');
    return fk_xdoc_term(doc, term, (size_t)n, err);
}

/* The terms of "BY NAME=VALUE [DETAIL]". */
static enum fk_status terms_of(struct fk_xdoc *doc, const char *prefix, const struct fk_buf *value,
                               struct fk_err *err) {
    static const char held[] = "dkim=pass";
    const char *end = (const char *)value->data + value->len;
    const char *name = value->len ? memchr(value->data, ' ', value->len) : NULL;
    if (!name++)
        return FK_OK;
    const char *blank = memchr(name, ' ', (size_t)(end - name));
    const size_t len = (size_t)((blank ? blank : end) - name);
    enum fk_status st = term_add(doc, prefix, name, len, NULL, 0, err);
    if (st == FK_OK && blank && len == sizeof held - 1 && memcmp(name, held, len) == 0)
        st = term_add(doc, prefix, NULL, 0, blank + 1, (size_t)(end - blank - 1), err);
    return st;
}

enum fk_status fk_verdicts__terms(struct fk_xdoc *doc, const char *prefix,
                                  const struct fk_buf *lines, struct fk_err *err) {
    struct fk_fields it = fk_fields_begin(lines->data, lines->len);
    struct fk_buf value = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    for (struct fk_field f; st == FK_OK && fk_fields_next(&it, &f);) {
        fk_buf_reset(&value);
        fk_field_value(&f, &value);
        st = terms_of(doc, prefix, &value, err);
    }
    fk_buf_free(&value);
    return st;
}

enum fk_status fk_verdicts__own_terms(struct fk_xdoc *doc, const void *data, size_t len,
                                      struct fk_err *err) {
    struct fk_fields it = fk_fields_begin(data, len);
    struct fk_buf lines = FK_BUF_INIT;
    bool is_of_capture = false;
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        is_of_capture |= fk_field_is(&f, "capture");
        if (is_of_capture && is_verdict(&f))
            line_copy(&f, &lines);
    }
    enum fk_status st = lines.failed
                            ? fk_fail(err, FK_NOMEM, "a document for the index: out of memory")
                            : fk_verdicts__terms(doc, FK_P_OWN, &lines, err);
    fk_buf_free(&lines);
    return st;
}
