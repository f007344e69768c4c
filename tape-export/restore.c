/* restore.c - from sets back to a vault: which files make it up, by the word of the newest ledger.
 */
#include "archiver/vault/restore.h"
#include "base/io.h"
#include "tape-export/set_stamps.h"
#include "tape-export/tape.h"

#include <errno.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
    const struct fk_tape_restore *order;
    struct fk_ledger_text text; /* of the newest set */
    const char *newest;
    struct fk_restore_segment *segments; /* by number-1; no paths: not met yet */
    size_t count, cap;
    struct fk_seqs disposed;
    bool past; /* the entry now read comes after the last of the segments */
    struct fk_tape_restored sum;
};

/* On several sets the first whose digest fits is taken, so all are kept. */
static enum fk_status copy_add(struct fk_restore_segment *s, const char *path, struct fk_err *err) {
    char **paths = realloc(s->paths, (s->path_count + 1) * sizeof *paths);
    if (paths)
        s->paths = paths;
    if (!paths || !(paths[s->path_count] = strdup(path)))
        return fk_fail(err, FK_NOMEM, "no memory for the list of segments");
    s->path_count++;
    return FK_OK;
}

static void copies_free(struct fk_restore_segment *s) {
    while (s->path_count)
        free(s->paths[--s->path_count]);
    free(s->paths);
}

static enum fk_status segment_add(struct job *j, const char *folder, const char *name,
                                  struct fk_err *err) {
    enum { NUMBERS_MAX = 1000000 };
    char *end;
    unsigned long long number = strtoull(name, &end, 10);
    if (end == name || strcmp(end, ".sealed") != 0 || number == 0 || number > NUMBERS_MAX)
        return FK_OK;
    if (number > j->cap) {
        size_t cap = (size_t)number * 2;
        struct fk_restore_segment *at = realloc(j->segments, cap * sizeof *at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "no memory for the list of segments");
        memset(at + j->cap, 0, (cap - j->cap) * sizeof *at);
        j->segments = at;
        j->cap = cap;
    }
    if (number > j->count)
        j->count = (size_t)number;
    char path[PATH_MAX];
    enum fk_status st = fk_join_path(path, sizeof path, folder, name, err);
    return st == FK_OK ? copy_add(&j->segments[number - 1], path, err) : st;
}

static enum fk_status segments_find(struct job *j, const char *set, struct fk_err *err) {
    enum fk_status st;
    char folder[PATH_MAX];
    struct dirent *e;
    FK_TRY(fk_volume_check(set, err));
    FK_TRY(fk_join_path(folder, sizeof folder, set, "data/segments", err));
    DIR *d = opendir(folder);
    if (!d)
        return fk_volume_fail(folder, errno, err);
    errno = 0;
    while (st == FK_OK && (e = readdir(d)))
        st = segment_add(j, folder, e->d_name, err);
    if (st == FK_OK && errno)
        st = fk_fail_sys(err, errno, "%s: cannot read the directory", folder);
    (void)closedir(d); /* only read */
done:
    return st;
}

/* Disposals count wherever they stand; of what comes after the segments it is told how much it is.
 */
static enum fk_status entry_see(void *ctx, const struct fk_entry *e, struct fk_err *err) {
    struct job *j = ctx;
    uint64_t number;
    size_t len;
    if (fk_entry_is(e, "segment") && fk_entry_number(e, "segment", &number) &&
        number == j->count + 1)
        j->past = true;
    if (j->past) {
        j->sum.lost++;
        j->sum.lost_mails += fk_entry_is(e, "mail");
        j->sum.lost_rules += fk_entry_is(e, "hold") || fk_entry_is(e, "release") ||
                             fk_entry_is(e, "policy") || fk_entry_is(e, "class");
    }
    if (!fk_entry_is(e, "dispose"))
        return FK_OK;
    struct fk_seqs of = {0};
    const char *list = fk_entry_field_at(e, "of", &len);
    if (!list || !fk_seqs_parse(list, len, (size_t)e->seq, &of))
        return fk_fail(err, FK_CORRUPT, "entry %llu: a dispose entry without its messages",
                       (unsigned long long)e->seq);
    for (size_t i = 0; i < of.count; i++)
        fk_seqs_add(&j->disposed, of.at[i]);
    fk_seqs_free(&of);
    return j->disposed.failed ? fk_fail(err, FK_NOMEM, "no memory for what is disposed of") : FK_OK;
}

/* The set whose ledger goes furthest; all must be of one ledger. */
static enum fk_status newest_choose(struct job *j, struct fk_err *err) {
    enum fk_status st = FK_OK;
    char ledger[33] = "";
    uint64_t most = 0;
    for (size_t i = 0; i < j->order->set_count && st == FK_OK; i++) {
        struct fk_ledger_text t = {.next_seq = 0};
        st = fk_ledger_text_read(&t, j->order->sets[i], err);
        if (st != FK_OK)
            fk_err_prefix(err, "%s", j->order->sets[i]);
        else if (*ledger && strcmp(ledger, t.ledger) != 0)
            st = fk_fail(err, FK_INVALID, "%s: is of another archive than %s", j->order->sets[i],
                         j->newest);
        else if (t.next_seq > most) {
            most = t.next_seq;
            j->newest = j->order->sets[i];
            snprintf(ledger, sizeof ledger, "%s", t.ledger);
        }
        fk_ledger_text_free(&t);
    }
    return st;
}

static enum fk_status seals_apply(struct job *j, struct fk_err *err) {
    for (size_t i = 0; i < j->count; i++) {
        struct fk_restore_segment *s = &j->segments[i];
        const struct fk_sealed_line *seal = fk_ledger_text_seal(&j->text, i + 1);
        if (!s->path_count)
            return fk_fail(err, FK_NOT_FOUND,
                           "segment %zu is on none of the sets given; a vault needs all of them "
                           "from the first on (\"tape list\" says which set has which)",
                           i + 1);
        if (!seal)
            return fk_fail(err, FK_CORRUPT, "%s: the ledger has no seal entry for this segment",
                           s->paths[0]);
        s->digest = seal->digest;
        s->first = seal->first;
        s->last = seal->last;
        s->bytes = seal->bytes;
    }
    return FK_OK;
}

static void copying(void *ctx, uint64_t done, uint64_t all) {
    const struct fk_tape_restore *o = ctx;
    if (o->progress)
        o->progress(o->ctx, "restoring", done, all);
}

static void passed_over(void *ctx, const char *sentence) {
    const struct fk_tape_restore *o = ctx;
    if (o->damaged)
        o->damaged(o->ctx, sentence);
}

static enum fk_status manifest_digest(const char *set, char hex[65], struct fk_err *err) {
    enum fk_status st;
    struct fk_buf text = FK_BUF_INIT;
    uint8_t digest[FK_SHA256_BYTES];
    char path[PATH_MAX];
    FK_TRY(fk_join_path(path, sizeof path, set, "manifest-sha256.txt", err));
    FK_TRY(fk_read_plain(path, (size_t)1 << 28, &text, err));
    fk_sha256(text.data, text.len, digest);
    fk_hex(hex, digest, sizeof digest);
done:
    fk_buf_free(&text);
    return st;
}

static enum fk_status vault_make(struct job *j, struct fk_err *err) {
    char manifest[65];
    const struct fk_tape_restore *o = j->order;
    struct fk_restore_sum made;
    enum fk_status st;
    FK_TRY(manifest_digest(j->newest, manifest, err));
    fk_seqs_sort(&j->disposed);
    struct fk_restore order = {.dir = o->to,
                               .keys = o->keys,
                               .ledger = j->text.ledger,
                               .segments = j->segments,
                               .count = j->count,
                               .disposed = &j->disposed,
                               .manifest = manifest,
                               .person = o->person,
                               .accept_missing = o->accept_missing,
                               .progress = copying,
                               .damaged = passed_over,
                               .ctx = (void *)(uintptr_t)o};
    FK_TRY(fk_vault_restore(&order, &made, err));
    j->sum.segments = j->count;
    j->sum.restored = made.restored;
    j->sum.readable = made.readable;
    j->sum.erased = made.erased;
    j->sum.next_seq = made.next_seq;
done:
    return st;
}

static void left_out(void *ctx, const char *place, const char *sentence) {
    const struct fk_tape_restore *o = ctx;
    if (o->left_out)
        o->left_out(o->ctx, place, sentence);
}

/* The newest set has all that there were; the others what is damaged on it. The vault is whole
 * without them, so they come last. */
static enum fk_status stamps_restore(struct job *j, struct fk_err *err) {
    const struct fk_tape_restore *o = j->order;
    void *ctx = (void *)(uintptr_t)o;
    uint64_t *files = &j->sum.stamp_files;
    enum fk_status st = fk_set_stamps_restore(j->newest, o->to, left_out, ctx, files, err);
    for (size_t i = 0; st == FK_OK && i < o->set_count; i++)
        if (o->sets[i] != j->newest)
            st = fk_set_stamps_restore(o->sets[i], o->to, left_out, ctx, files, err);
    if (st != FK_OK)
        fk_err_prefix(err,
                      "the vault %s is whole, but for its time stamps: copy data/time of the "
                      "sets to %s/time",
                      o->to, o->to);
    return st;
}

enum fk_status fk_tape_restore(const struct fk_tape_restore *order, struct fk_tape_restored *out,
                               struct fk_err *err) {
    struct job j = {.order = order};
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < order->set_count; i++)
        FK_TRY(segments_find(&j, order->sets[i], err));
    if (j.count == 0)
        FK_TRY(fk_fail(err, FK_NOT_FOUND, "there is no sealed segment on the sets given"));
    FK_TRY(newest_choose(&j, err));
    j.text.each = entry_see;
    j.text.ctx = &j;
    FK_TRY(fk_ledger_text_read(&j.text, j.newest, err));
    FK_TRY(seals_apply(&j, err));
    FK_TRY(vault_make(&j, err));
    FK_TRY(stamps_restore(&j, err));
    *out = j.sum;
done:
    for (size_t i = 0; i < j.count; i++)
        copies_free(&j.segments[i]);
    free(j.segments);
    fk_seqs_free(&j.disposed);
    fk_ledger_text_free(&j.text);
    return st;
}
