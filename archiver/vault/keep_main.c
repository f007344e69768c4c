/*
 * keep_main.c - sockets in front of keep_work.c: who may ask what, what a request must look like,
 * and answers that do not block the committer when somebody does not read.
 */
#include "archiver/vault/keep_main.h"
#include "archiver/vault/entry.h"
#include "archiver/vault/keep_work_priv.h"
#include "archiver/vault/peers_priv.h"
#include "base/clock.h"
#include "base/confine.h"
#include "base/io.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PEN_WAIT_MS = 10000,
    PEN_PAUSE_MS = 100,
    LARGE_ALLOCATION = 2 << 20,
    SPARE_MEMORY = 16 << 20,
    SEQS_MAX = 1000000
};

struct keep {
    struct fk_pen *pen;
    struct fk_work *work;
    struct fk_peers *peers;
};

/* ---- answers */

static void receipt_send(struct fk_peers *peers, struct fk_peer *to, uint16_t type,
                         const struct fk_receipt *r) {
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u32(&b, (uint32_t)r->status);
    fk_put_u64(&b, r->seq);
    fk_put_cstr(&b, r->c256);
    fk_put_cstr(&b, r->text);
    fk_peers_answer(peers, to, type, r->id, &b, -1);
    fk_buf_free(&b);
}

static uint16_t answer_type(uint16_t request) {
    return request == FK_KEEP_MAIL ? FK_KEEP_RECEIPT : FK_KEEP_ANSWER;
}

static void job_finished(void *ctx, struct fk_job *j) {
    struct keep *k = ctx;
    if (j->receipt.status == FK_IO)
        fk_peers_wake(k->peers); /* the pen may be spoiled: the loop looks */
    receipt_send(k->peers, j->owner, answer_type(j->type), &j->receipt);
    fk_peers_release(k->peers, j->owner);
    fk_job_free(&j);
}

static void on_open(void *ctx, struct fk_peer *peer) {
    struct keep *k = ctx;
    fk_peers_tell(k->peers, peer, FK_KEEP_HELLO, 0, &(struct fk_err)FK_ERR_INIT);
}

/* ---- requests */

enum role {
    ROLE_MAIL,
    ROLE_IMPORT, /* mail, and a file that is held */
    ROLE_ACT,
    ROLE_ANCHOR,
    ROLE_SCRUB,
    ROLE_WATCH,
    ROLE_AUTH,
    ROLE_ALL
};

static int role_of(const char *name) {
    static const char *const names[ROLE_ALL + 1] = {"mail",  "import", "act",  "anchor",
                                                    "scrub", "watch",  "auth", "all"};
    for (int i = 0; i <= ROLE_ALL; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* Kinds that may be asked for. The others are the pen's own, or have a request of theirs. */
static bool kind_is_allowed(enum role role, const char *kind) {
    static const char *const kinds[] = {"hold", "release", "class", "policy", "export",
                                        "fact", "anchor",  "gap",   "admin"};
    if (strcmp(kind, "act") == 0)
        return role == ROLE_ACT || role == ROLE_ALL;
    if (role == ROLE_ANCHOR)
        return strcmp(kind, "anchor") == 0;
    if (role == ROLE_SCRUB || role == ROLE_AUTH)
        return strcmp(kind, "fact") == 0;
    if (role == ROLE_WATCH)
        return strcmp(kind, "fact") == 0 || strcmp(kind, "gap") == 0;
    for (size_t i = 0; role == ROLE_ALL && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i], kind) == 0)
            return true;
    return false;
}

/* The facts of a process of the server are of its own sort: one that speaks to the network must not
 * be able to say that a bundle of keys was destroyed, or what another has found. */
static bool what_is_allowed(enum role role, const struct fk_entry *e) {
    static const char *const sorts[ROLE_ALL + 1] = {
        [ROLE_SCRUB] = "damaged", [ROLE_WATCH] = "canary", [ROLE_AUTH] = "auth"};
    char what[32];
    return !sorts[role] || !fk_entry_is(e, "fact") ||
           (fk_entry_field(e, "what", what, sizeof what) && strcmp(what, sorts[role]) == 0);
}

/* The memory file of a request, mapped at once so that no descriptor is held while a job waits. */
static enum fk_status content_take(struct fk_frame *f, struct fk_job *j, struct fk_err *err) {
    if (f->fd < 0)
        return FK_OK;
    enum fk_status st = fk_memfile_map(f->fd, &j->map, &j->map_len, err);
    j->has_content = st == FK_OK;
    return st;
}

/* The least power of two that is not less. */
static uint64_t size_bucket(uint64_t bytes) {
    uint64_t bucket = 1;
    while (bucket < bytes && bucket < (uint64_t)1 << 63)
        bucket <<= 1;
    return bucket;
}

static bool is_word(const char *text, const char *allowed) {
    return *text && strspn(text, allowed) == strlen(text);
}

static enum fk_status mail_read(struct fk_reader *r, struct fk_job *j, struct fk_err *err) {
    char source[FK_KEEP_SOURCE_MAX + 1], floor[FK_KEEP_FLOOR_MAX + 1], item[FK_KEEP_ITEM + 1] = "";
    j->message_bytes = fk_get_u64(r);
    fk_get_cstr(r, source, sizeof source);
    fk_get_cstr(r, floor, sizeof floor);
    if (!fk_reader_done(r))
        fk_get_cstr(r, item, sizeof item);
    if (!fk_reader_done(r) || !j->has_content || j->message_bytes > j->map_len)
        return fk_fail(err, FK_INVALID, "the request to keep a mail is not of the form");
    if (!is_word(source, "abcdefghijklmnopqrstuvwxyz0123456789-") ||
        !is_word(floor, "PYMD0123456789"))
        return fk_fail(err, FK_INVALID, "the source or the floor of a mail is not of the form");
    if (*item && (strlen(item) != FK_KEEP_ITEM || !is_word(item, "0123456789abcdef")))
        return fk_fail(err, FK_INVALID, "the item of a mail is not of the form");
    memcpy(j->kind, "mail", 5);
    fk_buf_printf(&j->fields, "source=%s floor=%s size=%llu", source, floor,
                  (unsigned long long)size_bucket(j->message_bytes));
    if (*item)
        fk_buf_printf(&j->fields, " item=%s", item);
    return FK_OK;
}

/* What the pen sets itself may not be among the fields, nor anything an entry line cannot have. */
static enum fk_status fields_check(enum role role, const char *kind, const char *fields,
                                   struct fk_err *err) {
    static const uint8_t prev[FK_SHA256_BYTES];
    struct fk_buf line = FK_BUF_INIT;
    struct fk_entry e;
    enum fk_status st = fk_entry_write(&line, 0, prev, kind, 0, fields, err);
    if (st == FK_OK)
        st = fk_entry_read(line.data, line.len, &e, err);
    size_t len;
    if (st == FK_OK && (fk_entry_field_at(&e, "c256", &len) || fk_entry_field_at(&e, "c512", &len)))
        st = fk_fail(err, FK_INVALID, "c256 and c512 are not the asker's to set");
    if (st == FK_OK && !what_is_allowed(role, &e))
        st = fk_fail(err, FK_DENIED, "this socket may not append a fact of that sort");
    fk_buf_free(&line);
    return st == FK_CORRUPT ? fk_fail(err, FK_INVALID, "the fields of an entry are not of the form")
                            : st;
}

static enum fk_status append_read(enum role role, struct fk_reader *r, struct fk_job *j,
                                  struct fk_err *err) {
    size_t len;
    fk_get_cstr(r, j->kind, sizeof j->kind);
    const uint8_t *fields = fk_get_bytes(r, &len);
    if (!fk_reader_done(r))
        return fk_fail(err, FK_INVALID, "the request to append an entry is not of the form");
    if (!kind_is_allowed(role, j->kind))
        return fk_fail(err, FK_DENIED, "this socket may not append an entry of kind \"%s\"",
                       j->kind);
    fk_buf_add(&j->fields, fields, len);
    if (memchr(fk_buf_cstr(&j->fields), 0, len))
        return fk_fail(err, FK_INVALID, "the fields of an entry hold a NUL");
    return fields_check(role, j->kind, fk_buf_cstr(&j->fields), err);
}

static enum fk_status dispose_read(struct fk_reader *r, struct fk_job *j, struct fk_err *err) {
    size_t len;
    const uint8_t *list = fk_get_bytes(r, &len);
    j->basis = fk_get_u64(r);
    fk_get_cstr(r, j->rule, sizeof j->rule);
    if (!fk_reader_done(r) || !*j->rule ||
        !fk_seqs_parse((const char *)list, len, SEQS_MAX, &j->seqs) || !j->seqs.count)
        return fk_fail(err, FK_INVALID, "the request to dispose is not of the form");
    memcpy(j->kind, "dispose", 8);
    return FK_OK;
}

static bool lines_are_plain(const struct fk_buf *b) {
    for (size_t i = 0; i < b->len; i++)
        if (b->data[i] != '\n' && (b->data[i] < 0x20 || b->data[i] > 0x7e))
            return false;
    return b->len && b->data[b->len - 1] == '\n' && !memmem(b->data, b->len, "\n\n", 2);
}

static enum fk_status escrow_read(struct fk_reader *r, struct fk_job *j, struct fk_err *err) {
    size_t key_len, lines_len, body_len;
    const uint8_t *key = fk_get_bytes(r, &key_len);
    const uint8_t *lines = fk_get_bytes(r, &lines_len);
    const uint8_t *body = fk_get_bytes(r, &body_len);
    bool good = fk_reader_done(r) && key_len == sizeof j->escrow.key &&
                lines_len <= FK_KEEP_LINES_MAX && j->escrow.fd >= 0;
    if (good)
        memcpy(j->escrow.key, key, key_len);
    if (key)
        OPENSSL_cleanse((uint8_t *)(uintptr_t)key, key_len);
    if (!good)
        return fk_fail(err, FK_INVALID, "the request for a bundle of keys is not of the form");
    fk_buf_add(&j->escrow.lines, lines, lines_len);
    fk_buf_add(&j->escrow.body, body, body_len);
    if (j->escrow.lines.failed || j->escrow.body.failed)
        return fk_fail(err, FK_NOMEM, "no memory for a request");
    return lines_are_plain(&j->escrow.lines)
               ? FK_OK
               : fk_fail(err, FK_INVALID, "the head of a bundle would not be plain lines");
}

static enum fk_status request_read(enum role role, struct fk_frame *f, struct fk_job *j,
                                   struct fk_err *err) {
    struct fk_reader r;
    fk_reader_init(&r, f->payload.data, f->payload.len);
    j->type = (enum fk_keep_frame)f->type;
    j->receipt.id = f->id;
    const bool is_source = role == ROLE_MAIL || role == ROLE_IMPORT;
    if (f->type != FK_KEEP_MAIL && is_source)
        return fk_fail(err, FK_DENIED, "this socket may only send mail");
    if (f->type != FK_KEEP_APPEND && !is_source && role != ROLE_ALL)
        return fk_fail(err, FK_DENIED, "this socket may only append entries");
    enum fk_status st = FK_OK;
    if (f->type == FK_KEEP_ESCROW) {
        j->escrow.fd = f->fd; /* to write to */
        f->fd = -1;
    } else {
        st = content_take(f, j, err);
    }
    if (st != FK_OK)
        return st;
    switch (f->type) {
    case FK_KEEP_ESCROW:
        return escrow_read(&r, j, err);
    case FK_KEEP_MAIL:
        return mail_read(&r, j, err);
    case FK_KEEP_APPEND:
        return append_read(role, &r, j, err);
    case FK_KEEP_DISPOSE:
        return dispose_read(&r, j, err);
    case FK_KEEP_HEAL:
        j->heal.segment = fk_get_u64(&r);
        return fk_reader_done(&r) ? FK_OK : fk_fail(err, FK_INVALID, "HEAL names one segment");
    default:
        return fk_reader_done(&r) ? FK_OK
                                  : fk_fail(err, FK_INVALID, "SEAL and REKEY have no payload");
    }
}

/* Not a job: it is there before the next request of the same socket is read. */
static enum fk_status tether_take(struct keep *k, struct fk_peer *peer, struct fk_frame *f) {
    struct fk_receipt r = {.id = f->id};
    const int role = fk_peer_role(peer);
    if ((role != ROLE_ALL && role != ROLE_IMPORT) || f->fd < 0 ||
        !fk_peers_tether(k->peers, peer, &f->fd)) {
        r.status = FK_DENIED;
        snprintf(r.text, sizeof r.text, "this socket may not leave a file with the pen");
    }
    receipt_send(k->peers, peer, FK_KEEP_ANSWER, &r);
    return FK_OK;
}

static enum fk_status on_frame(void *ctx, struct fk_peer *peer, struct fk_frame *f,
                               struct fk_err *err) {
    struct keep *k = ctx;
    if (f->type == FK_KEEP_TETHER)
        return tether_take(k, peer, f);
    if (f->type < FK_KEEP_MAIL || f->type > FK_KEEP_HEAL)
        return fk_fail(err, FK_CORRUPT, "a request of type %u", f->type);
    struct fk_job *j = fk_job_new();
    if (!j)
        return fk_fail(err, FK_NOMEM, "no memory for a request");
    fk_peers_hold(k->peers, peer);
    j->owner = peer;
    enum fk_status st = request_read((enum role)fk_peer_role(peer), f, j, err);
    if (st == FK_OK) {
        fk_work_add(k->work, j);
        return FK_OK;
    }
    j->receipt.status = st;
    snprintf(j->receipt.text, sizeof j->receipt.text, "%.199s", err->text);
    job_finished(k, j);
    return FK_OK;
}

/* ---- the process */

static enum fk_status on_round(void *ctx, struct fk_err *err) {
    struct keep *k = ctx;
    return fk_work_is_spoiled(k->work)
               ? fk_fail(err, FK_IO, "a write or sync failed; the vault is to be opened anew")
               : FK_OK;
}

/* A server that starts waits for a command that has the pen at that moment; a keep for one command
 * does not, because that command looks for a server in between. */
static enum fk_status pen_open(const char *dir, const struct fk_keep_options *options, bool patient,
                               struct fk_pen **out, struct fk_err *err) {
    int64_t until = fk_monotonic_ms() + (patient ? PEN_WAIT_MS : 0);
    for (;;) {
        enum fk_status st = fk_pen_open(dir, &options->pen, out, err);
        if (st != FK_RETRY || fk_monotonic_ms() >= until)
            return st;
        (void)poll(NULL, 0, PEN_PAUSE_MS);
    }
}

/* Two arenas; blocks of a large message given back at once, so that memory follows what is in
 * flight and not its peak; blocks of ordinary ones kept, since the kernel clears each page it gives
 * anew. */
static void memory_settle(void) {
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, LARGE_ALLOCATION);
    mallopt(M_TRIM_THRESHOLD, SPARE_MEMORY);
}

/* A command's pen completes what a crash left of a rotation before it is used; a server's does it
 * while it takes mail. Without room it stays half done, and is read and written so. */
static enum fk_status rekey_complete(struct fk_pen *pen, const struct fk_keep_options *options,
                                     struct fk_err *err) {
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st = FK_OK;
    for (bool done = false; st == FK_OK && !done;)
        st = fk_pen_rekey_step(pen, &done, &why);
    if (st == FK_IO)
        return fk_fail(err, st, "%s", why.text);
    if (st != FK_OK && options->notice)
        options->notice(&why);
    return FK_OK;
}

enum fk_status fk_keep_main(const char *dir, const struct fk_keep_options *options,
                            struct fk_child *child, struct fk_err *err) {
    static const struct fk_peer_handlers handlers = {role_of, on_open, on_frame, on_round};
    enum fk_status st;
    struct keep k = {0};
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    const struct fk_work_options work = {.threads = (unsigned)(cpus > 0 ? cpus : 1) + 1,
                                         .in_flight_bytes = options->in_flight_bytes,
                                         .vault = dir,
                                         .mirror = options->mirror,
                                         .seal_bytes_per_s = options->seal_bytes_per_s,
                                         .mirror_sync = options->mirror_sync,
                                         .notice = options->notice};
    memory_settle();
    FK_TRY(fk_confine_core(err));
    FK_TRY(fk_confine_network(err));
    st = pen_open(dir, options, child->control >= 0, &k.pen, err);
    if (st == FK_OK && child->control < 0 && !options->mirror) /* with one: by the work */
        st = rekey_complete(k.pen, options, err);
    if (st != FK_OK) {
        fk_peers_refuse(child, FK_KEEP_HELLO, err);
        goto done;
    }
    if (options->notice && fk_pen_trouble(k.pen)->status != FK_OK)
        options->notice(fk_pen_trouble(k.pen));
    FK_TRY(fk_peers_new(child, &handlers, &k, &k.peers, err));
    FK_TRY(fk_work_start(k.pen, &work, job_finished, &k, &k.work, err));
    FK_TRY(fk_child_ready(child, NULL, err));
    st = fk_peers_run(k.peers, err);
done:
    fk_work_stop(&k.work);
    fk_peers_free(&k.peers);
    fk_pen_close(&k.pen);
    return st;
}
