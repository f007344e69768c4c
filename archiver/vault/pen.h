/*
 * pen.h - the vault as its one writer has it. For keep, and for tests; every other room uses
 * keep.h.
 *
 * Opening takes the lock of the vault, finishes what a crash left half done (generations of key
 * files, sealing, disposal), and, when the pen was not put down in good order, reads the active
 * segment again from the disk, not from cached pages, and checks it.
 *
 *     FK_TRY(fk_pen_open(dir, &options, &pen, err));
 *     FK_TRY(fk_pen_prepare(pen, &draft, &sheet, err));      any thread, at the same time
 *     FK_TRY(fk_pen_commit(pen, sheets, n, err));            one transaction, durable on return
 *     sheet->seq, sheet->c256 ...
 *     fk_sheet_free(&sheet);
 *
 * Prepare hashes, compresses and encrypts; a content over 4 MiB is written out in extents as it
 * goes, in transactions of its own, so that memory stays bounded. Commit gives the seqs in the
 * order of the array, wraps the keys, writes lines, records and extents, and rotates when the
 * segment is over its limit.
 *
 * After FK_IO from commit or prepare the pen is spoiled: every call answers FK_IO, and the process
 * is to end and open anew (a failed fsync may have dropped pages that a second one reports as
 * written: PostgreSQL's finding of 2018).
 *
 * Errors: FK_RETRY another pen is open, or this sheet must be prepared again (the segment changed
 * under a large one); FK_FULL disk or reserve; FK_CORRUPT with the place; FK_DENIED a key file
 * that others can read. Threads: prepare from any; all else one thread at a time.
 */
#ifndef FK_VAULT_PEN_H
#define FK_VAULT_PEN_H
#include "archiver/vault/fields.h"
#include "archiver/vault/slice.h"
#include "base/digest.h"
#include "base/status.h"
#include <sys/uio.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_pen;
struct fk_pen_options {
    uint64_t rotate_bytes;  /* a segment over this is closed: 1 GiB */
    uint64_t reserve_bytes; /* kept free for acts, holds and disposals: 64 MiB */
    int zstd_level;         /* 6 */
    uint64_t map_bytes;     /* the most a segment can hold; 0: 4 times rotate_bytes and 1 GiB */
    bool every_instance;    /* each message as it came, base64 and all: false */
};
#define FK_PEN_OPTIONS                                                                             \
    { (uint64_t)1 << 30, (uint64_t)64 << 20, 6, 0, false }

/* Makes the directories, keys, and the genesis entry. FK_INVALID when DIR has a vault or anything
 * else in it already. */
FK_CHECKED enum fk_status fk_vault_init(const char *dir, struct fk_err *err);

FK_CHECKED enum fk_status fk_pen_open(const char *dir, const struct fk_pen_options *options,
                                      struct fk_pen **out, struct fk_err *err);
/* Puts the pen down in good order (unless spoiled). */
void fk_pen_close(struct fk_pen **pen);

/* What is to be written. content: the plain bytes after the salt, in pieces; none when pieces is 0.
 * Borrowed until the sheet is committed. */
struct fk_draft {
    const char *kind, *fields;
    struct iovec content[2];
    size_t pieces;
    bool is_mail; /* keeps away from the reserve; others may spend it */
    bool compare; /* append only if no rules entry came after basis */
    uint64_t basis;
};

struct fk_sheet {
    uint64_t seq;          /* after commit */
    char c256[65];         /* "" without content */
    enum fk_status status; /* after commit: FK_OK, or why this one was left out */
    char text[200];
};
FK_CHECKED enum fk_status fk_pen_prepare(struct fk_pen *pen, const struct fk_draft *draft,
                                         struct fk_sheet **out, struct fk_err *err);
/* FK_OK: the transaction is durable and each sheet's own status counts (FK_RETRY: prepare it
 * again). Anything else: none of them is kept. */
FK_CHECKED enum fk_status fk_pen_commit(struct fk_pen *pen, struct fk_sheet **sheets, size_t n,
                                        struct fk_err *err);
void fk_sheet_free(struct fk_sheet **sheet);

/* Destroys the keys of all dispose entries not yet carried out; done by open as well. */
FK_CHECKED enum fk_status fk_pen_erase(struct fk_pen *pen, struct fk_err *err);
/* Whether a dispose entry is there whose keys are not all destroyed. Threads: any. */
bool fk_pen_is_erasing(struct fk_pen *pen);
/* Which of the seqs still have a key (those disposed of before are left out); FK_NOT_FOUND when one
 * of them has no content. left_out is begun as {0} and freed by the caller. */
FK_CHECKED enum fk_status fk_pen_has_content(struct fk_pen *pen, const struct fk_seqs *seqs,
                                             struct fk_seqs *left_out, struct fk_err *err);

/* Closes the active segment, where it has more than its first entry, and begins the next. */
FK_CHECKED enum fk_status fk_pen_rotate(struct fk_pen *pen, struct fk_err *err);
/* How fast a segment may be sealed. hurry and give_up are set and read with __atomic: by others
 * while it is being sealed. */
struct fk_pace {
    uint64_t bytes_per_s; /* of the closed segment that are read; 0: as fast as it goes */
    bool hurry;           /* somebody waits: never mind the rate */
    bool give_up;         /* run ends with FK_RETRY */
};
/* Sealing the oldest closed segment, in three steps, so that commits can go on: begin and end on
 * the thread that commits, run on any other thread meanwhile (it only reads the closed segment and
 * writes a file of its own).
 *
 *     FK_TRY(fk_pen_seal_begin(pen, &job, err));       FK_NOT_FOUND: nothing is closed
 *     st = fk_pen_seal_run(job, &pace, err);           slow; pace NULL: as fast as it goes
 *     FK_TRY(fk_pen_seal_end(pen, &job, &number, err));
 *
 * end takes what run came to, frees the job in every case, writes the seal entry and removes the
 * open file. FK_RETRY: a disposal came in between; begin again. To give a job up, call end without
 * run. One job at a time; a pen is not closed before it has ended. */
struct fk_sealing;
FK_CHECKED enum fk_status fk_pen_seal_begin(struct fk_pen *pen, struct fk_sealing **out,
                                            struct fk_err *err);
FK_CHECKED enum fk_status fk_pen_seal_run(struct fk_sealing *job, struct fk_pace *pace,
                                          struct fk_err *err);
FK_CHECKED enum fk_status fk_pen_seal_end(struct fk_pen *pen, struct fk_sealing **job,
                                          uint64_t *number_out, struct fk_err *err);
/* All three at once. */
FK_CHECKED enum fk_status fk_pen_seal_next(struct fk_pen *pen, uint64_t *number_out,
                                           struct fk_err *err);
/* Another key-encryption key, without a touch to messages: rekey makes it and writes the `key`
 * entry that orders it (body: its lines), step wraps one segment's key file anew, and, when all
 * are, destroys the old key. In between the pen is used as ever, and closed and opened as well: a
 * vault opens in every state, and steps go on from where they were.
 *
 *     FK_TRY(fk_pen_rekey(pen, body, len, &seq, err));
 *     for (bool done = false; !done;)
 *         FK_TRY(fk_pen_rekey_step(pen, &done, err));
 *
 * FK_RETRY one is under way; FK_CORRUPT a key file does not open: nothing was begun, or the old key
 * is still there; FK_FULL: step again when there is room. */
FK_CHECKED enum fk_status fk_pen_rekey(struct fk_pen *pen, const void *body, size_t len,
                                       uint64_t *seq_out, struct fk_err *err);
FK_CHECKED enum fk_status fk_pen_rekey_step(struct fk_pen *pen, bool *done_out, struct fk_err *err);
bool fk_pen_is_rekeying(struct fk_pen *pen);
/* All keys into a sealed bundle (escrow.h), written to fd and synced: first the `key` entry that
 * records it, whose seq is the bundle's number. FK_RETRY, FK_FULL: a rotation is under way, or
 * fd cannot be written: then the entry is there and the bundle is not, and the sentence says so.
 * FK_INVALID: fd is no plain file. */
struct fk_escrow_order {
    const uint8_t *key; /* 32 bytes */
    const char *lines;  /* who may open it: lines of the bundle's head */
    const void *body;   /* the entry's */
    size_t body_len;
};
FK_CHECKED enum fk_status fk_pen_escrow(struct fk_pen *pen, const struct fk_escrow_order *order,
                                        int fd, uint64_t *seq_out, struct fk_err *err);
/* A damaged or missing file of a sealed segment, put back from a mirror. One file at a time, the
 * sealed file before the key file: again, until nothing was wrong. look reads, and makes a copy
 * that is proven whole; heal writes an `admin` entry (body: its lines), then gives the copy the
 * file's name, then writes a `fact` that says how it went.
 *
 *     FK_TRY(fk_pen_heal_look(pen, &order, &h, err));                any thread, slow
 *     st = fk_pen_heal(pen, h, body, len, &seq, err);                seq 0: nothing is wrong
 *     fk_healing_free(&h);
 *
 * FK_CORRUPT: the mirror's copy is damaged too, or missing, or older than a disposal; FK_INVALID:
 * no mirror, or the segment is open; FK_NOT_FOUND: no such segment, or the mirror is not there;
 * FK_RETRY: the file was changed meanwhile, or could not be replaced: then the entry is there, and
 * the old file too. */
struct fk_healing;
struct fk_heal_order {
    const char *mirror; /* directory, borrowed until the end; NULL: there is none */
    uint64_t number;    /* segment */
};
FK_CHECKED enum fk_status fk_pen_heal_look(struct fk_pen *pen, const struct fk_heal_order *order,
                                           struct fk_healing **out, struct fk_err *err);
FK_CHECKED enum fk_status fk_pen_heal(struct fk_pen *pen, struct fk_healing *h, const void *body,
                                      size_t len, uint64_t *seq_out, struct fk_err *err);
void fk_healing_free(struct fk_healing **h);
/* What is durable of an open segment after a mark, a few MiB at most, with whole entries in order;
 * the next one begins where it ends. Of a mark with generation 0 all from the segment's beginning.
 * FK_NOT_FOUND: there is no such segment. out is begun as {0}, may be used again, and is freed by
 * the caller. Any thread. */
FK_CHECKED enum fk_status fk_pen_slice(struct fk_pen *pen, const struct fk_mark *from,
                                       struct fk_slice *out, struct fk_err *err);
/* SHA-256 of an entry's line; FK_NOT_FOUND past the head. Any thread. */
FK_CHECKED enum fk_status fk_pen_digest(struct fk_pen *pen, uint64_t seq,
                                        uint8_t out[FK_SHA256_BYTES], struct fk_err *err);
/* What opening found wrong and went on with: a segment that is missing, the first of them. FK_OK:
 * nothing. Borrowed. */
const struct fk_err *fk_pen_trouble(const struct fk_pen *pen);
uint64_t fk_pen_next_seq(const struct fk_pen *pen);
/* Number of the active segment: another one than before means that one was closed. Any thread. */
uint64_t fk_pen_segment(struct fk_pen *pen);

#ifdef __cplusplus
}
#endif
#endif
