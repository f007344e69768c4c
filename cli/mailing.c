/* mailing.c - one address: its state, and the sending. */
#include "cli/mailing.h"
#include "archiver/vault/logbook.h"
#include "archiver/vault/stamps.h"
#include "archiver/vault/submit.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/io.h"
#include "base/log.h"
#include "cli/config.h"
#include "cli/trouble.h"
#include "cli/config_value.h"
#include "cli/letter.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { SECONDS = 30, STAMP_MAX = 1 << 20, MAILED_MAX = 64 };

/* ---- state */

static void name_of(const char *what, const char *to, char out[32]) {
    uint8_t digest[FK_SHA256_BYTES];
    char id[9];
    fk_sha256(to, strlen(to), digest);
    fk_hex(id, digest, 4);
    snprintf(out, 32, "%s.%s", what, id);
}

static enum fk_status mailed_path(const struct fk_cli *cli, const char *to, char out[PATH_MAX],
                                  struct fk_err *err) {
    char name[32], below[40];
    name_of("mailed", to, name);
    snprintf(below, sizeof below, "run/%s", name);
    return fk_join_path(out, PATH_MAX, cli->dir, below, err);
}

/* What is not of the form counts as never: the mail goes once more. */
static void mailed_read(const char *text, struct cli_mailed *out) {
    char when[FK_TIME_SIZE], size[24];
    int64_t ms;
    uint64_t n;
    if (sscanf(text, "%24s %20s", when, size) == 2 && fk_time_parse(when, &ms) &&
        fk_value_number(size, &n)) {
        out->time_ms = ms;
        out->size = n;
    }
}

void cli_mailed(const struct fk_cli *cli, const char *to, struct cli_mailed *out) {
    char path[PATH_MAX], name[32];
    struct fk_buf b = FK_BUF_INIT;
    *out = (struct cli_mailed){.time_ms = 0};
    if (mailed_path(cli, to, path, NULL) == FK_OK &&
        fk_read_file(path, MAILED_MAX, &b, NULL) == FK_OK)
        mailed_read(fk_buf_cstr(&b), out);
    name_of("mail", to, name);
    cli_trouble_read(cli, name, out->trouble, sizeof out->trouble);
    fk_buf_free(&b);
}

/* A last time that lies ahead is of a clock that was set back: an interval ahead counts too. */
bool cli_mail_is_due(const struct fk_cli *cli, const struct cli_mailed *m) {
    const int64_t interval_ms = (int64_t)cli->config->mail_interval_s * 1000;
    const int64_t age_ms = fk_now_ms() - m->time_ms;
    return !m->time_ms || age_ms >= interval_ms || age_ms <= -interval_ms;
}

static enum fk_status mailed_put(const struct fk_cli *cli, const char *to, uint64_t size,
                                 struct fk_err *err) {
    char path[PATH_MAX], when[FK_TIME_SIZE], text[MAILED_MAX];
    enum fk_status st = mailed_path(cli, to, path, err);
    fk_time_format(when, fk_now_ms());
    snprintf(text, sizeof text, "%s %" PRIu64 "\n", when, size);
    return st == FK_OK ? fk_atomic_put(path, 0644, text, strlen(text), err) : st;
}

static void trouble_put(const struct fk_cli *cli, const char *to, const struct fk_err *why) {
    char name[32];
    name_of("mail", to, name);
    cli_trouble_put(cli, name, why);
}

/* ---- sending */

static enum fk_status time_file(const struct fk_cli *cli, const char *name, const char *end,
                                struct fk_buf *out, struct fk_err *err) {
    char path[PATH_MAX], file[FK_STAMP_NAME_MAX + 24];
    snprintf(file, sizeof file, "time/%s%s", name, end);
    enum fk_status st = fk_join_path(path, sizeof path, cli->dir, file, err);
    return st == FK_OK ? fk_read_file(path, STAMP_MAX, out, err) : st;
}

/* The newest of all authorities'. */
static enum fk_status stamp_take(const struct fk_cli *cli, struct cli_letter *l,
                                 struct fk_err *err) {
    struct fk_stamp_newest newest = {.time_ms = 0}, n;
    enum fk_status st = FK_OK;
    for (size_t i = 0; cli->config->timestamp[i]; i++) {
        FK_TRY(fk_stamps_newest(cli->dir, cli->config->timestamp[i], i == 0, &n, err));
        if (n.time_ms > newest.time_ms)
            newest = n;
    }
    if (!*newest.name)
        return FK_OK;
    FK_TRY(time_file(cli, newest.name, ".checkpoint", &l->stamped_note, err));
    FK_TRY(time_file(cli, newest.name, ".tsr", &l->stamp_reply, err));
    snprintf(l->stamp, sizeof l->stamp, "%s", newest.name);
done:
    return st;
}

static enum fk_status letter_send(const struct fk_cli *cli, struct cli_letter *l,
                                  bool (*stop)(void *ctx), void *ctx, struct fk_err *err) {
    struct fk_buf mail = FK_BUF_INIT;
    enum fk_status st;
    FK_TRY(stamp_take(cli, l, err));
    FK_TRY(cli_letter_write(l, &mail, err));
    const struct fk_submission s = {.via = cli->config->mail_via,
                                    .hello = cli->config->hostname,
                                    .from = l->from,
                                    .to = l->to,
                                    .mail = &mail,
                                    .seconds = SECONDS,
                                    .stop = stop,
                                    .ctx = ctx};
    FK_TRY(fk_submit(&s, err));
    FK_TRY(mailed_put(cli, l->to, l->checkpoint.size, err));
done:
    fk_buf_free(&mail);
    return st;
}

enum fk_status cli_mail_send(const struct fk_cli *cli, const char *to, bool (*stop)(void *ctx),
                             void *ctx, uint64_t *size_out, struct fk_err *err) {
    struct cli_letter l = {.from = cli->config->mail_from,
                           .to = to,
                           .now_ms = fk_now_ms(),
                           .zone_minutes = cli->config->zone_minutes};
    struct fk_err why = FK_ERR_INIT;
    char run[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_join_path(run, sizeof run, cli->dir, "run", &why));
    FK_TRY(fk_make_dir(run, 0755, &why));
    FK_TRY(fk_logbook_newest(cli->dir, NULL, &l.checkpoint, &l.note, &why));
    FK_TRY(fk_logbook_verifier(cli->dir, &l.key, &why));
    FK_TRY(letter_send(cli, &l, stop, ctx, &why));
    *size_out = l.checkpoint.size;
done:
    if (st != FK_NOT_FOUND && !(stop && stop(ctx)))
        trouble_put(cli, to, st == FK_OK ? NULL : &why);
    if (st != FK_OK)
        (void)fk_fail(err, st, "%s", why.text);
    cli_letter_free(&l);
    return st;
}

/* ---- for people and programs */

static long long age_s(const struct cli_mailed *m) {
    return (long long)((fk_now_ms() - m->time_ms) / 1000);
}

void cli_mailing_print(const struct fk_cli *cli) {
    for (char **to = cli->config->mail_to; *to; to++) {
        struct cli_mailed m;
        cli_mailed(cli, *to, &m);
        printf("checkpoint by mail to %s: ", *to);
        if (m.time_ms)
            printf("the first %" PRIu64 " entries, %lld s ago", m.size, age_s(&m));
        else
            printf("none sent yet");
        printf("%s", *m.trouble ? "; " : "");
        cli_print_text(m.trouble);
        printf("\n");
    }
}

json_t *cli_mailing_json(const struct fk_cli *cli) {
    json_t *list = json_array();
    for (char **to = cli->config->mail_to; *to; to++) {
        struct cli_mailed m;
        cli_mailed(cli, *to, &m);
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:o, s:o}", "to", *to, "size",
                                        m.time_ms ? cli_json_number(m.size) : json_null(), "age",
                                        m.time_ms ? json_integer(age_s(&m)) : json_null(),
                                        "trouble", cli_json_text(m.trouble, strlen(m.trouble))));
    }
    return list;
}
