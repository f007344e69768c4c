/* place.c - see place_priv.h. */
#include "indexer/store/place_priv.h"
#include "base/atomic_file.h"
#include "base/io.h"
#include "indexer/store/state.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* "db.N": N; 0 for anything else. */
static unsigned number_of(const char *name, const char *prefix) {
    const size_t n = strlen(prefix);
    unsigned number = 0;
    if (strncmp(name, prefix, n) != 0 || !name[n])
        return 0;
    for (name += n; *name; name++) {
        if (*name < '0' || *name > '9' || number > 100000000)
            return 0;
        number = number * 10 + (unsigned)(*name - '0');
    }
    return number;
}

static enum fk_status current_path(const char *index, char *out, struct fk_err *err) {
    return fk_join_path(out, FK_PLACE_PATH, index, "current", err);
}

static enum fk_status current_read(const char *index, struct fk_shards *out, struct fk_err *err) {
    char path[FK_PLACE_PATH];
    enum fk_status st = current_path(index, path, err);
    return st == FK_OK ? fk_shards__read(path, out, err) : st;
}

/* Each name in a directory but . and .. ; stops at the first that fails. */
typedef enum fk_status (*name_fn)(void *ctx, const char *dir, const char *name, struct fk_err *err);
static enum fk_status names_each(const char *dir, name_fn fn, void *ctx, struct fk_err *err) {
    DIR *d = opendir(dir);
    enum fk_status st = FK_OK;
    if (!d)
        return fk_fail_sys(err, errno, "cannot read the directory %s", dir);
    for (struct dirent *e; st == FK_OK && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            st = fn(ctx, dir, e->d_name, err);
    closedir(d);
    return st;
}

/* ---- out of use */

static enum fk_status retire(const struct fk_place *p, unsigned number, struct fk_err *err) {
    char from[FK_PLACE_PATH], to[FK_PLACE_PATH], name[32];
    snprintf(name, sizeof name, "gone.%u", number);
    enum fk_status st = fk_join_path(to, sizeof to, p->index, name, err);
    if (st == FK_OK)
        st = fk_place__path(p, number, from, err);
    if (st == FK_OK && rename(from, to) != 0)
        st = fk_fail_sys(err, errno, "cannot rename %s", from);
    return st;
}

static enum fk_status retire_other(void *ctx, const char *dir, const char *name,
                                   struct fk_err *err) {
    struct fk_place *p = ctx;
    (void)dir;
    static const char *const prefixes[] = {"db.", "gone.", "blank."};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (number_of(name, prefixes[i]) > p->newest)
            p->newest = number_of(name, prefixes[i]);
    const unsigned number = number_of(name, "db.");
    const bool is_used = fk_shards__has(&p->shards, number) || fk_shards__has(&p->building, number);
    return number && !is_used ? retire(p, number, err) : FK_OK;
}

/* A write lease is given only where nobody else has the file open. */
static enum fk_status is_open_nowhere(void *ctx, const char *dir, const char *name,
                                      struct fk_err *err) {
    char path[FK_PLACE_PATH];
    (void)ctx;
    enum fk_status st = fk_join_path(path, sizeof path, dir, name, err);
    if (st != FK_OK)
        return st;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return fk_fail_sys(err, errno, "cannot open %s", path);
    const int rc = fcntl(fd, F_SETLEASE, F_WRLCK);
    const bool is_open = rc != 0 && errno == EAGAIN;
    fk_close(&fd); /* and the lease with it */
    return is_open ? fk_fail(err, FK_RETRY, "%s is still being read", path) : FK_OK;
}

static enum fk_status blank_file(void *ctx, const char *dir, const char *name, struct fk_err *err) {
    char path[FK_PLACE_PATH];
    (void)ctx;
    enum fk_status st = fk_join_path(path, sizeof path, dir, name, err);
    return st == FK_OK ? fk_overwrite_file(path, err) : st;
}

static enum fk_status remove_file(void *ctx, const char *dir, const char *name,
                                  struct fk_err *err) {
    char path[FK_PLACE_PATH];
    (void)ctx;
    enum fk_status st = fk_join_path(path, sizeof path, dir, name, err);
    if (st == FK_OK && unlink(path) != 0)
        st = fk_fail_sys(err, errno, "cannot remove %s", path);
    return st;
}

struct destroying {
    bool waits, found;
};

/* Overwritten, and named so. What a crash left with that name may have lost its zeros. */
static enum fk_status blank_gone(void *ctx, const char *dir, const char *name, struct fk_err *err) {
    char path[FK_PLACE_PATH], blank[FK_PLACE_PATH], blank_name[32];
    struct destroying *d = ctx;
    const unsigned gone = number_of(name, "gone.");
    enum fk_status st;
    if (!gone && !number_of(name, "blank."))
        return FK_OK;
    FK_TRY(fk_join_path(path, sizeof path, dir, name, err));
    st = names_each(path, is_open_nowhere, NULL, err);
    if (st == FK_RETRY) {
        d->waits = true;
        return FK_OK;
    }
    FK_TRY(st);
    FK_TRY(names_each(path, blank_file, NULL, err));
    d->found = true;
    snprintf(blank_name, sizeof blank_name, "blank.%u", gone);
    FK_TRY(fk_join_path(blank, sizeof blank, dir, blank_name, err));
    if (gone && rename(path, blank) != 0)
        st = fk_fail_sys(err, errno, "cannot rename %s", path);
done:
    return st;
}

static enum fk_status remove_blank(void *ctx, const char *dir, const char *name,
                                   struct fk_err *err) {
    char path[FK_PLACE_PATH];
    (void)ctx;
    if (!number_of(name, "blank."))
        return FK_OK;
    enum fk_status st = fk_join_path(path, sizeof path, dir, name, err);
    if (st == FK_OK)
        st = names_each(path, remove_file, NULL, err);
    if (st == FK_OK && rmdir(path) != 0)
        st = fk_fail_sys(err, errno, "cannot remove %s", path);
    return st;
}

/* One sync for all of them: merging puts eight out of use at a time, of six files each. */
enum fk_status fk_place__destroy_gone(const struct fk_place *p, struct fk_err *err) {
    struct destroying d = {false, false};
    enum fk_status st;
    FK_TRY(names_each(p->index, blank_gone, &d, err));
    if (d.found) {
        FK_TRY(fk_sync_fs(p->index, err));
        FK_TRY(names_each(p->index, remove_blank, NULL, err));
    }
    if (d.waits)
        st = fk_fail(err, FK_RETRY, "an old index below %s is still being read", p->index);
done:
    return st;
}

/* ---- opening and changing */

static enum fk_status lock_take(struct fk_place *p, struct fk_err *err) {
    char path[FK_PLACE_PATH];
    enum fk_status st = fk_join_path(path, sizeof path, p->index, "lock", err);
    if (st != FK_OK)
        return st;
    p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (p->lock < 0)
        return fk_fail_sys(err, errno, "cannot open %s", path);
    if (flock(p->lock, LOCK_EX | LOCK_NB) == 0)
        return FK_OK;
    st = errno == EWOULDBLOCK ? fk_fail(err, FK_RETRY, "another process is writing %s", p->index)
                              : fk_fail_sys(err, errno, "cannot lock %s", path);
    fk_close(&p->lock);
    return st;
}

enum fk_status fk_place__open(const char *dir, struct fk_place *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_place p = {.lock = -1};
    enum fk_status listed;
    FK_TRY(fk_join_path(p.index, sizeof p.index, dir, "index", err));
    FK_TRY(fk_make_dir(p.index, 0700, err));
    FK_TRY(lock_take(&p, err));
    listed = current_read(p.index, &p.shards, err);
    if (listed != FK_OK && listed != FK_NOT_FOUND && listed != FK_CORRUPT) {
        st = listed;
        goto done;
    }
    p.is_new = listed != FK_OK; /* either way it is made anew */
    FK_TRY(names_each(p.index, retire_other, &p, err));
    *out = p;
    p = (struct fk_place){.lock = -1};
done:
    fk_place__close(&p);
    return st;
}

void fk_place__close(struct fk_place *place) {
    fk_close(&place->lock);
    fk_shards__free(&place->shards);
    fk_shards__free(&place->building);
}

enum fk_status fk_place__path(const struct fk_place *place, unsigned number, char *out,
                              struct fk_err *err) {
    char name[32];
    snprintf(name, sizeof name, "db.%u", number);
    return fk_join_path(out, FK_PLACE_PATH, place->index, name, err);
}

enum fk_status fk_place__use(struct fk_place *p, struct fk_err *err) {
    char path[FK_PLACE_PATH];
    enum fk_status st = current_path(p->index, path, err);
    if (st == FK_OK)
        st = fk_shards__write(&p->shards, path, err);
    return st == FK_OK ? fk_place__retire_others(p, err) : st;
}

enum fk_status fk_place__retire_others(struct fk_place *p, struct fk_err *err) {
    return names_each(p->index, retire_other, p, err);
}

/* One block: a pointer a shard, and what they point to; the caller frees it. */
static enum fk_status shard_paths(const char *index, const struct fk_shard *shards, size_t n,
                                  const char ***out, struct fk_err *err) {
    enum { NAME = 16 };
    const size_t len = strlen(index) + NAME;
    const char **paths = malloc((n + 1) * (sizeof *paths + len));
    if (!paths)
        return fk_fail(err, FK_NOMEM, "the index: out of memory");
    char *text = (char *)(paths + n + 1);
    for (size_t i = 0; i < n; i++) {
        paths[i] = text + i * len;
        snprintf(text + i * len, len, "%s/db.%u", index, shards[i].number);
    }
    *out = paths;
    return FK_OK;
}

static enum fk_status file_bytes(void *ctx, const char *dir, const char *name, struct fk_err *err) {
    char path[FK_PLACE_PATH];
    struct stat s;
    uint64_t *sum = ctx;
    enum fk_status st = fk_join_path(path, sizeof path, dir, name, err);
    if (st == FK_OK && stat(path, &s) != 0)
        return fk_fail_sys(err, errno, "cannot ask for the size of %s", path);
    if (st == FK_OK)
        *sum += (uint64_t)s.st_size;
    return st;
}

enum fk_status fk_place__bytes(const struct fk_place *p, const struct fk_shard *from, size_t n,
                               uint64_t *bytes_out, struct fk_err *err) {
    char path[FK_PLACE_PATH];
    enum fk_status st = FK_OK;
    *bytes_out = 0;
    for (size_t i = 0; st == FK_OK && i < n; i++) {
        st = fk_place__path(p, from[i].number, path, err);
        if (st == FK_OK)
            st = names_each(path, file_bytes, bytes_out, err);
    }
    return st;
}

enum fk_status fk_place__merge(const struct fk_place *p, const struct fk_shard *from, size_t n,
                               unsigned number, struct fk_err *err) {
    enum fk_status st = FK_OK;
    char to[FK_PLACE_PATH];
    const char **paths = NULL;
    uint64_t documents = 0;
    for (size_t i = 0; i < n; i++)
        documents += from[i].documents;
    if (documents == 0)
        return FK_OK;
    FK_TRY(fk_place__path(p, number, to, err));
    FK_TRY(shard_paths(p->index, from, n, &paths, err));
    FK_TRY(fk_xmerge((const char *const *)paths, n, to, FK_SLOT_RECEIVED, err));
    FK_TRY(fk_sync_fs(p->index, err)); /* Xapian does not see to it when it merges */
done:
    free(paths);
    return st;
}

/* ---- reading */

static enum fk_status reader_open(const char *index, const struct fk_shards *shards,
                                  struct fk_xreader **out, struct fk_err *err) {
    const char **paths = NULL;
    struct fk_xreader *reader = NULL;
    enum fk_status st;
    FK_TRY(shard_paths(index, shards->at, shards->count, &paths, err));
    FK_TRY(fk_xreader_open((const char *const *)paths, shards->count, &reader, err));
    if (shards->superseded.count)
        FK_TRY(fk_xreader_hide(reader, shards->superseded.at, shards->superseded.count, err));
    *out = reader;
    reader = NULL;
done:
    free(paths);
    fk_xreader_close(&reader);
    return st == FK_NOT_FOUND ? fk_fail(err, FK_CORRUPT, "a file of it is missing") : st;
}

enum fk_status fk_place__reader(const struct fk_place *p, const struct fk_shards *shards,
                                struct fk_xreader **out, struct fk_err *err) {
    return reader_open(p->index, shards, out, err);
}

static enum fk_status open_once(const char *index, struct fk_xreader **reader, uint64_t *mark,
                                struct fk_err *err) {
    struct fk_shards shards = FK_SHARDS_NONE;
    enum fk_status st = current_read(index, &shards, err);
    if (st == FK_NOT_FOUND) {
        st = fk_fail(err, FK_NOT_FOUND, "%s is not there yet: run \"fumikura index\"", index);
        goto done;
    }
    if (st != FK_OK)
        goto done;
    if (shards.version != FK_TERMS_VERSION) {
        st = fk_fail(err, FK_RETRY,
                     "%s is of another version, and a search in it would miss messages: it is made "
                     "anew by \"fumikura index\" or a running server; ask again once that is done",
                     index);
        goto done;
    }
    *mark = shards.mark;
    st = reader_open(index, &shards, reader, err);
done:
    fk_shards__free(&shards);
    return st;
}

enum fk_status fk_index_open(const char *dir, struct fk_xreader **reader, uint64_t *mark,
                             struct fk_err *err) {
    enum { TRIES = 5 };
    char index[FK_PLACE_PATH];
    enum fk_status st = fk_join_path(index, sizeof index, dir, "index", err);
    for (int i = 0; st == FK_OK && i < TRIES; i++) {
        st = open_once(index, reader, mark, err);
        if (st != FK_CORRUPT)
            return st;
        if (i + 1 < TRIES)
            st = FK_OK; /* a shard was merged away after its name was read */
    }
    return fk_index_blame(st, dir, err);
}

bool fk_index_is_being_written(const char *dir) {
    char path[FK_PLACE_PATH];
    if (fk_join_path(path, sizeof path, dir, "index/lock", NULL) != FK_OK)
        return false;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    const bool is_locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
    fk_close(&fd);
    return is_locked;
}

/* ---- asking for a rebuild */

enum fk_status fk_index_ask_rebuild(const char *dir, struct fk_err *err) {
    char path[FK_PLACE_PATH];
    enum fk_status st = fk_join_path(path, sizeof path, dir, "index/rebuild", err);
    return st == FK_OK ? fk_atomic_put(path, 0600, "", 0, err) : st;
}

bool fk_index_rebuild_waits(const char *dir) {
    char path[FK_PLACE_PATH];
    return fk_join_path(path, sizeof path, dir, "index/rebuild", NULL) == FK_OK &&
           access(path, F_OK) == 0;
}

bool fk_place__rebuild_waits(const struct fk_place *p) {
    char path[FK_PLACE_PATH];
    return fk_join_path(path, sizeof path, p->index, "rebuild", NULL) == FK_OK &&
           access(path, F_OK) == 0;
}

enum fk_status fk_place__rebuild_done(const struct fk_place *p, struct fk_err *err) {
    char path[FK_PLACE_PATH];
    enum fk_status st = fk_join_path(path, sizeof path, p->index, "rebuild", err);
    if (st == FK_OK && unlink(path) != 0 && errno != ENOENT)
        st = fk_fail_sys(err, errno, "cannot remove %s", path);
    return st;
}
