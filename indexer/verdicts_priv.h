/*
 * verdicts_priv.h - what is said of where a message is from: by this archive (entries `fact
 * what=auth`, later than the message) and by the mail server in front (fields of its header).
 *
 * A document's data has a line `verdict: BY NAME=VALUE [DETAIL]` each, BY being "fumikura" or the
 * host that is believed; its terms are FK_P_OWN or FK_P_BORDER, then NAME=VALUE, and dkim=@DOMAIN
 * for a signature that held. What the archive found stands below the line of the capture that it is
 * of (provenance.h): so it stays with that when a document is made of more captures, and goes with
 * it. What the server in front said stands before all captures, being of the message's own bytes.
 *
 * Threads: one.
 */
#ifndef FK_INDEXER_VERDICTS_PRIV_H
#define FK_INDEXER_VERDICTS_PRIV_H
#include "archiver/vault/entry.h"
#include "archiver/vault/fields.h"
#include "archiver/vault/lend.h"
#include "indexer/store/known_priv.h"
#include "indexer/store/place_priv.h"
#include "indexer/store/xapian_shim.h"

/* Salts of the messages that were read last, so that what is found about them soon after does not
 * have them read once more. */
enum { FK_SALTS = 4096, FK_SALT_BYTES = 32 };
struct fk_salts {
    struct {
        uint64_t seq;
        uint8_t salt[FK_SALT_BYTES];
    } at[FK_SALTS];
};
void fk_salts__put(struct fk_salts *s, uint64_t seq, const uint8_t *salt);
/* Of messages that are disposed of. */
void fk_salts__drop(struct fk_salts *s, const struct fk_seqs *seqs);

/* The terms of verdict lines. */
FK_CHECKED enum fk_status fk_verdicts__terms(struct fk_xdoc *doc, const char *prefix,
                                             const struct fk_buf *lines, struct fk_err *err);

/* FK_P_OWN, of all captures in a document's data. */
FK_CHECKED enum fk_status fk_verdicts__own_terms(struct fk_xdoc *doc, const void *data, size_t len,
                                                 struct fk_err *err);

/* A document's data, with these lines in place of those that a capture had; or with those that the
 * same captures have in an earlier document of them. Appended to out; out->failed tells. */
void fk_verdicts__replace(const struct fk_buf *data, uint64_t seq, const struct fk_buf *lines,
                          struct fk_buf *out);
void fk_verdicts__merge(const struct fk_buf *data, const struct fk_buf *earlier,
                        struct fk_buf *out);
/* The latter into a document, with its terms. */
FK_CHECKED enum fk_status fk_verdicts__carry(struct fk_xdoc *doc, const struct fk_buf *earlier,
                                             struct fk_err *err);

bool fk_verdicts__are_in(const struct fk_entry *e);
/* Puts what the entry says into the documents that have the captures it is about, which are in the
 * shards; what another such entry said of them before is taken out. Doing it again changes nothing.
 */
FK_CHECKED enum fk_status fk_verdicts__take(const struct fk_place *place, struct fk_shards *list,
                                            struct fk_known *known, struct fk_lend *lend,
                                            const struct fk_salts *salts, uint64_t entry,
                                            const struct fk_seqs *of, struct fk_err *err);

#endif
