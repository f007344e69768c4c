/*
 * escrow.h - a bundle of all keys of a vault, sealed by a passphrase or by officers' certificates
 * (docs/keys.md has the format).
 *
 * The keys are a tar archive, encrypted with a key that is made for one bundle; that key is either
 * derived from a passphrase (Argon2id, RFC 9106) or wrapped for officers by CMS (RFC 5652), one
 * layer an officer, so that all of them are needed.
 *
 *     FK_TRY(fk_escrow_seal_officers(files, n, key, &lines, err));    who may open it
 *     FK_TRY(fk_keep_escrow(keep, key, &lines, &body, fd, &receipt, err));    the pen writes it
 *
 *     FK_TRY(fk_escrow_open(path, &with, dir, &info, err));           on an empty machine
 *
 * Whoever holds key opens the bundle: wipe it. Errors: FK_INVALID what was given does not do
 * (a certificate that has expired, a passphrase too short); FK_DENIED it does not open with this;
 * FK_CORRUPT not such a file, or changed. Threads: any.
 */
#ifndef FK_VAULT_ESCROW_H
#define FK_VAULT_ESCROW_H
#include "base/buf.h"
#include "base/status.h"
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_ESCROW_KEY_BYTES = 32, FK_ESCROW_OFFICERS_MAX = 8, FK_PASSPHRASE_MIN = 12 };

/* Appends to lines what the bundle's head is to say. */
FK_CHECKED enum fk_status fk_escrow_seal_passphrase(const char *passphrase,
                                                    uint8_t key[FK_ESCROW_KEY_BYTES],
                                                    struct fk_buf *lines, struct fk_err *err);
/* A PEM file an officer; of several certificates in one file any opens that layer. */
FK_CHECKED enum fk_status fk_escrow_seal_officers(const char *const *files, unsigned n,
                                                  uint8_t key[FK_ESCROW_KEY_BYTES],
                                                  struct fk_buf *lines, struct fk_err *err);

struct fk_escrow_with { /* one of the three */
    const char *passphrase;
    const char *const *officer_keys; /* PEM files of private keys, any order */
    unsigned officer_count;
    const char *key_hex; /* what the last `openssl cms -decrypt` gave */
};
struct fk_escrow_info {
    char ledger[33], kek[17], time[25];
    uint64_t number; /* of the entry that records it */
    unsigned officers, key_files;
};
/* What its head says, which nothing has vouched for yet. */
FK_CHECKED enum fk_status fk_escrow_look(const char *path, struct fk_escrow_info *out,
                                         struct fk_err *err);
/* Puts secrets/, keys/ and ledger into dir, which is empty or missing: the --keys of a restore.
 * Nothing is written before all of the bundle was seen to be as it was sealed. */
FK_CHECKED enum fk_status fk_escrow_open(const char *path, const struct fk_escrow_with *with,
                                         const char *dir, struct fk_escrow_info *out,
                                         struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
