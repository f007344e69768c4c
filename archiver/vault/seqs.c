/* seqs.c - lists of seqs, as ranges in text (archiver/vault/fields.h). */
#include "archiver/vault/fields.h"

#include <stdlib.h>

void fk_seqs_add(struct fk_seqs *s, uint64_t seq) {
    if (s->failed)
        return;
    if (s->count == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 16;
        uint64_t *at = realloc(s->at, cap * sizeof *at);
        if (!at) {
            s->failed = true;
            return;
        }
        s->at = at;
        s->cap = cap;
    }
    s->at[s->count++] = seq;
}

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

void fk_seqs_sort(struct fk_seqs *s) {
    if (s->count < 2)
        return;
    qsort(s->at, s->count, sizeof *s->at, by_number);
    size_t kept = 1;
    for (size_t i = 1; i < s->count; i++)
        if (s->at[i] != s->at[kept - 1])
            s->at[kept++] = s->at[i];
    s->count = kept;
}

bool fk_seqs_has(const struct fk_seqs *s, uint64_t seq) {
    return s->count && bsearch(&seq, s->at, s->count, sizeof *s->at, by_number);
}

void fk_seqs_format(const struct fk_seqs *s, struct fk_buf *out) {
    for (size_t i = 0; i < s->count;) {
        size_t last = i;
        while (last + 1 < s->count && s->at[last + 1] == s->at[last] + 1)
            last++;
        fk_buf_printf(out, "%s%llu", i ? "," : "", (unsigned long long)s->at[i]);
        if (last > i)
            fk_buf_printf(out, "-%llu", (unsigned long long)s->at[last]);
        i = last + 1;
    }
}

/* Decimal without leading zeros at *p; moves on. */
static bool number_at(const char **p, const char *end, uint64_t *out) {
    const char *start = *p;
    uint64_t n = 0;
    for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
        unsigned digit = (unsigned)(**p - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return *p > start && (*start != '0' || *p == start + 1);
}

static bool range_at(const char **p, const char *end, size_t max, struct fk_seqs *out) {
    uint64_t first, last;
    if (!number_at(p, end, &first))
        return false;
    last = first;
    if (*p < end && **p == '-') {
        (*p)++;
        if (!number_at(p, end, &last) || last <= first)
            return false;
    }
    if (out->count && first <= out->at[out->count - 1])
        return false;
    if (last - first >= max - out->count)
        return false;
    for (uint64_t n = first; n - first <= last - first && !out->failed; n++) {
        fk_seqs_add(out, n);
        if (n == last)
            break;
    }
    return !out->failed;
}

bool fk_seqs_parse(const char *text, size_t len, size_t max, struct fk_seqs *out) {
    const char *p = text, *end = text + len;
    out->count = 0;
    while (range_at(&p, end, max, out)) {
        if (p == end)
            return true;
        if (*p++ != ',')
            break;
    }
    return false;
}

void fk_seqs_free(struct fk_seqs *s) {
    free(s->at);
    *s = (struct fk_seqs){0};
}
