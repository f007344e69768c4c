/*
 * import_job.h - what an import remembers, so that it can be killed at any time and goes on.
 *
 * The ledger is what remembers: the line of each message that a job brings has `item`, a digest of
 * the message and of how many times the job has met these very bytes, keyed with the job's key, so
 * that it says nothing to anybody else. A job that goes on reads the lines since it began, and what
 * stands there is not brought again. On the disk a job is a small file, DIR/run/import/NAME.job:
 * the key, the seq before which none of its messages stands, and the words of its command. It is
 * written before the first message is, and nothing in it changes while messages come in.
 *
 *     FK_TRY(fk_import_job_begin(dir, &words, &job, err));     or fk_import_job_resume
 *     ... fk_import with options.job = job ...
 *     FK_TRY(fk_import_job_finish(job, err));                  done: nothing left to resume
 *     fk_import_job_free(&job);                                in every case
 *
 * NAME.lock is locked while an import runs this job, NAME.fence while messages of it may still be
 * on their way through the pen (fk_keep_tether).
 *
 * Errors: FK_RETRY the job runs in another process; FK_NOT_FOUND no such job, or none to resume;
 * FK_INVALID a name that is none, several jobs to resume; FK_CORRUPT the file is not of the form.
 * Ownership: a job owns all it points to. Threads: one at a time.
 */
#ifndef FK_INTAKE_IMPORT_JOB_H
#define FK_INTAKE_IMPORT_JOB_H
#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_keep;
struct fk_lend;
struct fk_import_job;

/* What a command was told: name NULL for a job that is forgotten once it is done. */
struct fk_import_words {
    const char *name;
    const char *cwd;
    char *const *words; /* of the command, from its name on */
    size_t count;
    struct fk_lend *lend; /* asked in place of the vault's own socket; borrowed by the job. NULL */
};
/* A named job that was there before is taken up: what it has brought is not brought again. */
FK_CHECKED enum fk_status fk_import_job_begin(const char *dir, const struct fk_import_words *words,
                                              struct fk_import_job **out, struct fk_err *err);
/* name NULL: the one that was not finished. */
FK_CHECKED enum fk_status fk_import_job_resume(const char *dir, const char *name,
                                               struct fk_import_job **out, struct fk_err *err);
FK_CHECKED enum fk_status fk_import_job_finish(struct fk_import_job *job, struct fk_err *err);
void fk_import_job_free(struct fk_import_job **job);
/* Its key with it: what it brought can be brought again, and no line tells any more what it was. */
FK_CHECKED enum fk_status fk_import_job_forget(const char *dir, const char *name,
                                               struct fk_err *err);

/* Nothing of what the job has brought before this entry will be met again: not remembered any more.
 */
void fk_import_job_pass(struct fk_import_job *job, uint64_t next_seq);
/* The pen was given a new socket: it is to hold the fence too, before anything is sent over it. */
void fk_import_job_new_pen(struct fk_import_job *job);
/* Up to where the ledger was read for it. */
uint64_t fk_import_job_scanned(const struct fk_import_job *job);

const char *fk_import_job_name(const struct fk_import_job *job);
/* The words it was begun with and where; borrowed. */
struct fk_import_words fk_import_job_words(const struct fk_import_job *job);

/* Every job there is, sorted by name. */
struct fk_import_job_info {
    const char *name;
    bool is_named, is_done;
    int64_t since_ms;
};
typedef void (*fk_import_job_fn)(void *ctx, const struct fk_import_job_info *info);
FK_CHECKED enum fk_status fk_import_jobs(const char *dir, fk_import_job_fn fn, void *ctx,
                                         struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
