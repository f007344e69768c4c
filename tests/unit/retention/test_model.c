/* test_model.c - the whole of retention beside a model of it (support/model.h), step by step at
 * random.
 *
 * The house is real: a keep and a lend process of a vault, the roll, verdicts and dispose.c. A step
 * takes mail, holds, releases, lets time pass or sets a clock, changes rules, plans, disposes,
 * seals, exchanges the key-encryption key, makes a bundle of keys, puts the pen down or kills it.
 * After each the new lines of the ledger must be those that the step was to write (where the pen
 * was killed: some of them), a plan must say what the model says of every message, what is kept
 * reads byte for byte, and what was disposed of has no key in any key file or segment, opens no
 * more, and is in an entry that names rule and basis.
 *
 *     MODEL_STEPS=1000000 MODEL_SEED=42 build/test/unit/retention/test_model       (make soak)
 *
 * Every LIFE steps a new vault begins, with the next seed; a failure prints the seed and the steps
 * of its life alone, and the last of them. Where a kill falls between threads of the pen, a replay
 * may take another turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archiver/vault/envelope.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/frame.h"
#include "base/io.h"
#include "retention/certificate.h"
#include "retention/dispose.h"
#include "tests/unit/support/vaults.h"
#include "tests/unit/support/walk.h"

enum { LIFE = 1000, STEPS = 10000, VERIFY_EVERY = 500, BATCH = 6 };
static const int64_t DAY = 86400000, FIRST_DAY = 1795600000000;

/* dispose.c waits between its attempts for a pen that is away: here nobody brings it back. */
int usleep(useconds_t us) {
    (void)us;
    return 0;
}

/* ---- steps */

static struct model_period period_any(bool floor) {
    static const struct model_period some[] = {{0, 0, 1}, {0, 0, 3}, {0, 0, 30}, {0, 1, 0},
                                               {0, 2, 1}, {1, 2, 0}, {0, 0, 60}};
    return floor && walk_chance(2) ? (struct model_period){0, 0, 0} : some[walk_chance(7)];
}

static const char *source_any(void) {
    static const char *const some[] = {"a", "b", "c", "other"};
    return some[walk_chance(4)];
}

static int mail_file(const struct model_mail *mail) {
    struct fk_buf b = FK_BUF_INIT;
    int fd;
    walk_mail_bytes(mail, &b, false);
    DONE(fk_memfile_new("mail", &fd, &err));
    DONE(fk_write_full(fd, b.data, b.len, "memory", &err));
    fk_buf_free(&b);
    return fd;
}

/* FK_RETRY: the pen is away. */
static enum fk_status mails_send(size_t count) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < count && st == FK_OK; i++) {
        struct model_mail *mail = &walk.want.mails[walk.want.mail_count++];
        char floor[FK_PERIOD_SIZE];
        *mail = (struct model_mail){.seed = ++walk.mail_seed,
                                    .len = walk_chance(40) ? walk_chance(3000) : 30000,
                                    .floor = period_any(true)};
        snprintf(mail->source, sizeof mail->source, "%s", source_any());
        walk_floor_text(&mail->floor, floor);
        int fd = mail_file(mail);
        struct fk_mail m = {fd, mail->len, mail->source, floor};
        st = fk_keep_send_mail(walk.keep, (uint32_t)i + 1, &m, NULL);
        fk_close(&fd);
    }
    return st;
}

static enum fk_status receipts_wait(size_t count) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < count; i++) {
        struct fk_receipt r;
        struct fk_err err = FK_ERR_INIT;
        enum fk_status one = fk_keep_next_receipt(walk.keep, 20000, &r, &err);
        if (one == FK_OK)
            one = r.status;
        if (one != FK_OK)
            st = one;
    }
    return st;
}

static void step_mail(void) {
    size_t n = 1 + walk_chance(BATCH);
    walk_told("%zu messages", n);
    enum fk_status st = mails_send(n);
    if (st == FK_OK)
        st = receipts_wait(n);
    walk_step_end(st, "mail");
}

static void step_hold(void) {
    struct fk_seqs seqs = {0};
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt r;
    struct fk_err err = FK_ERR_INIT;
    size_t n = walk.m.mail_count ? 1 + walk_chance(12) : 0;
    /* of a run of messages, or of any; also such as are gone: nobody minds */
    size_t from = n ? walk_chance(walk.m.mail_count) : 0;
    bool run = walk_chance(2);
    for (size_t i = 0; i < n; i++)
        fk_seqs_add(
            &seqs,
            walk.m.mails[run ? (from + i) % walk.m.mail_count : walk_chance(walk.m.mail_count)]
                .seq);
    if (n == 0)
        fk_seqs_add(&seqs, 0);
    fk_seqs_sort(&seqs);
    snprintf(walk.want.hold, sizeof walk.want.hold, "hold-%u", ++walk.number);
    memcpy(walk.want.seqs, seqs.at, seqs.count * sizeof *seqs.at);
    walk.want.seq_count = seqs.count;
    walk_told("hold %s of %zu messages from %" PRIu64 " on", walk.want.hold, seqs.count,
              seqs.at[0]);
    fk_hold_body(&body, walk.want.hold, "model", "test", NULL, &seqs);
    enum fk_status st = fk_keep_append(walk.keep, &(struct fk_record){"hold", "", &body}, &r, &err);
    fk_buf_free(&body);
    fk_seqs_free(&seqs);
    walk_step_end(st, err.text);
}

static enum fk_status append(const char *kind, const char *fields, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt r;
    fk_fields_add_str(&body, "person", "test");
    enum fk_status st =
        fk_keep_append(walk.keep, &(struct fk_record){kind, fields, &body}, &r, err);
    fk_buf_free(&body);
    return st;
}

static void step_release(void) {
    char fields[40];
    struct fk_err err = FK_ERR_INIT;
    size_t in_force = 0;
    for (size_t i = 0; i < walk.m.hold_count; i++)
        in_force += !walk.m.holds[i].released;
    walk_told("nothing to release");
    if (in_force == 0)
        return;
    size_t which = walk_chance(in_force), i = 0;
    for (;; i++)
        if (!walk.m.holds[i].released && which-- == 0)
            break;
    walk.want.release = walk.m.holds[i].seq;
    walk_told("release %s", walk.m.holds[i].name);
    snprintf(fields, sizeof fields, "of=%" PRIu64, walk.want.release);
    enum fk_status st = append("release", fields, &err);
    walk_step_end(st, err.text);
}

static void step_time(void) {
    int64_t passed = (int64_t)walk_chance(12 * (uint64_t)DAY);
    unsigned how = (unsigned)walk_chance(12);
    struct model_clock *now = &walk.m.now;
    if (how == 0) { /* somebody sets the clock, in either direction */
        now->wall_ms += walk_chance(2) ? passed * 20 : -passed;
        walk_told("the clock is set to %" PRId64, now->wall_ms);
    } else if (how == 1) { /* the machine was off */
        *now = (struct model_clock){now->wall_ms + passed, (int64_t)walk_chance(3600000),
                                    now->boot + 1};
        walk_told("the machine was off; %" PRId64, now->wall_ms);
    } else {
        now->wall_ms += passed;
        now->up_ms += passed;
        walk_told("time passes; %" PRId64, now->wall_ms);
    }
    walk_boot_set();
}

static void step_rules(void) {
    static const int days[][2] = {{3, 31}, {12, 31}, {2, 29}, {6, 30}}, zones[] = {540, 0, -210};
    struct model_rules r;
    unsigned day = (unsigned)walk_chance(4);
    memset(&r, 0, sizeof r);
    r.count = (int)walk_chance(MODEL_CLASSES + 1);
    r.zone_minutes = zones[walk_chance(3)];
    r.fiscal_month = days[day][0];
    r.fiscal_day = days[day][1];
    for (int i = 0; i < r.count; i++) {
        snprintf(r.classes[i].name, MODEL_NAME, "class-%d", i);
        if (walk_chance(3))
            snprintf(r.classes[i].source, MODEL_NAME, "%s", source_any());
        r.classes[i].period = period_any(false);
        r.classes[i].fiscal = walk_chance(4) == 0;
    }
    walk.m.configured = r;
    walk_told("other rules: %d classes", r.count);
}

static enum fk_status rules_read(const struct fk_policy *policy, struct fk_roll **roll,
                                 struct fk_err *err) {
    walk.want.rules = model_wants_rules(&walk.m);
    return fk_retention_rules(walk.keep, walk.lend, policy, "test", roll, err);
}

struct copies {
    uint64_t entry;
    size_t count;
};

static void copy_take(void *ctx, const struct fk_copy *copy) {
    struct copies *c = ctx;
    size_t i = 0;
    while (i < walk.m.copy_count && walk.m.copies[i].seq != copy->seq)
        i++;
    WANT(i < walk.m.copy_count && walk.m.copies[i].is_bundle == (copy->kind == FK_COPY_BUNDLE) &&
             walk.m.copies[i].destroyed == copy->destroyed,
         "the certificate of %" PRIu64 " names copy %" PRIu64 ", which is none of these", c->entry,
         copy->seq);
    c->count++;
}

/* Every copy that has any of them and was not destroyed before, and no other. */
static void copies_check(const struct fk_roll *roll, uint64_t entry, const struct fk_seqs *seqs) {
    struct copies c = {.entry = entry};
    size_t want = 0;
    fk_copies_each(roll, entry, seqs, copy_take, &c);
    for (size_t i = 0; i < walk.m.copy_count; i++) {
        const struct model_copy *copy = &walk.m.copies[i];
        bool has = false;
        for (size_t k = 0; k < seqs->count; k++)
            has |= seqs->at[k] >= copy->first && seqs->at[k] <= copy->last;
        want += has && copy->seq < entry && (!copy->destroyed || copy->destroyed > entry);
    }
    WANT(c.count == want, "the certificate of %" PRIu64 " names %zu copies, %zu are out", entry,
         c.count, want);
}

static void step_plan(void) {
    struct fk_policy *policy = walk_policy_make();
    struct fk_roll *roll = NULL;
    struct fk_err err = FK_ERR_INIT;
    walk_told("plan");
    enum fk_status st = rules_read(policy, &roll, &err);
    walk_step_end(st, err.text);
    if (st == FK_OK)
        walk_roll_check(roll, policy);
    for (size_t i = 0; st == FK_OK && i < roll->disposal_count; i++)
        copies_check(roll, roll->disposals[i].seq, &roll->disposals[i].seqs);
    fk_roll_free(&roll);
    fk_policy_free(&policy);
}

/* The certificate: as the entry, and with each copy that is still out. */
static void certificate_take(void *ctx, const struct fk_disposal *d) {
    struct fk_buf line = FK_BUF_INIT;
    struct fk_entry e;
    char c256[65], rule[64];
    uint64_t basis;
    size_t len;
    struct fk_buf list = FK_BUF_INIT;
    (void)ctx;
    DONE(fk_lend_lines(walk.lend, d->entry, &line, &err));
    const uint8_t *lf = memchr(line.data, '\n', line.len);
    DONE(fk_entry_read(line.data, (size_t)(lf - line.data) + 1, &e, &err));
    fk_seqs_format(d->seqs, &list);
    const char *of = fk_entry_field_at(&e, "of", &len);
    WANT(fk_entry_is(&e, "dispose") && of && len == list.len && memcmp(of, list.data, len) == 0 &&
             fk_entry_number(&e, "basis", &basis) && basis == d->basis &&
             fk_entry_field(&e, "rule", rule, sizeof rule) && strcmp(rule, d->rule) == 0 &&
             fk_entry_field(&e, "c256", c256, sizeof c256) && strcmp(c256, d->c256) == 0,
         "the certificate of %" PRIu64 " is not what its entry says", d->entry);
    copies_check(d->roll, d->entry, d->seqs);
    for (size_t i = 0; i < d->seqs->count; i++)
        fk_seqs_add(&walk.certified, d->seqs->at[i]);
    fk_buf_free(&list);
    fk_buf_free(&line);
}

static size_t due_count(void) {
    size_t n = 0;
    for (size_t i = 0; i < walk.m.mail_count; i++) {
        const struct model_class *c;
        int64_t until;
        n += !walk.m.mails[i].disposed_by &&
             model_fate(&walk.m, &walk.m.mails[i], &c, &until) == MODEL_DUE;
    }
    return n;
}

static void run_check(unsigned long gone_before, const struct keys *before) {
    WANT(due_count() == 0, "%zu messages are due after a run", due_count());
    WANT(walk.certified.count == walk.disposed - gone_before,
         "certificates name %zu messages, %lu went", walk.certified.count,
         walk.disposed - gone_before);
    fk_seqs_sort(&walk.certified);
    for (size_t i = 0; i < walk.m.mail_count; i++)
        if (walk_key_of(before, walk.m.mails[i].seq) && walk.m.mails[i].disposed_by)
            WANT(fk_seqs_has(&walk.certified, walk.m.mails[i].seq), "no certificate names %" PRIu64,
                 walk.m.mails[i].seq);
}

static void step_run(void) {
    struct fk_policy *policy = walk_policy_make();
    struct fk_roll *roll = NULL;
    struct fk_err err = FK_ERR_INIT;
    bool accept = walk_chance(10) == 0;
    walk_rest();
    unsigned long gone = walk.disposed;
    struct keys before = walk_keys_read();
    walk.certified.count = 0;
    enum fk_status st = rules_read(policy, &roll, &err);
    walk.want.accept = accept;
    walk.want.mark = !accept && model_wants_mark(&walk.m);
    walk.want.dispose = true;
    if (st == FK_OK)
        st = accept ? fk_retention_accept_clock(walk.keep, roll, "test", "model", &err)
                    : fk_retention_mark_clock(walk.keep, roll, &err);
    const struct fk_retention_desk desk = {walk.keep, walk.lend, policy, "test", "model"};
    if (st == FK_OK)
        st = fk_retention_dispose(&desk, certificate_take, NULL, &err);
    walk_told("run%s%s", accept ? ", the clock accepted" : "",
              st == FK_OK ? "" : ", and the pen died");
    walk_step_end(st, err.text);
    if (st == FK_OK)
        run_check(gone, &before);
    if (walk.disposed > gone) {
        walk_rest();
        walk_keys_check(&before);
    }
    for (size_t i = walk.m.mail_count; walk.disposed > gone && i-- > 0;)
        if (walk.m.mails[i].disposed_by && walk_key_of(&before, walk.m.mails[i].seq))
            walk_mail_check(&walk.m.mails[i]);
    walk_keys_free(&before);
    fk_roll_free(&roll);
    fk_policy_free(&policy);
}

/* A verdict is made, a hold comes, the disposal is asked for: it must be refused, whatever it
 * names. */
static void step_late(void) {
    struct fk_seqs seqs = {0};
    struct fk_receipt r;
    struct fk_err err = FK_ERR_INIT;
    uint64_t basis = walk.m.basis;
    const struct model_mail *any =
        walk.m.mail_count ? &walk.m.mails[walk_chance(walk.m.mail_count)] : NULL;
    step_hold();
    if (!any || any->disposed_by || walk.m.basis == basis)
        return;
    fk_seqs_add(&seqs, any->seq);
    walk_told("a hold, then a disposal of %" PRIu64 " by the verdict before it", any->seq);
    enum fk_status st = fk_keep_dispose(walk.keep, &seqs, basis, "class-0", NULL, &r, &err);
    WANT(st == FK_RETRY, "a verdict of before entry %" PRIu64 " was carried out: %s", walk.m.basis,
         err.text);
    fk_seqs_free(&seqs);
    walk.refused++;
    walk_step_end(walk.armed ? FK_RETRY : FK_OK,
                  err.text); /* an armed pen may be the one that refused */
}

static void step_seal(void) {
    uint64_t last;
    struct fk_err err = FK_ERR_INIT;
    walk_told("seal");
    enum fk_status st = fk_keep_seal(walk.keep, &last, &err);
    walk_step_end(st, err.text);
}

static void step_rekey(void) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt r;
    struct fk_err err = FK_ERR_INIT;
    walk_told("another key-encryption key");
    fk_fields_add_str(&body, "person", "test");
    walk.want.rekey = true;
    enum fk_status st = fk_keep_rekey(walk.keep, &body, &r, &err);
    fk_buf_free(&body);
    walk_step_end(st, err.text);
}

static void step_bundle(void) {
    static const uint8_t key[32] = {1};
    struct fk_buf body = FK_BUF_INIT, lines = FK_BUF_INIT;
    struct fk_receipt r;
    struct fk_err err = FK_ERR_INIT;
    char path[] = "/tmp/fumikura-bundle-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    walk_told("a bundle of keys");
    fk_fields_add_str(&body, "person", "test");
    fk_buf_str(&lines, "passphrase: nobody's\n");
    walk.want.bundle = true;
    enum fk_status st = fk_keep_escrow(walk.keep, key, &lines, &body, fd, &r, &err);
    fk_close(&fd);
    fk_buf_free(&body);
    fk_buf_free(&lines);
    walk_step_end(st, err.text);
}

static void step_package(void) {
    char fields[200];
    struct fk_err err = FK_ERR_INIT;
    walk_told("no package");
    if (walk.m.mail_count == 0)
        return;
    walk.want.package.first = walk.m.mails[walk_chance(walk.m.mail_count)].seq;
    walk.want.package.last = walk.want.package.first + walk_chance(200);
    walk_told("a package of %" PRIu64 " to %" PRIu64, walk.want.package.first,
              walk.want.package.last);
    snprintf(fields, sizeof fields,
             "what=package first=%" PRIu64 " last=%" PRIu64 " manifest=%064d",
             walk.want.package.first, walk.want.package.last, 0);
    enum fk_status st = append("export", fields, &err);
    walk_step_end(st, err.text);
}

static void step_destroyed(void) {
    char fields[60];
    struct fk_err err = FK_ERR_INIT;
    walk_told("no copy to destroy");
    if (walk.m.copy_count == 0)
        return;
    const struct model_copy *c = &walk.m.copies[walk_chance(walk.m.copy_count)];
    if (c->destroyed)
        return;
    walk_told("copy %" PRIu64 " is destroyed", c->seq);
    walk.want.destroyed = c->seq;
    snprintf(fields, sizeof fields, "what=destroyed of=%" PRIu64, c->seq);
    enum fk_status st = append("fact", fields, &err);
    walk_step_end(st, err.text);
}

static void step_reopen(void) {
    long at = walk_chance(2) ? 1 + (long)walk_chance(60) : 0;
    bool kill_it = walk_chance(2);
    walk_told("the pen is %s%s", kill_it ? "killed" : "put down", at ? "; the next one dies" : "");
    if (kill_it && !walk.armed) { /* with messages on the way to it */
        (void)mails_send(1 + walk_chance(BATCH));
        (void)usleep(0);
        kill(walk.keep_pid, SIGKILL);
        walk.armed = true;
        walk_step_end(FK_RETRY, "");
    }
    walk_keep_end(!walk.armed);
    walk_keep_start(at);
}

static void step_read(void) {
    walk_told("reads");
    for (int i = 0; i < 5 && walk.m.mail_count; i++)
        walk_mail_check(&walk.m.mails[walk_chance(walk.m.mail_count)]);
}

static const struct {
    void (*take)(void);
    unsigned weight;
} steps[] = {
    {step_mail, 24},  {step_hold, 9},    {step_release, 8},   {step_time, 18},  {step_rules, 4},
    {step_plan, 8},   {step_run, 12},    {step_late, 3},      {step_seal, 3},   {step_rekey, 1},
    {step_bundle, 2}, {step_package, 1}, {step_destroyed, 2}, {step_reopen, 3}, {step_read, 4},
};
enum { KINDS = sizeof steps / sizeof *steps };

static void step(void) {
    unsigned all = 0, n;
    for (size_t i = 0; i < KINDS; i++)
        all += steps[i].weight;
    n = (unsigned)walk_chance(all);
    for (size_t i = 0; i < KINDS; i++) {
        if (n < steps[i].weight) {
            walk.counts[i]++;
            steps[i].take();
            return;
        }
        n -= steps[i].weight;
    }
}

static void life_begin(uint64_t seed) {
    int sock;
    walk.seed = seed;
    walk.random = seed * 0x9e3779b97f4a7c15ULL + 1;
    walk.step = walk.next_seq = walk.mail_seed = 0;
    walk.number = 0;
    memset(walk.last_digest, 0, sizeof walk.last_digest);
    walk.m = (struct model){.now = {FIRST_DAY, 1000, 1}};
    walk_boot_set();
    step_rules();
    snprintf(walk.dir, sizeof walk.dir, "%s", vault_new());
    walk.lend_pid = walk_part_start("lend", &sock);
    DONE(fk_lend_attach(sock, &walk.lend, &err));
    walk_keep_start(0);
    /* genesis: its time is a mark of no known start of the machine */
    struct fk_buf line = FK_BUF_INIT;
    DONE(fk_lend_lines(walk.lend, 0, &line, &err));
    fk_sha256(line.data, line.len, walk.last_digest);
    fk_buf_free(&line);
    walk.next_seq = 1;
    model_took_entry(&walk.m, "genesis", 0, FIRST_DAY);
    walk.m.mark = (struct model_clock){FIRST_DAY, 0, 0};
    walk.m.mark_trusted_ms = FIRST_DAY;
}

static void life_end(void) {
    walk_told("the end");
    walk.step++;
    walk_verify_all();
    walk_keep_end(!walk.armed);
    fk_lend_close(&walk.lend);
    WANT(waitpid(walk.lend_pid, NULL, 0) == walk.lend_pid, "no desk to wait for");
    model_free(&walk.m);
    vault_remove(walk.dir);
}

static unsigned long number_of(const char *variable, unsigned long otherwise) {
    const char *text = getenv(variable);
    return text && *text ? strtoul(text, NULL, 10) : otherwise;
}

static void nothing_goes_but_what_is_due_and_it_goes_for_good(void **state) {
    unsigned long left = number_of("MODEL_STEPS", STEPS), done = 0;
    uint64_t seed = number_of("MODEL_SEED", 20261125);
    int64_t began = fk_monotonic_ms();
    (void)state;
    print_message("MODEL_SEED=%" PRIu64 " MODEL_STEPS=%lu\n", seed, left);
    for (; left; seed = seed * 6364136223846793005ULL + 1442695040888963407ULL) {
        unsigned long of_life = left < LIFE ? left : LIFE;
        life_begin(seed);
        while (walk.step < of_life) {
            walk.step++;
            step();
            if (walk.step % VERIFY_EVERY == 0)
                walk_verify_all();
        }
        life_end();
        left -= of_life;
        done += of_life;
        print_message("%lu steps, %" PRId64
                      " s: %lu messages disposed of, %lu pens died, %lu late verdicts refused\n",
                      done, (fk_monotonic_ms() - began) / 1000, walk.disposed, walk.deaths,
                      walk.refused);
    }
    fk_seqs_free(&walk.certified);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_goes_but_what_is_due_and_it_goes_for_good)};
    if (argc == 6 && strcmp(argv[1], "part") == 0)
        return walk_part(argv + 1);
    if (argc > 1) {
        fprintf(stderr, "it takes no argument\n");
        return 2;
    }
    walk.program = "/proc/self/exe";
    (void)fk_fault("none"); /* reads what faults there are: none here */
    walk_clock_fd = memfd_create("clock", MFD_CLOEXEC);
    if (walk_clock_fd < 0 || ftruncate(walk_clock_fd, 4096) != 0)
        return 2;
    walk_clock_map(walk_clock_fd);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
