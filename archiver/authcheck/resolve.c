/* resolve.c - main of the process that asks DNS, by libunbound. It is told names and tells what was
 * found, with what DNSSEC says of it; it never sees a message.
 *
 * A name has its time; an answer that comes later is dropped by libunbound, which checks that an
 * answer is to the question (port, id, name), follows CNAMEs up to its limit, and asks again by TCP
 * where one was cut short. What is larger than records.h takes is told as that. */
#include "archiver/authcheck/check_priv.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unbound.h>
#include <unistd.h>

enum { PAUSE_MS = 200 };
struct query {
    bool is_used, is_done;
    uint32_t id;
    struct fk_dns_question question;
    int async;
    int64_t until_ms;
};
static struct resolver {
    struct ub_ctx *ub;
    bool has_anchor;
    unsigned time_ms;
    struct query queries[FK_RESOLVE_MAX];
    size_t count;
    enum fk_status st; /* of answers that were sent in a callback */
} resolver;

static const struct {
    int type, bytes; /* bytes: of a record that has one size only */
} wire[FK_DNS_TYPES] = {
    [FK_DNS_A] = {1, 4},    [FK_DNS_AAAA] = {28, 16}, [FK_DNS_MX] = {15, 0},
    [FK_DNS_PTR] = {12, 0}, [FK_DNS_TXT] = {16, 0},
};

/* ---- records */

/* A name of the wire, which libunbound has put without compression. */
static bool name_read(const uint8_t *at, size_t len, struct fk_buf *out) {
    const size_t begin = out->len;
    while (len && *at) {
        const size_t label = *at;
        if (label > 63 || label + 1 > len)
            return false;
        if (out->len > begin)
            fk_buf_byte(out, '.');
        fk_buf_add(out, at + 1, label);
        at += label + 1;
        len -= label + 1;
    }
    return len == 1;
}

static bool text_read(const uint8_t *at, size_t len, struct fk_buf *out) {
    while (len) {
        const size_t n = *at;
        if (n + 1 > len)
            return false;
        fk_buf_add(out, at + 1, n);
        at += n + 1;
        len -= n + 1;
    }
    return true;
}

static bool record_read(enum fk_dns_type type, const uint8_t *at, size_t len, struct fk_buf *out) {
    char text[INET6_ADDRSTRLEN] = "";
    if (wire[type].bytes) {
        if (len != (size_t)wire[type].bytes ||
            !inet_ntop(type == FK_DNS_A ? AF_INET : AF_INET6, at, text, sizeof text))
            return false;
        fk_buf_str(out, text);
        return true;
    }
    if (type == FK_DNS_TXT)
        return text_read(at, len, out);
    if (type == FK_DNS_PTR)
        return name_read(at, len, out);
    if (len < 2)
        return false;
    fk_buf_printf(out, "%u ", at[0] << 8 | at[1]);
    return name_read(at + 2, len - 2, out);
}

static int compare_bufs(const void *a, const void *b) {
    const struct fk_buf *x = a, *y = b;
    const size_t n = x->len < y->len ? x->len : y->len;
    const int order = n ? memcmp(x->data, y->data, n) : 0;
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* The records of an answer in the order of their bytes, since DNS gives them in any. */
static enum fk_dns_status records_add(const struct fk_dns_question *q, const struct ub_result *r,
                                      struct fk_buf *out) {
    struct fk_buf list[FK_DNS_RECORDS_MAX] = {FK_BUF_INIT};
    size_t n = 0, bytes = 0;
    enum fk_dns_status status = FK_DNS_OK;
    for (; r->data[n] && status == FK_DNS_OK; n++) {
        bytes += (size_t)r->len[n];
        if (n == FK_DNS_RECORDS_MAX || bytes > FK_DNS_BYTES_MAX) {
            status = FK_DNS_LIMIT;
            break;
        }
        if (!record_read(q->type, (const uint8_t *)r->data[n], (size_t)r->len[n], &list[n]))
            status = FK_DNS_FAILED;
    }
    if (status == FK_DNS_OK) {
        qsort(list, n, sizeof *list, compare_bufs);
        for (size_t i = 0; i < n; i++)
            fk_dns_add_record(out, list[i].data, list[i].len);
    }
    for (size_t i = 0; i < FK_DNS_RECORDS_MAX; i++)
        fk_buf_free(&list[i]);
    return status;
}

/* ---- answers */

static void answer(struct query *q, enum fk_dns_state state, enum fk_dns_status status,
                   const struct fk_buf *records) {
    struct fk_buf b = FK_BUF_INIT;
    fk_dns_add(&b, &q->question, state, status);
    if (records)
        fk_buf_add(&b, records->data, records->len);
    enum fk_status st =
        b.failed ? FK_NOMEM
                 : fk_frame_send(FK_AUTH_SOCKET, FK_AUTH_ANSWER, q->id, b.data, b.len, -1, NULL);
    if (st != FK_OK)
        resolver.st = st;
    fk_buf_free(&b);
    q->is_used = false;
    resolver.count--;
}

static enum fk_dns_state state_of(const struct ub_result *r) {
    if (r->bogus)
        return FK_DNS_BOGUS;
    return r->secure ? FK_DNS_SECURE : resolver.has_anchor ? FK_DNS_INSECURE : FK_DNS_UNCHECKED;
}

static void on_answer(void *data, int error, struct ub_result *r) {
    enum { NOERROR = 0, NXDOMAIN = 3 };
    struct query *q = data;
    struct fk_buf records = FK_BUF_INIT;
    enum fk_dns_status status = FK_DNS_FAILED;
    const enum fk_dns_state state = error ? FK_DNS_UNCHECKED : state_of(r);
    if (!error && r->nxdomain)
        status = FK_DNS_NXDOMAIN;
    else if (!error && r->rcode == NOERROR)
        status = r->havedata ? records_add(&q->question, r, &records) : FK_DNS_NODATA;
    answer(q, state, status, &records);
    fk_buf_free(&records);
    ub_resolve_free(r);
}

static struct query *query_free(void) {
    for (size_t i = 0; i < FK_RESOLVE_MAX; i++)
        if (!resolver.queries[i].is_used)
            return &resolver.queries[i];
    return NULL;
}

static enum fk_status ask(const struct fk_frame *f, struct fk_err *err) {
    enum { CLASS_IN = 1 };
    struct fk_reader r;
    struct query *q = query_free();
    char text[FK_DNS_NAME_MAX + 16];
    fk_reader_init(&r, f->payload.data, f->payload.len);
    fk_get_cstr(&r, text, sizeof text);
    if (f->type != FK_AUTH_ASK || !fk_reader_done(&r) || !q ||
        !fk_dns_question_read(&q->question, text, strlen(text)))
        return fk_fail(err, FK_CORRUPT, "not a question");
    q->is_used = true;
    q->id = f->id;
    q->until_ms = fk_monotonic_ms() + resolver.time_ms;
    resolver.count++;
    if (ub_resolve_async(resolver.ub, q->question.name, wire[q->question.type].type, CLASS_IN, q,
                         on_answer, &q->async) != 0)
        answer(q, FK_DNS_UNCHECKED, FK_DNS_FAILED, NULL);
    return resolver.st;
}

/* Those whose time is over are answered now, whatever comes later. Milliseconds until the next. */
static int overdue_end(void) {
    int64_t now = fk_monotonic_ms(), first = -1;
    for (size_t i = 0; i < FK_RESOLVE_MAX; i++) {
        struct query *q = &resolver.queries[i];
        if (!q->is_used)
            continue;
        if (q->until_ms <= now && ub_cancel(resolver.ub, q->async) == 0)
            answer(q, FK_DNS_UNCHECKED, FK_DNS_FAILED, NULL);
        else if (first < 0 || q->until_ms - now < first)
            first = q->until_ms > now ? q->until_ms - now : 1;
    }
    return (int)first;
}

/* ---- the process */

static enum fk_status unbound_try(int rc, const char *what, struct fk_err *err) {
    return rc == 0 ? FK_OK : fk_fail(err, FK_INVALID, "%s: %s", what, ub_strerror(rc));
}

static enum fk_status context_make(const char *server, const char *hosts, const char *anchor,
                                   struct fk_err *err) {
    enum fk_status st = FK_OK;
    resolver.ub = ub_ctx_create();
    if (!resolver.ub)
        return fk_fail(err, FK_NOMEM, "libunbound does not begin");
    FK_TRY(unbound_try(ub_ctx_async(resolver.ub, 1), "libunbound", err));
    FK_TRY(unbound_try(ub_ctx_set_option(resolver.ub, "do-not-query-localhost:", "no"),
                       "libunbound", err));
    if (*server)
        FK_TRY(unbound_try(ub_ctx_set_fwd(resolver.ub, server), server, err));
    else
        FK_TRY(unbound_try(ub_ctx_resolvconf(resolver.ub, NULL), "/etc/resolv.conf", err));
    if (*hosts)
        FK_TRY(unbound_try(ub_ctx_hosts(resolver.ub, hosts), hosts, err));
    if (*anchor)
        FK_TRY(unbound_try(ub_ctx_add_ta_file(resolver.ub, anchor), anchor, err));
    resolver.has_anchor = *anchor;
done:
    return st;
}

/* f: the SETUP. told: the other end waits to hear how it went. */
static enum fk_status set_up(const struct fk_frame *f, bool told, struct fk_err *err) {
    struct fk_reader r;
    struct fk_buf b = FK_BUF_INIT;
    struct fk_err why = FK_ERR_INIT;
    char server[256], hosts[4096], anchor[4096];
    fk_reader_init(&r, f->payload.data, f->payload.len);
    fk_get_cstr(&r, server, sizeof server);
    fk_get_cstr(&r, hosts, sizeof hosts);
    fk_get_cstr(&r, anchor, sizeof anchor);
    resolver.time_ms = fk_get_u32(&r);
    if (f->type != FK_AUTH_SETUP || !fk_reader_done(&r))
        return fk_fail(err, FK_CORRUPT, "not a resolver's first message");
    if (!told)
        return context_make(server, hosts, anchor, err);
    const enum fk_status made = context_make(server, hosts, anchor, &why);
    fk_put_u32(&b, (uint32_t)made);
    fk_put_cstr(&b, why.text);
    enum fk_status st = fk_frame_send(FK_AUTH_SOCKET, FK_AUTH_HELLO, 0, b.data, b.len, -1, err);
    fk_buf_free(&b);
    return made != FK_OK ? made : st;
}

static enum fk_status run(struct fk_frame *f, struct fk_err *err) {
    for (;;) {
        struct pollfd p[] = {{FK_AUTH_SOCKET, POLLIN, 0}, {ub_fd(resolver.ub), POLLIN, 0}};
        const int wait_ms = overdue_end();
        enum fk_status st = resolver.st;
        if (st != FK_OK || poll(p, 2, wait_ms) < 0)
            return st;
        if (p[1].revents && ub_process(resolver.ub) != 0)
            return fk_fail(err, FK_IO, "libunbound does not go on");
        if (p[0].revents && (st = fk_frame_recv(FK_AUTH_SOCKET, f, err)) == FK_OK)
            st = ask(f, err);
        if (st != FK_OK)
            return st;
    }
}

static int child_main(const struct fk_frame *setup, bool first, pid_t parent) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_frame f = FK_FRAME_INIT;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        return 1;
    enum fk_status st = set_up(setup, first, &err);
    if (st == FK_OK)
        st = run(&f, &err);
    return st == FK_NOT_FOUND ? 0 : 1;
}

/* What reads answers is a child of this process, and another one takes its place when it dies of
 * one: whoever started us may no longer be able to start what has the network. */
int fk_resolve_main(void) {
    struct fk_frame setup = FK_FRAME_INIT;
    if (fk_frame_recv(FK_AUTH_SOCKET, &setup, NULL) != FK_OK)
        return 1;
    for (bool first = true;; first = false) {
        int status = 0;
        const pid_t parent = getpid(), pid = fork();
        if (pid < 0)
            return 1;
        if (pid == 0)
            _exit(child_main(&setup, first, parent));
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (first && WIFEXITED(status) && WEXITSTATUS(status))
            return 1; /* it could not begin, and has said why */
        if (WIFEXITED(status) && !WEXITSTATUS(status))
            return 0;
        (void)poll(NULL, 0, PAUSE_MS);
    }
}
