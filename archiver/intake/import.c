/* import.c - from paths to files: which of them are looked at, and in which order. */
#include "archiver/intake/import_priv.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 64 };

const char *fk_import_outcome_name(enum fk_import_outcome outcome) {
    static const char *const names[] = {"new", "same", "version", "earlier", "failed"};
    return names[outcome];
}

/* Some programs save a message with its From_ line; named .eml its bytes are the message all the
 * same. */
static bool is_named_eml(const char *path) {
    size_t len = strlen(path);
    return len >= 4 && strcasecmp(path + len - 4, ".eml") == 0;
}

/* ---- paths */

static void path_visit(struct fk_import_run *im, const char *path, bool given, bool in_maildir,
                       int depth);

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_free(char **names, size_t n) {
    while (n)
        free(names[--n]);
    free(names);
}

/* The names in a directory, sorted; false with errno. */
static bool names_read(const char *dir, char ***out, size_t *count_out) {
    DIR *d = opendir(dir);
    char **names = NULL;
    size_t n = 0, cap = 0;
    struct dirent *e = NULL;
    if (!d)
        return false;
    while (errno = 0, (e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (n == cap) {
            char **more = realloc(names, (cap = cap ? 2 * cap : 64) * sizeof *names);
            if (!more)
                break;
            names = more;
        }
        if (!(names[n] = strdup(e->d_name)))
            break;
        n++;
    }
    int saved = errno;
    closedir(d);
    errno = saved;
    if (saved) {
        names_free(names, n);
        return false;
    }
    if (n)
        qsort(names, n, sizeof *names, by_name);
    *out = names;
    *count_out = n;
    return true;
}

static bool is_directory(const char *dir, const char *name) {
    char path[PATH_MAX];
    struct stat s;
    return fk_join_path(path, sizeof path, dir, name, NULL) == FK_OK && stat(path, &s) == 0 &&
           S_ISDIR(s.st_mode);
}

enum place { PLAIN, MAILDIR, MESSAGES /* cur or new */ };

/* Which of a directory's names are looked at. */
static bool is_wanted(enum place place, const char *dir, const char *name) {
    if (place == MAILDIR)
        return strcmp(name, "tmp") != 0 && is_directory(dir, name);
    return name[0] != '.';
}

/* Every Maildir has a tmp; only one with something in it is worth a word. */
static bool is_empty_tmp(enum place place, const char *dir, const char *name) {
    char path[PATH_MAX], **names;
    size_t n;
    if (place != MAILDIR || strcmp(name, "tmp") != 0 || !is_directory(dir, name) ||
        fk_join_path(path, sizeof path, dir, name, NULL) != FK_OK || !names_read(path, &names, &n))
        return false;
    names_free(names, n);
    return n == 0;
}

/* What is passed over is told, a line a directory: somebody may have thought that it is mail. */
static void skipped_tell(struct fk_import_run *im, enum place place, const char *dir, char **names,
                         size_t n) {
    uint64_t count = 0;
    const char *first = NULL;
    if (im->counting || !im->options->skipped)
        return;
    for (size_t i = 0; i < n; i++) {
        if (is_wanted(place, dir, names[i]) || is_empty_tmp(place, dir, names[i]))
            continue;
        first = first ? first : names[i];
        count++;
    }
    if (count)
        im->options->skipped(im->options->ctx, dir, count, first,
                             place == MAILDIR ? "of a Maildir only cur, new and its folders are"
                                              : "names that begin with a dot are not");
}

static void directory_visit(struct fk_import_run *im, const char *dir, bool is_messages,
                            int depth) {
    char **names, path[PATH_MAX];
    size_t n;
    if (depth == DEPTH_MAX || !names_read(dir, &names, &n)) {
        if (!im->counting)
            fk_import__refuse(&im->window, dir, "",
                              depth == DEPTH_MAX ? "too many directories deep" : strerror(errno));
        return;
    }
    bool maildir = !is_messages && is_directory(dir, "cur") && is_directory(dir, "new");
    enum place place = is_messages ? MESSAGES : maildir ? MAILDIR : PLAIN;
    skipped_tell(im, place, dir, names, n);
    for (size_t i = 0; i < n && im->st == FK_OK; i++) {
        bool messages = maildir && (strcmp(names[i], "cur") == 0 || strcmp(names[i], "new") == 0);
        if (!is_wanted(place, dir, names[i]))
            continue;
        if (fk_join_path(path, sizeof path, dir, names[i], NULL) != FK_OK)
            fk_import__refuse(&im->window, dir, "", "a path in it is too long");
        else if (messages)
            directory_visit(im, path, true, depth + 1);
        else
            path_visit(im, path, false, is_messages, depth + 1);
    }
    names_free(names, n);
}

static const char *kind_of(mode_t mode) {
    return S_ISFIFO(mode)   ? "a named pipe, not a file"
           : S_ISSOCK(mode) ? "a socket, not a file"
                            : "a device, not a file";
}

/* Links to files are followed, links to directories only where they were given: they may go round.
 */
static void path_visit(struct fk_import_run *im, const char *path, bool given, bool in_maildir,
                       int depth) {
    struct stat s, link;
    const char *refusal = NULL;
    if (stat(path, &s) != 0 || lstat(path, &link) != 0)
        refusal = strerror(errno);
    else if (S_ISDIR(s.st_mode) && S_ISLNK(link.st_mode) && !given)
        refusal = "a link to a directory; give it by itself";
    else if (S_ISDIR(s.st_mode))
        directory_visit(im, path, false, depth);
    else if (!S_ISREG(s.st_mode))
        refusal = kind_of(s.st_mode);
    else if (im->counting)
        im->all_bytes += (uint64_t)s.st_size;
    else
        fk_import__file_import(im, path,
                               in_maildir || is_named_eml(path) ? FK_SHAPE_MESSAGE : FK_SHAPE_SEEN);
    if (refusal && !im->counting)
        fk_import__refuse(&im->window, path, "", refusal);
}

void fk_import__directory_read(struct fk_import_run *im, const char *dir) {
    directory_visit(im, dir, false, 0);
}

/* Twice, as other paths are, where there is a bar. */
void fk_import__subdirectories_read(struct fk_import_run *im, const char *dir) {
    char **names, path[PATH_MAX];
    size_t n;
    if (!names_read(dir, &names, &n)) {
        fk_import__refuse(&im->window, dir, "", strerror(errno));
        return;
    }
    for (int pass = im->options->progress ? 0 : 1; pass < 2; pass++) {
        im->counting = pass == 0;
        for (size_t i = 0; i < n && im->st == FK_OK; i++)
            if (is_directory(dir, names[i]) &&
                fk_join_path(path, sizeof path, dir, names[i], NULL) == FK_OK)
                path_visit(im, path, false, false, 0);
    }
    names_free(names, n);
}

static void paths_visit(struct fk_import_run *im, const char *const *paths, size_t count,
                        bool counting) {
    im->counting = counting;
    for (size_t i = 0; i < count && im->st == FK_OK; i++)
        path_visit(im, paths[i], true, false, 0);
}

static void run_free(struct fk_import_run *im) {
    fk_import__window_close(&im->window);
    fk_mailfile_drop(&im->file);
    fk_digest_free(&im->digest);
    fk_buf_free(&im->from_line);
    fk_buf_free(&im->head);
    fk_buf_free(&im->note);
    fk_buf_free(&im->remark);
    fk_buf_free(&im->fields);
    free(im->buffer);
    free(im);
}

enum fk_status fk_import__run_new(const struct fk_import_options *options,
                                  struct fk_import_run **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_import_run *im = calloc(1, sizeof *im);
    if (!im)
        return fk_fail(err, FK_NOMEM, "no memory to import");
    im->options = im->window.options = options;
    im->err = err;
    im->file = (struct fk_mailfile)FK_MAILFILE_INIT;
    im->buffer = malloc(FK_IMPORT_READ);
    if (!im->buffer)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory to import"));
    FK_TRY(fk_digest_new(FK_SHA256, &im->digest, err));
    FK_TRY(fk_import__window_open(&im->window, err));
    *out = im;
    im = NULL;
done:
    if (im)
        run_free(im);
    return st;
}

enum fk_status fk_import__run_end(struct fk_import_run **run, struct fk_import_sum *out) {
    struct fk_import_run *im = *run;
    if (im->st == FK_OK)
        im->st = fk_import__window_drain(&im->window, im->err);
    enum fk_status st = im->st;
    *out = im->window.sum;
    run_free(im);
    *run = NULL;
    return st;
}

enum fk_status fk_import(const struct fk_import_options *options, const char *const *paths,
                         size_t count, struct fk_import_sum *out, struct fk_err *err) {
    struct fk_err unheard = FK_ERR_INIT;
    struct fk_import_run *im = NULL;
    enum fk_status st = fk_import__run_new(options, &im, err ? err : &unheard);
    if (st != FK_OK)
        return st;
    if (options->progress)
        paths_visit(im, paths, count, true);
    paths_visit(im, paths, count, false);
    return fk_import__run_end(&im, out);
}
