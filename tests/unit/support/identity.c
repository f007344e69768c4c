/* identity.c - P-256 keys, and certificates that are good for an hour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "tests/unit/support/identity.h"

static void extension(X509 *x, int nid, const char *value) {
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

struct identity identity_new(const char *name, const char *alternative, const struct identity *by) {
    static long serial;
    struct identity it = {EVP_EC_gen("P-256"), X509_new()};
    X509_NAME *subject = X509_get_subject_name(it.certificate);
    X509_set_version(it.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(it.certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(it.certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(it.certificate), 3600);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(it.certificate,
                         X509_get_subject_name(by ? by->certificate : it.certificate));
    X509_set_pubkey(it.certificate, it.key);
    if (alternative)
        extension(it.certificate, NID_subject_alt_name, alternative);
    if (!by)
        extension(it.certificate, NID_basic_constraints, "critical,CA:TRUE");
    assert_true(X509_sign(it.certificate, by ? by->key : it.key, EVP_sha256()) > 0);
    return it;
}

void identity_free(struct identity *it) {
    EVP_PKEY_free(it->key);
    X509_free(it->certificate);
}

void identity_write_certificate(const char *path, X509 *x) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, x), 1);
    assert_int_equal(fclose(f), 0);
}

void identity_write_key(const char *path, EVP_PKEY *key) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(f), 0);
}
