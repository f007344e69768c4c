/*
 * html_priv.h - the text of an HTML part, by libxml2's SAX parser: no tree, so neither depth nor
 * size drops anything.
 *
 * Scripts and styles are left out; blocks and table cells are set apart by an empty line, <br> is
 * a line end, other elements do not break words; images' alt texts are kept. The charset that
 * the page names is asked with fk_html__charset, since a mail's part often names none.
 */
#ifndef FK_INDEXER_HTML_PRIV_H
#define FK_INDEXER_HTML_PRIV_H
#include "base/buf.h"
#include "base/status.h"

void fk_html__prepare(void);
/* html is UTF-8. */
FK_CHECKED enum fk_status fk_html__text(const char *html, size_t len, struct fk_buf *out,
                                        struct fk_err *err);
/* The same; targets of links (href, src, action, ...) are appended to links, each with a NUL behind
 * it, in the order of the page. */
FK_CHECKED enum fk_status fk_html__read(const char *html, size_t len, struct fk_buf *out,
                                        struct fk_buf *links, struct fk_err *err);
/* charset=NAME of a meta element among the first bytes; "" when there is none. One that has no
 * ASCII is UTF-8 (HTML, 13.2.3.2). */
void fk_html__charset(const void *html, size_t len, char *out, size_t size);

#endif
