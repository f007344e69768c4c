/* import_message.c - the bytes of a message into a memory file, the envelope behind them; whether
 * this import has met it before. */
#include "archiver/intake/import_priv.h"
#include "archiver/intake/mail_date.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void fk_import__message_begin(struct fk_import_run *r, const char *from_line, size_t len) {
    fk_mailfile_drop(&r->file);
    fk_buf_reset(&r->head);
    fk_buf_reset(&r->note);
    fk_buf_reset(&r->fields);
    fk_buf_reset(&r->from_line);
    fk_buf_add(&r->from_line, from_line, len);
    fk_digest_reset(r->digest);
    r->has_from_line = from_line != NULL;
    r->broken = r->st != FK_OK;
    r->window.sum.read++;
}

void fk_import__message_break(struct fk_import_run *r, const char *reason) {
    if (r->broken)
        return;
    r->broken = true;
    fk_mailfile_drop(&r->file);
    fk_import__refuse(&r->window, r->path, r->at, reason);
}

void fk_import__message_data(struct fk_import_run *r, const void *data, size_t len) {
    struct fk_err err = FK_ERR_INIT;
    char reason[100];
    if (r->broken)
        return;
    if (r->head.len < FK_IMPORT_HEAD)
        fk_buf_add(&r->head, data, len < FK_IMPORT_HEAD ? len : FK_IMPORT_HEAD);
    if (r->file.bytes + len > r->options->size_limit) {
        snprintf(reason, sizeof reason, "a message of over %llu bytes; raise in-flight for it",
                 (unsigned long long)r->options->size_limit);
        fk_import__message_break(r, reason);
        return;
    }
    fk_digest_add(r->digest, data, len);
    if (fk_mailfile_add(&r->file, data, len, &err) != FK_OK)
        fk_import__message_break(r, err.text);
}

void fk_import__message_settle(struct fk_import_run *r) {
    struct fk_err err = FK_ERR_INIT;
    if (!r->broken && fk_mailfile_settle(&r->file, &err) != FK_OK)
        fk_import__message_break(r, err.text);
}

static void envelope_make(struct fk_import_run *r, struct fk_buf *fields) {
    char text[FK_TIME_SIZE];
    int64_t derived;
    const char *from_line = r->has_from_line ? (const char *)r->from_line.data : NULL;
    fk_time_format(text, fk_now_ms());
    fk_fields_add_str(fields, "received", text);
    fk_fields_add_str(fields, "via", "import");
    fk_fields_add_str(fields, "journal", r->options->journal ? "trusted" : "claimed");
    fk_fields_add_str(fields, "origin", r->path);
    if (*r->at)
        fk_fields_add_str(fields, "origin-at", r->at);
    if (r->has_from_line)
        fk_fields_add(fields, "from-line", r->from_line.data, r->from_line.len);
    if (r->derived_ms) {
        fk_time_format(text, r->derived_ms);
        fk_fields_add_str(fields, "date-derived", text);
    } else if (fk_mail_date_derive(from_line, r->from_line.len, (const char *)r->head.data,
                                   r->head.len, &derived)) {
        fk_time_format(text, derived);
        fk_fields_add_str(fields, "date-derived", text);
    }
    fk_buf_add(fields, r->fields.data, r->fields.len);
    if (r->more)
        fk_buf_add(fields, r->more->data, r->more->len);
    fields->failed |= r->from_line.failed || r->head.failed || r->fields.failed;
}

/* ---- has it been met before? */

/* The value of a header field, folded lines and all, without white space around it; NULL: none. */
static const char *header_find(const struct fk_buf *head, const char *name, size_t *len_out) {
    const char *at = (const char *)head->data, *end = at + head->len;
    size_t name_len = strlen(name);
    while (at < end && *at != '\n' && *at != '\r') {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        while (lf && lf + 1 < end && (lf[1] == ' ' || lf[1] == '\t'))
            lf = memchr(lf + 1, '\n', (size_t)(end - lf - 1));
        const char *line_end = lf ? lf : end;
        if ((size_t)(line_end - at) > name_len && strncasecmp(at, name, name_len) == 0 &&
            at[name_len] == ':') {
            at += name_len + 1;
            while (at < line_end && strchr(" \t\r\n", *at))
                at++;
            while (line_end > at && strchr(" \t\r\n", line_end[-1]))
                line_end--;
            *len_out = (size_t)(line_end - at);
            return at;
        }
        at = lf ? lf + 1 : end;
    }
    return NULL;
}

/* Zeros where the message has none: two of them have nothing in common then. */
static void message_id_take(const struct fk_buf *head, uint8_t out[FK_IMPORT_KEY]) {
    uint8_t whole[FK_SHA256_BYTES];
    size_t len;
    const char *id = header_find(head, "message-id", &len);
    memset(out, 0, FK_IMPORT_KEY);
    if (!id || !len)
        return;
    fk_sha256(id, len, whole);
    memcpy(out, whole, FK_IMPORT_KEY);
}

static bool is_known_id(struct fk_import_window *w, const struct fk_import_item *item) {
    static const uint8_t none[FK_IMPORT_KEY];
    return memcmp(item->message_id, none, sizeof none) != 0 &&
           fk_import_map_find(&w->message_ids, item->message_id);
}

/* Whether it is what its source's own records say. */
static void expectation_tell(struct fk_import_run *r, const uint8_t whole[FK_SHA256_BYTES]) {
    char got[2 * FK_SHA256_BYTES + 1], text[2 * FK_SHA256_BYTES + 20];
    if (!*r->expected)
        return;
    fk_hex(got, whole, FK_SHA256_BYTES);
    const bool same = strcmp(got, r->expected) == 0;
    snprintf(text, sizeof text, "%s %s", r->expected, same ? "matches" : "differs");
    fk_fields_add_str(&r->fields, "origin-digest", text);
    if (!same)
        fk_buf_printf(&r->note,
                      "%sits bytes are not those that its archive recorded the SHA-256 of",
                      r->note.len ? "; " : "");
}

/* What it is to this import; false: no memory. */
static bool item_judge(struct fk_import_run *r, struct fk_import_item *item) {
    static const uint8_t none[FK_IMPORT_KEY];
    struct fk_import_window *w = &r->window;
    uint8_t whole[FK_SHA256_BYTES];
    fk_digest_end(r->digest, whole);
    memcpy(item->digest, whole, sizeof item->digest);
    expectation_tell(r, whole);
    message_id_take(&r->head, item->message_id);
    struct fk_import_place *place = fk_import_map_put(&w->digests, item->digest);
    if (!place)
        return false;
    uint64_t times = ++place->a;
    item->outcome = times > 1              ? FK_IMPORT_SAME
                    : is_known_id(w, item) ? FK_IMPORT_VERSION
                                           : FK_IMPORT_NEW;
    if (memcmp(item->message_id, none, sizeof none) != 0 &&
        !fk_import_map_put(&w->message_ids, item->message_id))
        return false;
    item->receipt.seq = UINT64_MAX;
    if (r->options->job) {
        if (r->source_id_len)
            fk_import_job__item(r->options->job, r->is_doubted ? FK_ITEM_DOUBTED : FK_ITEM_UID,
                                r->source_id, r->source_id_len, r->uid, &item->id);
        else
            fk_import_job__item(r->options->job, "bytes", whole, sizeof whole, times, &item->id);
        if (fk_import_job__has(r->options->job, &item->id, &item->receipt.seq))
            item->outcome = FK_IMPORT_EARLIER;
    }
    item->uid = r->uid;
    item->is_doubted = r->is_doubted;
    item->done = item->outcome == FK_IMPORT_EARLIER ||
                 (item->outcome == FK_IMPORT_SAME && r->options->skip_same);
    return true;
}

static bool texts_take(struct fk_import_run *r, struct fk_import_item *item) {
    item->path = strdup(r->path);
    item->at = strdup(r->at);
    item->note = strdup(fk_buf_cstr(&r->note));
    return item->path && item->at && item->note;
}

void fk_import__message_end(struct fk_import_run *r) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf fields = FK_BUF_INIT;
    struct fk_import_item item = {.file = FK_MAILFILE_INIT};
    if (r->broken)
        return;
    r->window.sum.bytes += r->file.bytes;
    if (!item_judge(r, &item) || !texts_take(r, &item)) {
        r->st = fk_fail(r->err, FK_NOMEM, "%s: no memory to import", r->path);
        fk_import__item_free(&item);
        return;
    }
    if (!item.done) {
        envelope_make(r, &fields);
        if (fk_mailfile_finish(&r->file, &fields, &err) != FK_OK) {
            fk_import__message_break(r, err.text);
            fk_import__item_free(&item);
            goto done;
        }
        item.file = r->file;
        r->file = (struct fk_mailfile)FK_MAILFILE_INIT;
    }
    r->st = fk_import__window_add(&r->window, &item, r->err);
done:
    fk_buf_free(&fields);
}
