/* package_stamp.c - time stamps for a package: the first over all that is in it, which says by when
 * it was there, and the newest, which the longest can be checked. */
#include "tape-export/package_priv.h"
#include "archiver/vault/logbook.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 48, STAMP_FILE_MAX = 16 << 20, DIGITS = 12 };

struct choice {
    struct package *p;
    struct fk_verifier verifier;
    uint64_t needed;                          /* entries that a stamp has to cover for all */
    char first[NAME_SIZE], newest[NAME_SIZE]; /* "" none */
};

/* "SIZE-TIME.tsr" (stamps.h): names ascend with size and time. */
static bool name_take(const char *file, char name[NAME_SIZE]) {
    size_t len = strlen(file);
    if (len < DIGITS + 5 || len - 4 >= NAME_SIZE || strcmp(file + len - 4, ".tsr") != 0 ||
        strspn(file, "0123456789") != DIGITS || file[DIGITS] != '-')
        return false;
    memcpy(name, file, len - 4);
    name[len - 4] = 0;
    return true;
}

static enum fk_status checkpoint_read(const struct choice *c, const char *name,
                                      struct fk_checkpoint *out, struct fk_err *err) {
    char path[PATH_MAX], file[NAME_SIZE + 24];
    snprintf(file, sizeof file, "time/%s.checkpoint", name);
    enum fk_status st = fk_join_path(path, sizeof path, c->p->options->vault, file, err);
    return st == FK_OK ? fk_logbook_read(path, &c->verifier, out, NULL, err) : st;
}

static void weigh(struct choice *c, const char *name) {
    struct fk_checkpoint at;
    struct fk_err why = FK_ERR_INIT;
    bool first = !*c->first || strcmp(name, c->first) < 0;
    bool newest = strcmp(name, c->newest) > 0;
    if ((!first && !newest) || checkpoint_read(c, name, &at, &why) != FK_OK ||
        at.size > c->p->options->checkpoint->size)
        return; /* of another origin, damaged, or younger than what is proven */
    if (newest)
        snprintf(c->newest, sizeof c->newest, "%s", name);
    if (first && at.size >= c->needed)
        snprintf(c->first, sizeof c->first, "%s", name);
}

typedef enum fk_status (*file_fn)(struct choice *c, const char *file, struct fk_err *err);

static enum fk_status folder_walk(struct choice *c, file_fn fn, struct fk_err *err) {
    char path[PATH_MAX];
    struct dirent *e;
    enum fk_status st = fk_join_path(path, sizeof path, c->p->options->vault, "time", err);
    if (st != FK_OK)
        return st;
    DIR *d = opendir(path);
    if (!d)
        return errno == ENOENT ? FK_OK : fk_fail_sys(err, errno, "%s: cannot read", path);
    while (st == FK_OK && (e = readdir(d)))
        st = fn(c, e->d_name, err);
    (void)closedir(d);
    return st;
}

static enum fk_status stamp_weigh(struct choice *c, const char *file, struct fk_err *err) {
    char name[NAME_SIZE];
    (void)err;
    if (name_take(file, name))
        weigh(c, name);
    return FK_OK;
}

/* Request, reply, and whatever else was kept of a stamp that goes along (its revocation list). */
static enum fk_status file_copy(struct choice *c, const char *file, struct fk_err *err) {
    const char *dot = strchr(file, '.');
    size_t len = dot ? (size_t)(dot - file) : 0;
    bool wanted = len > 0 && ((len == strlen(c->first) && memcmp(file, c->first, len) == 0) ||
                              (len == strlen(c->newest) && memcmp(file, c->newest, len) == 0));
    char path[PATH_MAX], name[320];
    struct fk_buf b = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    if (!wanted || strlen(file) > 128)
        return FK_OK;
    snprintf(name, sizeof name, "time/%s", file);
    FK_TRY(fk_join_path(path, sizeof path, c->p->options->vault, name, err));
    FK_TRY(fk_read_plain(path, STAMP_FILE_MAX, &b, err));
    snprintf(name, sizeof name, "data/time/%s", file);
    st = fk_bag_put(c->p->bag, name, &(struct fk_piece){b.data, b.len}, 1, err);
done:
    fk_buf_free(&b);
    return st;
}

static enum fk_status consistency_put(struct choice *c, const char *stamp, struct fk_err *err) {
    struct fk_checkpoint at;
    struct fk_buf b = FK_BUF_INIT;
    char name[NAME_SIZE + 32];
    enum fk_status st;
    FK_TRY(checkpoint_read(c, stamp, &at, err));
    FK_TRY(fk_prover_since(c->p->prover, at.size, &b, err));
    snprintf(name, sizeof name, "data/time/%s.consistency", stamp);
    st = fk_bag_put(c->p->bag, name, &(struct fk_piece){b.data, b.len}, 1, err);
done:
    fk_buf_free(&b);
    return st;
}

enum fk_status fk_package__stamp_put(struct package *p, struct fk_err *err) {
    struct choice c = {.p = p};
    const struct fk_seqs *m = p->options->messages, *e = p->options->entries;
    enum fk_status st;
    FK_TRY(fk_logbook_verifier(p->options->vault, &c.verifier, err));
    c.needed = m->count ? m->at[m->count - 1] + 1 : 0;
    if (e->count && e->at[e->count - 1] >= c.needed)
        c.needed = e->at[e->count - 1] + 1;
    FK_TRY(folder_walk(&c, stamp_weigh, err));
    if (!*c.newest)
        goto done;
    FK_TRY(folder_walk(&c, file_copy, err));
    FK_TRY(consistency_put(&c, c.newest, err));
    if (*c.first && strcmp(c.first, c.newest) != 0)
        FK_TRY(consistency_put(&c, c.first, err));
    snprintf(p->made.stamp, sizeof p->made.stamp, "%s", *c.first ? c.first : c.newest);
done:
    return st;
}
