/*
 * doctor_mail.h - `doctor --mail DOMAIN`: what others look at before they take mail of a domain, as
 * DNS has it: MX, SPF, DKIM key, DMARC, the names of its addresses, and lists that they may be on.
 *
 * DNS is asked by the resolver of fumikura-authcheck, and SPF is judged by the checker of it, as it
 * will be elsewhere. Nothing is asked unless somebody asks for it here: a question tells the
 * domain's name servers, and a list its address, to others.
 */
#ifndef FK_CLI_DOCTOR_MAIL_H
#define FK_CLI_DOCTOR_MAIL_H
#include "base/status.h"
#include "cli/cli.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { CLI_MAIL_LOOKS_MAX = 16 }; /* addresses, and lists */
struct cli_mail_look {
    const char *domain;
    const char *selector;                      /* of the DKIM key */
    const char *addresses[CLI_MAIL_LOOKS_MAX]; /* from which mail goes out; none: those of the MX */
    const char *lists[CLI_MAIL_LOOKS_MAX];     /* zones of block lists; none: none is asked */
    size_t address_count, list_count;
};
enum cli_mail_verdict { CLI_MAIL_GOOD, CLI_MAIL_WARNING, CLI_MAIL_BAD };
typedef void (*cli_mail_tell)(void *ctx, enum cli_mail_verdict v, const char *check,
                              const char *text);
/* Errors are about asking at all; what is wrong with a domain is told. */
FK_CHECKED enum fk_status cli_mail_look(const struct fk_cli *cli, const struct cli_mail_look *look,
                                        cli_mail_tell tell, void *ctx, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
