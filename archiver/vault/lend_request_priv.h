/*
 * lend_request_priv.h - one request at the desk, for the files of the lend process.
 */
#ifndef FK_VAULT_LEND_REQUEST_PRIV_H
#define FK_VAULT_LEND_REQUEST_PRIV_H
#include "archiver/vault/desk.h"
#include "archiver/vault/fields.h"
#include "archiver/vault/lend_priv.h"
#include "archiver/vault/peers_priv.h"
#ifdef __cplusplus
extern "C" {
#endif

enum fk_lend_role { ROLE_INDEX, ROLE_LOG, ROLE_ACT, ROLE_AUTH, ROLE_ALL };

struct fk_lend_desk {
    const char *dir;
    bool alone; /* serves the one socket it was given, and ends with it */
    struct fk_desk *desk;
    struct fk_peers *peers;
    uint64_t act; /* the act last looked at, and what it allows; 0 for none */
    int64_t act_time_ms;
    struct fk_seqs act_of;
    bool act_sealed; /* it says what=export form=sealed */
};

struct fk_lend_request {
    struct fk_lend_desk *l;
    struct fk_peer *peer;
    uint32_t id;
    enum fk_lend_role role;
    uint64_t number[3];
};

/* Sends when the asker has room, so that a long answer does not pile up here. */
void fk_lend__send(struct fk_lend_request *q, uint16_t type, const struct fk_buf *payload);
FK_CHECKED enum fk_status fk_lend__verify(struct fk_lend_request *q, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
