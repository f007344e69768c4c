/* import_window.c - messages with the pen: sent without order, told in order, sent again where the
 * pen asks for it. */
#include "archiver/intake/import_priv.h"
#include "base/clock.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 8, PAUSE_MS = 250, REOPEN_MS = 60000 };

void fk_import__refuse(struct fk_import_window *w, const char *path, const char *reason) {
    w->sum.refused++;
    w->options->refused(w->options->ctx, path, reason);
}

enum fk_status fk_import__window_open(struct fk_import_window *w, struct fk_err *err) {
    for (size_t i = 0; i < FK_WINDOW; i++)
        w->items[i].file = (struct fk_mailfile)FK_MAILFILE_INIT;
    return fk_keep_open(w->options->dir, &w->keep, err);
}

static struct fk_import_item *item_at(struct fk_import_window *w, size_t i) {
    return &w->items[(w->first + i) % FK_WINDOW];
}

static void item_free(struct fk_import_window *w, struct fk_import_item *item) {
    w->bytes -= item->file.bytes;
    fk_mailfile_drop(&item->file);
    free(item->path);
    *item = (struct fk_import_item){.file = FK_MAILFILE_INIT};
}

void fk_import__window_close(struct fk_import_window *w) {
    for (; w->count; w->first++, w->count--)
        item_free(w, item_at(w, 0));
    fk_keep_close(&w->keep);
}

/* The pen is gone and with it what it would have answered. It is back within a second as a rule;
 * where this command started it, a new one is. */
static enum fk_status pen_open_again(struct fk_import_window *w, struct fk_err *err) {
    int64_t until = fk_monotonic_ms() + REOPEN_MS;
    enum fk_status st;
    if (++w->reopened == TRIES)
        return fk_fail(err, FK_RETRY, "the pen went away %d times and kept nothing", TRIES);
    fk_keep_close(&w->keep);
    for (size_t i = 0; i < w->count; i++)
        item_at(w, i)->sent = false;
    while ((st = fk_keep_open(w->options->dir, &w->keep, err)) == FK_RETRY &&
           fk_monotonic_ms() < until)
        (void)poll(NULL, 0, PAUSE_MS);
    return st;
}

/* What may be otherwise at the next try: the pen restarts, another client's bytes are in flight. */
static bool is_passing(enum fk_status status) {
    return status == FK_RETRY || status == FK_IO || status == FK_FULL || status == FK_NOMEM;
}

static enum fk_status receipt_take(struct fk_import_window *w, const struct fk_receipt *r,
                                   struct fk_err *err) {
    struct fk_import_item *item = &w->items[r->id % FK_WINDOW];
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

static enum fk_status item_send(struct fk_import_window *w, struct fk_import_item *item,
                                struct fk_err *err) {
    const struct fk_mail mail = {item->file.fd, item->file.bytes, w->options->source,
                                 w->options->floor};
    enum fk_status st;
    while ((st = fk_keep_send_mail(w->keep, (uint32_t)(item - w->items), &mail, err)) == FK_RETRY)
        if ((st = receipts_take(w, 1000, err)) != FK_OK)
            return st;
    item->sent = st == FK_OK;
    return st;
}

static void told_in_order(struct fk_import_window *w) {
    for (; w->count && item_at(w, 0)->done; w->first++, w->count--) {
        struct fk_import_item *item = item_at(w, 0);
        if (item->receipt.status == FK_OK) {
            w->sum.kept++;
            w->options->kept(w->options->ctx, item->path, &item->receipt);
        } else {
            fk_import__refuse(w, item->path, item->receipt.text);
        }
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

enum fk_status fk_import__window_add(struct fk_import_window *w, const char *path,
                                     struct fk_mailfile *file, struct fk_err *err) {
    enum fk_status st = FK_OK;
    char *copy = strdup(path);
    if (!copy)
        st = fk_fail(err, FK_NOMEM, "%s: no memory", path);
    while (st == FK_OK && w->count &&
           (w->count == FK_WINDOW || w->bytes + file->bytes > FK_WINDOW_BYTES))
        st = window_turn(w, err);
    if (st != FK_OK) {
        free(copy);
        fk_mailfile_drop(file);
        return st;
    }
    struct fk_import_item *item = item_at(w, w->count++);
    item->path = copy;
    item->file = *file;
    *file = (struct fk_mailfile)FK_MAILFILE_INIT;
    w->bytes += item->file.bytes;
    return item_send(w, item, err);
}

enum fk_status fk_import__window_drain(struct fk_import_window *w, struct fk_err *err) {
    enum fk_status st = FK_OK;
    while (st == FK_OK && w->count)
        st = window_turn(w, err);
    return st;
}
