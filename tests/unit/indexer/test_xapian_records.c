/* Records, which are changed in their place. */
#include "tests/unit/support/shards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct fk_err err;

static void record_is(struct fk_xreader *r, uint32_t docid, const char *want) {
    struct fk_buf record = FK_BUF_INIT;
    OK(fk_xreader_data(r, docid, &record, &err));
    assert_string_equal(fk_buf_cstr(&record), want);
    fk_buf_free(&record);
}

static void record_in_hand_is(struct fk_xwriter *w, uint32_t docid, const char *want) {
    struct fk_buf record = FK_BUF_INIT;
    struct fk_xdoc *doc;
    OK(fk_xwriter_document(w, docid, &doc, &err));
    OK(fk_xdoc_data_get(doc, &record, &err));
    assert_string_equal(fk_buf_cstr(&record), want);
    fk_buf_free(&record);
    fk_xdoc_free(&doc);
}

static void a_record_is_changed_in_its_place_and_nothing_else_is(void **state) {
    (void)state;
    char copy[300];
    struct fk_buf record = FK_BUF_INIT;
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    struct fk_xwriter *w;
    OK(fk_xwriter_open(shard_dir, &w, &err));
    record_in_hand_is(w, 7, "apple red");
    shard_record_put(w, 7, "once");
    record_in_hand_is(w, 7, "once");
    record_in_hand_is(w, 8, "green apple red");
    OK(fk_xwriter_commit(w, &err));
    shard_record_put(w, 7, "twice");
    shard_record_put(w, 8, "");
    OK(fk_xwriter_delete(w, 900, &err));
    OK(fk_xwriter_commit(w, &err));
    record_in_hand_is(w, 7, "twice");
    shard_record_put(w, 3, "is dropped");
    fk_xwriter_close(&w);
    snprintf(copy, sizeof copy, "%s.records", shard_dir);
    const char *const from[] = {shard_dir};
    OK(fk_xmerge(from, 1, copy, 0, &err));
    const char *const dirs[] = {shard_dir, copy};
    for (size_t i = 0; i < 2; i++) {
        r = shard_reader(dirs[i]);
        record_is(r, 3, "red apple pie");
        record_is(r, 7, "twice");
        record_is(r, 8, "");
        assert_int_equal(fk_xreader_data(r, 900, &record, &err), FK_NOT_FOUND);
        assert_int_equal(fk_xreader_data(r, 4, &record, &err), FK_NOT_FOUND);
        struct fk_buf row = FK_BUF_INIT;
        OK(fk_xreader_text(r, 7, FK_TEXTS_ROWS, "", &row, &err));
        assert_string_equal(fk_buf_cstr(&row), "apple red");
        fk_buf_free(&row);
        shard_expect(r, T("apple"), "8 7 3 ");
        fk_xreader_close(&r);
    }
    fk_buf_free(&record);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_changed_in_its_place_and_nothing_else_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
