/* What a reader takes for the answer of the runner of programs: its own, and no other file's. */
#include "base/frame.h"
#include "base/io.h"
#include "base/pack.h"
#include "indexer/reading/programs_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct fk_err err;
static uint32_t asked; /* as the client counts */

#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != FK_OK)                                                                       \
            fail_msg("%s", err.text);                                                              \
    } while (0)

/* It waits in the socket. */
static void answer_put(int sock, uint32_t id, const char *text) {
    struct fk_buf b = FK_BUF_INIT;
    int fd = -1;
    fk_put_u8(&b, FK_RAN);
    fk_put_u8(&b, 0);
    fk_put_u32(&b, 5);
    fk_put_cstr(&b, "a complaint");
    OK(fk_memfile_new("answer", &fd, &err));
    OK(fk_write_full(fd, text, strlen(text), "an answer", &err));
    OK(fk_memfile_seal(fd, &err));
    OK(fk_frame_send(sock, FK_RUNNER_DONE, id, b.data, b.len, fd, &err));
    fk_close(&fd);
    fk_buf_free(&b);
}

static void run(int sock, struct fk_ran *out) {
    OK(fk_program_run(sock, FK_PROGRAM_PDF, 1, "%PDF", 4, "", out, &err));
    asked++;
}

static void an_answer_that_nobody_took_is_not_the_next_files(void **state) {
    (void)state;
    int pair[2];
    struct fk_ran ran;
    OK(fk_frame_pair(pair, &err));
    answer_put(pair[1], asked, "the one before");
    answer_put(pair[1], asked + 1, "its own");
    answer_put(pair[1], asked + 2, "the next");
    run(pair[0], &ran);
    assert_int_equal(ran.outcome, FK_RAN);
    assert_string_equal(fk_buf_cstr(&ran.text), "its own");
    assert_string_equal(fk_buf_cstr(&ran.complaint), "a complaint");
    fk_ran_free(&ran);
    run(pair[0], &ran);
    assert_int_equal(ran.outcome, FK_RAN);
    assert_string_equal(fk_buf_cstr(&ran.text), "the next");
    fk_ran_free(&ran);
    fk_close(&pair[0]);
    fk_close(&pair[1]);
}

static void an_answer_to_what_was_not_asked_is_none(void **state) {
    (void)state;
    int pair[2];
    struct fk_ran ran;
    OK(fk_frame_pair(pair, &err));
    answer_put(pair[1], asked + 9, "of another");
    run(pair[0], &ran);
    assert_int_equal(ran.outcome, FK_RAN_NEVER);
    fk_ran_free(&ran);
    answer_put(pair[1], asked, "the one before"); /* and then it is gone */
    fk_close(&pair[1]);
    run(pair[0], &ran);
    assert_int_equal(ran.outcome, FK_RAN_NEVER);
    assert_int_equal(ran.text.len, 0);
    fk_ran_free(&ran);
    fk_close(&pair[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_nobody_took_is_not_the_next_files),
        cmocka_unit_test(an_answer_to_what_was_not_asked_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
