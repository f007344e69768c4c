/*
 * keep.c - the asking end of the pen's socket: sends requests, keeps account of what is unanswered.
 *
 * Ids of mails are the caller's; other requests are waited for one at a time and answered by frames
 * of another type, so the two never meet. What was in flight when the pen went away is given out as
 * FK_RETRY, once: it may or may not have been kept, and the sender will try again.
 */
#include "archiver/vault/keep_priv.h"
#include "archiver/vault/occasion_priv.h"
#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPEN_WAIT_MS = 10000, OPEN_PAUSE_MS = 50 };

struct fk_keep {
    int sock;  /* -1 while the pen is away */
    pid_t pid; /* of a keep started for the occasion; 0 for none */
    uint32_t in_flight[FK_KEEP_IN_FLIGHT];
    size_t in_flight_count;
    struct fk_receipt early[FK_KEEP_IN_FLIGHT]; /* receipts that came while an answer was awaited */
    size_t early_first, early_count;
    uint32_t lost[FK_KEEP_IN_FLIGHT]; /* what a pen that went away has not answered */
    size_t lost_count;
    uint32_t last_id; /* of a request that is waited for */
    struct fk_frame frame;
    struct fk_err gone; /* why the pen is away, where it said so */
};

static enum fk_status keep_new(int sock, pid_t pid, struct fk_keep **out, struct fk_err *err) {
    struct fk_keep *k = calloc(1, sizeof *k);
    if (!k || fcntl(sock, F_SETFL, O_NONBLOCK) != 0) {
        free(k);
        fk_close(&sock);
        fk_occasion_end(&pid);
        return fk_fail(err, FK_NOMEM, "no memory to talk to the pen");
    }
    k->sock = sock;
    k->pid = pid;
    k->frame = (struct fk_frame)FK_FRAME_INIT;
    *out = k;
    return FK_OK;
}

enum fk_status fk_keep_attach(int sock, struct fk_keep **out, struct fk_err *err) {
    return keep_new(sock, 0, out, err);
}

void fk_keep_close(struct fk_keep **kp) {
    struct fk_keep *k = *kp;
    if (!k)
        return;
    fk_close(&k->sock);
    fk_occasion_end(&k->pid);
    fk_frame_free(&k->frame);
    free(k);
    *kp = NULL;
}

int fk_keep_fd(const struct fk_keep *k) {
    return k->sock;
}

/* There is room: what is in flight, early and lost are never more than FK_KEEP_IN_FLIGHT together.
 */
static void keep_lost(struct fk_keep *k) {
    fk_close(&k->sock);
    while (k->in_flight_count)
        k->lost[k->lost_count++] = k->in_flight[--k->in_flight_count];
}

void fk_keep_reattach(struct fk_keep *k, int sock) {
    keep_lost(k);
    if (fcntl(sock, F_SETFL, O_NONBLOCK) != 0)
        fk_close(&sock); /* stays away; serve will offer another */
    k->sock = sock;
    k->gone = (struct fk_err)FK_ERR_INIT;
}

static enum fk_status pen_is_away(struct fk_keep *k, struct fk_err *err) {
    if (k->gone.status != FK_OK)
        return fk_fail(err, k->gone.status, "%s", k->gone.text);
    return fk_fail(err, FK_RETRY, "the pen is away; try again");
}

static enum fk_status wait_for(int sock, short events, int wait_ms, struct fk_err *err) {
    struct pollfd p = {sock, events, 0};
    int n;
    do
        n = poll(&p, 1, wait_ms);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return fk_fail_sys(err, errno, "cannot wait for the pen");
    return n ? FK_OK : fk_fail(err, FK_RETRY, "the pen has not answered yet");
}

/* ---- reading */

static bool receipt_read(const struct fk_frame *f, struct fk_receipt *out) {
    struct fk_reader r;
    struct fk_receipt got = {.id = f->id};
    fk_reader_init(&r, f->payload.data, f->payload.len);
    uint32_t status = fk_get_u32(&r);
    got.seq = fk_get_u64(&r);
    fk_get_cstr(&r, got.c256, sizeof got.c256);
    fk_get_cstr(&r, got.text, sizeof got.text);
    if (!fk_reader_done(&r) || status > FK_NOMEM)
        return false;
    got.status = (enum fk_status)status;
    *out = got;
    return true;
}

static bool hello_read(struct fk_keep *k) {
    struct fk_reader r;
    struct fk_err said = FK_ERR_INIT;
    fk_reader_init(&r, k->frame.payload.data, k->frame.payload.len);
    uint32_t status = fk_get_u32(&r);
    fk_get_cstr(&r, said.text, sizeof said.text);
    if (!fk_reader_done(&r) || status > FK_NOMEM)
        return false;
    said.status = (enum fk_status)status;
    k->gone = said;
    return true;
}

static bool in_flight_remove(struct fk_keep *k, uint32_t id) {
    for (size_t i = 0; i < k->in_flight_count; i++)
        if (k->in_flight[i] == id) {
            k->in_flight[i] = k->in_flight[--k->in_flight_count];
            return true;
        }
    return false;
}

/* One frame, where there is one: its type, with *out filled for RECEIPT and ANSWER. A pen that has
 * gone or talks nonsense is FK_NOT_FOUND. */
static enum fk_status frame_take(struct fk_keep *k, uint16_t *type_out, struct fk_receipt *out,
                                 struct fk_err *err) {
    enum fk_status st = fk_frame_recv(k->sock, &k->frame, err);
    if (st == FK_RETRY)
        return st;
    bool good = false;
    if (st == FK_OK && k->frame.type == FK_KEEP_HELLO)
        good = hello_read(k) && k->gone.status == FK_OK;
    else if (st == FK_OK && k->frame.type == FK_KEEP_RECEIPT)
        good = receipt_read(&k->frame, out) && in_flight_remove(k, out->id);
    else if (st == FK_OK && k->frame.type == FK_KEEP_ANSWER)
        good = receipt_read(&k->frame, out);
    if (!good) {
        keep_lost(k);
        return fk_fail(err, FK_NOT_FOUND, "%s",
                       k->gone.status != FK_OK ? k->gone.text : "the pen has gone");
    }
    *type_out = k->frame.type;
    return FK_OK;
}

static bool receipt_at_hand(struct fk_keep *k, struct fk_receipt *out) {
    if (k->early_count) {
        *out = k->early[k->early_first];
        k->early_first = (k->early_first + 1) % FK_KEEP_IN_FLIGHT;
        k->early_count--;
        return true;
    }
    if (!k->lost_count)
        return false;
    *out = (struct fk_receipt){.id = k->lost[--k->lost_count], .status = FK_RETRY};
    snprintf(out->text, sizeof out->text, "the pen went away before it answered; try again");
    return true;
}

enum fk_status fk_keep_next_receipt(struct fk_keep *k, int wait_ms, struct fk_receipt *out,
                                    struct fk_err *err) {
    int64_t until = fk_monotonic_ms() + wait_ms;
    for (;;) {
        if (receipt_at_hand(k, out))
            return FK_OK;
        if (k->sock < 0)
            return fk_fail(err, FK_NOT_FOUND, "%s",
                           k->gone.status != FK_OK ? k->gone.text : "the pen has gone");
        uint16_t type;
        enum fk_status st = frame_take(k, &type, out, err);
        if (st == FK_OK && type == FK_KEEP_RECEIPT)
            return FK_OK;
        if (st != FK_RETRY)
            continue; /* a greeting, a late answer that nobody waits for, or gone: told above */
        int64_t left = until - fk_monotonic_ms();
        if (wait_ms >= 0 && left <= 0)
            return st;
        if ((st = wait_for(k->sock, POLLIN, wait_ms < 0 ? -1 : (int)left, err)) != FK_OK)
            return st;
    }
}

/* ---- opening */

/* Waits for the first frame: the pen is open, or says why not. */
static enum fk_status greeting_wait(struct fk_keep *k, struct fk_err *err) {
    enum fk_status st;
    uint16_t type;
    struct fk_receipt r;
    do {
        st = wait_for(k->sock, POLLIN, -1, err);
        if (st == FK_OK)
            st = frame_take(k, &type, &r, err);
    } while (st == FK_RETRY);
    if (st == FK_NOT_FOUND && k->gone.status != FK_OK)
        return fk_fail(err, k->gone.status, "%s", k->gone.text);
    if (st == FK_NOT_FOUND && k->pid > 0) /* of this command: another would end likewise */
        return fk_fail(err, FK_IO, "the pen ended while it opened the vault, without a word");
    return st == FK_NOT_FOUND ? fk_fail(err, FK_RETRY, "the pen went away while it opened") : st;
}

static enum fk_status keep_try(const char *dir, struct fk_keep **out, struct fk_err *err) {
    int sock = -1;
    pid_t pid = 0;
    struct fk_keep *k = NULL;
    enum fk_status st = fk_occasion_connect(dir, "run/keep.sock", &sock, err);
    if (st == FK_NOT_FOUND)
        st = fk_occasion_start(dir, "keep", &sock, &pid, err);
    if (st == FK_OK)
        st = keep_new(sock, pid, &k, err);
    if (st == FK_OK)
        st = greeting_wait(k, err);
    if (st == FK_OK)
        *out = k;
    else
        fk_keep_close(&k);
    return st;
}

/* A server that is starting or stopping, or another command, may have the pen for a moment. */
enum fk_status fk_keep_open(const char *dir, struct fk_keep **out, struct fk_err *err) {
    int64_t until = fk_monotonic_ms() + OPEN_WAIT_MS;
    for (;;) {
        enum fk_status st = keep_try(dir, out, err);
        if (st != FK_RETRY || fk_monotonic_ms() >= until)
            return st;
        (void)poll(NULL, 0, OPEN_PAUSE_MS);
    }
}

/* ---- asking */

static enum fk_status seal_once(int fd, struct fk_err *err) {
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SEAL) ? FK_OK : fk_memfile_seal(fd, err);
}

enum fk_status fk_keep_send_mail(struct fk_keep *k, uint32_t id, const struct fk_mail *mail,
                                 struct fk_err *err) {
    return fk_keep_send_item(k, id, mail, "", err);
}

enum fk_status fk_keep_send_item(struct fk_keep *k, uint32_t id, const struct fk_mail *mail,
                                 const char *item, struct fk_err *err) {
    if (k->sock < 0)
        return pen_is_away(k, err);
    if (k->in_flight_count + k->early_count + k->lost_count >= FK_KEEP_IN_FLIGHT)
        return fk_fail(err, FK_RETRY, "%d messages are unanswered", FK_KEEP_IN_FLIGHT);
    enum fk_status st = seal_once(mail->fd, err);
    if (st != FK_OK)
        return st;
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u64(&b, mail->message_bytes);
    fk_put_cstr(&b, mail->source);
    fk_put_cstr(&b, mail->floor);
    if (*item)
        fk_put_cstr(&b, item);
    st = b.failed ? fk_fail(err, FK_NOMEM, "no memory to send a message to the pen")
                  : fk_frame_send(k->sock, FK_KEEP_MAIL, id, b.data, b.len, mail->fd, err);
    fk_buf_free(&b);
    if (st == FK_OK)
        k->in_flight[k->in_flight_count++] = id;
    /* A dead socket is left open: fk_keep_next_receipt finds it so and tells what was lost. */
    return st == FK_NOT_FOUND ? fk_fail(err, FK_RETRY, "the pen is away; try again") : st;
}

static void early_put(struct fk_keep *k, const struct fk_receipt *r) {
    k->early[(k->early_first + k->early_count++) % FK_KEEP_IN_FLIGHT] = *r;
}

static enum fk_status answer_wait(struct fk_keep *k, uint32_t id, struct fk_receipt *out,
                                  struct fk_err *err) {
    for (;;) {
        uint16_t type;
        struct fk_receipt r;
        enum fk_status st = frame_take(k, &type, &r, err);
        if (st == FK_NOT_FOUND)
            return pen_is_away(k, err);
        if (st == FK_RETRY)
            st = wait_for(k->sock, POLLIN, -1, err);
        else if (st == FK_OK && type == FK_KEEP_RECEIPT)
            early_put(k, &r);
        else if (st == FK_OK && type == FK_KEEP_ANSWER && r.id == id) {
            if (r.status != FK_OK)
                return fk_fail(err, r.status, "%s", r.text);
            *out = r;
            return FK_OK;
        }
        if (st != FK_OK)
            return st;
    }
}

static enum fk_status ask(struct fk_keep *k, uint16_t type, const struct fk_buf *request, int fd,
                          struct fk_receipt *out, struct fk_err *err) {
    uint32_t id = ++k->last_id;
    if (k->sock < 0)
        return pen_is_away(k, err);
    if (request->failed)
        return fk_fail(err, FK_NOMEM, "no memory to ask the pen");
    enum fk_status st;
    while ((st = fk_frame_send(k->sock, type, id, request->data, request->len, fd, err)) ==
           FK_RETRY)
        if ((st = wait_for(k->sock, POLLOUT, -1, err)) != FK_OK)
            return st;
    if (st == FK_NOT_FOUND)
        return fk_fail(err, FK_RETRY, "the pen is away; try again");
    return st == FK_OK ? answer_wait(k, id, out, err) : st;
}

/* A body as a sealed memory file; *fd_out stays -1 where there is none. */
static enum fk_status body_file(const struct fk_buf *body, int *fd_out, struct fk_err *err) {
    if (!body)
        return FK_OK;
    if (body->failed)
        return fk_fail(err, FK_NOMEM, "no memory for the body of an entry");
    int fd;
    enum fk_status st = fk_memfile_new("fumikura-body", &fd, err);
    if (st != FK_OK)
        return st;
    st = fk_write_full(fd, body->data, body->len, "a memory file", err);
    if (st == FK_OK)
        st = fk_memfile_seal(fd, err);
    if (st == FK_OK)
        *fd_out = fd;
    else
        fk_close(&fd);
    return st;
}

enum fk_status fk_keep_append(struct fk_keep *k, const struct fk_record *record,
                              struct fk_receipt *out, struct fk_err *err) {
    enum fk_status st;
    int fd = -1;
    struct fk_buf b = FK_BUF_INIT;
    FK_TRY(body_file(record->body, &fd, err));
    fk_put_cstr(&b, record->kind);
    fk_put_cstr(&b, record->fields ? record->fields : "");
    st = ask(k, FK_KEEP_APPEND, &b, fd, out, err);
done:
    fk_close(&fd);
    fk_buf_free(&b);
    return st;
}

enum fk_status fk_keep_dispose(struct fk_keep *k, const struct fk_seqs *seqs, uint64_t basis,
                               const char *rule, const struct fk_buf *body, struct fk_receipt *out,
                               struct fk_err *err) {
    enum fk_status st;
    int fd = -1;
    struct fk_buf b = FK_BUF_INIT, list = FK_BUF_INIT;
    FK_TRY(body_file(body, &fd, err));
    fk_seqs_format(seqs, &list);
    fk_put_cstr(&b, fk_buf_cstr(&list));
    fk_put_u64(&b, basis);
    fk_put_cstr(&b, rule);
    b.failed |= list.failed;
    st = ask(k, FK_KEEP_DISPOSE, &b, fd, out, err);
done:
    fk_close(&fd);
    fk_buf_free(&b);
    fk_buf_free(&list);
    return st;
}

enum fk_status fk_keep_seal(struct fk_keep *k, uint64_t *last_out, struct fk_err *err) {
    struct fk_receipt r = {.seq = 0};
    struct fk_buf nothing = FK_BUF_INIT;
    enum fk_status st = ask(k, FK_KEEP_SEAL, &nothing, -1, &r, err);
    if (st == FK_OK)
        *last_out = r.seq;
    return st;
}

enum fk_status fk_keep_rekey(struct fk_keep *k, const struct fk_buf *body, struct fk_receipt *out,
                             struct fk_err *err) {
    int fd = -1;
    struct fk_buf nothing = FK_BUF_INIT;
    enum fk_status st = body_file(body, &fd, err);
    if (st == FK_OK)
        st = ask(k, FK_KEEP_REKEY, &nothing, fd, out, err);
    fk_close(&fd);
    return st;
}

enum fk_status fk_keep_escrow(struct fk_keep *k, const uint8_t key[32], const struct fk_buf *lines,
                              const struct fk_buf *body, int fd, struct fk_receipt *out,
                              struct fk_err *err) {
    struct fk_buf request = FK_BUF_INIT;
    fk_put_bytes(&request, key, 32);
    fk_put_bytes(&request, lines->data, lines->len);
    fk_put_bytes(&request, body->data, body->len);
    enum fk_status st = ask(k, FK_KEEP_ESCROW, &request, fd, out, err);
    fk_buf_wipe(&request);
    return st;
}

enum fk_status fk_keep_tether(struct fk_keep *k, int fd, struct fk_err *err) {
    struct fk_receipt r;
    struct fk_buf nothing = FK_BUF_INIT;
    return ask(k, FK_KEEP_TETHER, &nothing, fd, &r, err);
}

enum fk_status fk_keep_heal(struct fk_keep *k, uint64_t segment, const struct fk_buf *body,
                            struct fk_receipt *out, struct fk_err *err) {
    int fd = -1;
    struct fk_buf request = FK_BUF_INIT;
    fk_put_u64(&request, segment);
    enum fk_status st = body_file(body, &fd, err);
    if (st == FK_OK)
        st = ask(k, FK_KEEP_HEAL, &request, fd, out, err);
    fk_close(&fd);
    fk_buf_free(&request);
    return st;
}

void fk_person(char *out, size_t size) {
    char text[4096];
    struct passwd entry, *found = NULL;
    uid_t uid = getuid();
    if (getpwuid_r(uid, &entry, text, sizeof text, &found) == 0 && found)
        snprintf(out, size, "%s(%u)", entry.pw_name, (unsigned)uid);
    else
        snprintf(out, size, "(%u)", (unsigned)uid);
}
