/* Lines of Postfix logs: what is read out of each, and what nobody can write into one from outside.
 */
#include "archiver/intake/mailtrace.h"
#include "base/clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fk_maillog_when when;

static int setup(void **state) {
    (void)state;
    when.zone_minutes = 540;
    return fk_time_parse("2026-11-24T12:00:00.000Z", &when.newest_ms) ? 0 : -1;
}

static enum fk_maillog_result line(const char *text, struct fk_maillog_line *out) {
    return fk_maillog_read(text, strlen(text), &when, out);
}

static const struct {
    const char *name, *text, *time;
} times[] = {
    {"traditional", "Nov 24 10:02:03 mail postfix/qmgr[1]: 3F2A1B0C: removed",
     "2026-11-24T01:02:03.000Z"},
    {"a day of one digit", "Nov  4 10:02:03 mail postfix/qmgr[1]: 3F2A1B0C: removed",
     "2026-11-04T01:02:03.000Z"},
    {"last year's December", "Dec 31 23:59:59 mail postfix/qmgr[1]: 3F2A1B0C: removed",
     "2025-12-31T14:59:59.000Z"},
    {"29 February of the last leap year", "Feb 29 09:00:00 mail postfix/qmgr[1]: 3F2A1B0C: removed",
     "2024-02-29T00:00:00.000Z"},
    {"RFC 3339", "2026-11-24T10:02:03.123456+09:00 mail postfix/qmgr[1]: 3F2A1B0C: removed",
     "2026-11-24T01:02:03.123Z"},
    {"RFC 3339 in UTC", "2026-11-24T01:02:03Z mail postfix/qmgr[1]: 3F2A1B0C: removed",
     "2026-11-24T01:02:03.000Z"},
    {"journalctl -o short-iso", "2026-11-24T10:02:03+0900 mail postfix/qmgr[1]: 3F2A1B0C: removed",
     "2026-11-24T01:02:03.000Z"},
    {"west of Greenwich", "2026-11-23T20:02:03-05:00 mail postfix/qmgr[1]: 3F2A1B0C: removed",
     "2026-11-24T01:02:03.000Z"},
    {"behind a priority", "<22>Nov 24 10:02:03 mail postfix/qmgr[1]: 3F2A1B0C: removed",
     "2026-11-24T01:02:03.000Z"},
};

static void a_time_is_read_in_every_form(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct fk_maillog_line l;
        char text[FK_TIME_SIZE] = "";
        if (line(times[i].text, &l) == FK_MAILLOG_TAKEN)
            fk_time_format(text, l.time_ms);
        if (strcmp(text, times[i].time) != 0)
            fail_msg("%s: %s", times[i].name, text);
        assert_int_equal(l.event, FK_MAILLOG_REMOVED);
    }
}

#define P "Nov 24 10:02:03 mail "
static const struct {
    const char *name, *text;
    enum fk_maillog_result result;
    enum fk_maillog_event event;
    const char *id, *next;
} events[] = {
    {"smtpd", P "postfix/smtpd[12]: 4Zq1yb2C3xz9pB: client=localhost[127.0.0.1]", FK_MAILLOG_TAKEN,
     FK_MAILLOG_RECEIVED, "4Zq1yb2C3xz9pB", ""},
    {"submission", P "postfix/submission/smtpd[1]: 3F2A1B0C: client=x[10.0.0.1], sasl_username=a",
     FK_MAILLOG_TAKEN, FK_MAILLOG_RECEIVED, "3F2A1B0C", ""},
    {"pickup", P "postfix/pickup[1]: 3F2A1B0C: uid=0 from=<root>", FK_MAILLOG_TAKEN,
     FK_MAILLOG_RECEIVED, "3F2A1B0C", ""},
    {"requeued", P "postfix/pickup[1]: 3F2A1B0C: uid=89 from=<a@b> orig_id=4F2A1B0C",
     FK_MAILLOG_TAKEN, FK_MAILLOG_REQUEUED, "3F2A1B0C", "4F2A1B0C"},
    {"another instance",
     P "postfix-out/qmgr[1]: 3F2A1B0C: from=<a@b>, size=1, nrcpt=2 (queue active)",
     FK_MAILLOG_TAKEN, FK_MAILLOG_QUEUED, "3F2A1B0C", ""},
    {"expired", P "postfix/qmgr[1]: 3F2A1B0C: from=<a@b>, status=expired, returned to sender",
     FK_MAILLOG_TAKEN, FK_MAILLOG_EXPIRED, "3F2A1B0C", ""},
    {"postsuper", P "postfix/postsuper[1]: 3F2A1B0C: removed", FK_MAILLOG_TAKEN, FK_MAILLOG_DELETED,
     "3F2A1B0C", ""},
    {"a notice", P "postfix/bounce[1]: 3F2A1B0C: sender non-delivery notification: 5F2A1B0C",
     FK_MAILLOG_TAKEN, FK_MAILLOG_NOTICE, "3F2A1B0C", "5F2A1B0C"},
    {"rejected", P "postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[10.0.0.1]: 554 5.7.1 no",
     FK_MAILLOG_TAKEN, FK_MAILLOG_REFUSED, "", ""},
    {"a milter's word",
     P "postfix/cleanup[1]: 3F2A1B0C: milter-reject: END-OF-MESSAGE from x: 4.7.1",
     FK_MAILLOG_TAKEN, FK_MAILLOG_REFUSED, "3F2A1B0C", ""},
    {"on to a filter",
     P "postfix/smtp[1]: 3F2A1B0C: to=<a@b>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, "
       "delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 5F2A1B0C)",
     FK_MAILLOG_TAKEN, FK_MAILLOG_DELIVERY, "3F2A1B0C", "5F2A1B0C"},
    {"message-id", P "postfix/cleanup[1]: 3F2A1B0C: message-id=<x@y>", FK_MAILLOG_TAKEN,
     FK_MAILLOG_OTHER, "3F2A1B0C", ""},
    {"a warning", P "postfix/smtpd[1]: warning: hostname x does not resolve", FK_MAILLOG_FOREIGN, 0,
     "", ""},
    {"statistics", P "postfix/anvil[1]: statistics: max connection rate 1/60s", FK_MAILLOG_FOREIGN,
     0, "", ""},
    {"another program", P "dovecot: imap-login: Login", FK_MAILLOG_FOREIGN, 0, "", ""},
    {"no log at all", "hello", FK_MAILLOG_FOREIGN, 0, "", ""},
    {"empty", "", FK_MAILLOG_FOREIGN, 0, "", ""},
    {"a delivery cut off in its address", P "postfix/smtp[1]: 3F2A1B0C: to=<a@b", FK_MAILLOG_BAD, 0,
     "3F2A1B0C", ""},
    {"a delivery cut off in its reply",
     P "postfix/smtp[1]: 3F2A1B0C: to=<a@b>, relay=x, dsn=2.0.0, status=sent (250 2.0.0 kept seq=1",
     FK_MAILLOG_BAD, 0, "3F2A1B0C", ""},
};

static void an_event_is_told_from_the_others(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        struct fk_maillog_line l = {0};
        enum fk_maillog_result r = line(events[i].text, &l);
        if (r != events[i].result)
            fail_msg("%s: result %d", events[i].name, r);
        if (r == FK_MAILLOG_TAKEN &&
            (l.event != events[i].event || strcmp(l.queue_id, events[i].id) != 0 ||
             strcmp(l.next, events[i].next) != 0))
            fail_msg("%s: event %d, id %s, next %s", events[i].name, l.event, l.queue_id, l.next);
    }
}

#define TO P "postfix/smtp[1]: 3F2A1B0C: to="
#define BY ", relay=127.0.0.1[127.0.0.1]:2525, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status="
static const struct {
    const char *name, *text, *to, *status;
    bool kept;
    uint64_t seq;
} deliveries[] = {
    {"kept", TO "<archive@x>" BY "sent (250 2.0.0 kept seq=17 c256=00112233445566ff)", "archive@x",
     "sent", true, 17},
    {"an alias",
     TO "<archive@x>, orig_to=<a>" BY "sent (250 2.0.0 kept seq=17 c256=00112233445566ff)",
     "archive@x", "sent", true, 17},
    {"deferred", TO "<archive@x>" BY "deferred (connect to 127.0.0.1[127.0.0.1]:2525: refused)",
     "archive@x", "deferred", false, 0},
    {"another server", TO "<a@b>" BY "sent (250 ok)", "a@b", "sent", false, 0},
    {"not our words", TO "<a@b>" BY "sent (250 2.0.0 kept seq=17 c256=00112233445566ff thanks)",
     "a@b", "sent", false, 0},
    {"a digest that is none", TO "<a@b>" BY "sent (250 2.0.0 kept seq=17 c256=0011223344556ZZZ)",
     "a@b", "sent", false, 0},
    {"a number with no end",
     TO "<a@b>" BY "sent (250 2.0.0 kept seq=99999999999999999999999 c256=00112233445566ff)", "a@b",
     "sent", false, 0},
    {"words in a recipient",
     TO
     "<\"x>, relay=y, dsn=2.0.0, status=sent (250 2.0.0 kept seq=1 c256=00112233445566ff)\"@b>" BY
     "bounced (no such user)",
     "\"x>, relay=y, dsn=2.0.0, status=sent (250 2.0.0 kept seq=1 c256=00112233445566ff)\"@b",
     "bounced", false, 0},
    {"words in a refusal",
     TO "<a@b>" BY "bounced (550 status=sent (250 2.0.0 kept seq=1 c256=00112233445566ff))", "a@b",
     "bounced", false, 0},
};

static void nobody_writes_a_reply_into_a_line_from_outside(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof deliveries / sizeof *deliveries; i++) {
        struct fk_maillog_line l = {0};
        char to[200], status[40];
        if (line(deliveries[i].text, &l) != FK_MAILLOG_TAKEN || l.event != FK_MAILLOG_DELIVERY)
            fail_msg("%s: not taken", deliveries[i].name);
        snprintf(to, sizeof to, "%.*s", (int)l.to.len, l.to.at);
        snprintf(status, sizeof status, "%.*s", (int)l.status.len, l.status.at);
        if (strcmp(to, deliveries[i].to) != 0 || strcmp(status, deliveries[i].status) != 0 ||
            l.kept != deliveries[i].kept || l.seq != deliveries[i].seq)
            fail_msg("%s: to %s status %s kept %d seq %llu", deliveries[i].name, to, status, l.kept,
                     (unsigned long long)l.seq);
    }
}

static void every_cut_of_a_line_is_survived(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof deliveries / sizeof *deliveries; i++)
        for (size_t n = strlen(deliveries[i].text); n-- > 0;) {
            struct fk_maillog_line l;
            char *cut = malloc(n ? n : 1); /* exactly as long: what reads on is caught */
            memcpy(cut, deliveries[i].text, n);
            if (fk_maillog_read(cut, n, &when, &l) == FK_MAILLOG_TAKEN && l.kept)
                fail_msg("%s: kept, cut at %zu", deliveries[i].name, n);
            free(cut);
        }
}

/* ---- messages */

#define COPY "archive@x"
static const struct fate_case {
    const char *name;
    const char *lines[10];
    enum fk_fate fates[3]; /* of the messages, in order of their first line */
    size_t count;
} fates[] = {
#define AT(s) "Nov 24 10:02:" s " mail postfix/"
#define BORN(s, id) AT(s) "smtpd[1]: " id ": client=x[10.0.0.1]"
#define TAKEN(s, id) AT(s) "qmgr[1]: " id ": from=<a@b>, size=1, nrcpt=2 (queue active)"
#define SENT(s, id, to, reply) AT(s) "smtp[1]: " id ": to=<" to ">" BY "sent (" reply ")"
#define DONE(s, id) AT(s) "qmgr[1]: " id ": removed"
#define KEEP "250 2.0.0 kept seq=1 c256=0011223344556677"
    {"kept",
     {BORN("01", "3F2A1B0C"), TAKEN("01", "3F2A1B0C"), SENT("02", "3F2A1B0C", COPY, KEEP),
      DONE("02", "3F2A1B0C")},
     {FK_FATE_KEPT},
     1},
    {"kept, in the wrong order",
     {DONE("02", "3F2A1B0C"), SENT("02", "3F2A1B0C", COPY, KEEP), TAKEN("01", "3F2A1B0C"),
      BORN("01", "3F2A1B0C")},
     {FK_FATE_KEPT},
     1},
    {"no copy",
     {BORN("01", "3F2A1B0C"), TAKEN("01", "3F2A1B0C"), SENT("02", "3F2A1B0C", "c@d", "250 ok"),
      DONE("02", "3F2A1B0C")},
     {FK_FATE_NO_COPY},
     1},
    {"the id comes again",
     {BORN("01", "3F2A1B0C"), TAKEN("01", "3F2A1B0C"), SENT("02", "3F2A1B0C", COPY, KEEP),
      DONE("02", "3F2A1B0C"), BORN("30", "3F2A1B0C"), TAKEN("30", "3F2A1B0C"),
      DONE("31", "3F2A1B0C")},
     {FK_FATE_KEPT, FK_FATE_NO_COPY},
     2},
    {"the id comes again, the files exchanged",
     {BORN("30", "3F2A1B0C"), TAKEN("30", "3F2A1B0C"), DONE("31", "3F2A1B0C"),
      BORN("01", "3F2A1B0C"), TAKEN("01", "3F2A1B0C"), SENT("02", "3F2A1B0C", COPY, KEEP),
      DONE("02", "3F2A1B0C")},
     {FK_FATE_NO_COPY, FK_FATE_KEPT},
     2},
    {"read twice",
     {BORN("01", "3F2A1B0C"), TAKEN("01", "3F2A1B0C"), DONE("02", "3F2A1B0C"),
      BORN("01", "3F2A1B0C"), TAKEN("01", "3F2A1B0C"), DONE("02", "3F2A1B0C")},
     {FK_FATE_NO_COPY},
     1},
    {"in the queue",
     {BORN("01", "3F2A1B0C"), TAKEN("01", "3F2A1B0C"),
      AT("02") "smtp[1]: 3F2A1B0C: to=<" COPY ">" BY "deferred (refused)"},
     {FK_FATE_QUEUED},
     1},
    {"taken out by hand",
     {BORN("01", "3F2A1B0C"), TAKEN("01", "3F2A1B0C"), AT("09") "postsuper[1]: 3F2A1B0C: removed"},
     {FK_FATE_DELETED},
     1},
    {"refused for good",
     {BORN("01", "3F2A1B0C"), TAKEN("01", "3F2A1B0C"),
      AT("02") "smtp[1]: 3F2A1B0C: to=<" COPY ">" BY "bounced (552 too big)",
      DONE("02", "3F2A1B0C")},
     {FK_FATE_BOUNCED},
     1},
    {"expired",
     {BORN("01", "3F2A1B0C"), TAKEN("01", "3F2A1B0C"),
      AT("02") "qmgr[1]: 3F2A1B0C: from=<a@b>, status=expired, returned to sender",
      DONE("02", "3F2A1B0C")},
     {FK_FATE_EXPIRED},
     1},
    {"taken by somebody else",
     {BORN("01", "3F2A1B0C"), TAKEN("01", "3F2A1B0C"), SENT("02", "3F2A1B0C", COPY, "250 ok"),
      DONE("02", "3F2A1B0C")},
     {FK_FATE_ELSEWHERE},
     1},
    {"behind a filter",
     {BORN("01", "3F2A1B0C"), TAKEN("01", "3F2A1B0C"),
      SENT("02", "3F2A1B0C", "c@d", "250 2.0.0 Ok: queued as 5F2A1B0C"), DONE("02", "3F2A1B0C"),
      BORN("02", "5F2A1B0C"), TAKEN("02", "5F2A1B0C"), SENT("02", "5F2A1B0C", COPY, KEEP),
      DONE("02", "5F2A1B0C")},
     {FK_FATE_FORWARDED, FK_FATE_KEPT},
     2},
    {"the server's own notice",
     {BORN("01", "3F2A1B0C"), TAKEN("01", "3F2A1B0C"), SENT("02", "3F2A1B0C", COPY, KEEP),
      AT("02") "bounce[1]: 3F2A1B0C: sender non-delivery notification: 5F2A1B0C",
      TAKEN("02", "5F2A1B0C"), DONE("03", "5F2A1B0C")},
     {FK_FATE_KEPT, FK_FATE_OWN},
     2},
    {"the client went away", {BORN("01", "3F2A1B0C")}, {FK_FATE_REFUSED}, 1},
    {"the log begins later",
     {SENT("02", "3F2A1B0C", "c@d", "250 ok"), DONE("02", "3F2A1B0C")},
     {FK_FATE_PARTIAL},
     1},
};

static void a_message_has_the_fate_that_its_lines_say(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++) {
        struct fk_mailtrace *t = NULL;
        struct fk_maillog_line l;
        assert_int_equal(fk_mailtrace_new(&t, NULL), FK_OK);
        assert_int_equal(fk_mailtrace_copy(t, COPY, strlen(COPY), NULL), FK_OK);
        for (const char *const *text = fates[i].lines; *text; text++) {
            if (line(*text, &l) != FK_MAILLOG_TAKEN)
                fail_msg("%s: not taken: %s", fates[i].name, *text);
            assert_int_equal(fk_mailtrace_take(t, &l, NULL), FK_OK);
        }
        assert_int_equal(fk_mailtrace_settle(t, NULL), FK_OK);
        if (t->count != fates[i].count)
            fail_msg("%s: %zu messages", fates[i].name, t->count);
        for (size_t m = 0; m < t->count; m++)
            if (fk_mailtrace_fate(t, m) != fates[i].fates[m])
                fail_msg("%s: message %zu is %s", fates[i].name, m,
                         fk_fate_name(fk_mailtrace_fate(t, m)));
        fk_mailtrace_free(&t);
    }
}

static void ten_thousand_ids_are_found_again(void **state) {
    (void)state;
    struct fk_mailtrace *t = NULL;
    assert_int_equal(fk_mailtrace_new(&t, NULL), FK_OK);
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < 10000; i++) {
            struct fk_maillog_line l;
            char text[100];
            snprintf(text, sizeof text, P "postfix/smtpd[1]: %08X: client=x[10.0.0.1]", i);
            assert_int_equal(line(text, &l), FK_MAILLOG_TAKEN);
            assert_int_equal(fk_mailtrace_take(t, &l, NULL), FK_OK);
        }
    assert_int_equal(t->count, 10000);
    fk_mailtrace_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_read_in_every_form),
        cmocka_unit_test(an_event_is_told_from_the_others),
        cmocka_unit_test(nobody_writes_a_reply_into_a_line_from_outside),
        cmocka_unit_test(every_cut_of_a_line_is_survived),
        cmocka_unit_test(a_message_has_the_fate_that_its_lines_say),
        cmocka_unit_test(ten_thousand_ids_are_found_again),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
