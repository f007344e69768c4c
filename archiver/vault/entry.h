/*
 * entry.h - one line of the ledger: written, read, checked (docs/format-vault.md 1).
 *
 * An entry that is read is borrowed from its line. Errors: FK_CORRUPT, with the place and what is
 * wrong there. Threads: any.
 */
#ifndef FK_VAULT_ENTRY_H
#define FK_VAULT_ENTRY_H
#include "base/buf.h"
#include "base/digest.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_LINE_MAX = 65535 }; /* bytes with the LF */

struct fk_entry {
    uint64_t seq;
    uint8_t prev[FK_SHA256_BYTES];
    char kind[32];
    int64_t time_ms;
    const char *fields; /* what follows time, "" or "name=value name=value"; without the LF */
    size_t fields_len;
};

/* Appends the line with its LF. fields as in struct fk_entry; FK_INVALID when they are not of the
 * form or the line would be too long. */
FK_CHECKED enum fk_status fk_entry_write(struct fk_buf *out, uint64_t seq,
                                         const uint8_t prev[FK_SHA256_BYTES], const char *kind,
                                         int64_t time_ms, const char *fields, struct fk_err *err);
FK_CHECKED enum fk_status fk_entry_read(const void *line, size_t len, struct fk_entry *out,
                                        struct fk_err *err);
/* The value of a field, NUL-terminated into out; false when absent or longer than size-1. */
bool fk_entry_field(const struct fk_entry *e, const char *name, char *out, size_t size);
/* The same without a copy and without a limit. */
const char *fk_entry_field_at(const struct fk_entry *e, const char *name, size_t *len_out);
bool fk_entry_number(const struct fk_entry *e, const char *name, uint64_t *out);
bool fk_entry_is(const struct fk_entry *e, const char *kind);

#ifdef __cplusplus
}
#endif
#endif
