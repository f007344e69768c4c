/* shards.c - see shards.h */
#include "tests/unit/support/shards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

char shard_dir[256];
static struct fk_err err;

void shard_put(struct fk_xwriter *w, uint32_t n, const char *text, uint8_t v) {
    struct fk_xdoc *doc;
    OK(fk_xdoc_new(&doc, &err));
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, " ");
        char term[32];
        const int n_term = snprintf(term, sizeof term, "XT%.*s", (int)len, at);
        OK(fk_xdoc_word(doc, at, len, &err));
        OK(fk_xdoc_term(doc, term, (size_t)n_term, &err));
        at += len + (at[len] == ' ');
    }
    OK(fk_xdoc_text(doc, FK_TEXTS_ROWS, "", text, strlen(text), &err));
    OK(fk_xdoc_term(doc, "XKall", 5, &err));
    const uint8_t value[8] = {[7] = v};
    if (v)
        OK(fk_xdoc_value(doc, 0, value, 8, &err));
    OK(fk_xdoc_data(doc, text, strlen(text), &err));
    OK(fk_xwriter_put(w, n, doc, &err));
    fk_xdoc_free(&doc);
}

void shard_record_put(struct fk_xwriter *w, uint32_t docid, const char *record) {
    struct fk_xdoc *doc;
    OK(fk_xwriter_document(w, docid, &doc, &err));
    OK(fk_xdoc_data(doc, record, strlen(record), &err));
    OK(fk_xwriter_put(w, docid, doc, &err));
    fk_xdoc_free(&doc);
}

struct fk_xreader *shard_reader(const char *path) {
    struct fk_xreader *r;
    OK(fk_xreader_open(&path, 1, &r, &err));
    return r;
}

struct fk_xreader *shard_new(void) {
    static int serial;
    const char *base = getenv("TEST_DIR");
    snprintf(shard_dir, sizeof shard_dir, "%s/x%d.%d", base ? base : "/tmp", getpid(), serial++);
    struct fk_xwriter *w;
    OK(fk_xwriter_create(shard_dir, &w, &err));
    shard_put(w, 3, "red apple pie", 5);
    shard_put(w, 7, "apple red", 9);
    shard_put(w, 8, "green apple red", 9);
    shard_put(w, 900, "plum", 0);
    OK(fk_xwriter_commit(w, &err));
    fk_xwriter_close(&w);
    return shard_reader(shard_dir);
}

void shard_second(char *path, size_t size) {
    struct fk_xwriter *w;
    snprintf(path, size, "%s.second", shard_dir);
    OK(fk_xwriter_create(path, &w, &err));
    shard_put(w, 901, "apple red", 7);
    shard_put(w, 902, "red pie", 0);
    OK(fk_xwriter_commit(w, &err));
    fk_xwriter_close(&w);
}

void shard_expect(struct fk_xreader *r, struct fk_xquery *q, const char *want) {
    static struct fk_xhits hits;
    char got[200];
    size_t n = 0;
    got[0] = 0;
    OK(fk_xreader_search(r, q, 0, 0, 100, &hits, &err));
    for (size_t i = 0; i < hits.count; i++)
        n += (size_t)snprintf(got + n, sizeof got - n, "%u ", hits.docids[i]);
    assert_string_equal(got, want);
    assert_int_equal(hits.total, hits.count);
    fk_xquery_free(&q);
}

void shard_flip(FILE *f, long at) {
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    const int byte = fgetc(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 0x10, f), byte ^ 0x10);
    assert_int_equal(fflush(f), 0);
}
