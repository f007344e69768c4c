/* json_delivery.c - what became of a message, as objects: by a log, and by notices. */
#include "indexer/record/delivery_record.h"
#include "search/json.h"
#include "search/message_record.h"

static json_t *text_json(const char *text) {
    return fk_json_text(text, strlen(text));
}

/* "-" stands for what is not said. */
static json_t *word_json(const char *word) {
    return strcmp(word, "-") == 0 || !*word ? json_null() : text_json(word);
}

json_t *fk_json_deliveries(const void *data, size_t len, const struct fk_provenance *known,
                           size_t max) {
    json_t *list = json_array();
    struct fk_delivery d = FK_DELIVERY_INIT;
    struct fk_fields it = fk_fields_begin(data, len);
    while (json_array_size(list) < max && fk_delivery_next(&it, &d))
        if (fk_provenance_has(known, d.capture))
            (void)json_array_append_new(list, json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o}",
                                                        "capture", (json_int_t)d.capture, "entry",
                                                        (json_int_t)d.entry, "to", text_json(d.to),
                                                        "status", word_json(d.status), "dsn",
                                                        word_json(d.dsn), "time", word_json(d.time),
                                                        "relay", word_json(d.relay)));
    fk_delivery_free(&d);
    return list;
}

static json_t *said_json(struct fk_notice *n) {
    json_t *one = json_pack("{s:o, s:o, s:o, s:o, s:o}", "to", word_json(n->to), "status",
                            word_json(n->status), "code", word_json(n->code), "host",
                            word_json(n->host), "words", word_json(fk_buf_cstr(&n->words)));
    if (*n->orig_to)
        (void)json_object_set_new(one, "original_to", text_json(n->orig_to));
    return one;
}

json_t *fk_json_notice(const void *data, size_t len, size_t max) {
    struct fk_notice n = FK_NOTICE_INIT;
    struct fk_fields it = fk_fields_begin(data, len);
    json_t *said = json_array(), *notice = NULL;
    uint64_t more = 0;
    while (fk_notice_next(&it, &n)) {
        if (json_array_size(said) < max)
            (void)json_array_append_new(said, said_json(&n));
        else
            more++;
    }
    more += n.left_out;
    if (*n.kind)
        notice = json_pack("{s:s, s:o, s:o, s:o, s:I, s:O}", "kind", n.kind, "by",
                           word_json(fk_buf_cstr(&n.by)), "about", word_json(fk_buf_cstr(&n.about)),
                           "envelope_id", word_json(fk_buf_cstr(&n.envelope)), "more",
                           (json_int_t)more, "says", said);
    json_decref(said);
    fk_notice_free(&n);
    return notice;
}

enum { RECIPIENTS_SHOWN = 1000 };

json_t *fk_json_notices(const struct fk_message_record *m) {
    json_t *list = json_array();
    for (size_t i = 0; i < m->notice_count; i++) {
        json_t *one =
            fk_json_notice(m->notices[i].data.data, m->notices[i].data.len, RECIPIENTS_SHOWN);
        if (one)
            (void)json_object_set_new(one, "seq", json_integer((json_int_t)m->notices[i].seq));
        (void)json_array_append_new(list, one);
    }
    return list;
}
