/* password_words.c - see password_words_priv.h. */
#include "indexer/reading/password_words_priv.h"
#include "base/pack.h"

#include <string.h>
#include <strings.h>

enum { WORDS_MAX = 48, SHORT = 2000, LOOK_AT = 8192, BEHIND = 200 };

struct words {
    struct fk_buf out;
    unsigned count;
    const char *at[WORDS_MAX];
    size_t lens[WORDS_MAX];
};

static bool is_graphic(char c) {
    return c > ' ' && c < 0x7f;
}

/* Signs that stand around a word and are mostly none of it. */
static bool is_around(char c) {
    return strchr("\"'`<>()[]{}|,;:=", c) && c;
}

static void word_add(struct words *w, const char *at, size_t len) {
    if (len < FK_PASSWORD_WORD_LEAST || len > FK_PASSWORD_WORD_MOST || w->count == WORDS_MAX)
        return;
    for (unsigned i = 0; i < w->count; i++)
        if (w->lens[i] == len && memcmp(w->at[i], at, len) == 0)
            return;
    w->at[w->count] = at;
    w->lens[w->count++] = len;
    fk_put_bytes(&w->out, at, len);
}

/* A run of ASCII signs as it stands, then without what may only stand around it. */
static void run_add(struct words *w, const char *at, size_t len) {
    const char *end = at + len;
    word_add(w, at, len);
    while (at < end && is_around(*at))
        at++;
    while (end > at && is_around(end[-1]))
        end--;
    word_add(w, at, (size_t)(end - at));
    if (end > at && end[-1] == '.')
        word_add(w, at, (size_t)(end - at) - 1);
    for (const char *c = at; c < end; c++) /* pw:Abc-123 */
        if ((*c == ':' || *c == '=') && c + 1 < end)
            word_add(w, c + 1, (size_t)(end - c - 1));
}

static void runs_add(struct words *w, const char *at, const char *end) {
    while (at < end && w->count < WORDS_MAX) {
        while (at < end && !is_graphic(*at))
            at++;
        const char *from = at;
        while (at < end && is_graphic(*at))
            at++;
        if (at > from)
            run_add(w, from, (size_t)(at - from));
    }
}

static const char *past_keyword(const char *at, const char *end) {
    static const char *const keywords[] = {"パスワード", "ﾊﾟｽﾜｰﾄﾞ",  "パス",   "暗証",
                                           "解凍キー",   "password", "passwd", "passcode",
                                           "pass",       "pw",       "ＰＷ"};
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        const size_t n = strlen(keywords[i]);
        if ((size_t)(end - at) >= n && strncasecmp(at, keywords[i], n) == 0)
            return at + n;
    }
    return NULL;
}

void fk_password_words__of(const char *text, size_t len, struct fk_buf *out) {
    struct words w = {.out = FK_BUF_INIT};
    const char *body = len ? memmem(text, len, "\n\n", 2) : NULL; /* header lines come first */
    const char *at = body ? body + 2 : text, *end = text + len;
    if (end - at > LOOK_AT)
        end = at + LOOK_AT;
    const bool is_short = end - at <= SHORT;
    for (const char *c = at; c < end; c++) {
        const char *behind = past_keyword(c, end);
        if (behind)
            runs_add(&w, behind, end - behind > BEHIND ? behind + BEHIND : end);
    }
    if (is_short)
        runs_add(&w, at, end);
    fk_put_u16(out, (uint16_t)w.count);
    fk_buf_add(out, w.out.data, w.out.len);
    out->failed |= w.out.failed;
    fk_buf_free(&w.out);
}
