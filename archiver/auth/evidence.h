/*
 * evidence.h - what was found of where a message is from, with what it was found by: the body of an
 * entry `fact what=auth` (docs/format-vault.md 1, docs/auth.md).
 *
 *     checker: NAME VERSION...      the programs that judged
 *     resolver: TEXT                whom DNS was asked of
 *     part: SEQ BASE64              one a message of the entry's `of`, sealed for it (bound.h)
 *
 * A part, opened, is lines of fields.h:
 *
 *     checked: TIME
 *     judged: OFFSET LENGTH CODING SHA256   of a journal report: which of its bytes the lines
 *                                   below are about, the message that it reports
 *     report: unread WHY            whether it is a report nobody knows: judged as it came
 *     unread: WHY                   instead of what was found: crash, time, limit
 *     from: DOMAIN                  of the From field, where there is exactly one
 *     dkim: RESULT ALGORITHM BITS DOMAIN SELECTOR [WHY]     one a signature, in their order;
 *                                   results as in RFC 8601: pass, fail, neutral, policy, temperror,
 *                                   permerror
 *     spf: RESULT DOMAIN [WHY]      where the client is known
 *     dmarc: RESULT DOMAIN POLICY ALIGNED [WHY]             pass, fail, none, temperror, permerror;
 *                                   none, quarantine, reject or -; dkim, spf, dkim,spf or -
 *     wrapper-unread, wrapper-from, wrapper-dkim, ...       the same of a journal report itself
 *     time, client, helo, mail-from what it was judged by (protocol.h)
 *     dns, record                   each answer of DNS that was given (records.h)
 *
 * OFFSET is of the message as it was received; CODING: identity, base64 or quoted-printable, in
 * which it stands there; SHA256 is that of the bytes that were judged.
 *
 * Threads: any.
 */
#ifndef FK_AUTH_EVIDENCE_H
#define FK_AUTH_EVIDENCE_H
#include "archiver/auth/checker.h"
#include "archiver/vault/fields.h"
#include "base/digest.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Which bytes of a journal report were judged. */
struct fk_judged {
    uint64_t offset, len;
    char coding[20];
    uint8_t sha256[FK_SHA256_BYTES];
};
/* What was found of one message, to be written. */
struct fk_found {
    const struct fk_checker_result *message; /* of a journal report, the one it reports */
    const struct fk_judged *judged;          /* NULL: the message as it came */
    const struct fk_checker_result *wrapper; /* NULL, or of the report itself; knows what the
                                                message knows too */
    const char *report_unread;               /* why nobody knows whether it is a report, or NULL */
    int64_t checked_ms;
};
/* Appends a part in the clear. */
void fk_evidence_write(const struct fk_found *found, struct fk_buf *out);
/* What a part says of the bytes that were judged; false where it was the message as it came. */
bool fk_evidence_judged(const void *part, size_t len, struct fk_judged *out);
/* True where DNS did not answer for one of the names: it is worth another try. */
bool fk_evidence_is_pending(const void *part, size_t len);

/* Appends the line of a part to a body. salt: of the message's content. */
FK_CHECKED enum fk_status fk_evidence_add(struct fk_buf *body, uint64_t seq, const uint8_t *salt,
                                          const struct fk_buf *part, struct fk_err *err);
/* Opens the part of a message in a body, appended to out. FK_NOT_FOUND: it has none. */
FK_CHECKED enum fk_status fk_evidence_open(const void *body, size_t len, uint64_t seq,
                                           const uint8_t *salt, struct fk_buf *out,
                                           struct fk_err *err);

/* A result line of a part: a signature's, or "spf" and "dmarc" (then only result, domain and what
 * follows them). Words that are not there are "". */
struct fk_finding_line {
    char result[16], algorithm[32], domain[256], selector[256], policy[16], aligned[16];
    unsigned bits;
    const char *why; /* to the end of the line, still escaped */
    size_t why_len;
};
bool fk_evidence_line(const struct fk_field *f, struct fk_finding_line *out);

/* The lines of a part that a checker is given to judge again, and those that it found: of the
 * message, and of a journal report (the wrapper) around it. */
enum fk_evidence_of { FK_EVIDENCE_MESSAGE, FK_EVIDENCE_WRAPPER };
void fk_evidence_known(const void *part, size_t len, enum fk_evidence_of of, struct fk_buf *out);
void fk_evidence_found(const void *part, size_t len, enum fk_evidence_of of, struct fk_buf *out);
/* Of what a checker knows of a report, what it is given to judge the message inside. */
void fk_evidence_known_inside(const struct fk_buf *known, struct fk_buf *out);
/* And the answers of DNS alone. */
void fk_evidence_answers(const struct fk_buf *known, struct fk_buf *out);
/* The line's name without "wrapper-"; false where it has none. */
bool fk_evidence_of_wrapper(const struct fk_field *f, struct fk_field *out);

#ifdef __cplusplus
}
#endif
#endif
