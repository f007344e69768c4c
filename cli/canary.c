/* canary.c - see canary.h */
#include "cli/canary.h"
#include "archiver/vault/submit.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/io.h"
#include "base/log.h"
#include "cli/config.h"
#include "cli/trouble.h"
#include "indexer/store/state.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"

#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SECONDS = 30, STATE_MAX = 512, TOKEN_BYTES = 16, KEY_BYTES = 32 };

/* ---- state */

static enum fk_status state_path(const struct fk_cli *cli, const char *name, char out[PATH_MAX],
                                 struct fk_err *err) {
    char below[NAME_MAX];
    snprintf(below, sizeof below, "run/canary.%s", name);
    return fk_join_path(out, PATH_MAX, cli->dir, below, err);
}

static void alarm_put(const struct fk_cli *cli, const char *name, const struct fk_err *why) {
    char file[NAME_MAX];
    snprintf(file, sizeof file, "canary-alarm.%s", name);
    cli_trouble_put(cli, file, why);
}

void cli_canary_read(const struct fk_cli *cli, const char *name, struct cli_canary *out) {
    char path[PATH_MAX], sent[FK_TIME_SIZE], file[NAME_MAX];
    struct fk_buf text = FK_BUF_INIT;
    struct cli_canary c = {.state = "none"};
    *out = c;
    if (state_path(cli, name, path, NULL) == FK_OK &&
        fk_read_file(path, STATE_MAX, &text, NULL) == FK_OK &&
        sscanf(fk_buf_cstr(&text), "%11s %24s %383s %" SCNu64 " %" SCNu64, c.state, sent, c.id,
               &c.seq, &c.took_ms) == 5 &&
        fk_time_parse(sent, &c.sent_ms))
        *out = c;
    snprintf(file, sizeof file, "canary-alarm.%s", name);
    cli_trouble_read(cli, file, out->alarm, sizeof out->alarm);
    fk_buf_free(&text);
}

static enum fk_status state_put(const struct fk_cli *cli, const char *name,
                                const struct cli_canary *c, struct fk_err *err) {
    char path[PATH_MAX], sent[FK_TIME_SIZE], text[STATE_MAX];
    enum fk_status st = state_path(cli, name, path, err);
    fk_time_format(sent, c->sent_ms);
    int len = snprintf(text, sizeof text, "%s %s %s %" PRIu64 " %" PRIu64 "\n", c->state, sent,
                       *c->id ? c->id : "-", c->seq, c->took_ms);
    return st == FK_OK ? fk_atomic_put(path, 0644, text, (size_t)len, err) : st;
}

static bool state_is(const struct cli_canary *c, const char *state) {
    return strcmp(c->state, state) == 0;
}

bool cli_canary_is_waiting(const struct cli_canary *c) {
    return state_is(c, "waiting") || state_is(c, "missing");
}

/* Not while one is on its way: each is judged before the next. A clock that was set back: now. */
bool cli_canary_is_due(const struct fk_config_canary *k, const struct cli_canary *c) {
    int64_t age_ms = fk_now_ms() - c->sent_ms;
    return !state_is(c, "waiting") &&
           (state_is(c, "none") || age_ms >= (int64_t)k->interval_s * 1000 || age_ms < 0);
}

static enum fk_status fact_append(struct fk_keep *keep, const char *name,
                                  const struct cli_canary *c, struct fk_err *err) {
    char sent[FK_TIME_SIZE];
    struct fk_buf fields = FK_BUF_INIT;
    struct fk_receipt receipt;
    if (!keep)
        return FK_OK;
    fk_time_format(sent, c->sent_ms);
    fk_buf_printf(&fields, "what=canary name=%s result=%s", name, c->state);
    if (c->seq)
        fk_buf_printf(&fields, " of=%" PRIu64, c->seq);
    fk_buf_printf(&fields, " sent=%s", sent);
    if (c->seq)
        fk_buf_printf(&fields, " took=%" PRIu64, c->took_ms);
    enum fk_status st =
        fk_buf_cstr(&fields)[0]
            ? fk_keep_append(keep, &(struct fk_record){"fact", fk_buf_cstr(&fields), NULL},
                             &receipt, err)
            : fk_fail(err, FK_NOMEM, "no memory for a fact");
    fk_buf_free(&fields);
    return st;
}

/* ---- the message */

/* 32 random bytes in a file of their own: what they sign is only ever recognised by hand. */
static enum fk_status key_get(const struct fk_cli *cli, uint8_t key[KEY_BYTES],
                              struct fk_err *err) {
    char path[PATH_MAX], hex[2 * KEY_BYTES + 1];
    struct fk_buf text = FK_BUF_INIT;
    enum fk_status st;
    FK_TRY(fk_join_path(path, sizeof path, cli->dir, "run/canary-key", err));
    st = fk_read_file(path, sizeof hex, &text, NULL);
    if (st == FK_OK && fk_unhex(key, fk_buf_cstr(&text), KEY_BYTES))
        goto done;
    if (RAND_bytes(key, KEY_BYTES) != 1)
        FK_TRY(fk_fail(err, FK_IO, "no random numbers for a canary"));
    fk_hex(hex, key, KEY_BYTES);
    st = fk_atomic_put(path, 0600, hex, strlen(hex), err);
done:
    fk_buf_free(&text);
    return st;
}

static enum fk_status mac_make(const struct fk_cli *cli, const char *text, char hex[65],
                               struct fk_err *err) {
    uint8_t key[KEY_BYTES], mac[32];
    unsigned len = 0;
    enum fk_status st = key_get(cli, key, err);
    if (st != FK_OK)
        return st;
    if (!HMAC(EVP_sha256(), key, sizeof key, (const uint8_t *)text, strlen(text), mac, &len))
        return fk_fail(err, FK_NOMEM, "no memory to mark a canary");
    fk_hex(hex, mac, sizeof mac);
    return FK_OK;
}

static enum fk_status mail_make(const struct fk_cli *cli, const struct fk_config_canary *k,
                                struct cli_canary *c, struct fk_buf *mail, struct fk_err *err) {
    uint8_t token[TOKEN_BYTES];
    char hex[2 * TOKEN_BYTES + 1], mac[65], signs[128], date[64];
    struct tm tm;
    time_t now = (time_t)(c->sent_ms / 1000);
    enum fk_status st;
    if (RAND_bytes(token, sizeof token) != 1)
        return fk_fail(err, FK_IO, "no random numbers for a canary");
    fk_hex(hex, token, sizeof token);
    snprintf(signs, sizeof signs, "%s %s", k->name, hex);
    FK_TRY(mac_make(cli, signs, mac, err));
    snprintf(c->id, sizeof c->id, "canary.%s%s", hex, strrchr(k->from, '@'));
    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
    fk_buf_printf(mail, "From: <%s>\r\nTo: <%s>\r\nDate: %s\r\nMessage-ID: <%s>\r\n", k->from,
                  k->to, date, c->id);
    fk_buf_printf(mail,
                  "Subject: Fumikura canary %s\r\nX-Fumikura-Canary: %s %s\r\n"
                  "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                  "Content-Type: text/plain; charset=us-ascii\r\n\r\n",
                  k->name, signs, mac);
    fk_buf_str(mail, "This message was sent to see whether it arrives in the mail archive.\r\n"
                     "Nobody needs to read it or to answer it.\r\n");
    if (mail->failed)
        st = fk_fail(err, FK_NOMEM, "no memory for a canary");
done:
    return st;
}

/* Told and recorded once, however often it is tried again. */
static enum fk_status unsent(const struct fk_cli *cli, const struct fk_config_canary *k,
                             struct fk_keep *keep, struct cli_canary *c, const char *before,
                             const struct fk_err *why, struct fk_err *err) {
    snprintf(c->state, sizeof c->state, "unsent");
    c->seq = c->took_ms = 0;
    alarm_put(cli, k->name, why);
    enum fk_status st = state_put(cli, k->name, c, err);
    if (st == FK_OK && strcmp(before, "unsent") != 0)
        st = fact_append(keep, k->name, c, err);
    return st == FK_OK ? fk_fail(err, why->status, "%s", why->text) : st;
}

enum fk_status cli_canary_send(const struct fk_cli *cli, const struct fk_config_canary *k,
                               struct fk_keep *keep, bool (*stop)(void *ctx), void *ctx,
                               struct cli_canary *c, struct fk_err *err) {
    struct fk_buf mail = FK_BUF_INIT;
    struct fk_err why = FK_ERR_INIT;
    char before[sizeof c->state], run[PATH_MAX];
    enum fk_status st;
    memcpy(before, c->state, sizeof before);
    c->sent_ms = fk_now_ms();
    FK_TRY(fk_join_path(run, sizeof run, cli->dir, "run", err));
    FK_TRY(fk_make_dir(run, 0755, err));
    FK_TRY(mail_make(cli, k, c, &mail, err));
    const struct fk_submission s = {.via = k->send_via,
                                    .hello = cli->config->hostname,
                                    .from = k->from,
                                    .to = k->to,
                                    .mail = &mail,
                                    .seconds = SECONDS,
                                    .stop = stop,
                                    .ctx = ctx};
    if (fk_submit(&s, &why) != FK_OK) {
        st = unsent(cli, k, keep, c, before, &why, err);
        goto done;
    }
    snprintf(c->state, sizeof c->state, "waiting");
    c->seq = c->took_ms = 0;
    st = state_put(cli, k->name, c, err);
done:
    fk_buf_free(&mail);
    return st;
}

/* ---- arrival */

/* FK_NOT_FOUND: it is not in the index. mark_out: how far the index has read. */
static enum fk_status index_find(const struct fk_cli *cli, const char *id, uint64_t *seq_out,
                                 uint64_t *mark_out, struct fk_err *err) {
    char term[sizeof((struct cli_canary *)0)->id + 4];
    struct fk_xreader *reader = NULL;
    struct fk_xquery *query = NULL;
    struct fk_xhits hits = {.count = 0};
    enum fk_status st;
    *mark_out = 0;
    FK_TRY(fk_index_open(cli->dir, &reader, mark_out, err));
    snprintf(term, sizeof term, FK_P_MSGID "%.*s", FK_WHOLE_MAX, id);
    query = fk_xquery_term(term, strlen(term));
    FK_TRY(fk_xreader_search(reader, query, FK_SLOT_RECEIVED, 0, 1, &hits, err));
    if (hits.count)
        *seq_out = hits.docids[0];
    else
        st = FK_NOT_FOUND;
done:
    fk_xquery_free(&query);
    fk_xreader_close(&reader);
    return st;
}

static enum fk_status arrived(const struct fk_cli *cli, const struct fk_config_canary *k,
                              struct fk_keep *keep, uint64_t seq, struct cli_canary *c,
                              struct fk_err *err) {
    bool late = state_is(c, "missing");
    c->seq = seq;
    c->took_ms = (uint64_t)(fk_now_ms() > c->sent_ms ? fk_now_ms() - c->sent_ms : 0);
    snprintf(c->state, sizeof c->state, "%s", late ? "late" : "arrived");
    enum fk_status st = fact_append(keep, k->name, c, err);
    if (st == FK_OK)
        st = state_put(cli, k->name, c, err);
    if (st == FK_OK)
        alarm_put(cli, k->name, NULL);
    return st;
}

static enum fk_status missing(const struct fk_cli *cli, const struct fk_config_canary *k,
                              struct fk_keep *keep, struct cli_canary *c, struct fk_err *err) {
    struct fk_err why = FK_ERR_INIT;
    char when[FK_TIME_SIZE];
    fk_time_local(when, c->sent_ms, cli->config->zone_minutes);
    (void)fk_fail(&why, FK_NOT_FOUND,
                  "canary \"%s\", sent %s by %s, did not arrive in the archive within %u s; its "
                  "Message-ID is <%s>: look for it in the mail server's log",
                  k->name, when, k->send_via, k->deadline_s, c->id);
    fk_log(FK_LOG_ERROR, "%s", why.text);
    snprintf(c->state, sizeof c->state, "missing");
    enum fk_status st = fact_append(keep, k->name, c, err);
    if (st == FK_OK)
        st = state_put(cli, k->name, c, err);
    if (st == FK_OK)
        alarm_put(cli, k->name, &why);
    return st;
}

enum fk_status cli_canary_look(const struct fk_cli *cli, const struct fk_config_canary *k,
                               struct fk_keep *keep, const struct fk_head *head,
                               struct cli_canary *c, struct fk_err *err) {
    uint64_t seq = 0, mark = 0;
    bool over = fk_now_ms() - c->sent_ms > (int64_t)k->deadline_s * 1000;
    if (!cli_canary_is_waiting(c))
        return FK_OK;
    enum fk_status st = index_find(cli, c->id, &seq, &mark, err);
    if (st == FK_OK)
        return arrived(cli, k, keep, seq, c, err);
    if (st != FK_NOT_FOUND)
        return st;
    if (state_is(c, "waiting") && over && mark >= head->next_seq)
        return missing(cli, k, keep, c, err);
    return FK_OK;
}

/* ---- for people and programs */

void cli_canaries_print(const struct fk_cli *cli) {
    for (size_t i = 0; i < cli->config->canary_count; i++) {
        const char *name = cli->config->canaries[i].name;
        struct cli_canary c;
        char when[FK_TIME_SIZE];
        cli_canary_read(cli, name, &c);
        fk_time_local(when, c.sent_ms, cli->config->zone_minutes);
        printf("canary %s: ", name);
        if (state_is(&c, "none"))
            printf("none sent yet");
        else
            printf("%s, sent %s", c.state, when);
        if (c.seq)
            printf(", entry %" PRIu64 ", after %" PRIu64 " ms", c.seq, c.took_ms);
        printf("%s", *c.alarm ? "; " : "");
        cli_print_text(c.alarm);
        printf("\n");
    }
}

json_t *cli_canaries_json(const struct fk_cli *cli) {
    json_t *list = json_array();
    for (size_t i = 0; i < cli->config->canary_count; i++) {
        struct cli_canary c;
        char sent[FK_TIME_SIZE];
        cli_canary_read(cli, cli->config->canaries[i].name, &c);
        fk_time_format(sent, c.sent_ms);
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "canary",
                                        cli->config->canaries[i].name, "state", c.state, "sent",
                                        state_is(&c, "none") ? json_null() : json_string(sent),
                                        "seq", c.seq ? cli_json_number(c.seq) : json_null(), "took",
                                        c.seq ? cli_json_number(c.took_ms) : json_null(), "trouble",
                                        cli_json_text(c.alarm, strlen(c.alarm))));
    }
    return list;
}
