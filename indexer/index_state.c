/* index_state.c - how far an index has come, asked from outside. */
#include "indexer/index.h"
#include "indexer/xapian_shim.h"

#include <stdlib.h>

enum fk_status fk_index_state(const char *dir, struct fk_index_state *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xreader *r = NULL;
    struct fk_buf mark = FK_BUF_INIT;
    char path[4096];
    static const char partial[] = FK_P_FLAG "partial";
    struct fk_index_state state;
    FK_TRY(fk_index_path(dir, path, sizeof path, err));
    FK_TRY(fk_xreader_open(path, &r, err));
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
