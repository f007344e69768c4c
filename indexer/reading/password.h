/*
 * password.h - words that files behind a password are tried with.
 *
 * Ownership: borrowed wherever one is given. Threads: any.
 */
#ifndef FK_INDEXER_PASSWORD_H
#define FK_INDEXER_PASSWORD_H
#include "base/status.h"
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_PASSWORD_MAX = 64, FK_PASSWORDS_MAX = 256 };
struct fk_password {
    uint64_t origin;  /* seq of the message that it stands in; 0: the configured list */
    const char *word; /* UTF-8, at most FK_PASSWORD_MAX bytes */
};
struct fk_passwords {
    struct fk_password *at;
    size_t count;
    char *text; /* of all of them */
};
/* A file with one a line; empty lines are passed over. An empty path: none. FK_INVALID names the
 * line that is too long, or the limit. */
FK_CHECKED enum fk_status fk_passwords_read(const char *path, struct fk_passwords *out,
                                            struct fk_err *err);
void fk_passwords_free(struct fk_passwords *p);

#ifdef __cplusplus
}
#endif
#endif
