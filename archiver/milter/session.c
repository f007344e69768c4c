/*
 * session.c - the callbacks, and what they ask the mail server for.
 *
 * Whether a message can be taken is said at MAIL, so that nobody sends it in vain; all else at its
 * end. Over a Unix socket the steps between are not answered (SMFIP_NR_*), which saves a round trip
 * each. By TCP every step is answered, DATA too: a step without an answer costs 40 ms, since
 * Postfix's next small packet waits for an acknowledgement that is delayed. Macros are asked for by
 * name (SMFIF_SETSYMLIST), so that main.cf's lists of them do not matter.
 */
#include "archiver/milter/session.h"
#include "archiver/milter/capture.h"
#include "archiver/intake/listener.h"
#include "archiver/vault/fields.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The time between two commands is the mail server's to limit: a slow client's DATA is silence
 * here. */
enum { SILENCE_S = 2 * 3600, BACKLOG = 1024 };

static const struct fk_session_options *options;
static struct fk_handover *handover;
static struct fk_budget budget;
static unsigned session_count;

struct session {
    unsigned long steps; /* of the protocol, as agreed */
    bool counted;        /* it has said from where it is: one of `connections` */
    bool inside;         /* of the handover: a message is being taken */
    char peer[FK_ADDRESS_SIZE], helo[512];
    char *client_name;
    struct fk_capture capture;
};

#define SILENT_STEPS                                                                               \
    (SMFIP_NR_HELO | SMFIP_NR_RCPT | SMFIP_NR_DATA | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY)

static struct session *session_of(SMFICTX *ctx) {
    return smfi_getpriv(ctx);
}

static sfsistat go_on(const struct session *s, unsigned long step) {
    return s && (s->steps & step) ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static void message_drop(struct session *s) {
    fk_capture_drop(&s->capture);
    if (s->inside)
        fk_handover_leave(handover);
    s->inside = false;
}

static sfsistat refuse(SMFICTX *ctx, enum fk_status why) {
    static const struct reply {
        const char *code, *status, *text;
    } away = {"451", "4.3.0", "the archive is not ready, try again later"},
      full = {"452", "4.3.1", "the archive has no room at the moment, try again later"},
      large = {"552", "5.3.4", "the message is over the archive's size limit"};
    const struct reply *r = why == FK_FULL ? &full : why == FK_INVALID ? &large : &away;
    /* Where it cannot be set the mail server has words of its own. */
    (void)smfi_setreply(ctx, (char *)(uintptr_t)r->code, (char *)(uintptr_t)r->status,
                        (char *)(uintptr_t)r->text);
    return why == FK_INVALID ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

/* ---- who is there */

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
                             unsigned long unused1, unsigned long unused2,
                             unsigned long *actions_out, unsigned long *steps_out,
                             unsigned long *unused1_out, unsigned long *unused2_out) {
    static const struct {
        int stage;
        const char *names;
    } macros[] = {{SMFIM_CONNECT, "j {daemon_name}"},
                  {SMFIM_HELO, "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}"},
                  {SMFIM_ENVFROM, "{auth_type} {auth_authen} {auth_author}"},
                  {SMFIM_ENVRCPT, "{rcpt_mailer} {rcpt_host} {rcpt_addr}"},
                  {SMFIM_EOM, "i"}};
    (void)unused1, (void)unused2;
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return SMFIS_TEMPFAIL;
    s->capture = (struct fk_capture)FK_CAPTURE_INIT;
    bool is_unix = strncmp(options->address, "unix:", 5) == 0;
    s->steps = steps & (SMFIP_HDR_LEADSPC | SMFIP_NOUNKNOWN | (is_unix ? SILENT_STEPS : 0));
    *actions_out = actions & SMFIF_SETSYMLIST;
    *steps_out = s->steps;
    *unused1_out = *unused2_out = 0;
    for (size_t i = 0; *actions_out && i < sizeof macros / sizeof *macros; i++)
        if (smfi_setsymlist(ctx, macros[i].stage, (char *)(uintptr_t)macros[i].names) != MI_SUCCESS)
            *actions_out = 0; /* the mail server's own lists have these too */
    if (smfi_setpriv(ctx, s) != MI_SUCCESS) {
        free(s);
        return SMFIS_TEMPFAIL;
    }
    return SMFIS_CONTINUE;
}

static void peer_format(const struct sockaddr *a, char out[FK_ADDRESS_SIZE]) {
    char host[INET6_ADDRSTRLEN] = "?";
    if (a && a->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(out, FK_ADDRESS_SIZE, "%s:%u", host, ntohs(in->sin_port));
    } else if (a && a->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)a;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(out, FK_ADDRESS_SIZE, "[%s]:%u", host, ntohs(in6->sin6_port));
    } else {
        snprintf(out, FK_ADDRESS_SIZE, "%s", a && a->sa_family == AF_UNIX ? "unix" : "unknown");
    }
}

/* Nothing was agreed on (a second client over one connection, which Postfix does not do): it is not
 * known how fields will come. */
static sfsistat on_connect(SMFICTX *ctx, char *name, struct sockaddr *address) {
    struct session *s = session_of(ctx);
    if (!s)
        return SMFIS_TEMPFAIL;
    if (!s->counted) {
        s->counted = true;
        __atomic_add_fetch(&session_count, 1, __ATOMIC_RELAXED);
    }
    if (__atomic_load_n(&session_count, __ATOMIC_RELAXED) > options->connections)
        return SMFIS_TEMPFAIL;
    peer_format(address, s->peer);
    free(s->client_name);
    s->client_name = name ? strdup(name) : NULL;
    return SMFIS_CONTINUE;
}

static sfsistat on_helo(SMFICTX *ctx, char *name) {
    struct session *s = session_of(ctx);
    if (s)
        snprintf(s->helo, sizeof s->helo, "%s", name ? name : "");
    return go_on(s, SMFIP_NR_HELO);
}

/* ---- the envelope */

static const char *macro(SMFICTX *ctx, const char *name) {
    const char *value = smfi_getsymval(ctx, (char *)(uintptr_t)name);
    return value ? value : "";
}

static void tls_put(SMFICTX *ctx, struct fk_capture *c) {
    char text[256];
    const char *version = macro(ctx, "{tls_version}");
    if (!*version)
        return;
    snprintf(text, sizeof text, "%s %s %s", version, macro(ctx, "{cipher}"),
             macro(ctx, "{cipher_bits}"));
    fk_capture_field(c, "tls", text);
    fk_capture_field(c, "tls-subject", macro(ctx, "{cert_subject}"));
    fk_capture_field(c, "tls-issuer", macro(ctx, "{cert_issuer}"));
}

static sfsistat on_mail(SMFICTX *ctx, char **words) {
    struct session *s = session_of(ctx);
    if (!s || !words || !words[0])
        return refuse(ctx, FK_RETRY);
    message_drop(s);
    if (!fk_handover_enter(handover))
        return refuse(ctx, FK_RETRY);
    s->inside = true;
    struct fk_capture *c = &s->capture;
    fk_capture_begin(c, &budget, options->size_limit);
    fk_capture_field(c, "client-name", s->client_name);
    fk_capture_field(c, "helo", s->helo);
    tls_put(ctx, c);
    fk_capture_field(c, "auth", macro(ctx, "{auth_authen}"));
    fk_capture_field(c, "auth-method", macro(ctx, "{auth_type}"));
    fk_capture_path(c, "mail-from", (const char *const *)words);
    return SMFIS_CONTINUE;
}

static bool is_status(const char *text) {
    return strspn(text, "245") == 1 && text[1] == '.' && strspn(text + 2, "0123456789") > 0 &&
           strspn(text + 2, "0123456789.") == strlen(text + 2);
}

/* Recipients that the mail server has refused are not asked for (SMFIP_RCPT_REJ). One that sends
 * them all the same marks them so: mailer "error", and a status alone for the host. A mailer
 * "error" with words is a route, and its recipient was accepted. */
static sfsistat on_rcpt(SMFICTX *ctx, char **words) {
    struct session *s = session_of(ctx);
    if (!s || !s->inside || !words || !words[0])
        return go_on(s, SMFIP_NR_RCPT);
    bool refused =
        strcmp(macro(ctx, "{rcpt_mailer}"), "error") == 0 && is_status(macro(ctx, "{rcpt_host}"));
    fk_capture_path(&s->capture, refused ? "rcpt-refused" : "rcpt-to", (const char *const *)words);
    return go_on(s, SMFIP_NR_RCPT);
}

static sfsistat on_data(SMFICTX *ctx) {
    return go_on(session_of(ctx), SMFIP_NR_DATA);
}

/* ---- the message */

static sfsistat on_header(SMFICTX *ctx, char *name, char *value) {
    struct session *s = session_of(ctx);
    if (s && s->inside)
        fk_capture_header(&s->capture, name ? name : "", value ? value : "",
                          (s->steps & SMFIP_HDR_LEADSPC) != 0);
    return go_on(s, SMFIP_NR_HDR);
}

static sfsistat on_header_end(SMFICTX *ctx) {
    struct session *s = session_of(ctx);
    if (s && s->inside)
        fk_capture_header_end(&s->capture);
    return go_on(s, SMFIP_NR_EOH);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *data, size_t len) {
    struct session *s = session_of(ctx);
    if (s && s->inside)
        fk_capture_body(&s->capture, data, len);
    return go_on(s, SMFIP_NR_BODY);
}

static enum fk_status message_keep(SMFICTX *ctx, struct session *s) {
    struct fk_capture *c = &s->capture;
    struct fk_buf first = FK_BUF_INIT;
    struct fk_receipt receipt = {.status = FK_RETRY};
    char now[FK_TIME_SIZE];
    fk_capture_field(c, "queue-id", macro(ctx, "i"));
    fk_capture_field(c, "daemon", macro(ctx, "{daemon_name}"));
    fk_capture_field(c, "mta", macro(ctx, "j"));
    fk_time_format(now, fk_now_ms());
    fk_fields_add_str(&first, "received", now);
    fk_fields_add_str(&first, "via", "milter");
    fk_fields_add_str(&first, "listener", options->address);
    fk_fields_add_str(&first, "peer", s->peer);
    enum fk_status st = fk_capture_finish(c, &first);
    fk_buf_free(&first);
    if (st != FK_OK)
        return st;
    const struct fk_mail mail = {c->file.fd, c->file.bytes, options->source, options->floor};
    fk_handover_give(handover, &mail, &receipt);
    /* Whatever else the pen says, the message may be good another time: never a 5xx for it. */
    return receipt.status == FK_OK || receipt.status == FK_FULL ? receipt.status : FK_RETRY;
}

/* Only what was durable is let through; an end without a beginning never is. */
static sfsistat on_message_end(SMFICTX *ctx) {
    struct session *s = session_of(ctx);
    enum fk_status st = s && s->inside ? message_keep(ctx, s) : FK_RETRY;
    if (s)
        message_drop(s);
    return st == FK_OK ? SMFIS_CONTINUE : refuse(ctx, st);
}

static sfsistat on_abort(SMFICTX *ctx) {
    struct session *s = session_of(ctx);
    if (s)
        message_drop(s);
    return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx) {
    struct session *s = session_of(ctx);
    if (!s)
        return SMFIS_CONTINUE;
    message_drop(s);
    if (s->counted)
        __atomic_sub_fetch(&session_count, 1, __ATOMIC_RELAXED);
    free(s->client_name);
    free(s);
    (void)smfi_setpriv(ctx, NULL); /* there was one */
    return SMFIS_CONTINUE;
}

/* ---- libmilter */

static void *listener_main(void *unused) {
    (void)unused;
    if (smfi_main() == MI_SUCCESS)
        fk_handover_end(handover, FK_OK, "");
    else
        fk_handover_end(handover, FK_IO,
                        "libmilter stopped listening; the system's log has its reason");
    return NULL;
}

enum fk_status fk_session_serve(const struct fk_session_options *o, struct fk_handover *h,
                                int listen_fd, struct fk_err *err) {
    const struct smfiDesc filter = {.xxfi_name = (char *)(uintptr_t) "fumikura-milter",
                                    .xxfi_version = SMFI_VERSION,
                                    .xxfi_flags = 0,
                                    .xxfi_connect = on_connect,
                                    .xxfi_helo = on_helo,
                                    .xxfi_envfrom = on_mail,
                                    .xxfi_envrcpt = on_rcpt,
                                    .xxfi_header = on_header,
                                    .xxfi_eoh = on_header_end,
                                    .xxfi_body = on_body,
                                    .xxfi_eom = on_message_end,
                                    .xxfi_abort = on_abort,
                                    .xxfi_close = on_close,
                                    .xxfi_data = on_data,
                                    .xxfi_negotiate = on_negotiate};
    pthread_t thread;
    char where[32];
    options = o;
    handover = h;
    budget.limit = o->in_flight;
    snprintf(where, sizeof where, "fd:%d", listen_fd);
    if (smfi_register(filter) != MI_SUCCESS || smfi_setconn(where) != MI_SUCCESS ||
        smfi_settimeout(SILENCE_S) != MI_SUCCESS || smfi_setbacklog(BACKLOG) != MI_SUCCESS ||
        smfi_opensocket(false) != MI_SUCCESS)
        return fk_fail(err, FK_IO, "libmilter cannot use the socket; the system's log has why");
    int problem = pthread_create(&thread, NULL, listener_main, NULL);
    if (problem)
        return fk_fail_sys(err, problem, "cannot start libmilter's thread");
    (void)pthread_detach(thread); /* nobody waits for it */
    return FK_OK;
}
