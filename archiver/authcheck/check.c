/* check.c - main of the boxed checker, and the way of one message through it. */
#include "archiver/authcheck/check_priv.h"
#include "base/box.h"
#include "base/frame.h"
#include "base/io.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what is known */

static bool text_of(const struct fk_field *f, const char *name, char *out, size_t size) {
    struct fk_buf value = FK_BUF_INIT;
    if (!fk_field_is(f, name))
        return false;
    fk_field_value(f, &value);
    const bool fits =
        value.len < size && !memchr(value.data ? value.data : (uint8_t *)"", 0, value.len);
    snprintf(out, size, "%s", fits ? fk_buf_cstr(&value) : "");
    fk_buf_free(&value);
    return fits;
}

void fk_known_read(struct fk_known *k) {
    struct fk_fields it = fk_fields_begin(k->text.data, k->text.len);
    char time[24] = "";
    k->time_ms = 0;
    k->has_client = k->is_inside = false;
    *k->client = *k->helo = *k->mail_from = 0;
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        if (text_of(&f, "client", k->client, sizeof k->client))
            k->has_client = true;
        (void)text_of(&f, "helo", k->helo, sizeof k->helo);
        (void)text_of(&f, "mail-from", k->mail_from, sizeof k->mail_from);
        k->is_inside |= fk_field_is(&f, "inside");
        if (text_of(&f, "time", time, sizeof time))
            k->time_ms = strtoll(time, NULL, 10);
    }
}

bool fk_known_find(const struct fk_known *k, const struct fk_dns_question *q, struct fk_buf *need,
                   struct fk_dns_answer *out) {
    if (fk_dns_find(k->text.data, k->text.len, q, out))
        return true;
    fk_buf_printf(need, "need: %s %s\n", fk_dns_type_names[q->type], q->name);
    return false;
}

void fk_word_add(struct fk_buf *b, const char *text, size_t len) {
    if (!len)
        fk_buf_byte(b, '-');
    for (size_t i = 0; i < len && i < FK_DNS_NAME_MAX; i++)
        fk_buf_byte(b, (uint8_t)text[i] > 0x20 && (uint8_t)text[i] != 0x7f ? (uint8_t)text[i]
                                                                           : (uint8_t)'?');
}

/* ---- the message */

static struct fk_message message_of(const uint8_t *data, size_t len) {
    const uint8_t *lf = memchr(data, '\n', len);
    return (struct fk_message){data, len, lf && (lf == data || lf[-1] != '\r')};
}

/* One line without its end; *at goes on behind it. */
static size_t line_take(const struct fk_message *m, size_t *at, const uint8_t **line) {
    const uint8_t *begin = m->data + *at;
    const uint8_t *lf = memchr(begin, '\n', m->len - *at);
    size_t len = lf ? (size_t)(lf - begin) : m->len - *at;
    *at += lf ? len + 1 : len;
    *line = begin;
    return len && begin[len - 1] == '\r' ? len - 1 : len;
}

bool fk_message_field(const struct fk_message *m, size_t *at, struct fk_buf *field) {
    const uint8_t *line;
    fk_buf_reset(field);
    if (*at >= m->len)
        return false;
    size_t len = line_take(m, at, &line);
    if (!len)
        return false;
    fk_buf_add(field, line, len);
    while (*at < m->len && (m->data[*at] == ' ' || m->data[*at] == '\t')) {
        len = line_take(m, at, &line);
        fk_buf_str(field, "\r\n");
        fk_buf_add(field, line, len);
    }
    return true;
}

enum fk_status fk_check_message(const struct fk_message *m, struct fk_known *k,
                                struct fk_buf *answer, struct fk_err *err) {
    enum fk_status st;
    struct fk_dkim *dkim = NULL;
    struct fk_dmarc dmarc = {.result = ""};
    struct fk_spf spf;
    struct fk_passes *passes = calloc(1, sizeof *passes);
    if (!passes)
        return fk_fail(err, FK_NOMEM, "checking a message: out of memory");
    fk_known_read(k);
    FK_TRY(fk_dkim_begin(m, k, answer, &dkim, err));
    FK_TRY(fk_spf_look(k, answer, &spf, err));
    fk_dmarc_begin(m, k, answer, &dmarc);
    if (answer->len) /* names that are needed */
        goto done;
    FK_TRY(fk_dkim_finish(dkim, passes, answer, err));
    FK_TRY(fk_dmarc_finish(&dmarc, passes, &spf, err));
    fk_spf_write(&spf, answer);
    fk_dmarc_write(&dmarc, answer);
    if (answer->failed)
        st = fk_fail(err, FK_NOMEM, "checking a message: out of memory");
done:
    fk_dmarc_free(&dmarc);
    fk_dkim_free(&dkim);
    free(passes);
    return st;
}

/* ---- the process */

static enum fk_status hello(enum fk_status status, const char *text, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u32(&b, (uint32_t)status);
    fk_put_cstr(&b, text);
    enum fk_status st = fk_frame_send(FK_AUTH_SOCKET, FK_AUTH_HELLO, 0, b.data, b.len, -1, err);
    fk_buf_free(&b);
    return st;
}

static enum fk_status set_up(struct fk_frame *f, struct fk_err *err) {
    struct fk_reader r;
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st = fk_frame_recv(FK_AUTH_SOCKET, f, err);
    if (st != FK_OK)
        return st;
    fk_reader_init(&r, f->payload.data, f->payload.len);
    const uint64_t memory = fk_get_u64(&r);
    if (f->type != FK_AUTH_SETUP || !fk_reader_done(&r))
        return fk_fail(err, FK_CORRUPT, "not a checker's first message");
    enum fk_status ready = fk_dkim_library(&why);
    if (ready == FK_OK)
        ready = fk_spf_library(&why);
    if (ready == FK_OK)
        ready = fk_dmarc_library(&why);
    if (ready == FK_OK)
        ready = fk_box_close(memory, FK_AUTH_OUTPUT_MAX, &why);
    st = hello(ready, why.text, err);
    return ready != FK_OK ? ready : st;
}

#ifdef FK_TESTING
/* A message that begins with "X-Fumikura-Auth-Test: WORD" makes the checker misbehave. */
static void misbehave(const struct fk_message *m) {
    char word[16] = "";
    if (m->len < 40 || sscanf((const char *)m->data, "X-Fumikura-Auth-Test: %15s", word) != 1)
        return;
    if (strcmp(word, "crash") == 0)
        abort();
    while (strcmp(word, "spin") == 0)
        (void)getpid();
    while (strcmp(word, "hog") == 0)
        if (!memset(malloc(1 << 24), 1, 4096))
            abort();
}
#else
#define misbehave(m) ((void)0)
#endif

static enum fk_status answer_send(uint32_t id, const struct fk_buf *answer, struct fk_err *err) {
    if (answer->len > FK_FRAME_MAX)
        return fk_fail(err, FK_FULL, "an answer of %zu bytes", answer->len);
    return fk_frame_send(FK_AUTH_SOCKET, FK_AUTH_ANSWER, id, answer->data, answer->len, -1, err);
}

static enum fk_status job_do(struct fk_frame *f, struct fk_known *k, struct fk_buf *answer,
                             struct fk_err *err) {
    struct fk_reader r;
    const uint8_t *file;
    size_t size;
    fk_reader_init(&r, f->payload.data, f->payload.len);
    const uint64_t offset = fk_get_u64(&r), len = fk_get_u64(&r);
    if (!fk_reader_done(&r) || f->fd < 0)
        return fk_fail(err, FK_CORRUPT, "not a job");
    enum fk_status st = fk_memfile_map(f->fd, &file, &size, err);
    if (st != FK_OK)
        return st;
    fk_buf_reset(answer);
    if (offset > size || len > size - offset) {
        st = fk_fail(err, FK_CORRUPT, "a job outside its file");
    } else {
        const struct fk_message m = message_of(file + offset, len);
        misbehave(&m);
        st = fk_check_message(&m, k, answer, err);
    }
    fk_memfile_unmap(file, size);
    fk_close(&f->fd);
    fk_buf_reset(&k->text);
    return st == FK_OK ? answer_send(f->id, answer, err) : st;
}

static enum fk_status text_take(const struct fk_frame *f, struct fk_known *k, struct fk_err *err) {
    if (k->text.len + f->payload.len > 2 * FK_AUTH_TEXT_MAX)
        return fk_fail(err, FK_FULL, "more is known of a message than is taken");
    fk_buf_add(&k->text, f->payload.data, f->payload.len);
    return k->text.failed ? fk_fail(err, FK_NOMEM, "checking a message: out of memory") : FK_OK;
}

int fk_check_main(void) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_frame f = FK_FRAME_INIT;
    struct fk_buf answer = FK_BUF_INIT;
    struct fk_known known = {.text = FK_BUF_INIT};
    enum fk_status st = set_up(&f, &err);
    while (st == FK_OK && (st = fk_frame_recv(FK_AUTH_SOCKET, &f, &err)) == FK_OK) {
        if (f.type == FK_AUTH_TEXT)
            st = text_take(&f, &known, &err);
        else if (f.type == FK_AUTH_JOB)
            st = job_do(&f, &known, &answer, &err);
        else
            st = FK_CORRUPT;
    }
    /* Nothing is torn down: the process ends, and what a message has done to it with it. */
    _exit(st == FK_NOT_FOUND ? 0 : 1);
}
