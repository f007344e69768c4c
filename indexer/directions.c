/* directions.c - see directions_priv.h. */
#include "indexer/directions_priv.h"
#include "archiver/vault/fields.h"
#include "indexer/reading/docterms_priv.h"
#include "indexer/record/client_term.h"
#include "indexer/text/host.h"
#include "indexer/text/prefixes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static enum fk_status put(struct fk_xdoc *doc, const char *prefix, const char *text,
                          struct fk_err *err) {
    char term[FK_TERM_MAX + 8];
    const int n = snprintf(term, sizeof term, "%s%.*s", prefix, FK_WHOLE_MAX, text);
    return *text ? fk_xdoc_term(doc, term, (size_t)n, err) : FK_OK;
}

/* The domain and each that it is below. */
static enum fk_status put_domain(struct fk_xdoc *doc, const char *prefix, const char *domain,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (const char *at = domain; at && *at && st == FK_OK; at = fk_host_above(at))
        st = put(doc, prefix, at, err);
    return st;
}

/* People come by address, so one domain may come again. */
static void domain_add(struct fk_buf *domains, const char *domain) {
    char line[FK_WHOLE_MAX + 3];
    const int n = snprintf(line, sizeof line, "\n%.*s\n", FK_WHOLE_MAX, domain);
    if (domains->len == 0) /* so that each has one before it, too */
        fk_buf_byte(domains, '\n');
    if (!domains->failed && !memmem(domains->data, domains->len, line, (size_t)n))
        fk_buf_add(domains, line + 1, (size_t)n - 1);
}

/* What one person's facts say. */
static enum fk_status put_person(struct fk_xdoc *doc, const struct fk_known_person *p,
                                 struct fk_buf *domains, struct fk_err *err) {
    enum fk_status st = FK_OK;
    const char *at = strrchr(p->facts->folded, '@');
    for (size_t i = 0; i < p->fact_count; i++) {
        const struct fk_fact *f = &p->facts[i];
        const bool is_recipient = f->from < FK_KNOWN_RECIPIENTS;
        if (f->from > FK_KNOWN_HEADER_BCC)
            FK_TRY(put(doc, FK_P_FLAG, is_recipient ? "in:envto" : "in:envfrom", err));
        if (f->transport)
            continue;
        if (is_recipient)
            FK_TRY(put(doc, FK_P_FLAG, "in:to", err));
        if (f->from == FK_KNOWN_JOURNAL_CC)
            FK_TRY(put(doc, FK_P_FLAG, "in:cc", err));
        if (is_recipient && *f->original)
            FK_TRY(put(doc, FK_P_FLAG, "in:via", err));
        if (at)
            FK_TRY(put_domain(doc, is_recipient ? FK_P_TO_DOMAIN : FK_P_OF_DOMAIN, at + 1, err));
        if (at && is_recipient)
            domain_add(domains, at + 1);
    }
    if (fk_known_person_is_blind(p))
        st = put(doc, FK_P_FLAG, "in:bcc", err);
done:
    return st;
}

enum fk_status fk_directions__terms(struct fk_xdoc *doc, const struct fk_provenance *known,
                                    struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf domains = FK_BUF_INIT;
    for (size_t i = 0; i < known->person_count; i++)
        if (*known->people[i].facts->folded)
            FK_TRY(put_person(doc, &known->people[i], &domains, err));
    if (*known->message_id)
        FK_TRY(put(doc, FK_P_FLAG, "in:msgid", err));
    if (domains.failed)
        st = fk_fail(err, FK_NOMEM, "a document for the index: out of memory");
    else if (domains.len > FK_TO_DOMAINS_MAX)
        st = fk_xdoc_value(doc, FK_SLOT_TO_DOMAINS, "*", 1, err);
    else if (domains.len > 1)
        st = fk_xdoc_value(doc, FK_SLOT_TO_DOMAINS, domains.data + 1, domains.len - 1, err);
done:
    fk_buf_free(&domains);
    return st;
}

/* ---- who delivered it */

/* "192.0.2.1:1234", "[2001:db8::1]:1234", "IPv6:2001:db8::1" */
static void address_of(const char *text, char *out, size_t size) {
    if (strncasecmp(text, "ipv6:", 5) == 0)
        text += 5;
    const char *begin = text + (*text == '['), *end = strchr(begin, *text == '[' ? ']' : ':');
    if (!end || (*text != '[' && strchr(end + 1, ':')))
        end = begin + strlen(begin);
    snprintf(out, size, "%.*s", (int)(end - begin), begin);
}

enum fk_status fk_directions__client(struct fk_xdoc *doc, const void *envelope, size_t len,
                                     struct fk_err *err) {
    static const char *const names[] = {"xforward-addr", "proxy-client", "peer"};
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct fk_buf text = FK_BUF_INIT;
        char address[64] = "", term[FK_CLIENT_DIGITS + 1];
        bool is_v4;
        if (fk_fields_find(envelope, len, names[i], &text))
            address_of(fk_buf_cstr(&text), address, sizeof address);
        fk_buf_free(&text);
        if (!fk_client_term(address, term, &is_v4))
            continue;
        st = put(doc, FK_P_CLIENT, term, err);
        return st == FK_OK ? put(doc, FK_P_FLAG, "in:ip", err) : st;
    }
    return st;
}
