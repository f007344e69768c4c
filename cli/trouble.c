/* trouble.c - see trouble.h */
#include "cli/trouble.h"
#include "base/atomic_file.h"
#include "base/io.h"
#include "base/log.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum fk_status path_of(const struct fk_cli *cli, const char *name, char out[PATH_MAX]) {
    char below[NAME_MAX + 8];
    snprintf(below, sizeof below, "run/%s", name);
    return fk_join_path(out, PATH_MAX, cli->dir, below, NULL);
}

void cli_trouble_put(const struct fk_cli *cli, const char *name, const struct fk_err *why) {
    char path[PATH_MAX];
    if (path_of(cli, name, path) != FK_OK)
        return;
    if (why && fk_atomic_put(path, 0644, why->text, strlen(why->text), NULL) != FK_OK)
        fk_log(FK_LOG_WARNING, "%s was not written", path);
    if (!why)
        (void)unlink(path); /* mostly there is none */
}

void cli_trouble_read(const struct fk_cli *cli, const char *name, char *out, size_t size) {
    char path[PATH_MAX];
    struct fk_buf text = FK_BUF_INIT;
    *out = 0;
    if (path_of(cli, name, path) == FK_OK && fk_read_file(path, size, &text, NULL) == FK_OK)
        snprintf(out, size, "%s", fk_buf_cstr(&text));
    fk_buf_free(&text);
}
