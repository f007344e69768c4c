/* inside.c - see inside.h */
#include "cli/inside.h"
#include "base/frame.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const char *const codings[] = {[FK_TRANSFER_IDENTITY] = "identity",
                                      [FK_TRANSFER_BASE64] = "base64",
                                      [FK_TRANSFER_QUOTED] = "quoted-printable"};

static bool coding_read(const char *word, enum fk_transfer *out) {
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++)
        if (strcmp(codings[i], word) == 0) {
            *out = (enum fk_transfer)i;
            return true;
        }
    return false;
}

/* What stands in a coding, in a file of its own. */
static enum fk_status decoded_cut(const uint8_t *data, size_t len, enum fk_transfer coding,
                                  struct cli_cut *out, struct fk_err *err) {
    struct fk_buf decoded = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    int fd = -1;
    fk_transfer_decode(coding, data, len, &decoded);
    if (decoded.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "an inner message: out of memory"));
    FK_TRY(fk_memfile_new("message", &fd, err));
    FK_TRY(fk_write_full(fd, decoded.data, decoded.len, "a message", err));
    FK_TRY(fk_memfile_seal(fd, err));
    *out = (struct cli_cut){.fd = fd, .len = decoded.len};
    fk_sha256(decoded.data, decoded.len, out->sha256);
    fd = -1;
done:
    fk_close(&fd);
    fk_buf_wipe(&decoded);
    return st;
}

static enum fk_status plain_cut(int fd, const uint8_t *data, uint64_t offset, size_t len,
                                struct cli_cut *out, struct fk_err *err) {
    *out = (struct cli_cut){.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3), .offset = offset, .len = len};
    fk_sha256(data, len, out->sha256);
    return out->fd < 0 ? fk_fail_sys(err, errno, "cannot hand a message on") : FK_OK;
}

enum fk_status cli_inside_cut(int fd, uint64_t offset, uint64_t len, const struct fk_judged *judged,
                              struct cli_cut *out, struct fk_err *err) {
    const uint8_t *file;
    size_t size;
    enum fk_transfer coding;
    enum fk_status st = fk_memfile_map(fd, &file, &size, err);
    if (st != FK_OK)
        return st;
    if (!coding_read(judged->coding, &coding) || offset > size || len > size - offset ||
        judged->offset > len || judged->len > len - judged->offset)
        st = fk_fail(err, FK_CORRUPT, "the bytes that were judged are not within the message");
    else if (coding == FK_TRANSFER_IDENTITY)
        st = plain_cut(fd, file + offset + judged->offset, offset + judged->offset, judged->len,
                       out, err);
    else
        st = decoded_cut(file + offset + judged->offset, judged->len, coding, out, err);
    fk_memfile_unmap(file, size);
    return st;
}

enum fk_status cli_inside_find(void *ctx, int fd, uint64_t offset, uint64_t len,
                               struct fk_inside *out, struct fk_err *err) {
    struct cli_insides *i = ctx;
    struct fk_inner inner = {.unread = NULL};
    struct cli_cut cut = {.fd = -1};
    enum fk_status st = FK_OK;
    *out = (struct fk_inside){.fd = -1};
    if (!i->finder)
        FK_TRY(fk_inner_finder_open(&i->options, &i->finder, err));
    FK_TRY(fk_inner_find(i->finder, fd, offset, len, &inner, err));
    out->unread = inner.unread;
    if (!inner.is_report)
        return FK_OK;
    out->judged = (struct fk_judged){.offset = inner.offset, .len = inner.len};
    snprintf(out->judged.coding, sizeof out->judged.coding, "%s", codings[inner.coding]);
    FK_TRY(cli_inside_cut(fd, offset, len, &out->judged, &cut, err));
    memcpy(out->judged.sha256, cut.sha256, FK_SHA256_BYTES);
    out->fd = cut.fd;
    out->offset = cut.offset;
    out->len = cut.len;
    out->is_report = true;
done:
    return st;
}

void cli_insides_close(struct cli_insides *i) {
    fk_inner_finder_close(&i->finder);
}
