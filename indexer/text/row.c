/* row.c - see row_priv.h. */
#include "indexer/text/row_priv.h"
#include "indexer/text/fold_priv.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"

#include <string.h>

enum { TOKEN_MAX = 512 }; /* two units; a longer one is no term */

uint8_t fk_row_class(const char *text, size_t len, size_t *next_out) {
    int32_t next = 0;
    const int32_t cp = fk_utf8_next(text, &next, (int32_t)len);
    *next_out = (size_t)next;
    return cp < 0 ? 0 : fk_terms__class((uint32_t)cp);
}

size_t fk_row_unit(const char *text, size_t len) {
    size_t n, more;
    (void)fk_row_class(text, len, &n);
    while (n < len && (uint8_t)text[n] >= 0x80 &&
           (fk_row_class(text + n, len - n, &more) & FK_CH_MARK))
        n += more;
    return n;
}

bool fk_row_is_apart(uint8_t c) {
    return c == FK_ROW_BLANK || c == FK_ROW_LINE || c == FK_ROW_GAP;
}

/* A unit of the row and what stands behind it. */
struct unit {
    const char *at;
    size_t len, next; /* next: where the following one begins */
    bool is_of_run;
    uint8_t behind; /* 0 nothing: the run goes on */
};

static struct unit unit_at(const char *row, size_t len, size_t at) {
    size_t n;
    struct unit u = {row + at, 0, 0, false, 0};
    u.is_of_run = (fk_row_class(row + at, len - at, &n) & FK_CH_CJK) != 0;
    if (u.is_of_run)
        u.len = fk_row_unit(row + at, len - at);
    else
        while (at + u.len < len && !fk_row_is_apart((uint8_t)row[at + u.len]))
            u.len++;
    u.next = at + u.len;
    if (u.next == len)
        u.behind = FK_ROW_GAP;
    else if (fk_row_is_apart((uint8_t)row[u.next]))
        u.behind = (uint8_t)row[u.next];
    return u;
}

static void pair_tell(const struct unit *u, const struct unit *next, fk_row_token_fn fn, void *ctx,
                      uint32_t pos) {
    char token[TOKEN_MAX];
    if (u->len + next->len > sizeof token)
        return;
    memcpy(token, u->at, u->len);
    memcpy(token + u->len, next->at, next->len);
    fn(ctx, token, u->len + next->len, pos);
}

static size_t behind_all(const uint8_t *row, size_t len, size_t at, uint32_t *pos) {
    for (; at < len && fk_row_is_apart(row[at]); at++)
        *pos += row[at] == FK_ROW_GAP ? FK_FIELD_GAP : 0;
    return at;
}

void fk_row_tokens(const uint8_t *bytes, size_t len, fk_row_token_fn fn, void *ctx) {
    const char *row = (const char *)bytes;
    bool begins = true; /* a run, or a line of one */
    uint32_t pos = 1;
    for (size_t at = behind_all(bytes, len, 0, &pos); at < len;) {
        const struct unit u = unit_at(row, len, at);
        const bool goes_on = u.is_of_run && (u.behind == 0 || u.behind == FK_ROW_LINE);
        if (!u.is_of_run || begins || u.behind)
            fn(ctx, u.at, u.len, pos);
        if (goes_on) {
            const struct unit next = unit_at(row, len, u.behind ? u.next + 1 : u.next);
            pair_tell(&u, &next, fn, ctx, pos);
        }
        begins = !u.is_of_run || u.behind;
        pos++;
        at = behind_all(bytes, len, u.next, &pos);
    }
}
