/*
 * cli/provenance.h - who had a message, for a terminal: an address a line, each with where it is
 * known from. record NULL: the index has not read the entry yet, which is said. why: what the
 * report of entry seq says is only claimed (journals.h), or "". Threads: one.
 */
#ifndef FK_CLI_PROVENANCE_H
#define FK_CLI_PROVENANCE_H
#include "search/message_record.h"
#ifdef __cplusplus
extern "C" {
#endif

void cli_provenance_print(const struct fk_message_record *record, uint64_t seq, const char *why);

#ifdef __cplusplus
}
#endif
#endif
