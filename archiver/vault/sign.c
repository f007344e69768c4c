/* sign.c - the asking end of the signer's socket: one request at a time. An answer that is not of
 * its form counts as a signer that has gone. */
#include "archiver/vault/occasion_priv.h"
#include "archiver/vault/sign_priv.h"
#include "base/io.h"

#include <stdlib.h>
#include <string.h>

struct fk_sign {
    int sock;  /* -1 while the signer is away */
    pid_t pid; /* of one started for the occasion; 0 for none */
    uint32_t last_id;
    struct fk_frame frame;
};

enum fk_status fk_sign_attach(int sock, struct fk_sign **out, struct fk_err *err) {
    struct fk_sign *s = calloc(1, sizeof *s);
    if (!s) {
        fk_close(&sock);
        return fk_fail(err, FK_NOMEM, "no memory to talk to the signer");
    }
    s->sock = sock;
    s->frame = (struct fk_frame)FK_FRAME_INIT;
    *out = s;
    return FK_OK;
}

void fk_sign_reattach(struct fk_sign *s, int sock) {
    fk_close(&s->sock);
    s->sock = sock;
}

void fk_sign_close(struct fk_sign **sp) {
    struct fk_sign *s = *sp;
    if (!s)
        return;
    fk_close(&s->sock);
    fk_occasion_end(&s->pid);
    fk_frame_free(&s->frame);
    free(s);
    *sp = NULL;
}

static enum fk_status signer_is_away(struct fk_sign *s, struct fk_err *err) {
    fk_close(&s->sock);
    return fk_fail(err, FK_RETRY, "the signer is away; try again");
}

/* FAIL and HELLO: what the signer says, as our own failure. */
static enum fk_status said(struct fk_sign *s, struct fk_err *err) {
    struct fk_reader r;
    char text[sizeof err->text];
    fk_reader_init(&r, s->frame.payload.data, s->frame.payload.len);
    uint32_t status = fk_get_u32(&r);
    fk_get_cstr(&r, text, sizeof text);
    if (!fk_reader_done(&r) || status > FK_NOMEM)
        return signer_is_away(s, err);
    return status == FK_OK ? FK_OK : fk_fail(err, (enum fk_status)status, "%s", text);
}

static enum fk_status ask(struct fk_sign *s, uint16_t type, const struct fk_buf *payload,
                          uint16_t expected, struct fk_err *err) {
    if (s->sock < 0)
        return signer_is_away(s, err);
    if (payload->failed)
        return fk_fail(err, FK_NOMEM, "no memory to ask the signer");
    if (fk_frame_send(s->sock, type, ++s->last_id, payload->data, payload->len, -1, err) != FK_OK)
        return signer_is_away(s, err);
    do {
        if (fk_frame_recv(s->sock, &s->frame, err) != FK_OK)
            return signer_is_away(s, err);
        if (s->frame.type == FK_SIGN_HELLO && said(s, err) != FK_OK) {
            enum fk_status st = err ? err->status : FK_RETRY;
            fk_close(&s->sock);
            return st;
        }
    } while (s->frame.type == FK_SIGN_HELLO || s->frame.id != s->last_id);
    if (s->frame.type == FK_SIGN_FAIL) {
        enum fk_status st = said(s, err);
        return st == FK_OK ? signer_is_away(s, err) : st;
    }
    return s->frame.type == expected ? FK_OK : signer_is_away(s, err);
}

enum fk_status fk_sign_open(const char *dir, struct fk_sign **out, struct fk_err *err) {
    int sock = -1;
    pid_t pid = 0;
    struct fk_sign *s = NULL;
    struct fk_sign_head head;
    enum fk_status st = fk_occasion_start(dir, "sign", &sock, &pid, err);
    if (st == FK_OK)
        st = fk_sign_attach(sock, &s, err);
    if (st != FK_OK) {
        fk_occasion_end(&pid);
        return st;
    }
    s->pid = pid;
    st = fk_sign_head(s, &head, err); /* says at once why it cannot */
    if (st == FK_OK)
        *out = s;
    else
        fk_sign_close(&s);
    return st;
}

enum fk_status fk_sign_head(struct fk_sign *s, struct fk_sign_head *out, struct fk_err *err) {
    const struct fk_buf nothing = FK_BUF_INIT;
    struct fk_sign_head head;
    struct fk_reader r;
    size_t len;
    enum fk_status st = ask(s, FK_SIGN_HEAD, &nothing, FK_SIGN_IS_HEAD, err);
    if (st != FK_OK)
        return st;
    fk_reader_init(&r, s->frame.payload.data, s->frame.payload.len);
    fk_get_cstr(&r, head.checkpoint.origin, sizeof head.checkpoint.origin);
    head.checkpoint.size = fk_get_u64(&r);
    const uint8_t *root = fk_get_raw(&r, sizeof head.checkpoint.root);
    const char *key = (const char *)fk_get_bytes(&r, &len);
    if (!fk_reader_done(&r) ||
        fk_verifier_parse(key, len, FK_KEY_LOG, &head.verifier, err) != FK_OK)
        return signer_is_away(s, err);
    memcpy(head.checkpoint.root, root, sizeof head.checkpoint.root);
    *out = head;
    return FK_OK;
}

enum fk_status fk_sign_next(struct fk_sign *s, uint64_t size, const fk_hash root,
                            const struct fk_proof *proof, struct fk_buf *note, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u64(&b, size);
    fk_buf_add(&b, root, sizeof(fk_hash));
    fk_put_u16(&b, (uint16_t)proof->count);
    fk_buf_add(&b, proof->hash, proof->count * sizeof(fk_hash));
    enum fk_status st = ask(s, FK_SIGN_NEXT, &b, FK_SIGN_NOTE, err);
    fk_buf_free(&b);
    if (st != FK_OK)
        return st;
    fk_buf_add(note, s->frame.payload.data, s->frame.payload.len);
    return note->failed ? fk_fail(err, FK_NOMEM, "no memory for a checkpoint") : FK_OK;
}
