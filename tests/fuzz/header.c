/* Header fields, charsets and HTML (indexer/reading/header_priv.h, charset_priv.h, html_priv.h):
 * any bytes give UTF-8, and no more of it than they can stand for. Input: a byte, which of them;
 * for charsets the declared name and a line end come next. */
#include "indexer/reading/charset_priv.h"
#include "indexer/reading/header_priv.h"
#include "indexer/reading/html_priv.h"
#include "tests/fuzz/support/fuzz.h"

struct heard {
    size_t bytes, count;
};

static enum fk_status on_value(void *ctx, const char *value, size_t len, struct fk_err *err) {
    struct heard *h = ctx;
    (void)err;
    MUST(fuzz_is_utf8(value, len));
    h->bytes += len;
    h->count++;
    return FK_OK;
}

static enum fk_status on_mailbox(void *ctx, const struct fk_mailbox *m, struct fk_err *err) {
    DONE(on_value(ctx, m->name, m->name_len, err));
    return on_value(ctx, m->address, m->address_len, err);
}

static void params_check(const char *raw, size_t len) {
    char first[64];
    bool clean = true;
    struct heard h = {0, 0};
    DONE(fk_params__each(raw, len, "filename", on_value, &h, &clean, NULL));
    MUST(h.count <= len && h.bytes <= 4096 + 64 * len);
    DONE(fk_params__first(raw, len, "charset", first, sizeof first, NULL));
    MUST(memchr(first, 0, sizeof first));
}

static void charset_check(struct fuzz_input in, struct fk_buf *out, bool *clean) {
    char name[64] = "";
    const struct fuzz_input declared = fuzz_until(&in, '\n');
    memcpy(name, declared.at, declared.len < sizeof name ? declared.len : sizeof name - 1);
    DONE(fk_charset__decode(name[0] ? name : NULL, in.at, in.len, out, clean, NULL));
    if (fuzz_is_utf8(in.at, in.len)) {
        MUST(fk_charset__is_utf8(in.at, in.len));
        if (strcasecmp(name, "utf-8") == 0 &&
            !(in.len >= 3 && memcmp(in.at, "\xef\xbb\xbf", 3) == 0))
            MUST(*clean && fuzz_same(out->data, out->len, in.at, in.len));
    } else
        MUST(!fk_charset__is_utf8(in.at, in.len));
}

static void html_check(const struct fuzz_input *in, struct fk_buf *out) {
    char name[64];
    fk_html__charset(in->at, in->len, name, sizeof name);
    MUST(memchr(name, 0, sizeof name));
    bool clean;
    struct fk_buf utf8 = FK_BUF_INIT;
    DONE(fk_charset__decode("utf-8", in->at, in->len, &utf8, &clean,
                            NULL)); /* as reading.c gives it */
    DONE(fk_html__text((const char *)utf8.data, utf8.len, out, NULL));
    fk_buf_free(&utf8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static bool prepared;
    struct fuzz_input in = {data, len};
    struct fk_buf out = FK_BUF_INIT;
    struct heard h = {0, 0};
    bool clean = true;
    if (!prepared) {
        fk_charset__prepare();
        fk_html__prepare();
        prepared = true;
    }
    switch (fuzz_byte(&in) % 5) {
    case 0:
        DONE(fk_words__decode((const char *)in.at, in.len, &out, &clean, NULL));
        break;
    case 1:
        params_check((const char *)in.at, in.len);
        break;
    case 2:
        DONE(fk_addresses__each((const char *)in.at, in.len, on_mailbox, &h, &clean, NULL));
        MUST(h.count <= 2 * in.len + 2 && h.bytes <= 4096 + 64 * in.len);
        break;
    case 3:
        charset_check(in, &out, &clean);
        break;
    default:
        html_check(&in, &out);
        break;
    }
    MUST(fuzz_is_utf8(out.data, out.len) && out.len <= 4096 + 64 * in.len);
    fk_buf_free(&out);
    return 0;
}
