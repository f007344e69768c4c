/* file_archive.c - ZIP, 7z, tar, RAR, CAB, LHA and what is merely compressed, by libarchive. */
#include "indexer/reading/archive_priv.h"
#include "indexer/reading/charset_priv.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <strings.h>

enum { STEP = 65536 };

/* Behind a file the sum of which is of 16 bytes, libarchive (3.6 and 3.7) wants to see 24, or gives
 * out nothing of its end: in a file that was cut just there, zeros stand for what is missing. */
static la_ssize_t cut_read(struct archive *archive, void *ctx, const void **out) {
    static const uint8_t zeros[24];
    struct fk_archive *a = ctx;
    (void)archive;
    if (a->bytes) {
        *out = a->bytes;
        a->bytes = NULL;
        return (la_ssize_t)a->packed;
    }
    const bool is_end = a->is_padded;
    a->is_padded = true;
    *out = zeros;
    return is_end ? 0 : (la_ssize_t)sizeof zeros;
}

static bool open_as(struct fk_archive *a, const struct fk_file *file, enum fk_archive_form form,
                    const char *password) {
    *a = (struct fk_archive){
        .archive = archive_read_new(), .packed = file->len, .bytes = file->data, .form = form};
    if (!a->archive)
        return false;
    if (form == FK_ARCHIVE_ZIP_CUT)
        archive_read_support_format_zip_streamable(a->archive);
    else if (form == FK_ARCHIVE_ZIP)
        archive_read_support_format_zip_seekable(a->archive);
    else if (form == FK_ARCHIVE_ANY)
        archive_read_support_format_zip(a->archive);
    if (form == FK_ARCHIVE_ANY || form == FK_ARCHIVE_BARE) {
        archive_read_support_filter_gzip(a->archive);
        archive_read_support_filter_bzip2(a->archive);
        archive_read_support_filter_xz(a->archive);
        archive_read_support_filter_compress(a->archive);
        archive_read_support_filter_zstd(a->archive);
        archive_read_support_format_raw(a->archive);
    }
    if (form == FK_ARCHIVE_ANY) {
        archive_read_support_format_tar(a->archive);
        archive_read_support_format_gnutar(a->archive);
        archive_read_support_format_7zip(a->archive);
        archive_read_support_format_rar(a->archive);
        archive_read_support_format_rar5(a->archive);
        archive_read_support_format_cab(a->archive);
        archive_read_support_format_lha(a->archive);
    }
    a->has_password = password && archive_read_add_passphrase(a->archive, password) == ARCHIVE_OK;
    return form == FK_ARCHIVE_ZIP_CUT
               ? archive_read_open(a->archive, a, NULL, cut_read, NULL) == ARCHIVE_OK
               : archive_read_open_memory(a->archive, file->data, file->len) == ARCHIVE_OK;
}

bool fk_archive__open(struct fk_archive *a, const struct fk_file *file, enum fk_archive_form form,
                      const char *password) {
    if (open_as(a, file, form, password))
        return true;
    if (form != FK_ARCHIVE_ZIP)
        return false;
    archive_read_free(a->archive);
    return open_as(a, file, FK_ARCHIVE_ZIP_CUT, password);
}

void fk_archive__close(struct fk_archive *a) {
    archive_read_free(a->archive);
    fk_buf_free(&a->name);
}

/* ZIP of Windows and LHA have names in the code page of who packed; libarchive gives their bytes as
 * they are, or what the archive says is Unicode. */
static void name_take(struct fk_archive *a, const char *packed_name) {
    bool clean = true;
    const char *name = archive_entry_pathname(a->entry);
    if (!name)
        name = archive_entry_pathname_utf8(a->entry);
    fk_buf_reset(&a->name);
    if (archive_format(a->archive) == ARCHIVE_FORMAT_RAW)
        name = packed_name;
    if (name && fk_charset__decode(NULL, name, strlen(name), &a->name, &clean, NULL) != FK_OK)
        fk_buf_str(&a->name, "?");
    /* A directory that has bytes is named as a file. */
    while (a->name.len > 1 && a->name.data[a->name.len - 1] == '/')
        a->name.len--;
}

/* Whether libarchive gets to the next file without unpacking this one: by the directory of a ZIP
 * file, or where nothing is packed. */
static bool can_pass_over(struct fk_archive *a) {
    const int format = archive_format(a->archive) & ARCHIVE_FORMAT_BASE_MASK;
    return archive_filter_count(a->archive) < 2 &&
           ((format == ARCHIVE_FORMAT_ZIP && a->form == FK_ARCHIVE_ZIP) ||
            format == ARCHIVE_FORMAT_TAR);
}

/* Elsewhere libarchive would unpack a file that is passed over in one call, however long that
 * takes. */
static bool pass_over(struct fk_archive *a, const struct fk_files *f) {
    uint8_t scrap[STEP];
    size_t len = 0;
    la_ssize_t n = 1;
    if (can_pass_over(a))
        return true;
    if (a->is_cut)
        return false;
    while (a->is_unread && n > 0 && fk_files__may_unpack(f, a->packed, len) &&
           !fk_files__is_late(f)) {
        n = archive_read_data(a->archive, scrap, sizeof scrap);
        len += n > 0 ? (size_t)n : 0;
    }
    return !a->is_unread || n <= 0;
}

/* A directory or a link. One that has bytes is a file to programs that do not look at its mode, as
 * Explorer does not; a link of a ZIP file is its bytes. A hard link has some of its own in tar
 * alone. */
static bool is_bare_name(struct fk_archive *a) {
    const int format = archive_format(a->archive) & ARCHIVE_FORMAT_BASE_MASK;
    const unsigned type = archive_entry_filetype(a->entry);
    const bool has_bytes = archive_entry_size(a->entry) > 0;
    if (archive_entry_hardlink(a->entry))
        return !has_bytes || format != ARCHIVE_FORMAT_TAR;
    if (type == AE_IFLNK)
        return !has_bytes && format != ARCHIVE_FORMAT_ZIP;
    return type == AE_IFDIR && !has_bytes;
}

enum fk_archive_next fk_archive__next(struct fk_archive *a, const struct fk_files *f) {
    if (a->is_cut && archive_format(a->archive) == ARCHIVE_FORMAT_RAW)
        return FK_ARCHIVE_END;
    while (!fk_files__is_late(f)) {
        if (!pass_over(a, f))
            return FK_ARCHIVE_OVER;
        a->is_cut = a->is_unread = false;
        const int rc = archive_read_next_header(a->archive, &a->entry);
        if (rc == ARCHIVE_EOF)
            return FK_ARCHIVE_END;
        if (rc == ARCHIVE_RETRY) { /* a tar whose sum is wrong; behind it there may be good ones */
            a->has_lost = true;
            continue;
        }
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
            return archive_read_has_encrypted_entries(a->archive) > 0 ? FK_ARCHIVE_ENCRYPTED
                                                                      : FK_ARCHIVE_DAMAGED;
        a->is_unread = true;
        if (is_bare_name(a))
            continue;
        /* What no format knows is no archive. */
        if (archive_format(a->archive) == ARCHIVE_FORMAT_RAW &&
            archive_filter_count(a->archive) < 2)
            return FK_ARCHIVE_DAMAGED;
        name_take(a, a->bare_name);
        return FK_ARCHIVE_FILE;
    }
    return FK_ARCHIVE_OVER;
}

enum fk_reason fk_archive__reason(enum fk_archive_next next) {
    return next == FK_ARCHIVE_ENCRYPTED ? FK_REASON_ENCRYPTED
           : next == FK_ARCHIVE_DAMAGED ? FK_REASON_UNREADABLE
                                        : FK_REASON_LIMIT;
}

const char *fk_archive__name(struct fk_archive *a) {
    return fk_buf_cstr(&a->name);
}

enum fk_reason fk_archive__data(struct fk_archive *a, struct fk_files *f, struct fk_buf *out) {
    enum fk_reason reason = 0;
    const bool is_encrypted = archive_entry_is_data_encrypted(a->entry);
    a->is_unread = false;
    const char *target = archive_entry_symlink(a->entry);
    if (is_encrypted && (!a->has_password || target)) /* libarchive opens no link */
        return FK_REASON_ENCRYPTED;
    if (target)
        fk_buf_str(out, target);
    while (!reason) {
        if (!fk_buf_reserve(out, STEP)) {
            reason = FK_REASON_LIMIT;
            break;
        }
        const la_ssize_t n = archive_read_data(a->archive, out->data + out->len, STEP);
        if (n == 0)
            break;
        if (n < 0 && n != ARCHIVE_RETRY)
            reason = FK_REASON_UNREADABLE;
        else if (n > 0)
            out->len += (size_t)n;
        if (!fk_files__may_unpack(f, a->packed, out->len) || fk_files__is_late(f))
            reason = FK_REASON_LIMIT;
    }
    /* Another password than that of the first file, which one in 256 passes: to be tried again when
     * another comes. */
    if (reason == FK_REASON_UNREADABLE && is_encrypted && out->len == 0)
        reason = FK_REASON_ENCRYPTED;
    /* libarchive does not give out what stands in a directory of a ZIP file. */
    if (!reason && out->len == 0 && archive_entry_size(a->entry) > 0)
        reason = FK_REASON_UNREADABLE;
    fk_files__unpacked(f, out->len);
    a->is_cut = reason == FK_REASON_LIMIT;
    return reason;
}

/* report.csv.gz holds report.csv, mail.tgz mail.tar. */
static void bare_name(const char *name, char *out, size_t size) {
    static const struct {
        const char *end, *instead;
    } ends[] = {{".tgz", ".tar"}, {".tbz", ".tar"}, {".tbz2", ".tar"},
                {".txz", ".tar"}, {".gz", ""},      {".bz2", ""},
                {".xz", ""},      {".zst", ""},     {".Z", ""}};
    size_t n = strlen(name);
    const char *instead = "";
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const size_t m = strlen(ends[i].end);
        if (n > m && strcasecmp(name + n - m, ends[i].end) == 0) {
            n -= m;
            instead = ends[i].instead;
            break;
        }
    }
    const char *last = name;
    for (size_t i = 0; i < n; i++)
        if (name[i] == '/')
            last = name + i + 1;
    snprintf(out, size, "%.*s%s", (int)(n - (size_t)(last - name)), last, instead);
}

static enum fk_status member_read(struct fk_archive *a, struct fk_files *f, struct fk_buf *data,
                                  struct fk_err *err) {
    enum fk_status st = FK_OK;
    const char *name = fk_archive__name(a);
    fk_buf_reset(data);
    const enum fk_reason reason = fk_archive__data(a, f, data);
    if (reason == FK_REASON_ENCRYPTED || (reason && data->len == 0)) {
        st = fk_files__named(f, name, err);
        fk_files__unread(f, name, reason);
        return st;
    }
    const struct fk_file file = {.data = data->data, .len = data->len, .name = name};
    st = fk_files__read(f, &file, err);
    if (reason)
        fk_files__unread(f, name, reason);
    return st;
}

static enum fk_status members_read(struct fk_archive *a, struct fk_files *f, unsigned *count,
                                   struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf data = FK_BUF_INIT;
    enum fk_archive_next next;
    while (st == FK_OK && (next = fk_archive__next(a, f)) != FK_ARCHIVE_END) {
        if (next != FK_ARCHIVE_FILE || !fk_files__may_open(f)) {
            fk_files__unread(f, NULL, fk_archive__reason(next));
            break;
        }
        ++*count;
        st = member_read(a, f, &data, err);
    }
    if (a->has_lost)
        fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
    fk_buf_free(&data);
    return st;
}

/* Whether this password, or any, is what the first encrypted file that is not empty wants: a wrong
 * one may pass the first check, one in 256 does, but not the sum over the file. */
static bool fits(struct fk_files *f, const struct fk_file *file, const char *password,
                 bool *has_encrypted) {
    struct fk_archive a;
    struct fk_buf data = FK_BUF_INIT;
    bool good = false;
    *has_encrypted = false;
    if (fk_archive__open(&a, file, FK_ARCHIVE_ZIP, password))
        while (data.len == 0 && fk_archive__next(&a, f) == FK_ARCHIVE_FILE)
            if (archive_entry_is_data_encrypted(a.entry) &&
                archive_entry_filetype(a.entry) == AE_IFREG) {
                *has_encrypted = true;
                good = password && !fk_archive__data(&a, f, &data);
                if (!good)
                    break;
            }
    fk_archive__close(&a);
    fk_buf_free(&data);
    return good;
}

static const struct fk_password *password_find(struct fk_files *f, const struct fk_file *file) {
    bool has_encrypted;
    const struct fk_password *p;
    (void)fits(f, file, NULL, &has_encrypted);
    for (size_t i = 0; has_encrypted && (p = fk_files__password(f, i, FK_PASSWORDS_MAX)); i++)
        if (fits(f, file, p->word, &has_encrypted))
            return p;
    return NULL;
}

/* A directory that is damaged leaves an archive without files; what stands before each file may be
 * whole. */
static bool is_cut(const struct fk_file *file, enum fk_archive_form form) {
    return form == FK_ARCHIVE_ZIP && memcmp(file->data, "PK\5\6", 4) != 0;
}

enum fk_status fk_file__members(struct fk_files *f, const struct fk_file *file,
                                enum fk_archive_form form, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_archive a;
    unsigned count = 0;
    char bare[256];
    bare_name(file->name, bare, sizeof bare);
    const struct fk_password *password = form == FK_ARCHIVE_ZIP ? password_find(f, file) : NULL;
    const bool opens = fk_archive__open(&a, file, form, password ? password->word : NULL);
    a.bare_name = bare;
    if (password)
        fk_files__unlocked(f, password);
    if (opens)
        st = members_read(&a, f, &count, err);
    fk_archive__close(&a);
    if (st == FK_OK && count == 0 && is_cut(file, form))
        st = fk_file__members(f, file, FK_ARCHIVE_ZIP_CUT, err);
    else if (st == FK_OK && count == 0 && opens && form == FK_ARCHIVE_ANY) /* zeros: an empty tar */
        st = fk_file__members(f, file, FK_ARCHIVE_BARE, err);
    if (!opens || form == FK_ARCHIVE_ZIP_CUT)
        fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
    return st;
}

enum fk_status fk_file__archive(struct fk_files *f, const struct fk_file *file,
                                struct fk_err *err) {
    return fk_file__members(f, file, FK_ARCHIVE_ANY, err);
}
