/*
 * layout_priv.h - where things are in a vault's directory (docs/format-vault.md, the first table),
 * and whose vault it is. Paths are written into arrays of PATH_MAX; fk_layout__check is called once
 * for a directory and from then on they fit. Threads: any.
 */
#ifndef FK_VAULT_LAYOUT_PRIV_H
#define FK_VAULT_LAYOUT_PRIV_H
#include "base/digest.h"
#include "base/status.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum { FK_LEDGER_BYTES = 16 };

/* FK_INVALID when paths in dir would not fit. */
FK_CHECKED enum fk_status fk_layout__check(const char *dir, struct fk_err *err);
void fk_layout__path(char out[PATH_MAX], const char *dir, const char *name);
/* segments/NNNNNNNN.suffix; keys/NNNNNNNN.G.keys */
void fk_layout__segment(char out[PATH_MAX], const char *dir, uint64_t number, const char *suffix);
void fk_layout__keys(char out[PATH_MAX], const char *dir, uint64_t number, uint64_t generation);

/* The id of the ledger in DIR. FK_INVALID: not a vault, or of another version. */
FK_CHECKED enum fk_status fk_layout__ledger(const char *dir, uint8_t id[FK_LEDGER_BYTES],
                                            struct fk_err *err);
FK_CHECKED enum fk_status
fk_layout__ledger_write(const char *dir, const uint8_t id[FK_LEDGER_BYTES], struct fk_err *err);

/* Every file of DIR/segments or DIR/keys whose name begins with a number and a dot. rest: what
 * follows that dot. */
typedef enum fk_status (*fk_layout_fn)(void *ctx, uint64_t number, const char *rest,
                                       struct fk_err *err);
FK_CHECKED enum fk_status fk_layout__each(const char *dir, const char *folder, fk_layout_fn fn,
                                          void *ctx, struct fk_err *err);
/* The highest number of a file NNNNNNNN.suffix in DIR/segments; 0 when there is none. */
FK_CHECKED enum fk_status fk_layout__highest(const char *dir, const char *suffix, uint64_t *out,
                                             struct fk_err *err);
/* FK_INVALID, naming what is there, unless the directory is empty (lost+found aside). */
FK_CHECKED enum fk_status fk_layout__empty(const char *dir, struct fk_err *err);
bool fk_layout__exists(const char *path);
/* FK_OK when the file was not there. Synced by the caller (fk_sync_dir). */
FK_CHECKED enum fk_status fk_layout__remove(const char *path, struct fk_err *err);
/* rename, then fsync of the directory (segments). */
FK_CHECKED enum fk_status fk_layout__rename(const char *dir, const char *from, const char *to,
                                            struct fk_err *err);
/* SHA-256 of a file, in hex. */
FK_CHECKED enum fk_status fk_layout__digest(const char *path, char hex[2 * FK_SHA256_BYTES + 1],
                                            struct fk_err *err);
#endif
