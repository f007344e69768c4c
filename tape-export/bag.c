/* bag.c - files, manifests that follow them, and the order in which a bag becomes whole. */
#include "tape-export/bag.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "tape-export/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KINDS = 2, PENDING = 64 << 10, FOLDERS_MAX = 16 };
static const enum fk_digest_kind kinds[KINDS] = {FK_SHA256, FK_SHA512};
static const char *const manifests[KINDS] = {"manifest-sha256.txt", "manifest-sha512.txt"};
static const char tagmanifest[] = "tagmanifest-sha256.txt";

struct fk_bag {
    const char *dir;
    struct fk_summer *summer;
    struct fk_manifest tags; /* all that is not below data/, few */
    int fd[KINDS];           /* of the manifests */
    struct fk_buf pending[KINDS];
    char *folders[FOLDERS_MAX];
    size_t folder_count;
    struct fk_bag_sum sum;
    bool made_dir, whole;
};

/* ---- the target */

static bool of_the_file_system(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0;
}

enum fk_status fk_bag_target(const char *dir, struct fk_err *err) {
    char whole[PATH_MAX];
    struct dirent *e;
    DIR *d = opendir(dir);
    if (!d && errno == ENOENT)
        return fk_resolve_path(dir, whole, err);
    if (!d)
        return fk_fail(err, errno == ENOTDIR ? FK_INVALID : FK_IO, "%s: cannot open: %s", dir,
                       strerror(errno));
    enum fk_status st = FK_OK;
    while (st == FK_OK && (e = readdir(d)))
        if (!of_the_file_system(e->d_name))
            st = fk_fail(err, FK_INVALID,
                         "%s: there is something in it (%s); this needs an empty directory, or the "
                         "name of a new one",
                         dir, e->d_name);
    (void)closedir(d);
    return st;
}

/* ---- files */

struct fk_bag_file {
    char path[PATH_MAX], name[256];
    struct fk_summer *own, *summer; /* own: NULL where it is the bag's */
    int fd;
};

static enum fk_status file_open(struct fk_bag_file *f, const struct fk_bag *b, const char *name,
                                struct fk_err *err) {
    enum fk_status st;
    f->fd = -1;
    snprintf(f->name, sizeof f->name, "%s", name);
    FK_TRY(fk_join_path(f->path, sizeof f->path, b->dir, name, err));
    f->fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f->fd < 0)
        st = fk_fail_sys(err, errno, "%s: cannot make the file", f->path);
done:
    return st;
}

static enum fk_status file_add(struct fk_bag_file *f, const void *data, size_t len,
                               struct fk_err *err) {
    int injected = fk_fault("bag-write");
    if (injected)
        return fk_fail_sys(err, injected, "%s: cannot write", f->path);
    fk_summer_add(f->summer, data, len);
    return fk_write_full(f->fd, data, len, f->path, err);
}

/* What became of the writing, st, or of closing it. */
static enum fk_status file_close(struct fk_bag_file *f, enum fk_status st, struct fk_sum *out,
                                 struct fk_err *err) {
    fk_summer_end(f->summer, out);
    if (f->fd >= 0 && close(f->fd) != 0 && st == FK_OK)
        st = fk_fail_sys(err, errno, "%s: cannot write", f->path);
    if (st != FK_OK && f->fd >= 0)
        (void)unlink(f->path); /* a part of a message is of no use to anyone */
    f->fd = -1;
    return st;
}

static enum fk_status pending_write(struct fk_bag *b, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < KINDS && st == FK_OK; i++) {
        if (b->pending[i].failed)
            return fk_fail(err, FK_NOMEM, "%s: no memory for a list of files", b->dir);
        st = fk_write_full(b->fd[i], b->pending[i].data, b->pending[i].len, manifests[i], err);
        if (st == FK_OK)
            fk_buf_reset(&b->pending[i]);
    }
    return st;
}

static enum fk_status list(struct fk_bag *b, const char *name, const struct fk_sum *sum,
                           struct fk_err *err) {
    if (strncmp(name, "data/", 5) != 0)
        return fk_manifest_add(&b->tags, name, sum, err);
    b->sum.files++;
    b->sum.bytes += sum->bytes;
    fk_buf_printf(&b->pending[0], "%s  %s\n", sum->sha256, name);
    fk_buf_printf(&b->pending[1], "%s  %s\n", sum->sha512, name);
    return b->pending[1].len < PENDING ? FK_OK : pending_write(b, err);
}

enum fk_status fk_bag_put(struct fk_bag *b, const char *name, const struct fk_piece *pieces,
                          size_t count, struct fk_err *err) {
    struct fk_bag_file f = {.summer = b->summer};
    struct fk_sum sum;
    enum fk_status st = file_open(&f, b, name, err);
    for (size_t i = 0; i < count && st == FK_OK; i++)
        st = file_add(&f, pieces[i].data, pieces[i].len, err);
    st = file_close(&f, st, &sum, err);
    return st == FK_OK ? list(b, name, &sum, err) : st;
}

enum fk_status fk_bag_open(struct fk_bag *b, const char *name, struct fk_bag_file **out,
                           struct fk_err *err) {
    struct fk_bag_file *f = calloc(1, sizeof *f);
    enum fk_status st = f ? FK_OK : fk_fail(err, FK_NOMEM, "%s: no memory", name);
    FK_TRY(st);
    f->fd = -1;
    FK_TRY(fk_summer_new(&f->own, err));
    f->summer = f->own;
    FK_TRY(file_open(f, b, name, err));
    *out = f;
    f = NULL;
done:
    fk_bag_drop(&f);
    return st;
}

enum fk_status fk_bag_add(struct fk_bag_file *f, const void *data, size_t len, struct fk_err *err) {
    return file_add(f, data, len, err);
}

enum fk_status fk_bag_shut(struct fk_bag *b, struct fk_bag_file **fp, struct fk_err *err) {
    struct fk_sum sum;
    enum fk_status st = file_close(*fp, FK_OK, &sum, err);
    if (st == FK_OK)
        st = list(b, (*fp)->name, &sum, err);
    fk_bag_drop(fp);
    return st;
}

void fk_bag_drop(struct fk_bag_file **fp) {
    struct fk_bag_file *f = *fp;
    if (!f)
        return;
    if (f->fd >= 0) {
        fk_close(&f->fd);
        (void)unlink(f->path);
    }
    fk_summer_free(&f->own);
    free(f);
    *fp = NULL;
}

static enum fk_status tag_put(struct fk_bag *b, const char *name, const char *text,
                              struct fk_err *err) {
    return fk_bag_put(b, name, &(struct fk_piece){text, strlen(text)}, 1, err);
}

enum fk_status fk_bag_folder(struct fk_bag *b, const char *name, struct fk_err *err) {
    enum fk_status st = FK_OK;
    char path[PATH_MAX];
    FK_TRY(fk_join_path(path, sizeof path, b->dir, name, err));
    FK_TRY(fk_make_dir(path, 0700, err));
    if (b->folder_count == FOLDERS_MAX || !(b->folders[b->folder_count] = strdup(name)))
        FK_TRY(fk_fail(err, FK_NOMEM, "%s: too many directories", name));
    b->folder_count++;
done:
    return st;
}

/* ---- from the beginning to the end */

static enum fk_status manifests_begin(struct fk_bag *b, struct fk_err *err) {
    enum fk_status st = FK_OK;
    char path[PATH_MAX];
    for (size_t i = 0; i < KINDS; i++) {
        FK_TRY(fk_join_path(path, sizeof path, b->dir, manifests[i], err));
        b->fd[i] = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (b->fd[i] < 0)
            FK_TRY(fk_fail_sys(err, errno, "%s: cannot make the file", path));
    }
done:
    return st;
}

enum fk_status fk_bag_begin(const char *dir, const char *info, struct fk_bag **out,
                            struct fk_err *err) {
    struct fk_bag *b = calloc(1, sizeof *b);
    struct fk_buf text = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    if (!b)
        return fk_fail(err, FK_NOMEM, "%s: no memory", dir);
    b->dir = dir;
    b->fd[0] = b->fd[1] = -1;
    FK_TRY(fk_bag_target(dir, err));
    FK_TRY(fk_summer_new(&b->summer, err));
    b->made_dir = mkdir(dir, 0700) == 0;
    if (!b->made_dir && errno != EEXIST)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot make the directory", dir));
    fk_buf_printf(&text, "%sFumikura-State: being written\n", info);
    FK_TRY(tag_put(b, "bag-info.txt", fk_buf_cstr(&text), err));
    fk_manifest_free(&b->tags); /* it is listed when it is whole */
    FK_TRY(manifests_begin(b, err));
    FK_TRY(fk_bag_folder(b, "data", err));
    *out = b;
    b = NULL;
done:
    fk_buf_free(&text);
    fk_bag_close(&b);
    return st;
}

static enum fk_status info_write(struct fk_bag *b, const char *info, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf text = FK_BUF_INIT;
    char now[FK_TIME_SIZE], path[PATH_MAX];
    fk_time_format(now, fk_now_ms());
    fk_buf_printf(&text,
                  "Bag-Software-Agent: fumikura %s\nBagging-Date: %.10s\nPayload-Oxum: "
                  "%llu.%llu\n%s",
                  FK_VERSION, now, (unsigned long long)b->sum.bytes,
                  (unsigned long long)b->sum.files, info);
    FK_TRY(fk_join_path(path, sizeof path, b->dir, "bag-info.txt", err));
    if (unlink(path) != 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot be replaced", path));
    st = tag_put(b, "bag-info.txt", fk_buf_cstr(&text), err);
done:
    fk_buf_free(&text);
    return st;
}

/* One line of the manifest against the file it is about. */
static enum fk_status line_check(struct fk_bag *b, const char *line, size_t len,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    char path[PATH_MAX], name[512];
    struct fk_sum sum;
    int fd = -1;
    snprintf(name, sizeof name, "%.*s", (int)(len - 66), line + 66);
    FK_TRY(fk_join_path(path, sizeof path, b->dir, name, err));
    FK_TRY(fk_open_plain(AT_FDCWD, path, path, &fd, err));
    FK_TRY(fk_summer_file(b->summer, fd, path, &sum, err));
    if (memcmp(sum.sha256, line, 64) != 0)
        st = fk_fail(err, FK_CORRUPT, "%s: reads back as something else than was written", path);
done:
    fk_close(&fd);
    return st;
}

typedef enum fk_status (*line_fn)(struct fk_bag *b, const char *line, size_t len,
                                  struct fk_err *err);

/* The lines of the manifest, as they are on the disk. */
static enum fk_status manifest_walk(struct fk_bag *b, line_fn fn, fk_bag_progress_fn progress,
                                    void *ctx, struct fk_err *err) {
    enum fk_status st = FK_OK;
    char *line = NULL;
    size_t cap = 0;
    uint64_t done = 0;
    int fd = dup(b->fd[0]);
    FILE *f = fd >= 0 && lseek(fd, 0, SEEK_SET) == 0 ? fdopen(fd, "r") : NULL;
    if (!f) {
        st = fk_fail_sys(err, errno, "%s: cannot be read", manifests[0]);
        fk_close(&fd);
        return st;
    }
    for (ssize_t n; st == FK_OK && (n = getline(&line, &cap, f)) > 67; done++) {
        st = fn(b, line, (size_t)n - 1, err);
        if (progress)
            progress(ctx, "reading back", done, b->sum.files);
    }
    if (st == FK_OK && ferror(f))
        st = fk_fail_sys(err, errno, "%s: cannot be read", manifests[0]);
    (void)fclose(f); /* of a file that was read */
    free(line);
    return st;
}

/* Lists the manifests too, by what is on the disk. */
static enum fk_status manifests_end(struct fk_bag *b, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_sum sum;
    FK_TRY(pending_write(b, err));
    for (size_t i = 0; i < KINDS; i++) {
        FK_TRY(fk_summer_file(b->summer, b->fd[i], manifests[i], &sum, err));
        FK_TRY(fk_manifest_add(&b->tags, manifests[i], &sum, err));
        if (kinds[i] == FK_SHA256)
            memcpy(b->sum.manifest, sum.sha256, sizeof sum.sha256);
    }
done:
    return st;
}

enum fk_status fk_bag_end(struct fk_bag *b, const char *info, fk_bag_progress_fn progress,
                          void *ctx, struct fk_bag_sum *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf text = FK_BUF_INIT;
    char path[PATH_MAX];
    FK_TRY(
        tag_put(b, "bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", err));
    FK_TRY(info_write(b, info, err));
    FK_TRY(manifests_end(b, err));
    FK_TRY(fk_sync_fs(b->dir, err));
    FK_TRY(manifest_walk(b, line_check, progress, ctx, err));
    fk_manifest_write(&b->tags, FK_SHA256, &text);
    if (text.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a list of files"));
    FK_TRY(fk_join_path(path, sizeof path, b->dir, tagmanifest, err));
    FK_TRY(fk_atomic_put(path, 0600, text.data, text.len, err));
    *out = b->sum;
    b->whole = true;
done:
    fk_buf_free(&text);
    return st;
}

static enum fk_status line_remove(struct fk_bag *b, const char *line, size_t len,
                                  struct fk_err *err) {
    char path[PATH_MAX], name[512];
    snprintf(name, sizeof name, "%.*s", (int)(len - 66), line + 66);
    if (fk_join_path(path, sizeof path, b->dir, name, err) == FK_OK)
        (void)unlink(path);
    return FK_OK;
}

static void tag_remove(const struct fk_bag *b, const char *name) {
    char path[PATH_MAX];
    if (fk_join_path(path, sizeof path, b->dir, name, NULL) == FK_OK && remove(path) != 0)
        return; /* is not there, or has what is not ours */
}

/* What was written is mail in the clear. What cannot be removed is not whole, and says so. */
static void all_remove(struct fk_bag *b) {
    if (b->fd[0] >= 0) {
        for (size_t at = 0; at < b->pending[0].len;) { /* not in the manifest yet */
            const char *line = (const char *)b->pending[0].data + at;
            const char *lf = memchr(line, '\n', b->pending[0].len - at);
            size_t len = lf ? (size_t)(lf - line) : b->pending[0].len - at;
            (void)line_remove(b, line, len, NULL);
            at += len + 1;
        }
        (void)manifest_walk(b, line_remove, NULL, NULL, NULL);
    }
    for (size_t i = 0; i < b->tags.count; i++)
        tag_remove(b, b->tags.at[i].name);
    for (size_t i = 0; i < KINDS; i++)
        tag_remove(b, manifests[i]);
    for (size_t i = b->folder_count; i > 0; i--)
        tag_remove(b, b->folders[i - 1]);
    tag_remove(b, tagmanifest);
    tag_remove(b, "bag-info.txt");
    if (b->made_dir)
        (void)rmdir(b->dir);
}

void fk_bag_close(struct fk_bag **bp) {
    struct fk_bag *b = *bp;
    if (!b)
        return;
    if (!b->whole && b->summer && (b->made_dir || b->tags.count || b->fd[0] >= 0))
        all_remove(b);
    for (size_t i = 0; i < KINDS; i++) {
        fk_close(&b->fd[i]);
        fk_buf_free(&b->pending[i]);
    }
    while (b->folder_count > 0)
        free(b->folders[--b->folder_count]);
    fk_manifest_free(&b->tags);
    fk_summer_free(&b->summer);
    free(b);
    *bp = NULL;
}
