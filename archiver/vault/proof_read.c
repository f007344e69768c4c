/* proof_read.c - see proof_read.h. */
#include "archiver/vault/proof_read.h"
#include "base/base64.h"

#include <inttypes.h>
#include <string.h>

/* A line without its LF; false at the end. */
static bool line_next(const char **at, const char *end, const char **line, size_t *len) {
    const char *lf = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
    if (!lf)
        return false;
    *line = *at;
    *len = (size_t)(lf - *at);
    *at = lf + 1;
    return true;
}

static bool index_read(const char *line, size_t len, uint64_t *out) {
    static const char word[] = "index ";
    const size_t n = sizeof word - 1;
    uint64_t v = 0;
    if (len <= n || len > n + 19 || memcmp(line, word, n) != 0 || (line[n] == '0' && len > n + 1))
        return false;
    for (size_t i = n; i < len; i++) {
        if (line[i] < '0' || line[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(line[i] - '0');
    }
    *out = v;
    return true;
}

static bool hash_read(const char *line, size_t len, struct fk_proof *p) {
    struct fk_buf bytes = FK_BUF_INIT;
    const bool good =
        p->count < 63 && fk_base64_read(line, len, &bytes) && bytes.len == sizeof p->hash[0];
    if (good)
        memcpy(p->hash[p->count++], bytes.data, bytes.len);
    fk_buf_free(&bytes);
    return good;
}

enum fk_status fk_entry_proof_read(const void *text, size_t text_len, struct fk_entry_proof *out,
                                   struct fk_err *err) {
    static const char version[] = "c2sp.org/tlog-proof@v1";
    const char *at = text, *end = at + text_len, *line;
    struct fk_entry_proof p = {.index = 0};
    size_t len;
    if (!line_next(&at, end, &line, &len) || len != sizeof version - 1 ||
        memcmp(line, version, len) != 0)
        return fk_fail(err, FK_CORRUPT, "a proof: the first line is not %s", version);
    if (!line_next(&at, end, &line, &len) || !index_read(line, len, &p.index))
        return fk_fail(err, FK_CORRUPT, "a proof: the second line is not \"index N\"");
    while (line_next(&at, end, &line, &len) && len > 0)
        if (!hash_read(line, len, &p.proof))
            return fk_fail(err, FK_CORRUPT, "a proof: hash %zu is none", p.proof.count + 1);
    if (at == end)
        return fk_fail(err, FK_CORRUPT, "a proof: no checkpoint stands behind the hashes");
    p.note = at;
    p.note_len = (size_t)(end - at);
    *out = p;
    return FK_OK;
}

enum fk_status fk_entry_proof_check(const struct fk_entry_proof *p, const void *line, size_t len,
                                    const struct fk_verifier *v, struct fk_checkpoint *out,
                                    struct fk_err *err) {
    struct fk_checkpoint c;
    fk_hash leaf;
    enum fk_status st = fk_checkpoint_open(p->note, p->note_len, v, &c, err);
    if (st != FK_OK)
        return st;
    fk_tree_leaf(line, len, leaf);
    if (!fk_tree_check_inclusion(leaf, p->index, c.size, &p->proof, c.root))
        return fk_fail(err, FK_CORRUPT,
                       "a proof: it does not show that the line is entry %" PRIu64
                       " of the %" PRIu64 " under the checkpoint",
                       p->index, c.size);
    *out = c;
    return FK_OK;
}
