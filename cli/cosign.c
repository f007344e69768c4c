/* cosign.c - the server's process that has checkpoints cosigned, and what commands know of it. A
 * witness that is away delays nobody but the other witnesses, and those by its time limit. */
#include "cli/cosign.h"
#include "archiver/vault/logbook.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "cli/config.h"
#include "cli/trouble.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TICK_MS = 500, AWAY_MS = 10000, REFUSED_MS = 60000 };

enum fk_status cli_witnesses_open(const struct fk_cli *cli, struct cli_witnesses *out,
                                  struct fk_err *err) {
    struct cli_witnesses w = {.count = 0};
    enum fk_status st = FK_OK;
    for (char **text = cli->config->witnesses; *text && w.count < FK_WITNESSES_MAX; text++)
        FK_TRY(fk_witnessing_parse(*text, strlen(*text), &w.one[w.count++], err));
    *out = w;
done:
    return st;
}

/* ---- what was in the way */

static void trouble_name(const struct fk_witnessing *w, char out[32]) {
    char id[2 * sizeof w->key.id + 1];
    fk_hex(id, w->key.id, sizeof w->key.id);
    snprintf(out, 32, "witness.%s", id);
}

void cli_witness_state(const struct fk_cli *cli, const struct fk_witnessing *w,
                       struct cli_witness_state *out) {
    char name[32];
    struct fk_checkpoint c;
    struct fk_buf text = FK_BUF_INIT;
    int64_t time_s;
    *out = (struct cli_witness_state){.has_cosigned = false};
    if (fk_witnessing_note(cli->dir, w, &c, &text, &time_s, NULL) == FK_OK) {
        out->has_cosigned = true;
        out->size = c.size;
        out->age_s = fk_now_ms() / 1000 - time_s;
    }
    trouble_name(w, name);
    cli_trouble_read(cli, name, out->trouble, sizeof out->trouble);
    fk_buf_free(&text);
}

/* ---- asking */

/* FK_NOT_FOUND: nothing is to be cosigned. */
static enum fk_status ask_if_due(const struct fk_cli *cli, struct fk_witnessing *w,
                                 struct fk_err *err) {
    char name[32];
    bool due = false;
    enum fk_status st;
    FK_TRY(fk_witnessing_is_due(cli->dir, w, &due, err));
    if (!due)
        return FK_NOT_FOUND;
    st = fk_witnessing_ask(cli->dir, w, err);
    trouble_name(w, name);
    cli_trouble_put(cli, name, st == FK_OK ? NULL : err);
done:
    return st;
}

void cli_cosign_once(const struct fk_cli *cli, struct cli_witnesses *w,
                     void (*notice)(const struct fk_err *err)) {
    for (size_t i = 0; i < w->count; i++) {
        struct fk_err why = FK_ERR_INIT;
        enum fk_status st = ask_if_due(cli, &w->one[i], &why);
        if (st != FK_OK && st != FK_NOT_FOUND)
            notice(&why);
    }
}

/* ---- using */

static size_t cosignatures_count(const struct cli_witnesses *w, const struct fk_buf *note) {
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        n += fk_checkpoint_signature(note->data, note->len, &w->one[i].key, NULL, NULL, NULL) ==
             FK_OK;
    return n;
}

bool cli_cosigned_prefer(const struct fk_cli *cli, const struct cli_witnesses *w, uint64_t size,
                         struct fk_checkpoint *c, struct fk_buf *note) {
    size_t have = cosignatures_count(w, note), able = 0;
    for (size_t i = 0; i < w->count; i++) {
        struct cli_witness_state state;
        struct fk_checkpoint other;
        struct fk_buf text = FK_BUF_INIT;
        int64_t time_s;
        cli_witness_state(cli, &w->one[i], &state);
        able += !*state.trouble;
        if (fk_witnessing_note(cli->dir, &w->one[i], &other, &text, &time_s, NULL) == FK_OK &&
            strcmp(other.origin, c->origin) == 0 && other.size >= size &&
            cosignatures_count(w, &text) > have) {
            have = cosignatures_count(w, &text);
            *c = other;
            fk_buf_reset(note);
            fk_buf_add(note, text.data, text.len);
        }
        fk_buf_free(&text);
    }
    return have >= able;
}

/* ---- the server's process */

struct daemon {
    const struct fk_cli *cli;
    struct fk_child child;
    struct cli_witnesses w;
    int64_t pause_until_ms[FK_WITNESSES_MAX];
    char said[FK_WITNESSES_MAX][sizeof((struct fk_err *)0)->text]; /* told once each */
};

static void trouble(struct daemon *d, size_t i, const struct fk_err *why) {
    d->pause_until_ms[i] = fk_monotonic_ms() + (why->status == FK_RETRY ? AWAY_MS : REFUSED_MS);
    if (strcmp(d->said[i], why->text) == 0)
        return;
    snprintf(d->said[i], sizeof d->said[i], "%s", why->text);
    fk_log(why->status == FK_DENIED ? FK_LOG_ERROR : FK_LOG_WARNING, "no cosignature: %s",
           why->text);
}

static void look(struct daemon *d, size_t i) {
    struct fk_err why = FK_ERR_INIT;
    if (fk_monotonic_ms() < d->pause_until_ms[i])
        return;
    enum fk_status st = ask_if_due(d->cli, &d->w.one[i], &why);
    if (st == FK_OK && *d->said[i]) {
        fk_log(FK_LOG_INFO, "%s cosigns again", d->w.one[i].key.name);
        d->said[i][0] = 0;
    } else if (st != FK_OK && st != FK_NOT_FOUND) {
        trouble(d, i, &why);
    }
}

static enum fk_status run(struct daemon *d, struct fk_err *err) {
    for (;;) {
        struct fk_child_event event;
        for (size_t i = 0; i < d->w.count; i++)
            look(d, i);
        enum fk_status st = fk_child_next(&d->child, d->w.count ? TICK_MS : -1, &event, err);
        if (st != FK_OK || event.what == FK_CHILD_STOP)
            return st;
        if (event.what == FK_CHILD_SOCKET)
            fk_close(&event.fd); /* it needs nobody */
    }
}

int cmd_cosignd(struct fk_cli *cli, int argc, char **argv) {
    struct daemon d = {.cli = cli};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    fk_log_name("fumikura cosignd");
    FK_TRY(fk_child_begin(&d.child, argc, argv, &err));
    FK_TRY(cli_witnesses_open(cli, &d.w, &err));
    FK_TRY(fk_child_ready(&d.child, NULL, &err));
    st = run(&d, &err);
done:
    return fk_child_end(&d.child, st, &err);
}
