/* unpack.c - libarchive in a box. */
#include "archiver/intake/unpack.h"
#include "base/box.h"
#include "base/io.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    MEMORY = 512 << 20, /* xz -9 takes 65 MiB, zstd --ultra -22 129 MiB */
    TAR_MAGIC_AT = 257,
    BLOCK = 64 << 10
};

bool fk_unpack_is_archive(const void *head, size_t len, bool *is_bare_out) {
    static const struct {
        size_t at, len;
        const char *magic;
        bool is_bare;
    } known[] = {
        {0, 2, "\x1f\x8b", true},          {0, 3, "BZh", true},     {0, 6, "\xfd\x37zXZ\0", true},
        {0, 4, "\x28\xb5\x2f\xfd", true},  {0, 4, "PK\3\4", false}, {0, 4, "PK\5\6", false},
        {TAR_MAGIC_AT, 5, "ustar", false},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (len >= known[i].at + known[i].len &&
            memcmp((const char *)head + known[i].at, known[i].magic, known[i].len) == 0) {
            *is_bare_out = known[i].is_bare;
            return true;
        }
    return false;
}

struct unpack {
    int archive, out;
    struct archive *a;
    uint64_t read_bytes;
    bool gone; /* the pipe */
    uint8_t block[BLOCK];
};

static void record_put(struct unpack *u, enum fk_unpack_record type, const void *data, size_t len) {
    uint8_t record[5 + FK_UNPACK_RECORD_MAX];
    if (len > FK_UNPACK_RECORD_MAX)
        len = FK_UNPACK_RECORD_MAX; /* a name: cut */
    record[0] = (uint8_t)type;
    for (int i = 0; i < 4; i++)
        record[1 + i] = (uint8_t)(len >> (24 - 8 * i));
    if (len)
        memcpy(record + 5, data, len);
    if (!u->gone && fk_write_full(u->out, record, 5 + len, "the pipe", NULL) != FK_OK)
        u->gone = true;
}

static void text_put(struct unpack *u, enum fk_unpack_record type, const char *text) {
    record_put(u, type, text, strlen(text));
}

/* ---- libarchive's callbacks */

static la_ssize_t archive_read_block(struct archive *a, void *ctx, const void **out) {
    struct unpack *u = ctx;
    uint8_t at[8];
    ssize_t n;
    do
        n = read(u->archive, u->block, sizeof u->block);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        archive_set_error(a, errno, "%s", strerror(errno));
        return ARCHIVE_FATAL;
    }
    u->read_bytes += (uint64_t)n;
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(u->read_bytes >> (56 - 8 * i));
    record_put(u, FK_UNPACK_AT, at, sizeof at);
    *out = u->block;
    return u->gone ? ARCHIVE_FATAL : n;
}

static la_int64_t archive_seek(struct archive *a, void *ctx, la_int64_t offset, int whence) {
    struct unpack *u = ctx;
    off_t at = lseek(u->archive, offset, whence);
    if (at < 0) {
        archive_set_error(a, errno, "%s", strerror(errno));
        return ARCHIVE_FATAL;
    }
    return at;
}

static struct archive *archive_make(struct unpack *u, bool is_bare) {
    struct archive *a = archive_read_new();
    if (!a)
        return NULL;
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_gnutar(a);
    archive_read_support_format_zip(a);
    archive_read_support_format_empty(a);
    if (is_bare)
        archive_read_support_format_raw(a);
    archive_read_set_read_callback(a, archive_read_block);
    if (!is_bare)
        archive_read_set_seek_callback(a, archive_seek);
    archive_read_set_callback_data(a, u);
    return a;
}

/* ---- members */

static const char *error_of(struct archive *a) {
    const char *text = archive_error_string(a);
    return text && *text ? text : "it is damaged";
}

/* The bytes of the name as it stands there, where libarchive still has them. */
static const char *name_of(struct archive_entry *e) {
    const char *name = archive_entry_pathname(e);
    if (!name)
        name = archive_entry_pathname_utf8(e);
    return name ? name : "?";
}

static const char *why_passed(struct archive_entry *e) {
    if (archive_entry_hardlink(e) || archive_entry_filetype(e) == AE_IFLNK)
        return "a link, which is not followed";
    if (archive_entry_filetype(e) != AE_IFREG)
        return "a device or pipe, not a file";
    if (archive_entry_is_encrypted(e))
        return "it is encrypted; decrypt it first";
    return NULL;
}

static void pass_put(struct unpack *u, const char *why, const char *name) {
    char text[FK_UNPACK_RECORD_MAX];
    size_t why_len = strlen(why) + 1, name_len = strlen(name);
    if (name_len > sizeof text - why_len)
        name_len = sizeof text - why_len;
    memcpy(text, why, why_len);
    memcpy(text + why_len, name, name_len);
    record_put(u, FK_UNPACK_PASS, text, why_len + name_len);
}

/* ARCHIVE_OK, or what ends the archive. */
static int member_unpack(struct unpack *u, struct archive_entry *e) {
    const char *why = why_passed(e);
    uint8_t data[FK_UNPACK_RECORD_MAX];
    if (archive_entry_filetype(e) == AE_IFDIR)
        return ARCHIVE_OK;
    if (why) {
        pass_put(u, why, name_of(e));
        return ARCHIVE_OK;
    }
    text_put(u, FK_UNPACK_MEMBER, archive_format(u->a) == ARCHIVE_FORMAT_RAW ? "" : name_of(e));
    for (;;) {
        la_ssize_t n = archive_read_data(u->a, data, sizeof data);
        if (n == ARCHIVE_RETRY)
            continue;
        if (n <= 0) {
            text_put(u, FK_UNPACK_CLOSE, n < 0 ? error_of(u->a) : "");
            return n == ARCHIVE_FATAL ? ARCHIVE_FATAL : ARCHIVE_OK;
        }
        record_put(u, FK_UNPACK_DATA, data, (size_t)n);
        if (u->gone)
            return ARCHIVE_FATAL;
    }
}

static void members_unpack(struct unpack *u) {
    struct archive_entry *e;
    int rc = archive_read_open1(u->a);
    while (rc == ARCHIVE_OK && !u->gone) {
        rc = archive_read_next_header(u->a, &e);
        if (rc == ARCHIVE_RETRY)
            rc = ARCHIVE_OK;
        else if (rc == ARCHIVE_OK || rc == ARCHIVE_WARN)
            rc = member_unpack(u, e);
    }
    if (rc != ARCHIVE_EOF && archive_read_has_encrypted_entries(u->a) > 0)
        text_put(u, FK_UNPACK_END, "it is encrypted; decrypt it first");
    else
        text_put(u, FK_UNPACK_END, rc == ARCHIVE_EOF ? "" : error_of(u->a));
}

enum fk_status fk_unpack_main(int archive, int out, struct fk_err *err) {
    struct unpack u = {.archive = archive, .out = out};
    struct fk_err why = FK_ERR_INIT;
    uint8_t head[TAR_MAGIC_AT + 5];
    bool is_bare = true;
    /* What would open files later. */
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    tzset();
    if (fk_box_close(MEMORY, FK_UNPACK_RECORD_MAX, &why) != FK_OK) {
        text_put(&u, FK_UNPACK_END, why.text);
        return u.gone ? fk_fail(err, FK_IO, "nobody reads what is unpacked") : FK_OK;
    }
    ssize_t n = pread(archive, head, sizeof head, 0);
    (void)fk_unpack_is_archive(head, n > 0 ? (size_t)n : 0, &is_bare);
    if ((u.a = archive_make(&u, is_bare)))
        members_unpack(&u);
    else
        text_put(&u, FK_UNPACK_END, "no memory to read it");
    archive_read_free(u.a);
    return u.gone ? fk_fail(err, FK_IO, "nobody reads what is unpacked") : FK_OK;
}
