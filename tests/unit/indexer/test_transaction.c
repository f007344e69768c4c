/* Figures, days and names as mail writes them, what is none of these, and what a document says of
 * itself when all of it is put together. */
#include "archiver/vault/fields.h"
#include "indexer/transaction/amount.h"
#include "indexer/transaction/company.h"
#include "indexer/transaction/numeral.h"
#include "indexer/transaction/transaction_find_priv.h"
#include "indexer/transaction/transaction_record.h"
#include "indexer/transaction/written_date.h"
#include "indexer/transactions_priv.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(table) (sizeof table / sizeof *table)

static void same(const char *name, const char *got, const char *want) {
    if (strcmp(got, want) != 0)
        fail_msg("%s: got \"%s\", want \"%s\"", name, got, want);
}

/* ---- numbers */

static void numbers_are_read_in_every_form(void **state) {
    (void)state;
    static const struct {
        const char *text, *want; /* figure, then what is left over */
    } cases[] = {
        {"0", "0|"},
        {"1234567", "1234567|"},
        {"1,234,567", "1234567|"},
        {"1、234、567", "1234567|"},
        {"１，２３４", "1234|"},
        {"１２３万", "1230000|"},
        {"1.2億", "120000000|"},
        {"1.25億円", "125000000|円"},
        {"25千円", "25000|円"},
        {"3万5千円", "35000|円"},
        {"3万5,000円", "35000|円"},
        {"2億3,000万", "230000000|"},
        {"5百万円", "5000000|円"},
        {"一〇二四", "1024|"},
        {"千二十四", "1024|"},
        {"壱阡弐拾四", "1024|"},
        {"壱百万", "1000000|"},
        {"弐千参百", "2300|"},
        {"廿", "20|"},
        {"廿五", "25|"},
        {"卅一", "31|"},
        {"十", "10|"},
        {"百", "100|"},
        {"二〇二四年", "2024|年"},
        {"一億二千三百四十五万六千七百八十九", "123456789|"},
        {"九千九百九十九兆", "9999000000000000|"},
        {"1.50", "1.50|"},
        {"1.234万", "12340|"},
        {"99.99", "99.99|"},
        {"1,000.-", "1000|.-"},
        {"3、4", "3|、4"},
        {"2024, 15", "2024|, 15"},
        {"1,2,3", "none"},
        {"12,34", "none"},
        {"1,2345", "none"},
        {"1.2.3", "none"},
        {"0.001", "none"},
        {"万", "none"},
        {"億円", "none"},
        {"123456789012345678", "none"},
        {"十千", "10|千"},
        {"五六万", "560000|"},
        {"〇", "0|"},
        {"abc", "none"},
        {"", "none"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fk_numeral n;
        char got[100] = "none", figure[FK_AMOUNT_TEXT];
        if (fk_numeral_read(cases[i].text, strlen(cases[i].text), 0, &n)) {
            fk_figure_print(n.hundredths, figure);
            snprintf(got, sizeof got, "%s|%s", figure, cases[i].text + n.end);
        }
        same(cases[i].text, got, cases[i].want);
    }
}

/* A number as kanji, in one of three ways: 千二十四, 壱阡弐拾四, 一〇二四. */
static void kanji_write(uint64_t n, int way, struct fk_buf *out) {
    static const char *const plain[] = {"〇", "一", "二", "三", "四", "五", "六", "七", "八", "九"};
    static const char *const formal[] = {"零", "壱", "弐", "参", "肆",
                                         "伍", "陸", "漆", "捌", "玖"};
    static const char *const small[2][4] = {{"", "十", "百", "千"}, {"", "拾", "佰", "阡"}};
    static const char *const great[2][4] = {{"", "万", "億", "兆"}, {"", "萬", "億", "兆"}};
    char digits[24];
    const int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    for (int i = 0; i < len; i++) {
        const int place = len - 1 - i, digit = digits[i] - '0';
        if (way == 2) {
            fk_buf_str(out, plain[digit]);
            continue;
        }
        if (digit && (digit > 1 || place % 4 == 0 || way == 1))
            fk_buf_str(out, (way ? formal : plain)[digit]);
        if (digit)
            fk_buf_str(out, small[way][place % 4]);
        if (place % 4 == 0) {
            bool some = false;
            for (int k = i > 3 ? i - 3 : 0; k <= i; k++)
                some |= digits[k] != '0';
            if (some)
                fk_buf_str(out, great[way][place / 4]);
        }
    }
    if (n == 0 && way < 2)
        fk_buf_str(out, "〇");
}

static void a_number_in_kanji_is_the_number(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 60000; i++) {
        struct fk_buf text = FK_BUF_INIT;
        struct fk_numeral got;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const int way = i % 3;
        static const uint64_t scale[] = {100, 20000, 100000000, 10000000000000000};
        const uint64_t n = i < 30000 ? (uint64_t)i / 3 : (seed >> 11) % scale[i / 3 % 4];
        kanji_write(n, way, &text);
        if (!fk_numeral_read(fk_buf_cstr(&text), text.len, 0, &got) ||
            got.hundredths != (int64_t)n * 100 || got.end != text.len)
            fail_msg("%" PRIu64 " as %s is read as %" PRId64, n, fk_buf_cstr(&text),
                     got.hundredths);
        fk_buf_free(&text);
    }
}

/* ---- amounts */

static void amounts_are_read_in_every_form(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"￥1,234,567", "1234567 JPY -|"},
        {"¥1234567-", "1234567 JPY -|"},
        {"¥1,000.-", "1000 JPY -|"},
        {"\\1,234,567", "1234567 JPY -|"},
        {"￥１，２３４", "1234 JPY -|"},
        {"金壱百万円也", "1000000 JPY -|"},
        {"金 1,000,000 円", "1000000 JPY -|"},
        {"金　壱阡弐拾四円也", "1024 JPY -|"},
        {"金￥50,000円", "50000 JPY -|"},
        {"1.2億円", "120000000 JPY -|"},
        {"25千円", "25000 JPY -|"},
        {"3万5千円", "35000 JPY -|"},
        {"１２３万円", "1230000 JPY -|"},
        {"1,100円（税込）", "1100 JPY included|"},
        {"1,000円(税抜)", "1000 JPY excluded|"},
        {"1,000円 税別", "1000 JPY excluded|"},
        {"¥1,100（税込み）です", "1100 JPY included|です"},
        {"$1,234.56", "1234.56 USD -|"},
        {"US$1,234.56", "1234.56 USD -|"},
        {"USD 1,234.56", "1234.56 USD -|"},
        {"1,234.56 USD", "1234.56 USD -|"},
        {"$100 USD", "100 USD -|"},
        {"$100 SGD", "none"},
        {"100ドル", "100 USD -|"},
        {"EUR 99.00", "99 EUR -|"},
        {"€99", "99 EUR -|"},
        {"£20", "20 GBP -|"},
        {"JPY 5000", "5000 JPY -|"},
        {"▲5,000円", "-5000 JPY -|"},
        {"-1,000円", "-1000 JPY -|"},
        {"¥-1,000", "-1000 JPY -|"},
        {"1,234,567", "1234567 JPY -|"},
        {"1,234 ", "1234 JPY -| "},
        {"120%", "none"},
        {"¥10%", "none"},
        {"10％", "none"},
        {"03-1234-5678", "none"},
        {"100-0001", "none"},
        {"1.2.3", "none"},
        {"10:30", "none"},
        {"4/1", "none"},
        {"2024年", "none"},
        {"3個", "none"},
        {"12kg", "none"},
        {"5ヶ月", "none"},
        {"0312345678", "none"},
        {"千円", "none"},
        {"万円", "none"},
        {"金曜日", "none"},
        {"金メダル3個", "none"},
        {"$", "none"},
        {"五", "none"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fk_amount a, again;
        char got[100] = "none", text[FK_AMOUNT_TEXT];
        if (fk_amount_read(cases[i].text, strlen(cases[i].text), 0, &a)) {
            fk_amount_print(a.hundredths, a.currency, a.tax, text);
            snprintf(got, sizeof got, "%s|%s", text, cases[i].text + a.end);
            assert_true(fk_amount_parse(text, &again));
            assert_true(again.hundredths == a.hundredths && again.tax == a.tax);
        }
        same(cases[i].text, got, cases[i].want);
    }
    static const char *const bad[] = {
        "",        "1",        "1 JPY",     "1 JPY x",     "1 jpy -",
        "x JPY -", "1 JPY - ", "--1 JPY -", "1,000 JPY -", "1.001 JPY -"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct fk_amount a;
        if (fk_amount_parse(bad[i], &a))
            fail_msg("\"%s\" is taken for an amount", bad[i]);
    }
}

/* ---- days */

static void days_are_read_in_every_form(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"2024-04-01", "2024-04-01|"},
        {"2024/4/1", "2024-04-01|"},
        {"2024.4.1", "2024-04-01|"},
        {"２０２４／４／１", "2024-04-01|"},
        {"2024年4月1日", "2024-04-01|"},
        {"2024年4月1日(月)", "2024-04-01|(月)"},
        {"2024年 4月 1日", "2024-04-01|"},
        {"2024 年 4 月 1 日", "2024-04-01|"},
        {"令和6年4月1日", "2024-04-01|"},
        {"令和６年４月１日", "2024-04-01|"},
        {"令和 6年 4月 1日", "2024-04-01|"},
        {"令和元年5月1日", "2019-05-01|"},
        {"令和元年4月30日", "none"},
        {"令和六年四月一日", "2024-04-01|"},
        {"令和六年十二月三十一日", "2024-12-31|"},
        {"平成31年4月30日", "2019-04-30|"},
        {"平成元年1月7日", "none"},
        {"平成35年3月31日", "2023-03-31|"},
        {"昭和64年1月7日", "1989-01-07|"},
        {"R6.4.1", "2024-04-01|"},
        {"R06.04.01", "2024-04-01|"},
        {"R6/4/1", "2024-04-01|"},
        {"r6.4.1", "2024-04-01|"},
        {"H31.4.30", "2019-04-30|"},
        {"㋿6年4月1日", "2024-04-01|"},
        {"二〇二四年四月一日", "2024-04-01|"},
        {"April 1, 2024", "2024-04-01|"},
        {"Apr. 1 2024", "2024-04-01|"},
        {"April 1st, 2024", "2024-04-01|"},
        {"1 April 2024", "2024-04-01|"},
        {"1-Apr-2024", "2024-04-01|"},
        {"04/13/2024", "2024-04-13|"},
        {"13/04/2024", "2024-04-13|"},
        {"04/01/2024", "none"},
        {"4月1日", "0-04-01|"},
        {"2024-04-01T09:30", "2024-04-01|T09:30"},
        {"2024年2月29日", "2024-02-29|"},
        {"2023年2月29日", "none"},
        {"令和6年2月30日", "none"},
        {"2024/13/1", "none"},
        {"2024-00-10", "none"},
        {"2024-04-01-3", "none"},
        {"1.2.3", "none"},
        {"192.168.1.1", "none"},
        {"2024年問題", "none"},
        {"2024年4月", "none"},
        {"2024年4月分", "none"},
        {"令和6年度", "none"},
        {"3000-01-01", "none"},
        {"2024/4-1", "none"},
        {"R2D2", "none"},
        {"May I", "none"},
        {"March 2024", "none"},
        {"4月", "none"},
        {"13月1日", "none"},
        {"", "none"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fk_written_date d;
        char got[100] = "none";
        if (fk_written_date_read(cases[i].text, strlen(cases[i].text), 0, &d))
            snprintf(got, sizeof got, "%u-%02u-%02u|%s", d.year, d.month, d.day,
                     cases[i].text + d.end);
        same(cases[i].text, got, cases[i].want);
    }
}

static void a_day_without_a_year_is_near_the_message(void **state) {
    (void)state;
    static const int64_t new_year_2024 = INT64_C(1704034800000),
                         april_2024 = INT64_C(1711933200000);
    assert_int_equal(fk_date_year_near(12, 31, new_year_2024, 540), 2023);
    assert_int_equal(fk_date_year_near(1, 1, new_year_2024, 540), 2024);
    assert_int_equal(fk_date_year_near(4, 1, april_2024, 540), 2024);
    assert_int_equal(fk_date_year_near(12, 1, april_2024, 540), 2023);
}

/* ---- companies */

static void companies_are_found(void **state) {
    (void)state;
    static const struct {
        const char *text, *names; /* with | between them */
        const char *normal;       /* of the first */
    } cases[] = {
        {"株式会社大和商事", "株式会社大和商事", "大和商事"},
        {"大和商事株式会社", "大和商事株式会社", "大和商事"},
        {"（株）大和商事 御中", "（株）大和商事", "大和商事"},
        {"㈱大和", "㈱大和", "大和"},
        {"大和商事(株)営業部", "大和商事(株)", "大和商事"},
        {"大和商事株式会社営業部", "大和商事株式会社", "大和商事"},
        {"株式会社大和商事御中", "株式会社大和商事", "大和商事"},
        {"株式会社 大和商事 営業部", "株式会社 大和商事", "大和商事"},
        {"有限会社さくら商店", "有限会社さくら商店", "さくら商店"},
        {"合同会社ＡＢＣ", "合同会社ＡＢＣ", "abc"},
        {"いすゞ自動車株式会社", "いすゞ自動車株式会社", NULL},
        {"いつも大変お世話になっております。大和商事株式会社の佐藤です。", "大和商事株式会社",
         "大和商事"},
        {"発注者：株式会社甲\n受注者：株式会社乙", "株式会社甲|株式会社乙", "甲"},
        {"一般社団法人日本協会", "一般社団法人日本協会", "日本協会"},
        {"Acme Trading Co., Ltd.", "Acme Trading Co., Ltd.", "acmetrading"},
        {"from Foo Bar Inc. and", "from Foo Bar Inc.", NULL},
        {"Globex GmbH", "Globex GmbH", "globex"},
        {"髙橋工業株式会社", "髙橋工業株式会社", NULL},
        {"株式会社と有限会社", "", NULL},
        {"会社です", "", NULL},
        {"株価", "", NULL},
        {"incident report", "", NULL},
        {"", "", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fk_buf names = FK_BUF_INIT, normal = FK_BUF_INIT;
        struct fk_company c;
        struct fk_err err = FK_ERR_INIT;
        size_t at = 0;
        while (fk_company_next(cases[i].text, strlen(cases[i].text), &at, &c)) {
            if (!names.len)
                assert_int_equal(
                    fk_company_normal(cases[i].text + c.begin, c.end - c.begin, &normal, &err),
                    FK_OK);
            fk_buf_printf(&names, "%s%.*s", names.len ? "|" : "", (int)(c.end - c.begin),
                          cases[i].text + c.begin);
        }
        same(cases[i].text, fk_buf_cstr(&names), cases[i].names);
        if (cases[i].normal)
            same(cases[i].text, fk_buf_cstr(&normal), cases[i].normal);
        fk_buf_free(&names);
        fk_buf_free(&normal);
    }
}

/* ---- documents */

struct text {
    enum fk_txn_field field;
    const char *text, *path;
};

static void lines_of(const struct text *texts, size_t n, struct fk_buf *lines) {
    struct fk_txn_texts t = FK_TXN_TEXTS_INIT;
    for (size_t i = 0; i < n && texts[i].text; i++)
        fk_txn_texts__add(&t, texts[i].field, texts[i].path ? texts[i].path : "",
                          texts[i].path ? strlen(texts[i].path) : 0, texts[i].text,
                          strlen(texts[i].text));
    fk_txn_texts__find(&t, true, INT64_C(1711933200000), lines);
    assert_false(lines->failed);
    fk_txn_texts__free(&t);
}

/* kind, date, amount, counterparty, number; "none" where it is no such message. */
static void summary_of(const struct fk_buf *lines, char *out, size_t size) {
    struct fk_transaction t = FK_TRANSACTION_INIT;
    struct fk_err err = FK_ERR_INIT;
    size_t len = 0;
    assert_int_equal(fk_transaction_read(lines->data, lines->len, &t, &err), FK_OK);
    snprintf(out, size, "none");
    for (unsigned i = 0; t.is_one && i < FK_TXN_ITEMS; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%s", i ? ", " : "",
                                t.now[i].value ? t.now[i].value : "-");
    fk_transaction_free(&t);
}

#define SUBJECT(t)                                                                                 \
    { FK_TXN_IN_SUBJECT, t, NULL }
#define BODY(t)                                                                                    \
    { FK_TXN_IN_BODY, t, NULL }
#define FROM(t)                                                                                    \
    { FK_TXN_IN_FROM, t, NULL }
#define FILE_NAME(t)                                                                               \
    { FK_TXN_IN_FILE, t, NULL }
#define ATTACHED(p, t)                                                                             \
    { FK_TXN_IN_ATTACHMENT, t, p }

static void documents_say_what_they_are_about(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct text texts[4];
        const char *want;
    } cases[] = {
        {"an invoice",
         {SUBJECT("請求書送付の件"), FROM("佐藤 <sato@yamato.example>"),
          BODY("株式会社文蔵 御中\n請求書番号：INV-2024-001\n発行日：令和6年4月1日\n"
               "ご請求金額　￥1,234,567-（税込）\nお支払期限：2024年4月30日\n小計 1,122,334円\n"
               "消費税（10%） 112,233円\n-- \n株式会社大和商事\nTEL 03-1234-5678\n〒100-0001\n")},
         "invoice, 2024-04-01, 1234567 JPY included, 株式会社大和商事, INV-2024-001"},
        {"an order with kanji",
         {SUBJECT("注文書"), BODY("注文番号 PO-2024-0017\n注文日 R6.4.2\n金壱百万円也\n")},
         "order, 2024-04-02, 1000000 JPY -, -, PO-2024-0017"},
        {"a receipt",
         {BODY("領　収　書\n株式会社文蔵 様\n金 33,000 円也\n但し 書籍代として\n"
               "2024年4月1日 上記正に領収いたしました\n有限会社さくら書店\n")},
         "receipt, 2024-04-01, 33000 JPY -, 有限会社さくら書店, -"},
        {"a quotation with the sum below its label",
         {SUBJECT("御見積書の送付"), BODY("御見積金額\n  ¥550,000 (税込)\n見積有効期限 2024/5/31\n"
                                          "見積日 2024/4/3\n見積No. Q2024-55\n")},
         "quotation, 2024-04-03, 550000 JPY included, -, Q2024-55"},
        {"a contract",
         {SUBJECT("業務委託契約書締結のお願い"),
          BODY("契約締結日：平成35年3月31日\n契約金額は金3,300,000円（税込）とする。\n")},
         "contract, 2023-03-31, 3300000 JPY included, -, -"},
        {"in English",
         {SUBJECT("Invoice INV-77"), FROM("Acme Trading Co., Ltd. <b@acme.example>"),
          BODY("Invoice date: April 3, 2024\nDue date: May 3, 2024\nSubtotal: $1,000.00\n"
               "Tax: $234.56\nTotal Due: $1,234.56\n")},
         "invoice, 2024-04-03, 1234.56 USD -, Acme Trading Co., Ltd., INV-77"},
        {"spread out, full width",
         {SUBJECT("ご 請 求 書"),
          BODY("合　計　金　額　：　￥１，０００，０００\n発 行 日　２０２４／４／１")},
         "invoice, 2024-04-01, 1000000 JPY -, -, -"},
        {"without a currency",
         {SUBJECT("請求書"), BODY("合計金額: 1,234,567\n請求日: 2024-04-01")},
         "invoice, 2024-04-01, 1234567 JPY -, -, -"},
        {"tax marked before the figure",
         {SUBJECT("請求書"), BODY("合計（税込）： 11,000円\n税抜合計 10,000円\n")},
         "invoice, -, 11000 JPY included, -, -"},
        {"the sum of the tax is not the sum",
         {SUBJECT("請求書"), BODY("消費税合計 1,000円\nご請求額 11,000円")},
         "invoice, -, 11000 JPY -, -, -"},
        {"the balance, the unit price and last month are not the sum",
         {SUBJECT("請求書"),
          BODY("前回請求額 99,000円\n残高 88,000円\n単価 77,000円\n請求金額 5,000円")},
         "invoice, -, 5000 JPY -, -, -"},
        {"the largest of those without a label",
         {SUBJECT("請求書"), BODY("品代 3,000円\nすべてで 5,500円\n")},
         "invoice, -, 5500 JPY -, -, -"},
        {"no telephone, account, postal code, rate or version",
         {SUBJECT("請求書について"),
          BODY("TEL 03-1234-5678 FAX 0312345678\n〒100-0001\n普通 1234567\n口座番号 7654321\n"
               "前年比120% 税率10%\nVersion 1.2.3\n2024年問題\n登録番号 T1234567890123\n")},
         "invoice, -, -, -, -"},
        {"an attached file",
         {SUBJECT("送付"), FILE_NAME("請求書_大和.pdf"),
          ATTACHED("請求書_大和.pdf", "請求書\n請求日 2024年4月1日\n合計 ¥5,500\n株式会社大和\n")},
         "invoice, 2024-04-01, 5500 JPY -, 株式会社大和, -"},
        {"the name of a file has the number",
         {SUBJECT("Invoice"), FILE_NAME("INV-2024-009.pdf"), BODY("see attached")},
         "invoice, -, -, -, INV-2024-009"},
        {"a day without a year",
         {SUBJECT("発注のお願い"), BODY("発注日：3月28日\n発注金額：2万5千円\n")},
         "order, 2024-03-28, 25000 JPY -, -, -"},
        {"a new mail above a quoted one",
         {SUBJECT("Re: 請求書"), BODY("訂正後のご請求金額 2,000円\n> ご請求金額 1,000円\n")},
         "invoice, -, 2000 JPY -, -, -"},
        {"who writes counts before whom it is for",
         {SUBJECT("請求書"),
          BODY("株式会社文蔵\n経理部 御中\n\nお世話になっております。株式会社甲の田中です。\n")},
         "invoice, -, -, 株式会社甲, -"},
        {"a label for the party",
         {SUBJECT("注文書"), BODY("仕入先：乙商事株式会社\n納品先：丙運輸株式会社\n")},
         "order, -, -, 乙商事株式会社, -"},
        {"the domain of who has no name",
         {SUBJECT("Purchase Order"), FROM("<po@globex.example>"), BODY("PO Number: 4500012345\n")},
         "order, -, -, globex.example, 4500012345"},
        {"lunch", {SUBJECT("昼食"), BODY("今日は1,000円でした。4月1日に行きましょう。")}, "none"},
        {"a word in passing",
         {SUBJECT("会議"), BODY("契約の件は明日話します。注文はまだです。")},
         "none"},
        {"an invoice asked for",
         {SUBJECT("お願い"), BODY("先月の請求書はもう届きましたか。")},
         "none"},
        {"a receipt of a reader",
         {SUBJECT("Read receipt: hello"), BODY("Your message was displayed.")},
         "none"},
        {"a word in passing, and a figure with its label",
         {SUBJECT("件名なし"), BODY("ご注文ありがとうございます。\nお支払い金額：3,980円\n")},
         "order, -, 3980 JPY -, -, -"},
        {"nothing", {{0}}, "none"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fk_buf lines = FK_BUF_INIT;
        char got[500];
        lines_of(cases[i].texts, 4, &lines);
        summary_of(&lines, got, sizeof got);
        same(cases[i].name, got, cases[i].want);
        fk_buf_free(&lines);
    }
}

/* Offset and length lead to what was found, in the text as it came. */
static void a_span_is_where_it_stands(void **state) {
    (void)state;
    static const char body[] = "Hallo\xff 請求書\nご請求金額　￥１，２３４（税込）ほか\n";
    const struct text texts[] = {BODY(body), SUBJECT("請求書")};
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_transaction t = FK_TRANSACTION_INIT;
    struct fk_err err = FK_ERR_INIT;
    lines_of(texts, 2, &lines);
    assert_int_equal(fk_transaction_read(lines.data, lines.len, &t, &err), FK_OK);
    const struct fk_txn_found *f = t.now[FK_TXN_AMOUNT].from;
    assert_non_null(f);
    assert_string_equal(f->text, "￥１，２３４（税込）");
    assert_string_equal(f->field, "body");
    assert_string_equal(f->rule, "label ご請求金額");
    assert_memory_equal(body + f->offset, f->text, f->len);
    assert_int_equal(f->len, strlen(f->text));
    assert_int_equal(f->confidence, 95);
    fk_transaction_free(&t);
    fk_buf_free(&lines);
}

static void what_is_over_the_limits_is_counted(void **state) {
    (void)state;
    struct fk_txn_texts t = FK_TXN_TEXTS_INIT;
    struct fk_buf text = FK_BUF_INIT, lines = FK_BUF_INIT;
    struct fk_transaction got = FK_TRANSACTION_INIT;
    struct fk_err err = FK_ERR_INIT;
    for (int i = 0; i < 5000; i++)
        fk_buf_printf(&text, "%d円 ", 1000 + i);
    fk_buf_str(&text, "\n請求金額 12,345円\n");
    fk_txn_texts__add(&t, FK_TXN_IN_SUBJECT, "", 0, "請求書", strlen("請求書"));
    fk_txn_texts__add(&t, FK_TXN_IN_BODY, "", 0, (const char *)text.data, text.len);
    for (int i = 0; i < FK_TXN_PARTS; i++)
        fk_txn_texts__add(&t, FK_TXN_IN_BODY, "", 0, "a", 1);
    fk_txn_texts__find(&t, false, 0, &lines);
    assert_int_equal(fk_transaction_read(lines.data, lines.len, &got, &err), FK_OK);
    assert_string_equal(got.now[FK_TXN_AMOUNT].value, "12345 JPY -");
    assert_true(got.found_count <= FK_TXN_FOUND_MAX);
    assert_true(got.left_out >= 5001 + 2 - 16);
    fk_transaction_free(&got);
    fk_txn_texts__free(&t);
    fk_buf_free(&text);
    fk_buf_free(&lines);
}

/* ---- lines of a document */

static void a_correction_counts_and_the_newest_of_several(void **state) {
    (void)state;
    static const char capture[] =
        "capture: 5 2024-04-01T00:00:00.000Z smtp plain\nmail-from: a@b\n";
    struct fk_buf data = FK_BUF_INIT, two = FK_BUF_INIT, out = FK_BUF_INIT, body = FK_BUF_INIT,
                  lines = FK_BUF_INIT;
    struct fk_transaction t = FK_TRANSACTION_INIT;
    struct fk_err err = FK_ERR_INIT;
    const struct text texts[] = {SUBJECT("請求書"), BODY("請求金額 100円\n請求日 2024/4/1")};
    char got[300];
    lines_of(texts, 2, &data);
    fk_buf_str(&data, capture);
    fk_fields_add_str(&body, "person", "sato");
    fk_fields_add_str(&body, "reason", "as on\tpaper");
    fk_fields_add_str(&body, "was", "amount 100 JPY -");
    fk_fields_add_str(&body, "set", "amount 200 JPY -");
    fk_fields_add_str(&body, "set", "date -");
    fk_transactions__read(9, 0, body.data, body.len, &lines);
    fk_transactions__replace(&data, 5, 9, &lines, &two);
    fk_transactions__replace(&two, 5, 9, &lines, &out); /* again changes nothing */
    assert_int_equal(two.len, out.len);
    assert_memory_equal(two.data, out.data, out.len);
    summary_of(&out, got, sizeof got);
    same("corrected", got, "invoice, -, 200 JPY -, -, -");
    assert_int_equal(fk_transaction_read(out.data, out.len, &t, &err), FK_OK);
    assert_int_equal(t.change_count, 2);
    assert_string_equal(t.changes[1].was, "100 JPY -");
    assert_string_equal(t.changes[1].person, "sato");
    assert_string_equal(t.changes[1].reason, "as on paper");
    assert_string_equal(t.changes[0].now, "-");
    assert_true(t.now[FK_TXN_DATE].is_corrected && !t.now[FK_TXN_DATE].value);
    fk_transaction_free(&t);
    fk_buf_reset(&body);
    fk_buf_reset(&lines);
    fk_buf_reset(&two);
    fk_fields_add_str(&body, "set", "date =");
    fk_fields_add_str(&body, "set", "amount nonsense");
    fk_transactions__read(12, 0, body.data, body.len, &lines);
    fk_transactions__replace(&out, 5, 12, &lines, &two);
    summary_of(&two, got, sizeof got);
    same("taken back", got, "invoice, 2024-04-01, 200 JPY -, -, -");
    fk_buf_reset(&lines);
    fk_transactions__replace(&two, 6, 13, &body, &lines); /* no such capture */
    assert_int_equal(lines.len, two.len);
    fk_buf_free(&data);
    fk_buf_free(&two);
    fk_buf_free(&out);
    fk_buf_free(&body);
    fk_buf_free(&lines);
}

static void lines_of_another_form_are_passed_over(void **state) {
    (void)state;
    static const char *const bad[] = {
        "amount\t1 JPY -\t101\tbody\t0\t1\tr\t\tt", "amount\t1 JPY -\t-1\tbody\t0\t1\tr\t\tt",
        "amount\t1\t50\tbody\t0\t1\tr\t\tt",        "date\t2024-02-30\t50\tbody\t0\t1\tr\t\tt",
        "date\t2024-2-3\t50\tbody\t0\t1\tr\t\tt",   "kind\tlunch\t50\tbody\t0\t1\tr\t\tt",
        "lunch\tinvoice\t50\tbody\t0\t1\tr\t\tt",   "kind\tinvoice\t50\tbody\t0\t1\tr\t",
        "kind\tinvoice\t50\tbody\t0\t1\tr\t\tt\tx", "number\t\t50\tbody\t0\t1\tr\t\tt",
        "number\t-\t50\tbody\t0\t1\tr\t\tt",        ""};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct fk_buf data = FK_BUF_INIT;
        char got[300];
        fk_fields_add_str(&data, "txn", bad[i]);
        summary_of(&data, got, sizeof got);
        same(bad[i], got, "none");
        fk_buf_free(&data);
    }
}

static void amounts_sort_as_their_ranks(void **state) {
    (void)state;
    static const int64_t amounts[] = {-FK_NUMERAL_MAX, -100, -1, 0, 1, 99, 100, FK_NUMERAL_MAX};
    for (size_t i = 0; i + 1 < COUNT(amounts); i++)
        assert_true(fk_txn_amount_rank(amounts[i]) < fk_txn_amount_rank(amounts[i + 1]));
    char digits[24]; /* FK_TXN_AMOUNT_DIGITS of them are enough */
    assert_int_equal(
        snprintf(digits, sizeof digits, "%" PRIu64, fk_txn_amount_rank(FK_NUMERAL_MAX)),
        FK_TXN_AMOUNT_DIGITS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_in_every_form),
        cmocka_unit_test(a_number_in_kanji_is_the_number),
        cmocka_unit_test(amounts_are_read_in_every_form),
        cmocka_unit_test(days_are_read_in_every_form),
        cmocka_unit_test(a_day_without_a_year_is_near_the_message),
        cmocka_unit_test(companies_are_found),
        cmocka_unit_test(documents_say_what_they_are_about),
        cmocka_unit_test(a_span_is_where_it_stands),
        cmocka_unit_test(what_is_over_the_limits_is_counted),
        cmocka_unit_test(a_correction_counts_and_the_newest_of_several),
        cmocka_unit_test(lines_of_another_form_are_passed_over),
        cmocka_unit_test(amounts_sort_as_their_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
