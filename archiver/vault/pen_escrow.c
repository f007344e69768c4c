/* pen_escrow.c - all keys of the vault into a sealed bundle. The entry comes first: a bundle that
 * the ledger does not know of would be a copy of keys that no certificate of disposal names. */
#include "archiver/vault/escrow_priv.h"
#include "archiver/vault/pen_priv.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 64 << 10, KEK_FILE_MAX = 4096 };

struct bundle {
    struct fk_pen *pen;
    int fd;
    EVP_CIPHER_CTX *cipher;
    struct archive *tar;
    uint8_t *sealed; /* BLOCK bytes */
    struct fk_err *err;
    enum fk_status status; /* of a write that libarchive was told of */
};

/* What libarchive gives is written encrypted; unbuffered, so that it keeps no copy of keys. */
static la_ssize_t on_write(struct archive *a, void *ctx, const void *data, size_t len) {
    struct bundle *b = ctx;
    const uint8_t *at = data;
    (void)a;
    for (size_t left = len; left && b->status == FK_OK;) {
        int n = left < BLOCK ? (int)left : BLOCK, out = 0;
        if (EVP_EncryptUpdate(b->cipher, b->sealed, &out, at, n) != 1 || out != n)
            b->status = fk_fail(b->err, FK_NOMEM, "cannot encrypt the bundle");
        else
            b->status = fk_write_full(b->fd, b->sealed, (size_t)n, "the bundle", b->err);
        at += n;
        left -= (size_t)n;
    }
    return b->status == FK_OK ? (la_ssize_t)len : -1;
}

static enum fk_status tar_status(struct bundle *b, la_ssize_t rc) {
    if (rc >= 0)
        return FK_OK;
    return b->status != FK_OK ? b->status
                              : fk_fail(b->err, FK_IO, "cannot write the bundle: %s",
                                        archive_error_string(b->tar));
}

static enum fk_status member_begin(struct bundle *b, const char *name, off_t bytes) {
    struct archive_entry *e = archive_entry_new();
    if (!e)
        return fk_fail(b->err, FK_NOMEM, "no memory for the bundle");
    archive_entry_set_pathname(e, name);
    archive_entry_set_size(e, bytes);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0600);
    archive_entry_set_mtime(e, (time_t)(fk_now_ms() / 1000), 0);
    int rc = archive_write_header(b->tar, e);
    archive_entry_free(e);
    return tar_status(b, rc);
}

static enum fk_status kek_add(struct bundle *b) {
    struct fk_buf text = FK_BUF_INIT;
    char path[PATH_MAX];
    enum fk_status st;
    fk_layout__path(path, b->pen->dir, "secrets/kek");
    FK_TRY(fk_read_file(path, KEK_FILE_MAX, &text, b->err));
    FK_TRY(member_begin(b, "secrets/kek", (off_t)text.len));
    st = tar_status(b, archive_write_data(b->tar, text.data, text.len));
done:
    fk_buf_wipe(&text);
    return st;
}

static enum fk_status file_copy(struct bundle *b, const struct fk_keyfile *kf, off_t bytes) {
    uint8_t *block = malloc(BLOCK);
    enum fk_status st = block ? FK_OK : fk_fail(b->err, FK_NOMEM, "no memory for the bundle");
    for (off_t at = 0; at < bytes && st == FK_OK;) {
        size_t n = bytes - at < BLOCK ? (size_t)(bytes - at) : BLOCK;
        st = fk_pread_full(kf->fd, block, n, at, kf->path, b->err);
        if (st == FK_OK)
            st = tar_status(b, archive_write_data(b->tar, block, n));
        at += (off_t)n;
    }
    free(block);
    return st;
}

static enum fk_status keys_add(struct bundle *b, uint64_t number) {
    struct fk_keyname name = {b->pen->dir, b->pen->ledger, &b->pen->kek, number, 0};
    struct fk_keyfile kf = {.fd = -1};
    struct fk_book *book;
    struct stat s;
    enum fk_status st;
    FK_TRY(fk_shelf__get(b->pen->shelf, number, &book, b->err));
    /* An open one's intermediate key would open what comes after this bundle, and no restore needs
     * it: a tape has sealed segments only, a mirror its own keys. */
    if (book->state != FK_BOOK_SEALED_STATE)
        return FK_OK;
    FK_TRY(fk_book__generation(book, &name.generation, b->err));
    FK_TRY(fk_keyfile__open(&name, &kf, b->err));
    if (fstat(kf.fd, &s) != 0)
        FK_TRY(fk_fail(b->err, FK_IO, "%s: cannot stat", kf.path));
    FK_TRY(member_begin(b, kf.path + strlen(b->pen->dir) + 1, s.st_size));
    st = file_copy(b, &kf, s.st_size);
done:
    fk_keyfile__close(&kf);
    return st;
}

static enum fk_status tar_write(struct bundle *b) {
    enum fk_status st;
    b->tar = archive_write_new();
    if (!b->tar)
        return fk_fail(b->err, FK_NOMEM, "no memory for the bundle");
    FK_TRY(tar_status(b, archive_write_set_format_ustar(b->tar)));
    FK_TRY(tar_status(b, archive_write_set_bytes_per_block(b->tar, 0)));
    FK_TRY(tar_status(b, archive_write_open(b->tar, b, NULL, on_write, NULL)));
    FK_TRY(kek_add(b));
    for (uint64_t i = 1; i <= b->pen->active->number; i++)
        FK_TRY(keys_add(b, i));
    st = tar_status(b, archive_write_close(b->tar));
done:
    return st;
}

static void head_make(const struct bundle *b, const struct fk_escrow_order *o, uint64_t number,
                      const uint8_t iv[FK_ESCROW_IV_BYTES], struct fk_buf *out) {
    char id[FK_KEK_ID_SIZE], now[FK_TIME_SIZE];
    fk_kek__id(b->pen->kek.key, id);
    fk_time_format(now, fk_now_ms());
    fk_buf_str(out, FK_ESCROW_FIRST_LINE "ledger: ");
    fk_buf_hex(out, b->pen->ledger, FK_LEDGER_BYTES);
    fk_buf_printf(out, "\nnumber: %" PRIu64 "\nkek: %s\ntime: %s\n", number, id, now);
    fk_buf_str(out, o->lines);
    fk_buf_str(out, "iv: ");
    fk_buf_hex(out, iv, FK_ESCROW_IV_BYTES);
    fk_buf_str(out, "\n\n");
}

static enum fk_status bundle_write(struct bundle *b, const struct fk_escrow_order *o,
                                   uint64_t number) {
    uint8_t iv[FK_ESCROW_IV_BYTES], tag[FK_ESCROW_TAG_BYTES];
    struct fk_buf head = FK_BUF_INIT;
    int n = 0;
    enum fk_status st = FK_OK;
    fk_random(iv, sizeof iv);
    head_make(b, o, number, iv, &head);
    b->cipher = EVP_CIPHER_CTX_new();
    b->sealed = malloc(BLOCK);
    if (head.failed || !b->cipher || !b->sealed ||
        EVP_EncryptInit_ex(b->cipher, EVP_aes_256_gcm(), NULL, o->key, iv) != 1 ||
        EVP_EncryptUpdate(b->cipher, NULL, &n, head.data, (int)head.len) != 1)
        FK_TRY(fk_fail(b->err, FK_NOMEM, "no memory for the bundle"));
    FK_TRY(fk_write_full(b->fd, head.data, head.len, "the bundle", b->err));
    FK_TRY(tar_write(b));
    if (EVP_EncryptFinal_ex(b->cipher, b->sealed, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(b->cipher, EVP_CTRL_GCM_GET_TAG, sizeof tag, tag) != 1)
        FK_TRY(fk_fail(b->err, FK_NOMEM, "cannot encrypt the bundle"));
    FK_TRY(fk_write_full(b->fd, tag, sizeof tag, "the bundle", b->err));
    int injected = fk_fault("fsync");
    if (injected || fsync(b->fd) != 0)
        st = fk_fail(b->err, FK_IO, "the bundle: cannot sync");
done:
    if (b->tar)
        archive_write_free(b->tar);
    EVP_CIPHER_CTX_free(b->cipher);
    free(b->sealed);
    fk_buf_free(&head);
    return st;
}

enum fk_status fk_pen_escrow(struct fk_pen *pen, const struct fk_escrow_order *order, int fd,
                             uint64_t *seq_out, struct fk_err *err) {
    struct fk_err why = FK_ERR_INIT;
    struct bundle b = {.pen = pen, .fd = fd, .err = &why};
    char id[FK_KEK_ID_SIZE], fields[120];
    struct stat s;
    enum fk_status st;
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode)) /* anything else could make the pen wait */
        return fk_fail(err, FK_INVALID, "a bundle of keys is written into a plain file only");
    pthread_mutex_lock(&pen->lock);
    st = fk_pen__keys_check(pen, err);
    fk_kek__id(pen->kek.key, id);
    pthread_mutex_unlock(&pen->lock);
    if (st != FK_OK)
        return st;
    snprintf(fields, sizeof fields, "what=escrow kek=%s form=%s", id,
             strncmp(order->lines, "passphrase: ", 12) == 0 ? "passphrase" : "officers");
    FK_TRY(fk_pen__entry(pen, "key", fields, order->body, order->body_len, seq_out, err));
    pthread_mutex_lock(&pen->lock);
    st = bundle_write(&b, order, *seq_out);
    pthread_mutex_unlock(&pen->lock);
    if (st != FK_OK) /* the vault is as it was, whatever became of that file */
        st = fk_fail(err, st == FK_IO ? FK_RETRY : st,
                     "%s; entry %" PRIu64 " records the bundle all the same: \"keys destroyed "
                     "%" PRIu64 "\" takes it off the list",
                     why.text, *seq_out, *seq_out);
done:
    return st;
}
