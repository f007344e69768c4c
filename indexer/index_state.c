/* index_state.c - how far an index has come, asked from outside. */
#include "indexer/index.h"
#include "indexer/xapian_shim.h"

#include <stdlib.h>

enum fk_status fk_index_blame(enum fk_status st, const char *database, struct fk_err *err) {
    if (st == FK_CORRUPT)
        (void)fk_err_prefix(err, "the index %s is damaged; run \"fumikura reindex\"", database);
    return st;
}

/* From its files alone. */
static enum fk_status state_read(const char *database, struct fk_index_state *out,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xreader *r = NULL;
    struct fk_buf mark = FK_BUF_INIT;
    static const char partial[] = FK_P_FLAG "partial";
    struct fk_index_state state;
    FK_TRY(fk_xreader_open(database, &r, err));
    FK_TRY(fk_xreader_get_meta(r, "mark", &mark, err));
    FK_TRY(fk_xreader_count(r, &state.documents, err));
    FK_TRY(fk_xreader_term_count(r, partial, sizeof partial - 1, &state.partial, err));
    state.mark = strtoull(fk_buf_cstr(&mark), NULL, 10);
    *out = state;
done:
    fk_xreader_close(&r);
    fk_buf_free(&mark);
    return st;
}

enum fk_status fk_index_state(const char *dir, struct fk_index_state *out, struct fk_err *err) {
    char path[4096];
    enum fk_status st = fk_index_path(dir, path, sizeof path, err);
    return st == FK_OK ? fk_index_blame(state_read(path, out, err), path, err) : st;
}
