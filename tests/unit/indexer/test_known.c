/* Which earlier document a capture is joined with: the one of the same bytes, read the same way. */
#include "indexer/document_priv.h"
#include "indexer/reading/sink_priv.h"
#include "indexer/store/known_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct fk_err err;
#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != FK_OK)                                                                       \
            fail_msg("%s", err.text);                                                              \
    } while (0)

static const char message[] = "From: a@b\r\nMessage-ID: <1@x>\r\n\r\nwhole text\r\n";

static void answer_of(bool headers_only, struct fk_buf *out) {
    static struct fk_docterms *terms;
    fk_reading__prepare();
    if (!terms)
        OK(fk_docterms__new(&terms, &err));
    fk_buf_reset(out);
    OK(fk_sink__terms(terms, (const uint8_t *)message, sizeof message - 1, headers_only, out,
                      &err));
}

static struct fk_source source_of(uint64_t seq, const struct fk_answer *answer) {
    static const char envelope[] = "received: 2026-11-24T01:00:00.000Z\nvia: smtp\n";
    struct fk_source s = {.seq = seq, .envelope = envelope, .envelope_len = sizeof envelope - 1};
    OK(fk_document__key(answer, (const uint8_t *)message, sizeof message - 1, s.key,
                        &s.message_bytes, &err));
    return s;
}

struct fixture {
    struct fk_place place;
    struct fk_shards list;
    struct fk_known known;
    struct fk_buf whole, cut;
    uint8_t key[FK_SHA256_BYTES];
    struct fk_answer whole_said, cut_said;
};

/* A shard with the message as one reader had it, seq 1: its header fields, or all of it. */
static void set_up(struct fixture *f, bool headers_only) {
    const char *base = getenv("TEST_DIR");
    struct fk_xwriter *writer;
    struct fk_xdoc *doc;
    char path[FK_PLACE_PATH];
    size_t postings;
    const struct fk_shard shard = {1, 1, 1, 1, false, false};
    *f = (struct fixture){.list = FK_SHARDS_NONE};
    snprintf(f->place.index, sizeof f->place.index, "%s/known-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(f->place.index));
    answer_of(false, &f->whole);
    answer_of(true, &f->cut);
    OK(fk_document__take(&f->whole, NULL, &f->whole_said, &err));
    OK(fk_document__take(&f->cut, NULL, &f->cut_said, &err));
    const struct fk_source s = source_of(1, &f->whole_said);
    memcpy(f->key, s.key, sizeof f->key);
    OK(fk_document__make(&s, 0, headers_only ? &f->cut_said : &f->whole_said, NULL, &doc, &postings,
                         &err));
    OK(fk_place__path(&f->place, 1, path, &err));
    OK(fk_xwriter_create(path, &writer, &err));
    OK(fk_xwriter_put(writer, 1, doc, &err));
    OK(fk_xwriter_commit(writer, &err));
    fk_xdoc_free(&doc);
    fk_xwriter_close(&writer);
    OK(fk_shards__add(&f->list, &shard, &err));
}

static void tear_down(struct fixture *f) {
    fk_known__free(&f->known);
    fk_shards__free(&f->list);
    fk_buf_free(&f->whole);
    fk_buf_free(&f->cut);
}

static uint32_t found(struct fixture *f, const uint8_t *key, const char *read) {
    struct fk_known_found found;
    OK(fk_known__find(&f->known, &f->place, &f->list, NULL, key, read, &found, &err));
    const uint32_t docid = found.doc ? found.docid : 0;
    fk_known__found_free(&found);
    return docid;
}

static void the_same_bytes_read_the_same_way_are_joined(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    assert_int_equal(found(&f, f.key, f.whole_said.read), 1);
    tear_down(&f);
}

static void what_was_read_otherwise_is_not_joined(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    assert_string_not_equal(f.whole_said.read, f.cut_said.read);
    assert_int_equal(found(&f, f.key, f.cut_said.read),
                     0);                       /* a stopped reader hides no whole document */
    assert_int_equal(found(&f, f.key, ""), 0); /* nor one that said nothing */
    tear_down(&f);
    set_up(&f, true);
    assert_int_equal(found(&f, f.key, f.whole_said.read), 0);
    tear_down(&f);
}

static void other_bytes_are_another_message(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    f.key[31] ^= 1;
    assert_int_equal(found(&f, f.key, f.whole_said.read), 0);
    tear_down(&f);
}

static void what_is_superseded_is_not_joined_again(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    fk_seqs_add(&f.list.superseded, 1);
    assert_int_equal(found(&f, f.key, f.whole_said.read), 0);
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bytes_read_the_same_way_are_joined),
        cmocka_unit_test(what_was_read_otherwise_is_not_joined),
        cmocka_unit_test(other_bytes_are_another_message),
        cmocka_unit_test(what_is_superseded_is_not_joined_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
