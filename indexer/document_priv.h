/*
 * document_priv.h - one message as a document of the index: what the vault knows of it (seq,
 * envelope, size), and what a boxed reader said (pool_priv.h), which is checked to the last byte
 * before it is used.
 */
#ifndef FK_INDEXER_DOCUMENT_PRIV_H
#define FK_INDEXER_DOCUMENT_PRIV_H
#include "base/buf.h"
#include "base/digest.h"
#include "base/status.h"
#include "indexer/reading/password.h"
#include "indexer/store/texts_priv.h"
#include "indexer/store/xapian_shim.h"

struct fk_source {
    uint64_t seq;
    const char *envelope; /* its fields (struct fk_envelope) */
    size_t envelope_len;
    int64_t time_ms; /* of the entry; used where the envelope does not say when */
    const struct fk_trust *trust;
    char *const *own_companies;   /* as in fk_index_options */
    uint64_t message_bytes;       /* of the message, without what stands around it */
    uint8_t key[FK_SHA256_BYTES]; /* of its bytes (index.h) */
};

/* What a reader said, gone through once; points into the bytes that it was taken from. */
struct fk_answer {
    bool is_good; /* of its form; otherwise all below is empty */
    bool is_bad;  /* one came, and is none */
    uint32_t reasons;
    uint8_t found;
    int64_t date_ms;
    const uint8_t *display, *own, *report; /* lines */
    size_t display_len, own_len, report_len;
    const uint8_t *terms,
        *terms_end; /* of each its length and its bytes, as fk_xdoc_words has them */
    uint32_t term_count;
    const uint8_t *texts[FK_TEXTS_FIELDED]; /* blobs */
    size_t text_lens[FK_TEXTS_FIELDED];
    /* SHA-256, hex, of what it says of the message itself; "" where it is not good. Two captures of
     * one key are joined where this is equal too: a reader that was stopped half way cannot take
     * the place of one that was not, nor one that a message has taken over that of another message.
     */
    char read[2 * FK_SHA256_BYTES + 1];
};

/* bytes: nobody else's to change, and empty where no reader gave an answer. given: the passwords
 * that it had besides the configured, or NULL. A bad answer is no error. */
FK_CHECKED enum fk_status fk_document__take(const struct fk_buf *bytes,
                                            const struct fk_passwords *given, struct fk_answer *out,
                                            struct fk_err *err);
/* The key and length of the message in what was received: of a report, of what it reports. A reader
 * says only where that is; the bytes are looked at here. */
FK_CHECKED enum fk_status fk_document__key(const struct fk_answer *answer, const uint8_t *message,
                                           size_t len, uint8_t key[FK_SHA256_BYTES],
                                           uint64_t *bytes_out, struct fk_err *err);
/* reasons: FK_REASON_ bits of our own. Bad answers count as none, with FK_REASON_CRASH. earlier:
 * the document of the captures before this one, or NULL. */
FK_CHECKED enum fk_status fk_document__make(const struct fk_source *source, unsigned reasons,
                                            const struct fk_answer *answer,
                                            const struct fk_xdoc *earlier, struct fk_xdoc **out,
                                            size_t *postings_out, struct fk_err *err);

#endif
