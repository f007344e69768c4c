/*
 * note.h - checkpoints: C2SP tlog-checkpoint bodies in C2SP signed notes, Ed25519 (RFC 8032), and
 * witnesses' cosignatures on them (C2SP tlog-cosignature, cosignature/v1).
 *
 * A checkpoint's text is three lines: origin, size in decimal, root in base64. The note is the
 * text, an empty line, and one line for each signature: "\xe2\x80\x94 NAME BASE64(key id ||
 * signature)". The key id is the first 4 bytes of SHA-256(name || LF || type || public key), type
 * 0x01 for a log and 0x04 for a witness. A log signs the text. A witness signs "cosignature/v1",
 * LF, "time ", seconds since 1970, LF, and the text; its signature stands behind those seconds in 8
 * bytes, big end first. So neither can be taken for the other.
 *
 * Reading trusts nothing: no extension lines, no leading zeros, canonical base64, a final LF, at
 * most 16 signatures and 64 KiB. A signature by an unknown key is passed over; one by a known key
 * that does not verify refuses the note. Errors: FK_CORRUPT with what is wrong, FK_NOT_FOUND no
 * signature by the wanted key. Threads: any.
 */
#ifndef FK_VAULT_NOTE_H
#define FK_VAULT_NOTE_H
#include "archiver/vault/tree.h"
#include "base/buf.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_NAME_MAX = 128 };

struct fk_checkpoint {
    char origin[FK_NAME_MAX];
    uint64_t size;
    fk_hash root;
};

/* A key of a log or witness: name, type, key id, public half. */
enum fk_key_type { FK_KEY_LOG = 0x01, FK_KEY_WITNESS = 0x04 };
struct fk_verifier {
    char name[FK_NAME_MAX];
    uint8_t type;
    uint8_t id[4], public_key[32];
};
struct fk_signer; /* the private half */

/* From 32 random bytes (the seed of RFC 8032). The signer owns a copy and wipes it when freed. */
FK_CHECKED enum fk_status fk_signer_new(const char *name, enum fk_key_type type,
                                        const uint8_t seed[32], struct fk_signer **out,
                                        struct fk_err *err);
void fk_signer_free(struct fk_signer **signer);
/* Borrowed from the signer. */
const struct fk_verifier *fk_signer_verifier(const struct fk_signer *signer);

/* C2SP verifier key, "NAME+HEX+BASE64": written and read. A key of another type than is asked for
 * is refused: a log cannot be its own witness by mistake. */
void fk_verifier_format(const struct fk_verifier *v, struct fk_buf *out);
FK_CHECKED enum fk_status fk_verifier_parse(const char *text, size_t len, enum fk_key_type type,
                                            struct fk_verifier *out, struct fk_err *err);
/* The same of a file that has nothing else in it but a line end. */
FK_CHECKED enum fk_status fk_verifier_load(const char *path, enum fk_key_type type,
                                           struct fk_verifier *out, struct fk_err *err);
/* The public key as PEM (SubjectPublicKeyInfo), for openssl. */
FK_CHECKED enum fk_status fk_verifier_pem(const struct fk_verifier *v, struct fk_buf *out,
                                          struct fk_err *err);

/* The whole note, appended. */
FK_CHECKED enum fk_status fk_checkpoint_sign(const struct fk_checkpoint *c,
                                             const struct fk_signer *signer, struct fk_buf *out,
                                             struct fk_err *err);
/* The text alone, without a look at signatures. */
FK_CHECKED enum fk_status fk_checkpoint_read(const void *note, size_t len,
                                             struct fk_checkpoint *out, struct fk_err *err);
/* Reads and asks for a signature by v over it; origin must be v's name. */
FK_CHECKED enum fk_status fk_checkpoint_open(const void *note, size_t len,
                                             const struct fk_verifier *v, struct fk_checkpoint *out,
                                             struct fk_err *err);

/* One signature line by a witness, with its LF, appended. */
FK_CHECKED enum fk_status fk_checkpoint_cosign(const struct fk_checkpoint *c,
                                               const struct fk_signer *witness, int64_t time_s,
                                               struct fk_buf *out, struct fk_err *err);
/* The one signature by v, checked: its line with the LF appended to line, and when it was made by
 * the witness's clock (0 of a log's); either may be NULL. Whose log it is, is not asked. */
FK_CHECKED enum fk_status fk_checkpoint_signature(const void *note, size_t len,
                                                  const struct fk_verifier *v, struct fk_buf *line,
                                                  int64_t *time_s_out, struct fk_err *err);
/* The text and the empty line, to which signature lines are appended. */
void fk_checkpoint_head(const struct fk_checkpoint *c, struct fk_buf *out);

#ifdef __cplusplus
}
#endif
#endif
