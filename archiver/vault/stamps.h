/*
 * stamps.h - DIR/time: time stamps over checkpoints, and the anchor entries that hold them fast.
 *
 *     time/NAME.checkpoint   the whole signed note that was stamped
 *     time/NAME.tsq, .tsr    request and reply (RFC 3161); the reply has the authority's chain
 *
 * NAME is SIZE-TIME, the checkpoint's size in 12 digits and the stamp's time:
 * 000000001234-20261124T010203Z. The files are durable before the entry `anchor stamp=NAME size=
 * stamped= reply=SHA-256 of .tsr` is appended. So what is in the checkpoint is not younger than the
 * stamp, and all that follows the anchor not older: an interval (docs/evidence.md).
 *
 * Errors: as stamp.h and authority.h. Threads: one.
 */
#ifndef FK_VAULT_STAMPS_H
#define FK_VAULT_STAMPS_H
#include "archiver/vault/entry.h"
#include "archiver/vault/keep.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_stamp_made {
    char name[48];
    uint64_t size, anchor; /* entries under it; seq of its anchor */
    int64_t time_ms;
};
/* Stamps the newest checkpoint. FK_NOT_FOUND: there is none yet. roots as in stamp.h. */
FK_CHECKED enum fk_status fk_stamps_make(const char *dir, struct fk_keep *keep, const char *url,
                                         const char *roots, struct fk_stamp_made *out,
                                         struct fk_err *err);
/* When the newest in DIR/time was made; 0 for none. */
FK_CHECKED enum fk_status fk_stamps_newest(const char *dir, int64_t *time_ms_out,
                                           struct fk_err *err);
/* One anchor entry: its files, the reply's digest, the stamp, the note's signature. */
FK_CHECKED enum fk_status fk_stamps_check(const char *dir, const struct fk_entry *anchor,
                                          const char *roots, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
