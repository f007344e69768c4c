/* package_sealed.c - a message as it lies in its segment, and its key in a directory of its own, to
 * be handed over apart: who has only the one of them reads nothing. */
#include "archiver/vault/keep.h"
#include "base/atomic_file.h"
#include "base/fault.h"
#include "base/io.h"
#include "tape-export/package_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_BYTES = 32, ID_BYTES = 16, KEY_TEXT = 2 * KEY_BYTES + 1 };

static enum fk_status key_path(const struct package *p, uint64_t seq, char out[PATH_MAX],
                               struct fk_err *err) {
    char name[64];
    snprintf(name, sizeof name, "%" PRIu64 ".key", seq);
    return fk_join_path(out, PATH_MAX, p->options->keys_to, name, err);
}

enum fk_status fk_package__keys_begin(struct package *p, struct fk_err *err) {
    if (mkdir(p->options->keys_to, 0700) == 0)
        p->keys_made = true;
    else if (errno != EEXIST)
        return fk_fail_sys(err, errno, "%s: cannot make the directory", p->options->keys_to);
    return FK_OK;
}

/* 64 hex digits and LF, as `openssl enc -K` takes them. */
static enum fk_status key_put(struct package *p, uint64_t seq, const uint8_t key[KEY_BYTES],
                              struct fk_err *err) {
    enum fk_status st;
    char path[PATH_MAX], text[KEY_TEXT + 1];
    int fd = -1;
    fk_hex(text, key, KEY_BYTES);
    text[KEY_TEXT - 1] = '\n';
    fk_seqs_add(&p->keyed, seq); /* before: what fails half way is destroyed too */
    if (p->keyed.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a list of keys"));
    FK_TRY(key_path(p, seq, path, err));
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot make the file", path));
    st = fk_write_full(fd, text, KEY_TEXT, path, err);
    if (close(fd) != 0 && st == FK_OK)
        st = fk_fail_sys(err, errno, "%s: cannot write", path);
    fd = -1;
done:
    OPENSSL_cleanse(text, sizeof text);
    fk_close(&fd);
    return st;
}

/* Each chunk that the recipe names; its key is in the recipe. */
static enum fk_status chunks_put(struct package *p, uint64_t seq, struct fk_sealed *s,
                                 struct fk_buf *form, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_sealed_chunk c;
    char suffix[48];
    for (uint32_t i = 0; i < s->chunks; i++) {
        if (!fk_sealed_chunk(s, &c))
            FK_TRY(fk_fail(err, FK_CORRUPT, "the desk gave %" PRIu32 " of %" PRIu32 " chunks", i,
                           s->chunks));
        snprintf(suffix, sizeof suffix, "chunk.%" PRIu64, c.number);
        FK_TRY(
            fk_package__put(p, "messages", seq, suffix, &(struct fk_piece){c.data, c.len}, 1, err));
        fk_buf_printf(form, "chunk %" PRIu64 ": %" PRIu32 "\n", c.number, c.codec);
    }
done:
    return st;
}

enum fk_status fk_package__sealed_put(struct package *p, uint64_t seq, struct fk_err *err) {
    enum fk_status st;
    struct fk_sealed s = {.parts = 0};
    struct fk_buf form = FK_BUF_INIT;
    const uint8_t *data;
    char suffix[32];
    size_t len;
    FK_TRY(fk_lend_sealed(p->lend, seq, p->act, &s, err));
    fk_buf_printf(&form, "fumikura-sealed/1\nledger: %s\nid: ", p->ledger);
    fk_buf_hex(&form, s.id, ID_BYTES);
    fk_buf_printf(&form, "\ncodec: %" PRIu32 "\nparts: %" PRIu32 "\n", s.codec, s.parts);
    for (uint32_t i = 0; i < s.parts; i++) {
        if (!fk_sealed_part(&s, &data, &len))
            FK_TRY(fk_fail(err, FK_CORRUPT, "the desk gave %" PRIu32 " of %" PRIu32 " parts", i,
                           s.parts));
        snprintf(suffix, sizeof suffix, "part.%" PRIu32, i);
        FK_TRY(fk_package__put(p, "messages", seq, suffix, &(struct fk_piece){data, len}, 1, err));
    }
    FK_TRY(chunks_put(p, seq, &s, &form, err));
    if (form.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a message"));
    FK_TRY(fk_package__put(p, "messages", seq, "form", &(struct fk_piece){form.data, form.len}, 1,
                           err));
    st = key_put(p, seq, s.key, err);
done:
    fk_sealed_free(&s);
    fk_buf_free(&form);
    return st;
}

enum fk_status fk_package__keys_end(struct package *p, struct fk_err *err) {
    return fk_sync_fs(p->options->keys_to, err);
}

void fk_package__keys_close(struct package *p, bool stay) {
    char path[PATH_MAX];
    for (size_t i = 0; i < p->keyed.count && !stay; i++)
        if (key_path(p, p->keyed.at[i], path, NULL) == FK_OK &&
            fk_destroy_file(path, NULL) != FK_OK)
            (void)unlink(path); /* the acts name it in any case */
    if (p->keys_made && !stay)
        (void)rmdir(p->options->keys_to);
    fk_seqs_free(&p->keyed);
}
