/*
 * office_priv.h - the text in XML parts of office documents: OOXML (ECMA-376) and ODF, by libxml2's
 * SAX. Nothing is expanded or fetched: entities that a document declares for itself are not known
 * here. What readers of a document are told twice (phonetic runs, fallbacks for old programs) is
 * taken once.
 */
#ifndef FK_INDEXER_OFFICE_PRIV_H
#define FK_INDEXER_OFFICE_PRIV_H
#include "indexer/reading/files_priv.h"

enum fk_office { FK_OFFICE_NONE, FK_OFFICE_OOXML, FK_OFFICE_ODF };
struct fk_office_parts {
    enum fk_office office;
    struct fk_buf strings; /* of a workbook, one after another */
    struct fk_buf ends;    /* size_t each: where they end */
    bool is_encrypted, is_damaged;
    bool is_whole; /* every part was looked at */
    bool has_body; /* a part was read that holds text, not only what is said of the document */
};

FK_CHECKED enum fk_status fk_office__strings(struct fk_office_parts *p, const void *xml, size_t len,
                                             struct fk_err *err);
/* Gives the part's text, and where its links lead, to the file at hand. */
FK_CHECKED enum fk_status fk_office__part(struct fk_office_parts *p, struct fk_files *f,
                                          const char *name, const void *xml, size_t len,
                                          struct fk_err *err);
void fk_office__free(struct fk_office_parts *p);

#endif
