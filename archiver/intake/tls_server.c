/* tls_server.c - certificates, keys and CAs from their files, and what is agreed to by them. */
#include "archiver/intake/tls_priv.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES = 3, READ_AHEAD = 65536 };

/* Enough of a stat to tell that a file was replaced or written to. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec written;
};

struct fk_tls_server {
    struct fk_tls_files files;
    SSL_CTX *context;
    struct stamp tried[FILES]; /* of the files as they were read last, taken or not */
    uint32_t loads;
};

enum fk_status fk_tls__fail(struct fk_err *err, enum fk_status st, const char *what) {
    char why[256] = "";
    unsigned long e, last = 0;
    while ((e = ERR_get_error()))
        last = e;
    if (last)
        ERR_error_string_n(last, why, sizeof why);
    const char *words = last ? ERR_reason_error_string(last) : NULL;
    return fk_fail(err, st, "%s: %s", what,
                   words  ? words
                   : last ? why
                          : "OpenSSL does not say why");
}

static void stamps_take(const struct fk_tls_files *files, struct stamp out[FILES]) {
    const char *const paths[FILES] = {files->certificate, files->key, files->client_ca};
    for (int i = 0; i < FILES; i++) {
        struct stat s;
        memset(&out[i], 0, sizeof out[i]); /* compared as bytes */
        if (!paths[i] || !*paths[i] || stat(paths[i], &s) != 0)
            continue;
        out[i].device = s.st_dev;
        out[i].inode = s.st_ino;
        out[i].size = s.st_size;
        out[i].written = s.st_mtim;
    }
}

/* ---- reading the files */

/* Nobody is asked: a server has no terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *ctx) {
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)ctx;
    return 0;
}

static enum fk_status file_is_there(const char *path, const char *what, struct fk_err *err) {
    FILE *f = path && *path ? fopen(path, "re") : NULL;
    if (!f && path && *path)
        return fk_fail(err, errno == ENOENT ? FK_NOT_FOUND : FK_IO, "%s: the %s: %s", path, what,
                       strerror(errno));
    if (!f)
        return fk_fail(err, FK_INVALID, "TLS needs a %s", what);
    (void)fclose(f); /* only asked whether it opens */
    return FK_OK;
}

static enum fk_status certificate_load(SSL_CTX *c, const struct fk_tls_files *f,
                                       struct fk_err *err) {
    char what[300];
    enum fk_status st;
    FK_TRY(file_is_there(f->certificate, "certificate", err));
    FK_TRY(file_is_there(f->key, "key", err));
    snprintf(what, sizeof what, "%.200s: no certificate in PEM form that can be used",
             f->certificate);
    if (SSL_CTX_use_certificate_chain_file(c, f->certificate) != 1)
        FK_TRY(fk_tls__fail(err, FK_INVALID, what));
    snprintf(what, sizeof what,
             "%.120s: no key in PEM form without a passphrase, or not that of %.120s", f->key,
             f->certificate);
    if (SSL_CTX_use_PrivateKey_file(c, f->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(c) != 1)
        FK_TRY(fk_tls__fail(err, FK_INVALID, what));
done:
    return st;
}

static enum fk_status client_ca_load(SSL_CTX *c, const struct fk_tls_files *f, struct fk_err *err) {
    char what[300];
    enum fk_status st;
    if (!f->client_ca || !*f->client_ca)
        return FK_OK;
    FK_TRY(file_is_there(f->client_ca, "client CA", err));
    snprintf(what, sizeof what, "%.200s: no certificates of a CA in PEM form", f->client_ca);
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(f->client_ca);
    if (!names || SSL_CTX_load_verify_locations(c, f->client_ca, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        FK_TRY(fk_tls__fail(err, FK_INVALID, what));
    }
    SSL_CTX_set_client_CA_list(c, names); /* owns them */
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
done:
    return st;
}

static enum fk_status context_make(const struct fk_tls_files *files, uint32_t load, SSL_CTX **out,
                                   struct fk_err *err) {
    enum fk_status st = FK_OK;
    ERR_clear_error();
    SSL_CTX *c = SSL_CTX_new(TLS_server_method());
    if (!c || SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_session_id_context(c, (const unsigned char *)&load, sizeof load) != 1)
        FK_TRY(fk_tls__fail(err, FK_NOMEM, "TLS cannot be set up"));
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_read_buffer_len(c, READ_AHEAD);
    SSL_CTX_set_read_ahead(c, 1);
    SSL_CTX_set_default_passwd_cb(c, no_passphrase);
    FK_TRY(certificate_load(c, files, err));
    FK_TRY(client_ca_load(c, files, err));
    *out = c;
    c = NULL;
done:
    SSL_CTX_free(c);
    ERR_clear_error();
    return st;
}

/* ---- the server */

enum fk_status fk_tls_server_open(const struct fk_tls_files *files, struct fk_tls_server **out,
                                  struct fk_err *err) {
    struct fk_tls_server *s = calloc(1, sizeof *s);
    bool renewed;
    if (!s)
        return fk_fail(err, FK_NOMEM, "no memory for TLS");
    s->files = *files;
    enum fk_status st = fk_tls_server_look(s, true, &renewed, err);
    if (st == FK_OK)
        *out = s;
    else
        fk_tls_server_free(&s);
    return st;
}

/* The stamps are taken first: a file that changes while it is read is read again next time. */
enum fk_status fk_tls_server_look(struct fk_tls_server *s, bool force, bool *renewed_out,
                                  struct fk_err *err) {
    struct stamp now[FILES];
    SSL_CTX *fresh = NULL;
    *renewed_out = false;
    stamps_take(&s->files, now);
    if (!force && memcmp(now, s->tried, sizeof now) == 0)
        return FK_OK;
    memcpy(s->tried, now, sizeof now);
    enum fk_status st = context_make(&s->files, ++s->loads, &fresh, err);
    if (st != FK_OK)
        return st;
    SSL_CTX_free(s->context); /* connections have it still */
    s->context = fresh;
    *renewed_out = true;
    return FK_OK;
}

void fk_tls_server_free(struct fk_tls_server **sp) {
    struct fk_tls_server *s = *sp;
    if (!s)
        return;
    SSL_CTX_free(s->context);
    free(s);
    *sp = NULL;
}

SSL *fk_tls__session(const struct fk_tls_server *s) {
    return SSL_new(s->context);
}

/* ---- doctor */

static int64_t time_of(const ASN1_TIME *t) {
    struct tm tm;
    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

enum fk_status fk_tls_files_check(const struct fk_tls_files *files, struct fk_tls_report *out,
                                  struct fk_err *err) {
    SSL_CTX *c = NULL;
    enum fk_status st = context_make(files, 0, &c, err);
    if (st != FK_OK)
        return st;
    X509 *x = SSL_CTX_get0_certificate(c);
    out->from_ms = time_of(X509_get0_notBefore(x));
    out->until_ms = time_of(X509_get0_notAfter(x));
    X509_NAME_oneline(X509_get_subject_name(x), out->subject, sizeof out->subject);
    SSL_CTX_free(c);
    return FK_OK;
}
