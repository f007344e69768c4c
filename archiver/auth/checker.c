/* checker.c - starting, feeding, watching and replacing the checker and the resolver.
 *
 * A message waits (to be given to the checker), is with it, or asks (for names). Only one is with
 * the checker at a time, so that whatever happens to it is this message's doing; names of many
 * messages are asked for at once. */
#include "archiver/auth/checker.h"
#include "archiver/auth/protocol.h"
#include "archiver/auth/records.h"
#include "base/apart.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/io.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    JOBS = 32,
    JOBS_A_PROCESS = 500,
    ROUNDS_MAX = 40, /* libspf2 asks name after name */
    LOOK_MS = 100,
    GRACE_MS = 2000, /* a resolver has so long to say that a name's time is over */
    WALL_FACTOR = 5,
    ANSWER_LINE_MAX = 4096
};

enum state { FREE, WAITS, WITH_CHECKER, ASKS, DONE };
struct job {
    enum state state;
    struct fk_checker_job given;
    struct fk_buf answer;
    const char *unread;
    unsigned rounds, names, unanswered, attempts;
};
struct process {
    struct fk_apart is;
    unsigned jobs;
    int64_t since_ms, cpu_since_ms;
};
struct fk_checker {
    struct fk_checker_options options;
    struct process checker, resolver;
    struct job jobs[JOBS];
    struct {
        struct job *job; /* NULL: not in use */
        struct fk_dns_question question;
        uint32_t id; /* the slot in its low bits */
        int64_t until_ms;
    } asked[FK_RESOLVE_MAX];
    uint32_t last_id;
    unsigned unanswered; /* names in a row */
    bool resolver_has_gone;
};

/* ---- processes */

static enum fk_status process_start(const struct fk_checker *c, struct process *p, const char *mode,
                                    const struct fk_buf *setup, struct fk_err *err) {
    const char *const argv[] = {"fumikura-authcheck", mode, NULL};
    *p = (struct process){.is = FK_APART_INIT};
    enum fk_status st =
        fk_apart_start(c->options.program, argv, FK_AUTH_SETUP, setup, FK_AUTH_HELLO, &p->is, err);
    return st == FK_OK ? FK_OK : fk_err_prefix(err, "%s %s", c->options.program, mode);
}

static enum fk_status checker_start(struct fk_checker *c, struct fk_err *err) {
    struct fk_buf setup = FK_BUF_INIT;
    fk_put_u64(&setup, c->options.memory_bytes);
    enum fk_status st = process_start(c, &c->checker, "check", &setup, err);
    fk_buf_free(&setup);
    return st;
}

static enum fk_status resolver_start(struct fk_checker *c, struct fk_err *err) {
    struct fk_buf setup = FK_BUF_INIT;
    fk_put_cstr(&setup, c->options.server);
    fk_put_cstr(&setup, c->options.hosts);
    fk_put_cstr(&setup, c->options.anchor);
    fk_put_u32(&setup, c->options.name_ms);
    enum fk_status st = process_start(c, &c->resolver, "resolve", &setup, err);
    fk_buf_free(&setup);
    return st;
}

/* ---- names */

static void known_add(struct job *j, const struct fk_dns_question *q, enum fk_dns_status status) {
    fk_dns_add(&j->given.known, q, FK_DNS_UNCHECKED, status);
}

static void answered(struct job *j) {
    if (j->unanswered && --j->unanswered == 0 && j->state == ASKS)
        j->state = WAITS;
}

/* Questions that a resolver left without an answer when it died over one and began anew. */
static void overdue_end(struct fk_checker *c) {
    const int64_t now = fk_monotonic_ms();
    for (size_t i = 0; i < FK_RESOLVE_MAX; i++)
        if (c->asked[i].job && c->asked[i].until_ms <= now) {
            known_add(c->asked[i].job, &c->asked[i].question, FK_DNS_FAILED);
            answered(c->asked[i].job);
            c->asked[i].job = NULL;
            c->unanswered++;
        }
}

static enum fk_status question_send(struct fk_checker *c, size_t slot, struct fk_err *err) {
    const struct fk_dns_question *q = &c->asked[slot].question;
    struct fk_buf b = FK_BUF_INIT;
    char text[FK_DNS_NAME_MAX + 16];
    enum fk_status st;
    snprintf(text, sizeof text, "%s %s", fk_dns_type_names[q->type], q->name);
    fk_put_cstr(&b, text);
    st = fk_frame_send(c->resolver.is.sock, FK_AUTH_ASK, c->asked[slot].id, b.data, b.len, -1, err);
    fk_buf_free(&b);
    return st;
}

static void ask(struct fk_checker *c, struct job *j, const struct fk_dns_question *q) {
    size_t slot = 0;
    while (slot < FK_RESOLVE_MAX && c->asked[slot].job)
        slot++;
    if (j->names++ >= FK_AUTH_NAMES_MAX || j->rounds > ROUNDS_MAX) {
        known_add(j, q, FK_DNS_LIMIT);
        return;
    }
    if (c->options.offline || slot == FK_RESOLVE_MAX) {
        known_add(j, q, FK_DNS_FAILED);
        return;
    }
    c->asked[slot].job = j;
    c->asked[slot].question = *q;
    c->asked[slot].id = ++c->last_id * FK_RESOLVE_MAX + (uint32_t)slot;
    c->asked[slot].until_ms = fk_monotonic_ms() + c->options.name_ms + GRACE_MS;
    j->unanswered++;
    if (question_send(c, slot, NULL) != FK_OK)
        c->resolver_has_gone = true;
}

/* An answer that DNSSEC does not vouch for is one too. */
static bool says_something(const struct fk_frame *f) {
    struct fk_fields it = fk_fields_begin(f->payload.data, f->payload.len);
    struct fk_field line;
    struct fk_dns_answer a;
    return fk_fields_next(&it, &line) && fk_dns_answer_read(&line, &it, &a) &&
           (a.status != FK_DNS_FAILED || a.state == FK_DNS_BOGUS);
}

static bool answer_is_good(const struct fk_frame *f, const struct fk_dns_question *q) {
    struct fk_fields it = fk_fields_begin(f->payload.data, f->payload.len);
    struct fk_field line;
    struct fk_dns_answer a;
    size_t n = 0;
    if (f->type != FK_AUTH_ANSWER || !fk_fields_next(&it, &line) || !fk_field_is(&line, "dns") ||
        !fk_dns_answer_read(&line, &it, &a) || a.question.type != q->type ||
        strcmp(a.question.name, q->name) != 0)
        return false;
    while (fk_fields_next(&it, &line))
        if (!fk_field_is(&line, "record") || ++n > FK_DNS_RECORDS_MAX)
            return false;
    return !it.bad;
}

static void resolver_hear(struct fk_checker *c) {
    struct fk_frame f = FK_FRAME_INIT;
    const bool is_frame = fk_frame_recv(c->resolver.is.sock, &f, NULL) == FK_OK;
    const size_t slot = f.id % FK_RESOLVE_MAX;
    if (is_frame && c->asked[slot].job && c->asked[slot].id == f.id &&
        answer_is_good(&f, &c->asked[slot].question)) {
        struct job *j = c->asked[slot].job;
        if (j->given.known.len + f.payload.len > FK_AUTH_TEXT_MAX)
            known_add(j, &c->asked[slot].question, FK_DNS_LIMIT);
        else
            fk_buf_add(&j->given.known, f.payload.data, f.payload.len);
        c->asked[slot].job = NULL;
        c->unanswered = says_something(&f) ? 0 : c->unanswered + 1;
        answered(j);
    } else if (!is_frame) {
        c->resolver_has_gone = true;
    } /* else: late, or no answer to it: its time runs on */
    fk_frame_free(&f);
}

/* ---- messages */

static struct job *job_in(struct fk_checker *c, enum state state) {
    for (size_t i = 0; i < JOBS; i++)
        if (c->jobs[i].state == state)
            return &c->jobs[i];
    return NULL;
}

static void job_finish(struct job *j, const char *unread) {
    j->unread = unread;
    if (unread)
        fk_buf_reset(&j->answer);
    fk_close(&j->given.fd);
    j->state = DONE;
}

/* The checker is lost over its message. */
static void checker_lost(struct fk_checker *c, const char *why) {
    struct job *j = job_in(c, WITH_CHECKER);
    fk_apart_end(&c->checker.is);
    if (!j)
        return;
    if (j->attempts++ > 0)
        job_finish(j, why);
    else
        j->state = WAITS;
}

static enum fk_status text_send(struct fk_checker *c, const struct fk_buf *text,
                                struct fk_err *err) {
    const uint8_t *at = text->data, *end = at + text->len;
    enum fk_status st = FK_OK;
    while (st == FK_OK && at < end) {
        const size_t left = (size_t)(end - at), n = left < FK_FRAME_MAX ? left : FK_FRAME_MAX;
        st = fk_frame_send(c->checker.is.sock, FK_AUTH_TEXT, 0, at, n, -1, err);
        at += n;
    }
    return st;
}

static enum fk_status job_send(struct fk_checker *c, struct job *j, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf b = FK_BUF_INIT;
    if (c->checker.is.pid && c->checker.jobs >= JOBS_A_PROCESS)
        fk_apart_end(&c->checker.is);
    if (!c->checker.is.pid)
        FK_TRY(checker_start(c, err));
    if (j->given.known.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "checking a message: out of memory"));
    j->state = WITH_CHECKER;
    j->rounds++;
    c->checker.jobs++;
    c->checker.since_ms = fk_monotonic_ms();
    c->checker.cpu_since_ms = fk_apart_cpu_ms(&c->checker.is);
    fk_put_u64(&b, j->given.offset);
    fk_put_u64(&b, j->given.len);
    st = text_send(c, &j->given.known, err);
    if (st == FK_OK)
        st = fk_frame_send(c->checker.is.sock, FK_AUTH_JOB, 0, b.data, b.len, j->given.fd, err);
    if (st == FK_NOT_FOUND) { /* it was gone before it got the message, or died of it at once */
        checker_lost(c, "crash");
        st = FK_OK;
    }
done:
    fk_buf_free(&b);
    return st;
}

/* Lines that a checker may write, each of a size that is one. */
static bool result_is_good(const struct fk_buf *answer) {
    static const char *const names[] = {"dkim", "spf", "dmarc", "from", "left-out"};
    struct fk_fields it = fk_fields_begin(answer->data, answer->len);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        bool known = false;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            known |= fk_field_is(&f, names[i]);
        if (!known || f.value_len > ANSWER_LINE_MAX)
            return false;
    }
    return !it.bad;
}

/* False where a line is none. */
static bool names_ask(struct fk_checker *c, struct job *j, const struct fk_buf *answer) {
    struct fk_fields it = fk_fields_begin(answer->data, answer->len);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        struct fk_dns_question q;
        struct fk_dns_answer a;
        bool is_asked = false;
        if (!fk_field_is(&f, "need") || !fk_dns_question_read(&q, f.value, f.value_len))
            return false;
        for (size_t i = 0; i < FK_RESOLVE_MAX; i++)
            is_asked |= c->asked[i].job == j && c->asked[i].question.type == q.type &&
                        strcmp(c->asked[i].question.name, q.name) == 0;
        if (!is_asked && !fk_dns_find(j->given.known.data, j->given.known.len, &q, &a))
            ask(c, j, &q);
    }
    return !it.bad;
}

static bool needs_names(const struct fk_buf *answer) {
    static const char need[] = "need: ";
    return answer->len >= sizeof need - 1 && memcmp(answer->data, need, sizeof need - 1) == 0;
}

static void answer_take(struct fk_checker *c, struct job *j, const struct fk_buf *answer) {
    const unsigned names = j->names;
    if (!needs_names(answer)) {
        if (!result_is_good(answer)) {
            checker_lost(c, "crash");
            return;
        }
        fk_buf_reset(&j->answer);
        fk_buf_add(&j->answer, answer->data, answer->len);
        job_finish(j, NULL);
    } else {
        /* What is known already, or never enough, would be asked for ever. */
        if (!names_ask(c, j, answer) || j->names == names || j->names > 2 * FK_AUTH_NAMES_MAX)
            checker_lost(c, "crash");
        else
            j->state = j->unanswered ? ASKS : WAITS;
    }
}

static void checker_hear(struct fk_checker *c) {
    struct fk_frame f = FK_FRAME_INIT;
    struct job *j = job_in(c, WITH_CHECKER);
    if (fk_frame_recv(c->checker.is.sock, &f, NULL) == FK_OK && f.type == FK_AUTH_ANSWER && j)
        answer_take(c, j, &f.payload);
    else
        checker_lost(c, "crash");
    fk_frame_free(&f);
}

static bool is_overdue(const struct fk_checker *c) {
    const int64_t limit = (int64_t)c->options.seconds * 1000;
    return fk_monotonic_ms() - c->checker.since_ms > limit * WALL_FACTOR ||
           fk_apart_cpu_ms(&c->checker.is) - c->checker.cpu_since_ms > limit;
}

/* ---- the pair */

enum fk_status fk_checker_open(const struct fk_checker_options *options, struct fk_checker **out,
                               struct fk_err *err) {
    struct fk_checker *c = calloc(1, sizeof *c);
    if (!c)
        return fk_fail(err, FK_NOMEM, "the checker: out of memory");
    c->options = *options;
    c->checker.is.sock = c->resolver.is.sock = -1;
    enum fk_status st = checker_start(c, err);
    if (st == FK_OK && !options->offline)
        st = resolver_start(c, err);
    if (st == FK_OK)
        *out = c;
    else
        fk_checker_close(&c);
    return st;
}

static void job_clear(struct job *j) {
    fk_close(&j->given.fd);
    fk_buf_wipe(&j->given.known);
    fk_buf_wipe(&j->answer);
    *j = (struct job){.state = FREE, .given.fd = -1};
}

void fk_checker_close(struct fk_checker **c) {
    if (!*c)
        return;
    fk_apart_end(&(*c)->checker.is);
    fk_apart_end(&(*c)->resolver.is);
    for (size_t i = 0; i < JOBS; i++)
        if ((*c)->jobs[i].state != FREE)
            job_clear(&(*c)->jobs[i]);
    free(*c);
    *c = NULL;
}

size_t fk_checker_busy(const struct fk_checker *c) {
    size_t n = 0;
    for (size_t i = 0; i < JOBS; i++)
        n += c->jobs[i].state != FREE;
    return n;
}

size_t fk_checker_free(const struct fk_checker *c) {
    return JOBS - fk_checker_busy(c);
}

enum fk_status fk_checker_submit(struct fk_checker *c, const struct fk_checker_job *job,
                                 struct fk_err *err) {
    struct job *j = job_in(c, FREE);
    if (!j) {
        struct job refused = {.given = *job};
        job_clear(&refused);
        return fk_fail(err, FK_INVALID, "the checker has all the messages it takes");
    }
    *j = (struct job){.state = WAITS, .given = *job};
    return FK_OK;
}

static enum fk_status look(struct fk_checker *c, int wait_ms, struct fk_err *err) {
    struct job *waiting = job_in(c, WAITS), *with = job_in(c, WITH_CHECKER);
    enum fk_status st = FK_OK;
    if (waiting && !with) {
        st = job_send(c, waiting, err);
        with = job_in(c, WITH_CHECKER);
    }
    if (st != FK_OK)
        return st;
    struct pollfd p[] = {{with ? c->checker.is.sock : -1, POLLIN, 0},
                         {c->resolver.is.pid ? c->resolver.is.sock : -1, POLLIN, 0}};
    if (poll(p, 2, wait_ms) < 0 && errno != EINTR)
        return fk_fail_sys(err, errno, "cannot wait for the checker");
    if (p[0].revents)
        checker_hear(c);
    else if (with && is_overdue(c))
        checker_lost(c, "time");
    /* All that is there before a name's time is called over: the caller may have been away. */
    while (p[1].revents && !c->resolver_has_gone) {
        resolver_hear(c);
        p[1].revents = 0;
        (void)poll(&p[1], 1, 0); /* what it says is in revents */
    }
    overdue_end(c);
    return c->resolver_has_gone ? fk_fail(err, FK_IO, "the resolver has gone") : FK_OK;
}

enum fk_status fk_checker_wait(struct fk_checker *c, int wait_ms, struct fk_checker_result *out,
                               struct fk_err *err) {
    const int64_t until = fk_monotonic_ms() + wait_ms;
    for (;;) {
        struct job *j = job_in(c, DONE);
        if (j) {
            *out = (struct fk_checker_result){j->given.id, j->unread, j->given.known, j->answer};
            *j = (struct job){.state = FREE, .given.fd = -1};
            return FK_OK;
        }
        int64_t left = until - fk_monotonic_ms();
        left = left < 0 ? 0 : left;
        enum fk_status st = look(c, (int)(left < LOOK_MS ? left : LOOK_MS), err);
        if (st != FK_OK)
            return st;
        if (left == 0 && !job_in(c, DONE))
            return fk_fail(err, FK_RETRY, "no message is checked yet");
    }
}

unsigned fk_checker_unanswered(const struct fk_checker *c) {
    return c->unanswered;
}

void fk_checker_result_free(struct fk_checker_result *r) {
    fk_buf_wipe(&r->known);
    fk_buf_wipe(&r->answer);
}

enum fk_status fk_checker_program(char *out, size_t size, struct fk_err *err) {
    static const char *const places[] = {"fumikura-authcheck",
                                         "../libexec/fumikura/fumikura-authcheck"};
    char self[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return fk_fail_sys(err, errno, "cannot ask where this program is");
    self[n] = 0;
    char *slash = strrchr(self, '/');
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        *slash = 0;
        if (fk_join_path(out, size, self, places[i], err) == FK_OK && access(out, X_OK) == 0)
            return FK_OK;
    }
    return fk_fail(err, FK_INVALID,
                   "fumikura-authcheck is neither beside %s nor where \"make install\" puts it",
                   self);
}
