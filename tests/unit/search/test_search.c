/*
 * test_search.c - a search against an index built here, with a pen and a desk of the test's own:
 * what is written before hits are given, what is counted, and what happens while the index moves.
 */
#include "archiver/vault/entry.h"
#include "base/pack.h"
#include "indexer/store/state.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"
#include "search/search.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
/* cmocka needs the four above */
#include <cmocka.h>

/* ---- the pen, the desk and the place of the index, as the test says */

static enum fk_status pen_says;
static struct fk_buf act = FK_BUF_INIT; /* body of the last act */
static char act_fields[100];
static struct fk_buf ledger = FK_BUF_INIT;
static uint64_t ledger_next;
static char index_dir[512];

enum fk_status fk_keep_append(struct fk_keep *keep, const struct fk_record *record,
                              struct fk_receipt *out, struct fk_err *err) {
    (void)keep;
    if (pen_says != FK_OK)
        return fk_fail(err, pen_says, "no room");
    assert_string_equal(record->kind, "act");
    (void)snprintf(act_fields, sizeof act_fields, "%s", record->fields);
    fk_buf_reset(&act);
    fk_buf_add(&act, record->body->data, record->body->len);
    out->seq = ledger_next;
    return FK_OK;
}

enum fk_status fk_lend_head(struct fk_lend *lend, struct fk_head *out, struct fk_err *err) {
    (void)lend, (void)err;
    memset(out, 0, sizeof *out);
    out->next_seq = ledger_next;
    return FK_OK;
}

enum fk_status fk_lend_lines(struct fk_lend *lend, uint64_t from, struct fk_buf *lines,
                             struct fk_err *err) {
    (void)lend, (void)err;
    const char *at = (const char *)ledger.data, *end = at + ledger.len;
    for (; from > 0; from--)
        at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
    const char *lf = memchr(at, '\n', (size_t)(end - at));
    fk_buf_add(lines, at, (size_t)(lf + 1 - at)); /* one at a time: that is allowed too */
    return FK_OK;
}

static uint64_t index_mark;
static useconds_t index_takes_us; /* to open */
enum fk_status fk_index_open(const char *dir, struct fk_xreader **reader, uint64_t *mark,
                             struct fk_err *err) {
    (void)dir;
    const char *const dirs[] = {index_dir};
    (void)usleep(index_takes_us);
    if (index_dir[0] == 0)
        return fk_fail(err, FK_NOT_FOUND, "no index");
    *mark = index_mark;
    return fk_xreader_open(dirs, 1, reader, err);
}

static void ledger_add(const char *kind, const char *fields) {
    static const uint8_t prev[FK_SHA256_BYTES];
    struct fk_err err = FK_ERR_INIT;
    if (fk_entry_write(&ledger, ledger_next++, prev, kind, 0, fields, &err) != FK_OK)
        fail_msg("%s", err.text);
}

/* ---- an index of messages: body "word wordN", received as given, every tenth partly searchable */

/* also: a capture before the one of its id, 0 for none. */
static void put_captured(struct fk_xwriter *writer, uint32_t id, uint32_t also, uint64_t received) {
    struct fk_xdoc *doc;
    char term[40], data[300];
    uint8_t value[8];
    fk_be64(value, received);
    assert_int_equal(fk_xdoc_new(&doc, NULL), FK_OK);
    assert_int_equal(fk_xdoc_term(doc, "word", 4, NULL), FK_OK);
    int n = snprintf(term, sizeof term, "word%u", id);
    assert_int_equal(fk_xdoc_term(doc, term, (size_t)n, NULL), FK_OK);
    if (id % 10 == 0)
        assert_int_equal(fk_xdoc_term(doc, FK_P_FLAG "partial", 9, NULL), FK_OK);
    assert_int_equal(fk_xdoc_term(doc, FK_P_PERSON "a@b.example", 13, NULL), FK_OK);
    assert_int_equal(fk_xdoc_value(doc, FK_SLOT_RECEIVED, value, sizeof value, NULL), FK_OK);
    assert_int_equal(fk_xdoc_value(doc, FK_SLOT_LATEST, value, sizeof value, NULL), FK_OK);
    n = snprintf(term, sizeof term, FK_P_CAPTURE "%u", id);
    assert_int_equal(fk_xdoc_term(doc, term, (size_t)n, NULL), FK_OK);
    n = snprintf(data, sizeof data, "subject: message %u\n", id);
    if (also) {
        n += snprintf(data + n, sizeof data - (size_t)n,
                      "capture: %u 2026-11-24T01:00:00.000Z smtp stated\n"
                      "journal-bcc: first@b.example\n",
                      also);
        int len = snprintf(term, sizeof term, FK_P_CAPTURE "%u", also);
        assert_int_equal(fk_xdoc_term(doc, term, (size_t)len, NULL), FK_OK);
        assert_int_equal(fk_xdoc_term(doc, FK_P_FLAG "captures:0", 12, NULL), FK_OK);
    }
    n += snprintf(data + n, sizeof data - (size_t)n,
                  "capture: %u 2026-11-24T01:00:00.000Z smtp stated\n"
                  "journal-bcc: own@b.example\n",
                  id);
    assert_int_equal(fk_xdoc_data(doc, data, (size_t)n, NULL), FK_OK);
    assert_int_equal(fk_xwriter_put(writer, id, doc, NULL), FK_OK);
    fk_xdoc_free(&doc);
}

static void put(struct fk_xwriter *writer, uint32_t id, uint64_t received) {
    put_captured(writer, id, 0, received);
}

static void begin(uint32_t messages, uint64_t (*received)(uint32_t id)) {
    const char *base = getenv("TEST_DIR");
    struct fk_xwriter *writer;
    pen_says = FK_OK;
    fk_buf_reset(&ledger);
    ledger_next = 0;
    ledger_add("genesis", "ledger=00");
    (void)snprintf(index_dir, sizeof index_dir, "%s/search-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(index_dir));
    assert_int_equal(fk_xwriter_create(index_dir, &writer, NULL), FK_OK);
    for (uint32_t id = 1; id <= messages; id++) {
        ledger_add("mail", "source=x");
        put(writer, id, received(id));
    }
    index_mark = messages + 1;
    assert_int_equal(fk_xwriter_commit(writer, NULL), FK_OK);
    fk_xwriter_close(&writer);
}

static uint64_t as_numbered(uint32_t id) {
    return id * 1000ull;
}

static uint64_t all_at_once(uint32_t id) {
    (void)id;
    return 5000;
}

static struct fk_search_options asking(const char *query) {
    struct fk_search_options o = FK_SEARCH_OPTIONS;
    o.query = query;
    o.person = "tester(1)";
    o.via = "test";
    return o;
}

static struct fk_search *open_search(const struct fk_search_options *o) {
    struct fk_search *search = NULL;
    struct fk_query_fault fault;
    struct fk_err err = FK_ERR_INIT;
    if (fk_search_open("vault", NULL, NULL, o, &search, &fault, &err) != FK_OK)
        fail_msg("%s", err.text);
    return search;
}

static enum fk_status refused(const struct fk_search_options *o, struct fk_query_fault *fault,
                              struct fk_err *err) {
    struct fk_search *search = NULL;
    enum fk_status st = fk_search_open("vault", NULL, NULL, o, &search, fault, err);
    assert_null(search);
    return st;
}

static void act_says(const char *name, const char *value) {
    struct fk_buf got = FK_BUF_INIT;
    assert_true(fk_fields_find(act.data, act.len, name, &got));
    assert_string_equal(fk_buf_cstr(&got), value);
    fk_buf_free(&got);
}

static void an_act_tells_who_asked_what_and_how_many_hits_there_were(void **state) {
    (void)state;
    begin(30, as_numbered);
    struct fk_search_options o = asking("word　－word7");
    o.user = "a@b.example";
    o.since_ms = 2000;
    o.reason = "audit 7\n";
    struct fk_search *search = open_search(&o);
    assert_string_equal(act_fields, "what=search");
    act_says("person", "tester(1)");
    act_says("reason", "audit 7\n");
    act_says("query", "word　－word7");
    act_says("canonical", "word AND NOT word7");
    act_says("user", "a@b.example");
    act_says("since", "1970-01-01T00:00:02.000Z");
    act_says("zone", "+09:00");
    act_says("hits", "28");
    assert_string_equal(fk_search_canonical(search), "word AND NOT word7");
    const struct fk_search_coverage *c = fk_search_coverage(search);
    assert_int_equal(c->act, 31);
    assert_int_equal(c->head, 31);
    assert_int_equal(c->mark, 31);
    assert_int_equal(c->total, 28);
    assert_int_equal(c->documents, 30);
    assert_int_equal(c->partial, 3);
    assert_int_equal(c->partial_hits, 3);
    assert_int_equal(c->unread, 0);
    fk_search_close(&search);
}

static void without_an_act_there_are_no_hits(void **state) {
    (void)state;
    begin(3, as_numbered);
    struct fk_search_options o = asking("word");
    struct fk_query_fault fault;
    struct fk_err err = FK_ERR_INIT;
    static const enum fk_status says[] = {FK_FULL, FK_RETRY, FK_IO};
    for (size_t i = 0; i < 3; i++) {
        pen_says = says[i];
        assert_int_equal(refused(&o, &fault, &err), says[i]);
        assert_non_null(strstr(err.text, "cannot be recorded, so it is not answered"));
    }
}

static void hits_come_newest_first_and_end_at_the_limit(void **state) {
    (void)state;
    begin(30, as_numbered);
    struct fk_search_options o = asking("word");
    struct fk_hit hit;
    o.limit = 4;
    struct fk_search *search = open_search(&o);
    for (uint64_t seq = 30; seq > 26; seq--) {
        assert_int_equal(fk_search_next(search, &hit, NULL), FK_OK);
        assert_int_equal(hit.seq, seq);
        assert_int_equal(hit.received_ms, seq * 1000);
        assert_true(hit.fields_len > 10 && memcmp(hit.fields, "subject: m", 10) == 0);
    }
    assert_int_equal(fk_search_next(search, &hit, NULL), FK_NOT_FOUND);
    assert_int_equal(fk_search_coverage(search)->total, 30);
    fk_search_close(&search);
}

static void cursors_give_every_hit_once_though_all_came_at_one_moment(void **state) {
    (void)state;
    begin(2500, all_at_once);
    struct fk_search_options o = asking("word");
    struct fk_buf cursor = FK_BUF_INIT;
    uint64_t expected = 2500;
    o.limit = 700;
    for (int pages = 1;; pages++) {
        struct fk_search *search = open_search(&o);
        struct fk_hit hit;
        while (fk_search_next(search, &hit, NULL) == FK_OK)
            assert_int_equal(hit.seq, expected--);
        assert_int_equal(fk_search_coverage(search)->total, 2500);
        fk_buf_reset(&cursor);
        enum fk_status st = fk_search_cursor(search, &cursor, NULL);
        fk_search_close(&search);
        if (st == FK_NOT_FOUND) {
            assert_int_equal(pages, 4);
            break;
        }
        o.cursor = fk_buf_cstr(&cursor);
    }
    assert_int_equal(expected, 0);
    fk_buf_free(&cursor);
}

static void what_the_index_has_not_read_is_counted_and_what_is_disposed_of_is_no_hit(void **state) {
    (void)state;
    begin(30, as_numbered);
    ledger_add("mail", "source=x");
    ledger_add("act", "what=search");
    ledger_add("dispose", "of=3,9-10,31 basis=0 rule=r");
    ledger_add("mail", "source=x");
    struct fk_search_options o = asking("word");
    struct fk_search *search = open_search(&o);
    const struct fk_search_coverage *c = fk_search_coverage(search);
    assert_int_equal(c->total, 27);
    assert_int_equal(c->partial_hits, 2);
    assert_int_equal(c->head, 35);
    assert_int_equal(c->mark, 31);
    assert_int_equal(c->unread, 2);
    act_says("hits", "27");
    act_says("unread", "2");
    struct fk_hit hit;
    unsigned given = 0;
    for (; fk_search_next(search, &hit, NULL) == FK_OK; given++)
        assert_true(hit.seq != 3 && hit.seq != 9 && hit.seq != 10);
    assert_int_equal(given, 27);
    fk_search_close(&search);
}

static void a_message_is_a_hit_while_one_of_its_captures_is_there(void **state) {
    (void)state;
    struct fk_xwriter *writer;
    begin(10, as_numbered);
    assert_int_equal(fk_xwriter_open(index_dir, &writer, NULL), FK_OK);
    assert_int_equal(fk_xwriter_delete(writer, 2, NULL), FK_OK);
    assert_int_equal(fk_xwriter_delete(writer, 3, NULL), FK_OK);
    put_captured(writer, 8, 2, 8000);
    put_captured(writer, 9, 3, 9000);
    assert_int_equal(fk_xwriter_commit(writer, NULL), FK_OK);
    fk_xwriter_close(&writer);
    struct fk_search_options o = asking("word");
    struct fk_search *search = open_search(&o);
    assert_int_equal(fk_search_coverage(search)->total, 8);
    assert_int_equal(fk_search_coverage(search)->captures, 10);
    assert_int_equal(fk_search_coverage(search)->index_captures, 10);
    fk_search_close(&search);
    ledger_add("dispose", "of=2-3,9 basis=0 rule=r"); /* 9 goes with all it has, 8 keeps itself */
    search = open_search(&o);
    assert_int_equal(fk_search_coverage(search)->total, 7);
    assert_int_equal(fk_search_coverage(search)->captures, 7);
    struct fk_hit hit;
    while (fk_search_next(search, &hit, NULL) == FK_OK) {
        assert_int_not_equal(hit.seq, 9);
        assert_int_equal(hit.captures->count, 1);
        assert_int_equal(hit.captures->at[0], hit.seq);
        assert_int_equal(hit.known->person_count, 1);
        assert_string_equal(hit.known->people[0].facts->address, "own@b.example");
    }
    fk_search_close(&search);
}

static void hits_go_on_while_the_index_is_written_anew(void **state) {
    (void)state;
    begin(3000, as_numbered);
    struct fk_search_options o = asking("word");
    struct fk_search *search = open_search(&o);
    struct fk_hit hit;
    uint64_t last = 3001;
    unsigned given = 0;
    for (; given < 10; given++) {
        assert_int_equal(fk_search_next(search, &hit, NULL), FK_OK);
        last = hit.seq;
    }
    struct fk_xwriter *writer;
    assert_int_equal(fk_xwriter_open(index_dir, &writer, NULL), FK_OK);
    for (int round = 0; round < 4; round++) {
        for (uint32_t id = 1; id <= 3000; id += 2)
            put(writer, id, as_numbered(id));
        put(writer, 4000 + (uint32_t)round, 9000000);
        assert_int_equal(fk_xwriter_commit(writer, NULL), FK_OK);
    }
    fk_xwriter_close(&writer);
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    for (; (st = fk_search_next(search, &hit, &err)) == FK_OK; given++) {
        assert_int_equal(hit.seq, last - 1);
        last = hit.seq;
    }
    if (st != FK_NOT_FOUND)
        fail_msg("%s", err.text);
    assert_int_equal(given, 3000);
    fk_search_close(&search);
}

static void a_vault_without_an_index_is_an_empty_one_that_says_so(void **state) {
    (void)state;
    begin(3, as_numbered);
    index_dir[0] = 0;
    struct fk_search_options o = asking("word");
    struct fk_search *search = open_search(&o);
    struct fk_hit hit;
    assert_int_equal(fk_search_coverage(search)->unread, 3);
    assert_int_equal(fk_search_coverage(search)->total, 0);
    act_says("hits", "0");
    assert_int_equal(fk_search_next(search, &hit, NULL), FK_NOT_FOUND);
    fk_search_close(&search);
}

static void what_is_wrong_is_said_and_nothing_is_recorded(void **state) {
    (void)state;
    begin(1200, as_numbered);
    fk_buf_reset(&act);
    struct fk_query_fault fault;
    struct fk_err err = FK_ERR_INIT;
    struct fk_search_options o = asking("form:x");
    assert_int_equal(refused(&o, &fault, &err), FK_INVALID);
    assert_int_equal(fault.character, 1);
    static const char *const cursors[] = {"", "x", "1", "1-2-3", "-1-2", "99999999999999999999-1"};
    for (size_t i = 0; i < sizeof cursors / sizeof *cursors; i++) {
        o = asking("word");
        o.cursor = cursors[i];
        assert_int_equal(refused(&o, &fault, &err), FK_INVALID);
        assert_int_equal(fault.character, 0);
    }
    o = asking("word");
    o.user = "・";
    assert_int_equal(refused(&o, &fault, &err), FK_INVALID);
    assert_non_null(strstr(err.text, "the user"));
    assert_int_equal(act.len, 0);
}

static void a_search_that_takes_too_long_is_blamed_where_it_asks_for_most(void **state) {
    (void)state;
    struct fk_query_fault fault;
    struct fk_err err = FK_ERR_INIT;
    begin(30, as_numbered);
    struct fk_search_options o = asking("word (word1 OR word2 OR (word3 word4))");
    fk_buf_reset(&act);
    index_takes_us = 20000;
    o.most_ms = 10;
    assert_int_equal(refused(&o, &fault, &err), FK_INVALID);
    assert_int_equal(fault.character, 7);
    assert_non_null(strstr(fault.expected, "given up after 0.0 seconds"));
    assert_int_equal(act.len, 0);
    o.most_ms = 60000;
    struct fk_search *search = open_search(&o);
    assert_int_equal(fk_search_coverage(search)->total, 2);
    fk_search_close(&search);
    index_takes_us = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_act_tells_who_asked_what_and_how_many_hits_there_were),
        cmocka_unit_test(without_an_act_there_are_no_hits),
        cmocka_unit_test(hits_come_newest_first_and_end_at_the_limit),
        cmocka_unit_test(cursors_give_every_hit_once_though_all_came_at_one_moment),
        cmocka_unit_test(what_the_index_has_not_read_is_counted_and_what_is_disposed_of_is_no_hit),
        cmocka_unit_test(a_message_is_a_hit_while_one_of_its_captures_is_there),
        cmocka_unit_test(hits_go_on_while_the_index_is_written_anew),
        cmocka_unit_test(a_vault_without_an_index_is_an_empty_one_that_says_so),
        cmocka_unit_test(a_search_that_takes_too_long_is_blamed_where_it_asks_for_most),
        cmocka_unit_test(what_is_wrong_is_said_and_nothing_is_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
