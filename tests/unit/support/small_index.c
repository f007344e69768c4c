/* small_index.c - see small_index.h */
#include "tests/unit/support/small_index.h"
#include "base/pack.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"
#include "search/query_plan.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* cmocka needs the four above */
#include <cmocka.h>

struct post {
    struct fk_xdoc *doc;
    const char *prefix;
};

static void post_token(void *ctx, const struct fk_token *token) {
    struct post *p = ctx;
    char term[FK_WORD_MAX + 8];
    int n = snprintf(term, sizeof term, "%s%.*s", p->prefix, (int)token->len, token->text);
    assert_int_equal(fk_xdoc_word(p->doc, term, (size_t)n, NULL), FK_OK);
    if (token->written_len) {
        n = snprintf(term, sizeof term, "%s%.*s", p->prefix, (int)token->written_len,
                     token->written);
        assert_int_equal(fk_xdoc_word(p->doc, term, (size_t)n, NULL), FK_OK);
    }
}

void small_text(struct fk_xdoc *doc, const char *prefix, const char *text) {
    struct post p = {doc, prefix};
    struct fk_buf row = FK_BUF_INIT;
    uint32_t next;
    assert_int_equal(fk_terms_to_row(text, strlen(text), 0, post_token, &p, &next, &row, NULL),
                     FK_OK);
    if (row.len)
        assert_int_equal(fk_xdoc_text(doc, FK_TEXTS_ROWS, prefix, row.data, row.len, NULL), FK_OK);
    fk_buf_free(&row);
}

void small_term(struct fk_xdoc *doc, const char *prefix, const char *value) {
    char term[300];
    int n = snprintf(term, sizeof term, "%s%s", prefix, value);
    assert_int_equal(fk_xdoc_term(doc, term, (size_t)n, NULL), FK_OK);
}

void small_value(struct fk_xdoc *doc, unsigned slot, uint64_t n) {
    uint8_t bytes[8];
    fk_be64(bytes, n);
    assert_int_equal(fk_xdoc_value(doc, slot, bytes, sizeof bytes, NULL), FK_OK);
    if (slot == FK_SLOT_RECEIVED) /* captured once */
        small_value(doc, FK_SLOT_LATEST, n);
}

struct fk_xwriter *small_index_new(char *dir, size_t size) {
    struct fk_xwriter *writer;
    const char *base = getenv("TEST_DIR");
    (void)snprintf(dir, size, "%s/index-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(fk_xwriter_create(dir, &writer, NULL), FK_OK);
    return writer;
}

void small_renew(struct fk_xdoc **doc) {
    fk_xdoc_free(doc);
    assert_int_equal(fk_xdoc_new(doc, NULL), FK_OK);
}

struct fk_xreader *small_index_finish(struct fk_xwriter **writer, const char *dir) {
    struct fk_xreader *reader;
    assert_int_equal(fk_xwriter_commit(*writer, NULL), FK_OK);
    fk_xwriter_close(writer);
    assert_int_equal(fk_xreader_open(&dir, 1, &reader, NULL), FK_OK);
    return reader;
}

/* "3 1", or "!CHARACTER message". */
char *small_found(struct fk_xreader *reader, const char *text, int zone) {
    struct fk_query *query = NULL;
    struct fk_xquery *planned = NULL;
    struct fk_query_fault fault = {0};
    struct fk_err err = FK_ERR_INIT;
    static struct fk_xhits hits;
    struct fk_buf out = FK_BUF_INIT;
    static const char *const ours[] = {"b.example", "Sub.E.example", NULL};
    assert_int_equal(fk_query_parse(text, strlen(text), &query, &fault, NULL), FK_OK);
    if (fk_query_plan_for(fk_query_root(query), zone, ours, &planned, &fault, &err) != FK_OK) {
        fk_buf_printf(&out, "!%zu %s", fault.character, fault.expected);
    } else {
        assert_int_equal(
            fk_xreader_search(reader, planned, FK_SLOT_RECEIVED, 0, FK_XHITS_MAX, &hits, &err),
            FK_OK);
        assert_int_equal(hits.total, hits.count);
        for (size_t i = 0; i < hits.count; i++)
            fk_buf_printf(&out, i ? " %u" : "%u", hits.docids[i]);
    }
    char *copy = strdup(fk_buf_cstr(&out));
    fk_buf_free(&out);
    fk_xquery_free(&planned);
    fk_query_free(&query);
    return copy;
}

void small_check(struct fk_xreader *reader, const char *const table[][2], size_t rows) {
    int wrong = 0;
    for (size_t i = 0; i < rows; i++) {
        char *got = small_found(reader, table[i][0], 540);
        size_t n = table[i][1][0] == '!' ? strlen(table[i][1]) : strlen(got) + 1;
        if (strncmp(got, table[i][1], n) != 0) {
            print_error("query    %s\nexpected %s\ngot      %s\n", table[i][0], table[i][1], got);
            wrong++;
        }
        free(got);
    }
    fk_xreader_close(&reader);
    assert_int_equal(wrong, 0);
}
