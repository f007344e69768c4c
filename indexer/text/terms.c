/* terms.c - folded text into tokens; the rule is in terms.h. One pass, no allocation a token.
 *
 * A CJK run is seen through a window of two: when a character comes, the one before it is told as
 * bigram and, if it is an end of the run or stands at a line end, by itself. */
#include "indexer/text/fold_priv.h"
#include "indexer/text/terms.h"
#include "indexer/text/variants.h"

#include <string.h>
#include <unicode/utf8.h>

/* A character with its marks; more marks than fit are as if they were not there. */
enum { UNIT_MAX = 24 };
struct unit {
    uint8_t text[UNIT_MAX], written[UNIT_MAX];
    uint8_t len, written_len;
    bool is_varied; /* text and written differ */
    bool is_end;    /* begins its run, or stands at a line end */
};

struct cut {
    const char *text;
    int32_t at, len;
    uint32_t pos;
    fk_token_fn fn;
    void *ctx;
    struct fk_buf *row; /* NULL: none */
    bool is_query;
    struct unit before; /* len 0: no run is open */
    bool run_is_one;    /* only one character has come in this run */
    bool owes_single;   /* query: the last run's last character, told only if something follows */
    struct {
        int32_t at, next, cp; /* next 0: none; cp -1: no character */
        uint8_t class;
    } seen; /* the character that was looked at last */
};

static void tell(struct cut *c, const void *text, size_t len) {
    const struct fk_token token = {text, len, c->pos, NULL, 0};
    c->fn(c->ctx, &token);
}

static void tell_unit(struct cut *c, const struct unit *u) {
    const struct fk_token token = {(const char *)u->text, u->len, c->pos,
                                   u->is_varied ? (const char *)u->written : NULL,
                                   u->is_varied ? u->written_len : 0};
    c->fn(c->ctx, &token);
}

static void tell_pair(struct cut *c, const struct unit *a, const struct unit *b) {
    char text[2 * UNIT_MAX], written[2 * UNIT_MAX];
    const bool is_varied = a->is_varied || b->is_varied;
    struct fk_token token = {text, (size_t)a->len + b->len, c->pos, NULL, 0};
    memcpy(text, a->text, UNIT_MAX); /* a length that is known is copied without a call */
    memcpy(text + a->len, b->text, UNIT_MAX);
    if (is_varied) {
        memcpy(written, a->written, UNIT_MAX);
        memcpy(written + a->written_len, b->written, UNIT_MAX);
        token.written = written;
        token.written_len = (size_t)a->written_len + b->written_len;
    }
    c->fn(c->ctx, &token);
}

/* A unit into the row; `how` stands before it, 0 for nothing, where it is not the first. */
static void row_put(struct cut *c, uint8_t how, const void *text, size_t len) {
    struct fk_buf *row = c->row;
    if (!row)
        return;
    if (how && row->len > 0 && row->data[row->len - 1] != FK_ROW_GAP)
        fk_buf_byte(row, how);
    fk_buf_add(row, text, len);
}

static void pay_single(struct cut *c) {
    if (!c->owes_single)
        return;
    c->owes_single = false;
    tell_unit(c, &c->before);
    c->pos++;
    c->before.len = 0;
}

static void run_end(struct cut *c) {
    if (c->before.len == 0 || c->owes_single)
        return;
    if (c->is_query && !c->run_is_one) {
        c->owes_single = true;
        return;
    }
    tell_unit(c, &c->before);
    c->pos++;
    c->before.len = 0;
}

/* over_line_end: the character stands on the next line. */
static void run_add(struct cut *c, const struct unit *unit, bool over_line_end) {
    pay_single(c);
    struct unit *before = &c->before;
    row_put(c,
            before->len == 0 ? FK_ROW_BLANK
            : over_line_end  ? FK_ROW_LINE
                             : 0,
            unit->text, unit->len);
    if (before->len == 0) {
        *before = *unit;
        before->is_end = true;
        c->run_is_one = true;
        return;
    }
    tell_pair(c, before, unit);
    if (!c->is_query && (before->is_end || over_line_end))
        tell_unit(c, before);
    c->pos++;
    *before = *unit;
    before->is_end = over_line_end;
    c->run_is_one = false;
}

static uint8_t class_at(struct cut *c, int32_t at, int32_t *next_out) {
    if (at != c->seen.at || c->seen.next == 0) {
        c->seen.at = c->seen.next = at;
        c->seen.cp = fk_utf8_next(c->text, &c->seen.next, c->len);
        c->seen.class = c->seen.cp < 0 ? 0 : fk_terms__class((uint32_t)c->seen.cp);
    }
    *next_out = c->seen.next;
    return c->seen.class;
}

/* A character as it was written, and the one that stands for it. */
static void unit_begin(struct unit *u, uint32_t cp) {
    const uint32_t same = fk_variants_representative(cp);
    int32_t n = 0, n_written = 0;
    U8_APPEND_UNSAFE(u->written, n_written, cp);
    U8_APPEND_UNSAFE(u->text, n, same);
    u->is_varied = same != cp;
    u->written_len = (uint8_t)n_written;
    u->len = (uint8_t)n;
}

/* A CJK character at c->at, which was looked at last, with its marks. */
static void take_unit(struct cut *c, bool over_line_end) {
    struct unit unit = {.len = 0};
    int32_t next;
    unit_begin(&unit, (uint32_t)c->seen.cp);
    c->at = c->seen.next;
    while (c->at < c->len && (uint8_t)c->text[c->at] >= 0x80 &&
           (class_at(c, c->at, &next) & FK_CH_MARK)) {
        const size_t n = (size_t)(next - c->at);
        if (unit.len + n <= UNIT_MAX && unit.written_len + n <= UNIT_MAX) {
            memcpy(unit.text + unit.len, c->text + c->at, n);
            unit.len = (uint8_t)(unit.len + n);
            memcpy(unit.written + unit.written_len, c->text + c->at, n);
            unit.written_len = (uint8_t)(unit.written_len + n);
        }
        c->at = next;
    }
    run_add(c, &unit, over_line_end);
}

static bool is_word_byte(uint8_t b) {
    return (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z');
}

static void word_tell(struct cut *c, int32_t begin) {
    tell(c, c->text + begin, (size_t)(c->at - begin));
    row_put(c, FK_ROW_BLANK, c->text + begin, (size_t)(c->at - begin));
    c->pos++;
}

static void take_word(struct cut *c) {
    run_end(c);
    pay_single(c);
    int32_t begin = c->at;
    while (c->at < c->len) {
        int32_t next = c->at + 1;
        const uint8_t b = (uint8_t)c->text[c->at];
        if (b < 0x80 ? !is_word_byte(b) : !(class_at(c, c->at, &next) & (FK_CH_WORD | FK_CH_MARK)))
            break;
        if (next - begin > FK_WORD_MAX) {
            word_tell(c, begin);
            begin = c->at;
        }
        c->at = next;
    }
    word_tell(c, begin);
}

/* Past blanks, one line end, blanks and marks of quotation, where a CJK character follows there;
 * false, and nothing is taken, otherwise. */
static bool take_line_end(struct cut *c) {
    int32_t at = c->at;
    const char *text = c->text;
    while (at < c->len && (text[at] == ' ' || text[at] == '\t'))
        at++;
    if (at < c->len && text[at] == '\r')
        at++;
    else if (at >= c->len || text[at] != '\n')
        return false;
    if (at < c->len && text[at] == '\n')
        at++;
    while (at < c->len && (text[at] == ' ' || text[at] == '\t' || text[at] == '>'))
        at++;
    int32_t next;
    if (at >= c->len || (uint8_t)text[at] < 0x80)
        return false;
    const uint8_t class = class_at(c, at, &next);
    if (!(class & FK_CH_CJK) || (class & FK_CH_MARK)) /* a mark belongs to nothing over there */
        return false;
    c->at = at;
    return true;
}

static void take_separator(struct cut *c, int32_t next) {
    if (c->before.len > 0 && !c->owes_single && take_line_end(c)) {
        take_unit(c, true);
        return;
    }
    run_end(c);
    c->at = next;
}

static void cut_all(struct cut *c) {
    while (c->at < c->len) {
        const uint8_t b = (uint8_t)c->text[c->at];
        int32_t next = c->at + 1;
        if (b < 0x80) {
            if (is_word_byte(b))
                take_word(c);
            else
                take_separator(c, next);
            continue;
        }
        const uint8_t class = class_at(c, c->at, &next);
        if (class & FK_CH_CJK)
            take_unit(c, false);
        else if (class & FK_CH_WORD)
            take_word(c);
        else
            take_separator(c, next);
    }
    run_end(c);
}

static enum fk_status cut_text(const char *text, size_t len, struct cut *c, struct fk_err *err) {
    struct fk_buf folded = FK_BUF_INIT;
    enum fk_status st = fk_terms_fold(text, len, &folded, err);
    if (st == FK_OK) {
        c->text = (const char *)folded.data;
        c->len = (int32_t)folded.len;
        cut_all(c);
    }
    fk_buf_wipe(&folded);
    return st;
}

enum fk_status fk_terms_to_row(const char *text, size_t len, uint32_t pos, fk_token_fn fn,
                               void *ctx, uint32_t *next_out, struct fk_buf *row,
                               struct fk_err *err) {
    struct cut c = {.pos = pos, .fn = fn, .ctx = ctx, .row = row};
    enum fk_status st = cut_text(text, len, &c, err);
    if (st == FK_OK && row && row->failed)
        st = fk_fail(err, FK_NOMEM, "cutting text: out of memory");
    if (st == FK_OK)
        *next_out = c.pos;
    return st;
}

enum fk_status fk_terms_of_text(const char *text, size_t len, uint32_t pos, fk_token_fn fn,
                                void *ctx, uint32_t *next_out, struct fk_err *err) {
    return fk_terms_to_row(text, len, pos, fn, ctx, next_out, NULL, err);
}

enum fk_status fk_terms_of_query(const char *text, size_t len, fk_token_fn fn, void *ctx,
                                 struct fk_err *err) {
    struct cut c = {.fn = fn, .ctx = ctx, .is_query = true};
    return cut_text(text, len, &c, err);
}

/* The end of the character and its marks at the front; 0 where it is of no run. */
static size_t character_end(const char *text, size_t len) {
    struct cut c = {.text = text, .len = (int32_t)len};
    int32_t at = 0, next = 0;
    if (len == 0 || !(class_at(&c, 0, &at) & FK_CH_CJK))
        return 0;
    while (at < c.len && (class_at(&c, at, &next) & FK_CH_MARK))
        at = next;
    return (size_t)at;
}

bool fk_terms_is_character(const char *text, size_t len) {
    return len > 0 && character_end(text, len) == len;
}

bool fk_terms_begins_with(const char *token, size_t len, const char *character, size_t n) {
    return character_end(token, len) == n && memcmp(token, character, n) == 0;
}

enum fk_status fk_terms_of_address(const char *text, size_t len, struct fk_buf *out,
                                   struct fk_err *err) {
    static const char around[] = " \t\r\n<>";
    while (len > 0 && strchr(around, text[0]) && text[0])
        text++, len--;
    while (len > 0 && strchr(around, text[len - 1]) && text[len - 1])
        len--;
    const size_t begin = out->len;
    enum fk_status st = fk_terms_fold(text, len, out, err);
    if (st == FK_OK && out->len - begin > FK_ADDRESS_MAX) {
        size_t end = begin + FK_ADDRESS_MAX;
        while (end > begin && (out->data[end] & 0xc0) == 0x80)
            end--;
        out->len = end;
    }
    return st;
}
