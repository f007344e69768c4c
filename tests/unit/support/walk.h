/*
 * walk.h - the house beside the model (model.h), for test_model.c: its processes, what the ledger
 * has come to have, keys as they lie on the disk, and the checks. A step says in walk.want what it
 * is to write, does it, and calls walk_step_end. Whatever is not as the model says ends the test,
 * with the seed and the last steps. One walk at a time.
 */
#ifndef FK_TEST_WALK_H
#define FK_TEST_WALK_H
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "retention/dispose.h"
#include "tests/unit/support/model.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

enum { WALK_TOLD = 40 };
struct told {
    char text[120];
};
/* What the step under way was to write into the ledger. */
struct expected {
    struct model_mail mails[64];
    size_t mail_count;
    char hold[MODEL_NAME]; /* name */
    uint64_t seqs[64];
    size_t seq_count;
    uint64_t release, destroyed; /* of */
    bool rules, mark, accept, dispose, bundle, rekey;
    struct model_copy package;
};
extern struct walk {
    const char *program;
    char dir[PATH_MAX];
    uint64_t seed, random, mail_seed;
    unsigned long step, steps;
    struct told told[WALK_TOLD];
    struct model m;
    struct fk_keep *keep;
    struct fk_lend *lend;
    pid_t keep_pid, lend_pid;
    bool armed;      /* the pen kills itself at some step */
    unsigned number; /* of names */
    struct expected want;
    uint64_t next_seq;
    uint8_t last_digest[FK_SHA256_BYTES];
    /* what was disposed of and told in certificates since the ledger was read last */
    struct fk_seqs certified;
    unsigned long counts[16], disposed, deaths, refused;
} walk;

/* 0 .. below-1. */
uint64_t walk_chance(uint64_t below);
/* What the step is, for whoever reads a failure. */
void walk_told(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void walk_broken(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* What the program is when it is started again as keep or lend: "part", name, DIR, socket, clock.
 */
int walk_part(char **argv);
/* dies_at: the number of the fault point at which it kills itself; 0: never. */
void walk_keep_start(long dies_at);
/* good: it was not to die. */
void walk_keep_end(bool good);
void walk_mail_bytes(const struct model_mail *mail, struct fk_buf *out, bool envelope_first);
void walk_floor_text(const struct model_period *p, char out[FK_PERIOD_SIZE]);
/* Reads what is new. all: everything that the step was to write must be there. */
void walk_ledger_take(bool all);
/* A step has come to an end with this status and sentence. Where the pen was to die, it may have:
 * then some of it is in the ledger, or none, and another pen completes what was begun. */
void walk_step_end(enum fk_status st, const char *text);
/* Until nothing is being sealed. */
void walk_rest(void);

struct key {
    uint64_t seq, segment;
    uint8_t wrapped[80];
};
struct keys {
    struct key *at;
    size_t count, cap;
};
/* Every key that is wrapped somewhere, by seq. */
struct keys walk_keys_read(void);
void walk_keys_free(struct keys *k);
const struct key *walk_key_of(const struct keys *k, uint64_t seq);
/* What is there has a key, what is gone has none; where something went since `before` (or NULL),
 * all of its segment is wrapped by another intermediate key. */
void walk_keys_check(const struct keys *before);
void walk_mail_check(const struct model_mail *mail);
/* verify, every message, every key. */
void walk_verify_all(void);
struct fk_policy *walk_policy_make(void);
/* Every verdict beside the model's. */
void walk_roll_check(const struct fk_roll *roll, const struct fk_policy *policy);
/* The clocks are as the model says. */
void walk_boot_set(void);
pid_t walk_part_start(const char *name, int *sock);
/* Puts the page behind the clock of this process. */
void walk_clock_map(int fd);
extern int walk_clock_fd;

#define WANT(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            walk_broken(__VA_ARGS__);                                                              \
    } while (0)
#define DONE(call)                                                                                 \
    do {                                                                                           \
        struct fk_err err = FK_ERR_INIT;                                                           \
        enum fk_status st_ = (call);                                                               \
        WANT(st_ == FK_OK, "%s: %s", #call, err.text);                                             \
    } while (0)

#endif
