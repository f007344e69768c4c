/* amount.c - see amount.h */
#include "indexer/transaction/amount.h"
#include "indexer/transaction/lexicon_priv.h"
#include "indexer/transaction/numeral.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct mark {
    const char *word, *currency;
};

/* ASCII in lower case; longer ones first. */
static const struct mark before_figure[] = {
    {"jpy", "JPY"},          {"¥", "JPY"},   {"us$", "USD"},
    {"usd", "USD"},          {"$", "USD"},   {"eur", "EUR"},
    {"\xe2\x82\xac", "EUR"}, {"gbp", "GBP"}, {"\xc2\xa3", "GBP"},
    {"cny", "CNY"},          {"rmb", "CNY"}, {"krw", "KRW"},
    {"\xe2\x82\xa9", "KRW"}, {"hk$", "HKD"}, {"sgd", "SGD"},
};
static const struct mark after_figure[] = {
    {"円", "JPY"},     {"圓", "JPY"},     {"米ドル", "USD"}, {"ドル", "USD"}, {"ユーロ", "EUR"},
    {"ポンド", "GBP"}, {"人民元", "CNY"}, {"jpy", "JPY"},    {"yen", "JPY"},  {"usd", "USD"},
    {"eur", "EUR"},    {"gbp", "GBP"},    {"cny", "CNY"},    {"krw", "KRW"},  {"sgd", "SGD"},
};

/* Where the word ends that stands there. Letters that touch a figure are a currency all the same.
 */
static size_t mark_read(const char *text, size_t len, size_t at, const struct mark *marks,
                        size_t count, const char **currency) {
    size_t after;
    const uint32_t first = fk_glyph_lower(fk_glyph(text, len, at, &after));
    for (size_t i = 0; i < count; i++) {
        const char *word = marks[i].word;
        const uint8_t begins = (uint8_t)word[0];
        if (begins < 0x80 ? begins != first : first < 0x80)
            continue;
        const size_t word_len = strlen(word);
        size_t from = at, next, w = 0, w_next;
        for (; w < word_len; w = w_next, from = next) {
            const uint32_t want = fk_glyph(word, word_len, w, &w_next);
            if (fk_glyph_lower(fk_glyph(text, len, from, &next)) != want)
                break;
        }
        if (w < word_len)
            continue;
        *currency = marks[i].currency;
        return from;
    }
    return 0;
}

static size_t blanks_pass(const char *text, size_t len, size_t at, int most) {
    size_t next;
    for (int i = 0; i < most && fk_glyph_is_blank(fk_glyph(text, len, at, &next)); i++)
        at = next;
    return at;
}

/* ---- tax */

enum fk_tax fk_tax_read(const char *text, size_t len, size_t at, size_t *end) {
    static const struct {
        const char *word;
        enum fk_tax tax;
    } words[] = {{"税込", FK_TAX_INCLUDED},          {"消費税込", FK_TAX_INCLUDED},
                 {"税抜", FK_TAX_EXCLUDED},          {"税別", FK_TAX_EXCLUDED},
                 {"消費税別", FK_TAX_EXCLUDED},      {"内税", FK_TAX_INCLUDED},
                 {"外税", FK_TAX_EXCLUDED},          {"税 込", FK_TAX_INCLUDED},
                 {"incl. tax", FK_TAX_INCLUDED},     {"tax included", FK_TAX_INCLUDED},
                 {"excl. tax", FK_TAX_EXCLUDED},     {"tax excluded", FK_TAX_EXCLUDED},
                 {"including tax", FK_TAX_INCLUDED}, {"excluding tax", FK_TAX_EXCLUDED}};
    static struct fk_lexicon lexicon = FK_LEXICON(words, word);
    size_t next, after;
    at = blanks_pass(text, len, at, 2);
    const uint32_t open = fk_glyph(text, len, at, &next);
    const bool has_bracket = open == '(' || open == '[' || open == 0x3010;
    if (has_bracket)
        at = blanks_pass(text, len, next, 2);
    const size_t i = fk_lexicon_first(&lexicon, text, len, at, &after);
    if (i == FK_LEXICON_NONE)
        return FK_TAX_UNKNOWN;
    const uint32_t more = fk_glyph(text, len, after, &next);
    if (more == 0x307f || more == 0x304d) /* 税込み, 税抜き */
        after = next;
    const uint32_t close = fk_glyph(text, len, after, &next);
    *end = has_bracket && (close == ')' || close == ']' || close == 0x3011) ? next : after;
    return words[i].tax;
}

/* ---- the figure and what stands around it */

static bool is_digit_after(const char *text, size_t len, size_t at) {
    size_t next;
    return fk_glyph_is_digit(fk_glyph(text, len, at, &next));
}

/* Without a word for the currency a figure must stand alone. */
static bool stands_alone(const char *text, size_t len, size_t at) {
    size_t next;
    const uint32_t c = fk_glyph(text, len, at, &next);
    if (fk_glyph_is_letter(c) || c == '%' || c == '_' || c == '@' || c == '#' || c == '+')
        return false;
    if (c == '-' || c == '/' || c == ':' || c == '.' || c == ',')
        return !is_digit_after(text, len, next) &&
               !fk_glyph_is_letter(fk_glyph(text, len, next, &next));
    if (fk_glyph_is_kanji(c))
        return fk_glyph_word(text, len, at, "税込") || fk_glyph_word(text, len, at, "税抜") ||
               fk_glyph_word(text, len, at, "税別") || fk_glyph_word(text, len, at, "也");
    return !(c >= 0x30a1 && c <= 0x30fa); /* 5ヶ月, 3カ所, 12キロ */
}

/* A trailing dash or ".-" that closes a figure: ¥1,000- */
static size_t dash_pass(const char *text, size_t len, size_t at) {
    size_t next, next2;
    uint32_t c = fk_glyph(text, len, at, &next);
    if (c == '.' && fk_glyph(text, len, next, &next2) == '-') {
        at = next;
        next = next2;
        c = '-';
    }
    return c == '-' && !is_digit_after(text, len, next) ? next : at;
}

static bool figure_read(const char *text, size_t len, size_t *at, struct fk_amount *out,
                        struct fk_numeral *n) {
    if (!fk_numeral_read(text, len, *at, n) || n->is_bare)
        return false;
    out->hundredths = n->hundredths;
    *at = n->end;
    return true;
}

/* Two currencies, as in "$100 USD", are one where they agree. */
static bool currency_after(const char *text, size_t len, size_t *at, struct fk_amount *out) {
    const char *currency;
    size_t next;
    const size_t from = blanks_pass(text, len, *at, 1);
    const size_t end = mark_read(text, len, from, after_figure,
                                 sizeof after_figure / sizeof *after_figure, &currency);
    if (!end || fk_glyph_is_letter(fk_glyph(text, len, end, &next)))
        return true;
    if (*out->currency && strcmp(out->currency, currency) != 0)
        return strcmp(out->currency, "USD") != 0; /* a $ may be any dollar; ¥ may be yuan */
    memcpy(out->currency, currency, sizeof out->currency);
    *at = end;
    const size_t formal = fk_glyph_word(text, len, end, "也");
    if (formal)
        *at = formal;
    return true;
}

static size_t sign_read(const char *text, size_t len, size_t at, bool *is_negative) {
    size_t next;
    const uint32_t c = fk_glyph(text, len, at, &next);
    *is_negative = c == '-' || c == 0x25b2 || c == 0x25b3; /* ▲ △ */
    return *is_negative ? next : at;
}

bool fk_amount_read(const char *text, size_t len, size_t at, struct fk_amount *out) {
    struct fk_amount a = {.currency = ""};
    struct fk_numeral n;
    const char *currency = "";
    bool is_negative, is_gold = false, is_late_negative = false;
    size_t next, tax_end;
    at = sign_read(text, len, at, &is_negative);
    size_t after = mark_read(text, len, at, before_figure,
                             sizeof before_figure / sizeof *before_figure, &currency);
    if (!after && fk_glyph(text, len, at, &next) == '\\' && is_digit_after(text, len, next)) {
        after = next;
        currency = "JPY";
    }
    if (!after && (is_gold = fk_glyph(text, len, at, &next) == 0x91d1)) /* 金 */
        after = next;
    if (after) {
        memcpy(a.currency, currency, strlen(currency) + 1);
        at = blanks_pass(text, len, after, is_gold ? 4 : 2);
        a.is_marked = !is_gold;
        if (is_gold && fk_glyph(text, len, at, &next) == FK_GLYPH_YEN)
            at = blanks_pass(text, len, next, 2);
        if (!is_negative) {
            at = sign_read(text, len, at, &is_late_negative);
            is_negative = is_late_negative;
        }
    }
    if (!figure_read(text, len, &at, &a, &n) || !currency_after(text, len, &at, &a))
        return false;
    if (is_gold && strcmp(a.currency, "JPY") != 0)
        return false;
    if (!*a.currency && (!n.has_digits || n.has_leading_zero || !stands_alone(text, len, at)))
        return false;
    if (a.is_marked && !strcmp(a.currency, "JPY"))
        at = dash_pass(text, len, at);
    if (fk_glyph(text, len, at, &next) == '%')
        return false;
    a.is_formal = is_gold;
    a.hundredths = is_negative ? -a.hundredths : a.hundredths;
    a.end = at;
    a.tax = fk_tax_read(text, len, at, &tax_end);
    if (a.tax != FK_TAX_UNKNOWN)
        a.end = tax_end;
    *out = a;
    return true;
}

/* ---- as text */

void fk_figure_print(int64_t hundredths, char out[FK_AMOUNT_TEXT]) {
    const uint64_t n = hundredths < 0 ? (uint64_t)0 - (uint64_t)hundredths : (uint64_t)hundredths;
    const unsigned cents = (unsigned)(n % 100);
    const char *sign = hundredths < 0 ? "-" : "";
    if (cents)
        (void)snprintf(out, FK_AMOUNT_TEXT, "%s%" PRIu64 ".%02u", sign, n / 100, cents);
    else
        (void)snprintf(out, FK_AMOUNT_TEXT, "%s%" PRIu64, sign, n / 100);
}

static const char *const taxes[] = {"-", "included", "excluded"};

void fk_amount_print(int64_t hundredths, const char *currency, enum fk_tax tax,
                     char out[FK_AMOUNT_TEXT]) {
    char figure[FK_AMOUNT_TEXT];
    fk_figure_print(hundredths, figure);
    (void)snprintf(out, FK_AMOUNT_TEXT, "%.24s %.3s %s", figure, *currency ? currency : "JPY",
                   taxes[tax]);
}

bool fk_amount_parse(const char *text, struct fk_amount *out) {
    const bool is_negative = *text == '-';
    struct fk_numeral n;
    const size_t len = strlen(text), at = is_negative;
    *out = (struct fk_amount){.currency = ""};
    if (!fk_numeral_read(text, len, at, &n) || !n.has_digits || text[n.end] != ' ' ||
        strspn(text + at, "0123456789.") != n.end - at || len < n.end + 6 || text[n.end + 4] != ' ')
        return false;
    for (size_t i = 0; i < 3; i++) {
        out->currency[i] = text[n.end + 1 + i];
        if (out->currency[i] < 'A' || out->currency[i] > 'Z')
            return false;
    }
    out->hundredths = is_negative ? -n.hundredths : n.hundredths;
    out->end = len;
    for (unsigned i = 0; i < 3; i++)
        if (strcmp(text + n.end + 5, taxes[i]) == 0)
            return out->tax = (enum fk_tax)i, true;
    return false;
}
