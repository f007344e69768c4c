/*
 * scrub.h - all that is stored read again from the disk, a slice at a time, and again when it has
 * become old. For the process that serve runs for it (cli/scrub.c): a reading desk that gives
 * nothing out.
 *
 *     FK_TRY(fk_scrub_open(&options, &scrub, err));
 *     FK_TRY(fk_scrub_slice(scrub, &bytes, err));      again and again; bytes 0: nothing is due
 *     fk_scrub_close(&scrub);
 *
 * A segment is due when half the interval has passed since it was begun last, or since its first
 * entry was stored. Of a sealed one its file is compared with the digest in the seal entry, then
 * its entries, contents and keys are checked as verify does; of an open one what is durable by
 * then. Where it is, and what it found, is in DIR/run/scrub, durable after each slice. A finding
 * that is new is recorded: a `fact` entry, through keep.
 *
 * Errors: FK_RETRY the pen is away, or the vault is being changed: ask again later; FK_NOMEM,
 * FK_IO. What is damaged is a finding, never an error. Threads: one.
 */
#ifndef FK_VAULT_SCRUB_H
#define FK_VAULT_SCRUB_H
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include <stdbool.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_scrub;
struct fk_scrub_options {
    const char *dir;
    int64_t interval_ms;
    uint64_t slice_bytes;                            /* read at once; one content more, at most */
    struct fk_keep *keep;                            /* borrowed; may append facts */
    void (*found)(const struct fk_finding *finding); /* one that is new: for the log; or NULL */
};
FK_CHECKED enum fk_status fk_scrub_open(const struct fk_scrub_options *options,
                                        struct fk_scrub **out, struct fk_err *err);
FK_CHECKED enum fk_status fk_scrub_slice(struct fk_scrub *scrub, uint64_t *bytes_out,
                                         struct fk_err *err);
void fk_scrub_close(struct fk_scrub **scrub);

/* What DIR/run/scrub says. */
struct fk_scrub_segment {
    uint64_t number;
    int64_t stored_ms;   /* time of its first entry */
    int64_t verified_ms; /* when the newest pass that came to its end began; 0: none has */
    int64_t began_ms;    /* of the one under way; 0: none is */
    uint64_t next;   /* one more than the entry to go on with; 0: with the beginning, and before it
                        with the digest of a sealed file */
    int64_t seen[2]; /* what was damaged, as it was then: changed, it is looked at again */
};
enum { FK_SCRUB_FINDINGS_MAX = 256 };
struct fk_scrub_finding {
    struct fk_finding what;
    int64_t time_ms;
    uint64_t fact; /* the entry that says it; 0: not recorded yet */
};
struct fk_scrub_state {
    struct fk_scrub_segment *segments; /* by number, ascending */
    size_t segment_count, segment_cap;
    struct fk_scrub_finding findings[FK_SCRUB_FINDINGS_MAX]; /* those that still stand */
    size_t finding_count;
};
/* *out is begun as {0}, and freed by the caller. FK_NOT_FOUND: nothing was scrubbed yet. */
FK_CHECKED enum fk_status fk_scrub_state_read(const char *dir, struct fk_scrub_state *out,
                                              struct fk_err *err);
FK_CHECKED enum fk_status fk_scrub_state_write(const char *dir, const struct fk_scrub_state *s,
                                               struct fk_err *err);
void fk_scrub_state_free(struct fk_scrub_state *s);
/* The row of a segment, made where it is not there; NULL without memory. Borrowed until the next.
 */
struct fk_scrub_segment *fk_scrub_state_row(struct fk_scrub_state *s, uint64_t number);
/* Since when the byte that was verified longest ago is not verified; of one that never was, since
 * it is stored. 0: no segment is known. */
int64_t fk_scrub_state_oldest_ms(const struct fk_scrub_state *s);

#ifdef __cplusplus
}
#endif
#endif
