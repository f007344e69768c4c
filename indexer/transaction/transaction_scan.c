/* transaction_scan.c - one text from its beginning to its end: labels, and the days, amounts and
 * numbers that follow them or stand alone; what the text calls itself; names of companies. */
#include "indexer/transaction/amount.h"
#include "indexer/transaction/company.h"
#include "indexer/transaction/lexicon_priv.h"
#include "indexer/transaction/numeral.h"
#include "indexer/transaction/transaction_find_priv.h"
#include "indexer/transaction/written_date.h"

#include <stdio.h>
#include <string.h>

enum {
    UNLABELLED_DATE = 45,
    UNLABELLED_AMOUNT = 40,
    LOW_LABEL = 50, /* under it a label says what the figure is not */
    QUOTED_LESS = 20,
    YEARLESS_LESS = 20,
    BARE_LESS = 8, /* a figure without its currency */
    NUMBER_MAX = 40,
    LINE_BYTES = 200,
    JAPAN = 540
};

struct scan {
    struct fk_txn_search *s;
    const struct fk_txn_part *part;
    const char *text;
    size_t len, at;
    bool is_quoted; /* the line begins with > */
    struct pending {
        const struct fk_txn_label *label;
        int weight;
        size_t end;
    } pending[FK_TXN_ITEMS];
};

static uint32_t glyph(const struct scan *x, size_t at, size_t *next) {
    return fk_glyph(x->text, x->len, at, next);
}

static uint32_t before(const struct scan *x, size_t at) {
    size_t begin;
    return fk_glyph_before(x->text, x->len, at, &begin);
}

static void take(struct scan *x, enum fk_txn_item item, size_t begin, size_t end, int confidence,
                 const char *rule, const char *value) {
    struct fk_txn_candidate c = {
        .item = item, .part = x->part, .begin = begin, .end = end, .confidence = confidence};
    if (x->is_quoted)
        c.confidence -= QUOTED_LESS;
    if (c.confidence < 0)
        c.confidence = 0;
    (void)snprintf(c.rule, sizeof c.rule, "%s", rule);
    (void)snprintf(c.value, sizeof c.value, "%s", value);
    fk_txn_candidate__add(x->s, &c);
}

/* The label that this item, which begins at `to`, belongs to. */
static const struct pending *label_of(const struct scan *x, enum fk_txn_item item, size_t to) {
    const struct pending *p = &x->pending[item];
    return p->label && fk_txn_label__reaches(x->text, x->len, p->end, to) ? p : NULL;
}

static void rule_of(const struct pending *p, char out[FK_TXN_RULE]) {
    (void)snprintf(out, FK_TXN_RULE, "label %.50s", p->label->word);
}

/* A word that begins where the last label ended is one with it: 消費税合計 is no sum of all. */
static bool label_take(struct scan *x) {
    size_t end = 0;
    const struct fk_txn_label *l = fk_txn_label__at(x->text, x->len, x->at, &end);
    if (!l)
        return false;
    struct pending *p = &x->pending[l->item];
    int weight = l->weight;
    if (p->label && p->end == x->at && p->weight < LOW_LABEL)
        weight = p->weight;
    *p = (struct pending){l, weight, end};
    x->at = end;
    return true;
}

/* ---- days */

static const char *date_suffix(const struct scan *x, size_t at) {
    static const char *const words[] = {"発行", "付け", "付", "締結", "作成"};
    static struct fk_lexicon lexicon = FK_LEXICON_OF(words);
    size_t end;
    const size_t i = fk_lexicon_first(&lexicon, x->text, x->len, at, &end);
    return i == FK_LEXICON_NONE ? NULL : words[i];
}

static bool date_take(struct scan *x) {
    struct fk_written_date d;
    if (!fk_written_date_read(x->text, x->len, x->at, &d))
        return false;
    char value[48], rule[FK_TXN_RULE] = "alone";
    int confidence = UNLABELLED_DATE;
    const struct pending *p = label_of(x, FK_TXN_DATE, x->at);
    const char *suffix = date_suffix(x, d.end);
    if (p) {
        confidence = p->weight;
        rule_of(p, rule);
    } else if (suffix) {
        confidence = 82;
        (void)snprintf(rule, sizeof rule, "before %s", suffix);
    }
    if (d.year == 0 && x->s->has_date) {
        d.year = fk_date_year_near(d.month, d.day, x->s->date_ms, JAPAN);
        confidence -= YEARLESS_LESS;
        (void)snprintf(rule + strlen(rule), sizeof rule - strlen(rule), ", year of the message");
    }
    if (fk_date_is_real(d.year, d.month, d.day)) {
        (void)snprintf(value, sizeof value, "%04u-%02u-%02u", d.year, d.month, d.day);
        take(x, FK_TXN_DATE, x->at, d.end, confidence, rule, value);
    }
    x->at = d.end;
    return true;
}

/* ---- amounts */

static enum fk_tax tax_before(const struct scan *x, const struct pending *p) {
    size_t end;
    if (!p)
        return FK_TAX_UNKNOWN;
    const enum fk_tax tax = fk_tax_read(x->text, x->len, p->end, &end);
    if (tax != FK_TAX_UNKNOWN)
        return tax;
    return strncmp(p->label->word, "税込", 6) == 0   ? FK_TAX_INCLUDED
           : strncmp(p->label->word, "税抜", 6) == 0 ? FK_TAX_EXCLUDED
                                                     : FK_TAX_UNKNOWN;
}

/* 代金1,000円 is no 金 of a document, and a dash behind a word is no minus. */
static bool may_begin_amount(const struct scan *x, uint32_t c) {
    const uint32_t last = before(x, x->at);
    if (fk_glyph_is_letter(last) || fk_glyph_is_digit(last) || last == '_')
        return false;
    if (c == 0x91d1 && fk_glyph_is_kanji(last))
        return false;
    if (fk_glyph_is_digit(c) && (last == '.' || last == '-' || last == '/' || last == '#'))
        return false;
    return c != '-' || !(fk_glyph_is_kanji(last) || fk_glyph_is_kana(last) || last == ')' ||
                         last == '-' || last == ':');
}

static bool amount_take(struct scan *x, uint32_t c) {
    struct fk_amount a;
    if (!may_begin_amount(x, c) || !fk_amount_read(x->text, x->len, x->at, &a))
        return false;
    char value[FK_AMOUNT_TEXT], rule[FK_TXN_RULE] = "currency";
    int confidence = UNLABELLED_AMOUNT;
    const struct pending *p = label_of(x, FK_TXN_AMOUNT, x->at);
    if (!p && !*a.currency)
        return false;
    if (p) {
        confidence = p->weight;
        if (!*a.currency && confidence >= LOW_LABEL)
            confidence -= BARE_LESS;
        rule_of(p, rule);
    } else if (a.is_formal) {
        confidence = 85;
        (void)snprintf(rule, sizeof rule, "form of a document's sum");
    }
    if (a.tax == FK_TAX_UNKNOWN)
        a.tax = tax_before(x, p);
    fk_amount_print(a.hundredths, a.currency, a.tax, value);
    take(x, FK_TXN_AMOUNT, x->at, a.end, confidence, rule, value);
    x->at = a.end;
    return true;
}

/* ---- numbers of documents */

static bool is_of_number(uint32_t c) {
    return fk_glyph_is_letter(c) || fk_glyph_is_digit(c) || c == '-' || c == '_' || c == '/';
}

/* Letters, digits, - _ / with a digit among them. */
static size_t number_end(const struct scan *x, size_t at) {
    const size_t begin = at;
    bool has_digit = false;
    size_t next, end = at;
    for (uint32_t c; is_of_number(c = glyph(x, at, &next)); at = next) {
        has_digit |= fk_glyph_is_digit(c);
        if (c != '-' && c != '_' && c != '/')
            end = next;
        if (at - begin > 3 * NUMBER_MAX)
            return 0;
    }
    return has_digit && end - begin >= 2 ? end : 0;
}

/* INV-2024-001 */
static bool has_pattern(const struct scan *x, size_t at, size_t end) {
    static const char *const begins[] = {"inv", "po",  "p.o",  "est", "qt",  "quo", "ord",
                                         "so",  "rec", "rcpt", "dn",  "con", "cnt"};
    size_t next = at, after = at;
    if (memchr(x->text + at, '-', end - at) == NULL && memchr(x->text + at, '_', end - at) == NULL)
        return false;
    while (fk_glyph_is_letter(glyph(x, after, &next)) && after < end)
        after = next;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (after - at == strlen(begins[i]) &&
            strncasecmp(x->text + at, begins[i], after - at) == 0)
            return true;
    return false;
}

static void value_copy(const struct scan *x, size_t begin, size_t end, char *out, size_t size) {
    size_t n = 0, next;
    for (size_t at = begin; at < end; at = next) {
        const uint32_t c = glyph(x, at, &next);
        if (n + (next - at) + 1 > size)
            break;
        if (c < 0x80) {
            if (c >= ' ' && c != 0x7f)
                out[n++] = (char)c; /* full-width ones are written in half */
            else if (n && out[n - 1] != ' ')
                out[n++] = ' ';
        } else if (c == FK_GLYPH_BAD) {
            out[n++] = '?';
        } else {
            memcpy(out + n, x->text + at, next - at);
            n += next - at;
        }
    }
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = 0;
}

static bool number_take(struct scan *x) {
    struct fk_written_date d;
    const uint32_t last = before(x, x->at);
    if (fk_glyph_is_letter(last) || fk_glyph_is_digit(last))
        return false;
    const size_t end = number_end(x, x->at);
    const struct pending *p = end ? label_of(x, FK_TXN_NUMBER, x->at) : NULL;
    const bool is_pattern = end && has_pattern(x, x->at, end);
    if (!p && !is_pattern)
        return false;
    if (!is_pattern && fk_written_date_read(x->text, x->len, x->at, &d) && d.end >= end)
        return false;
    char value[FK_TXN_TEXT_MAX + 1], rule[FK_TXN_RULE] = "its form";
    value_copy(x, x->at, end, value, sizeof value);
    if (p)
        rule_of(p, rule);
    if (!p || p->weight > 0)
        take(x, FK_TXN_NUMBER, x->at, end, p ? p->weight : 72, rule, value);
    x->at = end;
    return true;
}

/* ---- the text */

/* 金, a number, or the first of 令和 平成 昭和 大正: most kanji begin nothing. */
static bool is_kanji_of_figure(uint32_t c) {
    switch (c) {
    case 0x91d1:
    case 0x4ee4:
    case 0x5e73:
    case 0x662d:
    case 0x5927:
    case 0x5341:
    case 0x62fe:
    case 0x5eff:
    case 0x5345:
    case 0x767e:
    case 0x4f70:
    case 0x964c:
    case 0x5343:
    case 0x4edf:
    case 0x9621:
        return true;
    default:
        return fk_numeral_kanji_digit(c) >= 0;
    }
}

static bool is_beginning_of_figure(uint32_t c) {
    return fk_glyph_is_digit(c) || fk_glyph_is_letter(c) || c == FK_GLYPH_YEN || c == '\\' ||
           c == '$' || c == '-' || (c >= 0x20a0 && c <= 0x20bf) || c == 0xa3 || c == 0x25b2 ||
           c == 0x25b3 || (c >= 0x32ff && c <= 0x337f) || is_kanji_of_figure(c);
}

/* No figure begins inside a run of letters and digits. */
static void run_pass(struct scan *x, uint32_t c, size_t next) {
    x->at = next;
    if (!fk_glyph_is_digit(c) && !fk_glyph_is_letter(c))
        return;
    while (fk_glyph_is_digit(c = glyph(x, x->at, &next)) || fk_glyph_is_letter(c) ||
           ((c == ',' || c == '.' || c == '-') && fk_glyph_is_digit(glyph(x, next, &next))))
        (void)glyph(x, x->at, &x->at);
}

void fk_txn_scan__figures(struct fk_txn_search *s, const struct fk_txn_part *part) {
    struct scan x = {.s = s, .part = part, .text = fk_txn_text(s, part), .len = part->text_len};
    bool is_line_start = true;
    size_t next;
    while (x.at < x.len) {
        const uint32_t c = glyph(&x, x.at, &next);
        if (is_line_start)
            x.is_quoted = c == '>';
        is_line_start = c == '\n';
        if (fk_glyph_is_blank(c) || c == '\n' || c == '\r') {
            x.at = next;
            continue;
        }
        if (fk_txn_label__may_begin(c) && label_take(&x))
            continue;
        if (!is_beginning_of_figure(c)) {
            x.at = next;
            continue;
        }
        if ((c < 0x80 && number_take(&x)) || date_take(&x) || amount_take(&x, c))
            continue;
        run_pass(&x, c, next);
    }
}

/* ---- what the text calls itself */

static bool is_decoration(uint32_t c) {
    return fk_glyph_is_blank(c) || c == 0x5fa1 || c == 0x3054 || c == '[' || c == ']' ||
           c == 0x3010 || c == 0x3011 || c == 0x300e || c == 0x300f || c == 0x300c || c == 0x300d ||
           c == '#' || c == '*' || c == '=' || c == '-' || c == '<' || c == '>' ||
           (c >= 0x2500 && c <= 0x25ff);
}

/* The word is a line of its own, but for what adorns it. */
static bool is_title(const struct scan *x, size_t begin, size_t end) {
    size_t at = begin, next;
    while (is_decoration(fk_glyph_before(x->text, x->len, at, &next)))
        at = next;
    const uint32_t first = before(x, at);
    if (first != '\n' && first != FK_GLYPH_END)
        return false;
    while (is_decoration(glyph(x, end, &next)))
        end = next;
    const uint32_t last = glyph(x, end, &next);
    return last == '\n' || last == '\r' || last == FK_GLYPH_END;
}

void fk_txn_scan__kinds(struct fk_txn_search *s, const struct fk_txn_part *part) {
    struct scan x = {.s = s, .part = part, .text = fk_txn_text(s, part), .len = part->text_len};
    size_t next, end = 0;
    bool is_line_start = true;
    const bool is_short = part->field == FK_TXN_IN_SUBJECT || part->field == FK_TXN_IN_FILE;
    for (; x.at < x.len; x.at = next) {
        int in_subject = 0, in_text = 0;
        const uint32_t c = glyph(&x, x.at, &next);
        if (is_line_start)
            x.is_quoted = c == '>';
        is_line_start = c == '\n';
        if (!fk_txn_kind__may_begin(c) || fk_glyph_is_inside(x.text, x.len, x.at, c))
            continue;
        const int kind = fk_txn_kind__at(x.text, x.len, x.at, &end, &in_subject, &in_text);
        if (kind < 0) {
            next = end > next ? end : next;
            continue;
        }
        const bool title = !is_short && in_text >= 30 && is_title(&x, x.at, end);
        take(&x, FK_TXN_KIND, x.at, end,
             is_short ? in_subject
             : title  ? 80
                      : in_text,
             is_short && part->field == FK_TXN_IN_SUBJECT ? "subject"
             : is_short                                   ? "name of a file"
             : title                                      ? "title"
                                                          : "in the text",
             fk_txn_kinds[kind]);
        next = end;
    }
}

/* ---- companies */

/* 御中, 様 or 殿 on the rest of the line, or alone with a department on the next. */
static bool is_addressed(const struct scan *x, size_t at) {
    size_t next;
    unsigned lines = 0;
    const size_t from = at;
    for (uint32_t c; (c = glyph(x, at, &next)) != FK_GLYPH_END && at - from < 120; at = next) {
        if (c == '\n' && ++lines > 1)
            return false;
        if (c == 0x3002 || c == 0x3001 || c == ':')
            return false;
        if (fk_glyph_word(x->text, x->len, at, "御中") || c == 0x6bbf || c == 0x69d8)
            return true;
    }
    return false;
}

/* "-- ", or a line of one sign: what stands below it is who wrote it. */
static bool begins_signature(const struct scan *x, size_t at) {
    size_t next;
    unsigned n = 0;
    const uint32_t sign = glyph(x, at, &next);
    if (!(sign == '-' || sign == '=' || sign == '*' || sign == '_' || sign == '+' ||
          (sign >= 0x2500 && sign <= 0x25ff) || sign == 0x2606 || sign == 0xff0a))
        return false;
    uint32_t c;
    while ((c = glyph(x, at, &next)) == sign || c == '+' || fk_glyph_is_blank(c)) {
        n += c == sign;
        at = next;
    }
    return (c == '\n' || c == '\r' || c == FK_GLYPH_END) && (n >= 5 || (n == 2 && sign == '-'));
}

/* Of a line that is longer than any label's, not its beginning. */
static size_t line_begin(const struct scan *x, size_t at) {
    const size_t last = at > LINE_BYTES ? at - LINE_BYTES : 0;
    while (at > last && x->text[at - 1] != '\n')
        at--;
    while (at > 0 && at < x->len && ((uint8_t)x->text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static const struct fk_txn_label *company_label(const struct scan *x, size_t begin) {
    for (size_t at = line_begin(x, begin), next, end; at < begin; at = next) {
        const struct fk_txn_label *l = fk_txn_label__at(x->text, begin, at, &end);
        (void)glyph(x, at, &next);
        if (l && l->item == FK_TXN_COUNTERPARTY &&
            fk_txn_label__reaches(x->text, x->len, end, begin))
            return l;
    }
    return NULL;
}

static void company_take(struct scan *x, const struct fk_company *c, bool in_signature) {
    char value[FK_TXN_TEXT_MAX + 1], rule[FK_TXN_RULE] = "in the text";
    int confidence = x->part->field == FK_TXN_IN_ATTACHMENT ? 62 : 50;
    const struct fk_txn_label *label = company_label(x, c->begin);
    if (label) {
        confidence = label->weight;
        (void)snprintf(rule, sizeof rule, "label %.50s", label->word);
    } else if (x->part->field == FK_TXN_IN_FROM) {
        confidence = 80;
        (void)snprintf(rule, sizeof rule, "sender");
    } else if (x->part->field == FK_TXN_IN_TO || is_addressed(x, c->end)) {
        confidence = 40;
        (void)snprintf(rule, sizeof rule, "addressee");
    } else if (in_signature) {
        confidence = 76;
        (void)snprintf(rule, sizeof rule, "signature");
    }
    value_copy(x, c->begin, c->end, value, sizeof value);
    take(x, FK_TXN_COUNTERPARTY, c->begin, c->end, confidence, rule, value);
}

/* Who has no name has a domain. */
static void domain_take(struct scan *x) {
    const char *sign = memrchr(x->text, '@', x->len);
    char value[FK_TXN_TEXT_MAX + 1];
    if (!sign)
        return;
    const size_t begin = (size_t)(sign + 1 - x->text);
    size_t end = begin, next;
    for (uint32_t c = glyph(x, end, &next);
         fk_glyph_is_letter(c) || fk_glyph_is_digit(c) || c == '-' || c == '.';
         c = glyph(x, end, &next))
        end = next;
    value_copy(x, begin, end, value, sizeof value);
    if (*value)
        take(x, FK_TXN_COUNTERPARTY, begin, end, x->part->field == FK_TXN_IN_FROM ? 30 : 20,
             "domain", value);
}

void fk_txn_scan__companies(struct fk_txn_search *s, const struct fk_txn_part *part) {
    struct scan x = {.s = s, .part = part, .text = fk_txn_text(s, part), .len = part->text_len};
    struct fk_company c;
    size_t looked = 0;
    bool in_signature = false;
    if (part->field == FK_TXN_IN_FROM || part->field == FK_TXN_IN_TO)
        domain_take(&x);
    while (fk_company_next(x.text, x.len, &x.at, &c)) {
        for (; looked < c.begin; looked++)
            if (looked == 0 || x.text[looked - 1] == '\n')
                in_signature |= part->field == FK_TXN_IN_BODY && begins_signature(&x, looked);
        const size_t line = line_begin(&x, c.begin);
        x.is_quoted = line < x.len && x.text[line] == '>';
        company_take(&x, &c, in_signature);
    }
}
