/* numeral.c - see numeral.h. Numbers are counted in millionths until they are complete,
 * since 1.2345万 has four decimals and is a whole number. */
#include "indexer/transaction/numeral.h"
#include "indexer/text/glyph_priv.h"

#include <string.h>

typedef __int128 wide;
enum { MILLION = 1000000, DECIMALS = 6, DIGITS_MAX = 17 };
static const wide WIDEST = (wide)FK_NUMERAL_MAX * (MILLION / 100);

int fk_numeral_kanji_digit(uint32_t c) {
    switch (c) {
    case 0x3007: /* 〇 */
    case 0x96f6: /* 零 */
        return 0;
    case 0x4e00: /* 一 */
    case 0x58f1: /* 壱 */
    case 0x5f0c: /* 弌 */
    case 0x58f9: /* 壹 */
        return 1;
    case 0x4e8c: /* 二 */
    case 0x5f10: /* 弐 */
    case 0x5f0d: /* 弍 */
    case 0x8cb3: /* 貳 */
    case 0x8cae: /* 貮 */
        return 2;
    case 0x4e09: /* 三 */
    case 0x53c2: /* 参 */
    case 0x53c3: /* 參 */
        return 3;
    case 0x56db: /* 四 */
    case 0x8086: /* 肆 */
        return 4;
    case 0x4e94: /* 五 */
    case 0x4f0d: /* 伍 */
        return 5;
    case 0x516d: /* 六 */
    case 0x9678: /* 陸 */
        return 6;
    case 0x4e03: /* 七 */
    case 0x6f06: /* 漆 */
    case 0x67d2: /* 柒 */
        return 7;
    case 0x516b: /* 八 */
    case 0x634c: /* 捌 */
        return 8;
    case 0x4e5d: /* 九 */
    case 0x7396: /* 玖 */
        return 9;
    default:
        return -1;
    }
}

/* 10, 100, 1000, and 20 and 30, which are a number each; 0 for none. */
static int small_unit(uint32_t c) {
    switch (c) {
    case 0x5341: /* 十 */
    case 0x62fe: /* 拾 */
        return 10;
    case 0x5eff: /* 廿 */
        return 20;
    case 0x5345: /* 卅 */
        return 30;
    case 0x767e: /* 百 */
    case 0x4f70: /* 佰 */
    case 0x964c: /* 陌 */
        return 100;
    case 0x5343: /* 千 */
    case 0x4edf: /* 仟 */
    case 0x9621: /* 阡 */
        return 1000;
    default:
        return 0;
    }
}

static int64_t great_unit(uint32_t c) {
    switch (c) {
    case 0x4e07: /* 万 */
    case 0x842c: /* 萬 */
        return 10000;
    case 0x5104: /* 億 */
        return 100000000;
    case 0x5146: /* 兆 */
        return 1000000000000;
    default:
        return 0;
    }
}

struct reading {
    const char *text;
    size_t len, at;
    wide total, section, current; /* current: -1 for none */
    int last_small;               /* units go down within a section, */
    int64_t last_great;           /* and sections within a number */
    unsigned units, parts;
    bool is_kanji_current, has_digits, has_leading_zero;
};

static unsigned digits_at(const struct reading *r, size_t at, size_t *end) {
    unsigned n = 0;
    size_t next;
    while (n <= DIGITS_MAX && fk_glyph_is_digit(fk_glyph(r->text, r->len, at, &next))) {
        at = next;
        n++;
    }
    *end = at;
    return n;
}

static wide digits_value(const struct reading *r, size_t at, size_t end, wide value) {
    size_t next;
    for (; at < end; at = next)
        value = value * 10 + (fk_glyph(r->text, r->len, at, &next) - '0');
    return value;
}

static bool is_comma(uint32_t c) {
    return c == ',' || c == 0x3001;
}

/* Groups behind the first; *end moves behind them. False for groups of another size. */
static bool groups_read(const struct reading *r, unsigned first, size_t *end, wide *value,
                        unsigned *digits) {
    size_t next, group_end;
    const bool grouped = first <= 3;
    for (unsigned groups = 0; is_comma(fk_glyph(r->text, r->len, *end, &next)); groups++) {
        const unsigned n = digits_at(r, next, &group_end);
        if (n == 0)
            return true; /* a comma of the sentence */
        if (n != 3 || !grouped)
            return fk_glyph(r->text, r->len, *end, &group_end) == 0x3001 && groups == 0;
        *value = digits_value(r, next, group_end, *value);
        *digits += n;
        *end = group_end;
        if (*digits > DIGITS_MAX)
            return false;
    }
    return true;
}

static bool decimals_read(const struct reading *r, size_t *end, wide *value) {
    size_t next, digits_end;
    *value *= MILLION;
    if (fk_glyph(r->text, r->len, *end, &next) != '.')
        return true;
    const unsigned n = digits_at(r, next, &digits_end);
    if (n == 0)
        return true; /* a full stop, or 1,000.- */
    if (n > DECIMALS)
        return false;
    wide decimals = digits_value(r, next, digits_end, 0);
    for (unsigned i = n; i < DECIMALS; i++)
        decimals *= 10;
    *value += decimals;
    *end = digits_end;
    return !(fk_glyph(r->text, r->len, *end, &next) == '.' &&
             fk_glyph_is_digit(fk_glyph(r->text, r->len, next, &next)));
}

static bool digits_read(struct reading *r) {
    size_t end, next;
    unsigned n = digits_at(r, r->at, &end);
    const unsigned first = n;
    if (n > DIGITS_MAX)
        return false;
    r->has_leading_zero |= n > 1 && fk_glyph(r->text, r->len, r->at, &next) == '0';
    wide value = digits_value(r, r->at, end, 0);
    if (!groups_read(r, first, &end, &value, &n) || !decimals_read(r, &end, &value))
        return false;
    r->current = value;
    r->is_kanji_current = false;
    r->has_digits = true;
    r->at = end;
    return true;
}

static bool kanji_digit_take(struct reading *r, int digit) {
    if (r->current >= 0 && !r->is_kanji_current)
        return false;
    r->current = (r->current < 0 ? 0 : r->current) * 10 + (wide)digit * MILLION;
    r->is_kanji_current = true;
    return r->current <= WIDEST;
}

static bool small_take(struct reading *r, int unit) {
    const bool is_number = unit == 20 || unit == 30;
    const int size = is_number ? 10 : unit;
    if ((r->last_small && size >= r->last_small) || (is_number && r->current >= 0) ||
        r->current == 0)
        return false;
    r->section += (r->current < 0 ? (wide)MILLION : r->current) * unit;
    r->current = -1;
    r->last_small = size;
    r->units++;
    return r->section <= WIDEST;
}

static bool great_take(struct reading *r, int64_t unit) {
    const wide section = r->section + (r->current < 0 ? 0 : r->current);
    if (section == 0 || (r->last_great && unit >= r->last_great) || section > WIDEST / unit)
        return false;
    r->total += section * unit;
    r->section = 0;
    r->current = -1;
    r->last_small = 0;
    r->last_great = unit;
    r->units++;
    return r->total <= WIDEST;
}

/* What stands at r->at belongs to the number: 1; it does not: 0; no such number can be: -1. */
static int part_take(struct reading *r) {
    size_t next;
    const uint32_t c = fk_glyph(r->text, r->len, r->at, &next);
    if (fk_glyph_is_digit(c))
        return r->current >= 0 ? 0 : digits_read(r) ? 1 : -1;
    int digit = fk_numeral_kanji_digit(c);
    if (digit < 0 && (c == 0x25cb || c == 0x25ef) && r->current >= 0 && r->is_kanji_current)
        digit = 0; /* a circle for 〇 */
    if (digit >= 0) {
        if (!kanji_digit_take(r, digit))
            return 0;
    } else if (small_unit(c)) {
        if (!small_take(r, small_unit(c)))
            return 0;
    } else if (great_unit(c)) {
        if (!great_take(r, great_unit(c)))
            return 0;
    } else {
        return 0;
    }
    r->at = next;
    return 1;
}

bool fk_numeral_read(const char *text, size_t len, size_t at, struct fk_numeral *out) {
    struct reading r = {.text = text, .len = len, .at = at, .current = -1};
    int took;
    while ((took = part_take(&r)) > 0)
        r.parts++;
    if (took < 0 || r.parts == 0)
        return false;
    const wide sum = r.total + r.section + (r.current < 0 ? 0 : r.current);
    if (sum > WIDEST || sum % (MILLION / 100) != 0)
        return false;
    *out = (struct fk_numeral){.hundredths = (int64_t)(sum / (MILLION / 100)),
                               .end = r.at,
                               .has_digits = r.has_digits,
                               .is_bare = r.parts == 1 && r.units == 1,
                               .has_leading_zero = r.has_leading_zero};
    return true;
}
