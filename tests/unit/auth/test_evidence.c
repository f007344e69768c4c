/* test_evidence.c - what is found of a message, as lines, and apart again. */
#include "archiver/auth/evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* After what it needs. */
#include <cmocka.h>

static struct fk_checker_result result(const char *known, const char *answer) {
    struct fk_checker_result r = {.id = 1};
    fk_buf_str(&r.known, known);
    fk_buf_str(&r.answer, answer);
    return r;
}

static void expect(struct fk_buf *got, const char *wanted) {
    assert_string_equal(fk_buf_cstr(got), wanted);
    fk_buf_free(got);
}

#define DNS "dns: secure ok TXT s._domainkey.a.example\nrecord: p=%0A\n"
#define MORE "dns: insecure nxdomain TXT _dmarc.b.example\n"

static void a_report_and_its_message_stay_apart(void **state) {
    (void)state;
    struct fk_checker_result message =
        result("inside: yes\ntime: 7\n" DNS,
               "dkim: pass rsa-sha256 2048 a.example s\nspf: none - not applicable\n");
    struct fk_checker_result wrapper =
        result("time: 7\nclient: 192.0.2.1\n" DNS MORE,
               "dkim: fail rsa-sha256 1024 b.example t\nspf: pass b.example\n");
    const struct fk_judged judged = {
        .offset = 300, .len = 40, .coding = "base64", .sha256 = {0xab, [31] = 0xcd}};
    const struct fk_found found = {&message, &judged, &wrapper, NULL, 0};
    struct fk_judged back;
    struct fk_buf part = FK_BUF_INIT, out = FK_BUF_INIT;
    fk_evidence_write(&found, &part);
    assert_true(fk_evidence_judged(part.data, part.len, &back));
    assert_int_equal(back.offset, 300);
    assert_int_equal(back.len, 40);
    assert_string_equal(back.coding, "base64");
    assert_memory_equal(back.sha256, judged.sha256, FK_SHA256_BYTES);
    fk_evidence_found(part.data, part.len, FK_EVIDENCE_MESSAGE, &out);
    expect(&out, "dkim: pass rsa-sha256 2048 a.example s\nspf: none - not applicable\n");
    fk_evidence_found(part.data, part.len, FK_EVIDENCE_WRAPPER, &out);
    expect(&out, "dkim: fail rsa-sha256 1024 b.example t\nspf: pass b.example\n");
    /* The client is the report's; the message is judged without one. */
    fk_evidence_known(part.data, part.len, FK_EVIDENCE_WRAPPER, &out);
    expect(&out, "time: 7\nclient: 192.0.2.1\n" DNS MORE);
    fk_evidence_known(part.data, part.len, FK_EVIDENCE_MESSAGE, &out);
    expect(&out, "inside: yes\ntime: 7\n" DNS MORE);
    fk_buf_free(&part);
    fk_checker_result_free(&message);
    fk_checker_result_free(&wrapper);
}

static void a_message_as_it_came_has_no_wrapper(void **state) {
    (void)state;
    struct fk_checker_result message =
        result("time: 7\nclient: 192.0.2.1\n", "dkim: pass rsa-sha256 2048 a.example s\n");
    const struct fk_found found = {.message = &message, .report_unread = "crash"};
    struct fk_judged judged;
    struct fk_buf part = FK_BUF_INIT, out = FK_BUF_INIT;
    fk_evidence_write(&found, &part);
    assert_non_null(strstr(fk_buf_cstr(&part), "\nreport: unread crash\n"));
    assert_false(fk_evidence_judged(part.data, part.len, &judged));
    fk_evidence_known(part.data, part.len, FK_EVIDENCE_MESSAGE, &out);
    expect(&out, "time: 7\nclient: 192.0.2.1\n");
    fk_evidence_found(part.data, part.len, FK_EVIDENCE_WRAPPER, &out);
    assert_int_equal(out.len, 0);
    fk_buf_free(&part);
    fk_checker_result_free(&message);
}

static void a_broken_place_is_none(void **state) {
    (void)state;
    static const char *const lines[] = {
        "judged: 1 2 base64 ab\n", "judged: 1 2\n", "judged: \n",
        "judged: 1 2 base64 zz00000000000000000000000000000000000000000000000000000000000000\n"};
    struct fk_judged judged;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_false(fk_evidence_judged(lines[i], strlen(lines[i]), &judged));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_report_and_its_message_stay_apart),
                                       cmocka_unit_test(a_message_as_it_came_has_no_wrapper),
                                       cmocka_unit_test(a_broken_place_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
