/* escrow_priv.h - the form of a bundle: a head of "name: value" lines, a blank line, ciphertext of
 * AES-256-GCM (the head is its associated data), a tag of 16 bytes. */
#ifndef FK_VAULT_ESCROW_PRIV_H
#define FK_VAULT_ESCROW_PRIV_H
#include "archiver/vault/escrow.h"
#include "archiver/vault/fields.h"

#define FK_ESCROW_FIRST_LINE "fumikura-escrow/1\n"
enum { FK_ESCROW_HEAD_MAX = 64 << 10, FK_ESCROW_IV_BYTES = 12, FK_ESCROW_TAG_BYTES = 16 };
#endif
