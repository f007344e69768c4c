/*
 * listeners.h - the listeners of the configuration as the receiver wants them.
 *
 * Ownership: `out` is the caller's (free); all that it points to is the configuration's.
 */
#ifndef FK_CLI_LISTENERS_H
#define FK_CLI_LISTENERS_H
#include "archiver/intake/gate.h"
#include "cli/config.h"
#ifdef __cplusplus
extern "C" {
#endif

FK_CHECKED enum fk_status cli_listeners(const struct fk_config *c, struct fk_gate_options **out,
                                        struct fk_err *err);
bool cli_listener_has_tls(const struct fk_config_listener *l);
struct fk_tls_files cli_listener_files(const struct fk_config_listener *l);

#ifdef __cplusplus
}
#endif
#endif
