/*
 * sign_priv.h - what the signer and those who ask it say to each other (base/frame.h, base/pack.h).
 *
 *     HEAD      nothing                      -> IS_HEAD string origin, u64 size, 32 bytes root,
 *                                               string verifier key
 *     NEXT      u64 size, 32 bytes root,
 *               u16 count, 32 bytes each     -> NOTE, the signed note
 *
 * Any request may be answered FAIL u32 status, string text. HELLO comes first, unasked, in that
 * form.
 */
#ifndef FK_VAULT_SIGN_PRIV_H
#define FK_VAULT_SIGN_PRIV_H
#include "archiver/vault/sign.h"
#include "base/frame.h"

enum fk_sign_frame {
    FK_SIGN_HELLO = 1,
    FK_SIGN_FAIL = 2,
    FK_SIGN_IS_HEAD = 3,
    FK_SIGN_NOTE = 4,
    FK_SIGN_HEAD = 16,
    FK_SIGN_NEXT = 17
};
#endif
