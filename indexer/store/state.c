/* state.c - how far an index has come, and the sentence for a damaged one; place.c has the rest of
 * state.h. */
#include "indexer/store/state.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"

enum fk_status fk_index_blame(enum fk_status st, const char *dir, struct fk_err *err) {
    if (st == FK_CORRUPT)
        (void)fk_err_prefix(err, "the index %s/index is damaged; run \"fumikura reindex\"", dir);
    return st;
}

enum fk_status fk_index_state(const char *dir, struct fk_index_state *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xreader *r = NULL;
    static const char partial[] = FK_P_FLAG "partial";
    struct fk_index_state state = {0, 0, 0};
    FK_TRY(fk_index_open(dir, &r, &state.mark, err));
    st = fk_xreader_count(r, &state.documents, err);
    if (st == FK_OK)
        st = fk_xreader_term_count(r, partial, sizeof partial - 1, &state.partial, err);
    (void)fk_index_blame(st, dir, err);
    if (st == FK_OK)
        *out = state;
done:
    fk_xreader_close(&r);
    return st;
}
