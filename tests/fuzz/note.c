/* Checkpoints, cosignatures, verifier keys (archiver/vault/note.h): a text has one reading; only
 * what was signed verifies (Ed25519 gives one signature, so signing it again must give the bytes
 * that were taken). */
#include "archiver/vault/note.h"
#include "tests/fuzz/support/fuzz.h"

static struct fk_signer *log_key, *witness_key;

static void signed_text(const struct fk_checkpoint *c, struct fk_buf *out) {
    DONE(fk_checkpoint_sign(c, log_key, out, NULL));
}

static void checkpoint_check(const uint8_t *data, size_t len) {
    struct fk_checkpoint c, untouched, opened;
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf text = FK_BUF_INIT;
    memset(&c, 0x55, sizeof c);
    memcpy(&untouched, &c, sizeof c);
    if (!fuzz_took(fk_checkpoint_read(data, len, &c, &err), &err)) {
        MUST(memcmp(&c, &untouched, sizeof c) == 0);
        return;
    }
    fk_checkpoint_head(&c, &text);
    MUST(text.len <= len && memcmp(text.data, data, text.len) == 0);
    if (fuzz_took(fk_checkpoint_open(data, len, fk_signer_verifier(log_key), &opened, &err),
                  &err)) {
        MUST(strcmp(opened.origin, c.origin) == 0 && opened.size == c.size &&
             memcmp(opened.root, c.root, sizeof c.root) == 0);
        fk_buf_reset(&text);
        signed_text(&c, &text);
        const char *line = strstr(fk_buf_cstr(&text), "\n\n") + 2;
        MUST(memmem(data, len, line, strlen(line)));
    }
    fk_buf_free(&text);
}

static void cosignature_check(const uint8_t *data, size_t len) {
    struct fk_checkpoint c;
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf line = FK_BUF_INIT, again = FK_BUF_INIT;
    int64_t time_s = -77;
    if (fuzz_took(fk_checkpoint_signature(data, len, fk_signer_verifier(witness_key), &line,
                                          &time_s, &err),
                  &err)) {
        DONE(fk_checkpoint_read(data, len, &c, NULL));
        DONE(fk_checkpoint_cosign(&c, witness_key, time_s, &again, NULL));
        MUST(fuzz_same(line.data, line.len, again.data, again.len));
    } else
        MUST(line.len == 0 && time_s == -77);
    fk_buf_free(&line);
    fk_buf_free(&again);
}

static void verifier_check(const uint8_t *data, size_t len, enum fk_key_type type) {
    struct fk_verifier v;
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf text = FK_BUF_INIT;
    if (fuzz_took(fk_verifier_parse((const char *)data, len, type, &v, &err), &err)) {
        fk_verifier_format(&v, &text);
        MUST(fuzz_same(text.data, text.len, data, len));
    }
    fk_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const uint8_t seed[32] = "a key that is known to everybody";
    if (!log_key) {
        DONE(fk_signer_new("log.example/fuzz", FK_KEY_LOG, seed, &log_key, NULL));
        DONE(fk_signer_new("witness.example/fuzz", FK_KEY_WITNESS, seed, &witness_key, NULL));
    }
    checkpoint_check(data, len);
    cosignature_check(data, len);
    verifier_check(data, len, FK_KEY_LOG);
    verifier_check(data, len, FK_KEY_WITNESS);
    return 0;
}
