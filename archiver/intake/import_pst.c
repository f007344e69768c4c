/* import_pst.c - Outlook's PST and OST files. They hold no messages as they were received: readpst
 * makes some of the properties that are left, and their envelope says so. */
#include "archiver/intake/import_priv.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LOOK_MS = 50,
    LEAST_S = 120, /* and a second more for each MiB */
    GROWTH = 4,    /* times the file's bytes, ... */
    GROWTH_FREE_MIB = 256,
    LOG_MAX = 1 << 20,
    PST_HEADER = 192
};

bool fk_import__is_pst(const void *head, size_t len) {
    return len >= 4 && memcmp(head, "!BDN", 4) == 0;
}

/* [MS-PST] 2.2.2.6 and 2.2.2.5: wVer at 10; ibFileEof at 184, or at 168 in the old form. 0: not
 * said. */
static uint64_t length_said(int fd) {
    uint8_t h[PST_HEADER];
    uint64_t n = 0;
    if (pread(fd, h, sizeof h, 0) != (ssize_t)sizeof h || memcmp(h + 8, "SM", 2) != 0)
        return 0; /* 8: wMagicClient */
    const bool is_new = (h[10] | h[11] << 8) >= 23;
    const uint8_t *at = h + (is_new ? 184 : 168);
    for (int i = is_new ? 7 : 3; i >= 0; i--)
        n = n << 8 | at[i];
    return n;
}

/* ---- the directory */

static int entry_remove(const char *path, const struct stat *s, int type, struct FTW *f) {
    (void)s, (void)type, (void)f;
    (void)remove(path); /* what stays is told by the last, the directory itself */
    return 0;
}

static enum fk_status scratch_make(const struct fk_import_run *run, char out[PATH_MAX],
                                   struct fk_err *err) {
    int n = snprintf(out, PATH_MAX, "%s/run/import", run->options->dir);
    if (n >= PATH_MAX - 12)
        return fk_fail(err, FK_INVALID, "%s: the path is too long", run->options->dir);
    enum fk_status st = fk_make_dir(out, 0700, err);
    memcpy(out + n, "/pst.XXXXXX", 12);
    if (st == FK_OK && !mkdtemp(out))
        st = fk_fail_sys(err, errno, "%s: cannot make a directory", out);
    return st;
}

/* ---- readpst */

struct reading {
    struct fk_import_run *run;
    const char *path;
    char scratch[PATH_MAX];
    uint64_t size, free_at_first;
    pid_t pid;
    const char *why; /* it was ended; NULL: it ended by itself */
    int status;
};

static uint64_t free_bytes(const char *dir) {
    struct statvfs s;
    return statvfs(dir, &s) == 0 ? (uint64_t)s.f_bavail * s.f_frsize : UINT64_MAX;
}

/* Time and room: a file that is made to be read for ever is not. */
static void reading_watch(struct reading *r, unsigned seconds) {
    const uint64_t most = r->size * GROWTH + ((uint64_t)GROWTH_FREE_MIB << 20);
    const int64_t until = fk_monotonic_ms() + (int64_t)seconds * 2000;
    while (waitpid(r->pid, &r->status, WNOHANG) == 0) {
        const uint64_t now = free_bytes(r->scratch);
        if (fk_monotonic_ms() >= until)
            r->why = "readpst took too long and was ended";
        else if (now < r->free_at_first && r->free_at_first - now > most)
            r->why = "readpst wrote more than 4 times the file and 256 MiB, and was ended";
        if (!r->why) {
            (void)poll(NULL, 0, LOOK_MS);
            continue;
        }
        (void)kill(r->pid, SIGKILL);
        while (waitpid(r->pid, &r->status, 0) < 0 && errno == EINTR)
            ;
        return;
    }
}

static enum fk_status reading_run(struct reading *r, int fd, struct fk_err *err) {
    char descriptor[12], limit[12];
    const unsigned seconds = LEAST_S + (unsigned)(r->size >> 20);
    const char *named = getenv("FUMIKURA_PROGRAM");
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0)
        return fk_fail_sys(err, errno, "cannot start readpst");
    snprintf(descriptor, sizeof descriptor, "%d", own);
    snprintf(limit, sizeof limit, "%u", seconds);
    const char *argv[] = {named && *named ? named : "/proc/self/exe",
                          "reconstruct",
                          descriptor,
                          r->scratch,
                          limit,
                          NULL};
    r->free_at_first = free_bytes(r->scratch);
    enum fk_status st = fk_spawn(argv, &own, 1, &r->pid, err);
    fk_close(&own);
    if (st == FK_OK)
        reading_watch(r, seconds);
    return st;
}

/* What it left out, of all folders: "\t"Inbox" - 13 items done, 2 items skipped." folder: the first
 * of them. It leaves out what is no mail and what it cannot read alike. */
static uint64_t skipped_count(const struct fk_buf *log, char folder[200]) {
    const char *at = (const char *)log->data, *end = at + log->len;
    uint64_t all = 0;
    *folder = 0;
    for (const char *lf; at < end; at = lf + 1) {
        if (!(lf = memchr(at, '\n', (size_t)(end - at))))
            lf = end;
        char line[400], name[200];
        unsigned long long done, skipped;
        snprintf(line, sizeof line, "%.*s", (int)(lf - at), at);
        if (sscanf(line, " \"%199[^\"]\" - %llu items done, %llu items skipped.", name, &done,
                   &skipped) != 3 ||
            !skipped)
            continue;
        if (!all)
            snprintf(folder, 200, "%s", name);
        all += skipped;
    }
    return all;
}

/* The first line of what it said is its version, the last one why it gave up. */
static void lines_find(const struct fk_buf *log, char version[80], char last[200]) {
    const char *at = (const char *)log->data, *end = at + log->len;
    *version = *last = 0;
    for (const char *lf; at < end; at = lf + 1) {
        if (!(lf = memchr(at, '\n', (size_t)(end - at))))
            lf = end;
        size_t n = 0;
        char line[200];
        for (const char *p = at; p < lf && n + 1 < sizeof line; p++)
            if (*p >= ' ' && *p <= '~')
                line[n++] = *p;
        line[n] = 0;
        if (n && !*version)
            snprintf(version, 80, "%.79s", line);
        if (n)
            memcpy(last, line, n + 1);
        if (lf == end)
            break;
    }
}

static bool has_failed(const struct reading *r) {
    return r->why || !WIFEXITED(r->status) || WEXITSTATUS(r->status) != 0;
}

/* What is left out of a file that seems whole may be damage or a calendar: told, and no failure. */
static void skipped_tell(const struct reading *r, uint64_t skipped, const char *folder) {
    const struct fk_import_options *o = r->run->options;
    if (skipped && o->skipped)
        o->skipped(o->ctx, r->path, skipped, folder,
                   "items of a PST that are no mail, or that readpst cannot read, are not");
}

static void outcome_tell(struct reading *r, const struct fk_buf *log, const char *last,
                         uint64_t said, uint64_t before) {
    char reason[400], folder[200];
    const uint64_t made = r->run->window.sum.read - before, skipped = skipped_count(log, folder);
    const bool failed = has_failed(r);
    if (!failed && said <= r->size) {
        skipped_tell(r, skipped, folder);
        return;
    }
    int n = snprintf(reason, sizeof reason, "%" PRIu64 " messages could be read of it", made);
    if (said > r->size)
        n += snprintf(reason + n, sizeof reason - (size_t)n,
                      "; it is cut short: %" PRIu64 " bytes of %" PRIu64, r->size, said);
    if (skipped)
        n += snprintf(reason + n, sizeof reason - (size_t)n,
                      "; %" PRIu64 " items are no mail or cannot be read", skipped);
    if (failed)
        snprintf(reason + n, sizeof reason - (size_t)n, "; %s%s",
                 r->why ? r->why : "readpst: ", r->why ? "" : last);
    fk_import__refuse(&r->run->window, r->path, "", reason);
}

/* Of a file that is not whole each message says so: what is missing may be a part of it. */
static void damage_add(const struct reading *r, uint64_t said, struct fk_buf *fields) {
    char text[80];
    if (said > r->size) {
        snprintf(text, sizeof text, "cut short: %" PRIu64 " bytes of %" PRIu64, r->size, said);
        fk_fields_add_str(fields, "origin-damaged", text);
    } else if (has_failed(r)) {
        fk_fields_add_str(fields, "origin-damaged", r->why ? r->why : "readpst failed on it");
    }
}

static void messages_take(struct reading *r, const char *version, uint64_t said) {
    struct fk_import_run *run = r->run;
    struct fk_buf more = FK_BUF_INIT;
    char out[PATH_MAX];
    const struct fk_buf *before = run->more;
    if (fk_join_path(out, sizeof out, r->scratch, "out", NULL) != FK_OK || access(out, F_OK) != 0)
        return;
    fk_fields_add_str(&more, "reconstructed", version);
    damage_add(r, said, &more);
    run->more = &more;
    run->scratch = out;
    run->scratch_of = r->path;
    fk_import__directory_read(run, out);
    run->more = before;
    run->scratch = run->scratch_of = NULL;
    fk_buf_free(&more);
}

void fk_import__pst_read(struct fk_import_run *run, int fd, uint64_t size) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf log = FK_BUF_INIT;
    struct reading r = {.run = run, .path = run->path, .size = size};
    char path[PATH_MAX], version[80], last[200];
    const uint64_t before = run->window.sum.read;
    if (scratch_make(run, r.scratch, &err) != FK_OK) {
        fk_import__refuse(&run->window, r.path, "", err.text);
        return;
    }
    if (reading_run(&r, fd, &err) != FK_OK) {
        fk_import__refuse(&run->window, r.path, "", err.text);
    } else {
        if (fk_join_path(path, sizeof path, r.scratch, "log", NULL) == FK_OK)
            (void)!fk_read_plain(path, LOG_MAX, &log, NULL); /* a longer one tells nothing */
        lines_find(&log, version, last);
        const uint64_t said = length_said(fd);
        messages_take(&r, version, said);
        run->path = r.path;
        outcome_tell(&r, &log, last, said, before);
    }
    fk_import__progress(run, size);
    fk_buf_free(&log);
    (void)nftw(r.scratch, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
    if (access(r.scratch, F_OK) == 0)
        fk_import__refuse(&run->window, r.path, "", "what readpst made could not be removed");
}
