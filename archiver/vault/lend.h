/*
 * lend.h - how the rooms ask the reading desk. The only way anything comes out of a vault.
 *
 * Opened as a struct fk_keep is: fk_lend_open for commands (the server's desk, else one started
 * for the occasion), fk_lend_attach for a socket that `serve` gave. The socket decides the role:
 * the index role reads any content, the auth role that of mail; every other reader gets a content
 * only against an act that is already durable and names its seq in `of` (what=show, export, ...).
 *
 *     FK_TRY(fk_lend_head(lend, &head, err));
 *     FK_TRY(fk_lend_lines(lend, from, &lines, err));          as many as fit; split at LF
 *     FK_TRY(fk_lend_content(lend, seq, act, &content, err));
 *     fk_content_free(&content);
 *
 * Errors: FK_NOT_FOUND no such seq, or its content is disposed of (the sentence names the
 * dispose entry); FK_DENIED no act; FK_CORRUPT with the failed check and the place; FK_RETRY the
 * desk is away. Threads: a struct fk_lend belongs to one thread.
 */
#ifndef FK_VAULT_LEND_H
#define FK_VAULT_LEND_H
#include "archiver/vault/entry.h"
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_lend;

FK_CHECKED enum fk_status fk_lend_open(const char *dir, struct fk_lend **out, struct fk_err *err);
FK_CHECKED enum fk_status fk_lend_attach(int sock, struct fk_lend **out, struct fk_err *err);
void fk_lend_close(struct fk_lend **lend);
void fk_lend_reattach(struct fk_lend *lend, int sock); /* takes the descriptor */

struct fk_head {
    uint64_t next_seq; /* entries are 0 .. next_seq-1 */
    uint8_t last_digest[FK_SHA256_BYTES];
    uint64_t rules;  /* seq of the newest hold, release, class, policy or key entry; 0: none */
    uint64_t erased; /* of the dispose entries up to this seq every key is destroyed */
    char ledger[33]; /* id, hex */
};
FK_CHECKED enum fk_status fk_lend_head(struct fk_lend *lend, struct fk_head *out,
                                       struct fk_err *err);
/* The same, once all entries before it are on the disk. (A reader may see a commit a moment before
 * its sync has returned; what was signed must survive a power cut.) */
FK_CHECKED enum fk_status fk_lend_settled_head(struct fk_lend *lend, struct fk_head *out,
                                               struct fk_err *err);
/* Appends whole lines from seq `from` on, at least one, up to about 1 MiB. FK_NOT_FOUND past the
 * head. */
FK_CHECKED enum fk_status fk_lend_lines(struct fk_lend *lend, uint64_t from, struct fk_buf *lines,
                                        struct fk_err *err);

/* The plain bytes of a content, checked against c256 and c512; for the index and auth roles
 * against c256 alone, which saves 4 per cent of the time that indexing takes. salt: 32 bytes;
 * bytes: envelope block and message of a mail (fk_envelope_split), or the body. fd is the sealed
 * memory file they are in: another process can be given it. */
struct fk_content {
    const uint8_t *salt, *bytes;
    size_t len; /* of bytes */
    int fd;
};
/* act: seq of the act that allows it; 0 for the index role, and for bodies of hold, release, class
 * and policy entries, which any reader may see. */
FK_CHECKED enum fk_status fk_lend_content(struct fk_lend *lend, uint64_t seq, uint64_t act,
                                          struct fk_content *out, struct fk_err *err);
void fk_content_free(struct fk_content *c);
/* That this content will be asked for: the desk looks for it meanwhile, and whatever else is asked
 * before, the answer is kept until then, of FK_LEND_SOON of them the newest. Saying so may come to
 * nothing (the desk is away); the answer is fk_lend_content's in any case. */
enum { FK_LEND_SOON = 4 };
void fk_lend_content_soon(struct fk_lend *lend, uint64_t seq, uint64_t act);

/* A content as it is stored, with the key of it alone: for an evidence package from which an expert
 * decrypts it himself. What leaves so is a copy of a key (docs/keys.md): act must be one of
 * what=export form=sealed that names seq, whatever the role. The desk has read it through: it gives
 * c256 and c512. */
struct fk_sealed {
    const uint8_t *key, *id; /* 32 and 16 bytes */
    uint32_t codec, parts, chunks;
    const uint8_t *at; /* the first part's length; fk_sealed_part goes on from there */
    size_t left;
    const uint8_t *file; /* all of it, and how long it is */
    size_t file_len;
};
FK_CHECKED enum fk_status fk_lend_sealed(struct fk_lend *lend, uint64_t seq, uint64_t act,
                                         struct fk_sealed *out, struct fk_err *err);
/* The next part's stored bytes, borrowed; false after the last. */
bool fk_sealed_part(struct fk_sealed *s, const uint8_t **data, size_t *len);
/* After the last part: the next chunk that its recipe names. */
struct fk_sealed_chunk {
    uint64_t number;
    uint32_t codec;
    const uint8_t *data;
    size_t len;
};
bool fk_sealed_chunk(struct fk_sealed *s, struct fk_sealed_chunk *out);
void fk_sealed_free(struct fk_sealed *s);

/* Segments in order. state: "active", "closed", "sealed"; "missing" or "damaged" where its file
 * cannot be opened as a segment: what can be read of others goes on. first and last: seqs;
 * UINT64_MAX where not known. */
struct fk_segment_info {
    uint64_t number, first, last, bytes;
    char state[8], digest[65]; /* digest: from the seal entry, "" before */
};
typedef enum fk_status (*fk_segment_fn)(void *ctx, const struct fk_segment_info *info,
                                        struct fk_err *err);
FK_CHECKED enum fk_status fk_lend_segments(struct fk_lend *lend, fk_segment_fn fn, void *ctx,
                                           struct fk_err *err);
/* A read-only descriptor of a sealed segment's file (ciphertext): for tape copies. */
FK_CHECKED enum fk_status fk_lend_segment_file(struct fk_lend *lend, uint64_t number, int *fd_out,
                                               struct fk_err *err);

/* Re-reads and checks everything between two seqs (0 and UINT64_MAX for all), or one segment
 * (number, else 0). Each finding is told once; FK_CORRUPT at the end when there was one. */
struct fk_finding {
    uint64_t seq, segment; /* UINT64_MAX and 0 where unknown */
    char check[32];        /* "chain", "line", "record", "extent", "gcm", "c256", "c512", "key",
                              "seal", "file", "gap", ... listed in docs/cli.md */
    char text[400];
};
struct fk_verify_range {
    uint64_t from, to, segment;
};
struct fk_verify_sum {
    uint64_t entries, contents, disposed, bytes; /* bytes: plain, re-read and hashed */
    uint64_t unfinished; /* a dispose entry names them, and their keys are still there */
    uint64_t findings, next_seq;
};
typedef void (*fk_finding_fn)(void *ctx, const struct fk_finding *finding);
typedef void (*fk_progress_fn)(void *ctx, uint64_t done, uint64_t all);
FK_CHECKED enum fk_status fk_lend_verify(struct fk_lend *lend, const struct fk_verify_range *range,
                                         fk_finding_fn finding, fk_progress_fn progress, void *ctx,
                                         struct fk_verify_sum *out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
