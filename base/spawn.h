/*
 * spawn.h - another program, given just the descriptors that are meant for it.
 *
 * It starts with stdin and stdout on /dev/null, stderr as here, no signal blocked or ignored, and
 * the descriptors of `pass` under their own numbers; everything else of this process is to be
 * close-on-exec. argv[0] is the path that is run.
 */
#ifndef FK_BASE_SPAWN_H
#define FK_BASE_SPAWN_H
#include "base/status.h"
#include <stddef.h>
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif

FK_CHECKED enum fk_status fk_spawn(const char *const *argv, const int *pass, size_t n,
                                   pid_t *pid_out, struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
