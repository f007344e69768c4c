/* mirror_stamps.c - DIR/time from a vault to its mirror, and back. Its files never change. */
#include "archiver/vault/mirror_priv.h"
#include "archiver/vault/stamps_priv.h"
#include "base/io.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* What cannot be read is passed over: it is verify's to tell, and must keep no mail waiting. */
static enum fk_status file_bring(const struct fk_stamps_bring *b, const char *name, const char *to,
                                 unsigned *brought, struct fk_err *err) {
    char from[PATH_MAX];
    struct fk_buf content = FK_BUF_INIT;
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st = FK_OK;
    FK_TRY(fk_join_path(from, sizeof from, b->from, name, err));
    if (fk_read_plain(from, FK_RENEWAL_LIST_MAX, &content, &why) == FK_OK) {
        st = fk_atomic_put(to, 0644, content.data, content.len, err);
        ++*brought;
    } else if (b->passed_over) {
        b->passed_over(b->ctx, why.text);
    }
done:
    fk_buf_free(&content);
    return st;
}

static enum fk_status folder_make(const char *dir, struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st = fk_join_path(path, sizeof path, dir, "time", err);
    if (st == FK_OK)
        st = fk_make_dir(path, 0755, err);
    return st == FK_OK ? fk_sync_dir(dir, err) : st;
}

enum fk_status fk_mirror__stamps(const struct fk_stamps_bring *b, bool *more, struct fk_err *err) {
    char name[FK_STAMP_NAME_MAX + 24], to[PATH_MAX];
    struct fk_stamps_files files;
    struct fk_err why = FK_ERR_INIT;
    unsigned brought = 0;
    enum fk_status st = FK_OK;
    *more = false;
    if (fk_stamps__files(b->from, &files, &why) != FK_OK) {
        if (b->passed_over)
            b->passed_over(b->ctx, why.text);
        return FK_OK;
    }
    if (files.count)
        FK_TRY(folder_make(b->to, err));
    for (size_t i = 0; i < files.count && !*more; i++) {
        snprintf(name, sizeof name, "time/%s", files.at[i]);
        FK_TRY(fk_join_path(to, sizeof to, b->to, name, err));
        if (access(to, F_OK) == 0)
            continue;
        FK_TRY(file_bring(b, name, to, &brought, err));
        *more = brought && brought == b->at_most;
    }
done:
    fk_stamps__files_free(&files);
    return st;
}
