/*
 * keys_priv.h - the key-encryption key, wrapping (RFC 5649), key files (docs/format-vault.md 4).
 *
 * The key-encryption key wraps one intermediate key a segment (sik, in a key file), and that wraps
 * the content keys. What each is bound to is wrapped with it and compared when it is unwrapped, so
 * a wrapped key moved to another entry, segment or vault does not open.
 *
 * Errors: FK_DENIED a key file or the kek that others can read; FK_NOT_FOUND; FK_CORRUPT with the
 * place. Threads: a struct belongs to one thread at a time.
 */
#ifndef FK_VAULT_KEYS_PRIV_H
#define FK_VAULT_KEYS_PRIV_H
#include "archiver/vault/content_priv.h"

enum { FK_WRAPPED_BYTES = 80, FK_WRAPPED_SIK_BYTES = 72 };

struct fk_kek {
    uint8_t key[FK_KEY_BYTES];
};
FK_CHECKED enum fk_status fk_kek__create(const char *dir, struct fk_kek *out, struct fk_err *err);
FK_CHECKED enum fk_status fk_kek__load(const char *dir, struct fk_kek *out, struct fk_err *err);

/* The key schedule of one wrapping key. */
struct fk_wrap;
FK_CHECKED enum fk_status fk_wrap__new(const uint8_t key[FK_KEY_BYTES], struct fk_wrap **out,
                                       struct fk_err *err);
void fk_wrap__free(struct fk_wrap **wrap);
struct fk_bound {
    const uint8_t *ledger, *id;
    uint64_t seq;
};
void fk_wrap__content(struct fk_wrap *w, const struct fk_bound *to, const uint8_t key[FK_KEY_BYTES],
                      uint8_t out[FK_WRAPPED_BYTES]);
/* False where it is not that key for that entry. */
bool fk_unwrap__content(struct fk_wrap *w, const struct fk_bound *to,
                        const uint8_t in[FK_WRAPPED_BYTES], uint8_t key[FK_KEY_BYTES]);

struct fk_keyfile {
    int fd;
    uint64_t segment, generation, count;
    uint8_t sik[FK_KEY_BYTES];
    off_t records;
    uint64_t next; /* record after the one found last: most readers go in order */
    char path[PATH_MAX];
};
/* Whose file it is. */
struct fk_keyname {
    const char *dir;
    const uint8_t *ledger;
    const struct fk_kek *kek;
    uint64_t segment, generation;
};
/* The first line, with its LF. */
FK_CHECKED enum fk_status fk_keyfile__head(const struct fk_keyname *name, uint64_t count,
                                           const uint8_t sik[FK_KEY_BYTES], struct fk_buf *out,
                                           struct fk_err *err);
/* For an open segment: no records, a new intermediate key. Durable on return. */
FK_CHECKED enum fk_status fk_keyfile__create(const struct fk_keyname *name,
                                             uint8_t sik_out[FK_KEY_BYTES], struct fk_err *err);
FK_CHECKED enum fk_status fk_keyfile__open(const struct fk_keyname *name, struct fk_keyfile *out,
                                           struct fk_err *err);
void fk_keyfile__close(struct fk_keyfile *kf);
/* The i-th record, from 0. */
FK_CHECKED enum fk_status fk_keyfile__record(const struct fk_keyfile *kf, uint64_t i,
                                             uint64_t *seq_out, uint8_t wrapped[FK_WRAPPED_BYTES],
                                             struct fk_err *err);
/* FK_NOT_FOUND: it has no key for seq. */
FK_CHECKED enum fk_status fk_keyfile__find(struct fk_keyfile *kf, uint64_t seq,
                                           uint8_t wrapped[FK_WRAPPED_BYTES], struct fk_err *err);
/* The highest generation of a segment's key files; 0 when it has none. */
FK_CHECKED enum fk_status fk_keyfile__newest(const char *dir, uint64_t segment, uint64_t *out,
                                             struct fk_err *err);
/* Destroys every generation but the one to keep (0: all of them). */
FK_CHECKED enum fk_status fk_keyfile__destroy_others(const char *dir, uint64_t segment,
                                                     uint64_t keep, struct fk_err *err);
#endif
