/*
 * client_term.h - an IP address as a term, the same way for messages and for queries: 32 hex
 * digits, IPv4 as ::ffff:a.b.c.d, so that a network is a beginning of it. Threads: any.
 */
#ifndef FK_INDEXER_CLIENT_TERM_H
#define FK_INDEXER_CLIENT_TERM_H
#include <stdbool.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_CLIENT_DIGITS = 32 };
/* text: an address alone, IPv4 or IPv6. False where it is none. *is_v4_out: which. */
bool fk_client_term(const char *text, char out[FK_CLIENT_DIGITS + 1], bool *is_v4_out);

#ifdef __cplusplus
}
#endif
#endif
