/* document.c - see document_priv.h. */
#include "indexer/document_priv.h"
#include "archiver/vault/fields.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/pack.h"
#include "indexer/conversation_terms_priv.h"
#include "indexer/deliveries_priv.h"
#include "indexer/directions_priv.h"
#include "indexer/notice_terms_priv.h"
#include "indexer/reading/facts_priv.h"
#include "indexer/reading/sink_priv.h"
#include "indexer/reading/transfer.h"
#include "indexer/record/provenance.h"
#include "indexer/record/reason_priv.h"
#include "indexer/store/texts_priv.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"
#include "indexer/transactions_priv.h"
#include "indexer/trust_priv.h"
#include "indexer/unlock_priv.h"
#include "indexer/verdicts_priv.h"

#include <stdlib.h>
#include <string.h>

/* What the indexer alone says of a message. A reader may have been taken over by the message that
 * it read: that one would stand for another, or have a verdict that nobody gave. */
static bool is_for_indexer(const char *term, size_t len) {
    /* clang-format off */
    static const char *const prefixes[] = {
        FK_P_KEY, FK_P_CAPTURE, FK_P_QUEUE, FK_P_OWN_MSGID, FK_P_OWN, FK_P_BORDER,
        FK_P_ENV_FROM, FK_P_ENV_TO, FK_P_BLIND, FK_P_VIA,
        FK_P_ENVFROM_ADDR, FK_P_ENVTO_ADDR, FK_P_VIA_ADDR, FK_P_CLIENT,
        FK_P_DELIVERY, FK_P_NOTICE, FK_P_ABOUT, FK_P_REFERENCE,
        FK_P_TXN, FK_P_TXN_PARTY, FK_P_TXN_PARTY_IN, FK_P_TXN_NUMBER, FK_P_TXN_CURRENCY,
        FK_P_TXN_AMOUNT, FK_P_TXN_DATE,
        FK_P_FLAG "captures", FK_P_FLAG "journal", FK_P_FLAG "partial", FK_P_FLAG "locked",
        FK_P_FLAG "opened", FK_P_FLAG "in:env", FK_P_FLAG "in:via", FK_P_FLAG "in:ip"};
    /* clang-format on */
    if (*term < 'A' || *term > 'Z')
        return false; /* a word of the text, as most are */
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (prefixes[i][0] != *term)
            continue;
        const size_t n = strlen(prefixes[i]);
        if (len >= n && memcmp(term, prefixes[i], n) == 0)
            return true;
    }
    return false;
}

/* Each a byte that says its length, and that many, none of them NUL. */
static bool terms_read(struct fk_answer *a, struct fk_reader *r) {
    const uint32_t count = fk_get_u32(r);
    const uint8_t *at = r->at, *const end = r->end;
    if (r->bad || count > FK_POSTINGS_MAX)
        return false;
    a->terms = at;
    for (uint32_t i = 0; i < count; i++) {
        const size_t len = at < end ? *at++ : 0;
        if (len == 0 || len > FK_TERM_MAX || (size_t)(end - at) < len ||
            is_for_indexer((const char *)at, len))
            return false;
        at += len;
    }
    a->terms_end = r->at = at;
    a->term_count = count;
    return count == 0 || !memchr(a->terms, 0, (size_t)(at - a->terms));
}

/* Fields of the form, each once, under the prefixes of words (prefixes.h). */
static bool texts_are_good(const uint8_t *blob, size_t len) {
    struct fk_text_field f;
    size_t at = 0;
    uint32_t seen = 0;
    while (fk_texts_field_next(blob, len, &at, &f)) {
        if (f.prefix_len > 1 || (f.prefix_len && (f.prefix[0] < 'A' || f.prefix[0] > 'Z')))
            return false;
        const uint32_t bit = f.prefix_len ? 2u << (f.prefix[0] - 'A') : 1;
        if (seen & bit)
            return false;
        seen |= bit;
    }
    return at == len;
}

/* What follows the terms. */
static bool texts_read(struct fk_answer *a, struct fk_reader *r) {
    for (size_t k = 0; k < FK_TEXTS_FIELDED; k++) {
        a->texts[k] = fk_get_bytes(r, &a->text_lens[k]);
        if (r->bad || !texts_are_good(a->texts[k], a->text_lens[k]))
            return false;
    }
    return fk_reader_done(r);
}

/* Only lines that a reader is to write, and none of them over a limit. */
static bool display_is_good(const struct fk_answer *a) {
    static const char *const names[] = {"date",         "from",        "to",       "cc",
                                        "subject",      "attachments", "file",     "border",
                                        "unsearchable", "charset",     "unlocked", "sketch"};
    struct fk_fields it = fk_fields_begin(a->display, a->display_len);
    struct fk_field f;
    while (fk_fields_next(&it, &f)) {
        bool known = false;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            known |= fk_field_is(&f, names[i]);
        if (!known || f.value_len > 8192)
            return false;
    }
    return !it.bad && a->display_len <= 131072;
}

static bool answer_read(const struct fk_buf *bytes, struct fk_answer *a) {
    struct fk_reader r;
    fk_reader_init(&r, bytes->data, bytes->len);
    a->reasons = fk_get_u32(&r);
    a->found = fk_get_u8(&r);
    a->date_ms = (int64_t)fk_get_u64(&r);
    a->display = fk_get_bytes(&r, &a->display_len);
    a->own = fk_get_bytes(&r, &a->own_len);
    a->report = fk_get_bytes(&r, &a->report_len);
    return !r.bad && (a->reasons & ~(unsigned)FK_REASON_ALL) == 0 && display_is_good(a) &&
           fk_facts__own_is_good(a->own, a->own_len) &&
           fk_facts__report_is_good(a->report, a->report_len) && terms_read(a, &r) &&
           texts_read(a, &r);
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

/* ---- what a capture knows */

struct capture {
    int64_t received_ms; /* of an import the derived date */
    char via[32];
    bool has_trust, is_trusted; /* as the envelope's "journal" line says */
    struct fk_buf lines;        /* of the envelope, those that are found again */
};

static void via_take(struct capture *c, const struct fk_field *f) {
    size_t n = 0;
    for (; n < f->value_len && n + 1 < sizeof c->via; n++)
        c->via[n] = f->value[n] > ' ' ? f->value[n] : '-';
    c->via[n] = 0;
}

static void envelope_read(const struct fk_source *s, struct capture *c) {
    static const char *const kept[] = {"queue-id", "mail-from", "rcpt-to", "carried-to"};
    struct fk_fields it = fk_fields_begin(s->envelope, s->envelope_len);
    struct fk_field f;
    bool derived = false;
    *c = (struct capture){.received_ms = s->time_ms, .via = "unknown"};
    while (fk_fields_next(&it, &f)) {
        const bool is_derived = fk_field_is(&f, "date-derived");
        if (is_derived || (fk_field_is(&f, "received") && !derived)) {
            char text[FK_TIME_SIZE] = "";
            if (f.value_len == FK_TIME_SIZE - 1)
                memcpy(text, f.value, f.value_len);
            derived |= fk_time_parse(text, &c->received_ms) && is_derived;
        } else if (fk_field_is(&f, "via") && f.value_len)
            via_take(c, &f);
        else if (fk_field_is(&f, "journal")) {
            c->has_trust = true;
            c->is_trusted = f.value_len == 7 && memcmp(f.value, "trusted", 7) == 0;
        }
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            if (fk_field_is(&f, kept[i]))
                fk_buf_add(&c->lines, f.name, (size_t)(f.value + f.value_len + 1 - f.name));
    }
}

/* Who imports vouches for what is imported; of a peer that sends, its listener must say so. */
static bool reports_count(const struct capture *c) {
    return c->has_trust ? c->is_trusted : strcmp(c->via, "import") == 0;
}

static void capture_write(const struct fk_source *s, const struct capture *c,
                          const struct fk_answer *a, struct fk_buf *data) {
    char time[FK_TIME_SIZE], text[128];
    fk_time_format(time, c->received_ms);
    snprintf(text, sizeof text, "%llu %s %s %s", (unsigned long long)s->seq, time, c->via,
             a->report_len == 0 ? "plain"
             : reports_count(c) ? "stated"
                                : "claimed");
    fk_fields_add_str(data, "capture", text);
    fk_buf_add(data, c->lines.data, c->lines.len);
    fk_buf_add(data, a->report, a->report_len);
}

/* From its first capture on, of a document's data. */
static const char *captures_of(const struct fk_buf *data, size_t *len_out) {
    static const char begin[] = "\ncapture: ";
    const char *at = data->len ? memmem(data->data, data->len, begin, sizeof begin - 1) : NULL;
    *len_out = at ? data->len - (size_t)(at + 1 - (const char *)data->data) : 0;
    return at ? at + 1 : NULL;
}

/* ---- people, as terms */

struct tokens {
    struct fk_xdoc *doc;
    const char *prefix;
    enum fk_status st;
    struct fk_err *err;
};

static void token_put(void *ctx, const struct fk_token *token) {
    struct tokens *t = ctx;
    char term[FK_TERM_MAX + 8];
    const size_t n = strlen(t->prefix), len = token->len < FK_TERM_MAX ? token->len : FK_TERM_MAX;
    memcpy(term, t->prefix, n);
    if (t->st != FK_OK)
        return;
    if (token->written && token->written_len <= FK_TERM_MAX) {
        memcpy(term + n, token->written, token->written_len);
        t->st = fk_xdoc_word(t->doc, term, n + token->written_len, t->err);
        if (t->st != FK_OK)
            return;
    }
    memcpy(term + n, token->text, len);
    t->st = fk_xdoc_word(t->doc, term, n + len, t->err);
}

/* The words of a text in a field, apart from what stands in it. */
static enum fk_status put_text(struct fk_xdoc *doc, const char *prefix, const char *text,
                               struct fk_err *err) {
    struct tokens t = {doc, prefix, FK_OK, err};
    struct fk_buf row = FK_BUF_INIT;
    uint32_t unused;
    enum fk_status st = fk_terms_to_row(text, strlen(text), 0, token_put, &t, &unused, &row, err);
    if (st == FK_OK)
        st = t.st;
    if (st == FK_OK && row.len)
        st = fk_xdoc_text(doc, FK_TEXTS_ROWS, prefix, row.data, row.len, err);
    fk_buf_free(&row);
    return st;
}

static enum fk_status put_address(struct fk_xdoc *doc, const char *prefix, const char *folded,
                                  struct fk_err *err) {
    return put_term(doc, prefix, folded, strlen(folded), err);
}

static enum fk_status put_person(struct fk_xdoc *doc, const char *folded, struct fk_err *err) {
    const char *at = strrchr(folded, '@');
    enum fk_status st = put_address(doc, FK_P_PERSON, folded, err);
    return st == FK_OK && at ? put_address(doc, FK_P_DOMAIN, at + 1, err) : st;
}

static enum fk_status put_via(struct fk_xdoc *doc, const struct fk_fact *f, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(put_person(doc, f->original_folded, err));
    FK_TRY(put_address(doc, FK_P_VIA_ADDR, f->original_folded, err));
    st = put_text(doc, FK_P_VIA, f->original, err);
done:
    return st;
}

static enum fk_status put_sender(struct fk_xdoc *doc, const struct fk_fact *f, struct fk_err *err) {
    enum fk_status st = put_address(doc, FK_P_ENVFROM_ADDR, f->folded, err);
    if (st == FK_OK && !f->transport)
        st = put_address(doc, FK_P_FROM_ADDR, f->folded, err);
    return st == FK_OK ? put_text(doc, FK_P_ENV_FROM, f->address, err) : st;
}

/* Who stands in a header is known to the reader already. */
static enum fk_status put_recipient(struct fk_xdoc *doc, const struct fk_known_person *p,
                                    const struct fk_fact *f, struct fk_err *err) {
    enum fk_status st = FK_OK;
    const bool is_blind = f->from == FK_KNOWN_JOURNAL_BCC || fk_known_person_is_blind(p);
    if (f->from <= FK_KNOWN_HEADER_BCC)
        return FK_OK;
    FK_TRY(put_address(doc, FK_P_ENVTO_ADDR, f->folded, err));
    if (f->transport)
        goto done;
    FK_TRY(put_address(doc, FK_P_TO_ADDR, f->folded, err));
    if (f->from == FK_KNOWN_JOURNAL_CC)
        FK_TRY(put_address(doc, FK_P_CC_ADDR, f->folded, err));
    if (is_blind)
        FK_TRY(put_address(doc, FK_P_BCC_ADDR, f->folded, err));
    if (*f->original)
        FK_TRY(put_via(doc, f, err));
    FK_TRY(put_text(doc, FK_P_ENV_TO, f->address, err));
    if (*f->name)
        FK_TRY(put_text(doc, FK_P_ENV_TO, f->name, err));
    if (is_blind)
        FK_TRY(put_text(doc, FK_P_BLIND, f->address, err));
done:
    return st;
}

static enum fk_status put_people(struct fk_xdoc *doc, const struct fk_provenance *known,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < known->person_count; i++) {
        const struct fk_known_person *p = &known->people[i];
        if (*p->facts->folded)
            FK_TRY(put_person(doc, p->facts->folded, err));
        for (size_t k = 0; k < p->fact_count && *p->facts->folded; k++)
            FK_TRY(p->facts[k].from < FK_KNOWN_RECIPIENTS ? put_recipient(doc, p, &p->facts[k], err)
                                                          : put_sender(doc, &p->facts[k], err));
    }
done:
    return st;
}

static enum fk_status put_captures(struct fk_xdoc *doc, const struct fk_provenance *known,
                                   struct fk_err *err) {
    enum fk_status st = FK_OK;
    int64_t first = INT64_MAX, latest = 0;
    bool is_journal = false;
    char text[40];
    for (size_t i = 0; i < known->capture_count; i++) {
        const struct fk_capture *c = &known->captures[i];
        first = c->received_ms < first ? c->received_ms : first;
        latest = c->received_ms > latest ? c->received_ms : latest;
        is_journal |= strcmp(c->kind, "plain") != 0;
        snprintf(text, sizeof text, "%llu", (unsigned long long)c->seq);
        FK_TRY(put_address(doc, FK_P_CAPTURE, text, err));
        if (*c->queue_id)
            FK_TRY(put_address(doc, FK_P_QUEUE, c->queue_id, err));
    }
    for (unsigned bit = 0; (known->capture_count - 1) >> bit; bit++) {
        snprintf(text, sizeof text, "captures:%u", bit);
        if ((known->capture_count - 1) >> bit & 1)
            FK_TRY(put_address(doc, FK_P_FLAG, text, err));
    }
    if (is_journal)
        FK_TRY(put_address(doc, FK_P_FLAG, "journal", err));
    FK_TRY(put_number(doc, FK_SLOT_RECEIVED, first, err));
    FK_TRY(put_number(doc, FK_SLOT_LATEST, latest, err));
    FK_TRY(put_address(doc, FK_P_KEY, known->key, err));
    if (*known->message_id) {
        FK_TRY(put_address(doc, FK_P_OWN_MSGID, known->message_id, err));
        FK_TRY(put_address(doc, FK_P_MSGID, known->message_id, err));
    }
done:
    return st;
}

/* ---- the document */

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

static bool is_of_wrapper(const char *term) {
    return term[0] == FK_P_WRAPPER[0];
}

/* Not what is looked up whole, and not the wrapper's, which the next capture's document takes over
 * (put_earlier). */
static bool is_word(const char *term) {
    return term[0] != 'X' && term[0] != 'Y' && !is_of_wrapper(term);
}

/* Words lie in an answer as a document takes them: those in a row go in at once. */
static enum fk_status put_terms(struct fk_xdoc *doc, const struct fk_answer *a,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    const uint8_t *words = a->terms;
    for (const uint8_t *at = a->terms, *next; at < a->terms_end; at = next) {
        const char *term = (const char *)at + 1;
        next = at + 1 + *at;
        if (is_word(term))
            continue;
        FK_TRY(fk_xdoc_words(doc, words, (size_t)(at - words), err));
        FK_TRY(fk_xdoc_term(doc, term, *at, err));
        words = next;
    }
    st = fk_xdoc_words(doc, words, (size_t)(a->terms_end - words), err);
done:
    return st;
}

static enum fk_status put_texts(struct fk_xdoc *doc, const struct fk_answer *a,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t k = 0; k < FK_TEXTS_FIELDED; k++) {
        struct fk_text_field f;
        for (size_t at = 0; fk_texts_field_next(a->texts[k], a->text_lens[k], &at, &f);) {
            char prefix[2] = "";
            memcpy(prefix, f.prefix, f.prefix_len);
            FK_TRY(fk_xdoc_text(doc, (enum fk_texts_kind)k, prefix, f.text, f.len, err));
        }
    }
done:
    return st;
}

static enum fk_status put_border(struct fk_xdoc *doc, const struct fk_source *source,
                                 const struct capture *c, const struct fk_answer *a,
                                 struct fk_buf *data, struct fk_err *err) {
    struct fk_buf lines = FK_BUF_INIT, mta = FK_BUF_INIT;
    /* A mail server tells its milters everything but its own Received field. The header that was
     * read is another's where it is that of a reported message, and anybody's where the report only
     * claims. */
    const bool is_by_milter = a->report_len == 0 && strcmp(c->via, "milter") == 0;
    if (is_by_milter)
        (void)fk_fields_find(source->envelope, source->envelope_len, "mta", &mta);
    if (a->report_len == 0 || reports_count(c))
        fk_trust__judge(source->trust, is_by_milter ? fk_buf_cstr(&mta) : NULL, a->display,
                        a->display_len, &lines);
    enum fk_status st = fk_verdicts__terms(doc, FK_P_BORDER, &lines, err);
    fk_buf_add(data, lines.data, lines.len);
    data->failed |= lines.failed || mta.failed;
    fk_buf_free(&lines);
    fk_buf_free(&mta);
    return st;
}

static enum fk_status put_found(struct fk_xdoc *doc, const struct fk_answer *a,
                                struct fk_err *err) {
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

static void put_own_lines(const struct fk_source *s, const char *read, struct fk_buf *data) {
    char text[FK_TIME_SIZE];
    struct fk_buf key = FK_BUF_INIT;
    snprintf(text, sizeof text, "%llu", (unsigned long long)s->seq);
    fk_fields_add_str(data, "seq", text);
    snprintf(text, sizeof text, "%llu", (unsigned long long)s->message_bytes);
    fk_fields_add_str(data, "size", text);
    fk_buf_hex(&key, s->key, sizeof s->key);
    fk_fields_add(data, "key", key.data, key.len);
    fk_fields_add_str(data, "read", read);
    data->failed |= key.failed;
    fk_buf_free(&key);
}

/* What the server in front said is judged before it is shown; the sketch is a value. */
static void put_answer_lines(const struct fk_answer *a, struct fk_buf *data) {
    struct fk_fields it = fk_fields_begin(a->display, a->display_len);
    for (struct fk_field f; fk_fields_next(&it, &f);)
        if (!fk_field_is(&f, "border") && !fk_field_is(&f, "sketch"))
            fk_buf_add(data, f.name, (size_t)(f.value + f.value_len + 1 - f.name));
}

/* What was read of the message itself: all but the terms of what stands around it, and what servers
 * on its way put on top: a version of it may have come by another way and be read the same. Terms
 * are short, and are summed many at a time. */
static void terms_digest(const struct fk_answer *a, struct fk_digest *digest) {
    uint8_t bytes[4096];
    size_t n = 0;
    for (const uint8_t *at = a->terms; at < a->terms_end; at += 1 + *at) {
        const char *term = (const char *)at + 1;
        const uint32_t len = *at;
        if (is_of_wrapper(term) || strncmp(term, FK_P_MSGID, strlen(FK_P_MSGID)) == 0)
            continue; /* a report's Message-ID is among the latter */
        if (n + sizeof len + len > sizeof bytes) {
            fk_digest_add(digest, bytes, n);
            n = 0;
        }
        memcpy(bytes + n, &len, sizeof len);
        memcpy(bytes + n + sizeof len, term, len);
        n += sizeof len + len;
    }
    fk_digest_add(digest, bytes, n);
}

static void texts_digest(const struct fk_answer *a, struct fk_digest *digest) {
    for (size_t k = 0; k < FK_TEXTS_FIELDED; k++) {
        struct fk_text_field f;
        for (size_t at = 0; fk_texts_field_next(a->texts[k], a->text_lens[k], &at, &f);) {
            const uint64_t lens[3] = {k, f.prefix_len, f.len};
            if (f.prefix_len && f.prefix[0] == FK_P_WRAPPER[0])
                continue;
            fk_digest_add(digest, lens, sizeof lens);
            fk_digest_add(digest, f.prefix, f.prefix_len);
            fk_digest_add(digest, f.text, f.len);
        }
    }
}

static enum fk_status read_digest(struct fk_answer *a, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_digest *digest = NULL;
    struct fk_buf lines = FK_BUF_INIT;
    uint8_t sum[FK_SHA256_BYTES];
    FK_TRY(fk_digest_new(FK_SHA256, &digest, err));
    fk_digest_add(digest, &a->date_ms, sizeof a->date_ms);
    put_answer_lines(a, &lines);
    if (lines.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "a document for the index: out of memory"));
    fk_digest_add(digest, lines.data, lines.len);
    fk_digest_add(digest, a->own, a->own_len);
    terms_digest(a, digest);
    texts_digest(a, digest);
    fk_digest_end(digest, sum);
    fk_hex(a->read, sum, sizeof sum);
done:
    fk_digest_free(&digest);
    fk_buf_free(&lines);
    return st;
}

enum fk_status fk_document__take(const struct fk_buf *bytes, const struct fk_passwords *given,
                                 struct fk_answer *out, struct fk_err *err) {
    struct fk_answer a = {.is_good = false};
    a.is_good = bytes->len > 0 && answer_read(bytes, &a) &&
                fk_unlock__is_of_given(a.display, a.display_len, given);
    if (!a.is_good)
        a = (struct fk_answer){.is_bad = bytes->len > 0};
    enum fk_status st = a.is_good ? read_digest(&a, err) : FK_OK;
    *out = a;
    return st;
}

/* ---- the message's bytes */

/* One slice of what was received, decoded, into the sum. */
static enum fk_status slice_add(struct fk_digest *sum, const uint8_t *message,
                                const struct fk_slice *in, uint64_t *bytes_out,
                                struct fk_err *err) {
    struct fk_buf decoded = FK_BUF_INIT;
    const uint8_t *data = message + in->offset;
    size_t len = in->len;
    if (in->transfer != FK_TRANSFER_IDENTITY) {
        fk_transfer_decode(in->transfer, data, len, &decoded);
        data = decoded.data;
        len = decoded.len;
    }
    fk_digest_add(sum, data, len);
    *bytes_out = len;
    const bool failed = decoded.failed;
    fk_buf_free(&decoded);
    return failed ? fk_fail(err, FK_NOMEM, "an inner message: out of memory") : FK_OK;
}

static enum fk_status inner_key(const struct fk_answer *a, const uint8_t *message, size_t len,
                                uint8_t key[FK_SHA256_BYTES], uint64_t *bytes_out,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_digest *sum = NULL;
    struct fk_fields it = fk_fields_begin(a->report, a->report_len);
    struct fk_slice in;
    uint8_t sums[FK_INNER_MAX][FK_SHA256_BYTES];
    uint64_t bytes = 0;
    size_t n = 0;
    FK_TRY(fk_digest_new(FK_SHA256, &sum, err));
    while (n < FK_INNER_MAX && fk_facts__inner_next(&it, &in)) {
        if (in.offset > len || in.len > len - in.offset)
            break; /* a reader's answer is only what it says: then the whole counts */
        fk_digest_reset(sum);
        FK_TRY(slice_add(sum, message, &in, n ? &bytes : bytes_out, err));
        fk_digest_end(sum, sums[n++]);
    }
    if (n == 1)
        memcpy(key, sums[0], FK_SHA256_BYTES);
    else if (n > 1)
        fk_sha256(sums, n * FK_SHA256_BYTES, key);
    else
        st = FK_NOT_FOUND;
done:
    fk_digest_free(&sum);
    return st;
}

enum fk_status fk_document__key(const struct fk_answer *answer, const uint8_t *message, size_t len,
                                uint8_t key[FK_SHA256_BYTES], uint64_t *bytes_out,
                                struct fk_err *err) {
    enum fk_status st =
        answer->is_good ? inner_key(answer, message, len, key, bytes_out, err) : FK_NOT_FOUND;
    if (st == FK_NOT_FOUND) {
        fk_sha256(message, len, key);
        *bytes_out = len;
        st = FK_OK;
    }
    return st;
}

/* ---- the whole */

/* Reasons that a document's data has. */
static unsigned reasons_of(const struct fk_buf *data) {
    static const char *const words[FK_REASONS] = FK_REASON_WORDS;
    struct fk_fields it = fk_fields_begin(data->data, data->len);
    struct fk_field f;
    unsigned reasons = 0;
    while (fk_fields_next(&it, &f) && !fk_field_is(&f, "capture"))
        for (unsigned i = 0; i < FK_REASONS && fk_field_is(&f, "partial"); i++)
            if (f.value_len == strlen(words[i]) && memcmp(f.value, words[i], f.value_len) == 0)
                reasons |= 1u << i;
    return reasons;
}

/* What captures before this one brought. */
static enum fk_status put_earlier(struct fk_xdoc *doc, const struct fk_xdoc *earlier,
                                  struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf row = FK_BUF_INIT;
    FK_TRY(fk_xdoc_copy_terms(doc, earlier, FK_P_WRAPPER, err));
    FK_TRY(fk_xdoc_copy_terms(doc, earlier, FK_P_MSGID, err));
    FK_TRY(fk_xdoc_copy_terms(doc, earlier, FK_P_CLIENT, err));
    FK_TRY(fk_xdoc_copy_terms(doc, earlier, FK_P_FLAG "in:ip", err));
    FK_TRY(fk_xdoc_text_get(earlier, FK_TEXTS_ROWS, FK_P_WRAPPER, &row, err));
    if (row.len)
        st = fk_xdoc_text(doc, FK_TEXTS_ROWS, FK_P_WRAPPER, row.data, row.len, err);
done:
    fk_buf_free(&row);
    return st;
}

static enum fk_status put_known(struct fk_xdoc *doc, const struct fk_buf *data,
                                struct fk_err *err) {
    enum fk_status st;
    struct fk_provenance known = FK_PROVENANCE_INIT;
    FK_TRY(fk_provenance_read(data->data, data->len, &known, err));
    FK_TRY(put_people(doc, &known, err));
    FK_TRY(fk_directions__terms(doc, &known, err));
    FK_TRY(fk_verdicts__own_terms(doc, data->data, data->len, err));
    FK_TRY(fk_deliveries__terms(doc, data->data, data->len, err));
    FK_TRY(fk_notice__terms(doc, data->data, data->len, err));
    FK_TRY(fk_transactions__put(doc, data->data, data->len, err));
    FK_TRY(fk_conversation__put(doc, data->data, data->len, err));
    st = put_captures(doc, &known, err);
done:
    fk_provenance_free(&known);
    return st;
}

/* The data: lines of the message itself, then those of its captures. */
static enum fk_status put_data(struct fk_xdoc *doc, const struct fk_source *source,
                               const struct fk_answer *a, unsigned reasons,
                               const struct fk_buf *earlier, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf data = FK_BUF_INIT;
    struct capture capture;
    size_t len;
    const char *captures = captures_of(earlier, &len);
    envelope_read(source, &capture);
    put_own_lines(source, a->read, &data);
    put_answer_lines(a, &data);
    FK_TRY(put_border(doc, source, &capture, a, &data, err));
    FK_TRY(put_reasons(doc, reasons | reasons_of(earlier), &data, err));
    FK_TRY(fk_transactions__own_copy(a->own, a->own_len, source->own_companies, &data, err));
    fk_buf_add(&data, captures, len);
    capture_write(source, &capture, a, &data);
    if (data.failed || capture.lines.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "a document for the index: out of memory"));
    FK_TRY(put_known(doc, &data, err));
    FK_TRY(fk_unlock__terms(doc, &data, err));
    st = fk_xdoc_data(doc, data.data, data.len, err);
done:
    fk_buf_free(&capture.lines);
    fk_buf_free(&data);
    return st;
}

enum fk_status fk_document__make(const struct fk_source *source, unsigned reasons,
                                 const struct fk_answer *answer, const struct fk_xdoc *earlier,
                                 struct fk_xdoc **out, size_t *postings_out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xdoc *doc = NULL;
    struct fk_buf before = FK_BUF_INIT;
    reasons |= answer->reasons;
    if (answer->is_bad)
        reasons |= FK_REASON_CRASH;
    FK_TRY(fk_xdoc_new(&doc, err));
    if (earlier) {
        FK_TRY(fk_xdoc_data_get(earlier, &before, err));
        FK_TRY(put_earlier(doc, earlier, err));
    }
    FK_TRY(put_number(doc, FK_SLOT_SIZE, (int64_t)source->message_bytes, err));
    FK_TRY(fk_directions__client(doc, source->envelope, source->envelope_len, err));
    if (answer->is_good) {
        FK_TRY(put_terms(doc, answer, err));
        FK_TRY(put_texts(doc, answer, err));
        FK_TRY(put_found(doc, answer, err));
        FK_TRY(fk_conversation__put_sketch(doc, answer->display, answer->display_len, err));
    }
    FK_TRY(put_data(doc, source, answer, reasons, &before, err));
done:
    if (st == FK_OK) {
        *out = doc;
        *postings_out = answer->term_count;
    } else
        fk_xdoc_free(&doc);
    fk_buf_free(&before);
    return st;
}
