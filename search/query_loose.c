/* query_loose.c - other spellings of a text that are searched for with it, and what a query finds
 * beside what was typed. A place where there are two ways is a site; a spelling is the text with
 * some of its sites the other way. */
#include "archiver/vault/fields.h"
#include "indexer/text/terms.h"
#include "indexer/text/variants.h"
#include "search/query_plan.h"
#include "search/query_priv.h"
#include <stdio.h>
#include <stdlib.h>

enum { SITES_MAX = 31, ALL_WAYS = 4, LONG_RUN = 3 };

/* Bytes from .. from + len of the text, otherwise. */
struct site {
    size_t from, len;
    char other[48];
};
struct sites {
    struct site at[SITES_MAX];
    size_t count;
    bool more;
};

static void site_add(struct sites *s, size_t from, size_t len, const char *other) {
    if (s->count == SITES_MAX) {
        s->more = true;
        return;
    }
    s->at[s->count].from = from;
    s->at[s->count].len = len;
    snprintf(s->at[s->count++].other, sizeof s->at->other, "%s", other);
}

/* ---- katakana */

static bool is_katakana(uint32_t code) {
    return code >= 0x30a1 && code <= 0x30fc && code != 0x30fb;
}

/* ヴ with what follows, and the character that is written for it. */
static const char *const voiced[][2] = {
    {"ヴァ", "バ"}, {"ヴィ", "ビ"}, {"ヴェ", "ベ"}, {"ヴォ", "ボ"}, {"ヴ", "ブ"}};

static void find_voiced(const char *at, const char *text, struct sites *s) {
    for (size_t i = 0; i < sizeof voiced / sizeof *voiced; i++)
        for (int way = 0; way < 2; way++) {
            const char *here = voiced[i][way];
            if (strncmp(at, here, strlen(here)) != 0)
                continue;
            site_add(s, (size_t)(at - text), strlen(here), voiced[i][!way]);
            return;
        }
}

/* The ー at the end of a run of some length comes and goes: サーバー, サーバ. */
static void find_prolonged(size_t end, size_t run, const char *last, bool at_end, struct sites *s) {
    const size_t n = strlen("ー");
    if (run > LONG_RUN && strncmp(last, "ー", n) == 0)
        site_add(s, end - n, n, "");
    else if (run >= LONG_RUN && !at_end && strncmp(last, "ー", n) != 0 &&
             strncmp(last, "ン", n) != 0 && strncmp(last, "ッ", n) != 0)
        site_add(s, end, 0, "ー"); /* at the text's end it is found as it is */
}

static void find_katakana(const char *text, size_t len, struct sites *s) {
    size_t run = 0;
    const char *last = text, *end = text + len;
    for (const char *at = text; at <= end;) {
        const struct fk_query__char c = fk_query__char_at(at, end);
        if (c.bytes && is_katakana(c.code)) {
            find_voiced(at, text, s);
            run++;
            last = at;
            at += c.bytes;
            continue;
        }
        if (run)
            find_prolonged((size_t)(at - text), run, last, at == end, s);
        run = 0;
        at += c.bytes ? c.bytes : 1;
    }
}

/* ---- numbers */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* A number that stands by itself, not as a part of a code or of a decimal. */
static bool stands_alone(const char *text, size_t from, size_t end, size_t len) {
    static const char joins[] = "abcdefghijklmnopqrstuvwxyz0123456789.-/_@:,+#%";
    return (from == 0 || !strchr(joins, text[from - 1])) &&
           (end == len || !strchr(joins, text[end]));
}

/* "1,234,567" from here: its length; 0 where it is none. */
static size_t grouped(const char *text, size_t len) {
    size_t n = 0, groups = 0;
    while (n < 3 && n < len && is_digit(text[n]))
        n++;
    while (n && n + 4 <= len && text[n] == ',' && is_digit(text[n + 1]) && is_digit(text[n + 2]) &&
           is_digit(text[n + 3]))
        n += 4, groups++;
    return groups ? n : 0;
}

static void without_commas(const char *text, size_t len, char *out) {
    for (size_t i = 0; i < len; i++)
        if (text[i] != ',')
            *out++ = text[i];
    *out = 0;
}

static void with_commas(const char *text, size_t len, char *out) {
    for (size_t i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *out++ = ',';
        *out++ = text[i];
    }
    *out = 0;
}

static void find_numbers(const char *text, size_t len, struct sites *s) {
    char other[48];
    for (size_t at = 0; at < len;) {
        if (!is_digit(text[at])) {
            at++;
            continue;
        }
        size_t n = grouped(text + at, len - at), digits = 0;
        while (at + digits < len && is_digit(text[at + digits]))
            digits++;
        const bool has_commas = n > digits;
        n = has_commas ? n : digits;
        if (n < 24 && text[at] != '0' && (has_commas || n > 3) &&
            stands_alone(text, at, at + n, len)) {
            (has_commas ? without_commas : with_commas)(text + at, n, other);
            site_add(s, at, n, other);
        }
        at += n;
    }
}

/* ---- spellings */

static int compare_sites(const void *a, const void *b) {
    const struct site *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* The text with the sites of the mask the other way. */
static void spell(struct fk_query__spellings *out, const char *text, size_t len,
                  const struct sites *s, uint32_t mask) {
    size_t at = 0;
    if (out->count == FK_SPELLINGS_MAX) {
        out->more = true;
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (!(mask & 1u << i))
            continue;
        fk_buf_add(&out->bytes, text + at, s->at[i].from - at);
        fk_buf_str(&out->bytes, s->at[i].other);
        at = s->at[i].from + s->at[i].len;
    }
    fk_buf_add(&out->bytes, text + at, len - at);
    out->ends[out->count++] = out->bytes.len;
}

static void spell_all(struct fk_query__spellings *out, const char *text, size_t len,
                      struct sites *s) {
    qsort(s->at, s->count, sizeof *s->at, compare_sites);
    spell(out, text, len, s, 0);
    if (s->count <= ALL_WAYS) {
        for (uint32_t mask = 1; mask < 1u << s->count; mask++)
            spell(out, text, len, s, mask);
        return;
    }
    out->more = true; /* not every combination: each by itself, and all together */
    spell(out, text, len, s, (1u << s->count) - 1);
    for (size_t i = 0; i < s->count; i++)
        spell(out, text, len, s, 1u << i);
}

bool fk_query__is_address(const struct fk_q_node *node) {
    return node->field >= FK_F_FROM && node->field <= FK_F_PARTICIPANTS &&
           memchr(node->text, '@', node->len) != NULL && memchr(node->text, ' ', node->len) == NULL;
}

enum fk_status fk_query__spell(const struct fk_q_node *node, struct fk_query__spellings *out,
                               struct fk_err *err) {
    struct fk_buf folded = FK_BUF_INIT;
    struct sites sites = {.count = 0};
    enum fk_status st = FK_OK;
    FK_TRY(fk_terms_fold(node->text, node->len, &folded, err));
    const char *text = fk_buf_cstr(&folded); /* its NUL */
    if (!folded.failed && !node->exact && !node->prefix && !node->wild) {
        find_katakana(text, folded.len, &sites);
        find_numbers(text, folded.len, &sites);
    }
    out->more |= sites.more;
    spell_all(out, text, folded.len, &sites);
    if (out->bytes.failed || folded.failed)
        st = fk_fail(err, FK_NOMEM, "out of memory for a query");
done:
    fk_buf_free(&folded);
    return st;
}

void fk_query__spellings_free(struct fk_query__spellings *s) {
    fk_buf_free(&s->bytes);
    s->count = 0;
}

/* ---- what is found beside what was typed */

/* Each class's other characters are sites here too, to be shown. */
static void also_variants(struct fk_buf *out, const char *text, size_t len, bool *more) {
    size_t varied = 0;
    const char *end = text + len;
    bool after_kanji = false;
    for (const char *at = text; at < end;) {
        const struct fk_query__char c = fk_query__char_at(at, end);
        const char *class = c.bytes ? fk_variants_class(c.code) : NULL;
        const size_t bytes = c.bytes ? c.bytes : 1;
        if (class && is_katakana(c.code) && !after_kanji) /* the ケ of 霞ケ関, not that of ケース */
            class = NULL;
        for (const char *v = class; v && *v;) {
            const struct fk_query__char is = fk_query__char_at(v, v + strlen(v));
            struct fk_buf line = FK_BUF_INIT;
            if (is.code != c.code) {
                fk_buf_add(&line, text, (size_t)(at - text));
                fk_buf_add(&line, v, is.bytes);
                fk_buf_add(&line, at + bytes, (size_t)(end - at) - bytes);
                fk_fields_add(out, "also", line.data, line.len);
                out->failed |= line.failed;
            }
            fk_buf_free(&line);
            v += is.bytes;
        }
        varied += class != NULL;
        after_kanji = c.code >= 0x4e00 && c.code < 0xa000;
        at += bytes;
    }
    *more |= varied > 1; /* any of them together */
}

static enum fk_status also_of(const struct fk_q_node *node, struct fk_buf *out,
                              struct fk_err *err) {
    struct fk_query__spellings s = FK_SPELLINGS_INIT;
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_q_node by_characters = *node;
    enum fk_status st = FK_OK;
    size_t len;
    by_characters.exact = true; /* no katakana, no numbers: those are spellings of text */
    FK_TRY(fk_query__spell(fk_query__has_text(node->field) ? node : &by_characters, &s, err));
    for (size_t i = 1; i < s.count; i++) {
        const char *text = fk_query__spelling(&s, i, &len);
        fk_fields_add(&lines, "also", text, len);
    }
    const char *text = fk_query__spelling(&s, 0, &len);
    also_variants(&lines, text, len, &s.more);
    if (lines.len > 0) {
        fk_fields_add(out, "text", node->text, node->len);
        fk_buf_add(out, lines.data, lines.len);
        if (s.more)
            fk_fields_add_str(out, "more", "yes");
    }
    if (lines.failed || out->failed)
        st = fk_fail(err, FK_NOMEM, "out of memory for a query");
done:
    fk_buf_free(&lines);
    fk_query__spellings_free(&s);
    return st;
}

enum fk_status fk_query_expansion(const struct fk_q_node *node, struct fk_buf *out,
                                  struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (node->kind == FK_Q_TEXT && !node->exact && !node->wild &&
        fk_query__has_variants(node->field) && !fk_query__is_address(node))
        st = also_of(node, out, err);
    for (const struct fk_q_node *c = node->first; c != NULL && st == FK_OK; c = c->next)
        st = fk_query_expansion(c, out, err);
    return st;
}

bool fk_query_asks(const struct fk_q_node *node, enum fk_q_field field) {
    if (node->field == field)
        return true;
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next)
        if (fk_query_asks(c, field))
            return true;
    return false;
}
