/* verify_dkim.c - see verify_dkim.h */
#include "cli/verify_dkim.h"
#include "archiver/auth/evidence.h"
#include "archiver/vault/envelope.h"
#include "archiver/vault/keep.h"
#include "base/io.h"
#include "cli/evidence.h"
#include "cli/inside.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { SALT = 32, SEQS_MAX = 1 << 20, WAIT_MS = 600000 };

struct run {
    struct cli_verify_dkim *v;
    struct fk_lend *lend;
    struct fk_keep *keep;
    struct fk_checker *checker;
    uint64_t entry; /* at hand, its body, and the act that lets us look */
    struct fk_content body;
    uint64_t act;
};

static enum fk_status act_append(struct run *r, const struct fk_seqs *of, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT, fields = FK_BUF_INIT;
    struct fk_receipt receipt;
    char person[128];
    enum fk_status st;
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "via", "cli");
    fk_buf_str(&fields, "what=verify of=");
    fk_seqs_format(of, &fields);
    if (fields.failed || of->failed)
        st = fk_fail(err, FK_NOMEM, "no memory for an act");
    else
        st = fk_keep_append(r->keep, &(struct fk_record){"act", fk_buf_cstr(&fields), &body},
                            &receipt, err);
    if (st == FK_OK)
        r->act = receipt.seq;
    fk_buf_free(&body);
    fk_buf_free(&fields);
    return st;
}

/* ---- what was found, then and now */

static bool same_line(const struct fk_field *a, const struct fk_field *b) {
    struct fk_finding_line x, y;
    if (!fk_evidence_line(a, &x) || !fk_evidence_line(b, &y)) /* from, left-out */
        return a->value_len == b->value_len && memcmp(a->value, b->value, a->value_len) == 0;
    return strcmp(x.result, y.result) == 0 && strcmp(x.domain, y.domain) == 0 &&
           strcmp(x.selector, y.selector) == 0 && strcmp(x.policy, y.policy) == 0 &&
           strcmp(x.aligned, y.aligned) == 0;
}

/* The words of why may be another version's; what it comes to may not. */
static bool same(const struct fk_buf *then, const struct fk_buf *now, struct fk_finding *f) {
    struct fk_fields a = fk_fields_begin(then->data, then->len);
    struct fk_fields b = fk_fields_begin(now->data, now->len);
    struct fk_field x = {.name = ""}, y = {.name = ""};
    for (;;) {
        const bool more = fk_fields_next(&a, &x), also = fk_fields_next(&b, &y);
        if (!more && !also)
            return true;
        if (more && also && x.name_len == y.name_len && memcmp(x.name, y.name, x.name_len) == 0 &&
            same_line(&x, &y))
            continue;
        snprintf(f->text, sizeof f->text, "it was \"%.*s: %.*s\", and is now \"%.*s: %.*s\"",
                 more ? (int)x.name_len : 0, x.name,
                 more && x.value_len < 120 ? (int)x.value_len : 0, more ? x.value : "",
                 also ? (int)y.name_len : 0, y.name,
                 also && y.value_len < 120 ? (int)y.value_len : 0, also ? y.value : "");
        return false;
    }
}

static void signatures_count(struct cli_verify_dkim *v, const struct fk_buf *found) {
    struct fk_fields it = fk_fields_begin(found->data, found->len);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        struct fk_finding_line l;
        if (!fk_field_is(&f, "dkim") || !fk_evidence_line(&f, &l))
            continue;
        v->signatures++;
        v->held += strcmp(l.result, "pass") == 0;
    }
}

static void differs(struct run *r, uint64_t seq, struct fk_finding *f) {
    f->seq = seq;
    f->segment = 0;
    snprintf(f->check, sizeof f->check, "auth");
    r->v->differ++;
    r->v->finding(r->v->ctx, f);
}

/* ---- one message */

static enum fk_status judge(struct run *r, uint64_t seq, const struct cli_cut *cut,
                            const struct fk_buf *part, enum fk_evidence_of of,
                            struct fk_checker_result *out, struct fk_err *err) {
    struct fk_checker_job job = {.id = seq, .fd = cut->fd, .offset = cut->offset, .len = cut->len};
    fk_evidence_known(part->data, part->len, of, &job.known);
    enum fk_status st = fk_checker_submit(r->checker, &job, err);
    return st == FK_OK ? fk_checker_wait(r->checker, WAIT_MS, out, err) : st;
}

/* Judges these bytes, and holds it against what the part says of them. */
static enum fk_status compare(struct run *r, uint64_t seq, const struct cli_cut *cut,
                              const struct fk_buf *part, enum fk_evidence_of of,
                              struct fk_finding *f, bool *unread, struct fk_err *err) {
    struct fk_buf then = FK_BUF_INIT;
    struct fk_checker_result now = {.id = 0};
    enum fk_status st = judge(r, seq, cut, part, of, &now, err);
    if (st == FK_OK) {
        fk_evidence_found(part->data, part->len, of, &then);
        *unread |= now.unread != NULL;
        if (!now.unread && same(&then, &now.answer, f))
            signatures_count(r->v, &now.answer);
    }
    fk_checker_result_free(&now);
    fk_buf_wipe(&then);
    return st;
}

/* A message as it came; of a journal report both the message inside, which must be the one that was
 * judged, and the report. f->text says what is not as it was. */
static enum fk_status part_compare(struct run *r, uint64_t seq, struct fk_content *content,
                                   const struct fk_buf *part, struct fk_finding *f, bool *unread,
                                   struct fk_err *err) {
    struct fk_envelope e;
    struct fk_judged judged;
    enum fk_evidence_of of = FK_EVIDENCE_MESSAGE;
    enum fk_status st = fk_envelope_split(content->bytes, content->len, &e, err);
    if (st != FK_OK)
        return st;
    struct cli_cut whole = {.fd = content->fd,
                            .offset = SALT + (uint64_t)(e.message - content->bytes),
                            .len = e.message_len};
    if (fk_evidence_judged(part->data, part->len, &judged)) {
        struct cli_cut cut = {.fd = -1};
        st = cli_inside_cut(whole.fd, whole.offset, whole.len, &judged, &cut, err);
        if (st == FK_CORRUPT ||
            (st == FK_OK && memcmp(cut.sha256, judged.sha256, FK_SHA256_BYTES) != 0)) {
            fk_close(&cut.fd);
            snprintf(f->text, sizeof f->text,
                     "the message inside the report is not the one that was judged");
            return FK_OK;
        }
        if (st == FK_OK)
            st = compare(r, seq, &cut, part, FK_EVIDENCE_MESSAGE, f, unread, err);
        of = FK_EVIDENCE_WRAPPER;
    }
    content->fd = -1; /* the checker's */
    if (st == FK_OK && !*f->text)
        return compare(r, seq, &whole, part, of, f, unread, err);
    fk_close(&whole.fd);
    return st;
}

static enum fk_status message_verify(struct run *r, uint64_t seq, struct fk_err *err) {
    struct fk_content content = {.fd = -1};
    struct fk_buf part = FK_BUF_INIT;
    struct fk_finding f = {.seq = seq};
    bool unread = false;
    enum fk_status st = fk_lend_content(r->lend, seq, r->act, &content, err);
    if (st == FK_NOT_FOUND) {
        r->v->disposed++;
        return FK_OK;
    }
    FK_TRY(st);
    st = fk_evidence_open(r->body.bytes, r->body.len, seq, content.salt, &part, err);
    if (st == FK_CORRUPT || st == FK_NOT_FOUND) {
        snprintf(f.text, sizeof f.text, "entry %" PRIu64 ": %.300s", r->entry, err->text);
        st = FK_OK;
    } else {
        FK_TRY(st);
        FK_TRY(part_compare(r, seq, &content, &part, &f, &unread, err));
        r->v->messages++;
        r->v->unread += unread;
    }
    if (*f.text)
        differs(r, seq, &f);
done:
    fk_content_free(&content);
    fk_buf_wipe(&part);
    return st;
}

/* ---- the ledger */

static bool wants(const struct run *r, const struct fk_entry *e, struct fk_seqs *of) {
    char what[16];
    size_t len;
    struct fk_seqs all = {0};
    const char *list = fk_entry_field_at(e, "of", &len);
    if (!fk_entry_is(e, "fact") || !fk_entry_field(e, "what", what, sizeof what) ||
        strcmp(what, "auth") != 0 || !list || !fk_seqs_parse(list, len, SEQS_MAX, &all))
        return false;
    for (size_t i = 0; i < all.count; i++)
        if (all.at[i] >= r->v->from && all.at[i] <= r->v->to)
            fk_seqs_add(of, all.at[i]);
    fk_seqs_free(&all);
    return of->count || of->failed;
}

static enum fk_status entry_verify(struct run *r, uint64_t entry, struct fk_seqs *of,
                                   struct fk_err *err) {
    enum fk_status st;
    const size_t messages = of->count;
    r->entry = entry;
    fk_seqs_add(of, entry); /* the last: it is later than all of them */
    FK_TRY(act_append(r, of, err));
    FK_TRY(fk_lend_content(r->lend, entry, r->act, &r->body, err));
    for (size_t i = 0; i < messages; i++)
        FK_TRY(message_verify(r, of->at[i], err));
done:
    fk_content_free(&r->body);
    return st;
}

static enum fk_status ledger_walk(struct run *r, uint64_t end, struct fk_err *err) {
    struct fk_buf lines = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    for (uint64_t from = r->v->from; from < end;) {
        fk_buf_reset(&lines);
        FK_TRY(fk_lend_lines(r->lend, from, &lines, err));
        const char *at = (const char *)lines.data, *stop = at + lines.len;
        for (const char *lf; at < stop && (lf = memchr(at, '\n', (size_t)(stop - at)));
             at = lf + 1) {
            struct fk_entry e;
            struct fk_seqs of = {0};
            FK_TRY(fk_entry_read(at, (size_t)(lf + 1 - at), &e, err));
            from = e.seq + 1;
            if (e.seq < end && wants(r, &e, &of))
                st = entry_verify(r, e.seq, &of, err);
            fk_seqs_free(&of);
            if (st != FK_OK)
                goto done;
        }
        cli_progress("verifying signatures", from, end);
    }
done:
    cli_progress_end();
    fk_buf_free(&lines);
    return st;
}

enum fk_status cli_verify_dkim(const struct fk_cli *cli, struct fk_lend *lend,
                               struct cli_verify_dkim *v, struct fk_err *err) {
    struct run r = {.v = v, .lend = lend, .body = {.fd = -1}};
    struct fk_checker_options options;
    struct fk_head head;
    char program[PATH_MAX];
    enum fk_status st;
    FK_TRY(cli_checker_options(cli, true, program, sizeof program, &options, err));
    FK_TRY(fk_lend_head(lend, &head, err));
    FK_TRY(fk_keep_open(cli->dir, &r.keep, err));
    FK_TRY(fk_checker_open(&options, &r.checker, err));
    FK_TRY(ledger_walk(&r, head.next_seq, err));
    if (v->differ)
        st = fk_fail(err, FK_CORRUPT, "%" PRIu64 " of %" PRIu64 " messages are not as they were",
                     v->differ, v->messages);
done:
    fk_checker_close(&r.checker);
    fk_keep_close(&r.keep);
    return st;
}
