/*
 * lend.c - the asking end of the desk's socket: one request at a time, its answers waited for; but
 * contents that will be asked for next are asked for ahead. What comes back is checked for form; an
 * answer that is none counts as a desk that has gone.
 */
#include "archiver/vault/lend_priv.h"
#include "archiver/vault/occasion_priv.h"
#include "base/clock.h"
#include "base/io.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { OPEN_WAIT_MS = 10000, OPEN_PAUSE_MS = 50 };

struct ahead {
    uint32_t id;
    uint64_t seq, act;
    int fd; /* of the answer; -1 while there is none */
};

struct fk_lend {
    int sock;  /* -1 while the desk is away */
    pid_t pid; /* of a lend started for the occasion; 0 for none */
    uint32_t last_id;
    uint32_t awaited; /* id of the request whose answers are taken */
    struct ahead ahead[FK_LEND_SOON];
    unsigned ahead_count; /* contents asked for ahead, oldest first */
    struct fk_frame frame;
};

enum fk_status fk_lend_attach(int sock, struct fk_lend **out, struct fk_err *err) {
    struct fk_lend *l = calloc(1, sizeof *l);
    if (!l) {
        fk_close(&sock);
        return fk_fail(err, FK_NOMEM, "no memory to talk to the desk");
    }
    l->sock = sock;
    l->frame = (struct fk_frame)FK_FRAME_INIT;
    *out = l;
    return FK_OK;
}

static void ahead_drop(struct fk_lend *l, unsigned i) {
    fk_close(&l->ahead[i].fd);
    l->ahead_count--;
    memmove(l->ahead + i, l->ahead + i + 1, (l->ahead_count - i) * sizeof *l->ahead);
}

static void hang_up(struct fk_lend *l) {
    fk_close(&l->sock);
    while (l->ahead_count > 0)
        ahead_drop(l, 0);
}

void fk_lend_close(struct fk_lend **lp) {
    struct fk_lend *l = *lp;
    if (!l)
        return;
    hang_up(l);
    fk_occasion_end(&l->pid);
    fk_frame_free(&l->frame);
    free(l);
    *lp = NULL;
}

void fk_lend_reattach(struct fk_lend *l, int sock) {
    hang_up(l);
    l->sock = sock;
}

static enum fk_status desk_is_away(struct fk_lend *l, struct fk_err *err) {
    hang_up(l);
    return fk_fail(err, FK_RETRY, "the desk is away; try again");
}

/* FAIL and HELLO: what the desk says, as our own failure. */
static enum fk_status said(struct fk_lend *l, struct fk_err *err) {
    struct fk_reader r;
    char text[sizeof err->text];
    fk_reader_init(&r, l->frame.payload.data, l->frame.payload.len);
    uint32_t status = fk_get_u32(&r);
    fk_get_cstr(&r, text, sizeof text);
    if (!fk_reader_done(&r) || status > FK_NOMEM)
        return desk_is_away(l, err);
    return status == FK_OK ? FK_OK : fk_fail(err, (enum fk_status)status, "%s", text);
}

static int file_take(struct fk_lend *l) {
    int fd = l->frame.fd;
    l->frame.fd = -1;
    return fd;
}

/* An answer to what was asked for ahead is kept until that is asked for. What has none is asked for
 * once more then, and so says why. */
static void ahead_answered(struct fk_lend *l) {
    for (unsigned i = 0; i < l->ahead_count; i++)
        if (l->ahead[i].id == l->frame.id) {
            l->ahead[i].fd = file_take(l);
            if (l->frame.type != FK_LEND_FILE || l->ahead[i].fd < 0)
                ahead_drop(l, i);
            return;
        }
}

/* The next answer to the request at hand, which is in l->frame afterwards. */
static enum fk_status answer_take(struct fk_lend *l, uint16_t *type_out, struct fk_err *err) {
    for (;;) {
        enum fk_status st = fk_frame_recv(l->sock, &l->frame, err);
        if (st != FK_OK)
            return desk_is_away(l, err);
        if (l->frame.type == FK_LEND_HELLO) {
            st = said(l, err);
            if (st != FK_OK)
                hang_up(l);
        } else if (l->frame.id != l->awaited) {
            ahead_answered(l); /* or the rest of an answer that was given up */
            continue;
        } else if (l->frame.type == FK_LEND_FAIL) {
            st = said(l, err);
            return st == FK_OK ? desk_is_away(l, err) : st;
        } else {
            *type_out = l->frame.type;
            return FK_OK;
        }
        if (st != FK_OK)
            return st;
    }
}

static enum fk_status request_send(struct fk_lend *l, uint16_t type, const uint64_t *numbers,
                                   size_t n, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    if (l->sock < 0)
        return desk_is_away(l, err);
    for (size_t i = 0; i < n; i++)
        fk_put_u64(&b, numbers[i]);
    enum fk_status st = b.failed
                            ? fk_fail(err, FK_NOMEM, "no memory to ask the desk")
                            : fk_frame_send(l->sock, type, ++l->last_id, b.data, b.len, -1, err);
    fk_buf_free(&b);
    return st == FK_NOT_FOUND ? desk_is_away(l, err) : st;
}

static enum fk_status ask(struct fk_lend *l, uint16_t type, const uint64_t *numbers, size_t n,
                          struct fk_err *err) {
    enum fk_status st = request_send(l, type, numbers, n, err);
    l->awaited = l->last_id;
    return st;
}

/* The one answer of a request, which has to be of a type. */
static enum fk_status answer_of(struct fk_lend *l, uint16_t expected, struct fk_err *err) {
    uint16_t got;
    enum fk_status st = answer_take(l, &got, err);
    if (st == FK_OK && (got != expected || (expected == FK_LEND_FILE && l->frame.fd < 0)))
        st = desk_is_away(l, err);
    return st;
}

static enum fk_status ask_for(struct fk_lend *l, uint16_t type, const uint64_t *numbers, size_t n,
                              uint16_t expected, struct fk_err *err) {
    enum fk_status st = ask(l, type, numbers, n, err);
    return st == FK_OK ? answer_of(l, expected, err) : st;
}

/* ---- opening */

static enum fk_status greeting_wait(struct fk_lend *l, struct fk_err *err) {
    if (fk_frame_recv(l->sock, &l->frame, err) != FK_OK || l->frame.type != FK_LEND_HELLO)
        return desk_is_away(l, err);
    return said(l, err);
}

static enum fk_status lend_try(const char *dir, struct fk_lend **out, struct fk_err *err) {
    int sock = -1;
    pid_t pid = 0;
    struct fk_lend *l = NULL;
    enum fk_status st = fk_occasion_connect(dir, "run/lend.sock", &sock, err);
    if (st == FK_NOT_FOUND)
        st = fk_occasion_start(dir, "lend", &sock, &pid, err);
    if (st == FK_OK)
        st = fk_lend_attach(sock, &l, err);
    if (st != FK_OK) {
        fk_occasion_end(&pid);
        return st;
    }
    l->pid = pid;
    st = greeting_wait(l, err);
    if (st == FK_OK)
        *out = l;
    else
        fk_lend_close(&l);
    return st;
}

/* A server that is starting or stopping is gone over with another try. */
enum fk_status fk_lend_open(const char *dir, struct fk_lend **out, struct fk_err *err) {
    int64_t until = fk_monotonic_ms() + OPEN_WAIT_MS;
    for (;;) {
        enum fk_status st = lend_try(dir, out, err);
        if (st != FK_RETRY || fk_monotonic_ms() >= until)
            return st;
        (void)poll(NULL, 0, OPEN_PAUSE_MS);
    }
}

/* ---- asking */

static enum fk_status head_ask(struct fk_lend *l, uint64_t settled, struct fk_head *out,
                               struct fk_err *err) {
    enum fk_status st = ask_for(l, FK_LEND_HEAD, &settled, 1, FK_LEND_IS_HEAD, err);
    if (st != FK_OK)
        return st;
    struct fk_reader r;
    struct fk_head head;
    fk_reader_init(&r, l->frame.payload.data, l->frame.payload.len);
    head.next_seq = fk_get_u64(&r);
    const uint8_t *digest = fk_get_raw(&r, sizeof head.last_digest);
    head.rules = fk_get_u64(&r);
    head.erased = fk_get_u64(&r);
    fk_get_cstr(&r, head.ledger, sizeof head.ledger);
    if (!fk_reader_done(&r))
        return desk_is_away(l, err);
    memcpy(head.last_digest, digest, sizeof head.last_digest);
    *out = head;
    return FK_OK;
}

enum fk_status fk_lend_head(struct fk_lend *l, struct fk_head *out, struct fk_err *err) {
    return head_ask(l, 0, out, err);
}

enum fk_status fk_lend_settled_head(struct fk_lend *l, struct fk_head *out, struct fk_err *err) {
    return head_ask(l, 1, out, err);
}

enum fk_status fk_lend_lines(struct fk_lend *l, uint64_t from, struct fk_buf *lines,
                             struct fk_err *err) {
    const uint8_t *data;
    size_t len;
    enum fk_status st = ask_for(l, FK_LEND_LINES, &from, 1, FK_LEND_FILE, err);
    if (st == FK_OK)
        st = fk_memfile_map(l->frame.fd, &data, &len, err);
    if (st != FK_OK)
        return st;
    fk_buf_add(lines, data, len);
    fk_memfile_unmap(data, len);
    fk_close(&l->frame.fd);
    return lines->failed ? fk_fail(err, FK_NOMEM, "no memory for lines of the ledger") : FK_OK;
}

void fk_lend_content_soon(struct fk_lend *l, uint64_t seq, uint64_t act) {
    const uint64_t numbers[] = {seq, act};
    if (l->ahead_count == FK_LEND_SOON)
        ahead_drop(l, 0);
    if (l->sock >= 0 && request_send(l, FK_LEND_CONTENT, numbers, 2, NULL) == FK_OK)
        l->ahead[l->ahead_count++] = (struct ahead){l->last_id, seq, act, -1};
}

/* Into l->frame. */
static enum fk_status content_ask(struct fk_lend *l, uint64_t seq, uint64_t act,
                                  struct fk_err *err) {
    const uint64_t numbers[] = {seq, act};
    unsigned i = 0;
    while (i < l->ahead_count && (l->ahead[i].seq != seq || l->ahead[i].act != act))
        i++;
    if (i == l->ahead_count)
        return ask_for(l, FK_LEND_CONTENT, numbers, 2, FK_LEND_FILE, err);
    const struct ahead asked = l->ahead[i];
    l->ahead[i].fd = -1;
    ahead_drop(l, i);
    if (asked.fd < 0) {
        l->awaited = asked.id;
        return answer_of(l, FK_LEND_FILE, err);
    }
    fk_close(&l->frame.fd);
    l->frame.fd = asked.fd;
    return FK_OK;
}

enum fk_status fk_lend_content(struct fk_lend *l, uint64_t seq, uint64_t act,
                               struct fk_content *out, struct fk_err *err) {
    const uint8_t *data;
    size_t len;
    enum fk_status st = content_ask(l, seq, act, err);
    if (st == FK_OK)
        st = fk_memfile_map(l->frame.fd, &data, &len, err);
    if (st != FK_OK)
        return st;
    if (len < FK_LEND_SALT_BYTES) {
        fk_memfile_unmap(data, len);
        return desk_is_away(l, err);
    }
    *out = (struct fk_content){data, data + FK_LEND_SALT_BYTES, len - FK_LEND_SALT_BYTES,
                               file_take(l)};
    return FK_OK;
}

void fk_content_free(struct fk_content *c) {
    if (!c->salt)
        return;
    fk_memfile_unmap(c->salt, c->len + FK_LEND_SALT_BYTES);
    fk_close(&c->fd);
    *c = (struct fk_content){NULL, NULL, 0, -1};
}

enum fk_status fk_lend_sealed(struct fk_lend *l, uint64_t seq, uint64_t act, struct fk_sealed *out,
                              struct fk_err *err) {
    const uint64_t numbers[] = {seq, act};
    struct fk_reader r;
    struct fk_sealed s = {.parts = 0};
    enum fk_status st = ask_for(l, FK_LEND_SEALED, numbers, 2, FK_LEND_FILE, err);
    if (st == FK_OK)
        st = fk_memfile_map(l->frame.fd, &s.file, &s.file_len, err);
    if (st != FK_OK)
        return st;
    fk_close(&l->frame.fd);
    fk_reader_init(&r, s.file, s.file_len);
    s.key = fk_get_raw(&r, FK_LEND_KEY_BYTES);
    s.id = fk_get_raw(&r, FK_LEND_ID_BYTES);
    s.codec = fk_get_u32(&r);
    s.parts = fk_get_u32(&r);
    s.chunks = fk_get_u32(&r);
    if (!s.key || !s.id || s.file_len < FK_LEND_SEALED_HEAD) {
        fk_sealed_free(&s);
        return desk_is_away(l, err);
    }
    s.at = s.file + FK_LEND_SEALED_HEAD;
    s.left = s.file_len - FK_LEND_SEALED_HEAD;
    *out = s;
    return FK_OK;
}

bool fk_sealed_part(struct fk_sealed *s, const uint8_t **data, size_t *len) {
    struct fk_reader r;
    fk_reader_init(&r, s->at, s->left);
    size_t n = fk_get_u32(&r);
    if (s->left < 4 || n > s->left - 4)
        return false;
    *data = s->at + 4;
    *len = n;
    s->at += 4 + n;
    s->left -= 4 + n;
    return true;
}

bool fk_sealed_chunk(struct fk_sealed *s, struct fk_sealed_chunk *out) {
    enum { HEAD = 8 + 4 };
    struct fk_reader r;
    if (s->left < HEAD)
        return false;
    fk_reader_init(&r, s->at, HEAD);
    out->number = fk_get_u64(&r);
    out->codec = fk_get_u32(&r);
    s->at += HEAD;
    s->left -= HEAD;
    return fk_sealed_part(s, &out->data, &out->len);
}

void fk_sealed_free(struct fk_sealed *s) {
    if (s->file)
        fk_memfile_unmap(s->file, s->file_len);
    *s = (struct fk_sealed){.parts = 0};
}

static bool segment_read(const struct fk_frame *f, struct fk_segment_info *out) {
    struct fk_reader r;
    fk_reader_init(&r, f->payload.data, f->payload.len);
    out->number = fk_get_u64(&r);
    out->first = fk_get_u64(&r);
    out->last = fk_get_u64(&r);
    out->bytes = fk_get_u64(&r);
    fk_get_cstr(&r, out->state, sizeof out->state);
    fk_get_cstr(&r, out->digest, sizeof out->digest);
    return fk_reader_done(&r);
}

enum fk_status fk_lend_segments(struct fk_lend *l, fk_segment_fn fn, void *ctx,
                                struct fk_err *err) {
    enum fk_status st = ask(l, FK_LEND_SEGMENTS, NULL, 0, err);
    for (uint16_t type; st == FK_OK;) {
        struct fk_segment_info info;
        st = answer_take(l, &type, err);
        if (st != FK_OK || type == FK_LEND_END)
            break;
        if (type != FK_LEND_SEGMENT || !segment_read(&l->frame, &info))
            return desk_is_away(l, err);
        st = fn(ctx, &info, err);
    }
    return st;
}

enum fk_status fk_lend_segment_file(struct fk_lend *l, uint64_t number, int *fd_out,
                                    struct fk_err *err) {
    enum fk_status st = ask_for(l, FK_LEND_SEGMENT_FILE, &number, 1, FK_LEND_FILE, err);
    if (st == FK_OK)
        *fd_out = file_take(l);
    return st;
}

/* ---- verifying */

struct verify {
    fk_finding_fn finding;
    fk_progress_fn progress;
    void *ctx;
    struct fk_verify_sum *out;
};

static bool finding_tell(const struct verify *v, struct fk_reader *r) {
    struct fk_finding f;
    f.seq = fk_get_u64(r);
    f.segment = fk_get_u64(r);
    fk_get_cstr(r, f.check, sizeof f.check);
    fk_get_cstr(r, f.text, sizeof f.text);
    if (!fk_reader_done(r))
        return false;
    if (v->finding)
        v->finding(v->ctx, &f);
    return true;
}

static bool progress_tell(const struct verify *v, struct fk_reader *r) {
    uint64_t done = fk_get_u64(r), all = fk_get_u64(r);
    if (!fk_reader_done(r))
        return false;
    if (v->progress)
        v->progress(v->ctx, done, all);
    return true;
}

static enum fk_status sum_take(struct fk_lend *l, const struct verify *v, struct fk_reader *r,
                               struct fk_err *err) {
    struct fk_verify_sum sum;
    char text[sizeof err->text];
    sum.entries = fk_get_u64(r);
    sum.contents = fk_get_u64(r);
    sum.disposed = fk_get_u64(r);
    sum.unfinished = fk_get_u64(r);
    sum.bytes = fk_get_u64(r);
    sum.findings = fk_get_u64(r);
    sum.next_seq = fk_get_u64(r);
    uint32_t status = fk_get_u32(r);
    fk_get_cstr(r, text, sizeof text);
    if (!fk_reader_done(r) || status > FK_NOMEM)
        return desk_is_away(l, err);
    *v->out = sum;
    return status == FK_OK ? FK_OK : fk_fail(err, (enum fk_status)status, "%s", text);
}

static enum fk_status verify_follow(struct fk_lend *l, const struct fk_verify_range *range,
                                    const struct verify *v, struct fk_err *err) {
    const uint64_t numbers[] = {range->from, range->to, range->segment};
    enum fk_status st = ask(l, FK_LEND_VERIFY, numbers, 3, err);
    for (uint16_t type; st == FK_OK;) {
        st = answer_take(l, &type, err);
        if (st == FK_RETRY) /* it cannot have been told to stop: nobody else knows of it */
            return fk_fail(err, FK_CORRUPT,
                           "the process that verifies died; a segment's file may be cut short");
        if (st != FK_OK)
            return st;
        struct fk_reader r;
        fk_reader_init(&r, l->frame.payload.data, l->frame.payload.len);
        if (type == FK_LEND_SUM)
            return sum_take(l, v, &r, err);
        if (!(type == FK_LEND_FINDING && finding_tell(v, &r)) &&
            !(type == FK_LEND_PROGRESS && progress_tell(v, &r)))
            return desk_is_away(l, err);
    }
    return st;
}

enum fk_status fk_lend_verify(struct fk_lend *l, const struct fk_verify_range *range,
                              fk_finding_fn finding, fk_progress_fn progress, void *ctx,
                              struct fk_verify_sum *out, struct fk_err *err) {
    const struct verify v = {finding, progress, ctx, out};
    struct fk_lend *apart = NULL;
    enum fk_status st;
    if (l->pid)
        return verify_follow(l, range, &v, err);
    FK_TRY(ask_for(l, FK_LEND_APART, NULL, 0, FK_LEND_FILE, err));
    FK_TRY(fk_lend_attach(file_take(l), &apart, err));
    FK_TRY(greeting_wait(apart, err));
    st = verify_follow(apart, range, &v, err);
done:
    fk_lend_close(&apart);
    return st;
}
