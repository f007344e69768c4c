/*
 * fields.h - lines of "name: value" with %XX escapes: envelope blocks and bodies
 * (docs/format-vault.md 2), and the words "name=value" of entry lines.
 *
 *     fk_fields_add(&buf, "rcpt-to", addr, addr_len);
 *
 *     struct fk_field f;
 *     struct fk_fields it = fk_fields_begin(text, len);
 *     while (fk_fields_next(&it, &f)) ...
 *     if (it.bad) ...
 *
 * Ownership: names and raw values are borrowed from the text. Threads: any.
 */
#ifndef FK_VAULT_FIELDS_H
#define FK_VAULT_FIELDS_H
#include "base/buf.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_field {
    const char *name, *value; /* not NUL-terminated; value still escaped */
    size_t name_len, value_len;
};
struct fk_fields {
    const char *at, *end;
    bool bad; /* a line is not of the form; iteration has stopped there */
};

void fk_fields_add(struct fk_buf *b, const char *name, const void *value, size_t len);
void fk_fields_add_str(struct fk_buf *b, const char *name, const char *value);

struct fk_fields fk_fields_begin(const void *text, size_t len);
bool fk_fields_next(struct fk_fields *it, struct fk_field *out);
bool fk_field_is(const struct fk_field *f, const char *name);
/* Appends the value with its escapes undone. */
void fk_field_value(const struct fk_field *f, struct fk_buf *out);
/* The first value of that name, unescaped, appended; false when there is none. */
bool fk_fields_find(const void *text, size_t len, const char *name, struct fk_buf *out);

/* Lists of seqs as ranges, "5-7,9": ascending, no overlap. */
struct fk_seqs {
    uint64_t *at; /* ascending, without repeats */
    size_t count, cap;
    bool failed;
};
void fk_seqs_add(struct fk_seqs *s, uint64_t seq);       /* any order */
void fk_seqs_sort(struct fk_seqs *s);                    /* ascending, without repeats */
bool fk_seqs_has(const struct fk_seqs *s, uint64_t seq); /* sorted only */
void fk_seqs_format(const struct fk_seqs *s, struct fk_buf *out);
/* False where it is not such a list, or has more than max seqs. */
bool fk_seqs_parse(const char *text, size_t len, size_t max, struct fk_seqs *out);
void fk_seqs_free(struct fk_seqs *s);

#ifdef __cplusplus
}
#endif
#endif
