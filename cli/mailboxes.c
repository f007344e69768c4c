/* mailboxes.c - see mailboxes.h */
#include "cli/mailboxes.h"
#include "archiver/vault/fields.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/io.h"
#include "cli/config.h"
#include "cli/trouble.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { STATE_MAX = 8192 };

/* ---- where it is */

static void escaped_add(struct fk_buf *out, const char *text) {
    for (; *text; text++)
        if (isalnum((unsigned char)*text) || strchr("-._~", *text))
            fk_buf_byte(out, (uint8_t)*text);
        else
            fk_buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
}

void cli_mailbox_url(const struct fk_config_imap *box, struct fk_buf *out) {
    fk_buf_str(out, strcmp(box->tls, "implicit") == 0 ? "imaps://" : "imap://");
    escaped_add(out, box->user);
    fk_buf_printf(out, "@%s", box->host);
    if (box->port)
        fk_buf_printf(out, ":%u", box->port);
    fk_buf_str(out, "/");
    escaped_add(out, box->folder);
}

static void account_of(const struct fk_config_imap *box, char out[17]) {
    struct fk_buf url = FK_BUF_INIT;
    uint8_t digest[FK_SHA256_BYTES];
    cli_mailbox_url(box, &url);
    fk_sha256(url.data, url.len, digest);
    fk_hex(out, digest, 8);
    fk_buf_free(&url);
}

enum fk_status cli_password_read(const char *path, struct fk_buf *out, struct fk_err *err) {
    struct stat s;
    if (stat(path, &s) == 0 && (s.st_mode & 077))
        return fk_fail(err, FK_DENIED, "%s: others can read this password: chmod 600", path);
    enum fk_status st = fk_read_plain(path, 4096, out, err);
    if (st != FK_OK)
        return st;
    uint8_t *lf = memchr(out->data, '\n', out->len);
    if (lf)
        out->len = (size_t)(lf - out->data);
    if (out->len && out->data[out->len - 1] == '\r')
        out->len--;
    return out->len && !memchr(out->data, 0, out->len)
               ? FK_OK
               : fk_fail(err, FK_INVALID, "%s: its first line is no password", path);
}

/* ---- its file */

static enum fk_status state_path(const struct fk_cli *cli, const struct fk_config_imap *box,
                                 char out[PATH_MAX], struct fk_err *err) {
    char below[64];
    snprintf(below, sizeof below, "run/imap.%s", box->name);
    return fk_join_path(out, PATH_MAX, cli->dir, below, err);
}

static void field_take(struct cli_mailbox *m, const struct fk_field *f, const char *value) {
    const uint64_t n = strtoull(value, NULL, 10);
    if (fk_field_is(f, "account"))
        snprintf(m->account, sizeof m->account, "%s", value);
    else if (fk_field_is(f, "uidvalidity"))
        m->validity = (uint32_t)n;
    else if (fk_field_is(f, "next-uid"))
        m->next_uid = (uint32_t)n;
    else if (fk_field_is(f, "mark"))
        m->mark = n;
    else if (fk_field_is(f, "brought"))
        m->brought = n;
    else if (fk_field_is(f, "failed"))
        m->failed = n;
    else if (fk_field_is(f, "reason"))
        snprintf(m->reason, sizeof m->reason, "%s", value);
    else if (fk_field_is(f, "brought-at"))
        (void)fk_time_parse(value, &m->brought_ms); /* 0 stays where it is none */
    else if (fk_field_is(f, "asked-at"))
        (void)fk_time_parse(value, &m->asked_ms);
}

void cli_mailbox_read(const struct fk_cli *cli, const struct fk_config_imap *box,
                      struct cli_mailbox *out) {
    struct fk_buf text = FK_BUF_INIT, value = FK_BUF_INIT;
    struct cli_mailbox m = {.mark = 0};
    char path[PATH_MAX], account[17], name[64];
    account_of(box, account);
    if (state_path(cli, box, path, NULL) == FK_OK &&
        fk_read_file(path, STATE_MAX, &text, NULL) == FK_OK) {
        struct fk_fields it = fk_fields_begin(text.data, text.len);
        for (struct fk_field f; fk_fields_next(&it, &f);) {
            fk_buf_reset(&value);
            fk_field_value(&f, &value);
            field_take(&m, &f, fk_buf_cstr(&value));
        }
    }
    if (strcmp(m.account, account) != 0) {
        m = (struct cli_mailbox){.mark = 0};
        memcpy(m.account, account, sizeof account);
    }
    snprintf(name, sizeof name, "imap-trouble.%s", box->name);
    cli_trouble_read(cli, name, m.trouble, sizeof m.trouble);
    *out = m;
    fk_buf_free(&text);
    fk_buf_free(&value);
}

static void number_put(struct fk_buf *b, const char *name, uint64_t n) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, n);
    fk_fields_add_str(b, name, text);
}

static void time_put(struct fk_buf *b, const char *name, int64_t ms) {
    char text[FK_TIME_SIZE];
    fk_time_format(text, ms);
    if (ms)
        fk_fields_add_str(b, name, text);
}

enum fk_status cli_mailbox_put(const struct fk_cli *cli, const struct fk_config_imap *box,
                               const struct cli_mailbox *m, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    char path[PATH_MAX];
    enum fk_status st;
    FK_TRY(state_path(cli, box, path, err));
    fk_fields_add_str(&b, "account", m->account);
    number_put(&b, "uidvalidity", m->validity);
    number_put(&b, "next-uid", m->next_uid);
    number_put(&b, "mark", m->mark);
    number_put(&b, "brought", m->brought);
    number_put(&b, "failed", m->failed);
    if (*m->reason)
        fk_fields_add_str(&b, "reason", m->reason);
    time_put(&b, "brought-at", m->brought_ms);
    time_put(&b, "asked-at", m->asked_ms);
    st = b.failed ? fk_fail(err, FK_NOMEM, "no memory for %s", path)
                  : fk_atomic_put(path, 0644, b.data, b.len, err);
done:
    fk_buf_free(&b);
    return st;
}

/* ---- shown */

static json_t *time_json(int64_t ms) {
    char text[FK_TIME_SIZE];
    fk_time_format(text, ms);
    return ms ? json_string(text) : json_null();
}

static json_t *text_json(const char *text) {
    return *text ? cli_json_text(text, strlen(text)) : json_null();
}

json_t *cli_mailboxes_json(const struct fk_cli *cli) {
    const struct fk_config *c = cli->config;
    json_t *list = json_array();
    for (size_t i = 0; i < c->mailbox_count; i++) {
        struct cli_mailbox m;
        cli_mailbox_read(cli, &c->mailboxes[i], &m);
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", c->mailboxes[i].name,
                      "journal", c->mailboxes[i].journal, "delete", c->mailboxes[i].delete_after,
                      "brought", cli_json_number(m.brought), "brought_at", time_json(m.brought_ms),
                      "asked_at", time_json(m.asked_ms), "failed", cli_json_number(m.failed),
                      "reason", text_json(m.reason), "trouble", text_json(m.trouble)));
    }
    return list;
}

void cli_mailboxes_print(const struct fk_cli *cli) {
    const struct fk_config *c = cli->config;
    for (size_t i = 0; i < c->mailbox_count; i++) {
        struct cli_mailbox m;
        cli_mailbox_read(cli, &c->mailboxes[i], &m);
        printf("mailbox %s: %" PRIu64 " messages brought", c->mailboxes[i].name, m.brought);
        if (m.asked_ms)
            printf(", asked %lld s ago", (long long)(fk_now_ms() - m.asked_ms) / 1000);
        if (m.failed) {
            printf("; %" PRIu64 " not taken and left there: ", m.failed);
            cli_print_text(m.reason);
        }
        if (*m.trouble) {
            printf("; ");
            cli_print_text(m.trouble);
        }
        printf("\n");
    }
}
