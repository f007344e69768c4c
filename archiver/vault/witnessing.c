/* witnessing.c - proof, request, answer; then the line goes to its checkpoint. */
#include "archiver/vault/witnessing.h"
#include "archiver/vault/addition.h"
#include "archiver/vault/logbook.h"
#include "archiver/vault/note_priv.h"
#include "archiver/vault/post.h"
#include "archiver/vault/tiles.h"
#include "base/io.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 2, REPLY_MAX = 65536 };

enum fk_status fk_witnessing_parse(const char *text, size_t len, struct fk_witnessing *out,
                                   struct fk_err *err) {
    struct fk_witnessing w = {.known = 0};
    const char *space = memchr(text, ' ', len);
    size_t n = space ? (size_t)(space - text) : 0;
    if (!n || n >= sizeof w.url ||
        (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0))
        return fk_fail(err, FK_INVALID, "not a witness of the form \"URL KEY\"");
    memcpy(w.url, text, n);
    while (n && w.url[n - 1] == '/')
        w.url[--n] = 0;
    enum fk_status st =
        fk_verifier_parse(space + 1, (size_t)(text + len - space - 1), FK_KEY_WITNESS, &w.key, err);
    if (st == FK_OK)
        *out = w;
    return st;
}

enum fk_status fk_witnessing_is_due(const char *dir, const struct fk_witnessing *w, bool *out,
                                    struct fk_err *err) {
    struct fk_checkpoint c;
    struct fk_buf note = FK_BUF_INIT;
    enum fk_status st = fk_logbook_newest(dir, NULL, &c, &note, err);
    if (st == FK_OK)
        *out = fk_checkpoint_signature(note.data, note.len, &w->key, NULL, NULL, NULL) != FK_OK;
    fk_buf_free(&note);
    return st;
}

/* The checkpoint to be cosigned. */
struct asking {
    const char *dir;
    struct fk_witnessing *w;
    struct fk_checkpoint c;
    struct fk_buf note;
};

static enum fk_status request(const struct asking *a, struct fk_post_reply *out,
                              struct fk_err *err) {
    char url[FK_WITNESS_URL_MAX + 32];
    struct fk_buf body = FK_BUF_INIT;
    struct fk_addition addition = {
        .old = a->w->known, .note = (const char *)a->note.data, .note_len = a->note.len};
    const struct fk_post post = {.url = url,
                                 .type = "Content-Type: application/octet-stream",
                                 .body = &body,
                                 .reply_max = REPLY_MAX,
                                 .seconds = FK_WITNESS_SECONDS};
    enum fk_status st;
    FK_TRY(fk_logbook_consistency(a->dir, a->w->known, &a->c, &addition.proof, err));
    fk_addition_format(&addition, &body);
    if (body.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory to ask a witness"));
    snprintf(url, sizeof url, "%s/add-checkpoint", a->w->url);
    st = fk_post(&post, out, err);
done:
    fk_buf_free(&body);
    return st;
}

/* 409: the witness says how much of this log it has cosigned. *again: ask from there. */
static enum fk_status size_take(const struct asking *a, const struct fk_post_reply *r, bool *again,
                                struct fk_err *err) {
    const char *p = (const char *)r->body.data, *line;
    uint64_t size;
    size_t len;
    *again = false;
    if (!r->body.len || !fk_note__line(&p, p + r->body.len, &line, &len) ||
        !fk_note__size(line, len, &size))
        return fk_fail(err, FK_INVALID, "%s: answers 409 without a size", a->w->url);
    if (size > a->c.size)
        return fk_fail(err, FK_DENIED,
                       "%s has cosigned %" PRIu64 " entries of this log, and there are %" PRIu64
                       " here: this is an older copy of the ledger (docs/evidence.md, \"A vault "
                       "that was put back\")",
                       a->w->key.name, size, a->c.size);
    if (size == a->w->known)
        return fk_fail(err, FK_DENIED,
                       "%s has cosigned other entries than the %" PRIu64
                       " that are here: the ledger's past has been changed (docs/evidence.md, \"A "
                       "vault that was put back\")",
                       a->w->key.name, size);
    a->w->known = size;
    *again = true;
    return FK_OK;
}

static enum fk_status refusal(const struct asking *a, const struct fk_post_reply *r,
                              struct fk_err *err) {
    const struct fk_witnessing *w = a->w;
    if (r->status >= 500 || r->status == 429)
        return fk_fail(err, FK_RETRY, "%s: answers %ld; it is asked again later", w->url,
                       r->status);
    if (r->status == 422)
        return fk_fail(err, FK_DENIED,
                       "%s does not find the %" PRIu64 " entries here to continue the %" PRIu64
                       " that it has cosigned: the ledger's past has been changed "
                       "(docs/evidence.md, \"A vault that was put back\")",
                       w->key.name, a->c.size, w->known);
    if (r->status == 404 || r->status == 403)
        return fk_fail(err, FK_INVALID,
                       "%s: answers %ld; is it told this log's key (\"fumikura checkpoint "
                       "--vkey\")?",
                       w->url, r->status);
    return fk_fail(err, FK_INVALID, "%s: answers %ld; expected a cosignature", w->url, r->status);
}

/* Of what came back only the one line by the key that is configured is taken. */
static enum fk_status cosignature_take(const struct asking *a, const struct fk_post_reply *r,
                                       struct fk_err *err) {
    struct fk_buf note = FK_BUF_INIT, line = FK_BUF_INIT;
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st;
    fk_checkpoint_head(&a->c, &note);
    fk_buf_add(&note, r->body.data, r->body.len);
    if (note.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a cosignature"));
    st = fk_checkpoint_signature(note.data, note.len, &a->w->key, &line, NULL, &why);
    if (st != FK_OK)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: answers no cosignature: %s", a->w->url, why.text));
    FK_TRY(fk_logbook_cosigned(a->dir, &a->c, &a->note, &a->w->key, &line, err));
    a->w->known = a->c.size;
done:
    fk_buf_free(&note);
    fk_buf_free(&line);
    return st;
}

enum fk_status fk_witnessing_ask(const char *dir, struct fk_witnessing *w, struct fk_err *err) {
    struct asking a = {.dir = dir, .w = w, .note = FK_BUF_INIT};
    bool again = true;
    enum fk_status st;
    FK_TRY(fk_logbook_newest(dir, NULL, &a.c, &a.note, err));
    if (fk_checkpoint_signature(a.note.data, a.note.len, &w->key, NULL, NULL, NULL) == FK_OK)
        goto done;           /* another process was faster */
    if (w->known > a.c.size) /* log/ was put back while this ran: the witness says what it knows */
        w->known = 0;
    for (int i = 0; again && i < ROUNDS; i++) {
        struct fk_post_reply r = {.body = FK_BUF_INIT};
        FK_TRY(request(&a, &r, err));
        again = false;
        if (r.status == 200)
            st = cosignature_take(&a, &r, err);
        else if (r.status == 409)
            st = size_take(&a, &r, &again, err);
        else
            st = refusal(&a, &r, err);
        fk_buf_free(&r.body);
        FK_TRY(st);
    }
    if (again)
        st = fk_fail(err, FK_RETRY, "%s: says another size each time; it is asked again later",
                     w->url);
done:
    fk_buf_free(&a.note);
    return st;
}

enum fk_status fk_witnessing_note(const char *dir, const struct fk_witnessing *w,
                                  struct fk_checkpoint *out, struct fk_buf *note,
                                  int64_t *time_s_out, struct fk_err *err) {
    char path[PATH_MAX], name[sizeof "log/cosigned." + 8] = "log/cosigned.";
    struct fk_verifier log;
    const size_t start = note->len;
    enum fk_status st;
    fk_hex(name + strlen(name), w->key.id, sizeof w->key.id);
    FK_TRY(fk_join_path(path, sizeof path, dir, name, err));
    FK_TRY(fk_logbook_verifier(dir, &log, err));
    FK_TRY(fk_logbook_read(path, &log, out, note, err));
    st = fk_checkpoint_signature(note->data + start, note->len - start, &w->key, NULL, time_s_out,
                                 err);
done:
    return st;
}
