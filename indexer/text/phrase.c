/* phrase.c - see phrase_priv.h. Tokens become units: a word, or a character with its marks, and
 * what must hold between one and the next. The first is looked for as bytes, the rest is compared
 * there: UTF-8 cannot begin inside a character, and a unit cannot begin inside a word, since what a
 * word is made of is in no run (fold_priv.h). */
#include "indexer/text/phrase_priv.h"
#include "indexer/text/fold_priv.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/row_priv.h"
#include "indexer/text/terms.h"

#include <stdlib.h>
#include <string.h>

struct unit {
    const char *at;
    uint32_t len;
    bool is_word;
    bool is_end;    /* told by itself: begins or ends its run, or stands at a line end */
    bool is_joined; /* with the next one, in one run */
    bool is_mark;   /* begins with a mark, as only the first of a run can */
};
/* Units in a row. */
struct row {
    struct unit *at;
    size_t count;
    bool is_never; /* tokens that cannot stand at consecutive positions */
};
struct fk_phrase {
    struct row *rows; /* more than one: near one another */
    size_t count;
    unsigned window;
    size_t prefix_len;
    char *bytes; /* all terms */
};

/* ---- terms into units */

/* The token stands where the row ends, or on its last unit, which a bigram before it has brought.
 */
static void unit_put(struct row *r, bool *brought, const struct unit *u) {
    if (!*brought) {
        r->at[r->count++] = *u;
        return;
    }
    struct unit *last = &r->at[r->count - 1];
    r->is_never |= u->is_word || last->len != u->len || memcmp(last->at, u->at, u->len) != 0;
    last->is_end |= u->is_end;
    last->is_joined |= u->is_joined;
    *brought = false;
}

static void token_put(struct row *r, bool *brought, const char *text, size_t len) {
    size_t n;
    const uint8_t class = fk_row_class(text, len, &n);
    if (!(class & FK_CH_CJK)) {
        unit_put(r, brought, &(struct unit){text, (uint32_t)len, .is_word = true});
        return;
    }
    n = fk_row_unit(text, len);
    struct unit u = {text, (uint32_t)n, .is_mark = (class & FK_CH_MARK) != 0};
    u.is_end = n == len;
    u.is_joined = n < len;
    unit_put(r, brought, &u);
    if (n < len) {
        r->at[r->count++] = (struct unit){text + n, (uint32_t)(len - n), .is_word = false};
        *brought = true;
    }
}

/* A text of tokens with blanks between. */
static bool row_make(struct row *r, const char *text, size_t len) {
    bool brought = false;
    size_t tokens = 1;
    for (size_t i = 0; i < len; i++)
        tokens += text[i] == ' ';
    r->at = calloc(2 * tokens, sizeof *r->at);
    if (!r->at)
        return false;
    for (const char *end = text + len; text < end;) {
        const char *stop = memchr(text, ' ', (size_t)(end - text));
        const size_t n = (size_t)((stop ? stop : end) - text);
        if (n)
            token_put(r, &brought, text, n);
        text += n + 1;
    }
    return true;
}

size_t fk_phrase_prefix_of(const char *term, size_t len) {
    size_t n = 0;
    while (n < len && term[n] >= 'A' && term[n] <= 'Z')
        n++;
    return n;
}

/* All terms one after another, as one text, or as several; the prefix once at the front. */
static struct fk_phrase *make(const char *const *terms, const size_t *lens, size_t n,
                              unsigned window, bool is_near) {
    struct fk_phrase *p = calloc(1, sizeof *p);
    size_t sum = 1, at;
    if (!p || n == 0)
        goto failed;
    p->window = window;
    p->prefix_len = fk_phrase_prefix_of(terms[0], lens[0]);
    for (size_t i = 0; i < n; i++)
        sum += lens[i] + 1;
    p->bytes = malloc(sum);
    p->rows = calloc(n, sizeof *p->rows);
    if (!p->bytes || !p->rows)
        goto failed;
    at = p->prefix_len;
    memcpy(p->bytes, terms[0], at);
    for (size_t i = 0, begin = at; i < n; i++) {
        const size_t skip = fk_phrase_prefix_of(terms[i], lens[i]);
        memcpy(p->bytes + at, terms[i] + skip, lens[i] - skip);
        at += lens[i] - skip;
        if (!is_near && i + 1 < n) {
            p->bytes[at++] = ' ';
            continue;
        }
        if (!row_make(&p->rows[p->count++], p->bytes + begin, at - begin))
            goto failed;
        begin = at;
    }
    return p;
failed:
    fk_phrase_free(&p);
    return NULL;
}

struct fk_phrase *fk_phrase_new(const char *const *terms, const size_t *lens, size_t n) {
    return make(terms, lens, n, 0, false);
}

struct fk_phrase *fk_phrase_near(const char *const *terms, const size_t *lens, size_t n,
                                 unsigned window) {
    return make(terms, lens, n, window, true);
}

void fk_phrase_free(struct fk_phrase **phrase) {
    struct fk_phrase *p = *phrase;
    if (!p)
        return;
    for (size_t i = 0; p->rows && i < p->count; i++)
        free(p->rows[i].at);
    free(p->rows);
    free(p->bytes);
    free(p);
    *phrase = NULL;
}

const char *fk_phrase_prefix(const struct fk_phrase *p, size_t *len_out) {
    *len_out = p->prefix_len;
    return p->bytes;
}

/* ---- in a row */

static bool ends_unit(const uint8_t *row, size_t len, size_t at) {
    size_t next;
    return at == len || fk_row_is_apart(row[at]) ||
           !(fk_row_class((const char *)row + at, len - at, &next) & FK_CH_MARK);
}

/* Whether the units stand here. */
static bool stands_at(const struct row *r, const uint8_t *row, size_t len, size_t at) {
    for (size_t k = 0;; k++) {
        const struct unit *u = &r->at[k];
        if (len - at < u->len || memcmp(row + at, u->at, u->len) != 0)
            return false;
        const size_t end = at + u->len;
        const bool begins = at == 0 || fk_row_is_apart(row[at - 1]);
        const bool ends = end == len || fk_row_is_apart(row[end]);
        if (((u->is_word || u->is_mark) && !begins) || (u->is_word && !ends) ||
            (u->is_end && !begins && !ends) || !ends_unit(row, len, end))
            return false;
        if (k + 1 == r->count)
            return true;
        if (end == len || row[end] == FK_ROW_GAP || (u->is_joined && row[end] == FK_ROW_BLANK))
            return false;
        at = end + ends;
    }
}

static bool row_stands(const struct row *r, const uint8_t *row, size_t len) {
    if (r->is_never || r->count == 0)
        return false;
    for (size_t at = 0; at < len;) {
        const uint8_t *hit = memmem(row + at, len - at, r->at[0].at, r->at[0].len);
        if (!hit)
            return false;
        at = (size_t)(hit - row);
        if (stands_at(r, row, len, at))
            return true;
        at++;
    }
    return false;
}

/* ---- near one another */

/* The last places where a row was seen: as many as there are rows like it. */
struct seen {
    uint64_t *at; /* of row i, times[i] places from i * count on, the newest first */
    size_t *times;
};

static bool rows_equal(const struct row *a, const struct row *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->at[i].len != b->at[i].len || memcmp(a->at[i].at, b->at[i].at, a->at[i].len) != 0)
            return false;
    return true;
}

static void seen_add(struct seen *s, const struct fk_phrase *p, size_t i, uint64_t pos) {
    uint64_t *at = s->at + i * p->count;
    memmove(at + 1, at, (s->times[i] - 1) * sizeof *at);
    at[0] = pos;
}

/* 0: not seen so often yet; positions count from 1. */
static bool all_are_near(const struct seen *s, const struct fk_phrase *p, uint64_t pos) {
    for (size_t i = 0; i < p->count; i++) {
        const uint64_t at = s->at[i * p->count + s->times[i] - 1];
        if (at == 0 || pos - at >= p->window)
            return false;
    }
    return true;
}

static size_t next_unit(const uint8_t *row, size_t len, size_t at, uint64_t *pos) {
    size_t n;
    if (fk_row_class((const char *)row + at, len - at, &n) & FK_CH_CJK)
        at += fk_row_unit((const char *)row + at, len - at);
    else
        while (at < len && !fk_row_is_apart(row[at]))
            at++;
    ++*pos;
    for (; at < len && fk_row_is_apart(row[at]); at++)
        *pos += row[at] == FK_ROW_GAP ? FK_FIELD_GAP : 0;
    return at;
}

static bool near_stands(const struct fk_phrase *p, const uint8_t *row, size_t len) {
    struct seen s = {calloc(p->count * p->count, sizeof *s.at), calloc(p->count, sizeof *s.times)};
    bool found = false;
    uint64_t pos = 1;
    for (size_t i = 0; s.at && s.times && i < p->count; i++)
        for (size_t k = 0; k < p->count; k++)
            s.times[i] += rows_equal(&p->rows[i], &p->rows[k]);
    for (size_t at = 0; s.at && s.times && at < len && !found; at = next_unit(row, len, at, &pos)) {
        bool some = false;
        for (size_t i = 0; i < p->count; i++)
            if (!p->rows[i].is_never && p->rows[i].count && stands_at(&p->rows[i], row, len, at)) {
                seen_add(&s, p, i, pos);
                some = true;
            }
        found = some && all_are_near(&s, p, pos);
    }
    free(s.at);
    free(s.times);
    return found;
}

bool fk_phrase_stands(const struct fk_phrase *p, const uint8_t *row, size_t len) {
    return p->window ? near_stands(p, row, len) : row_stands(&p->rows[0], row, len);
}
