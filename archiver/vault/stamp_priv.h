/*
 * stamp_priv.h - between stamp.c (the token) and stamp_chain.c (who signed it).
 */
#ifndef FK_VAULT_STAMP_PRIV_H
#define FK_VAULT_STAMP_PRIV_H
#include "archiver/vault/stamp.h"

#include <openssl/ts.h>

/* OpenSSL's last word, or ours where it has none. */
const char *fk_stamp__why(const char *otherwise);
/* The trusted certificates, to judge at that time: what has expired since still vouches for what it
 * stamped then. NULL: cannot be read. */
X509_STORE *fk_stamp__store(const char *roots, int64_t at_ms);
/* Fills in all of out but its time, which it judges by. token may be NULL. */
FK_CHECKED enum fk_status fk_stamp__chain(const struct fk_stamp_question *q, PKCS7 *token,
                                          struct fk_stamp *out, struct fk_err *err);

#endif
