#include "indexer/files_priv.h"

enum fk_status fk_file__tnef(struct fk_files *f, const struct fk_file *file, struct fk_err *err) {
    (void)file;
    (void)err;
    fk_files__unread(f, NULL, FK_REASON_UNSUPPORTED);
    return FK_OK;
}
