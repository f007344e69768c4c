/* escrow_open.c - a bundle opened, on a machine that may have nothing else. */
#include "archiver/vault/escrow_priv.h"
#include "archiver/vault/layout_priv.h"
#include "base/atomic_file.h"
#include "base/base64.h"
#include "base/io.h"

#include <archive.h>
#include <archive_entry.h>
#include <argon2.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BLOCK = 64 << 10,
    SALT_BYTES = 16,
    MEMORY_MAX_KIB = 1 << 20, /* well over what is ever written */
    PASSES_MAX = 16,
    LANES_MAX = 4,
    PEM_MAX = 1 << 20
};

struct opening {
    const char *path;
    int fd;
    off_t begin, end; /* of the ciphertext */
    struct fk_buf head;
    uint8_t key[FK_ESCROW_KEY_BYTES], iv[FK_ESCROW_IV_BYTES], tag[FK_ESCROW_TAG_BYTES];
    uint8_t ledger[FK_LEDGER_BYTES];
    struct fk_escrow_info info;
    /* reading */
    EVP_CIPHER_CTX *cipher;
    off_t at;
    uint8_t sealed[BLOCK], plain[BLOCK];
    struct fk_err *err;
    enum fk_status status;
};

/* ---- the head */

static bool field(const struct opening *o, const char *name, struct fk_buf *out) {
    const size_t first = sizeof FK_ESCROW_FIRST_LINE - 1;
    fk_buf_reset(out);
    return fk_fields_find(o->head.data + first, o->head.len - first, name, out) && !out->failed;
}

static bool field_copy(const struct opening *o, const char *name, char *out, size_t size) {
    struct fk_buf value = FK_BUF_INIT;
    bool good = field(o, name, &value) && value.len < size;
    if (good)
        memcpy(out, fk_buf_cstr(&value), value.len + 1);
    fk_buf_free(&value);
    return good;
}

static bool head_parse(struct opening *o) {
    char text[40];
    bool good = field_copy(o, "ledger", o->info.ledger, sizeof o->info.ledger) &&
                strlen(o->info.ledger) == 2 * FK_LEDGER_BYTES &&
                fk_unhex(o->ledger, o->info.ledger, FK_LEDGER_BYTES) &&
                field_copy(o, "kek", o->info.kek, sizeof o->info.kek) &&
                field_copy(o, "time", o->info.time, sizeof o->info.time) &&
                field_copy(o, "number", text, sizeof text);
    if (good)
        o->info.number = strtoull(text, NULL, 10);
    if (good && field_copy(o, "officers", text, sizeof text))
        o->info.officers = (unsigned)strtoul(text, NULL, 10);
    return good && o->info.officers <= FK_ESCROW_OFFICERS_MAX &&
           field_copy(o, "iv", text, sizeof text) && strlen(text) == 2 * FK_ESCROW_IV_BYTES &&
           fk_unhex(o->iv, text, FK_ESCROW_IV_BYTES);
}

static enum fk_status head_read(struct opening *o, struct fk_err *err) {
    struct stat s;
    enum fk_status st;
    const char *blank = NULL;
    FK_TRY(fk_open_plain(AT_FDCWD, o->path, o->path, &o->fd, err));
    if (fstat(o->fd, &s) != 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot stat", o->path));
    size_t n = s.st_size < FK_ESCROW_HEAD_MAX ? (size_t)s.st_size : FK_ESCROW_HEAD_MAX;
    if (!fk_buf_reserve(&o->head, n + 1))
        FK_TRY(fk_fail(err, FK_NOMEM, "%s: no memory to read it", o->path));
    FK_TRY(fk_pread_full(o->fd, o->head.data, n, 0, o->path, err));
    o->head.len = n;
    const size_t first = sizeof FK_ESCROW_FIRST_LINE - 1;
    if (n > first && memcmp(o->head.data, FK_ESCROW_FIRST_LINE, first) == 0)
        blank = memmem(o->head.data, n, "\n\n", 2);
    if (!blank)
        FK_TRY(fk_fail(err, FK_CORRUPT, "%s: not a bundle of keys (\"fumikura keys escrow\")",
                       o->path));
    o->begin = blank + 2 - (const char *)o->head.data;
    o->head.len = (size_t)o->begin - 1; /* the lines; the blank one is no field */
    o->end = s.st_size - FK_ESCROW_TAG_BYTES;
    if (o->end < o->begin || !head_parse(o))
        FK_TRY(fk_fail(err, FK_CORRUPT, "%s: its head is not that of a bundle, or is cut short",
                       o->path));
    st = fk_pread_full(o->fd, o->tag, sizeof o->tag, o->end, o->path, err);
done:
    return st;
}

/* ---- the key */

static enum fk_status passphrase_key(struct opening *o, const char *passphrase,
                                     struct fk_err *err) {
    char text[160], salt_hex[2 * SALT_BYTES + 1], rest;
    uint8_t salt[SALT_BYTES];
    unsigned memory, passes, lanes;
    if (!field_copy(o, "passphrase", text, sizeof text))
        return fk_fail(err, FK_INVALID,
                       "%s: is sealed for officers, not by a passphrase: --officer-key says who",
                       o->path);
    if (sscanf(text, "argon2id v=19 m=%u t=%u p=%u salt=%32[0-9a-f]%c", &memory, &passes, &lanes,
               salt_hex, &rest) != 4 ||
        strlen(salt_hex) != 2 * SALT_BYTES || !fk_unhex(salt, salt_hex, SALT_BYTES) ||
        memory > MEMORY_MAX_KIB || passes > PASSES_MAX || lanes > LANES_MAX)
        return fk_fail(err, FK_CORRUPT, "%s: does not say how its key was derived", o->path);
    int rc = argon2id_hash_raw(passes, memory, lanes, passphrase, strlen(passphrase), salt,
                               sizeof salt, o->key, sizeof o->key);
    return rc == ARGON2_OK ? FK_OK
                           : fk_fail(err, FK_NOMEM, "%s: cannot derive its key: %s", o->path,
                                     argon2_error_message(rc));
}

static EVP_PKEY *private_key_read(const char *file, struct fk_err *err) {
    BIO *in = BIO_new_file(file, "r");
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    if (!key)
        (void)fk_fail(err, FK_INVALID, "%s: no private key (PEM) could be read from it", file);
    ERR_clear_error();
    return key;
}

/* One layer off, where this key opens it. */
static bool layer_open(EVP_PKEY *key, struct fk_buf *text) {
    const unsigned char *der = text->data;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &der, (long)text->len);
    BIO *out = BIO_new(BIO_s_mem());
    char *data;
    bool good = cms && out && CMS_decrypt(cms, key, NULL, NULL, out, CMS_BINARY) == 1;
    if (good) {
        long n = BIO_get_mem_data(out, &data);
        fk_buf_reset(text);
        fk_buf_add(text, data, (size_t)n);
        OPENSSL_cleanse(data, (size_t)n);
    }
    BIO_free(out);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return good && !text->failed;
}

static enum fk_status layers_open(struct opening *o, const struct fk_escrow_with *with,
                                  struct fk_buf *text, struct fk_err *err) {
    EVP_PKEY *keys[FK_ESCROW_OFFICERS_MAX] = {NULL};
    enum fk_status st = FK_OK;
    unsigned n =
        with->officer_count < FK_ESCROW_OFFICERS_MAX ? with->officer_count : FK_ESCROW_OFFICERS_MAX;
    for (unsigned i = 0; i < n && st == FK_OK; i++)
        st = (keys[i] = private_key_read(with->officer_keys[i], err)) ? FK_OK : FK_INVALID;
    for (unsigned layer = o->info.officers; layer > 0 && st == FK_OK; layer--) {
        bool opened = false;
        for (unsigned i = 0; i < n && !opened; i++)
            opened = layer_open(keys[i], text);
        if (!opened)
            st = fk_fail(err, FK_DENIED,
                         "%s: sealed for %u officers, and layer %u opens with none of the %u keys "
                         "that were given",
                         o->path, o->info.officers, layer, n);
    }
    for (unsigned i = 0; i < n; i++)
        EVP_PKEY_free(keys[i]);
    return st;
}

static enum fk_status hex_key(struct opening *o, const char *text, size_t len, struct fk_err *err) {
    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (len != 2 * sizeof o->key || !fk_unhex(o->key, text, sizeof o->key))
        return fk_fail(err, FK_DENIED, "%s: what was opened is not the key of a bundle", o->path);
    return FK_OK;
}

static enum fk_status officers_key(struct opening *o, const struct fk_escrow_with *with,
                                   struct fk_err *err) {
    struct fk_buf base64 = FK_BUF_INIT, text = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    if (!o->info.officers || !field(o, "cms", &base64))
        FK_TRY(
            fk_fail(err, FK_INVALID, "%s: is sealed by a passphrase, not for officers", o->path));
    if (!fk_base64_read((const char *)base64.data, base64.len, &text))
        FK_TRY(fk_fail(err, FK_CORRUPT, "%s: its cms line is not base64", o->path));
    FK_TRY(layers_open(o, with, &text, err));
    st = hex_key(o, (const char *)text.data, text.len, err);
done:
    fk_buf_free(&base64);
    fk_buf_wipe(&text);
    return st;
}

static enum fk_status key_find(struct opening *o, const struct fk_escrow_with *with,
                               struct fk_err *err) {
    if (with->key_hex)
        return hex_key(o, with->key_hex, strlen(with->key_hex), err);
    return with->passphrase ? passphrase_key(o, with->passphrase, err) : officers_key(o, with, err);
}

/* ---- the ciphertext, read twice: to see that it is whole, then to take it apart */

static enum fk_status decrypt_begin(struct opening *o, struct fk_err *err) {
    int n;
    uint8_t blank = '\n';
    o->at = o->begin;
    if (!o->cipher)
        o->cipher = EVP_CIPHER_CTX_new();
    if (!o->cipher || EVP_DecryptInit_ex(o->cipher, EVP_aes_256_gcm(), NULL, o->key, o->iv) != 1 ||
        EVP_DecryptUpdate(o->cipher, NULL, &n, o->head.data, (int)o->head.len) != 1 ||
        EVP_DecryptUpdate(o->cipher, NULL, &n, &blank, 1) != 1)
        return fk_fail(err, FK_NOMEM, "%s: no memory to decrypt it", o->path);
    return FK_OK;
}

/* The next block; *len 0 at the end. */
static enum fk_status decrypt_next(struct opening *o, size_t *len, struct fk_err *err) {
    int out = 0;
    *len = o->end - o->at < BLOCK ? (size_t)(o->end - o->at) : BLOCK;
    enum fk_status st = fk_pread_full(o->fd, o->sealed, *len, o->at, o->path, err);
    if (st == FK_OK && EVP_DecryptUpdate(o->cipher, o->plain, &out, o->sealed, (int)*len) != 1)
        st = fk_fail(err, FK_NOMEM, "%s: cannot decrypt it", o->path);
    o->at += (off_t)*len;
    return st;
}

/* What is left of the ciphertext, and then the tag over all of it. */
static enum fk_status decrypt_end(struct opening *o, struct fk_err *err) {
    enum fk_status st = FK_OK;
    size_t len = 1;
    int n;
    while (len)
        FK_TRY(decrypt_next(o, &len, err));
    if (EVP_CIPHER_CTX_ctrl(o->cipher, EVP_CTRL_GCM_SET_TAG, sizeof o->tag, o->tag) != 1 ||
        EVP_DecryptFinal_ex(o->cipher, o->plain, &n) != 1)
        st = fk_fail(err, FK_DENIED,
                     "%s: does not open: that is not its passphrase or key, or the file was "
                     "changed or cut short",
                     o->path);
done:
    return st;
}

static enum fk_status whole_check(struct opening *o, struct fk_err *err) {
    enum fk_status st = decrypt_begin(o, err);
    return st == FK_OK ? decrypt_end(o, err) : st;
}

static la_ssize_t on_read(struct archive *a, void *ctx, const void **data) {
    struct opening *o = ctx;
    size_t len = 0;
    (void)a;
    o->status = decrypt_next(o, &len, o->err);
    *data = o->plain;
    return o->status == FK_OK ? (la_ssize_t)len : -1;
}

static bool name_is_ours(const char *name) {
    size_t digits = strncmp(name, "keys/", 5) == 0 ? strspn(name + 5, "0123456789.") : 0;
    return strcmp(name, "secrets/kek") == 0 ||
           (digits > 2 && strcmp(name + 5 + digits, "keys") == 0 && strlen(name) < 80 &&
            !strstr(name, ".."));
}

static enum fk_status member_write(struct opening *o, struct archive *tar, const char *path) {
    struct fk_atomic_file *file = NULL;
    uint8_t block[4096];
    la_ssize_t n = 1;
    enum fk_status st;
    FK_TRY(fk_atomic_begin(path, 0600, &file, o->err));
    while ((n = archive_read_data(tar, block, sizeof block)) > 0)
        FK_TRY(fk_atomic_write(file, block, (size_t)n, o->err));
    if (n < 0)
        FK_TRY(o->status != FK_OK
                   ? o->status
                   : fk_fail(o->err, FK_CORRUPT, "%s: %s", o->path, archive_error_string(tar)));
    st = fk_atomic_commit(&file, o->err);
done:
    fk_atomic_abort(&file);
    OPENSSL_cleanse(block, sizeof block);
    return st;
}

static enum fk_status members_write(struct opening *o, struct archive *tar, const char *dir) {
    struct archive_entry *e;
    char path[PATH_MAX];
    int rc;
    while ((rc = archive_read_next_header(tar, &e)) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(e);
        if (!name || !name_is_ours(name) || archive_entry_filetype(e) != AE_IFREG)
            return fk_fail(o->err, FK_CORRUPT, "%s: has \"%s\" in it, which is no key file",
                           o->path, name ? name : "");
        o->info.key_files += name[0] == 'k';
        enum fk_status st = fk_join_path(path, sizeof path, dir, name, o->err);
        if (st == FK_OK)
            st = member_write(o, tar, path);
        if (st != FK_OK)
            return st;
    }
    return rc == ARCHIVE_EOF
               ? FK_OK
               : fk_fail(o->err, FK_CORRUPT, "%s: %s", o->path, archive_error_string(tar));
}

static enum fk_status folders_make(const char *dir, struct fk_err *err) {
    enum fk_status st;
    char path[PATH_MAX];
    FK_TRY(fk_layout__check(dir, err));
    FK_TRY(fk_make_dir(dir, 0700, err));
    FK_TRY(fk_layout__empty(dir, err));
    fk_layout__path(path, dir, "secrets");
    FK_TRY(fk_make_dir(path, 0700, err));
    fk_layout__path(path, dir, "keys");
    st = fk_make_dir(path, 0700, err);
done:
    return st;
}

static enum fk_status key_file_destroy(void *ctx, uint64_t number, const char *rest,
                                       struct fk_err *err) {
    const char *dir = ctx;
    char path[PATH_MAX];
    (void)err;
    snprintf(path, sizeof path, "%s/keys/%08" PRIu64 ".%s", dir, number, rest);
    (void)!fk_destroy_file(path, NULL);
    return FK_OK;
}

/* No key stays in the clear where not all of them could be put there. */
static void folders_clear(const char *dir) {
    static const char *const secrets[] = {"secrets/kek", "secrets/kek.new"};
    char path[PATH_MAX];
    for (int i = 0; i < 2; i++) {
        fk_layout__path(path, dir, secrets[i]);
        (void)!fk_destroy_file(path, NULL);
    }
    (void)!fk_layout__each(dir, "keys", key_file_destroy, (void *)(uintptr_t)dir, NULL);
    fk_layout__path(path, dir, "secrets");
    (void)rmdir(path);
    fk_layout__path(path, dir, "keys");
    (void)rmdir(path);
}

static enum fk_status take_apart(struct opening *o, const char *dir, struct fk_err *err) {
    struct archive *tar = NULL;
    bool made = false;
    enum fk_status st;
    o->err = err;
    FK_TRY(folders_make(dir, err));
    made = true;
    FK_TRY(decrypt_begin(o, err));
    tar = archive_read_new();
    if (!tar || archive_read_support_format_tar(tar) != ARCHIVE_OK)
        FK_TRY(fk_fail(err, FK_NOMEM, "%s: no memory to take it apart", o->path));
    if (archive_read_open(tar, o, NULL, on_read, NULL) != ARCHIVE_OK)
        FK_TRY(fk_fail(err, FK_CORRUPT, "%s: %s", o->path, archive_error_string(tar)));
    FK_TRY(members_write(o, tar, dir));
    FK_TRY(decrypt_end(o, err)); /* a medium may give other bytes the second time */
    st = fk_layout__ledger_write(dir, o->ledger, err);
done:
    if (st != FK_OK && made)
        folders_clear(dir);
    if (tar)
        archive_read_free(tar);
    return st;
}

static void opening_free(struct opening **op) {
    struct opening *o = *op;
    if (!o)
        return;
    EVP_CIPHER_CTX_free(o->cipher);
    fk_close(&o->fd);
    fk_buf_free(&o->head);
    OPENSSL_cleanse(o, sizeof *o);
    free(o);
    *op = NULL;
}

static struct opening *opening_new(const char *path) {
    struct opening *o = calloc(1, sizeof *o);
    if (o) {
        o->path = path;
        o->fd = -1;
    }
    return o;
}

enum fk_status fk_escrow_look(const char *path, struct fk_escrow_info *out, struct fk_err *err) {
    struct opening *o = opening_new(path);
    enum fk_status st =
        o ? head_read(o, err) : fk_fail(err, FK_NOMEM, "%s: no memory to read it", path);
    if (st == FK_OK)
        *out = o->info;
    opening_free(&o);
    return st;
}

enum fk_status fk_escrow_open(const char *path, const struct fk_escrow_with *with, const char *dir,
                              struct fk_escrow_info *out, struct fk_err *err) {
    struct opening *o = opening_new(path);
    enum fk_status st = o ? FK_OK : fk_fail(err, FK_NOMEM, "%s: no memory to read it", path);
    FK_TRY(st);
    FK_TRY(head_read(o, err));
    FK_TRY(key_find(o, with, err));
    FK_TRY(whole_check(o, err));
    FK_TRY(take_apart(o, dir, err));
    *out = o->info;
done:
    opening_free(&o);
    return st;
}
