/* notice_terms.c - see notice_terms_priv.h. */
#include "indexer/notice_terms_priv.h"
#include "indexer/deliveries_priv.h"
#include "indexer/record/delivery_record.h"
#include "indexer/record/delivery_term.h"
#include "indexer/text/prefixes.h"

#include <string.h>

static enum fk_status recipient_terms(struct fk_xdoc *doc, const struct fk_notice *n,
                                      const char *address, struct fk_err *err) {
    enum fk_status st = FK_OK;
    FK_TRY(fk_deliveries__recipient(doc, FK_P_NOTICE, NULL, address, err));
    if (fk_delivery_is_status(fk_delivery_notice_statuses, n->status))
        st = fk_deliveries__recipient(doc, FK_P_NOTICE, n->status, address, err);
done:
    return st;
}

static enum fk_status line_terms(struct fk_xdoc *doc, const struct fk_notice *n,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (fk_delivery_is_status(fk_delivery_notice_statuses, n->status))
        FK_TRY(fk_deliveries__word(doc, FK_P_NOTICE, n->status, err));
    if (fk_delivery_is_code(n->code))
        FK_TRY(fk_deliveries__word(doc, FK_P_NOTICE, n->code, err));
    FK_TRY(fk_deliveries__host(doc, FK_P_NOTICE, n->host, err));
    FK_TRY(recipient_terms(doc, n, n->to, err));
    if (*n->orig_to)
        st = recipient_terms(doc, n, n->orig_to, err);
done:
    return st;
}

/* As FK_P_OWN_MSGID has it. */
static enum fk_status about_term(struct fk_xdoc *doc, const char *prefix,
                                 const struct fk_buf *about, struct fk_err *err) {
    struct fk_buf term = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    if (!about->len)
        return FK_OK;
    fk_buf_str(&term, prefix);
    fk_buf_add(&term, about->data, about->len < FK_WHOLE_MAX ? about->len : FK_WHOLE_MAX);
    st = term.failed ? fk_fail(err, FK_NOMEM, "a document for the index: out of memory")
                     : fk_xdoc_term(doc, (const char *)term.data, term.len, err);
    fk_buf_free(&term);
    return st;
}

enum fk_status fk_notice__terms(struct fk_xdoc *doc, const void *data, size_t len,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_notice n = FK_NOTICE_INIT;
    struct fk_fields it = fk_fields_begin(data, len);
    while (fk_notice_next(&it, &n))
        FK_TRY(line_terms(doc, &n, err));
    if (n.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "a document for the index: out of memory"));
    if (!*n.kind)
        goto done;
    FK_TRY(fk_deliveries__word(doc, FK_P_NOTICE, n.kind, err));
    if (!strchr(fk_buf_cstr(&n.by), ' '))
        FK_TRY(fk_deliveries__host(doc, FK_P_NOTICE, fk_buf_cstr(&n.by), err));
    FK_TRY(about_term(doc, FK_P_ABOUT, &n.about, err));
    st = about_term(doc, FK_P_MSGID, &n.about, err); /* so that all about one message are found */
done:
    fk_notice_free(&n);
    return st;
}
