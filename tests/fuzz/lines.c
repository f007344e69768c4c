/* A packed block of lines (archiver/vault/lines_priv.h): as many lines as it says, within their
 * limits, or what is wrong; what is packed comes back. */
#include "archiver/vault/lines_priv.h"
#include "tests/fuzz/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fk_buf plain = FK_BUF_INIT, value = FK_BUF_INIT, again = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    uint32_t start[FK_LINES_COUNT + 1], same[FK_LINES_COUNT + 1];
    if (fuzz_took(fk_lines__unpack(data, len, &plain, start, &err), &err)) {
        const uint32_t count = fk_lines__count(data);
        MUST(count >= 1 && count <= FK_LINES_COUNT && plain.len <= FK_LINES_PLAIN_MAX);
        MUST(start[0] == 0 && start[count] == plain.len);
        for (uint32_t i = 0; i < count; i++) {
            MUST(start[i] < start[i + 1] && plain.data[start[i + 1] - 1] == '\n');
            MUST(!memchr(plain.data + start[i], '\n', start[i + 1] - start[i] - 1));
        }
        DONE(fk_lines__pack(&plain, count, &value, NULL));
        DONE(fk_lines__unpack(value.data, value.len, &again, same, NULL));
        MUST(fuzz_same(again.data, again.len, plain.data, plain.len));
        MUST(memcmp(start, same, (count + 1) * sizeof *start) == 0);
    }
    fk_buf_free(&plain);
    fk_buf_free(&value);
    fk_buf_free(&again);
    return 0;
}
