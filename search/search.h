/*
 * search.h - a search from the question to its hits, recorded before the first of them is shown.
 *
 *     struct fk_search_options o = FK_SEARCH_OPTIONS;
 *     o.query = "件名:会議 from:tanaka"; o.person = person; o.via = "command";
 *     FK_TRY(fk_search_open(dir, keep, lend, &o, &search, &fault, err));
 *     while ((st = fk_search_next(search, &hit, err)) == FK_OK)
 *         ... hit.seq, hit.fields ...
 *     if (st != FK_NOT_FOUND) goto done;          the end is FK_NOT_FOUND
 * done:
 *     fk_search_close(&search);
 *
 * When open returns, the act (who, why, what was asked and understood, how many hits) is in the
 * ledger; when it cannot be written, open fails and there are no hits. Hits come newest first by
 * received time, then by seq. A hit is a message: all entries (captures) that brought the same
 * bytes, and what any of them knows finds it. What a dispose entry names is no capture, and a
 * message without any is no hit, whether the index has forgotten it already or not.
 *
 * A search sees the index as it was at open. Where the index moves on so far meanwhile that this
 * state is gone, it goes on behind the last hit in the newer one, and nothing is given twice.
 *
 * Errors: FK_INVALID with a fault for a wrong query, also for a wrong cursor or user
 * (fault.character is 0 then), and for one that takes longer than it may; FK_RETRY, FK_FULL the act
 * could not be written; FK_CORRUPT, FK_IO from index or vault. A vault that has no index yet is an
 * empty one: the coverage says so. Ownership: a hit is borrowed until the next call. Threads: one
 * at a time, keep and lend included.
 */
#ifndef FK_SEARCH_SEARCH_H
#define FK_SEARCH_SEARCH_H
#include "archiver/vault/fields.h"
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "indexer/record/provenance.h"
#include "indexer/text/excerpt.h"
#include "search/collapse.h"
#include "search/query_parse.h"
#include "search/readers.h"
#include "search/receipt.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_search_options {
    const char *query, *user;    /* user: as after participants:, NULL for anyone */
    size_t query_len;            /* SIZE_MAX: up to the NUL */
    int64_t since_ms, until_ms;  /* received; INT64_MIN, INT64_MAX leave a side open */
    int zone_minutes;            /* in which the days of the query begin */
    uint64_t limit;              /* 0: all */
    const char *cursor;          /* from fk_search_cursor; NULL: from the newest on */
    const char *person, *reason; /* into the act; reason NULL where none was given */
    const char *via;             /* "command", "web" */
    char *const *domains;        /* ours, for direction:; ends with NULL; NULL: not known */
    uint64_t before; /* thread: and similar: as if there were no capture from here on; 0: all */
    enum fk_collapse collapse;
    struct fk_search_receipt *receipt; /* stated by open, and bound to the act; NULL: none */
    bool snippets;                     /* hits come with a few words around what was found */
    int64_t most_ms;            /* open gives up after so long, and blames the query; 0: never */
    struct fk_readers *readers; /* of this vault, which outlive the search; NULL: none are kept */
};
#define FK_SEARCH_OPTIONS                                                                          \
    {                                                                                              \
        "", NULL, SIZE_MAX, INT64_MIN, INT64_MAX, 540, 0, NULL, "", NULL, "", NULL, 0,             \
            FK_COLLAPSE_NONE, NULL, false, 0, NULL                                                 \
    }

struct fk_search_coverage {
    uint64_t total;          /* hits, exactly */
    uint64_t captures;       /* entries that brought them */
    uint64_t partial_hits;   /* of them, those that are only partly searchable */
    bool is_expansion_cut;   /* a "word*" stands for more words than were looked for */
    uint64_t head;           /* the ledger has entries 0 .. head-1 ... */
    uint64_t mark;           /* ... the index has read those before mark ... */
    uint64_t unread;         /* ... and this many messages stand between the two */
    uint64_t documents;      /* messages in the index */
    uint64_t index_captures; /* entries that brought those */
    uint64_t partial;        /* of them, those that are only partly searchable */
    uint64_t partial_scope;  /* of them, no hits, but perhaps missed for that (scope.h) */
    enum fk_collapse collapse;
    uint64_t groups;            /* that the hits are; exactly. 0 where they are not collapsed */
    unsigned related_cut;       /* thread: and similar: that stand for more than is taken */
    uint64_t act;               /* seq of the act */
    int zone_minutes;           /* in which the days of the query began */
    const char *user;           /* what the query was narrowed to; NULL: anyone */
    int64_t since_ms, until_ms; /* as in the options */
};

struct fk_hit {
    uint64_t seq;        /* of the newest capture */
    int64_t received_ms; /* of the first */
    const char *fields;  /* lines of fields.h: from, to, subject, ... (indexer/index.h) */
    size_t fields_len;
    const struct fk_seqs *captures;    /* all that are there, ascending */
    const struct fk_provenance *known; /* who had it, by what those say */
    uint64_t others;                   /* hits of its group that are not given */
    const struct fk_excerpt *snippet;  /* NULL where none was asked for */
};

struct fk_search;
FK_CHECKED enum fk_status fk_search_open(const char *dir, struct fk_keep *keep,
                                         struct fk_lend *lend,
                                         const struct fk_search_options *options,
                                         struct fk_search **out, struct fk_query_fault *fault,
                                         struct fk_err *err);
/* FK_NOT_FOUND after the last hit, and when `limit` hits were given. */
FK_CHECKED enum fk_status fk_search_next(struct fk_search *search, struct fk_hit *out,
                                         struct fk_err *err);
const struct fk_search_coverage *fk_search_coverage(const struct fk_search *search);
/* What was understood. Borrowed as long as the search is open. */
const char *fk_search_canonical(const struct fk_search *search);
/* Other spellings that are hits too: lines of fk_query_expansion. Borrowed, as the next. */
const char *fk_search_expansion(const struct fk_search *search, size_t *len);
/* All that words stood for, as a receipt has it: lines "expansion: ..." (docs/format-receipt.md).
 */
const char *fk_search_stood_for(const struct fk_search *search, size_t *len);
/* What was perhaps meant otherwise; "" for nothing. */
const char *fk_search_remark(const struct fk_search *search);
/* Appends the place behind the last hit given; FK_NOT_FOUND when no hit is left there. */
FK_CHECKED enum fk_status fk_search_cursor(struct fk_search *search, struct fk_buf *out,
                                           struct fk_err *err);
void fk_search_close(struct fk_search **search);

/* "+09:00" */
enum { FK_ZONE_SIZE = 8 };
void fk_search_zone(char out[FK_ZONE_SIZE], int minutes);

#ifdef __cplusplus
}
#endif
#endif
