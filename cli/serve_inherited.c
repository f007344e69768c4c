/* serve_inherited.c - sockets by systemd's protocol, read from the environment by hand: it is three
 * variables, and libsystemd is a library for one of them. */
#include "base/io.h"
#include "cli/serve_priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST = 3 }; /* SD_LISTEN_FDS_START */

static bool number_is(const char *name, long *out) {
    const char *text = getenv(name);
    char *end;
    *out = text ? strtol(text, &end, 10) : 0;
    return text && *text && !*end;
}

/* The i-th of the names between colons; "smtp" where there are none, as of a .socket unit that
 * gives no name the plain key is meant. */
static enum fk_status name_of(const char *names, long i, char out[FK_CHILD_NAME],
                              struct fk_err *err) {
    for (; names && i; i--) {
        names = strchr(names, ':');
        names = names ? names + 1 : NULL;
    }
    size_t len = names ? strcspn(names, ":") : 0;
    if (len >= FK_CHILD_NAME)
        return fk_fail(err, FK_INVALID,
                       "LISTEN_FDNAMES has \"%.*s\": a listener's name has at most %d bytes",
                       (int)len, names, FK_CHILD_NAME - 1);
    bool unnamed = !len || (len > 7 && memcmp(names + len - 7, ".socket", 7) == 0);
    snprintf(out, FK_CHILD_NAME, "%.*s", unnamed ? 4 : (int)len, unnamed ? "smtp" : names);
    return FK_OK;
}

enum fk_status kid_inherited_take(struct kid_inherited *out, struct fk_err *err) {
    long pid, n;
    enum fk_status st = FK_OK;
    out->count = 0;
    if (!number_is("LISTEN_PID", &pid) || pid != getpid() || !number_is("LISTEN_FDS", &n))
        return FK_OK; /* meant for somebody else, or nobody */
    if (n < 0 || n > FK_CHILD_INHERITED)
        return fk_fail(err, FK_INVALID, "LISTEN_FDS is %ld; expected at most %d sockets", n,
                       FK_CHILD_INHERITED);
    const char *names = getenv("LISTEN_FDNAMES");
    for (long i = 0; i < n; i++) {
        FK_TRY(name_of(names, i, out->sockets[i].name, err));
        out->sockets[i].fd = FIRST + (int)i;
        if (fcntl(out->sockets[i].fd, F_SETFD, FD_CLOEXEC) != 0)
            FK_TRY(fk_fail(err, FK_INVALID, "LISTEN_FDS is %ld, and descriptor %d is not open", n,
                           out->sockets[i].fd));
        out->count++;
    }
    (void)unsetenv("LISTEN_PID"); /* fails for names with '=' only */
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
done:
    return st;
}

void kid_inherited_free(struct kid_inherited *in) {
    for (size_t i = 0; i < in->count; i++)
        fk_close(&in->sockets[i].fd);
    in->count = 0;
}
