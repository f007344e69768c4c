/*
 * import_priv.h - the files of an import among themselves.
 *
 *     import.c          from paths to files: directories, Maildirs, what is passed over
 *     import_file.c     from a file to messages: EML, mbox
 *     import_archive.c  from an archive to files, which another process reads in a box (unpack.c)
 *     import_pst.c      from a PST file to files, by readpst in a box (reconstruct.c)
 *     import_imap.c     from a mailbox of a server to messages (imap.c)
 *     import_piler.c    from the export of a piler archive and its tables (table.c)
 *     import_message.c  from bytes to a finished message: its envelope, and what is known of it
 *     import_window.c   the messages that are with the pen
 *     import_job.c      what this import has brought before
 */
#ifndef FK_INTAKE_IMPORT_PRIV_H
#define FK_INTAKE_IMPORT_PRIV_H
#include "archiver/intake/import.h"
#include "archiver/intake/import_map.h"
#include "archiver/intake/mailfile.h"
#include "base/digest.h"

#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif

/* ---- import_job.c */

/* The `item` of a line, in both forms; key ends in zeros. */
struct fk_import_item_id {
    uint8_t key[FK_IMPORT_KEY];
    char hex[FK_KEEP_ITEM + 1];
};
/* Of a mailbox's messages; that one may not be whole is remembered, so that no later run deletes
 * it. */
#define FK_ITEM_UID "uid"
#define FK_ITEM_DOUBTED "uid-doubted"
/* kind and id say which message of the source it is; n which time. id: at most 200 bytes. */
void fk_import_job__item(const struct fk_import_job *job, const char *kind, const void *id,
                         size_t len, uint64_t n, struct fk_import_item_id *out);
bool fk_import_job__has(const struct fk_import_job *job, const struct fk_import_item_id *id,
                        uint64_t *seq_out);
typedef void (*fk_import_brought_fn)(void *ctx, const struct fk_import_item_id *id, uint64_t seq,
                                     const char *c256);
/* After a pen was opened, before anything is sent: waits for what the last one had in hand, and
 * reads the ledger on; fn (or NULL) is told each message that it finds. */
FK_CHECKED enum fk_status fk_import_job__attach(struct fk_import_job *job, struct fk_keep *keep,
                                                fk_import_brought_fn fn, void *ctx,
                                                struct fk_err *err);
/* Returns once the mirror has every message of an import that was read there; FK_RETRY where it
 * does not come so far in 10 s, or this pen goes away. */
FK_CHECKED enum fk_status fk_import_job__mirrored(const struct fk_import_job *job,
                                                  struct fk_keep *keep, struct fk_err *err);

/* ---- import_window.c */

enum { FK_WINDOW = 256, FK_WINDOW_BYTES = 64 << 20 };

/* A message between its last byte and its being told. */
struct fk_import_item {
    char *path, *at, *note;
    struct fk_mailfile file; /* kept until the receipt: it may have to be sent again */
    bool sent, found, done;  /* found: in the ledger, of a pen that has not answered */
    unsigned tries;
    struct fk_receipt receipt;
    enum fk_import_outcome outcome;
    struct fk_import_item_id id;
    uint32_t uid;    /* of a mailbox */
    bool is_doubted; /* it may not be whole: not to be deleted where it came from */
    uint8_t digest[FK_IMPORT_KEY], message_id[FK_IMPORT_KEY]; /* message_id: zeros for none */
};

/* A ring: items [first, first+count) in the order in which they were found; id = place in the ring.
 */
struct fk_import_window {
    const struct fk_import_options *options;
    struct fk_keep *keep;
    struct fk_import_item items[FK_WINDOW];
    size_t first, count;
    uint64_t bytes;
    bool pause;                                /* before something is sent again */
    unsigned reopened;                         /* since the last receipt that counts */
    struct fk_import_map digests, message_ids; /* a: how often (digests) or which (message_ids);
                                                  b: seq of the first + 1, 0 before it is told */
    struct fk_import_sum sum;
    /* Told of each message that is in the ledger, by this run or an earlier one. NULL: not wanted.
     */
    void (*brought)(void *ctx, const struct fk_import_item *item, uint64_t seq);
    void *brought_ctx;
};

FK_CHECKED enum fk_status fk_import__window_open(struct fk_import_window *w, struct fk_err *err);
/* Takes all of the item, whatever it answers; waits while the window is full. One that is done (not
 * to be sent) is told in its turn. */
FK_CHECKED enum fk_status fk_import__window_add(struct fk_import_window *w,
                                                struct fk_import_item *item, struct fk_err *err);
/* Waits for all that is with the pen. */
FK_CHECKED enum fk_status fk_import__window_drain(struct fk_import_window *w, struct fk_err *err);
void fk_import__window_close(struct fk_import_window *w);
void fk_import__refuse(struct fk_import_window *w, const char *path, const char *at,
                       const char *reason);
void fk_import__item_free(struct fk_import_item *item);

/* ---- import_message.c */

enum { FK_IMPORT_HEAD = 65536 }; /* as much of a message is looked at for its date and its id */

struct fk_import_run {
    const struct fk_import_options *options;
    struct fk_import_window window;
    bool counting; /* the first pass, for the progress bar */
    uint64_t all_bytes, done_bytes;
    char *buffer;      /* FK_IMPORT_READ */
    enum fk_status st; /* what ends the import: a message was not taken */
    struct fk_err *err;

    const char *path;          /* of the file in work */
    char at[64];               /* where in it the message in work is; "" for all of it */
    const struct fk_buf *more; /* further fields of its envelope, or NULL */
    /* A directory of our own, and what is told in its place: "old.pst" for old.pst!Inbox/1.eml. */
    const char *scratch, *scratch_of;
    struct fk_buf remark; /* to be told of each message of the file in work, or empty */
    struct fk_buf from_line, head, note, fields;
    struct fk_digest *digest;
    struct fk_mailfile file;
    /* What names the message in its source for good; id_len 0: its bytes do (import_job.h). */
    uint8_t source_id[64];
    size_t source_id_len;
    uint32_t uid;
    bool is_doubted;
    /* Told of each file before it is read; may set more, derived_ms, expected. NULL: not wanted. */
    void (*describe)(void *ctx, const char *path);
    void *describe_ctx;
    int64_t derived_ms; /* the message's date as its source says; 0: look for one */
    char expected[2 * FK_SHA256_BYTES + 1]; /* its SHA-256 as its source says, or "" */
    bool has_from_line, broken; /* broken: this message is not to be kept; the reason was told */
};

/* One message: begin, data and settle as often as need be, end. settle before the bytes that were
 * given go away. from_line: NULL where there is none. Fields of its own are added to run->fields
 * after begin. */
void fk_import__message_begin(struct fk_import_run *run, const char *from_line, size_t len);
void fk_import__message_data(struct fk_import_run *run, const void *data, size_t len);
void fk_import__message_settle(struct fk_import_run *run);
void fk_import__message_end(struct fk_import_run *run);
/* It is not to be kept after all. */
void fk_import__message_break(struct fk_import_run *run, const char *reason);

/* ---- import.c */

FK_CHECKED enum fk_status fk_import__run_new(const struct fk_import_options *options,
                                             struct fk_import_run **out, struct fk_err *err);
/* Waits for what is with the pen, where nothing has failed; frees the run. */
FK_CHECKED enum fk_status fk_import__run_end(struct fk_import_run **run, struct fk_import_sum *out);

/* Every directory in it, and none of its files. */
void fk_import__subdirectories_read(struct fk_import_run *run, const char *dir);
void fk_import__directory_read(struct fk_import_run *run, const char *dir);

/* ---- import_pst.c */

bool fk_import__is_pst(const void *head, size_t len);
/* What readpst makes of the PST or OST file that is open as fd, run->path. */
void fk_import__pst_read(struct fk_import_run *run, int fd, uint64_t size);

/* ---- import_archive.c */

/* Every member of the archive that is open as fd, run->path. */
void fk_import__archive_read(struct fk_import_run *run, int fd, uint64_t size);

/* ---- import_file.c */

enum { FK_IMPORT_READ = 1 << 20 }; /* a longer line of an mbox is no From_ line */
/* SEEN: an archive, an mbox or a message; MEMBER: of an archive, so it is none itself. */
enum fk_import_shape { FK_SHAPE_SEEN, FK_SHAPE_MEMBER, FK_SHAPE_MESSAGE };

/* Up to size bytes, 0 at the end; -1 with why (borrowed until the next call) where it cannot be
 * read on: the message in work is then not kept, those before it are. */
struct fk_import_reader {
    ssize_t (*read)(void *ctx, void *out, size_t size, const char **why_out);
    void *ctx;
};
/* An mbox or a message of run->path. */
void fk_import__file_read(struct fk_import_run *run, const struct fk_import_reader *from,
                          enum fk_import_shape shape);
void fk_import__file_import(struct fk_import_run *run, const char *path,
                            enum fk_import_shape shape);
void fk_import__progress(struct fk_import_run *run, uint64_t more_bytes);

#ifdef __cplusplus
}
#endif
#endif
