/*
 * checker.h - the two processes of fumikura-authcheck, fed with messages and names.
 *
 *     FK_TRY(fk_checker_open(&options, &checker, err));
 *     while (fk_checker_free(checker)) FK_TRY(fk_checker_submit(checker, &job, err));
 *     st = fk_checker_wait(checker, wait_ms, &result, err);      FK_RETRY: none is done yet
 *     fk_checker_result_free(&result);
 *     fk_checker_close(&checker);
 *
 * A message that kills the checker, or takes longer than its time, is tried once more and then
 * given back unread; the checker is started anew. What the checker says is only what it says: its
 * lines are of the form and within limits, and no more is promised. Names that a message asks for
 * beyond the limits of protocol.h are answered "limit".
 *
 * Both processes are started by fk_checker_open; afterwards the caller may give up the network
 * (confine.h), since only the checker is ever started anew from here. The resolver is a process
 * that minds another, and begins that anew when it dies over an answer.
 *
 * Errors: FK_DENIED there is no box on this machine; FK_INVALID the resolver's settings; FK_IO the
 * program does not start, or the resolver has gone: open another. Threads: one.
 */
#ifndef FK_AUTH_CHECKER_H
#define FK_AUTH_CHECKER_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_checker_options {
    const char *program;        /* fumikura-authcheck */
    unsigned seconds;           /* CPU time of a message; of the clock five times that */
    size_t memory_bytes;        /* address space of the checker */
    bool offline;               /* no DNS: a name that is not known is answered "failed" */
    const char *server;         /* ADDRESS or ADDRESS@PORT; "" for those of the system */
    const char *hosts, *anchor; /* files; "" for none */
    unsigned name_ms;           /* time for a name */
};
struct fk_checker_job {
    uint64_t id;
    int fd; /* sealed memory file that has the message; the checker's from submit on */
    uint64_t offset, len;
    struct fk_buf known; /* lines of protocol.h; the checker's from submit on */
};
struct fk_checker_result {
    uint64_t id;
    const char *unread;   /* why it was not read, or NULL */
    struct fk_buf known;  /* with the answers of DNS */
    struct fk_buf answer; /* what was found */
};

struct fk_checker;
FK_CHECKED enum fk_status fk_checker_open(const struct fk_checker_options *options,
                                          struct fk_checker **out, struct fk_err *err);
void fk_checker_close(struct fk_checker **c);
size_t fk_checker_free(const struct fk_checker *c); /* messages that it still takes */
size_t fk_checker_busy(const struct fk_checker *c);
FK_CHECKED enum fk_status fk_checker_submit(struct fk_checker *c, const struct fk_checker_job *job,
                                            struct fk_err *err);
FK_CHECKED enum fk_status fk_checker_wait(struct fk_checker *c, int wait_ms,
                                          struct fk_checker_result *out, struct fk_err *err);
/* Names in a row that DNS did not answer, up to now: of many the resolver is to be looked at. */
unsigned fk_checker_unanswered(const struct fk_checker *c);
void fk_checker_result_free(struct fk_checker_result *r);

/* fumikura-authcheck beside the program that runs, or where `make install` puts it. */
FK_CHECKED enum fk_status fk_checker_program(char *out, size_t size, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
