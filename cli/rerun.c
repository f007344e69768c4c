/*
 * rerun.c - `fumikura rerun RECEIPT`: a search of long ago once more. The receipt is held against
 * the ledger first; then the same question is asked of what was in the ledger then, and each hit
 * that is there on one side alone is explained by what the ledger says has happened since, or named
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
#include "indexer/terms.h"
#include "search/message_record.h"
#include "search/scope.h"
#include "search/search.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum why {
    UNEXPLAINED,
    DISPOSED,
    UNREAD_THEN,
    READABLE_NOW,
    LATER_CAPTURE,
    FACT,
    RELATED,
    OTHER_TERMS
};
static const char *const why_words[] = {"unexplained",   "disposed", "unread-then", "readable-now",
                                        "later-capture", "fact",     "related",     "other-terms"};

struct difference {
    uint64_t seq;
    bool was_hit;
    enum why why;
    uint64_t entry; /* that explains it; UINT64_MAX: none does */
};
struct rerun {
    const struct fk_cli *cli;
    struct fk_lend *lend;
    struct fk_receipt_file file;
    struct fk_head head;
    struct fk_entry act;
    bool json, is_bad; /* is_bad: the receipt is not what the ledger knows */
    const char *reason;
    struct fk_seqs still; /* captures of hits that were hits */
    struct difference *at;
    size_t count, cap;
    uint64_t now, later; /* hits of then; hits that came later */
    uint64_t rerun_act;  /* UINT64_MAX: nothing could be asked */
    uint64_t disposals;
    bool needs_facts, is_related;
};

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

static enum fk_status difference_add(struct rerun *r, uint64_t seq, bool was_hit, enum why why,
                                     uint64_t entry, struct fk_err *err) {
    if (r->count == r->cap) {
        const size_t cap = r->cap ? 2 * r->cap : 64;
        void *at = realloc(r->at, cap * sizeof *r->at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "out of memory for differences");
        r->at = at;
        r->cap = cap;
    }
    r->at[r->count++] = (struct difference){seq, was_hit, why, entry};
    return FK_OK;
}

/* A hit that was none: what can be said of it without the ledger's later entries. */
static enum fk_status new_hit(struct rerun *r, const struct fk_seqs *captures, struct fk_err *err) {
    const struct fk_receipt_file *f = &r->file;
    enum why why = UNEXPLAINED;
    uint64_t entry = UINT64_MAX;
    const uint64_t newest = captures->at[captures->count - 1];
    bool was_missed = false;
    for (size_t i = 0; i < captures->count; i++)
        was_missed |= fk_seqs_has(&f->missed, captures->at[i]);
    if (captures->at[0] >= f->mark)
        why = UNREAD_THEN;
    else if (was_missed)
        why = READABLE_NOW;
    else if (newest >= f->mark) {
        why = LATER_CAPTURE;
        entry = newest;
    }
    return difference_add(r, newest, false, why, entry, err);
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
    enum why because = fk_seqs_has(&r->file.hits_partly, seq) ? READABLE_NOW : UNEXPLAINED;
    uint64_t entry = UINT64_MAX;
    enum fk_status st = fk_message_record_read(r->cli->dir, r->lend, seq, &m, &why);
    for (size_t i = 0; st == FK_OK && i < m.known.capture_count; i++)
        if (because == UNEXPLAINED && m.known.captures[i].seq >= r->file.mark &&
            m.known.captures[i].seq != seq) {
            because = LATER_CAPTURE;
            entry = m.known.captures[i].seq;
        }
    if (st == FK_OK)
        fk_message_record_free(&m);
    else if (st != FK_NOT_FOUND)
        return fk_fail(err, st, "%s", why.text);
    return difference_add(r, seq, true, because, entry, err);
}

/* Hits of then that are none now. */
static enum fk_status lost_all(struct rerun *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; st == FK_OK && i < r->file.hits.count; i++)
        if (!fk_seqs_has(&r->still, r->file.hits.at[i]))
            st = lost_hit(r, r->file.hits.at[i], err);
    return st;
}

static enum fk_status asks(struct rerun *r, struct fk_err *err) {
    struct fk_query *query = NULL;
    struct fk_query_fault fault;
    enum fk_status st =
        fk_query_parse((const char *)r->file.query.data, r->file.query.len, &query, &fault, err);
    if (st != FK_OK)
        return st;
    r->needs_facts = fk_scope_needs_facts(fk_query_root(query));
    r->is_related = fk_scope_is_related(fk_query_root(query));
    fk_query_free(&query);
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
    o.query = r->file.query.len ? (const char *)r->file.query.data : "";
    o.query_len = r->file.query.len;
    o.user = r->file.has_user ? fk_buf_cstr(&r->file.user) : NULL;
    o.since_ms = r->file.since_ms;
    o.until_ms = r->file.until_ms;
    o.zone_minutes = r->file.zone_minutes;
    o.person = person;
    o.reason = r->reason ? r->reason : reason;
    o.via = "command";
    o.before = r->file.head;
    o.domains = r->cli->config->domains;
    FK_TRY(asks(r, err));
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
    while ((st = fk_search_next(s, &hit, err)) == FK_OK)
        FK_TRY(hit_take(r, &hit, err));
    if (st != FK_NOT_FOUND)
        goto done;
    fk_seqs_sort(&r->still);
    st = r->still.failed ? fk_fail(err, FK_NOMEM, "out of memory for hits") : lost_all(r, err);
done:
    fk_search_close(&s);
    fk_keep_close(&keep);
    return st;
}

/* ---- what has happened since */

static int by_seq(const void *a, const void *b) {
    const struct difference *x = a, *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* A disposal is the reason of a hit that is none any more, whatever else was said. */
static void since_note(struct rerun *r, uint64_t seq, bool disposes, uint64_t entry) {
    const struct difference key = {.seq = seq};
    struct difference *d = bsearch(&key, r->at, r->count, sizeof *r->at, by_seq);
    if (!d)
        return;
    if (disposes && d->was_hit) {
        d->why = DISPOSED;
        d->entry = entry;
    } else if (!disposes && r->needs_facts && d->why == UNEXPLAINED) {
        d->why = FACT;
        d->entry = entry;
    }
}

static enum fk_status since_take(void *ctx, const struct fk_entry *e, const char *line, size_t len,
                                 struct fk_err *err) {
    struct rerun *r = ctx;
    struct fk_seqs of = {NULL, 0, 0, false};
    size_t of_len;
    const bool disposes = fk_entry_is(e, "dispose");
    const char *text = fk_entry_field_at(e, "of", &of_len);
    (void)line;
    (void)len;
    if ((!disposes && !fk_entry_is(e, "fact")) || !text)
        return FK_OK;
    if (!fk_seqs_parse(text, of_len, SIZE_MAX, &of)) {
        fk_seqs_free(&of);
        return fk_fail(err, FK_CORRUPT, "entry %" PRIu64 ": its list of seqs is none", e->seq);
    }
    r->disposals += disposes;
    for (size_t i = 0; i < of.count; i++)
        since_note(r, of.at[i], disposes, e->seq);
    fk_seqs_free(&of);
    return FK_OK;
}

static enum fk_status explain(struct rerun *r, struct fk_err *err) {
    if (r->count > 0)
        qsort(r->at, r->count, sizeof *r->at, by_seq);
    enum fk_status st =
        r->count ? cli_ledger_walk(r->lend, r->file.mark, UINT64_MAX, since_take, r, err) : FK_OK;
    for (size_t i = 0; i < r->count; i++) {
        struct difference *d = &r->at[i];
        if (d->why == UNEXPLAINED && r->is_related && (r->disposals > 0 || r->file.unread > 0))
            d->why = RELATED;
        if (d->why == UNEXPLAINED && r->file.terms != FK_TERMS_VERSION)
            d->why = OTHER_TERMS;
    }
    return st;
}

/* ---- printing */

static void text_of(const struct rerun *r, const struct difference *d, char *out, size_t size) {
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
    case READABLE_NOW:
        snprintf(out, size, "it was only partly searchable then, and was read again since");
        return;
    case LATER_CAPTURE:
        snprintf(out, size,
                 "entry %" PRIu64 " is another capture of it, read later, which knows more",
                 d->entry);
        return;
    case FACT:
        snprintf(out, size, "entry %" PRIu64 " says more of it, or something else", d->entry);
        return;
    case RELATED:
        snprintf(out, size, "what joins it to the message that is named has come or gone since");
        return;
    case OTHER_TERMS:
        snprintf(out, size,
                 "the index was made by other rules: terms of version %" PRIu64 " then, %d now",
                 r->file.terms, FK_TERMS_VERSION);
        return;
    default:
        snprintf(out, size, "nothing in the ledger says why");
    }
}

static void print(const struct rerun *r) {
    uint64_t unexplained = 0;
    const uint64_t lost = r->file.hits.count;
    uint64_t same = lost;
    char text[200];
    for (size_t i = 0; i < r->count; i++) {
        const struct difference *d = &r->at[i];
        unexplained += d->why == UNEXPLAINED;
        same -= d->was_hit;
        text_of(r, d, text, sizeof text);
        if (r->json)
            cli_json_line(json_pack("{s:s, s:o, s:b, s:b, s:s, s:o, s:s}", "type", "difference",
                                    "seq", cli_json_number(d->seq), "then", d->was_hit, "now",
                                    !d->was_hit, "why", why_words[d->why], "entry",
                                    cli_json_number(d->entry), "text", text));
        else
            printf("%s\t%" PRIu64 "\t%s\t%s\n", d->was_hit ? "no longer" : "new", d->seq,
                   why_words[d->why], text);
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
    FK_TRY(explain(r, err));
    print(r);
done:
    fk_lend_close(&r->lend);
    return st;
}

int cmd_rerun(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"reason", required_argument, NULL, 'r'},
                                            {NULL, 0, NULL, 0}};
    struct rerun r = {.cli = cli, .file = FK_RECEIPT_FILE_INIT, .rerun_act = UINT64_MAX};
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
    fk_receipt_file_free(&r.file);
    fk_seqs_free(&r.still);
    free(r.at);
    return cli_finish(status);
}
