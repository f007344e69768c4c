/*
 * verify_priv.h - checking one segment after another (verify_segment.c), and what is asked of a
 * whole vault around it (verify.c). The pen checks its active segment with the same code after a
 * crash.
 */
#ifndef FK_VAULT_VERIFY_PRIV_H
#define FK_VAULT_VERIFY_PRIV_H
#include "archiver/vault/desk_priv.h"

/* What is known when a segment is begun, and carried from one to the next. */
struct fk_check {
    struct fk_where where;
    struct fk_verify_range range; /* entries outside of from..to are not looked at */
    bool tags_only;               /* contents: decrypted, not unpacked */
    fk_finding_fn finding;
    fk_progress_fn progress;
    void *ctx;
    struct fk_verify_sum sum;
    uint64_t progress_all;

    unsigned
        threads; /* over 1: contents of sealed segments are checked by so many, after the lines */
    bool apart;  /* so it is done with this book */
    uint64_t slice_bytes; /* over 0: begins at range.from, ends when so much has been read */
    bool stopped;         /* set: it ended before the segment did; next is where to go on */

    struct fk_disposals *disposals;
    struct fk_shelf *shelf; /* NULL, or where to look for disposals when a key is missing */
    uint64_t erased;        /* dispose entries up to here are carried out */
    struct fk_bench *bench;
    struct fk_buf line;
    struct fk_content_record record, chunk;
    struct fk_chunk_marks seen; /* with tags_only: chunks of an open segment, once each */
    struct fk_book *book;       /* the one being checked */
    bool succeeded;             /* there is a segment after it */

    bool chained; /* prev is the digest of the entry before the next one */
    uint64_t next;
    uint8_t prev[FK_SHA256_BYTES];
};

/* check: the name of a check; seq UINT64_MAX: of no entry. */
void fk_check__tell(struct fk_check *v, uint64_t seq, uint64_t segment, const char *check,
                    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* A call failed: FK_OK when that is a finding (told now) and the check can go on, else its status.
 */
FK_CHECKED enum fk_status fk_check__failed(struct fk_check *v, enum fk_status st, uint64_t seq,
                                           uint64_t segment, const char *check, struct fk_err *err);
/* The key file of a sealed segment's book. */
FK_CHECKED enum fk_status fk_check__keyfile(struct fk_check *v, struct fk_book *b,
                                            struct fk_err *err);
/* What an entry says of its content; of v->book. */
FK_CHECKED enum fk_status fk_check__content(struct fk_check *v, const struct fk_entry *e,
                                            struct fk_err *err);
/* All contents of v->book in v's range, on threads; findings are told by this thread, in order. */
FK_CHECKED enum fk_status fk_check__contents(struct fk_check *v, unsigned threads,
                                             struct fk_err *err);
/* Everything in a book; with slice_bytes a part of it. */
FK_CHECKED enum fk_status fk_check__book(struct fk_check *v, struct fk_book *b, struct fk_err *err);
void fk_check__free(struct fk_check *v);
#endif
