/* record.c - a sink that keeps everything, and a caller that does what callers do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "tests/unit/support/record.h"

static enum fk_status sink_begin(void *ctx, uint64_t announced) {
    struct record *r = ctx;
    r->begun++;
    fk_buf_reset(&r->message);
    fk_buf_printf(&r->told, "begin %llu|", (unsigned long long)announced);
    return r->begin_says;
}

static enum fk_status sink_field(void *ctx, const char *name, const void *value, size_t len) {
    struct record *r = ctx;
    fk_buf_printf(&r->told, "%s ", name);
    fk_buf_add(&r->told, value, len);
    fk_buf_byte(&r->told, '|');
    return FK_OK;
}

static enum fk_status sink_data(void *ctx, const void *data, size_t len) {
    struct record *r = ctx;
    fk_buf_add(&r->message, data, len);
    return r->data_says;
}

static enum fk_status sink_end(void *ctx) {
    struct record *r = ctx;
    if (r->end_says != FK_OK)
        return r->end_says;
    fk_buf_byte(&r->told, '{');
    fk_buf_add(&r->told, r->message.data, r->message.len);
    fk_buf_byte(&r->told, '}');
    r->kept++;
    return FK_OK;
}

static void sink_reset(void *ctx) {
    struct record *r = ctx;
    r->reset++;
}

static const struct fk_smtp_sink sink = {sink_begin, sink_field, sink_data, sink_end, sink_reset};

void record_free(struct record *r) {
    fk_buf_free(&r->told);
    fk_buf_free(&r->message);
}

struct fk_smtp *machine(const struct fk_smtp_options *options, struct record *r) {
    struct fk_smtp *s = NULL;
    assert_int_equal(fk_smtp_new(options, &sink, r, &s, NULL), FK_OK);
    return s;
}

void replies_take(struct fk_smtp *s, struct fk_buf *replies) {
    struct fk_buf *out = fk_smtp_replies(s);
    fk_buf_add(replies, out->data, out->len);
    fk_buf_reset(out);
}

void feed(struct fk_smtp *s, struct record *r, struct fk_buf *replies, const char *data,
          size_t len) {
    size_t used = 0;
    for (;;) {
        used += fk_smtp_feed(s, data + used, len - used);
        size_t said = fk_smtp_replies(s)->len;
        replies_take(s, replies);
        if (fk_smtp_state(s) == FK_SMTP_PENDING) {
            struct fk_receipt receipt = {
                .status = FK_OK, .seq = r->kept, .c256 = "0123456789abcdefX"};
            fk_smtp_answer(s, &receipt);
        } else if (fk_smtp_state(s) == FK_SMTP_STARTTLS) {
            fk_smtp_secured(s);
        } else if (fk_smtp_state(s) == FK_SMTP_CLOSED || (used == len && !said)) {
            break;
        }
    }
}

struct fk_smtp *in_data(const struct fk_smtp_options *options, struct record *r,
                        struct fk_buf *replies) {
    struct fk_smtp *s = machine(options, r);
    feed(s, r, replies, "EHLO a\r\n", 8);
    const char *group = "MAIL FROM:<f@x>\r\nRCPT TO:<t@x>\r\nDATA\r\n";
    feed(s, r, replies, group, strlen(group));
    assert_int_equal(fk_smtp_state(s), FK_SMTP_DATA);
    fk_buf_reset(replies);
    return s;
}
