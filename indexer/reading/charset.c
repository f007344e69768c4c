/* charset.c - see the rule in charset_priv.h. */
#include "indexer/reading/charset_priv.h"
#include "indexer/reading/iso2022_priv.h"
#include "indexer/text/fold_priv.h"

#include <string.h>
#include <strings.h>
#include <unicode/ucnv.h>
#include <unicode/ucnv_cb.h>
#include <unicode/ucsdet.h>
#include <unicode/ustring.h>

enum { CACHE = 24, NAME = 48, CHUNK = 2048, LOOK_AT = 65536, SHORT = 40 };

/* Names as mail means them: each is the superset that senders really use. */
static const struct {
    const char *declared, *icu;
} supersets[] = {
    {"iso-2022-jp", "ISO_2022,locale=ja,version=2"},
    {"iso-2022-jp-1", "ISO_2022,locale=ja,version=2"},
    {"iso-2022-jp-2", "ISO_2022,locale=ja,version=2"},
    {"iso-2022-jp-3", "ISO_2022,locale=ja,version=2"},
    {"iso-2022-jp-2004", "ISO_2022,locale=ja,version=2"},
    {"iso-2022-jp-ms", "ISO_2022,locale=ja,version=2"},
    {"cp50220", "ISO_2022,locale=ja,version=2"},
    {"cp50221", "ISO_2022,locale=ja,version=2"},
    {"cp50222", "ISO_2022,locale=ja,version=2"},
    {"shift_jis", "ibm-943_P15A-2003"},
    {"shift-jis", "ibm-943_P15A-2003"},
    {"sjis", "ibm-943_P15A-2003"},
    {"x-sjis", "ibm-943_P15A-2003"},
    {"cp932", "ibm-943_P15A-2003"},
    {"ms_kanji", "ibm-943_P15A-2003"},
    {"windows-31j", "ibm-943_P15A-2003"},
    {"euc-jp", "EUC-JP"},
    {"x-euc-jp", "EUC-JP"},
    {"eucjp-ms", "EUC-JP"},
    {"cp51932", "EUC-JP"},
    {"iso-8859-1", "windows-1252"},
    {"latin1", "windows-1252"},
    {"iso-8859-9", "windows-1254"},
    {"gb2312", "gb18030"},
    {"gbk", "gb18030"},
    {"euc-kr", "windows-949"},
    {"ks_c_5601-1987", "windows-949"},
    {"big5", "windows-950"},
    {"unicode-1-1-utf-7", "UTF-7"},
};

static struct {
    char name[NAME];
    UConverter *conv;
} cache[CACHE];
static unsigned cached, next_victim, prepared;
static struct fk_charset_use last_use;

const struct fk_charset_use *fk_charset__used(void) {
    return &last_use;
}

static void use_note(const char *name, size_t faults) {
    snprintf(last_use.used, sizeof last_use.used, "%s", name);
    last_use.faults = faults;
}

static void U_CALLCONV count_fault(const void *context, UConverterToUnicodeArgs *args,
                                   const char *units, int32_t length,
                                   UConverterCallbackReason reason, UErrorCode *code) {
    (void)units;
    (void)length;
    if (reason > UCNV_IRREGULAR)
        return;
    ++*(size_t *)(uintptr_t)context;
    *code = U_ZERO_ERROR;
    static const UChar replacement = 0xfffd; /* ICU's own is SUB after a single byte */
    ucnv_cbToUWriteUChars(args, &replacement, 1, 0, code);
}

/* Borrowed; NULL when ICU knows no such charset. */
static UConverter *converter(const char *name) {
    for (unsigned i = 0; i < cached; i++)
        if (strcmp(cache[i].name, name) == 0)
            return cache[i].conv;
    UErrorCode code = U_ZERO_ERROR;
    UConverter *conv = strlen(name) < NAME ? ucnv_open(name, &code) : NULL;
    if (!conv || U_FAILURE(code))
        return NULL;
    unsigned at = cached;
    if (cached < CACHE)
        cached++;
    else { /* what was prepared stays */
        at = prepared + next_victim++ % (CACHE - prepared);
        ucnv_close(cache[at].conv);
    }
    snprintf(cache[at].name, NAME, "%s", name);
    return cache[at].conv = conv;
}

static const char *superset_of(const char *name) {
    for (size_t i = 0; i < sizeof supersets / sizeof *supersets; i++)
        if (strcasecmp(supersets[i].declared, name) == 0)
            return supersets[i].icu;
    return name;
}

void fk_charset__prepare(void) {
    static const char *const names[] = {"ISO_2022,locale=ja,version=2",
                                        "ibm-943_P15A-2003",
                                        "EUC-JP",
                                        "UTF-16",
                                        "UTF-7",
                                        "windows-1252",
                                        "gb18030",
                                        "windows-949",
                                        "windows-950"};
    if (prepared)
        return; /* what came since may give way */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)converter(names[i]); /* one that ICU lacks is unknown later too */
    prepared = cached;
    fk_iso2022__prepare();
}

bool fk_charset__is_ascii(const void *data, size_t len) {
    const uint8_t *p = data;
    uint8_t high = 0;
    for (size_t i = 0; i < len; i++)
        high |= p[i] & 0x80;
    return !high && (len == 0 || !memchr(data, 0x1b, len));
}

bool fk_charset__is_utf8(const void *data, size_t len) {
    const char *text = data;
    int32_t at = 0;
    if (len > INT32_MAX)
        return false;
    while (at < (int32_t)len)
        if (fk_utf8_next(text, &at, (int32_t)len) < 0)
            return false;
    return true;
}

static void append_utf16(struct fk_buf *out, const UChar *wide, int32_t n) {
    UErrorCode code = U_ZERO_ERROR;
    int32_t written = 0;
    if (!fk_buf_reserve(out, (size_t)n * 3))
        return;
    u_strToUTF8WithSub((char *)out->data + out->len, n * 3, &written, wide, n, 0xfffd, NULL, &code);
    out->len += (size_t)written;
}

/* Appends; faults are told, and stand as U+FFFD. */
static void converted(UConverter *conv, const void *data, size_t len, struct fk_buf *out,
                      size_t *faults_out) {
    const char *from = data, *end = from + len;
    UChar wide[CHUNK + 1];
    UErrorCode code = U_ZERO_ERROR;
    *faults_out = 0;
    ucnv_reset(conv);
    ucnv_setToUCallBack(conv, count_fault, faults_out, NULL, NULL, &code);
    do {
        UChar *to = wide;
        code = U_ZERO_ERROR;
        ucnv_toUnicode(conv, &to, wide + CHUNK, &from, end, NULL, true, &code);
        /* A pair cut by the end of the chunk is completed by asking for one unit more. */
        if (to > wide && U16_IS_LEAD(to[-1]) && code == U_BUFFER_OVERFLOW_ERROR) {
            code = U_ZERO_ERROR;
            ucnv_toUnicode(conv, &to, wide + CHUNK + 1, &from, end, NULL, true, &code);
        }
        append_utf16(out, wide, (int32_t)(to - wide));
    } while (code == U_BUFFER_OVERFLOW_ERROR && !out->failed);
    if (U_FAILURE(code) && code != U_BUFFER_OVERFLOW_ERROR)
        ++*faults_out;
}

static void from_euc(void *ctx, const void *euc, size_t len, struct fk_buf *out,
                     size_t *faults_out) {
    converted(ctx, euc, len, out, faults_out);
}

/* GB 2312 and KS C 5601 (RFC 1554) are ICU's affair; all else of ISO-2022-JP is ours. */
static void convert(UConverter *conv, const void *data, size_t len, struct fk_buf *out,
                    size_t *faults_out) {
    UConverter *euc;
    if (conv == converter("ISO_2022,locale=ja,version=2") && (euc = converter("EUC-JP")) &&
        !memmem(data, len, "\x1b$A", 3) && !memmem(data, len, "\x1b$(C", 4))
        fk_iso2022__decode(data, len, from_euc, euc, out, faults_out);
    else
        converted(conv, data, len, out, faults_out);
}

/* The detector's best guess when it is at least half sure; borrowed from ICU's tables. */
static const char *detected(const void *data, size_t len) {
    static char name[NAME];
    UErrorCode code = U_ZERO_ERROR;
    UCharsetDetector *d = ucsdet_open(&code);
    const char *found = NULL;
    if (d) {
        ucsdet_setText(d, data, (int32_t)(len < LOOK_AT ? len : LOOK_AT), &code);
        const UCharsetMatch *match = ucsdet_detect(d, &code);
        if (match && U_SUCCESS(code) && ucsdet_getConfidence(match, &code) >= 50 &&
            (found = ucsdet_getName(match, &code))) {
            snprintf(name, sizeof name, "%s", found);
            found = name;
        }
        ucsdet_close(d);
    }
    return found;
}

static bool is_letter(int32_t cp) {
    return (cp | 0x20) >= 'a' && (cp | 0x20) <= 'z';
}

/* Whether a short text, of which the detector knows nothing, reads well as CP932: without faults,
 * gaiji, or one foreign character inside a word of letters, as caf\xe9s would give. */
static bool is_short_cp932(const uint8_t *p, size_t len) {
    struct fk_buf b = FK_BUF_INIT;
    size_t faults = 1, high = 0;
    for (size_t i = 0; i < len && high <= SHORT; i++)
        high += p[i] >= 0x80;
    UConverter *conv = high <= SHORT ? converter(superset_of("cp932")) : NULL;
    if (conv)
        convert(conv, p, len, &b, &faults);
    int32_t before = ' ', cp = ' ', after;
    for (int32_t at = 0; faults == 0 && at <= (int32_t)b.len; before = cp, cp = after) {
        const char *text = (const char *)b.data;
        after = at < (int32_t)b.len ? fk_utf8_next(text, &at, (int32_t)b.len) : (at++, ' ');
        if (cp >= 0xe000 && cp < 0xf900)
            faults++;
        if (cp >= 0x80 && before < 0x80 && after < 0x80 && (is_letter(before) || is_letter(after)))
            faults++;
    }
    fk_buf_free(&b);
    return faults == 0;
}

static bool is_seven_bit(const uint8_t *p, size_t len) {
    uint8_t high = 0;
    for (size_t i = 0; i < len; i++)
        high |= p[i];
    return high < 0x80;
}

/* How many characters of three bytes there are in what is UTF-8. */
static size_t long_characters(const uint8_t *p, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += p[i] >= 0xe0;
    return n;
}

/* UTF-8 with a few bytes that are none, as a text that was cut has. */
static bool is_nearly_utf8(const uint8_t *p, size_t len) {
    size_t good = 0, bad = 0;
    for (int32_t at = 0, from = 0; at < (int32_t)len && len <= INT32_MAX; from = at) {
        const bool is_wrong = fk_utf8_next((const char *)p, &at, (int32_t)len) < 0;
        bad += is_wrong;
        good += !is_wrong && at - from >= 3;
    }
    return good >= 3 && bad * 3 <= good;
}

static bool is_western(const char *name) {
    static const char *const names[] = {"iso-8859-1", "iso-8859-15", "latin1", "windows-1252",
                                        "cp1252"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Whether a text reads as Japanese in a charset: no faults, and kana among its characters that hold
 * it together. Every byte has a meaning in western charsets, so what is declared as one may be
 * this. */
static bool reads_japanese(const char *charset, const uint8_t *p, size_t len) {
    struct fk_buf b = FK_BUF_INIT;
    size_t faults = 1, kana = 0, wide = 0, other = 0;
    UConverter *conv = converter(superset_of(charset));
    if (conv)
        convert(conv, p, len < LOOK_AT ? len : LOOK_AT, &b, &faults);
    for (int32_t at = 0; at < (int32_t)b.len;) {
        const int32_t cp = fk_utf8_next((const char *)b.data, &at, (int32_t)b.len);
        kana += cp >= 0x3041 && cp <= 0x30fe;
        wide += (cp >= 0x3000 && cp < 0xa000) || (cp >= 0xff01 && cp <= 0xff5e);
        other += cp >= 0x80 && !((cp >= 0x3000 && cp < 0xa000) || (cp >= 0xff01 && cp <= 0xff5e));
    }
    fk_buf_free(&b);
    return (faults == 0 || (len > LOOK_AT && faults == 1)) && kana >= 2 && kana * 10 >= wide &&
           other * 20 <= wide;
}

/* What nearly all mail declares; ASCII is itself in these. */
static bool is_common(const char *name) {
    static const char *const begin[] = {"utf-8", "us-ascii",    "iso-2022-jp", "iso-8859-",
                                        "cp932", "windows-125", "shift_jis",   "euc-",
                                        "gb",    "big5"};
    for (size_t i = 0; *name && i < sizeof begin / sizeof *begin; i++)
        if (strncasecmp(name, begin[i], strlen(begin[i])) == 0)
            return true;
    return !*name;
}

/* ICU takes a name with and without strokes, in any case: what it opens says what it is. */
bool fk_charset__is_wide(const char *name) {
    UConverter *conv = is_common(name) ? NULL : converter(superset_of(name));
    return conv && ucnv_getMinCharSize(conv) > 1;
}

/* Charsets in which ASCII bytes do not mean ASCII. */
static bool is_shifting(const char *name) {
    UConverter *conv = is_common(name) ? NULL : converter(superset_of(name));
    if (!conv)
        return false;
    const UConverterType type = ucnv_getType(conv);
    return ucnv_getMinCharSize(conv) > 1 || type == UCNV_UTF7 || type == UCNV_HZ ||
           type == UCNV_IMAP_MAILBOX || type == UCNV_SCSU || type == UCNV_BOCU1;
}

/* What a text is in truth, where its label must be wrong; NULL: it may be right. */
static const char *belied(const char *name, const uint8_t *p, size_t len) {
    if (fk_charset__is_wide(name))
        return NULL;
    if (is_seven_bit(p, len))
        return fk_iso2022__has_escape(p, len) && strncasecmp(name, "iso-2022", 8) != 0
                   ? "iso-2022-jp"
                   : NULL;
    if (strncasecmp(name, "utf", 3) == 0 || strncasecmp(name, "unicode", 7) == 0)
        return NULL;
    if (fk_charset__is_utf8(p, len) && (is_western(name) || long_characters(p, len) >= 2))
        return "UTF-8";
    if (is_western(name) && is_nearly_utf8(p, len))
        return "UTF-8";
    if (is_western(name))
        return reads_japanese("cp932", p, len)    ? "cp932"
               : reads_japanese("euc-jp", p, len) ? "euc-jp"
                                                  : NULL;
    return NULL;
}

static const char *guessed(const uint8_t *p, size_t len) {
    if (len >= 2 && ((p[0] == 0xfe && p[1] == 0xff) || (p[0] == 0xff && p[1] == 0xfe)))
        return "UTF-16";
    if (fk_iso2022__has_escape(p, len))
        return "iso-2022-jp";
    if (fk_charset__is_utf8(p, len))
        return "UTF-8";
    if (is_short_cp932(p, len))
        return "cp932";
    const char *name = detected(p, len);
    return name ? name : "cp932";
}

/* Declared as one Japanese charset, and without fault only in another. */
static bool is_other_japanese(const char *name, const uint8_t *p, size_t len, const char **truth) {
    static const char *const others[] = {"euc-jp", "cp932"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(superset_of(name), superset_of(others[i])) != 0 &&
            reads_japanese(others[i], p, len)) {
            *truth = others[i];
            return true;
        }
    return false;
}

static void without_mark(const uint8_t **p, size_t *len) {
    if (*len >= 3 && memcmp(*p, "\xef\xbb\xbf", 3) == 0) {
        *p += 3;
        *len -= 3;
    }
}

/* Kana of CP50222, which wants no escape. */
static bool is_shifted_out(const char *name, const void *data, size_t len) {
    return len &&
           (strncasecmp(name, "iso-2022-jp", 11) == 0 || strncasecmp(name, "cp5022", 6) == 0) &&
           memchr(data, 0x0e, len);
}

static void tidy(const char *declared, char name[NAME]) {
    size_t n = 0;
    for (; declared && *declared && n + 1 < NAME; declared++)
        if (*declared > ' ' && *declared != '"' && *declared != '\'')
            name[n++] = *declared;
    name[n] = 0;
}

static bool says_nothing(const char *name) {
    return !*name || strcasecmp(name, "us-ascii") == 0 || strcasecmp(name, "ascii") == 0 ||
           strcasecmp(name, "unknown-8bit") == 0 || strcasecmp(name, "default") == 0;
}

/* A text cut in the middle of a character, say: the faults are few among what has a meaning.
 * Another charset may have none (those of single bytes never have), and would make nonsense of it
 * all. */
static bool is_mostly_good(const uint8_t *text, size_t len, size_t faults) {
    size_t wide = 0;
    for (size_t i = 0; i < len; i++)
        wide += text[i] >= 0xc0;
    return faults != SIZE_MAX && wide > faults && faults <= (wide - faults) / 2;
}

/* What is ASCII; every other byte as U+FFFD. */
static void ascii_add(struct fk_buf *out, const uint8_t *p, size_t len) {
    for (size_t i = 0; i < len; i++)
        fk_buf_add(out, p[i] < 0x80 ? (const void *)(p + i) : "\xef\xbf\xbd", p[i] < 0x80 ? 1 : 3);
}

enum fk_status fk_charset__decode(const char *declared, const void *data, size_t len,
                                  struct fk_buf *out, bool *clean_out, struct fk_err *err) {
    const uint8_t *p = data;
    char name[NAME];
    size_t faults = SIZE_MAX;
    const size_t begin = out->len;
    tidy(declared, name);
    if (fk_charset__is_ascii(data, len) && !is_shifting(name) && !is_shifted_out(name, data, len)) {
        fk_buf_add(out, data, len);
        use_note("us-ascii", 0);
        goto done;
    }
    without_mark(&p, &len);
    const char *truth = says_nothing(name) ? NULL : belied(name, p, len);
    if (truth && !converter(superset_of(name)))
        *clean_out = false;
    if (truth)
        snprintf(name, sizeof name, "%s", truth);
    bool is_utf8 = strcasecmp(name, "utf-8") == 0 || strcasecmp(name, "utf8") == 0;
    if (is_utf8 && fk_charset__is_utf8(p, len)) {
        fk_buf_add(out, p, len);
        use_note("utf-8", 0);
        goto done;
    }
    UConverter *conv = says_nothing(name) ? NULL : converter(superset_of(name));
    if (conv)
        convert(conv, p, len, out, &faults);
    else if (!says_nothing(name))
        *clean_out = false;
    if (faults > 0 && faults != SIZE_MAX && is_other_japanese(name, p, len, &truth)) {
        out->len = begin;
        convert(converter(superset_of(truth)), p, len, out, &faults);
        snprintf(name, sizeof name, "%s", truth);
    }
    use_note(name, faults);
    if (is_mostly_good(out->data + begin, out->len - begin, faults)) {
        if (faults > 0)
            *clean_out = false;
    } else if (faults > 0) {
        struct fk_buf other = FK_BUF_INIT;
        size_t other_faults = SIZE_MAX;
        const char *guess = guessed(p, len);
        UConverter *second = converter(superset_of(guess));
        if (!second) /* the detector knows charsets that ICU cannot convert */
            second = converter(superset_of(guess = "cp932"));
        if (second && second != conv)
            convert(second, p, len, &other, &other_faults);
        if (other_faults < faults && !other.failed) {
            out->len = begin;
            fk_buf_add(out, other.data, other.len);
            faults = other_faults;
            use_note(guess, faults);
        }
        fk_buf_free(&other);
        if (faults == SIZE_MAX) { /* no converter at all */
            ascii_add(out, p, len);
            use_note("us-ascii", len);
        }
        if (faults > 0)
            *clean_out = false;
    }
done:
    return out->failed ? fk_fail(err, FK_NOMEM, "decoding text: out of memory") : FK_OK;
}
