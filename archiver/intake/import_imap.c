/* import_imap.c - a journal mailbox, emptied or not: each message once, and deleted there only when
 * the ledger has it. */
#include "archiver/intake/import_priv.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 3, DELETE_AT = 500 };

struct drain {
    struct fk_import_run *run;
    struct fk_import_mailbox *mailbox;
    struct fk_imap *box;
    int64_t until_ms; /* of this turn; 0: none */
    uint32_t *gone;   /* kept, and to be deleted there */
    size_t gone_count, gone_cap;
};

static void gone_add(struct drain *d, uint32_t uid) {
    if (d->gone_count == d->gone_cap) {
        size_t cap = d->gone_cap ? 2 * d->gone_cap : 256;
        uint32_t *more = realloc(d->gone, cap * sizeof *more);
        if (!more)
            return; /* it stays there, and is found as brought before the next time */
        d->gone = more;
        d->gone_cap = cap;
    }
    d->gone[d->gone_count++] = uid;
}

/* One that was left out as the same as another has no seq and is not told: it stays there. */
static void brought(void *ctx, const struct fk_import_item *item, uint64_t seq) {
    (void)seq;
    if (!item->is_doubted)
        gone_add(ctx, item->uid);
}

static enum fk_status gone_delete(struct drain *d, struct fk_err *err) {
    enum fk_status st = fk_imap_delete(d->box, d->gone, d->gone_count, err);
    if (st == FK_OK)
        d->gone_count = 0;
    return st;
}

/* ---- one message */

static int data_take(void *ctx, const void *data, size_t len) {
    struct fk_import_run *r = ctx;
    fk_import__message_data(r, data, len);
    fk_import__message_settle(r);
    return !r->broken;
}

static void message_name(struct drain *d, uint32_t uid) {
    struct fk_import_run *r = d->run;
    uint8_t name[FK_SHA256_BYTES];
    snprintf(r->at, sizeof r->at, "uid %" PRIu32 ", uidvalidity %" PRIu32, uid,
             d->mailbox->validity);
    fk_sha256(r->path, strlen(r->path), name);
    memcpy(r->source_id, name, sizeof name);
    for (size_t i = 0; i < 4; i++)
        r->source_id[sizeof name + i] = (uint8_t)(d->mailbox->validity >> (24 - 8 * i));
    r->source_id_len = sizeof name + 4;
    r->uid = uid;
    r->is_doubted = false;
}

/* Told without being fetched. */
static bool was_brought(struct drain *d, const char *kind, uint32_t uid, uint64_t *seq_out) {
    struct fk_import_item_id id;
    fk_import_job__item(d->run->options->job, kind, d->run->source_id, d->run->source_id_len, uid,
                        &id);
    return fk_import_job__has(d->run->options->job, &id, seq_out);
}

static void earlier_tell(struct drain *d, uint32_t uid, uint64_t seq, bool is_doubted) {
    struct fk_import_window *w = &d->run->window;
    w->sum.read++;
    w->sum.count[FK_IMPORT_EARLIER]++;
    d->run->options->told(d->run->options->ctx,
                          &(struct fk_import_told){.outcome = FK_IMPORT_EARLIER,
                                                   .path = d->run->path,
                                                   .at = d->run->at,
                                                   .seq = seq,
                                                   .c256 = "",
                                                   .first = UINT64_MAX,
                                                   .reason = "",
                                                   .note = ""});
    if (w->brought && !is_doubted)
        gone_add(d, uid);
}

/* A server that says one size and gives another may have lost something: what came is kept, and
 * what it has stays there. */
static void size_compare(struct fk_import_run *r, uint64_t announced) {
    if (r->broken || r->file.bytes == announced)
        return;
    r->is_doubted = true;
    fk_buf_printf(&r->note,
                  "the server says %" PRIu64 " bytes and gave %" PRIu64
                  "; kept as it came, and not deleted there",
                  announced, r->file.bytes);
}

/* FK_OK also where the message was refused; an error: the connection did not serve. */
static enum fk_status message_fetch(struct drain *d, const struct fk_imap_message *m,
                                    struct fk_err *err) {
    struct fk_import_run *r = d->run;
    fk_import__message_begin(r, NULL, 0);
    if (d->mailbox->section)
        fk_fields_add_str(&r->fields, "mailbox-name", d->mailbox->section);
    enum fk_status st = fk_imap_fetch(d->box, m->uid, data_take, r, err);
    if (st == FK_FULL) /* broken, and told */
        return FK_OK;
    if (st == FK_NOT_FOUND) {
        fk_import__message_break(r, err->text);
        return FK_OK;
    }
    if (st != FK_OK)
        return st;
    size_compare(r, m->bytes);
    fk_import__message_end(r);
    return FK_OK;
}

static enum fk_status message_take(struct drain *d, const struct fk_imap_message *m,
                                   struct fk_err *err) {
    enum fk_status st = FK_OK;
    uint64_t seq;
    message_name(d, m->uid);
    if (was_brought(d, FK_ITEM_UID, m->uid, &seq)) {
        earlier_tell(d, m->uid, seq, false);
    } else if (was_brought(d, FK_ITEM_DOUBTED, m->uid, &seq)) {
        earlier_tell(d, m->uid, seq, true);
    } else {
        for (int i = 0; i < TRIES; i++) {
            st = message_fetch(d, m, err);
            if (st != FK_RETRY)
                break;
            d->run->window.sum.read--; /* it will be read again */
        }
    }
    fk_import__progress(d->run, m->bytes);
    return st == FK_OK ? d->run->st : st;
}

/* ---- the mailbox */

static bool is_turn_over(const struct drain *d) {
    return d->until_ms && fk_monotonic_ms() >= d->until_ms;
}

static enum fk_status listed_take(struct drain *d, const struct fk_imap_list *list,
                                  struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < list->count; i++)
        d->run->all_bytes += list->at[i].bytes;
    for (size_t i = 0; i < list->count && st == FK_OK && !d->mailbox->is_paused; i++) {
        st = message_take(d, &list->at[i], err);
        if (st == FK_OK)
            d->mailbox->next_uid = list->at[i].uid + 1;
        if (st == FK_OK && d->gone_count >= DELETE_AT)
            st = gone_delete(d, err);
        d->mailbox->is_paused = i + 1 < list->count && is_turn_over(d);
    }
    /* What is with the pen may still be kept, whatever has become of the server. */
    if (d->run->st == FK_OK)
        d->run->st = fk_import__window_drain(&d->run->window, d->run->err);
    if (st == FK_OK)
        st = d->run->st;
    if (st == FK_OK && d->gone_count)
        st = gone_delete(d, err);
    return st;
}

static enum fk_status mailbox_drain(struct drain *d, struct fk_err *err) {
    struct fk_import_mailbox *m = d->mailbox;
    struct fk_imap_list list = {0};
    enum fk_status st;
    uint32_t validity;
    do {
        FK_TRY(fk_imap_select(d->box, &validity, err));
        if (validity != m->validity)
            m->next_uid = 1;
        m->validity = validity;
        FK_TRY(fk_imap_list(d->box, m->next_uid, &list, err));
        FK_TRY(listed_take(d, &list, err));
    } while (list.count == FK_IMAP_LIST_MAX && m->next_uid && !m->is_paused);
done:
    fk_imap_list_free(&list);
    return st;
}

enum fk_status fk_import_imap(const struct fk_import_options *options,
                              struct fk_import_mailbox *mailbox, struct fk_import_sum *out,
                              struct fk_err *err) {
    struct fk_err unheard = FK_ERR_INIT, why = FK_ERR_INIT;
    struct drain d = {.mailbox = mailbox};
    enum fk_status st, ended;
    if (!options->job)
        return fk_fail(err, FK_INVALID, "a mailbox is imported as a job");
    mailbox->is_paused = mailbox->is_pen_spoiled = false;
    if (mailbox->turn_ms)
        d.until_ms = fk_monotonic_ms() + mailbox->turn_ms;
    FK_TRY(fk_imap_open(&mailbox->where, &d.box, err));
    FK_TRY(fk_import__run_new(options, &d.run, err ? err : &unheard));
    d.run->path = fk_imap_name(d.box);
    if (mailbox->delete_after) {
        d.run->window.brought = brought;
        d.run->window.brought_ctx = &d;
    }
    st = mailbox_drain(&d, &why);
    if (d.run->st == FK_OK && st != FK_OK)
        (void)fk_fail(err, st, "%s", why.text);
    d.run->window.brought = NULL; /* what is kept from here on is deleted the next time */
    ended = fk_import__run_end(&d.run, out);
    mailbox->is_pen_spoiled = ended != FK_OK;
    st = ended != FK_OK ? ended : st;
done:
    free(d.gone);
    fk_imap_close(&d.box);
    return st;
}
