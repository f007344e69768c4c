/* transaction.c - `fumikura transaction`: what was found of the order, invoice and so on that a
 * message is, and its correction by a person: an entry
 *
 *     fact what=transaction of=SEQS         all captures of the message
 *
 * with the body person, via, reason, and for each item "was: ITEM VALUE" and "set: ITEM VALUE",
 * where VALUE is "-" for none and "=" for what was found
 * (indexer/transaction/transaction_record.h). The message stays as it is; the index takes the
 * newest such entry in the place of what was found. */
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "cli/cli.h"
#include "cli/config_value.h"
#include "cli/json.h"
#include "indexer/transaction/amount.h"
#include "indexer/transaction/transaction_record.h"
#include "indexer/transaction/written_date.h"
#include "search/json.h"
#include "search/message_record.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Captures that one entry may name: its line has an end (FK_LINE_MAX). Of more the newest count. */
enum { CAPTURES_MAX = 2900 };

struct change {
    bool is_set;
    char value[FK_TXN_TEXT_MAX + 1];
};
struct correcting {
    struct fk_cli *cli;
    struct fk_keep *keep;
    struct fk_lend *lend;
    uint64_t seq, act, fact;
    const char *reason;
    bool json, changes;
    struct change set[FK_TXN_ITEMS];
    struct fk_message_record record;
    struct fk_transaction found;
};

/* ---- values as people give them */

static bool date_value(const char *text, char *out, size_t size) {
    struct fk_written_date d;
    if (!fk_written_date_read(text, strlen(text), 0, &d) || text[d.end] || !d.year)
        return false;
    (void)snprintf(out, size, "%04u-%02u-%02u", d.year, d.month, d.day);
    return true;
}

static bool amount_value(const char *text, char *out, size_t size) {
    struct fk_amount a;
    char value[FK_AMOUNT_TEXT];
    if (!fk_amount_read(text, strlen(text), 0, &a) || text[a.end])
        return false;
    fk_amount_print(a.hundredths, a.currency, a.tax, value);
    (void)snprintf(out, size, "%s", value);
    return true;
}

static bool value_take(enum fk_txn_item item, const char *text, struct change *out) {
    const int kind = fk_txn_kind_of(text);
    out->is_set = true;
    if (!*text)
        return memcpy(out->value, "-", 2), true;
    switch (item) {
    case FK_TXN_DATE:
        return date_value(text, out->value, sizeof out->value);
    case FK_TXN_AMOUNT:
        return amount_value(text, out->value, sizeof out->value);
    case FK_TXN_KIND:
        return kind >= 0 && snprintf(out->value, sizeof out->value, "%s", fk_txn_kinds[kind]) > 0;
    default:
        (void)snprintf(out->value, sizeof out->value, "%s", text);
        return strlen(text) < sizeof out->value && fk_txn_is_value(item, text);
    }
}

static bool item_take(const char *word, size_t len, enum fk_txn_item *out) {
    for (unsigned i = 0; i < FK_TXN_ITEMS; i++)
        if (strlen(fk_txn_items[i]) == len && memcmp(fk_txn_items[i], word, len) == 0)
            return *out = (enum fk_txn_item)i, true;
    return false;
}

/* ITEM=VALUE */
static int set_take(struct correcting *c, const char *text) {
    static const char *const expected[FK_TXN_ITEMS] = {
        "invoice, order, receipt, quotation, contract or delivery",
        "a day such as 2024-04-01 or 令和6年4月1日",
        "an amount such as 1234567, 1,100円（税込） or USD1234.56",
        "a name of at most 300 bytes",
        "a number of at most 300 bytes",
    };
    const char *is = strchr(text, '=');
    enum fk_txn_item item;
    if (!is || !item_take(text, (size_t)(is - text), &item))
        return cli_usage("transaction",
                         "--set takes kind=, date=, amount=, counterparty= or number=, not %s",
                         text);
    if (c->set[item].is_set)
        return cli_usage("transaction", "%s is given twice", fk_txn_items[item]);
    if (!value_take(item, is + 1, &c->set[item]))
        return cli_usage("transaction", "%s= takes %s, or nothing for none; not %s",
                         fk_txn_items[item], expected[item], is + 1);
    c->changes = true;
    return 0;
}

static int as_found_take(struct correcting *c, const char *text) {
    enum fk_txn_item item;
    if (!item_take(text, strlen(text), &item))
        return cli_usage("transaction",
                         "--as-found takes kind, date, amount, counterparty or number, not %s",
                         text);
    if (c->set[item].is_set)
        return cli_usage("transaction", "%s is given twice", text);
    c->set[item] = (struct change){true, "="};
    c->changes = true;
    return 0;
}

static int options_read(struct correcting *c, int argc, char **argv) {
    static const struct option options[] = {{"set", required_argument, NULL, 's'},
                                            {"as-found", required_argument, NULL, 'f'},
                                            {"reason", required_argument, NULL, 'r'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    int rc = 0;
    for (int o; rc == 0 && (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 's')
            rc = set_take(c, optarg);
        else if (o == 'f')
            rc = as_found_take(c, optarg);
        else if (o == 'r')
            c->reason = optarg;
        else if (o == 'j')
            c->json = true;
        else
            rc = cli_usage("transaction", "no such option");
    }
    if (rc)
        return rc;
    if (optind + 1 != argc || !fk_value_number(argv[optind], &c->seq))
        return cli_usage("transaction", "expected the number of one message");
    if (c->changes && (!c->reason || !*c->reason))
        return cli_usage("transaction", "a correction needs --reason TEXT, which stays with it");
    return 0;
}

/* ---- asking and writing */

static enum fk_status act_append(struct correcting *c, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char fields[64], person[128];
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "via", "cli");
    if (c->reason)
        fk_fields_add_str(&body, "reason", c->reason);
    fk_fields_add_str(&body, "part", "transaction");
    (void)snprintf(fields, sizeof fields, "what=show of=%" PRIu64, c->seq);
    enum fk_status st =
        body.failed
            ? fk_fail(err, FK_NOMEM, "no memory for an act")
            : fk_keep_append(c->keep, &(struct fk_record){"act", fields, &body}, &receipt, err);
    fk_buf_free(&body);
    if (st == FK_OK)
        c->act = receipt.seq;
    return st;
}

static void item_add(struct fk_buf *body, const char *name, const char *item, const char *value) {
    struct fk_buf line = FK_BUF_INIT;
    fk_buf_printf(&line, "%s %s", item, value);
    fk_fields_add(body, name, line.data, line.len);
    body->failed |= line.failed;
    fk_buf_free(&line);
}

static enum fk_status fact_append(struct correcting *c, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT, fields = FK_BUF_INIT;
    struct fk_seqs of = {0};
    struct fk_receipt receipt;
    char person[128];
    enum fk_status st;
    const size_t count = c->record.known.capture_count;
    for (size_t i = count > CAPTURES_MAX ? count - CAPTURES_MAX : 0; i < count; i++)
        fk_seqs_add(&of, c->record.known.captures[i].seq);
    fk_seqs_sort(&of);
    fk_buf_str(&fields, "what=transaction of=");
    fk_seqs_format(&of, &fields);
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "via", "cli");
    fk_fields_add_str(&body, "reason", c->reason);
    for (unsigned i = 0; i < FK_TXN_ITEMS; i++) {
        if (!c->set[i].is_set)
            continue;
        const char *was = c->found.now[i].value;
        item_add(&body, "was", fk_txn_items[i], was ? was : "-");
        item_add(&body, "set", fk_txn_items[i], c->set[i].value);
    }
    if (of.failed || fields.failed || body.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a correction"));
    FK_TRY(fk_keep_append(c->keep, &(struct fk_record){"fact", fk_buf_cstr(&fields), &body},
                          &receipt, err));
    c->fact = receipt.seq;
done:
    fk_seqs_free(&of);
    fk_buf_free(&fields);
    fk_buf_wipe(&body);
    return st;
}

/* By the index, which is brought up to the ledger's head first. */
static enum fk_status record_read(struct correcting *c, struct fk_err *err) {
    enum fk_status st;
    fk_transaction_free(&c->found);
    fk_message_record_free(&c->record);
    FK_TRY(cli_index_follow(c->cli, err));
    FK_TRY(fk_message_record_read(c->cli->dir, c->lend, c->seq, &c->record, err));
    if (c->record.known.capture_count == 0)
        FK_TRY(fk_fail(err, FK_NOT_FOUND, "message %" PRIu64 " is disposed of", c->seq));
    st = fk_transaction_read(c->record.data.data, c->record.data.len, &c->found, err);
done:
    return st;
}

/* ---- printing */

static void text_print(const char *before, const char *text, const char *after) {
    printf("%s", before);
    cli_print_text(text);
    printf("%s", after);
}

static void from_print(const struct fk_txn_found *f) {
    printf("%u\t%s", f->confidence, f->field);
    if (*f->path)
        text_print(" ", f->path, "");
    printf(" %" PRIu64 "+%" PRIu64, f->offset, f->len);
    text_print("\t", f->rule, "");
    text_print("\t", f->text, "\n");
}

static const char *change_text(const char *value) {
    return strcmp(value, "-") == 0 ? "none" : strcmp(value, "=") == 0 ? "as found" : value;
}

static void people_print(const struct correcting *c) {
    const struct fk_transaction *t = &c->found;
    if (!t->is_one)
        printf("no transaction\n");
    for (unsigned i = 0; i < FK_TXN_ITEMS; i++) {
        const struct fk_txn_value *v = &t->now[i];
        if (!t->is_one || (!v->value && !v->is_corrected))
            continue;
        printf("%s\t", fk_txn_items[i]);
        cli_print_text(v->value ? v->value : "none");
        printf("\t");
        if (v->from)
            from_print(v->from);
        else
            printf("corrected\n");
    }
    for (size_t i = 0; i < t->found_count; i++) {
        const struct fk_txn_found *f = &t->found[i];
        if (t->now[f->item].from == f)
            continue;
        printf("also %s\t", fk_txn_items[f->item]);
        cli_print_text(f->value);
        printf("\t");
        from_print(f);
    }
    for (size_t i = 0; i < t->change_count; i++) {
        const struct fk_txn_change *x = &t->changes[i];
        printf("entry %" PRIu64 "\t%s\t", x->entry, x->time);
        cli_print_text(x->person);
        printf("\t%s: ", fk_txn_items[x->item]);
        cli_print_text(change_text(x->was));
        text_print(" -> ", change_text(x->now), "");
        text_print("\t", x->reason, "\n");
    }
    if (t->left_out)
        printf("not shown or not looked at: %" PRIu64 "\n", t->left_out);
}

static void print(const struct correcting *c) {
    if (!c->json) {
        people_print(c);
        return;
    }
    json_t *seqs = json_array();
    for (size_t i = 0; i < c->record.known.capture_count; i++)
        json_array_append_new(seqs, cli_json_number(c->record.known.captures[i].seq));
    cli_json_line(
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "seq", cli_json_number(c->seq), "capture_seqs", seqs,
                  "act", c->changes ? json_null() : cli_json_number(c->act), "entry",
                  c->changes ? cli_json_number(c->fact) : json_null(), "transaction",
                  c->found.is_one || c->found.change_count ? fk_json_transaction(&c->found, true)
                                                           : json_null()));
}

static enum fk_status run(struct correcting *c, struct fk_err *err) {
    enum fk_status st;
    FK_TRY(fk_keep_open(c->cli->dir, &c->keep, err));
    FK_TRY(fk_lend_open(c->cli->dir, &c->lend, err));
    if (!c->changes)
        FK_TRY(act_append(c, err));
    FK_TRY(record_read(c, err));
    if (c->changes) {
        FK_TRY(fact_append(c, err));
        if ((st = record_read(c, err)) != FK_OK) {
            (void)fk_err_prefix(err, "the correction is entry %" PRIu64 ", but cannot be shown",
                                c->fact);
            goto done;
        }
    }
    print(c);
done:
    fk_transaction_free(&c->found);
    fk_message_record_free(&c->record);
    fk_lend_close(&c->lend);
    fk_keep_close(&c->keep);
    return st;
}

int cmd_transaction(struct fk_cli *cli, int argc, char **argv) {
    struct correcting c = {.cli = cli, .record = FK_MESSAGE_RECORD_INIT};
    struct fk_err err = FK_ERR_INIT;
    const int rc = options_read(&c, argc, argv);
    if (rc)
        return rc;
    return run(&c, &err) == FK_OK ? cli_finish(0) : cli_fail(&err);
}
