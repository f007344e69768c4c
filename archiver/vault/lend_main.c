/* lend_main.c - sockets in front of desk.h: who may have what. lend_verify.c has the long request.
 */
#include "archiver/vault/lend_main.h"
#include "archiver/vault/lend_request_priv.h"
#include "archiver/vault/occasion_priv.h"
#include "base/clock.h"
#include "base/confine.h"
#include "base/io.h"

#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ACT_LASTS_MS = 24 * 3600 * 1000,
    SEQS_MAX = 1000000,
    LARGE_ALLOCATION = 2 << 20,
    SPARE_MEMORY = 16 << 20,
    ASKER_WAIT_MS = 30000
};
static int role_of(const char *name) {
    static const char *const names[] = {"index", "log", "act", "auth", "all"};
    for (int i = 0; i < 5; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* ---- answers */

static void on_open(void *ctx, struct fk_peer *peer) {
    struct fk_lend_desk *l = ctx;
    fk_peers_tell(l->peers, peer, FK_LEND_HELLO, 0, &(struct fk_err)FK_ERR_INIT);
}

static void file_send(struct fk_lend_desk *l, struct fk_peer *to, uint32_t id, int fd) {
    struct fk_buf nothing = FK_BUF_INIT;
    fk_peers_answer(l->peers, to, FK_LEND_FILE, id, &nothing, fd);
}

static enum fk_status bytes_send(struct fk_lend_desk *l, struct fk_peer *to, uint32_t id,
                                 const struct fk_buf *b, struct fk_err *err) {
    int fd = -1;
    enum fk_status st;
    FK_TRY(fk_memfile_new("fumikura-lent", &fd, err));
    FK_TRY(fk_write_full(fd, b->data, b->len, "a memory file", err));
    FK_TRY(fk_memfile_seal(fd, err));
    file_send(l, to, id, fd);
done:
    fk_close(&fd);
    return st;
}

/* ---- rights */

static bool what_shows(const struct fk_entry *e) {
    static const char *const list[] = {"show", "search", "export", "audit", "deliver", "verify"};
    char what[32];
    if (!fk_entry_is(e, "act") || !fk_entry_field(e, "what", what, sizeof what))
        return false;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (strcmp(list[i], what) == 0)
            return true;
    return false;
}

/* That what is looked at leaves as ciphertext with its key. */
static bool hands_keys_out(const struct fk_entry *e) {
    char what[32], form[32];
    return fk_entry_field(e, "what", what, sizeof what) && strcmp(what, "export") == 0 &&
           fk_entry_field(e, "form", form, sizeof form) && strcmp(form, "sealed") == 0;
}

/* Reads an act into l->act_of; kept, since an export asks for many contents against one act. */
static enum fk_status act_read(struct fk_lend_desk *l, uint64_t act, struct fk_err *err) {
    struct fk_buf line = FK_BUF_INIT;
    struct fk_entry e;
    struct fk_seqs of = {0};
    size_t len;
    const char *list;
    enum fk_status st;
    if (l->act == act)
        return FK_OK;
    st = fk_desk_line(l->desk, act, &line, err);
    if (st == FK_NOT_FOUND)
        FK_TRY(fk_fail(err, FK_DENIED, "there is no act %llu", (unsigned long long)act));
    FK_TRY(st);
    FK_TRY(fk_entry_read(line.data, line.len, &e, err));
    if (!what_shows(&e) || !(list = fk_entry_field_at(&e, "of", &len)) ||
        !fk_seqs_parse(list, len, SEQS_MAX, &of))
        FK_TRY(fk_fail(err, FK_DENIED, "entry %llu is no act that shows something",
                       (unsigned long long)act));
    fk_seqs_free(&l->act_of);
    l->act = act;
    l->act_time_ms = e.time_ms;
    l->act_of = of;
    l->act_sealed = hands_keys_out(&e);
done:
    fk_buf_free(&line);
    return st;
}

static enum fk_status act_check(struct fk_lend_desk *l, uint64_t seq, uint64_t act,
                                struct fk_err *err) {
    enum fk_status st = act_read(l, act, err);
    if (st != FK_OK)
        return st;
    if (!fk_seqs_has(&l->act_of, seq))
        return fk_fail(err, FK_DENIED, "act %llu does not name entry %llu", (unsigned long long)act,
                       (unsigned long long)seq);
    if (fk_now_ms() - l->act_time_ms > ACT_LASTS_MS)
        return fk_fail(err, FK_DENIED, "act %llu is older than a day; look again, with a new act",
                       (unsigned long long)act);
    return FK_OK;
}

/* The rules of the house are no secret to those who work in it. */
static enum fk_status rule_check(struct fk_lend_desk *l, uint64_t seq, struct fk_err *err) {
    struct fk_buf line = FK_BUF_INIT;
    struct fk_entry e;
    enum fk_status st;
    FK_TRY(fk_desk_line(l->desk, seq, &line, err));
    FK_TRY(fk_entry_read(line.data, line.len, &e, err));
    if (!fk_entry_is(&e, "hold") && !fk_entry_is(&e, "release") && !fk_entry_is(&e, "class") &&
        !fk_entry_is(&e, "policy"))
        FK_TRY(fk_fail(err, FK_DENIED, "the content of entry %llu is shown only against an act",
                       (unsigned long long)seq));
done:
    fk_buf_free(&line);
    return st;
}

/* What is asked for by role alone is mail, and nothing that people wrote about it. */
static enum fk_status mail_check(struct fk_lend_desk *l, uint64_t seq, struct fk_err *err) {
    struct fk_buf line = FK_BUF_INIT;
    struct fk_entry e;
    enum fk_status st;
    FK_TRY(fk_desk_line(l->desk, seq, &line, err));
    FK_TRY(fk_entry_read(line.data, line.len, &e, err));
    if (!fk_entry_is(&e, "mail"))
        FK_TRY(fk_fail(err, FK_DENIED, "this socket may only ask for mail, and entry %llu is none",
                       (unsigned long long)seq));
done:
    fk_buf_free(&line);
    return st;
}

/* ---- requests */

static enum fk_status head_answer(struct fk_lend_request *q, struct fk_err *err) {
    struct fk_head head;
    struct fk_buf b = FK_BUF_INIT;
    enum fk_status st = q->number[0] ? fk_desk_settled_head(q->l->desk, &head, err)
                                     : fk_desk_head(q->l->desk, &head, err);
    if (st != FK_OK)
        return st;
    fk_put_u64(&b, head.next_seq);
    fk_buf_add(&b, head.last_digest, sizeof head.last_digest);
    fk_put_u64(&b, head.rules);
    fk_put_u64(&b, head.erased);
    fk_put_cstr(&b, head.ledger);
    fk_peers_answer(q->l->peers, q->peer, FK_LEND_IS_HEAD, q->id, &b, -1);
    fk_buf_free(&b);
    return FK_OK;
}

static enum fk_status lines_answer(struct fk_lend_request *q, struct fk_err *err) {
    struct fk_buf lines = FK_BUF_INIT;
    enum fk_status st = fk_desk_lines(q->l->desk, q->number[0], FK_LEND_LINES_BYTES, &lines, err);
    if (st == FK_OK)
        st = bytes_send(q->l, q->peer, q->id, &lines, err);
    fk_buf_free(&lines);
    return st;
}

static enum fk_status content_answer(struct fk_lend_request *q, struct fk_err *err) {
    uint64_t seq = q->number[0], act = q->number[1];
    const bool is_for_people = act || q->role == ROLE_ACT || (q->role == ROLE_ALL && !q->l->alone);
    enum fk_status st = FK_OK;
    struct fk_buf plain = FK_BUF_INIT;
    if (act)
        st = act_check(q->l, seq, act, err);
    else if (is_for_people)
        st = rule_check(q->l, seq, err);
    if (st == FK_OK && q->role == ROLE_AUTH)
        st = mail_check(q->l, seq, err);
    if (st == FK_OK)
        st = is_for_people ? fk_desk_content(q->l->desk, seq, &plain, err)
                           : fk_desk_content_c256(q->l->desk, seq, &plain, err);
    if (st == FK_OK)
        st = bytes_send(q->l, q->peer, q->id, &plain, err);
    fk_buf_wipe(&plain);
    return st;
}

static enum fk_status sealed_answer(struct fk_lend_request *q, struct fk_err *err) {
    uint64_t seq = q->number[0], act = q->number[1];
    struct fk_buf file = FK_BUF_INIT;
    enum fk_status st = act_check(q->l, seq, act, err);
    if (st == FK_OK && !q->l->act_sealed)
        st = fk_fail(err, FK_DENIED,
                     "act %llu is none of what=export form=sealed: no key goes out against it",
                     (unsigned long long)act);
    if (st == FK_OK)
        st = fk_desk_sealed(q->l->desk, seq, &file, err);
    if (st == FK_OK)
        st = bytes_send(q->l, q->peer, q->id, &file, err);
    fk_buf_wipe(&file);
    return st;
}

void fk_lend__send(struct fk_lend_request *q, uint16_t type, const struct fk_buf *b) {
    struct pollfd p = {fk_peer_fd(q->peer), POLLOUT, 0};
    (void)poll(&p, 1, ASKER_WAIT_MS);
    fk_peers_answer(q->l->peers, q->peer, type, q->id, b, -1);
}

static enum fk_status segment_tell(void *ctx, const struct fk_segment_info *info,
                                   struct fk_err *err) {
    struct fk_lend_request *q = ctx;
    struct fk_buf b = FK_BUF_INIT;
    (void)err;
    fk_put_u64(&b, info->number);
    fk_put_u64(&b, info->first);
    fk_put_u64(&b, info->last);
    fk_put_u64(&b, info->bytes);
    fk_put_cstr(&b, info->state);
    fk_put_cstr(&b, info->digest);
    fk_lend__send(q, FK_LEND_SEGMENT, &b);
    fk_buf_free(&b);
    return FK_OK;
}

static enum fk_status segments_answer(struct fk_lend_request *q, struct fk_err *err) {
    struct fk_buf nothing = FK_BUF_INIT;
    enum fk_status st = fk_desk_segments(q->l->desk, segment_tell, q, err);
    if (st == FK_OK)
        fk_peers_answer(q->l->peers, q->peer, FK_LEND_END, q->id, &nothing, -1);
    return st;
}

static enum fk_status segment_file_answer(struct fk_lend_request *q, struct fk_err *err) {
    int fd = -1;
    enum fk_status st = fk_desk_segment_file(q->l->desk, q->number[0], &fd, err);
    if (st == FK_OK)
        file_send(q->l, q->peer, q->id, fd);
    fk_close(&fd);
    return st;
}

static enum fk_status apart_answer(struct fk_lend_request *q, struct fk_err *err) {
    int sock = -1;
    pid_t pid; /* reaped by on_round */
    enum fk_status st = fk_occasion_start(q->l->dir, "lend", &sock, &pid, err);
    if (st == FK_OK)
        file_send(q->l, q->peer, q->id, sock);
    fk_close(&sock);
    return st;
}

/* ---- the table of requests */

enum {
    INDEX = 1 << ROLE_INDEX,
    LOG = 1 << ROLE_LOG,
    ACT = 1 << ROLE_ACT,
    AUTH = 1 << ROLE_AUTH,
    ALL = 1 << ROLE_ALL
};
static const struct {
    uint16_t type, numbers;
    unsigned roles; /* that may ask it */
    enum fk_status (*answer)(struct fk_lend_request *q, struct fk_err *err);
} requests[] = {
    {FK_LEND_HEAD, 1, INDEX | LOG | ACT | AUTH | ALL, head_answer},
    {FK_LEND_LINES, 1, INDEX | LOG | ACT | AUTH | ALL, lines_answer},
    {FK_LEND_CONTENT, 2, INDEX | ACT | AUTH | ALL, content_answer},
    {FK_LEND_SEALED, 2, ACT | ALL, sealed_answer},
    {FK_LEND_SEGMENTS, 0, ACT | ALL, segments_answer},
    {FK_LEND_SEGMENT_FILE, 1, ALL, segment_file_answer},
    {FK_LEND_VERIFY, 3, ALL, fk_lend__verify},
    {FK_LEND_APART, 0, ALL, apart_answer},
};

static bool numbers_read(const struct fk_frame *f, unsigned n, uint64_t number[3]) {
    struct fk_reader r;
    fk_reader_init(&r, f->payload.data, f->payload.len);
    for (unsigned i = 0; i < n; i++)
        number[i] = fk_get_u64(&r);
    return fk_reader_done(&r);
}

static enum fk_status on_frame(void *ctx, struct fk_peer *peer, struct fk_frame *f,
                               struct fk_err *err) {
    struct fk_lend_request q = {
        .l = ctx, .peer = peer, .id = f->id, .role = (enum fk_lend_role)fk_peer_role(peer)};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        if (requests[i].type != f->type)
            continue;
        if (f->fd >= 0 || !numbers_read(f, requests[i].numbers, q.number))
            return fk_fail(err, FK_CORRUPT, "a request of type %u is not of the form", f->type);
        enum fk_status st;
        if (!(requests[i].roles & 1u << q.role))
            st = fk_fail(err, FK_DENIED, "this socket may not ask that");
        else
            st = requests[i].answer(&q, err);
        if (st != FK_OK)
            fk_peers_tell(q.l->peers, peer, FK_LEND_FAIL, q.id, err);
        return FK_OK;
    }
    return fk_fail(err, FK_CORRUPT, "a request of type %u", f->type);
}

/* ---- the process */

static enum fk_status on_round(void *ctx, struct fk_err *err) {
    (void)ctx;
    (void)err;
    while (waitpid(-1, NULL, WNOHANG) > 0) /* desks apart that are done */
        ;
    return FK_OK;
}

enum fk_status fk_lend_main(const char *dir, struct fk_child *child, struct fk_err *err) {
    static const struct fk_peer_handlers handlers = {role_of, on_open, on_frame, on_round};
    enum fk_status st;
    struct fk_lend_desk l = {.dir = dir, .alone = child->control < 0 && !child->listen};
    mallopt(M_MMAP_THRESHOLD, LARGE_ALLOCATION); /* large blocks go back at once, others are kept */
    mallopt(M_TRIM_THRESHOLD, SPARE_MEMORY);
    FK_TRY(fk_confine_core(err));
    FK_TRY(fk_confine_network(err));
    st = fk_desk_open(dir, &l.desk, err);
    if (st != FK_OK) {
        fk_peers_refuse(child, FK_LEND_HELLO, err);
        goto done;
    }
    FK_TRY(fk_peers_new(child, &handlers, &l, &l.peers, err));
    FK_TRY(fk_child_ready(child, NULL, err));
    st = fk_peers_run(l.peers, err);
done:
    fk_peers_free(&l.peers);
    fk_desk_close(&l.desk);
    fk_seqs_free(&l.act_of);
    return st;
}
