/* test_query_parse.c - the query language: what is understood, what is refused and where. */
#include "search/query_parse.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* cmocka needs the four above */
#include <cmocka.h>

static const int64_t now_ms = 1715729400000; /* Wednesday, 2024-05-15T08:30+09:00; 14 in UTC */

/* "canonical", or "!CHARACTER message". */
static char *understood(const char *text, size_t len) {
    struct fk_query *query = NULL;
    struct fk_query_fault fault;
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf out = FK_BUF_INIT;
    if (fk_query_parse_at(text, len, now_ms, 540, &query, &fault, &err) == FK_OK) {
        fk_query_canonical(query, &out);
    } else {
        assert_int_equal(err.status, FK_INVALID);
        assert_true(fault.character >= 1 && fault.byte >= 1 && fault.byte <= len + 1);
        assert_non_null(strstr(err.text, fault.expected));
        fk_buf_printf(&out, "!%zu %s", fault.character, fault.expected);
    }
    char *copy = strdup(fk_buf_cstr(&out));
    fk_buf_free(&out);
    fk_query_free(&query);
    return copy;
}

static void check(const char *const table[][2], size_t rows) {
    int wrong = 0;
    for (size_t i = 0; i < rows; i++) {
        char *got = understood(table[i][0], strlen(table[i][0]));
        bool refused = table[i][1][0] == '!';
        if (refused ? strncmp(got, table[i][1], strlen(table[i][1])) != 0
                    : strcmp(got, table[i][1]) != 0) {
            print_error("query    %s\nexpected %s\ngot      %s\n", table[i][0], table[i][1], got);
            wrong++;
        } else if (!refused) {
            char *again = understood(got, strlen(got));
            assert_string_equal(again, got);
            free(again);
        }
        free(got);
    }
    assert_int_equal(wrong, 0);
}
#define CHECK(table) check(table, sizeof(table) / sizeof *(table))

static void words_operators_and_groups_have_one_reading(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"", "*"},
        {"  \t\n", "*"},
        {"*", "*"},
        {"* -foo", "* AND NOT foo"},
        {"foo", "foo"},
        {"foo bar", "foo AND bar"},
        {"foo AND bar", "foo AND bar"},
        {"foo OR bar", "foo OR bar"},
        {"foo and or not bar", "foo AND and AND or AND not AND bar"},
        {"a b OR c", "(a AND b) OR c"},
        {"a (b OR c)", "a AND (b OR c)"},
        {"(a b) c (d (e))", "a AND b AND c AND d AND e"},
        {"a OR (b OR c)", "a OR b OR c"},
        {"-foo", "NOT foo"},
        {"a -b", "a AND NOT b"},
        {"a AND NOT b", "a AND NOT b"},
        {"NOT (a OR b)", "NOT (a OR b)"},
        {"NOT(a OR b)", "NOT (a OR b)"},
        {"a OR(b c)", "a OR (b AND c)"},
        {"-(a b)", "NOT (a AND b)"},
        {"NOT NOT a", "NOT NOT a"},
        {"--a", "NOT NOT a"},
        {"a OR NOT b", "a OR NOT b"},
        {"a-b", "a-b"},
        {"foo(bar)", "\"foo(bar)\""},
        {"foo(bar baz)", "foo AND bar AND baz"},
        {"foo((a)b)c", "\"foo((a)b)c\""},
        {"(foo(bar))", "\"foo(bar)\""},
        {"bud*", "bud*"},
        {"subject:bud*", "subject:bud*"},
        {"\"bud\"*", "bud*"},
        {"\"-bud\"*", "\"-bud\"*"},
        {"\"foo bar\"", "\"foo bar\""},
        {"\"foo\"", "foo"},
        {"foo\"bar baz\"qux", "foo AND \"bar baz\" AND qux"},
        {"\"AND\" \"NEAR\" \"OR\"", "\"AND\" AND \"NEAR\" AND \"OR\""},
        {"\"a*b\"", "\"a*b\""},
        {"10:30", "\"10:30\""},
        {"http://a.example/x", "\"http://a.example/x\""},
        {"C:\\temp", "\"C:\\temp\""},
        {"Re: budget", "\"Re:\" AND budget"},
        {"a=b a<b", "\"a=b\" AND \"a<b\""},
        {"+81-3", "+81-3"},
        {"AND1 ORAL", "AND1 AND ORAL"},
    };
    CHECK(table);
}

static void fields_are_told_from_text(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"from:tanaka", "from:tanaka"},
        {"FROM:tanaka", "from:tanaka"},
        {"from=tanaka", "from:tanaka"},
        {"from: tanaka", "from:tanaka"},
        {"from:a@b.example", "from:a@b.example"},
        {"from:\"Taro Tanaka\"", "from:\"Taro Tanaka\""},
        {"-from:a", "NOT from:a"},
        {"to:(a OR b)", "to:a OR to:b"},
        {"to:(a -b \"c d\") e", "to:a AND NOT to:b AND to:\"c d\" AND e"},
        {"subject:NOTE", "subject:NOTE"},
        {"subject:foo(bar)", "subject:\"foo(bar)\""},
        {"cc:a bcc:b participants:c", "cc:a AND bcc:b AND participants:c"},
        {"recipients:a attachmentnames:b", "to:a AND filename:b"},
        {"filename:report.pdf body:x", "filename:report.pdf AND body:x"},
        {"msgid:<1.2@a.example>", "msgid:\"<1.2@a.example>\""},
        {"rfc822msgid:1.2@a.example", "msgid:1.2@a.example"},
        {"has:attachment", "has:attachment"},
        {"has:Attachment has:ＡＴＴＡＣＨＭＥＮＴＳ", "has:attachment AND has:attachment"},
        {"unsearchable:ANY", "unsearchable:any"},
        {"has:attach", "!5 expected has:attachment"},
        {"has:attachments -has:添付", "has:attachment AND NOT has:attachment"},
        {"unsearchable:any unsearchable:mime-depth",
         "unsearchable:any AND unsearchable:mime-depth"},
    };
    CHECK(table);
}

/* What people bring from Gmail, from Purview's KQL, from dtSearch and from Japanese products. */
static void what_others_write_means_what_it_means_there(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"{a b}", "a OR b"},
        {"x {a b} y", "x AND (a OR b) AND y"},
        {"{from:amy from:david}", "from:amy OR from:david"},
        {"from:{amy david}", "from:amy OR from:david"},
        {"｛会議　打合せ｝", "会議 OR 打合せ"},
        {"{a (b c)}", "a OR (b AND c)"},
        {"({a b})", "a OR b"},
        {"{a OR b}", "a OR b"},
        {"{a -b}", "a OR NOT b"},
        {"{a {b c}} d", "(a OR b OR c) AND d"},
        {"a{b}", "\"a{b}\""},
        {"a }", "a AND \"}\""},
        {"+unicorn", "unicorn"},
        {"+\"a b\" -c", "\"a b\" AND NOT c"},
        {"＋会議", "会議"},
        {"+from:a +(b c)", "from:a AND b AND c"},
        {"\"+unicorn\"", "\"+unicorn\""},
        {"+", "\"+\""},
        {"subjecttitle:x title:y", "subject:x AND subject:y"},
        {"holiday AROUND 10 vacation", "holiday NEAR(10) vacation"},
        {"holiday AROUND(10) vacation", "holiday NEAR(10) vacation"},
        {"LOOK AROUND US", "LOOK AND \"AROUND\" AND US"},
        {"a NEAR b", "a NEAR(8) b"},
        {"a NEAR(3) b", "a NEAR(3) b"},
        {"a NEAR(n=3) b", "a NEAR(3) b"},
        {"a NEAR/3 b", "a NEAR(3) b"},
        {"会議　ＮＥＡＲ（３）　延期", "会議 NEAR(3) 延期"},
        {"a w/3 b", "a NEAR(3) b"},
        {"a W/3 b", "a NEAR(3) b"},
        {"coffee w/3", "coffee AND \"w/3\""},
        {"a w/3 OR b", "(a AND \"w/3\") OR b"},
        {"a NEAR b NEAR c", "a NEAR(8) b NEAR(8) c"},
        {"a NEAR b c", "a NEAR(8) b AND c"},
        {"-a NEAR b", "NOT (a NEAR(8) b)"},
        {"NOT (a NEAR b)", "NOT (a NEAR(8) b)"},
        {"x OR a NEAR b", "x OR a NEAR(8) b"},
        {"(a OR b) NEAR(2) \"c d\"", "(a OR b) NEAR(2) \"c d\""},
        {"subject:(a NEAR(2) b)", "subject:a NEAR(2) subject:b"},
        {"subject:a NEAR(2) subject:b", "subject:a NEAR(2) subject:b"},
        {"\"NEAR/3\" \"w/3\" \"AROUND\"", "\"NEAR/3\" AND \"w/3\" AND \"AROUND\""},
        {"pro*ect", "pro*ect"},
        {"*ject", "*ject"},
        {"te?t", "te?t"},
        {"ｐｒｏ＊ｅｃｔ", "pro*ect"},
        {"subject:pro*ect", "subject:pro*ect"},
        {"te?t*", "te?t*"},
        {"what?", "what?"},
        {"\"pro*ect\" \"te?t\"", "\"pro*ect\" AND \"te?t\""},
        {"http://a.example/x?y", "\"http://a.example/x?y\""},
        {"filename:*.pdf", "filetype:pdf"},
        {"exact:filename:*.pdf", "filetype:pdf"},
        {"filename:*.PDF filetype:.pdf", "filetype:pdf AND filetype:pdf"},
        {"filetype:XLSX 拡張子:docx", "filetype:xlsx AND filetype:docx"},
        {"hasattachment:true", "has:attachment"},
        {"HasAttachment:false", "NOT has:attachment"},
        {"hasattachment=yes", "has:attachment"},
        {"kind:email x", "* AND x"},
        {"in:anywhere", "*"},
        {"list:dev@l.example", "via:dev@l.example OR to:dev@l.example"},
        {"-list:(a b)", "NOT ((via:a OR to:a) AND (via:b OR to:b))"},
        {"from:*@b.example", "from:@b.example"},
        {"from:contoso.com", "from:contoso.com"},
        {"participants:contoso.com", "participants:contoso.com"},
        {"subject=budget", "subject:budget"},
        {"subject:\"\"", "NOT subject:*"},
        {"-subject:\"\"", "NOT NOT subject:*"},
        {"-to:*", "NOT to:*"},
        {"bcc:*", "bcc:*"},
        {"body:＊", "body:*"},
        {"subject:\"*\"", "subject:\"*\""},
        {"direction:in direction:Outbound", "direction:in AND direction:out"},
        {"方向:社内 方向：受信 方向:送信 方向:その他",
         "direction:internal AND direction:in AND direction:out AND direction:other"},
        {"ip:192.0.2.1 ip:192.0.2.0/24", "ip:192.0.2.1 AND ip:192.0.2.0/24"},
        {"ip:2001:db8::1", "ip:\"2001:db8::1\""},
        {"url:evil.example link:https://a.example/b?c=d",
         "url:evil.example AND url:\"https://a.example/b?c=d\""},
        {"exact:髙橋", "exact:髙橋"},
        {"exact:\"髙橋 誠\"", "exact:\"髙橋 誠\""},
        {"完全一致：髙橋", "exact:髙橋"},
        {"exact:from:髙橋", "exact:from:髙橋"},
        {"exact:(from:髙橋 OR x)", "exact:from:髙橋 OR exact:x"},
        {"from:(exact:髙橋 OR x)", "exact:from:髙橋 OR from:x"},
        {"-exact:髙橋", "NOT exact:髙橋"},
        {"exact:date:2024", "date:2024"},
        {"exact:(a NEAR b)", "exact:a NEAR(8) exact:b"},
        {"“curly quotes”", "\"curly quotes\""},
    };
    CHECK(table);
}

static void a_lower_case_operator_is_remarked_on(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"a and b", "\"and\" is searched for as a word"},
        {"a or b", "\"or\" is searched for as a word"},
        {"not a", "\"not\" is searched for as a word"},
        {"a near b", "\"near\" is"},
        {"\"a and b\"", ""},
        {"a \"and\" b", ""},
        {"subject:(a and b)", ""},
        {"a AND b", ""},
        {"a and", ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fk_query *query = NULL;
        struct fk_query_fault fault;
        assert_int_equal(fk_query_parse(table[i][0], strlen(table[i][0]), &query, &fault, NULL),
                         FK_OK);
        const char *got = fk_query_remark(query);
        if (table[i][1][0] ? strncmp(got, table[i][1], strlen(table[i][1])) != 0 : *got != 0)
            fail_msg("%s: %s", table[i][0], got);
        fk_query_free(&query);
    }
}

static void dates_become_whole_periods(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"date:2024", "date:2024"},
        {"date:2024-04", "date:2024-04"},
        {"date:2024-4-1", "date:2024-04-01"},
        {"date:2024/4/1", "date:2024-04-01"},
        {"date:2024.04.01", "date:2024-04-01"},
        {"date:20240401", "date:2024-04-01"},
        {"date:2024年4月1日", "date:2024-04-01"},
        {"date:2024年4月", "date:2024-04"},
        {"date:2024年", "date:2024"},
        {"date:2024-04-01T9:05", "date:2024-04-01T09:05"},
        {"date:\"2024-04-01 09:05\"", "date:2024-04-01T09:05"},
        {"date:2024-04-01T09:05:07", "date:2024-04-01T09:05:07"},
        {"date<1969-12-31T23:59:01", "date:..1969-12-31T23:59:00"},
        {"date:2024-04-01T09:05:60", "!6 expected a date such as"},
        {"date:2024-04-01T09:05:", "!6 expected a date such as"},
        {"date:\"2024", "!6 this value in quotes has no end"},
        {"size:\"5", "!6 this value in quotes has no end"},
        {"date:2024-01..2024-03", "date:2024-01..2024-03"},
        {"date:2024-01〜2024-03", "date:2024-01..2024-03"},
        {"date:2024年1月～2024年3月", "date:2024-01..2024-03"},
        {"date:2024-01..", "date:2024-01.."},
        {"date:..2024-03", "date:..2024-03"},
        {"date:2024-02..2024-02", "date:2024-02"},
        {"sent>=2024-01-01", "date:2024-01-01.."},
        {"sent<=2024-01", "date:..2024-01"},
        {"date>2024-12-31", "date:2025-01-01.."},
        {"date>2024-12", "date:2025-01.."},
        {"date<2024-03-01", "date:..2024-02-29"},
        {"date<2024-01-01T00:00", "date:..2023-12-31T23:59"},
        {"date<>2024-01-01", "NOT date:2024-01-01"},
        {"date:today", "date:2024-05-15"},
        {"date:Yesterday", "date:2024-05-14"},
        {"received:今日 received:昨日 received:一昨日",
         "received:2024-05-15 AND received:2024-05-14 AND received:2024-05-13"},
        {"date:今週", "date:2024-05-13..2024-05-19"},
        {"date:\"last week\"", "date:2024-05-06..2024-05-12"},
        {"date:先々週", "date:2024-04-29..2024-05-05"},
        {"date:今月 date:先月 date:先々月", "date:2024-05 AND date:2024-04 AND date:2024-03"},
        {"date:last-month date:this_month", "date:2024-04 AND date:2024-05"},
        {"date:今年 date:昨年 date:去年", "date:2024 AND date:2023 AND date:2023"},
        {"date:今年度", "date:2024-04..2025-03"},
        {"date:昨年度", "date:2023-04..2024-03"},
        {"date>=昨日", "date:2024-05-14.."},
        {"date<先月", "date:..2024-03"},
        {"date>先週", "date:2024-05-13.."},
        {"date:先月..昨日", "date:2024-04..2024-05-14"},
        {"date:7d", "date:2024-05-08.."},
        {"newer_than:7d", "received:2024-05-08.."},
        {"older_than:7d", "received:..2024-05-07"},
        {"older_than:1y newer_than:2m", "received:..2023-05-14 AND received:2024-03-15.."},
        {"newer_than:3M", "received:2024-02-15.."},
        {"newer_than:2w", "received:2024-05-01.."},
        {"newer:2024/01/01 older:2024/02/01", "received:2024-01-01.. AND received:..2024-01-31"},
        {"date:\"next month\"", "!7 expected a date such as"},
        {"date:7x", "!6 expected a date such as"},
        {"date:9999y", "!6 expected a date such as"},
        {"date:令和6年4月1日", "date:2024-04-01"},
        {"date:令和６年４月", "date:2024-04"},
        {"date:令和6年", "date:2024"},
        {"date:㋿6年4月", "date:2024-04"},
        {"date:R6.4.1", "date:2024-04-01"},
        {"date:r6/4/1", "date:2024-04-01"},
        {"date:R6", "date:2024"},
        {"date:R060401", "date:2024-04-01"},
        {"date:H31.4.30", "date:2019-04-30"},
        {"date:平成31年4月30日", "date:2019-04-30"},
        {"date:令和元年", "date:2019-05-01..2019-12-31"},
        {"date:令和元年5月1日", "date:2019-05-01"},
        {"date:平成31年", "date:2019-01-01..2019-04-30"},
        {"date:昭和64年", "date:1989-01-01..1989-01-07"},
        {"date:S64.1.7", "date:1989-01-07"},
        {"date:平成元年1月", "date:1989-01-08..1989-01-31"},
        {"date:大正15年12月", "date:1926-12-01..1926-12-24"},
        {"date:令和6年度", "date:2024-04..2025-03"},
        {"date:R6年度", "date:2024-04..2025-03"},
        {"date:2024年度 date:FY2024", "date:2024-04..2025-03 AND date:2024-04..2025-03"},
        {"date:平成31年度", "date:2019-04..2020-03"},
        {"date:令和六年四月二十三日", "date:2024-04-23"},
        {"date:二〇二四年十月十日", "date:2024-10-10"},
        {"date:令和6年4月..令和6年6月", "date:2024-04..2024-06"},
        {"date>=令和6年4月", "date:2024-04.."},
        {"date:平成31年5月1日", "!6 expected a date of 平成, which lasted"},
        {"date:令和元年4月30日", "!6 expected a date of 令和, which began"},
        {"date:平成32年", "!6 expected a date of 平成"},
        {"date:昭和64年度", "!6 expected a date of 昭和"},
        {"date:令和0年", "!6 expected a date such as"},
        {"date:明治45年", "!6 expected a date such as"},
        {"date:*", "date:*"},
        {"-date:*", "NOT date:*"},
        {"date:\"\"", "NOT date:*"},
        {"received:2024-02-29", "received:2024-02-29"},
        {"since:2024-01 until:2024-03", "received:2024-01.. AND received:..2024-03"},
        {"after:2024/01/01 before:2024/02/01", "received:2024-01-01.. AND received:..2024-01-31"},
        {"date:(2023 OR 2025)", "date:2023 OR date:2025"},
        {"date:1969-12-31T23:59", "date:1969-12-31T23:59"},
        {"date:2023-02-29", "!6 expected a date such as"},
        {"date:2024-13", "!6 expected a date such as"},
        {"date:24-01-01", "!6 expected a date such as"},
        {"date:2024-01-01T24:00", "!6 expected a date such as"},
        {"date:2024-04-01x", "!6 expected a date such as"},
        {"date:1899", "!6 expected a date such as"},
        {"date>2999", "!6 expected a date such as"},
        {"date:..", "!6 expected a date such as"},
        {"date:2024-03..2024-01", "!6 expected a range whose first date is not after its last"},
        {"date>2024-01..2024-03", "!6 expected one date"},
        {"after:2024..2025", "!7 expected one date"},
        {"since>2024", "!1 since: takes a colon"},
    };
    CHECK(table);
}

static void sizes_are_counted_in_bytes(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"larger:10M", "size:10485761.."},
        {"smaller:1K", "size:..1023"},
        {"smaller:1KiB", "size:..1023"},
        {"size>=5000", "size:5000.."},
        {"size>5000", "size:5001.."},
        {"size:1..1048567", "size:1..1048567"},
        {"size:0", "size:0"},
        {"size>=0", "size:0.."},
        {"size:5GB", "size:5368709120"},
        {"size:18446744073709551615", "size:18446744073709551615"},
        {"size>18446744073709551615", "!6 expected a size"},
        {"size:18446744073709551616", "!6 expected a size"},
        {"size:20000000T", "!6 expected a size"},
        {"smaller:0", "!9 expected a size"},
        {"larger:big", "!8 expected a size"},
        {"size:9..1", "!6 expected a range whose first size is not over its last"},
    };
    CHECK(table);
}

static void japanese_is_written_as_it_is_typed(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"会議", "会議"},
        {"会議　延期", "会議 AND 延期"},
        {"会議　ＡＮＤ　延期", "会議 AND 延期"},
        {"会議 ＯＲ 延期", "会議 OR 延期"},
        {"ＮＯＴ 延期", "NOT 延期"},
        {"会議 －延期", "会議 AND NOT 延期"},
        {"会議 −延期", "会議 AND NOT 延期"},
        {"（会議 OR 打合せ） 予算", "(会議 OR 打合せ) AND 予算"},
        {"田中商事（株）", "\"田中商事（株）\""},
        {"「会議室」", "「会議室」"},
        {"“会議 室”", "\"会議 室\""},
        {"＂会議 室＂", "\"会議 室\""},
        {"差出人:田中", "from:田中"},
        {"差出人：田中", "from:田中"},
        {"宛先：鈴木 件名：会議 本文：予算", "to:鈴木 AND subject:会議 AND body:予算"},
        {"添付：見積書.pdf", "filename:見積書.pdf"},
        {"日付：２０２４年４月", "date:2024-04"},
        {"受信日：２０２４−０４", "received:2024-04"},
        {"ｆｒｏｍ：田中", "from:田中"},
        {"議題：予算", "\"議題：予算\""},
        {"会＊", "会*"},
        {"ＡＢＣ", "ＡＢＣ"},
    };
    CHECK(table);
}

static void transactions_have_fields_of_their_own(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"amount:1,000,000", "amount:1000000"},
        {"金額:１００万..２００万", "amount:1000000..2000000"},
        {"取引金額：1.2億円", "amount:JPY120000000"},
        {"amount>=1,000,000", "amount:1000000.."},
        {"amount<100", "amount:..99.99"},
        {"amount<>100", "NOT amount:100"},
        {"amount:..5千円", "amount:..JPY5000"},
        {"amount:USD1,234.50", "amount:USD1234.50"},
        {"amount:$5..$9", "amount:USD5..USD9"},
        {"amount:-5000..0", "amount:-5000..0"},
        {"amount:-USD5", "amount:-USD5"},
        {"amount:-USD9..USD5", "amount:-USD9..USD5"},
        {"amount:(1 OR 2)", "amount:1 OR amount:2"},
        {"amount:1~2", "amount:1..2"},
        {"amount:x", "!8 expected an amount such as"},
        {"amount:1.2.3", "!8 expected an amount such as"},
        {"amount:2..1", "!8 expected a range whose first amount is not over its last"},
        {"amount:USD1..EUR2", "!8 expected an amount such as"},
        {"amount>1..2", "!8 expected one amount"},
        {"amount:..", "!8 expected an amount such as"},
        {"取引日:2024-04", "txn_date:2024-04"},
        {"取引年月日:2024-04-01..2024-06-30", "txn_date:2024-04-01..2024-06-30"},
        {"txn_date>=2024-04-01 amount<=500 取引先:大和",
         "txn_date:2024-04-01.. AND amount:..500 AND counterparty:大和"},
        {"種別:請求書", "txn:請求書"},
        {"書類番号:INV-1*", "docno:INV-1*"},
    };
    CHECK(table);
}

static void what_is_wrong_is_named_with_its_place(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"foo AND", "!8 expected something to search for at the end"},
        {"AND foo", "!1 expected something to search for, found AND"},
        {"foo OR OR bar", "!8 expected something to search for, found OR"},
        {"会議 OR )", "!7 expected something to search for, found )"},
        {"()", "!2 expected something to search for, found )"},
        {"(foo", "!1 this parenthesis is not closed"},
        {"foo)", "!4 this ) closes nothing"},
        {"foo \"bar", "!5 this phrase has no end"},
        {"\"\"", "!1 there is no text here"},
        {"a - b", "!3 this minus stands alone"},
        {"f*?", "!1 a pattern has at least two letters"},
        {"foo**", "!1 one * stands for any number"},
        {"fo*o-bar", "!3 a * stands at the end of a word"},
        {"会*議", "!2 a * stands at the end of a word"},
        {"form:tanaka", "!1 there is no field \"form\""},
        {"会議 form:(a b)", "!4 there is no field \"form\""},
        {"from:", "!6 expected a value after from:"},
        {"from: AND b", "!7 expected a value after from:"},
        {"from>tanaka", "!6 from: takes a colon"},
        {"to:(from:a)", "!5 a field inside the parentheses of to:"},
        {"tag:x", "!1 the field \"tag\" is not in this version"},
        {"header.x-mailer:y", "!1 the field \"header.x-mailer\" is not in this version"},
        {"NEAR b", "!1 expected something to search for, found NEAR"},
        {"a NEAR(x) b", "!3 NEAR takes a number up to 1000"},
        {"a NEAR/1001 b", "!3 NEAR takes a number up to 1000"},
        {"a NEAR", "!7 expected something to search for at the end"},
        {"a NEAR -b", "!3 NEAR does not go with what stands beside it"},
        {"a* NEAR b", "!4 NEAR does not go with what stands beside it"},
        {"subject:a NEAR b", "!11 NEAR does not go with what stands beside it"},
        {"date:2024 NEAR a", "!11 NEAR does not go with"},
        {"a NEAR(3) b NEAR(4) c", "!13 one row of NEAR has one number"},
        {"a ONEAR(3) b", "!3 an order of texts (ONEAR) is not in this version"},
        {"a pre/3 b", "!3 an order of texts (pre) is not in this version"},
        {"{a b", "!1 this { is not closed"},
        {"{}", "!2 expected something to search for, found }"},
        {"{a AND b}", "!4 an AND inside { }"},
        {"{a (b} c)", "!1 this { is not closed"},
        {"exact:", "!7 expected something to search for at the end"},
        {"is:unread", "!4 is: does not take \"unread\" here"},
        {"kind:email*", "!6 kind: does not take"},
        {"kind:meetings", "!6 kind: does not take"},
        {"hasattachment:maybe", "!15 hasattachment: does not take"},
        {"label:x", "!7 label: does not take \"x\" here"},
        {"direction:up", "!11 expected direction:in, out, internal or other"},
        {"filetype:a.b", "!10 expected what stands behind the point"},
        {"received:\"\"", "!11 expected a date"},
        {"has:wings", "!5 expected has:attachment"},
        {"unsearchable:x_y", "!14 expected unsearchable:any"},
        {"a\x01", "!2 a control character (0x01)"},
        {"会議\xff", "!3 this is not UTF-8"},
        {"\xed\xa0\x80", "!1 this is not UTF-8"},
        {"\xc0\xaf", "!1 this is not UTF-8"},
    };
    CHECK(table);
}

static void a_position_counts_characters_and_bytes(void **state) {
    (void)state;
    struct fk_query *query = NULL;
    struct fk_query_fault fault;
    struct fk_err err = FK_ERR_INIT;
    const char *text = "会議 form:x";
    assert_int_equal(fk_query_parse(text, strlen(text), &query, &fault, &err), FK_INVALID);
    assert_int_equal(fault.character, 4);
    assert_int_equal(fault.byte, 8);
    assert_non_null(strstr(fault.hint, "in quotes; fields are from to cc bcc via envfrom envto "));
    assert_non_null(strstr(fault.hint, " virus")); /* all of them, to the end */
    assert_null(query);
}

static void limits_are_said_and_hold(void **state) {
    (void)state;
    struct fk_buf b = FK_BUF_INIT;
    for (int i = 0; i < FK_QUERY_MAX_DEPTH; i++)
        fk_buf_str(&b, "(");
    fk_buf_str(&b, "a");
    for (int i = 0; i < FK_QUERY_MAX_DEPTH; i++)
        fk_buf_str(&b, ")");
    char *got = understood((char *)b.data, b.len);
    assert_string_equal(got, "a");
    free(got);
    fk_buf_reset(&b);
    for (int i = 0; i < FK_QUERY_MAX_BYTES; i++)
        fk_buf_str(&b, i % 2 ? "(" : "-");
    got = understood((char *)b.data, b.len);
    assert_string_equal(got, "!65 parentheses and NOTs are more than 64 deep");
    free(got);
    fk_buf_reset(&b);
    for (int i = 0; i <= FK_QUERY_MAX_TERMS; i++)
        fk_buf_str(&b, "a ");
    got = understood((char *)b.data, b.len);
    assert_string_equal(got, "!2001 this is term 1001; a query has at most 1000");
    free(got);
    while (b.len <= FK_QUERY_MAX_BYTES)
        fk_buf_str(&b, "a");
    got = understood((char *)b.data, b.len);
    assert_string_equal(got, "!1 a query has at most 16384 bytes, not 16385");
    free(got);
    fk_buf_free(&b);
}

static unsigned long seed = 20261124;
static unsigned roll(unsigned sides) {
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(seed >> 33) % sides;
}

/* Random rows of what the language is made of, and of bytes that it is not. */
static void whatever_is_understood_prints_to_itself(void **state) {
    (void)state;
    static const char *const pieces[] = {
        "会議",   "foo",    " ",    " ",          "　",   "\"",          "(",     ")",    "（",
        "）",     "-",      "AND",  " OR ",       "NOT",  "*",           "from:", "to:",  "：",
        "=",      ">",      "<",    "date:",      "2024", "-01",         "..",    "size", "larger",
        "10M",    "has:",   "＊",   "attachment", "NEAR", "a@b.example", "\\",    "/",    "“",
        "ＡＮＤ", "件名：", "\xff", "\x80",       "\xe3", "年4月",       "~"};
    unsigned understood_count = 0;
    for (int round = 0; round < 60000; round++) {
        char text[512];
        size_t len = 0;
        for (unsigned n = roll(14); n > 0; n--) {
            const char *piece = pieces[roll(sizeof pieces / sizeof *pieces)];
            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
        }
        if (round % 4 == 0 && len > 0)
            text[roll((unsigned)len)] = (char)roll(256);
        char *once = understood(text, len);
        if (once[0] != '!') {
            char *twice = understood(once, strlen(once));
            if (strcmp(once, twice) != 0)
                fail_msg("%.*s\n-> %s\n-> %s", (int)len, text, once, twice);
            free(twice);
            understood_count++;
        }
        free(once);
    }
    assert_true(understood_count > 5000);
}

static void a_moment_is_the_zones_own(void **state) {
    (void)state;
    struct fk_q_when day = {FK_UNIT_DAY, 19814}; /* 2024-04-01 */
    assert_int_equal(fk_q_when_first_ms(&day, 0), 1711929600000);
    assert_int_equal(fk_q_when_first_ms(&day, 540), 1711929600000 - 540 * 60000);
    assert_int_equal(fk_q_when_last_ms(&day, 0), 1711929600000 + 86399999);
    struct fk_q_when february = {FK_UNIT_MONTH, 2024 * 12 + 1};
    assert_int_equal(fk_q_when_last_ms(&february, 0) - fk_q_when_first_ms(&february, 0),
                     29 * 86400000ll - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_operators_and_groups_have_one_reading),
        cmocka_unit_test(fields_are_told_from_text),
        cmocka_unit_test(what_others_write_means_what_it_means_there),
        cmocka_unit_test(a_lower_case_operator_is_remarked_on),
        cmocka_unit_test(dates_become_whole_periods),
        cmocka_unit_test(sizes_are_counted_in_bytes),
        cmocka_unit_test(japanese_is_written_as_it_is_typed),
        cmocka_unit_test(transactions_have_fields_of_their_own),
        cmocka_unit_test(what_is_wrong_is_named_with_its_place),
        cmocka_unit_test(a_position_counts_characters_and_bytes),
        cmocka_unit_test(limits_are_said_and_hold),
        cmocka_unit_test(whatever_is_understood_prints_to_itself),
        cmocka_unit_test(a_moment_is_the_zones_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
