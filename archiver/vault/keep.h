/*
 * keep.h - how the rooms ask the pen to write. The only way anything gets into a vault.
 *
 * A struct fk_keep is one end of a socket whose other end is a keep process (fk_keep_attach, for a
 * descriptor that `serve` gave), or a connection made by fk_keep_open: to the server's pen when
 * one runs on this vault, else to a keep process started for the occasion and ended with
 * fk_keep_close. Either way the same frames, and the vault's files are touched by keep alone.
 *
 *     FK_TRY(fk_keep_open(dir, &keep, err));
 *     struct fk_record r = {.kind = "act", .fields = "what=search", .body = body};
 *     FK_TRY(fk_keep_append(keep, &r, &receipt, err));     durable when it returns
 *
 * For many mails at once there is the unordered form: fk_keep_send_mail, then fk_keep_next_receipt
 * with the same ids as they become durable; up to FK_KEEP_IN_FLIGHT unanswered.
 *
 * A keep for the occasion is /proc/self/exe, or the program that FUMIKURA_PROGRAM names (for unit
 * programs, which are none); it wants a DIR/fumikura.conf, which may be empty.
 *
 * Errors: FK_RETRY the pen is away (restarting, or another command has it), FK_FULL no disk space
 * or the pen's cap of bytes in flight, FK_IO a sync failed; nothing was acknowledged in any of
 * these. FK_INVALID the record is not of the form. FK_DENIED this socket may not ask that (the
 * receiver may only send mail, ...). Threads: a struct fk_keep belongs to one thread.
 */
#ifndef FK_VAULT_KEEP_H
#define FK_VAULT_KEEP_H
#include "archiver/vault/fields.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_keep;

struct fk_receipt {
    uint32_t id;           /* of the request */
    enum fk_status status; /* FK_OK: durable; else the message was not kept */
    uint64_t seq;
    char c256[65];  /* hex; "" for a record without body */
    char text[200]; /* why not, where status is not FK_OK */
};

FK_CHECKED enum fk_status fk_keep_open(const char *dir, struct fk_keep **out, struct fk_err *err);
/* Takes the descriptor. */
FK_CHECKED enum fk_status fk_keep_attach(int sock, struct fk_keep **out, struct fk_err *err);
void fk_keep_close(struct fk_keep **keep);
/* For poll: readable when a receipt has come. -1 while the pen is away. */
int fk_keep_fd(const struct fk_keep *keep);
/* A new socket in place of a dead one (from `serve`); takes the descriptor. Whatever was in flight
 * is answered FK_RETRY by fk_keep_next_receipt first. */
void fk_keep_reattach(struct fk_keep *keep, int sock);

/* A mail: fd is a memory file with the message's bytes, then the envelope block (that block goes
 * before the message in the content), sealed by this call. It stays the caller's to close.
 * source: [a-z0-9-]+; floor: an ISO 8601 period such as "P7Y". Never blocks: FK_RETRY when the
 * socket is full. */
struct fk_mail {
    int fd;
    uint64_t message_bytes;
    const char *source, *floor;
};
enum { FK_KEEP_IN_FLIGHT = 1024 };
FK_CHECKED enum fk_status fk_keep_send_mail(struct fk_keep *keep, uint32_t id,
                                            const struct fk_mail *mail, struct fk_err *err);
/* The same of an import: item is FK_KEEP_ITEM hex digits that stand in the line, or "" for none. */
enum { FK_KEEP_ITEM = 24 };
FK_CHECKED enum fk_status fk_keep_send_item(struct fk_keep *keep, uint32_t id,
                                            const struct fk_mail *mail, const char *item,
                                            struct fk_err *err);
/* The pen keeps the descriptor open until this socket is closed and all that was asked over it is
 * done: so that a lock on the file says to who comes next that nothing is still on its way. fd
 * stays the caller's. Once a socket. */
FK_CHECKED enum fk_status fk_keep_tether(struct fk_keep *keep, int fd, struct fk_err *err);
/* wait_ms 0 asks, -1 waits. FK_RETRY nothing has come. FK_NOT_FOUND the pen has gone: all that was
 * in flight is then given out once as receipts with FK_RETRY, before this status. */
FK_CHECKED enum fk_status fk_keep_next_receipt(struct fk_keep *keep, int wait_ms,
                                               struct fk_receipt *out, struct fk_err *err);

/* Any other kind, waited for. fields: as in an entry line after time (without c256 and c512, which
 * keep adds where there is a body). body: lines of fields.h, or NULL. */
struct fk_record {
    const char *kind, *fields;
    const struct fk_buf *body;
};
FK_CHECKED enum fk_status fk_keep_append(struct fk_keep *keep, const struct fk_record *record,
                                         struct fk_receipt *out, struct fk_err *err);

/* Compare-and-append, then the keys: FK_RETRY when a hold, release, class, policy or key entry came
 * after basis (ask for a new verdict); FK_INVALID when a seq has no content; seqs that are
 * disposed of already are passed over. On FK_OK the entry is durable and every key destroyed; seq
 * 0: all of them had been disposed of before, and nothing was written. */
FK_CHECKED enum fk_status fk_keep_dispose(struct fk_keep *keep, const struct fk_seqs *seqs,
                                          uint64_t basis, const char *rule,
                                          const struct fk_buf *body, struct fk_receipt *out,
                                          struct fk_err *err);

/* Closes the active segment (unless it has nothing but its first entry) and seals every closed
 * one; returns when the seal entries are durable. last_out: the newest segment that this has
 * sealed, 0 for none. */
FK_CHECKED enum fk_status fk_keep_seal(struct fk_keep *keep, uint64_t *last_out,
                                       struct fk_err *err);

/* Another key-encryption key: on FK_OK every segment's key is wrapped by it and the old one is
 * destroyed. A rotation that an earlier call or a crash left half done is completed first. Any
 * failure after the entry (its text names it) leaves a vault that reads as ever; the next keep goes
 * on. body: the entry's. */
FK_CHECKED enum fk_status fk_keep_rekey(struct fk_keep *keep, const struct fk_buf *body,
                                        struct fk_receipt *out, struct fk_err *err);

/* All keys, sealed (escrow.h), into fd, which is open for writing; durable on FK_OK. out->seq is
 * the bundle's number; where the file could not be written the entry is there, and err names it. */
FK_CHECKED enum fk_status fk_keep_escrow(struct fk_keep *keep, const uint8_t key[32],
                                         const struct fk_buf *lines, const struct fk_buf *body,
                                         int fd, struct fk_receipt *out, struct fk_err *err);

/* Puts one damaged or missing file of a sealed segment back from the mirror: the sealed file, or,
 * where that is whole, the key file. out->seq: the `admin` entry that orders it; 0: nothing is
 * wrong with the segment. FK_CORRUPT: it is damaged, and the mirror cannot heal it: the text says
 * why. FK_INVALID: there is no mirror, or the segment is not sealed. body: the entry's. */
FK_CHECKED enum fk_status fk_keep_heal(struct fk_keep *keep, uint64_t segment,
                                       const struct fk_buf *body, struct fk_receipt *out,
                                       struct fk_err *err);

/* The person of an act: the OS user, "name(uid)". Until there are accounts (docs/decisions). */
void fk_person(char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
