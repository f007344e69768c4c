/*
 * imapd.c - the server's process that fetches from mailboxes by IMAP. It has the network, passwords
 * of mailboxes, a socket to keep for mail and one to lend for lines; no content, no key of the
 * vault.
 *
 * Mailboxes take turns. What the ledger says of them is one job (import_job.h), of which only that
 * has to be remembered which a mailbox has not been done with: mailboxes.h says what that is.
 */
#include "archiver/intake/import.h"
#include "archiver/vault/lend.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/confine.h"
#include "base/io.h"
#include "base/log.h"
#include "cli/config.h"
#include "cli/mailboxes.h"
#include "cli/trouble.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    TICK_MS = 500,
    TURN_MS = 60000,    /* where another mailbox waits */
    DENIED_MS = 300000, /* asked again at once, a wrong password gets an account locked */
    WAIT_MS = 250
};

struct box {
    const struct fk_config_imap *config;
    struct fk_import_mailbox mailbox;
    struct cli_mailbox state;
    struct fk_buf url;
    int64_t due_ms;
    bool is_done_with; /* nothing that it has brought will be met again */
    bool is_denied;
    struct timespec password_time; /* of the file that was refused */
    uint64_t failed;               /* since this process started */
    char said[sizeof((struct fk_err *)0)->text];
};

struct daemon {
    const struct fk_cli *cli;
    struct fk_child child;
    struct fk_import_server server;
    struct fk_import_job *job;
    int new_keep; /* a socket to a new pen that is not in use yet; -1 */
    bool is_stopped;
    struct box boxes[FK_IMAP_MAX], *at_work;
    size_t count;
};

/* ---- what serve says */

/* A new pen is taken up only where nothing is in flight to the old one. */
static void event_take(struct daemon *d, const struct fk_child_event *event) {
    d->is_stopped |= event->what == FK_CHILD_STOP;
    if (event->what != FK_CHILD_SOCKET)
        return;
    if (strcmp(event->name, "lend") == 0) {
        fk_lend_reattach(d->server.lend, event->fd);
        return;
    }
    fk_close(&d->new_keep);
    d->new_keep = event->fd;
}

static enum fk_status serve_hear(struct daemon *d, int wait_ms, struct fk_err *err) {
    struct fk_child_event event;
    enum fk_status st = fk_child_next(&d->child, wait_ms, &event, err);
    if (st == FK_OK)
        event_take(d, &event);
    return st;
}

static void pen_take(struct daemon *d) {
    if (d->new_keep < 0)
        return;
    fk_keep_reattach(d->server.keep, fk_child_take(&d->new_keep));
    if (d->job)
        fk_import_job_new_pen(d->job);
}

static enum fk_status pen_wait(void *ctx, struct fk_err *err) {
    struct daemon *d = ctx;
    enum fk_status st = d->new_keep < 0 ? serve_hear(d, WAIT_MS, err) : FK_OK;
    if (st != FK_OK)
        return st;
    if (d->is_stopped)
        return fk_fail(err, FK_IO, "the server stops");
    pen_take(d);
    return fk_keep_fd(d->server.keep) >= 0 ? FK_OK : fk_fail(err, FK_RETRY, "the pen is away");
}

static bool is_stopped(void *ctx) {
    struct daemon *d = ctx;
    return serve_hear(d, 0, NULL) != FK_OK || d->is_stopped;
}

/* ---- one mailbox */

static void trouble_put(struct daemon *d, struct box *b, const struct fk_err *why) {
    char name[64];
    snprintf(name, sizeof name, "imap-trouble.%s", b->config->name);
    if (why ? strcmp(b->said, why->text) != 0 : *b->said != 0)
        cli_trouble_put(d->cli, name, why);
    if (why && strcmp(b->said, why->text) != 0)
        fk_log(FK_LOG_WARNING, "mailbox %s: %s", b->config->name, why->text);
    snprintf(b->said, sizeof b->said, "%s", why ? why->text : "");
}

static void told(void *ctx, const struct fk_import_told *t) {
    struct daemon *d = ctx;
    struct box *b = d->at_work;
    if (t->kept) {
        b->state.brought++;
        b->state.brought_ms = fk_now_ms();
    }
    if (*t->note)
        fk_log(FK_LOG_WARNING, "mailbox %s, %s: %s", b->config->name, t->at, t->note);
    if (t->outcome != FK_IMPORT_FAILED)
        return;
    b->failed++;
    snprintf(b->state.reason, sizeof b->state.reason, "%s: %s", t->at, t->reason);
    fk_log(FK_LOG_WARNING, "mailbox %s, %s: not taken: %s", b->config->name, t->at, t->reason);
}

static struct fk_import_options options_of(struct daemon *d, const struct box *b) {
    const struct fk_config *c = d->cli->config;
    return (struct fk_import_options){.dir = d->cli->dir,
                                      .server = &d->server,
                                      .source = *b->config->source ? b->config->source : c->source,
                                      .floor = *b->config->floor ? b->config->floor : c->floor,
                                      .size_limit = c->in_flight,
                                      .job = d->job,
                                      .journal = strcmp(b->config->journal, "on") == 0,
                                      .mirrored = strcmp(c->mirror, "sync") == 0,
                                      .told = told,
                                      .ctx = d};
}

/* One that could not be taken is left there, and looked at anew when this process is. */
static enum fk_status round_close(struct daemon *d, struct box *b, struct fk_err *err) {
    struct fk_head head;
    enum fk_status st = fk_lend_settled_head(d->server.lend, &head, err);
    if (st != FK_OK)
        return st;
    b->is_done_with = b->failed == 0;
    if (b->is_done_with) {
        b->state.validity = b->mailbox.validity;
        b->state.next_uid = b->mailbox.next_uid;
        b->state.mark = head.next_seq;
        *b->state.reason = 0;
    }
    b->state.failed = b->failed;
    b->state.asked_ms = fk_now_ms();
    st = cli_mailbox_put(d->cli, b->config, &b->state, err);
    bool all = st == FK_OK;
    for (size_t i = 0; i < d->count; i++)
        all &= d->boxes[i].is_done_with;
    if (all)
        fk_import_job_pass(d->job, head.next_seq);
    return st;
}

/* What came in stays counted; how far it has come does not move. */
static enum fk_status round_break(struct daemon *d, struct box *b, const struct fk_import_sum *sum,
                                  enum fk_status why) {
    struct fk_err unheard = FK_ERR_INIT;
    if (!sum->read)
        return why;
    b->is_done_with = false;
    b->state.failed = b->failed;
    if (cli_mailbox_put(d->cli, b->config, &b->state, &unheard) != FK_OK)
        fk_log(FK_LOG_WARNING, "%s", unheard.text);
    return why;
}

static enum fk_status fetch(struct daemon *d, struct box *b, struct fk_err *err) {
    const struct fk_import_options options = options_of(d, b);
    struct fk_buf password = FK_BUF_INIT;
    struct fk_import_sum sum = {0};
    enum fk_status st;
    d->at_work = b;
    b->mailbox.is_pen_spoiled = false;
    FK_TRY(cli_password_read(b->config->password_file, &password, err));
    b->mailbox.where = (struct fk_imap_where){.url = fk_buf_cstr(&b->url),
                                              .password = fk_buf_cstr(&password),
                                              .roots = *b->config->ca ? b->config->ca : NULL,
                                              .is_stopped = is_stopped,
                                              .stop_ctx = d};
    b->mailbox.turn_ms = d->count > 1 ? TURN_MS : 0;
    st = fk_import_imap(&options, &b->mailbox, &sum, err);
    st = st == FK_OK ? round_close(d, b, err) : round_break(d, b, &sum, st);
done:
    fk_buf_wipe(&password);
    if (st != FK_OK) { /* what is not deleted there is looked at again */
        b->mailbox.validity = b->state.validity;
        b->mailbox.next_uid = b->state.next_uid;
    }
    return st;
}

static struct timespec password_time(const struct box *b) {
    struct stat s = {0};
    (void)stat(b->config->password_file, &s); /* one that is not there is of no time */
    return s.st_mtim;
}

static bool is_due(const struct box *b) {
    const struct timespec now = password_time(b), *then = &b->password_time;
    return fk_monotonic_ms() >= b->due_ms ||
           (b->is_denied && (now.tv_sec != then->tv_sec || now.tv_nsec != then->tv_nsec));
}

/* What ends the process is the pen's trouble alone: receipts would come to whom they are not for.
 */
static enum fk_status look(struct daemon *d, struct box *b, struct fk_err *err) {
    const int64_t interval_ms = (int64_t)b->config->interval_s * 1000;
    b->password_time = password_time(b);
    enum fk_status st = fetch(d, b, err);
    b->is_denied = st == FK_DENIED;
    b->due_ms = fk_monotonic_ms() + (st == FK_OK && b->mailbox.is_paused       ? 0
                                     : b->is_denied && interval_ms < DENIED_MS ? DENIED_MS
                                                                               : interval_ms);
    if (d->is_stopped)
        return FK_OK;
    trouble_put(d, b, st == FK_OK ? NULL : err);
    return st != FK_OK && b->mailbox.is_pen_spoiled ? st : FK_OK;
}

/* ---- the process */

/* What the ledger has before this is of messages that no mailbox will show again. */
static uint64_t mark_of_all(const struct daemon *d) {
    uint64_t mark = UINT64_MAX;
    for (size_t i = 0; i < d->count; i++)
        mark = d->boxes[i].state.mark < mark ? d->boxes[i].state.mark : mark;
    return mark;
}

static enum fk_status job_open(struct daemon *d, struct fk_err *err) {
    const struct fk_import_words words = {.name = "imapd", .cwd = "/", .lend = d->server.lend};
    enum fk_status st = fk_import_job_begin(d->cli->dir, &words, &d->job, err);
    if (st == FK_OK) /* nothing for `import --resume` */
        st = fk_import_job_finish(d->job, err);
    if (st != FK_OK)
        fk_import_job_free(&d->job);
    if (st == FK_OK && d->count)
        fk_import_job_pass(d->job, mark_of_all(d));
    return st;
}

/* The imapd of a server that was killed may have the job for a moment still: asked again. */
static enum fk_status job_have(struct daemon *d, struct fk_err *err) {
    enum fk_status st = d->job ? FK_OK : job_open(d, err);
    for (size_t i = 0; st != FK_OK && i < d->count; i++)
        trouble_put(d, &d->boxes[i], err);
    return st;
}

static enum fk_status run(struct daemon *d, struct fk_err *err) {
    enum fk_status st = FK_OK;
    while (st == FK_OK && !d->is_stopped) {
        pen_take(d);
        st = job_have(d, err);
        for (size_t i = 0; i < d->count && st == FK_OK && !d->is_stopped; i++)
            if (is_due(&d->boxes[i]))
                st = look(d, &d->boxes[i], err);
        if ((st == FK_OK || (st == FK_RETRY && !d->job)) && !d->is_stopped)
            st = serve_hear(d, TICK_MS, err);
    }
    return st;
}

static void boxes_make(struct daemon *d) {
    const struct fk_config *c = d->cli->config;
    for (; d->count < c->mailbox_count; d->count++) {
        struct box *b = &d->boxes[d->count];
        b->config = &c->mailboxes[d->count];
        cli_mailbox_read(d->cli, b->config, &b->state);
        memcpy(b->said, b->state.trouble, sizeof b->said);
        cli_mailbox_url(b->config, &b->url);
        b->mailbox =
            (struct fk_import_mailbox){.delete_after = strcmp(b->config->delete_after, "on") == 0,
                                       .section = b->config->name,
                                       .validity = b->state.validity,
                                       .next_uid = b->state.next_uid};
    }
}

int cmd_imapd(struct fk_cli *cli, int argc, char **argv) {
    static struct daemon d;
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    d = (struct daemon){.cli = cli, .new_keep = -1, .server = {.wait = pen_wait, .ctx = &d}};
    fk_log_name("fumikura imapd");
    FK_TRY(fk_child_begin(&d.child, argc, argv, &err));
    FK_TRY(fk_confine_core(&err)); /* mail in the clear, and passwords */
    if (d.child.keep >= 0)
        FK_TRY(fk_keep_attach(fk_child_take(&d.child.keep), &d.server.keep, &err));
    else
        FK_TRY(fk_keep_open(cli->dir, &d.server.keep, &err));
    if (d.child.lend >= 0)
        FK_TRY(fk_lend_attach(fk_child_take(&d.child.lend), &d.server.lend, &err));
    else
        FK_TRY(fk_lend_open(cli->dir, &d.server.lend, &err));
    boxes_make(&d);
    FK_TRY(fk_child_ready(&d.child, NULL, &err));
    st = run(&d, &err);
done:
    for (size_t i = 0; i < d.count; i++)
        fk_buf_free(&d.boxes[i].url);
    fk_import_job_free(&d.job);
    fk_close(&d.new_keep);
    fk_lend_close(&d.server.lend);
    fk_keep_close(&d.server.keep);
    return fk_child_end(&d.child, st, &err);
}
