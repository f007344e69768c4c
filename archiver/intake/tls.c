/*
 * tls.c - one connection: OpenSSL between its socket and its bytes.
 *
 * The BIO below is a socket's with two differences: it never raises SIGPIPE, and after a short read
 * it does not ask again until an event comes, as connection.c does for plain bytes.
 */
#include "archiver/intake/tls_priv.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { RECORDS_A_READ = 1024 };

struct fk_tls {
    SSL *ssl;
    int fd;
    bool drained, ended;
};

/* ---- the socket below */

static int wire_read(BIO *b, char *data, int len) {
    struct fk_tls *t = BIO_get_data(b);
    ssize_t n;
    BIO_clear_retry_flags(b);
    if (t->drained) {
        BIO_set_retry_read(b);
        return -1;
    }
    do
        n = recv(t->fd, data, (size_t)len, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        BIO_set_retry_read(b);
    t->drained = n < len && n != 0 && !t->ended;
    return (int)n;
}

static int wire_write(BIO *b, const char *data, int len) {
    struct fk_tls *t = BIO_get_data(b);
    ssize_t n;
    BIO_clear_retry_flags(b);
    do
        n = send(t->fd, data, (size_t)len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        BIO_set_retry_write(b);
    return (int)n;
}

static long wire_ctrl(BIO *b, int what, long number, void *pointer) {
    (void)b;
    (void)number;
    (void)pointer;
    return what == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *wire;

static void wire_make(void) {
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "fumikura");
    if (m && (BIO_meth_set_read(m, wire_read) != 1 || BIO_meth_set_write(m, wire_write) != 1 ||
              BIO_meth_set_ctrl(m, wire_ctrl) != 1)) {
        BIO_meth_free(m);
        m = NULL;
    }
    wire = m;
}

/* ---- the connection */

enum fk_status fk_tls_new(const struct fk_tls_server *s, int fd, struct fk_tls **out,
                          struct fk_err *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, wire_make); /* cannot fail with these arguments */
    struct fk_tls *t = calloc(1, sizeof *t);
    SSL *ssl = fk_tls__session(s);
    BIO *bio = wire ? BIO_new(wire) : NULL;
    if (!t || !ssl || !bio) {
        free(t);
        SSL_free(ssl);
        BIO_free(bio);
        return fk_fail(err, FK_NOMEM, "no memory for a TLS connection");
    }
    t->ssl = ssl;
    t->fd = fd;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio); /* owns it */
    SSL_set_accept_state(ssl);
    *out = t;
    return FK_OK;
}

/* Not a close where the handshake is not done or has failed: SSL_shutdown refuses those. */
void fk_tls_free(struct fk_tls **tp) {
    struct fk_tls *t = *tp;
    if (!t)
        return;
    ERR_clear_error();
    if (SSL_is_init_finished(t->ssl))
        (void)SSL_shutdown(t->ssl); /* a courtesy: closing says it too */
    SSL_free(t->ssl);
    ERR_clear_error();
    free(t);
    *tp = NULL;
}

enum fk_status fk_tls_handshake(struct fk_tls *t, struct fk_err *err) {
    ERR_clear_error();
    int rc = SSL_do_handshake(t->ssl);
    if (rc == 1)
        return FK_OK;
    int why = SSL_get_error(t->ssl, rc);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return FK_RETRY;
    if (!ERR_peek_error())
        return fk_fail(err, FK_CORRUPT, "TLS: the client left in the handshake");
    return fk_tls__fail(err, FK_CORRUPT, "TLS");
}

void fk_tls_wake(struct fk_tls *t, bool ended) {
    t->drained = false;
    t->ended = ended;
}

/* errno for what OpenSSL says of a call that did not succeed; 0 for the peer's goodbye. */
static int trouble(const struct fk_tls *t, int rc) {
    switch (SSL_get_error(t->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return ECONNRESET;
    }
}

/* As many records as fit: what waits behind a command is to be seen with it. Of records of a byte
 * each not all, as others come too. */
ssize_t fk_tls_read(struct fk_tls *t, void *data, size_t len) {
    size_t done = 0;
    for (int records = 0; done < len && records < RECORDS_A_READ; records++) {
        size_t n;
        ERR_clear_error();
        int rc = SSL_read_ex(t->ssl, (char *)data + done, len - done, &n);
        if (rc == 1) {
            done += n;
            continue;
        }
        int why = trouble(t, rc);
        if (done || !why)
            break; /* what it is about is told by the next call */
        errno = why;
        return -1;
    }
    return (ssize_t)done;
}

ssize_t fk_tls_write(struct fk_tls *t, const void *data, size_t len) {
    size_t n;
    ERR_clear_error();
    int rc = SSL_write_ex(t->ssl, data, len, &n);
    if (rc == 1)
        return (ssize_t)n;
    int why = trouble(t, rc);
    errno = why ? why : EPIPE;
    return -1;
}

/* ---- what was agreed, and with whom */

const char *fk_tls_version(const struct fk_tls *t) {
    return SSL_get_version(t->ssl);
}

const char *fk_tls_cipher(const struct fk_tls *t) {
    return SSL_get_cipher_name(t->ssl);
}

static bool digest_of(X509 *x, char out[FK_TLS_FINGERPRINT]) {
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (X509_digest(x, EVP_sha256(), digest, &n) != 1 || n != 32)
        return false;
    for (unsigned i = 0; i < n; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[64] = 0;
    return true;
}

static void subject_of(X509 *x, struct fk_buf *out) {
    BIO *text = BIO_new(BIO_s_mem());
    char *data;
    if (text && X509_NAME_print_ex(text, X509_get_subject_name(x), 0,
                                   XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        long len = BIO_get_mem_data(text, &data);
        fk_buf_add(out, data, (size_t)len);
    } else {
        out->failed = true;
    }
    BIO_free(text);
}

bool fk_tls_client(const struct fk_tls *t, struct fk_buf *subject,
                   char sha256[FK_TLS_FINGERPRINT]) {
    X509 *x = SSL_get0_peer_certificate(t->ssl);
    if (!x || SSL_get_verify_result(t->ssl) != X509_V_OK || !digest_of(x, sha256))
        return false;
    subject_of(x, subject);
    return true;
}

bool fk_tls_fingerprint(const char *text, char out[FK_TLS_FINGERPRINT]) {
    size_t n = 0;
    for (; *text && n < 64; text++) {
        if (*text == ':' && n && n % 2 == 0 && text[1])
            continue;
        if (!isxdigit((unsigned char)*text))
            return false;
        out[n++] = (char)tolower((unsigned char)*text);
    }
    out[n] = 0;
    return n == 64 && !*text;
}

bool fk_tls_client_is(const struct fk_tls *t, const char *name) {
    char wanted[FK_TLS_FINGERPRINT], is[FK_TLS_FINGERPRINT];
    X509 *x = SSL_get0_peer_certificate(t->ssl);
    if (!x)
        return false;
    if (fk_tls_fingerprint(name, wanted))
        return digest_of(x, is) && strcmp(wanted, is) == 0;
    return strchr(name, '@') ? X509_check_email(x, name, 0, 0) == 1
                             : X509_check_host(x, name, 0, X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1;
}
