/* file_signed.c - a message inside a signature (S/MIME, application/pkcs7-mime; RFC 8551,
 * section 3.5.2). Who signed it is not asked here. */
#include "indexer/files_priv.h"

#include <openssl/cms.h>
#include <string.h>

enum fk_status fk_file__signed(struct fk_files *f, const struct fk_file *file, struct fk_err *err) {
    const uint8_t *at = file->data;
    enum fk_status st = FK_OK;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)file->len);
    ASN1_OCTET_STRING **content = cms ? CMS_get0_content(cms) : NULL;
    if (!cms)
        fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
    else if (content && *content) /* none: the signature stands apart */
        st = fk_files__message(f, ASN1_STRING_get0_data(*content),
                               (size_t)ASN1_STRING_length(*content), err);
    CMS_ContentInfo_free(cms);
    return st;
}
