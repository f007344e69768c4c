/*
 * follow.h - the way from a mail in the ledger to the entry that says where it is from.
 *
 * Like the indexer this reads the ledger from a mark of its own. Each mail's message goes to the
 * checker (checker.h); what it found of up to FK_FOLLOW_BATCH messages, or of some seconds, is one
 * `fact what=auth` entry. The mark is in DIR/run/auth, written after the entry: after a crash
 * between the two the entries after the mark tell which messages are done already. Without the file
 * it begins behind the newest message that has a fact, else at the ledger's end: turned on, it
 * checks what arrives from then on.
 *
 * Of a journal report two things are judged, one after the other: the message that it reports, and
 * the report itself (the wrapper). Where the message stands is for the caller to find (`inside`),
 * since that takes a reader of hostile bytes, in a box of its own.
 *
 * A message for which DNS did not answer gets its fact at once, and another one, which then counts,
 * when a later try was answered: FK_FOLLOW_TRIES times, the first after retry_ms, each four times
 * later than the one before.
 *
 *     FK_TRY(fk_follow_open(&options, &follow, err));
 *     FK_TRY(fk_follow_step(follow, &idle, err));      again and again
 *     st = fk_follow_close(&follow, err);              what was found is written; drops the rest
 *
 * Errors: FK_RETRY the desk or the pen is away: nothing is lost, step again; others as of
 * checker.h. Threads: one.
 */
#ifndef FK_AUTH_FOLLOW_H
#define FK_AUTH_FOLLOW_H
#include "archiver/auth/checker.h"
#include "archiver/auth/evidence.h"
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_FOLLOW_BATCH = 256, FK_FOLLOW_TRIES = 5, FK_FOLLOW_RETRIES_MAX = 10000 };

struct fk_follow;
/* The message inside a journal report. */
struct fk_inside {
    const char *unread; /* why nobody knows whether it is a report, or NULL */
    bool is_report;
    struct fk_judged judged;
    int fd; /* sealed memory file that has it there; given away */
    uint64_t offset, len;
};
/* fd: of the message as it was received, at offset; stays the caller's. */
typedef enum fk_status (*fk_inside_fn)(void *ctx, int fd, uint64_t offset, uint64_t len,
                                       struct fk_inside *out, struct fk_err *err);
struct fk_follow_options {
    const char *dir;
    struct fk_keep *keep; /* borrowed, as the next */
    struct fk_lend *lend;
    struct fk_checker_options checker;
    const char *resolver; /* whom DNS is asked of, in words */
    char *const *clients; /* NULL-terminated: listeners whose peer is the client itself */
    fk_inside_fn inside;  /* NULL: reports are judged as they came */
    void *inside_ctx;
    int64_t retry_ms;
    int64_t batch_ms; /* a message waits for others so long at most */
};
FK_CHECKED enum fk_status fk_follow_open(const struct fk_follow_options *options,
                                         struct fk_follow **out, struct fk_err *err);
/* Some work, at most about a second of it. *idle: there is nothing to do now. */
FK_CHECKED enum fk_status fk_follow_step(struct fk_follow *f, bool *idle, struct fk_err *err);
/* After keep or lend came back: what was on its way is taken again. */
void fk_follow_again(struct fk_follow *f);
FK_CHECKED enum fk_status fk_follow_close(struct fk_follow **f, struct fk_err *err);

/* As fk_checker_unanswered. */
unsigned fk_follow_unanswered(const struct fk_follow *f);

/* What DIR/run/auth says, some seconds old at most while a server has nothing to do; FK_NOT_FOUND:
 * nothing was checked yet. */
struct fk_follow_state {
    uint64_t mark;    /* messages before it are judged */
    size_t again;     /* of them, those for which DNS is asked once more later */
    int64_t again_ms; /* when the first of these is; 0: none */
};
FK_CHECKED enum fk_status fk_follow_state(const char *dir, struct fk_follow_state *out,
                                          struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
