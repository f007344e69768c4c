/*
 * delivery_term.h - what became of a message as terms, the same way for documents and for queries.
 *
 * Behind the prefix (FK_P_DELIVERY: a mail server's log says so; FK_P_NOTICE: this message, a
 * notice, says so) stands
 *
 *     bounced                    a status
 *     a@b.example  @b.example    a recipient, and the domain of one
 *     bounced a@b.example        both, and bounced @b.example
 *     5.1.1                      an enhanced status code (RFC 3463)
 *     mx.b.example  192.0.2.1    who it was handed to, or who says so
 *
 * each folded as fk_terms_of_address has it. Threads: any.
 */
#ifndef FK_INDEXER_DELIVERY_TERM_H
#define FK_INDEXER_DELIVERY_TERM_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

/* The statuses that there are: of logs (Postfix), then of notices (RFC 3464, RFC 8098). NULL ends.
 */
extern const char *const fk_delivery_log_statuses[];
extern const char *const fk_delivery_notice_statuses[];
bool fk_delivery_is_status(const char *const *list, const char *word);
/* Three numbers with points between them. */
bool fk_delivery_is_code(const char *text);

/* status NULL: none. Appended; out->failed tells. */
FK_CHECKED enum fk_status fk_delivery_term(const char *prefix, const char *status,
                                           const char *value, size_t len, struct fk_buf *out,
                                           struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
