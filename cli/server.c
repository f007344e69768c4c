/* server.c - asks the lock, which cannot lie, before the file, which a killed server leaves behind.
 */
#include "cli/server.h"
#include "base/io.h"

#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>

static bool lock_is_held(const char *dir) {
    char path[PATH_MAX];
    if (fk_join_path(path, sizeof path, dir, "run/serve.pid", NULL) != FK_OK)
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;
    fk_close(&fd);
    return held;
}

void cli_server_ask(const char *dir, struct cli_server *out) {
    char path[PATH_MAX];
    const char *name;
    json_t *value;
    *out = (struct cli_server){.running = lock_is_held(dir)};
    if (!out->running || fk_join_path(path, sizeof path, dir, "run/processes.json", NULL) != FK_OK)
        return;
    json_t *root = json_load_file(path, 0, NULL);
    json_object_foreach(root, name, value) {
        if (out->count == sizeof out->process / sizeof *out->process)
            break;
        snprintf(out->process[out->count].name, sizeof out->process[0].name, "%s", name);
        out->process[out->count++].pid = (pid_t)json_integer_value(value);
    }
    json_decref(root);
}
