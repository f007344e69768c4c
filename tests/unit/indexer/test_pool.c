/* Boxed readers, real processes: what a message can do to one, and that the next message does not
 * notice. FUMIKURA names the program. */
#include "archiver/vault/envelope.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/io.h"
#include "indexer/document_priv.h"
#include "indexer/pool_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct fk_err err;

static struct fk_pool *pool_of(unsigned workers) {
    struct fk_index_options o = FK_INDEX_OPTIONS;
    struct fk_pool *pool = NULL;
    o.worker = getenv("FUMIKURA");
    assert_non_null(o.worker);
    o.workers = workers;
    o.seconds = 1;
    o.memory_bytes = (size_t)256 << 20;
    if (fk_pool__open(&o, &pool, &err) != FK_OK)
        fail_msg("%s", err.text);
    return pool;
}

static int file_of(const char *text) {
    int fd;
    assert_int_equal(fk_memfile_new("message", &fd, &err), FK_OK);
    assert_int_equal(fk_write_full(fd, text, strlen(text), "message", &err), FK_OK);
    assert_int_equal(fk_memfile_seal(fd, &err), FK_OK);
    return fd;
}

static void submit(struct fk_pool *pool, uint64_t id, const char *message) {
    const struct fk_job job = {.id = id, .fd = file_of(message), .len = strlen(message)};
    assert_int_equal(fk_pool__submit(pool, &job, &err), FK_OK);
}

static struct fk_job_result result(struct fk_pool *pool) {
    struct fk_job_result r;
    const enum fk_status st = fk_pool__wait(pool, 30000, &r, &err);
    if (st != FK_OK)
        fail_msg("%s", err.text);
    return r;
}

static bool says(const struct fk_job_result *r, const char *term) {
    return r->has_answer && memmem(r->answer.data, r->answer.len, term, strlen(term));
}

/* Gives a message to a pool of one, then a good one; tells what came back for the first. */
static struct fk_job_result after(const char *message) {
    struct fk_pool *pool = pool_of(1);
    submit(pool, 1, message);
    struct fk_job_result first = result(pool);
    assert_int_equal(first.id, 1);
    submit(pool, 2, "Subject: next\n\nfollowing\n");
    struct fk_job_result next = result(pool);
    assert_int_equal(next.id, 2);
    assert_int_equal(next.reasons, 0);
    assert_true(says(&next, "following"));
    fk_buf_free(&next.answer);
    fk_pool__close(&pool);
    return first;
}

#define PADDING "\nX-Padding: so that it is as long as any message\n\nbody words\n"

static void a_crash_costs_the_body_of_its_message_only(void **state) {
    (void)state;
    struct fk_job_result r = after("X-Fumikura-Test: crash\nSubject: found" PADDING);
    assert_int_equal(r.reasons, FK_REASON_CRASH);
    assert_true(says(&r, "Sfound"));
    assert_false(says(&r, "words"));
    fk_buf_free(&r.answer);
}

static void a_message_that_kills_every_reader_is_given_back(void **state) {
    (void)state;
    struct fk_job_result r = after("X-Fumikura-Test: crash always\nSubject: lost" PADDING);
    assert_int_equal(r.reasons, FK_REASON_CRASH);
    assert_false(r.has_answer);
}

static void too_much_memory_is_a_crash(void **state) {
    (void)state;
#ifndef __SANITIZE_ADDRESS__
    struct fk_job_result r = after("X-Fumikura-Test: hog\nSubject: found" PADDING);
    assert_int_equal(r.reasons, FK_REASON_CRASH);
    assert_true(says(&r, "Sfound"));
    fk_buf_free(&r.answer);
#endif
}

static void endless_work_is_stopped(void **state) {
    (void)state;
    const int64_t began = fk_monotonic_ms();
    struct fk_job_result r = after("X-Fumikura-Test: spin\nSubject: found" PADDING);
    assert_int_equal(r.reasons, FK_REASON_TIME);
    assert_true(says(&r, "Sfound"));
    assert_true(fk_monotonic_ms() - began < 20000);
    fk_buf_free(&r.answer);
}

static void endless_work_on_files_costs_the_files_only(void **state) {
    (void)state;
    struct fk_job_result r = after("X-Fumikura-Test: spin files\nSubject: found" PADDING);
    assert_int_equal(r.reasons, FK_REASON_TIME);
    assert_true(says(&r, "Sfound"));
    assert_true(says(&r, "words"));
    fk_buf_free(&r.answer);
}

static void endless_waiting_is_stopped(void **state) {
    (void)state;
    struct fk_job_result r = after("X-Fumikura-Test: sleep\nSubject: found" PADDING);
    assert_int_equal(r.reasons, FK_REASON_TIME);
    assert_true(says(&r, "Sfound"));
    fk_buf_free(&r.answer);
}

static void answers_larger_than_a_frame_come_whole(void **state) {
    (void)state;
    struct fk_pool *pool = pool_of(2);
    struct fk_buf b = FK_BUF_INIT;
    fk_buf_str(&b, "Subject: x\n\n");
    for (int i = 0; i < 40000; i++)
        fk_buf_printf(&b, "word%d\n", i);
    submit(pool, 7, fk_buf_cstr(&b));
    submit(pool, 8, "Subject: small\n\nother\n");
    for (int i = 0; i < 2; i++) {
        struct fk_job_result r = result(pool);
        assert_true(says(&r, r.id == 7 ? "word39999" : "other"));
        assert_true(r.id != 7 || r.answer.len > FK_FRAME_MAX);
        fk_buf_free(&r.answer);
    }
    fk_buf_free(&b);
    fk_pool__close(&pool);
}

/* ---- two messages a reader */

/* Gives two to a pool of one reader at once; the second is a good one, and comes back as if it were
 * alone. Tells what came back for the first. */
static struct fk_job_result before_another(const char *message) {
    struct fk_pool *pool = pool_of(1);
    submit(pool, 1, message);
    assert_int_equal(fk_pool__free(pool), 1);
    submit(pool, 2, "Subject: next\n\nfollowing\n");
    assert_int_equal(fk_pool__free(pool), 0);
    struct fk_job_result first = result(pool);
    assert_int_equal(first.id, 1);
    assert_true(fk_pool__is_busy(pool));
    struct fk_job_result next = result(pool);
    assert_int_equal(next.id, 2);
    assert_int_equal(next.reasons, 0);
    assert_true(says(&next, "following"));
    assert_false(fk_pool__is_busy(pool));
    fk_buf_free(&next.answer);
    fk_pool__close(&pool);
    return first;
}

static void one_that_waits_does_not_notice_what_became_of_the_one_before(void **state) {
    (void)state;
    static const struct {
        const char *how;
        unsigned reasons;
        bool has_answer;
    } cases[] = {{"after", 0, true},
                 {"crash", FK_REASON_CRASH, true},
                 {"crash always", FK_REASON_CRASH, false},
                 {"spin", FK_REASON_TIME, true},
                 {"none", 0, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[200];
        snprintf(message, sizeof message, "X-Fumikura-Test: %s\nSubject: found" PADDING,
                 cases[i].how);
        struct fk_job_result r = before_another(message);
        assert_int_equal(r.reasons, cases[i].reasons);
        assert_int_equal(r.has_answer, cases[i].has_answer);
        assert_true(!r.has_answer || says(&r, "Sfound"));
        fk_buf_free(&r.answer);
    }
}

/* Its time begins when the one before is done. */
static void one_that_waits_is_not_held_to_account_for_the_wait(void **state) {
    (void)state;
    struct fk_pool *pool = pool_of(1);
    submit(pool, 1, "X-Fumikura-Test: spin\nSubject: found" PADDING);
    submit(pool, 2, "X-Fumikura-Test: spin files\nSubject: found" PADDING);
    for (uint64_t id = 1; id <= 2; id++) {
        struct fk_job_result r = result(pool);
        assert_int_equal(r.id, id);
        assert_int_equal(r.reasons, FK_REASON_TIME);
        assert_int_equal(says(&r, "words"), id == 2); /* files alone were given up */
        fk_buf_free(&r.answer);
    }
    fk_pool__close(&pool);
}

/* It answers what it is about to be given, and takes none of it: its socket fills. */
static void one_that_takes_nothing_holds_nobody_up(void **state) {
    (void)state;
    struct fk_pool *pool = pool_of(1);
    alarm(60);
    submit(pool, 1, "X-Fumikura-Test: hoard\nSubject: found" PADDING);
    for (uint64_t id = 2; id <= 400; id++) {
        submit(pool, id, "Subject: found\n\nbody words\n");
        struct fk_job_result r = result(pool);
        fk_buf_free(&r.answer);
    }
    fk_pool__close(&pool);
    alarm(0);
}

/* More than one reader is given, always with one that waits. */
static void readers_are_replaced_between_messages(void **state) {
    (void)state;
    enum { MANY = 1100 };
    struct fk_pool *pool = pool_of(1);
    uint64_t given = 0, back = 0;
    while (back < MANY) {
        while (given < MANY && fk_pool__free(pool) > 0)
            submit(pool, ++given, "Subject: found\n\nbody words\n");
        struct fk_job_result r = result(pool);
        assert_int_equal(r.id, ++back);
        assert_int_equal(r.reasons, 0);
        assert_true(says(&r, "Sfound"));
        fk_buf_free(&r.answer);
    }
    fk_pool__close(&pool);
}

/* ---- what a reader that was taken over might say */

static uint32_t next_random(uint32_t *x) {
    return *x = *x * 1664525 + 1013904223;
}

static enum fk_status document_of(const struct fk_buf *answer) {
    static const char envelope[] =
        "received: 2026-11-24T01:00:00.000Z\nmail-from: \nrcpt-to: a@b\n";
    const struct fk_source source = {
        .seq = 5, .envelope = envelope, .envelope_len = sizeof envelope - 1, .message_bytes = 10};
    struct fk_answer said;
    struct fk_xdoc *doc = NULL;
    size_t postings;
    enum fk_status st = fk_document__take(answer, NULL, &said, &err);
    if (st == FK_OK)
        st = fk_document__make(&source, 0, &said, NULL, &doc, &postings, &err);
    fk_xdoc_free(&doc);
    return st;
}

static void no_answer_can_do_harm(void **state) {
    (void)state;
    struct fk_pool *pool = pool_of(1);
    submit(pool, 1, "From: A <a@b>\nSubject: 会議\n\n会議の資料を送ります。 word word\n");
    struct fk_job_result good = result(pool);
    assert_int_equal(document_of(&good.answer), FK_OK);
    uint32_t x = 42;
    for (int round = 0; round < 20000; round++) {
        struct fk_buf bad = FK_BUF_INIT;
        fk_buf_add(&bad, good.answer.data, good.answer.len);
        for (uint32_t n = next_random(&x) >> 30; n > 0; n--)
            bad.data[(next_random(&x) >> 8) % bad.len] = (uint8_t)(next_random(&x) >> 24);
        if (next_random(&x) >> 31)
            bad.len = (next_random(&x) >> 8) % bad.len;
        assert_int_equal(document_of(&bad), FK_OK); /* it may be a poor document, but it is one */
        fk_buf_free(&bad);
    }
    fk_buf_free(&good.answer);
    fk_pool__close(&pool);
}

static void a_message_becomes_text_for_people(void **state) {
    (void)state;
    struct fk_buf fields = FK_BUF_INIT, file = FK_BUF_INIT, out = FK_BUF_INIT;
    static const char message[] =
        "Subject: \x1b[31mred\n\nline\r\n\x1b]0;title\x07 \xe2\x80\xae end\n";
    struct fk_index_options o = FK_INDEX_OPTIONS;
    int fd;
    o.worker = getenv("FUMIKURA");
    fk_fields_add_str(&fields, "via", "test");
    for (int i = 0; i < 32; i++)
        fk_buf_byte(&file, 's');
    fk_envelope_finish(&file, &fields, sizeof message - 1);
    fk_buf_add(&file, message, sizeof message - 1);
    assert_int_equal(fk_memfile_new("content", &fd, &err), FK_OK);
    assert_int_equal(fk_write_full(fd, file.data, file.len, "content", &err), FK_OK);
    assert_int_equal(fk_memfile_seal(fd, &err), FK_OK);
    if (fk_index_message_text(fd, &o, &out, &err) != FK_OK)
        fail_msg("%s", err.text);
    assert_string_equal(fk_buf_cstr(&out), "Subject:  [31mred\n\nline\n ]0;title    end\n");
    fk_close(&fd);
    fk_buf_free(&fields);
    fk_buf_free(&file);
    fk_buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_costs_the_body_of_its_message_only),
        cmocka_unit_test(a_message_that_kills_every_reader_is_given_back),
        cmocka_unit_test(too_much_memory_is_a_crash),
        cmocka_unit_test(endless_work_is_stopped),
        cmocka_unit_test(endless_work_on_files_costs_the_files_only),
        cmocka_unit_test(endless_waiting_is_stopped),
        cmocka_unit_test(answers_larger_than_a_frame_come_whole),
        cmocka_unit_test(one_that_waits_does_not_notice_what_became_of_the_one_before),
        cmocka_unit_test(one_that_waits_is_not_held_to_account_for_the_wait),
        cmocka_unit_test(readers_are_replaced_between_messages),
        cmocka_unit_test(one_that_takes_nothing_holds_nobody_up),
        cmocka_unit_test(no_answer_can_do_harm),
        cmocka_unit_test(a_message_becomes_text_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
