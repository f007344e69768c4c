/* delivery_term.c - see delivery_term.h */
#include "indexer/record/delivery_term.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"

#include <string.h>

const char *const fk_delivery_log_statuses[] = {"sent", "bounced", "deferred", NULL};
const char *const fk_delivery_notice_statuses[] = {
    "failed",    "delayed", "delivered",  "relayed",   "expanded", /* RFC 3464, 2.3.3 */
    "displayed", "deleted", "dispatched", "processed", NULL};      /* RFC 8098, 3.2.6.2 */

bool fk_delivery_is_status(const char *const *list, const char *word) {
    for (; *list; list++)
        if (strcmp(*list, word) == 0)
            return true;
    return false;
}

bool fk_delivery_is_code(const char *text) {
    unsigned numbers = 0;
    for (;; text++) {
        const size_t n = strspn(text, "0123456789");
        if (n == 0 || n > 3)
            return false;
        numbers++;
        text += n;
        if (*text != '.')
            return numbers == 3 && *text == 0;
    }
}

enum fk_status fk_delivery_term(const char *prefix, const char *status, const char *value,
                                size_t len, struct fk_buf *out, struct fk_err *err) {
    struct fk_buf folded = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    fk_buf_str(out, prefix);
    const size_t most = out->len + FK_WHOLE_MAX;
    if (status)
        fk_buf_printf(out, "%s ", status); /* no address has a blank in its term */
    st = fk_terms_of_address(value, len, &folded, err);
    for (size_t i = 0; i < folded.len && out->len < most; i++)
        if (folded.data[i] > ' ' && folded.data[i] != 0x7f)
            fk_buf_byte(out, folded.data[i]);
    out->failed |= folded.failed;
    fk_buf_free(&folded);
    if (st == FK_OK && out->failed)
        st = fk_fail(err, FK_NOMEM, "out of memory for a term");
    return st;
}
