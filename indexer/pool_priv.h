/*
 * pool_priv.h - boxed readers (`fumikura index-worker`), one message each at a time and one more
 * that waits, and the watch over them.
 *
 * A reader that dies, or is killed because its message takes too long, is replaced; its message is
 * tried once more without what stands in files, then for its header fields only, and after that is
 * given back with no answer. What waited behind it goes to the new reader as if it had been alone,
 * and is tried whole once more where that one dies: a reader may die of the message before. One
 * whose runner of programs was gone gets another. An answer is only what the reader says: whoever
 * uses it checks it. A reader is replaced after some hundred messages, so that one that a message
 * has taken over does not see many more.
 *
 * Errors: FK_DENIED there is no box on this machine. Threads: one, the one that opened it.
 */
#ifndef FK_INDEXER_POOL_PRIV_H
#define FK_INDEXER_POOL_PRIV_H
#include "base/buf.h"
#include "indexer/index.h"
#include "indexer/reading/reader.h"
#include "indexer/record/reason_priv.h"

enum {
    FK_POOL_TASKS = 2 /* a reader: it need not wait for the next message, nor be woken for it */
};

struct fk_job {
    uint64_t id;
    enum fk_job_kind kind;
    int fd; /* sealed memory file that holds the message; the pool's from submit on */
    uint64_t offset, len;
    const struct fk_passwords *passwords; /* besides the configured; NULL: none. Until it is done */
};
struct fk_job_result {
    uint64_t id;
    unsigned reasons; /* FK_REASON_TIME, _CRASH: a reader was lost over it */
    bool has_answer;
    struct fk_buf answer; /* yours to free */
};

struct fk_pool;
/* Starts one reader and waits for its box; the others start when they are needed. */
FK_CHECKED enum fk_status fk_pool__open(const struct fk_index_options *options,
                                        struct fk_pool **out, struct fk_err *err);
void fk_pool__close(struct fk_pool **pool);
unsigned fk_pool__free(const struct fk_pool *pool); /* messages that it has room for */
unsigned fk_pool__idle(const struct fk_pool *pool); /* readers that have none */
bool fk_pool__is_busy(const struct fk_pool *pool);
FK_CHECKED enum fk_status fk_pool__submit(struct fk_pool *pool, const struct fk_job *job,
                                          struct fk_err *err);
/* FK_RETRY when nothing is ready after wait_ms. */
FK_CHECKED enum fk_status fk_pool__wait(struct fk_pool *pool, int wait_ms,
                                        struct fk_job_result *out, struct fk_err *err);

#endif
