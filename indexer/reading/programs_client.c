/* programs_client.c - the reader's side: asks, waits, believes nothing. */
#include "base/frame.h"
#include "base/io.h"
#include "base/pack.h"
#include "indexer/reading/programs_priv.h"

static enum fk_status answer_read(struct fk_frame *f, uint32_t id, struct fk_ran *out,
                                  struct fk_err *err) {
    struct fk_reader r;
    const uint8_t *text;
    size_t len, words_len;
    fk_reader_init(&r, f->payload.data, f->payload.len);
    const uint8_t outcome = fk_get_u8(&r);
    out->exit = fk_get_u8(&r);
    out->cpu_ms = fk_get_u32(&r);
    const uint8_t *words = fk_get_bytes(&r, &words_len);
    if (f->type != FK_RUNNER_DONE || f->id != id || !fk_reader_done(&r) || f->fd < 0 ||
        outcome >= FK_RAN_NEVER)
        return fk_fail(err, FK_CORRUPT, "not an answer of the runner");
    enum fk_status st = fk_memfile_map(f->fd, &text, &len, err);
    if (st != FK_OK)
        return st;
    fk_buf_add(&out->text, text, len < FK_PROGRAM_OUTPUT_MAX ? len : FK_PROGRAM_OUTPUT_MAX);
    fk_memfile_unmap(text, len);
    fk_buf_add(&out->complaint, words, words_len);
    out->outcome = (enum fk_outcome)outcome;
    return out->text.failed || out->complaint.failed
               ? fk_fail(err, FK_NOMEM, "a file's text: out of memory")
               : FK_OK;
}

/* One that came when there was no memory for it is still there, and is that of an earlier file. */
static enum fk_status answer_wait(int sock, uint32_t id, struct fk_frame *f, struct fk_err *err) {
    enum fk_status st;
    do
        st = fk_frame_recv(sock, f, err);
    while (st == FK_OK && f->type == FK_RUNNER_DONE && f->id < id);
    return st;
}

enum fk_status fk_program_run(int sock, enum fk_program program, unsigned seconds, const void *data,
                              size_t len, const char *password, struct fk_ran *out,
                              struct fk_err *err) {
    static uint32_t id;
    enum fk_status st;
    int fd = -1;
    struct fk_buf b = FK_BUF_INIT;
    struct fk_frame f = FK_FRAME_INIT;
    *out = (struct fk_ran){.outcome = FK_RAN_NEVER};
    if (sock < 0)
        return FK_OK;
    fk_put_u8(&b, (uint8_t)program);
    fk_put_u8(&b, (uint8_t)(seconds < FK_PROGRAM_SECONDS ? seconds : FK_PROGRAM_SECONDS));
    fk_put_cstr(&b, password ? password : "");
    FK_TRY(fk_memfile_new("file", &fd, err));
    FK_TRY(fk_write_full(fd, data, len, "a file for a program", err));
    FK_TRY(fk_memfile_seal(fd, err));
    FK_TRY(fk_frame_send(sock, FK_RUNNER_RUN, ++id, b.data, b.len, fd, err));
    FK_TRY(answer_wait(sock, id, &f, err));
    st = answer_read(&f, id, out, err);
done:
    fk_close(&fd);
    fk_buf_free(&b);
    fk_frame_free(&f);
    if (st == FK_NOMEM || st == FK_OK)
        return st;
    out->outcome = FK_RAN_NEVER; /* it is gone: what it was asked for is not known */
    return FK_OK;
}

void fk_ran_free(struct fk_ran *ran) {
    fk_buf_free(&ran->text);
    fk_buf_free(&ran->complaint);
}
