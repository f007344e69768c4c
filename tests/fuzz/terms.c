/* Text as terms (indexer/text/terms.h): whatever text is looked for is found in itself, at
 * consecutive positions; positions ascend; folding a folded text changes nothing. */
#include "indexer/text/terms.h"
#include "tests/fuzz/support/fuzz.h"

struct term {
    char *text;
    size_t len;
    uint32_t pos;
};
struct terms {
    struct term *at;
    size_t count, cap;
    uint32_t last;
};

static void term_take(void *ctx, const struct fk_token *t) {
    struct terms *all = ctx;
    MUST(t->len > 0 && fuzz_is_utf8(t->text, t->len) && !memchr(t->text, 0, t->len));
    MUST(!(t->text[0] >= 'A' && t->text[0] <= 'Z')); /* no prefix is a token */
    if (all->count == all->cap) {
        all->cap = all->cap ? 2 * all->cap : 64;
        all->at = realloc(all->at, all->cap * sizeof *all->at);
        MUST(all->at);
    }
    all->at[all->count++] = (struct term){strndup(t->text, t->len), t->len, t->pos};
}

static void terms_free(struct terms *all) {
    for (size_t i = 0; i < all->count; i++)
        free(all->at[i].text);
    free(all->at);
}

static bool is(const struct term *a, const struct term *b) {
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* In the document at that position; for a query of one token anywhere. */
static bool stands_at(const struct terms *doc, const struct term *t, uint32_t pos) {
    for (size_t i = 0; i < doc->count; i++)
        if (doc->at[i].pos == pos && is(&doc->at[i], t))
            return true;
    return false;
}

static bool is_found(const struct terms *doc, const struct terms *query) {
    const struct term *first = &query->at[0];
    for (size_t i = 0; i < doc->count; i++) {
        const struct term *t = &doc->at[i];
        if (query->count == 1 && fk_terms_is_character(first->text, first->len) &&
            fk_terms_begins_with(t->text, t->len, first->text, first->len))
            return true;
        if (!is(t, first))
            continue;
        if (query->count == 1)
            return true;
        size_t k = 1;
        while (k < query->count && stands_at(doc, &query->at[k], doc->at[i].pos + (uint32_t)k))
            k++;
        if (k == query->count)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    const char *text = (const char *)data;
    struct terms doc = {0}, query = {0};
    struct fk_buf folded = FK_BUF_INIT, twice = FK_BUF_INIT, address = FK_BUF_INIT;
    uint32_t next = 0;
    if (len > 2000)
        len = 2000; /* stands_at is quadratic */
    DONE(fk_terms_fold(text, len, &folded, NULL));
    MUST(fuzz_is_utf8(folded.data, folded.len));
    DONE(fk_terms_fold((const char *)folded.data, folded.len, &twice, NULL));
    MUST(fuzz_same(folded.data, folded.len, twice.data, twice.len));
    DONE(fk_terms_of_text(text, len, 5, term_take, &doc, &next, NULL));
    for (size_t i = 0; i < doc.count; i++)
        MUST(doc.at[i].pos >= 5 && doc.at[i].pos < next &&
             (i == 0 || doc.at[i - 1].pos <= doc.at[i].pos));
    MUST(next >= 5 && next - 5 <= folded.len + 2 * len + 2);
    DONE(fk_terms_of_query(text, len, term_take, &query, NULL));
    MUST((query.count == 0) == (doc.count == 0));
    if (query.count &&
        !memchr(text, '\n',
                len)) /* a line end in a query is a blank, in a document it may be nothing */
        MUST(is_found(&doc, &query));
    DONE(fk_terms_of_address(text, len, &address, NULL));
    MUST(address.len <= FK_ADDRESS_MAX && fuzz_is_utf8(address.data, address.len));
    terms_free(&doc);
    terms_free(&query);
    fk_buf_free(&folded);
    fk_buf_free(&twice);
    fk_buf_free(&address);
    return 0;
}
