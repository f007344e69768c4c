/* company.c - see company.h. A form stands before or after the name that touches it; where there is
 * a name on both sides it belongs to the one before it (大和商事株式会社営業部). */
#include "indexer/transaction/company.h"
#include "indexer/text/terms.h"
#include "indexer/transaction/lexicon_priv.h"

#include <string.h>

/* ---- forms */

struct form {
    const char *word;
    bool is_latin; /* only behind the name */
};
static const struct form forms[] = {
    {"株式会社", false},
    {"(株)", false},
    {"㈱", false},
    {"有限会社", false},
    {"(有)", false},
    {"㈲", false},
    {"合同会社", false},
    {"(同)", false},
    {"合資会社", false},
    {"合名会社", false},
    {"(資)", false},
    {"(名)", false},
    {"一般社団法人", false},
    {"公益社団法人", false},
    {"一般財団法人", false},
    {"公益財団法人", false},
    {"特定非営利活動法人", false},
    {"医療法人", false},
    {"学校法人", false},
    {"社会福祉法人", false},
    {"国立大学法人", false},
    {"独立行政法人", false},
    {"税理士法人", false},
    {"監査法人", false},
    {"弁護士法人", false},
    {"株式會社", false},
    {"㍿", false},
    {"co., ltd.", true},
    {"co.,ltd.", true},
    {"co. ltd.", true},
    {"co., ltd", true},
    {"ltd.", true},
    {"limited", true},
    {"inc.", true},
    {"incorporated", true},
    {"corporation", true},
    {"corp.", true},
    {"llc", true},
    {"l.l.c.", true},
    {"gmbh", true},
    {"k.k.", true},
    {"plc", true},
    {"b.v.", true},
    {"pte. ltd.", true},
    {"pte ltd", true},
    {"s.a.", true},
    {"ag", true},
    {"inc", true},
    {"ltd", true},
    {"corp", true},
};

static const struct form *form_at(const char *text, size_t len, size_t at, size_t *end) {
    static struct fk_lexicon lexicon = FK_LEXICON(forms, word);
    const size_t i = fk_lexicon_first(&lexicon, text, len, at, end);
    return i == FK_LEXICON_NONE ? NULL : &forms[i];
}

/* ---- names */

static bool is_of_name(uint32_t c) {
    return fk_glyph_is_kanji(c) || fk_glyph_is_kana(c) || fk_glyph_is_letter(c) ||
           fk_glyph_is_digit(c) || c == '&' || c == '-' || c == '.' || c == 0xb7 ||
           (c >= 0xc0 && c <= 0x24f) || (c >= 0xe0100 && c <= 0xe01ef) ||
           (c >= 0x20000 && c <= 0x3ffff);
}

/* What comes after a name without a blank and is none of it. */
static bool ends_name(const char *text, size_t len, size_t at) {
    static const char *const words[] = {
        "御中", "様", "殿", "営業", "経理", "総務", "購買", "本社", "支社", "支店", "宛", "担当",
        "代表", "(",  "の", "は",   "が",   "を",   "より", "から", "です", "と申", "へ", "に"};
    static struct fk_lexicon lexicon = FK_LEXICON_OF(words);
    size_t end;
    return fk_lexicon_first(&lexicon, text, len, at, &end) != FK_LEXICON_NONE;
}

/* Behind a form: to a blank, a sign, or a word that ends it. */
static size_t name_after(const char *text, size_t len, size_t at) {
    const size_t begin = at;
    size_t next;
    bool is_latin = fk_glyph_is_letter(fk_glyph(text, len, at, &next));
    for (uint32_t c; (c = fk_glyph(text, len, at, &next)) != FK_GLYPH_END; at = next) {
        size_t after;
        if (c == ' ' && is_latin && at > begin &&
            fk_glyph_is_letter(fk_glyph(text, len, next, &after)))
            continue;
        if (!is_of_name(c) || form_at(text, len, at, &after) ||
            (at > begin && ends_name(text, len, at)))
            break;
        if (at - begin > FK_COMPANY_MAX)
            return begin;
    }
    while (at > begin) { /* a dot or dash at the end is the sentence's */
        size_t last;
        const uint32_t c = fk_glyph_before(text, len, at, &last);
        if (c != '.' && c != '-' && c != ' ')
            break;
        at = last;
    }
    return at;
}

static bool is_hiragana(uint32_t c) {
    return c >= 0x3041 && c <= 0x309f;
}

/* Words that stand before a name in a sentence, and are none of it. */
static size_t words_pass(const char *text, size_t begin, size_t end) {
    static const char *const words[] = {
        "このたび", "この度", "弊社",   "当社",   "貴社",   "御社",   "発注先",
        "仕入先",   "販売元", "請求元", "発行元", "取引先", "販売者", "納入先",
        "買主",     "売主",   "注文者", "受注者", "発注者", "の",     "は",
        "が",       "を",     "へ",     "に",     "と",     "より",   "から"};
    for (bool again = true; again && begin < end;) {
        again = false;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            const size_t after = fk_glyph_word(text, end, begin, words[i]);
            if (after && after < end) {
                begin = after;
                again = true;
            }
        }
    }
    return begin;
}

/* Hiragana behind another script: mostly the sentence's. */
static bool is_particle(const char *text, size_t len, size_t at) {
    static const char *const words[] = {"より", "から", "です", "ます", "の", "は", "が", "を"};
    static struct fk_lexicon lexicon = FK_LEXICON_OF(words);
    size_t end;
    return fk_lexicon_first(&lexicon, text, len, at, &end) != FK_LEXICON_NONE;
}

/* Before a form: back to a blank, a sign, or a particle between words. from: not before it. */
static size_t name_before(const char *text, size_t len, size_t from, size_t end, bool is_latin) {
    size_t at = end, begin;
    uint32_t last = 0;
    while (at > from) {
        const uint32_t c = fk_glyph_before(text, len, at, &begin);
        size_t ahead;
        const bool joins = is_latin && (c == ' ' || c == ',') && at > from + 1 &&
                           fk_glyph_is_letter(fk_glyph_before(text, len, begin, &ahead));
        if (!joins && (!is_of_name(c) || end - begin > FK_COMPANY_MAX))
            break;
        if (is_latin && (fk_glyph_is_kanji(c) || fk_glyph_is_kana(c)))
            break;
        if (is_hiragana(last) && !is_hiragana(c) && !is_latin && is_particle(text, len, at))
            break;
        last = c;
        at = begin;
    }
    size_t next;
    while (at < end &&
           (fk_glyph_is_blank(fk_glyph(text, len, at, &next)) ||
            fk_glyph(text, len, at, &next) == '-' || fk_glyph(text, len, at, &next) == '.'))
        at = next;
    return words_pass(text, at, end);
}

/* One or two hiragana alone are a particle. */
static bool has_word(const char *text, size_t len, size_t begin, size_t end) {
    unsigned hiragana = 0;
    size_t next;
    for (; begin < end; begin = next) {
        const uint32_t c = fk_glyph(text, len, begin, &next);
        hiragana += is_hiragana(c);
        if (fk_glyph_is_letter(c) || fk_glyph_is_kanji(c) ||
            (fk_glyph_is_kana(c) && !is_hiragana(c)))
            return true;
    }
    return hiragana > 2;
}

bool fk_company_next(const char *text, size_t len, size_t *at, struct fk_company *out) {
    size_t from = *at, next, form_end; /* from: names reach back to it at most */
    for (size_t i = from; i < len; i = next) {
        (void)fk_glyph(text, len, i, &next);
        const struct form *form = form_at(text, len, i, &form_end);
        if (!form)
            continue;
        next = form_end;
        size_t name_end = i, begin, end = form_end;
        if (form->is_latin) {
            size_t before;
            while (name_end > from && (fk_glyph_before(text, len, name_end, &before) == ' ' ||
                                       fk_glyph_before(text, len, name_end, &before) == ','))
                name_end = before;
        }
        begin = name_before(text, len, from, name_end, form->is_latin);
        if (!has_word(text, len, begin, name_end)) {
            begin = i;
            if (form->is_latin)
                continue;
            size_t name = form_end;
            while (fk_glyph(text, len, name, &next) == ' ' && name - form_end < 4)
                name = next;
            next = form_end;
            end = name_after(text, len, name);
            if (!has_word(text, len, name, end)) {
                from = form_end;
                continue;
            }
        }
        out->begin = begin;
        out->end = end;
        *at = end > form_end ? end : form_end;
        return true;
    }
    *at = len;
    return false;
}

/* ---- for comparing */

static size_t form_folded(const char *text, size_t len, size_t at) {
    size_t end;
    const struct form *form = form_at(text, len, at, &end);
    return form ? end : 0;
}

enum fk_status fk_company_normal(const char *name, size_t len, struct fk_buf *out,
                                 struct fk_err *err) {
    struct fk_buf folded = FK_BUF_INIT;
    size_t next;
    enum fk_status st = fk_terms_fold(name, len, &folded, err);
    const char *text = (const char *)folded.data;
    for (size_t at = 0; st == FK_OK && at < folded.len; at = next) {
        const uint32_t c = fk_glyph(text, folded.len, at, &next);
        const size_t form_end = form_folded(text, folded.len, at);
        if (form_end)
            next = form_end;
        else if (c >= 0x80 ? is_of_name(c) && c != 0xb7 && c != 0x30fb
                           : fk_glyph_is_letter(c) || fk_glyph_is_digit(c))
            fk_buf_add(out, text + at, next - at);
    }
    if (st == FK_OK && (folded.failed || out->failed))
        st = fk_fail(err, FK_NOMEM, "out of memory for a name");
    fk_buf_free(&folded);
    return st;
}
