/*
 * delivery_record.h - what a document's data (index.h) has of deliveries: what a mail server's log
 * says became of the message, and, of a notice (a delivery status or disposition notification, RFC
 * 3464 and 8098), what that says became of another one.
 *
 *     struct fk_delivery d = FK_DELIVERY_INIT;
 *     struct fk_fields it = fk_fields_begin(data, len);
 *     while (fk_delivery_next(&it, &d)) ... d.capture, d.status, d.to ...
 *     if (d.failed) ...
 *     fk_delivery_free(&d);
 *
 * and the same with fk_notice_next; after its last line n.kind is "" where the message is no
 * notice. A log's lines stand below the capture that they are of, where nobody else can have
 * written such (deliveries_priv.h). Those of a notice stand before all captures:
 *
 *     notice: KIND                          dsn, mdn
 *     notice-about: MESSAGE-ID              without <>; of the message that it is about
 *     notice-envelope: ID                   Original-Envelope-Id
 *     notice-by: NAME                       Reporting-MTA, Reporting-UA
 *     notice-of: STATUS CODE HOST RECIPIENT %09 ORIGINAL     "-" where it does not say
 *     notice-words: TEXT                    Diagnostic-Code of the one before
 *     notice-left-out: COUNT                recipients over FK_NOTICE_RECIPIENTS
 *
 * and are only what its sender says: anybody can send such a message.
 *
 * Ownership: words are the struct's until the next call. Threads: any.
 */
#ifndef FK_INDEXER_DELIVERY_RECORD_H
#define FK_INDEXER_DELIVERY_RECORD_H
#include "archiver/vault/fields.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_NOTICE_RECIPIENTS = 10000 };

struct fk_delivery {
    uint64_t capture, entry;                      /* entry: the fact that says so */
    const char *status, *dsn, *time, *relay, *to; /* "-" where the log does not say */
    uint64_t left_out;                            /* lines that are not here, so far */
    bool failed;
    struct fk_buf text;
};
#define FK_DELIVERY_INIT                                                                           \
    { .text = FK_BUF_INIT }
bool fk_delivery_next(struct fk_fields *it, struct fk_delivery *out);
void fk_delivery_free(struct fk_delivery *d);

struct fk_notice {
    char kind[4];
    struct fk_buf about, envelope, by;               /* "" where it does not say */
    const char *status, *code, *host, *to, *orig_to; /* "-" where not; orig_to "" */
    struct fk_buf text, words;                       /* words: "" for none */
    uint64_t left_out;
    bool failed;
};
#define FK_NOTICE_INIT                                                                             \
    {                                                                                              \
        .about = FK_BUF_INIT, .envelope = FK_BUF_INIT, .by = FK_BUF_INIT, .text = FK_BUF_INIT,     \
        .words = FK_BUF_INIT                                                                       \
    }
bool fk_notice_next(struct fk_fields *it, struct fk_notice *out);
void fk_notice_free(struct fk_notice *n);

#ifdef __cplusplus
}
#endif
#endif
