/* mirror_state.c - DIR/run/mirror. */
#include "archiver/vault/mirror_state.h"
#include "archiver/vault/fields.h"
#include "archiver/vault/layout_priv.h"
#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATE_MAX = 8192 };

static enum fk_status put(const char *path, const struct fk_buf *text, struct fk_err *err) {
    char temp[PATH_MAX + 8];
    enum fk_status st;
    snprintf(temp, sizeof temp, "%s.new", path);
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot create", temp);
    st = fk_write_full(fd, text->data, text->len, temp, err);
    fk_close(&fd);
    if (st == FK_OK && rename(temp, path) != 0)
        st = fk_fail_sys(err, errno, "%s: cannot rename", temp);
    return st;
}

enum fk_status fk_mirror_state_write(const char *vault_dir, const struct fk_mirror_state *s,
                                     struct fk_err *err) {
    struct fk_buf text = FK_BUF_INIT;
    char path[PATH_MAX], value[FK_TIME_SIZE];
    snprintf(value, sizeof value, "%" PRIu64, s->next_seq);
    fk_fields_add_str(&text, "next", value);
    fk_time_format(value, s->time_ms);
    fk_fields_add_str(&text, "time", value);
    if (s->away)
        fk_fields_add_str(&text, "trouble", s->trouble);
    fk_layout__path(path, vault_dir, "run/mirror");
    enum fk_status st =
        text.failed ? fk_fail(err, FK_NOMEM, "no memory for %s", path) : put(path, &text, err);
    fk_buf_free(&text);
    return st;
}

static bool state_parse(const struct fk_buf *text, struct fk_mirror_state *out) {
    struct fk_buf value = FK_BUF_INIT;
    char *end;
    bool good = fk_fields_find(text->data, text->len, "next", &value);
    errno = 0;
    out->next_seq = strtoull(fk_buf_cstr(&value), &end, 10);
    good = good && errno == 0 && value.len && !*end;
    fk_buf_reset(&value);
    good = good && fk_fields_find(text->data, text->len, "time", &value) &&
           fk_time_parse(fk_buf_cstr(&value), &out->time_ms);
    fk_buf_reset(&value);
    out->away = fk_fields_find(text->data, text->len, "trouble", &value);
    snprintf(out->trouble, sizeof out->trouble, "%s", fk_buf_cstr(&value));
    fk_buf_free(&value);
    return good;
}

enum fk_status fk_mirror_state_read(const char *vault_dir, struct fk_mirror_state *out,
                                    struct fk_err *err) {
    char path[PATH_MAX];
    struct fk_buf text = FK_BUF_INIT;
    fk_layout__path(path, vault_dir, "run/mirror");
    enum fk_status st = fk_read_file(path, STATE_MAX, &text, err);
    if (st == FK_OK && !state_parse(&text, out))
        st = fk_fail(err, FK_CORRUPT, "%s: not of the form", path);
    fk_buf_free(&text);
    return st;
}
