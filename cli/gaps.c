/* gaps.c - see gaps.h */
#include "cli/gaps.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "cli/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 128 };

/* ---- the sign of life */

static void alive_write(struct cli_gaps *g, const char *state, bool durable) {
    char path[PATH_MAX], now[FK_TIME_SIZE], line[LINE_MAX_BYTES];
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    int fd = -1;
    fk_time_format(now, fk_now_ms());
    int len = snprintf(line, sizeof line, "%s %-9s\n", now, state);
    FK_TRY(fk_join_path(path, sizeof path, g->cli->dir, "run/alive", &err));
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        FK_TRY(fk_fail_sys(&err, errno, "%s: cannot open", path));
    FK_TRY(fk_write_full(fd, line, (size_t)len, path, &err));
    if (durable && fsync(fd) != 0)
        FK_TRY(fk_fail_sys(&err, errno, "%s: cannot sync", path));
    g->written_ms = fk_monotonic_ms();
done:
    if (st != FK_OK) {
        static bool told;
        if (!told)
            fk_log(FK_LOG_WARNING, "%s; a gap may be told longer than it was", err.text);
        told = true;
        g->written_ms = fk_monotonic_ms();
    }
    fk_close(&fd);
}

void cli_gaps_begin(const struct fk_cli *cli, struct cli_gaps *out) {
    char path[PATH_MAX], when[FK_TIME_SIZE] = "", state[16] = "";
    struct fk_buf text = FK_BUF_INIT;
    *out = (struct cli_gaps){.cli = cli, .written_ms = INT64_MIN / 2};
    if (fk_join_path(path, sizeof path, cli->dir, "run/alive", NULL) == FK_OK &&
        fk_read_file(path, LINE_MAX_BYTES, &text, NULL) == FK_OK &&
        sscanf(fk_buf_cstr(&text), "%24s %15s", when, state) == 2 &&
        fk_time_parse(when, &out->down_ms))
        out->why = strcmp(state, "stopped") == 0 ? "stopped" : "crash";
    else
        out->down_ms = 0; /* the first server of this vault, or its directory run/ is new */
    fk_buf_free(&text);
}

void cli_gaps_tick(struct cli_gaps *g, const char *away) {
    if (away) {
        if (!g->down_ms) {
            g->down_ms = fk_now_ms();
            g->why = away;
        }
        return;
    }
    if (g->down_ms)
        cli_gap_put(g->cli, g->down_ms, fk_now_ms(), g->why);
    g->down_ms = 0;
    if (fk_monotonic_ms() - g->written_ms >= CLI_ALIVE_MS)
        alive_write(g, "receiving", false);
}

/* A gap that is going on began earlier than the stop, and stays as it stands in the file. */
void cli_gaps_stop(struct cli_gaps *g) {
    if (!g->down_ms)
        alive_write(g, "stopped", true);
}

/* ---- gaps on their way into the ledger */

void cli_gap_put(const struct fk_cli *cli, int64_t from_ms, int64_t to_ms, const char *why) {
    char path[PATH_MAX], name[48], from[FK_TIME_SIZE], to[FK_TIME_SIZE], line[LINE_MAX_BYTES];
    struct fk_err err = FK_ERR_INIT;
    if (to_ms - from_ms < (int64_t)cli->config->gap_min_s * 1000)
        return;
    fk_time_format(from, from_ms);
    fk_time_format(to, to_ms);
    snprintf(line, sizeof line, "%s %s %s\n", from, to, why);
    snprintf(name, sizeof name, "run/gap.%" PRId64, from_ms);
    fk_log(FK_LOG_WARNING, "not listening from %s to %s (%s)", from, to, why);
    if (fk_join_path(path, sizeof path, cli->dir, name, &err) != FK_OK ||
        fk_atomic_put(path, 0644, line, strlen(line), &err) != FK_OK)
        fk_log(FK_LOG_ERROR, "this gap will not be in the ledger: %s", err.text);
}

static bool is_word(const char *why) {
    return *why && strspn(why, "abcdefghijklmnopqrstuvwxyz-") == strlen(why);
}

/* Only people read it: what the ledger has stands there. */
static void last_put(const struct fk_cli *cli, const char *from, const char *to, const char *why,
                     uint64_t seq) {
    char path[PATH_MAX], line[LINE_MAX_BYTES];
    snprintf(line, sizeof line, "%s %s %s %" PRIu64 "\n", from, to, why, seq);
    if (fk_join_path(path, sizeof path, cli->dir, "run/last-gap", NULL) != FK_OK ||
        fk_atomic_put(path, 0644, line, strlen(line), NULL) != FK_OK)
        fk_log(FK_LOG_WARNING, "run/last-gap was not written");
}

static enum fk_status gap_record(const struct fk_cli *cli, struct fk_keep *keep, const char *path,
                                 struct fk_err *err) {
    char from[FK_TIME_SIZE], to[FK_TIME_SIZE], why[24], fields[160];
    struct fk_buf text = FK_BUF_INIT;
    struct fk_receipt receipt;
    int64_t ms;
    enum fk_status st;
    FK_TRY(fk_read_file(path, LINE_MAX_BYTES, &text, err));
    if (sscanf(fk_buf_cstr(&text), "%24s %24s %23s", from, to, why) == 3 &&
        fk_time_parse(from, &ms) && fk_time_parse(to, &ms) && is_word(why)) {
        snprintf(fields, sizeof fields, "from=%s to=%s why=%s", from, to, why);
        FK_TRY(fk_keep_append(keep, &(struct fk_record){"gap", fields, NULL}, &receipt, err));
        last_put(cli, from, to, why, receipt.seq);
    } else {
        fk_log(FK_LOG_WARNING, "%s: no gap in it; removed", path);
    }
    if (unlink(path) != 0)
        st = fk_fail_sys(err, errno, "%s: cannot remove", path);
done:
    fk_buf_free(&text);
    return st;
}

enum fk_status cli_gaps_record(const struct fk_cli *cli, struct fk_keep *keep, struct fk_err *err) {
    char run[PATH_MAX], path[PATH_MAX];
    enum fk_status st;
    DIR *dir = NULL;
    FK_TRY(fk_join_path(run, sizeof run, cli->dir, "run", err));
    dir = opendir(run);
    if (!dir)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot open", run));
    for (struct dirent *d; (d = readdir(dir));) {
        if (strncmp(d->d_name, "gap.", 4) != 0 ||
            strspn(d->d_name + 4, "0123456789") != strlen(d->d_name + 4))
            continue;
        FK_TRY(fk_join_path(path, sizeof path, run, d->d_name, err));
        FK_TRY(gap_record(cli, keep, path, err));
    }
done:
    if (dir)
        (void)closedir(dir);
    return st;
}

/* ---- for people and programs */

struct last {
    char from[FK_TIME_SIZE], to[FK_TIME_SIZE], why[24];
    int64_t from_ms, to_ms;
    uint64_t seq;
};

static bool last_read(const struct fk_cli *cli, struct last *l) {
    char path[PATH_MAX];
    struct fk_buf text = FK_BUF_INIT;
    bool good = fk_join_path(path, sizeof path, cli->dir, "run/last-gap", NULL) == FK_OK &&
                fk_read_file(path, LINE_MAX_BYTES, &text, NULL) == FK_OK &&
                sscanf(fk_buf_cstr(&text), "%24s %24s %23s %" SCNu64, l->from, l->to, l->why,
                       &l->seq) == 4 &&
                fk_time_parse(l->from, &l->from_ms) && fk_time_parse(l->to, &l->to_ms) &&
                is_word(l->why);
    fk_buf_free(&text);
    return good;
}

void cli_gaps_print(const struct fk_cli *cli) {
    const int zone = cli->config->zone_minutes;
    char from[FK_TIME_SIZE], to[FK_TIME_SIZE];
    struct last l;
    if (!last_read(cli, &l))
        return;
    fk_time_local(from, l.from_ms, zone);
    fk_time_local(to, l.to_ms, zone);
    printf("last gap: no mail was taken from %s to %s (%s), entry %" PRIu64 "\n", from, to, l.why,
           l.seq);
}

json_t *cli_gaps_json(const struct fk_cli *cli) {
    struct last l;
    if (!last_read(cli, &l))
        return json_null();
    return json_pack("{s:s, s:s, s:s, s:o}", "from", l.from, "to", l.to, "why", l.why, "entry",
                     cli_json_number(l.seq));
}
