/* A renewal's list and the names of stamps (archiver/vault/stamps_priv.h): a list is taken only
 * where each file that it names is there, within DIR/time and DIR/log, and hashes to what it says.
 * Input: the list. */
#include "archiver/vault/stamps_priv.h"
#include "base/digest.h"
#include "base/io.h"
#include "tests/fuzz/support/fuzz.h"

static char dir[2048];

static void vault_make(void) {
    char path[4096];
    static const char *const folders[] = {"vault", "vault/time", "vault/log", "vault/log/tile"};
    snprintf(dir, sizeof dir, "%s/vault", fuzz_dir());
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", fuzz_dir(), folders[i]);
        DONE(fk_make_dir(path, 0700, NULL));
    }
    (void)fuzz_file("vault/time/000000000300-20261124T010203Z-0a1b2c3d.tsr", "a", 1);
    (void)fuzz_file("vault/time/renewal-1.sha512", "", 0);
    (void)fuzz_file("vault/secret", "a", 1); /* is not to be named from there */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    const struct fk_buf list = {(uint8_t *)(uintptr_t)data, len, len, false};
    struct fk_buf own = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    uint64_t size;
    int64_t ms;
    char id[FK_STAMP_ID + 1];
    unsigned n;
    if (!dir[0])
        vault_make();
    if (fuzz_took(fk_renewal__check(dir, "renewal-1", &list, true, &own, &err), &err)) {
        MUST(!len || data[len - 1] == '\n');
        MUST(own.len <= len && !memmem(data, len, "secret", 6) &&
             !(own.len && memmem(own.data, own.len, "/", 1)));
    } else
        MUST(err.status == FK_CORRUPT);
    if (fk_stamps__name_read((const char *)data, len, &size, &ms, id))
        MUST(memchr(id, 0, sizeof id) && !memchr(data, '/', len));
    if (fk_stamps__renewal_read((const char *)data, len, &n))
        MUST(n >= 1);
    fk_buf_free(&own);
    return 0;
}
