/* walk.c - see walk.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archiver/vault/envelope.h"
#include "archiver/vault/keep_main.h"
#include "archiver/vault/lend_main.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/io.h"
#include "base/spawn.h"
#include "tests/unit/support/vaults.h"
#include "tests/unit/support/walk.h"

enum { SEGMENT_BYTES = 600000 };
struct walk walk;

/* ---- the parts of a server, each this program again */

/* The clock of all of them: two words of a shared page, "0001795600000000", behind the variable's
 * name. The lower word is written first, so that a reader in between is never ahead. */
static struct clock_page { char name[24], digits[17]; } * clock_page;
int walk_clock_fd = -1;
static const char clock_name[] = "FUMIKURA_TEST_CLOCK"; /* 19 letters, "=" comes before digits */

void walk_clock_map(int fd) {
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

int walk_part(char **argv) { /* part, keep or lend, DIR, SOCKET, CLOCK */
    char role[32];
    struct fk_child child;
    struct fk_err err = FK_ERR_INIT;
    struct fk_keep_options o = {.pen = vault_options(SEGMENT_BYTES), .in_flight_bytes = 1 << 26};
    char option[] = "--socket", *child_argv[] = {argv[1], option, role, NULL};
    snprintf(role, sizeof role, "all:%s", argv[3]);
    walk_clock_map(atoi(argv[4]));
    enum fk_status st = fk_child_begin(&child, 3, child_argv, &err);
    if (st == FK_OK)
        st = strcmp(argv[1], "keep") == 0 ? fk_keep_main(argv[2], &o, &child, &err)
                                          : fk_lend_main(argv[2], &child, &err);
    if (st != FK_OK)
        fprintf(stderr, "%s: %s\n", argv[1], err.text);
    return st == FK_OK ? 0 : 1;
}

uint64_t walk_chance(uint64_t below) {
    walk.random ^= walk.random << 13;
    walk.random ^= walk.random >> 7;
    walk.random ^= walk.random << 17;
    return (walk.random * 0x2545f4914f6cdd1dULL >> 33) % below;
}

void walk_told(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(walk.told[walk.step % WALK_TOLD].text, sizeof walk.told[0].text, fmt, ap);
    va_end(ap);
}

void walk_broken(const char *fmt, ...) {
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (unsigned long s = walk.step > WALK_TOLD - 1 ? walk.step - (WALK_TOLD - 1) : 1;
         s <= walk.step; s++)
        print_error("step %lu: %s\n", s, walk.told[s % WALK_TOLD].text);
    print_error("again: MODEL_SEED=%" PRIu64 " MODEL_STEPS=%lu; the vault is %s\n", walk.seed,
                walk.step, walk.dir);
    fail_msg("%s", text);
    abort();
}
pid_t walk_part_start(const char *name, int *sock) {
    int pair[2];
    pid_t pid;
    char socket[16], clock[16];
    DONE(fk_frame_pair(pair, &err));
    snprintf(socket, sizeof socket, "%d", pair[1]);
    snprintf(clock, sizeof clock, "%d", walk_clock_fd);
    const char *argv[] = {walk.program, "part", name, walk.dir, socket, clock, NULL};
    const int pass[] = {pair[1], walk_clock_fd};
    DONE(fk_spawn(argv, pass, 2, &pid, &err));
    fk_close(&pair[1]);
    *sock = pair[0];
    return pid;
}

void walk_keep_start(long dies_at) {
    char fault[32];
    int sock;
    snprintf(fault, sizeof fault, "*:%ld:kill", dies_at);
    if (dies_at)
        setenv("FUMIKURA_FAULT", fault, 1);
    walk.keep_pid = walk_part_start("keep", &sock);
    unsetenv("FUMIKURA_FAULT");
    DONE(fk_keep_attach(sock, &walk.keep, &err));
    walk.armed = dies_at != 0;
}

void walk_keep_end(bool good) {
    int status;
    fk_keep_close(&walk.keep);
    WANT(waitpid(walk.keep_pid, &status, 0) == walk.keep_pid, "no pen to wait for");
    bool died = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    WANT(died ? !good : WIFEXITED(status) && WEXITSTATUS(status) == 0, "the pen ended with %#x",
         (unsigned)status);
    walk.deaths += died;
    walk.keep_pid = 0;
}

/* ---- what the ledger has come to have */

void walk_mail_bytes(const struct model_mail *mail, struct fk_buf *out, bool envelope_first) {
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
    walk_mail_bytes(mail, &b, true);
    bool same = c->len == b.len && memcmp(c->bytes, b.data, b.len) == 0;
    fk_buf_free(&b);
    return same;
}

void walk_floor_text(const struct model_period *p, char out[FK_PERIOD_SIZE]) {
    fk_period_format(
        out, &(struct fk_period){(unsigned)p->years, (unsigned)p->months, (unsigned)p->days});
}

/* Which of the mails on their way this is: told by its bytes. */
static void took_mail(const struct fk_entry *e) {
    struct fk_content c = {.fd = -1};
    char source[64], floor[FK_PERIOD_SIZE], want[FK_PERIOD_SIZE];
    size_t i = 0;
    DONE(fk_lend_content(walk.lend, e->seq, 0, &c, &err));
    while (i < walk.want.mail_count &&
           (walk.want.mails[i].seq || !is_mail(&c, &walk.want.mails[i])))
        i++;
    fk_content_free(&c);
    WANT(i < walk.want.mail_count, "entry %" PRIu64 " is none of the messages that were sent",
         e->seq);
    struct model_mail *mail = &walk.want.mails[i];
    walk_floor_text(&mail->floor, want);
    WANT(fk_entry_field(e, "source", source, sizeof source) && strcmp(source, mail->source) == 0 &&
             fk_entry_field(e, "floor", floor, sizeof floor) && strcmp(floor, want) == 0,
         "entry %" PRIu64 " has another source or floor than was given", e->seq);
    mail->seq = e->seq;
    model_took_mail(&walk.m, mail);
}

static void took_disposal(const struct fk_entry *e) {
    char rule[64];
    uint64_t basis;
    size_t len;
    struct fk_seqs of = {0};
    const char *list = fk_entry_field_at(e, "of", &len);
    WANT(walk.want.dispose, "entry %" PRIu64 " disposes of something, unasked", e->seq);
    WANT(list && fk_seqs_parse(list, len, SIZE_MAX, &of) && of.count &&
             fk_entry_field(e, "rule", rule, sizeof rule) && fk_entry_number(e, "basis", &basis),
         "entry %" PRIu64 " does not say what it disposes of and why", e->seq);
    WANT(basis == walk.m.basis,
         "entry %" PRIu64 ": its basis is %" PRIu64 ", and entry %" PRIu64 " came since", e->seq,
         basis, walk.m.basis);
    for (size_t i = 0; i < of.count; i++) {
        const struct model_class *c;
        int64_t until;
        struct model_mail *mail = model_mail(&walk.m, of.at[i]);
        WANT(mail && !mail->disposed_by,
             "entry %" PRIu64 " disposes of %" PRIu64 ", which is no message, or gone", e->seq,
             of.at[i]);
        enum model_fate fate = model_fate(&walk.m, mail, &c, &until);
        WANT(fate == MODEL_DUE, "entry %" PRIu64 " disposes of %" PRIu64 ", which is %s", e->seq,
             of.at[i], fate == MODEL_HELD ? "held" : "not due");
        WANT(strcmp(rule, c->name) == 0, "entry %" PRIu64 ": %" PRIu64 " goes by class %s, not %s",
             e->seq, of.at[i], c->name, rule);
        mail->disposed_by = e->seq;
        walk.disposed++;
    }
    fk_seqs_free(&of);
}

static void took_admin(const struct fk_entry *e) {
    char what[32], trusted[FK_TIME_SIZE], want[FK_TIME_SIZE];
    bool accepted = walk.want.accept;
    fk_time_format(want, accepted ? walk.m.now.wall_ms : model_vouched(&walk.m));
    WANT((walk.want.mark || accepted) && fk_entry_field(e, "what", what, sizeof what) &&
             strcmp(what, accepted ? "accept-clock" : "clock") == 0,
         "entry %" PRIu64 " marks the clock, unasked", e->seq);
    WANT(fk_entry_field(e, "trusted", trusted, sizeof trusted) && strcmp(trusted, want) == 0,
         "entry %" PRIu64 " vouches for %s, not %s", e->seq, trusted, want);
    model_took_mark(&walk.m, accepted ? walk.m.now.wall_ms : model_vouched(&walk.m), accepted);
    walk.want.mark = walk.want.accept = false;
}

static void took_key(const struct fk_entry *e) {
    char what[32] = "";
    (void)fk_entry_field(e, "what", what, sizeof what);
    bool *asked = strcmp(what, "kek") == 0 ? &walk.want.rekey : &walk.want.bundle;
    WANT(*asked, "entry %" PRIu64 " is of kind key (%s), unasked", e->seq, what);
    *asked = false;
    if (strcmp(what, "escrow") == 0)
        model_took_copy(&walk.m, &(struct model_copy){e->seq, 0, e->seq - 1, 0, true});
}

static void took_fact(const struct fk_entry *e) {
    uint64_t of = 0;
    WANT(fk_entry_number(e, "of", &of) && of == walk.want.destroyed, "entry %" PRIu64 ": unasked",
         e->seq);
    for (size_t i = 0; i < walk.m.copy_count; i++)
        if (walk.m.copies[i].seq == of)
            walk.m.copies[i].destroyed = e->seq;
    walk.want.destroyed = 0;
}

static void took_release(const struct fk_entry *e) {
    uint64_t of = 0;
    WANT(fk_entry_number(e, "of", &of) && of && of == walk.want.release,
         "entry %" PRIu64 " releases what nobody asked for", e->seq);
    for (size_t i = 0; i < walk.m.hold_count; i++)
        if (walk.m.holds[i].seq == of)
            walk.m.holds[i].released = true;
    walk.want.release = 0;
}

static void took(const struct fk_entry *e) {
    bool by_the_pen = fk_entry_is(e, "segment") || fk_entry_is(e, "seal") || fk_entry_is(e, "act");
    WANT(by_the_pen || e->time_ms == walk.m.now.wall_ms,
         "entry %" PRIu64 " is not of the time it was written at", e->seq);
    model_took_entry(&walk.m, e->kind, e->seq, e->time_ms);
    if (by_the_pen)
        return;
    if (fk_entry_is(e, "mail")) {
        took_mail(e);
    } else if (fk_entry_is(e, "hold") && *walk.want.hold) {
        model_took_hold(&walk.m, e->seq, walk.want.hold, walk.want.seqs, walk.want.seq_count);
        *walk.want.hold = 0;
    } else if (fk_entry_is(e, "policy") && walk.want.rules) {
        walk.m.recorded = walk.m.configured;
        walk.m.any_recorded = true;
        walk.want.rules = false;
    } else if (fk_entry_is(e, "export") && walk.want.package.last) {
        walk.want.package.seq = e->seq;
        model_took_copy(&walk.m, &walk.want.package);
        walk.want.package.last = 0;
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
        walk_broken("entry %" PRIu64 " is of kind %s, unasked", e->seq, e->kind);
    }
}

static void lines_take(const struct fk_buf *lines, uint64_t head) {
    const char *at = (const char *)lines->data, *end = at + lines->len;
    for (; at < end && walk.next_seq < head; walk.next_seq++) {
        struct fk_entry e;
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        WANT(lf, "a line without an end at entry %" PRIu64, walk.next_seq);
        size_t len = (size_t)(lf - at) + 1;
        DONE(fk_entry_read(at, len, &e, &err));
        WANT(e.seq == walk.next_seq && memcmp(e.prev, walk.last_digest, sizeof e.prev) == 0,
             "entry %" PRIu64 " does not follow the one before it", walk.next_seq);
        fk_sha256(at, len, walk.last_digest);
        took(&e);
        at += len;
    }
}

/* Reads what is new. all: everything that the step was to write must be there. */
void walk_ledger_take(bool all) {
    struct fk_head head;
    struct fk_buf lines = FK_BUF_INIT;
    DONE(fk_lend_head(walk.lend, &head, &err));
    while (walk.next_seq < head.next_seq) {
        fk_buf_reset(&lines);
        DONE(fk_lend_lines(walk.lend, walk.next_seq, &lines, &err));
        lines_take(&lines, head.next_seq);
    }
    WANT(memcmp(head.last_digest, walk.last_digest, sizeof walk.last_digest) == 0,
         "the head is another line");
    WANT(head.rules == walk.m.basis,
         "the newest rules entry is %" PRIu64 ", says the desk; it is %" PRIu64, head.rules,
         walk.m.basis);
    fk_buf_free(&lines);
    const struct expected *w = &walk.want;
    for (size_t i = 0; all && i < w->mail_count; i++)
        WANT(w->mails[i].seq, "a message was acknowledged and is not in the ledger");
    WANT(!all || (!*w->hold && !w->release && !w->destroyed && !w->rules && !w->mark &&
                  !w->accept && !w->bundle && !w->rekey && !w->package.last),
         "what the step was to record is not in the ledger");
    walk.want = (struct expected){.mail_count = 0};
}

/* A step has come to an end. The pen may have died under it: then some of it is in the ledger, or
 * none, and another pen completes what was begun. */
void walk_step_end(enum fk_status st, const char *text) {
    WANT(st == FK_OK || walk.armed, "refused: %s", text);
    if (st != FK_OK) {
        walk_keep_end(false);
        walk_keep_start(0);
        /* A commit that the dead pen had written and not yet told to readers shows with the next.
         */
        struct fk_receipt r;
        DONE(fk_keep_append(walk.keep, &(struct fk_record){"act", "what=verify", NULL}, &r, &err));
    }
    walk_ledger_take(st == FK_OK);
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
    snprintf(path, sizeof path, "%s/keys", walk.dir);
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
void walk_rest(void) {
    char spare[256];
    for (int i = 0;; i++) {
        bool closed = false;
        siginfo_t died = {.si_pid = 0};
        DONE(fk_lend_segments(walk.lend, closed_seen, &closed, &err));
        keys_too_many(spare);
        if (!closed && !*spare)
            break;
        WANT(i < 10000, "%s%s was left behind", closed ? "a closed segment" : "keys/", spare);
        if (walk.armed &&
            waitid(P_PID, (id_t)walk.keep_pid, &died, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            died.si_pid == walk.keep_pid)
            walk_step_end(FK_RETRY, "");
        (void)poll(NULL, 0, 1);
    }
    walk_ledger_take(false);
}

/* ---- keys, as they lie on the disk */

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
    snprintf(path, sizeof path, "%s/%s", walk.dir, folder);
    int n = scandir(path, &names, NULL, alphasort);
    WANT(n >= 0, "%s cannot be read", path);
    for (int i = 0; i < n; i++) {
        const char *dot = strrchr(names[i]->d_name, '.');
        uint64_t segment = strtoull(names[i]->d_name, NULL, 10);
        if (dot && strcmp(dot, suffix) == 0) {
            WANT(segment != last, "two files %s of segment %" PRIu64, suffix, segment);
            last = segment;
            snprintf(path, sizeof path, "%s/%s/%s", walk.dir, folder, names[i]->d_name);
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

struct keys walk_keys_read(void) {
    struct keys k = {.at = NULL};
    each_file(&k, "keys", ".keys", key_file_read);
    each_file(&k, "segments", ".open", open_segment_read);
    if (k.count)
        qsort(k.at, k.count, sizeof *k.at, by_seq);
    return k;
}

void walk_keys_free(struct keys *k) {
    free(k->at);
}

const struct key *walk_key_of(const struct keys *k, uint64_t seq) {
    struct key want = {.seq = seq};
    return k->count ? bsearch(&want, k->at, k->count, sizeof *k->at, by_seq) : NULL;
}

/* What is there has its key, what is gone has none; and where something of a segment went, no key
 * in it is wrapped as it was: another intermediate key wraps it. */
void walk_keys_check(const struct keys *before) {
    struct keys k = walk_keys_read();
    for (size_t i = 0; i < walk.m.mail_count; i++) {
        const struct model_mail *mail = &walk.m.mails[i];
        const struct key *is = walk_key_of(&k, mail->seq),
                         *was = before ? walk_key_of(before, mail->seq) : NULL;
        WANT(!is == (mail->disposed_by != 0), "message %" PRIu64 " %s a key", mail->seq,
             is ? "still has" : "has lost");
        if (is || !was)
            continue;
        for (size_t n = 0; n < k.count; n++) {
            const struct key *old =
                k.at[n].segment == was->segment ? walk_key_of(before, k.at[n].seq) : NULL;
            WANT(!old || memcmp(old->wrapped, k.at[n].wrapped, sizeof old->wrapped) != 0,
                 "%" PRIu64 " was disposed of, and the key of %" PRIu64
                 " is still wrapped as before",
                 mail->seq, k.at[n].seq);
        }
    }
    walk_keys_free(&k);
}

/* ---- what it must read as */

void walk_mail_check(const struct model_mail *mail) {
    struct fk_content c = {.fd = -1};
    struct fk_err err = FK_ERR_INIT;
    char entry[64];
    enum fk_status st = fk_lend_content(walk.lend, mail->seq, 0, &c, &err);
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
    walk_broken("verify: %s, entry %" PRIu64 ", segment %" PRIu64 ": %s", f->check, f->seq,
                f->segment, f->text);
}

void walk_verify_all(void) {
    const struct fk_verify_range all = {0, UINT64_MAX, 0};
    struct fk_verify_sum sum;
    uint64_t gone = 0;
    walk_rest();
    struct fk_desk *desk = vault_desk(walk.dir);
    DONE(fk_desk_verify(desk, &all, finding_take, NULL, NULL, &sum, &err));
    fk_desk_close(&desk);
    for (size_t i = 0; i < walk.m.mail_count; i++) {
        gone += walk.m.mails[i].disposed_by != 0;
        walk_mail_check(&walk.m.mails[i]);
    }
    WANT(sum.disposed == gone, "verify counts %" PRIu64 " as disposed of, it is %" PRIu64,
         sum.disposed, gone);
    walk_keys_check(NULL);
}

struct fk_policy *walk_policy_make(void) {
    struct fk_class_text text[MODEL_CLASSES];
    char periods[MODEL_CLASSES][FK_PERIOD_SIZE], day[8];
    struct fk_policy *p = NULL;
    const struct model_rules *r = &walk.m.configured;
    for (int i = 0; i < r->count; i++) {
        const struct model_class *c = &r->classes[i];
        walk_floor_text(&c->period, periods[i]);
        text[i] = (struct fk_class_text){c->name, periods[i],
                                         c->fiscal ? "fiscal-year-end" : "received", c->source};
    }
    snprintf(day, sizeof day, "%02d-%02d", r->fiscal_month, r->fiscal_day);
    DONE(fk_policy_make(text, (size_t)r->count, day, r->zone_minutes, &p, &err));
    return p;
}

/* Every verdict beside the model's. */
void walk_roll_check(const struct fk_roll *roll, const struct fk_policy *policy) {
    static const enum fk_verdict_kind kinds[] = {FK_KEPT, FK_HELD, FK_DUE};
    int64_t now = fk_retention_time(roll);
    size_t n = 0;
    WANT(now == model_time(&walk.m), "verdicts are made with %" PRId64 ", vouched for is %" PRId64,
         now, model_time(&walk.m));
    for (size_t i = 0; i < walk.m.mail_count; i++) {
        const struct model_mail *mail = &walk.m.mails[i];
        const struct model_class *c;
        int64_t until;
        if (mail->disposed_by) {
            WANT(!fk_roll_mail(roll, mail->seq), "the roll still has %" PRIu64, mail->seq);
            continue;
        }
        enum model_fate fate = model_fate(&walk.m, mail, &c, &until);
        WANT(n < roll->mail_count && roll->mails[n].seq == mail->seq, "the roll lacks %" PRIu64,
             mail->seq);
        struct fk_verdict v = fk_decide(&roll->mails[n++], policy, &roll->holds, now);
        WANT(v.kind == kinds[fate] && v.until_ms == until && !v.rule == !c &&
                 (!c || strcmp(v.rule->name, c->name) == 0),
             "%" PRIu64 ": verdict %d until %" PRId64 " by %s; it is %d until %" PRId64 " by %s",
             mail->seq, v.kind, v.until_ms, v.rule ? v.rule->name : "none", fate, until,
             c ? c->name : "none");
        WANT(!v.hold || v.hold->seq == model_holder(&walk.m, mail->seq)->seq,
             "%" PRIu64 " is held by another hold", mail->seq);
    }
    WANT(n == roll->mail_count, "the roll has messages that are none");
}

void walk_boot_set(void) {
    char up[24], boot[40];
    snprintf(up, sizeof up, "%" PRId64, walk.m.now.up_ms);
    snprintf(boot, sizeof boot, "boot-%d", walk.m.now.boot);
    setenv("FUMIKURA_TEST_BOOTTIME", up, 1);
    setenv("FUMIKURA_TEST_BOOT", boot, 1);
    clock_set(walk.m.now.wall_ms);
}
