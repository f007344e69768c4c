/*
 * rerun_priv.h - a search that is rerun, for the file that asks (rerun.c) and the one that explains
 * what is different (rerun_why.c).
 */
#ifndef FK_CLI_RERUN_PRIV_H
#define FK_CLI_RERUN_PRIV_H
#include "archiver/vault/entry.h"
#include "archiver/vault/lend.h"
#include "search/query_parse.h"
#include "search/search.h"

enum why {
    UNEXPLAINED,
    DISPOSED,
    UNREAD_THEN,
    READABLE_NOW,
    LATER_CAPTURE,
    CAPTURE_GONE,
    FACT,
    RELATED,
    OTHER_TERMS,
    OTHER_SPELLINGS,
    EXPANSION_CUT,
    WHYS
};
extern const char *const rerun_why_words[WHYS];

/* A hit that is there on one side alone. */
struct difference {
    uint64_t seq;
    bool was_hit;
    bool is_there; /* the index has its message */
    enum why why;
    uint64_t entry;      /* that explains it; UINT64_MAX: none does */
    size_t first, count; /* its message's captures, in rerun.captures */
};
struct fk_cli;
struct rerun_owner;
struct rerun {
    const struct fk_cli *cli;
    struct fk_lend *lend;
    struct fk_receipt_file file;
    struct fk_head head;
    struct fk_entry act;
    bool json, is_bad; /* is_bad: the receipt is not what the ledger knows */
    const char *reason;
    struct fk_query *query; /* that is asked */
    bool is_related;
    struct fk_buf stands_for; /* as file.stood_for, now */
    char **domains;           /* of then; NULL: the receipt names none */
    struct fk_seqs still;     /* captures of hits that were hits */
    struct difference *at;
    size_t count, cap;
    struct fk_receipt_list captures;
    uint64_t now, later;        /* hits of then; hits that came later */
    uint64_t rerun_act;         /* UINT64_MAX: nothing could be asked */
    struct rerun_owner *owners; /* by capture: whose it is */
    size_t owner_count;
    /* Disposals since of captures that no difference has: of hits of then, of others. */
    uint64_t hit_capture_gone, capture_gone; /* the entries; UINT64_MAX: there was none */
};
/* captures: of d's message, as far as they are known. */
FK_CHECKED enum fk_status rerun_differ(struct rerun *r, const struct difference *d,
                                       const struct fk_seqs *captures, struct fk_err *err);
/* Ours of then, for direction:; those of now where the receipt does not say. Borrowed. */
FK_CHECKED enum fk_status rerun_domains(struct rerun *r, char *const **out, struct fk_err *err);
/* Reads the ledger from file.mark on and says why of each difference; they are sorted by seq. */
FK_CHECKED enum fk_status rerun_explain(struct rerun *r, struct fk_err *err);
/* Its parts: differences by seq; each entry of the ledger; what no entry explains. */
FK_CHECKED enum fk_status rerun_sort(struct rerun *r, struct fk_err *err);
FK_CHECKED enum fk_status rerun_note(struct rerun *r, const struct fk_entry *e, struct fk_err *err);
FK_CHECKED enum fk_status rerun_conclude(struct rerun *r, struct fk_err *err);
void rerun_why_text(const struct rerun *r, const struct difference *d, char *out, size_t size);
void rerun_free(struct rerun *r);

#endif
