/*
 * mirror_state.h - DIR/run/mirror: how far the mirror is, for `status`. Not synced: it tells of
 * now.
 *
 * Errors: FK_NOT_FOUND there is none; FK_CORRUPT not of the form. Threads: one writer.
 */
#ifndef FK_VAULT_MIRROR_STATE_H
#define FK_VAULT_MIRROR_STATE_H
#include "base/status.h"
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

struct fk_mirror_state {
    uint64_t next_seq; /* entries before it are in the mirror */
    int64_t time_ms;   /* when this was written */
    bool away;
    char trouble[400]; /* why */
};
FK_CHECKED enum fk_status
fk_mirror_state_write(const char *vault_dir, const struct fk_mirror_state *s, struct fk_err *err);
FK_CHECKED enum fk_status fk_mirror_state_read(const char *vault_dir, struct fk_mirror_state *out,
                                               struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
