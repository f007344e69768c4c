/* fold.c - one spelling for what a reader takes for the same: NFKC_Casefold, then our own table.
 *
 * Most text folds to itself or by a table of ASCII; ICU is asked only about stretches that hold
 * something else. A stretch may be folded apart from the text around it when it begins at a
 * character that never joins with the one before (SELF, ASCII); a character that may join takes
 * the one before it into the stretch. */
#include "indexer/text/fold_priv.h"
#include "indexer/text/terms.h"

#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

enum { PROLONGED = 0x30fc };

static const UNormalizer2 *nfkc_cf(void) {
    UErrorCode code = U_ZERO_ERROR;
    return unorm2_getNFKCCasefoldInstance(&code);
}

/* Common by Unicode's script table, but written inside words: 々〆〇 and the repeat marks. */
static bool is_japanese_mark(uint32_t cp) {
    return (cp >= 0x3005 && cp <= 0x3007) || (cp >= 0x3031 && cp <= 0x3035) || cp == 0x303b ||
           cp == PROLONGED;
}

static bool is_cut_into_bigrams(uint32_t cp, int8_t type) {
    if (type == U_PRIVATE_USE_CHAR || (cp >= 0x20000 && cp < 0x40000) || is_japanese_mark(cp))
        return true;
    UErrorCode code = U_ZERO_ERROR;
    UScriptCode script = uscript_getScript((UChar32)cp, &code);
    return U_SUCCESS(code) && (script == USCRIPT_HANGUL || uscript_breaksBetweenLetters(script));
}

/* What NFKC leaves apart though readers do not: the dashes, the wave dash. */
static uint32_t own_fold(uint32_t cp) {
    switch (cp) {
    case 0x301c: /* 〜; ～ is ~ by NFKC */
    case 0x223c:
    case 0x3030:
        return '~';
    case 0x2010:
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015:
    case 0x2212:
    case 0x2500: /* ─, drawn for a dash */
        return '-';
    default:
        return cp;
    }
}

static bool is_dash(uint32_t cp) {
    return cp == 0xff0d || own_fold(cp) == '-';
}

static uint8_t class_of(const UNormalizer2 *folder, uint32_t cp) {
    uint8_t c = 0;
    UChar unit[2];
    int32_t n = 0;
    UErrorCode code = U_ZERO_ERROR;
    U16_APPEND_UNSAFE(unit, n, cp);
    if (!unorm2_hasBoundaryBefore(folder, (UChar32)cp))
        c |= FK_CH_ATTACHED;
    else if (own_fold(cp) != cp)
        c |= FK_CH_OURS;
    else if (unorm2_quickCheck(folder, unit, n, &code) == UNORM_YES && U_SUCCESS(code))
        c |= FK_CH_SELF;
    const int8_t type = u_charType((UChar32)cp);
    const uint32_t bit = U_MASK(type);
    if (bit & (U_GC_M_MASK))
        c |= FK_CH_MARK;
    else if ((bit & (U_GC_L_MASK | U_GC_N_MASK | U_GC_CO_MASK)) || (cp >= 0x20000 && cp < 0x40000))
        c |= is_cut_into_bigrams(cp, type) ? FK_CH_CJK : FK_CH_WORD;
    if (cp >= 0x3041 && cp <= 0x309f && (c & FK_CH_CJK))
        c |= FK_CH_KANA;
    if (((cp >= 0x30a1 && cp <= 0x30fa) || (cp >= 0x31f0 && cp <= 0x31ff)))
        c |= FK_CH_KANA | FK_CH_KATAKANA;
    return c;
}

uint8_t *fk_terms__pages[FK_CH_PAGES];

/* A character's page, and what it says of it. */
uint8_t fk_terms__class_make(uint32_t cp) {
    uint8_t *page = malloc(FK_CH_PAGE), *first = NULL;
    const UNormalizer2 *folder = nfkc_cf();
    if (!page || !folder) {
        free(page);
        return folder ? class_of(folder, cp) : 0;
    }
    for (uint32_t i = 0; i < FK_CH_PAGE; i++)
        page[i] = class_of(folder, cp - cp % FK_CH_PAGE + i);
    const uint8_t c = page[cp % FK_CH_PAGE];
    if (!__atomic_compare_exchange_n(&fk_terms__pages[cp / FK_CH_PAGE], &first, page, false,
                                     __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        free(page); /* another thread was quicker with the same page */
    return c;
}

static void add_cp(struct fk_buf *out, uint32_t cp) {
    uint8_t bytes[4];
    int32_t n = 0;
    U8_APPEND_UNSAFE(bytes, n, cp);
    fk_buf_add(out, bytes, (size_t)n);
}

/* A stretch through ICU. */
static enum fk_status fold_stretch(const char *text, size_t len, struct fk_buf *out,
                                   struct fk_err *err) {
    enum fk_status st = FK_OK;
    UChar small[256], folded_small[512], *wide = small, *folded = folded_small;
    int32_t wide_len = 0, folded_len = 0, room = 512;
    UErrorCode code = U_ZERO_ERROR;
    if (len > 256 && !(wide = malloc(len * sizeof *wide)))
        return fk_fail(err, FK_NOMEM, "folding text: out of memory");
    u_strFromUTF8WithSub(wide, (int32_t)(len > 256 ? len : 256), &wide_len, text, (int32_t)len,
                         0xfffd, NULL, &code);
    folded_len = unorm2_normalize(nfkc_cf(), wide, wide_len, folded, room, &code);
    if (code == U_BUFFER_OVERFLOW_ERROR) {
        code = U_ZERO_ERROR;
        room = folded_len;
        if (!(folded = malloc((size_t)room * sizeof *folded))) {
            st = fk_fail(err, FK_NOMEM, "folding text: out of memory");
            goto done;
        }
        folded_len = unorm2_normalize(nfkc_cf(), wide, wide_len, folded, room, &code);
    }
    if (U_FAILURE(code)) {
        st = fk_fail(err, FK_IO, "folding text: %s", u_errorName(code));
        goto done;
    }
    for (int32_t i = 0; i < folded_len;) {
        UChar32 cp;
        U16_NEXT(folded, i, folded_len, cp);
        add_cp(out, own_fold((uint32_t)cp));
    }
done:
    if (wide != small)
        free(wide);
    if (folded != folded_small)
        free(folded);
    return st;
}

/* The two ranges of full-width text that need no ICU; 0 for anything else. */
static uint32_t narrow(uint32_t cp) {
    if (cp == 0x3000)
        return ' ';
    if (cp < 0xff01 || cp > 0xff5e)
        return 0;
    cp -= 0xfee0;
    return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
}

struct fold {
    const char *text;
    int32_t at, len;
    struct fk_buf *out;
    int32_t base;    /* where in the text the last written character begins; -1 none */
    size_t base_out; /* and in out */
    uint8_t base_class;
};

static void fold_remember(struct fold *f, int32_t base, uint8_t class) {
    f->base = base;
    f->base_out = f->out->len;
    f->base_class = class;
}

/* A run of ASCII; the last byte of it may be what a combining mark joins. */
static void fold_ascii(struct fold *f) {
    int32_t end = f->at;
    while (end < f->len && (uint8_t)f->text[end] < 0x80)
        end++;
    size_t n = (size_t)(end - f->at);
    if (fk_buf_reserve(f->out, n)) {
        uint8_t *to = f->out->data + f->out->len;
        for (size_t i = 0; i < n; i++) {
            uint8_t c = (uint8_t)f->text[f->at + (int32_t)i];
            to[i] = c >= 'A' && c <= 'Z' ? c + 32 : c;
        }
        f->out->len += n - 1;
        fold_remember(f, end - 1, 0);
        f->out->len++;
    }
    f->at = end;
}

/* A dash between katakana and kana is a mistyped ー. */
static bool is_prolonging(const struct fold *f, uint32_t cp, int32_t after) {
    if (!(f->base_class & FK_CH_KATAKANA) || f->base < 0 || !is_dash(cp) || after >= f->len)
        return false;
    const int32_t next = fk_utf8_next(f->text, &after, f->len);
    return next >= 0 && (fk_terms__class((uint32_t)next) & FK_CH_KANA);
}

/* From f->at, or the character before it, to the next that stands for itself. */
static enum fk_status fold_other(struct fold *f, bool attached, struct fk_err *err) {
    int32_t begin = f->at, end = f->at;
    if (attached && f->base >= 0) {
        begin = f->base;
        f->out->len = f->base_out;
    }
    (void)fk_utf8_next(f->text, &end, f->len);
    while (end < f->len && (uint8_t)f->text[end] >= 0x80) {
        int32_t next = end;
        const int32_t cp = fk_utf8_next(f->text, &next, f->len);
        if (cp >= 0 &&
            ((fk_terms__class((uint32_t)cp) & (FK_CH_SELF | FK_CH_OURS)) || narrow((uint32_t)cp)))
            break;
        end = next;
    }
    f->at = end;
    f->base = -1;
    f->base_class = 0;
    return fold_stretch(f->text + begin, (size_t)(end - begin), f->out, err);
}

/* Characters that stand for themselves, from f->at on. */
static void fold_span(struct fold *f, int32_t last, int32_t end, uint8_t class) {
    fk_buf_add(f->out, f->text + f->at, (size_t)(last - f->at));
    fold_remember(f, last, class);
    fk_buf_add(f->out, f->text + last, (size_t)(end - last));
    f->at = end;
}

static enum fk_status fold_wide(struct fold *f, struct fk_err *err) {
    int32_t last = f->at, next = f->at;
    uint8_t class = 0;
    UChar32 cp = 0;
    for (int32_t at = f->at; at < f->len && (uint8_t)f->text[at] >= 0x80; at = next) {
        cp = fk_utf8_next(f->text, &next, f->len);
        const uint8_t c = cp < 0 ? 0 : fk_terms__class((uint32_t)cp);
        if (c & FK_CH_SELF) {
            last = at;
            class = c;
            continue;
        }
        if (at > f->at) { /* the span before it first */
            fold_span(f, last, at, class);
            return FK_OK;
        }
        uint32_t to = cp < 0 ? 0xfffd : narrow((uint32_t)cp);
        if (cp >= 0 && is_prolonging(f, (uint32_t)cp, next))
            to = PROLONGED;
        else if (c & FK_CH_OURS)
            to = own_fold((uint32_t)cp);
        if (!to)
            return fold_other(f, (c & FK_CH_ATTACHED) != 0, err);
        fold_remember(f, at, c);
        add_cp(f->out, to);
        f->at = next;
        return FK_OK;
    }
    fold_span(f, last, next, class);
    return FK_OK;
}

enum fk_status fk_terms_fold(const char *text, size_t len, struct fk_buf *out, struct fk_err *err) {
    if (len > INT32_MAX / 4)
        return fk_fail(err, FK_INVALID, "a text of %zu bytes is too long to be folded", len);
    if (!nfkc_cf())
        return fk_fail(err, FK_IO, "ICU has no data for NFKC_Casefold");
    struct fold f = {text, 0, (int32_t)len, out, -1, 0, 0};
    while (f.at < f.len && !out->failed) {
        if ((uint8_t)f.text[f.at] < 0x80) {
            fold_ascii(&f);
            continue;
        }
        enum fk_status st = fold_wide(&f, err);
        if (st != FK_OK)
            return st;
    }
    return out->failed ? fk_fail(err, FK_NOMEM, "folding text: out of memory") : FK_OK;
}
