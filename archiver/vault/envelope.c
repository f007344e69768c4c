/* envelope.c - the first line's two lengths, written and taken at their word only when they fit. */
#include "archiver/vault/envelope.h"

#include <inttypes.h>
#include <string.h>

void fk_envelope_finish(struct fk_buf *out, const struct fk_buf *fields, uint64_t message_bytes) {
    fk_buf_printf(out, "fumikura-envelope/1 envelope=%010zu message=%020" PRIu64 "\n",
                  FK_ENVELOPE_FIRST_LINE + fields->len, message_bytes);
    fk_buf_add(out, fields->data, fields->len);
}

static bool digits(const char *at, size_t n, uint64_t *out) {
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (at[i] < '0' || at[i] > '9' || *out > (UINT64_MAX - 9) / 10)
            return false;
        *out = *out * 10 + (uint64_t)(at[i] - '0');
    }
    return true;
}

enum fk_status fk_envelope_split(const void *plain, size_t len, struct fk_envelope *out,
                                 struct fk_err *err) {
    static const char head[] = "fumikura-envelope/1 envelope=", middle[] = " message=";
    uint64_t block, message;
    if (len < FK_ENVELOPE_FIRST_LINE)
        return fk_fail(err, FK_CORRUPT, "the content is too short for an envelope's first line");
    const char *p = plain, *second = p + sizeof head - 1 + 10;
    if (memcmp(p, head, sizeof head - 1) != 0 || !digits(p + sizeof head - 1, 10, &block) ||
        memcmp(second, middle, sizeof middle - 1) != 0 ||
        !digits(second + sizeof middle - 1, 20, &message) || p[FK_ENVELOPE_FIRST_LINE - 1] != '\n')
        return fk_fail(err, FK_CORRUPT, "the content does not begin with an envelope's first line");
    if (block < FK_ENVELOPE_FIRST_LINE || block > len || message != len - block)
        return fk_fail(err, FK_CORRUPT,
                       "the envelope says %" PRIu64 " + %" PRIu64 " bytes, the content has %zu",
                       block, message, len);
    *out = (struct fk_envelope){p + FK_ENVELOPE_FIRST_LINE, block - FK_ENVELOPE_FIRST_LINE,
                                (const uint8_t *)p + block, (size_t)message};
    return FK_OK;
}
