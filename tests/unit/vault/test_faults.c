/* Every step of the pen that can fail fails once, and the process dies at each: large contents,
 * group commit, rotation, sealing, disposal, another key-encryption key. Afterwards the vault
 * opens, is sound, has everything that was acknowledged, byte for byte, and nothing that was
 * disposed of.
 *
 * The work is done by this program started again as a child ("work DIR"), since a fault's count is
 * a process's. It notes what was acknowledged in DIR.acks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/support/vaults.h"

enum { LARGE = 4400000 };

/* ---- the child */

struct job {
    struct fk_pen *pen;
    int acks;
};

static void note(const struct job *j, const char *what, uint64_t seq, uint64_t seed, size_t len) {
    char line[80];
    int n = snprintf(line, sizeof line, "%s %" PRIu64 " %" PRIu64 " %zu\n", what, seq, seed, len);
    if (write(j->acks, line, (size_t)n) != n)
        _exit(3);
}

/* A fault that comes once is over at the second try, unless the pen is spoiled by it. */
static bool again(enum fk_status st, int tries) {
    if (st == FK_OK || st == FK_IO || tries > 2)
        return false;
    return true;
}

static void mails(struct job *j, uint64_t seed, size_t count, size_t len) {
    for (int tries = 0;; tries++) {
        enum fk_status st = vault_mails(j->pen, seed, count, len, j->acks);
        if (!again(st, tries))
            return;
    }
}

static uint64_t try_entry(struct job *j, const char *kind, const char *fields) {
    uint64_t seq = 0;
    enum fk_status st;
    for (int tries = 0;
         again(st = vault_try_entry(j->pen, kind, fields, "reason: test\n", &seq), tries); tries++)
        ;
    return st == FK_OK ? seq : 0;
}

static void seal_all(struct job *j) {
    uint64_t number;
    enum fk_status st = FK_OK;
    for (int tries = 0; again(st, tries) || tries == 0; tries++)
        st = fk_pen_seal_next(j->pen, &number, NULL);
}

static void rotate(struct job *j) {
    enum fk_status st = FK_OK;
    for (int tries = 0; again(st, tries) || tries == 0; tries++)
        st = fk_pen_rotate(j->pen, NULL);
}

static void dispose(struct job *j, const char *of, const uint64_t *seqs, size_t n) {
    char fields[80];
    snprintf(fields, sizeof fields, "of=%s basis=0 rule=test", of);
    uint64_t seq = try_entry(j, "dispose", fields);
    enum fk_status st = seq ? FK_RETRY : FK_IO;
    for (int tries = 0; again(st, tries); tries++)
        st = fk_pen_erase(j->pen, NULL);
    for (size_t i = 0; i < n && st == FK_OK; i++)
        note(j, "erased", seqs[i], 0, 0);
}

/* Entry 0 is genesis; 1-4 mails in a first segment (sealed), 5 the next one's first entry, ... */
static int work(const char *dir) {
    char path[PATH_MAX + 8];
    struct fk_pen_options o = vault_options(0);
    struct job j = {0};
    snprintf(path, sizeof path, "%s.acks", dir);
    j.acks = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (j.acks < 0 || fk_pen_open(dir, &o, &j.pen, NULL) != FK_OK)
        return 1;
    mails(&j, 1, 3, 3000);
    mails(&j, 11, 1, LARGE); /* an odd seed: it does not pack */
    rotate(&j);
    mails(&j, 20, 2, 500);
    rotate(&j);
    mails(&j, 30, 2, 500);
    seal_all(&j);
    mails(&j, 40, 2, 500);
    dispose(&j, "2,6,9", (const uint64_t[]){2, 6, 9}, 3); /* sealed, closed, active */
    mails(&j, 50, 2, 500);
    seal_all(&j);
    fk_pen_close(&j.pen);
    return 0;
}

/* A vault with a sealed, a closed and the active segment, before the faults. */
static void rekey_prepare(const char *dir) {
    char path[PATH_MAX + 8];
    struct job j = {.pen = vault_pen(dir, 0)};
    snprintf(path, sizeof path, "%s.acks", dir);
    j.acks = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(j.acks >= 0);
    mails(&j, 1, 3, 3000);
    rotate(&j);
    seal_all(&j);
    mails(&j, 10, 2, 500);
    rotate(&j);
    mails(&j, 20, 2, 500);
    fk_pen_close(&j.pen);
    assert_int_equal(close(j.acks), 0);
}

static bool rekey_step(struct job *j) {
    bool done = false;
    enum fk_status st = FK_OK;
    for (int tries = 0; again(st, tries) || tries == 0; tries++)
        st = fk_pen_rekey_step(j->pen, &done, NULL);
    return !done && st == FK_OK;
}

/* Mails come in between all of its steps. */
static int rekey(const char *dir) {
    static const char body[] = "person: test\n";
    char path[PATH_MAX + 8];
    struct fk_pen_options o = vault_options(0);
    struct job j = {0};
    uint64_t seq, seed = 100;
    snprintf(path, sizeof path, "%s.acks", dir);
    j.acks = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (j.acks < 0 || fk_pen_open(dir, &o, &j.pen, NULL) != FK_OK)
        return 1;
    enum fk_status st = FK_OK;
    for (int tries = 0; again(st, tries) || tries == 0; tries++)
        st = fk_pen_rekey(j.pen, body, sizeof body - 1, &seq, NULL);
    do {
        mails(&j, seed, 1, 500);
        if (seed == 101) /* a segment that is begun meanwhile */
            rotate(&j);
        seed++;
    } while (rekey_step(&j));
    mails(&j, seed, 1, 500);
    fk_pen_close(&j.pen);
    return 0;
}

/* ---- the parent */

static const struct scenario {
    const char *name;
    void (*prepare)(const char *dir);
    int (*work)(const char *dir);
    size_t acks; /* where nothing fails */
} scenarios[] = {{"work", NULL, work, 15}, {"rekey", rekey_prepare, rekey, 12}};

static int run_child(const char *program, const char *name, const char *dir, const char *fault,
                     const char *log) {
    pid_t pid = fork();
    if (pid == 0) {
        if (fault)
            setenv("FUMIKURA_FAULT", fault, 1);
        if (log)
            setenv("FUMIKURA_FAULT_LOG", log, 1);
        execl(program, program, name, dir, (char *)NULL);
        _exit(9);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void ack_check(struct fk_desk *desk, const char *line, const char *fault) {
    char what[16];
    uint64_t seq, seed;
    size_t len;
    struct fk_buf content = FK_BUF_INIT;
    if (sscanf(line, "%15s %" SCNu64 " %" SCNu64 " %zu", what, &seq, &seed, &len) != 4)
        fail_msg("not an acknowledgement: %s", line);
    if (strcmp(what, "kept") == 0) {
        struct fk_err err = FK_ERR_INIT;
        enum fk_status st = fk_desk_content(desk, seq, &content, &err);
        if (st != FK_NOT_FOUND) /* disposed of, and verify has seen that an entry says so */
            vault_expect_mail(desk, seq, seed, len);
    } else if (fk_desk_content(desk, seq, &content, NULL) != FK_NOT_FOUND)
        fail_msg("%s: the content of %" PRIu64 " is still there", fault, seq);
    fk_buf_free(&content);
}

/* What a fault left of a rotation of the key-encryption key is completed, and nothing but the one
 * key stays. */
static void rekey_complete(const char *dir, struct fk_pen *pen, const char *fault) {
    static const char *const names[] = {"kek-draft", "kek-draft.new", "kek-next", "kek-next.new"};
    char path[PATH_MAX + 32];
    struct fk_err err = FK_ERR_INIT;
    for (bool done = false; !done;)
        if (fk_pen_rekey_step(pen, &done, &err) != FK_OK)
            fail_msg("%s: %s", fault, err.text);
    assert_false(fk_pen_is_rekeying(pen));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/secrets/%s", dir, names[i]);
        if (access(path, F_OK) == 0)
            fail_msg("%s: %s is left", fault, path);
    }
}

static size_t outcome_check(const char *dir, const char *fault) {
    char path[PATH_MAX + 8], line[128];
    size_t acks = 0;
    struct fk_pen *pen = vault_pen(dir, 0); /* recovers */
    fk_pen_close(&pen);
    vault_expect_sound(dir); /* with both keys, where a fault left them */
    pen = vault_pen(dir, 0);
    rekey_complete(dir, pen, fault);
    uint64_t seq = vault_mail(pen, 77, 100);
    fk_pen_close(&pen);
    vault_expect_sound(dir);
    struct fk_desk *desk = vault_desk(dir);
    vault_expect_mail(desk, seq, 77, 100);
    snprintf(path, sizeof path, "%s.acks", dir);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        ack_check(desk, line, fault);
        acks++;
    }
    if (f)
        (void)fclose(f); /* only read */
    fk_desk_close(&desk);
    return acks;
}

static void remove_all(const char *dir) {
    char acks[PATH_MAX + 8];
    snprintf(acks, sizeof acks, "%s.acks", dir);
    unlink(acks);
    vault_remove(dir);
}

static const char *program; /* argv[0] */

static const char *vault_prepared(const struct scenario *s) {
    const char *dir = vault_new();
    if (s->prepare)
        s->prepare(dir);
    return dir;
}

static long points(const struct scenario *s) {
    char dir[PATH_MAX], log[PATH_MAX + 8], line[64];
    long n = 0;
    snprintf(dir, sizeof dir, "%s", vault_prepared(s));
    snprintf(log, sizeof log, "%s.log", dir);
    assert_int_equal(run_child(program, s->name, dir, NULL, log), 0);
    assert_int_equal(outcome_check(dir, "no fault"), s->acks);
    FILE *f = fopen(log, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        n++;
    assert_int_equal(fclose(f), 0);
    unlink(log);
    remove_all(dir);
    return n;
}

/* Every step with FULL=1; else every `stride`th, so that the whole takes about a minute. */
static void sweep(const struct scenario *s, const char *action, long stride) {
    long count = points(s);
    print_message("%s: %ld points: %s\n", s->name, count, action);
    assert_true(count > 60);
    if (getenv("FULL"))
        stride = 1;
    for (long n = 1; n <= count; n += stride) {
        char dir[PATH_MAX], fault[64];
        snprintf(dir, sizeof dir, "%s", vault_prepared(s));
        snprintf(fault, sizeof fault, "*:%ld:%s", n, action);
        int status = run_child(program, s->name, dir, fault, NULL);
        if (strcmp(action, "kill") == 0)
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        else if (!WIFEXITED(status))
            fail_msg("%s: the pen died", fault);
        print_message("%s\r", fault);
        outcome_check(dir, fault);
        remove_all(dir);
    }
}

static void killed_at_every_step_loses_nothing(void **state) {
    (void)state;
    sweep(&scenarios[0], "kill", 3);
    sweep(&scenarios[1], "kill", 1);
}

static void an_error_at_every_step_loses_nothing(void **state) {
    (void)state;
    sweep(&scenarios[0], "eio", 5);
    sweep(&scenarios[1], "eio", 3);
}

static void no_room_at_any_step_loses_nothing(void **state) {
    (void)state;
    sweep(&scenarios[0], "enospc", 5);
    sweep(&scenarios[1], "enospc", 4);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_every_step_loses_nothing),
        cmocka_unit_test(an_error_at_every_step_loses_nothing),
        cmocka_unit_test(no_room_at_any_step_loses_nothing),
    };
    for (size_t i = 0; argc == 3 && i < sizeof scenarios / sizeof *scenarios; i++)
        if (strcmp(argv[1], scenarios[i].name) == 0)
            return scenarios[i].work(argv[2]);
    program = argv[0];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
