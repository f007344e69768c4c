/*
 * rerun.c - `fumikura rerun RECEIPT`: a search of long ago once more. The receipt is held against
 * the ledger first; then the same question is asked of what was in the ledger then, and each hit
 * that is there on one side alone is explained by what has happened since (rerun_why.c), or named
 * as unexplained.
 */
#include "archiver/vault/logbook.h"
#include "archiver/vault/proof_read.h"
#include "base/io.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/json.h"
#include "cli/ledger.h"
#include "cli/receipt.h"
#include "cli/rerun_priv.h"
#include "indexer/text/terms.h"
#include "search/message_record.h"
#include "search/scope.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the receipt against the ledger */

static void bad(struct rerun *r, const char *check, const char *text) {
    r->is_bad = true;
    if (r->json)
        cli_json_line(json_pack("{s:s, s:s, s:o}", "type", "finding", "check", check, "text",
                                cli_json_text(text, strlen(text))));
    else
        printf("the receipt is not good\t%s\t%s\n", check, text);
}

static const char *act_line(const struct rerun *r) {
    return (const char *)r->file.text.data + r->file.line_at;
}

/* What the file itself says of its act. */
static bool act_check(struct rerun *r) {
    struct fk_err why = FK_ERR_INIT;
    char value[2 * FK_SHA256_BYTES + 2];
    if (fk_entry_read(act_line(r), r->file.line_len, &r->act, &why) != FK_OK)
        bad(r, "act", why.text);
    else if (!fk_entry_is(&r->act, "act") ||
             !fk_entry_field(&r->act, "what", value, sizeof value) || strcmp(value, "search") != 0)
        bad(r, "act", "the line is not that of a search");
    else if (!fk_entry_field(&r->act, "receipt", value, sizeof value))
        bad(r, "act", "the line is that of a search without a receipt");
    else if (strcmp(value, r->file.digest) != 0)
        bad(r, "statement",
            "its digest is not the one in the act's line: a line of it was changed");
    else if (r->act.seq < r->file.head)
        bad(r, "statement", "the ledger's head that it names is behind its own act");
    return !r->is_bad;
}

static enum fk_status ledger_check(struct rerun *r, struct fk_err *err) {
    struct fk_buf line = FK_BUF_INIT;
    char text[200];
    enum fk_status st = FK_OK;
    if (strcmp(r->file.ledger, r->head.ledger) != 0)
        bad(r, "ledger", "it is of another archive's ledger");
    else if (r->act.seq >= r->head.next_seq) {
        snprintf(text, sizeof text,
                 "its act is entry %" PRIu64 ", and the ledger's last is %" PRIu64, r->act.seq,
                 r->head.next_seq - 1);
        bad(r, "ledger", text);
    } else if ((st = cli_receipt_line(r->lend, r->act.seq, &line, err)) == FK_OK &&
               (line.len != r->file.line_len || memcmp(line.data, act_line(r), line.len) != 0)) {
        snprintf(text, sizeof text, "entry %" PRIu64 " of the ledger is another line", r->act.seq);
        bad(r, "ledger", text);
    }
    fk_buf_free(&line);
    return st;
}

/* That the log as it is now goes on from a checkpoint of then. */
static enum fk_status goes_on(struct rerun *r, uint64_t size, const uint8_t root[FK_SHA256_BYTES],
                              const char *which, struct fk_err *err) {
    struct fk_checkpoint now;
    struct fk_proof proof;
    struct fk_err why = FK_ERR_INIT;
    char text[300];
    enum fk_status st = fk_logbook_newest(r->cli->dir, NULL, &now, NULL, &why);
    if (st == FK_OK && size <= now.size) {
        st = fk_logbook_consistency(r->cli->dir, size, &now, &proof, &why);
        if (st == FK_OK && fk_tree_check_consistency(size, root, now.size, now.root, &proof))
            return FK_OK;
    }
    if (st != FK_OK && st != FK_NOT_FOUND && st != FK_CORRUPT)
        return fk_fail(err, st, "%s", why.text);
    snprintf(text, sizeof text, "this log does not go on from %s, over %" PRIu64 " entries", which,
             size);
    bad(r, "checkpoint", text);
    return FK_OK;
}

static enum fk_status proof_check(struct rerun *r, struct fk_err *err) {
    struct fk_entry_proof proof;
    struct fk_verifier v;
    struct fk_checkpoint c;
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st = fk_logbook_verifier(r->cli->dir, &v, err);
    if (st != FK_OK)
        return st;
    const uint8_t *text = r->file.text.data + r->file.proof_at;
    if (fk_entry_proof_read(text, r->file.text.len - r->file.proof_at, &proof, &why) != FK_OK ||
        fk_entry_proof_check(&proof, act_line(r), r->file.line_len, &v, &c, &why) != FK_OK)
        bad(r, "proof", why.text);
    else if (proof.index != r->act.seq)
        bad(r, "proof", "it is of another entry than the act");
    else
        st = goes_on(r, c.size, c.root, "the proof's checkpoint", err);
    if (st == FK_OK && !r->is_bad && r->file.checkpoint_size > 0)
        st = goes_on(r, r->file.checkpoint_size, r->file.checkpoint_root,
                     "the statement's checkpoint", err);
    return st;
}

static enum fk_status receipt_open(struct rerun *r, const char *path, struct fk_err *err) {
    struct fk_buf text = FK_BUF_INIT;
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st;
    FK_TRY(fk_read_plain(path, FK_RECEIPT_MAX, &text, err));
    st = fk_receipt_read(&text, &r->file, &why);
    if (st == FK_INVALID) {
        bad(r, "form", why.text);
        st = FK_OK;
        goto done;
    }
    if (st != FK_OK)
        FK_TRY(fk_fail(err, st, "%s", why.text));
    if (!act_check(r))
        goto done;
    FK_TRY(fk_lend_head(r->lend, &r->head, err));
    FK_TRY(ledger_check(r, err));
    if (!r->is_bad)
        FK_TRY(proof_check(r, err));
done:
    fk_buf_free(&text);
    return st;
}

/* ---- the search */

/* A hit that was none: what can be said of it without the ledger's later entries. */
static enum fk_status new_hit(struct rerun *r, const struct fk_seqs *captures, struct fk_err *err) {
    const struct fk_receipt_file *f = &r->file;
    struct difference d = {.seq = captures->at[captures->count - 1],
                           .is_there = true,
                           .why = UNEXPLAINED,
                           .entry = UINT64_MAX};
    bool was_missed = false;
    for (size_t i = 0; i < captures->count; i++)
        was_missed |= fk_seqs_has(&f->missed, captures->at[i]);
    if (captures->at[0] >= f->mark)
        d.why = UNREAD_THEN;
    else if (was_missed)
        d.why = READABLE_NOW;
    else if (d.seq >= f->mark) {
        d.why = LATER_CAPTURE;
        d.entry = d.seq;
    }
    return rerun_differ(r, &d, captures, err);
}

static enum fk_status hit_take(struct rerun *r, const struct fk_hit *hit, struct fk_err *err) {
    const struct fk_seqs *captures = hit->captures;
    bool was_hit = false;
    if (captures->count == 0 || captures->at[0] >= r->file.head) {
        r->later++;
        return FK_OK;
    }
    r->now++;
    for (size_t i = 0; i < captures->count; i++)
        was_hit |= fk_seqs_has(&r->file.hit_captures, captures->at[i]);
    for (size_t i = 0; i < captures->count && was_hit; i++)
        fk_seqs_add(&r->still, captures->at[i]);
    return was_hit ? FK_OK : new_hit(r, captures, err);
}

/* A hit that is none now: another capture of its message may know what a NOT asks. */
static enum fk_status lost_hit(struct rerun *r, uint64_t seq, struct fk_err *err) {
    struct fk_message_record m = FK_MESSAGE_RECORD_INIT;
    struct fk_err why = FK_ERR_INIT;
    struct fk_seqs captures = {NULL, 0, 0, false};
    struct difference d = {.seq = seq, .was_hit = true, .why = UNEXPLAINED, .entry = UINT64_MAX};
    enum fk_status st = fk_message_record_read(r->cli->dir, r->lend, seq, &m, &why);
    d.is_there = st == FK_OK;
    if (d.is_there && fk_seqs_has(&r->file.hits_partly, seq))
        d.why = READABLE_NOW;
    for (size_t i = 0; d.is_there && i < m.known.capture_count; i++) {
        const uint64_t capture = m.known.captures[i].seq;
        fk_seqs_add(&captures, capture);
        if (d.why == UNEXPLAINED && capture >= r->file.mark && capture != seq) {
            d.why = LATER_CAPTURE;
            d.entry = capture;
        }
    }
    if (d.is_there)
        fk_message_record_free(&m);
    else
        fk_seqs_add(&captures, seq);
    st = st == FK_OK || st == FK_NOT_FOUND ? rerun_differ(r, &d, &captures, err)
                                           : fk_fail(err, st, "%s", why.text);
    fk_seqs_free(&captures);
    return st;
}

/* Hits of then that are none now. */
static enum fk_status lost_all(struct rerun *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; st == FK_OK && i < r->file.hits.count; i++)
        if (!fk_seqs_has(&r->still, r->file.hits.at[i]))
            st = lost_hit(r, r->file.hits.at[i], err);
    return st;
}

/* What was understood is asked: its days are those of then, where those of the query as it was
 * typed ("today", "7d") would be others now. Where it is too long to be read, the query after all.
 */
static enum fk_status understand(struct rerun *r, struct fk_search_options *o, struct fk_err *err) {
    const struct fk_buf *asked[] = {&r->file.canonical, &r->file.query};
    struct fk_query *query = NULL;
    struct fk_query_fault fault;
    enum fk_status st = FK_INVALID;
    for (size_t i = 0; st == FK_INVALID && i < sizeof asked / sizeof *asked; i++) {
        o->query = asked[i]->len ? (const char *)asked[i]->data : "";
        o->query_len = asked[i]->len;
        st = fk_query_parse(o->query, o->query_len, &query, &fault, err);
    }
    if (st != FK_OK)
        return st;
    r->query = query;
    r->is_related = fk_scope_is_related(fk_query_root(query));
    return FK_OK;
}

static enum fk_status search(struct rerun *r, struct fk_err *err) {
    struct fk_search_options o = FK_SEARCH_OPTIONS;
    struct fk_keep *keep = NULL;
    struct fk_search *s = NULL;
    struct fk_query_fault fault = {0};
    struct fk_hit hit;
    struct fk_err why = FK_ERR_INIT;
    char person[100], reason[100];
    enum fk_status st;
    snprintf(reason, sizeof reason, "rerun of the search that is entry %" PRIu64, r->act.seq);
    fk_person(person, sizeof person);
    FK_TRY(understand(r, &o, err));
    o.user = r->file.has_user ? fk_buf_cstr(&r->file.user) : NULL;
    o.since_ms = r->file.since_ms;
    o.until_ms = r->file.until_ms;
    o.zone_minutes = r->file.zone_minutes;
    o.person = person;
    o.reason = r->reason ? r->reason : reason;
    o.via = "command";
    o.before = r->file.head;
    FK_TRY(rerun_domains(r, &o.domains, err));
    FK_TRY(fk_keep_open(r->cli->dir, &keep, err));
    st = fk_search_open(r->cli->dir, keep, r->lend, &o, &s, &fault, &why);
    if (st == FK_INVALID && r->is_related) { /* the message that thread: names is there no more */
        st = lost_all(r, err);
        goto done;
    }
    if (st != FK_OK)
        FK_TRY(fk_fail(err, st, "%s", why.text));
    r->rerun_act = fk_search_coverage(s)->act;
    if (fk_search_coverage(s)->mark < r->file.mark)
        FK_TRY(fk_fail(err, FK_RETRY,
                       "the index has read to entry %" PRIu64 ", and had read to %" PRIu64
                       " then: fumikura index --wait",
                       fk_search_coverage(s)->mark, r->file.mark));
    size_t len;
    const char *stands_for = fk_search_stood_for(s, &len);
    fk_buf_add(&r->stands_for, stands_for, len);
    while ((st = fk_search_next(s, &hit, err)) == FK_OK)
        FK_TRY(hit_take(r, &hit, err));
    if (st != FK_NOT_FOUND)
        goto done;
    fk_seqs_sort(&r->still);
    st = r->still.failed || r->stands_for.failed ? fk_fail(err, FK_NOMEM, "out of memory for hits")
                                                 : lost_all(r, err);
done:
    fk_search_close(&s);
    fk_keep_close(&keep);
    return st;
}

/* ---- printing */

static void print(const struct rerun *r) {
    uint64_t unexplained = 0;
    const uint64_t lost = r->file.hits.count;
    uint64_t same = lost;
    char text[200];
    for (size_t i = 0; i < r->count; i++) {
        const struct difference *d = &r->at[i];
        unexplained += d->why == UNEXPLAINED;
        same -= d->was_hit;
        rerun_why_text(r, d, text, sizeof text);
        if (r->json)
            cli_json_line(json_pack("{s:s, s:o, s:b, s:b, s:s, s:o, s:s}", "type", "difference",
                                    "seq", cli_json_number(d->seq), "then", d->was_hit, "now",
                                    !d->was_hit, "why", rerun_why_words[d->why], "entry",
                                    cli_json_number(d->entry), "text", text));
        else
            printf("%s\t%" PRIu64 "\t%s\t%s\n", d->was_hit ? "no longer" : "new", d->seq,
                   rerun_why_words[d->why], text);
    }
    if (r->json) {
        cli_json_line(json_pack(
            "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "type", "summary",
            "act", cli_json_number(r->act.seq), "then", cli_json_number(r->file.hits.count), "now",
            cli_json_number(r->now), "same", cli_json_number(same), "later",
            cli_json_number(r->later), "differences", cli_json_number(r->count), "unexplained",
            cli_json_number(unexplained), "head", cli_json_number(r->file.head), "mark",
            cli_json_number(r->file.mark), "terms", cli_json_number(r->file.terms), "terms_now",
            cli_json_number(FK_TERMS_VERSION), "rerun_act", cli_json_number(r->rerun_act)));
        return;
    }
    printf("%" PRIu64 " of %zu hits are the same; %zu differences, %" PRIu64
           " unexplained; %" PRIu64 " hits came later. The search was entry %" PRIu64
           ", over entries before %" PRIu64 "; ",
           same, r->file.hits.count, r->count, unexplained, r->later, r->act.seq, r->file.head);
    if (r->rerun_act == UINT64_MAX)
        printf("what it names is there no more, so nothing was asked.\n");
    else
        printf("this one is entry %" PRIu64 ".\n", r->rerun_act);
}

static bool has_unexplained(const struct rerun *r) {
    for (size_t i = 0; i < r->count; i++)
        if (r->at[i].why == UNEXPLAINED)
            return true;
    return false;
}

static enum fk_status rerun(struct rerun *r, const char *path, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(fk_lend_open(r->cli->dir, &r->lend, err));
    FK_TRY(receipt_open(r, path, err));
    if (r->is_bad)
        goto done;
    FK_TRY(search(r, err));
    FK_TRY(rerun_explain(r, err));
    print(r);
done:
    fk_lend_close(&r->lend);
    return st;
}

int cmd_rerun(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"reason", required_argument, NULL, 'r'},
                                            {NULL, 0, NULL, 0}};
    struct rerun r = {.cli = cli,
                      .file = FK_RECEIPT_FILE_INIT,
                      .rerun_act = UINT64_MAX,
                      .hit_capture_gone = UINT64_MAX,
                      .capture_gone = UINT64_MAX};
    struct fk_err err = FK_ERR_INIT;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'j')
            r.json = true;
        else if (o == 'r')
            r.reason = optarg;
        else
            return cli_usage("rerun", "no such option");
    }
    if (optind + 1 != argc)
        return cli_usage("rerun", "expected the file of one receipt");
    const enum fk_status st = rerun(&r, argv[optind], &err);
    const int status = st != FK_OK ? cli_fail(&err) : r.is_bad || has_unexplained(&r) ? 1 : 0;
    rerun_free(&r);
    return cli_finish(status);
}
