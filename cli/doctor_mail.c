/* doctor_mail.c - see doctor_mail.h */
#include "cli/doctor_mail.h"
#include "archiver/auth/evidence.h"
#include "archiver/auth/lookup.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/io.h"
#include "cli/config.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_MAX = 600, RECORD_MAX = 8192, SPF_WAIT_MS = 120000 };
struct address {
    char text[INET6_ADDRSTRLEN];
};
struct look {
    const struct cli_mail_look *asked;
    struct fk_checker_options options;
    struct fk_lookup *lookup;
    struct fk_buf text, record; /* of the answer at hand */
    struct address addresses[CLI_MAIL_LOOKS_MAX];
    size_t address_count;
    cli_mail_tell tell;
    void *ctx;
};

static void tell(struct look *l, enum cli_mail_verdict v, const char *check, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void tell(struct look *l, enum cli_mail_verdict v, const char *check, const char *fmt, ...) {
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *c = text; *c; c++) /* a stranger's record may be in it */
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    l->tell(l->ctx, v, check, text);
}

/* ---- questions */

static enum fk_status ask(struct look *l, enum fk_dns_type type, const char *name,
                          struct fk_dns_answer *out, struct fk_err *err) {
    return fk_lookup_ask(l->lookup, type, name, &l->text, out, err);
}

/* The next record as text; "" after the last. */
static const char *record(struct look *l, struct fk_dns_answer *a) {
    fk_buf_reset(&l->record);
    return fk_dns_record(a, &l->record) ? fk_buf_cstr(&l->record) : "";
}

/* True where there is something to look at. Else it is told why not, with what to do. */
static bool is_answered(struct look *l, const struct fk_dns_answer *a, enum cli_mail_verdict v,
                        const char *check, const char *what_to_do) {
    const char *type = fk_dns_type_names[a->question.type], *name = a->question.name;
    if (a->state == FK_DNS_BOGUS)
        tell(
            l, CLI_MAIL_BAD, check,
            "%s %s: its DNSSEC signature does not hold: mend the zone's keys, or auth-anchor where "
            "the resolver lets no DNSSEC through",
            type, name);
    else if (a->status == FK_DNS_FAILED)
        tell(l, CLI_MAIL_WARNING, check,
             "%s %s: DNS does not answer (auth-resolver says which is asked)", type, name);
    else if (a->status == FK_DNS_LIMIT)
        tell(l, CLI_MAIL_BAD, check, "%s %s: more records than anybody reads", type, name);
    else if (a->status != FK_DNS_OK)
        tell(l, v, check, "%s %s: there is none; %s", type, name, what_to_do);
    else
        return true;
    return false;
}

/* The one TXT record that begins so, copied; how many there are. */
static enum fk_status policy_find(struct look *l, const char *name, const char *begin, char *out,
                                  size_t size, unsigned *count, struct fk_dns_answer *a,
                                  struct fk_err *err) {
    enum fk_status st = ask(l, FK_DNS_TXT, name, a, err);
    *count = 0;
    *out = 0;
    if (st != FK_OK || a->status != FK_DNS_OK)
        return st;
    struct fk_dns_answer each = *a;
    for (const char *text; *(text = record(l, &each));) {
        const size_t n = strlen(begin);
        if (strncasecmp(text, begin, n) != 0 || (text[n] && !strchr(" ;", text[n])))
            continue;
        if (!(*count)++)
            snprintf(out, size, "%s", text);
    }
    return FK_OK;
}

/* The value of a tag in "v=...; p=..."; false where it is not there. */
static bool tag_find(const char *text, const char *tag, char *out, size_t size) {
    const size_t n = strlen(tag);
    while (*text) {
        text += strspn(text, " \t;");
        const size_t len = strcspn(text, ";");
        if (len > n && strncasecmp(text, tag, n) == 0) {
            const char *equals = text + n + strspn(text + n, " \t");
            if (*equals == '=') {
                const char *value = equals + 1 + strspn(equals + 1, " \t");
                snprintf(out, size, "%.*s", (int)(text + len > value ? text + len - value : 0),
                         value);
                return true;
            }
        }
        text += len;
    }
    return false;
}

/* ---- MX, and where mail comes from */

static void address_add(struct look *l, const char *text) {
    for (size_t i = 0; i < l->address_count; i++)
        if (strcmp(l->addresses[i].text, text) == 0)
            return;
    if (l->address_count < CLI_MAIL_LOOKS_MAX)
        snprintf(l->addresses[l->address_count++].text, sizeof l->addresses[0].text, "%s", text);
}

static enum fk_status host_look(struct look *l, const char *host, bool take, struct fk_err *err) {
    static const enum fk_dns_type types[] = {FK_DNS_A, FK_DNS_AAAA};
    struct fk_dns_answer a;
    unsigned found = 0;
    bool unanswered = false;
    for (size_t i = 0; i < 2; i++) {
        enum fk_status st = ask(l, types[i], host, &a, err);
        if (st != FK_OK)
            return st;
        unanswered |= a.status == FK_DNS_FAILED;
        for (const char *text; a.status == FK_DNS_OK && *(text = record(l, &a)); found++)
            if (take)
                address_add(l, text);
    }
    if (found)
        tell(l, CLI_MAIL_GOOD, "mx", "%s has %u addresses", host, found);
    else if (unanswered)
        tell(l, CLI_MAIL_WARNING, "mx", "%s: DNS does not answer", host);
    else
        tell(l, CLI_MAIL_BAD, "mx", "%s: has no address: mail cannot be brought to it", host);
    return FK_OK;
}

static enum fk_status mx_check(struct look *l, struct fk_err *err) {
    struct fk_dns_answer a;
    struct {
        char name[FK_DNS_NAME_MAX + 1];
    } hosts[CLI_MAIL_LOOKS_MAX];
    size_t count = 0;
    enum fk_status st = ask(l, FK_DNS_MX, l->asked->domain, &a, err);
    if (st != FK_OK || !is_answered(l, &a, CLI_MAIL_BAD, "mx",
                                    "publish one: nobody knows where to bring your mail"))
        return st;
    for (const char *text; count < CLI_MAIL_LOOKS_MAX && *(text = record(l, &a));) {
        const char *blank = strchr(text, ' ');
        snprintf(hosts[count++].name, sizeof hosts->name, "%s", blank ? blank + 1 : "");
    }
    for (size_t i = 0; i < count && st == FK_OK; i++) {
        if (*hosts[i].name)
            st = host_look(l, hosts[i].name, !l->asked->address_count, err);
        else /* RFC 7505 */
            tell(l, CLI_MAIL_BAD, "mx", "\".\": says that this domain takes no mail at all");
    }
    return st;
}

/* ---- SPF */

/* Judged as a receiver does: a message from that client, by the checker itself. */
static enum fk_status spf_judge(struct look *l, const char *address,
                                struct fk_finding_line *finding, struct fk_err *err) {
    static const char message[] = "From: <postmaster@localhost.invalid>\r\n\r\n";
    struct fk_checker *checker = NULL;
    struct fk_checker_job job = {.id = 1, .fd = -1, .len = sizeof message - 1};
    struct fk_checker_result r = {.id = 0};
    enum fk_status st;
    bool found = false;
    char from[FK_DNS_NAME_MAX + 32];
    snprintf(from, sizeof from, "postmaster@%s", l->asked->domain);
    fk_buf_printf(&job.known, "time: %" PRId64 "\n", fk_now_ms());
    fk_fields_add_str(&job.known, "client", address);
    fk_fields_add_str(&job.known, "helo", l->asked->domain);
    fk_fields_add_str(&job.known, "mail-from", from);
    FK_TRY(fk_memfile_new("fumikura-doctor", &job.fd, err));
    FK_TRY(fk_write_full(job.fd, message, sizeof message - 1, "a message to judge", err));
    FK_TRY(fk_memfile_seal(job.fd, err));
    FK_TRY(fk_checker_open(&l->options, &checker, err));
    st = fk_checker_submit(checker, &job, err);
    job = (struct fk_checker_job){.fd = -1};
    FK_TRY(st);
    FK_TRY(fk_checker_wait(checker, SPF_WAIT_MS, &r, err));
    struct fk_fields it = fk_fields_begin(r.answer.data, r.answer.len);
    for (struct fk_field f; !found && fk_fields_next(&it, &f);)
        found = fk_field_is(&f, "spf") && fk_evidence_line(&f, finding);
    if (!found)
        st = fk_fail(err, FK_IO, "the checker says nothing of SPF for %s%s%s", address,
                     r.unread ? ": " : "", r.unread ? r.unread : "");
done:
    fk_checker_result_free(&r);
    fk_checker_close(&checker);
    fk_close(&job.fd);
    fk_buf_free(&job.known);
    return st;
}

static enum fk_status spf_address_check(struct look *l, const char *address, struct fk_err *err) {
    struct fk_finding_line f;
    enum fk_status st = spf_judge(l, address, &f, err);
    if (st != FK_OK)
        return st;
    if (strcmp(f.result, "pass") == 0)
        tell(l, CLI_MAIL_GOOD, "spf", "mail from %s passes", address);
    else if (strcmp(f.result, "temperror") == 0)
        tell(l, CLI_MAIL_WARNING, "spf", "mail from %s: DNS did not answer", address);
    else
        tell(l, CLI_MAIL_BAD, "spf",
             "mail from %s is judged \"%s\": name it (ip%s:%s) in the record, "
             "or mend what is included",
             address, f.result, strchr(address, ':') ? "6" : "4", address);
    return FK_OK;
}

static enum fk_status spf_check(struct look *l, struct fk_err *err) {
    char text[RECORD_MAX];
    unsigned count;
    struct fk_dns_answer a;
    enum fk_status st =
        policy_find(l, l->asked->domain, "v=spf1", text, sizeof text, &count, &a, err);
    if (st != FK_OK)
        return st;
    if (a.status == FK_DNS_OK && !count)
        a.status = FK_DNS_NODATA;
    if (!is_answered(l, &a, CLI_MAIL_BAD, "spf",
                     "publish \"v=spf1 mx -all\", with every server that sends for you"))
        return FK_OK;
    if (count > 1) {
        tell(l, CLI_MAIL_BAD, "spf",
             "%s has %u records, so none counts (RFC 7208, 4.5): make them one", l->asked->domain,
             count);
        return FK_OK;
    }
    if (strcasestr(text, "+all") || strcasestr(text, " all"))
        tell(l, CLI_MAIL_BAD, "spf",
             "\"%.300s\": lets the whole world send for you: end it with -all", text);
    else if (!strcasestr(text, "-all") && !strcasestr(text, "~all") &&
             !strcasestr(text, "redirect="))
        tell(l, CLI_MAIL_WARNING, "spf",
             "\"%.300s\": says nothing of other servers: end it with -all", text);
    else
        tell(l, CLI_MAIL_GOOD, "spf", "%.300s", text);
    for (size_t i = 0; i < l->address_count && st == FK_OK; i++)
        st = spf_address_check(l, l->addresses[i].text, err);
    return st;
}

/* ---- DKIM */

/* Bits of the key in p=; 0 where it is none. */
static int key_bits(const char *k, const char *p, int *id) {
    uint8_t der[4096];
    char plain[4096];
    size_t n = 0;
    for (; *p && n + 1 < sizeof plain; p++)
        if (!strchr(" \t", *p))
            plain[n++] = *p;
    plain[n] = 0;
    *id = EVP_PKEY_NONE;
    if (n % 4 || n / 4 * 3 > sizeof der)
        return 0;
    const int len = EVP_DecodeBlock(der, (const uint8_t *)plain, (int)n);
    const uint8_t *at = der;
    EVP_PKEY *key = len > 0 ? d2i_PUBKEY(NULL, &at, len) : NULL;
    const int bits = key ? EVP_PKEY_get_bits(key) : 0;
    if (key)
        *id = EVP_PKEY_get_base_id(key);
    EVP_PKEY_free(key);
    /* RFC 8463: of Ed25519 the 32 bytes themselves, which are decoded with one of padding. */
    return bits ? bits : strcasecmp(k, "ed25519") == 0 && n == 44 && len == 33 ? 256 : 0;
}

static void dkim_key_check(struct look *l, const char *name, const char *text) {
    char k[32] = "rsa", p[4096] = "", flags[32] = "";
    int id;
    (void)tag_find(text, "k", k, sizeof k);
    if (!tag_find(text, "p", p, sizeof p)) {
        tell(l, CLI_MAIL_BAD, "dkim", "%s: has no p=, so no key", name);
        return;
    }
    const int bits = key_bits(k, p, &id);
    if (!*p)
        tell(l, CLI_MAIL_BAD, "dkim", "%s: the key is taken back (p= is empty): sign with another",
             name);
    else if (!bits)
        tell(l, CLI_MAIL_BAD, "dkim",
             "%s: p= is no public key: publish the record again, whole (\"fumikura-gateway dns\")",
             name);
    else if (id == EVP_PKEY_RSA && bits < 1024)
        tell(l, CLI_MAIL_BAD, "dkim", "%s: a key of %d bits: nobody takes it; make one of 2048",
             name, bits);
    else if (id == EVP_PKEY_RSA && bits < 2048)
        tell(l, CLI_MAIL_WARNING, "dkim", "%s: a key of %d bits; make one of 2048", name, bits);
    else
        tell(l, CLI_MAIL_GOOD, "dkim", "%s: a key of %d bits", name, bits);
    if (tag_find(text, "t", flags, sizeof flags) && strchr(flags, 'y'))
        tell(l, CLI_MAIL_WARNING, "dkim", "%s: t=y says that you are only testing: take it out",
             name);
}

static enum fk_status dkim_check(struct look *l, struct fk_err *err) {
    char name[2 * FK_DNS_NAME_MAX], what[TEXT_MAX], text[RECORD_MAX] = "";
    struct fk_dns_answer a;
    unsigned count = 0;
    snprintf(name, sizeof name, "%s._domainkey.%s", l->asked->selector, l->asked->domain);
    snprintf(
        what, sizeof what,
        "publish the key of the selector that you sign with (--selector; \"fumikura-gateway dns "
        "--domain %.200s\" prints it)",
        l->asked->domain);
    enum fk_status st = ask(l, FK_DNS_TXT, name, &a, err);
    if (st != FK_OK || !is_answered(l, &a, CLI_MAIL_BAD, "dkim", what))
        return st;
    for (const char *each; *(each = record(l, &a));)
        if (!count++)
            snprintf(text, sizeof text, "%s", each);
    if (count > 1)
        tell(l, CLI_MAIL_BAD, "dkim", "%s: %u records; there may be one (RFC 6376, 3.6.2.2)", name,
             count);
    else
        dkim_key_check(l, name, text);
    return FK_OK;
}

/* ---- DMARC */

static enum fk_status dmarc_check(struct look *l, struct fk_err *err) {
    char name[FK_DNS_NAME_MAX + 16], text[RECORD_MAX], p[32] = "", rua[300] = "";
    unsigned count;
    struct fk_dns_answer a;
    snprintf(name, sizeof name, "_dmarc.%s", l->asked->domain);
    enum fk_status st = policy_find(l, name, "v=DMARC1", text, sizeof text, &count, &a, err);
    if (st != FK_OK)
        return st;
    if (a.status == FK_DNS_OK && !count)
        a.status = FK_DNS_NODATA;
    if (!is_answered(l, &a, CLI_MAIL_BAD, "dmarc",
                     "large receivers want one: publish \"v=DMARC1; p=none; rua=mailto:...\" (of a "
                     "subdomain, its parent's counts)"))
        return FK_OK;
    if (count > 1)
        tell(l, CLI_MAIL_BAD, "dmarc", "%s: %u records, so none counts (RFC 7489, 6.6.3)", name,
             count);
    else if (!tag_find(text, "p", p, sizeof p) ||
             (strcasecmp(p, "none") != 0 && strcasecmp(p, "quarantine") != 0 &&
              strcasecmp(p, "reject") != 0))
        tell(l, CLI_MAIL_BAD, "dmarc", "\"%.300s\": p= must be none, quarantine or reject", text);
    else if (!tag_find(text, "rua", rua, sizeof rua))
        tell(l, CLI_MAIL_WARNING, "dmarc",
             "\"%.300s\": without rua= nobody tells you who sends in your name", text);
    else if (strcasecmp(p, "none") == 0)
        tell(l, CLI_MAIL_WARNING, "dmarc",
             "\"%.300s\": p=none: others who use your name are let through; when the reports are "
             "clean, quarantine, then reject",
             text);
    else
        tell(l, CLI_MAIL_GOOD, "dmarc", "%.300s", text);
    return FK_OK;
}

/* ---- addresses: their names, and lists */

/* As DNS writes an address: 10.2.0.192 or b.a.9.8..., without the zone. */
static bool reverse_of(const char *address, char out[80]) {
    uint8_t b[16];
    size_t n = 0;
    if (inet_pton(AF_INET, address, b) == 1) {
        snprintf(out, 80, "%u.%u.%u.%u", b[3], b[2], b[1], b[0]);
        return true;
    }
    if (inet_pton(AF_INET6, address, b) != 1)
        return false;
    for (size_t i = 16; i-- > 0;)
        n += (size_t)snprintf(out + n, 80 - n, "%x.%x%s", b[i] & 15, b[i] >> 4, i ? "." : "");
    return true;
}

/* The name must lead back to the address: anybody may write a name into his own PTR. */
static enum fk_status leads_back(struct look *l, const char *host, const char *address, bool *out,
                                 struct fk_err *err) {
    struct fk_dns_answer a;
    enum fk_status st = ask(l, strchr(address, ':') ? FK_DNS_AAAA : FK_DNS_A, host, &a, err);
    *out = false;
    for (const char *text; st == FK_OK && a.status == FK_DNS_OK && *(text = record(l, &a));)
        *out |= strcmp(text, address) == 0;
    return st;
}

static enum fk_status ptr_check(struct look *l, const char *address, struct fk_err *err) {
    char reverse[80], name[128], host[FK_DNS_NAME_MAX + 1];
    struct fk_dns_answer a;
    bool back = false;
    if (!reverse_of(address, reverse))
        return fk_fail(err, FK_INVALID, "\"%s\": not an address", address);
    snprintf(name, sizeof name, "%s.%s", reverse,
             strchr(address, ':') ? "ip6.arpa" : "in-addr.arpa");
    enum fk_status st = ask(l, FK_DNS_PTR, name, &a, err);
    if (st != FK_OK || !is_answered(l, &a, CLI_MAIL_BAD, "ptr",
                                    "have whoever gave you the address set its name: without it "
                                    "large receivers refuse your mail"))
        return st;
    snprintf(host, sizeof host, "%s", record(l, &a));
    st = leads_back(l, host, address, &back, err);
    if (st != FK_OK)
        return st;
    if (back)
        tell(l, CLI_MAIL_GOOD, "ptr", "%s is %s, and back", address, host);
    else
        tell(l, CLI_MAIL_BAD, "ptr", "%s is %s, which has not that address: make both say the same",
             address, host);
    return FK_OK;
}

/* RFC 5782: 127.0.0.2 is always on a list that works. Lists that refuse a resolver (too many
 * questions, a public one) answer every question with an address of theirs in 127.255.255.0/24. */
static enum fk_status list_is_alive(struct look *l, const char *zone, bool *out,
                                    struct fk_err *err) {
    char name[FK_DNS_NAME_MAX + 16];
    struct fk_dns_answer a;
    snprintf(name, sizeof name, "2.0.0.127.%s", zone);
    enum fk_status st = ask(l, FK_DNS_A, name, &a, err);
    *out = false;
    if (st != FK_OK)
        return st;
    const char *text = a.status == FK_DNS_OK ? record(l, &a) : "";
    if (strncmp(text, "127.255.255.", 12) == 0)
        tell(l, CLI_MAIL_WARNING, "block list",
             "%s refuses to answer this resolver (%s): ask by one of your own (auth-resolver)",
             zone, text);
    else if (!*text)
        tell(l, CLI_MAIL_WARNING, "block list",
             "%s does not even list its test entry: it answers nothing, or is no block list", zone);
    else
        *out = true;
    return FK_OK;
}

static enum fk_status list_check(struct look *l, const char *zone, struct fk_err *err) {
    bool alive;
    struct fk_dns_answer a;
    char reverse[80], name[FK_DNS_NAME_MAX + 81];
    enum fk_status st = list_is_alive(l, zone, &alive, err);
    for (size_t i = 0; i < l->address_count && st == FK_OK && alive; i++) {
        const char *address = l->addresses[i].text;
        if (!reverse_of(address, reverse))
            return fk_fail(err, FK_INVALID, "\"%s\": not an address", address);
        snprintf(name, sizeof name, "%s.%s", reverse, zone);
        if ((st = ask(l, FK_DNS_A, name, &a, err)) != FK_OK)
            break;
        if (a.status == FK_DNS_NXDOMAIN || a.status == FK_DNS_NODATA)
            tell(l, CLI_MAIL_GOOD, "block list", "%s is not on %s", address, zone);
        else if (a.status == FK_DNS_OK)
            tell(l, CLI_MAIL_BAD, "block list",
                 "%s is on %s (%s): find out what was sent, end it, then ask there to be taken off",
                 address, zone, record(l, &a));
        else
            tell(l, CLI_MAIL_WARNING, "block list", "%s does not answer for %s", zone, address);
    }
    return st;
}

/* ---- all of it */

static enum fk_status addresses_take(struct look *l, struct fk_err *err) {
    uint8_t b[16];
    char text[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < l->asked->address_count; i++) { /* in DNS's own writing */
        const char *given = l->asked->addresses[i];
        const int family = strchr(given, ':') ? AF_INET6 : AF_INET;
        if (inet_pton(family, given, b) != 1 || !inet_ntop(family, b, text, sizeof text))
            return fk_fail(err, FK_INVALID, "\"%s\": not an address", given);
        address_add(l, text);
    }
    return FK_OK;
}

enum fk_status cli_mail_look(const struct fk_cli *cli, const struct cli_mail_look *asked,
                             cli_mail_tell tell_fn, void *ctx, struct fk_err *err) {
    char program[PATH_MAX];
    const struct fk_config *c = cli->config;
    struct look l = {.asked = asked, .tell = tell_fn, .ctx = ctx};
    enum fk_status st;
    FK_TRY(addresses_take(&l, err));
    FK_TRY(fk_checker_program(program, sizeof program, err));
    l.options = (struct fk_checker_options){.program = program,
                                            .seconds = c->auth_time_s,
                                            .memory_bytes = c->auth_memory,
                                            .server = c->auth_resolver,
                                            .hosts = c->auth_hosts,
                                            .anchor = c->auth_anchor,
                                            .name_ms = c->auth_name_s * 1000};
    FK_TRY(fk_lookup_open(&l.options, &l.lookup, err));
    FK_TRY(mx_check(&l, err));
    FK_TRY(spf_check(&l, err));
    FK_TRY(dkim_check(&l, err));
    FK_TRY(dmarc_check(&l, err));
    for (size_t i = 0; i < l.address_count; i++)
        FK_TRY(ptr_check(&l, l.addresses[i].text, err));
    for (size_t i = 0; i < asked->list_count; i++)
        FK_TRY(list_check(&l, asked->lists[i], err));
done:
    fk_lookup_close(&l.lookup);
    fk_buf_free(&l.text);
    fk_buf_free(&l.record);
    return st;
}
