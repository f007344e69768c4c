/* document.c - see document_priv.h. */
#include "indexer/document_priv.h"
#include "archiver/vault/fields.h"
#include "base/clock.h"
#include "base/pack.h"
#include "indexer/index.h"
#include "indexer/reason_priv.h"
#include "indexer/sink_priv.h"
#include "indexer/terms.h"

#include <stdlib.h>
#include <string.h>

struct answer {
    uint32_t reasons;
    uint8_t found;
    int64_t date_ms;
    const uint8_t *display;
    size_t display_len;
    const uint8_t *terms, *end;
};

static bool varint_get(const uint8_t **at, const uint8_t *end, uint32_t *out) {
    uint32_t v = 0;
    for (unsigned shift = 0; shift < 35 && *at < end; shift += 7) {
        const uint8_t b = *(*at)++;
        if (shift == 28 && b > 15)
            return false;
        v |= (uint32_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}

typedef enum fk_status (*term_fn)(void *ctx, const char *term, size_t len,
                                  const uint32_t *positions, size_t n, struct fk_err *err);

/* Goes through the terms; false where they are not of the form. fn NULL: only looks. scratch has
 * room for the positions of one term. */
static bool terms_walk(const struct answer *a, struct fk_buf *scratch, term_fn fn, void *ctx,
                       enum fk_status *st, struct fk_err *err) {
    struct fk_reader r;
    uint64_t sum = 0;
    fk_reader_init(&r, a->terms, (size_t)(a->end - a->terms));
    const uint32_t count = fk_get_u32(&r);
    const uint8_t *at = r.at, *end = a->end;
    for (uint32_t i = 0; i < count && !r.bad && *st == FK_OK; i++) {
        uint32_t n, pos = 0, step;
        const size_t len = at < end ? *at++ : 0;
        const char *term = (const char *)at;
        if (len == 0 || len > FK_TERM_MAX || (size_t)(end - at) < len || memchr(at, 0, len))
            return false;
        at += len;
        if (!varint_get(&at, end, &n) || (sum += n) > FK_POSTINGS_MAX)
            return false;
        fk_buf_reset(scratch);
        if (!fk_buf_reserve(scratch, n * sizeof pos + 1))
            *st = fk_fail(err, FK_NOMEM, "a document for the index: out of memory");
        for (uint32_t k = 0; k < n && *st == FK_OK; k++) {
            if (!varint_get(&at, end, &step) || step == 0 || step > INT32_MAX - pos)
                return false;
            pos += step;
            memcpy(scratch->data + k * sizeof pos, &pos, sizeof pos);
        }
        if (fn && *st == FK_OK)
            *st = fn(ctx, term, len, (const uint32_t *)(const void *)scratch->data, n, err);
    }
    return !r.bad && (*st != FK_OK || at == end);
}

/* Only lines that a reader is to write, and none of them over a limit. */
static bool display_is_good(const struct answer *a) {
    static const char *const names[] = {"date",    "from",        "to",  "cc",
                                        "subject", "attachments", "file"};
    struct fk_fields it = fk_fields_begin(a->display, a->display_len);
    struct fk_field f;
    while (fk_fields_next(&it, &f)) {
        bool known = false;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            known |= fk_field_is(&f, names[i]);
        if (!known || f.value_len > 8192)
            return false;
    }
    return !it.bad && a->display_len <= 65536;
}

static bool answer_read(const struct fk_buf *bytes, struct fk_buf *scratch, struct answer *a,
                        enum fk_status *st, struct fk_err *err) {
    struct fk_reader r;
    fk_reader_init(&r, bytes->data, bytes->len);
    a->reasons = fk_get_u32(&r);
    a->found = fk_get_u8(&r);
    a->date_ms = (int64_t)fk_get_u64(&r);
    a->display = fk_get_bytes(&r, &a->display_len);
    a->terms = r.at;
    a->end = r.end;
    return !r.bad && (a->reasons & ~(unsigned)FK_REASON_ALL) == 0 && display_is_good(a) &&
           terms_walk(a, scratch, NULL, NULL, st, err);
}

/* ---- what the document is made of */

static enum fk_status put_term(struct fk_xdoc *doc, const char *prefix, const char *text,
                               size_t len, struct fk_err *err) {
    char term[FK_TERM_MAX + 8];
    const size_t n = strlen(prefix), fits = len < FK_TERM_MAX - n ? len : FK_TERM_MAX - n;
    if (len == 0)
        return FK_OK;
    memcpy(term, prefix, n);
    memcpy(term + n, text, fits);
    return fk_xdoc_term(doc, term, n + fits, err);
}

static enum fk_status put_number(struct fk_xdoc *doc, unsigned slot, int64_t value,
                                 struct fk_err *err) {
    uint8_t bytes[8];
    fk_be64(bytes, value > 0 ? (uint64_t)value : 0);
    return fk_xdoc_value(doc, slot, bytes, sizeof bytes, err);
}

/* An address of the envelope: the path before its parameters. */
static enum fk_status put_envelope_address(struct fk_xdoc *doc, const struct fk_field *f,
                                           struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf raw = FK_BUF_INIT, address = FK_BUF_INIT;
    fk_field_value(f, &raw);
    const char *text = (const char *)raw.data;
    const char *blank = raw.len ? memchr(text, ' ', raw.len) : NULL;
    FK_TRY(fk_terms_of_address(text, blank ? (size_t)(blank - text) : raw.len, &address, err));
    text = (const char *)address.data;
    const char *at = address.len ? memrchr(text, '@', address.len) : NULL;
    FK_TRY(put_term(doc, FK_P_PERSON, text, address.len, err));
    FK_TRY(put_term(doc, fk_field_is(f, "mail-from") ? FK_P_FROM_ADDR : FK_P_TO_ADDR, text,
                    address.len, err));
    if (at)
        FK_TRY(put_term(doc, FK_P_DOMAIN, at + 1, address.len - (size_t)(at + 1 - text), err));
done:
    fk_buf_free(&raw);
    fk_buf_free(&address);
    return st;
}

/* Addresses and, of an import, the derived date; else when it was received. */
static enum fk_status put_envelope(struct fk_xdoc *doc, const struct fk_source *s,
                                   int64_t *received_ms, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_fields it = fk_fields_begin(s->envelope, s->envelope_len);
    struct fk_field f;
    bool derived = false;
    *received_ms = s->time_ms;
    while (st == FK_OK && fk_fields_next(&it, &f)) {
        const bool is_derived = fk_field_is(&f, "date-derived");
        if (fk_field_is(&f, "mail-from") || fk_field_is(&f, "rcpt-to"))
            st = put_envelope_address(doc, &f, err);
        else if (is_derived || (fk_field_is(&f, "received") && !derived)) {
            char text[FK_TIME_SIZE] = "";
            if (f.value_len == FK_TIME_SIZE - 1)
                memcpy(text, f.value, f.value_len);
            derived |= fk_time_parse(text, received_ms) && is_derived;
        }
    }
    return st;
}

static enum fk_status put_reasons(struct fk_xdoc *doc, unsigned reasons, struct fk_buf *data,
                                  struct fk_err *err) {
    static const char *const words[FK_REASONS] = FK_REASON_WORDS;
    enum fk_status st = FK_OK;
    if (reasons)
        FK_TRY(put_term(doc, FK_P_FLAG, "partial", 7, err));
    for (unsigned i = 0; i < FK_REASONS; i++) {
        char flag[32];
        if (!(reasons & 1u << i))
            continue;
        const int n = snprintf(flag, sizeof flag, "partial:%s", words[i]);
        FK_TRY(put_term(doc, FK_P_FLAG, flag, (size_t)n, err));
        fk_fields_add_str(data, "partial", words[i]);
    }
done:
    return st;
}

struct posting {
    struct fk_xdoc *doc;
    size_t count;
};

static enum fk_status put_words(void *ctx, const char *term, size_t len, const uint32_t *positions,
                                size_t n, struct fk_err *err) {
    struct posting *p = ctx;
    p->count += n ? n : 1;
    return n ? fk_xdoc_postings(p->doc, term, len, positions, n, err)
             : fk_xdoc_term(p->doc, term, len, err);
}

static void put_answer_lines(const struct answer *a, struct fk_buf *data) {
    fk_buf_add(data, a->display, a->display_len);
}

static enum fk_status put_found(struct fk_xdoc *doc, const struct answer *a, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (a->found & FK_FOUND_ATTACHMENT)
        FK_TRY(put_term(doc, FK_P_FLAG, "attachment", 10, err));
    if (a->found & FK_FOUND_NESTED)
        FK_TRY(put_term(doc, FK_P_FLAG, "nested", 6, err));
    if (a->found & FK_FOUND_DATE && a->date_ms >= 0) /* GMime reads none before 1969 */
        FK_TRY(put_number(doc, FK_SLOT_DATE, a->date_ms, err));
done:
    return st;
}

static void put_own_lines(const struct fk_source *s, int64_t received_ms, struct fk_buf *data) {
    char text[FK_TIME_SIZE];
    snprintf(text, sizeof text, "%llu", (unsigned long long)s->seq);
    fk_fields_add_str(data, "seq", text);
    fk_time_format(text, received_ms);
    fk_fields_add_str(data, "received", text);
    snprintf(text, sizeof text, "%llu", (unsigned long long)s->message_bytes);
    fk_fields_add_str(data, "size", text);
}

enum fk_status fk_document__make(const struct fk_source *source, unsigned reasons,
                                 const struct fk_buf *answer, struct fk_xdoc **out,
                                 size_t *postings_out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xdoc *doc = NULL;
    struct fk_buf data = FK_BUF_INIT, scratch = FK_BUF_INIT;
    struct answer a = {.terms = NULL};
    struct posting words = {NULL, 0};
    int64_t received_ms;
    const bool has_answer = answer->len > 0 && answer_read(answer, &scratch, &a, &st, err);
    if (st != FK_OK)
        goto done;
    if (answer->len > 0 && !has_answer)
        reasons |= FK_REASON_CRASH;
    FK_TRY(fk_xdoc_new(&doc, err));
    words.doc = doc;
    if (has_answer && !terms_walk(&a, &scratch, put_words, &words, &st, err))
        st = fk_fail(err, FK_CORRUPT, "an index reader's answer changed while it was read");
    if (st != FK_OK)
        goto done;
    FK_TRY(put_envelope(doc, source, &received_ms, err));
    FK_TRY(put_number(doc, FK_SLOT_RECEIVED, received_ms, err));
    FK_TRY(put_number(doc, FK_SLOT_SIZE, (int64_t)source->message_bytes, err));
    put_own_lines(source, received_ms, &data);
    if (has_answer) {
        FK_TRY(put_found(doc, &a, err));
        put_answer_lines(&a, &data);
        reasons |= a.reasons;
    }
    FK_TRY(put_reasons(doc, reasons, &data, err));
    if (data.failed)
        st = fk_fail(err, FK_NOMEM, "a document for the index: out of memory");
    if (st == FK_OK)
        st = fk_xdoc_data(doc, data.data, data.len, err);
done:
    if (st == FK_OK) {
        *out = doc;
        *postings_out = words.count;
    } else
        fk_xdoc_free(&doc);
    fk_buf_free(&data);
    fk_buf_free(&scratch);
    return st;
}
