/* What a boxed reader says (indexer/document_priv.h): it may have been taken over by a message, so
 * its bytes are anybody's. An answer counts as none, or all that is taken of it has its form.
 * Input: the envelope, 0xff, the answer. */
#include "indexer/document_priv.h"
#include "tests/fuzz/support/document.h"
#include "tests/fuzz/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    const struct fuzz_input envelope = fuzz_until(&in, 0xff);
    const struct fk_source source = {.seq = 1,
                                     .envelope = (const char *)envelope.at,
                                     .envelope_len = envelope.len,
                                     .message_bytes = len};
    const struct fk_buf answer = {(uint8_t *)(uintptr_t)in.at, in.len, in.len, false};
    struct fk_answer said;
    struct fk_xdoc *doc = NULL;
    size_t postings = 0;
    uint8_t key[FK_SHA256_BYTES];
    uint64_t bytes = 0;
    DONE(fk_document__take(&answer, NULL, &said, NULL));
    MUST(memchr(said.read, 0, sizeof said.read));
    DONE(fk_document__make(&source, 0, &said, NULL, &doc, &postings, NULL));
    /* Where the message is said to be is checked against what was received. */
    if (fk_document__key(&said, envelope.at, envelope.len, key, &bytes, NULL) == FK_OK)
        MUST(bytes <= envelope.len);
    (void)fuzz_document_check(doc);
    /* The same message once more: what is joined is of its form, too. */
    const struct fk_source again = {.seq = 2,
                                    .envelope = source.envelope,
                                    .envelope_len = source.envelope_len,
                                    .time_ms = 1,
                                    .message_bytes = len};
    struct fk_xdoc *both = NULL;
    DONE(fk_document__make(&again, 0, &said, doc, &both, &postings, NULL));
    (void)fuzz_document_check(both);
    fk_xdoc_free(&both);
    fk_xdoc_free(&doc);
    return 0;
}
