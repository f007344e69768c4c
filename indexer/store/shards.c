/* shards.c - see shards_priv.h. */
#include "indexer/store/shards_priv.h"
#include "base/atomic_file.h"
#include "base/buf.h"
#include "base/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 4 << 20, NUMBER_MAX = 100000000, SUPERSEDED_PARSED_MAX = 1 << 20 };

enum fk_status fk_shards__add(struct fk_shards *s, const struct fk_shard *shard,
                              struct fk_err *err) {
    if (s->count == s->cap) {
        const size_t cap = s->cap ? 2 * s->cap : 16;
        struct fk_shard *at = realloc(s->at, cap * sizeof *at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "the index: out of memory");
        s->at = at;
        s->cap = cap;
    }
    s->at[s->count++] = *shard;
    return FK_OK;
}

void fk_shards__free(struct fk_shards *s) {
    free(s->at);
    fk_seqs_free(&s->superseded);
    *s = (struct fk_shards)FK_SHARDS_NONE;
}

struct fk_shard *fk_shards__of(const struct fk_shards *s, uint64_t seq) {
    for (size_t i = 0; i < s->count; i++)
        if (seq >= s->at[i].first && seq <= s->at[i].last)
            return &s->at[i];
    return NULL;
}

enum fk_status fk_shards__insert(struct fk_shards *s, const struct fk_shard *shard,
                                 struct fk_err *err) {
    size_t at = 0;
    while (at < s->count && s->at[at].last < shard->first)
        at++;
    if (at < s->count && s->at[at].first <= shard->last)
        return fk_fail(err, FK_INVALID, "two parts of the index would have entry %u", shard->last);
    enum fk_status st = fk_shards__add(s, shard, err);
    if (st != FK_OK)
        return st;
    memmove(&s->at[at + 1], &s->at[at], (s->count - 1 - at) * sizeof *s->at);
    s->at[at] = *shard;
    return FK_OK;
}

/* ---- the file */

/* " word" at *text, which is left behind it. */
static bool word_take(const char **text, const char *word) {
    const size_t n = strlen(word);
    if (strncmp(*text, word, n) != 0)
        return false;
    *text += n;
    return true;
}

static bool shard_parse(const struct fk_shards *s, const char *text, struct fk_shard *out) {
    int end = 0;
    if (strspn(text, "0123456789- defgnoprtu") != strlen(text) || /* no signs, no other blanks */
        sscanf(text, "%9u %10u-%10u %10u%n", &out->number, &out->first, &out->last, &out->documents,
               &end) != 4)
        return false;
    text += end;
    out->has_purged = word_take(&text, " purged");
    out->wants_renewal = word_take(&text, " forgotten");
    return *text == 0 && out->number > 0 && out->number <= NUMBER_MAX && out->first <= out->last &&
           out->documents <= out->last - out->first + 1 &&
           (s->count == 0 || s->at[s->count - 1].last < out->first);
}

static bool number_parse(const char *text, uint64_t *out) {
    char *end;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == 0;
}

static bool field_parse(struct fk_shards *s, const struct fk_field *f, const char *value,
                        struct fk_err *err) {
    struct fk_shard shard = {.number = 0};
    uint64_t n = 0;
    if (fk_field_is(f, "superseded"))
        return fk_seqs_parse(value, strlen(value), SUPERSEDED_PARSED_MAX, &s->superseded);
    if (fk_field_is(f, "shard"))
        return shard_parse(s, value, &shard) && fk_shards__add(s, &shard, err) == FK_OK;
    if (!number_parse(value, &n))
        return false;
    if (fk_field_is(f, "mark"))
        s->mark = n;
    else if (fk_field_is(f, "version") && n <= UINT32_MAX)
        s->version = (unsigned)n;
    else
        return false;
    return true;
}

static bool parse(const struct fk_buf *b, struct fk_shards *out, struct fk_err *err) {
    struct fk_field f;
    struct fk_buf value = FK_BUF_INIT;
    struct fk_fields it = fk_fields_begin(b->data, b->len);
    bool good = true;
    while (good && fk_fields_next(&it, &f)) {
        fk_buf_reset(&value);
        fk_field_value(&f, &value);
        good = field_parse(out, &f, fk_buf_cstr(&value), err);
    }
    fk_buf_free(&value);
    return good && !it.bad && out->version > 0 &&
           (out->count == 0 || out->at[out->count - 1].last < out->mark);
}

enum fk_status fk_shards__read(const char *path, struct fk_shards *out, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    struct fk_shards s = FK_SHARDS_NONE;
    enum fk_status st = fk_read_file(path, FILE_MAX, &b, err);
    if (st == FK_OK && !parse(&b, &s, err))
        st = fk_fail(err, FK_CORRUPT, "%s names no index: run \"fumikura reindex\"", path);
    if (st == FK_OK)
        *out = s;
    else
        fk_shards__free(&s);
    fk_buf_free(&b);
    return st;
}

enum fk_status fk_shards__write(const struct fk_shards *s, const char *path, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    fk_buf_printf(&b, "version: %u\nmark: %llu\n", s->version, (unsigned long long)s->mark);
    for (size_t i = 0; i < s->count; i++)
        fk_buf_printf(&b, "shard: %u %u-%u %u%s%s\n", s->at[i].number, s->at[i].first,
                      s->at[i].last, s->at[i].documents, s->at[i].has_purged ? " purged" : "",
                      s->at[i].wants_renewal ? " forgotten" : "");
    if (s->superseded.count) {
        fk_buf_str(&b, "superseded: ");
        fk_seqs_format(&s->superseded, &b);
        fk_buf_byte(&b, '\n');
    }
    enum fk_status st = b.failed ? fk_fail(err, FK_NOMEM, "the index: out of memory")
                                 : fk_atomic_put(path, 0600, b.data, b.len, err);
    fk_buf_free(&b);
    return st;
}

/* ---- merging */

static unsigned level(uint32_t documents) {
    unsigned n = 0;
    for (; documents >= FK_SHARDS_FAN; documents /= FK_SHARDS_FAN)
        n++;
    return n;
}

size_t fk_shards__due(const struct fk_shards *s) {
    unsigned highest = 0, alike = 0;
    uint64_t documents = 0;
    size_t due = s->count;
    for (size_t i = s->count; i-- > 0;) {
        const unsigned own = level(s->at[i].documents);
        documents += s->at[i].documents;
        if (documents > FK_SHARD_DOCUMENTS)
            break;
        if (own > highest) {
            highest = own;
            alike = 0;
        }
        alike += own == highest;
        if (alike == FK_SHARDS_FAN) {
            due = i;
            break;
        }
    }
    return due;
}

void fk_shards__merged(struct fk_shards *s, size_t from, size_t to, unsigned number) {
    struct fk_shard one = {number, s->at[from].first, s->at[to - 1].last, 0, false, false};
    for (size_t i = from; i < to; i++)
        one.documents += s->at[i].documents;
    const size_t left = one.documents ? 1 : 0, after = s->count - to;
    memmove(&s->at[from + left], &s->at[to], after * sizeof *s->at);
    if (left)
        s->at[from] = one;
    s->count = from + left + after;
}

bool fk_shards__has(const struct fk_shards *s, unsigned number) {
    for (size_t i = 0; i < s->count; i++)
        if (s->at[i].number == number)
            return true;
    return false;
}

bool fk_shards__want_renewal(const struct fk_shards *s) {
    for (size_t i = 0; i < s->count; i++)
        if (s->at[i].wants_renewal)
            return true;
    return false;
}
