/*
 * delivered.h - the body of an entry `fact what=delivery`: what a mail server's log says became of
 * a message, one delivery after another.
 *
 *     queue-id: ID
 *     delivery: STATUS DSN TIME RELAY RECIPIENT        a line each, "-" where unknown
 *     reply: WORDS                                     of the delivery before it
 *
 *     struct fk_delivered d = FK_DELIVERED_INIT;
 *     struct fk_fields it = fk_fields_begin(body, len);
 *     while (fk_delivered_next(&it, &d)) ... d.to, d.status ...
 *     if (d.failed) ...                                out of memory
 *     fk_delivered_free(&d);
 *
 * Lines of another form are passed over. Ownership: the words are the struct's until the next call.
 * Threads: any.
 */
#ifndef FK_VAULT_DELIVERED_H
#define FK_VAULT_DELIVERED_H
#include "archiver/vault/fields.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_delivered {
    const char *status, *dsn, *time, *relay, *to; /* "-" where the log does not say */
    const char *reply;                            /* "" for none */
    bool failed;
    struct fk_buf line, words;
};
#define FK_DELIVERED_INIT                                                                          \
    { .line = FK_BUF_INIT, .words = FK_BUF_INIT }

bool fk_delivered_next(struct fk_fields *it, struct fk_delivered *out);
void fk_delivered_free(struct fk_delivered *d);

#ifdef __cplusplus
}
#endif
#endif
