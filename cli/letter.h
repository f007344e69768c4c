/*
 * letter.h - the mail that carries a checkpoint out of the archive's machine, as text.
 *
 * RFC 5322 and MIME: multipart/mixed of a text in Japanese and English, which has the checkpoint's
 * figures to be compared by eye and says to keep the mail; the checkpoint exactly as it is in log/,
 * base64, named "checkpoint"; and where there is a time stamp the newest reply and the checkpoint
 * that it is over. Nothing in it is about a person or a message. Threads: any.
 */
#ifndef FK_CLI_LETTER_H
#define FK_CLI_LETTER_H
#include "archiver/vault/note.h"
#ifdef __cplusplus
extern "C" {
#endif

struct cli_letter {
    const char *from, *to;
    int64_t now_ms;
    int zone_minutes; /* of Date */
    struct fk_checkpoint checkpoint;
    struct fk_verifier key;
    struct fk_buf note;                      /* the whole signed note */
    char stamp[64];                          /* its name in time/, "" for none */
    struct fk_buf stamped_note, stamp_reply; /* its .checkpoint and .tsr */
};

/* Log, key, entries, root: short enough to be read out over the telephone. Appended. */
void cli_checkpoint_readable(const struct fk_checkpoint *c, const struct fk_verifier *v,
                             struct fk_buf *out);
/* Appended, lines end in CRLF. FK_NOMEM. */
FK_CHECKED enum fk_status cli_letter_write(const struct cli_letter *l, struct fk_buf *out,
                                           struct fk_err *err);
void cli_letter_free(struct cli_letter *l); /* its buffers */

#ifdef __cplusplus
}
#endif
#endif
