/* A file as an attachment of a message (indexer/reading/files_priv.h): archives, OOXML, ODF, RTF,
 * OLE2 and what is in it, TNEF, mail, by their first bytes; without the runner of programs. What
 * goes to the sink is UTF-8 and bounded, every reason is one of the list, and a password that is
 * none opens nothing. */
#include "indexer/reading/files_priv.h"
#include "tests/fuzz/support/fuzz.h"

/* The head of a 7z has the size of its dictionary, and libarchive asks for as much; a reader has
 * 512 MiB (indexer/index.h). So what our own code asks for is not seen here either. */
const char *fuzz_asan_options(void) {
    return FUZZ_ASAN_OPTIONS FUZZ_ASAN_NO_MEMORY;
}

static struct {
    size_t text, files;
    unsigned reasons;
} seen;

static enum fk_status file_see(void *ctx, const char *name, size_t len, struct fk_err *err) {
    (void)ctx, (void)err;
    seen.files++;
    MUST(len > 0 && len <= 16 * 1100 && fuzz_is_utf8((const uint8_t *)name, len));
    return FK_OK;
}

static enum fk_status text_see(void *ctx, enum fk_text_kind kind, const char *text, size_t len,
                               struct fk_err *err) {
    (void)ctx, (void)err;
    seen.text += len;
    MUST(kind == FK_TEXT_FILE && len > 0 && fuzz_is_utf8((const uint8_t *)text, len));
    return FK_OK;
}

static enum fk_status digest_see(void *ctx, const char *hex, struct fk_err *err) {
    (void)ctx, (void)err;
    MUST(strlen(hex) == 64);
    return FK_OK;
}

static void unread_see(void *ctx, const char *path, size_t len, enum fk_reason reason) {
    (void)ctx, (void)path, (void)len;
    MUST(*fk_reason__word(reason));
    seen.reasons |= reason;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static struct fk_files *files;
    static const struct fk_password password = {7, "no password"};
    const struct fk_sink sink = {
        .file = file_see, .text = text_see, .digest = digest_see, .unread = unread_see};
    const struct fk_file file = {data, len, "file.bin", NULL, false, false, false};
    unsigned reasons = 0;
    bool clean = true;
    size_t left = FK_TEXT_MAX;
    if (!files) {
        fk_reading__prepare();
        DONE(fk_files__new(&files, NULL));
        fk_files__passwords(files, &password, 1);
    }
    memset(&seen, 0, sizeof seen);
    fk_files__new_message(files);
    fk_files__begin(files, &sink, &reasons, &clean, &left);
    DONE(fk_files__read(files, &file, NULL));
    MUST(seen.text <= FK_FILE_TEXT_MAX && left <= FK_TEXT_MAX && seen.files <= FK_FILES_MAX + 16);
    MUST((seen.reasons & ~reasons) == 0 && (reasons & ~(unsigned)FK_REASON_ALL) == 0);
    return 0;
}
