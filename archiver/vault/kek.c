/* kek.c - the key-encryption key in its file, and in two files while it is exchanged.
 *
 * secrets/kek has the key. A rotation puts the next one beside it:
 *
 *     kek-draft          made, and not ordered yet: nothing is wrapped by it
 *     kek, kek-next      ordered: kek-next wraps, kek unwraps what the rotation has not come to
 *     kek-next           everything is wrapped by it, the old key is overwritten or gone
 *     kek                kek-next has got its name
 *
 * No two names are ever given to one file, so overwriting the old key cannot hit the new one.
 */
#include "archiver/vault/keys_priv.h"
#include "base/atomic_file.h"
#include "base/fault.h"
#include "base/io.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOKS = 10 }; /* a rotation's last step lasts for one rename */

static const char kek_head[] = "fumikura-kek/1 key=";
enum { HEAD = sizeof kek_head - 1, LINE = HEAD + 2 * FK_KEY_BYTES + 1 };

static enum fk_status key_put(const char *dir, const char *name, const uint8_t *key,
                              struct fk_err *err) {
    char path[PATH_MAX], line[LINE + 1];
    fk_layout__path(path, dir, name);
    memcpy(line, kek_head, HEAD);
    fk_hex(line + HEAD, key, FK_KEY_BYTES);
    line[LINE - 1] = '\n';
    enum fk_status st = fk_atomic_put(path, 0600, line, LINE, err);
    OPENSSL_cleanse(line, sizeof line);
    return st;
}

/* Overwritten: the rotation had no more use for it. */
static bool is_blank(const struct fk_buf *b) {
    for (size_t i = 0; i < b->len; i++)
        if (b->data[i])
            return false;
    return true;
}

/* FK_NOT_FOUND: the file is missing, or was overwritten. */
static enum fk_status key_read(const char *dir, const char *name, uint8_t key[FK_KEY_BYTES],
                               struct fk_err *err) {
    char path[PATH_MAX];
    struct stat s;
    struct fk_buf b = FK_BUF_INIT;
    enum fk_status st;
    fk_layout__path(path, dir, name);
    if (stat(path, &s) != 0)
        return errno == ENOENT
                   ? fk_fail(err, FK_NOT_FOUND,
                             "%s: the key-encryption key is missing; without it no content of this "
                             "vault can be read: put the file back from where you keep a copy",
                             path)
                   : fk_fail_sys(err, errno, "%s: cannot stat", path);
    if (s.st_mode & 0027)
        return fk_fail(err, FK_DENIED,
                       "%s: others can read or change the key-encryption key (mode %04o): chmod "
                       "0600 it, and find out who may have read it",
                       path, s.st_mode & 07777);
    FK_TRY(fk_read_file(path, 4096, &b, err));
    if (is_blank(&b))
        st = fk_fail(err, FK_NOT_FOUND, "%s: the key-encryption key was overwritten", path);
    else if (b.len != LINE || memcmp(b.data, kek_head, HEAD) != 0 ||
             !fk_unhex(key, (char *)b.data + HEAD, FK_KEY_BYTES) || b.data[LINE - 1] != '\n')
        st = fk_fail(err, FK_CORRUPT, "%s: not of the form \"%s<64 hex digits>\"", path, kek_head);
done:
    fk_buf_wipe(&b);
    return st;
}

static void file_look(const char *dir, const char *name, int64_t seen[3]) {
    char path[PATH_MAX];
    struct stat s = {0};
    fk_layout__path(path, dir, name);
    if (stat(path, &s) != 0)
        memset(&s, 0, sizeof s);
    seen[0] = (int64_t)s.st_ino;
    seen[1] = s.st_ctim.tv_sec;
    seen[2] = s.st_ctim.tv_nsec;
}

static void files_look(const char *dir, struct fk_kek *kek) {
    file_look(dir, "secrets/kek", kek->seen[0]);
    file_look(dir, "secrets/kek-next", kek->seen[1]);
}

enum fk_status fk_kek__create(const char *dir, struct fk_kek *out, struct fk_err *err) {
    struct fk_kek kek = {.rotating = false};
    fk_random(kek.key, sizeof kek.key);
    enum fk_status st = fk_kek__put(dir, &kek, err);
    if (st == FK_OK)
        *out = kek;
    OPENSSL_cleanse(&kek, sizeof kek);
    return st;
}

enum fk_status fk_kek__put(const char *dir, const struct fk_kek *kek, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (kek->rotating)
        st = key_put(dir, "secrets/kek-next", kek->key, err);
    return st == FK_OK ? key_put(dir, "secrets/kek", kek->rotating ? kek->before : kek->key, err)
                       : st;
}

/* The next key is read first: it may become the key meanwhile, but not the other way round. */
static enum fk_status kek_look(const char *dir, struct fk_kek *out, struct fk_err *err) {
    uint8_t key[FK_KEY_BYTES], next[FK_KEY_BYTES];
    enum fk_status st = key_read(dir, "secrets/kek-next", next, err);
    out->rotating = st == FK_OK;
    if (st != FK_OK && st != FK_NOT_FOUND)
        goto done;
    st = key_read(dir, "secrets/kek", key, err);
    if (out->rotating && st == FK_NOT_FOUND) { /* it has only to get its name */
        memcpy(key, next, sizeof key);
        st = FK_OK;
    }
    FK_TRY(st);
    memcpy(out->key, out->rotating ? next : key, sizeof out->key);
    memcpy(out->before, key, sizeof out->before);
done:
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(next, sizeof next);
    return st;
}

enum fk_status fk_kek__load(const char *dir, struct fk_kek *out, struct fk_err *err) {
    struct fk_kek kek = {.rotating = false};
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st = FK_NOT_FOUND;
    for (int i = 0; i < LOOKS && st == FK_NOT_FOUND; i++) { /* neither: between the two looks */
        files_look(dir, &kek);
        st = kek_look(dir, &kek, &why);
    }
    if (st == FK_OK)
        *out = kek;
    OPENSSL_cleanse(&kek, sizeof kek);
    return st == FK_OK ? st : fk_fail(err, st, "%s", why.text);
}

bool fk_kek__follow(const char *dir, struct fk_kek *kek) {
    struct fk_kek now = {.rotating = false};
    files_look(dir, &now);
    if (memcmp(now.seen, kek->seen, sizeof now.seen) == 0)
        return false;
    bool is_read = fk_kek__load(dir, &now, NULL) == FK_OK;
    if (is_read)
        *kek = now;
    OPENSSL_cleanse(&now, sizeof now);
    return is_read;
}

void fk_kek__id(const uint8_t key[FK_KEY_BYTES], char out[FK_KEK_ID_SIZE]) {
    static const char what[] = "fumikura-kek/1 id\n";
    uint8_t text[sizeof what - 1 + FK_KEY_BYTES], digest[FK_SHA256_BYTES];
    memcpy(text, what, sizeof what - 1);
    memcpy(text + sizeof what - 1, key, FK_KEY_BYTES);
    fk_sha256(text, sizeof text, digest);
    fk_hex(out, digest, (FK_KEK_ID_SIZE - 1) / 2);
    OPENSSL_cleanse(text, sizeof text);
}

/* What is a link, say to a medium that is taken away, would be left behind by a rename. */
static enum fk_status plain_check(const char *dir, struct fk_err *err) {
    char path[PATH_MAX];
    struct stat s;
    fk_layout__path(path, dir, "secrets/kek");
    if (lstat(path, &s) != 0)
        return fk_fail_sys(err, errno, "%s: cannot stat", path);
    if (!S_ISREG(s.st_mode))
        return fk_fail(err, FK_INVALID,
                       "%s: is not a plain file; the key is exchanged where it lies: put the file "
                       "itself there for the time of a rotation",
                       path);
    if (access(path, W_OK) != 0)
        return fk_fail(err, FK_DENIED,
                       "%s: cannot be overwritten, so the old key could not be destroyed: chmod "
                       "0600 it",
                       path);
    return FK_OK;
}

enum fk_status fk_kek__draft(const char *dir, char id[FK_KEK_ID_SIZE], struct fk_err *err) {
    uint8_t key[FK_KEY_BYTES];
    enum fk_status st;
    FK_TRY(plain_check(dir, err));
    fk_random(key, sizeof key);
    fk_kek__id(key, id);
    st = key_put(dir, "secrets/kek-draft", key, err);
    OPENSSL_cleanse(key, sizeof key);
done:
    return st;
}

enum fk_status fk_kek__draft_id(const char *dir, char id[FK_KEK_ID_SIZE], struct fk_err *err) {
    uint8_t key[FK_KEY_BYTES];
    enum fk_status st = key_read(dir, "secrets/kek-draft", key, err);
    if (st == FK_OK)
        fk_kek__id(key, id);
    OPENSSL_cleanse(key, sizeof key);
    return st;
}

enum fk_status fk_kek__draft_drop(const char *dir, struct fk_err *err) {
    static const char *const names[] = {"secrets/kek-draft", "secrets/kek-draft.new"};
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && st == FK_OK; i++) {
        char path[PATH_MAX];
        fk_layout__path(path, dir, names[i]);
        st = fk_destroy_file(path, err);
    }
    return st;
}

static enum fk_status key_rename(const char *dir, const char *from, const char *to,
                                 struct fk_err *err) {
    char old[PATH_MAX], new[PATH_MAX], folder[PATH_MAX];
    fk_layout__path(old, dir, from);
    fk_layout__path(new, dir, to);
    int injected = fk_fault("rename");
    if (injected || rename(old, new) != 0)
        return fk_fail_sys(err, injected ? injected : errno, "%s: cannot rename to %s", old, new);
    fk_layout__path(folder, dir, "secrets");
    return fk_sync_dir(folder, err);
}

enum fk_status fk_kek__begin(const char *dir, struct fk_kek *kek, struct fk_err *err) {
    enum fk_status st = key_rename(dir, "secrets/kek-draft", "secrets/kek-next", err);
    return st == FK_OK ? fk_kek__load(dir, kek, err) : st;
}

enum fk_status fk_kek__finish(const char *dir, struct fk_kek *kek, struct fk_err *err) {
    char path[PATH_MAX], folder[PATH_MAX];
    enum fk_status st;
    fk_layout__path(folder, dir, "secrets");
    FK_TRY(fk_sync_dir(folder, err)); /* kek-next, if a crash came before its directory was */
    fk_layout__path(path, dir, "secrets/kek");
    FK_TRY(fk_destroy_file(path, err));
    FK_TRY(key_rename(dir, "secrets/kek-next", "secrets/kek", err));
    st = fk_kek__load(dir, kek, err);
done:
    return st;
}
