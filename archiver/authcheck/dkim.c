/* dkim.c - every signature of a message by libopendkim (RFC 6376, RFC 8463), with keys that were
 * looked up before. Nothing here asks the network. */
#include "archiver/authcheck/check_priv.h"

/* opendkim/dkim.h declares things of its own with names that banned.h leaves alone. */
#include <opendkim/dkim.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct fk_dkim {
    DKIM *dkim;
    const struct fk_message *message;
    const struct fk_known *known;
    size_t body_at;
    DKIM_SIGINFO **signatures; /* the library's */
    int count;
    size_t froms; /* From fields of the message */
};

static DKIM_LIB *library;
static const struct fk_dkim *at_hand; /* for the library's callback, which has no other way to it */

/* ---- keys */

static bool question_of(DKIM_SIGINFO *sig, struct fk_dns_question *q) {
    char name[2 * FK_DNS_NAME_MAX + 32];
    const int n =
        snprintf(name, sizeof name, "%s._domainkey.%s", (const char *)dkim_sig_getselector(sig),
                 (const char *)dkim_sig_getdomain(sig));
    return n > 0 && (size_t)n < sizeof name && fk_dns_question_set(q, FK_DNS_TXT, name, (size_t)n);
}

/* Of several records the first that says what it is, else the first (RFC 6376, 3.6.2.2: undefined).
 */
static bool key_choose(struct fk_dns_answer *a, struct fk_buf *out) {
    static const char mark[] = "v=DKIM1";
    struct fk_buf one = FK_BUF_INIT;
    bool any = false, marked = false;
    while (!marked && fk_dns_record(a, &one)) {
        marked = one.len >= sizeof mark - 1 && memcmp(one.data, mark, sizeof mark - 1) == 0;
        if (!any || marked) {
            fk_buf_reset(out);
            fk_buf_add(out, one.data, one.len);
        }
        any = true;
        fk_buf_reset(&one);
    }
    fk_buf_free(&one);
    return any;
}

static DKIM_CBSTAT on_key(DKIM *dkim, DKIM_SIGINFO *sig, unsigned char *out, size_t size) {
    struct fk_dns_question q;
    struct fk_dns_answer a;
    struct fk_buf key = FK_BUF_INIT;
    (void)dkim;
    if (!question_of(sig, &q) ||
        !fk_dns_find(at_hand->known->text.data, at_hand->known->text.len, &q, &a))
        return DKIM_CBSTAT_ERROR;
    if (a.state == FK_DNS_BOGUS || a.status == FK_DNS_FAILED || a.status == FK_DNS_LIMIT)
        return DKIM_CBSTAT_ERROR;
    if (a.status != FK_DNS_OK || !key_choose(&a, &key)) {
        fk_buf_free(&key);
        return DKIM_CBSTAT_NOTFOUND;
    }
    const bool fits = !key.failed && key.len < size && !memchr(key.data, 0, key.len);
    if (fits) {
        memcpy(out, key.data, key.len);
        out[key.len] = 0;
    }
    fk_buf_free(&key);
    return fits ? DKIM_CBSTAT_CONTINUE : DKIM_CBSTAT_ERROR;
}

enum fk_status fk_dkim_library(struct fk_err *err) {
    unsigned flags = DKIM_LIBFLAGS_DELAYSIGPROC;
    library = dkim_init(NULL, NULL);
    if (!library)
        return fk_fail(err, FK_NOMEM, "libopendkim does not begin");
    if (dkim_set_key_lookup(library, on_key) != DKIM_STAT_OK ||
        dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof flags) !=
            DKIM_STAT_OK)
        return fk_fail(err, FK_IO, "libopendkim does not take its options");
    return FK_OK;
}

/* ---- the header */

/* Signatures are judged as of when the message came, today and in ten years. */
static enum fk_status time_set(int64_t ms, struct fk_err *err) {
    uint64_t seconds = (uint64_t)(ms / 1000);
    return dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_FIXEDTIME, &seconds, sizeof seconds) ==
                   DKIM_STAT_OK
               ? FK_OK
               : fk_fail(err, FK_IO, "libopendkim does not take a time");
}

static enum fk_status header_read(struct fk_dkim *d, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf field = FK_BUF_INIT;
    while (fk_message_field(d->message, &d->body_at, &field)) {
        if (field.failed)
            FK_TRY(fk_fail(err, FK_NOMEM, "a header field: out of memory"));
        d->froms += fk_message_is_from(&field);
        const DKIM_STAT got = dkim_header(d->dkim, field.data, field.len);
        if (got == DKIM_STAT_NORESOURCE)
            FK_TRY(fk_fail(err, FK_NOMEM, "libopendkim: out of memory"));
        /* any other: a line that is no field, which no signature can cover */
    }
done:
    fk_buf_free(&field);
    return st;
}

static void keys_need(struct fk_dkim *d, struct fk_buf *need) {
    for (int i = 0; i < d->count && i < FK_AUTH_SIGNATURES_MAX; i++) {
        struct fk_dns_question q;
        struct fk_dns_answer a;
        if (!(dkim_sig_getflags(d->signatures[i]) & DKIM_SIGFLAG_IGNORE) &&
            question_of(d->signatures[i], &q))
            (void)fk_known_find(d->known, &q, need, &a); /* asks for it */
    }
}

enum fk_status fk_dkim_begin(const struct fk_message *m, const struct fk_known *k,
                             struct fk_buf *need, struct fk_dkim **out, struct fk_err *err) {
    DKIM_STAT got;
    enum fk_status st;
    struct fk_dkim *d = calloc(1, sizeof *d);
    if (!d)
        return fk_fail(err, FK_NOMEM, "a signature: out of memory");
    *d = (struct fk_dkim){.message = m, .known = k};
    FK_TRY(time_set(k->time_ms, err));
    d->dkim = dkim_verify(library, (const unsigned char *)"message", NULL, &got);
    if (!d->dkim)
        FK_TRY(fk_fail(err, FK_NOMEM, "libopendkim: out of memory"));
    FK_TRY(header_read(d, err));
    got = dkim_eoh(d->dkim);
    if (got == DKIM_STAT_NORESOURCE)
        FK_TRY(fk_fail(err, FK_NOMEM, "libopendkim: out of memory"));
    if (dkim_getsiglist(d->dkim, &d->signatures, &d->count) != DKIM_STAT_OK)
        d->count = 0;
    for (int i = FK_AUTH_SIGNATURES_MAX; i < d->count; i++)
        dkim_sig_ignore(d->signatures[i]);
    keys_need(d, need);
    *out = d;
    d = NULL;
done:
    fk_dkim_free(&d);
    return st;
}

void fk_dkim_free(struct fk_dkim **d) {
    if (!*d)
        return;
    if ((*d)->dkim)
        (void)dkim_free((*d)->dkim);
    free(*d);
    *d = NULL;
}

/* ---- the body */

static enum fk_status body_piece(struct fk_dkim *d, const uint8_t *data, size_t len,
                                 struct fk_err *err) {
    const DKIM_STAT got = len ? dkim_body(d->dkim, (u_char *)(uintptr_t)data, len) : DKIM_STAT_OK;
    return got == DKIM_STAT_NORESOURCE ? fk_fail(err, FK_NOMEM, "libopendkim: out of memory")
                                       : FK_OK;
}

static enum fk_status body_read(struct fk_dkim *d, struct fk_err *err) {
    const uint8_t *at = d->message->data + d->body_at, *end = d->message->data + d->message->len;
    enum fk_status st = FK_OK;
    if (!d->message->bare_lf)
        return body_piece(d, at, (size_t)(end - at), err);
    while (st == FK_OK && at < end) {
        const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));
        st = body_piece(d, at, (size_t)((lf ? lf : end) - at), err);
        if (st == FK_OK && lf)
            st = body_piece(d, (const uint8_t *)"\r\n", 2, err);
        at = lf ? lf + 1 : end;
    }
    return st;
}

/* Why there is no key, where that is known; the library knows that there is none, and no more. */
static const char *without_key(const struct fk_known *known, DKIM_SIGINFO *sig, const char **why) {
    struct fk_dns_question q;
    struct fk_dns_answer a;
    if (!question_of(sig, &q) || !fk_dns_find(known->text.data, known->text.len, &q, &a))
        return NULL;
    if (a.state == FK_DNS_BOGUS)
        *why = "DNSSEC does not vouch for the key";
    else if (a.status == FK_DNS_FAILED)
        *why = "DNS did not answer for the key";
    else if (a.status == FK_DNS_LIMIT)
        *why = "DNS has more records in place of the key than are taken";
    else if (a.status != FK_DNS_OK)
        *why = "there is no key in DNS";
    else
        return NULL;
    return a.state != FK_DNS_BOGUS && (a.status == FK_DNS_NODATA || a.status == FK_DNS_NXDOMAIN)
               ? "permerror"
               : "temperror";
}

/* A signature covers as many From fields, from the last one up, as it names (RFC 6376, 8.15): one
 * more on top is what people see. */
static bool signs_each_from(const struct fk_dkim *d, DKIM_SIGINFO *sig) {
    static const char from[] = "from";
    const char *at = (const char *)dkim_sig_gettagvalue(sig, false, (u_char *)(uintptr_t) "h");
    size_t named = 0;
    while (at && *at) {
        at += strspn(at, " \t\r\n:");
        const size_t n = strcspn(at, " \t\r\n:");
        named += n == sizeof from - 1 && strncasecmp(at, from, n) == 0;
        at += n;
    }
    return named >= d->froms;
}

/* RFC 8601, 2.7.1, and why. */
static const char *result_of(const struct fk_known *known, DKIM_SIGINFO *sig, const char **why) {
    const unsigned flags = dkim_sig_getflags(sig);
    const int error = dkim_sig_geterror(sig);
    *why = "";
    if ((flags & DKIM_SIGFLAG_PASSED) && dkim_sig_getbh(sig) == DKIM_SIGBH_MATCH)
        return "pass";
    if (flags & DKIM_SIGFLAG_IGNORE) {
        *why = "ignored: more signatures than are checked, or one that is not for mail";
        return "neutral";
    }
    const char *result = without_key(known, sig, why);
    if (result)
        return result;
    if (dkim_sig_getbh(sig) == DKIM_SIGBH_MISMATCH) {
        *why = "the body is not the one that was signed";
        return "fail";
    }
    *why = error > DKIM_SIGERROR_OK ? dkim_sig_geterrorstr(error) : "not verified";
    if (error == DKIM_SIGERROR_BADSIG)
        return "fail";
    if (error == DKIM_SIGERROR_KEYFAIL)
        return "temperror";
    if (error == DKIM_SIGERROR_EXPIRED || error == DKIM_SIGERROR_FUTURE)
        return "policy";
    return error > DKIM_SIGERROR_OK ? "permerror" : "neutral";
}

static void line_add(DKIM_SIGINFO *sig, const char *result, const char *why, struct fk_buf *out) {
    struct fk_buf line = FK_BUF_INIT;
    const char *words[] = {(const char *)dkim_sig_getalgorithm(sig), NULL,
                           (const char *)dkim_sig_getdomain(sig),
                           (const char *)dkim_sig_getselector(sig)};
    char bits[16];
    unsigned n = 0;
    if (dkim_sig_getkeysize(sig, &n) != DKIM_STAT_OK)
        n = 0;
    snprintf(bits, sizeof bits, "%u", n);
    words[1] = bits;
    fk_buf_str(&line, result);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        fk_buf_byte(&line, ' ');
        fk_word_add(&line, words[i] ? words[i] : "", words[i] ? strlen(words[i]) : 0);
    }
    if (*why)
        fk_buf_printf(&line, " %s", why);
    fk_fields_add(out, "dkim", line.data, line.len);
    out->failed |= line.failed;
    fk_buf_free(&line);
}

static void pass_add(DKIM_SIGINFO *sig, struct fk_passes *passes) {
    struct fk_dns_question domain;
    const char *d = (const char *)dkim_sig_getdomain(sig);
    const char *s = (const char *)dkim_sig_getselector(sig);
    struct fk_pass *p = &passes->at[passes->count];
    if (passes->count == FK_AUTH_SIGNATURES_MAX ||
        !fk_dns_question_set(&domain, FK_DNS_TXT, d, strlen(d)))
        return;
    snprintf(p->domain, sizeof p->domain, "%s", domain.name);
    snprintf(p->selector, sizeof p->selector, "%s", s ? s : "");
    passes->count++;
}

enum fk_status fk_dkim_finish(struct fk_dkim *d, struct fk_passes *passes, struct fk_buf *out,
                              struct fk_err *err) {
    enum fk_status st = FK_OK;
    bool testing;
    if (d->count == 0)
        return FK_OK;
    at_hand = d;
    FK_TRY(body_read(d, err));
    (void)dkim_eom(d->dkim, &testing); /* says how the first one went; each is looked at below */
    for (int i = 0; i < d->count && i < FK_AUTH_SIGNATURES_MAX; i++) {
        DKIM_SIGINFO *sig = d->signatures[i];
        const char *why;
        if (!(dkim_sig_getflags(sig) & (DKIM_SIGFLAG_PROCESSED | DKIM_SIGFLAG_IGNORE)))
            (void)dkim_sig_process(d->dkim, sig); /* the signature has the result */
        const char *result = result_of(d->known, sig, &why);
        if (strcmp(result, "pass") == 0 && !signs_each_from(d, sig))
            why = "of several From fields not all are signed";
        if (strcmp(result, "pass") == 0)
            pass_add(sig, passes);
        line_add(sig, result, why, out);
    }
    if (d->count > FK_AUTH_SIGNATURES_MAX)
        fk_buf_printf(out, "left-out: %d signatures\n", d->count - FK_AUTH_SIGNATURES_MAX);
done:
    at_hand = NULL;
    return st;
}
