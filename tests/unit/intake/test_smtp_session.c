/* The SMTP machine against a sink that writes down what it is told: dialogues whole, cut at every
 * byte, and broken off at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archiver/intake/smtp_session.h"
#include "tests/unit/support/record.h"

static const struct fk_smtp_options smtp = FK_SMTP_OPTIONS;
static const struct fk_smtp_options lmtp = {.hostname = "localhost",
                                            .lmtp = true,
                                            .size_limit = 1000,
                                            .recipient_limit = 3,
                                            .error_limit = 20};
static const struct fk_smtp_options offers = {.hostname = "localhost",
                                              .size_limit = 1000,
                                              .recipient_limit = 3,
                                              .error_limit = 20,
                                              .tls = FK_SMTP_TLS_OFFERED,
                                              .xforward = FK_SMTP_XFORWARD_TAKEN,
                                              .carried = '+',
                                              .message_limit = 2};
static const struct fk_smtp_options requires = {.hostname = "localhost",
                                                .size_limit = 1000,
                                                .recipient_limit = 3,
                                                .error_limit = 20,
                                                .tls = FK_SMTP_TLS_REQUIRED,
                                                .xforward = FK_SMTP_XFORWARD_DENIED};
static const struct fk_smtp_options refuses = {.hostname = "localhost",
                                               .size_limit = 1000,
                                               .recipient_limit = 3,
                                               .error_limit = 20,
                                               .refusal = "450 4.7.1 no"};
static const struct fk_smtp_options small = {
    .hostname = "localhost", .size_limit = 10, .recipient_limit = 3, .error_limit = 3};

struct step {
    const char *send, *expect; /* expect: beginnings of the reply lines, separated by '|' */
};
struct dialogue {
    const char *name;
    const struct fk_smtp_options *options;
    struct step steps[9];
    const char *told; /* what the sink is to hear; NULL: not compared */
    bool whole;       /* depends on what comes in one piece: not cut */
};

#define GREETING                                                                                   \
    { "", "220 localhost ESMTP" }
#define EHLO                                                                                       \
    { "EHLO a\r\n", "250-localhost|250-SIZE|250-PIPELINING|250-8BITMIME|250-SMTPUTF8|250 ENHANCED" }
#define LHLO                                                                                       \
    { "LHLO a\r\n", "250-localhost|250-SIZE|250-PIPELINING|250-8BITMIME|250-SMTPUTF8|250 ENHANCED" }
#define GROUP                                                                                      \
    { "MAIL FROM:<f@x>\r\nRCPT TO:<t@x>\r\nDATA\r\n", "250 2.1.0|250 2.1.5|354" }
#define TOLD "begin 0|helo a|mail-from f@x|rcpt-to t@x|"
#define KEPT "250 2.0.0 kept seq=1 c256=0123456789abcdef"

static const struct dialogue dialogues[] = {
    {"a message",
     &smtp,
     {GREETING, EHLO, GROUP, {"Subject: a\r\n\r\nb\r\n.\r\n", KEPT}, {"QUIT\r\n", "221 2.0.0"}},
     TOLD "{Subject: a\r\n\r\nb\r\n}",
     false},
    {"HELO, one command at a time, odd blanks and case",
     &smtp,
     {GREETING,
      {"helo  a \r\n", "250 localhost"},
      {"mail from: <f@x>\t\r\n", "250 2.1.0"},
      {"RcPt tO:<t@x>\r\n", "250 2.1.5"},
      {"data \r\n", "354"},
      {"x\r\n.\r\n", KEPT}},
     TOLD "{x\r\n}",
     false},
    {"the next group right behind a message",
     &smtp,
     {GREETING,
      EHLO,
      GROUP,
      {"1\r\n.\r\nMAIL FROM:<g@x>\r\nRCPT TO:<u@x>\r\nDATA\r\n", KEPT "|250 2.1.0|250 2.1.5|354"},
      {"2\r\n.\r\n", "250 2.0.0 kept seq=2"}},
     TOLD "{1\r\n}begin 0|helo a|mail-from g@x|rcpt-to u@x|{2\r\n}",
     false},
    {"an empty message", &smtp, {GREETING, EHLO, GROUP, {".\r\n", KEPT}}, TOLD "{}", false},
    {"a message that is one empty line",
     &smtp,
     {GREETING, EHLO, GROUP, {"\r\n.\r\n", KEPT}},
     TOLD "{\r\n}",
     false},
    {"dots",
     &smtp,
     {GREETING, EHLO, GROUP, {"..\r\n...a\r\na..\r\n.b\r\n.\r\n", KEPT}},
     TOLD "{.\r\n..a\r\na..\r\nb\r\n}",
     false},
    {"parameters are kept as given",
     &smtp,
     {GREETING,
      EHLO,
      {"MAIL FROM:<f@x> SIZE=12  BODY=8bitmime SMTPUTF8\r\n", "250"},
      {"RCPT TO:<t@x>\r\n", "250"},
      {"DATA\r\n", "354"},
      {"a\r\n.\r\n", KEPT}},
     "begin 12|helo a|mail-from f@x SIZE=12  BODY=8bitmime SMTPUTF8|rcpt-to t@x|{a\r\n}",
     false},
    {"the null sender, quoted and bracketless paths, source routes, bytes over 127",
     &smtp,
     {GREETING,
      EHLO,
      {"MAIL FROM:<>\r\n", "250"},
      {"RCPT TO:<\"a> b\\\"\"@x>\r\nRCPT TO:u@x\r\nRCPT TO:<@r,@s:t@x>\r\nRCPT "
       "TO:<\xe4\xbc\x9a@x>\r\n",
       "250|250|250|250"},
      {"DATA\r\n", "354"},
      {"a\r\n.\r\n", KEPT}},
     "begin 0|helo a|mail-from |rcpt-to \"a> b\\\"\"@x|rcpt-to u@x|rcpt-to @r,@s:t@x|rcpt-to "
     "\xe4\xbc\x9a@x|{a\r\n}",
     false},
    {"refused parameters",
     &smtp,
     {GREETING,
      EHLO,
      {"MAIL FROM:<f@x> RET=HDRS\r\nMAIL FROM:<f@x> AUTH=<>\r\nMAIL FROM:<f@x> SMTPUTF8=1\r\n",
       "555 5.5.4|555 5.5.4|555 5.5.4"},
      {"MAIL FROM:<f@x> SIZE=\r\nMAIL FROM:<f@x> SIZE=1x\r\nMAIL FROM:<f@x> BODY=BINARYMIME\r\n",
       "501 5.5.4|501 5.5.4|501 5.5.4"},
      {"MAIL FROM:<f@x>x\r\nMAIL FROM:<f@x\r\nMAIL TO:<f@x>\r\nMAIL\r\nMAIL FROM:\r\n",
       "501 5.1.7|501 5.1.7|501 5.1.7|501 5.1.7|501 5.1.7"},
      {"MAIL FROM:<f@x>\r\nRCPT TO:<t@x> NOTIFY=NEVER\r\nRCPT TO:<>\r\nRCPT TO:\r\nRCPT <t@x>\r\n",
       "250|555 5.5.4|501 5.1.3|501 5.1.3|501 5.1.3"},
      {"DATA\r\n", "503 5.5.1"}},
     "begin 0|helo a|mail-from f@x|",
     false},
    {"sizes announced: 2 GB, over 64 bits, 21 digits",
     &smtp,
     {GREETING,
      EHLO,
      {"MAIL FROM:<f@x> SIZE=2147483648\r\nMAIL FROM:<f@x> SIZE=99999999999999999999\r\n",
       "552 5.3.4|552 5.3.4"},
      {"MAIL FROM:<f@x> SIZE=000000000000000000001\r\nMAIL FROM:<f@x> SIZE=268435457\r\nMAIL "
       "FROM:<f@x> SIZE=268435456\r\n",
       "501|552 5.3.4|250"}},
     "begin 268435456|helo a|mail-from f@x SIZE=268435456|",
     false},
    {"over the size: read to its end, then refused",
     &small,
     {GREETING,
      EHLO,
      GROUP,
      {"12345678\r\n9\r\n.\r\nNOOP\r\n", "552 5.3.4|250"},
      GROUP,
      {"12345678\r\n.\r\n", KEPT}},
     TOLD TOLD "{12345678\r\n}",
     false},
    {"too many recipients: those before are kept",
     &small,
     {GREETING,
      EHLO,
      {"MAIL FROM:<f@x>\r\nRCPT TO:<1@x>\r\nRCPT TO:<2@x>\r\nRCPT TO:<3@x>\r\nRCPT "
       "TO:<4@x>\r\nDATA\r\n",
       "250|250|250|250|452 4.5.3|354"},
      {"a\r\n.\r\n", KEPT}},
     "begin 0|helo a|mail-from f@x|rcpt-to 1@x|rcpt-to 2@x|rcpt-to 3@x|{a\r\n}",
     false},
    {"wrong order",
     &smtp,
     {GREETING,
      {"MAIL FROM:<f@x>\r\nRCPT TO:<t@x>\r\n", "503 5.5.1|503 5.5.1"},
      {"DATA\r\n", "503 5.5.1"},
      EHLO,
      {"RCPT TO:<t@x>\r\n", "503 5.5.1"},
      {"MAIL FROM:<f@x>\r\nMAIL FROM:<f@x>\r\n", "250|503 5.5.1"},
      {"DATA\r\n", "503 5.5.1"}},
     "begin 0|helo a|mail-from f@x|",
     false},
    {"RSET and EHLO end a transaction",
     &smtp,
     {GREETING,
      EHLO,
      {"MAIL FROM:<f@x>\r\nRCPT TO:<t@x>\r\nRSET\r\n", "250|250|250 2.0.0"},
      {"DATA\r\n", "503"},
      {"MAIL FROM:<f@x>\r\nRCPT TO:<t@x>\r\n", "250|250"},
      EHLO,
      {"DATA\r\n", "503"}},
     TOLD TOLD,
     false},
    {"the small commands",
     &smtp,
     {GREETING,
      {"NOOP x\r\nHELP\r\nVRFY a\r\nVRFY\r\n", "250 2.0.0|214 2.0.0|252 2.5.0|501"},
      {"RSET x\r\n", "501"},
      {"DATA x\r\n", "501"},
      {"QUIT x\r\n", "501"},
      {"EHLO\r\n", "501"},
      {"quit\r\n", "221 2.0.0"}},
     "",
     false},
    {"commands that are not there",
     &smtp,
     {GREETING,
      {"WHAT\r\n\r\nEXPN a\r\nTURN\r\nLHLO a\r\n",
       "500 5.5.1|500 5.5.1|502 5.5.1|502 5.5.1|500 5.5.1"},
      {"STARTTLS\r\n", "502 5.5.1"},
      {"AUTH PLAIN\r\n", "502 5.5.1"}},
     "",
     false},
    {"STARTTLS forgets what was said before it",
     &offers,
     {GREETING,
      {"EHLO a\r\n",
       "250-localhost|250-SIZE|250-STARTTLS|250-XFORWARD NAME|250-PIPE|250-8|250-S|250 "},
      {"XFORWARD NAME=before\r\nMAIL FROM:<before@x>\r\nRCPT TO:<before@x>\r\n", "250|250|250"},
      {"STARTTLS\r\n", "220 2.0.0"},
      {"RCPT TO:<t@x>\r\nDATA\r\n", "503|503"},
      {"MAIL FROM:<f@x>\r\n", "503 5.5.1 say EHLO"},
      {"EHLO a\r\n", "250-localhost|250-SIZE|250-XFORWARD|250-PIPE|250-8|250-S|250 "},
      {"STARTTLS\r\n", "503 5.5.1"},
      GROUP},
     "begin 0|helo a|xforward-name before|mail-from before@x|rcpt-to before@x|" TOLD,
     false},
    {"STARTTLS and its errors",
     &requires,
     {GREETING,
      {"STARTTLS now\r\n", "501 5.5.4"},
      {"EHLO a\r\n", "250-localhost|250-SIZE|250-STARTTLS|250-PIPE|250-8|250-S|250 "},
      {"MAIL FROM:<f@x>\r\nRCPT TO:<t@x>\r\n", "450 4.7.0|503"},
      {"XFORWARD NAME=a\r\n", "550 5.7.1"},
      {"STARTTLS\r\n", "220 2.0.0"},
      EHLO,
      GROUP,
      {"a\r\n.\r\n", KEPT}},
     TOLD "{a\r\n}",
     false},
    {"input behind STARTTLS",
     &offers,
     {GREETING, {"STARTTLS\r\nMAIL FROM:<evil@x>\r\n", "554 5.5.0"}},
     "",
     true},
    {"XFORWARD lasts for one transaction",
     &offers,
     {GREETING,
      {"HELO a\r\n", "250"},
      {"XFORWARD NAME=n ADDR=[UNAVAILABLE] HELO=a+20b\r\nXFORWARD name=N IDENT=x\r\n", "250|250"},
      GROUP,
      {"1\r\n.\r\nXFORWARD\r\nXFORWARD NAME=x OTHER=y\r\nXFORWARD NAME=+4\r\n",
       KEPT "|501|501|501"},
      {"MAIL FROM:<f@x>\r\nXFORWARD NAME=late\r\n", "250|503"}},
     "begin 0|helo a|xforward-name N|xforward-helo a b|xforward-ident x|mail-from f@x|rcpt-to "
     "t@x|{1\r\n}"
     "begin 0|helo a|mail-from f@x|",
     false},
    {"carried recipients, and a limit of messages",
     &offers,
     {GREETING,
      {"HELO a\r\n", "250"},
      {"MAIL FROM:<>\r\nRCPT TO:<arc+t+l=e.jp@x>\r\nRCPT TO:<a+=e@x>\r\nDATA\r\n",
       "250|250|250|354"},
      {"1\r\n.\r\n", KEPT},
      GROUP,
      {"2\r\n.\r\nMAIL FROM:<f@x>\r\n", "250 2.0.0 kept seq=2|421 4.7.0"}},
     "begin 0|helo a|mail-from |rcpt-to arc+t+l=e.jp@x|carried-to t+l@e.jp|rcpt-to "
     "a+=e@x|{1\r\n}" TOLD "{2\r\n}",
     false},
    {"who may not deliver is told so at MAIL",
     &refuses,
     {GREETING, EHLO, {"MAIL FROM:<f@x>\r\nRCPT TO:<t@x>\r\n", "450 4.7.1 no|503"}},
     "",
     false},
    {"a proxy's header, version 1",
     &smtp,
     {GREETING, {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nEHLO a\r\n", "502 5.5.1"}},
     "",
     false},
    {"a proxy's header, version 2",
     &smtp,
     {GREETING, {"\r\n\r\nQUIT\nEHLO a\r\n", "502 5.5.1"}},
     "",
     false},
    {"BDAT closes: its chunk is not commands",
     &smtp,
     {GREETING,
      EHLO,
      {"MAIL FROM:<f@x>\r\nRCPT TO:<t@x>\r\nBDAT 30 LAST\r\nMAIL FROM:<evil@x>\r\n",
       "250|250|502 5.5.1"}},
     TOLD,
     false},
    {"another protocol closes",
     &smtp,
     {GREETING, {"POST / HTTP/1.1\r\nEHLO a\r\n", "502 5.5.1"}},
     "",
     false},
    {"line ends and control characters",
     &smtp,
     {GREETING,
      {"NOOP\nNOOP\r\n", "500 5.5.2|250"},
      {"NO\rOP\r\nNOOP \r\r\nNOOP\r\n", "500 5.5.2|500 5.5.2|250"}},
     "",
     false},
    {"too many errors close",
     &small,
     {GREETING, {"A\r\nB\r\nC\r\nNOOP\r\n", "500|500|500|421 4.7.0"}},
     "",
     false},
    {"a kept message forgives errors",
     &small,
     {GREETING,
      EHLO,
      {"A\r\nB\r\n", "500|500"},
      GROUP,
      {"a\r\n.\r\n", KEPT},
      {"A\r\nB\r\n", "500|500"}},
     TOLD "{a\r\n}",
     false},
    {"LMTP answers once a recipient",
     &lmtp,
     {{"", "220 localhost LMTP"},
      {"HELO a\r\n", "500"},
      {"EHLO a\r\n", "500"},
      LHLO,
      {"MAIL FROM:<f@x>\r\nRCPT TO:<1@x>\r\nRCPT TO:<2@x>\r\nRCPT TO:\r\nDATA\r\n",
       "250|250|250|501|354"},
      {"a\r\n.\r\nNOOP\r\n", KEPT "|" KEPT "|250 2.0.0 ok"}},
     "begin 0|helo a|mail-from f@x|rcpt-to 1@x|rcpt-to 2@x|{a\r\n}",
     false},
    {"input behind DATA, EHLO, QUIT",
     &smtp,
     {GREETING,
      EHLO,
      {"MAIL FROM:<f@x>\r\nRCPT TO:<t@x>\r\nDATA\r\na\r\n.\r\n", "250|250|554 5.5.0"}},
     TOLD,
     true},
    {"input behind EHLO",
     &smtp,
     {GREETING, {"EHLO a\r\nMAIL FROM:<f@x>\r\n", "554 5.5.0"}},
     "",
     true},
    {"input behind QUIT", &smtp, {GREETING, {"QUIT\r\nNOOP\r\n", "554 5.5.0"}}, "", true},
    {"input behind LHLO", &lmtp, {{"", "220"}, {"LHLO a\r\nNOOP\r\n", "554 5.5.0"}}, "", true},
};
enum { DIALOGUES = sizeof dialogues / sizeof *dialogues };

/* Each reply line begins as expected, and there are no more. */
static void replies_check(const struct dialogue *d, const char *expect, struct fk_buf *replies) {
    const char *line = fk_buf_cstr(replies), *want = expect;
    while (*want) {
        size_t n = strcspn(want, "|");
        const char *end = strstr(line, "\r\n");
        if (!end || strncmp(line, want, n) != 0)
            fail_msg("%s: expected \"%.*s\", got \"%.80s\"", d->name, (int)n, want, line);
        line = end + 2;
        want += n + (want[n] == '|');
    }
    if (*line)
        fail_msg("%s: unexpected reply \"%.80s\"", d->name, line);
}

static void told_check(const struct dialogue *d, struct record *r) {
    const char *told = fk_buf_cstr(&r->told);
    if (d->told && strcmp(told, d->told) != 0)
        fail_msg("%s: the sink was told \"%s\", not \"%s\"", d->name, told, d->told);
}

/* Plays a dialogue; in step `cut_step` the piece is fed in two, at cut_at; SIZE_MAX: byte by byte.
 */
static void play(const struct dialogue *d, size_t cut_step, size_t cut_at) {
    struct record r = {0};
    struct fk_smtp *s = machine(d->options, &r);
    struct fk_buf replies = FK_BUF_INIT;
    for (size_t i = 0; i < 9 && d->steps[i].send; i++) {
        const char *send = d->steps[i].send;
        size_t len = strlen(send), at = i == cut_step && cut_at < len ? cut_at : len;
        fk_buf_reset(&replies);
        if (cut_at == SIZE_MAX)
            for (size_t k = 0; k < len; k++)
                feed(s, &r, &replies, send + k, 1);
        else
            feed(s, &r, &replies, send, at);
        if (cut_at != SIZE_MAX && at < len)
            feed(s, &r, &replies, send + at, len - at);
        replies_take(s, &replies);
        replies_check(d, d->steps[i].expect, &replies);
    }
    fk_smtp_free(&s);
    told_check(d, &r);
    assert_int_equal(r.begun, r.reset);
    fk_buf_free(&replies);
    record_free(&r);
}

static void each_dialogue_has_its_replies(void **state) {
    (void)state;
    for (size_t i = 0; i < DIALOGUES; i++)
        play(&dialogues[i], 0, 0);
}

static void a_dialogue_cut_at_any_byte_goes_the_same_way(void **state) {
    (void)state;
    for (size_t i = 0; i < DIALOGUES; i++) {
        if (dialogues[i].whole)
            continue;
        for (size_t step = 0; step < 9 && dialogues[i].steps[step].send; step++)
            for (size_t at = 1; at < strlen(dialogues[i].steps[step].send); at++)
                play(&dialogues[i], step, at);
        play(&dialogues[i], 0, SIZE_MAX);
    }
}

/* How many final dots the first `len` bytes of a dialogue hold: each kept message ends with one. */
static void a_break_at_any_byte_keeps_only_whole_messages(void **state) {
    (void)state;
    const struct dialogue *d = &dialogues[2];
    struct fk_buf all = FK_BUF_INIT;
    for (size_t i = 0; i < 9 && d->steps[i].send; i++)
        fk_buf_str(&all, d->steps[i].send);
    const char *text = fk_buf_cstr(&all);
    size_t first = (size_t)(strstr(text, "\r\n.\r\n") - text) + 5;
    for (size_t len = 0; len <= all.len; len++) {
        struct record r = {0};
        struct fk_buf replies = FK_BUF_INIT;
        struct fk_smtp *s = machine(d->options, &r);
        for (size_t k = 0; k < len; k++)
            feed(s, &r, &replies, text + k, 1);
        fk_smtp_free(&s);
        assert_int_equal(r.kept, len < first ? 0 : len < all.len ? 1 : 2);
        assert_int_equal(r.begun, r.reset);
        fk_buf_free(&replies);
        record_free(&r);
    }
    fk_buf_free(&all);
}

static void a_line_of_a_megabyte_is_kept_as_data_and_refused_as_a_command(void **state) {
    (void)state;
    struct record r = {0};
    struct fk_buf replies = FK_BUF_INIT, line = FK_BUF_INIT;
    for (int i = 0; i < 1 << 20; i++)
        fk_buf_byte(&line, 'x');
    fk_buf_str(&line, "\r\n");
    struct fk_smtp *s = in_data(&smtp, &r, &replies);
    feed(s, &r, &replies, (char *)line.data, line.len);
    feed(s, &r, &replies, ".\r\n", 3);
    assert_int_equal(r.message.len, line.len);
    assert_memory_equal(r.message.data, line.data, line.len);
    for (int piece = 1; piece <= 4096; piece += 4095) {
        fk_buf_reset(&replies);
        for (size_t at = 0; at < line.len; at += piece)
            feed(s, &r, &replies, (char *)line.data + at,
                 line.len - at < (size_t)piece ? line.len - at : (size_t)piece);
        feed(s, &r, &replies, "NOOP\r\n", 6);
        assert_string_equal(
            fk_buf_cstr(&replies),
            "500 5.5.2 a command may have 2048 bytes with CR LF\r\n250 2.0.0 ok\r\n");
    }
    fk_smtp_free(&s);
    fk_buf_free(&replies);
    fk_buf_free(&line);
    record_free(&r);
}

static void the_longest_command_is_taken_and_one_byte_more_is_not(void **state) {
    (void)state;
    for (size_t len = FK_SMTP_LINE_MAX; len <= FK_SMTP_LINE_MAX + 1; len++)
        for (size_t cut = 0; cut <= len; cut += len / 2) {
            struct record r = {0};
            struct fk_buf replies = FK_BUF_INIT;
            struct fk_smtp *s = machine(&smtp, &r);
            replies_take(s, &replies);
            fk_buf_reset(&replies);
            char line[FK_SMTP_LINE_MAX + 1];
            memset(line, 'x', sizeof line);
            memcpy(line, "NOOP ", 5);
            memcpy(line + len - 2, "\r\n", 2);
            feed(s, &r, &replies, line, cut);
            feed(s, &r, &replies, line + cut, len - cut);
            assert_memory_equal(replies.data, len == FK_SMTP_LINE_MAX ? "250" : "500", 3);
            fk_smtp_free(&s);
            fk_buf_free(&replies);
            record_free(&r);
        }
}

static void trouble_of_ours_is_answered_with_4xx(void **state) {
    (void)state;
    static const struct {
        enum fk_status status;
        const char *reply;
    } cases[] = {{FK_FULL, "452 4.3.1"},
                 {FK_RETRY, "451 4.3.0"},
                 {FK_IO, "451 4.3.0"},
                 {FK_NOMEM, "451 4.3.0"}};
    static const char group[] = "MAIL FROM:<f@x>\r\n";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int place = 0; place < 4; place++) {
            struct record r = {.begin_says = place == 0 ? cases[i].status : FK_OK,
                               .data_says = place == 1 ? cases[i].status : FK_OK,
                               .end_says = place == 2 ? cases[i].status : FK_OK};
            struct fk_buf replies = FK_BUF_INIT;
            struct fk_smtp *s = place ? in_data(&smtp, &r, &replies) : machine(&smtp, &r);
            if (!place) {
                feed(s, &r, &replies, "EHLO a\r\n", 8);
                fk_buf_reset(&replies);
                feed(s, &r, &replies, group, strlen(group));
            } else {
                struct fk_receipt receipt = {.status = cases[i].status};
                assert_int_equal(fk_smtp_feed(s, "a\r\nb\r\n.\r\n", 9), 9);
                assert_int_equal(fk_smtp_state(s) == FK_SMTP_PENDING, place == 3);
                if (place == 3)
                    fk_smtp_answer(s, &receipt);
                replies_take(s, &replies);
            }
            assert_memory_equal(fk_buf_cstr(&replies), cases[i].reply, 9);
            fk_buf_reset(&replies);
            feed(s, &r, &replies, "RSET\r\n", 6); /* the session goes on */
            assert_string_equal(fk_buf_cstr(&replies), "250 2.0.0 ok\r\n");
            assert_int_equal(r.begun, r.reset);
            fk_smtp_free(&s);
            fk_buf_free(&replies);
            record_free(&r);
        }
}

static void ten_thousand_recipients_are_taken(void **state) {
    (void)state;
    static const struct fk_smtp_options many = {.hostname = "localhost",
                                                .lmtp = true,
                                                .size_limit = 1000,
                                                .recipient_limit = 10000,
                                                .error_limit = 20};
    struct record r = {0};
    struct fk_buf replies = FK_BUF_INIT;
    struct fk_smtp *s = machine(&many, &r);
    feed(s, &r, &replies, "LHLO a\r\n", 8);
    feed(s, &r, &replies, "MAIL FROM:<f@x>\r\n", 17);
    char line[64];
    fk_buf_reset(&replies);
    for (int i = 0; i <= 10000; i++) {
        int n = snprintf(line, sizeof line, "RCPT TO:<%d@example.jp>\r\n", i);
        feed(s, &r, &replies, line, (size_t)n);
    }
    assert_int_equal(replies.len, 10000 * strlen("250 2.1.5 ok\r\n") +
                                      strlen("452 4.5.3 more than 10000 recipients\r\n"));
    feed(s, &r, &replies, "DATA\r\n", 6);
    fk_buf_reset(&replies);
    feed(s, &r, &replies, "a\r\n.\r\nNOOP\r\n", 12);
    assert_int_equal(replies.len, 10000 * strlen(KEPT "\r\n") + strlen("250 2.0.0 ok\r\n"));
    fk_smtp_free(&s);
    fk_buf_free(&replies);
    record_free(&r);
}

/* A client that sends and does not read: input is left lying. */
static void replies_that_nobody_reads_do_not_grow(void **state) {
    (void)state;
    struct record r = {0};
    struct fk_smtp *s = machine(&smtp, &r);
    struct fk_buf in = FK_BUF_INIT;
    for (int i = 0; i < 20000; i++)
        fk_buf_str(&in, "HELP\r\n");
    size_t used = fk_smtp_feed(s, in.data, in.len);
    assert_true(used < in.len / 10);
    assert_true(fk_smtp_replies(s)->len < 20000);
    assert_int_equal(fk_smtp_feed(s, in.data + used, in.len - used), 0);
    fk_smtp_free(&s);
    fk_buf_free(&in);
    record_free(&r);
}

static void hanging_up_says_why_and_closes(void **state) {
    (void)state;
    static const char *const replies[] = {"421 4.4.2", "421 4.3.2"};
    for (int reason = 0; reason < 2; reason++) {
        struct record r = {0};
        struct fk_buf out = FK_BUF_INIT;
        struct fk_smtp *s = in_data(&smtp, &r, &out);
        fk_smtp_hang_up(s, reason ? FK_SMTP_SHUTDOWN : FK_SMTP_TIMEOUT);
        replies_take(s, &out);
        assert_memory_equal(out.data, replies[reason], 9);
        assert_int_equal(fk_smtp_state(s), FK_SMTP_CLOSED);
        assert_int_equal(fk_smtp_feed(s, "a\r\n.\r\n", 6), 0);
        fk_smtp_free(&s);
        assert_int_equal(r.kept, 0);
        assert_int_equal(r.begun, r.reset);
        fk_buf_free(&out);
        record_free(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_dialogue_has_its_replies),
        cmocka_unit_test(a_dialogue_cut_at_any_byte_goes_the_same_way),
        cmocka_unit_test(a_break_at_any_byte_keeps_only_whole_messages),
        cmocka_unit_test(a_line_of_a_megabyte_is_kept_as_data_and_refused_as_a_command),
        cmocka_unit_test(the_longest_command_is_taken_and_one_byte_more_is_not),
        cmocka_unit_test(trouble_of_ours_is_answered_with_4xx),
        cmocka_unit_test(ten_thousand_recipients_are_taken),
        cmocka_unit_test(replies_that_nobody_reads_do_not_grow),
        cmocka_unit_test(hanging_up_says_why_and_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
