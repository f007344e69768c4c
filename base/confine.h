/*
 * confine.h - what a process that holds keys or mail gives up for good.
 *
 * All are inherited by the programs it runs. Threads: before any other is made.
 */
#ifndef FK_BASE_CONFINE_H
#define FK_BASE_CONFINE_H
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

/* No core dump, so that keys and mail do not land in a file. */
FK_CHECKED enum fk_status fk_confine_core(struct fk_err *err);
/* No file is opened, made, renamed or removed, no program run, no other process looked into: each
 * is EPERM (seccomp). What is open stays so. Not under AddressSanitizer, which reads its own maps.
 */
FK_CHECKED enum fk_status fk_confine_files(struct fk_err *err);
/* Only Unix sockets: any other is EPERM (seccomp). */
FK_CHECKED enum fk_status fk_confine_network(struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
