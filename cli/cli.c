/* cli.c - what commands have in common: their errors, dates and progress. */
#include "cli/cli.h"
#include "base/clock.h"
#include "search/query_parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int cli_fail(const struct fk_err *err) {
    fprintf(stderr, "fumikura: %s\n", err->text);
    return fk_status_exit(err->status);
}

int cli_usage(const char *command, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "fumikura %s: ", command);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    const struct fk_command *c = cli_command(command);
    if (c)
        fprintf(stderr, "usage: fumikura %s %s\n", c->name, c->args);
    return 2;
}

bool cli_date(const char *text, bool end_of_period, int offset_minutes, int64_t *ms_out) {
    return fk_query_moment(text, end_of_period, offset_minutes, ms_out);
}

void cli_print_text(const char *text) {
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text, next = (unsigned char)text[1];
        const bool is_c1 = c == 0xc2 && next >= 0x80 && next < 0xa0; /* U+0080 to U+009F */
        putchar(c < 0x20 || c == 0x7f || is_c1 ? '?' : c);
        text += is_c1;
    }
}

enum fk_status cli_new_file_check(const char *path, struct fk_err *err) {
    struct stat st;
    const char *slash = strrchr(path, '/');
    char *dir = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    enum fk_status found = FK_OK;
    if (dir == NULL)
        return fk_fail(err, FK_NOMEM, "out of memory for a path");
    if (*path == 0 || (slash && slash[1] == 0))
        found = fk_fail(err, FK_INVALID, "\"%s\" is no name of a file", path);
    else if (lstat(path, &st) == 0)
        found = fk_fail(err, FK_INVALID, "%s is there already: name a new file", path);
    else if (errno != ENOENT)
        found = fk_fail(err, FK_INVALID, "%s: %s", path, strerror(errno));
    else if (access(dir, W_OK | X_OK) != 0)
        found = fk_fail(err, FK_INVALID, "%s cannot be made: %s: %s", path, dir, strerror(errno));
    free(dir);
    return found;
}

int cli_finish(int exit_status) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return exit_status;
    fprintf(stderr, "fumikura: cannot write the result: %s\n", strerror(errno));
    return exit_status ? exit_status : 75;
}

static bool bar_is_shown;

bool cli_progress_is_due(bool is_last) {
    static int64_t last_ms;
    int64_t now = fk_monotonic_ms();
    if (!isatty(STDERR_FILENO) || (now - last_ms < 100 && !is_last))
        return false;
    last_ms = now;
    return true;
}

void cli_progress_line(const char *text) {
    fprintf(stderr, "\r%-79s", text);
    bar_is_shown = true;
}

void cli_progress(const char *what, uint64_t done, uint64_t all) {
    enum { WIDTH = 40 };
    if (!cli_progress_is_due(done >= all))
        return;
    int filled = all ? (int)((double)done / (double)all * WIDTH) : WIDTH;
    fprintf(stderr, "\r%s [%.*s%*s] %llu of %llu ", what, filled > WIDTH ? WIDTH : filled,
            "########################################", WIDTH - filled, "",
            (unsigned long long)done, (unsigned long long)all);
    bar_is_shown = true;
}

void cli_progress_end(void) {
    if (bar_is_shown)
        fputc('\n', stderr);
    bar_is_shown = false;
}
