/* rtf_unpack.c - [MS-OXRTFCP]: LZ77 with a window of 4,096 bytes that begins with common RTF. */
#include "indexer/ole_priv.h"

#include <string.h>

enum { WINDOW = 4096, HEADER = 16 };
static const char common[] =
    "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    "\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    "\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

static void byte_put(struct fk_buf *out, uint8_t window[WINDOW], unsigned *at, uint8_t b) {
    fk_buf_byte(out, b);
    window[*at] = b;
    *at = (*at + 1) % WINDOW;
}

bool fk_rtf__unpack(const uint8_t *data, size_t len, struct fk_buf *out) {
    uint8_t window[WINDOW];
    unsigned at = sizeof common - 1;
    if (len < HEADER)
        return false;
    if (memcmp(data + 8, "MELA", 4) == 0) {
        fk_buf_add(out, data + HEADER, len - HEADER);
        return true;
    }
    if (memcmp(data + 8, "LZFu", 4) != 0)
        return false;
    memset(window, 0, sizeof window);
    memcpy(window, common, sizeof common - 1);
    for (size_t i = HEADER; i < len && out->len < FK_FILE_TEXT_MAX && !out->failed;) {
        const uint8_t flags = data[i++];
        for (unsigned bit = 0; bit < 8 && i < len; bit++) {
            if (!(flags >> bit & 1)) {
                byte_put(out, window, &at, data[i++]);
                continue;
            }
            if (len - i < 2)
                return true;
            const unsigned word = (unsigned)data[i] << 8 | data[i + 1];
            const unsigned from = word >> 4, n = (word & 15) + 2;
            i += 2;
            if (from == at) /* the end */
                return true;
            for (unsigned k = 0; k < n; k++)
                byte_put(out, window, &at, window[(from + k) % WINDOW]);
        }
    }
    return true;
}
