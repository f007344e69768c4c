/* import_window.c - messages with the pen: sent without order, told in order, sent again where the
 * pen asks for it. */
#include "archiver/intake/import_priv.h"
#include "base/clock.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 8, PAUSE_MS = 250, REOPEN_MS = 40000 /* serve waits 30 s at most */ };

static void tell(struct fk_import_window *w, const struct fk_import_told *told) {
    w->sum.count[told->outcome]++;
    w->sum.kept += told->kept;
    w->options->told(w->options->ctx, told);
}

void fk_import__refuse(struct fk_import_window *w, const char *path, const char *at,
                       const char *reason) {
    tell(w, &(struct fk_import_told){.outcome = FK_IMPORT_FAILED,
                                     .path = path,
                                     .at = at,
                                     .seq = UINT64_MAX,
                                     .c256 = "",
                                     .first = UINT64_MAX,
                                     .reason = reason,
                                     .note = ""});
}

static struct fk_import_item *item_at(struct fk_import_window *w, size_t i) {
    return &w->items[(w->first + i) % FK_WINDOW];
}

void fk_import__item_free(struct fk_import_item *item) {
    fk_mailfile_drop(&item->file);
    free(item->path);
    free(item->at);
    free(item->note);
    *item = (struct fk_import_item){.file = FK_MAILFILE_INIT};
}

static void item_free(struct fk_import_window *w, struct fk_import_item *item) {
    w->bytes -= item->file.bytes;
    fk_import__item_free(item);
}

static void pen_close(struct fk_import_window *w) {
    if (!w->options->server)
        fk_keep_close(&w->keep);
    w->keep = NULL;
}

void fk_import__window_close(struct fk_import_window *w) {
    for (; w->count; w->first++, w->count--)
        item_free(w, item_at(w, 0));
    fk_import_map_free(&w->digests);
    fk_import_map_free(&w->message_ids);
    pen_close(w);
}

/* The ledger has a message that is waited for: a pen that went away had kept it. It is done once
 * the mirror has it too, where a message is answered only then. */
static void brought(void *ctx, const struct fk_import_item_id *id, uint64_t seq, const char *c256) {
    struct fk_import_window *w = ctx;
    for (size_t i = 0; i < w->count; i++) {
        struct fk_import_item *item = item_at(w, i);
        if (item->done || memcmp(item->id.key, id->key, sizeof id->key) != 0)
            continue;
        item->found = true;
        item->receipt = (struct fk_receipt){.status = FK_OK, .seq = seq};
        snprintf(item->receipt.c256, sizeof item->receipt.c256, "%s", c256);
    }
}

static enum fk_status pen_open(struct fk_import_window *w, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (w->options->server && fk_keep_fd(w->options->server->keep) < 0)
        st = fk_fail(err, FK_RETRY, "the pen is away");
    else if (w->options->server)
        w->keep = w->options->server->keep;
    else
        st = fk_keep_open(w->options->dir, &w->keep, err);
    if (st == FK_OK && w->options->job)
        st = fk_import_job__attach(w->options->job, w->keep, brought, w, err);
    return st;
}

/* What was found in the ledger is done, once the mirror has it where it has to. */
static enum fk_status found_settle(struct fk_import_window *w, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (w->options->job && w->options->mirrored)
        st = fk_import_job__mirrored(w->options->job, w->keep, err);
    for (size_t i = 0; i < w->count && st == FK_OK; i++)
        if (item_at(w, i)->found && !item_at(w, i)->done) {
            item_at(w, i)->done = true;
            w->reopened = 0;
        }
    return st;
}

static enum fk_status pen_wait(const struct fk_import_window *w, struct fk_err *err) {
    const struct fk_import_server *s = w->options->server;
    if (s)
        return s->wait(s->ctx, err);
    (void)poll(NULL, 0, PAUSE_MS);
    return FK_OK;
}

/* The pen is gone and with it what it would have answered. It is back within a second as a rule;
 * where this command started it, a new one is. */
static enum fk_status pen_open_again(struct fk_import_window *w, struct fk_err *err) {
    enum fk_status st = FK_RETRY;
    while (st == FK_RETRY) {
        int64_t until = fk_monotonic_ms() + REOPEN_MS;
        if (++w->reopened == TRIES)
            return fk_fail(err, FK_RETRY, "the pen went away %d times and kept nothing", TRIES);
        pen_close(w);
        for (size_t i = 0; i < w->count; i++)
            item_at(w, i)->sent = false;
        while ((st = pen_open(w, err)) == FK_RETRY && fk_monotonic_ms() < until) {
            pen_close(w);
            st = pen_wait(w, err);
            if (st != FK_OK && st != FK_RETRY)
                return st;
        }
        if (st != FK_OK)
            return st;
        st = found_settle(w, err);
        if (st == FK_RETRY && w->reopened + 1 == TRIES)
            return st; /* the mirror's own words */
    }
    return st;
}

enum fk_status fk_import__window_open(struct fk_import_window *w, struct fk_err *err) {
    for (size_t i = 0; i < FK_WINDOW; i++)
        w->items[i].file = (struct fk_mailfile)FK_MAILFILE_INIT;
    enum fk_status st = pen_open(w, err);
    if (st == FK_OK)
        st = found_settle(w, err);
    return st == FK_RETRY && w->keep ? pen_open_again(w, err) : st;
}

/* What may be otherwise at the next try: the pen restarts, another client's bytes are in flight. */
static bool is_passing(enum fk_status status) {
    return status == FK_RETRY || status == FK_IO || status == FK_FULL || status == FK_NOMEM;
}

static enum fk_status receipt_take(struct fk_import_window *w, const struct fk_receipt *r,
                                   struct fk_err *err) {
    struct fk_import_item *item = &w->items[r->id % FK_WINDOW];
    if (item->done)
        return FK_OK; /* the ledger was quicker */
    if (is_passing(r->status) && ++item->tries < TRIES) {
        item->sent = false;
        w->pause = true;
        return FK_OK;
    }
    if (is_passing(r->status))
        return fk_fail(err, r->status, "%s: not kept: %s", item->path, r->text);
    item->done = true;
    item->receipt = *r;
    w->reopened = 0;
    return FK_OK;
}

/* All receipts that are there; waits for the first one. */
static enum fk_status receipts_take(struct fk_import_window *w, int wait_ms, struct fk_err *err) {
    struct fk_receipt r;
    enum fk_status st;
    while ((st = fk_keep_next_receipt(w->keep, wait_ms, &r, err)) == FK_OK) {
        if ((st = receipt_take(w, &r, err)) != FK_OK)
            return st;
        wait_ms = 0;
    }
    if (st == FK_NOT_FOUND)
        return pen_open_again(w, err);
    return st == FK_RETRY ? FK_OK : st;
}

/* Receipts may be taken meanwhile, and the pen opened again: the item may be done then. */
static enum fk_status item_send(struct fk_import_window *w, struct fk_import_item *item,
                                struct fk_err *err) {
    const struct fk_mail mail = {item->file.fd, item->file.bytes, w->options->source,
                                 w->options->floor};
    enum fk_status st = FK_RETRY;
    while (!item->done && st == FK_RETRY) {
        st = fk_keep_send_item(w->keep, (uint32_t)(item - w->items), &mail, item->id.hex, err);
        item->sent = st == FK_OK;
        if (st == FK_RETRY) {
            enum fk_status taken = receipts_take(w, 1000, err);
            if (taken != FK_OK)
                return taken;
        }
    }
    return item->done ? FK_OK : st;
}

/* The seq of a place's first message; seq is that of this one, which may be the first. */
static uint64_t first_of(struct fk_import_map *m, const uint8_t *key, uint64_t seq) {
    struct fk_import_place *p = fk_import_map_find(m, key);
    if (p && !p->b && seq != UINT64_MAX)
        p->b = seq + 1;
    return p && p->b ? p->b - 1 : UINT64_MAX;
}

static void item_tell(struct fk_import_window *w, const struct fk_import_item *item) {
    struct fk_import_told told = {.outcome = item->outcome,
                                  .path = item->path,
                                  .at = item->at,
                                  .kept = item->file.fd >= 0,
                                  .seq = item->receipt.seq,
                                  .c256 = item->receipt.c256,
                                  .first = UINT64_MAX,
                                  .reason = "",
                                  .note = item->note};
    const uint64_t same = first_of(&w->digests, item->digest, told.seq),
                   version = first_of(&w->message_ids, item->message_id, told.seq);
    if (item->outcome == FK_IMPORT_SAME)
        told.first = same;
    if (item->outcome == FK_IMPORT_VERSION)
        told.first = version;
    tell(w, &told);
    if (w->brought && told.seq != UINT64_MAX)
        w->brought(w->brought_ctx, item, told.seq);
}

static void told_in_order(struct fk_import_window *w) {
    for (; w->count && item_at(w, 0)->done; w->first++, w->count--) {
        struct fk_import_item *item = item_at(w, 0);
        if (item->receipt.status == FK_OK)
            item_tell(w, item);
        else
            fk_import__refuse(w, item->path, item->at, item->receipt.text);
        item_free(w, item);
    }
}

/* One step onwards: what is not sent is sent, what has come is told. Sending may have taken the
 * receipt that is waited for, so the first item is looked at before. */
static enum fk_status window_turn(struct fk_import_window *w, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (w->pause)
        (void)poll(NULL, 0, PAUSE_MS);
    w->pause = false;
    for (size_t i = 0; i < w->count && st == FK_OK; i++)
        if (!item_at(w, i)->sent && !item_at(w, i)->done)
            st = item_send(w, item_at(w, i), err);
    if (st == FK_OK && !item_at(w, 0)->done)
        st = receipts_take(w, -1, err);
    told_in_order(w);
    return st;
}

enum fk_status fk_import__window_add(struct fk_import_window *w, struct fk_import_item *item,
                                     struct fk_err *err) {
    enum fk_status st = FK_OK;
    while (st == FK_OK && w->count &&
           (w->count == FK_WINDOW || w->bytes + item->file.bytes > FK_WINDOW_BYTES))
        st = window_turn(w, err);
    if (st != FK_OK) {
        fk_import__item_free(item);
        return st;
    }
    struct fk_import_item *mine = item_at(w, w->count++);
    *mine = *item;
    *item = (struct fk_import_item){.file = FK_MAILFILE_INIT};
    w->bytes += mine->file.bytes;
    st = mine->done ? FK_OK : item_send(w, mine, err);
    if (st == FK_OK)
        told_in_order(w);
    return st;
}

enum fk_status fk_import__window_drain(struct fk_import_window *w, struct fk_err *err) {
    enum fk_status st = FK_OK;
    while (st == FK_OK && w->count)
        st = window_turn(w, err);
    return st;
}
