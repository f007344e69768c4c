/*
 * journals.h - whose journal reports count: of the configuration, for `status` and `doctor`; and of
 * one capture, why what its report says is only claimed.
 *
 * Texts are added to out and are for people. Threads: any.
 */
#ifndef FK_CLI_JOURNALS_H
#define FK_CLI_JOURNALS_H
#include "base/buf.h"
#include "cli/config.h"
#ifdef __cplusplus
extern "C" {
#endif

/* "smtp and lmtp (192.0.2.10), listener exchange (all who may deliver there)"; nothing where no
 * source counts. */
void cli_journals_tell(const struct fk_config *c, struct fk_buf *out);

/* fields: the capture's envelope. A sentence without a full stop, in the words of the configuration
 * as it is now: what counted was decided when the message came. Nothing where it did count. */
void cli_claimed_why(const char *fields, size_t len, struct fk_buf *out);

#ifdef __cplusplus
}
#endif
#endif
