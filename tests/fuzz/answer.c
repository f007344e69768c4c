/* What a boxed reader says (indexer/document_priv.h): it may have been taken over by a message, so
 * its bytes are anybody's. An answer counts as none, or all that is taken of it has its form.
 * Input: the envelope, 0xff, the answer. */
#include "indexer/document_priv.h"
#include "tests/fuzz/support/document.h"
#include "tests/fuzz/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    const struct fuzz_input envelope = fuzz_until(&in, 0xff);
    const struct fk_source source = {1, (const char *)envelope.at, envelope.len, 0, len};
    const struct fk_buf answer = {(uint8_t *)(uintptr_t)in.at, in.len, in.len, false};
    struct fk_xdoc *doc = NULL;
    size_t postings = 0;
    DONE(fk_document__make(&source, 0, &answer, &doc, &postings, NULL));
    (void)fuzz_document_check(doc);
    fk_xdoc_free(&doc);
    return 0;
}
