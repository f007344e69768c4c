/* addition.c - add-checkpoint's body, written in one way and read strictly. */
#include "archiver/vault/addition.h"
#include "archiver/vault/note_priv.h"
#include "base/base64.h"

#include <inttypes.h>
#include <string.h>

enum { HASHES_MAX = 63 };

void fk_addition_format(const struct fk_addition *a, struct fk_buf *out) {
    fk_buf_printf(out, "old %" PRIu64 "\n", a->old);
    for (size_t i = 0; i < a->proof.count; i++) {
        fk_base64_add(out, a->proof.hash[i], sizeof a->proof.hash[i]);
        fk_buf_byte(out, '\n');
    }
    fk_buf_byte(out, '\n');
    fk_buf_add(out, a->note, a->note_len);
}

static bool hash_read(const char *line, size_t len, fk_hash out) {
    struct fk_buf hash = FK_BUF_INIT;
    bool good = fk_base64_read(line, len, &hash) && hash.len == sizeof(fk_hash);
    if (good)
        memcpy(out, hash.data, sizeof(fk_hash));
    fk_buf_free(&hash);
    return good;
}

enum fk_status fk_addition_parse(const char *body, size_t len, struct fk_addition *out,
                                 struct fk_err *err) {
    struct fk_addition a = {.old = 0};
    const char *p = body, *end = body + len, *line;
    size_t n;
    if (len > FK_ADDITION_MAX)
        return fk_fail(err, FK_CORRUPT, "the request has over %d bytes", FK_ADDITION_MAX);
    if (!fk_note__line(&p, end, &line, &n) || n < 4 || memcmp(line, "old ", 4) != 0 ||
        !fk_note__size(line + 4, n - 4, &a.old))
        return fk_fail(err, FK_CORRUPT, "line 1 of the request is not \"old SIZE\"");
    for (;;) {
        if (!fk_note__line(&p, end, &line, &n))
            return fk_fail(err, FK_CORRUPT, "the request ends before its checkpoint");
        if (n == 0)
            break;
        if (a.proof.count == HASHES_MAX || !hash_read(line, n, a.proof.hash[a.proof.count]))
            return fk_fail(err, FK_CORRUPT,
                           "line %zu of the request is not one of at most %d hashes in base64",
                           a.proof.count + 2, HASHES_MAX);
        a.proof.count++;
    }
    a.note = p;
    a.note_len = (size_t)(end - p);
    *out = a;
    return FK_OK;
}
