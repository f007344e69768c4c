/* file_ole.c - which of the many files that an OLE2 compound file may be, by its streams. */
#include "indexer/reading/office_crypt_priv.h"
#include "indexer/reading/ole_priv.h"
#include "indexer/reading/programs_priv.h"

#include <string.h>

/* \1Ole10Native: size, kind, label, path, two words, path, then the file with its size. */
static enum fk_status native_read(struct fk_files *f, struct fk_ole *ole, size_t max,
                                  struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT, name = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    (void)fk_ole__stream(f, ole, "\1Ole10Native", max, &b);
    const uint8_t *at = b.data, *end = at + b.len;
    at += b.len > 6 ? 6 : b.len;
    const uint8_t *label = at, *label_end = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
    for (unsigned strings = 0; strings < 2 && at < end; strings++) {
        const uint8_t *nul = memchr(at, 0, (size_t)(end - at));
        at = nul ? nul + 1 : end;
    }
    at = end - at > 8 ? at + 4 : end;
    for (int i = 0; at < end && i < 1; i++) {
        const uint32_t n =
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        at = n < (size_t)(end - at) - 4 ? at + 4 + n : end;
    }
    if (end - at > 4) {
        const uint32_t n =
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        at += 4;
        const size_t left = (size_t)(end - at);
        fk_files__name(f, "", label, (size_t)(label_end - label), &name);
        if (n > left)
            fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
        const struct fk_file file = {
            at, n < left ? n : left, fk_buf_cstr(&name), NULL, false, false, false};
        st = fk_files__read(f, &file, err);
    } else
        fk_files__unread(f, NULL, FK_REASON_UNSUPPORTED);
    fk_buf_free(&b);
    fk_buf_free(&name);
    return st;
}

/* A document that another holds as it is. */
static enum fk_status stream_read(struct fk_files *f, struct fk_ole *ole, const char *name,
                                  size_t max, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    (void)fk_ole__stream(f, ole, name, max, &b);
    const struct fk_file file = {b.data, b.len, "", NULL, false, false, false};
    enum fk_status st = b.failed ? fk_fail(err, FK_NOMEM, "an embedded file: out of memory")
                                 : fk_files__read(f, &file, err);
    fk_buf_free(&b);
    return st;
}

static bool is_formula(struct fk_ole *ole) {
    return fk_ole__has(ole, "Equation Native");
}

/* Objects that stand in the document at hand as storages whose names begin so. They are not read;
 * of one that is but a formula there is nothing to say. */
static void embedded_mark(struct fk_files *f, struct fk_ole *ole, const char *begin) {
    const char *name;
    bool is_object = false;
    for (unsigned i = 0; !is_object && (name = fk_ole__name(ole, i)); i++) {
        if (strncmp(name, begin, strlen(begin)) != 0)
            continue;
        struct fk_ole *object = fk_ole__storage(ole, name);
        is_object = object && !is_formula(object);
        fk_ole__close(&object);
    }
    if (is_object)
        fk_files__unread(f, NULL, FK_REASON_UNSUPPORTED);
}

static enum fk_status word_read(struct fk_files *f, struct fk_ole *ole, const struct fk_file *file,
                                struct fk_err *err) {
    struct fk_ole *pool = fk_ole__storage(ole, "ObjectPool");
    if (pool)
        embedded_mark(f, pool, "_");
    fk_ole__close(&pool);
    const enum fk_status st = fk_word__read(f, ole, file->len, err);
    return st == FK_NOT_FOUND ? fk_files__program(f, FK_PROGRAM_DOC, file, err) : st;
}

static bool goes_on(void *ctx) {
    return !fk_files__is_late(ctx);
}

/* A document behind a password is a file in the one at hand that has its name. */
static enum fk_status locked_read(struct fk_files *f, struct fk_ole *ole,
                                  const struct fk_file *file, struct fk_err *err) {
    struct fk_buf info = FK_BUF_INIT, package = FK_BUF_INIT, plain = FK_BUF_INIT;
    enum fk_unlock is = FK_LOCKED;
    enum fk_status st = FK_OK;
    const struct fk_password *p = NULL;
    (void)fk_ole__stream(f, ole, "EncryptionInfo", file->len, &info);
    (void)fk_ole__stream(f, ole, "EncryptedPackage", file->len, &package);
    for (size_t i = 0; is == FK_LOCKED && (p = fk_files__password(f, i, FK_PASSWORDS_SLOW_MAX));
         i++) {
        fk_buf_reset(&plain);
        is = fk_office__unlock(&info, &package, p->word, goes_on, f, &plain);
    }
    if (is == FK_UNLOCKED) {
        const struct fk_file inner = {plain.data, plain.len, file->name, NULL, false, false, false};
        fk_files__unlocked(f, p);
        if (plain.len >= 2 && memcmp(plain.data, "PK", 2) == 0)
            st = fk_file__zip(f, &inner, err);
        else
            fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
    } else
        fk_files__unread(f, NULL, FK_REASON_ENCRYPTED);
    if (info.failed || package.failed || plain.failed)
        st = fk_fail(err, FK_NOMEM, "a locked document: out of memory");
    fk_buf_free(&info);
    fk_buf_free(&package);
    fk_buf_free(&plain);
    return st;
}

static enum fk_status streams_read(struct fk_files *f, struct fk_ole *ole,
                                   const struct fk_file *file, struct fk_err *err) {
    enum fk_reason reason = 0;
    if (fk_ole__has(ole, "__properties_version1.0"))
        return fk_msg__read(f, ole, err);
    if (fk_ole__has(ole, "WordDocument"))
        return word_read(f, ole, file, err);
    if (fk_ole__has(ole, "Workbook") || fk_ole__has(ole, "Book")) {
        embedded_mark(f, ole, "MBD");
        return fk_files__program(f, FK_PROGRAM_XLS, file, err);
    }
    if (fk_ole__has(ole, "PowerPoint Document"))
        return fk_ole__has(ole, "EncryptedSummary")
                   ? (fk_files__unread(f, NULL, FK_REASON_ENCRYPTED), FK_OK)
                   : fk_files__program(f, FK_PROGRAM_PPT, file, err);
    if (fk_ole__has(ole, "\1Ole10Native"))
        return native_read(f, ole, file->len, err);
    if (fk_ole__has(ole, "Package"))
        return stream_read(f, ole, "Package", file->len, err);
    if (fk_ole__has(ole, "CONTENTS"))
        return stream_read(f, ole, "CONTENTS", file->len, err);
    if (fk_ole__has(ole, "EncryptedPackage"))
        return locked_read(f, ole, file, err);
    if (!is_formula(ole))
        reason = FK_REASON_UNSUPPORTED;
    if (reason)
        fk_files__unread(f, NULL, reason);
    return FK_OK;
}

enum fk_status fk_file__ole(struct fk_files *f, const struct fk_file *file, struct fk_err *err) {
    struct fk_ole *ole = fk_ole__open(file);
    if (!ole) {
        fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
        return FK_OK;
    }
    if (fk_ole__is_cut(file))
        fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
    enum fk_status st = streams_read(f, ole, file, err);
    fk_ole__close(&ole);
    return st;
}
