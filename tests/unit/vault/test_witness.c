/* test_witness.c - a witness cosigns what continues, remembers before it answers, and is not raced.
 */
#include "archiver/vault/addition.h"
#include "archiver/vault/witness.h"
#include "base/io.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { LEAVES = 80, RIVALS = 6, ROUNDS = 30 };
static const char origin[] = "log.example/of-a-test";
static const uint8_t seed[32] = {7};
static char base[256];
static int dirs_made;

static int setup(void **state) {
    (void)state;
    const char *dir = getenv("TEST_DIR");
    snprintf(base, sizeof base, "%s", dir ? dir : "/tmp");
    return 0;
}

/* Entries from `forked` on are those of a forger with the log's key. */
static enum fk_status leaf_hash(void *ctx, unsigned level, uint64_t index, fk_hash out,
                                struct fk_err *err) {
    const uint64_t *forked = ctx;
    struct fk_frontier f = {0};
    (void)err;
    for (uint64_t i = index << level; i < (index + 1) << level; i++) {
        uint64_t entry = i + (i >= *forked) * 1000;
        fk_hash leaf;
        fk_tree_leaf(&entry, sizeof entry, leaf);
        fk_frontier_add(&f, leaf);
    }
    fk_frontier_root(&f, out);
    return FK_OK;
}

static void body_of(uint64_t old, uint64_t size, uint64_t forked, struct fk_buf *out) {
    struct fk_tree_source source = {leaf_hash, &forked};
    struct fk_addition a = {.old = old};
    struct fk_checkpoint c = {.size = size};
    struct fk_signer *log = NULL;
    struct fk_buf note = FK_BUF_INIT;
    memcpy(c.origin, origin, sizeof origin);
    assert_int_equal(fk_tree_root(&source, size, c.root, NULL), FK_OK);
    assert_int_equal(fk_tree_consistency(&source, old, size, &a.proof, NULL), FK_OK);
    assert_int_equal(fk_signer_new(origin, FK_KEY_LOG, seed, &log, NULL), FK_OK);
    assert_int_equal(fk_checkpoint_sign(&c, log, &note, NULL), FK_OK);
    a.note = (const char *)note.data;
    a.note_len = note.len;
    fk_addition_format(&a, out);
    fk_signer_free(&log);
    fk_buf_free(&note);
}

static bool log_add(const char *dir) {
    struct fk_signer *log = NULL;
    struct fk_buf key = FK_BUF_INIT;
    char path[600];
    if (fk_signer_new(origin, FK_KEY_LOG, seed, &log, NULL) != FK_OK)
        return false;
    fk_verifier_format(fk_signer_verifier(log), &key);
    snprintf(path, sizeof path, "%s/logs", dir);
    FILE *f = fopen(path, "a");
    bool good = f && fprintf(f, "\n# by hand\n%s \r\n", fk_buf_cstr(&key)) > 0;
    good = f && fclose(f) == 0 && good;
    fk_signer_free(&log);
    fk_buf_free(&key);
    return good;
}

static struct fk_witness *fresh(char dir[512]) {
    struct fk_witness *w = NULL;
    snprintf(dir, 512, "%s/witness-%d-%d", base, (int)getpid(), dirs_made++);
    assert_int_equal(fk_witness_init(dir, "witness.example/w1", NULL), FK_OK);
    assert_true(log_add(dir));
    assert_int_equal(fk_witness_open(dir, &w, NULL), FK_OK);
    return w;
}

static unsigned ask(struct fk_witness *w, uint64_t old, uint64_t size, uint64_t forked) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_witness_answer a;
    body_of(old, size, forked, &body);
    enum fk_status st = fk_witness_add(w, body.data, body.len, &a, NULL);
    fk_buf_free(&body);
    if (st != FK_OK)
        return 500;
    fk_buf_free(&a.text);
    return a.verdict;
}

static void only_what_continues_is_cosigned(void **state) {
    (void)state;
    char dir[512];
    struct fk_witness *w = fresh(dir);
    assert_int_equal(ask(w, 0, 5, LEAVES), FK_WITNESS_COSIGNED);
    assert_int_equal(ask(w, 0, 5, LEAVES), FK_WITNESS_CONFLICT);
    assert_int_equal(ask(w, 5, 5, LEAVES), FK_WITNESS_COSIGNED);
    assert_int_equal(ask(w, 5, 5, 2), FK_WITNESS_CONFLICT);
    for (uint64_t size = 6; size <= LEAVES; size++) {
        assert_int_equal(ask(w, size - 1, size, 3), FK_WITNESS_INCONSISTENT);
        assert_int_equal(ask(w, size - 2, size - 1, LEAVES), FK_WITNESS_CONFLICT);
        assert_int_equal(ask(w, size - 1, size, LEAVES), FK_WITNESS_COSIGNED);
    }
    fk_witness_close(&w);
    assert_int_equal(fk_witness_open(dir, &w, NULL), FK_OK);
    assert_int_equal(ask(w, 0, 5, LEAVES), FK_WITNESS_CONFLICT);
    assert_int_equal(ask(w, LEAVES, LEAVES, LEAVES), FK_WITNESS_COSIGNED);
    fk_witness_close(&w);
}

static void every_cut_and_every_flipped_byte_is_answered_and_not_cosigned(void **state) {
    (void)state;
    char dir[512];
    struct fk_witness *w = fresh(dir);
    struct fk_buf body = FK_BUF_INIT;
    struct fk_witness_answer a;
    assert_int_equal(ask(w, 0, 7, LEAVES), FK_WITNESS_COSIGNED);
    body_of(7, 20, LEAVES, &body);
    for (size_t len = 0; len < body.len; len++) {
        assert_int_equal(fk_witness_add(w, body.data, len, &a, NULL), FK_OK);
        assert_int_not_equal(a.verdict, FK_WITNESS_COSIGNED);
        fk_buf_free(&a.text);
    }
    for (size_t i = 0; i < body.len; i++) {
        body.data[i] ^= 1;
        assert_int_equal(fk_witness_add(w, body.data, body.len, &a, NULL), FK_OK);
        if (a.verdict == FK_WITNESS_COSIGNED)
            fail_msg("byte %zu was flipped, and it was cosigned", i);
        fk_buf_free(&a.text);
        body.data[i] ^= 1;
    }
    assert_int_equal(fk_witness_add(w, body.data, body.len, &a, NULL), FK_OK);
    assert_int_equal(a.verdict, FK_WITNESS_COSIGNED);
    fk_buf_free(&a.text);
    fk_buf_free(&body);
    fk_witness_close(&w);
}

/* ---- what cannot be remembered */

enum { REQUESTS = 3, HIT = 10, SET_UP = 98, WRONG = 99 };
static const uint64_t requests[REQUESTS][2] = {{0, 3}, {3, 3}, {3, 9}};

/* A child, since faults are counted in a process: which request the fault was in, if any. After it
 * the witness goes on, and the same request is cosigned. */
static int fault_child(const char *fault, const char *dir) {
    struct fk_witness *w = NULL;
    int hit = 0;
    setenv("FUMIKURA_FAULT", fault, 1);
    if (fk_witness_init(dir, "witness.example/w1", NULL) != FK_OK || !log_add(dir) ||
        fk_witness_open(dir, &w, NULL) != FK_OK)
        return SET_UP;
    for (int i = 0; i < REQUESTS; i++) {
        unsigned got = ask(w, requests[i][0], requests[i][1], LEAVES);
        if (got == FK_WITNESS_COSIGNED)
            continue;
        hit = HIT + i;
        if (got != 500)
            return WRONG;
        if (ask(w, requests[i][0], requests[i][1], LEAVES) != FK_WITNESS_COSIGNED &&
            ask(w, requests[i][1], requests[i][1], LEAVES) != FK_WITNESS_COSIGNED)
            return WRONG;
    }
    fk_witness_close(&w);
    return hit;
}

/* Also over the size that is there already: what is there may have been left by a sync that failed.
 */
static void what_cannot_be_remembered_is_not_cosigned(void **state) {
    (void)state;
    static const char *const points[] = {"create", "fsync", "rename"};
    for (size_t p = 0; p < sizeof points / sizeof *points; p++) {
        unsigned hits[REQUESTS] = {0};
        for (int n = 1, rc = WRONG; rc != 0; n++) {
            char fault[64], dir[512];
            int status;
            snprintf(fault, sizeof fault, "%s:%d:eio", points[p], n);
            snprintf(dir, sizeof dir, "%s/witness-%d-%d", base, (int)getpid(), dirs_made++);
            pid_t pid = fork();
            if (pid == 0)
                _exit(fault_child(fault, dir));
            assert_int_equal(waitpid(pid, &status, 0), pid);
            assert_true(WIFEXITED(status));
            rc = WEXITSTATUS(status);
            if (rc == WRONG)
                fail_msg("%s: a request was answered wrongly", fault);
            if (rc >= HIT && rc < HIT + REQUESTS)
                hits[rc - HIT]++;
        }
        for (int i = 0; i < REQUESTS; i++)
            if (!hits[i])
                fail_msg("request %d is answered without passing \"%s\"", i, points[p]);
    }
}

/* ---- at once */

struct rival {
    struct fk_witness *w;
    struct fk_buf body;
    unsigned verdict;
};

static void *compete(void *ctx) {
    struct rival *r = ctx;
    struct fk_witness_answer a;
    r->verdict = 500;
    if (fk_witness_add(r->w, r->body.data, r->body.len, &a, NULL) == FK_OK) {
        r->verdict = a.verdict;
        fk_buf_free(&a.text);
    }
    return NULL;
}

/* Each rival continues the last head with an entry of its own. */
static void of_branches_at_once_one_is_cosigned(void **state) {
    (void)state;
    char dir[512];
    struct fk_witness *w = fresh(dir);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct rival rivals[RIVALS];
        pthread_t threads[RIVALS];
        unsigned won = 0;
        fk_witness_close(&w);
        w = fresh(dir);
        assert_int_equal(ask(w, 0, 10, LEAVES), FK_WITNESS_COSIGNED);
        for (uint64_t i = 0; i < RIVALS; i++) {
            rivals[i] = (struct rival){w, FK_BUF_INIT, 0};
            body_of(10, 12 + i, i % 2 ? 10 : 11, &rivals[i].body);
        }
        for (int i = 0; i < RIVALS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, compete, &rivals[i]), 0);
        for (int i = 0; i < RIVALS; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < RIVALS; i++) {
            won += rivals[i].verdict == FK_WITNESS_COSIGNED;
            fk_buf_free(&rivals[i].body);
        }
        if (won != 1)
            fail_msg("round %d: %u branches were cosigned", (int)round, won);
    }
    fk_witness_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        /* first, before this process has counted any fault */
        cmocka_unit_test(what_cannot_be_remembered_is_not_cosigned),
        cmocka_unit_test(only_what_continues_is_cosigned),
        cmocka_unit_test(every_cut_and_every_flipped_byte_is_answered_and_not_cosigned),
        cmocka_unit_test(of_branches_at_once_one_is_cosigned),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
