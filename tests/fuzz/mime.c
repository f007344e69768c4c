/* A message as the box reads it (indexer/reading/sink_priv.h): what it gives out is what the other
 * side takes (document_priv.h), for terms, in full and by header fields alone; the text for people
 * is UTF-8; once more gives the same, and so do lines that end in CR instead of LF. */
#include "indexer/document_priv.h"
#include "indexer/reading/reading_priv.h"
#include "indexer/reading/sink_priv.h"
#include "indexer/record/reason_priv.h"
#include "tests/fuzz/support/document.h"
#include "tests/fuzz/support/fuzz.h"

#include <string.h>

static struct fk_docterms *terms;

static void terms_read(const uint8_t *data, size_t len, bool headers_only, struct fk_buf *out) {
    fk_docterms__reset(terms);
    DONE(fk_sink__terms(terms, data, len, headers_only, out, NULL));
}

/* A good answer is no crash of its reader. */
static void document_check(const struct fk_buf *answer, size_t len) {
    const struct fk_source source = {.seq = 7,
                                     .envelope = "received: 2026-11-24T01:02:03.456Z\n",
                                     .envelope_len = 35,
                                     .message_bytes = len};
    struct fk_answer said;
    struct fk_xdoc *doc = NULL;
    size_t postings = 0;
    MUST(answer->len > 4 && !answer->failed);
    DONE(fk_document__take(answer, NULL, &said, NULL));
    DONE(fk_document__make(&source, 0, &said, NULL, &doc, &postings, NULL));
    MUST(fuzz_document_check(doc));
    MUST(postings <= FK_POSTINGS_MAX + len + 1000); /* what has no position counts too */
    fk_xdoc_free(&doc);
}

static void lines_check(const uint8_t *data, size_t len, const struct fk_buf *people) {
    struct fk_buf copy = FK_BUF_INIT, same = FK_BUF_INIT;
    if (!len || memchr(data, '\r', len))
        return;
    fk_buf_add(&copy, data, len);
    for (size_t i = 0; i < len; i++)
        if (copy.data[i] == '\n')
            copy.data[i] = '\r';
    DONE(fk_sink__people(copy.data, len, false, &same, NULL));
    MUST(fuzz_same(people->data, people->len, same.data, same.len));
    fk_buf_free(&copy);
    fk_buf_free(&same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fk_buf full = FK_BUF_INIT, again = FK_BUF_INIT, head = FK_BUF_INIT, people = FK_BUF_INIT;
    if (!terms) {
        fk_reading__prepare();
        DONE(fk_docterms__new(&terms, NULL));
    }
    terms_read(data, len, false, &full);
    document_check(&full, len);
    terms_read(data, len, true, &head);
    document_check(&head, len);
    MUST(head.len <= full.len + 64);
    terms_read(data, len, false, &again);
    MUST(fuzz_same(full.data, full.len, again.data, again.len));
    DONE(fk_sink__people(data, len, false, &people, NULL));
    MUST(people.len >= 4 && people.len <= FK_PEOPLE_MAX + 65536);
    MUST(fuzz_is_utf8(people.data + 4, people.len - 4));
    lines_check(data, len, &people);
    fk_buf_free(&full);
    fk_buf_free(&again);
    fk_buf_free(&head);
    fk_buf_free(&people);
    return 0;
}
