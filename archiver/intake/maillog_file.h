/*
 * maillog_file.h - a whole Postfix log, line by line: files of syslog, and what `journalctl -o
 * export` writes (told apart by looking).
 *
 * Errors: those of logfile.h, and whatever fn returned. Threads: one.
 */
#ifndef FK_INTAKE_MAILLOG_FILE_H
#define FK_INTAKE_MAILLOG_FILE_H
#include "archiver/intake/maillog.h"
#include "base/digest.h"
#ifdef __cplusplus
extern "C" {
#endif

typedef enum fk_status (*fk_maillog_fn)(void *ctx, const struct fk_maillog_line *line,
                                        struct fk_err *err);

struct fk_maillog_sum {
    uint64_t lines, taken;
    uint64_t bad;                    /* of Postfix, cut off or not of the form */
    uint64_t first_bad;              /* number of the first such line, 0 none */
    uint8_t digest[FK_SHA256_BYTES]; /* SHA-256 of the file as it lies there */
};
/* path: "-" for stdin. Only lines that were taken go to fn. */
FK_CHECKED enum fk_status fk_maillog_file(const char *path, int zone_minutes, fk_maillog_fn fn,
                                          void *ctx, struct fk_maillog_sum *out,
                                          struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
