/* keys.c - wrapping (RFC 5649). */
#include "archiver/vault/keys_priv.h"
#include "base/pack.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct fk_wrap {
    EVP_CIPHER_CTX *wrap, *unwrap;
};

static EVP_CIPHER_CTX *context_new(const uint8_t *key, int encrypt) {
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (!c)
        return NULL;
    EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (EVP_CipherInit_ex(c, EVP_aes_256_wrap_pad(), NULL, key, NULL, encrypt) == 1)
        return c;
    EVP_CIPHER_CTX_free(c);
    return NULL;
}

enum fk_status fk_wrap__new(const uint8_t key[FK_KEY_BYTES], struct fk_wrap **out,
                            struct fk_err *err) {
    struct fk_wrap *w = calloc(1, sizeof *w);
    if (w) {
        w->wrap = context_new(key, 1);
        w->unwrap = context_new(key, 0);
    }
    if (!w || !w->wrap || !w->unwrap) {
        fk_wrap__free(&w);
        return fk_fail(err, FK_NOMEM, "no memory to wrap keys");
    }
    *out = w;
    return FK_OK;
}

void fk_wrap__free(struct fk_wrap **wp) {
    struct fk_wrap *w = *wp;
    if (!w)
        return;
    EVP_CIPHER_CTX_free(w->wrap);
    EVP_CIPHER_CTX_free(w->unwrap);
    free(w);
    *wp = NULL;
}

enum { BOUND_BYTES = FK_KEY_BYTES + FK_LEDGER_BYTES + 8 + FK_CONTENT_ID_BYTES };

static void bound_text(uint8_t out[BOUND_BYTES], const struct fk_bound *to, const uint8_t *key) {
    memcpy(out, key, FK_KEY_BYTES);
    memcpy(out + FK_KEY_BYTES, to->ledger, FK_LEDGER_BYTES);
    fk_be64(out + FK_KEY_BYTES + FK_LEDGER_BYTES, to->seq);
    memcpy(out + FK_KEY_BYTES + FK_LEDGER_BYTES + 8, to->id, FK_CONTENT_ID_BYTES);
}

void fk_wrap__content(struct fk_wrap *w, const struct fk_bound *to, const uint8_t key[FK_KEY_BYTES],
                      uint8_t out[FK_WRAPPED_BYTES]) {
    uint8_t text[BOUND_BYTES];
    int n = 0;
    bound_text(text, to, key);
    if (EVP_CipherUpdate(w->wrap, out, &n, text, BOUND_BYTES) != 1 || n != FK_WRAPPED_BYTES)
        abort(); /* the context was initialised and the length is right: only a fault of ours */
    OPENSSL_cleanse(text, sizeof text);
}

bool fk_unwrap__content(struct fk_wrap *w, const struct fk_bound *to,
                        const uint8_t in[FK_WRAPPED_BYTES], uint8_t key[FK_KEY_BYTES]) {
    uint8_t text[FK_WRAPPED_BYTES], want[BOUND_BYTES];
    int n = 0;
    bool ok = EVP_CipherUpdate(w->unwrap, text, &n, in, FK_WRAPPED_BYTES) == 1 && n == BOUND_BYTES;
    if (ok) {
        bound_text(want, to, text);
        ok = CRYPTO_memcmp(text, want, BOUND_BYTES) == 0;
    }
    if (ok)
        memcpy(key, text, FK_KEY_BYTES);
    OPENSSL_cleanse(text, sizeof text);
    OPENSSL_cleanse(want, sizeof want);
    return ok;
}
