/*
 * index-dump.c - all that an index holds, as text: for comparing two of them.
 *
 *     index-dump VAULT          every document: terms with positions, values, data; then the mark
 *     index-dump -n VAULT       only how many documents, terms and positions there are
 */
#include "indexer/store/state.h"
#include "indexer/store/xapian_shim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void count(const struct fk_buf *b, uint64_t *terms, uint64_t *positions) {
    const char *at = (const char *)b->data, *end = at + b->len;
    for (const char *lf; at < end && strncmp(at, "term ", 5) == 0; at = lf + 1) {
        lf = memchr(at, '\n', (size_t)(end - at));
        ++*terms;
        for (const char *c = at + 5; c < lf; c++)
            *positions += *c == ' ';
    }
}

int main(int argc, char **argv) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_xreader *r = NULL;
    struct fk_buf b = FK_BUF_INIT;
    uint64_t mark = 0;
    const bool only_numbers = argc == 3 && strcmp(argv[1], "-n") == 0;
    uint64_t documents = 0, terms = 0, positions = 0;
    enum fk_status st = argc >= 2 ? FK_OK : FK_INVALID;
    if (st == FK_OK)
        st = fk_index_open(argv[argc - 1], &r, &mark, &err);
    for (uint32_t id = 0; st == FK_OK && fk_xreader_next(r, id, &id, &err) == FK_OK; documents++) {
        fk_buf_reset(&b);
        st = fk_xreader_dump(r, id, &b, &err);
        count(&b, &terms, &positions);
        if (!only_numbers)
            printf("document %" PRIu32 "\n%s\n", id, fk_buf_cstr(&b));
    }
    if (st == FK_OK)
        printf("documents %" PRIu64 " terms %" PRIu64 " positions %" PRIu64 " mark %" PRIu64 "\n",
               documents, terms, positions, mark);
    else
        fprintf(stderr, "index-dump: %s\n", err.text);
    fk_xreader_close(&r);
    fk_buf_free(&b);
    return st == FK_OK ? 0 : 1;
}
