/* document.h - what fk_document__make puts into a document, checked: stands in for Xapian
 * (indexer/store/xapian_shim.h). */
#ifndef FK_FUZZ_DOCUMENT_H
#define FK_FUZZ_DOCUMENT_H
#include "indexer/store/xapian_shim.h"

/* Every term, position, value and line that it was given was of its form; false where it says that
 * a reader has crashed, as it does of an answer that is not one. */
bool fuzz_document_check(const struct fk_xdoc *doc);
#endif
