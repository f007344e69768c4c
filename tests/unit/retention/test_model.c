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
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <lmdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archiver/vault/envelope.h"
#include "archiver/vault/keep_main.h"
#include "archiver/vault/lend_main.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/frame.h"
#include "base/io.h"
#include "base/spawn.h"
#include "retention/certificate.h"
#include "retention/dispose.h"
#include "tests/unit/support/model.h"
#include "tests/unit/support/vaults.h"

enum {
    LIFE = 1000,
    STEPS = 10000,
    VERIFY_EVERY = 500,
    TOLD = 40,
    BATCH = 6,
    SEGMENT_BYTES = 600000
};
static const int64_t DAY = 86400000, FIRST_DAY = 1795600000000;

/* ---- the parts of a server, each this program again */

/* The clock of all of them: two words of a shared page, "0001795600000000", behind the variable's
 * name. The lower word is written first, so that a reader in between is never ahead. */
static struct clock_page { char name[24], digits[17]; } * clock_page;
static int clock_fd = -1;
static const char clock_name[] = "FUMIKURA_TEST_CLOCK"; /* 19 letters, "=" comes before digits */

static void clock_map(int fd) {
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        abort();
    clock_page = (struct clock_page *)page;
    char *variable = page + 24 - sizeof clock_name;
    memcpy(variable, clock_name, sizeof clock_name - 1);
    page[23] = '=';
    if (putenv(variable) != 0)
        abort();
}

static void clock_set(int64_t ms) {
    char digits[17];
    uint64_t words[2];
    snprintf(digits, sizeof digits, "%016" PRId64, ms);
    memcpy(words, digits, sizeof words);
    uint64_t *page = (uint64_t *)(void *)clock_page->digits;
    __atomic_store_n(&page[1], words[1], __ATOMIC_SEQ_CST);
    __atomic_store_n(&page[0], words[0], __ATOMIC_SEQ_CST);
}

static int part(char **argv) { /* part, keep or lend, DIR, SOCKET, CLOCK */
    char role[32];
    struct fk_child child;
    struct fk_err err = FK_ERR_INIT;
    struct fk_keep_options o = {.pen = vault_options(SEGMENT_BYTES), .in_flight_bytes = 1 << 26};
    char option[] = "--socket", *child_argv[] = {argv[1], option, role, NULL};
    snprintf(role, sizeof role, "all:%s", argv[3]);
    clock_map(atoi(argv[4]));
    enum fk_status st = fk_child_begin(&child, 3, child_argv, &err);
    if (st == FK_OK)
        st = strcmp(argv[1], "keep") == 0 ? fk_keep_main(argv[2], &o, &child, &err)
                                          : fk_lend_main(argv[2], &child, &err);
    if (st != FK_OK)
        fprintf(stderr, "%s: %s\n", argv[1], err.text);
    return st == FK_OK ? 0 : 1;
}

/* dispose.c waits between its attempts for a pen that is away: here nobody brings it back. */
int usleep(useconds_t us) {
    (void)us;
    return 0;
}

/* ---- one life */

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
static struct {
    const char *program;
    char dir[PATH_MAX];
    uint64_t seed, random, mail_seed;
    unsigned long step, steps;
    struct told told[TOLD];
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
} g;

static uint64_t chance(uint64_t below) {
    g.random ^= g.random << 13;
    g.random ^= g.random >> 7;
    g.random ^= g.random << 17;
    return (g.random * 0x2545f4914f6cdd1dULL >> 33) % below;
}

static void told(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void told(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(g.told[g.step % TOLD].text, sizeof g.told[0].text, fmt, ap);
    va_end(ap);
}

static void broken(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void broken(const char *fmt, ...) {
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (unsigned long s = g.step > TOLD - 1 ? g.step - (TOLD - 1) : 1; s <= g.step; s++)
        print_error("step %lu: %s\n", s, g.told[s % TOLD].text);
    print_error("again: MODEL_SEED=%" PRIu64 " MODEL_STEPS=%lu; the vault is %s\n", g.seed, g.step,
                g.dir);
    fail_msg("%s", text);
    abort();
}
#define WANT(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            broken(__VA_ARGS__);                                                                   \
    } while (0)
#define DONE(call)                                                                                 \
    do {                                                                                           \
        struct fk_err err = FK_ERR_INIT;                                                           \
        enum fk_status st_ = (call);                                                               \
        WANT(st_ == FK_OK, "%s: %s", #call, err.text);                                             \
    } while (0)

static pid_t part_start(const char *name, int *sock) {
    int pair[2];
    pid_t pid;
    char socket[16], clock[16];
    DONE(fk_frame_pair(pair, &err));
    snprintf(socket, sizeof socket, "%d", pair[1]);
    snprintf(clock, sizeof clock, "%d", clock_fd);
    const char *argv[] = {g.program, "part", name, g.dir, socket, clock, NULL};
    const int pass[] = {pair[1], clock_fd};
    DONE(fk_spawn(argv, pass, 2, &pid, &err));
    fk_close(&pair[1]);
    *sock = pair[0];
    return pid;
}

static void keep_start(long dies_at) {
    char fault[32];
    int sock;
    snprintf(fault, sizeof fault, "*:%ld:kill", dies_at);
    if (dies_at)
        setenv("FUMIKURA_FAULT", fault, 1);
    g.keep_pid = part_start("keep", &sock);
    unsetenv("FUMIKURA_FAULT");
    DONE(fk_keep_attach(sock, &g.keep, &err));
    g.armed = dies_at != 0;
}

static void keep_end(bool good) {
    int status;
    fk_keep_close(&g.keep);
    WANT(waitpid(g.keep_pid, &status, 0) == g.keep_pid, "no pen to wait for");
    bool died = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    WANT(died ? !good : WIFEXITED(status) && WEXITSTATUS(status) == 0, "the pen ended with %#x",
         (unsigned)status);
    g.deaths += died;
    g.keep_pid = 0;
}

/* ---- what the ledger has come to have */

static void mail_bytes(const struct model_mail *mail, struct fk_buf *out, bool envelope_first) {
    struct fk_buf fields = FK_BUF_INIT, block = FK_BUF_INIT;
    fk_fields_add_str(&fields, "via", "import");
    fk_envelope_finish(&block, &fields, mail->len);
    if (envelope_first)
        fk_buf_add(out, block.data, block.len);
    vault_bytes(mail->seed, out, mail->len);
    if (!envelope_first)
        fk_buf_add(out, block.data, block.len);
    fk_buf_free(&fields);
    fk_buf_free(&block);
}

static bool is_mail(const struct fk_content *c, const struct model_mail *mail) {
    struct fk_buf b = FK_BUF_INIT;
    mail_bytes(mail, &b, true);
    bool same = c->len == b.len && memcmp(c->bytes, b.data, b.len) == 0;
    fk_buf_free(&b);
    return same;
}

static void floor_text(const struct model_period *p, char out[FK_PERIOD_SIZE]) {
    fk_period_format(
        out, &(struct fk_period){(unsigned)p->years, (unsigned)p->months, (unsigned)p->days});
}

/* Which of the mails on their way this is: told by its bytes. */
static void took_mail(const struct fk_entry *e) {
    struct fk_content c = {.fd = -1};
    char source[64], floor[FK_PERIOD_SIZE], want[FK_PERIOD_SIZE];
    size_t i = 0;
    DONE(fk_lend_content(g.lend, e->seq, 0, &c, &err));
    while (i < g.want.mail_count && (g.want.mails[i].seq || !is_mail(&c, &g.want.mails[i])))
        i++;
    fk_content_free(&c);
    WANT(i < g.want.mail_count, "entry %" PRIu64 " is none of the messages that were sent", e->seq);
    struct model_mail *mail = &g.want.mails[i];
    floor_text(&mail->floor, want);
    WANT(fk_entry_field(e, "source", source, sizeof source) && strcmp(source, mail->source) == 0 &&
             fk_entry_field(e, "floor", floor, sizeof floor) && strcmp(floor, want) == 0,
         "entry %" PRIu64 " has another source or floor than was given", e->seq);
    mail->seq = e->seq;
    model_took_mail(&g.m, mail);
}

static void took_disposal(const struct fk_entry *e) {
    char rule[64];
    uint64_t basis;
    size_t len;
    struct fk_seqs of = {0};
    const char *list = fk_entry_field_at(e, "of", &len);
    WANT(g.want.dispose, "entry %" PRIu64 " disposes of something, unasked", e->seq);
    WANT(list && fk_seqs_parse(list, len, SIZE_MAX, &of) && of.count &&
             fk_entry_field(e, "rule", rule, sizeof rule) && fk_entry_number(e, "basis", &basis),
         "entry %" PRIu64 " does not say what it disposes of and why", e->seq);
    WANT(basis == g.m.basis,
         "entry %" PRIu64 ": its basis is %" PRIu64 ", and entry %" PRIu64 " came since", e->seq,
         basis, g.m.basis);
    for (size_t i = 0; i < of.count; i++) {
        const struct model_class *c;
        int64_t until;
        struct model_mail *mail = model_mail(&g.m, of.at[i]);
        WANT(mail && !mail->disposed_by,
             "entry %" PRIu64 " disposes of %" PRIu64 ", which is no message, or gone", e->seq,
             of.at[i]);
        enum model_fate fate = model_fate(&g.m, mail, &c, &until);
        WANT(fate == MODEL_DUE, "entry %" PRIu64 " disposes of %" PRIu64 ", which is %s", e->seq,
             of.at[i], fate == MODEL_HELD ? "held" : "not due");
        WANT(strcmp(rule, c->name) == 0, "entry %" PRIu64 ": %" PRIu64 " goes by class %s, not %s",
             e->seq, of.at[i], c->name, rule);
        mail->disposed_by = e->seq;
        g.disposed++;
    }
    fk_seqs_free(&of);
}

static void took_admin(const struct fk_entry *e) {
    char what[32], trusted[FK_TIME_SIZE], want[FK_TIME_SIZE];
    bool accepted = g.want.accept;
    fk_time_format(want, accepted ? g.m.now.wall_ms : model_vouched(&g.m));
    WANT((g.want.mark || accepted) && fk_entry_field(e, "what", what, sizeof what) &&
             strcmp(what, accepted ? "accept-clock" : "clock") == 0,
         "entry %" PRIu64 " marks the clock, unasked", e->seq);
    WANT(fk_entry_field(e, "trusted", trusted, sizeof trusted) && strcmp(trusted, want) == 0,
         "entry %" PRIu64 " vouches for %s, not %s", e->seq, trusted, want);
    model_took_mark(&g.m, accepted ? g.m.now.wall_ms : model_vouched(&g.m), accepted);
    g.want.mark = g.want.accept = false;
}

static void took_key(const struct fk_entry *e) {
    char what[32] = "";
    (void)fk_entry_field(e, "what", what, sizeof what);
    bool *asked = strcmp(what, "kek") == 0 ? &g.want.rekey : &g.want.bundle;
    WANT(*asked, "entry %" PRIu64 " is of kind key (%s), unasked", e->seq, what);
    *asked = false;
    if (strcmp(what, "escrow") == 0)
        model_took_copy(&g.m, &(struct model_copy){e->seq, 0, e->seq - 1, 0, true});
}

static void took_fact(const struct fk_entry *e) {
    uint64_t of = 0;
    WANT(fk_entry_number(e, "of", &of) && of == g.want.destroyed, "entry %" PRIu64 ": unasked",
         e->seq);
    for (size_t i = 0; i < g.m.copy_count; i++)
        if (g.m.copies[i].seq == of)
            g.m.copies[i].destroyed = e->seq;
    g.want.destroyed = 0;
}

static void took_release(const struct fk_entry *e) {
    uint64_t of = 0;
    WANT(fk_entry_number(e, "of", &of) && of && of == g.want.release,
         "entry %" PRIu64 " releases what nobody asked for", e->seq);
    for (size_t i = 0; i < g.m.hold_count; i++)
        if (g.m.holds[i].seq == of)
            g.m.holds[i].released = true;
    g.want.release = 0;
}

static void took(const struct fk_entry *e) {
    bool by_the_pen = fk_entry_is(e, "segment") || fk_entry_is(e, "seal");
    WANT(by_the_pen || e->time_ms == g.m.now.wall_ms,
         "entry %" PRIu64 " is not of the time it was written at", e->seq);
    model_took_entry(&g.m, e->kind, e->seq, e->time_ms);
    if (by_the_pen)
        return;
    if (fk_entry_is(e, "mail")) {
        took_mail(e);
    } else if (fk_entry_is(e, "hold") && *g.want.hold) {
        model_took_hold(&g.m, e->seq, g.want.hold, g.want.seqs, g.want.seq_count);
        *g.want.hold = 0;
    } else if (fk_entry_is(e, "policy") && g.want.rules) {
        g.m.recorded = g.m.configured;
        g.m.any_recorded = true;
        g.want.rules = false;
    } else if (fk_entry_is(e, "export") && g.want.package.last) {
        g.want.package.seq = e->seq;
        model_took_copy(&g.m, &g.want.package);
        g.want.package.last = 0;
    } else if (fk_entry_is(e, "dispose")) {
        took_disposal(e);
    } else if (fk_entry_is(e, "admin")) {
        took_admin(e);
    } else if (fk_entry_is(e, "key")) {
        took_key(e);
    } else if (fk_entry_is(e, "fact")) {
        took_fact(e);
    } else if (fk_entry_is(e, "release")) {
        took_release(e);
    } else {
        broken("entry %" PRIu64 " is of kind %s, unasked", e->seq, e->kind);
    }
}

static void lines_take(const struct fk_buf *lines, uint64_t head) {
    const char *at = (const char *)lines->data, *end = at + lines->len;
    for (; at < end && g.next_seq < head; g.next_seq++) {
        struct fk_entry e;
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        WANT(lf, "a line without an end at entry %" PRIu64, g.next_seq);
        size_t len = (size_t)(lf - at) + 1;
        DONE(fk_entry_read(at, len, &e, &err));
        WANT(e.seq == g.next_seq && memcmp(e.prev, g.last_digest, sizeof e.prev) == 0,
             "entry %" PRIu64 " does not follow the one before it", g.next_seq);
        fk_sha256(at, len, g.last_digest);
        took(&e);
        at += len;
    }
}

/* Reads what is new. all: everything that the step was to write must be there. */
static void ledger_take(bool all) {
    struct fk_head head;
    struct fk_buf lines = FK_BUF_INIT;
    DONE(fk_lend_head(g.lend, &head, &err));
    while (g.next_seq < head.next_seq) {
        fk_buf_reset(&lines);
        DONE(fk_lend_lines(g.lend, g.next_seq, &lines, &err));
        lines_take(&lines, head.next_seq);
    }
    WANT(memcmp(head.last_digest, g.last_digest, sizeof g.last_digest) == 0,
         "the head is another line");
    WANT(head.rules == g.m.basis,
         "the newest rules entry is %" PRIu64 ", says the desk; it is %" PRIu64, head.rules,
         g.m.basis);
    fk_buf_free(&lines);
    const struct expected *w = &g.want;
    for (size_t i = 0; all && i < w->mail_count; i++)
        WANT(w->mails[i].seq, "a message was acknowledged and is not in the ledger");
    WANT(!all || (!*w->hold && !w->release && !w->destroyed && !w->rules && !w->mark &&
                  !w->accept && !w->bundle && !w->rekey && !w->package.last),
         "what the step was to record is not in the ledger");
    g.want = (struct expected){.mail_count = 0};
}

/* A step has come to an end. The pen may have died under it: then some of it is in the ledger, or
 * none, and another pen completes what was begun. */
static void step_end(enum fk_status st, const char *text) {
    WANT(st == FK_OK || g.armed, "refused: %s", text);
    if (st != FK_OK) {
        keep_end(false);
        keep_start(0);
        /* open once it answers: this one is refused after whatever opening has completed */
        struct fk_receipt r;
        struct fk_err err = FK_ERR_INIT;
        enum fk_status asked =
            fk_keep_append(g.keep, &(struct fk_record){"no kind", "", NULL}, &r, &err);
        WANT(asked == FK_DENIED || asked == FK_INVALID, "after the death of the pen: %s", err.text);
    }
    ledger_take(st == FK_OK);
}

static enum fk_status closed_seen(void *ctx, const struct fk_segment_info *info,
                                  struct fk_err *err) {
    (void)err;
    *(bool *)ctx |= strcmp(info->state, "closed") == 0;
    return FK_OK;
}

/* What is in DIR/keys beside one file a segment: "" where it is nothing. */
static void keys_too_many(char out[256]) {
    char path[PATH_MAX + 8];
    struct dirent **names;
    uint64_t last = 0;
    *out = 0;
    snprintf(path, sizeof path, "%s/keys", g.dir);
    int n = scandir(path, &names, NULL, alphasort);
    WANT(n >= 0, "%s cannot be read", path);
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name, *dot = strrchr(name, '.');
        uint64_t segment = strtoull(name, NULL, 10);
        if (*name != '.' && (!dot || strcmp(dot, ".keys") != 0 || segment == last))
            snprintf(out, 256, "%s", name);
        last = segment;
        free(names[i]);
    }
    free(names);
}

/* Until nothing is being sealed: files come and go meanwhile. A pen that is to die may do it here.
 */
static void rest(void) {
    char spare[256];
    for (int i = 0;; i++) {
        bool closed = false;
        siginfo_t died = {.si_pid = 0};
        DONE(fk_lend_segments(g.lend, closed_seen, &closed, &err));
        keys_too_many(spare);
        if (!closed && !*spare)
            break;
        WANT(i < 10000, "%s%s was left behind", closed ? "a closed segment" : "keys/", spare);
        if (g.armed && waitid(P_PID, (id_t)g.keep_pid, &died, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            died.si_pid == g.keep_pid)
            step_end(FK_RETRY, "");
        (void)poll(NULL, 0, 1);
    }
    ledger_take(false);
}

/* ---- keys, as they lie on the disk */

struct key {
    uint64_t seq, segment;
    uint8_t wrapped[80];
};
struct keys {
    struct key *at;
    size_t count, cap;
    struct fk_buf heads; /* the wrapped intermediate keys */
};

static void key_add(struct keys *k, uint64_t segment, const uint8_t *seq, const uint8_t *wrapped) {
    if (k->count == k->cap) {
        k->cap = k->cap ? 2 * k->cap : 1024;
        k->at = realloc(k->at, k->cap * sizeof *k->at);
        assert_non_null(k->at);
    }
    struct key *key = &k->at[k->count++];
    *key = (struct key){.segment = segment};
    for (int i = 0; i < 8; i++)
        key->seq = key->seq << 8 | seq[i];
    memcpy(key->wrapped, wrapped, sizeof key->wrapped);
}

static void key_file_read(struct keys *k, uint64_t segment, const char *path) {
    struct fk_buf b = FK_BUF_INIT;
    DONE(fk_read_file(path, 1 << 26, &b, &err));
    const uint8_t *lf = memchr(b.data, '\n', b.len);
    WANT(lf, "%s has no first line", path);
    const char *sik = memmem(b.data, (size_t)(lf - b.data), " sik=", 5);
    WANT(sik && (const char *)lf - sik == 5 + 144, "%s: no wrapped intermediate key", path);
    fk_buf_add(&k->heads, sik + 5, 144);
    for (const uint8_t *at = lf + 1; at < b.data + b.len; at += 88)
        key_add(k, segment, at, at + 8);
    fk_buf_free(&b);
}

static void open_segment_read(struct keys *k, uint64_t segment, const char *path) {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_cursor *c;
    MDB_val key, value;
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    WANT(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY, 0600) == 0, "%s does not open", path);
    assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "keys", 0, &dbi), 0);
    assert_int_equal(mdb_cursor_open(txn, dbi, &c), 0);
    while (mdb_cursor_get(c, &key, &value, MDB_NEXT) == 0) {
        WANT(key.mv_size == 8 && value.mv_size == 80, "%s: a key of another form", path);
        key_add(k, segment, key.mv_data, value.mv_data);
    }
    mdb_cursor_close(c);
    mdb_txn_abort(txn);
    mdb_env_close(env);
}

typedef void (*file_fn)(struct keys *k, uint64_t segment, const char *path);

static void each_file(struct keys *k, const char *folder, const char *suffix, file_fn fn) {
    char path[PATH_MAX + 300];
    uint64_t last = 0;
    struct dirent **names;
    snprintf(path, sizeof path, "%s/%s", g.dir, folder);
    int n = scandir(path, &names, NULL, alphasort);
    WANT(n >= 0, "%s cannot be read", path);
    for (int i = 0; i < n; i++) {
        const char *dot = strrchr(names[i]->d_name, '.');
        uint64_t segment = strtoull(names[i]->d_name, NULL, 10);
        if (dot && strcmp(dot, suffix) == 0) {
            WANT(segment != last, "two files %s of segment %" PRIu64, suffix, segment);
            last = segment;
            snprintf(path, sizeof path, "%s/%s/%s", g.dir, folder, names[i]->d_name);
            fn(k, segment, path);
        }
        free(names[i]);
    }
    free(names);
}

static int by_seq(const void *a, const void *b) {
    const struct key *x = a, *y = b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static struct keys keys_read(void) {
    struct keys k = {.heads = FK_BUF_INIT};
    each_file(&k, "keys", ".keys", key_file_read);
    each_file(&k, "segments", ".open", open_segment_read);
    if (k.count)
        qsort(k.at, k.count, sizeof *k.at, by_seq);
    return k;
}

static void keys_free(struct keys *k) {
    free(k->at);
    fk_buf_free(&k->heads);
}

static const struct key *key_of(const struct keys *k, uint64_t seq) {
    struct key want = {.seq = seq};
    return k->count ? bsearch(&want, k->at, k->count, sizeof *k->at, by_seq) : NULL;
}

/* What is there has its key, what is gone has none; and where something of a segment went, nothing
 * is as it was: neither its wrapped intermediate key nor any key that this wraps. */
static void keys_check(const struct keys *before) {
    struct keys k = keys_read();
    for (size_t i = 0; i < g.m.mail_count; i++) {
        const struct model_mail *mail = &g.m.mails[i];
        const struct key *is = key_of(&k, mail->seq),
                         *was = before ? key_of(before, mail->seq) : NULL;
        WANT(!is == (mail->disposed_by != 0), "message %" PRIu64 " %s a key", mail->seq,
             is ? "still has" : "has lost");
        if (is || !was)
            continue;
        for (size_t n = 0; n < k.count; n++) {
            const struct key *old =
                k.at[n].segment == was->segment ? key_of(before, k.at[n].seq) : NULL;
            WANT(!old || memcmp(old->wrapped, k.at[n].wrapped, sizeof old->wrapped) != 0,
                 "%" PRIu64 " was disposed of, and the key of %" PRIu64
                 " is still wrapped as before",
                 mail->seq, k.at[n].seq);
        }
    }
    keys_free(&k);
}

/* ---- what it must read as */

static void mail_check(const struct model_mail *mail) {
    struct fk_content c = {.fd = -1};
    struct fk_err err = FK_ERR_INIT;
    char entry[64];
    enum fk_status st = fk_lend_content(g.lend, mail->seq, 0, &c, &err);
    if (!mail->disposed_by) {
        WANT(st == FK_OK && is_mail(&c, mail), "message %" PRIu64 " is not what was sent: %s",
             mail->seq, err.text);
    } else {
        snprintf(entry, sizeof entry, "disposed of by entry %" PRIu64, mail->disposed_by);
        WANT(st == FK_NOT_FOUND && strstr(err.text, entry),
             "message %" PRIu64 " was disposed of by %" PRIu64 ": %s", mail->seq, mail->disposed_by,
             st == FK_OK ? "it opens" : err.text);
    }
    fk_content_free(&c);
}

static void finding_take(void *ctx, const struct fk_finding *f) {
    (void)ctx;
    broken("verify: %s, entry %" PRIu64 ", segment %" PRIu64 ": %s", f->check, f->seq, f->segment,
           f->text);
}

static void verify_all(void) {
    const struct fk_verify_range all = {0, UINT64_MAX, 0};
    struct fk_verify_sum sum;
    uint64_t gone = 0;
    rest();
    struct fk_desk *desk = vault_desk(g.dir);
    DONE(fk_desk_verify(desk, &all, finding_take, NULL, NULL, &sum, &err));
    fk_desk_close(&desk);
    for (size_t i = 0; i < g.m.mail_count; i++) {
        gone += g.m.mails[i].disposed_by != 0;
        mail_check(&g.m.mails[i]);
    }
    WANT(sum.disposed == gone, "verify counts %" PRIu64 " as disposed of, it is %" PRIu64,
         sum.disposed, gone);
    keys_check(NULL);
}

static struct fk_policy *policy_make(void) {
    struct fk_class_text text[MODEL_CLASSES];
    char periods[MODEL_CLASSES][FK_PERIOD_SIZE], day[8];
    struct fk_policy *p = NULL;
    const struct model_rules *r = &g.m.configured;
    for (int i = 0; i < r->count; i++) {
        const struct model_class *c = &r->classes[i];
        floor_text(&c->period, periods[i]);
        text[i] = (struct fk_class_text){c->name, periods[i],
                                         c->fiscal ? "fiscal-year-end" : "received", c->source};
    }
    snprintf(day, sizeof day, "%02d-%02d", r->fiscal_month, r->fiscal_day);
    DONE(fk_policy_make(text, (size_t)r->count, day, r->zone_minutes, &p, &err));
    return p;
}

/* Every verdict beside the model's. */
static void roll_check(const struct fk_roll *roll, const struct fk_policy *policy) {
    static const enum fk_verdict_kind kinds[] = {FK_KEPT, FK_HELD, FK_DUE};
    int64_t now = fk_retention_time(roll);
    size_t n = 0;
    WANT(now == model_time(&g.m), "verdicts are made with %" PRId64 ", vouched for is %" PRId64,
         now, model_time(&g.m));
    for (size_t i = 0; i < g.m.mail_count; i++) {
        const struct model_mail *mail = &g.m.mails[i];
        const struct model_class *c;
        int64_t until;
        if (mail->disposed_by) {
            WANT(!fk_roll_mail(roll, mail->seq), "the roll still has %" PRIu64, mail->seq);
            continue;
        }
        enum model_fate fate = model_fate(&g.m, mail, &c, &until);
        WANT(n < roll->mail_count && roll->mails[n].seq == mail->seq, "the roll lacks %" PRIu64,
             mail->seq);
        struct fk_verdict v = fk_decide(&roll->mails[n++], policy, &roll->holds, now);
        WANT(v.kind == kinds[fate] && v.until_ms == until && !v.rule == !c &&
                 (!c || strcmp(v.rule->name, c->name) == 0),
             "%" PRIu64 ": verdict %d until %" PRId64 " by %s; it is %d until %" PRId64 " by %s",
             mail->seq, v.kind, v.until_ms, v.rule ? v.rule->name : "none", fate, until,
             c ? c->name : "none");
        WANT(!v.hold || v.hold->seq == model_holder(&g.m, mail->seq)->seq,
             "%" PRIu64 " is held by another hold", mail->seq);
    }
    WANT(n == roll->mail_count, "the roll has messages that are none");
}

/* ---- steps */

static struct model_period period_any(bool floor) {
    static const struct model_period some[] = {{0, 0, 1}, {0, 0, 3}, {0, 0, 30}, {0, 1, 0},
                                               {0, 2, 1}, {1, 2, 0}, {0, 0, 60}};
    return floor && chance(2) ? (struct model_period){0, 0, 0} : some[chance(7)];
}

static const char *source_any(void) {
    static const char *const some[] = {"a", "b", "c", "other"};
    return some[chance(4)];
}

static int mail_file(const struct model_mail *mail) {
    struct fk_buf b = FK_BUF_INIT;
    int fd;
    mail_bytes(mail, &b, false);
    DONE(fk_memfile_new("mail", &fd, &err));
    DONE(fk_write_full(fd, b.data, b.len, "memory", &err));
    fk_buf_free(&b);
    return fd;
}

/* FK_RETRY: the pen is away. */
static enum fk_status mails_send(size_t count) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < count && st == FK_OK; i++) {
        struct model_mail *mail = &g.want.mails[g.want.mail_count++];
        char floor[FK_PERIOD_SIZE];
        *mail = (struct model_mail){.seed = ++g.mail_seed,
                                    .len = chance(40) ? chance(3000) : 30000,
                                    .floor = period_any(true)};
        snprintf(mail->source, sizeof mail->source, "%s", source_any());
        floor_text(&mail->floor, floor);
        int fd = mail_file(mail);
        struct fk_mail m = {fd, mail->len, mail->source, floor};
        st = fk_keep_send_mail(g.keep, (uint32_t)i + 1, &m, NULL);
        fk_close(&fd);
    }
    return st;
}

static enum fk_status receipts_wait(size_t count) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < count; i++) {
        struct fk_receipt r;
        struct fk_err err = FK_ERR_INIT;
        enum fk_status one = fk_keep_next_receipt(g.keep, 20000, &r, &err);
        if (one == FK_OK)
            one = r.status;
        if (one != FK_OK)
            st = one;
    }
    return st;
}

static void step_mail(void) {
    size_t n = 1 + chance(BATCH);
    told("%zu messages", n);
    enum fk_status st = mails_send(n);
    if (st == FK_OK)
        st = receipts_wait(n);
    step_end(st, "mail");
}

static void step_hold(void) {
    struct fk_seqs seqs = {0};
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt r;
    struct fk_err err = FK_ERR_INIT;
    size_t n = g.m.mail_count ? 1 + chance(12) : 0;
    /* of a run of messages, or of any; also such as are gone: nobody minds */
    size_t from = n ? chance(g.m.mail_count) : 0;
    bool run = chance(2);
    for (size_t i = 0; i < n; i++)
        fk_seqs_add(&seqs,
                    g.m.mails[run ? (from + i) % g.m.mail_count : chance(g.m.mail_count)].seq);
    if (n == 0)
        fk_seqs_add(&seqs, 0);
    fk_seqs_sort(&seqs);
    snprintf(g.want.hold, sizeof g.want.hold, "hold-%u", ++g.number);
    memcpy(g.want.seqs, seqs.at, seqs.count * sizeof *seqs.at);
    g.want.seq_count = seqs.count;
    told("hold %s of %zu messages from %" PRIu64 " on", g.want.hold, seqs.count, seqs.at[0]);
    fk_hold_body(&body, g.want.hold, "model", "test", NULL, &seqs);
    enum fk_status st = fk_keep_append(g.keep, &(struct fk_record){"hold", "", &body}, &r, &err);
    fk_buf_free(&body);
    fk_seqs_free(&seqs);
    step_end(st, err.text);
}

static enum fk_status append(const char *kind, const char *fields, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt r;
    fk_fields_add_str(&body, "person", "test");
    enum fk_status st = fk_keep_append(g.keep, &(struct fk_record){kind, fields, &body}, &r, err);
    fk_buf_free(&body);
    return st;
}

static void step_release(void) {
    char fields[40];
    struct fk_err err = FK_ERR_INIT;
    size_t in_force = 0;
    for (size_t i = 0; i < g.m.hold_count; i++)
        in_force += !g.m.holds[i].released;
    told("nothing to release");
    if (in_force == 0)
        return;
    size_t which = chance(in_force), i = 0;
    for (;; i++)
        if (!g.m.holds[i].released && which-- == 0)
            break;
    g.want.release = g.m.holds[i].seq;
    told("release %s", g.m.holds[i].name);
    snprintf(fields, sizeof fields, "of=%" PRIu64, g.want.release);
    enum fk_status st = append("release", fields, &err);
    step_end(st, err.text);
}

static void boot_set(void) {
    char up[24], boot[40];
    snprintf(up, sizeof up, "%" PRId64, g.m.now.up_ms);
    snprintf(boot, sizeof boot, "boot-%d", g.m.now.boot);
    setenv("FUMIKURA_TEST_BOOTTIME", up, 1);
    setenv("FUMIKURA_TEST_BOOT", boot, 1);
    clock_set(g.m.now.wall_ms);
}

static void step_time(void) {
    int64_t passed = (int64_t)chance(12 * (uint64_t)DAY);
    unsigned how = (unsigned)chance(12);
    struct model_clock *now = &g.m.now;
    if (how == 0) { /* somebody sets the clock, in either direction */
        now->wall_ms += chance(2) ? passed * 20 : -passed;
        told("the clock is set to %" PRId64, now->wall_ms);
    } else if (how == 1) { /* the machine was off */
        *now = (struct model_clock){now->wall_ms + passed, (int64_t)chance(3600000), now->boot + 1};
        told("the machine was off; %" PRId64, now->wall_ms);
    } else {
        now->wall_ms += passed;
        now->up_ms += passed;
        told("time passes; %" PRId64, now->wall_ms);
    }
    boot_set();
}

static void step_rules(void) {
    static const int days[][2] = {{3, 31}, {12, 31}, {2, 29}, {6, 30}}, zones[] = {540, 0, -210};
    struct model_rules r;
    unsigned day = (unsigned)chance(4);
    memset(&r, 0, sizeof r); /* they are compared as bytes */
    r.count = (int)chance(MODEL_CLASSES + 1);
    r.zone_minutes = zones[chance(3)];
    r.fiscal_month = days[day][0];
    r.fiscal_day = days[day][1];
    for (int i = 0; i < r.count; i++) {
        snprintf(r.classes[i].name, MODEL_NAME, "class-%d", i);
        if (chance(3))
            snprintf(r.classes[i].source, MODEL_NAME, "%s", source_any());
        r.classes[i].period = period_any(false);
        r.classes[i].fiscal = chance(4) == 0;
    }
    g.m.configured = r;
    told("other rules: %d classes", r.count);
}

static enum fk_status rules_read(const struct fk_policy *policy, struct fk_roll **roll,
                                 struct fk_err *err) {
    g.want.rules = model_wants_rules(&g.m);
    return fk_retention_rules(g.keep, g.lend, policy, "test", roll, err);
}

struct copies {
    uint64_t entry;
    size_t count;
};

static void copy_take(void *ctx, const struct fk_copy *copy) {
    struct copies *c = ctx;
    size_t i = 0;
    while (i < g.m.copy_count && g.m.copies[i].seq != copy->seq)
        i++;
    WANT(i < g.m.copy_count && g.m.copies[i].is_bundle == (copy->kind == FK_COPY_BUNDLE) &&
             g.m.copies[i].destroyed == copy->destroyed,
         "the certificate of %" PRIu64 " names copy %" PRIu64 ", which is none of these", c->entry,
         copy->seq);
    c->count++;
}

/* Every copy that has any of them and was not destroyed before, and no other. */
static void copies_check(const struct fk_roll *roll, uint64_t entry, const struct fk_seqs *seqs) {
    struct copies c = {.entry = entry};
    size_t want = 0;
    fk_copies_each(roll, entry, seqs, copy_take, &c);
    for (size_t i = 0; i < g.m.copy_count; i++) {
        const struct model_copy *copy = &g.m.copies[i];
        bool has = false;
        for (size_t k = 0; k < seqs->count; k++)
            has |= seqs->at[k] >= copy->first && seqs->at[k] <= copy->last;
        want += has && copy->seq < entry && (!copy->destroyed || copy->destroyed > entry);
    }
    WANT(c.count == want, "the certificate of %" PRIu64 " names %zu copies, %zu are out", entry,
         c.count, want);
}

static void step_plan(void) {
    struct fk_policy *policy = policy_make();
    struct fk_roll *roll = NULL;
    struct fk_err err = FK_ERR_INIT;
    told("plan");
    enum fk_status st = rules_read(policy, &roll, &err);
    step_end(st, err.text);
    if (st == FK_OK)
        roll_check(roll, policy);
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
    DONE(fk_lend_lines(g.lend, d->entry, &line, &err));
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
        fk_seqs_add(&g.certified, d->seqs->at[i]);
    fk_buf_free(&list);
    fk_buf_free(&line);
}

static size_t due_count(void) {
    size_t n = 0;
    for (size_t i = 0; i < g.m.mail_count; i++) {
        const struct model_class *c;
        int64_t until;
        n += !g.m.mails[i].disposed_by && model_fate(&g.m, &g.m.mails[i], &c, &until) == MODEL_DUE;
    }
    return n;
}

static void run_check(unsigned long gone_before, const struct keys *before) {
    WANT(due_count() == 0, "%zu messages are due after a run", due_count());
    WANT(g.certified.count == g.disposed - gone_before, "certificates name %zu messages, %lu went",
         g.certified.count, g.disposed - gone_before);
    fk_seqs_sort(&g.certified);
    for (size_t i = 0; i < g.m.mail_count; i++)
        if (key_of(before, g.m.mails[i].seq) && g.m.mails[i].disposed_by)
            WANT(fk_seqs_has(&g.certified, g.m.mails[i].seq), "no certificate names %" PRIu64,
                 g.m.mails[i].seq);
}

static void step_run(void) {
    struct fk_policy *policy = policy_make();
    struct fk_roll *roll = NULL;
    struct fk_err err = FK_ERR_INIT;
    bool accept = chance(10) == 0;
    rest();
    unsigned long gone = g.disposed;
    struct keys before = keys_read();
    g.certified.count = 0;
    enum fk_status st = rules_read(policy, &roll, &err);
    g.want.accept = accept;
    g.want.mark = !accept && model_wants_mark(&g.m);
    g.want.dispose = true;
    if (st == FK_OK)
        st = accept ? fk_retention_accept_clock(g.keep, roll, "test", "model", &err)
                    : fk_retention_mark_clock(g.keep, roll, &err);
    const struct fk_retention_desk desk = {g.keep, g.lend, policy, "test", "model"};
    if (st == FK_OK)
        st = fk_retention_dispose(&desk, certificate_take, NULL, &err);
    told("run%s%s", accept ? ", the clock accepted" : "", st == FK_OK ? "" : ", and the pen died");
    step_end(st, err.text);
    if (st == FK_OK)
        run_check(gone, &before);
    if (g.disposed > gone) {
        rest();
        keys_check(&before);
    }
    for (size_t i = g.m.mail_count; g.disposed > gone && i-- > 0;)
        if (g.m.mails[i].disposed_by && key_of(&before, g.m.mails[i].seq))
            mail_check(&g.m.mails[i]);
    keys_free(&before);
    fk_roll_free(&roll);
    fk_policy_free(&policy);
}

/* A verdict is made, a hold comes, the disposal is asked for: it must be refused, whatever it
 * names. */
static void step_late(void) {
    struct fk_seqs seqs = {0};
    struct fk_receipt r;
    struct fk_err err = FK_ERR_INIT;
    uint64_t basis = g.m.basis;
    const struct model_mail *any = g.m.mail_count ? &g.m.mails[chance(g.m.mail_count)] : NULL;
    step_hold();
    if (!any || any->disposed_by || g.m.basis == basis)
        return;
    fk_seqs_add(&seqs, any->seq);
    told("a hold, then a disposal of %" PRIu64 " by the verdict before it", any->seq);
    enum fk_status st = fk_keep_dispose(g.keep, &seqs, basis, "class-0", NULL, &r, &err);
    WANT(st == FK_RETRY, "a verdict of before entry %" PRIu64 " was carried out: %s", g.m.basis,
         err.text);
    fk_seqs_free(&seqs);
    g.refused++;
    step_end(g.armed ? FK_RETRY : FK_OK, err.text); /* an armed pen may be the one that refused */
}

static void step_seal(void) {
    uint64_t last;
    struct fk_err err = FK_ERR_INIT;
    told("seal");
    enum fk_status st = fk_keep_seal(g.keep, &last, &err);
    step_end(st, err.text);
}

static void step_rekey(void) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt r;
    struct fk_err err = FK_ERR_INIT;
    told("another key-encryption key");
    fk_fields_add_str(&body, "person", "test");
    g.want.rekey = true;
    enum fk_status st = fk_keep_rekey(g.keep, &body, &r, &err);
    fk_buf_free(&body);
    step_end(st, err.text);
}

static void step_bundle(void) {
    static const uint8_t key[32] = {1};
    struct fk_buf body = FK_BUF_INIT, lines = FK_BUF_INIT;
    struct fk_receipt r;
    struct fk_err err = FK_ERR_INIT;
    char path[] = "/tmp/fumikura-bundle-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    told("a bundle of keys");
    fk_fields_add_str(&body, "person", "test");
    fk_buf_str(&lines, "passphrase: nobody's\n");
    g.want.bundle = true;
    enum fk_status st = fk_keep_escrow(g.keep, key, &lines, &body, fd, &r, &err);
    fk_close(&fd);
    fk_buf_free(&body);
    fk_buf_free(&lines);
    step_end(st, err.text);
}

static void step_package(void) {
    char fields[200];
    struct fk_err err = FK_ERR_INIT;
    told("no package");
    if (g.m.mail_count == 0)
        return;
    g.want.package.first = g.m.mails[chance(g.m.mail_count)].seq;
    g.want.package.last = g.want.package.first + chance(200);
    told("a package of %" PRIu64 " to %" PRIu64, g.want.package.first, g.want.package.last);
    snprintf(fields, sizeof fields,
             "what=package first=%" PRIu64 " last=%" PRIu64 " manifest=%064d", g.want.package.first,
             g.want.package.last, 0);
    enum fk_status st = append("export", fields, &err);
    step_end(st, err.text);
}

static void step_destroyed(void) {
    char fields[60];
    struct fk_err err = FK_ERR_INIT;
    told("no copy to destroy");
    if (g.m.copy_count == 0)
        return;
    const struct model_copy *c = &g.m.copies[chance(g.m.copy_count)];
    if (c->destroyed)
        return;
    told("copy %" PRIu64 " is destroyed", c->seq);
    g.want.destroyed = c->seq;
    snprintf(fields, sizeof fields, "what=destroyed of=%" PRIu64, c->seq);
    enum fk_status st = append("fact", fields, &err);
    step_end(st, err.text);
}

static void step_reopen(void) {
    long at = chance(2) ? 1 + (long)chance(60) : 0;
    bool kill_it = chance(2);
    told("the pen is %s%s", kill_it ? "killed" : "put down", at ? "; the next one dies" : "");
    if (kill_it && !g.armed) { /* with messages on the way to it */
        (void)mails_send(1 + chance(BATCH));
        (void)usleep(0);
        kill(g.keep_pid, SIGKILL);
        g.armed = true;
        step_end(FK_RETRY, "");
    }
    keep_end(!g.armed);
    keep_start(at);
}

static void step_read(void) {
    told("reads");
    for (int i = 0; i < 5 && g.m.mail_count; i++)
        mail_check(&g.m.mails[chance(g.m.mail_count)]);
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
    n = (unsigned)chance(all);
    for (size_t i = 0; i < KINDS; i++) {
        if (n < steps[i].weight) {
            g.counts[i]++;
            steps[i].take();
            return;
        }
        n -= steps[i].weight;
    }
}

static void life_begin(uint64_t seed) {
    int sock;
    g.seed = seed;
    g.random = seed * 0x9e3779b97f4a7c15ULL + 1;
    g.step = g.next_seq = g.mail_seed = 0;
    g.number = 0;
    memset(g.last_digest, 0, sizeof g.last_digest);
    g.m = (struct model){.now = {FIRST_DAY, 1000, 1}};
    boot_set();
    step_rules();
    snprintf(g.dir, sizeof g.dir, "%s", vault_new());
    g.lend_pid = part_start("lend", &sock);
    DONE(fk_lend_attach(sock, &g.lend, &err));
    keep_start(0);
    /* genesis: its time is a mark of no known start of the machine */
    struct fk_buf line = FK_BUF_INIT;
    DONE(fk_lend_lines(g.lend, 0, &line, &err));
    fk_sha256(line.data, line.len, g.last_digest);
    fk_buf_free(&line);
    g.next_seq = 1;
    model_took_entry(&g.m, "genesis", 0, FIRST_DAY);
    g.m.mark = (struct model_clock){FIRST_DAY, 0, 0};
    g.m.mark_trusted_ms = FIRST_DAY;
}

static void life_end(void) {
    told("the end");
    g.step++;
    verify_all();
    keep_end(!g.armed);
    fk_lend_close(&g.lend);
    WANT(waitpid(g.lend_pid, NULL, 0) == g.lend_pid, "no desk to wait for");
    model_free(&g.m);
    vault_remove(g.dir);
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
        while (g.step < of_life) {
            g.step++;
            step();
            if (g.step % VERIFY_EVERY == 0)
                verify_all();
        }
        life_end();
        left -= of_life;
        done += of_life;
        print_message("%lu steps, %" PRId64
                      " s: %lu messages disposed of, %lu pens died, %lu late verdicts refused\n",
                      done, (fk_monotonic_ms() - began) / 1000, g.disposed, g.deaths, g.refused);
    }
    fk_seqs_free(&g.certified);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_goes_but_what_is_due_and_it_goes_for_good)};
    if (argc == 6 && strcmp(argv[1], "part") == 0)
        return part(argv + 1);
    if (argc > 1) {
        fprintf(stderr, "it takes no argument\n");
        return 2;
    }
    g.program = "/proc/self/exe";
    (void)fk_fault("none"); /* reads what faults there are: none here */
    clock_fd = memfd_create("clock", MFD_CLOEXEC);
    if (clock_fd < 0 || ftruncate(clock_fd, 4096) != 0)
        return 2;
    clock_map(clock_fd);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
