/* A process apart that ends: seen by its socket, as its peers see it. This program is that process
 * too. */
#include "base/apart.h"
#include "base/frame.h"
#include "base/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

enum { SETUP = 1, HELLO, GO };

/* It greets, hangs up when it is told to, and does not end: as one is that dies, for a moment. */
static int be_apart(void) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_frame f = FK_FRAME_INIT;
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u32(&b, FK_OK);
    fk_put_cstr(&b, "");
    if (fk_frame_recv(FK_APART_SOCKET, &f, &err) != FK_OK ||
        fk_frame_send(FK_APART_SOCKET, HELLO, 0, b.data, b.len, -1, &err) != FK_OK ||
        fk_frame_recv(FK_APART_SOCKET, &f, &err) != FK_OK)
        return 1;
    (void)close(FK_APART_SOCKET);
    for (;;)
        (void)pause();
}

static void one_that_hung_up_is_gone(void **state) {
    (void)state;
    static const char *const argv[] = {"test_apart", "apart", NULL};
    const struct fk_buf nothing = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    struct fk_frame f = FK_FRAME_INIT;
    struct fk_apart p = FK_APART_INIT;
    assert_int_equal(FK_OK,
                     fk_apart_start("/proc/self/exe", argv, SETUP, &nothing, HELLO, &p, &err));
    assert_false(fk_apart_is_gone(&p));
    assert_int_equal(FK_OK, fk_frame_send(p.sock, GO, 0, NULL, 0, -1, &err));
    assert_int_equal(FK_NOT_FOUND, fk_frame_recv(p.sock, &f, &err));
    assert_true(fk_apart_is_gone(&p));
    assert_int_equal(0, p.pid);
    assert_int_equal(-1, p.sock);
    assert_false(fk_apart_is_gone(&p)); /* nothing is there to be gone */
    fk_frame_free(&f);
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1)
        return be_apart();
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_that_hung_up_is_gone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
