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

enum { FK_KEK_ID_SIZE = 17 };

/* The key-encryption key; while it is being exchanged the next one, and the one before it. kek.c
 * has the files. */
struct fk_kek {
    uint8_t key[FK_KEY_BYTES];    /* wraps, and unwraps */
    uint8_t before[FK_KEY_BYTES]; /* unwraps only; the same one where nothing is exchanged */
    bool rotating;
    int64_t seen[2][3]; /* the files as they were when they were read */
};
FK_CHECKED enum fk_status fk_kek__create(const char *dir, struct fk_kek *out, struct fk_err *err);
FK_CHECKED enum fk_status fk_kek__load(const char *dir, struct fk_kek *out, struct fk_err *err);
/* Writes its files, into a vault that has none. */
FK_CHECKED enum fk_status fk_kek__put(const char *dir, const struct fk_kek *kek,
                                      struct fk_err *err);
/* For a reader beside a pen: reads the files again when they have changed, and forgets the old key.
 * True: it did. Files that cannot be read change nothing; what then does not unwrap says so. */
bool fk_kek__follow(const char *dir, struct fk_kek *kek);
/* A name for a key that tells nothing of it: hex of the first 8 bytes of a SHA-256. */
void fk_kek__id(const uint8_t key[FK_KEY_BYTES], char out[FK_KEK_ID_SIZE]);

/* The steps of an exchange, each durable on return (pen_rekey.c):
 *
 *     FK_TRY(fk_kek__draft(dir, id, err));        a new key, that wraps nothing yet
 *     FK_TRY(fk_kek__begin(dir, &kek, err));      from here on it wraps
 *     FK_TRY(fk_kek__finish(dir, &kek, err));     the old one is overwritten and gone
 *
 * FK_INVALID: secrets/kek is not a plain file. */
FK_CHECKED enum fk_status fk_kek__draft(const char *dir, char id[FK_KEK_ID_SIZE],
                                        struct fk_err *err);
/* FK_NOT_FOUND: there is no draft. */
FK_CHECKED enum fk_status fk_kek__draft_id(const char *dir, char id[FK_KEK_ID_SIZE],
                                           struct fk_err *err);
FK_CHECKED enum fk_status fk_kek__draft_drop(const char *dir, struct fk_err *err);
FK_CHECKED enum fk_status fk_kek__begin(const char *dir, struct fk_kek *kek, struct fk_err *err);
FK_CHECKED enum fk_status fk_kek__finish(const char *dir, struct fk_kek *kek, struct fk_err *err);

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
    bool by_before; /* wrapped by the key that is being exchanged */
    off_t records;
    int64_t seen[2]; /* its time of change when it was opened */
    uint64_t next;   /* record after the one found last: most readers go in order */
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
/* It has been overwritten, replaced or removed since it was opened, or is not open. */
bool fk_keyfile__is_stale(const struct fk_keyfile *kf);
/* The next generation of an open key file: the same keys, wrapped by the name's key-encryption key.
 * Durable on return. */
FK_CHECKED enum fk_status fk_keyfile__rewrap(const struct fk_keyfile *kf,
                                             const struct fk_keyname *next, struct fk_err *err);
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
/* Destroys every generation but the one to keep (0: all of them), once the names of those that are
 * there are on the disk. */
FK_CHECKED enum fk_status fk_keyfile__destroy_others(const char *dir, uint64_t segment,
                                                     uint64_t keep, struct fk_err *err);
#endif
