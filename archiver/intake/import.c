/* import.c - from a path to messages: what kind of thing it is, and its bytes into memory files. */
#include "archiver/intake/import_priv.h"
#include "archiver/intake/mail_date.h"
#include "archiver/intake/mbox.h"
#include "base/clock.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_BYTES = 1 << 20, /* a longer line of an mbox is no From_ line */
    HEAD_BYTES = 65536,   /* as much of a message is looked at for its date */
    DEPTH_MAX = 64
};

struct import {
    const struct fk_import_options *options;
    struct fk_import_window window;
    bool counting; /* the first pass, for the progress bar */
    uint64_t all_bytes, done_bytes;
    char *buffer;      /* READ_BYTES */
    enum fk_status st; /* what ends the import: a message was not taken */
    struct fk_err *err;

    const char *path; /* of the file in work */
    struct fk_buf from_line, head;
    struct fk_mailfile file;
    bool has_from_line, broken; /* broken: this message is not to be kept; the reason was told */
};

/* ---- one message */

static void message_begin(struct import *im, const char *from_line, size_t len) {
    fk_mailfile_drop(&im->file);
    fk_buf_reset(&im->head);
    fk_buf_reset(&im->from_line);
    fk_buf_add(&im->from_line, from_line, len);
    im->has_from_line = from_line != NULL;
    im->broken = im->st != FK_OK;
}

static void message_break(struct import *im, const char *reason) {
    im->broken = true;
    fk_mailfile_drop(&im->file);
    fk_import__refuse(&im->window, im->path, reason);
}

static void message_data(struct import *im, const void *data, size_t len) {
    struct fk_err err = FK_ERR_INIT;
    char reason[100];
    if (im->broken)
        return;
    if (im->head.len < HEAD_BYTES)
        fk_buf_add(&im->head, data, len < HEAD_BYTES ? len : HEAD_BYTES);
    if (im->file.bytes + len > im->options->size_limit) {
        snprintf(reason, sizeof reason, "a message of over %llu bytes; raise in-flight for it",
                 (unsigned long long)im->options->size_limit);
        message_break(im, reason);
    } else if (fk_mailfile_add(&im->file, data, len, &err) != FK_OK) {
        message_break(im, err.text);
    }
}

/* Before the buffer is used again. */
static void message_settle(struct import *im) {
    struct fk_err err = FK_ERR_INIT;
    if (!im->broken && fk_mailfile_settle(&im->file, &err) != FK_OK)
        message_break(im, err.text);
}

static void envelope_make(struct import *im, struct fk_buf *fields) {
    char text[FK_TIME_SIZE];
    int64_t derived;
    const char *from_line = im->has_from_line ? (const char *)im->from_line.data : NULL;
    fk_time_format(text, fk_now_ms());
    fk_fields_add_str(fields, "received", text);
    fk_fields_add_str(fields, "via", "import");
    fk_fields_add_str(fields, "origin", im->path);
    if (im->has_from_line)
        fk_fields_add(fields, "from-line", im->from_line.data, im->from_line.len);
    if (fk_mail_date_derive(from_line, im->from_line.len, (const char *)im->head.data, im->head.len,
                            &derived)) {
        fk_time_format(text, derived);
        fk_fields_add_str(fields, "date-derived", text);
    }
    fields->failed |= im->from_line.failed || im->head.failed;
}

static void message_end(struct import *im) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf fields = FK_BUF_INIT;
    if (im->broken)
        return;
    envelope_make(im, &fields);
    if (fk_mailfile_finish(&im->file, &fields, &err) != FK_OK)
        message_break(im, err.text);
    else
        im->st = fk_import__window_add(&im->window, im->path, &im->file, im->err);
    fk_buf_free(&fields);
}

static void mbox_begin(void *ctx, const char *from_line, size_t len) {
    message_begin(ctx, from_line, len);
}

static void mbox_data(void *ctx, const void *data, size_t len) {
    message_data(ctx, data, len);
}

static void mbox_end(void *ctx) {
    message_end(ctx);
}

/* ---- one file */

/* Whole lines of buffer[0..len) to the mbox; returns how many bytes are left at the buffer's end. A
 * line that fills the buffer, and the last one, go as they are. */
static size_t lines_take(struct import *im, struct fk_mbox *m, size_t len, bool last) {
    size_t at = 0;
    while (at < len) {
        const char *lf = memchr(im->buffer + at, '\n', len - at);
        size_t n = lf ? (size_t)(lf - im->buffer) + 1 - at : len - at;
        if (!lf && !last && (at || len < READ_BYTES))
            break;
        fk_mbox_take(m, im->buffer + at, n);
        at += n;
    }
    message_settle(im);
    memmove(im->buffer, im->buffer + at, len - at);
    return len - at;
}

/* Some programs save a message with its From_ line; named .eml its bytes are the message all the
 * same. */
static bool is_named_eml(const char *path) {
    size_t len = strlen(path);
    return len >= 4 && strcasecmp(path + len - 4, ".eml") == 0;
}

static bool looks_like_mbox(const char *data, size_t len) {
    const char *lf = memchr(data, '\n', len);
    return lf && fk_mbox_is_from_line(data, (size_t)(lf - data));
}

static bool more_read(struct import *im, int fd, size_t *len, bool *end) {
    ssize_t n;
    do
        n = read(fd, im->buffer + *len, READ_BYTES - *len);
    while (n < 0 && errno == EINTR);
    *end = n == 0;
    if (n < 0)
        return false;
    *len += (size_t)n;
    im->done_bytes += (uint64_t)n;
    if (im->options->progress)
        im->options->progress(im->options->ctx, im->done_bytes, im->all_bytes);
    return true;
}

static void file_read(struct import *im, int fd, bool may_be_mbox) {
    static const struct fk_mbox_sink sink = {mbox_begin, mbox_data, mbox_end};
    struct fk_mbox m = {.sink = &sink, .ctx = im};
    size_t len = 0;
    bool end = false, is_mbox = false, first = true;
    while (!end && im->st == FK_OK) {
        if (!more_read(im, fd, &len, &end)) {
            im->broken = true;
            fk_import__refuse(&im->window, im->path, strerror(errno));
            return;
        }
        if (first) {
            is_mbox = may_be_mbox && looks_like_mbox(im->buffer, len);
            if (!is_mbox)
                message_begin(im, NULL, 0);
        }
        first = false;
        if (is_mbox) {
            len = lines_take(im, &m, len, end);
        } else {
            message_data(im, im->buffer, len);
            message_settle(im);
            len = 0;
        }
    }
    if (is_mbox)
        fk_mbox_end(&m);
    else
        message_end(im);
}

/* The path may have become something else since it was looked at; a pipe would then hang us. */
static void file_import(struct import *im, const char *path, bool may_be_mbox) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat s;
    im->path = path;
    if (fd < 0 || fstat(fd, &s) != 0)
        fk_import__refuse(&im->window, path, strerror(errno));
    else if (!S_ISREG(s.st_mode))
        fk_import__refuse(&im->window, path, "not a file any more");
    else
        file_read(im, fd, may_be_mbox);
    fk_close(&fd);
}

/* ---- paths */

static void path_visit(struct import *im, const char *path, bool given, bool in_maildir, int depth);

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
static void skipped_tell(struct import *im, enum place place, const char *dir, char **names,
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

static void directory_visit(struct import *im, const char *dir, bool is_messages, int depth) {
    char **names, path[PATH_MAX];
    size_t n;
    if (depth == DEPTH_MAX || !names_read(dir, &names, &n)) {
        if (!im->counting)
            fk_import__refuse(&im->window, dir,
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
            fk_import__refuse(&im->window, dir, "a path in it is too long");
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
static void path_visit(struct import *im, const char *path, bool given, bool in_maildir,
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
        file_import(im, path, !in_maildir && !is_named_eml(path));
    if (refusal && !im->counting)
        fk_import__refuse(&im->window, path, refusal);
}

static void paths_visit(struct import *im, const char *const *paths, size_t count, bool counting) {
    im->counting = counting;
    for (size_t i = 0; i < count && im->st == FK_OK; i++)
        path_visit(im, paths[i], true, false, 0);
}

enum fk_status fk_import(const struct fk_import_options *options, const char *const *paths,
                         size_t count, struct fk_import_sum *out, struct fk_err *err) {
    struct fk_err unheard = FK_ERR_INIT;
    struct import *im = calloc(1, sizeof *im);
    if (!im || !(im->buffer = malloc(READ_BYTES))) {
        free(im);
        return fk_fail(err, FK_NOMEM, "no memory to import");
    }
    im->options = im->window.options = options;
    im->err = err ? err : &unheard;
    im->file = (struct fk_mailfile)FK_MAILFILE_INIT;
    im->st = fk_import__window_open(&im->window, im->err);
    if (im->st == FK_OK && options->progress)
        paths_visit(im, paths, count, true);
    paths_visit(im, paths, count, false);
    if (im->st == FK_OK)
        im->st = fk_import__window_drain(&im->window, im->err);
    enum fk_status st = im->st;
    *out = im->window.sum;
    fk_import__window_close(&im->window);
    fk_mailfile_drop(&im->file);
    fk_buf_free(&im->from_line);
    fk_buf_free(&im->head);
    free(im->buffer);
    free(im);
    return st;
}
