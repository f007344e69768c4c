/* import_report.c - lines, a file of lines, a bar. */
#include "cli/import_report.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/json.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BAR = 20 };

/* A run that was killed may have left half a line at the end. */
static bool half_line_cut(FILE *f) {
    char block[4096];
    struct stat s;
    if (fstat(fileno(f), &s) != 0)
        return false;
    if (!S_ISREG(s.st_mode))
        return true;
    off_t end = s.st_size;
    while (end > 0) {
        size_t n = (size_t)(end < (off_t)sizeof block ? end : (off_t)sizeof block);
        ssize_t got = pread(fileno(f), block, n, end - (off_t)n);
        if (got != (ssize_t)n)
            return false;
        const char *lf = memrchr(block, '\n', n);
        if (lf) {
            end -= (off_t)n - (lf + 1 - block);
            break;
        }
        end -= (off_t)n;
    }
    return end == s.st_size || ftruncate(fileno(f), end) == 0;
}

enum fk_status cli_import_report_open(struct cli_import_report *r, const char *path, bool again,
                                      struct fk_err *err) {
    r->began_ms = fk_monotonic_ms();
    r->path = path;
    if (path && !(r->file = fopen(path, again ? "a+e" : "we")))
        return fk_fail_sys(err, errno, "%s: cannot write the report", path);
    if (r->file && again && !half_line_cut(r->file)) {
        enum fk_status st = fk_fail_sys(err, errno, "%s: cannot go on with the report", path);
        (void)fclose(r->file);
        r->file = NULL;
        return st;
    }
    return FK_OK;
}

enum fk_status cli_import_report_close(struct cli_import_report *r, struct fk_err *err) {
    if (!r->file)
        return FK_OK;
    bool good = fflush(r->file) == 0 && !ferror(r->file) && fsync(fileno(r->file)) == 0;
    int problem = errno;
    if (fclose(r->file) != 0 && good) {
        good = false;
        problem = errno;
    }
    r->file = NULL;
    /* a pipe or a device cannot be synced, and need not be */
    return good || problem == EINVAL
               ? FK_OK
               : fk_fail_sys(err, problem, "%s: the report is not complete", r->path);
}

static json_t *told_json(const struct fk_import_told *t) {
    json_t *j = json_object();
    if (t->seq != UINT64_MAX)
        json_object_set_new(j, "seq", cli_json_number(t->seq));
    if (*t->c256)
        json_object_set_new(j, "c256", json_string(t->c256));
    json_object_set_new(j, "path", cli_json_text(t->path, strlen(t->path)));
    if (*t->at)
        json_object_set_new(j, "at", cli_json_text(t->at, strlen(t->at)));
    json_object_set_new(j, "result", json_string(fk_import_outcome_name(t->outcome)));
    json_object_set_new(j, "kept", json_boolean(t->kept));
    if (t->first != UINT64_MAX)
        json_object_set_new(j, "first", cli_json_number(t->first));
    if (*t->reason)
        json_object_set_new(j, "reason", cli_json_text(t->reason, strlen(t->reason)));
    if (*t->note)
        json_object_set_new(j, "note", cli_json_text(t->note, strlen(t->note)));
    return j;
}

static void report_line(struct cli_import_report *r, json_t *j) {
    if (json_dumpf(j, r->file, JSON_COMPACT) != 0 || fputc('\n', r->file) == EOF)
        return; /* ferror says so at the end */
}

static void place_print(const struct fk_import_told *t) {
    cli_progress_end();
    fprintf(stderr, "fumikura: %s%s%s", t->path, *t->at ? ", " : "", t->at);
}

void cli_import_told(void *ctx, const struct fk_import_told *t) {
    struct cli_import_report *r = ctx;
    json_t *j = told_json(t);
    if (r->file)
        report_line(r, j);
    if (t->kept && r->json) {
        cli_json_line(j);
        j = NULL;
    } else if (t->kept) {
        printf("%" PRIu64 "\t%s\n", t->seq, t->c256);
    }
    json_decref(j);
    if (*t->reason) {
        place_print(t);
        fprintf(stderr, ": not imported: %s\n", t->reason);
    }
    if (*t->note) {
        place_print(t);
        fprintf(stderr, ": %s\n", t->note);
    }
}

void cli_import_skipped(void *ctx, const char *dir, uint64_t count, const char *first,
                        const char *rule) {
    struct cli_import_report *r = ctx;
    if (r->file) {
        json_t *j = json_object();
        json_object_set_new(j, "path", cli_json_text(dir, strlen(dir)));
        json_object_set_new(j, "result", json_string("skipped"));
        json_object_set_new(j, "count", cli_json_number(count));
        json_object_set_new(j, "first", cli_json_text(first, strlen(first)));
        json_object_set_new(j, "reason", json_string(rule));
        report_line(r, j);
        json_decref(j);
    }
    cli_progress_end();
    fprintf(stderr, "fumikura: %s: %" PRIu64 " %s not looked at (\"%s\"%s): %s\n", dir, count,
            count == 1 ? "name" : "names", first, count == 1 ? "" : " and others", rule);
}

/* "import [#####     ]  52 %, 1203 messages, 84.1 MB/s, 0:12 left" */
void cli_import_progress(void *ctx, uint64_t done, uint64_t all, uint64_t messages) {
    struct cli_import_report *r = ctx;
    char line[200], left[32] = "";
    if (!cli_progress_is_due(all && done >= all))
        return;
    double seconds = (double)(fk_monotonic_ms() - r->began_ms) / 1000,
           rate = seconds > 0 ? (double)done / seconds : 0;
    int filled = all && done < all ? (int)((double)done / (double)all * BAR) : all ? BAR : 0;
    if (rate > 0 && all > done) {
        unsigned long long s = (unsigned long long)((double)(all - done) / rate + 0.5);
        snprintf(left, sizeof left, ", %llu:%02llu left", s / 60, s % 60);
    }
    snprintf(line, sizeof line, "import [%.*s%*s] %3.0f %%, %" PRIu64 " messages, %.1f MB/s%s",
             filled, "####################", BAR - filled, "",
             all ? (double)(done < all ? done : all) * 100 / (double)all : 0, messages, rate / 1e6,
             left);
    cli_progress_line(line);
}

void cli_import_sum(struct cli_import_report *r, const struct fk_import_sum *sum) {
    const uint64_t *count = sum->count;
    if (r->file) {
        json_t *j = json_object(), *line = json_object();
        json_object_set_new(j, "read", cli_json_number(sum->read));
        for (int i = 0; i < FK_IMPORT_OUTCOMES; i++)
            json_object_set_new(j, fk_import_outcome_name((enum fk_import_outcome)i),
                                cli_json_number(count[i]));
        json_object_set_new(j, "kept", cli_json_number(sum->kept));
        json_object_set_new(j, "bytes", cli_json_number(sum->bytes));
        json_object_set_new(line, "sum", j);
        report_line(r, line);
        json_decref(line);
    }
    cli_progress_end();
    if (!r->file && !isatty(STDERR_FILENO) && !count[FK_IMPORT_FAILED] && !count[FK_IMPORT_EARLIER])
        return;
    double seconds = (double)(fk_monotonic_ms() - r->began_ms) / 1000;
    fprintf(stderr,
            "fumikura: read %" PRIu64 " messages, %.1f MB in %.1f s: %" PRIu64 " new, %" PRIu64
            " same, %" PRIu64 " versions, %" PRIu64 " brought before, %" PRIu64 " failed; %" PRIu64
            " kept\n",
            sum->read, (double)sum->bytes / 1e6, seconds, count[FK_IMPORT_NEW],
            count[FK_IMPORT_SAME], count[FK_IMPORT_VERSION], count[FK_IMPORT_EARLIER],
            count[FK_IMPORT_FAILED], sum->kept);
}
