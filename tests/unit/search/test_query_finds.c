/* test_query_finds.c - what spellings, NEAR, patterns, empty fields, links, clients and directions
 * find in a small index. */
#include "indexer/text/prefixes.h"
#include "search/query_plan.h"
#include "tests/unit/support/small_index.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* cmocka needs the four above */
#include <cmocka.h>

/* Texts of one document each, in the body; the first is 1. */
static struct fk_xreader *texts(const char *const *list, size_t n) {
    char dir[512];
    struct fk_xwriter *writer = small_index_new(dir, sizeof dir);
    struct fk_xdoc *doc = NULL;
    for (size_t i = 0; i < n; i++) {
        small_renew(&doc);
        small_text(doc, FK_P_BODY, list[i]);
        assert_int_equal(fk_xwriter_put(writer, (uint32_t)i + 1, doc, NULL), FK_OK);
    }
    fk_xdoc_free(&doc);
    return small_index_finish(&writer, dir);
}
#define TEXTS_CHECK(list, table)                                                                   \
    small_check(texts(list, sizeof(list) / sizeof *(list)), table, sizeof(table) / sizeof *(table))

static void either_spelling_finds_either(void **state) {
    (void)state;
    static const char *const list[] = {"髙橋様",
                                       "高橋様",
                                       "サーバー",
                                       "サーバ機",
                                       "ヴァイオリン",
                                       "バイオリン",
                                       "合計 1,234,567 円",
                                       "合計1234567円です",
                                       "PO-2024-0017",
                                       "PO 2024 0018",
                                       "市ヶ谷",
                                       "渡邊と渡辺"};
    static const char *const table[][2] = {
        {"高橋", "2 1"},
        {"髙橋", "2 1"},
        {"exact:髙橋", "1"},
        {"exact:橋様", "2 1"},
        {"髙", "2 1"},
        {"exact:髙", "1"},
        {"サーバー", "4 3"},
        {"サーバ", "4 3"},
        {"exact:サーバー", "3"},
        {"サーバー機", "4"},
        {"ヴァイオリン", "6 5"},
        {"バイオリン", "6 5"},
        {"exact:バイオリン", "6"},
        {"1,234,567", "8 7"},
        {"1234567", "8 7"},
        {"exact:1234567", "8"},
        {"合計1234567円", "8 7"},
        {"合計1,234,567円です", "8"},
        {"PO-2024-0017", "9"},
        {"2024", "10 9"},
        {"0017", "9"},
        {"市ケ谷", "11"},
        {"exact:市ケ谷", "11"}, /* nothing is marked here: the indexer does that */
        {"渡辺", "12"},
        {"exact:渡邊", "12"},
        {"exact:渡邉", ""},
    };
    TEXTS_CHECK(list, table);
}

static void what_is_near_is_found(void **state) {
    (void)state;
    static const char *const list[] = {
        "alpha one two beta",       "beta one alpha",
        "alpha one two three beta", "会議室の予約を確認する",
        "予約。会議室は満室",       "次の会議 long text in between 延期",
        "alpha next meeting gamma", "alpha next gamma the meeting"};
    static const char *const table[][2] = {
        {"alpha NEAR(2) beta", "2 1"},
        {"alpha NEAR(1) beta", "2"},
        {"alpha NEAR(3) beta", "3 2 1"},
        {"alpha NEAR(0) beta", ""},
        {"alpha NEAR(0) one", "3 2 1"},
        {"alpha AROUND 2 beta", "2 1"},
        {"alpha w/2 beta", "2 1"},
        {"会議室 NEAR(1) 予約", "5 4"},
        {"会議 NEAR(5) 延期", "6"},
        {"会議 NEAR(3) 延期", ""},
        {"alpha NEAR(0) \"next meeting\"", "7"},
        {"(alpha OR 会議室) NEAR(1) (beta OR 予約)", "5 4 2"},
        {"alpha NEAR(2) one NEAR(2) beta", "3 2 1"},
        {"subject:alpha NEAR subject:beta", ""},
        {"-alpha NEAR(3) beta", "8 7 6 5 4"},
        {"議 NEAR 予約", "!1 NEAR takes two characters or more"},
        {"a NEAR ・", "!8 there is no letter or digit"},
        {"alpha NEAR(98) beta", "3 2 1"},
        {"alpha NEAR(99) beta", "!7 NEAR spans at most 100 words"},
    };
    TEXTS_CHECK(list, table);
}

static void patterns_match_words(void **state) {
    (void)state;
    static const char *const list[] = {"project", "product", "prospect",    "text",
                                       "test",    "tent9",   "会議 object", "naïveject"};
    static const char *const table[][2] = {
        {"pro*ect", "3 1"},  {"*ject", "8 7 1"}, {"te?t", "5 4"},           {"te?t*", "6 5 4"},
        {"PRO*CT", "3 2 1"}, {"p*o*t", "3 2 1"}, {"??oject", "1"},          {"subject:pro*ect", ""},
        {"na?veject", "8"},  {"*e*t*9", "6"},    {"pro*ect -project", "3"}, {"zz*zz", ""},
    };
    TEXTS_CHECK(list, table);
}

static void fields_that_have_nothing_are_found(void **state) {
    (void)state;
    char dir[512];
    struct fk_xwriter *writer = small_index_new(dir, sizeof dir);
    struct fk_xdoc *doc = NULL;
    small_renew(&doc);
    small_term(doc, FK_P_FLAG, "in:subject");
    small_term(doc, FK_P_FLAG, "in:envto");
    small_term(doc, FK_P_FLAG, "ext:pdf");
    small_term(doc, FK_P_CLIENT, "00000000000000000000ffffc0000201"); /* 192.0.2.1 */
    small_term(doc, FK_P_LINK_HOST, "a.example");
    small_text(doc, FK_P_LINK, "https://a.example/login?x=1");
    small_value(doc, FK_SLOT_DATE, 1);
    assert_int_equal(fk_xwriter_put(writer, 1, doc, NULL), FK_OK);
    small_renew(&doc);
    small_term(doc, FK_P_FLAG, "in:bcc");
    small_term(doc, FK_P_CLIENT, "00000000000000000000ffffc00002c8"); /* 192.0.2.200 */
    small_term(doc, FK_P_CLIENT, "20010db8000000000000000000000001");
    assert_int_equal(fk_xwriter_put(writer, 2, doc, NULL), FK_OK);
    fk_xdoc_free(&doc);
    static const char *const table[][2] = {
        {"subject:*", "1"},
        {"subject:\"\"", "2"},
        {"-subject:\"\"", "1"},
        {"bcc:*", "2"},
        {"-bcc:*", "1"},
        {"participants:*", "2 1"},
        {"date:*", "1"},
        {"date:\"\"", "2"},
        {"filetype:pdf", "1"},
        {"filename:*.PDF", "1"},
        {"filetype:doc", ""},
        {"ip:192.0.2.1", "1"},
        {"ip:192.0.2.0/24", "2 1"},
        {"ip:192.0.2.0/25", "1"},
        {"ip:192.0.2.192/26", "2"},
        {"ip:192.0.2.0/31", "1"},
        {"ip:0.0.0.0/0", "2 1"},
        {"ip:192.0.3.0/24", ""},
        {"ip:2001:db8::/32", "2"},
        {"ip:2001:DB8::1", "2"},
        {"ip:2001:db8::2", ""},
        {"ip:192.0.2", "!4 ip: does not take"},
        {"ip:192.0.2.1/33", "!4 ip: does not take"},
        {"ip:192.0.2.1/", "!4 ip: does not take"},
        {"ip:x", "!4 ip: does not take"},
        {"url:a.example", "1"},
        {"url:@a.example", "1"},
        {"url:@A.Example", "1"},
        {"url:@example", ""},
        {"url:https://a.example/login", "1"},
        {"url:login", "1"},
        {"login", ""},
    };
    small_check(small_index_finish(&writer, dir), table, sizeof table / sizeof *table);
}

static void every_message_has_one_direction(void **state) {
    (void)state;
    static const struct {
        const char *of, *to, *value, *want;
    } rows[] = {
        {"x.example", "b.example", "b.example\n", "in"},
        {"b.example", "x.example", "x.example\n", "out"},
        {"b.example", "b.example", "b.example\nx.example\n", "out"},
        {"b.example", "b.example", "b.example\nmail.b.example\n", "internal"},
        {"b.example", "", "", "internal"},
        {"b.example", "", "*", "out"},
        {"x.example", "y.example", "y.example\n", "other"},
        {"sub.e.example", "e.example", "e.example\n", "out"},
        {"x.example", "b.example", "b.example\nx.example\n", "in"},
        {"b.example", "notb.example", "notb.example\n", "out"},
        {"sub.e.example", "sub.e.example", "sub.e.example\na.sub.e.example\n", "internal"},
        {"", "", "", "other"},
    };
    static const char *const directions[] = {"in", "out", "internal", "other"};
    char dir[512];
    struct fk_xwriter *writer = small_index_new(dir, sizeof dir);
    struct fk_xdoc *doc = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        small_renew(&doc);
        small_text(doc, FK_P_BODY, "x");
        if (*rows[i].of)
            small_term(doc, FK_P_OF_DOMAIN, rows[i].of);
        if (*rows[i].to)
            small_term(doc, FK_P_TO_DOMAIN, rows[i].to);
        if (*rows[i].value)
            assert_int_equal(
                fk_xdoc_value(doc, FK_SLOT_TO_DOMAINS, rows[i].value, strlen(rows[i].value), NULL),
                FK_OK);
        assert_int_equal(fk_xwriter_put(writer, (uint32_t)i + 1, doc, NULL), FK_OK);
    }
    fk_xdoc_free(&doc);
    struct fk_xreader *reader = small_index_finish(&writer, dir);
    for (size_t k = 0; k < sizeof directions / sizeof *directions; k++) {
        struct fk_buf want = FK_BUF_INIT;
        char query[40];
        for (size_t i = sizeof rows / sizeof *rows; i > 0; i--)
            if (strcmp(rows[i - 1].want, directions[k]) == 0)
                fk_buf_printf(&want, want.len ? " %zu" : "%zu", i);
        (void)snprintf(query, sizeof query, "x direction:%s", directions[k]);
        char *got = small_found(reader, query, 0);
        assert_string_equal(got, fk_buf_cstr(&want));
        free(got);
        fk_buf_free(&want);
    }
    fk_xreader_close(&reader);
}

static void without_domains_nothing_has_a_direction(void **state) {
    (void)state;
    struct fk_query *query = NULL;
    struct fk_xquery *planned = NULL;
    struct fk_query_fault fault = {0};
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_query_parse("a 方向:受信", strlen("a 方向:受信"), &query, &fault, NULL),
                     FK_OK);
    assert_int_equal(fk_query_plan(fk_query_root(query), 0, &planned, &fault, &err), FK_INVALID);
    assert_int_equal(fault.character, 6);
    assert_non_null(strstr(fault.hint, "domains = {"));
    fk_query_free(&query);
}

static void other_spellings_are_told(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"会議", "text: 会議\nalso: 會議\n"},
        {"髙田", "text: 髙田\nalso: 高田\n"},
        {"from:渡邊", "text: 渡邊\nalso: 渡辺\nalso: 渡邉\n"},
        {"exact:髙田", ""},
        {"from:a@b.example", ""},
        {"budget 田中", ""},
        {"サーバー", "text: サーバー\nalso: サーヴァー\nalso: サーバ\nalso: サーヴァ\n"},
        {"メモリー", "text: メモリー\nalso: メモリ\n"},
        {"カー", ""},
        {"霞ヶ関 ケース", "text: 霞ヶ関\nalso: 霞ケ関\nalso: 霞ヶ關\nmore: yes\n"},
        {"市ケ谷", "text: 市ケ谷\nalso: 市ヶ谷\n"},
        {"センタ長", "text: センタ長\nalso: センター長\n"},
        {"1234567", "text: 1234567\nalso: 1,234,567\n"},
        {"1,234円", "text: 1,234円\nalso: 1234円\nalso: 1,234圓\n"},
        {"PO-2024-0017", ""},
        {"1.2345 0120 123", ""},
        {"国会 -x", "text: 国会\nalso: 國会\nalso: 国會\nmore: yes\n"},
        {"pro*ect サーバ*", ""},
        {"counterparty:髙田サーバー", "text: 髙田サーバー\nalso: 高田サーバー\n"},
        {"docno:1234567 sha256:1234567* -thread:1234567", ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fk_query *query = NULL;
        struct fk_query_fault fault;
        struct fk_buf out = FK_BUF_INIT;
        assert_int_equal(fk_query_parse(table[i][0], strlen(table[i][0]), &query, &fault, NULL),
                         FK_OK);
        assert_int_equal(fk_query_expansion(fk_query_root(query), &out, NULL), FK_OK);
        if (strcmp(fk_buf_cstr(&out), table[i][1]) != 0)
            fail_msg("%s: %s", table[i][0], fk_buf_cstr(&out));
        fk_buf_free(&out);
        fk_query_free(&query);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(either_spelling_finds_either),
        cmocka_unit_test(what_is_near_is_found),
        cmocka_unit_test(patterns_match_words),
        cmocka_unit_test(fields_that_have_nothing_are_found),
        cmocka_unit_test(every_message_has_one_direction),
        cmocka_unit_test(without_domains_nothing_has_a_direction),
        cmocka_unit_test(other_spellings_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
