/*
 * log.h - one line to stderr; for main programs only, never for the rooms' libraries.
 *
 * With JOURNAL_STREAM set (systemd) lines start with "<N>", syslog's priority. Threads: any.
 */
#ifndef FK_BASE_LOG_H
#define FK_BASE_LOG_H
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum fk_log_level { FK_LOG_ERROR = 3, FK_LOG_WARNING = 4, FK_LOG_INFO = 6 };

/* The name before each line, "fumikura keep" say. Borrowed for ever. */
void fk_log_name(const char *name);
void fk_log(enum fk_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The sentence of err, and returns the exit status that goes with its status. */
int fk_log_err(const struct fk_err *err);

#ifdef __cplusplus
}
#endif
#endif
