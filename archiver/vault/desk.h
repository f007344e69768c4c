/*
 * desk.h - the vault as its one reader has it: read-only, with the key-encryption key. For lend,
 * and for tests; every other room uses lend.h.
 *
 * A desk follows the pen: new entries, new segments, sealed ones are found by the next call. Read
 * transactions are short; nothing borrowed from LMDB leaves a call.
 *
 * Errors: as lend.h. A file that is shorter than its pages say is FK_CORRUPT before it is mapped.
 * Threads: one at a time a desk; several desks may be open in one process only on different
 * vaults (LMDB's locks belong to the process).
 */
#ifndef FK_VAULT_DESK_H
#define FK_VAULT_DESK_H
#include "archiver/vault/lend.h"
#ifdef __cplusplus
extern "C" {
#endif

struct fk_desk;
FK_CHECKED enum fk_status fk_desk_open(const char *dir, struct fk_desk **out, struct fk_err *err);
void fk_desk_close(struct fk_desk **desk);

FK_CHECKED enum fk_status fk_desk_head(struct fk_desk *desk, struct fk_head *out,
                                       struct fk_err *err);
FK_CHECKED enum fk_status fk_desk_settled_head(struct fk_desk *desk, struct fk_head *out,
                                               struct fk_err *err);
/* One line, appended. */
FK_CHECKED enum fk_status fk_desk_line(struct fk_desk *desk, uint64_t seq, struct fk_buf *out,
                                       struct fk_err *err);
/* Whole lines from seq on, appended, at least one, until about max_bytes. */
FK_CHECKED enum fk_status fk_desk_lines(struct fk_desk *desk, uint64_t from, size_t max_bytes,
                                        struct fk_buf *out, struct fk_err *err);
/* salt, then the bytes, appended to out; checked against c256 and c512. Wipe out when done. */
FK_CHECKED enum fk_status fk_desk_content(struct fk_desk *desk, uint64_t seq, struct fk_buf *out,
                                          struct fk_err *err);
/* The same, checked against c256 alone: for programs that nobody hands the bytes on from. */
FK_CHECKED enum fk_status fk_desk_content_c256(struct fk_desk *desk, uint64_t seq,
                                               struct fk_buf *out, struct fk_err *err);
/* A content as it is stored, and its key (lend_priv.h has the form), appended. Wipe out when done.
 */
FK_CHECKED enum fk_status fk_desk_sealed(struct fk_desk *desk, uint64_t seq, struct fk_buf *out,
                                         struct fk_err *err);
/* The dispose entry that names seq; FK_NOT_FOUND when none. */
FK_CHECKED enum fk_status fk_desk_disposal(struct fk_desk *desk, uint64_t seq,
                                           uint64_t *dispose_out, struct fk_err *err);
FK_CHECKED enum fk_status fk_desk_segments(struct fk_desk *desk, fk_segment_fn fn, void *ctx,
                                           struct fk_err *err);
FK_CHECKED enum fk_status fk_desk_segment_file(struct fk_desk *desk, uint64_t number, int *fd_out,
                                               struct fk_err *err);
FK_CHECKED enum fk_status fk_desk_verify(struct fk_desk *desk, const struct fk_verify_range *range,
                                         fk_finding_fn finding, fk_progress_fn progress, void *ctx,
                                         struct fk_verify_sum *out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
