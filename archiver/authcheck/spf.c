/* spf.c - may the client send for that domain (RFC 7208), by libspf2, which asks a name at a time:
 * a name that is not known ends the look, and it begins anew once there is an answer. */
#include "archiver/authcheck/check_priv.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* After what they need. */
#include <arpa/nameser.h>
#include <spf2/spf.h>

struct look {
    const struct fk_known *known;
    struct fk_buf *need;
};

static bool type_of(ns_type type, enum fk_dns_type *out) {
    static const ns_type types[FK_DNS_TYPES] = {[FK_DNS_A] = ns_t_a,
                                                [FK_DNS_AAAA] = ns_t_aaaa,
                                                [FK_DNS_MX] = ns_t_mx,
                                                [FK_DNS_PTR] = ns_t_ptr,
                                                [FK_DNS_TXT] = ns_t_txt};
    for (int i = 0; i < FK_DNS_TYPES; i++)
        if (types[i] == type) {
            *out = (enum fk_dns_type)i;
            return true;
        }
    return false;
}

/* A record as libspf2 wants it: addresses in binary, of MX the name alone. */
static bool record_put(SPF_dns_rr_t *rr, enum fk_dns_type type, struct fk_buf *record) {
    const char *text = fk_buf_cstr(record), *blank = strchr(text, ' ');
    const int i = rr->num_rr;
    const bool is_address = type == FK_DNS_A || type == FK_DNS_AAAA;
    if (type == FK_DNS_MX && blank)
        text = blank + 1;
    const size_t len = is_address ? sizeof(struct in6_addr) : strlen(text) + 1;
    if (SPF_dns_rr_buf_realloc(rr, i, len) != SPF_E_SUCCESS)
        return false;
    if (type == FK_DNS_A || type == FK_DNS_AAAA) {
        if (inet_pton(type == FK_DNS_A ? AF_INET : AF_INET6, text, rr->rr[i]) != 1)
            return true; /* none: left out */
    } else {
        memcpy(rr->rr[i], text, len);
    }
    rr->num_rr++;
    return true;
}

static SPF_dns_rr_t *on_lookup(SPF_dns_server_t *server, const char *domain, ns_type rr_type,
                               int should_cache) {
    enum { SOME_TIME = 60 };
    const struct look *look = server->hook;
    struct fk_dns_question q;
    struct fk_dns_answer a;
    enum fk_dns_type type;
    struct fk_buf record = FK_BUF_INIT;
    int herrno = NO_RECOVERY;
    (void)should_cache;
    if (!type_of(rr_type, &type) || !fk_dns_question_set(&q, type, domain, strlen(domain)))
        return SPF_dns_rr_new_init(server, domain, rr_type, SOME_TIME, HOST_NOT_FOUND);
    if (!fk_known_find(look->known, &q, look->need, &a))
        return SPF_dns_rr_new_init(server, domain, rr_type, 0, TRY_AGAIN);
    if (a.state == FK_DNS_BOGUS || a.status == FK_DNS_FAILED)
        herrno = TRY_AGAIN;
    else if (a.status == FK_DNS_NXDOMAIN)
        herrno = HOST_NOT_FOUND;
    else if (a.status == FK_DNS_NODATA)
        herrno = NO_DATA;
    else if (a.status == FK_DNS_OK)
        herrno = NETDB_SUCCESS;
    SPF_dns_rr_t *rr = SPF_dns_rr_new_init(server, domain, rr_type, SOME_TIME, herrno);
    while (rr && herrno == NETDB_SUCCESS && fk_dns_record(&a, &record)) {
        if (!record_put(rr, type, &record)) {
            SPF_dns_rr_free(rr);
            rr = NULL;
        }
        fk_buf_reset(&record);
    }
    fk_buf_free(&record);
    return rr;
}

static SPF_dns_server_t dns = {.lookup = on_lookup, .name = "known"};
static SPF_server_t *server;

static bool is_loopback(const char *client) {
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, client, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, client, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static const char *result_of(SPF_result_t result) {
    switch (result) {
    case SPF_RESULT_PASS:
        return "pass";
    case SPF_RESULT_FAIL:
        return "fail";
    case SPF_RESULT_SOFTFAIL:
        return "softfail";
    case SPF_RESULT_NEUTRAL:
        return "neutral";
    case SPF_RESULT_NONE:
        return "none";
    case SPF_RESULT_TEMPERROR:
        return "temperror";
    default:
        return "permerror";
    }
}

/* The domain that is asked: of the sender, or of a null sender the client's own name. */
static void domain_of(const struct fk_known *k, char *out, size_t size) {
    const char *at = strrchr(k->mail_from, '@');
    struct fk_dns_question q;
    const char *name = at ? at + 1 : k->helo;
    *out = 0;
    if (fk_dns_question_set(&q, FK_DNS_TXT, name, strlen(name)))
        snprintf(out, size, "%s", q.name);
}

static enum fk_status query(const struct fk_known *k, struct fk_spf *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    SPF_response_t *response = NULL;
    SPF_request_t *request = SPF_request_new(server);
    if (!request)
        return fk_fail(err, FK_NOMEM, "libspf2: out of memory");
    const bool v4 = SPF_request_set_ipv4_str(request, k->client) == SPF_E_SUCCESS;
    if (!v4 && SPF_request_set_ipv6_str(request, k->client) != SPF_E_SUCCESS) {
        snprintf(out->result, sizeof out->result, "none");
        snprintf(out->why, sizeof out->why, "the client's address is none");
        goto done;
    }
    if (SPF_request_set_helo_dom(request, k->helo) != SPF_E_SUCCESS)
        FK_TRY(fk_fail(err, FK_NOMEM, "libspf2: out of memory"));
    if (*k->mail_from && SPF_request_set_env_from(request, k->mail_from) != 0)
        FK_TRY(fk_fail(err, FK_NOMEM, "libspf2: out of memory"));
    const SPF_errcode_t code = SPF_request_query_mailfrom(request, &response);
    snprintf(out->result, sizeof out->result, "%s",
             response ? result_of(SPF_response_result(response)) : "permerror");
    if (code == SPF_E_DNS_ERROR) /* which libspf2 calls permanent */
        snprintf(out->result, sizeof out->result, "temperror");
    if (code != SPF_E_SUCCESS && strcmp(out->result, "none") != 0)
        snprintf(out->why, sizeof out->why, "%s", SPF_strerror(code));
done:
    if (response)
        SPF_response_free(response);
    SPF_request_free(request);
    return st;
}

/* libspf2 wants to know the name of the machine, which nobody in the box is told. */
enum fk_status fk_spf_library(struct fk_err *err) {
    server = SPF_server_new_dns(&dns, 0);
    return server && SPF_server_set_rec_dom(server, "archive.invalid") == SPF_E_SUCCESS
               ? FK_OK
               : fk_fail(err, FK_NOMEM, "libspf2 does not begin");
}

enum fk_status fk_spf_look(const struct fk_known *k, struct fk_buf *need, struct fk_spf *out,
                           struct fk_err *err) {
    struct look look = {k, need};
    *out = (struct fk_spf){.result = ""};
    if (k->is_inside) { /* RFC 7208, 2.6.1: no domain was extracted from an SMTP session */
        snprintf(out->result, sizeof out->result, "none");
        snprintf(out->why, sizeof out->why,
                 "not applicable: the message stood in a journal report, whose client is the "
                 "journaling server");
        return FK_OK;
    }
    domain_of(k, out->domain, sizeof out->domain);
    /* A client on this machine is no client of the outside. */
    if (!k->has_client || !*out->domain || is_loopback(k->client))
        return FK_OK;
    dns.hook = &look;
    const enum fk_status st = query(k, out, err);
    dns.hook = NULL;
    return st;
}

void fk_spf_write(const struct fk_spf *s, struct fk_buf *out) {
    char line[sizeof *s];
    if (!*s->result)
        return;
    snprintf(line, sizeof line, "%s %s%s%s", s->result, *s->domain ? s->domain : "-",
             *s->why ? " " : "", s->why);
    fk_fields_add_str(out, "spf", line);
}
