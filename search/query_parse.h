/*
 * query_parse.h - a query's text as a tree. docs/query.md is the language; no file, no index here.
 *
 *     struct fk_query *query = NULL;
 *     struct fk_query_fault fault;
 *     FK_TRY(fk_query_parse(text, len, &query, &fault, err));
 *     fk_query_canonical(query, &buf);            what was understood, as text that means the same
 *     walk(fk_query_root(query));
 * done:
 *     fk_query_free(&query);
 *
 * The canonical form parses to the tree it was printed from. It is what is shown to the person who
 * asked and what stands in the ledger, so nothing is dropped or widened on the way to it.
 *
 * Ownership: nodes and their texts belong to the query. Errors: FK_INVALID with a fault, FK_NOMEM.
 * Threads: any; a query that is parsed is read-only.
 */
#ifndef FK_SEARCH_QUERY_PARSE_H
#define FK_SEARCH_QUERY_PARSE_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum {
    FK_QUERY_MAX_BYTES = 16384, /* of text */
    FK_QUERY_MAX_TERMS = 1000,  /* leaves of the tree */
    FK_QUERY_MAX_DEPTH = 64,    /* parentheses and NOTs inside one another */
    FK_QUERY_MAX_NEAR = 1000,   /* words between two texts */
    FK_QUERY_NEAR = 8           /* of a NEAR without a number */
};

enum fk_q_kind {
    FK_Q_ALL,    /* everything: the empty query and a lone "*" */
    FK_Q_TEXT,   /* text in a field; a word or a phrase: the tokeniser says which */
    FK_Q_TIME,   /* field DATE or RECEIVED between from and to */
    FK_Q_SIZE,   /* least to most bytes */
    FK_Q_AMOUNT, /* least to most as fk_txn_amount_rank has them; text is a currency, or "" */
    FK_Q_AND,    /* two or more children */
    FK_Q_OR,     /* two or more children */
    FK_Q_NOT,    /* one child */
    FK_Q_NEAR,   /* two or more children, TEXT or OR of TEXT, of one field, within `window` */
    FK_Q_HAS     /* the field has anything */
};

enum fk_q_field {
    FK_F_ANY, /* no field given: subject, body, file names, people */
    FK_F_FROM,
    FK_F_TO,
    FK_F_CC,
    FK_F_BCC,
    FK_F_VIA,     /* lists and mailboxes that it was expanded or forwarded from */
    FK_F_ENVFROM, /* of the envelope, or a journal report */
    FK_F_ENVTO,
    FK_F_PARTICIPANTS,
    FK_F_SUBJECT,
    FK_F_BODY,
    FK_F_FILENAME,
    FK_F_ATTACHMENT,
    FK_F_SHA256,
    FK_F_GARBLED, /* text is "any" */
    FK_F_MSGID,
    FK_F_HAS,          /* text is "attachment" or "journal" */
    FK_F_UNSEARCHABLE, /* text is "any" or a reason */
    FK_F_DATE,
    FK_F_RECEIVED,
    FK_F_SIZE,
    FK_F_DKIM, /* text is a result or a domain */
    FK_F_AUTH, /* METHOD=RESULT */
    FK_F_SPAM, /* yes or no; so with the next */
    FK_F_VIRUS,
    FK_F_TXN, /* a kind, any, corrected; of a transaction, as the next four */
    FK_F_TXN_DATE,
    FK_F_AMOUNT,
    FK_F_COUNTERPARTY,
    FK_F_DOCNO,
    FK_F_DELIVERY,  /* a status, a recipient, a code, a host */
    FK_F_FILETYPE,  /* what stands behind the last point of an attachment's name */
    FK_F_DIRECTION, /* in, out, internal or other */
    FK_F_IP,        /* of the client that delivered it: an address or a network */
    FK_F_URL,       /* text of link targets, or the host of one */
    FK_F_THREAD,    /* a seq; so with the next */
    FK_F_SIMILAR,   /* ... and a percentage */
    FK_Q_FIELDS     /* how many there are */
};

/* A year, month, day, minute or second, counted from year 0, month 0 of it, 1970-01-01 and its
 * midnight. In which zone is said only when it is turned into a moment. */
enum fk_q_unit {
    FK_UNIT_OPEN,
    FK_UNIT_YEAR,
    FK_UNIT_MONTH,
    FK_UNIT_DAY,
    FK_UNIT_MINUTE,
    FK_UNIT_SECOND
};
struct fk_q_when {
    enum fk_q_unit unit; /* OPEN: no bound on this side */
    int64_t count;
};

struct fk_q_node {
    enum fk_q_kind kind;
    enum fk_q_field field;
    const char *text; /* as it was written, not folded; NUL-terminated */
    size_t len;
    bool prefix;     /* words that begin with text */
    bool wild;       /* text is a pattern: * any letters, ? one */
    bool exact;      /* this spelling alone, no variants of it */
    unsigned window; /* NEAR: at most so many words stand between */
    struct fk_q_when from, to;
    uint64_t least, most;
    size_t byte, character;         /* where it begins in the query, from 1 */
    struct fk_q_node *first, *next; /* children, sibling */
    const uint64_t *related;        /* THREAD, SIMILAR: captures, once they were looked up */
    size_t related_count;
    bool related_is_cut; /* there are more of them than were taken */
};

/* Where a query is wrong. Both positions count from 1. */
struct fk_query_fault {
    size_t byte, character;
    char expected[200]; /* what is wrong, or what should have stood there */
    char hint[300];     /* what to write instead; "" for none */
};

struct fk_query;
/* now_ms, zone_minutes: what "today" and "7d" count from. The canonical form has days instead. */
FK_CHECKED enum fk_status fk_query_parse_at(const char *text, size_t len, int64_t now_ms,
                                            int zone_minutes, struct fk_query **out,
                                            struct fk_query_fault *fault, struct fk_err *err);
/* The same, now and in UTC. */
FK_CHECKED enum fk_status fk_query_parse(const char *text, size_t len, struct fk_query **out,
                                         struct fk_query_fault *fault, struct fk_err *err);
void fk_query_free(struct fk_query **query);
const struct fk_q_node *fk_query_root(const struct fk_query *query);
void fk_query_canonical(const struct fk_query *query, struct fk_buf *out);
/* What was perhaps meant otherwise, as a sentence; "" for nothing. */
const char *fk_query_remark(const struct fk_query *query);

/* Fills fault and err and returns FK_INVALID: for whoever finds a node wrong after parsing. */
enum fk_status fk_query_blame(const struct fk_q_node *node, struct fk_query_fault *fault,
                              struct fk_err *err, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* The first and the last millisecond of a time at an offset from UTC. */
int64_t fk_q_when_first_ms(const struct fk_q_when *when, int zone_minutes);
int64_t fk_q_when_last_ms(const struct fk_q_when *when, int zone_minutes);

/* One date of the forms of docs/query.md, for options and parameters: the first or the last
 * millisecond of it. False when it is none. */
bool fk_query_moment(const char *text, bool last, int zone_minutes, int64_t *ms_out);

#ifdef __cplusplus
}
#endif
#endif
