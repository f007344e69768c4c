/* dot.c by way of the SMTP machine: what ends a message, what does not, and which bytes come out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "archiver/intake/smtp_session.h"
#include "tests/unit/support/record.h"

static const struct fk_smtp_options smtp = FK_SMTP_OPTIONS;

/* Feeds a message in two pieces and answers how many were kept; told and message are in r. */
static unsigned kept_when_cut(const struct fk_buf *wire, size_t cut, struct record *r,
                              struct fk_buf *replies) {
    fk_buf_reset(&r->told);
    r->kept = 0;
    struct fk_smtp *s = in_data(&smtp, r, replies);
    feed(s, r, replies, (char *)wire->data, cut);
    feed(s, r, replies, (char *)wire->data + cut, wire->len - cut);
    fk_smtp_free(&s);
    return r->kept;
}

/* What must come out: a dot that begins a line (after CR LF, nowhere else) is gone. */
static void unstuff(const struct fk_buf *wire, struct fk_buf *out) {
    fk_buf_reset(out);
    for (size_t i = 0; i < wire->len - 3; i++) /* without the final dot and its CR LF */
        if (wire->data[i] != '.' || i < 2 || wire->data[i - 1] != '\n' || wire->data[i - 2] != '\r')
            fk_buf_byte(out, wire->data[i]);
}

static const char evil[] = "MAIL FROM:<evil@x>\r\nRCPT TO:<u@x>\r\nDATA\r\nevil";

/* One message, with all that follows the variant in it, wherever it is cut. */
static void variant_try(const char *end, size_t len, struct record *r, struct fk_buf *replies,
                        struct fk_buf *wire, struct fk_buf *want) {
    fk_buf_reset(wire);
    fk_buf_byte(wire, 'a');
    fk_buf_add(wire, end, len);
    fk_buf_add(wire, evil, sizeof evil - 1);
    fk_buf_str(wire, "\r\n.\r\n");
    unstuff(wire, want);
    for (size_t cut = 0; cut <= len + 2; cut++) {
        unsigned kept = kept_when_cut(wire, cut, r, replies);
        if (kept == 1 && r->message.len == want->len &&
            memcmp(r->message.data, want->data, want->len) == 0)
            continue;
        char name[64] = "";
        for (size_t i = 0; i < len; i++)
            snprintf(name + 3 * i, 4, "%02x ", (unsigned char)end[i]);
        fail_msg("%s cut at %zu: %u messages: %s", name, cut, kept, fk_buf_cstr(&r->told));
    }
}

/* CVE-2023-51764 and its kin: what another server takes for the end of a message is not ours. First
 * those that were used, by name; then every string of CR, LF, dot and NUL up to six bytes. */
static void no_other_line_end_ends_a_message(void **state) {
    (void)state;
    static const struct {
        const char *name, *bytes;
        size_t len;
    } known[] = {
#define VARIANT(text) {#text, text, sizeof text - 1}
        VARIANT("\n.\n"),         VARIANT("\n.\r\n"),       VARIANT("\r.\r"),
        VARIANT("\r\n.\n"),       VARIANT("\r\n.\r"),       VARIANT("\r.\r\n"),
        VARIANT("\n.\r"),         VARIANT("\r.\n"),         VARIANT("\r\r\n.\r\r\n"),
        VARIANT("\r\n.\r\r\n"),   VARIANT("\r\n..\r\n"),    VARIANT("\r\n.\0\r\n"),
        VARIANT("\r\n\0.\r\n"),   VARIANT("\r\0\n.\r\n"),   VARIANT("\r\n.\r\0\n"),
        VARIANT("\0\r\n.\0\r\n"), VARIANT("\n\r.\r\n"),     VARIANT("\r\n. \r\n"),
        VARIANT("\r\n .\r\n"),    VARIANT("\n\n.\r\n\r\n"), VARIANT("\r\n.\t\r\n"),
        VARIANT("\r\n.\x85"),     VARIANT("\x0b.\x0b"),     VARIANT("\x0c.\r\n"),
        VARIANT("\r\n\r.\r\n")};
    static const char alphabet[] = {'\r', '\n', '.', 0};
    struct record r = {0};
    struct fk_buf replies = FK_BUF_INIT, wire = FK_BUF_INIT, want = FK_BUF_INIT;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        variant_try(known[i].bytes, known[i].len, &r, &replies, &wire, &want);
    for (unsigned len = 1; len <= 6; len++)
        for (unsigned n = 0; n < 1u << 2 * len; n++) {
            char end[6];
            for (unsigned i = 0; i < len; i++)
                end[i] = alphabet[n >> 2 * i & 3];
            if (!memmem(end, len, "\r\n.\r\n", 5)) /* that one does end it */
                variant_try(end, len, &r, &replies, &wire, &want);
        }
    fk_buf_free(&replies);
    fk_buf_free(&wire);
    fk_buf_free(&want);
    record_free(&r);
}

static void odd_bytes_are_kept_and_flagged(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *flags;
    } cases[] = {
        {"a\r\n", 3, ""},
        {"a\nb\r\n", 5, "flags bare-lf|"},
        {"\na\r\n", 4, "flags bare-lf|"},
        {"a\rb\r\n", 5, "flags bare-cr|"},
        {"a\r\r\n", 4, "flags bare-cr|"},
        {"a\0b\r\n", 5, "flags nul|"},
        {"a\rb\nc\0d\r\n", 9, "flags bare-lf bare-cr nul|"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 1; piece <= cases[i].len; piece++) {
            struct record r = {0};
            struct fk_buf replies = FK_BUF_INIT;
            struct fk_smtp *s = in_data(&smtp, &r, &replies);
            for (size_t k = 0; k < cases[i].len; k += piece)
                feed(s, &r, &replies, cases[i].bytes + k,
                     cases[i].len - k < piece ? cases[i].len - k : piece);
            feed(s, &r, &replies, ".\r\n", 3);
            assert_int_equal(r.message.len, cases[i].len);
            assert_memory_equal(r.message.data, cases[i].bytes, cases[i].len);
            const char *flags = strstr(fk_buf_cstr(&r.told), "t@x|") + 4;
            if (strncmp(flags, cases[i].flags, strlen(cases[i].flags)) != 0 ||
                flags[strlen(cases[i].flags)] != '{')
                fail_msg("case %zu: %s", i, flags);
            fk_smtp_free(&s);
            fk_buf_free(&replies);
            record_free(&r);
        }
}

static uint64_t random_next(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* What a client does to send bytes; they end with CR LF or are none. */
static void stuff(struct fk_buf *out, const struct fk_buf *in) {
    for (size_t i = 0; i < in->len; i++) {
        bool start = i == 0 || (i >= 2 && in->data[i - 1] == '\n' && in->data[i - 2] == '\r');
        if (start && in->data[i] == '.')
            fk_buf_byte(out, '.');
        fk_buf_byte(out, in->data[i]);
    }
    fk_buf_str(out, ".\r\n");
}

static void random_bytes_come_out_as_they_went_in(void **state) {
    (void)state;
    uint64_t seed = 2;
    for (int round = 0; round < 20000; round++) {
        struct record r = {0};
        struct fk_buf replies = FK_BUF_INIT, in = FK_BUF_INIT, wire = FK_BUF_INIT;
        for (size_t n = random_next(&seed) % 40; n; n--)
            fk_buf_byte(&in, (uint8_t) "\r\n\r\n...a\0b"[random_next(&seed) % 10]);
        if (in.len)
            fk_buf_str(&in, "\r\n");
        stuff(&wire, &in);
        struct fk_smtp *s = in_data(&smtp, &r, &replies);
        for (size_t at = 0; at < wire.len;) {
            size_t n = 1 + random_next(&seed) % 12;
            n = n < wire.len - at ? n : wire.len - at;
            feed(s, &r, &replies, (char *)wire.data + at, n);
            at += n;
        }
        assert_int_equal(r.kept, 1);
        assert_int_equal(r.message.len, in.len);
        if (in.len)
            assert_memory_equal(r.message.data, in.data, in.len);
        fk_smtp_free(&s);
        fk_buf_free(&replies);
        fk_buf_free(&in);
        fk_buf_free(&wire);
        record_free(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_other_line_end_ends_a_message),
        cmocka_unit_test(odd_bytes_are_kept_and_flagged),
        cmocka_unit_test(random_bytes_come_out_as_they_went_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
