/* docterms.c - a hash table of terms, and the rows of the fields as they come. */
#include "indexer/reading/docterms_priv.h"
#include "base/pack.h"
#include "indexer/record/reason_priv.h"
#include "indexer/store/texts_priv.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/sketch.h"
#include "indexer/text/terms.h"

#include <stdlib.h>
#include <string.h>

enum { NOTHING = UINT32_MAX, FIRST_SLOTS = 4096, TRIES = 32, HEADS = 8192 };

struct term {
    uint32_t at; /* in bytes */
    uint32_t hash;
    uint16_t len;
    uint8_t prefix_len;
    bool is_plain, is_varied; /* written so; written in variants of its characters (variants.h) */
};

/* Words as they were written, in their order: a NUL behind each. Hashes find them, bytes say
 * whether it is they: who writes a message can have two words of one hash. */
struct words {
    struct fk_buf bytes;
    uint32_t *hashes, *begins;
    size_t count, hashes_cap, begins_cap;
};

/* The words of plain parts, for finding them again in HTML. */
struct memory {
    struct words words;
    uint32_t *next; /* the previous place of the same head */
    size_t next_cap;
    uint32_t heads[HEADS];
    size_t expected; /* where the next paragraph probably begins */
};

struct fk_docterms {
    struct term *terms;
    uint32_t count, cap;
    uint32_t *slots, slot_count;
    struct fk_buf bytes;
    size_t token_count;
    struct fk_buf rows[FK_DOCFIELDS], shown[FK_DOCFIELDS];
    uint32_t pos[FK_DOCFIELDS];
    struct memory plain;
    struct fk_sketcher sketcher; /* of the body */
    struct words paragraph;      /* at hand */
    unsigned alternatives;       /* depth */
    bool has[FK_DOCFIELDS];      /* any text */
    bool is_cut, failed;
};

static const char *const prefixes[FK_DOCFIELDS] = {
    FK_P_BODY, FK_P_SUBJECT, FK_P_FROM,       FK_P_TO,   FK_P_CC,
    FK_P_BCC,  FK_P_FILE,    FK_P_ATTACHMENT, FK_P_LINK, FK_P_WRAPPER};

enum fk_status fk_docterms__new(struct fk_docterms **out, struct fk_err *err) {
    struct fk_docterms *d = calloc(1, sizeof *d);
    uint32_t *slots = malloc(FIRST_SLOTS * sizeof *slots);
    if (!d || !slots) {
        free(d);
        free(slots);
        return fk_fail(err, FK_NOMEM, "the terms of a message: out of memory");
    }
    d->slots = slots;
    memset(d->plain.heads, 0xff, sizeof d->plain.heads);
    fk_docterms__reset(d);
    *out = d;
    return FK_OK;
}

static void words_forget(struct words *w) {
    w->count = 0;
    fk_buf_reset(&w->bytes);
}

static void words_free(struct words *w) {
    free(w->hashes);
    free(w->begins);
    fk_buf_free(&w->bytes);
}

void fk_docterms__free(struct fk_docterms **d) {
    if (!*d)
        return;
    free((*d)->terms);
    free((*d)->slots);
    for (size_t i = 0; i < FK_DOCFIELDS; i++) {
        fk_buf_free(&(*d)->rows[i]);
        fk_buf_free(&(*d)->shown[i]);
    }
    words_free(&(*d)->plain.words);
    words_free(&(*d)->paragraph);
    free((*d)->plain.next);
    fk_buf_free(&(*d)->bytes);
    free(*d);
    *d = NULL;
}

static void memory_forget(struct memory *m) {
    if (m->words.count > 0)
        memset(m->heads, 0xff, sizeof m->heads);
    words_forget(&m->words);
    m->expected = 0;
}

void fk_docterms__reset(struct fk_docterms *d) {
    d->count = 0;
    d->slot_count = FIRST_SLOTS; /* of a table that is larger, as one long message leaves it */
    memset(d->slots, 0xff, d->slot_count * sizeof *d->slots);
    fk_buf_reset(&d->bytes);
    d->token_count = 0;
    for (size_t i = 0; i < FK_DOCFIELDS; i++) {
        d->pos[i] = 1;
        fk_buf_reset(&d->rows[i]);
        fk_buf_reset(&d->shown[i]);
    }
    memset(d->has, 0, sizeof d->has);
    d->alternatives = 0;
    d->is_cut = d->failed = false;
    memory_forget(&d->plain);
    fk_sketcher_reset(&d->sketcher);
}

/* Sketches are made of it: another one is another FK_TERMS_VERSION. */
static uint32_t hash_of(const void *data, size_t len, uint32_t h) {
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x01000193;
    return h ^ h >> 15;
}

static uint32_t term_hash(const char *prefix, size_t prefix_len, const char *text, size_t len) {
    return hash_of(text, len, hash_of(prefix, prefix_len, 0x811c9dc5));
}

/* Doubles an array; false when there is no memory for it. */
static bool grow(void *array, size_t *cap, size_t item) {
    const size_t more = *cap ? *cap * 2 : 1024;
    void **p = array, *q = more > SIZE_MAX / item ? NULL : realloc(*p, more * item);
    if (!q)
        return false;
    *p = q;
    *cap = more;
    return true;
}

static bool slots_double(struct fk_docterms *d) {
    const uint32_t n = d->slot_count * 2;
    uint32_t *slots = malloc(n * sizeof *slots);
    if (!slots)
        return false;
    memset(slots, 0xff, n * sizeof *slots);
    for (uint32_t t = 0; t < d->count; t++) {
        uint32_t at = d->terms[t].hash & (n - 1);
        while (slots[at] != NOTHING)
            at = (at + 1) & (n - 1);
        slots[at] = t;
    }
    free(d->slots);
    d->slots = slots;
    d->slot_count = n;
    return true;
}

static uint32_t term_add(struct fk_docterms *d, const char *prefix, size_t prefix_len,
                         const char *text, size_t len, uint32_t hash) {
    size_t cap = d->cap;
    if ((d->count == d->cap && !grow(&d->terms, &cap, sizeof *d->terms)) ||
        (d->count * 2 >= d->slot_count && !slots_double(d)))
        return NOTHING;
    d->cap = (uint32_t)cap;
    const size_t at = d->bytes.len;
    fk_buf_add(&d->bytes, prefix, prefix_len);
    fk_buf_add(&d->bytes, text, len);
    if (d->bytes.failed || at > UINT32_MAX)
        return NOTHING;
    d->terms[d->count] = (struct term){
        .at = (uint32_t)at,
        .hash = hash,
        .len = (uint16_t)(prefix_len + len),
        .prefix_len = (uint8_t)prefix_len,
    };
    uint32_t slot = hash & (d->slot_count - 1);
    while (d->slots[slot] != NOTHING)
        slot = (slot + 1) & (d->slot_count - 1);
    d->slots[slot] = d->count;
    return d->count++;
}

/* The term's number, new or old; NOTHING without memory. */
static uint32_t term_number(struct fk_docterms *d, const char *prefix, size_t prefix_len,
                            const char *text, size_t len) {
    const uint32_t hash = term_hash(prefix, prefix_len, text, len);
    for (uint32_t at = hash & (d->slot_count - 1); d->slots[at] != NOTHING;
         at = (at + 1) & (d->slot_count - 1)) {
        const struct term *t = &d->terms[d->slots[at]];
        const char *bytes = (const char *)d->bytes.data + t->at;
        if (t->hash == hash && t->len == prefix_len + len &&
            memcmp(bytes, prefix, prefix_len) == 0 && memcmp(bytes + prefix_len, text, len) == 0)
            return d->slots[at];
    }
    return term_add(d, prefix, prefix_len, text, len, hash);
}

static uint32_t word_hash(const char *text, size_t len) {
    return term_hash(FK_P_BODY, strlen(FK_P_BODY), text, len);
}

static bool words_add(struct words *w, const char *text, size_t len, uint32_t hash) {
    if ((w->count == w->hashes_cap && !grow(&w->hashes, &w->hashes_cap, sizeof *w->hashes)) ||
        (w->count == w->begins_cap && !grow(&w->begins, &w->begins_cap, sizeof *w->begins)))
        return false;
    w->hashes[w->count] = hash;
    w->begins[w->count++] = (uint32_t)w->bytes.len;
    fk_buf_add(&w->bytes, text, len);
    fk_buf_byte(&w->bytes, 0);
    return !w->bytes.failed;
}

/* As it was written; text_hash: of the token's text. */
static bool words_add_token(struct words *w, const struct fk_token *token, uint32_t text_hash) {
    if (!token->written)
        return words_add(w, token->text, token->len, text_hash);
    return words_add(w, token->written, token->written_len,
                     word_hash(token->written, token->written_len));
}

/* The word that was added last, where it can be found. */
static bool memory_link(struct memory *m) {
    const size_t at = m->words.count - 1;
    uint32_t *head = &m->heads[m->words.hashes[at] % HEADS];
    if (at == m->next_cap && !grow(&m->next, &m->next_cap, sizeof *m->next))
        return false;
    m->next[at] = *head;
    *head = (uint32_t)at;
    return true;
}

static void memory_add(struct fk_docterms *d, const struct fk_token *token, uint32_t text_hash) {
    d->failed |= !words_add_token(&d->plain.words, token, text_hash) || !memory_link(&d->plain);
}

/* What follows is another part: no paragraph stands partly in this one and partly in that. */
static void memory_gap(struct fk_docterms *d) {
    static const char gap = FK_ROW_GAP;
    d->failed |=
        !words_add(&d->plain.words, &gap, 1, word_hash(&gap, 1)) || !memory_link(&d->plain);
}

struct taking {
    struct fk_docterms *d;
    enum fk_docfield field;
    uint32_t last; /* position of the token before */
    bool remember; /* of the body alone */
    size_t prefix_len;
};

static void token_take(void *ctx, const struct fk_token *token) {
    struct taking *t = ctx;
    struct fk_docterms *d = t->d;
    const char *prefix = prefixes[t->field];
    if (d->failed || d->is_cut)
        return;
    const uint32_t number = term_number(d, prefix, t->prefix_len, token->text, token->len);
    if (number == NOTHING) {
        d->failed = true;
        return;
    }
    struct term *term = &d->terms[number];
    const uint32_t hash = term->hash; /* of the body, a word's too */
    term->is_plain |= token->written == NULL;
    term->is_varied |= token->written != NULL;
    if (token->written &&
        term_number(d, prefix, t->prefix_len, token->written, token->written_len) == NOTHING)
        d->failed = true;
    if (token->pos != t->last) { /* the first at its place is the phrase's */
        if (t->remember)
            memory_add(d, token, hash);
        if (t->field == FK_IN_BODY)
            fk_sketcher_add(&d->sketcher, hash);
    }
    t->last = token->pos;
    if (++d->token_count >= FK_POSTINGS_MAX)
        d->is_cut = true;
}

static enum fk_status outcome(const struct fk_docterms *d, enum fk_status st, struct fk_err *err) {
    if (st == FK_OK && d->failed)
        return fk_fail(err, FK_NOMEM, "the terms of a message: out of memory");
    return st;
}

/* What is shown of a message is what has no other place in a list of hits. */
static void show(struct fk_docterms *d, enum fk_docfield field, const char *text, size_t len) {
    struct fk_buf *shown = &d->shown[field];
    if (field != FK_IN_BODY || len == 0)
        return;
    if (shown->len > 0 && shown->data[shown->len - 1] != FK_ROW_GAP)
        fk_buf_byte(shown, '\n');
    fk_buf_add(shown, text, len);
    d->failed |= shown->failed;
}

/* Terms, row and what is shown. */
static enum fk_status text_take(struct fk_docterms *d, enum fk_docfield field, const char *text,
                                size_t len, bool remember, struct fk_err *err) {
    struct taking t = {d, field, NOTHING, remember, strlen(prefixes[field])};
    if (d->is_cut)
        return FK_OK;
    show(d, field, text, len);
    return outcome(d,
                   fk_terms_to_row(text, len, d->pos[field], token_take, &t, &d->pos[field],
                                   &d->rows[field], err),
                   err);
}

static bool is_blank(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (!strchr(" \t\r\n", text[i]))
            return false;
    return true;
}

enum fk_status fk_docterms__text(struct fk_docterms *d, enum fk_docfield field, const char *text,
                                 size_t len, struct fk_err *err) {
    const bool remember = d->alternatives > 0 && field == FK_IN_BODY;
    d->has[field] |= !is_blank(text, len);
    if (remember)
        memory_gap(d);
    return text_take(d, field, text, len, remember, err);
}

static void token_hash(void *ctx, const struct fk_token *token) {
    struct taking *t = ctx;
    struct fk_docterms *d = t->d;
    if (token->pos == t->last)
        return;
    t->last = token->pos;
    d->failed |= !words_add_token(&d->paragraph, token, word_hash(token->text, token->len));
}

static bool stands_at(const struct fk_docterms *d, size_t at) {
    const struct words *plain = &d->plain.words, *p = &d->paragraph;
    return at + p->count <= plain->count &&
           memcmp(plain->hashes + at, p->hashes, p->count * sizeof *p->hashes) == 0 &&
           plain->bytes.len - plain->begins[at] >= p->bytes.len &&
           memcmp(plain->bytes.data + plain->begins[at], p->bytes.data, p->bytes.len) == 0;
}

/* Whether the paragraph's words stand in the plain text, in a row. It is mostly just after the one
 * before; a word that is common is not followed to all its places. */
static bool is_known(struct fk_docterms *d) {
    struct memory *m = &d->plain;
    if (stands_at(d, m->expected)) {
        m->expected += d->paragraph.count;
        return true;
    }
    uint32_t at = m->heads[d->paragraph.hashes[0] % HEADS];
    for (unsigned tries = 0; at != NOTHING && tries < TRIES; at = m->next[at], tries++) {
        if (stands_at(d, at)) {
            m->expected = at + d->paragraph.count;
            return true;
        }
    }
    return false;
}

enum fk_status fk_docterms__html(struct fk_docterms *d, enum fk_docfield field, const char *text,
                                 size_t len, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (d->alternatives == 0 || d->plain.words.count == 0)
        return fk_docterms__text(d, field, text, len, err);
    d->has[field] |= !is_blank(text, len);
    for (const char *end = text + len; text < end;) {
        const char *stop = memmem(text, (size_t)(end - text), "\n\n", 2);
        const size_t n = (size_t)((stop ? stop : end) - text);
        struct taking hashing = {.d = d, .field = field, .last = NOTHING};
        uint32_t unused;
        words_forget(&d->paragraph);
        st = outcome(d, fk_terms_of_text(text, n, 0, token_hash, &hashing, &unused, err), err);
        if (st != FK_OK)
            return st;
        const bool is_new = d->paragraph.count > 0 && !is_known(d);
        if (is_new)
            st = text_take(d, field, text, n, false, err);
        else if (d->paragraph.count > 0)
            fk_docterms__gap(d, field); /* what stands around it is not side by side */
        if (st != FK_OK)
            return st;
        text = stop ? stop + 2 : end;
    }
    return FK_OK;
}

void fk_docterms__gap(struct fk_docterms *d, enum fk_docfield field) {
    struct fk_buf *const both[] = {&d->rows[field], &d->shown[field]};
    if (d->pos[field] < UINT32_MAX - FK_FIELD_GAP)
        d->pos[field] += FK_FIELD_GAP;
    for (size_t i = 0; i < 2; i++)
        if (both[i]->len > 0 && both[i]->data[both[i]->len - 1] != FK_ROW_GAP)
            fk_buf_byte(both[i], FK_ROW_GAP);
}

enum fk_status fk_docterms__whole(struct fk_docterms *d, const char *prefix, const char *text,
                                  size_t len, struct fk_err *err) {
    char clean[FK_TERM_MAX];
    size_t n = 0;
    _Static_assert(FK_WHOLE_MAX == FK_TERM_MAX - 2, "with a prefix of two letters");
    for (size_t i = 0; i < len && n < FK_WHOLE_MAX; i++)
        if ((uint8_t)text[i] > ' ' && text[i] != 0x7f)
            clean[n++] = text[i];
    if (n > 0 && term_number(d, prefix, strlen(prefix), clean, n) == NOTHING)
        d->failed = true;
    return outcome(d, FK_OK, err);
}

void fk_docterms__alternative(struct fk_docterms *d, bool begins) {
    if (begins && d->alternatives++ == 0)
        memory_forget(&d->plain);
    else if (!begins && d->alternatives > 0)
        d->alternatives--;
}

bool fk_docterms__is_cut(const struct fk_docterms *d) {
    return d->is_cut;
}

bool fk_docterms__sketch(struct fk_docterms *d, uint8_t out[FK_SKETCH_BYTES]) {
    return fk_sketcher_end(&d->sketcher, out);
}

/* Fields that say something, as a blob of texts_priv.h without the gap at their ends. */
static void fields_put(const struct fk_buf *fields, struct fk_buf *out) {
    struct fk_buf blob = FK_BUF_INIT;
    for (size_t i = 0; i < FK_DOCFIELDS; i++) {
        size_t len = fields[i].len;
        out->failed |= fields[i].failed;
        len -= len > 0 && fields[i].data[len - 1] == FK_ROW_GAP;
        if (len > 0)
            fk_texts_field_add(&blob, prefixes[i], fields[i].data, len);
    }
    fk_put_bytes(out, blob.data, blob.len);
    out->failed |= blob.failed;
    fk_buf_free(&blob);
}

/* Where a term is there in variants of its characters alone, so that who asks for its very spelling
 * does not find it. */
static bool mark_varied(struct fk_docterms *d) {
    char text[FK_TERM_MAX + 2];
    for (uint32_t t = 0, n = d->count; t < n; t++) {
        const struct term *it = &d->terms[t];
        const size_t prefix = it->prefix_len, len = it->len - prefix;
        if (it->is_plain || !it->is_varied || len >= FK_TERM_MAX)
            continue;
        char name[8]; /* the bytes may move */
        memcpy(name, d->bytes.data + it->at, prefix);
        text[0] = FK_VARIED[0];
        memcpy(text + 1, d->bytes.data + it->at + prefix, len);
        if (term_number(d, name, prefix, text, len + 1) == NOTHING)
            return false;
    }
    return true;
}

bool fk_docterms__has(const struct fk_docterms *d, enum fk_docfield field) {
    return d->has[field];
}

enum fk_status fk_docterms__write(struct fk_docterms *d, struct fk_buf *out, struct fk_err *err) {
    if (!mark_varied(d))
        return fk_fail(err, FK_NOMEM, "the terms of a message: out of memory");
    fk_put_u32(out, d->count);
    for (uint32_t i = 0; i < d->count; i++) {
        fk_buf_byte(out, (uint8_t)d->terms[i].len);
        fk_buf_add(out, d->bytes.data + d->terms[i].at, d->terms[i].len);
    }
    fields_put(d->rows, out);
    fields_put(d->shown, out);
    return out->failed ? fk_fail(err, FK_NOMEM, "the terms of a message: out of memory") : FK_OK;
}
