/* word.c - text of Word 97 to 2003 ([MS-DOC]): the piece table says where it stands, all of it in
 * one row: the document, then footnotes, headers, comments, end notes, text boxes. */
#include "indexer/reading/ole_priv.h"

#include <string.h>

enum {
    WORD_97 = 101, /* nFib of the first that has Unicode */
    FLAGS = 0x0a,
    ENCRYPTED = 0x0100,
    TABLE_1 = 0x0200,
    CLX = 0x1a2,
    COMPRESSED = 0x40000000
};

static uint32_t u16(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}
static uint32_t u32(const uint8_t *p) {
    return u16(p) | u16(p + 2) << 16;
}

struct text {
    struct fk_buf wide;    /* UTF-16LE */
    unsigned instructions; /* depth of fields whose instructions are passed over */
};

/* Marks of the text ([MS-DOC] 2.4.1) as what they look like. */
static void unit_take(struct text *t, uint16_t c) {
    if (c == 0x13)
        t->instructions++;
    else if ((c == 0x14 || c == 0x15) && t->instructions)
        t->instructions--;
    else if (c == 0x15 || c == 0x14 || t->instructions)
        return;
    else {
        c = c == 0x0d || c == 0x0b || c == 0x0c ? '\n' : c == 0x07 ? '\t' : c == 0x1e ? '-' : c;
        if (c < 0x20 && c != '\n' && c != '\t')
            return;
        if (c == 0x1f)
            return;
        const uint8_t bytes[2] = {(uint8_t)c, (uint8_t)(c >> 8)};
        fk_buf_add(&t->wide, bytes, 2);
    }
}

/* Windows-1252 above ASCII, where it is not Latin-1. */
static uint16_t wide_of(uint8_t b) {
    static const uint16_t high[32] = {
        0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
        0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};
    return b >= 0x80 && b < 0xa0 ? high[b - 0x80] : b;
}

static bool piece_take(struct text *t, const struct fk_buf *doc, uint32_t fc, size_t characters) {
    const bool narrow = fc & COMPRESSED;
    const size_t at = narrow ? (fc & ~(uint32_t)COMPRESSED) / 2 : fc, width = narrow ? 1 : 2;
    if (at > doc->len || characters > (doc->len - at) / width)
        return false;
    for (size_t i = 0; i < characters && t->wide.len < FK_FILE_TEXT_MAX; i++)
        unit_take(t, narrow ? wide_of(doc->data[at + i]) : (uint16_t)u16(doc->data + at + 2 * i));
    return true;
}

/* Clx: property groups, which are passed over, then the pieces. */
static bool pieces_take(struct text *t, const struct fk_buf *doc, const uint8_t *clx, size_t len) {
    while (len > 3 && clx[0] == 1) {
        const size_t n = 3 + u16(clx + 1);
        if (n > len)
            return false;
        clx += n;
        len -= n;
    }
    if (len < 5 + 4 || clx[0] != 2 || u32(clx + 1) > len - 5)
        return false;
    const size_t n = (u32(clx + 1) - 4) / 12;
    const uint8_t *ends = clx + 5, *pieces = ends + 4 * (n + 1);
    if (u32(clx + 1) < 4)
        return false;
    for (size_t i = 0; i < n; i++) {
        const uint32_t from = u32(ends + 4 * i), to = u32(ends + 4 * i + 4);
        if (to < from || !piece_take(t, doc, u32(pieces + 8 * i + 2), to - from))
            return false;
    }
    return true;
}

enum fk_status fk_word__read(struct fk_files *f, struct fk_ole *ole, size_t max,
                             struct fk_err *err) {
    struct fk_buf doc = FK_BUF_INIT, table = FK_BUF_INIT;
    struct text t = {.wide = FK_BUF_INIT};
    enum fk_status st = FK_OK;
    bool good = false;
    (void)fk_ole__stream(f, ole, "WordDocument", max, &doc);
    if (doc.len >= FLAGS + 2 && u16(doc.data + FLAGS) & ENCRYPTED) {
        fk_files__unread(f, NULL, FK_REASON_ENCRYPTED);
        goto done;
    }
    if (doc.len < CLX + 8 || u16(doc.data + 2) < WORD_97) {
        st = FK_NOT_FOUND;
        goto done;
    }
    (void)fk_ole__stream(f, ole, u16(doc.data + FLAGS) & TABLE_1 ? "1Table" : "0Table", max,
                         &table);
    const size_t at = u32(doc.data + CLX), len = u32(doc.data + CLX + 4);
    if (at <= table.len && len <= table.len - at)
        good = pieces_take(&t, &doc, table.data + at, len);
    if (doc.failed || table.failed || t.wide.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "reading a Word document: out of memory"));
    if (t.wide.len)
        FK_TRY(fk_files__bytes(f, "UTF-16LE", t.wide.data, t.wide.len, err));
    if (!good)
        fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
done:
    fk_buf_free(&doc);
    fk_buf_free(&table);
    fk_buf_free(&t.wide);
    return st;
}
