/* excerpt.c - see excerpt.h. Whether something stands in a piece of text is asked of the same code
 * that asks the index (phrase_priv.h); where, by making the piece smaller as long as it does. */
#include "indexer/text/excerpt.h"
#include "indexer/text/fold_priv.h"
#include "indexer/text/phrase_priv.h"
#include "indexer/text/terms.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that a row has somewhere, or units that stand there. */
struct sought {
    struct fk_phrase *phrase; /* NULL: bytes */
    struct fk_buf bytes;
    bool begins; /* the bytes begin a word */
    unsigned where;
};
struct fk_excerpts {
    struct sought at[FK_EXCERPT_TEXTS];
    size_t count;
    struct fk_buf row;
    size_t cuts[FK_EXCERPT_STEP + FK_EXCERPT_OVERLAP + 8]; /* where a window may be cut */
};

enum fk_status fk_excerpts_new(struct fk_excerpts **out, struct fk_err *err) {
    *out = calloc(1, sizeof **out);
    return *out ? FK_OK : fk_fail(err, FK_NOMEM, "excerpts: out of memory");
}

void fk_excerpts_free(struct fk_excerpts **e) {
    if (!*e)
        return;
    for (size_t i = 0; i < (*e)->count; i++) {
        fk_phrase_free(&(*e)->at[i].phrase);
        fk_buf_free(&(*e)->at[i].bytes);
    }
    fk_buf_wipe(&(*e)->row);
    free(*e);
    *e = NULL;
}

/* ---- what is looked for */

struct tokens {
    struct fk_buf bytes; /* with a blank behind each */
    size_t count;
};

static void token_take(void *ctx, const struct fk_token *token) {
    struct tokens *t = ctx;
    fk_buf_add(&t->bytes, token->text, token->len);
    fk_buf_byte(&t->bytes, ' ');
    t->count++;
}

static uint8_t class_at(const char *text, size_t len, size_t at, size_t *next_out) {
    int32_t next = (int32_t)at;
    const int32_t cp = fk_utf8_next(text, &next, (int32_t)len);
    *next_out = (size_t)next;
    return cp < 0 ? 0 : fk_terms__class((uint32_t)cp);
}

static enum fk_status phrase_make(const struct tokens *t, struct sought *s, struct fk_err *err) {
    const char **terms = calloc(t->count, sizeof *terms);
    size_t *lens = calloc(t->count, sizeof *lens);
    const char *at = (const char *)t->bytes.data;
    for (size_t i = 0; terms && lens && i < t->count; i++) {
        terms[i] = at;
        lens[i] = strcspn(at, " ");
        at += lens[i] + 1;
    }
    s->phrase = terms && lens ? fk_phrase_new(terms, lens, t->count) : NULL;
    free(terms);
    free(lens);
    return s->phrase ? FK_OK : fk_fail(err, FK_NOMEM, "excerpts: out of memory");
}

enum fk_status fk_excerpts_add(struct fk_excerpts *e, const char *text, size_t len, bool is_prefix,
                               unsigned where, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct tokens t = {FK_BUF_INIT, 0};
    struct sought *s = &e->at[e->count];
    if (e->count == FK_EXCERPT_TEXTS)
        return FK_OK;
    FK_TRY(fk_terms_of_query(text, len, token_take, &t, err));
    (void)fk_buf_cstr(&t.bytes);
    if (t.bytes.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "excerpts: out of memory"));
    if (t.count == 0)
        goto done;
    *s = (struct sought){NULL, FK_BUF_INIT, is_prefix, where};
    if (t.count == 1 &&
        (is_prefix || fk_terms_is_character((char *)t.bytes.data, t.bytes.len - 1))) {
        s->begins = !fk_terms_is_character((char *)t.bytes.data, t.bytes.len - 1);
        fk_buf_add(&s->bytes, t.bytes.data, t.bytes.len - 1);
        if (s->bytes.failed)
            FK_TRY(fk_fail(err, FK_NOMEM, "excerpts: out of memory"));
    } else
        FK_TRY(phrase_make(&t, s, err));
    e->count++;
done:
    fk_buf_free(&t.bytes);
    return st;
}

/* ---- where it is */

static bool is_between(uint8_t c) {
    return c == FK_ROW_BLANK || c == FK_ROW_LINE || c == FK_ROW_GAP;
}

static bool bytes_stand(const struct sought *s, const struct fk_buf *row) {
    for (size_t at = 0; at + s->bytes.len <= row->len; at++) {
        const uint8_t *hit = memmem(row->data + at, row->len - at, s->bytes.data, s->bytes.len);
        if (!hit)
            return false;
        at = (size_t)(hit - row->data);
        if (!s->begins || at == 0 || is_between(row->data[at - 1]))
            return true;
    }
    return false;
}

static void nothing(void *ctx, const struct fk_token *token) {
    (void)ctx;
    (void)token;
}

static bool stands(struct fk_excerpts *e, unsigned where, const char *text, size_t len) {
    uint32_t next;
    bool is = false;
    fk_buf_reset(&e->row);
    if (fk_terms_to_row(text, len, 0, nothing, NULL, &next, &e->row, NULL) != FK_OK)
        return false;
    for (size_t i = 0; i < e->count && !is; i++) {
        const struct sought *s = &e->at[i];
        if (s->where & where)
            is = s->phrase ? fk_phrase_stands(s->phrase, e->row.data, e->row.len)
                           : bytes_stand(s, &e->row);
    }
    return is;
}

/* Places where a text may be cut so that no word is: 0, the end, and those between. */
static size_t cuts_find(struct fk_excerpts *e, const char *text, size_t len) {
    size_t n = 0, next = 0;
    uint8_t before = 0;
    for (size_t at = 0; at < len; at = next) {
        const uint8_t class = class_at(text, len, at, &next);
        const bool goes_on = (class & FK_CH_MARK) || (class & FK_CH_ATTACHED) ||
                             ((class & FK_CH_WORD) && (before & FK_CH_WORD));
        if (at == 0 || !goes_on)
            e->cuts[n++] = at;
        if (!(class & FK_CH_MARK))
            before = class;
    }
    e->cuts[n++] = len;
    return n;
}

/* The smallest piece of a window in which it stands, the first one if there are several. */
static void narrow(struct fk_excerpts *e, unsigned where, const char *text, size_t len,
                   size_t *from, size_t *match) {
    const size_t n = cuts_find(e, text, len);
    size_t low = 0, high = n - 1, end;
    while (low < high) { /* the first cut that it ends before */
        const size_t middle = low + (high - low) / 2;
        if (stands(e, where, text, e->cuts[middle]))
            high = middle;
        else
            low = middle + 1;
    }
    end = high;
    low = 0;
    while (low < high) { /* the last that it begins behind */
        const size_t middle = high - (high - low) / 2;
        if (stands(e, where, text + e->cuts[middle], e->cuts[end] - e->cuts[middle]))
            low = middle;
        else
            high = middle - 1;
    }
    *from = e->cuts[low];
    *match = e->cuts[end] - e->cuts[low];
}

/* A place to cut at or before `at`, if one is near; no character is cut in any case. */
static size_t cut_before(const char *text, size_t len, size_t least, size_t at) {
    if (at >= len)
        return len;
    for (size_t i = at; i > least && at - i < 64; i--)
        if (strchr(" \t\r\n", text[i]) && text[i])
            return i;
    while (at > least && ((uint8_t)text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

bool fk_excerpts_find(struct fk_excerpts *e, unsigned where, const char *text, size_t len,
                      size_t *from_out, size_t *len_out) {
    bool is_sought = false;
    for (size_t i = 0; i < e->count; i++)
        is_sought |= (e->at[i].where & where) != 0;
    len = len > FK_EXCERPT_BYTES ? cut_before(text, len, 0, FK_EXCERPT_BYTES) : len;
    for (size_t at = 0; is_sought && at < len;) {
        const size_t end = cut_before(text, len, at + 1, at + FK_EXCERPT_STEP + FK_EXCERPT_OVERLAP);
        if (stands(e, where, text + at, end - at)) {
            narrow(e, where, text + at, end - at, from_out, len_out);
            *from_out += at;
            return true;
        }
        at = end == len ? len : cut_before(text, len, at + 1, at + FK_EXCERPT_STEP);
    }
    return false;
}

/* ---- around it */

static bool is_space(const char *text, size_t len, size_t at) {
    const uint8_t c = (uint8_t)text[at];
    return c <= 0x20 || c == 0x7f ||
           (c == 0xc2 && at + 1 < len && (uint8_t)text[at + 1] < 0xa1); /* C1, and U+00A0 */
}

static size_t next_of(const char *text, size_t len, size_t at) {
    do
        at++;
    while (at < len && ((uint8_t)text[at] & 0xc0) == 0x80);
    return at;
}

/* Appends from at to end, at most so many characters, on one line. Returns where it stopped. */
static size_t line_add(const char *text, size_t at, size_t end, size_t *characters,
                       struct fk_buf *out) {
    while (*characters > 0 && at < end) {
        const size_t next = next_of(text, end, at);
        if (!is_space(text, end, at))
            fk_buf_add(out, text + at, next - at);
        else if (out->len > 0 && out->data[out->len - 1] != ' ')
            fk_buf_byte(out, ' ');
        --*characters;
        at = next;
    }
    return at;
}

void fk_excerpt_cut(const char *text, size_t len, size_t from, size_t match,
                    struct fk_excerpt *out) {
    static const char more[] = "…";
    size_t begin = from, left = FK_EXCERPT_CHARACTERS;
    fk_buf_reset(&out->text);
    for (size_t n = 0; begin > 0 && n < FK_EXCERPT_BEFORE; n++)
        do
            begin--;
        while (begin > 0 && ((uint8_t)text[begin] & 0xc0) == 0x80);
    if (begin > 0)
        fk_buf_str(&out->text, more);
    (void)line_add(text, begin, from, &left, &out->text);
    out->hit_at = out->text.len;
    size_t at = line_add(text, from, from + match, &left, &out->text);
    out->hit_len = out->text.len - out->hit_at;
    at = line_add(text, at, len, &left, &out->text);
    while (at < len && is_space(text, len, at))
        at = next_of(text, len, at);
    while (out->text.len > out->hit_at + out->hit_len && out->text.data[out->text.len - 1] == ' ')
        out->text.len--;
    if (at < len)
        fk_buf_str(&out->text, more);
}
