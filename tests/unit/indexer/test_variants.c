/* test_variants.c - the table of characters that are the same in names keeps its own rules. */
#include "indexer/text/fold_priv.h"
#include "indexer/text/terms.h"
#include "indexer/text/variants.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* cmocka needs the four above */
#include <cmocka.h>

static void each_character_is_in_one_class_and_folds_to_itself(void **state) {
    (void)state;
    static uint8_t seen[0x30000], page_seen[0x300];
    const char *const *classes;
    unsigned pages = 0, others = 0;
    const size_t n = fk_variants_classes(&classes);
    for (size_t i = 0; i < n; i++) {
        const int32_t len = (int32_t)strlen(classes[i]);
        unsigned characters = 0;
        for (int32_t at = 0, from = 0; at < len; from = at, characters++) {
            struct fk_buf folded = FK_BUF_INIT;
            struct fk_err err = FK_ERR_INIT;
            const int32_t cp = fk_utf8_next(classes[i], &at, len);
            assert_true(cp > 0x2e80 && cp < 0x30000);
            if (seen[cp]++)
                fail_msg("%s: %.*s is in two classes", classes[i], (int)(at - from),
                         classes[i] + from);
            pages += page_seen[cp / 256]++ == 0;
            assert_int_equal(fk_terms_fold(classes[i] + from, (size_t)(at - from), &folded, &err),
                             FK_OK);
            if (folded.len != (size_t)(at - from) ||
                memcmp(folded.data, classes[i] + from, folded.len) != 0)
                fail_msg("%s: %.*s is folded before it is looked up", classes[i], (int)(at - from),
                         classes[i] + from);
            if (!(fk_terms__class((uint32_t)cp) & FK_CH_CJK))
                fail_msg("%s: U+%04X is not cut into bigrams", classes[i], (unsigned)cp);
            assert_ptr_equal(fk_variants_class((uint32_t)cp), classes[i]);
            fk_buf_free(&folded);
        }
        assert_true(characters >= 2);
        others += characters - 1;
    }
    assert_true(pages < 127); /* as many as variants.c has room for, less the empty one */
    assert_true(n > 400 && others > 450);
}

static void names_are_written_in_either_way(void **state) {
    (void)state;
    static const char *const same[][2] = {
        {"髙", "高"}, {"﨑", "崎"}, {"邉", "辺"}, {"邊", "辺"}, {"齋", "斎"}, {"齊", "斎"},
        {"斉", "斎"}, {"濵", "浜"}, {"濱", "浜"}, {"德", "徳"}, {"𠮷", "吉"}, {"澤", "沢"},
        {"廣", "広"}, {"國", "国"}, {"嶋", "島"}, {"ヶ", "ケ"}, {"高", "高"}, {"田", "田"},
        {"祗", "祗"}, {"a", "a"},   {"薗", "薗"},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        int32_t a = 0, b = 0;
        const int32_t of = fk_utf8_next(same[i][0], &a, (int32_t)strlen(same[i][0]));
        const int32_t to = fk_utf8_next(same[i][1], &b, (int32_t)strlen(same[i][1]));
        if (fk_variants_representative((uint32_t)of) != (uint32_t)to)
            fail_msg("%s is not %s", same[i][0], same[i][1]);
    }
    assert_int_equal(fk_variants_representative(0), 0);
    assert_int_equal(fk_variants_representative(0x10ffff), 0x10ffff);
    assert_int_equal(fk_variants_representative(UINT32_MAX), UINT32_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_character_is_in_one_class_and_folds_to_itself),
        cmocka_unit_test(names_are_written_in_either_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
