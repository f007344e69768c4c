/* host.c - see host.h. */
#include "indexer/text/host.h"
#include "indexer/text/terms.h"

#include <string.h>
#include <unicode/uidna.h>

enum { NAME_MAX_BYTES = 1024 };

enum fk_status fk_host_fold(const char *name, size_t len, struct fk_buf *out, struct fk_err *err) {
    struct fk_buf folded = FK_BUF_INIT;
    char ascii[NAME_MAX_BYTES];
    UErrorCode code = U_ZERO_ERROR;
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    int32_t n = 0;
    enum fk_status st = FK_OK;
    FK_TRY(fk_terms_of_address(name, len, &folded, err));
    while (folded.len > 0 && folded.data[folded.len - 1] == '.')
        folded.len--;
    for (size_t i = 0; i < folded.len; i++)
        n |= folded.data[i] & 0x80;
    if (n != 0) { /* what is ASCII is as it is to be */
        UIDNA *idna = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII, &code);
        n = uidna_nameToASCII_UTF8(idna, (const char *)folded.data, (int32_t)folded.len, ascii,
                                   sizeof ascii, &info, &code);
        uidna_close(idna);
    }
    if (n > 0 && U_SUCCESS(code) && info.errors == 0)
        fk_buf_add(out, ascii, (size_t)n);
    else
        fk_buf_add(out, folded.data, folded.len);
    if (out->failed || folded.failed)
        st = fk_fail(err, FK_NOMEM, "the name of a host: out of memory");
done:
    fk_buf_free(&folded);
    return st;
}

const char *fk_host_above(const char *name) {
    const char *point = strchr(name, '.');
    if (!point || strspn(name, "0123456789.") == strlen(name) || strchr(name, ':'))
        return NULL;
    return strchr(point + 1, '.') ? point + 1 : NULL;
}

bool fk_host_is_below(const char *name, const char *domain) {
    const size_t n = strlen(name), m = strlen(domain);
    return n >= m && strcmp(name + n - m, domain) == 0 && (n == m || name[n - m - 1] == '.');
}
