/*
 * hold.h - legal holds, as hold and release entries of the ledger make them.
 *
 * A hold names its messages by seq; a query that found them is kept beside as a note of how they
 * were chosen, and is not asked again. Names are unique among the holds that are in force.
 *
 *     FK_TRY(fk_holds_add(&holds, seq, time, body, len, max, err));      for each hold entry
 *     fk_holds_release(&holds, of, seq, time);                           for each release entry
 *     hold = fk_holds_first(&holds, mail_seq);
 *     fk_holds_free(&holds);
 *
 * Ownership: a struct fk_holds owns all below it. Errors: FK_CORRUPT a body that is not of the
 * form: then nothing may be disposed of, since nobody can say what it holds. Threads: one.
 */
#ifndef FK_RETENTION_HOLD_H
#define FK_RETENTION_HOLD_H
#include "archiver/vault/fields.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_hold {
    uint64_t seq; /* of its entry */
    int64_t since_ms;
    char *name, *reason, *person, *query; /* query: "" where there was none */
    struct fk_seqs seqs;
    uint64_t released_by; /* seq of the release entry; 0 in force */
    int64_t released_ms;
};
struct fk_holds {
    struct fk_hold *at;
    size_t count, cap;
};

/* The body of a hold entry, appended to out, and that of a release entry. */
void fk_hold_body(struct fk_buf *out, const char *name, const char *reason, const char *person,
                  const char *query, const struct fk_seqs *seqs);
void fk_release_body(struct fk_buf *out, const char *name, const char *reason, const char *person);

/* max: a list of more seqs than the ledger has entries is no list. */
FK_CHECKED enum fk_status fk_holds_add(struct fk_holds *holds, uint64_t seq, int64_t time_ms,
                                       const void *body, size_t len, size_t max,
                                       struct fk_err *err);
void fk_holds_release(struct fk_holds *holds, uint64_t of, uint64_t by, int64_t time_ms);

/* In force only; NULL when none. The first that has this message, and the one of this name.
 * Borrowed until the next change. */
const struct fk_hold *fk_holds_first(const struct fk_holds *holds, uint64_t mail_seq);
const struct fk_hold *fk_holds_named(const struct fk_holds *holds, const char *name);
void fk_holds_free(struct fk_holds *holds);

#ifdef __cplusplus
}
#endif
#endif
