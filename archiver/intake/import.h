/*
 * import.h - brings in what lies in files: EML, mbox, Maildir, and directories of them.
 *
 * A file whose first line is a From_ line is an mbox, unless its name ends in .eml; every other
 * file is one message, its bytes as they are. In a Maildir the files of new/ and cur/ are messages
 * and its subdirectories are looked at too; its other files belong to mail programs. In any other
 * directory files and subdirectories are taken in the order of their names, except those that begin
 * with a dot. What is so passed over is told, and is no failure.
 *
 * Up to 256 messages are with the pen at a time, so that they share its commits; they are told in
 * the order in which they were found. A pen that goes away is opened again and asked once more;
 * with a job (import_job.h) the ledger says what it had kept without saying so, and each message is
 * kept once, also by an import that goes on where another was killed.
 *
 * What cannot be read is told and the rest goes on; a full disk ends the import.
 */
#ifndef FK_INTAKE_IMPORT_H
#define FK_INTAKE_IMPORT_H
#include "archiver/intake/imap.h"
#include "archiver/intake/import_job.h"
#include "archiver/vault/keep.h"
#ifdef __cplusplus
extern "C" {
#endif

enum fk_import_outcome {
    FK_IMPORT_NEW,     /* kept */
    FK_IMPORT_SAME,    /* the bytes of another that this import has read; kept unless skip_same */
    FK_IMPORT_VERSION, /* kept: the Message-ID of another that this import has read, other bytes */
    FK_IMPORT_EARLIER, /* this job had brought it before: not kept again */
    FK_IMPORT_FAILED
};
enum { FK_IMPORT_OUTCOMES = 5 };
const char *fk_import_outcome_name(enum fk_import_outcome outcome);

struct fk_import_told {
    enum fk_import_outcome outcome;
    const char *path, *at; /* at: where in it, "byte 8192", "uid 7"; "" for all of it */
    bool kept;             /* by this run */
    uint64_t seq;          /* UINT64_MAX: none */
    const char *c256;      /* "" where not known */
    uint64_t first;        /* of SAME and VERSION: the other's seq; UINT64_MAX: not known */
    const char *reason;    /* of FAILED; "" otherwise */
    const char *note;      /* what somebody should know of a message that was kept, or "" */
};

/* How an mbox quotes lines that begin with "From ": as the user says. Nothing is unquoted; what was
 * said, and what the lines look like, is in the envelope. Anything but SEEN also makes an mbox of a
 * file whose first line is a broken From_ line. */
enum fk_mbox_kind { FK_MBOX_SEEN, FK_MBOX_RD, FK_MBOX_O, FK_MBOX_CL, FK_MBOX_CL2 };

/* What a process of the server has in place of the vault's own sockets: pen and desk that `serve`
 * gave it; they stay the caller's. An import that fails with is_pen_spoiled leaves unheard receipts
 * in keep: it is to be closed. */
struct fk_import_server {
    struct fk_keep *keep;
    struct fk_lend *lend;
    /* Pen or desk went away: waits for a new one, a second at most. FK_RETRY: none yet. Others end
     * the import. */
    enum fk_status (*wait)(void *ctx, struct fk_err *err);
    void *ctx;
};

struct fk_import_options {
    const char *dir;                       /* the vault */
    const struct fk_import_server *server; /* NULL for a command */
    const char *source, *floor;            /* of each entry */
    uint64_t size_limit;                   /* a message over it is refused */
    struct fk_import_job *job;             /* NULL: what is killed cannot be resumed */
    enum fk_mbox_kind mbox;
    bool skip_same; /* what is FK_IMPORT_SAME is not kept */
    bool journal;   /* journal reports in it count (docs/query.md) */
    bool mirrored;  /* mirror = "sync": what is told kept is in the mirror too */
    void (*told)(void *ctx, const struct fk_import_told *told);
    /* How many names of a directory were not looked at, the first of them, and the rule; once a
     * directory. NULL: not wanted. */
    void (*skipped)(void *ctx, const char *dir, uint64_t count, const char *first,
                    const char *rule);
    /* Bytes and messages read. NULL: not wanted. */
    void (*progress)(void *ctx, uint64_t done_bytes, uint64_t all_bytes, uint64_t messages);
    void *ctx;
};
struct fk_import_sum {
    uint64_t read; /* messages */
    uint64_t count[FK_IMPORT_OUTCOMES];
    uint64_t kept, bytes; /* by this run; bytes of messages read */
};

/* FK_OK also when some have failed. Errors: those of fk_keep_open; FK_FULL no room; FK_IO and
 * FK_RETRY the pen could not be brought to keep a message. Whatever was told kept is kept. */
FK_CHECKED enum fk_status fk_import(const struct fk_import_options *options,
                                    const char *const *paths, size_t count,
                                    struct fk_import_sum *out, struct fk_err *err);

/* From a mailbox, by UID, ascending. A message that the job has brought before is not fetched again
 * (by UIDVALIDITY and UID: options->job must be there). */
struct fk_import_mailbox {
    struct fk_imap_where where;
    bool delete_after;   /* there, once it is kept here: only what is in the ledger, and whole */
    const char *section; /* of the configuration, for the envelope; NULL: a command's */
    unsigned turn_ms;    /* it pauses between two messages after this time; 0: never */
    uint32_t validity, next_uid; /* 0 at first; where the next call goes on */
    bool is_paused;              /* there is more: the turn was over */
    bool is_pen_spoiled;         /* the pen was what failed */
};
/* As fk_import. FK_RETRY too when the server is away or breaks off again and again, FK_DENIED when
 * it does not let us in. */
FK_CHECKED enum fk_status fk_import_imap(const struct fk_import_options *options,
                                         struct fk_import_mailbox *mailbox,
                                         struct fk_import_sum *out, struct fk_err *err);

/* What pilerexport has written below DIR, with the dumps of piler's tables in DIR (docs/import.md):
 * metadata.tsv, rcpt.tsv; where they are there tag.tsv, note.tsv, legal_hold.tsv. Lists for other
 * commands are written into the directory `lists`, which must be new. */
FK_CHECKED enum fk_status fk_import_piler(const struct fk_import_options *options, const char *dir,
                                          const char *lists, struct fk_import_sum *out,
                                          struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
