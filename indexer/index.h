/*
 * index.h - what the index of a vault looks like, for those who read it, and how it is grown.
 *
 * DIR/index holds Xapian databases, each with a range of seqs, and names those in use (shards).
 * A document is a message: all entries (captures) that brought the same bytes. Its id is the seq of
 * the newest of them. With the names stands the mark: the next seq to be read from the ledger,
 * committed together with the documents, so that each entry is taken exactly once across any crash.
 *
 * The bytes of a message are those that were received, or, of a journal report, those of the
 * message that it reports: SHA-256 of them is the document's key (of several inner messages, the
 * SHA-256 of theirs one after another). What each capture adds (envelope, report, wrapper) is
 * joined (provenance.h).
 *
 * Terms and value slots: indexer/text/prefixes.h. A document's data, its record: lines of fields.h:
 * seq, received, date, from, to, cc, subject (decoded, for display), size, attachments (number),
 * file (one line each), unsearchable (one line a file: path, reason), partial (one line a reason),
 * then who is known to have had it, by provenance.h, which messages it names (reference: and
 * in-reply-to: ID), and what became of it, by delivery_record.h.
 * The index is plain text: the disk under it is to be encrypted (README).
 */
#ifndef FK_INDEXER_INDEX_H
#define FK_INDEXER_INDEX_H
#include "archiver/vault/lend.h"
#include "base/buf.h"
#include "base/status.h"
#include "indexer/reading/password.h"
#include "indexer/reading/transfer.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Whom of the servers in front the index believes. Lists end with NULL. */
struct fk_trust {
    char *const *authserv; /* names in Authentication-Results */
    char *const *hosts;    /* that put Received fields on top; their filters' fields count */
    unsigned hops;         /* how many of those Received fields there are; 0: nobody is believed */
    bool below;            /* what is directly below the last of them counts too */
};
struct fk_index_options {
    unsigned workers;       /* boxed readers; 0: number of CPUs */
    unsigned batch;         /* documents a commit: 2048, or those of 2 s */
    unsigned seconds;       /* CPU time of a message: 20; of the clock five times that */
    size_t memory_bytes;    /* address space of a reader: 512 MiB */
    uint64_t reserve_bytes; /* the index leaves this much free: 64 MiB */
    const char *worker;     /* the program that is run with "index-worker": /proc/self/exe */
    bool rebuild;           /* anew beside the old one, then swap; other than to follow */
    /* Where given, the run does not end at the head, and outlives a desk that goes away: it calls
     * this to wait for more, and with wait_ms 0 between messages. FK_NOT_FOUND ends the run with
     * FK_OK. */
    enum fk_status (*wait)(void *ctx, int wait_ms, struct fk_err *err);
    void (*progress)(void *ctx, uint64_t done, uint64_t head); /* all before done is read */
    void (*damaged)(void *ctx, const struct fk_err *why);
    void *ctx;
    const struct fk_trust *trust;         /* NULL: nobody */
    bool names_only;                      /* what stands in attachments is not read */
    const struct fk_passwords *passwords; /* that files are tried with; NULL: none */
    /* Names and domains that are never the other party of a transaction; NULL, or ended by NULL. */
    char *const *own_companies;
};
#define FK_INDEX_OPTIONS                                                                           \
    {                                                                                              \
        0, 2048, 20, (size_t)512 << 20, (uint64_t)64 << 20, "/proc/self/exe", false, NULL, NULL,   \
            NULL, NULL, NULL, false, NULL, NULL                                                    \
    }
/* Grows the index from its mark to the ledger's head. FK_RETRY: another indexer has it, or the desk
 * is away; FK_DENIED: no sandbox on this machine; FK_CORRUPT: reindex. A run that follows outlives
 * a damaged index: it tells once and waits to be asked for a rebuild. */
FK_CHECKED enum fk_status fk_index_run(const char *dir, struct fk_lend *lend,
                                       const struct fk_index_options *options, struct fk_err *err);
/* Text of one message for people: header lines that matter, then the text parts, then the names of
 * attachments, then what could not be read; made in a box of its own. content_fd: from
 * fk_lend_content. */
FK_CHECKED enum fk_status fk_index_message_text(int content_fd,
                                                const struct fk_index_options *options,
                                                struct fk_buf *out, struct fk_err *err);
/* Of a journal report: what stands around the message, as text; and the message's bytes exactly as
 * they stand in their part, or decoded where that has an encoding (*how). number: 0, or more for
 * the clear copies of a protected message. FK_NOT_FOUND: the message is no report, or has not so
 * many. */
FK_CHECKED enum fk_status fk_index_wrapper_text(int content_fd,
                                                const struct fk_index_options *options,
                                                struct fk_buf *out, struct fk_err *err);
FK_CHECKED enum fk_status fk_index_inner_bytes(int content_fd,
                                               const struct fk_index_options *options,
                                               unsigned number, struct fk_buf *out,
                                               enum fk_transfer *how, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
