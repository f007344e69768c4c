/* dot.c - the end of a message and its dots. Two memchr a line and one a span: no byte loop. */
#include "archiver/intake/dot.h"

#include <string.h>

/* AFTER_CR: the last byte given out was a CR that may yet be half of a line end. DOT and DOT_CR
 * hold back what may be the final dot. */
enum { LINE_START, INSIDE, AFTER_CR, DOT, DOT_CR };

/* A CR is bare when no LF follows it; one at `end` waits for the next piece. */
static void find_bare_cr(struct fk_dot *d, const uint8_t *at, const uint8_t *end) {
    if (!(d->flags & FK_DOT_BARE_CR) && end > at && memchr(at, '\r', (size_t)(end - at)))
        d->flags |= FK_DOT_BARE_CR;
}

/* Text up to the next dot that begins a line, or to the end. */
static const uint8_t *text_end(struct fk_dot *d, const uint8_t *at, const uint8_t *end) {
    while (at < end) {
        const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));
        const uint8_t *stop = lf ? lf : end;
        bool cr = stop > at ? stop[-1] == '\r' : d->at == AFTER_CR;
        if (d->at == AFTER_CR && stop > at)
            d->flags |= FK_DOT_BARE_CR;
        find_bare_cr(d, at, cr && stop > at ? stop - 1 : stop);
        if (!lf) {
            d->at = cr ? AFTER_CR : INSIDE;
            return end;
        }
        at = lf + 1;
        d->at = cr ? LINE_START : INSIDE;
        if (!cr)
            d->flags |= FK_DOT_BARE_LF;
        else if (at < end && *at == '.')
            return at;
        else if (at < end)
            d->at = INSIDE;
    }
    return end;
}

size_t fk_dot_next(struct fk_dot *d, const uint8_t *data, size_t len, const uint8_t **span,
                   size_t *span_len) {
    static const uint8_t cr = '\r';
    *span_len = 0;
    if (d->at == LINE_START && *data == '.') {
        d->at = DOT;
        return 1;
    }
    if (d->at == DOT && *data == '\r') {
        d->at = DOT_CR;
        return 1;
    }
    if (d->at == DOT_CR) {
        if (*data == '\n') {
            d->done = true;
            return 1;
        }
        d->at = INSIDE;
        d->flags |= FK_DOT_BARE_CR;
        *span = &cr;
        *span_len = 1;
        return 0;
    }
    if (d->at == DOT)
        d->at = INSIDE;
    size_t n = (size_t)(text_end(d, data, data + len) - data);
    if (!(d->flags & FK_DOT_NUL) && memchr(data, 0, n))
        d->flags |= FK_DOT_NUL;
    *span = data;
    *span_len = n;
    return n;
}
