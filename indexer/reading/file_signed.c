/* file_signed.c - what stands inside a signature: a message (S/MIME, application/pkcs7-mime; RFC
 * 8551, section 3.5.2), or any file (CAdES, ETSI EN 319 122: contract.pdf.p7m). Who signed it is
 * not asked here. */
#include "indexer/reading/files_priv.h"

#include <openssl/cms.h>
#include <string.h>
#include <strings.h>

/* A MIME entity: a block of header fields of which one says what the body is. */
static bool is_entity(const struct fk_file *file) {
    static const char *const fields[] = {"Content-", "MIME-Version:"};
    const char *at = (const char *)file->data, *end = at + file->len;
    while (at < end && *at != '\r' && *at != '\n') {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const size_t len = (size_t)((lf ? lf : end) - at);
        const char *colon = memchr(at, ':', len);
        if (*at != ' ' && *at != '\t' && (!colon || memchr(at, ' ', (size_t)(colon - at))))
            return false;
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
            if (len > strlen(fields[i]) && strncasecmp(at, fields[i], strlen(fields[i])) == 0)
                return true;
        at = lf ? lf + 1 : end;
    }
    return fk_kind__of(file) == FK_KIND_MESSAGE;
}

/* contract.pdf.p7m holds contract.pdf. */
static void inner_name(const char *name, struct fk_buf *out) {
    const char *stroke = strrchr(name, '/'), *last = stroke ? stroke + 1 : name;
    size_t n = strlen(last);
    if (n > 4 && strcasecmp(last + n - 4, ".p7m") == 0)
        n -= 4;
    fk_buf_add(out, last, n);
}

enum fk_status fk_file__signed(struct fk_files *f, const struct fk_file *file, struct fk_err *err) {
    const uint8_t *at = file->data;
    enum fk_status st = FK_OK;
    struct fk_buf name = FK_BUF_INIT;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)file->len);
    ASN1_OCTET_STRING **content = cms ? CMS_get0_content(cms) : NULL;
    inner_name(file->name, &name);
    if (!cms)
        fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
    else if (content && *content) { /* none: the signature stands apart */
        const struct fk_file inner = {.data = ASN1_STRING_get0_data(*content),
                                      .len = (size_t)ASN1_STRING_length(*content),
                                      .name = fk_buf_cstr(&name)};
        st = is_entity(&inner) ? fk_files__message(f, inner.data, inner.len, err)
                               : fk_files__read(f, &inner, err);
    }
    CMS_ContentInfo_free(cms);
    fk_buf_free(&name);
    return st;
}
