/* reconcile_milter.c - what came by a milter. The mail server logs no reply of a milter that lets a
 * message pass, but tells it the queue id, which the index has: so a message is found by its queue
 * id, within SLACK_MS of its lines in the log, since short ids come again. */
#include "cli/ledger.h"
#include "cli/reconcile.h"
#include "indexer/record/provenance.h"
#include "indexer/store/state.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"

#include <inttypes.h>
#include <string.h>

/* Between the log's clock and ours. FOUND_MAX: documents with one queue id. */
enum { SLACK_MS = 5 * 60 * 1000, FOUND_MAX = 64 };

struct asking {
    struct cli_reconcile *r;
    struct fk_xreader *reader;
    struct fk_buf term, data;
};

static enum fk_status mail_blame(void *ctx, const struct fk_entry *e, const char *line, size_t len,
                                 struct fk_err *err) {
    (void)ctx, (void)line, (void)len;
    return !fk_entry_is(e, "mail")
               ? FK_OK
               : fk_fail(err, FK_RETRY,
                         "the index has not read entry %" PRIu64
                         " yet, and by it a milter's messages are found: run \"fumikura index "
                         "--wait\"",
                         e->seq);
}

/* A message that is said to be missing must not be one that the index has not read yet. */
static enum fk_status is_read(struct cli_reconcile *r, uint64_t mark, struct fk_err *err) {
    struct fk_head head;
    enum fk_status st = fk_lend_head(r->lend, &head, err);
    if (st == FK_OK && mark < head.next_seq)
        st = cli_ledger_walk(r->lend, mark, head.next_seq - 1, mail_blame, NULL, err);
    return st;
}

static enum fk_status captures_take(struct asking *a, uint32_t message, uint32_t docid,
                                    struct fk_err *err) {
    const struct fk_traced m = a->r->trace->messages[message];
    struct fk_provenance known = FK_PROVENANCE_INIT;
    enum fk_status st;
    fk_buf_reset(&a->data);
    FK_TRY(fk_xreader_data(a->reader, docid, &a->data, err));
    FK_TRY(fk_provenance_read(a->data.data, a->data.len, &known, err));
    for (size_t i = 0; i < known.capture_count; i++) {
        const struct fk_capture *c = &known.captures[i];
        if (strcmp(c->queue_id, m.queue_id) == 0 && c->received_ms >= m.first_ms - SLACK_MS &&
            c->received_ms <= m.last_ms + SLACK_MS)
            FK_TRY(fk_mailtrace_kept(a->r->trace, message, c->seq, err));
    }
done:
    fk_provenance_free(&known);
    return st;
}

static enum fk_status message_ask(struct asking *a, uint32_t message, struct fk_err *err) {
    uint32_t docids[FOUND_MAX];
    size_t found = 0;
    enum fk_status st;
    fk_buf_reset(&a->term);
    fk_buf_str(&a->term, FK_P_QUEUE);
    fk_buf_str(&a->term, a->r->trace->messages[message].queue_id);
    if (a->term.failed)
        return fk_fail(err, FK_NOMEM, "no memory for a queue id");
    FK_TRY(fk_xreader_with_term(a->reader, fk_buf_cstr(&a->term), a->term.len, docids, FOUND_MAX,
                                &found, err));
    for (size_t i = 0; i < found; i++)
        FK_TRY(captures_take(a, message, docids[i], err));
done:
    return st;
}

enum fk_status cli_reconcile_milter(struct cli_reconcile *r, struct fk_err *err) {
    struct asking a = {.r = r, .term = FK_BUF_INIT, .data = FK_BUF_INIT};
    uint64_t mark;
    enum fk_status st;
    FK_TRY(fk_index_open(r->cli->dir, &a.reader, &mark, err));
    FK_TRY(is_read(r, mark, err));
    for (size_t i = 0; i < r->trace->count; i++)
        if (fk_mailtrace_fate(r->trace, i) != FK_FATE_KEPT)
            FK_TRY(message_ask(&a, (uint32_t)i, err));
done:
    (void)fk_index_blame(st, r->cli->dir, err); /* gives st back */
    fk_buf_free(&a.term);
    fk_buf_free(&a.data);
    fk_xreader_close(&a.reader);
    return st;
}
