/*
 * run_priv.h - one run of the indexer, as its files share it: index_run.c (entries in, answers out,
 * the run), run_shards.c (batches, commits, merges), run_beside.c (reading meanwhile),
 * run_forget.c (disposals).
 *
 * Order: documents are put in the order of their seq; list->mark is the seq after the last one that
 * a commit has made durable. Errors: FK_CORRUPT with is_damaged: the index is, and only a rebuild
 * helps. Threads: one, and for a commit or a merge another, that has the databases meanwhile.
 */
#ifndef FK_INDEXER_RUN_PRIV_H
#define FK_INDEXER_RUN_PRIV_H
#include "archiver/vault/entry.h"
#include "archiver/vault/envelope.h"
#include "archiver/vault/lend.h"
#include "indexer/deliveries_priv.h"
#include "indexer/document_priv.h"
#include "indexer/index.h"
#include "indexer/pool_priv.h"
#include "indexer/store/known_priv.h"
#include "indexer/store/place_priv.h"
#include "indexer/verdicts_priv.h"

enum {
    FK_RUN_RING = 512,
    FK_RUN_RING_BYTES = 64 << 20,  /* of answers in it: no more is taken above that */
    FK_RUN_FLIGHT_BYTES = 8 << 20, /* of messages: above that none waits behind another */
    FK_RUN_ANSWER_MS = 1000        /* a look at other things while a reader works */
};

enum item_state { ITEM_ASKED, ITEM_WAITS, ITEM_DONE }; /* for its content; for its answer */
struct item {
    uint64_t seq;
    enum item_state state;
    bool is_mail, has_no_content; /* disposed of: nothing to put */
    uint64_t size;                /* of its message, at most; 0 once it is read */
    struct fk_source source;
    struct fk_buf envelope; /* what source points to */
    unsigned reasons;
    struct fk_buf answer;
    const struct fk_passwords *passwords; /* given for it besides the configured; NULL: none */
    struct fk_answer said;                /* in it */
    struct fk_content content;            /* until it is read; its message: */
    const uint8_t *message;
    size_t len;
    struct fk_seqs forget; /* of a dispose entry */
    struct fk_seqs judged; /* of an entry that has verdicts */
    struct fk_seqs told;   /* of an entry that says what became of messages, or corrects one */
    struct fk_told_one told_one;
};
#define ITEM_INIT                                                                                  \
    {                                                                                              \
        .state = ITEM_DONE, .content = {.fd = -1 }                                                 \
    }

struct run {
    const char *dir;
    struct fk_lend *lend;
    const struct fk_index_options *options;
    struct fk_place place;
    struct fk_shards *list; /* the place's: in use, or being built to be used once it is whole */
    struct fk_pool *pool;
    struct fk_xwriter *writer; /* of the batch; NULL while it has no document */
    struct fk_shard batch;
    struct fk_seqs superseded; /* by the batch, in the shards */
    struct fk_shard fresh; /* documents that were put and whose locked files are not tried yet */
    struct fk_known known;
    struct item ring[FK_RUN_RING];
    size_t first, count;
    size_t taken;        /* so many of them, from the first on; the others are entries only */
    size_t answer_bytes; /* in the ring */
    uint64_t in_flight;  /* bytes of messages that are asked for or read */
    bool has_more;       /* the ledger, when last looked at; false where the run takes nothing */
    struct item *aside;  /* read once more, out of the ring's order */
    const struct fk_passwords *passwords; /* that is tried with; NULL: the configured alone */
    struct fk_buf lines;                  /* of the ledger, not yet taken */
    size_t lines_at;
    uint64_t next_seq; /* to be taken */
    uint64_t done;     /* all before it is put */
    uint64_t mark;     /* all before it is committed */
    uint64_t head;     /* of the ledger when last asked */
    size_t batch_postings;
    int64_t batch_since_ms; /* monotonic */
    uint64_t batch_bytes;   /* of what the readers said */
    struct fk_salts salts;
    struct fk_told told; /* waits for the commit; the batch has no document meanwhile */
    bool is_stopped;
    bool is_damaged; /* the index, not what goes into it: only a rebuild helps */
};

/* A step that a test makes fail, or dies at: what fk_fault said. */
FK_CHECKED enum fk_status fk_run__stepped(int injected, struct fk_err *err);
/* What came of a call to one of the databases. One that is missing is damage as well. */
FK_CHECKED enum fk_status fk_run__of_database(struct run *r, enum fk_status st, struct fk_err *err);

/* run_shards.c */
void fk_run__begin_at_mark(struct run *r); /* from where the list stands */
FK_CHECKED enum fk_status fk_run__batch_open(struct run *r, struct fk_err *err);
void fk_run__batch_drop(struct run *r);
FK_CHECKED enum fk_status fk_run__room_check(const struct run *r, uint64_t bytes,
                                             struct fk_err *err);
FK_CHECKED enum fk_status fk_run__room_for_batch(const struct run *r, struct fk_err *err);
/* The list, durably, where it is the one in use. */
FK_CHECKED enum fk_status fk_run__publish(struct run *r, struct fk_err *err);
/* What is superseded, out of the shards [from, to). */
FK_CHECKED enum fk_status fk_run__purge(struct run *r, size_t from, size_t to, struct fk_err *err);
/* Shards that something was deleted from, made anew without it. */
FK_CHECKED enum fk_status fk_run__renew(struct run *r, struct fk_err *err);
/* The batch and the mark. */
FK_CHECKED enum fk_status fk_run__commit(struct run *r, struct fk_err *err);

/* run_beside.c: the step, in a thread where there is more to read meanwhile. The caller's thread
 * touches no database until it has ended. Where both fail, the step's error is told. */
typedef enum fk_status fk_run_step(void *ctx, struct fk_err *err);
FK_CHECKED enum fk_status fk_run__beside(struct run *r, fk_run_step *step, void *ctx,
                                         struct fk_err *err);

/* run_unlock.c: locked files of a new shard's messages, and those that its messages may have the
 * password of; and what captures that are gone had opened. */
FK_CHECKED enum fk_status fk_run__unlock(struct run *r, const struct fk_shard *shard,
                                         struct fk_err *err);
FK_CHECKED enum fk_status fk_run__lock_again(struct run *r, const struct fk_seqs *gone,
                                             struct fk_err *err);

/* run_forget.c: a document of these captures, each read again; NULL where nothing of them can be */
FK_CHECKED enum fk_status fk_run__read_again(struct run *r, const struct fk_seqs *captures,
                                             uint32_t *docid, struct fk_xdoc **out,
                                             struct fk_err *err);
/* Into the shard whose seqs it is among; where that one is gone, into one of its own. */
FK_CHECKED enum fk_status fk_run__put_back(struct run *r, uint32_t docid, struct fk_xdoc *doc,
                                           struct fk_err *err);
/* Shards with bytes of these documents that are to be in no file any more: that they are to be made
 * anew is on the disk on return. */
FK_CHECKED enum fk_status fk_run__mark(struct run *r, const struct fk_seqs *docids,
                                       struct fk_err *err);
/* these captures, and what they alone know of messages that others brought too */
FK_CHECKED enum fk_status fk_run__forget(struct run *r, const struct fk_seqs *seqs,
                                         struct fk_err *err);

/* index_run.c */
void fk_run__item_clear(struct item *i);
/* Its content, which stays its own until the answer has come. */
FK_CHECKED enum fk_status fk_run__item_submit(struct run *r, struct item *i, enum fk_job_kind kind,
                                              const struct fk_envelope *envelope,
                                              struct fk_err *err);
/* What an entry says of its mail; then its content from the desk, and the message in it to a
 * reader: without one it is done. */
void fk_run__mail_begin(const struct run *r, struct item *i, const struct fk_entry *e);
FK_CHECKED enum fk_status fk_run__mail_take(struct run *r, struct item *i, struct fk_err *err);
/* Entries into the ring, and their messages to the readers as long as these have room for them. */
FK_CHECKED enum fk_status fk_run__take_what_fits(struct run *r, struct fk_err *err);
FK_CHECKED enum fk_status fk_run__answer_wait(struct run *r, int wait_ms, struct fk_err *err);

#endif
