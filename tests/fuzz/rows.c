/* A mirror's rows file (archiver/vault/rows.h): whole slices in order, a torn end told apart from
 * damage, rows of any bytes taken apart within them.
 *
 * Input: a byte (slices, 0 to 3), the rows of each up to 0xff, then changes (patch.h) of the file
 * that they make. */
#include "archiver/vault/rows.h"
#include "base/pack.h"
#include "tests/fuzz/support/patch.h"

#include <fcntl.h>
#include <unistd.h>

enum { SEGMENT = 4 };

static void rows_check(const struct fk_buf *rows) {
    struct fk_rows_it it = fk_rows_begin(rows);
    struct fk_row row;
    struct fk_buf again = FK_BUF_INIT;
    while (fk_rows_next(&it, &row)) {
        fk_put_u8(&again, (uint8_t)row.table);
        fk_put_u64(&again, row.key);
        fk_put_bytes(&again, row.value, row.len);
    }
    MUST(it.bad || fuzz_same(again.data, again.len, rows->data, rows->len));
    fk_buf_free(&again);
}

static size_t slices_write(struct fuzz_input *in, int fd, const char *path) {
    const unsigned count = fuzz_byte(in) % 4;
    for (unsigned i = 0; i < count; i++) {
        const struct fuzz_input rows = fuzz_until(in, 0xff);
        struct fk_slice s = {.to = {SEGMENT, 10 + i + 1, i, 1}, .first = 10 + i, .closed = false};
        fk_buf_add(&s.rows, rows.at, rows.len);
        DONE(fk_rows_append(fd, path, &s, NULL));
        fk_slice_free(&s);
    }
    return count;
}

static void file_check(int fd, const char *path, size_t slices, bool is_good) {
    struct fk_rows_end end = {.bytes = 0};
    struct fk_rows_head head;
    struct fk_buf rows = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    size_t found = 0;
    if (!fuzz_took(fk_rows_scan(fd, path, SEGMENT, &end, &err), &err))
        return;
    MUST(end.bytes >= 0 && end.bytes <= end.size && end.newest < end.bytes);
    for (off_t at = 0; at < end.bytes; found++) {
        /* In the middle a digest may be wrong: only the last slice's is looked at by a scan. */
        const bool good = fuzz_took(fk_rows_read(fd, path, at, &head, &rows, &err), &err);
        MUST(good || (!is_good && err.status == FK_CORRUPT));
        MUST(head.line > 0 && at + (off_t)(head.line + head.bytes) <= end.bytes);
        if (good)
            rows_check(&rows);
        at += (off_t)(head.line + head.bytes);
    }
    if (is_good)
        MUST(found == slices && !end.damaged && end.bytes == end.size);
    fk_buf_free(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    const struct fk_buf raw = {(uint8_t *)(uintptr_t)data, len, len, false};
    struct fk_buf file = FK_BUF_INIT;
    const char *path = fuzz_file("rows", "", 0);
    rows_check(&raw);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_APPEND);
    MUST(fd >= 0);
    const size_t slices = slices_write(&in, fd, path), changes = in.len;
    const off_t size = lseek(fd, 0, SEEK_END);
    MUST(fk_buf_reserve(&file, (size_t)size + 1) && pread(fd, file.data, (size_t)size, 0) == size);
    file.len = (size_t)size;
    close(fd);
    fuzz_patch(&file, &in);
    fd = open(fuzz_file("rows", file.data, file.len), O_RDONLY | O_CLOEXEC);
    file_check(fd, path, slices, changes == 0);
    close(fd);
    fk_buf_free(&file);
    return 0;
}
