/* escrow_seal.c - who may open a bundle. */
#include "archiver/vault/content_priv.h"
#include "archiver/vault/escrow_priv.h"
#include "base/base64.h"
#include "base/digest.h"
#include "base/io.h"

#include <argon2.h>
#include <inttypes.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

/* RFC 9106, section 4, the second recommended choice, with one lane. */
enum { SALT_BYTES = 16, PASSES = 3, MEMORY_KIB = 64 << 10, LANES = 1, PEM_MAX = 1 << 20 };

enum fk_status fk_escrow_seal_passphrase(const char *passphrase, uint8_t key[FK_ESCROW_KEY_BYTES],
                                         struct fk_buf *lines, struct fk_err *err) {
    uint8_t salt[SALT_BYTES];
    char hex[2 * SALT_BYTES + 1];
    if (strlen(passphrase) < FK_PASSPHRASE_MIN)
        return fk_fail(err, FK_INVALID, "the passphrase has fewer than %d bytes",
                       FK_PASSPHRASE_MIN);
    fk_random(salt, sizeof salt);
    int rc = argon2id_hash_raw(PASSES, MEMORY_KIB, LANES, passphrase, strlen(passphrase), salt,
                               sizeof salt, key, FK_ESCROW_KEY_BYTES);
    if (rc != ARGON2_OK)
        return fk_fail(err, FK_NOMEM, "cannot derive a key: %s", argon2_error_message(rc));
    fk_hex(hex, salt, sizeof salt);
    fk_buf_printf(lines, "passphrase: argon2id v=19 m=%d t=%d p=%d salt=%s\n", MEMORY_KIB, PASSES,
                  LANES, hex);
    return FK_OK;
}

static enum fk_status openssl_fail(const char *what, struct fk_err *err) {
    char why[200];
    ERR_error_string_n(ERR_peek_last_error(), why, sizeof why);
    ERR_clear_error();
    return fk_fail(err, FK_INVALID, "%s: %s", what, why);
}

static enum fk_status certificate_check(const char *file, X509 *c, struct fk_err *err) {
    if (X509_cmp_current_time(X509_get0_notAfter(c)) < 0)
        return fk_fail(err, FK_INVALID, "%s: a certificate in it has expired", file);
    return FK_OK;
}

/* One person in two layers would be two officers on paper only. */
static enum fk_status apart_check(const char *file, STACK_OF(X509) * layer, STACK_OF(X509) * before,
                                  struct fk_err *err) {
    for (int i = 0; i < sk_X509_num(layer); i++)
        for (int j = 0; j < sk_X509_num(before); j++)
            if (EVP_PKEY_eq(X509_get0_pubkey(sk_X509_value(layer, i)),
                            X509_get0_pubkey(sk_X509_value(before, j))) == 1)
                return fk_fail(
                    err, FK_INVALID,
                    "%s: a key in it is that of another officer as well; each layer needs "
                    "people of its own",
                    file);
    return FK_OK;
}

/* The subject of the first certificate, for people. */
static void subject_add(struct fk_buf *lines, X509 *c) {
    char name[256];
    BIO *text = BIO_new(BIO_s_mem());
    name[0] = 0;
    if (text && X509_NAME_print_ex(text, X509_get_subject_name(c), 0, XN_FLAG_RFC2253) >= 0) {
        int n = BIO_read(text, name, sizeof name - 1);
        name[n > 0 ? n : 0] = 0;
    }
    BIO_free(text);
    fk_fields_add_str(lines, "officer", name);
}

static enum fk_status certificates_read(const char *file, STACK_OF(X509) * list,
                                        struct fk_buf *lines, struct fk_err *err) {
    struct fk_buf text = FK_BUF_INIT;
    X509 *c;
    enum fk_status st = fk_read_plain(file, PEM_MAX, &text, err);
    BIO *in = st == FK_OK ? BIO_new_mem_buf(text.data, (int)text.len) : NULL;
    while (st == FK_OK && in && (c = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        if (sk_X509_num(list) == 0)
            subject_add(lines, c);
        st = certificate_check(file, c, err);
        if (!sk_X509_push(list, c)) {
            X509_free(c);
            st = fk_fail(err, FK_NOMEM, "no memory for certificates");
        }
    }
    unsigned long last = ERR_peek_last_error();
    if (st == FK_OK && ERR_GET_REASON(last) != PEM_R_NO_START_LINE) /* that is the file's end */
        st = fk_fail(err, FK_INVALID, "%s: certificate %d in it cannot be read", file,
                     sk_X509_num(list) + 1);
    ERR_clear_error();
    if (st == FK_OK && sk_X509_num(list) == 0)
        st = fk_fail(err, FK_INVALID, "%s: there is no certificate in it (PEM)", file);
    BIO_free(in);
    fk_buf_free(&text);
    return st;
}

/* text becomes what only the officer reads; his certificates join those before. */
static enum fk_status layer_add(const char *file, struct fk_buf *text, STACK_OF(X509) * before,
                                struct fk_buf *lines, struct fk_err *err) {
    STACK_OF(X509) *list = sk_X509_new_null();
    BIO *in = BIO_new_mem_buf(text->data, (int)text->len);
    CMS_ContentInfo *cms = NULL;
    unsigned char *der = NULL;
    enum fk_status st = list && in ? FK_OK : fk_fail(err, FK_NOMEM, "no memory for certificates");
    FK_TRY(st);
    FK_TRY(certificates_read(file, list, lines, err));
    FK_TRY(apart_check(file, list, before, err));
    cms = CMS_encrypt(list, in, EVP_aes_256_gcm(), CMS_BINARY);
    int n = cms ? i2d_CMS_ContentInfo(cms, &der) : -1;
    if (n <= 0)
        FK_TRY(openssl_fail(file, err));
    OPENSSL_cleanse(text->data, text->len);
    fk_buf_reset(text);
    fk_buf_add(text, der, (size_t)n);
    for (X509 *c; (c = sk_X509_pop(list));)
        if (!sk_X509_push(before, c)) {
            X509_free(c);
            FK_TRY(fk_fail(err, FK_NOMEM, "no memory for certificates"));
        }
done:
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    sk_X509_pop_free(list, X509_free);
    return st;
}

enum fk_status fk_escrow_seal_officers(const char *const *files, unsigned n,
                                       uint8_t key[FK_ESCROW_KEY_BYTES], struct fk_buf *lines,
                                       struct fk_err *err) {
    struct fk_buf text = FK_BUF_INIT, base64 = FK_BUF_INIT;
    STACK_OF(X509) *before = sk_X509_new_null();
    enum fk_status st = before ? FK_OK : fk_fail(err, FK_NOMEM, "no memory for certificates");
    FK_TRY(st);
    fk_random(key, FK_ESCROW_KEY_BYTES);
    (void)fk_buf_reserve(&text,
                         2 * FK_ESCROW_KEY_BYTES + 2); /* in one piece, so that it is wiped */
    fk_buf_hex(&text, key, FK_ESCROW_KEY_BYTES);
    fk_buf_byte(&text, '\n');
    for (unsigned i = 0; i < n; i++)
        FK_TRY(layer_add(files[i], &text, before, lines, err));
    fk_base64_add(&base64, text.data, text.len);
    fk_buf_printf(lines, "officers: %u\ncms: %s\n", n, fk_buf_cstr(&base64));
    if (text.failed || base64.failed || lines->failed)
        st = fk_fail(err, FK_NOMEM, "no memory for certificates");
done:
    sk_X509_pop_free(before, X509_free);
    fk_buf_wipe(&text);
    fk_buf_free(&base64);
    return st;
}
