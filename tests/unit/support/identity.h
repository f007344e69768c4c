/*
 * identity.h - keys and certificates for tests of TLS, made with OpenSSL and written as PEM.
 *
 * Each call asserts that it succeeds. Ownership: an identity is the caller's until identity_free.
 */
#ifndef FK_TESTS_IDENTITY_H
#define FK_TESTS_IDENTITY_H
#include <openssl/x509.h>

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
};

/* CN=name, good for an hour; alternative: "DNS:...,email:..." or NULL; by NULL: it signs itself,
 * and may sign others. */
struct identity identity_new(const char *name, const char *alternative, const struct identity *by);
void identity_free(struct identity *it);
void identity_write_certificate(const char *path, X509 *x);
void identity_write_key(const char *path, EVP_PKEY *key);

#endif
