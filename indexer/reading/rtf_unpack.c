/* rtf_unpack.c - [MS-OXRTFCP]: LZ77 with a window of 4,096 bytes that begins with common RTF. */
#include "indexer/reading/ole_priv.h"

#include <string.h>

enum { WINDOW = 4096, HEADER = 16 };
static const char common[] = "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman "
                             "\\fswiss \\fmodern \\fscript "
                             "\\fdecor MS Sans SerifSymbolArialTimes New "
                             "RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
                             "\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

static void byte_put(struct fk_buf *out, uint8_t window[WINDOW], unsigned *at, uint8_t b) {
    fk_buf_byte(out, b);
    window[*at] = b;
    *at = (*at + 1) % WINDOW;
}

enum end { END_GOOD, END_CUT, END_LIMIT };

/* Some writers leave the end mark out: what is as long as the header says is whole as well. */
static enum end lzfu_unpack(const uint8_t *data, size_t len, size_t whole, struct fk_buf *out) {
    uint8_t window[WINDOW] = {0};
    unsigned at = sizeof common - 1;
    const size_t begin = out->len;
    memcpy(window, common, sizeof common - 1);
    for (size_t i = HEADER; i < len;) {
        const uint8_t flags = data[i++];
        for (unsigned bit = 0; bit < 8 && i < len; bit++) {
            if (out->len >= FK_FILE_TEXT_MAX || out->failed)
                return END_LIMIT;
            if (!(flags >> bit & 1)) {
                byte_put(out, window, &at, data[i++]);
                continue;
            }
            if (len - i < 2)
                return END_CUT;
            const unsigned word = (unsigned)data[i] << 8 | data[i + 1];
            const unsigned from = word >> 4, n = (word & 15) + 2;
            i += 2;
            if (from == at) /* the end */
                return END_GOOD;
            for (unsigned k = 0; k < n; k++)
                byte_put(out, window, &at, window[(from + k) % WINDOW]);
        }
    }
    return out->len - begin >= whole ? END_GOOD : END_CUT;
}

void fk_rtf__unpack(struct fk_files *f, const uint8_t *data, size_t len, struct fk_buf *out) {
    enum end end = END_CUT;
    const size_t whole = len < HEADER ? 0
                                      : (size_t)data[4] | (size_t)data[5] << 8 |
                                            (size_t)data[6] << 16 | (size_t)data[7] << 24;
    if (len >= HEADER && memcmp(data + 8, "MELA", 4) == 0) {
        fk_buf_add(out, data + HEADER, len - HEADER);
        end = out->failed ? END_LIMIT : len - HEADER >= whole ? END_GOOD : END_CUT;
    } else if (len >= HEADER && memcmp(data + 8, "LZFu", 4) == 0)
        end = lzfu_unpack(data, len, whole, out);
    if (end != END_GOOD)
        fk_files__unread(f, NULL, end == END_CUT ? FK_REASON_UNREADABLE : FK_REASON_LIMIT);
}
