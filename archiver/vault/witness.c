/* witness.c - refuses what does not continue the last head it cosigned of a log; remembers before
 * it answers. The order of checks is that of the specification. */
#include "archiver/vault/witness.h"
#include "archiver/vault/addition.h"
#include "archiver/vault/note_priv.h"
#include "archiver/vault/seed.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/io.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOGS_MAX = 1 << 20, HEAD_MAX = 65536 };
static const char key_format[] = "fumikura-witness-key/1";
static const char logs_begin[] =
    "# The logs that this witness knows: one verifier key a line (\"fumikura checkpoint --vkey\" "
    "on\n"
    "# the archive's machine prints it). Read again with each request.\n";

struct fk_witness {
    char dir[PATH_MAX];
    int lock; /* on witness-key */
    struct fk_signer *signer;
    pthread_mutex_t one; /* from reading a head until its successor is durable */
};

static enum fk_status vkey_write(const char *dir, const struct fk_witness *w, struct fk_err *err) {
    char path[PATH_MAX];
    struct fk_buf text = FK_BUF_INIT;
    enum fk_status st;
    fk_verifier_format(fk_witness_verifier(w), &text);
    fk_buf_byte(&text, '\n');
    if (text.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a verifier key"));
    FK_TRY(fk_join_path(path, sizeof path, dir, "vkey", err));
    st = fk_atomic_put(path, 0644, text.data, text.len, err);
done:
    fk_buf_free(&text);
    return st;
}

enum fk_status fk_witness_init(const char *dir, const char *name, struct fk_err *err) {
    char path[PATH_MAX];
    struct fk_witness *w = NULL;
    enum fk_status st;
    FK_TRY(fk_make_dir(dir, 0700, err));
    FK_TRY(fk_join_path(path, sizeof path, dir, "heads", err));
    FK_TRY(fk_make_dir(path, 0700, err));
    FK_TRY(fk_join_path(path, sizeof path, dir, "logs", err));
    if (access(path, F_OK) != 0)
        FK_TRY(fk_atomic_put(path, 0644, logs_begin, sizeof logs_begin - 1, err));
    FK_TRY(fk_join_path(path, sizeof path, dir, "witness-key", err));
    FK_TRY(fk_seed_make(path, key_format, name, err));
    FK_TRY(fk_witness_open(dir, &w, err));
    st = vkey_write(dir, w, err);
done:
    fk_witness_close(&w);
    return st;
}

enum fk_status fk_witness_open(const char *dir, struct fk_witness **out, struct fk_err *err) {
    char path[PATH_MAX];
    struct stat s;
    enum fk_status st;
    struct fk_witness *w = calloc(1, sizeof *w);
    if (!w)
        return fk_fail(err, FK_NOMEM, "no memory for a witness");
    w->lock = -1;
    pthread_mutex_init(&w->one, NULL);
    FK_TRY(fk_resolve_path(dir, w->dir, err));
    FK_TRY(fk_join_path(path, sizeof path, dir, "witness-key", err));
    FK_TRY(fk_seed_load(path, key_format, FK_KEY_WITNESS, &w->lock, &w->signer, err));
    FK_TRY(fk_join_path(path, sizeof path, dir, "heads", err));
    if (stat(path, &s) != 0 || !S_ISDIR(s.st_mode))
        FK_TRY(fk_fail(err, FK_CORRUPT,
                       "%s: the memory of what was cosigned is gone; a witness without it has to "
                       "begin anew under another key (docs/evidence.md)",
                       path));
    *out = w;
    w = NULL;
done:
    fk_witness_close(&w);
    return st;
}

void fk_witness_close(struct fk_witness **w) {
    if (!*w)
        return;
    fk_signer_free(&(*w)->signer);
    fk_close(&(*w)->lock);
    pthread_mutex_destroy(&(*w)->one);
    free(*w);
    *w = NULL;
}

const struct fk_verifier *fk_witness_verifier(const struct fk_witness *w) {
    return fk_signer_verifier(w->signer);
}

static enum fk_status answer(struct fk_witness_answer *a, enum fk_witness_verdict verdict,
                             struct fk_err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static enum fk_status answer(struct fk_witness_answer *a, enum fk_witness_verdict verdict,
                             struct fk_err *err, const char *fmt, ...) {
    char text[sizeof err->text + 100];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    a->verdict = verdict;
    fk_buf_printf(&a->text, "%s\n", text);
    return a->text.failed ? fk_fail(err, FK_NOMEM, "no memory for an answer") : FK_OK;
}

/* ---- the logs that are known */

struct trial {
    const struct fk_addition *request;
    struct fk_checkpoint c;
    bool is_known, is_signed;
    struct fk_verifier log; /* the key that it is signed with */
};

/* A log may have more than one key: any of them will do. */
static void trial_take(struct trial *t, const struct fk_verifier *v) {
    struct fk_checkpoint c;
    if (strcmp(v->name, t->c.origin) != 0)
        return;
    t->is_known = true;
    if (t->is_signed ||
        fk_checkpoint_open(t->request->note, t->request->note_len, v, &c, NULL) != FK_OK)
        return;
    t->is_signed = true;
    t->log = *v;
}

static enum fk_status logs_try(const struct fk_witness *w, struct trial *t, struct fk_err *err) {
    char path[PATH_MAX];
    struct fk_buf text = FK_BUF_INIT;
    struct fk_verifier v;
    size_t n, number = 0;
    enum fk_status st;
    FK_TRY(fk_join_path(path, sizeof path, w->dir, "logs", err));
    FK_TRY(fk_read_file(path, LOGS_MAX, &text, err));
    fk_buf_byte(&text, '\n');
    if (text.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "%s: no memory for it", path));
    const char *p = (const char *)text.data, *end = p + text.len, *line;
    while (fk_note__line(&p, end, &line, &n)) {
        number++;
        while (n && (line[n - 1] == '\r' || line[n - 1] == ' '))
            n--;
        if (n == 0 || *line == '#')
            continue;
        st = fk_verifier_parse(line, n, FK_KEY_LOG, &v, err);
        if (st != FK_OK)
            FK_TRY(fk_err_prefix(err, "%s, line %zu", path, number));
        trial_take(t, &v);
    }
done:
    fk_buf_free(&text);
    return st;
}

/* ---- what was cosigned last */

struct head {
    char path[PATH_MAX];
    struct fk_checkpoint c; /* size 0 and the empty root where there was none */
    int64_t time_s;
};

static enum fk_status head_load(const struct fk_witness *w, const char *origin, struct head *h,
                                struct fk_err *err) {
    char name[sizeof "heads/" + 2 * FK_SHA256_BYTES] = "heads/";
    fk_hash id;
    struct fk_buf note = FK_BUF_INIT;
    enum fk_status st;
    fk_sha256(origin, strlen(origin), id);
    fk_hex(name + strlen(name), id, sizeof id);
    FK_TRY(fk_join_path(h->path, sizeof h->path, w->dir, name, err));
    st = fk_read_file(h->path, HEAD_MAX, &note, err);
    if (st == FK_NOT_FOUND) {
        h->time_s = 0;
        h->c.size = 0;
        fk_sha256("", 0, h->c.root);
        st = FK_OK;
        goto done;
    }
    FK_TRY(st);
    st =
        fk_checkpoint_signature(note.data, note.len, fk_witness_verifier(w), NULL, &h->time_s, err);
    if (st == FK_OK)
        st = fk_checkpoint_read(note.data, note.len, &h->c, err);
    if (st != FK_OK || strcmp(h->c.origin, origin) != 0)
        st = fk_fail(err, FK_CORRUPT, "%s: not what this key cosigned last of %s", h->path, origin);
done:
    fk_buf_free(&note);
    return st;
}

/* Durable on return; only then is line to leave. */
static enum fk_status head_replace(const struct head *h, const struct trial *t,
                                   const struct fk_buf *line, struct fk_err *err) {
    struct fk_buf note = FK_BUF_INIT;
    enum fk_status st;
    fk_checkpoint_head(&t->c, &note);
    FK_TRY(
        fk_checkpoint_signature(t->request->note, t->request->note_len, &t->log, &note, NULL, err));
    fk_buf_add(&note, line->data, line->len);
    if (note.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a checkpoint"));
    st = fk_atomic_put(h->path, 0600, note.data, note.len, err);
done:
    fk_buf_free(&note);
    return st;
}

static enum fk_status cosign(struct fk_witness *w, const struct head *h, const struct trial *t,
                             struct fk_witness_answer *a, struct fk_err *err) {
    const int64_t now_s = fk_now_ms() / 1000;
    struct fk_buf line = FK_BUF_INIT;
    enum fk_status st;
    FK_TRY(
        fk_checkpoint_cosign(&t->c, w->signer, now_s > h->time_s ? now_s : h->time_s, &line, err));
    FK_TRY(head_replace(h, t, &line, err));
    a->verdict = FK_WITNESS_COSIGNED;
    fk_buf_add(&a->text, line.data, line.len);
    if (a->text.failed)
        st = fk_fail(err, FK_NOMEM, "no memory for an answer");
done:
    fk_buf_free(&line);
    return st;
}

/* With the lock: nobody else reads or replaces a head meanwhile. */
static enum fk_status decide(struct fk_witness *w, const struct trial *t,
                             struct fk_witness_answer *a, struct fk_err *err) {
    const struct fk_addition *r = t->request;
    struct head h;
    enum fk_status st = head_load(w, t->c.origin, &h, err);
    if (st != FK_OK)
        return st;
    a->known = h.c.size;
    a->has_parted = t->c.size < h.c.size ||
                    (t->c.size == h.c.size && memcmp(h.c.root, t->c.root, sizeof h.c.root) != 0);
    if (r->old != h.c.size || (r->old == t->c.size && a->has_parted))
        return answer(a, FK_WITNESS_CONFLICT, err, "%" PRIu64, h.c.size);
    if (!fk_tree_check_consistency(h.c.size, h.c.root, t->c.size, t->c.root, &r->proof)) {
        a->has_parted = true;
        return answer(a, FK_WITNESS_INCONSISTENT, err,
                      "the tree of %" PRIu64 " entries is not shown to continue the one of %" PRIu64
                      " that was cosigned",
                      t->c.size, h.c.size);
    }
    return cosign(w, &h, t, a, err);
}

enum fk_status fk_witness_add(struct fk_witness *w, const void *body, size_t len,
                              struct fk_witness_answer *out, struct fk_err *err) {
    struct fk_addition r;
    struct trial t = {.request = &r};
    struct fk_witness_answer a = {.text = FK_BUF_INIT};
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st;
    if (fk_addition_parse(body, len, &r, &why) != FK_OK ||
        fk_checkpoint_read(r.note, r.note_len, &t.c, &why) != FK_OK) {
        FK_TRY(answer(&a, FK_WITNESS_MALFORMED, err, "%s", why.text));
        goto done;
    }
    FK_TRY(logs_try(w, &t, err));
    if (!t.is_known) {
        FK_TRY(answer(&a, FK_WITNESS_UNKNOWN, err, "%s is not a log that this witness knows",
                      t.c.origin));
    } else if (!t.is_signed) {
        FK_TRY(
            answer(&a, FK_WITNESS_UNSIGNED, err, "the checkpoint is not signed by %s", t.c.origin));
    } else if (r.old > t.c.size) {
        FK_TRY(answer(&a, FK_WITNESS_MALFORMED, err, "the old size is over the checkpoint's"));
    } else {
        memcpy(a.origin, t.c.origin, sizeof a.origin);
        a.size = t.c.size;
        pthread_mutex_lock(&w->one);
        st = decide(w, &t, &a, err);
        pthread_mutex_unlock(&w->one);
    }
done:
    if (st == FK_OK)
        *out = a;
    else
        fk_buf_free(&a.text);
    return st;
}
