/* sign_main.c - a socket in front of signet.h. */
#include "archiver/vault/sign_main.h"
#include "archiver/vault/peers_priv.h"
#include "archiver/vault/sign_priv.h"
#include "archiver/vault/signet.h"
#include "base/confine.h"
#include "base/io.h"

#include <limits.h>
#include <string.h>

struct desk {
    char secrets[PATH_MAX];
    struct fk_signet
        *signet; /* NULL in a server without a key: asked for again with each request */
    struct fk_peers *peers;
};

static int role_of(const char *name) {
    return strcmp(name, "log") == 0 || strcmp(name, "all") == 0 ? 0 : -1;
}

static void on_open(void *ctx, struct fk_peer *peer) {
    struct desk *d = ctx;
    fk_peers_tell(d->peers, peer, FK_SIGN_HELLO, 0, &(struct fk_err)FK_ERR_INIT);
}

static void head_answer(struct desk *d, struct fk_buf *out) {
    const struct fk_checkpoint *head = fk_signet_head(d->signet);
    struct fk_buf key = FK_BUF_INIT;
    fk_verifier_format(fk_signet_verifier(d->signet), &key);
    fk_put_cstr(out, head->origin);
    fk_put_u64(out, head->size);
    fk_buf_add(out, head->root, sizeof head->root);
    fk_put_bytes(out, key.data, key.len);
    out->failed |= key.failed;
    fk_buf_free(&key);
}

static enum fk_status next_answer(struct desk *d, const struct fk_frame *f, struct fk_buf *out,
                                  struct fk_err *err) {
    struct fk_reader r;
    struct fk_proof proof = {0};
    fk_reader_init(&r, f->payload.data, f->payload.len);
    uint64_t size = fk_get_u64(&r);
    const uint8_t *root = fk_get_raw(&r, sizeof(fk_hash));
    proof.count = fk_get_u16(&r);
    if (proof.count > sizeof proof.hash / sizeof *proof.hash)
        return fk_fail(err, FK_INVALID, "a proof of %zu hashes is too long", proof.count);
    const uint8_t *hashes = fk_get_raw(&r, proof.count * sizeof(fk_hash));
    if (!fk_reader_done(&r))
        return fk_fail(err, FK_INVALID, "a request for a signature is not of the form");
    if (proof.count)
        memcpy(proof.hash, hashes, proof.count * sizeof(fk_hash));
    return fk_signet_next(d->signet, size, root, &proof, out, err);
}

static enum fk_status on_frame(void *ctx, struct fk_peer *peer, struct fk_frame *f,
                               struct fk_err *err) {
    struct desk *d = ctx;
    struct fk_buf out = FK_BUF_INIT;
    uint16_t type = f->type == FK_SIGN_HEAD ? FK_SIGN_IS_HEAD : FK_SIGN_NOTE;
    enum fk_status st = FK_OK;
    if (f->fd >= 0 || (f->type != FK_SIGN_HEAD && f->type != FK_SIGN_NEXT))
        return fk_fail(err, FK_CORRUPT, "a request of type %u", f->type);
    if (!d->signet)
        st = fk_signet_open(d->secrets, &d->signet, err);
    if (st == FK_OK && f->type == FK_SIGN_HEAD)
        head_answer(d, &out);
    else if (st == FK_OK)
        st = next_answer(d, f, &out, err);
    if (st == FK_OK && out.failed)
        st = fk_fail(err, FK_NOMEM, "no memory for an answer");
    if (st == FK_OK)
        fk_peers_answer(d->peers, peer, type, f->id, &out, -1);
    else
        fk_peers_tell(d->peers, peer, FK_SIGN_FAIL, f->id, err);
    fk_buf_free(&out);
    return FK_OK;
}

static enum fk_status on_round(void *ctx, struct fk_err *err) {
    (void)ctx;
    (void)err;
    return FK_OK;
}

enum fk_status fk_sign_main(const char *dir, struct fk_child *child, struct fk_err *err) {
    static const struct fk_peer_handlers handlers = {role_of, on_open, on_frame, on_round};
    struct desk d = {.signet = NULL};
    enum fk_status st;
    FK_TRY(fk_confine_core(err));
    FK_TRY(fk_confine_network(err));
    FK_TRY(fk_join_path(d.secrets, sizeof d.secrets, dir, "secrets", err));
    st = fk_signet_open(d.secrets, &d.signet, err);
    if (st != FK_OK && child->control < 0) { /* a server takes mail without a key: logd says so */
        fk_peers_refuse(child, FK_SIGN_HELLO, err);
        goto done;
    }
    FK_TRY(fk_peers_new(child, &handlers, &d, &d.peers, err));
    FK_TRY(fk_child_ready(child, NULL, err));
    st = fk_peers_run(d.peers, err);
done:
    fk_peers_free(&d.peers);
    fk_signet_close(&d.signet);
    return st;
}
