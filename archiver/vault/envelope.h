/*
 * envelope.h - the block before a message that says how it came (docs/format-vault.md 2).
 *
 * Writing: the fields are collected with fk_fields_add, then fk_envelope_finish puts the first
 * line with both lengths before them. Reading: fk_envelope_split cuts plain bytes (after the salt)
 * into block and message; both are borrowed. Errors: FK_CORRUPT. Threads: any.
 */
#ifndef FK_VAULT_ENVELOPE_H
#define FK_VAULT_ENVELOPE_H
#include "archiver/vault/fields.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the first line: "fumikura-envelope/1 envelope=%010u message=%020u\n". */
enum { FK_ENVELOPE_FIRST_LINE = 20 + 9 + 10 + 1 + 8 + 20 + 1 };

/* Appends the whole block to out: first line, then the fields. */
void fk_envelope_finish(struct fk_buf *out, const struct fk_buf *fields, uint64_t message_bytes);

struct fk_envelope {
    const char *fields; /* the lines after the first */
    size_t fields_len;
    const uint8_t *message;
    size_t message_len;
};
FK_CHECKED enum fk_status fk_envelope_split(const void *plain, size_t len, struct fk_envelope *out,
                                            struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
