/* log.c - stderr, with the journal's priorities where systemd listens. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *process_name = "fumikura";

void fk_log_name(const char *name) {
    process_name = name;
}

void fk_log(enum fk_log_level level, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (getenv("JOURNAL_STREAM"))
        fprintf(stderr, "<%d>%s: %s\n", (int)level, process_name, text);
    else
        fprintf(stderr, "%s: %s\n", process_name, text);
}

int fk_log_err(const struct fk_err *err) {
    fk_log(FK_LOG_ERROR, "%s", err->text);
    return fk_status_exit(err->status);
}
