/* rerun_why.c - why a search gives other hits than it did: first what the ledger's entries since
 * say of the very message, then what may have changed what the query stands for. What the index
 * does not have, and no entry disposed of, is never explained. */
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/ledger.h"
#include "cli/rerun_priv.h"
#include "indexer/text/terms.h"
#include "search/scope.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const rerun_why_words[WHYS] = {
    "unexplained", "disposed", "unread-then", "readable-now",    "later-capture", "capture-gone",
    "fact",        "related",  "other-terms", "other-spellings", "expansion-cut"};

enum fk_status rerun_differ(struct rerun *r, const struct difference *d,
                            const struct fk_seqs *captures, struct fk_err *err) {
    if (r->count == r->cap) {
        const size_t cap = r->cap ? 2 * r->cap : 64;
        void *at = realloc(r->at, cap * sizeof *r->at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "out of memory for differences");
        r->at = at;
        r->cap = cap;
    }
    struct difference *new = &r->at[r->count++];
    *new = *d;
    new->first = r->captures.count;
    new->count = captures->count;
    for (size_t i = 0; i < captures->count; i++)
        fk_receipt_list_add(&r->captures, captures->at[i]);
    return r->captures.failed ? fk_fail(err, FK_NOMEM, "out of memory for differences") : FK_OK;
}

void rerun_free(struct rerun *r) {
    for (size_t i = 0; r->domains && r->domains[i]; i++)
        free(r->domains[i]);
    free(r->domains);
    fk_query_free(&r->query);
    fk_receipt_file_free(&r->file);
    fk_buf_free(&r->stands_for);
    fk_receipt_list_free(&r->captures);
    fk_seqs_free(&r->still);
    free(r->owners);
    free(r->at);
}

/* ---- what words stood for */

/* The next line that begins so; what stands behind that. */
static bool line_find(struct fk_fields *it, const char *begin, struct fk_buf *value,
                      const char **rest) {
    const size_t len = strlen(begin);
    for (struct fk_field f; fk_fields_next(it, &f);) {
        fk_buf_reset(value);
        fk_field_value(&f, value);
        const char *text = fk_buf_cstr(value);
        if (strncmp(text, begin, len) == 0) {
            *rest = text + len;
            return true;
        }
    }
    return false;
}

enum fk_status rerun_domains(struct rerun *r, char *const **out, struct fk_err *err) {
    struct fk_fields it = fk_fields_begin(r->file.stood_for.data, r->file.stood_for.len);
    struct fk_buf value = FK_BUF_INIT;
    const char *rest = "";
    enum fk_status st = FK_OK;
    *out = r->cli->config->domains;
    if (!line_find(&it, "direction: = ", &value, &rest))
        goto done;
    r->domains = calloc(value.len + 2, sizeof *r->domains);
    size_t count = 0;
    for (const char *end; r->domains && *rest; rest = *end ? end + 1 : end) {
        end = strchrnul(rest, ',');
        if ((r->domains[count++] = strndup(rest, (size_t)(end - rest))) == NULL)
            break;
    }
    if (!r->domains || (count > 0 && !r->domains[count - 1]))
        FK_TRY(fk_fail(err, FK_NOMEM, "out of memory for domains"));
    *out = r->domains;
done:
    fk_buf_free(&value);
    return st;
}

/* "3-5,9", or with " and more" behind it. */
static bool list_read(const char *text, struct fk_seqs *out) {
    const char *more = strstr(text, " and more");
    const size_t len = more ? (size_t)(more - text) : strlen(text);
    return (more == NULL || strcmp(more, " and more") == 0) &&
           (len == 0 || fk_seqs_parse(text, len, FK_RECEIPT_HITS_MAX, out));
}

static bool any_in(const struct rerun *r, const struct difference *d, const struct fk_seqs *list) {
    bool is_in = fk_seqs_has(list, d->seq);
    for (size_t i = 0; i < d->count && !is_in; i++)
        is_in = fk_seqs_has(list, r->captures.at[d->first + i]);
    return is_in;
}

/* One thread: or similar: of then; whoever is in it on one side alone has its reason. */
static void related_conclude(struct rerun *r, const char *key, const struct fk_seqs *then) {
    struct fk_fields it = fk_fields_begin(r->stands_for.data, r->stands_for.len);
    struct fk_buf value = FK_BUF_INIT;
    struct fk_seqs now = {NULL, 0, 0, false};
    const char *rest;
    if (line_find(&it, key, &value, &rest))
        (void)list_read(rest, &now); /* none: nobody is in it */
    for (size_t i = 0; i < r->count; i++) {
        struct difference *d = &r->at[i];
        if (d->why == UNEXPLAINED && d->is_there && any_in(r, d, then) != any_in(r, d, &now))
            d->why = RELATED;
    }
    fk_seqs_free(&now);
    fk_buf_free(&value);
}

static enum fk_status related_all(struct rerun *r, struct fk_err *err) {
    struct fk_fields it = fk_fields_begin(r->file.stood_for.data, r->file.stood_for.len);
    struct fk_buf value = FK_BUF_INIT, key = FK_BUF_INIT;
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        struct fk_seqs then = {NULL, 0, 0, false};
        fk_buf_reset(&value);
        fk_field_value(&f, &value);
        const char *text = fk_buf_cstr(&value), *is = strstr(text, " = ");
        if (*text == '"' || is == NULL || !list_read(is + 3, &then)) {
            fk_seqs_free(&then);
            continue;
        }
        fk_buf_reset(&key);
        fk_buf_add(&key, text, (size_t)(is + 3 - text));
        related_conclude(r, fk_buf_cstr(&key), &then);
        fk_seqs_free(&then);
    }
    const bool failed = value.failed || key.failed;
    fk_buf_free(&value);
    fk_buf_free(&key);
    return failed ? fk_fail(err, FK_NOMEM, "out of memory for a receipt") : FK_OK;
}

/* The lines that are about spellings, and whether any line says that there was more. */
static void spellings_of(const struct fk_buf *lines, struct fk_buf *out, bool *is_cut) {
    static const char more[] = " and more";
    struct fk_fields it = fk_fields_begin(lines->data, lines->len);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        const bool is_text = f.value_len > 0 && *f.value == '"';
        if (is_text)
            fk_fields_add(out, "expansion", f.value, f.value_len);
        else if (f.value_len >= sizeof more - 1)
            *is_cut |=
                memcmp(f.value + f.value_len - (sizeof more - 1), more, sizeof more - 1) == 0;
    }
}

/* ---- what an entry explains */

static int by_seq(const void *a, const void *b) {
    const struct difference *x = a, *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* A capture, and whose of the differences it is. */
struct rerun_owner {
    uint64_t seq;
    size_t of;
};
static int by_capture(const void *a, const void *b) {
    const struct rerun_owner *x = a, *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

enum fk_status rerun_sort(struct rerun *r, struct fk_err *err) {
    if (r->count == 0)
        return FK_OK;
    qsort(r->at, r->count, sizeof *r->at, by_seq);
    r->owners = calloc(r->captures.count, sizeof *r->owners);
    if (!r->owners)
        return fk_fail(err, FK_NOMEM, "out of memory for differences");
    for (size_t i = 0; i < r->count; i++)
        for (size_t k = 0; k < r->at[i].count; k++)
            r->owners[r->owner_count++] =
                (struct rerun_owner){r->captures.at[r->at[i].first + k], i};
    qsort(r->owners, r->owner_count, sizeof *r->owners, by_capture);
    return FK_OK;
}

static struct difference *owner_of(const struct rerun *r, uint64_t seq) {
    const struct rerun_owner key = {seq, 0};
    const struct rerun_owner *o =
        r->owner_count ? bsearch(&key, r->owners, r->owner_count, sizeof key, by_capture) : NULL;
    return o ? &r->at[o->of] : NULL;
}

/* A disposal is the reason of a hit that is none any more, whatever else was said. */
static void disposal_note(struct rerun *r, uint64_t seq, uint64_t entry) {
    struct difference *d = owner_of(r, seq);
    if (d && d->was_hit) {
        d->why = DISPOSED;
        d->entry = entry;
    } else if (!d && seq < r->file.mark) {
        if (fk_seqs_has(&r->file.hit_captures, seq))
            r->hit_capture_gone = entry;
        else
            r->capture_gone = entry;
    }
}

static void fact_note(struct rerun *r, uint64_t seq, uint64_t entry) {
    struct difference *d = owner_of(r, seq);
    if (d && d->why == UNEXPLAINED && d->is_there) {
        d->why = FACT;
        d->entry = entry;
    }
}

static bool goes_by(const struct rerun *r, const struct fk_entry *e) {
    char what[32];
    return fk_entry_is(e, "fact") && fk_entry_field(e, "what", what, sizeof what) &&
           fk_scope_goes_by(fk_query_root(r->query), what);
}

enum fk_status rerun_note(struct rerun *r, const struct fk_entry *e, struct fk_err *err) {
    struct fk_seqs of = {NULL, 0, 0, false};
    size_t len;
    const bool disposes = fk_entry_is(e, "dispose");
    const char *text = fk_entry_field_at(e, "of", &len);
    if ((!disposes && !goes_by(r, e)) || !text)
        return FK_OK;
    if (!fk_seqs_parse(text, len, SIZE_MAX, &of)) {
        fk_seqs_free(&of);
        return fk_fail(err, FK_CORRUPT, "entry %" PRIu64 ": its list of seqs is none", e->seq);
    }
    for (size_t i = 0; i < of.count; i++)
        if (disposes)
            disposal_note(r, of.at[i], e->seq);
        else
            fact_note(r, of.at[i], e->seq);
    fk_seqs_free(&of);
    return FK_OK;
}

/* ---- what none explains */

enum fk_status rerun_conclude(struct rerun *r, struct fk_err *err) {
    struct fk_buf then = FK_BUF_INIT, now = FK_BUF_INIT;
    bool is_cut = false;
    enum fk_status st;
    FK_TRY(related_all(r, err));
    spellings_of(&r->file.stood_for, &then, &is_cut);
    spellings_of(&r->stands_for, &now, &is_cut);
    if (then.failed || now.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "out of memory for a receipt"));
    const bool are_same =
        then.len == now.len && (then.len == 0 || memcmp(then.data, now.data, then.len) == 0);
    const bool has_not = fk_scope_has_not(fk_query_root(r->query));
    for (size_t i = 0; i < r->count; i++) {
        struct difference *d = &r->at[i];
        const uint64_t gone = d->was_hit ? r->hit_capture_gone
                              : has_not  ? r->capture_gone
                                         : UINT64_MAX;
        if (d->why != UNEXPLAINED || !d->is_there)
            continue;
        d->why = gone != UINT64_MAX                  ? CAPTURE_GONE
                 : r->file.terms != FK_TERMS_VERSION ? OTHER_TERMS
                 : !are_same                         ? OTHER_SPELLINGS
                 : is_cut                            ? EXPANSION_CUT
                                                     : UNEXPLAINED;
        d->entry = gone;
    }
done:
    fk_buf_free(&then);
    fk_buf_free(&now);
    return st;
}

static enum fk_status entry_take(void *ctx, const struct fk_entry *e, const char *line, size_t len,
                                 struct fk_err *err) {
    (void)line;
    (void)len;
    return rerun_note(ctx, e, err);
}

enum fk_status rerun_explain(struct rerun *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (r->count == 0)
        return FK_OK;
    FK_TRY(rerun_sort(r, err));
    FK_TRY(cli_ledger_walk(r->lend, r->file.mark, UINT64_MAX, entry_take, r, err));
    st = rerun_conclude(r, err);
done:
    return st;
}

/* ---- in words */

void rerun_why_text(const struct rerun *r, const struct difference *d, char *out, size_t size) {
    static const char *const words[WHYS] = {
        [UNEXPLAINED] = "nothing in the ledger says why",
        [READABLE_NOW] = "it was only partly searchable then, and was read again since",
        [RELATED] = "it has come to what is joined to the message that is named, or left it",
        [OTHER_SPELLINGS] = ("other spellings are searched for now (its lines expansion: say which "
                             "were)"),
        [EXPANSION_CUT] = "a word with a *, or what is related, stands for more than is looked "
                          "for: which part is, may differ"};
    switch (d->why) {
    case DISPOSED:
        snprintf(out, size,
                 "disposed of since, by entry %" PRIu64 " (fumikura retention certificate %" PRIu64
                 ")",
                 d->entry, d->entry);
        return;
    case UNREAD_THEN:
        snprintf(out, size, "the index had not read it then (it had read to entry %" PRIu64 ")",
                 r->file.mark);
        return;
    case LATER_CAPTURE:
        snprintf(out, size,
                 "entry %" PRIu64 " is another capture of it, read later, which knows more",
                 d->entry);
        return;
    case CAPTURE_GONE:
        snprintf(out, size,
                 "entry %" PRIu64 " disposed of captures, perhaps of one of it that knew more",
                 d->entry);
        return;
    case FACT:
        snprintf(out, size, "entry %" PRIu64 " says more of it, or something else", d->entry);
        return;
    case OTHER_TERMS:
        snprintf(out, size,
                 "the index was made by other rules: terms of version %" PRIu64 " then, %d now",
                 r->file.terms, FK_TERMS_VERSION);
        return;
    default:
        snprintf(out, size, "%s", words[d->why]);
    }
}
