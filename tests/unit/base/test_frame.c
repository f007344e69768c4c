/* test_frame.c - messages between processes: whole, typed, and refused when they are not. */
#include "base/frame.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static int pair[2];
static struct fk_frame frame = FK_FRAME_INIT;

static int pair_open(void **state) {
    (void)state;
    return fk_frame_pair(pair, NULL) == FK_OK ? 0 : -1;
}

static int pair_close(void **state) {
    (void)state;
    fk_close(&pair[0]);
    fk_close(&pair[1]);
    fk_frame_free(&frame);
    return 0;
}

static void a_frame_arrives_as_it_was_sent(void **state) {
    (void)state;
    static char payload[FK_FRAME_MAX];
    memset(payload, 'x', sizeof payload);
    static const size_t sizes[] = {0, 1, 12, 4096, FK_FRAME_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(fk_frame_send(pair[0], 0xabcd, 0xdeadbeef, payload, sizes[i], -1, NULL),
                         FK_OK);
        assert_int_equal(fk_frame_recv(pair[1], &frame, NULL), FK_OK);
        assert_int_equal(frame.type, 0xabcd);
        assert_int_equal(frame.id, 0xdeadbeef);
        assert_int_equal(frame.payload.len, sizes[i]);
        assert_int_equal(frame.fd, -1);
        if (sizes[i])
            assert_memory_equal(frame.payload.data, payload, sizes[i]);
    }
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(fk_frame_send(pair[0], 1, 1, payload, FK_FRAME_MAX + 1, -1, &err), FK_INVALID);
}

static void what_is_no_frame_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *name, *bytes;
        size_t len;
    } cases[] = {
        {"too short", "FK1\n\0\1\0\0\0\0\0", 11},
        {"one byte", "F", 1},
        {"other magic", "FK2\n\0\1\0\0\0\0\0\1", 12},
        {"text", "GET / HTTP/1.0\r\n\r\n", 18},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fk_err err = FK_ERR_INIT;
        assert_int_equal(send(pair[0], cases[i].bytes, cases[i].len, 0), (ssize_t)cases[i].len);
        if (fk_frame_recv(pair[1], &frame, &err) != FK_CORRUPT)
            fail_msg("%s: %s", cases[i].name, err.text);
    }
    assert_int_equal(fk_frame_send(pair[0], 7, 7, "ok", 2, -1, NULL), FK_OK);
    assert_int_equal(fk_frame_recv(pair[1], &frame, NULL), FK_OK);
}

static void a_frame_larger_than_the_limit_is_refused(void **state) {
    (void)state;
    static char big[12 + FK_FRAME_MAX + 1] = "FK1\n\0\1\0\0\0\0\0\1";
    assert_int_equal(send(pair[0], big, sizeof big, 0), (ssize_t)sizeof big);
    assert_int_equal(fk_frame_recv(pair[1], &frame, NULL), FK_CORRUPT);
}

static int open_descriptors(void) {
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Raw frames with two descriptors, and ones whose descriptor nobody takes. */
static void no_descriptor_is_leaked(void **state) {
    (void)state;
    int before = open_descriptors();
    char header[] = "FK1\n\0\1\0\0\0\0\0\1";
    struct iovec iov = {header, 12};
    char control[CMSG_SPACE(2 * sizeof(int))] __attribute__((aligned(8))) = {0};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    int two[2] = {1, 2};
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof two);
    memcpy(CMSG_DATA(c), two, sizeof two);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(sendmsg(pair[0], &msg, 0), 12);
        assert_int_equal(fk_frame_recv(pair[1], &frame, NULL), FK_OK);
        assert_true(frame.fd >= 0);
    }
    header[0] = 'X';
    for (int i = 0; i < 20; i++) {
        assert_int_equal(sendmsg(pair[0], &msg, 0), 12);
        assert_int_equal(fk_frame_recv(pair[1], &frame, NULL), FK_CORRUPT);
        assert_int_equal(frame.fd, -1);
    }
    assert_int_equal(open_descriptors(), before);
}

static void a_descriptor_arrives_close_on_exec(void **state) {
    (void)state;
    int fd;
    assert_int_equal(fk_memfile_new("test", &fd, NULL), FK_OK);
    assert_int_equal(fk_write_full(fd, "abc", 3, "memory", NULL), FK_OK);
    assert_int_equal(fk_frame_send(pair[0], 1, 2, NULL, 0, fd, NULL), FK_OK);
    assert_true(fcntl(fd, F_GETFD) >= 0); /* still the sender's */
    fk_close(&fd);
    assert_int_equal(fk_frame_recv(pair[1], &frame, NULL), FK_OK);
    assert_true(fcntl(frame.fd, F_GETFD) & FD_CLOEXEC);
    const uint8_t *data;
    size_t len;
    assert_int_equal(fk_memfile_map(frame.fd, &data, &len, NULL), FK_CORRUPT); /* unsealed */
    assert_int_equal(fk_memfile_seal(frame.fd, NULL), FK_OK);
    assert_int_equal(fk_memfile_map(frame.fd, &data, &len, NULL), FK_OK);
    assert_int_equal(len, 3);
    assert_memory_equal(data, "abc", 3);
    assert_int_equal(pwrite(frame.fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(frame.fd, 0), -1);
    fk_memfile_unmap(data, len);
}

static void an_empty_memory_file_maps_to_nothing(void **state) {
    (void)state;
    int fd;
    const uint8_t *data = NULL;
    size_t len = 9;
    assert_int_equal(fk_memfile_new("test", &fd, NULL), FK_OK);
    assert_int_equal(fk_memfile_seal(fd, NULL), FK_OK);
    assert_int_equal(fk_memfile_map(fd, &data, &len, NULL), FK_OK);
    assert_non_null(data);
    assert_int_equal(len, 0);
    fk_memfile_unmap(data, len);
    fk_close(&fd);
}

static void a_file_of_the_disk_is_no_memory_file(void **state) {
    (void)state;
    const uint8_t *data;
    size_t len;
    int fd = open("/proc/self/exe", O_RDONLY);
    assert_int_equal(fk_memfile_map(fd, &data, &len, NULL), FK_CORRUPT);
    fk_close(&fd);
}

static void a_peer_that_is_gone_is_not_found(void **state) {
    (void)state;
    struct fk_err err = FK_ERR_INIT;
    fk_close(&pair[0]);
    assert_int_equal(fk_frame_recv(pair[1], &frame, &err), FK_NOT_FOUND);
    assert_int_equal(fk_frame_send(pair[1], 1, 1, NULL, 0, -1, &err), FK_NOT_FOUND);
}

static void an_empty_socket_and_a_full_one_say_retry(void **state) {
    (void)state;
    static char payload[FK_FRAME_MAX];
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(fk_frame_recv(pair[0], &frame, NULL), FK_RETRY);
    enum fk_status st = FK_OK;
    int sent = 0;
    for (; st == FK_OK && sent < 1000; sent++)
        st = fk_frame_send(pair[0], 1, (uint32_t)sent, payload, sizeof payload, -1, NULL);
    assert_int_equal(st, FK_RETRY);
    for (int i = 0; i < sent - 1; i++) {
        assert_int_equal(fk_frame_recv(pair[1], &frame, NULL), FK_OK);
        assert_int_equal(frame.id, i);
    }
}

static void a_named_socket_is_for_its_owner_alone(void **state) {
    (void)state;
    char path[200], too_long[200];
    struct stat s;
    int listener = -1, client = -1;
    const char *dir = getenv("TEST_DIR");
    snprintf(path, sizeof path, "%s/s", dir ? dir : "/tmp");
    assert_int_equal(fk_frame_connect(path, &client, NULL), FK_NOT_FOUND);
    assert_int_equal(fk_frame_listen(path, &listener, NULL), FK_OK);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    assert_int_equal(fk_frame_connect(path, &client, NULL), FK_OK);
    fk_close(&client);
    fk_close(&listener);
    assert_int_equal(fk_frame_connect(path, &client, NULL), FK_NOT_FOUND); /* a stale file */
    assert_int_equal(fk_frame_listen(path, &listener, NULL), FK_OK);
    fk_close(&listener);
    snprintf(too_long, sizeof too_long, "/%0107d", 1);
    assert_int_equal(fk_frame_listen(too_long, &listener, NULL), FK_INVALID);
    assert_int_equal(fk_frame_connect(too_long, &client, NULL), FK_INVALID);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, pair_open, pair_close)
int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_PAIR(a_frame_arrives_as_it_was_sent),
        WITH_PAIR(what_is_no_frame_is_refused),
        WITH_PAIR(a_frame_larger_than_the_limit_is_refused),
        WITH_PAIR(no_descriptor_is_leaked),
        WITH_PAIR(a_descriptor_arrives_close_on_exec),
        cmocka_unit_test(an_empty_memory_file_maps_to_nothing),
        cmocka_unit_test(a_file_of_the_disk_is_no_memory_file),
        WITH_PAIR(a_peer_that_is_gone_is_not_found),
        WITH_PAIR(an_empty_socket_and_a_full_one_say_retry),
        cmocka_unit_test(a_named_socket_is_for_its_owner_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
