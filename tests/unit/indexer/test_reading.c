/* Messages in, terms out, without the box: what is read of a message and what is left out. */
#include "base/pack.h"
#include "indexer/reading/html_priv.h"
#include "indexer/reading/mime_priv.h"
#include "indexer/reading/sink_priv.h"
#include "indexer/store/texts_priv.h"
#include "indexer/text/fold_priv.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/sketch.h"
#include "indexer/text/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static struct fk_err err;

struct answer {
    struct fk_buf bytes, text; /* text: whole terms, each with its LF */
    const uint8_t *rows;       /* a blob of texts_priv.h, in bytes */
    size_t rows_len;
    uint32_t reasons;
    uint8_t found;
    int64_t date_ms;
    char display[4000], own[4000], report[4000];
};

static void read_bytes(const void *message, size_t len, bool headers_only, struct answer *a) {
    static struct fk_docterms *terms;
    fk_reading__prepare();
    if (!terms)
        assert_int_equal(fk_docterms__new(&terms, &err), FK_OK);
    *a = (struct answer){.reasons = 0};
    assert_int_equal(fk_sink__terms(terms, message, len, headers_only, &a->bytes, &err), FK_OK);
    struct fk_reader r;
    size_t n;
    fk_reader_init(&r, a->bytes.data, a->bytes.len);
    a->reasons = fk_get_u32(&r);
    a->found = fk_get_u8(&r);
    a->date_ms = (int64_t)fk_get_u64(&r);
    const uint8_t *display = fk_get_bytes(&r, &n);
    snprintf(a->display, sizeof a->display, "%.*s", (int)n, (const char *)display);
    const uint8_t *own = fk_get_bytes(&r, &n);
    snprintf(a->own, sizeof a->own, "%.*s", (int)n, (const char *)own);
    const uint8_t *report = fk_get_bytes(&r, &n);
    snprintf(a->report, sizeof a->report, "%.*s", (int)n, (const char *)report);
    const uint32_t count = fk_get_u32(&r);
    for (uint32_t i = 0; i < count; i++) {
        const size_t len_of = fk_get_u8(&r);
        fk_buf_add(&a->text, fk_get_raw(&r, len_of), len_of);
        fk_buf_byte(&a->text, '\n');
    }
    a->rows = fk_get_bytes(&r, &a->rows_len);
    (void)fk_get_bytes(&r, &n); /* what is shown */
    assert_true(fk_reader_done(&r));
}

static void read_text(const char *message, struct answer *a) {
    read_bytes(message, strlen(message), false, a);
}

static void answer_free(struct answer *a) {
    fk_buf_free(&a->bytes);
    fk_buf_free(&a->text);
}

/* A word, or a character with its marks. */
static size_t row_unit(const char *row, size_t len, bool *is_word) {
    int32_t at = 0, next;
    int32_t cp = fk_utf8_next(row, &at, (int32_t)len);
    *is_word = cp < 0 || !(fk_terms__class((uint32_t)cp) & FK_CH_CJK);
    if (*is_word) {
        size_t n = 0;
        while (n < len && !strchr(" \n\f", row[n]))
            n++;
        return n;
    }
    for (next = at; next < (int32_t)len; at = next) {
        cp = fk_utf8_next(row, &next, (int32_t)len);
        if (cp < 0 || !(fk_terms__class((uint32_t)cp) & FK_CH_MARK))
            break;
    }
    return (size_t)at;
}

/* Where a token stands in a row: appends " pos" for each place that a phrase can be at. */
static void places(const char *row, size_t len, const char *token, char *line, size_t size) {
    const size_t want = strlen(token);
    unsigned pos = 1;
    for (size_t at = 0; at < len;) {
        bool is_word, next_is_word;
        const size_t n = row_unit(row + at, len - at, &is_word);
        const size_t next = at + n + (at + n < len && row[at + n] == FK_ROW_LINE);
        bool stands = n == want && memcmp(row + at, token, n) == 0;
        stands &= is_word || at == 0 || strchr(" \n\f", row[at - 1]) || at + n == len ||
                  strchr(" \n\f", row[at + n]);
        if (!stands && !is_word && n < want && next < len && !strchr(" \f", row[next])) {
            const size_t m = row_unit(row + next, len - next, &next_is_word);
            stands = !next_is_word && n + m == want && memcmp(row + at, token, n) == 0 &&
                     memcmp(row + next, token + n, m) == 0;
        }
        if (stands && strlen(line) + 12 < size)
            snprintf(line + strlen(line), size - strlen(line), " %u", pos);
        pos++;
        for (at += n; at < len && strchr(" \n\f", row[at]); at++)
            pos += row[at] == FK_ROW_GAP ? FK_FIELD_GAP : 0;
    }
}

/* "term pos pos": a whole term without any; "" for one that is not there. */
static const char *line_of(struct answer *a, const char *term) {
    static char line[200];
    const size_t n = strlen(term), field = strspn(term, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    const uint8_t *row;
    size_t len;
    line[0] = 0;
    for (const char *at = fk_buf_cstr(&a->text); *at && !line[0]; at = strchr(at, '\n') + 1)
        if (strncmp(at, term, n) == 0 && at[n] == '\n')
            snprintf(line, sizeof line, "%s", term);
    if (line[0] && fk_texts_field(a->rows, a->rows_len, term, field, &row, &len))
        places((const char *)row, len, term + field, line, sizeof line);
    return line;
}
#define HAS(a, term) assert_string_not_equal(line_of(a, term), "")
#define HAS_NOT(a, term) assert_string_equal(line_of(a, term), "")

static void headers_go_to_their_fields(void **state) {
    (void)state;
    struct answer a;
    read_text("From: =?UTF-8?B?5L2Q6Jek?= <T.Sato@Example.JP>\r\n"
              "To: a@b.example, =?UTF-8?B?5ZCJ55Sw?= <yoshida@b.example>\r\n"
              "Cc: c@d.example\r\nBcc: e@f.example\r\nReply-To: reply@g.example\r\n"
              "Subject: =?ISO-2022-JP?B?GyRCMnE1RBsoQg==?= memo\r\n"
              "Date: Tue, 24 Nov 2026 10:00:00 +0900\r\nMessage-ID: <ID.1@x>\r\n\r\nbody text\r\n",
              &a);
    assert_string_equal(line_of(&a, "S会議"), "S会議 1");
    assert_string_equal(line_of(&a, "Smemo"), "Smemo 3");
    assert_string_equal(line_of(&a, "F佐藤"), "F佐藤 1");
    assert_string_equal(line_of(&a, "Fsato"), "Fsato 4");
    HAS(&a, "T吉田");
    HAS(&a, "Cd");
    HAS(&a, "Nf");
    assert_string_equal(line_of(&a, "XPt.sato@example.jp"), "XPt.sato@example.jp");
    HAS(&a, "XFt.sato@example.jp");
    HAS(&a, "XTyoshida@b.example");
    HAS(&a, "XTe@f.example");
    HAS(&a, "XPreply@g.example");
    HAS_NOT(&a, "XTreply@g.example");
    HAS_NOT(&a, "Treply");
    HAS(&a, "XDexample.jp");
    HAS(&a, "XMID.1@x");
    HAS(&a, "body");
    assert_int_equal(a.found, FK_FOUND_DATE);
    assert_int_equal(a.date_ms, 1795482000000);
    char *sketch = strstr(a.display, "sketch: ");
    assert_non_null(sketch);
    assert_int_equal(strlen(sketch), strlen("sketch: \n") + 2 * FK_SKETCH_BYTES);
    *sketch = 0;
    assert_string_equal(a.display, "date: 2026-11-24T01:00:00.000Z\n"
                                   "from: 佐藤 <T.Sato@Example.JP>\n"
                                   "to: a@b.example, 吉田 <yoshida@b.example>\n"
                                   "cc: c@d.example\nsubject: 会議 memo\n");
    assert_int_equal(a.reasons, 0);
    answer_free(&a);
}

static const char alternative[] =
    "Content-Type: multipart/alternative; boundary=x\r\n\r\n"
    "--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    "来週の会議の\r\n資料を送ります。\r\n\r\nPlease reply soon.\r\n"
    "--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    "<html><head><style>p {color: hidden}</style></head><body>"
    "<p>来週の会議の資料を送ります。</p><p>Please <b>re</b>ply soon.</p>"
    "<p>Only in HTML: <a href=x>量子</a></p><script>secret()</script></body></html>\r\n"
    "--x--\r\n";

static void of_an_alternative_html_is_read_only_for_what_it_adds(void **state) {
    (void)state;
    struct answer a;
    read_text(alternative, &a);
    assert_string_equal(line_of(&a, "来週"), "来週 1"); /* once */
    assert_string_equal(line_of(&a, "の資"), "の資 6"); /* over the line end */
    assert_string_equal(line_of(&a, "reply"), strchr(line_of(&a, "reply"), ' ') ? "reply 15" : "");
    HAS(&a, "html");
    HAS(&a, "量子");
    HAS_NOT(&a, "hidden");
    HAS_NOT(&a, "secret");
    answer_free(&a);
}

static void html_alone_is_read_in_full(void **state) {
    (void)state;
    struct answer a;
    read_text("Content-Type: text/html\r\n\r\n"
              "<meta http-equiv=Content-Type content=\"text/html; charset=shift_jis\">"
              "<p>\x89\xef<b>\x8b\x63</b></p><td>east</td><td>west</td>caf&eacute; "
              "A<br>B <img alt=picture src=x>",
              &a);
    HAS(&a, "会議"); /* inline elements do not break words */
    HAS(&a, "café");
    HAS(&a, "east");
    HAS(&a, "west");
    HAS(&a, "picture");
    HAS_NOT(&a, "eastwest");
    assert_int_equal(a.reasons, 0);
    answer_free(&a);
}

static void nested_messages_and_names_of_files_are_read(void **state) {
    (void)state;
    struct answer a;
    read_text(
        "Subject: outer\n"
        "Content-Type: multipart/mixed; boundary=x\n\n"
        "--x\nContent-Type: message/rfc822\n\n"
        "From: inner@x.example\nSubject: =?UTF-8?B?6YeP5a2Q?=\n"
        "Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B2q5D\x1b(B\n"
        "--x\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        "U3ViamVjdDogY29kZWQKCmVuY29kZWQgYm9keQo=\n"
        "--x\nContent-Type: application/pdf; name=\"a.pdf\"\n"
        "Content-Disposition: attachment; filename*=utf-8''%E4%BC%9A%E8%AD%B0.pdf\n\n%PDF words\n"
        "--x\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n"
        "Content-Disposition: attachment; filename=note.txt\n\nsoft=\n break =E4=BC=9A\n"
        "--x--\nepilogue\n",
        &a);
    assert_string_equal(line_of(&a, "Souter"), "Souter 1");
    HAS(&a, "量子");
    HAS(&a, "coded");
    HAS(&a, "inner");
    HAS_NOT(&a, "S量子");
    HAS_NOT(&a, "Scoded");
    HAS_NOT(&a, "Finner");
    HAS(&a, "encoded");
    HAS(&a, "会議");
    HAS_NOT(&a, "XFinner@x.example");
    HAS_NOT(&a, "XPinner@x.example");
    HAS_NOT(&a, "XDx.example");
    HAS(&a, "A会議");
    HAS(&a, "Apdf");
    HAS(&a, "Anote");
    HAS(&a, "soft");
    HAS(&a, "break");
    HAS(&a, "epilogue");
    HAS_NOT(&a, "words"); /* a PDF's content is not text */
    assert_int_equal(a.found, FK_FOUND_ATTACHMENT | FK_FOUND_NESTED);
    assert_non_null(strstr(a.display, "attachments: 2\n"));
    assert_non_null(strstr(a.display, "file: 会議.pdf\nfile: a.pdf\nfile: note.txt\n"));
    answer_free(&a);
}

static void what_is_no_message_is_read_as_text(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *term;
    } cases[] = {
        {"just a line\n\nand more\n", "more"},
        {"\n\nno headers at all\n", "headers"},
        {"From sato@x Tue Nov 24 10:00:00 2026\nSubject: mbox\n\nline\n", "Smbox"},
        {"Subject: cut off", "Soff"},
        {"Subject: a\r\nnonsense without colon\r\nTo: z@y\r\n\r\nbody\r\n", "body"},
        {"Subject: a\r\nnonsense without colon\r\n folded\r\nTo: z@y\r\n\r\nbody\r\n", "folded"},
        {"Subject: a\r\nsecret deal: at noon\r\nTo: z@y\r\n\r\nbody\r\n", "noon"},
        {"secret deal at noon\r\nSubject: a\r\n\r\nbody\r\n", "secret"},
        {"Subject: =?utf-8?q?w=6Frd?=\r\nnonsense", "Sword"},
        {"Content-Type: multipart/mixed; boundary=b\n\n--b\nnot a field\n\nbody\n--b--\n", "field"},
        {"Content-Type: multipart/mixed\n\nno boundary\n", "boundary"},
        {"Content-Type: multipart/mixed; boundary=x\n\nnever comes\n", "never"},
        {"Content-Type: ;;;\n\nodd type\n", "odd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a;
        read_text(cases[i].bytes, &a);
        if (!*line_of(&a, cases[i].term))
            fail_msg("%s: no %s in %s", cases[i].bytes, cases[i].term, fk_buf_cstr(&a.text));
        answer_free(&a);
    }
    struct answer a;
    read_text("", &a);
    answer_free(&a);
    read_bytes("Subject: be\0hind\n\nbo\0dy\n", 24, false, &a);
    HAS(&a, "Shind");
    HAS(&a, "dy");
    answer_free(&a);
}

static void headers_alone_can_be_read(void **state) {
    (void)state;
    struct answer a;
    static const char message[] = "Subject: seen\nFrom: a@b\n\nunseen\n";
    read_bytes(message, sizeof message - 1, true, &a);
    HAS(&a, "Sseen");
    HAS(&a, "XFa@b");
    HAS_NOT(&a, "unseen");
    answer_free(&a);
}

/* ---- bombs: each is read as far as the limits go, quickly, and says so */

#ifdef __SANITIZE_ADDRESS__
enum { SECONDS_MOST = 40 }; /* instrumented code is slower; how much is not what is asked */
#else
enum { SECONDS_MOST = 8 };
#endif

static void bomb_read(struct fk_buf *b, unsigned reason, const char *term) {
    struct timespec t0, t1;
    struct answer a;
    assert_false(b->failed);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
    read_bytes(b->data, b->len, false, &a);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
    const double s = (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
    if (!(a.reasons & reason))
        fail_msg("reasons %x lack %x", a.reasons, reason);
    HAS(&a, term);
    if (s > SECONDS_MOST)
        fail_msg("took %.1f s", s);
    answer_free(&a);
    fk_buf_free(b);
}

static void a_hundred_thousand_nested_parts_are_cut_and_said(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    fk_buf_str(&b, "Subject: deep\n");
    for (int i = 0; i < 100000; i++)
        fk_buf_printf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
    bomb_read(&b, FK_REASON_DEPTH, "Sdeep");
}

static void a_hundred_thousand_nested_messages_are_cut_and_said(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    for (int i = 0; i < 100000; i++)
        fk_buf_str(&b, "Subject: deep\nContent-Type: message/rfc822\n\n");
    bomb_read(&b, FK_REASON_DEPTH, "Sdeep");
}

static void parts_without_number_are_cut_and_said(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    fk_buf_str(&b, "Content-Type: multipart/mixed; boundary=\"a b\"\n\n");
    for (int i = 0; i < 200000; i++)
        fk_buf_str(&b, "--a b\n\npart\n");
    bomb_read(&b, FK_REASON_PARTS, "part");
}

static void a_million_header_fields_are_cut_and_said(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    fk_buf_str(&b, "Subject: many\n");
    for (int i = 0; i < 1000000; i++)
        fk_buf_str(&b, "X: 1\n");
    fk_buf_str(&b, "\nbody after them\n");
    bomb_read(&b, FK_REASON_HEADERS, "after");
}

static void a_subject_of_50_mb_is_cut_and_said(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    fk_buf_str(&b, "Subject: begin");
    for (int i = 0; i < 1 << 20; i++)
        fk_buf_str(&b, " word word word word word word word word word wor");
    fk_buf_str(&b, "\nTo: behind@it\n\nbody after it\n");
    bomb_read(&b, FK_REASON_HEADERS, "after");
}

static void text_over_the_limit_is_cut_and_said(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    fk_buf_str(&b, "Subject: long\n\n");
    while (b.len < (66u << 20))
        fk_buf_str(
            &b, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
    bomb_read(&b, FK_REASON_SIZE, "Slong");
}

static void lines_that_only_look_like_boundaries_are_left_alone(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    struct answer a;
    fk_buf_str(&b, "Subject: a patch\n\n");
    for (int i = 0; i < 20000; i++)
        fk_buf_str(&b, "--- a/file\nkey: value\n");
    fk_buf_str(&b, "the end\n");
    read_bytes(b.data, b.len, false, &a);
    assert_int_equal(a.reasons, 0);
    HAS(&a, "end");
    answer_free(&a);
    fk_buf_free(&b);
}

static void a_deep_page_is_read_to_its_ground(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT, text = FK_BUF_INIT;
    fk_html__prepare();
    for (int i = 0; i < 100000; i++)
        fk_buf_str(&b, "<div>");
    fk_buf_str(&b, "ground");
    assert_int_equal(fk_html__text((const char *)b.data, b.len, &text, &err), FK_OK);
    assert_non_null(strstr(fk_buf_cstr(&text), "ground"));
    fk_buf_free(&b);
    fk_buf_free(&text);
}

static void people_read_the_same_message_as_text(void **state) {
    (void)state;
    struct fk_buf out = FK_BUF_INIT;
    fk_reading__prepare();
    assert_int_equal(
        fk_sink__people((const uint8_t *)alternative, sizeof alternative - 1, false, &out, &err),
        FK_OK);
    const char *text = fk_buf_cstr(&out) + 4;
    assert_non_null(strstr(text, "来週の会議の\r\n資料"));
    assert_null(strstr(text, "Only in HTML"));
    fk_buf_free(&out);
    static const char two[] = "From: a@b\nTo: c@d\nTo: e@f\nSubject: x\n\n";
    assert_int_equal(fk_sink__people((const uint8_t *)two, sizeof two - 1, false, &out, &err),
                     FK_OK);
    assert_string_equal(fk_buf_cstr(&out) + 4, "From: a@b\nTo: c@d, e@f\nSubject: x\n\n");
    fk_buf_free(&out);
}

static const char mixed[] =
    "From: a@b.example\nTo: c@d.example\nSubject: erste\n zweite\nMIME-Version: 1.0\n"
    "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n"
    "Content-Transfer-Encoding: quoted-printable\n\nweich=\ngebrochen\ngleich dahinter\n--x\n"
    "Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B2q5D\x1b(B\n--x\n"
    "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
    "U3ViamVjdDogaW5uZXINDWRlZXANCg==\n" /* its lines end in CR */
    "--x\nContent-Type: application/octet-stream; name=a.bin\nContent-Transfer-Encoding: base64\n\n"
    "DQ0KDQ==\n--x--\n";

static void lines_may_end_in_cr_alone(void **state) {
    (void)state;
    struct answer lf, cr;
    char copy[sizeof mixed];
    for (size_t i = 0; i < sizeof mixed; i++)
        copy[i] = mixed[i] == '\n' ? '\r' : mixed[i];
    read_text(mixed, &lf);
    read_text(copy, &cr);
    assert_int_equal(cr.reasons, 0);
    assert_string_equal(line_of(&cr, "Serste"), "Serste 1");
    assert_string_equal(line_of(&cr, "Szweite"), "Szweite 2");
    HAS(&cr, "weichgebrochen");
    HAS(&cr, "会議");
    HAS(&cr, "inner");
    HAS(&cr, "deep");
    HAS(&cr, "Abin");
    assert_int_equal(cr.bytes.len, lf.bytes.len);
    assert_memory_equal(cr.bytes.data, lf.bytes.data, lf.bytes.len);
    answer_free(&lf);
    answer_free(&cr);
}

static void a_cr_in_a_header_hides_nothing(void **state) {
    (void)state;
    static const struct {
        const char *name, *message;
    } cases[] = {
        {"a server's own lines on top",
         "Received: from a by b\r\nFrom: a@b\rContent-Type: text/plain; charset=utf-8\r"
         "Content-Transfer-Encoding: base64\r\raGlkZGVu\r"},
        {"the empty line", "Subject: x\r\n\rhidden\r\n"},
        {"a part's header",
         "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\r"
         "hidden\r\n--b--\r\n"},
        {"a nested message's header",
         "Content-Type: message/rfc822\r\n\r\nFrom: a@b\rX-Other: x\r\rhidden\r\n"},
        {"behind a line end of two", "Subject: x\r\r\nX-Other: y\r\rhidden\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a;
        read_text(cases[i].message, &a);
        if (!*line_of(&a, "hidden"))
            fail_msg("%s", cases[i].name);
        answer_free(&a);
    }
    struct answer two;
    read_text("Subject: x\r\r\nTo: c@d.example\r\r\n\r\r\nbody\r\r\n", &two); /* CR CR LF: one */
    HAS(&two, "Td");
    HAS(&two, "body");
    answer_free(&two);
    read_text("Subject: x\r\n\r\nfirst\rTo: c@d.example\r\r\n", &two); /* a body's CRs are text */
    HAS_NOT(&two, "Td");
    HAS(&two, "example");
    answer_free(&two);
}

#define IN_PARTS(kind, before, after)                                                              \
    "Content-Type: multipart/" kind "; boundary=b\r\n\r\n" before "\r\n--b\r\n\r\npart\r\n"        \
    "--b\r\nContent-Type: text/html\r\n\r\n<p>early</p>\r\n--b--\r\n" after

static void text_around_the_parts_is_read(void **state) {
    (void)state;
    static const struct {
        const char *name, *message, *word;
    } cases[] = {
        {"before", IN_PARTS("mixed", "hidden early", ""), "hidden"},
        {"before, in an alternative", IN_PARTS("alternative", "hidden", ""), "hidden"},
        {"behind what is usual",
         IN_PARTS("mixed", "This is a multi-part message in MIME format.\r\nhidden", ""), "hidden"},
        {"after", IN_PARTS("mixed", "", "hidden\r\n"), "hidden"},
        {"within",
         "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" IN_PARTS("mixed", "hidden",
                                                                             "") "\r\n--a--\r\n",
         "hidden"},
        {"a part that says the same", IN_PARTS("alternative", "early", ""), "early"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a;
        read_text(cases[i].message, &a);
        if (!*line_of(&a, cases[i].word) || !*line_of(&a, "part"))
            fail_msg("%s", cases[i].name);
        assert_int_equal(a.reasons, 0);
        answer_free(&a);
    }
    static const char *const usual[] = {
        IN_PARTS("mixed", "This is a multi-part message in MIME format.\r\n\r\n", ""),
        IN_PARTS("mixed", "This is a MIME-encapsulated\n\t message", ""),
    };
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        struct answer a;
        read_text(usual[i], &a);
        HAS_NOT(&a, "mime");
        HAS(&a, "part");
        answer_free(&a);
    }
}

static void what_is_labelled_encoded_and_is_not_is_read(void **state) {
    (void)state;
    static const struct {
        const char *name, *message, *words[4];
    } cases[] = {
        {"a text", "base64\r\n\r\nquite plain text\r\nplainly\r\n", {"quite", "text", "plainly"}},
        {"a list's footer",
         "base64\r\n\r\nZW5jb2RlZCB3b3Jkcw==\r\n____________\r\nfooter of a list\r\n",
         {"encoded", "words", "footer"}},
        {"a sign in each line, which a decoder passes over",
         "base64\r\n\r\nZW5jb2Rl!ZCB3b3Jkcw==\r\n",
         {"encoded", "words"}},
        {"uuencode around",
         "x-uuencode\r\n\r\nbefore it\r\nbegin 644 a\r\n#86)C\r\n`\r\nend\r\nbehind\r\n",
         {"before", "abc", "behind"}},
        {"uuencode that is none", "x-uuencode\r\n\r\nplainly\r\n", {"plainly"}},
        {"a name",
         "base64\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nquite plain\r\n",
         {"plain"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a;
        char message[500];
        snprintf(message, sizeof message,
                 "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: %s",
                 cases[i].message);
        read_text(message, &a);
        for (const char *const *word = cases[i].words; *word; word++)
            if (!*line_of(&a, *word))
                fail_msg("%s: %s", cases[i].name, *word);
        answer_free(&a);
    }
    struct answer a;
    read_text("Content-Transfer-Encoding: base64\r\n\r\nZW5jb2RlZCB3b3Jkcw==\r\n\r\n", &a);
    assert_string_equal(line_of(&a, "words"), "words 2");
    HAS_NOT(&a, "zw5jb2rlzcb3b3jkcw");
    answer_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_go_to_their_fields),
        cmocka_unit_test(of_an_alternative_html_is_read_only_for_what_it_adds),
        cmocka_unit_test(html_alone_is_read_in_full),
        cmocka_unit_test(nested_messages_and_names_of_files_are_read),
        cmocka_unit_test(what_is_no_message_is_read_as_text),
        cmocka_unit_test(headers_alone_can_be_read),
        cmocka_unit_test(a_hundred_thousand_nested_parts_are_cut_and_said),
        cmocka_unit_test(a_hundred_thousand_nested_messages_are_cut_and_said),
        cmocka_unit_test(parts_without_number_are_cut_and_said),
        cmocka_unit_test(a_million_header_fields_are_cut_and_said),
        cmocka_unit_test(a_subject_of_50_mb_is_cut_and_said),
        cmocka_unit_test(text_over_the_limit_is_cut_and_said),
        cmocka_unit_test(lines_that_only_look_like_boundaries_are_left_alone),
        cmocka_unit_test(a_deep_page_is_read_to_its_ground),
        cmocka_unit_test(people_read_the_same_message_as_text),
        cmocka_unit_test(lines_may_end_in_cr_alone),
        cmocka_unit_test(a_cr_in_a_header_hides_nothing),
        cmocka_unit_test(text_around_the_parts_is_read),
        cmocka_unit_test(what_is_labelled_encoded_and_is_not_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
