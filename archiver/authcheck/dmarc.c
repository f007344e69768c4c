/* dmarc.c - do the signatures and the client speak for the domain that people see in From (RFC
 * 7489). libopendmarc reads the policy; what belongs together is libpsl's to say, since
 * libopendmarc 1.4.2 has "com" for the organization of x.com, and c.kawasaki.jp for that of
 * b.c.kawasaki.jp. */
#include "archiver/authcheck/check_priv.h"

#include <netinet/in.h>
#include <arpa/nameser.h>
#include <resolv.h>
#include <sys/param.h>
#include <libpsl.h>
#include <opendkim/dkim.h>
#include <opendmarc/dmarc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static psl_ctx_t *suffixes;

enum fk_status fk_dmarc_library(struct fk_err *err) {
    OPENDMARC_LIB_T lib = {.tld_type = OPENDMARC_TLD_TYPE_NONE};
    suffixes = psl_latest(NULL);
    return suffixes && opendmarc_policy_library_init(&lib) == DMARC_PARSE_OKAY
               ? FK_OK
               : fk_fail(err, FK_INVALID,
                         "there is no list of public suffixes; install the "
                         "package publicsuffix");
}

/* ---- From */

bool fk_message_is_from(const struct fk_buf *field) {
    static const char name[] = "from";
    size_t n = sizeof name - 1;
    if (field->len <= n || strncasecmp((const char *)field->data, name, n) != 0)
        return false;
    while (n < field->len && (field->data[n] == ' ' || field->data[n] == '\t'))
        n++;
    return n < field->len && field->data[n] == ':';
}

/* Is there a second address behind a comma that is in no quotes, comment or route? */
static bool is_list(const struct fk_buf *from) {
    bool quoted = false;
    unsigned comments = 0, angles = 0;
    for (size_t i = 0; i < from->len; i++) {
        const uint8_t c = from->data[i];
        if (c == '\\')
            i++;
        else if (c == '"' && !comments)
            quoted = !quoted;
        else if (quoted)
            continue;
        else if (c == '(')
            comments++;
        else if (c == ')')
            comments -= comments > 0;
        else if (!comments && (c == '<' || c == '>'))
            angles = c == '<';
        else if (!comments && !angles && (c == ',' || c == ';'))
            return true;
    }
    return false;
}

/* The one domain of the one From field; what is more or less than one says nothing (RFC 7489,
 * 6.6.1). */
static bool from_domain(const struct fk_message *m, struct fk_dns_question *out) {
    struct fk_buf field = FK_BUF_INIT, from = FK_BUF_INIT;
    size_t at = 0, count = 0;
    bool found = false;
    while (fk_message_field(m, &at, &field))
        if (fk_message_is_from(&field) && count++ == 0) {
            const uint8_t *colon = memchr(field.data, ':', field.len);
            for (const uint8_t *c = colon + 1; c < field.data + field.len; c++)
                fk_buf_byte(&from, *c == '\r' || *c == '\n' || !*c ? ' ' : *c);
        }
    unsigned char *user = NULL, *domain = NULL;
    if (count == 1 && *fk_buf_cstr(&from) && !from.failed && !is_list(&from) &&
        dkim_mail_parse(from.data, &user, &domain) == 0 && domain)
        found = fk_dns_question_set(out, FK_DNS_TXT, (const char *)domain,
                                    strlen((const char *)domain));
    fk_buf_free(&field);
    fk_buf_free(&from);
    return found;
}

/* ---- the policy */

/* The one record that is a policy: of several none counts (6.6.3). */
static bool policy_of(struct fk_dns_answer *a, struct fk_buf *out) {
    static const char mark[] = "v=DMARC1";
    struct fk_buf one = FK_BUF_INIT;
    size_t count = 0;
    while (fk_dns_record(a, &one)) {
        if (one.len >= sizeof mark - 1 && memcmp(one.data, mark, sizeof mark - 1) == 0 &&
            count++ == 0)
            fk_buf_add(out, one.data, one.len);
        fk_buf_reset(&one);
    }
    fk_buf_free(&one);
    if (count != 1)
        fk_buf_reset(out);
    return count == 1 && !out->failed;
}

static bool question_of(const char *domain, struct fk_dns_question *q) {
    char name[FK_DNS_NAME_MAX + 16];
    const int n = snprintf(name, sizeof name, "_dmarc.%s", domain);
    return fk_dns_question_set(q, FK_DNS_TXT, name, (size_t)n);
}

/* The policy at a domain. False: none there; out->result says "temperror" where nobody knows. */
static bool policy_find(const struct fk_known *k, const char *domain, struct fk_buf *need,
                        struct fk_buf *record, struct fk_dmarc *out) {
    struct fk_dns_question q;
    struct fk_dns_answer a;
    fk_buf_reset(record);
    if (!question_of(domain, &q) || !fk_known_find(k, &q, need, &a))
        return false;
    if (a.state == FK_DNS_BOGUS || a.status == FK_DNS_FAILED || a.status == FK_DNS_LIMIT) {
        snprintf(out->result, sizeof out->result, "temperror");
        return false;
    }
    return a.status == FK_DNS_OK && policy_of(&a, record);
}

static void organization_of(const char *domain, char *out, size_t size) {
    const char *organization = psl_registrable_domain(suffixes, domain);
    snprintf(out, size, "%s", organization ? organization : domain);
}

void fk_dmarc_begin(const struct fk_message *m, const struct fk_known *k, struct fk_buf *need,
                    struct fk_dmarc *out) {
    struct fk_dns_question from;
    *out = (struct fk_dmarc){.result = ""};
    if (!from_domain(m, &from))
        return;
    snprintf(out->domain, sizeof out->domain, "%s", from.name);
    organization_of(from.name, out->organization, sizeof out->organization);
    const size_t before = need->len;
    if (!policy_find(k, out->domain, need, &out->record, out) && need->len == before &&
        !*out->result && strcmp(out->domain, out->organization) != 0)
        out->of_organization = policy_find(k, out->organization, need, &out->record, out);
    if (!*out->result && !out->record.len)
        snprintf(out->result, sizeof out->result, "none");
}

void fk_dmarc_free(struct fk_dmarc *d) {
    fk_buf_free(&d->record);
}

/* ---- the result */

static const char *policy_word(int policy) {
    switch (policy) {
    case DMARC_RECORD_P_NONE:
        return "none";
    case DMARC_RECORD_P_QUARANTINE:
        return "quarantine";
    case DMARC_RECORD_P_REJECT:
        return "reject";
    default:
        return "-";
    }
}

/* 3.1: strict, the domain itself; relaxed, one of the same organization. */
static bool is_aligned(const struct fk_dmarc *d, const char *domain, bool strict) {
    char organization[FK_DNS_NAME_MAX + 1];
    if (strcmp(d->domain, domain) == 0)
        return true;
    organization_of(domain, organization, sizeof organization);
    return !strict && strcmp(d->organization, organization) == 0;
}

static void judge(DMARC_POLICY_T *p, struct fk_dmarc *d, const struct fk_passes *passes,
                  const struct fk_spf *spf) {
    int policy = DMARC_RECORD_P_UNSPECIFIED, sub = DMARC_RECORD_P_UNSPECIFIED;
    int adkim = DMARC_RECORD_A_RELAXED, aspf = DMARC_RECORD_A_RELAXED;
    (void)opendmarc_policy_fetch_p(p, &policy);
    (void)opendmarc_policy_fetch_sp(p, &sub);
    (void)opendmarc_policy_fetch_adkim(p, &adkim);
    (void)opendmarc_policy_fetch_aspf(p, &aspf);
    if (sub != DMARC_RECORD_P_UNSPECIFIED && d->of_organization)
        policy = sub;
    bool by_dkim = false;
    for (size_t i = 0; i < passes->count; i++)
        by_dkim |= is_aligned(d, passes->at[i].domain, adkim == DMARC_RECORD_A_STRICT);
    const bool by_spf = strcmp(spf->result, "pass") == 0 &&
                        is_aligned(d, spf->domain, aspf == DMARC_RECORD_A_STRICT);
    snprintf(d->result, sizeof d->result, "%s", by_dkim || by_spf ? "pass" : "fail");
    snprintf(d->policy, sizeof d->policy, "%s", policy_word(policy));
    snprintf(d->aligned, sizeof d->aligned, "%s%s%s", by_dkim ? "dkim" : "",
             by_dkim && by_spf ? "," : "", by_spf ? "spf" : "");
}

enum fk_status fk_dmarc_finish(struct fk_dmarc *d, const struct fk_passes *passes,
                               const struct fk_spf *spf, struct fk_err *err) {
    unsigned char client[] = "0.0.0.0", from[FK_DNS_NAME_MAX + 1];
    if (!*d->domain || *d->result)
        return FK_OK;
    DMARC_POLICY_T *p = opendmarc_policy_connect_init(client, 0);
    snprintf((char *)from, sizeof from, "%s", d->domain);
    const int read = p ? opendmarc_policy_parse_dmarc(
                             p, from, (unsigned char *)(uintptr_t)fk_buf_cstr(&d->record))
                       : DMARC_PARSE_ERROR_NO_ALLOC;
    if (read == DMARC_PARSE_OKAY)
        judge(p, d, passes, spf);
    else
        snprintf(d->result, sizeof d->result, "permerror");
    if (p)
        (void)opendmarc_policy_connect_shutdown(p);
    return read == DMARC_PARSE_ERROR_NO_ALLOC
               ? fk_fail(err, FK_NOMEM, "libopendmarc: out of memory")
               : FK_OK;
}

void fk_dmarc_write(const struct fk_dmarc *d, struct fk_buf *out) {
    char line[sizeof d->result + sizeof d->domain + sizeof d->policy + sizeof d->aligned + 8];
    if (!*d->domain)
        return;
    fk_fields_add_str(out, "from", d->domain);
    snprintf(line, sizeof line, "%s %s %s %s", d->result, d->domain, *d->policy ? d->policy : "-",
             *d->aligned ? d->aligned : "-");
    fk_fields_add_str(out, "dmarc", line);
}
