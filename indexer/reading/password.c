/* password.c - see password.h. */
#include "indexer/reading/password.h"
#include "base/io.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 64 << 10 };

static enum fk_status lines_take(const char *path, struct fk_passwords *p, struct fk_err *err) {
    unsigned number = 1;
    for (char *at = p->text; *at; number++) {
        char *end = at + strcspn(at, "\n"), *next = *end ? end + 1 : end;
        *end = 0;
        if (end > at && end[-1] == '\r')
            *--end = 0;
        if (end - at > FK_PASSWORD_MAX)
            return fk_fail(err, FK_INVALID, "%s:%u: a password may have %d bytes, this has %zu",
                           path, number, FK_PASSWORD_MAX, (size_t)(end - at));
        if (*at && p->count == FK_PASSWORDS_MAX)
            return fk_fail(err, FK_INVALID, "%s:%u: more than %d passwords; leave some out", path,
                           number, FK_PASSWORDS_MAX);
        if (*at)
            p->at[p->count++] = (struct fk_password){0, at};
        at = next;
    }
    return FK_OK;
}

enum fk_status fk_passwords_read(const char *path, struct fk_passwords *out, struct fk_err *err) {
    struct fk_passwords p = {NULL, 0, NULL};
    struct fk_buf b = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    if (!*path) {
        *out = p;
        return FK_OK;
    }
    FK_TRY(fk_read_file(path, FILE_MAX, &b, err));
    p.text = strdup(fk_buf_cstr(&b));
    p.at = calloc(FK_PASSWORDS_MAX, sizeof *p.at);
    if (!p.text || !p.at)
        FK_TRY(fk_fail(err, FK_NOMEM, "%s: out of memory", path));
    FK_TRY(lines_take(path, &p, err));
    *out = p;
    p = (struct fk_passwords){NULL, 0, NULL};
done:
    fk_passwords_free(&p);
    fk_buf_wipe(&b);
    return st;
}

void fk_passwords_free(struct fk_passwords *p) {
    free(p->at);
    free(p->text);
    *p = (struct fk_passwords){NULL, 0, NULL};
}
