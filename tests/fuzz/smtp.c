/* An SMTP client's bytes (archiver/intake/smtp_session.h): the same bytes cut in other places are
 * the same messages, fields and replies; what the sink is told is in order; replies are of RFC
 * 5321's form.
 *
 * Input: a byte for the options, then flights of bytes with 0xfe between them, before which the
 * client reads. */
#include "archiver/intake/smtp_session.h"
#include "tests/fuzz/support/fuzz.h"

struct record {
    struct fk_buf told, replies;
    size_t message_len, message_at; /* at: in told */
    unsigned begun, reset, kept;
    bool is_open, whole, refuses;
    uint64_t limit;
};

static enum fk_status sink_begin(void *ctx, uint64_t announced) {
    struct record *r = ctx;
    MUST(!r->is_open);
    r->is_open = true;
    r->begun++;
    r->message_len = 0;
    r->whole = false;
    fk_buf_printf(&r->told, "begin %llu\n", (unsigned long long)announced);
    return r->refuses && announced % 7 == 6 ? FK_FULL : FK_OK;
}

static enum fk_status sink_field(void *ctx, const char *name, const void *value, size_t len) {
    struct record *r = ctx;
    MUST(r->is_open);
    MUST(len <= FK_SMTP_LINE_MAX);
    fk_buf_printf(&r->told, "%s ", name);
    fk_buf_add(&r->told, value, len);
    fk_buf_byte(&r->told, '\n');
    return r->refuses && len == 9 ? FK_RETRY : FK_OK;
}

static enum fk_status sink_data(void *ctx, const void *data, size_t len) {
    struct record *r = ctx;
    MUST(r->is_open && len);
    if (r->message_len == 0)
        r->message_at = r->told.len;
    r->message_len += len;
    MUST(r->message_len <= r->limit);
    fk_buf_add(&r->told, data, len);
    return FK_OK;
}

static enum fk_status sink_end(void *ctx) {
    struct record *r = ctx;
    MUST(r->is_open);
    fk_buf_printf(&r->told, "\nend %zu\n", r->message_len);
    if (r->refuses && r->message_len % 7 == 6)
        return FK_FULL;
    r->kept++;
    r->whole = true;
    return FK_OK;
}

static void sink_reset(void *ctx) {
    struct record *r = ctx;
    MUST(r->is_open);
    r->is_open = false;
    r->reset++;
    if (r->message_len && !r->whole) /* how much of it came before it was given up is left open */
        r->told.len = r->message_at;
    fk_buf_str(&r->told, "reset\n");
}

static const struct fk_smtp_sink sink = {sink_begin, sink_field, sink_data, sink_end, sink_reset};

static void replies_take(struct fk_smtp *s, struct record *r) {
    struct fk_buf *out = fk_smtp_replies(s);
    MUST(out->len < 65536);
    fk_buf_add(&r->replies, out->data, out->len);
    fk_buf_reset(out);
}

static void feed(struct fk_smtp *s, struct record *r, const uint8_t *data, size_t len) {
    size_t used = 0, said = 1;
    while (fk_smtp_state(s) != FK_SMTP_CLOSED && (used < len || said)) {
        const size_t n = fk_smtp_feed(s, data + used, len - used);
        MUST(n <= len - used);
        used += n;
        said = fk_smtp_replies(s)->len;
        replies_take(s, r);
        if (fk_smtp_state(s) == FK_SMTP_PENDING) {
            const struct fk_receipt receipt = {.status = r->kept % 5 == 4 ? FK_RETRY : FK_OK,
                                               .seq = r->kept,
                                               .c256 = "0123456789abcdefX"};
            fk_smtp_answer(s, &receipt);
            said = 1;
        } else
            MUST(n || said || used == len); /* or it would wait for ever */
    }
}

/* step: bytes a piece, 0: a flight at once. */
static struct record dialogue(const struct fk_smtp_options *o, bool refuses, struct fuzz_input in,
                              size_t step) {
    struct record r = {.refuses = refuses, .limit = o->size_limit};
    struct fk_smtp *s = NULL;
    DONE(fk_smtp_new(o, &sink, &r, &s, NULL));
    while (in.len && fk_smtp_state(s) != FK_SMTP_CLOSED) {
        const struct fuzz_input flight = fuzz_until(&in, 0xfe);
        for (size_t at = 0, n; at < flight.len; at += n) {
            n = step && step < flight.len - at ? step : flight.len - at;
            feed(s, &r, flight.at + at, n);
        }
    }
    replies_take(s, &r);
    fk_smtp_free(&s);
    MUST(!s && !r.is_open && r.begun == r.reset);
    return r;
}

static void replies_check(const struct fk_buf *b) {
    const char *at = (const char *)b->data, *end = at + b->len;
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        MUST(lf && lf - at >= 4 && lf - at < 1000);
        MUST(lf[-1] == '\r' && !memchr(at, '\r', (size_t)(lf - at) - 1) &&
             !memchr(at, 0, (size_t)(lf - at)));
        MUST(at[0] >= '2' && at[0] <= '5' && at[1] >= '0' && at[1] <= '9' && at[2] >= '0' &&
             at[2] <= '9');
        MUST(at[3] == ' ' || at[3] == '-');
        at = lf + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    const uint8_t how = fuzz_byte(&in);
    const bool small = how & 2;
    const struct fk_smtp_options o = {.hostname = "localhost",
                                      .lmtp = how & 1,
                                      .size_limit = small ? 64 : 1 << 20,
                                      .recipient_limit = small ? 2 : 100,
                                      .error_limit = small ? 3 : 20,
                                      .message_limit = small ? 2 : 0,
                                      .xforward = how & 8 ? FK_SMTP_XFORWARD_TAKEN
                                                          : FK_SMTP_XFORWARD_DENIED,
                                      .carried = how & 8 ? '+' : 0};
    struct record whole = dialogue(&o, how & 4, in, 0);
    struct record cut = dialogue(&o, how & 4, in, how >> 4 ? (size_t)(how >> 4) * 3 : 1);
    replies_check(&whole.replies);
    replies_check(&cut.replies);
    /* Whoever does not wait where he must is refused, and whether he does shows in what comes at
     * once. */
    if (!whole.replies.len || !memmem(whole.replies.data, whole.replies.len, "554 5.5.0", 9)) {
        MUST(fuzz_same(whole.told.data, whole.told.len, cut.told.data, cut.told.len));
        MUST(fuzz_same(whole.replies.data, whole.replies.len, cut.replies.data, cut.replies.len));
    }
    fk_buf_free(&whole.told);
    fk_buf_free(&whole.replies);
    fk_buf_free(&cut.told);
    fk_buf_free(&cut.replies);
    return 0;
}
