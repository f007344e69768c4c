/*
 * apart.h - a process apart: a program that reads hostile bytes, and has nothing of ours but one
 * socket.
 *
 *     FK_TRY(fk_apart_start(program, argv, SETUP, &setup, HELLO, &process, err));
 *     ... frames over process.sock (frame.h) ...
 *     fk_apart_end(&process);
 *
 * It starts with the socket as descriptor 3, stdin, stdout and stderr on /dev/null, no environment,
 * no signal blocked, and dies with the thread that started it. Its first frame, HELLO, answers what
 * it was set up with: a status (u32) and a sentence. Tests give it their environment, and what the
 * sanitizers say of it comes out.
 *
 * Errors: what HELLO says; FK_IO it did not start, or ended at once. Threads: one a process.
 */
#ifndef FK_BASE_APART_H
#define FK_BASE_APART_H
#include "base/buf.h"
#include "base/status.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_APART_SOCKET = 3 }; /* its descriptor in the process */

struct fk_apart {
    pid_t pid; /* 0: does not run */
    int sock;  /* owned; -1: none */
};
#define FK_APART_INIT                                                                              \
    { 0, -1 }

/* setup, hello: types of frames. argv: as the program gets it, ended by NULL. */
FK_CHECKED enum fk_status fk_apart_start(const char *program, const char *const *argv,
                                         uint16_t setup, const struct fk_buf *with, uint16_t hello,
                                         struct fk_apart *out, struct fk_err *err);
/* Killed and waited for; one that does not run is passed over. */
void fk_apart_end(struct fk_apart *p);
/* Whether it has hung up, which whoever shares the socket cannot have seen earlier; then it is
 * ended as by fk_apart_end. */
bool fk_apart_is_gone(struct fk_apart *p);
/* Milliseconds of CPU that it has had; -1 when it is gone. */
int64_t fk_apart_cpu_ms(const struct fk_apart *p);

#ifdef __cplusplus
}
#endif
#endif
