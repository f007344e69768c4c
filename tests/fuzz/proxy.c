/* A proxy's header (archiver/intake/proxy.h): it is found wherever the bytes behind it end, asks
 * for no more than it may, and whom it names can be written and read again. */
#include "archiver/intake/proxy.h"
#include "tests/fuzz/support/fuzz.h"

static void peer_check(const struct fk_peer *p) {
    char text[FK_ADDRESS_SIZE];
    fk_peer_format(p, text);
    MUST(memchr(text, 0, sizeof text) && fuzz_is_utf8(text, strlen(text)));
    MUST(!strpbrk(text, "\r\n "));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fk_proxy_header h, again;
    const enum fk_proxy_found found = fk_proxy_read(data, len, &h);
    if (found == FK_PROXY_MORE)
        MUST(len < FK_PROXY_MAX);
    if (found != FK_PROXY_WHOLE)
        return 0;
    MUST(h.bytes && h.bytes <= len && h.bytes <= FK_PROXY_MAX &&
         (h.version == 1 || h.version == 2));
    if (!h.local) {
        peer_check(&h.client);
        peer_check(&h.server);
    }
    MUST(fk_proxy_read(data, h.bytes, &again) == FK_PROXY_WHOLE && again.bytes == h.bytes);
    for (size_t n = 0; n < h.bytes; n++) /* as it comes, it is not refused on the way */
        MUST(fk_proxy_read(data, n, &again) == FK_PROXY_MORE);
    return 0;
}
