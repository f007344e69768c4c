/* A datagram from another process (base/frame.h): what is taken and sent again is the same bytes;
 * what is not is dropped with its descriptor; and the numbers in it (base/pack.h). A memory file
 * that is not sealed is not mapped.
 *
 * Input: a byte (1: a descriptor comes along, 2: two), then the datagram. */
#include "base/frame.h"
#include "base/io.h"
#include "tests/fuzz/support/fuzz.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The next descriptor that would be given out: the same before and after when none is left open. */
static int lowest_free(void) {
    int fd = dup(0);
    if (fd >= 0)
        close(fd);
    return fd;
}

static void datagram_send(int sock, const struct fuzz_input *in, int count) {
    char control[CMSG_SPACE(2 * sizeof(int))] __attribute__((aligned(8))) = {0};
    const int fds[2] = {0, 1};
    struct iovec iov = {(void *)(uintptr_t)in->at, in->len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (count) {
        msg.msg_control = control;
        msg.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (size_t)count * sizeof(int));
    }
    MUST(sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t)in->len);
}

static void numbers_check(const struct fk_buf *payload) {
    struct fk_reader r;
    struct fk_buf again = FK_BUF_INIT;
    char text[16];
    size_t n;
    fk_reader_init(&r, payload->data, payload->len);
    fk_put_u8(&again, fk_get_u8(&r));
    fk_put_u16(&again, fk_get_u16(&r));
    fk_put_u32(&again, fk_get_u32(&r));
    fk_put_u64(&again, fk_get_u64(&r));
    fk_get_cstr(&r, text, sizeof text);
    fk_put_cstr(&again, text);
    const uint8_t *bytes = fk_get_bytes(&r, &n);
    MUST(!r.bad || n == 0);
    fk_put_bytes(&again, bytes, n);
    if (fk_reader_done(&r))
        MUST(fuzz_same(again.data, again.len, payload->data, payload->len));
    fk_buf_free(&again);
}

static void memfile_check(const struct fuzz_input *in) {
    const uint8_t *map = NULL;
    size_t len = 0;
    struct fk_err err = FK_ERR_INIT;
    int fd = -1;
    DONE(fk_memfile_new("fuzz", &fd, NULL));
    DONE(fk_write_full(fd, in->at, in->len, "memory", NULL));
    MUST(fk_memfile_map(fd, &map, &len, &err) == FK_CORRUPT && !map);
    DONE(fk_memfile_seal(fd, NULL));
    DONE(fk_memfile_map(fd, &map, &len, NULL));
    MUST(fuzz_same(map, len, in->at, in->len));
    fk_memfile_unmap(map, len);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    const int count = fuzz_byte(&in) % 3, free_before = lowest_free();
    struct fk_frame f = FK_FRAME_INIT;
    struct fk_err err = FK_ERR_INIT;
    int pair[2];
    uint8_t again[FK_FRAME_MAX + 64];
    DONE(fk_frame_pair(pair, NULL));
    if (in.len == 0)
        goto done; /* the end of the connection, to a peer */
    datagram_send(pair[0], &in, count);
    if (fuzz_took(fk_frame_recv(pair[1], &f, &err), &err)) {
        MUST((f.fd >= 0) == (count > 0));
        DONE(fk_frame_send(pair[1], f.type, f.id, f.payload.data, f.payload.len, -1, NULL));
        const ssize_t n = recv(pair[0], again, sizeof again, 0);
        MUST(n >= 12 && (size_t)n == in.len && memcmp(again, in.at, 6) == 0 &&
             memcmp(again + 8, in.at + 8, (size_t)n - 8) == 0);
        numbers_check(&f.payload);
    } else
        MUST(err.status == FK_CORRUPT && f.fd == -1);
    memfile_check(&in);
done:
    fk_frame_free(&f);
    close(pair[0]);
    close(pair[1]);
    MUST(lowest_free() == free_before);
    return 0;
}
