/* facts.c - see facts_priv.h. */
#include "indexer/reading/facts_priv.h"
#include "archiver/vault/fields.h"

#include <stdio.h>
#include <string.h>

enum { ADDRESS_MAX = 1000, TEXT_MAX = 500, OTHERS_MAX = 200 };

static size_t shorter(size_t len, size_t max) {
    return len < max ? len : max;
}

bool fk_facts__header(struct fk_buf *out, const char *header, const char *address, size_t len) {
    static const char *const headers[] = {"to", "cc", "bcc"};
    static const char *const lines[] = {"header-to", "header-cc", "header-bcc"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strcmp(header, headers[i]) != 0)
            continue;
        if (out->len > FK_FACTS_MAX)
            return false;
        fk_fields_add(out, lines[i], address, shorter(len, ADDRESS_MAX));
    }
    return true;
}

bool fk_facts__domino(struct fk_buf *out, const char *header, const char *address, size_t len) {
    struct fk_buf value = FK_BUF_INIT;
    if (header[0] != '$')
        return true;
    if (out->len > FK_FACTS_MAX)
        return false;
    fk_buf_add(&value, address, shorter(len, ADDRESS_MAX));
    if (strcmp(header, "$journalrecipientsexpanded") == 0)
        fk_buf_str(&value, "\texpanded");
    fk_fields_add(out, "journal-recipient", value.data, value.len);
    out->failed |= value.failed;
    fk_buf_free(&value);
    return true;
}

/* ---- a report */

static void span_add(struct fk_buf *out, const char *name, struct fk_span s) {
    if (s.at)
        fk_fields_add(out, name, s.at, shorter(s.len, TEXT_MAX));
}

/* Tabs are between the parts, so none may be in them. */
static void part_add(struct fk_buf *value, struct fk_span s, size_t max) {
    for (size_t i = 0; i < shorter(s.len, max); i++)
        fk_buf_byte(value, s.at[i] == '\t' ? ' ' : (uint8_t)s.at[i]);
}

static void recipient_add(struct fk_buf *out, const struct fk_journal_recipient *one) {
    static const char *const lines[] = {"journal-to", "journal-cc", "journal-bcc",
                                        "journal-recipient"};
    static const char *const hows[] = {"direct", "expanded", "forwarded"};
    struct fk_buf value = FK_BUF_INIT;
    part_add(&value, one->address, ADDRESS_MAX);
    if (one->via != FK_JOURNAL_DIRECT || one->name.len) {
        fk_buf_printf(&value, "\t%s\t", hows[one->via]);
        part_add(&value, one->original, ADDRESS_MAX);
        if (one->name.len) {
            fk_buf_byte(&value, '\t');
            part_add(&value, one->name, TEXT_MAX);
        }
    }
    fk_fields_add(out, lines[one->role], value.data, value.len);
    out->failed |= value.failed;
    fk_buf_free(&value);
}

static void inner_add(struct fk_buf *out, const struct fk_slice *s) {
    static const char *const words[] = {"identity", "base64", "quoted-printable"};
    char text[80];
    snprintf(text, sizeof text, "%zu %zu %s", s->offset, s->len, words[s->transfer]);
    fk_fields_add_str(out, "inner", text);
}

bool fk_facts__report(struct fk_buf *out, const struct fk_unwrapped *u,
                      const struct fk_buf *domino) {
    const struct fk_journal_report *r = &u->report;
    static const char *const formats[] = {"domino", "exchange", "exchange-2003"};
    char layers[16];
    if (u->format == FK_JOURNAL_NONE && domino->len == 0)
        return true;
    fk_fields_add_str(out, "format", formats[u->format]);
    fk_buf_add(out, domino->data, domino->len);
    if (u->format == FK_JOURNAL_NONE)
        return true;
    snprintf(layers, sizeof layers, "%u", u->layers);
    fk_fields_add_str(out, "layers", layers);
    for (size_t i = 0; i < u->inner_count; i++)
        inner_add(out, &u->inner[i]);
    span_add(out, "sender", r->sender);
    span_add(out, "on-behalf-of", r->on_behalf_of);
    span_add(out, "mailbox", r->mailbox);
    span_add(out, "label", r->label);
    span_add(out, "sent", r->sent_utc);
    span_add(out, "arrived", r->received_utc);
    span_add(out, "report-id", r->message_id);
    for (size_t i = 0; i < r->other_count && i < OTHERS_MAX; i++)
        span_add(out, "other", r->others[i]);
    for (size_t i = 0; i < r->recipient_count; i++) {
        if (out->len > FK_FACTS_MAX)
            return false;
        recipient_add(out, &r->recipients[i]);
    }
    return r->left_out == 0;
}

/* ---- looked through */

static bool lines_are(const void *lines, size_t len, const char *const *names, size_t n) {
    struct fk_fields it = fk_fields_begin(lines, len);
    struct fk_field f;
    while (fk_fields_next(&it, &f)) {
        bool known = false;
        for (size_t i = 0; i < n; i++)
            known |= fk_field_is(&f, names[i]);
        if (!known || f.value_len > FK_FACT_VALUE_MAX)
            return false;
    }
    return !it.bad && len <= FK_FACTS_MAX + 2 * FK_FACT_VALUE_MAX;
}

bool fk_facts__own_is_good(const void *lines, size_t len) {
    static const char *const names[] = {"message-id",      "header-to",       "header-cc",
                                        "header-bcc",      "notice",          "notice-about",
                                        "notice-envelope", "notice-by",       "notice-of",
                                        "notice-words",    "notice-left-out", "txn",
                                        "txn-left-out",    "reference",       "in-reply-to"};
    return lines_are(lines, len, names, sizeof names / sizeof *names);
}

bool fk_facts__report_is_good(const void *lines, size_t len) {
    static const char *const names[] = {
        "format",     "layers",     "inner",       "sender",    "on-behalf-of",
        "mailbox",    "label",      "sent",        "report-id", "other",
        "journal-to", "journal-cc", "journal-bcc", "arrived",   "journal-recipient"};
    return lines_are(lines, len, names, sizeof names / sizeof *names);
}

bool fk_facts__inner_next(struct fk_fields *it, struct fk_slice *out) {
    struct fk_field f;
    while (fk_fields_next(it, &f)) {
        char text[80] = "", word[20] = "";
        unsigned long long offset, len;
        int end = 0;
        if (!fk_field_is(&f, "inner"))
            continue;
        if (f.value_len >= sizeof text)
            return false;
        memcpy(text, f.value, f.value_len);
        if (strspn(text, "0123456789 abcdefghijklmnopqrstuvwxyz-") != strlen(text) ||
            sscanf(text, "%19llu %19llu %19s%n", &offset, &len, word, &end) != 3 || text[end] != 0)
            return false;
        const bool is_base64 = strcmp(word, "base64") == 0;
        const bool is_quoted = strcmp(word, "quoted-printable") == 0;
        if (!is_base64 && !is_quoted && strcmp(word, "identity") != 0)
            return false;
        *out = (struct fk_slice){(size_t)offset, (size_t)len,
                                 is_base64   ? FK_TRANSFER_BASE64
                                 : is_quoted ? FK_TRANSFER_QUOTED
                                             : FK_TRANSFER_IDENTITY};
        return true;
    }
    return false;
}
