/*
 * listeners.h - the listeners of the configuration: as the receiver wants them, and as `status` and
 * `doctor` show them.
 *
 * Ownership: `out` is the caller's (free); all that it points to is the configuration's.
 */
#ifndef FK_CLI_LISTENERS_H
#define FK_CLI_LISTENERS_H
#include "archiver/intake/gate.h"
#include "cli/cli.h"
#include "cli/config.h"

#include <jansson.h>
#ifdef __cplusplus
extern "C" {
#endif

FK_CHECKED enum fk_status cli_listeners(const struct fk_config *c, struct fk_gate_options **out,
                                        struct fk_err *err);

/* A list of objects: name, protocol, tls, source, journal (whose reports count: "on": of all,
 * "some": of journal-from, "off"), addresses (as a running server has bound them), certificate
 * (null, or until when that of the file is good, or null where it is not; "trouble").
 */
json_t *cli_listeners_json(const struct fk_cli *cli);
void cli_listeners_print(const struct fk_cli *cli);

/* What to think of a listener's certificate: FK_OK, FK_RETRY where it ends soon, else it is wrong;
 * text says so, and until when. */
enum fk_status cli_certificate_judge(const struct fk_config_listener *l, int64_t *until_ms_out,
                                     char text[600]);
bool cli_listener_has_tls(const struct fk_config_listener *l);

#ifdef __cplusplus
}
#endif
#endif
