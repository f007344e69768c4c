/* The pen and the desk together: what goes in comes out, in every state of a segment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archiver/vault/entry.h"
#include "base/clock.h"
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

/* The one file of keys/ that a sealing under way writes. */
static int scratch_open(const char *dir) {
    char path[PATH_MAX];
    struct dirent *e;
    int fd = -1;
    snprintf(path, sizeof path, "%s/keys", dir);
    DIR *d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)))
        if (strstr(e->d_name, ".keys."))
            fd = openat(dirfd(d), e->d_name, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(closedir(d), 0);
    assert_true(fd >= 0);
    return fd;
}

/* The thread that copies may write keys for a moment after a disposal has made it stale: not into
 * the key file that the disposal has written. */
static void a_disposal_and_a_sealing_share_no_file(void **state) {
    (void)state;
    const char *dir = vault_new();
    struct fk_pen *pen = vault_pen(dir, 0);
    struct fk_sealing *job = NULL;
    uint64_t number;
    uint64_t gone = vault_mail(pen, 1, 100), stays = vault_mail(pen, 2, 100);
    char fields[64];
    assert_int_equal(fk_pen_rotate(pen, NULL), FK_OK);
    assert_int_equal(fk_pen_seal_begin(pen, &job, NULL), FK_OK);
    assert_int_equal(fk_pen_seal_run(job, NULL, NULL), FK_OK);
    int fd = scratch_open(dir);
    snprintf(fields, sizeof fields, "of=%" PRIu64 " basis=0 rule=test", gone);
    (void)vault_entry(pen, "dispose", fields, "reason: test\n");
    assert_int_equal(fk_pen_erase(pen, NULL), FK_OK);
    assert_int_equal(write(fd, "late", 4), 4);
    assert_int_equal(close(fd), 0);
    assert_int_equal(fk_pen_seal_end(pen, &job, &number, NULL), FK_RETRY);
    assert_int_equal(fk_pen_seal_next(pen, &number, NULL), FK_OK);
    fk_pen_close(&pen);
    vault_expect_sound(dir);
    struct fk_desk *desk = vault_desk(dir);
    vault_expect_mail(desk, stays, 2, 100);
    fk_desk_close(&desk);
}

static void sealing_keeps_its_pace_and_can_be_given_up(void **state) {
    (void)state;
    const char *dir = vault_new();
    struct fk_pen *pen = vault_pen(dir, 0);
    struct fk_pace pace = {.bytes_per_s = 2 << 20};
    struct fk_sealing *job = NULL;
    uint64_t number;
    for (unsigned i = 0; i < 30; i++)
        vault_mail(pen, 2 * i + 1, 100000);
    assert_int_equal(fk_pen_rotate(pen, NULL), FK_OK);
    for (int round = 0; round < 3; round++) { /* held to its rate, in a hurry, given up */
        pace.hurry = round == 1;
        pace.give_up = round == 2;
        assert_int_equal(fk_pen_seal_begin(pen, &job, NULL), FK_OK);
        int64_t began = fk_monotonic_ms();
        assert_int_equal(fk_pen_seal_run(job, &pace, NULL), round == 2 ? FK_RETRY : FK_OK);
        int64_t took = fk_monotonic_ms() - began;
        if (round == 0)
            assert_in_range(took, 1200, 20000); /* 3 MB at 2 MiB/s */
        else
            assert_in_range(took, 0, 1199);
        if (round < 2) { /* not ended: what was run is thrown away with the job */
            vault_entry(pen, "dispose", round ? "of=2 basis=0 rule=test" : "of=1 basis=0 rule=test",
                        "x: y\n");
            assert_int_equal(fk_pen_erase(pen, NULL), FK_OK);
        }
        assert_int_equal(fk_pen_seal_end(pen, &job, &number, NULL), FK_RETRY);
    }
    assert_int_equal(fk_pen_seal_next(pen, &number, NULL), FK_OK);
    fk_pen_close(&pen);
    vault_expect_sound(dir);
    vault_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_vault_has_its_genesis),
        cmocka_unit_test(any_size_comes_back_in_every_state),
        cmocka_unit_test(a_disposal_and_a_sealing_share_no_file),
        cmocka_unit_test(sealing_keeps_its_pace_and_can_be_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
