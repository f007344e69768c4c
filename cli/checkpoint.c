/* checkpoint.c - the newest checkpoint by command; the process that makes them; the signer. */
#include "cli/checkpoint.h"
#include "archiver/vault/addition.h"
#include "archiver/vault/keep.h"
#include "archiver/vault/logbook.h"
#include "archiver/vault/sign_main.h"
#include "archiver/vault/signet.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "cli/config.h"
#include "cli/config_value.h"
#include "cli/cosign.h"
#include "cli/json.h"
#include "cli/letter.h"
#include "cli/mailing.h"
#include "cli/server.h"

#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum {
    LOOK_MS = 200,
    COSIGN_WAIT_MS = 3000,
    TICK_MS = 1000,
    IDLE_MS = 300000,
    TROUBLE_MS = 10000,
    GRACE_MS = 30000
};

static void notice(const struct fk_err *why) {
    fk_log(FK_LOG_WARNING, "%s", why->text);
}

/* ---- the newest one */

static enum fk_status make(const struct fk_cli *cli, struct fk_lend *lend,
                           struct cli_witnesses *witnesses, struct fk_err *err) {
    struct fk_sign *sign = NULL;
    struct fk_logbook *log = NULL;
    enum fk_status st;
    FK_TRY(fk_sign_open(cli->dir, &sign, err));
    FK_TRY(fk_logbook_open(cli->dir, lend, sign, notice, &log, err));
    FK_TRY(fk_logbook_advance(log, err));
    fk_logbook_close(&log);
    cli_cosign_once(cli, witnesses, notice);
done:
    fk_logbook_close(&log);
    fk_sign_close(&sign);
    return st;
}

enum fk_status cli_checkpoint_get(const struct fk_cli *cli, struct fk_lend *lend, uint64_t size,
                                  struct fk_checkpoint *out, struct fk_buf *note,
                                  struct fk_err *err) {
    const int64_t patience = (int64_t)cli->config->checkpoint_interval_s * 1000 + GRACE_MS;
    const int64_t until = fk_monotonic_ms() + patience;
    struct cli_witnesses witnesses;
    int64_t seen_ms = 0; /* when a checkpoint of that size was first there, cosigned or not */
    enum fk_status st = cli_witnesses_open(cli, &witnesses, err);
    if (st != FK_OK)
        return st;
    for (;;) {
        struct cli_server server;
        struct fk_checkpoint c;
        cli_server_ask(cli->dir, &server);
        fk_buf_reset(note);
        st = fk_logbook_newest(cli->dir, NULL, &c, note, err);
        if (st != FK_OK && st != FK_NOT_FOUND)
            return st;
        const bool is_there = st == FK_OK && c.size >= size;
        if (is_there && !seen_ms)
            seen_ms = fk_monotonic_ms();
        if (is_there && (cli_cosigned_prefer(cli, &witnesses, size, &c, note) || !server.running ||
                         fk_monotonic_ms() - seen_ms >= COSIGN_WAIT_MS)) {
            *out = c;
            return note->failed ? fk_fail(err, FK_NOMEM, "no memory for a checkpoint") : FK_OK;
        }
        if (!is_there && !server.running) {
            st = make(cli, lend, &witnesses, err);
            if (st != FK_OK && st != FK_RETRY)
                return st;
        }
        if (fk_monotonic_ms() >= until)
            return fk_fail(err, FK_RETRY,
                           "there is no checkpoint over %" PRIu64
                           " entries yet; try again, and look "
                           "at the server's log if it does not come",
                           size);
        (void)poll(NULL, 0, LOOK_MS);
    }
}

/* ---- the command */

enum mode { NOTE, PRINT, KEY, VKEY, MAIL };

static void readable_print(const struct fk_checkpoint *c, const struct fk_verifier *v) {
    struct fk_buf text = FK_BUF_INIT;
    cli_checkpoint_readable(c, v, &text);
    printf("%s", fk_buf_cstr(&text));
    fk_buf_free(&text);
}

/* All are sent theirs; the first that failed gives the exit status. */
static enum fk_status mail_all(const struct fk_cli *cli, bool json, struct fk_err *err) {
    enum fk_status first = FK_OK;
    for (char **to = cli->config->mail_to; *to; to++) {
        struct fk_err why = FK_ERR_INIT;
        uint64_t size = 0;
        enum fk_status st = cli_mail_send(cli, *to, NULL, NULL, &size, &why);
        if (st != FK_OK && first == FK_OK)
            first = fk_fail(err, st, "%s", why.text);
        else if (st != FK_OK)
            notice(&why);
        else if (json)
            cli_json_line(json_pack("{s:s, s:s, s:o}", "to", *to, "via", cli->config->mail_via,
                                    "size", cli_json_number(size)));
        else
            printf("the checkpoint over %" PRIu64 " entries was mailed to %s by %s\n", size, *to,
                   cli->config->mail_via);
    }
    return first;
}

static void json_print(const struct fk_checkpoint *c, const struct fk_buf *note,
                       const struct fk_verifier *v) {
    struct fk_buf key = FK_BUF_INIT;
    char root[2 * sizeof c->root + 1];
    fk_hex(root, c->root, sizeof c->root);
    fk_verifier_format(v, &key);
    cli_json_line(json_pack("{s:s, s:o, s:s, s:o, s:o}", "origin", c->origin, "size",
                            cli_json_number(c->size), "root", root, "note",
                            cli_json_text(note->data, note->len), "vkey",
                            cli_json_text(key.data, key.len)));
    fk_buf_free(&key);
}

static enum fk_status key_print(const struct fk_verifier *v, enum mode mode, struct fk_err *err) {
    struct fk_buf text = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    if (mode == KEY)
        st = fk_verifier_pem(v, &text, err);
    else
        fk_verifier_format(v, &text);
    if (st == FK_OK)
        printf("%.*s%s", (int)text.len, (const char *)text.data, mode == VKEY ? "\n" : "");
    fk_buf_free(&text);
    return st;
}

/* OLD: a checkpoint's file, or how many entries one covers. What a file says of its root is
 * compared with the proof, so a checkpoint of another log is told and not proven. */
static enum fk_status old_read(const char *text, const struct fk_verifier *v,
                               struct fk_checkpoint *out, bool *has_root, struct fk_err *err) {
    enum { NOTE_MAX = 65536 };
    struct fk_buf note = FK_BUF_INIT;
    *has_root = !fk_value_number(text, &out->size);
    if (!*has_root && *text != '0')
        return FK_OK;
    if (!*has_root || !*text)
        return fk_fail(err, FK_INVALID,
                       "--proof \"%s\": expected a checkpoint's file, or how many entries an older "
                       "checkpoint covers, from 1 on",
                       text);
    enum fk_status st = fk_read_plain(text, NOTE_MAX, &note, err);
    if (st == FK_OK)
        st = fk_checkpoint_open(note.data, note.len, v, out, err);
    fk_buf_free(&note);
    return st;
}

static enum fk_status proof_print(const struct fk_cli *cli, const char *text,
                                  const struct fk_checkpoint *c, const struct fk_buf *note,
                                  const struct fk_verifier *v, struct fk_err *err) {
    struct fk_addition a = {.note = (const char *)note->data, .note_len = note->len};
    struct fk_checkpoint old = {.size = 0};
    struct fk_buf body = FK_BUF_INIT;
    bool has_root;
    enum fk_status st;
    FK_TRY(old_read(text, v, &old, &has_root, err));
    FK_TRY(fk_logbook_consistency(cli->dir, old.size, c, &a.proof, err));
    if (has_root && !fk_tree_check_consistency(old.size, old.root, c->size, c->root, &a.proof))
        FK_TRY(fk_fail(err, FK_CORRUPT,
                       "%s: this log does not continue it: verify --against says from where on",
                       text));
    a.old = old.size;
    fk_addition_format(&a, &body);
    printf("%.*s", (int)body.len, (const char *)body.data);
done:
    fk_buf_free(&body);
    return st;
}

static enum fk_status checkpoint(const struct fk_cli *cli, enum mode mode, bool json,
                                 const char *old, struct fk_err *err) {
    struct fk_lend *lend = NULL;
    struct fk_head head;
    struct fk_checkpoint c;
    struct fk_verifier v;
    struct fk_buf note = FK_BUF_INIT;
    enum fk_status st;
    if (mode == MAIL && !*cli->config->mail_to)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: checkpoint-mail-to names nobody", cli->config_path));
    FK_TRY(fk_lend_open(cli->dir, &lend, err));
    FK_TRY(fk_lend_head(lend, &head, err));
    FK_TRY(cli_checkpoint_get(cli, lend, head.next_seq, &c, &note, err));
    FK_TRY(fk_logbook_verifier(cli->dir, &v, err));
    if (old)
        st = proof_print(cli, old, &c, &note, &v, err);
    else if (mode == MAIL)
        st = mail_all(cli, json, err);
    else if (json)
        json_print(&c, &note, &v);
    else if (mode == KEY || mode == VKEY)
        st = key_print(&v, mode, err);
    else if (mode == PRINT)
        readable_print(&c, &v);
    else
        printf("%.*s", (int)note.len, (const char *)note.data);
done:
    fk_lend_close(&lend);
    fk_buf_free(&note);
    return st;
}

/* For a ledger that is shorter than what was signed, or another. What was signed is named in the
 * ledger, so that whoever has an old checkpoint finds where the two logs part. */
static enum fk_status begin_anew(const struct fk_cli *cli, const char *reason, struct fk_err *err) {
    struct fk_keep *keep = NULL;
    struct fk_lend *lend = NULL;
    struct fk_buf body = FK_BUF_INIT, fields = FK_BUF_INIT;
    struct fk_receipt receipt;
    struct fk_checkpoint old;
    struct fk_head head;
    struct cli_server server;
    char person[128], origin[FK_ORIGIN_SIZE], secrets[PATH_MAX], root[2 * sizeof old.root + 1];
    struct cli_witnesses witnesses;
    enum fk_status st;
    FK_TRY(cli_witnesses_open(cli, &witnesses, err));
    cli_server_ask(cli->dir, &server);
    if (server.running)
        FK_TRY(fk_fail(err, FK_RETRY, "the server signs with the key; stop it first"));
    FK_TRY(fk_join_path(secrets, sizeof secrets, cli->dir, "secrets", err));
    FK_TRY(fk_lend_open(cli->dir, &lend, err));
    FK_TRY(fk_lend_head(lend, &head, err));
    fk_signet_origin(origin, head.ledger);
    fk_buf_printf(&fields, "what=origin origin=%s", origin);
    if (fk_logbook_signed(cli->dir, &old, NULL) == FK_OK) {
        fk_hex(root, old.root, sizeof old.root);
        fk_buf_printf(&fields, " old=%s size=%" PRIu64 " root=%s", old.origin, old.size, root);
    }
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "reason", reason);
    if (fields.failed || body.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for an entry"));
    struct fk_record record = {.kind = "admin", .fields = fk_buf_cstr(&fields), .body = &body};
    FK_TRY(fk_keep_open(cli->dir, &keep, err));
    FK_TRY(fk_keep_append(keep, &record, &receipt, err));
    FK_TRY(fk_signet_renew(secrets, origin, err));
    FK_TRY(make(cli, lend, &witnesses, err));
    printf("the log begins anew as %s; entry %" PRIu64
           " says why. Give its key (checkpoint --vkey) to "
           "those who check\n",
           origin, receipt.seq);
done:
    fk_keep_close(&keep);
    fk_lend_close(&lend);
    fk_buf_free(&fields);
    fk_buf_free(&body);
    return st;
}

int cmd_checkpoint(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"print", no_argument, NULL, PRINT},
                                            {"key", no_argument, NULL, KEY},
                                            {"vkey", no_argument, NULL, VKEY},
                                            {"mail", no_argument, NULL, MAIL},
                                            {"new-origin", no_argument, NULL, 'n'},
                                            {"reason", required_argument, NULL, 'r'},
                                            {"proof", required_argument, NULL, 'p'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    enum mode mode = NOTE;
    bool json = false, anew = false;
    const char *reason = NULL, *old = NULL;
    struct fk_err err = FK_ERR_INIT;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'j')
            json = true;
        else if (o == 'p')
            old = optarg;
        else if (o == 'n')
            anew = true;
        else if (o == 'r')
            reason = optarg;
        else if (o == '?' || mode != NOTE)
            return cli_usage("checkpoint", "one of --print, --key, --vkey and --mail");
        else
            mode = (enum mode)o;
    }
    if (optind < argc)
        return cli_usage("checkpoint", "takes no argument \"%s\"", argv[optind]);
    if (anew != (reason != NULL) || (anew && (mode != NOTE || json)))
        return cli_usage("checkpoint", "--new-origin goes with --reason, and with nothing else");
    if (old && (anew || json || mode != NOTE))
        return cli_usage("checkpoint", "--proof goes with nothing else");
    if ((anew ? begin_anew(cli, reason, &err) : checkpoint(cli, mode, json, old, &err)) != FK_OK)
        return cli_fail(&err);
    return cli_finish(0);
}

/* ---- the server's process */

struct daemon {
    struct fk_cli *cli;
    struct fk_child child;
    struct fk_lend *lend;
    struct fk_sign *sign;
    struct fk_logbook *log; /* NULL after trouble, until it is opened anew */
    int64_t last_ms;        /* the last checkpoint; 0 for none yet */
    int64_t pause_until_ms;
    char said[sizeof((struct fk_err *)0)->text]; /* the same trouble is told once */
};

/* FK_NOT_FOUND: told to stop. */
static enum fk_status wait_for_serve(struct daemon *d, int wait_ms, struct fk_err *err) {
    struct fk_child_event event;
    enum fk_status st = fk_child_next(&d->child, wait_ms, &event, err);
    if (st == FK_OK && event.what == FK_CHILD_STOP)
        return fk_fail(err, FK_NOT_FOUND, "told to stop");
    if (st == FK_OK && event.what == FK_CHILD_SOCKET) {
        if (strcmp(event.name, "lend") == 0)
            fk_lend_reattach(d->lend, event.fd);
        else
            fk_sign_reattach(d->sign, event.fd);
        d->pause_until_ms = 0;
    }
    return st;
}

static bool is_due(const struct daemon *d, uint64_t next_seq) {
    const int64_t age = fk_monotonic_ms() - d->last_ms;
    return !d->last_ms || age >= IDLE_MS ||
           (next_seq != fk_logbook_size(d->log) &&
            age >= (int64_t)d->cli->config->checkpoint_interval_s * 1000);
}

static enum fk_status look(struct daemon *d, struct fk_err *err) {
    struct fk_head head;
    enum fk_status st;
    if (!d->log)
        FK_TRY(fk_logbook_open(d->cli->dir, d->lend, d->sign, notice, &d->log, err));
    FK_TRY(fk_lend_head(d->lend, &head, err));
    if (!is_due(d, head.next_seq))
        goto done;
    FK_TRY(fk_logbook_advance(d->log, err));
    d->last_ms = fk_monotonic_ms();
    d->said[0] = 0;
done:
    return st;
}

static void trouble(struct daemon *d, const struct fk_err *why) {
    fk_logbook_close(&d->log);
    d->pause_until_ms = fk_monotonic_ms() + (why->status == FK_RETRY ? TICK_MS : TROUBLE_MS);
    if (why->status == FK_RETRY || strcmp(d->said, why->text) == 0)
        return;
    snprintf(d->said, sizeof d->said, "%s", why->text);
    fk_log(FK_LOG_ERROR, "no checkpoint was made: %s", why->text);
}

static enum fk_status run(struct daemon *d, struct fk_err *err) {
    enum fk_status st = FK_OK;
    while (st == FK_OK) {
        struct fk_err why = FK_ERR_INIT;
        if (fk_monotonic_ms() >= d->pause_until_ms && look(d, &why) != FK_OK)
            trouble(d, &why);
        st = wait_for_serve(d, TICK_MS, err);
    }
    return st == FK_NOT_FOUND ? FK_OK : st;
}

int cmd_logd(struct fk_cli *cli, int argc, char **argv) {
    struct daemon d = {.cli = cli};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    fk_log_name("fumikura logd");
    FK_TRY(fk_child_begin(&d.child, argc, argv, &err));
    if (d.child.lend >= 0)
        FK_TRY(fk_lend_attach(fk_child_take(&d.child.lend), &d.lend, &err));
    else
        FK_TRY(fk_lend_open(cli->dir, &d.lend, &err));
    if (d.child.sign >= 0)
        FK_TRY(fk_sign_attach(fk_child_take(&d.child.sign), &d.sign, &err));
    else
        FK_TRY(fk_sign_open(cli->dir, &d.sign, &err));
    FK_TRY(fk_child_ready(&d.child, NULL, &err));
    st = run(&d, &err);
done:
    fk_logbook_close(&d.log);
    fk_sign_close(&d.sign);
    fk_lend_close(&d.lend);
    return fk_child_end(&d.child, st, &err);
}

int cmd_sign(struct fk_cli *cli, int argc, char **argv) {
    struct fk_child child;
    struct fk_err err = FK_ERR_INIT;
    fk_log_name("fumikura sign");
    enum fk_status st = fk_child_begin(&child, argc, argv, &err);
    if (st == FK_OK)
        st = fk_sign_main(cli->dir, &child, &err);
    return fk_child_end(&child, st, &err);
}
