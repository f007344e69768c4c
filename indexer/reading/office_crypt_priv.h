/*
 * office_crypt_priv.h - OOXML behind a password ([MS-OFFCRYPTO] 2.3.4: agile and standard
 * encryption).
 */
#ifndef FK_INDEXER_OFFICE_CRYPT_PRIV_H
#define FK_INDEXER_OFFICE_CRYPT_PRIV_H
#include "base/buf.h"

/* info, package: the streams EncryptionInfo and EncryptedPackage. password: UTF-8. */
enum fk_unlock {
    FK_UNLOCKED,
    FK_LOCKED,  /* not this password */
    FK_LOCK_ODD /* encryption that is not known here, or damaged: no password will do */
};
/* Appends the document. goes_on: asked now and then; false gives up, and is FK_LOCK_ODD. */
enum fk_unlock fk_office__unlock(const struct fk_buf *info, const struct fk_buf *package,
                                 const char *password, bool (*goes_on)(void *), void *ctx,
                                 struct fk_buf *out);

#endif
