/*
 * server.h - whether a server runs on a vault, and as which processes.
 */
#ifndef FK_CLI_SERVER_H
#define FK_CLI_SERVER_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif

struct cli_server {
    bool running; /* serve has its lock on DIR/run/serve.pid */
    struct {
        char name[16];
        pid_t pid;
    } process[16]; /* of DIR/run/processes.json */
    size_t count;
};
void cli_server_ask(const char *dir, struct cli_server *out);

#ifdef __cplusplus
}
#endif
#endif
