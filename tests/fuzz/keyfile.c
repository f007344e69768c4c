/* A segment's key file (archiver/vault/keys_priv.h): changed in any way it opens only where its
 * first line is as it was written; every record that it then says it has can be read; finding ends.
 *
 * Input: changes (patch.h) of a key file with five records. */
#include "archiver/vault/keys_priv.h"
#include "base/io.h"
#include "tests/fuzz/support/patch.h"

#include <unistd.h>

static const uint8_t ledger[FK_LEDGER_BYTES] = {1}, sik[FK_KEY_BYTES] = {9};
static const struct fk_kek kek = {.key = {7}, .before = {7}};
static struct fk_keyname name = {NULL, ledger, &kek, 3, 1};

static void good_make(struct fk_buf *out) {
    uint8_t seq[8], wrapped[FK_WRAPPED_BYTES] = {0};
    DONE(fk_keyfile__head(&name, 5, sik, out, NULL));
    for (uint64_t i = 0; i < 5; i++) {
        for (int k = 0; k < 8; k++)
            seq[k] = (uint8_t)((10 + 3 * i) >> (56 - 8 * k));
        fk_buf_add(out, seq, sizeof seq);
        fk_buf_add(out, wrapped, sizeof wrapped);
    }
}

static void opened_check(struct fk_keyfile *kf, size_t len) {
    struct fk_err err = FK_ERR_INIT;
    uint8_t wrapped[FK_WRAPPED_BYTES];
    uint64_t seq;
    MUST(memcmp(kf->sik, sik, sizeof kf->sik) == 0);
    MUST((size_t)kf->records + kf->count * (8 + FK_WRAPPED_BYTES) == len);
    for (uint64_t i = 0; i < kf->count; i++)
        DONE(fk_keyfile__record(kf, i, &seq, wrapped, NULL));
    for (uint64_t want = 8; want < 26; want++)
        (void)fuzz_took(fk_keyfile__find(kf, want, wrapped, &err), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    struct fk_buf file = FK_BUF_INIT;
    struct fk_keyfile kf = {.fd = -1};
    struct fk_err err = FK_ERR_INIT;
    if (!name.dir) {
        char keys[4096];
        name.dir = fuzz_dir();
        snprintf(keys, sizeof keys, "%s/keys", name.dir);
        DONE(fk_make_dir(keys, 0700, NULL));
    }
    good_make(&file);
    fuzz_patch(&file, &in);
    (void)fuzz_file("keys/00000003.1.keys", file.data, file.len);
    if (fuzz_took(fk_keyfile__open(&name, &kf, &err), &err))
        opened_check(&kf, file.len);
    else
        MUST(kf.fd == -1);
    fk_keyfile__close(&kf);
    fk_buf_free(&file);
    return 0;
}
