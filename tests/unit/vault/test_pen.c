/* The pen and the desk together: what goes in comes out, in every state of a segment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archiver/vault/entry.h"
#include "tests/unit/support/vaults.h"

static void a_new_vault_has_its_genesis(void **state) {
    (void)state;
    struct fk_desk *desk = vault_desk(vault_new());
    struct fk_head head;
    struct fk_buf line = FK_BUF_INIT;
    struct fk_entry e;
    assert_int_equal(fk_desk_head(desk, &head, NULL), FK_OK);
    assert_int_equal(head.next_seq, 1);
    assert_int_equal(head.rules, 0);
    assert_int_equal(fk_desk_line(desk, 0, &line, NULL), FK_OK);
    assert_int_equal(fk_entry_read(line.data, line.len, &e, NULL), FK_OK);
    assert_true(fk_entry_is(&e, "genesis"));
    assert_int_equal(fk_desk_line(desk, 1, &line, NULL), FK_NOT_FOUND);
    fk_buf_free(&line);
    fk_desk_close(&desk);
}

static void any_size_comes_back_in_every_state(void **state) {
    (void)state;
    static const size_t sizes[] = {0,       1,       17,      4096,    70000,   1048000,
                                   1048560, 1048561, 4194000, 4194304, 5000000, 12345678};
    enum { COUNT = 2 * sizeof sizes / sizeof *sizes };
    const char *dir = vault_new();
    uint64_t seq[COUNT], number;
    struct fk_pen *pen = vault_pen(dir, 0);
    for (unsigned i = 0; i < COUNT; i++)
        seq[i] = vault_mail(pen, i, sizes[i / 2]);
    for (int round = 0; round < 3; round++) {
        fk_pen_close(&pen);
        struct fk_desk *desk = vault_desk(dir);
        for (unsigned i = 0; i < COUNT; i++)
            vault_expect_mail(desk, seq[i], i, sizes[i / 2]);
        fk_desk_close(&desk);
        vault_expect_sound(dir);
        pen = vault_pen(dir, 0);
        if (round == 0)
            assert_int_equal(fk_pen_rotate(pen, NULL), FK_OK);
        if (round == 1) {
            struct fk_err err = FK_ERR_INIT;
            if (fk_pen_seal_next(pen, &number, &err) != FK_OK)
                fail_msg("seal: %s", err.text);
            assert_int_equal(number, 1);
        }
    }
    fk_pen_close(&pen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_vault_has_its_genesis),
        cmocka_unit_test(any_size_comes_back_in_every_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
