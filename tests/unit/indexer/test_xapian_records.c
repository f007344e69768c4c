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

/* As many changes in its place as a shard takes before it is to be made anew; that is as a new one
 * is, and has what was changed. */
static void a_shard_is_worn_by_changes_and_made_good_by_a_merge(void **state) {
    (void)state;
    enum { DOCUMENTS = FK_TEXTS_LOOSE_MAX + 50 };
    char path[300], copy[320], text[40];
    struct fk_xreader *r = shard_new();
    fk_xreader_close(&r);
    struct fk_xwriter *w;
    snprintf(path, sizeof path, "%s.worn", shard_dir);
    OK(fk_xwriter_create(path, &w, &err));
    for (uint32_t id = 1; id <= DOCUMENTS; id++)
        shard_put(w, id, "red apple", 0);
    OK(fk_xwriter_commit(w, &err));
    assert_false(fk_xwriter_is_worn(w));
    fk_xwriter_close(&w);
    OK(fk_xwriter_open(path, &w, &err));
    for (uint32_t k = 0; k <= FK_TEXTS_LOOSE_MAX; k++) {
        const uint32_t id = 1 + k * 7 % DOCUMENTS; /* far from one another */
        snprintf(text, sizeof text, "changed %u", id);
        shard_record_put(w, id, text);
        if (k % 512 == 0 || k == FK_TEXTS_LOOSE_MAX)
            OK(fk_xwriter_commit(w, &err));
        assert_int_equal(fk_xwriter_is_worn(w), k == FK_TEXTS_LOOSE_MAX);
    }
    fk_xwriter_close(&w);
    snprintf(copy, sizeof copy, "%s.copy", path);
    const char *const from[] = {path}, *const dirs[] = {path, copy};
    OK(fk_xmerge(from, 1, copy, 0, &err));
    for (size_t i = 0; i < 2; i++) {
        r = shard_reader(dirs[i]);
        for (uint32_t k = 0; k < DOCUMENTS; k++) {
            const uint32_t id = 1 + k * 7 % DOCUMENTS;
            snprintf(text, sizeof text, "changed %u", id);
            record_is(r, id, k <= FK_TEXTS_LOOSE_MAX ? text : "red apple");
        }
        fk_xreader_close(&r);
    }
    OK(fk_xwriter_open(copy, &w, &err));
    shard_record_put(w, 5, "once more");
    OK(fk_xwriter_commit(w, &err));
    assert_false(fk_xwriter_is_worn(w));
    record_in_hand_is(w, 5, "once more");
    fk_xwriter_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_changed_in_its_place_and_nothing_else_is),
        cmocka_unit_test(a_shard_is_worn_by_changes_and_made_good_by_a_merge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
