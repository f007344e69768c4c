/* An XML part of an office document, and the strings of a workbook (indexer/reading/office_priv.h),
 * without the ZIP file around them: the first byte says which. What comes out is UTF-8 and bounded.
 */
#include "indexer/reading/files_priv.h"
#include "indexer/reading/office_priv.h"
#include "tests/fuzz/support/fuzz.h"

static size_t text;

static enum fk_status text_see(void *ctx, enum fk_text_kind kind, const char *at, size_t len,
                               struct fk_err *err) {
    (void)ctx, (void)kind, (void)err;
    text += len;
    MUST(fuzz_is_utf8((const uint8_t *)at, len));
    return FK_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static struct fk_files *files;
    static const char *const names[] = {"word/document.xml",     "xl/worksheets/sheet1.xml",
                                        "ppt/slides/slide1.xml", "content.xml",
                                        "docProps/core.xml",     "META-INF/manifest.xml"};
    const struct fk_sink sink = {.text = text_see};
    unsigned reasons = 0;
    bool clean = true;
    size_t left = FK_TEXT_MAX;
    if (len == 0)
        return 0;
    if (!files) {
        fk_reading__prepare();
        DONE(fk_files__new(&files, NULL));
    }
    text = 0;
    fk_files__new_message(files);
    fk_files__begin(files, &sink, &reasons, &clean, &left);
    struct fk_office_parts parts = {.office = (enum fk_office)(FK_OFFICE_OOXML + data[0] % 2)};
    DONE(fk_office__strings(&parts, data + 1, len - 1, NULL));
    MUST(parts.strings.len <= FK_FILE_TEXT_MAX && parts.ends.len % sizeof(size_t) == 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        DONE(fk_office__part(&parts, files, names[i], data + 1, len - 1, NULL));
    MUST(text <= FK_FILE_TEXT_MAX);
    fk_office__free(&parts);
    return 0;
}
