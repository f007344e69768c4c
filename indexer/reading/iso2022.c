/* iso2022.c - ISO-2022-JP as Japan's mail has it (RFC 1468, CP50220 to 50222, ISO-2022-JP-1, -3 and
 * -2004): escapes are undone into EUC-JP, which ICU then converts in one go. JIS X 0213, which ICU
 * has no table of, goes through a converter of glibc that is opened before the box is closed. */
#include "indexer/reading/iso2022_priv.h"

#include <iconv.h>
#include <string.h>

enum set { ASCII, KANA, JIS_0208, JIS_0212, JIS_0213_1, JIS_0213_2 };
enum { HIGH = 0x80, SINGLE_2 = 0x8e, SINGLE_3 = 0x8f, NO_CHARACTER = 0xff };

static const struct {
    const char *escape;
    enum set set;
} escapes[] = {{"(B", ASCII},
               {"(J", ASCII},
               {"(H", ASCII},
               {"(I", KANA},
               {"$@", JIS_0208},
               {"$B", JIS_0208},
               {"$(@", JIS_0208},
               {"$(B", JIS_0208},
               {"$(D", JIS_0212},
               {"$(O", JIS_0213_1},
               {"$(Q", JIS_0213_1},
               {"$(P", JIS_0213_2},
               {"&@", ASCII /* what follows is of 1990: $B comes next */}};

static iconv_t jis_0213 = (iconv_t)-1;

void fk_iso2022__prepare(void) {
    if (jis_0213 == (iconv_t)-1)
        jis_0213 = iconv_open("UTF-8", "EUC-JISX0213");
}

/* Bytes behind an ESC that name a set; 0: none that is known here. */
static size_t escape_take(const uint8_t *at, size_t len, enum set *set) {
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        const size_t n = strlen(escapes[i].escape);
        if (len >= n && memcmp(at, escapes[i].escape, n) == 0) {
            *set = escapes[i].set;
            return n;
        }
    }
    return 0;
}

bool fk_iso2022__has_escape(const void *data, size_t len) {
    const uint8_t *at = data, *end = at + len;
    enum set set;
    while (at < end && (at = memchr(at, 0x1b, (size_t)(end - at))))
        if (escape_take(at + 1, (size_t)(end - at - 1), &set))
            return true;
        else
            at++;
    return false;
}

struct undoing {
    fk_iso2022_fn convert;
    void *ctx;
    struct fk_buf euc;
    struct fk_buf *out;
    size_t *faults;
};

static void euc_flush(struct undoing *u) {
    size_t faults = 0;
    if (u->euc.len)
        u->convert(u->ctx, u->euc.data, u->euc.len, u->out, &faults);
    *u->faults += faults;
    fk_buf_reset(&u->euc);
}

static void fault(struct undoing *u) {
    ++*u->faults;
    fk_buf_str(u->out, "\xef\xbf\xbd");
}

static void jis_0213_add(struct undoing *u, enum set set, uint8_t a, uint8_t b) {
    char in[3] = {(char)SINGLE_3, (char)(a | HIGH), (char)(b | HIGH)}, out[16];
    char *from = set == JIS_0213_2 ? in : in + 1, *to = out;
    size_t in_len = set == JIS_0213_2 ? 3 : 2, out_len = sizeof out;
    euc_flush(u);
    if (jis_0213 == (iconv_t)-1) {
        fault(u);
        return;
    }
    (void)iconv(jis_0213, NULL, NULL, NULL, NULL);
    if (iconv(jis_0213, &from, &in_len, &to, &out_len) == (size_t)-1 ||
        iconv(jis_0213, NULL, NULL, &to, &out_len) == (size_t)-1) /* a base it waits with */
        fault(u);
    else
        fk_buf_add(u->out, out, (size_t)(to - out));
}

static void pair_add(struct undoing *u, enum set set, uint8_t a, uint8_t b) {
    if (set == JIS_0213_1 || set == JIS_0213_2) {
        jis_0213_add(u, set, a, b);
        return;
    }
    if (set == JIS_0212)
        fk_buf_byte(&u->euc, SINGLE_3);
    fk_buf_byte(&u->euc, a | HIGH);
    fk_buf_byte(&u->euc, b | HIGH);
}

static void kana_add(struct undoing *u, uint8_t c) {
    fk_buf_byte(&u->euc, SINGLE_2);
    fk_buf_byte(&u->euc, c | HIGH);
}

static bool is_kana(uint8_t c) {
    return (c & 0x7f) > 0x20 && (c & 0x7f) < 0x60;
}

void fk_iso2022__decode(const void *data, size_t len, fk_iso2022_fn convert, void *ctx,
                        struct fk_buf *out, size_t *faults_out) {
    struct undoing u = {convert, ctx, FK_BUF_INIT, out, faults_out};
    const uint8_t *at = data, *end = at + len;
    const bool has_escape = fk_iso2022__has_escape(data, len);
    enum set set = ASCII, shifted = ASCII;
    *faults_out = 0;
    while (at < end && !out->failed && !u.euc.failed) {
        const uint8_t c = *at++;
        const size_t n = c == 0x1b ? escape_take(at, (size_t)(end - at), &set) : 0;
        if (n)
            at += n;
        else if (c == 0x0e || c == 0x0f) /* SO and SI of CP50222 */
            shifted = c == 0x0e ? KANA : ASCII;
        else if (c == '\n' || c == '\r') { /* RFC 1468: a line ends in ASCII */
            set = shifted = ASCII;
            fk_buf_byte(&u.euc, c);
        } else if (c <= 0x20)
            fk_buf_byte(&u.euc, c);
        else if (c >= HIGH && has_escape && is_kana(c) && c < 0xe0)
            kana_add(&u, c);
        else if (c >= HIGH)
            fk_buf_byte(&u.euc, NO_CHARACTER);
        else if (shifted == KANA || set == KANA)
            is_kana(c) ? kana_add(&u, c) : fk_buf_byte(&u.euc, NO_CHARACTER);
        else if (set == ASCII)
            fk_buf_byte(&u.euc, c);
        else if (at<end && * at> 0x20 && *at < 0x7f)
            pair_add(&u, set, c, *at++);
        else
            fk_buf_byte(&u.euc, NO_CHARACTER);
    }
    euc_flush(&u);
    out->failed |= u.euc.failed;
    fk_buf_free(&u.euc);
}
