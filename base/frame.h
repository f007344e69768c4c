/*
 * frame.h - messages between the processes of one house: whole, typed, at most one descriptor each.
 *
 * A frame is one datagram of a SOCK_SEQPACKET socket pair: 4 bytes magic "FK1\n", a 16-bit type,
 * 16 bits zero, a 32-bit id that the answer repeats, then the payload (base/pack.h). Anything
 * larger than FK_FRAME_MAX travels in a sealed memory file passed with the frame. Both ends check
 * magic, type and payload: the peer is not trusted (Qualys' audit of OpenSMTPD, 2015, found its
 * holes in messages between its own processes).
 *
 * Ownership: a descriptor that arrives is the receiver's; one that is sent stays the sender's.
 * Errors: FK_NOT_FOUND the peer is gone; FK_RETRY nothing there (non-blocking) or no room in the
 * socket; FK_CORRUPT not a frame. Threads: sends of several threads do not mix; one receiver.
 */
#ifndef FK_BASE_FRAME_H
#define FK_BASE_FRAME_H
#include "base/pack.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_FRAME_MAX = 65536 }; /* bytes of payload */

struct fk_frame {
    uint16_t type;
    uint32_t id;
    struct fk_buf payload; /* reused from frame to frame */
    int fd;                /* -1 for none; close it or take it (then set -1) */
};
#define FK_FRAME_INIT                                                                              \
    { 0, 0, FK_BUF_INIT, -1 }

/* A connected pair, close-on-exec. */
FK_CHECKED enum fk_status fk_frame_pair(int out[2], struct fk_err *err);
/* fd -1 sends none. */
FK_CHECKED enum fk_status fk_frame_send(int sock, uint16_t type, uint32_t id, const void *payload,
                                        size_t len, int fd, struct fk_err *err);
/* Blocks as the socket does. Closes a descriptor left in f from before. */
FK_CHECKED enum fk_status fk_frame_recv(int sock, struct fk_frame *f, struct fk_err *err);
void fk_frame_free(struct fk_frame *f);

/* A named socket of frames, mode 0600: listen (an old file of that name is replaced) and connect
 * (FK_NOT_FOUND when nobody listens). FK_INVALID for a path over 107 bytes. */
FK_CHECKED enum fk_status fk_frame_listen(const char *path, int *sock_out, struct fk_err *err);
FK_CHECKED enum fk_status fk_frame_connect(const char *path, int *sock_out, struct fk_err *err);

/* Memory files: made writable, later sealed against every change; a receiver asks for the seals
 * before it maps one. */
FK_CHECKED enum fk_status fk_memfile_new(const char *name, int *fd_out, struct fk_err *err);
FK_CHECKED enum fk_status fk_memfile_seal(int fd, struct fk_err *err);
/* The bytes of a sealed memory file, read-only: a small one copied, a large one mapped. FK_CORRUPT
 * when a seal is missing. Length 0 gives a non-NULL pointer. Given back with fk_memfile_unmap. */
FK_CHECKED enum fk_status fk_memfile_map(int fd, const uint8_t **data_out, size_t *len_out,
                                         struct fk_err *err);
void fk_memfile_unmap(const uint8_t *data, size_t len);

#ifdef __cplusplus
}
#endif
#endif
