/* A bundle of keys (archiver/vault/escrow.h): what a stranger has changed does not open; of what
 * somebody with the key has sealed nothing but key files is written, nowhere but into the
 * directory, and nothing stays where not all could be.
 *
 * Input: a byte: 0 a tar archive that is sealed here, 1 changes (patch.h) of a sealed one, 2 a file
 * as it is. */
#include "archiver/vault/escrow_priv.h"
#include "tests/fuzz/support/patch.h"

#include <dirent.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <unistd.h>

static const char head[] = FK_ESCROW_FIRST_LINE
    "ledger: 01010101010101010101010101010101\nnumber: 5\nkek: 0123456789abcdef\n"
    "time: 2026-11-24T01:02:03.456Z\niv: 000000000000000000000000\n\n";
static const char key_hex[] = "0707070707070707070707070707070707070707070707070707070707070707";

static void seal(const struct fuzz_input *tar, struct fk_buf *out) {
    uint8_t key[FK_ESCROW_KEY_BYTES], iv[FK_ESCROW_IV_BYTES] = {0};
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n;
    memset(key, 7, sizeof key);
    fk_buf_str(out, head);
    MUST(c && fk_buf_reserve(out, tar->len + FK_ESCROW_TAG_BYTES));
    MUST(EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, iv) == 1);
    MUST(EVP_EncryptUpdate(c, NULL, &n, (const uint8_t *)head, sizeof head - 1) == 1);
    MUST(EVP_EncryptUpdate(c, out->data + out->len, &n, tar->at, (int)tar->len) == 1);
    out->len += tar->len;
    MUST(EVP_EncryptFinal_ex(c, out->data + out->len, &n) == 1);
    MUST(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, FK_ESCROW_TAG_BYTES, out->data + out->len) ==
         1);
    out->len += FK_ESCROW_TAG_BYTES;
    EVP_CIPHER_CTX_free(c);
}

static unsigned found, keys_found;
static char dir[2048];

static int on_file(const char *path, const struct stat *s, int kind, struct FTW *at) {
    const char *name = path + strlen(dir);
    (void)at;
    MUST(kind == FTW_F || kind == FTW_DP);
    if (kind == FTW_F) {
        found++;
        keys_found += strncmp(name, "/keys/", 6) == 0;
        MUST((s->st_mode & 077) == 0 || strcmp(name, "/ledger") == 0); /* which is no secret */
        MUST(strcmp(name, "/ledger") == 0 || strcmp(name, "/secrets/kek") == 0 ||
             strncmp(name, "/keys/", 6) == 0);
    }
    return 0;
}

static int on_remove(const char *path, const struct stat *s, int kind, struct FTW *at) {
    (void)s, (void)kind, (void)at;
    return remove(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    const uint8_t how = fuzz_byte(&in) % 3;
    struct fk_buf file = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    struct fk_escrow_info info = {.number = 77}, look = {.number = 77};
    const struct fk_escrow_with with = {.key_hex = key_hex};
    const struct fuzz_input nothing = {(const uint8_t *)"", 0};
    if (how == 2)
        fk_buf_add(&file, in.at, in.len);
    else
        seal(how ? &nothing : &in, &file);
    const size_t sealed = file.len;
    if (how == 1)
        fuzz_patch(&file, &in);
    const char *path = fuzz_file("bundle", file.data, file.len);
    snprintf(dir, sizeof dir, "%s/out", fuzz_dir());
    const bool looks = fuzz_took(fk_escrow_look(path, &look, &err), &err);
    MUST(looks || look.number == 77);
    const bool opens = fuzz_took(fk_escrow_open(path, &with, dir, &info, &err), &err);
    found = keys_found = 0;
    (void)nftw(dir, on_file, 8, FTW_DEPTH | FTW_PHYS);
    if (opens) {
        MUST(looks && info.number == look.number && (how == 0 || sealed == file.len));
        MUST(keys_found <= info.key_files);
    } else
        MUST(found == 0 && info.number == 77);
    (void)nftw(dir, on_remove, 8, FTW_DEPTH | FTW_PHYS);
    fk_buf_free(&file);
    return 0;
}
