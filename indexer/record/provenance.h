/*
 * provenance.h - who sent a message and who had it, and where each of that is known from.
 *
 *     struct fk_provenance p = FK_PROVENANCE_INIT;
 *     FK_TRY(fk_provenance_read(data, data_len, &p, err));        of a document's data (index.h)
 *     for (i = 0; i < p.person_count; i++)                         by address
 *         ... p.people[i].standing; p.people[i].facts[0 .. fact_count) ...
 * done:
 *     fk_provenance_free(&p);
 *
 * In the data stand, after the lines for display: of the message itself
 *
 *     key: 64 hex digits          as FK_P_KEY
 *     read: 64 hex digits         SHA-256 of all that was read of it: only equal ones are joined
 *     message-id: ID
 *     header-to: ADDRESS          also header-cc, header-bcc: one line an address
 *
 * and of each capture, the oldest first, a line that begins it and what it knows:
 *
 *     capture: SEQ TIME VIA KIND  time of receipt (of imports the derived date); KIND is plain, or,
 *                                 of a report, stated or claimed: does its source count
 *                                 (docs/query.md)
 *     mail-from: ADDRESS          of the envelope, also rcpt-to, carried-to
 *     sender: ADDRESS             of the report, also on-behalf-of, mailbox
 *     journal-to: ADDRESS %09 HOW %09 ORIGINAL %09 NAME
 *                                 also journal-cc, journal-bcc, journal-recipient; HOW: direct,
 *                                 expanded, forwarded; what is empty at the end is left out
 *     verdict: ...                what was found of where it is from (verdicts_priv.h)
 *     report-id: ID               also label, sent, arrived, other: TEXT; format: NAME;
 *                                 inner: PLACE
 *
 * Standing of an address, by what all captures say together: it was addressed openly, in To or Cc
 * of the header or by a report that counts, or had it from a list that was; a report that counts
 * says Bcc of it (stated); it is in the envelope and in no header (derived); or only a report that
 * does not count says so (claimed). Of the RCPT TO of a report, of a message that carries its true
 * recipients, and below .invalid, it is known that it is the archive's own address: that derives
 * nothing.
 *
 * Ownership: all text belongs to the struct. Errors: FK_NOMEM; FK_CORRUPT the data is none of ours.
 * Threads: any.
 */
#ifndef FK_INDEXER_PROVENANCE_H
#define FK_INDEXER_PROVENANCE_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum fk_known_from {
    FK_KNOWN_HEADER_TO,
    FK_KNOWN_HEADER_CC,
    FK_KNOWN_HEADER_BCC,
    FK_KNOWN_JOURNAL_TO,
    FK_KNOWN_JOURNAL_CC,
    FK_KNOWN_JOURNAL_BCC,
    FK_KNOWN_JOURNAL_RECIPIENT,
    FK_KNOWN_RCPT_TO,
    FK_KNOWN_CARRIED_TO,
    FK_KNOWN_RECIPIENTS, /* those before it are of recipients */
    FK_KNOWN_MAIL_FROM = FK_KNOWN_RECIPIENTS,
    FK_KNOWN_JOURNAL_SENDER,
    FK_KNOWN_JOURNAL_BEHALF,
    FK_KNOWN_COUNT
};
/* "header To", "journal Bcc", "RCPT TO", ... */
const char *fk_known_from_name(enum fk_known_from from);

struct fk_fact {
    enum fk_known_from from;
    uint64_t capture;    /* 0: of the message itself */
    const char *address; /* as it was written; "" for a null path */
    const char *folded;  /* as terms have it */
    const char *how;     /* "" or "expanded", "forwarded" */
    const char *original, *original_folded, *name;
    bool claimed;   /* by a report that does not count */
    bool transport; /* an address of the archive itself, not of the message */
};
enum fk_standing {
    FK_STANDS_OPEN,    /* To, Cc */
    FK_STANDS_STATED,  /* Bcc, by a header or by a report that counts */
    FK_STANDS_DERIVED, /* in the envelope, in no header */
    FK_STANDS_CLAIMED, /* by a report that does not count, in no header */
    FK_STANDS_NOWHERE  /* the archive's own address; or no recipient at all, but a sender */
};
const char *fk_standing_name(enum fk_standing standing); /* "open", "stated", ... */
struct fk_known_person {
    const struct fk_fact *facts; /* all of one address */
    size_t fact_count;
    bool in_header;
    enum fk_standing standing;
};
/* Had it as a blind copy, or is said to have. */
static inline bool fk_known_person_is_blind(const struct fk_known_person *p) {
    return p->standing != FK_STANDS_OPEN && p->standing != FK_STANDS_NOWHERE;
}
struct fk_capture {
    uint64_t seq;
    int64_t received_ms;
    const char *via, *kind; /* "plain", "stated", "claimed" */
    const char *queue_id;   /* of the mail server in front; "" where it told none */
};
struct fk_provenance {
    struct fk_known_person *people; /* by address */
    size_t person_count;
    struct fk_fact *facts;
    size_t fact_count, fact_cap;
    struct fk_capture *captures; /* ascending */
    size_t capture_count, capture_cap;
    const char *key, *read, *message_id; /* "" where there is none */
    struct fk_arena *arena;
};
#define FK_PROVENANCE_INIT                                                                         \
    { .people = NULL }

static inline bool fk_provenance_has(const struct fk_provenance *p, uint64_t capture) {
    for (size_t i = 0; i < p->capture_count; i++)
        if (p->captures[i].seq == capture)
            return true;
    return false;
}

FK_CHECKED enum fk_status fk_provenance_read(const void *data, size_t len,
                                             struct fk_provenance *out, struct fk_err *err);
/* What these captures alone know is gone from it: the rest stands as if they had never been. */
struct fk_seqs;
FK_CHECKED enum fk_status fk_provenance_without(struct fk_provenance *p,
                                                const struct fk_seqs *captures, struct fk_err *err);
void fk_provenance_free(struct fk_provenance *p);

#ifdef __cplusplus
}
#endif
#endif
