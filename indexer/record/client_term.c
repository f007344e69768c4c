/* client_term.c - see client_term.h. */
#include "indexer/record/client_term.h"
#include "base/digest.h"

#include <arpa/inet.h>

bool fk_client_term(const char *text, char out[FK_CLIENT_DIGITS + 1], bool *is_v4_out) {
    uint8_t bytes[16] = {0};
    *is_v4_out = inet_pton(AF_INET, text, bytes + 12) == 1;
    if (*is_v4_out)
        bytes[10] = bytes[11] = 0xff;
    else if (inet_pton(AF_INET6, text, bytes) != 1)
        return false;
    fk_hex(out, bytes, sizeof bytes);
    return true;
}
