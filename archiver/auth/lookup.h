/*
 * lookup.h - single questions to DNS, by the resolver of fumikura-authcheck (docs/decisions/0010):
 * the house itself has no DNS in it.
 *
 *     FK_TRY(fk_lookup_open(&options, &l, err));
 *     FK_TRY(fk_lookup_ask(l, FK_DNS_TXT, "example.jp", &text, &answer, err));
 *     while (fk_dns_record(&answer, &record)) ...
 *     fk_lookup_close(&l);
 *
 * Of the options program, server, hosts, anchor and name_ms are read. A name that DNS does not
 * answer in time is an answer too (FK_DNS_FAILED).
 *
 * Errors: FK_INVALID the resolver's settings, or a name that may not be asked for; FK_IO the
 * program does not start, or has gone. Ownership: an answer is borrowed from the text, which each
 * question replaces. Threads: one.
 */
#ifndef FK_AUTH_LOOKUP_H
#define FK_AUTH_LOOKUP_H
#include "archiver/auth/checker.h"
#include "archiver/auth/records.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_lookup;
FK_CHECKED enum fk_status fk_lookup_open(const struct fk_checker_options *options,
                                         struct fk_lookup **out, struct fk_err *err);
FK_CHECKED enum fk_status fk_lookup_ask(struct fk_lookup *l, enum fk_dns_type type,
                                        const char *name, struct fk_buf *text,
                                        struct fk_dns_answer *out, struct fk_err *err);
void fk_lookup_close(struct fk_lookup **l);

#ifdef __cplusplus
}
#endif
#endif
