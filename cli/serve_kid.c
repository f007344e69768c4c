/* serve_kid.c - spawns the program itself with just the descriptors that are meant for it. */
#include "cli/serve_priv.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/io.h"
#include "base/spawn.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
    PASS_MAX = 1 + KID_SOCKETS + FK_CHILD_INHERITED,
    ARGS_MAX = 8 + 2 * PASS_MAX,
    ARG_BYTES = 48
};

static void addresses_clear(struct kid *kid) {
    for (size_t i = 0; i < KID_ADDRESSES; i++) {
        free(kid->addresses[i]);
        kid->addresses[i] = NULL;
    }
}

void kid_free(struct kid *kid) {
    addresses_clear(kid);
    fk_close(&kid->control);
}

enum fk_status kid_start(struct kid *kid, const char *config_path, const char *listen,
                         const struct kid_socket *sockets, size_t n,
                         const struct kid_inherited *inherited, struct fk_err *err) {
    int pair[2];
    enum fk_status st = fk_frame_pair(pair, err);
    if (st != FK_OK)
        return st;
    char text[PASS_MAX][ARG_BYTES];
    int pass[PASS_MAX];
    const char *argv[ARGS_MAX] = {"/proc/self/exe", "-c", config_path, kid->name, "--control"};
    size_t args = 5;
    snprintf(text[n], ARG_BYTES, "%d", pair[1]);
    argv[args++] = text[n];
    pass[n] = pair[1];
    for (size_t i = 0; i < n; i++) {
        if (sockets[i].role)
            snprintf(text[i], ARG_BYTES, "%s:%d", sockets[i].role, sockets[i].fd);
        else
            snprintf(text[i], ARG_BYTES, "%d", sockets[i].fd);
        argv[args++] = sockets[i].option;
        argv[args++] = text[i];
        pass[i] = sockets[i].fd;
    }
    size_t passed = n + 1;
    for (size_t i = 0; inherited && i < inherited->count; i++, passed++) {
        snprintf(text[passed], ARG_BYTES, "%s:%d", inherited->sockets[i].name,
                 inherited->sockets[i].fd);
        argv[args++] = "--inherit";
        argv[args++] = text[passed];
        pass[passed] = inherited->sockets[i].fd;
    }
    if (listen) {
        argv[args++] = "--listen";
        argv[args++] = listen;
    }
    st = fk_spawn(argv, pass, passed, &kid->pid, err);
    fk_close(&pair[1]);
    if (st != FK_OK) {
        fk_close(&pair[0]);
        return st;
    }
    addresses_clear(kid);
    fk_close(&kid->control);
    kid->control = pair[0];
    kid->ready = false;
    kid->failed = (struct fk_err)FK_ERR_INIT;
    kid->started_ms = fk_monotonic_ms();
    kid->again_ms = 0;
    if (fcntl(kid->control, F_SETFL, O_NONBLOCK) != 0)
        return fk_fail(err, FK_IO, "cannot talk to %s", kid->name);
    return FK_OK;
}

enum fk_status kid_give(struct kid *kid, const char *name, int fd, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    fk_put_cstr(&b, name);
    enum fk_status st = b.failed
                            ? fk_fail(err, FK_NOMEM, "no memory for a message to %s", kid->name)
                            : fk_frame_send(kid->control, FK_CHILD_TAKE, 0, b.data, b.len, fd, err);
    fk_buf_free(&b);
    return st;
}

enum fk_status kid_reload(struct kid *kid, struct fk_err *err) {
    return fk_frame_send(kid->control, FK_CHILD_AGAIN, 0, "", 0, -1, err);
}

static bool addresses_read(struct kid *kid, struct fk_reader *r) {
    uint16_t n = fk_get_u16(r);
    addresses_clear(kid);
    for (uint16_t i = 0; i < n && i < KID_ADDRESSES && !r->bad; i++) {
        size_t len;
        const char *text = (const char *)fk_get_bytes(r, &len);
        kid->addresses[i] = text ? strndup(text, len) : NULL;
    }
    return fk_reader_done(r);
}

static void frame_hear(struct kid *kid, const struct fk_frame *f) {
    struct fk_reader r;
    fk_reader_init(&r, f->payload.data, f->payload.len);
    if (f->type == FK_CHILD_IS_READY && addresses_read(kid, &r)) {
        kid->ready = true;
    } else if (f->type == FK_CHILD_FAILED) {
        uint32_t status = fk_get_u32(&r);
        fk_get_cstr(&r, kid->failed.text, sizeof kid->failed.text);
        if (fk_reader_done(&r) && status && status <= FK_NOMEM)
            kid->failed.status = (enum fk_status)status;
    }
}

void kid_hear(struct kid *kid) {
    struct fk_frame f = FK_FRAME_INIT;
    while (kid->control >= 0) {
        enum fk_status st = fk_frame_recv(kid->control, &f, NULL);
        if (st == FK_RETRY)
            break;
        if (st == FK_OK)
            frame_hear(kid, &f);
        else
            fk_close(&kid->control); /* it is about to end */
    }
    fk_frame_free(&f);
}

enum fk_status kid_ended(struct kid *kid, int wait_status, struct fk_err *err) {
    kid_hear(kid);
    fk_close(&kid->control);
    kid->pid = 0;
    if (kid->failed.status != FK_OK)
        return fk_fail(err, kid->failed.status, "%s: %s", kid->name, kid->failed.text);
    if (WIFSIGNALED(wait_status))
        return fk_fail(err, FK_IO, "%s was ended by signal %d (%s)", kid->name,
                       WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    return fk_fail(err, WEXITSTATUS(wait_status) == 2 ? FK_INVALID : FK_IO,
                   "%s ended with status %d", kid->name, WEXITSTATUS(wait_status));
}
