/*
 * tls.h - TLS 1.2 and 1.3 at the server's end, on sockets that do not block (OpenSSL).
 *
 *     FK_TRY(fk_tls_server_open(&files, &server, err));       reads certificate, key and CA
 *     fk_tls_server_look(server, false, err)                  now and then: new files are taken
 *
 *     FK_TRY(fk_tls_new(server, fd, &tls, err));              a connection; fd stays the caller's
 *     switch (fk_tls_handshake(tls, err)) ...                 FK_RETRY: come again when fd is ready
 *     n = fk_tls_read(tls, data, len), fk_tls_write(...)      as recv and send, with errno
 *     fk_tls_free(&tls);                                      says goodbye, does not wait
 *
 * With edge-triggered events: call fk_tls_wake for each, as after a short read the socket is not
 * asked again. No renegotiation, no compression. Connections keep the certificate they began with.
 * With a client CA a client is asked for its certificate: one that does not verify ends the
 * handshake, none is for the caller to judge (fk_tls_client).
 *
 * Ownership: the strings of files are borrowed as long as the server lives. Errors: FK_INVALID a
 * file is not what it should be, FK_NOT_FOUND, FK_IO; of a handshake FK_CORRUPT with OpenSSL's
 * words. Threads: one at a time.
 */
#ifndef FK_INTAKE_TLS_H
#define FK_INTAKE_TLS_H
#include "base/buf.h"
#include "base/status.h"
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_tls_server;
struct fk_tls;

/* PEM files: the certificate with its chain behind it; its key, without a passphrase; client_ca
 * NULL or "": no client is asked. */
struct fk_tls_files {
    const char *certificate, *key, *client_ca;
};

FK_CHECKED enum fk_status fk_tls_server_open(const struct fk_tls_files *files,
                                             struct fk_tls_server **out, struct fk_err *err);
/* Reads the files again where they have changed since, or always with force. *renewed_out: they
 * were taken. On failure what was read before stays in use; the same files are not tried again. */
FK_CHECKED enum fk_status fk_tls_server_look(struct fk_tls_server *s, bool force, bool *renewed_out,
                                             struct fk_err *err);
void fk_tls_server_free(struct fk_tls_server **s);

/* For `doctor`: FK_OK when they would be taken. From and until when the certificate is good. */
struct fk_tls_report {
    int64_t from_ms, until_ms;
    char subject[200];
};
FK_CHECKED enum fk_status fk_tls_files_check(const struct fk_tls_files *files,
                                             struct fk_tls_report *out, struct fk_err *err);

FK_CHECKED enum fk_status fk_tls_new(const struct fk_tls_server *s, int fd, struct fk_tls **out,
                                     struct fk_err *err);
FK_CHECKED enum fk_status fk_tls_handshake(struct fk_tls *t, struct fk_err *err);
/* An event has come for fd. ended: the peer sends no more, so read until that shows. */
void fk_tls_wake(struct fk_tls *t, bool ended);
ssize_t fk_tls_read(struct fk_tls *t, void *data, size_t len);
ssize_t fk_tls_write(struct fk_tls *t, const void *data, size_t len);
void fk_tls_free(struct fk_tls **t);

/* After the handshake: "TLSv1.3 TLS_AES_256_GCM_SHA384". Borrowed. */
const char *fk_tls_version(const struct fk_tls *t);
const char *fk_tls_cipher(const struct fk_tls *t);
enum { FK_TLS_FINGERPRINT = 65 };
/* False where the client gave no certificate. subject: as RFC 2253 writes it, appended. */
bool fk_tls_client(const struct fk_tls *t, struct fk_buf *subject, char sha256[FK_TLS_FINGERPRINT]);
/* Whether its certificate is for this name (a DNS name, or a mail address; no wildcard counts), or
 * has this SHA-256 fingerprint (64 hex digits, with or without colons). */
bool fk_tls_client_is(const struct fk_tls *t, const char *name);
/* Whether a text can be one of those fingerprints; out: 64 lower-case digits. */
bool fk_tls_fingerprint(const char *text, char out[FK_TLS_FINGERPRINT]);

#ifdef __cplusplus
}
#endif
#endif
