/* tls_priv.h - what tls_server.c (files) and tls.c (connections) share. */
#ifndef FK_INTAKE_TLS_PRIV_H
#define FK_INTAKE_TLS_PRIV_H
#include "archiver/intake/tls.h"

#include <openssl/ssl.h>
#ifdef __cplusplus
extern "C" {
#endif

/* "what: OpenSSL's newest reason"; its queue is empty afterwards. */
enum fk_status fk_tls__fail(struct fk_err *err, enum fk_status st, const char *what);
/* NULL where there is no memory. */
SSL *fk_tls__session(const struct fk_tls_server *s);

#ifdef __cplusplus
}
#endif
#endif
