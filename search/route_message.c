/*
 * route_message.c - GET /api/v1/messages/SEQ and .../raw: one message, after the act that says so.
 *
 * The lock is held while pen and desk are asked, not while a box reads the message.
 */
#include "archiver/vault/envelope.h"
#include "search/message_record.h"
#include "search/routes_priv.h"
#include <stdio.h>

struct opened {
    struct fk_buf line;
    struct fk_entry entry; /* borrowed from line */
    struct fk_content content;
    struct fk_envelope envelope; /* borrowed from content */
    uint64_t act;
};
#define OPENED_INIT                                                                                \
    {                                                                                              \
        .line = FK_BUF_INIT, .content = { NULL, NULL, 0, -1 }                                      \
    }

static void opened_free(struct opened *o) {
    fk_content_free(&o->content);
    fk_buf_free(&o->line);
}

/* The entry's line; it has no personal data and needs no act. */
static enum fk_status read_line(struct fk_web *web, uint64_t seq, struct opened *o,
                                struct fk_err *err) {
    enum fk_status st = fk_lend_lines(web->lend, seq, &o->line, err);
    if (st == FK_NOT_FOUND)
        return fk_fail(err, st, "there is no entry %llu", (unsigned long long)seq);
    if (st != FK_OK)
        return st;
    const uint8_t *lf = memchr(o->line.data, '\n', o->line.len);
    if (lf != NULL)
        o->line.len = (size_t)(lf + 1 - o->line.data);
    if ((st = fk_entry_read(o->line.data, o->line.len, &o->entry, err)) != FK_OK)
        return st;
    if (!fk_entry_is(&o->entry, "mail"))
        return fk_fail(err, FK_NOT_FOUND, "entry %llu is no message but of kind %s",
                       (unsigned long long)seq, o->entry.kind);
    return FK_OK;
}

static enum fk_status record(struct fk_web *web, const struct fk_http_request *request,
                             uint64_t seq, const char *part, struct opened *o, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char fields[64];
    size_t len;
    const char *reason = fk_routes__arg(request, "reason", &len);
    fk_fields_add_str(&body, "person", web->person);
    fk_fields_add_str(&body, "via", "web");
    if (reason != NULL)
        fk_fields_add(&body, "reason", reason, len);
    fk_fields_add_str(&body, "part", part);
    (void)snprintf(fields, sizeof fields, "what=show of=%llu", (unsigned long long)seq);
    struct fk_record act = {.kind = "act", .fields = fields, .body = &body};
    enum fk_status st = body.failed ? fk_fail(err, FK_NOMEM, "out of memory for an act")
                                    : fk_keep_append(web->keep, &act, &receipt, err);
    fk_buf_free(&body);
    if (st == FK_OK)
        o->act = receipt.seq;
    else
        (void)fk_err_prefix(err, "the look cannot be recorded, so nothing is shown");
    return st;
}

static enum fk_status open_locked(struct fk_web *web, const struct fk_http_request *request,
                                  uint64_t seq, const char *part, struct opened *o,
                                  struct fk_err *err) {
    enum fk_status st = FK_OK;
    FK_TRY(read_line(web, seq, o, err));
    FK_TRY(record(web, request, seq, part, o, err));
    FK_TRY(fk_lend_content(web->lend, seq, o->act, &o->content, err));
    FK_TRY(fk_envelope_split(o->content.bytes, o->content.len, &o->envelope, err));
done:
    return st;
}

/* Everything up to the bytes; a failure is already in the reply. */
static bool open_message(struct fk_web *web, const struct fk_http_request *request, uint64_t seq,
                         const char *part, struct opened *o, struct fk_http_reply *reply) {
    struct fk_err err = FK_ERR_INIT;
    (void)pthread_mutex_lock(&web->lock);
    enum fk_status st = open_locked(web, request, seq, part, o, &err);
    (void)pthread_mutex_unlock(&web->lock);
    if (st != FK_OK)
        fk_routes__fail(reply, &err, NULL);
    return st == FK_OK;
}

/* ---- the parts of the answer */

static json_t *entry_json(const struct opened *o) {
    static const char *const names[] = {"source", "floor", "size", "c256", "c512"};
    char value[200];
    json_t *entry =
        json_pack("{s:s, s:o, s:o}", "kind", o->entry.kind, "time", fk_json_time(o->entry.time_ms),
                  "line", fk_json_text((const char *)o->line.data, o->line.len - 1));
    for (size_t i = 0; entry != NULL && i < sizeof names / sizeof *names; i++)
        if (fk_entry_field(&o->entry, names[i], value, sizeof value))
            (void)json_object_set_new(entry, names[i], json_string(value));
    return entry;
}

static json_t *envelope_json(const struct opened *o) {
    json_t *list = json_array();
    struct fk_buf value = FK_BUF_INIT;
    struct fk_field field;
    struct fk_fields it = fk_fields_begin(o->envelope.fields, o->envelope.fields_len);
    while (fk_fields_next(&it, &field)) {
        fk_buf_reset(&value);
        fk_field_value(&field, &value);
        (void)json_array_append_new(
            list, json_pack("{s:o, s:o}", "name", fk_json_text(field.name, field.name_len), "value",
                            fk_json_text((const char *)value.data, value.len)));
    }
    fk_buf_free(&value);
    return list;
}

/* What the index has for display, and who had it; null while it has not read the message. */
static void index_json(struct fk_web *web, uint64_t seq, json_t **headers, json_t **provenance) {
    struct fk_message_record m = FK_MESSAGE_RECORD_INIT;
    const struct fk_seqs none = {NULL, 0, 0, false};
    *headers = json_null();
    *provenance = json_null();
    (void)pthread_mutex_lock(&web->lock);
    enum fk_status st = fk_message_record_read(web->options.dir, web->lend, seq, &m, NULL);
    (void)pthread_mutex_unlock(&web->lock);
    if (st == FK_OK) {
        const struct fk_hit hit = {seq, 0,   (const char *)m.data.data, m.data.len, &none, &m.known,
                                   0,   NULL};
        static const char *const not_headers[] = {"received", "captures",   "capture_seqs", "seq",
                                                  "bcc",      "deliveries", "notice"};
        *headers = fk_json_hit(&hit);
        for (size_t i = 0; i < sizeof not_headers / sizeof *not_headers; i++)
            (void)json_object_del(*headers, not_headers[i]);
        *provenance = fk_json_provenance(&m);
    }
    fk_message_record_free(&m);
}

void fk_routes__message(struct fk_web *web, const struct fk_http_request *request, uint64_t seq,
                        struct fk_http_reply *reply) {
    struct opened o = OPENED_INIT;
    struct fk_buf text = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    if (open_message(web, request, seq, "text", &o, reply)) {
        enum fk_status st = fk_index_message_text(o.content.fd, &web->options.index, &text, &err);
        json_t *headers, *provenance;
        index_json(web, seq, &headers, &provenance);
        fk_routes__json(
            reply,
            json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:o, s:o}", "seq", (json_int_t)seq,
                      "act", (json_int_t)o.act, "entry", entry_json(&o), "envelope",
                      envelope_json(&o), "headers", headers, "provenance", provenance, "bytes",
                      (json_int_t)o.envelope.message_len, "text",
                      st == FK_OK ? fk_json_text((const char *)text.data, text.len) : json_null(),
                      "text_problem",
                      st == FK_OK ? json_null() : fk_json_text(err.text, strlen(err.text))));
    }
    fk_buf_wipe(&text);
    opened_free(&o);
}

void fk_routes__raw(struct fk_web *web, const struct fk_http_request *request, uint64_t seq,
                    struct fk_http_reply *reply) {
    struct opened o = OPENED_INIT;
    if (open_message(web, request, seq, "raw", &o, reply)) {
        reply->type = "message/rfc822";
        reply->fd_at = (uint64_t)(o.envelope.message - o.content.salt);
        reply->len = o.envelope.message_len;
        (void)snprintf(reply->attachment, sizeof reply->attachment, "fumikura-%llu.eml",
                       (unsigned long long)seq);
        reply->fd = o.content.fd;
        o.content.fd = -1;
    }
    opened_free(&o);
}
