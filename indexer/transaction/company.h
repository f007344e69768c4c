/*
 * company.h - names of companies: found in a text, and in the form in which they are compared.
 *
 *     株式会社大和商事   大和商事(株)   ㈱大和   有限会社...   合同会社...   Acme Trading Co., Ltd.
 *
 * Compared, a name is folded as terms are (terms.h: width, case, variants), without the form of the
 * company, blanks and signs: 大和商事, acmetrading.
 *
 * Threads: any.
 */
#ifndef FK_INDEXER_COMPANY_H
#define FK_INDEXER_COMPANY_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_company {
    size_t begin, end; /* the name with the form, in the text */
};
/* The first name that begins at or after *at, which moves on behind it; false: there is none. */
bool fk_company_next(const char *text, size_t len, size_t *at, struct fk_company *out);
/* Appended; nothing where the name is a form alone. */
FK_CHECKED enum fk_status fk_company_normal(const char *name, size_t len, struct fk_buf *out,
                                            struct fk_err *err);

enum { FK_COMPANY_MAX = 120 }; /* bytes of a name; a longer run of characters is none */

#ifdef __cplusplus
}
#endif
#endif
