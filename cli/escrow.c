/* escrow.c - `keys escrow` and `keys open`: bundles of all keys (docs/keys.md). */
#include "archiver/vault/escrow.h"
#include "archiver/vault/keep.h"
#include "base/confine.h"
#include "base/io.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { PASSPHRASE_SIZE = 1024 };

/* ---- the passphrase */

static enum fk_status line_read(int fd, const char *what, char out[PASSPHRASE_SIZE],
                                struct fk_err *err) {
    size_t n = 0;
    char c = 0;
    ssize_t got;
    while (n + 1 < PASSPHRASE_SIZE && (got = read(fd, &c, 1)) == 1 && c != '\n')
        out[n++] = c;
    n -= n && out[n - 1] == '\r';
    out[n] = 0;
    if (strlen(out) != n)
        return fk_fail(err, FK_INVALID, "%s: its first line holds a NUL", what);
    if (got < 0)
        return fk_fail_sys(err, errno, "%s: cannot read", what);
    if (n + 1 == PASSPHRASE_SIZE)
        return fk_fail(err, FK_INVALID, "%s: its first line has over %d bytes", what,
                       PASSPHRASE_SIZE - 2);
    return FK_OK;
}

static enum fk_status terminal_ask(const char *question, char out[PASSPHRASE_SIZE],
                                   struct fk_err *err) {
    struct termios was, quiet;
    enum fk_status st;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (fd < 0 || tcgetattr(fd, &was) != 0) {
        fk_close(&fd);
        return fk_fail(err, FK_INVALID,
                       "there is no terminal to ask for the passphrase: --passphrase-file FILE");
    }
    quiet = was;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(fd, TCSAFLUSH, &quiet);
    st = fk_write_full(fd, question, strlen(question), "the terminal", err);
    if (st == FK_OK)
        st = line_read(fd, "the terminal", out, err);
    (void)tcsetattr(fd, TCSAFLUSH, &was);
    if (st == FK_OK)
        st = fk_write_full(fd, "\n", 1, "the terminal", err);
    fk_close(&fd);
    return st;
}

static enum fk_status passphrase_get(const char *file, bool twice, char out[PASSPHRASE_SIZE],
                                     struct fk_err *err) {
    char again[PASSPHRASE_SIZE];
    enum fk_status st;
    int fd = -1;
    if (file) {
        FK_TRY(fk_open_plain(AT_FDCWD, file, file, &fd, err));
        st = line_read(fd, file, out, err);
        fk_close(&fd);
        return st;
    }
    FK_TRY(terminal_ask("passphrase: ", out, err));
    if (twice) {
        FK_TRY(terminal_ask("once more: ", again, err));
        if (strcmp(out, again) != 0)
            st = fk_fail(err, FK_INVALID, "these are two passphrases");
        OPENSSL_cleanse(again, sizeof again);
    }
done:
    return st;
}

/* ---- making one */

static enum fk_status lock_for(const struct cli_keys *k, uint8_t key[FK_ESCROW_KEY_BYTES],
                               struct fk_buf *lines, struct fk_err *err) {
    char passphrase[PASSPHRASE_SIZE];
    enum fk_status st;
    if (k->officer_count)
        return fk_escrow_seal_officers(k->officers, k->officer_count, key, lines, err);
    st = passphrase_get(k->passphrase_file, true, passphrase, err);
    if (st == FK_OK)
        st = fk_escrow_seal_passphrase(passphrase, key, lines, err);
    OPENSSL_cleanse(passphrase, sizeof passphrase);
    return st;
}

/* A name of its own while it is written: no half bundle is taken for one. */
static enum fk_status file_begin(const char *path, char temp[PATH_MAX], int *fd_out,
                                 struct fk_err *err) {
    struct stat s;
    int n = snprintf(temp, PATH_MAX, "%s.new", path);
    if (n < 0 || n >= PATH_MAX)
        return fk_fail(err, FK_INVALID, "%s: the path is too long", path);
    if (lstat(path, &s) == 0)
        return fk_fail(err, FK_INVALID, "%s: is there already; a bundle gets a file of its own",
                       path);
    *fd_out = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return *fd_out < 0 ? fk_fail_sys(err, errno, "%s: cannot create", temp) : FK_OK;
}

static enum fk_status file_end(const char *temp, const char *path, struct fk_err *err) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (rename(temp, path) != 0)
        return fk_fail_sys(err, errno, "%s: cannot rename", temp);
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1,
             slash ? path : ".");
    return fk_sync_dir(folder, err);
}

static enum fk_status body_make(const struct cli_keys *k, struct fk_buf *body, struct fk_err *err) {
    char person[128], whole[PATH_MAX];
    enum fk_status st = fk_resolve_path(k->to, whole, err);
    if (st != FK_OK)
        return st;
    fk_person(person, sizeof person);
    fk_fields_add_str(body, "person", person);
    if (k->reason)
        fk_fields_add_str(body, "reason", k->reason);
    fk_fields_add_str(body, "to", whole);
    return FK_OK;
}

enum fk_status cli_keys_escrow(const struct fk_cli *cli, const struct cli_keys *k,
                               struct fk_err *err) {
    uint8_t key[FK_ESCROW_KEY_BYTES];
    struct fk_buf lines = FK_BUF_INIT, body = FK_BUF_INIT;
    struct fk_keep *keep = NULL;
    struct fk_receipt receipt = {.seq = 0};
    char temp[PATH_MAX] = "";
    uint64_t sealed;
    int fd = -1;
    enum fk_status st;
    FK_TRY(fk_confine_core(err));
    FK_TRY(lock_for(k, key, &lines, err));
    FK_TRY(body_make(k, &body, err));
    FK_TRY(file_begin(k->to, temp, &fd, err));
    st = fk_keep_open(cli->dir, &keep, err);
    if (st == FK_OK) /* keys of an open segment are not in its key file */
        st = fk_keep_seal(keep, &sealed, err);
    if (st == FK_OK)
        st = fk_keep_escrow(keep, key, &lines, &body, fd, &receipt, err);
    if (st == FK_OK && (st = file_end(temp, k->to, err)) != FK_OK)
        fk_err_prefix(err, "bundle %" PRIu64 " was written, and then", receipt.seq);
    if (st != FK_OK) {
        if (fd >= 0)
            (void)unlink(temp);
        goto done;
    }
    if (k->json)
        cli_json_line(json_pack("{s:o, s:s}", "number", cli_json_number(receipt.seq), "to", k->to));
    else
        printf("bundle %" PRIu64 " is in %s: keep it apart from the archive, and destroy older "
               "ones. \"fumikura keys open\" opens it\n",
               receipt.seq, k->to);
done:
    OPENSSL_cleanse(key, sizeof key);
    fk_close(&fd);
    fk_keep_close(&keep);
    fk_buf_free(&lines);
    fk_buf_free(&body);
    return st;
}

/* ---- opening one */

static enum fk_status with_get(const struct cli_keys *k, const struct fk_escrow_info *info,
                               char secret[PASSPHRASE_SIZE], struct fk_escrow_with *with,
                               struct fk_err *err) {
    enum fk_status st = FK_OK;
    int fd = -1;
    if (k->key_file) {
        FK_TRY(fk_open_plain(AT_FDCWD, k->key_file, k->key_file, &fd, err));
        FK_TRY(line_read(fd, k->key_file, secret, err));
        with->key_hex = secret;
    } else if (k->officer_count || info->officers) {
        with->officer_keys = k->officers;
        with->officer_count = k->officer_count;
    } else {
        FK_TRY(passphrase_get(k->passphrase_file, false, secret, err));
        with->passphrase = secret;
    }
done:
    fk_close(&fd);
    return st;
}

enum fk_status cli_keys_open(const struct cli_keys *k, const char *bundle, struct fk_err *err) {
    struct fk_escrow_info info;
    struct fk_escrow_with with = {.passphrase = NULL};
    char secret[PASSPHRASE_SIZE] = "";
    enum fk_status st;
    FK_TRY(fk_confine_core(err));
    FK_TRY(fk_escrow_look(bundle, &info, err));
    FK_TRY(with_get(k, &info, secret, &with, err));
    FK_TRY(fk_escrow_open(bundle, &with, k->to, &info, err));
    if (k->json)
        cli_json_line(json_pack("{s:s, s:o, s:s, s:s, s:s, s:i}", "ledger", info.ledger, "number",
                                cli_json_number(info.number), "kek", info.kek, "time", info.time,
                                "to", k->to, "key_files", (int)info.key_files));
    else
        printf("bundle %" PRIu64
               " of ledger %s, made %s: %u key files and secrets/kek are in %s, in "
               "the clear. It is the --keys of tape restore and mirror restore; destroy it then\n",
               info.number, info.ledger, info.time, info.key_files, k->to);
done:
    OPENSSL_cleanse(secret, sizeof secret);
    return st;
}
