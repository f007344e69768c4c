/* restore_mirror.c - what there is to restore in a mirror. */
#include "archiver/vault/book_priv.h"
#include "archiver/vault/mirror_priv.h"
#include "archiver/vault/restore.h"
#include "base/io.h"

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

static enum fk_status sealed_seen(void *ctx, uint64_t number, const char *rest,
                                  struct fk_err *err) {
    uint64_t *highest = ctx;
    (void)err;
    if (strcmp(rest, "sealed") == 0 && number > *highest)
        *highest = number;
    return FK_OK;
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
    uint64_t highest = 0;
    char path[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_layout__check(g->order->mirror, err));
    FK_TRY(fk_mirror__ledger(g->order->mirror, g->ledger, err));
    fk_layout__path(path, g->order->mirror, "mirror");
    g->lock_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (g->lock_fd < 0 || flock(g->lock_fd, LOCK_EX | LOCK_NB) != 0)
        FK_TRY(
            fk_fail(err, FK_RETRY,
                    "%s: a vault that runs writes this mirror: stop it first, or copy the mirror",
                    g->order->mirror));
    FK_TRY(fk_layout__each(g->order->mirror, "segments", sealed_seen, &highest, err));
    g->at = calloc(highest + 1, sizeof *g->at);
    g->digest = calloc(highest + 1, sizeof *g->digest);
    if (!g->at || !g->digest)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for %" PRIu64 " segments", highest));
    for (g->count = 0; g->count < highest; g->count++)
        FK_TRY(sealed_gather(g, g->count + 1, err));
done:
    return st;
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
