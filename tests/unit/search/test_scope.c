/*
 * test_scope.c - what an answer may have missed, field by field: none of the fields of the language
 * is forgotten.
 */
#include "indexer/text/prefixes.h"
#include "search/query_plan.h"
#include "search/query_priv.h"
#include "search/scope.h"
#include "tests/unit/support/small_index.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the four before the last two */
#include <cmocka.h>

/* Each is only partly searchable but the last, and answers to nothing that is asked below. */
static struct fk_xreader *partly_read(void) {
    static const char *const why[] = {"partial:textless", "partial:charset", "partial:crash",
                                      "partial:headers",  "partial:time",    "partial:content"};
    enum { WHYS = sizeof why / sizeof *why };
    char dir[512];
    struct fk_xwriter *writer = small_index_new(dir, sizeof dir);
    struct fk_xdoc *doc = NULL;
    for (unsigned i = 0; i <= WHYS; i++) {
        small_renew(&doc);
        if (i < WHYS) {
            small_term(doc, FK_P_FLAG, "partial");
            small_term(doc, FK_P_FLAG, why[i]);
        }
        small_value(doc, FK_SLOT_RECEIVED, 1700000000000 - i);
        small_value(doc, FK_SLOT_LATEST, 1700000000000 - i);
        small_value(doc, FK_SLOT_SIZE, 1000);
        assert_int_equal(fk_xwriter_put(writer, i + 1, doc, NULL), FK_OK);
    }
    fk_xdoc_free(&doc);
    return small_index_finish(&writer, dir);
}

static void missed_by(struct fk_xreader *reader, const struct fk_q_node *root, const char *user,
                      char *out, size_t size) {
    static const char *const ours[] = {"b.example", NULL};
    static struct fk_xhits hits;
    struct fk_xquery *whole = NULL, *missed = NULL;
    struct fk_query_fault fault = {0};
    size_t len = 0;
    assert_int_equal(fk_query_plan_for(root, 0, ours, &whole, &fault, NULL), FK_OK);
    const struct fk_scope scope = {root, 0, INT64_MIN, INT64_MAX, user, ours, whole};
    assert_int_equal(fk_scope_missed(&scope, &missed, &fault, NULL), FK_OK);
    assert_int_equal(
        fk_xreader_search(reader, missed, FK_SLOT_RECEIVED, 0, FK_XHITS_MAX, &hits, NULL), FK_OK);
    *out = 0;
    for (size_t i = 0; i < hits.count; i++)
        len += (size_t)snprintf(out + len, size - len, i ? " %u" : "%u", hits.docids[i]);
    fk_xquery_free(&missed);
    fk_xquery_free(&whole);
}

static struct fk_query *parsed(const char *text) {
    struct fk_query *query = NULL;
    struct fk_query_fault fault = {0};
    if (fk_query_parse(text, strlen(text), &query, &fault, NULL) != FK_OK)
        fail_msg("%s: expected %s", text, fault.expected);
    return query;
}

#define SURE ""               /* nothing may have been missed */
#define BUT_HEADER "3 4 5 6"  /* but where the header may not have been read, */
#define BUT_NAMES "2 3 4 5 6" /* ... or not the characters in it */
#define UNSURE "1 2 3 4 5 6"

static void of_each_field_it_is_told_what_may_be_missed(void **state) {
    (void)state;
    static const struct {
        enum fk_q_field field;
        const char *query, *missed;
    } table[] = {
        {FK_F_ANY, "x", UNSURE},
        {FK_F_FROM, "from:x", BUT_NAMES},
        {FK_F_FROM, "from:x@y.example", BUT_HEADER},
        {FK_F_FROM, "from:@y.example", BUT_HEADER},
        {FK_F_TO, "to:x", BUT_NAMES},
        {FK_F_CC, "cc:x", BUT_NAMES},
        {FK_F_BCC, "bcc:x", BUT_NAMES},
        {FK_F_VIA, "via:x", BUT_NAMES},
        {FK_F_ENVFROM, "envfrom:x", BUT_NAMES},
        {FK_F_ENVTO, "envto:x", BUT_NAMES},
        {FK_F_PARTICIPANTS, "participants:x", BUT_NAMES},
        {FK_F_SUBJECT, "subject:x", BUT_NAMES},
        {FK_F_BODY, "body:x", UNSURE},
        {FK_F_FILENAME, "filename:x", UNSURE},
        {FK_F_ATTACHMENT, "attachment:x", UNSURE},
        {FK_F_SHA256, "sha256:0*", UNSURE},
        {FK_F_GARBLED, "garbled:any", BUT_HEADER},
        {FK_F_MSGID, "msgid:x", UNSURE},
        {FK_F_HAS, "has:attachment", UNSURE},
        {FK_F_UNSEARCHABLE, "unsearchable:depth", BUT_HEADER},
        {FK_F_DATE, "date:2024", BUT_HEADER},
        {FK_F_RECEIVED, "received:2024", SURE},
        {FK_F_SIZE, "size:1", SURE},
        {FK_F_DKIM, "dkim:fail", BUT_HEADER},
        {FK_F_AUTH, "auth:spf=fail", BUT_HEADER},
        {FK_F_SPAM, "spam:yes", BUT_HEADER},
        {FK_F_VIRUS, "virus:yes", BUT_HEADER},
        {FK_F_TXN, "txn:order", UNSURE},
        {FK_F_TXN_DATE, "txn_date:2024", UNSURE},
        {FK_F_AMOUNT, "amount:1", UNSURE},
        {FK_F_COUNTERPARTY, "counterparty:x", UNSURE},
        {FK_F_DOCNO, "docno:1", UNSURE},
        {FK_F_DELIVERY, "delivery:bounced", UNSURE},
        {FK_F_FILETYPE, "filetype:pdf", UNSURE},
        {FK_F_DIRECTION, "direction:in", BUT_HEADER},
        {FK_F_IP, "ip:192.0.2.1", SURE},
        {FK_F_URL, "url:x", UNSURE},
        {FK_F_THREAD, "thread:9", BUT_NAMES},
        {FK_F_SIMILAR, "similar:9", UNSURE},
    };
    struct fk_xreader *reader = partly_read();
    bool seen[FK_Q_FIELDS] = {false};
    char got[100];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fk_query *query = parsed(table[i].query);
        const struct fk_q_node *root = fk_query_root(query);
        assert_int_equal(root->field, table[i].field);
        missed_by(reader, root, NULL, got, sizeof got);
        if (strcmp(got, table[i].missed) != 0)
            fail_msg("%s: \"%s\" may be missed, expected \"%s\"", table[i].query, got,
                     table[i].missed);
        seen[root->field] = true;
        fk_query_free(&query);
    }
    for (size_t i = 0; i < FK_Q_FIELDS; i++)
        if (!seen[i])
            fail_msg("\"%s\" (%zu): a field that nothing is said of in this table",
                     fk_query__name_of((enum fk_q_field)i), i);
    fk_xreader_close(&reader);
}

static void parts_are_as_sure_as_their_least_sure_field(void **state) {
    (void)state;
    static const struct {
        const char *query, *user, *missed;
    } table[] = {
        {"*", NULL, SURE}, /* all are hits */
        {"x from:x", NULL, BUT_NAMES},
        {"x from:x date:2024", NULL, BUT_HEADER},
        {"x from:x received:2024", NULL, SURE},
        {"from:x OR date:2024", NULL, BUT_NAMES},
        {"from:x OR y", NULL, UNSURE},
        {"x -date:*", NULL, UNSURE},
        {"x date:*", NULL, BUT_HEADER},
        {"x", "y", BUT_NAMES},
        {"x", "y@z.example", BUT_HEADER},
    };
    struct fk_xreader *reader = partly_read();
    char got[100];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fk_query *query = parsed(table[i].query);
        missed_by(reader, fk_query_root(query), table[i].user, got, sizeof got);
        if (strcmp(got, table[i].missed) != 0)
            fail_msg("%s: \"%s\" may be missed, expected \"%s\"", table[i].query, got,
                     table[i].missed);
        fk_query_free(&query);
    }
    fk_xreader_close(&reader);
}

/* What thread: stands for may be more than was taken: then nobody is known to be no part of it. */
static void what_was_cut_is_known_of_nobody(void **state) {
    (void)state;
    struct fk_xreader *reader = partly_read();
    struct fk_query *query = parsed("thread:9");
    struct fk_q_node cut = *fk_query_root(query);
    char got[100];
    cut.related_is_cut = true;
    missed_by(reader, &cut, NULL, got, sizeof got);
    assert_string_equal(got, UNSURE);
    fk_query_free(&query);
    fk_xreader_close(&reader);
}

static void what_may_change_later_is_known(void **state) {
    (void)state;
    static const struct {
        const char *query, *fact;
        bool related, has_not;
    } table[] = {
        {"x from:y", NULL, false, false},
        {"x -txn:corrected", "transaction", false, true},
        {"amount:1", "transaction", false, false},
        {"counterparty:x", "transaction", false, false},
        {"docno:1", "transaction", false, false},
        {"txn_date:2024", "transaction", false, false},
        {"dkim:pass OR x", "auth", false, false},
        {"auth:spf=pass", "auth", false, false},
        {"delivery:sent", "delivery", false, false},
        {"thread:9 x", NULL, true, false},
        {"x OR -similar:9", NULL, true, true},
    };
    static const char *const facts[] = {"auth", "transaction", "delivery", "deliver"};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct fk_query *query = parsed(table[i].query);
        const struct fk_q_node *root = fk_query_root(query);
        for (size_t k = 0; k < sizeof facts / sizeof *facts; k++)
            if (fk_scope_goes_by(root, facts[k]) !=
                (table[i].fact != NULL && strcmp(table[i].fact, facts[k]) == 0))
                fail_msg("%s: facts what=%s", table[i].query, facts[k]);
        if (fk_scope_is_related(root) != table[i].related ||
            fk_scope_has_not(root) != table[i].has_not)
            fail_msg("%s", table[i].query);
        fk_query_free(&query);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_each_field_it_is_told_what_may_be_missed),
        cmocka_unit_test(parts_are_as_sure_as_their_least_sure_field),
        cmocka_unit_test(what_was_cut_is_known_of_nobody),
        cmocka_unit_test(what_may_change_later_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
