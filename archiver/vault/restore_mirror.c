/* restore_mirror.c - what there is to restore in a mirror. */
#include "archiver/vault/book_priv.h"
#include "archiver/vault/mirror_priv.h"
#include "archiver/vault/restore.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct gathered {
    struct fk_restore *order;
    struct fk_restore_segment *at;
    size_t count;
    char (*digest)[2 * FK_SHA256_BYTES + 1];
    uint8_t ledger[FK_LEDGER_BYTES];
    int lock_fd;
};

struct sealed_files {
    uint64_t count, highest;
};

static enum fk_status sealed_seen(void *ctx, uint64_t number, const char *rest,
                                  struct fk_err *err) {
    struct sealed_files *f = ctx;
    (void)err;
    f->count += strcmp(rest, "sealed") == 0;
    if (strcmp(rest, "sealed") == 0 && number > f->highest)
        f->highest = number;
    return FK_OK;
}

/* NFS locks only what is open for writing; a medium that cannot be written to is nobody's. */
static enum fk_status lock_take(struct gathered *g, const char *path, struct fk_err *err) {
    g->lock_fd = open(path, O_RDWR | O_CLOEXEC);
    if (g->lock_fd < 0 && errno == EROFS)
        return FK_OK;
    if (g->lock_fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot open", path);
    if (flock(g->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return FK_OK;
    return errno == EWOULDBLOCK
               ? fk_fail(err, FK_RETRY,
                         "%s: a vault that runs writes this mirror: stop it first, or copy the "
                         "mirror",
                         g->order->mirror)
               : fk_fail_sys(err, errno, "%s: cannot lock", path);
}

static enum fk_status sealed_gather(struct gathered *g, uint64_t number, struct fk_err *err) {
    const struct fk_where where = {g->order->mirror, g->ledger, NULL};
    struct fk_restore_segment *s = &g->at[number - 1];
    struct fk_book *b = NULL;
    enum fk_status st = fk_book__open(&where, number, FK_BOOK_SEALED, &b, err);
    if (st == FK_NOT_FOUND)
        st = fk_fail(err, FK_CORRUPT, "%s/segments: segment %" PRIu64 " is missing",
                     g->order->mirror, number);
    FK_TRY(st);
    s->first = b->first;
    s->last = b->next - 1;
    s->bytes = (uint64_t)b->pages->size;
    s->digest = g->digest[number - 1];
    s->path_count = 1;
    s->paths = calloc(1, sizeof *s->paths);
    if (!s->paths || !(s->paths[0] = strdup(b->pages->path)))
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory to restore a vault"));
    st = fk_layout__digest(b->pages->path, g->digest[number - 1], err);
done:
    fk_book__close(&b);
    return st;
}

static enum fk_status all_gather(struct gathered *g, struct fk_err *err) {
    struct sealed_files seen = {0, 0};
    uint64_t highest;
    char path[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_layout__check(g->order->mirror, err));
    FK_TRY(fk_mirror__ledger(g->order->mirror, g->ledger, err));
    fk_layout__path(path, g->order->mirror, "mirror");
    FK_TRY(lock_take(g, path, err));
    FK_TRY(fk_layout__each(g->order->mirror, "segments", sealed_seen, &seen, err));
    if (seen.count != seen.highest)
        FK_TRY(fk_fail(err, FK_CORRUPT,
                       "%s/segments: there are %" PRIu64 " sealed files, and one is of segment "
                       "%" PRIu64 ": some are missing, or that one does not belong there",
                       g->order->mirror, seen.count, seen.highest));
    highest = seen.highest;
    g->at = calloc(highest + 1, sizeof *g->at);
    g->digest = calloc(highest + 1, sizeof *g->digest);
    if (!g->at || !g->digest)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for %" PRIu64 " segments", highest));
    for (g->count = 0; g->count < highest; g->count++)
        FK_TRY(sealed_gather(g, g->count + 1, err));
done:
    return st;
}

static void passed_over(void *ctx, const char *sentence) {
    const struct fk_restore *order = ctx;
    if (order->damaged)
        order->damaged(order->ctx, sentence);
}

/* The vault is whole without them, and stays. */
static void stamps_bring(struct fk_restore *order, struct fk_restore_sum *out) {
    const struct fk_stamps_bring bring = {order->mirror, order->dir, 0, passed_over, order};
    struct fk_err why = FK_ERR_INIT;
    bool more;
    if (fk_mirror__stamps(&bring, &more, &why) == FK_OK)
        return;
    (void)fk_err_prefix(&why, "time stamps are left out");
    passed_over(order, why.text);
    out->whole = false;
}

enum fk_status fk_vault_restore_mirror(struct fk_restore *order, struct fk_restore_sum *out,
                                       struct fk_err *err) {
    struct gathered g = {.order = order, .lock_fd = -1};
    const struct fk_seqs none = {0};
    char ledger[2 * FK_LEDGER_BYTES + 1];
    enum fk_status st;
    FK_TRY(all_gather(&g, err));
    fk_hex(ledger, g.ledger, sizeof g.ledger);
    order->ledger = ledger;
    order->segments = g.at;
    order->count = g.count;
    order->disposed = &none;
    st = fk_vault_restore(order, out, err);
    if (st == FK_OK)
        stamps_bring(order, out);
    order->ledger = NULL;
    order->segments = NULL;
    order->disposed = NULL;
done:
    for (size_t i = 0; g.at && i <= g.count; i++) {
        if (g.at[i].paths)
            free(g.at[i].paths[0]);
        free(g.at[i].paths);
    }
    free(g.at);
    free(g.digest);
    fk_close(&g.lock_fd);
    return st;
}
