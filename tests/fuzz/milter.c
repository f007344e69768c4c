/* What a milter is told (archiver/milter/capture.h), in any order and of any bytes: the message is
 * the pieces put together as the header says, or nothing is, within the limits, and the budget is
 * given back whole. The frames themselves are libmilter's (case 1272 sends it hostile ones).
 *
 * Input: a byte (1: a size limit of 300 bytes, 2: a budget of 400), then pieces: a byte (which),
 * one or two texts up to 0xff each. */
#include "archiver/milter/capture.h"
#include "archiver/vault/envelope.h"
#include "base/io.h"
#include "tests/fuzz/support/fuzz.h"

enum { FIELD, PATH, HEADER, LEADING_HEADER, HEADER_END, BODY, PIECES };

static void text_take(struct fuzz_input *in, struct fk_buf *out) {
    const struct fuzz_input text = fuzz_until(in, 0xff);
    fk_buf_reset(out);
    fk_buf_add(out, text.at, text.len);
}

/* As the wire most likely had it. */
static void header_expect(struct fk_buf *want, const char *name, const char *value, bool exact) {
    fk_buf_str(want, name);
    fk_buf_str(want, exact ? ":" : ": ");
    for (const char *c = value; *c; c++) {
        if (*c == '\n' && !(c > value && c[-1] == '\r'))
            fk_buf_byte(want, '\r');
        fk_buf_byte(want, (uint8_t)*c);
    }
    fk_buf_str(want, "\r\n");
}

static void piece_take(struct fuzz_input *in, struct fk_capture *c, struct fk_buf *want) {
    struct fk_buf one = FK_BUF_INIT, two = FK_BUF_INIT;
    const unsigned what = fuzz_byte(in) % PIECES;
    text_take(in, &one);
    if (what == HEADER || what == LEADING_HEADER)
        text_take(in, &two);
    const char *words[] = {fk_buf_cstr(&one), "SIZE=1", NULL};
    if (what == FIELD)
        fk_capture_field(c, "helo", words[0]);
    else if (what == PATH)
        fk_capture_path(c, "rcpt-to", words);
    else if (what == BODY) {
        fk_capture_body(c, one.data, one.len);
        fk_buf_add(want, one.data, one.len);
    } else if (what == HEADER_END) {
        fk_capture_header_end(c);
        fk_buf_str(want, "\r\n");
    } else {
        fk_capture_header(c, words[0], fk_buf_cstr(&two), what == LEADING_HEADER);
        header_expect(want, words[0], fk_buf_cstr(&two), what == LEADING_HEADER);
    }
    fk_buf_free(&one);
    fk_buf_free(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    const unsigned limits = fuzz_byte(&in);
    const uint64_t size_limit = limits & 1 ? 300 : 1 << 20;
    struct fk_budget budget = {.limit = limits & 2 ? 400 : 4 << 20};
    struct fk_capture c = FK_CAPTURE_INIT;
    struct fk_buf want = FK_BUF_INIT, got = FK_BUF_INIT;
    const struct fk_buf first = FK_BUF_INIT;
    fk_capture_begin(&c, &budget, size_limit);
    while (in.len) {
        piece_take(&in, &c, &want);
        MUST(budget.used <= budget.limit && (c.failed == FK_OK || budget.used == 0));
    }
    const enum fk_status st = fk_capture_finish(&c, &first);
    if (st == FK_OK) {
        MUST(c.file.bytes == want.len && want.len <= size_limit);
        MUST(fk_buf_reserve(&got, want.len + 1));
        DONE(fk_pread_full(c.file.fd, got.data, want.len, 0, "capture", NULL));
        MUST(fuzz_same(got.data, want.len, want.data, want.len));
    } else {
        MUST(st == FK_FULL || st == FK_INVALID);
        MUST(st != FK_INVALID || want.len > size_limit);
        MUST(budget.used == 0);
    }
    fk_capture_drop(&c);
    MUST(budget.used == 0);
    fk_buf_free(&want);
    fk_buf_free(&got);
    return 0;
}
