/*
 * keep_work_priv.h - the pen's hands: jobs are prepared by several threads and committed by one.
 *
 *     fk_work_start(pen, &options, finished, ctx, &work, err);
 *     fk_work_add(work, job);               takes the job; `finished` is called with its receipt
 *     fk_work_stop(&work, &spoiled);        finishes what was added
 *
 * The committer takes all that is prepared and commits it as one group. It waits for small jobs
 * that are being prepared at that moment, at most GATHER_US, so that a group is not split by who
 * came first; a single job never waits. Large jobs never hold all threads, so that acts do not
 * starve.
 *
 * Threads: fk_work_add from one; `finished` is called from any of the work's own, one at a time a
 * job, and must not block.
 */
#ifndef FK_VAULT_KEEP_WORK_PRIV_H
#define FK_VAULT_KEEP_WORK_PRIV_H
#include "archiver/vault/keep_priv.h"
#include "archiver/vault/pen.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_job {
    struct fk_job *next;
    void *owner; /* for `finished`; the work does not look at it */
    enum fk_keep_frame type;
    bool has_content;
    const uint8_t *map; /* the memory file, unmapped when the job is done */
    size_t map_len;
    uint64_t message_bytes;          /* MAIL */
    char kind[FK_KEEP_KIND_MAX + 1]; /* of the entry */
    struct fk_buf fields;            /* of the entry */
    struct fk_seqs seqs;             /* DISPOSE */
    uint64_t basis;
    char rule[256];
    struct { /* ESCROW */
        int fd;
        uint8_t key[32];
        struct fk_buf lines, body;
    } escrow;
    struct { /* HEAL */
        uint64_t segment;
        struct fk_healing *at;
    } heal;
    struct fk_sheet *sheet;
    struct fk_receipt receipt;
};
struct fk_job *fk_job_new(void); /* NULL when out of memory */
void fk_job_free(struct fk_job **job);

struct fk_work_options {
    unsigned threads;
    uint64_t in_flight_bytes;
    uint64_t seal_bytes_per_s;                /* as in struct fk_pace */
    const char *vault, *mirror;               /* directories; mirror NULL: there is none */
    bool mirror_sync;                         /* a mail is answered when the mirror has it too */
    void (*notice)(const struct fk_err *err); /* what goes wrong with nobody waiting; or NULL */
};
typedef void (*fk_work_finished_fn)(void *ctx, struct fk_job *job); /* frees the job */

struct fk_work;
FK_CHECKED enum fk_status fk_work_start(struct fk_pen *pen, const struct fk_work_options *options,
                                        fk_work_finished_fn finished, void *ctx,
                                        struct fk_work **out, struct fk_err *err);
void fk_work_add(struct fk_work *work, struct fk_job *job);
/* True once a sync has failed: nothing more can be kept by this process. */
bool fk_work_is_spoiled(struct fk_work *work);
void fk_work_stop(struct fk_work **work);

#ifdef __cplusplus
}
#endif
#endif
