/*
 * test_query_plan.c - queries against a small index that the test builds through the shim, and the
 * oracle: what a plain scan over the folded text of generated messages finds is what the index
 * finds, nothing more and nothing less.
 */
#include "base/pack.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"
#include "search/query_plan.h"
#include "tests/unit/support/small_index.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* cmocka needs the four above */
#include <cmocka.h>

enum { TEXTS = 4 };
static const char *const prefixes[TEXTS] = {FK_P_SUBJECT, FK_P_BODY, FK_P_FROM, FK_P_FILE};
static const enum fk_q_field fields[TEXTS] = {FK_F_SUBJECT, FK_F_BODY, FK_F_FROM, FK_F_FILENAME};

/* ---- a handful of messages whose hits are known */

enum { DAY_MS = 86400000 };
static const int64_t april_1 = 1711929600000; /* 2024-04-01T00:00Z */

/* 1: a@b.example to c@d.example, 2024-04-01 00:00 JST. 2: from x.a@b.example, cc a@b.example;
 * partly searchable, with a file. 3: an envelope address only, and no Date. */
static struct fk_xreader *known_messages(void) {
    char dir[512];
    struct fk_xwriter *writer = small_index_new(dir, sizeof dir);
    struct fk_xdoc *doc = NULL;
    small_renew(&doc);
    small_text(doc, FK_P_FROM, "Taro Tanaka <a@b.example>");
    small_term(doc, FK_P_FROM_ADDR, "a@b.example");
    small_term(doc, FK_P_PERSON, "a@b.example");
    small_term(doc, FK_P_DOMAIN, "b.example");
    small_text(doc, FK_P_TO, "鈴木 <c@d.example>");
    small_term(doc, FK_P_TO_ADDR, "c@d.example");
    small_term(doc, FK_P_PERSON, "c@d.example");
    small_term(doc, FK_P_DOMAIN, "d.example");
    small_text(doc, FK_P_SUBJECT, "会議室の予約 budget");
    small_text(doc, FK_P_BODY, "A会議 B budgets");
    small_term(doc, FK_P_MSGID, "1.X@b.example");
    small_term(doc, FK_P_DELIVERY, "log");
    small_term(doc, FK_P_DELIVERY, "bounced");
    small_term(doc, FK_P_DELIVERY, "c@d.example");
    small_term(doc, FK_P_DELIVERY, "@d.example");
    small_term(doc, FK_P_DELIVERY, "bounced c@d.example");
    small_term(doc, FK_P_DELIVERY, "5.1.1");
    small_term(doc, FK_P_DELIVERY, "mx.d.example");
    small_value(doc, FK_SLOT_RECEIVED, (uint64_t)(april_1 - 9 * 3600000));
    small_value(doc, FK_SLOT_DATE, (uint64_t)(april_1 - 9 * 3600000));
    small_value(doc, FK_SLOT_SIZE, 1000);
    assert_int_equal(fk_xwriter_put(writer, 1, doc, NULL), FK_OK);
    small_renew(&doc);
    small_text(doc, FK_P_FROM, "x.a@b.example");
    small_term(doc, FK_P_FROM_ADDR, "x.a@b.example");
    small_term(doc, FK_P_PERSON, "x.a@b.example");
    small_term(doc, FK_P_DOMAIN, "b.example");
    small_text(doc, FK_P_CC, "a@b.example");
    small_term(doc, FK_P_CC_ADDR, "a@b.example");
    small_term(doc, FK_P_TO_ADDR, "a@b.example");
    small_term(doc, FK_P_PERSON, "a@b.example");
    small_text(doc, FK_P_SUBJECT, "Re: 予約");
    small_text(doc, FK_P_FILE, "見積書.pdf");
    small_term(doc, FK_P_FLAG, "attachment");
    small_term(doc, FK_P_FLAG, "partial");
    small_term(doc, FK_P_FLAG, "partial:depth");
    small_value(doc, FK_SLOT_RECEIVED, (uint64_t)april_1);
    small_value(doc, FK_SLOT_DATE, (uint64_t)(april_1 + DAY_MS));
    small_value(doc, FK_SLOT_SIZE, 10485760);
    assert_int_equal(fk_xwriter_put(writer, 2, doc, NULL), FK_OK);
    small_renew(&doc);
    small_text(doc, FK_P_SUBJECT, "notice");
    small_term(doc, FK_P_NOTICE, "dsn");
    small_term(doc, FK_P_NOTICE, "failed");
    small_term(doc, FK_P_NOTICE, "c@d.example");
    small_term(doc, FK_P_NOTICE, "failed c@d.example");
    small_term(doc, FK_P_NOTICE, "failed @d.example");
    small_term(doc, FK_P_NOTICE, "5.1.1");
    small_term(doc, FK_P_NOTICE, "192.0.2.1");
    small_term(doc, FK_P_NOTICE, "sent"); /* a reader that is not itself may say so */
    small_term(doc, FK_P_DELIVERY, "failed");
    small_term(doc, FK_P_PERSON, "hidden@e.example");
    small_term(doc, FK_P_TO_ADDR, "hidden@e.example");
    small_term(doc, FK_P_BCC_ADDR, "hidden@e.example");
    small_term(doc, FK_P_ENVTO_ADDR, "hidden@e.example");
    small_text(doc, FK_P_BLIND, "hidden@e.example");
    small_text(doc, FK_P_ENV_TO, "hidden@e.example");
    small_term(doc, FK_P_VIA_ADDR, "all@e.example");
    small_text(doc, FK_P_VIA, "all@e.example");
    small_term(doc, FK_P_ENVFROM_ADDR, "bounce@f.example");
    small_text(doc, FK_P_ENV_FROM, "bounce@f.example");
    small_text(doc, FK_P_WRAPPER, "reported label");
    small_term(doc, FK_P_FLAG, "journal");
    small_term(doc, FK_P_DOMAIN, "e.example");
    small_value(doc, FK_SLOT_RECEIVED, (uint64_t)(april_1 + 2 * (int64_t)DAY_MS));
    small_value(doc, FK_SLOT_SIZE, 10485761);
    assert_int_equal(fk_xwriter_put(writer, 3, doc, NULL), FK_OK);
    fk_xdoc_free(&doc);
    return small_index_finish(&writer, dir);
}

#define CHECK(table) small_check(known_messages(), table, sizeof(table) / sizeof *(table))

static void what_became_of_mail_is_told_by_who_says_so(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"delivery:bounced", "1"},
        {"delivery:BOUNCED", "1"},
        {"配信:bounced", "1"},
        {"delivery:failed", "3"},
        {"delivery:sent", ""},
        {"delivery:log", "1"},
        {"delivery:dsn", "3"},
        {"delivery:mdn", ""},
        {"delivery:C@D.example", "3 1"},
        {"delivery:@d.example", "1"},
        {"delivery:bounced=c@d.example", "1"},
        {"delivery:failed=@D.example", "3"},
        {"delivery:failed=x@d.example", ""},
        {"delivery:5.1.1", "3 1"},
        {"delivery:mx.d.example", "1"},
        {"delivery:192.0.2.1", "3"},
        {"delivery:2001:db8::1", ""},
        {"delivery:sent=a=b@c", ""},
        {"delivery:x=b@c", ""}, /* an address */
        {"delivery:(bounced OR failed) -delivery:dsn", "1"},
        {"delivery:lost", "!10 delivery: does not take \"lost\""},
        {"x delivery:bounced*", "!12 delivery: does not take \"bounced\""},
        {"delivery:bounced=", "!10 "},
        {"delivery:bounced=c", "!10 "},
        {"delivery:bounced=c@", "!10 "},
        {"delivery:lost=c.example", "!10 "},
        {"delivery:5.1", "!10 "},
        {"delivery:1.2.3.4.5", "!10 "},
        {"delivery:1.2.3.", "!10 "},
        {"delivery:\"a b.example\"", "!10 "},
    };
    CHECK(table);
}

static void words_are_found_where_they_stand(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"", "3 2 1"},
        {"*", "3 2 1"},
        {"予約", "2 1"},
        {"議", "1"},
        {"室の予", "1"},
        {"会議", "1"},
        {"body:会議室", ""},
        {"\"A会議 B\"", "1"},
        {"\"会議 budget\"", ""},
        {"subject:budget", "1"},
        {"body:budget", ""},
        {"body:budget*", "1"},
        {"bud*", "1"},
        {"budgetx*", ""},
        {"会*", "1"},
        {"会議室*", "1"},
        {"ＢＵＤＧＥＴ", "1"},
        {"見積書.pdf", "2"},
        {"filename:pdf", "2"},
        {"subject:pdf", ""},
        {"予約 -budget", "2"},
        {"-予約", "3"},
        {"NOT (予約 OR notice)", ""},
        {"会議 OR notice", "3 1"},
        {"会議 OR NOT 予約", "3 1"},
        {"NOT NOT 会議", "1"},
        {"NOT 会議 NOT notice", "2"},
        {"＆", "!1 there is no letter or digit"},
        {"予約 subject:・", "!12 there is no letter or digit"},
        {"foo-ba*", "!1 a * goes with one word"},
        {"foo.*", ""},
    };
    CHECK(table);
}

static void people_are_found_by_name_address_and_domain(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"from:tanaka", "1"},
        {"from:\"taro tanaka\"", "1"},
        {"tanaka", "1"},
        {"from:a@b.example", "1"},
        {"from:A@B.Example", "1"},
        {"from:x.a@b.example", "2"},
        {"from:x.a@*", "2"},
        {"from:b.example", "2 1"},
        {"from:@b.example", "2 1"},
        {"from:@d.example", ""},
        {"from:@example", ""},
        {"to:鈴木", "1"},
        {"to:a@b.example", "2"},
        {"to:hidden@e.example", "3"},
        {"to:@b.example", "2"},
        {"cc:a@b.example", "2"},
        {"cc:x.a@b.example", ""},
        {"cc:c@d.example", ""},
        {"cc:b.example", "2"},
        {"bcc:a@b.example", ""},
        {"bcc:hidden@e.example", "3"},
        {"bcc:hidden", "3"},
        {"bcc:@e.example", "3"},
        {"to:hidden", "3"},
        {"hidden", "3"},
        {"via:all@e.example", "3"},
        {"経由:all", "3"},
        {"via:hidden", ""},
        {"envto:hidden@e.example", "3"},
        {"deliveredto:e.example", "3"},
        {"envto:c@d.example", ""},
        {"envfrom:bounce@f.example", "3"},
        {"envfrom:bounce", "3"},
        {"from:bounce", ""},
        {"participants:all", "3"},
        {"participants:a@b.example", "2 1"},
        {"participants:@b.example", "2 1"},
        {"participants:b.example", "2 1"},
        {"participants:e.example", "3"},
        {"participants:@e.example", "3"},
        {"participants:鈴木", "1"},
        {"participants:hid*", "3"},
        {"participants:hidden@*", "3"},
        {"cc:a@b*", "2"},
        {"cc:@b.example*", "!4 a * does not go with"},
        {"from:@b*", "!6 a * does not go with"},
    };
    CHECK(table);
}

static void values_and_flags_are_found(void **state) {
    (void)state;
    static const char *const table[][2] = {
        {"received:2024-04-01", "2 1"},
        {"received:2024-03-31", ""},
        {"received>2024-04-01", "3"},
        {"received:..2024-03", ""},
        {"received:2024-04-01T00:00", "1"},
        {"date:2024-04-01", "1"},
        {"date:2024", "2 1"},
        {"date<2024-04-02", "1"},
        {"-date:2024", "3"},
        {"date<>2024-04-01", "3 2"},
        {"date:1950..1960", ""},
        {"date:1950..2030", "2 1"},
        {"larger:10M", "3"},
        {"smaller:10M", "1"},
        {"size:10M", "2"},
        {"size:0..", "3 2 1"},
        {"has:attachment", "2"},
        {"has:journal", "3"},
        {"body:reported", "3"},
        {"\"reported label\"", "3"},
        {"unsearchable:any", "2"},
        {"unsearchable:depth", "2"},
        {"unsearchable:time", ""},
        {"msgid:1.X@b.example", "1"},
        {"msgid:<1.X@b.example>", "1"},
        {"msgid:1.x@b.example", ""},
        {"msgid:1*", "1"},
    };
    CHECK(table);
}

static void a_day_begins_in_its_zone(void **state) {
    (void)state;
    struct fk_xreader *reader = known_messages();
    char *jst = small_found(reader, "received:2024-04-01", 540);
    char *utc = small_found(reader, "received:2024-04-01", 0);
    assert_string_equal(jst, "2 1");
    assert_string_equal(utc, "2");
    free(jst);
    free(utc);
    fk_xreader_close(&reader);
}

/* Terms of this index also stand in documents without a position, and words are said twice. */
static void a_phrase_at_the_first_place_is_exact(void **state) {
    (void)state;
    char dir[512];
    struct fk_xwriter *writer = small_index_new(dir, sizeof dir);
    struct fk_xdoc *doc = NULL;
    small_renew(&doc);
    small_text(doc, "", "アアア");
    assert_int_equal(fk_xwriter_put(writer, 1, doc, NULL), FK_OK);
    small_renew(&doc);
    small_text(doc, "", "alpha 東会室");
    assert_int_equal(fk_xwriter_put(writer, 2, doc, NULL), FK_OK);
    small_renew(&doc);
    small_text(doc, "", "beta beta");
    assert_int_equal(fk_xwriter_put(writer, 3, doc, NULL), FK_OK);
    fk_xdoc_free(&doc);
    static const char *const table[][2] = {
        {"アアア", "1"},      {"アアアア", ""},    {"アア", "1"},         {"\"beta beta\"", "3"},
        {"\"会 alpha\"", ""}, {"\"会 東会\"", ""}, {"\"alpha 東\"", "2"},
    };
    small_check(small_index_finish(&writer, dir), table, sizeof table / sizeof *table);
}

/* As the indexer cuts them: a longer one in the query is cut alike. */
static void a_long_message_id_and_address_are_found(void **state) {
    (void)state;
    char dir[512], id[400], query[500];
    struct fk_xwriter *writer = small_index_new(dir, sizeof dir);
    struct fk_xdoc *doc = NULL;
    memset(id, 'a', sizeof id);
    id[FK_WHOLE_MAX] = 0;
    small_renew(&doc);
    small_term(doc, FK_P_MSGID, id);
    id[1] = '@';
    small_term(doc, FK_P_FROM_ADDR, id);
    assert_int_equal(fk_xwriter_put(writer, 1, doc, NULL), FK_OK);
    fk_xdoc_free(&doc);
    struct fk_xreader *reader = small_index_finish(&writer, dir);
    id[FK_WHOLE_MAX] = 'a';
    id[300] = 0;
    (void)snprintf(query, sizeof query, "from:%s", id);
    char *by_address = small_found(reader, query, 0);
    id[1] = 'a';
    (void)snprintf(query, sizeof query, "msgid:<%s>", id);
    char *by_id = small_found(reader, query, 0);
    assert_string_equal(by_address, "1");
    assert_string_equal(by_id, "1");
    free(by_address);
    free(by_id);
    fk_xreader_close(&reader);
}

/* ---- the oracle */

static unsigned long seed = 20240401;
static unsigned roll(unsigned sides) {
    seed = seed * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(seed >> 33) % sides;
}

/* Few different characters and words, so that hits and near misses are many; some that folding
 * changes. */
static const char *const characters[] = {"会", "議", "室", "東", "京", "ア", "ｱ", "ー", "の", "々"};
static const char *const words[] = {"alpha", "beta", "Alpha", "ＢＥＴＡ", "42", "gamma", "al"};
static const char *const signs[] = {" ", "　", ", ", "・", "-", "、"};
#define PICK(row) row[roll(sizeof(row) / sizeof *(row))]

static void add_random_text(struct fk_buf *out, unsigned parts, bool line_end) {
    unsigned broken = line_end ? roll(2 * parts + 1) : UINT32_MAX;
    for (unsigned i = 0; i < parts; i++) {
        switch (i == broken ? 3 : roll(4)) {
        case 0:
            fk_buf_str(out, PICK(words));
            fk_buf_str(out, roll(3) ? PICK(signs) : PICK(characters));
            break;
        case 1:
            fk_buf_str(out, PICK(signs));
            break;
        default:
            for (unsigned n = 1 + roll(5); n > 0; n--)
                fk_buf_str(out, PICK(characters));
            if (i == broken) {
                fk_buf_str(out, "\n");
                fk_buf_str(out, PICK(characters));
            }
        }
    }
}

static bool is_wide(const char *at) {
    return (unsigned char)*at >= 0xe3;
}

/* Folded text with one space where words end and none elsewhere. newline: what a line end between
 * wide characters is read as. */
static char *plain(const char *text, const char *newline) {
    struct fk_buf folded = FK_BUF_INIT, out = FK_BUF_INIT;
    assert_int_equal(fk_terms_fold(text, strlen(text), &folded, NULL), FK_OK);
    const char *at = fk_buf_cstr(&folded);
    enum { NOTHING, WORD, WIDE } last = NOTHING;
    while (*at != 0) {
        size_t n = 1;
        while ((at[n] & 0xc0) == 0x80)
            n++;
        bool wide = is_wide(at) && strncmp(at, "、", 3) != 0 && strncmp(at, "・", 3) != 0 &&
                    strncmp(at, "　", 3) != 0;
        bool word = n == 1 && strchr("abcdefghijklmnopqrstuvwxyz0123456789", *at) != NULL;
        bool joins = *at == '\n' && last == WIDE && is_wide(at + 1);
        if (!wide && !word) {
            if (joins)
                fk_buf_str(&out, newline);
            else if (last != NOTHING)
                fk_buf_byte(&out, ' ');
            last = joins ? last : NOTHING;
        } else {
            if (last != NOTHING && last != (wide ? WIDE : WORD))
                fk_buf_byte(&out, ' ');
            fk_buf_add(&out, at, n);
            last = wide ? WIDE : WORD;
        }
        at += n;
    }
    while (out.len > 0 && out.data[out.len - 1] == ' ')
        out.len--;
    char *copy = strdup(fk_buf_cstr(&out));
    fk_buf_free(&folded);
    fk_buf_free(&out);
    return copy;
}

/* Does text hold what, not beginning or ending inside a word? */
static bool holds(const char *text, const char *what) {
    size_t len = strlen(what);
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) {
        bool begins = is_wide(what) || at == text || at[-1] == ' ' || is_wide(at - 3);
        bool ends = (what[len - 1] & 0x80) || at[len] == 0 || at[len] == ' ';
        if (begins && ends)
            return true;
    }
    return false;
}

enum { MESSAGES = 300, QUERIES = 500 };
struct message {
    char *joined[TEXTS], *split[TEXTS]; /* a line end read as nothing, and as a space */
};
static struct message messages[MESSAGES + 1];

static bool scan_leaf(const struct fk_q_node *node, const struct message *m) {
    char *what = plain(node->text, "");
    bool hit = false;
    for (int i = 0; i < TEXTS && !hit; i++)
        if (node->field == FK_F_ANY || node->field == fields[i])
            hit = holds(m->joined[i], what) || holds(m->split[i], what);
    free(what);
    return hit;
}

static bool scan(const struct fk_q_node *node, const struct message *m) {
    bool all = true, any = false;
    if (node->kind == FK_Q_TEXT)
        return scan_leaf(node, m);
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next) {
        bool hit = scan(c, m);
        all &= hit;
        any |= hit;
    }
    return node->kind == FK_Q_AND ? all : node->kind == FK_Q_OR ? any : !any;
}

static struct fk_xreader *random_messages(void) {
    char dir[512];
    struct fk_xwriter *writer = small_index_new(dir, sizeof dir);
    struct fk_xdoc *doc = NULL;
    for (uint32_t id = 1; id <= MESSAGES; id++) {
        small_renew(&doc);
        for (int i = 0; i < TEXTS; i++) {
            struct fk_buf text = FK_BUF_INIT;
            add_random_text(&text, roll(i == 1 ? 12 : 4), i == 1);
            small_text(doc, prefixes[i], fk_buf_cstr(&text));
            messages[id].joined[i] = plain(fk_buf_cstr(&text), "");
            messages[id].split[i] = plain(fk_buf_cstr(&text), " ");
            fk_buf_free(&text);
        }
        small_value(doc, FK_SLOT_RECEIVED, id);
        assert_int_equal(fk_xwriter_put(writer, id, doc, NULL), FK_OK);
    }
    fk_xdoc_free(&doc);
    return small_index_finish(&writer, dir);
}

static void add_random_leaf(struct fk_buf *out) {
    static const char *const names[] = {"", "", "", "", "subject:", "body:", "from:", "件名："};
    fk_buf_str(out, PICK(names));
    fk_buf_byte(out, '"');
    if (roll(3))
        for (unsigned n = 1 + roll(5); n > 0; n--)
            fk_buf_str(out, PICK(characters));
    else
        add_random_text(out, 1 + roll(2), false);
    fk_buf_byte(out, '"');
}

static void a_plain_scan_finds_the_same(void **state) {
    (void)state;
    struct fk_xreader *reader = random_messages();
    static struct fk_xhits hits;
    unsigned found_some = 0;
    for (int round = 0; round < QUERIES;) {
        static const char *const joints[] = {" ", " OR ", " -", " AND "};
        struct fk_buf text = FK_BUF_INIT;
        struct fk_query *query = NULL;
        struct fk_xquery *planned = NULL;
        struct fk_query_fault fault;
        struct fk_err err = FK_ERR_INIT;
        add_random_leaf(&text);
        for (unsigned more = roll(2) * roll(3); more > 0; more--) {
            fk_buf_str(&text, PICK(joints));
            add_random_leaf(&text);
        }
        assert_int_equal(fk_query_parse((char *)text.data, text.len, &query, &fault, &err), FK_OK);
        enum fk_status st = fk_query_plan(fk_query_root(query), 0, &planned, &fault, &err);
        if (st == FK_OK) { /* otherwise a row of signs */
            st = fk_xreader_search(reader, planned, FK_SLOT_RECEIVED, 0, FK_XHITS_MAX, &hits, &err);
            assert_int_equal(st, FK_OK);
            size_t at = 0;
            for (uint32_t id = MESSAGES; id > 0; id--) {
                bool expected = scan(fk_query_root(query), &messages[id]);
                bool got = at < hits.count && hits.docids[at] == id;
                if (expected != got)
                    fail_msg("%s: message %u is %s\n%s\n%s\n%s\n%s", fk_buf_cstr(&text), id,
                             expected ? "missed" : "invented", messages[id].joined[0],
                             messages[id].joined[1], messages[id].joined[2],
                             messages[id].joined[3]);
                at += got;
            }
            found_some += hits.count > 0;
            round++;
        }
        fk_xquery_free(&planned);
        fk_query_free(&query);
        fk_buf_free(&text);
    }
    for (uint32_t id = 1; id <= MESSAGES; id++)
        for (int i = 0; i < TEXTS; i++) {
            free(messages[id].joined[i]);
            free(messages[id].split[i]);
        }
    fk_xreader_close(&reader);
    assert_true(found_some > QUERIES / 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_became_of_mail_is_told_by_who_says_so),
        cmocka_unit_test(words_are_found_where_they_stand),
        cmocka_unit_test(people_are_found_by_name_address_and_domain),
        cmocka_unit_test(values_and_flags_are_found),
        cmocka_unit_test(a_day_begins_in_its_zone),
        cmocka_unit_test(a_phrase_at_the_first_place_is_exact),
        cmocka_unit_test(a_long_message_id_and_address_are_found),
        cmocka_unit_test(a_plain_scan_finds_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
