/*
 * header_priv.h - the text of header fields: encoded words (RFC 2047), parameters (RFC 2045, 2231
 * and what mailers write instead), addresses (RFC 5322, read leniently). All take the raw bytes
 * after the colon, folded lines and all, and give UTF-8.
 *
 * Addresses and names are found, not judged: what is no address by the RFC but looks like one is
 * given out too. Threads: one a process (charset_priv.h).
 */
#ifndef FK_INDEXER_HEADER_PRIV_H
#define FK_INDEXER_HEADER_PRIV_H
#include "base/buf.h"
#include "base/status.h"

/* Unfolded and decoded; adjacent encoded words of one charset are joined as bytes first, since
 * mailers cut characters in two. *clean_out: as in charset_priv.h. */
FK_CHECKED enum fk_status fk_words__decode(const char *raw, size_t len, struct fk_buf *out,
                                           bool *clean_out, struct fk_err *err);

/* Each value that a parameter of that name (lower-case) has in a Content-Type or
 * Content-Disposition: plain, and put together from its RFC 2231 pieces. */
typedef enum fk_status (*fk_param_fn)(void *ctx, const char *value, size_t len, struct fk_err *err);
FK_CHECKED enum fk_status fk_params__each(const char *raw, size_t len, const char *name,
                                          fk_param_fn fn, void *ctx, bool *clean_out,
                                          struct fk_err *err);
/* The first of them, NUL-terminated; "" when there is none or it does not fit. */
FK_CHECKED enum fk_status fk_params__first(const char *raw, size_t len, const char *name, char *out,
                                           size_t size, struct fk_err *err);

/* A mailbox of an address list: either part may be empty. */
struct fk_mailbox {
    const char *name, *address;
    size_t name_len, address_len;
};
typedef enum fk_status (*fk_mailbox_fn)(void *ctx, const struct fk_mailbox *m, struct fk_err *err);
FK_CHECKED enum fk_status fk_addresses__each(const char *raw, size_t len, fk_mailbox_fn fn,
                                             void *ctx, bool *clean_out, struct fk_err *err);

#endif
