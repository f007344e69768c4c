/* pen_init.c - a new vault. The file `ledger` is written last: a directory without it is no vault,
 * so that a crash in between leaves nothing that looks like one. */
#include "archiver/vault/pen_priv.h"
#include "archiver/vault/signet.h"
#include "base/atomic_file.h"
#include "base/io.h"

#include <errno.h>
#include <ftw.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    mode_t mode;
} folders[] = {{"segments", 0750}, {"keys", 0750},  {"secrets", 0750}, {"log", 0755},
               {"time", 0755},     {"index", 0750}, {"run", 0755}};
enum { FOLDERS = sizeof folders / sizeof *folders };

static enum fk_status folders_make(const char *dir, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < FOLDERS && st == FK_OK; i++) {
        char path[PATH_MAX];
        fk_layout__path(path, dir, folders[i].name);
        st = fk_make_dir(path, folders[i].mode, err);
    }
    return st == FK_OK ? fk_sync_dir(dir, err) : st;
}

enum fk_status fk_pen__lay_out(const char *dir, bool *made, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(fk_layout__check(dir, err));
    *made = !fk_layout__exists(dir);
    FK_TRY(fk_make_dir(dir, 0755, err));
    FK_TRY(fk_layout__empty(dir, err));
    st = folders_make(dir, err);
    if (st != FK_OK)
        fk_pen__clear(dir, *made, err);
done:
    return st;
}

static int path_remove(const char *path, const struct stat *s, int kind, struct FTW *where) {
    (void)s;
    (void)kind;
    (void)where;
    return remove(path);
}

/* By name: a lost+found, or what somebody else has put there meanwhile, is not ours. */
void fk_pen__clear(const char *dir, bool made, struct fk_err *err) {
    static const char *const files[] = {"ledger", "lock"};
    char path[PATH_MAX];
    bool ok = true;
    for (size_t i = 0; i < FOLDERS; i++) {
        fk_layout__path(path, dir, folders[i].name);
        ok &= nftw(path, path_remove, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 || errno == ENOENT;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        fk_layout__path(path, dir, files[i]);
        ok &= unlink(path) == 0 || errno == ENOENT;
    }
    ok &= !made || rmdir(dir) == 0;
    if (!ok)
        fk_err_prefix(err, "%s: what was made in it, keys too, could not be removed: remove it",
                      dir);
}

enum fk_status fk_vault_init(const char *dir, struct fk_err *err) {
    static const uint8_t zeros[FK_SHA256_BYTES];
    const struct fk_pen_options options = FK_PEN_OPTIONS;
    uint8_t id[FK_LEDGER_BYTES];
    char hex[2 * FK_LEDGER_BYTES + 1], fields[64], origin[64], path[PATH_MAX];
    struct fk_kek kek = {0};
    const struct fk_where where = {dir, id, &kek};
    enum fk_status st;
    bool made, laid_out = false;
    FK_TRY(fk_pen__lay_out(dir, &made, err));
    laid_out = true;
    fk_random(id, sizeof id);
    fk_hex(hex, id, sizeof id);
    snprintf(fields, sizeof fields, "ledger=%s", hex);
    FK_TRY(fk_kek__create(dir, &kek, err));
    snprintf(origin, sizeof origin, "fumikura/%s", hex);
    fk_layout__path(path, dir, "secrets");
    FK_TRY(fk_signet_init(path, origin, err));
    struct fk_beginning b = {&where, 1,         0,     0, 0, fk_pen__map_bytes(&options),
                             zeros,  "genesis", fields};
    FK_TRY(fk_pen__build(&b, err));
    FK_TRY(fk_pen__publish(&where, 1, err));
    fk_layout__path(path, dir, "run/clean");
    FK_TRY(fk_atomic_put(path, 0644, "", 0, err));
    st = fk_layout__ledger_write(dir, id, err);
done:
    if (laid_out && st != FK_OK)
        fk_pen__clear(dir, made, err);
    OPENSSL_cleanse(&kek, sizeof kek);
    return st;
}
