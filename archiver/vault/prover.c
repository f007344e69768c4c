/* prover.c - the tiles of one checkpoint, kept open. */
#include "archiver/vault/prover.h"
#include "archiver/vault/addition.h"
#include "archiver/vault/tiles.h"
#include "base/base64.h"
#include "base/io.h"

#include <inttypes.h>
#include <stdlib.h>

struct fk_prover {
    struct fk_tiles *tiles;
    uint64_t size;
    const struct fk_buf *note;
};

enum fk_status fk_prover_open(const char *dir, const struct fk_checkpoint *c,
                              const struct fk_buf *note, struct fk_prover **out,
                              struct fk_err *err) {
    char log_dir[PATH_MAX];
    struct fk_err first = FK_ERR_INIT;
    struct fk_prover *p = calloc(1, sizeof *p);
    enum fk_status st = p ? FK_OK : fk_fail(err, FK_NOMEM, "no memory for proofs");
    FK_TRY(st);
    p->size = c->size;
    p->note = note;
    FK_TRY(fk_join_path(log_dir, sizeof log_dir, dir, "log", err));
    if (fk_tiles_open(log_dir, c->size, c->root, &p->tiles, &first) != FK_OK)
        /* a partial tile that was replaced just now is there at another look */
        FK_TRY(fk_tiles_open(log_dir, c->size, c->root, &p->tiles, err));
    *out = p;
    p = NULL;
done:
    fk_prover_close(&p);
    return st;
}

enum fk_status fk_prover_entry(struct fk_prover *p, uint64_t seq, struct fk_buf *out,
                               struct fk_err *err) {
    struct fk_proof proof;
    enum fk_status st = fk_tree_inclusion(fk_tiles_source(p->tiles), seq, p->size, &proof, err);
    if (st != FK_OK)
        return st;
    fk_buf_printf(out, "c2sp.org/tlog-proof@v1\nindex %" PRIu64 "\n", seq);
    for (size_t i = 0; i < proof.count; i++) {
        fk_base64_add(out, proof.hash[i], sizeof proof.hash[i]);
        fk_buf_byte(out, '\n');
    }
    fk_buf_byte(out, '\n');
    fk_buf_add(out, p->note->data, p->note->len);
    return out->failed ? fk_fail(err, FK_NOMEM, "no memory for a proof") : FK_OK;
}

enum fk_status fk_prover_since(struct fk_prover *p, uint64_t old, struct fk_buf *out,
                               struct fk_err *err) {
    struct fk_addition a = {
        .old = old, .note = (const char *)p->note->data, .note_len = p->note->len};
    enum fk_status st = fk_tree_consistency(fk_tiles_source(p->tiles), old, p->size, &a.proof, err);
    if (st != FK_OK)
        return st;
    fk_addition_format(&a, out);
    return out->failed ? fk_fail(err, FK_NOMEM, "no memory for a proof") : FK_OK;
}

void fk_prover_close(struct fk_prover **pp) {
    if (*pp)
        fk_tiles_close(&(*pp)->tiles);
    free(*pp);
    *pp = NULL;
}
