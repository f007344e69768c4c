/* status.c - the one place that decides how a failure is worded and what errno means. */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What a sentence quotes may have line ends in it, or what a terminal obeys. */
static void text_tidy(struct fk_err *err) {
    for (char *p = err->text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
}

enum fk_status(fk_fail)(struct fk_err *err, enum fk_status status, const char *fmt, ...) {
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
        text_tidy(err);
        err->status = status;
        err->sys = 0;
    }
    return status;
}

static enum fk_status status_of_errno(int errnum) {
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return FK_FULL;
    case ENOMEM:
        return FK_NOMEM;
    case EAGAIN:
        return FK_RETRY;
    default:
        return FK_IO;
    }
}

enum fk_status(fk_fail_sys)(struct fk_err *err, int errnum, const char *fmt, ...) {
    enum fk_status status = status_of_errno(errnum);
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
        size_t len = strlen(err->text);
        snprintf(err->text + len, sizeof err->text - len, ": %s", strerror(errnum));
        text_tidy(err);
        err->status = status;
        err->sys = errnum;
    }
    return status;
}

enum fk_status fk_err_prefix(struct fk_err *err, const char *fmt, ...) {
    if (!err)
        return FK_IO;
    char old[sizeof err->text];
    memcpy(old, err->text, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof err->text - len, ": %s", old);
    text_tidy(err);
    return err->status;
}

const char *fk_status_name(enum fk_status status) {
    static const char *const names[] = {"ok",   "retry",   "not found", "corrupt",      "denied",
                                        "full", "invalid", "i/o error", "out of memory"};
    return (unsigned)status < sizeof names / sizeof *names ? names[status] : "unknown";
}

int fk_status_exit(enum fk_status status) {
    switch (status) {
    case FK_OK:
        return 0;
    case FK_NOT_FOUND:
    case FK_CORRUPT:
    case FK_DENIED:
        return 1;
    case FK_INVALID:
        return 2;
    default:
        return 75;
    }
}
