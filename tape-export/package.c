/* package.c - the order of a package: acts, contents, proofs, what binds them, and the entry. */
#include "tape-export/package_priv.h"
#include "archiver/vault/envelope.h"
#include "base/clock.h"
#include "base/io.h"
#include "tape-export/mbox.h"
#include "tape-export/text.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An act names each seq in its line, which has an end (FK_LINE_MAX). */
enum { SEQS_AN_ACT = FK_PACKAGE_SEQS_AN_ACT, OF_MAX = 32 << 10, SALT_BYTES = FK_PACKAGE_SALT };

static enum fk_status put_buf(struct package *p, const char *name, const struct fk_buf *b,
                              struct fk_err *err) {
    if (b->failed)
        return fk_fail(err, FK_NOMEM, "%s: no memory", name);
    return fk_bag_put(p->bag, name, &(struct fk_piece){b->data, b->len}, 1, err);
}

enum fk_status fk_package__put(struct package *p, const char *folder, uint64_t seq,
                               const char *suffix, const struct fk_piece *pieces, size_t count,
                               struct fk_err *err) {
    char name[128];
    snprintf(name, sizeof name, "data/%s/%" PRIu64 ".%s", folder, seq, suffix);
    return fk_bag_put(p->bag, name, pieces, count, err);
}

/* ---- acts */

static void who_and_why(const struct package *p, struct fk_buf *body) {
    const struct fk_package_options *o = p->options;
    fk_fields_add_str(body, "person", o->person);
    fk_fields_add_str(body, "via", "cli");
    if (o->reason)
        fk_fields_add_str(body, "reason", o->reason);
    if (o->query)
        fk_fields_add_str(body, "query", o->query);
    fk_fields_add_str(body, "where", p->where);
    if (o->keys_to)
        fk_fields_add_str(body, "keys", p->keys_where);
}

enum fk_status fk_package__act(struct package *p, const struct fk_seqs *all, size_t at,
                               struct fk_err *err) {
    enum fk_status st = FK_OK;
    size_t n = all->count - at < SEQS_AN_ACT ? all->count - at : SEQS_AN_ACT;
    const struct fk_seqs of = {.at = all->at + at, .count = n};
    struct fk_buf fields = FK_BUF_INIT, body = FK_BUF_INIT;
    struct fk_receipt receipt;
    fk_buf_printf(&fields, "what=export form=%s of=", p->form);
    fk_seqs_format(&of, &fields);
    who_and_why(p, &body);
    if (fields.failed || body.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for an act"));
    FK_TRY(fk_keep_append(p->keep, &(struct fk_record){"act", fk_buf_cstr(&fields), &body},
                          &receipt, err));
    p->act = receipt.seq;
    if (!p->made.act)
        p->made.act = receipt.seq;
done:
    fk_buf_free(&fields);
    fk_buf_free(&body);
    return st;
}

/* ---- entries and messages */

static enum fk_status line_put(struct package *p, const char *folder, uint64_t seq,
                               struct fk_err *err) {
    enum fk_status st;
    fk_buf_reset(&p->line);
    FK_TRY(fk_lend_lines(p->lend, seq, &p->line, err));
    const uint8_t *lf = memchr(p->line.data, '\n', p->line.len);
    p->line.len = lf ? (size_t)(lf + 1 - p->line.data) : p->line.len;
    FK_TRY(fk_package__put(p, folder, seq, "entry", &(struct fk_piece){p->line.data, p->line.len},
                           1, err));
    fk_buf_reset(&p->proof);
    FK_TRY(fk_prover_entry(p->prover, seq, &p->proof, err));
    st = fk_package__put(p, folder, seq, "proof", &(struct fk_piece){p->proof.data, p->proof.len},
                         1, err);
done:
    return st;
}

static enum fk_status plain_put(struct package *p, uint64_t seq, struct fk_err *err) {
    enum fk_status st;
    struct fk_content c = {.fd = -1};
    struct fk_envelope e;
    FK_TRY(fk_lend_content(p->lend, seq, p->act, &c, err));
    FK_TRY(fk_envelope_split(c.bytes, c.len, &e, err));
    FK_TRY(fk_package__put(p, "messages", seq, "salt", &(struct fk_piece){c.salt, SALT_BYTES}, 1,
                           err));
    FK_TRY(fk_package__put(p, "messages", seq, "envelope",
                           &(struct fk_piece){c.bytes, c.len - e.message_len}, 1, err));
    FK_TRY(fk_package__put(p, "messages", seq, "eml", &(struct fk_piece){e.message, e.message_len},
                           1, err));
    if (p->options->fact_count)
        fk_buf_add(&p->salts, c.salt, SALT_BYTES);
    if (p->mbox)
        st = fk_mbox_add(p->mbox, &e, err);
done:
    fk_content_free(&c);
    return st;
}

static enum fk_status messages_put(struct package *p, struct fk_err *err) {
    enum fk_status st = FK_OK;
    const struct fk_seqs *m = p->options->messages;
    for (size_t i = 0; i < m->count; i++) {
        if (i % SEQS_AN_ACT == 0)
            FK_TRY(fk_package__act(p, m, i, err));
        st = p->options->keys_to ? fk_package__sealed_put(p, m->at[i], err)
                                 : plain_put(p, m->at[i], err);
        if (st == FK_OK)
            st = line_put(p, "messages", m->at[i], err);
        if (st != FK_OK) {
            (void)fk_err_prefix(err, "entry %" PRIu64, m->at[i]); /* its status is st */
            goto done;
        }
        if (p->options->progress)
            p->options->progress(p->options->ctx, "exporting", i + 1, m->count);
    }
    for (size_t i = 0; i < p->options->entries->count; i++)
        FK_TRY(line_put(p, "entries", p->options->entries->at[i], err));
done:
    return st;
}

/* ---- what binds them */

static enum fk_status folders_make(struct package *p, struct fk_err *err) {
    static const char *const names[] = {"data/messages", "data/entries", "data/log", "data/time"};
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && st == FK_OK; i++)
        st = fk_bag_folder(p->bag, names[i], err);
    if (st == FK_OK && p->options->fact_count)
        st = fk_bag_folder(p->bag, "data/auth", err);
    return st;
}

static enum fk_status log_put(struct package *p, struct fk_err *err) {
    const struct fk_package_options *o = p->options;
    enum fk_status st;
    FK_TRY(put_buf(p, "data/log/checkpoint", o->note, err));
    FK_TRY(put_buf(p, "data/log/vkey", o->vkey, err));
    FK_TRY(put_buf(p, "data/log/key.pem", o->pem, err));
    FK_TRY(put_buf(p, "data/report.txt", o->report_text, err));
    st = put_buf(p, "data/report.json", o->report_json, err);
done:
    return st;
}

static enum fk_status texts_put(struct package *p, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (const struct fk_text *t = fk_tape_texts(); t->name && st == FK_OK; t++)
        if (t->in_package)
            st = fk_bag_put(p->bag, t->name, &(struct fk_piece){t->data, t->len}, 1, err);
    return st;
}

static void info_format(const struct package *p, struct fk_buf *out) {
    fk_buf_printf(out,
                  "External-Description: messages of a mail archive, with proofs\n"
                  "Fumikura-Ledger: %s\nFumikura-Package: %s\nFumikura-Messages: %zu\n",
                  p->ledger, p->form, p->options->messages->count);
}

/* ---- the entry */

static enum fk_status record(struct package *p, struct fk_err *err) {
    enum fk_status st = FK_OK;
    const struct fk_seqs *m = p->options->messages;
    struct fk_buf fields = FK_BUF_INIT, body = FK_BUF_INIT, ranges = FK_BUF_INIT;
    struct fk_receipt receipt;
    const struct fk_seqs *some = m->count ? m : p->options->entries;
    fk_seqs_format(m, &ranges);
    fk_buf_printf(&fields, "what=package form=%s first=%" PRIu64 " last=%" PRIu64 " manifest=%s",
                  p->form, some->at[0], some->at[some->count - 1], p->made.manifest);
    if (m->count && ranges.len <= OF_MAX)
        fk_buf_printf(&fields, " of=%s", fk_buf_cstr(&ranges));
    who_and_why(p, &body);
    if (m->count)
        fk_fields_add_str(&body, "seqs", fk_buf_cstr(&ranges));
    if (fields.failed || body.failed || ranges.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for the entry of the package"));
    FK_TRY(fk_keep_append(p->keep, &(struct fk_record){"export", fk_buf_cstr(&fields), &body},
                          &receipt, err));
    p->made.entry = receipt.seq;
done:
    fk_buf_free(&fields);
    fk_buf_free(&body);
    fk_buf_free(&ranges);
    return st;
}

/* ---- all of it */

static bool is_within(const char *path, const char *dir) {
    size_t len = strlen(dir);
    return strncmp(path, dir, len) == 0 && (path[len] == 0 || path[len] == '/');
}

static enum fk_status outside_check(const char *dir, const char *vault, struct fk_err *err) {
    char to[PATH_MAX], whole[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_resolve_path(dir, to, err));
    FK_TRY(fk_resolve_path(vault, whole, err));
    if (is_within(to, whole))
        st = fk_fail(err, FK_INVALID, "%s: is in the vault's own directory", dir);
done:
    return st;
}

enum fk_status fk_package_target(const struct fk_package_options *o, struct fk_err *err) {
    enum fk_status st;
    char to[PATH_MAX], keys[PATH_MAX];
    FK_TRY(outside_check(o->to, o->vault, err));
    FK_TRY(fk_bag_target(o->to, err));
    if (!o->keys_to)
        goto done;
    FK_TRY(outside_check(o->keys_to, o->vault, err));
    FK_TRY(fk_bag_target(o->keys_to, err));
    FK_TRY(fk_resolve_path(o->to, to, err));
    FK_TRY(fk_resolve_path(o->keys_to, keys, err));
    if (is_within(keys, to) || is_within(to, keys))
        st = fk_fail(err, FK_INVALID,
                     "%s: keys are handed over apart from the package; name a directory that is "
                     "neither in %s nor around it",
                     o->keys_to, o->to);
done:
    return st;
}

static enum fk_status begin(struct package *p, struct fk_err *err) {
    const struct fk_package_options *o = p->options;
    enum fk_status st;
    struct fk_head head;
    char info[100];
    FK_TRY(fk_package_target(o, err));
    FK_TRY(fk_resolve_path(o->to, p->where, err));
    if (o->keys_to)
        FK_TRY(fk_resolve_path(o->keys_to, p->keys_where, err));
    FK_TRY(fk_lend_head(p->lend, &head, err));
    snprintf(p->ledger, sizeof p->ledger, "%s", head.ledger);
    FK_TRY(fk_prover_open(o->vault, o->checkpoint, o->note, &p->prover, err));
    snprintf(info, sizeof info, "Fumikura-Ledger: %s\n", p->ledger);
    FK_TRY(fk_bag_begin(o->to, info, &p->bag, err));
    FK_TRY(folders_make(p, err));
    if (o->keys_to)
        FK_TRY(fk_package__keys_begin(p, err));
    if (o->mbox)
        st = fk_bag_open(p->bag, "data/messages.mbox", &p->mbox, err);
done:
    return st;
}

enum fk_status fk_package_write(struct fk_keep *keep, struct fk_lend *lend,
                                const struct fk_package_options *options,
                                struct fk_package_made *out, struct fk_err *err) {
    enum fk_status st;
    struct package p = {.keep = keep,
                        .lend = lend,
                        .options = options,
                        .form = options->keys_to ? "sealed" : "plain"};
    struct fk_buf info = FK_BUF_INIT;
    struct fk_bag_sum sum;
    FK_TRY(begin(&p, err));
    FK_TRY(messages_put(&p, err));
    FK_TRY(fk_package__facts_put(&p, err));
    FK_TRY(log_put(&p, err));
    FK_TRY(fk_package__stamp_put(&p, err));
    FK_TRY(texts_put(&p, err));
    if (p.mbox)
        FK_TRY(fk_bag_shut(p.bag, &p.mbox, err));
    if (options->keys_to)
        FK_TRY(fk_package__keys_end(&p, err));
    info_format(&p, &info);
    FK_TRY(fk_bag_end(p.bag, fk_buf_cstr(&info), options->progress, options->ctx, &sum, err));
    snprintf(p.made.manifest, sizeof p.made.manifest, "%s", sum.manifest);
    FK_TRY(record(&p, err));
    p.made.messages = options->messages->count;
    p.made.bytes = sum.bytes;
    p.made.files = sum.files;
    *out = p.made;
done:
    fk_bag_drop(&p.mbox);
    fk_bag_close(&p.bag);
    fk_package__keys_close(&p, st == FK_OK);
    fk_prover_close(&p.prover);
    fk_buf_wipe(&p.salts);
    fk_buf_free(&p.line);
    fk_buf_free(&p.proof);
    fk_buf_free(&info);
    return st;
}
