/* certificate.c - see certificate.h. The texts are fixed; what people have written is printed as it
 * is, control characters aside. */
#include "cli/certificate.h"
#include "archiver/vault/keep.h"
#include "base/clock.h"
#include "cli/config.h"
#include "cli/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_destroyed *destroyed_by(const struct cli_certificate *c, uint64_t entry) {
    for (size_t i = 0; entry && i < c->destroyed_count; i++)
        if (c->destroyed[i].entry == entry)
            return &c->destroyed[i];
    return NULL;
}

/* ---- text */

static void ticked_off(const struct cli_certificate *c, const struct fk_copy *copy) {
    char time[FK_TIME_SIZE] = "";
    const struct cli_destroyed *d = destroyed_by(c, copy->destroyed);
    if (d)
        fk_time_format(time, d->time_ms);
    printf("destroyed %s %" PRIu64 " : entry %" PRIu64 ", %s, ",
           copy->kind == FK_COPY_BUNDLE ? "bundle of keys" : "package", copy->seq, copy->destroyed,
           time);
    cli_print_text(d ? d->person : "");
    printf(", ");
    cli_print_text(d ? d->reason : "");
    putchar('\n');
}

static void copy_english(void *ctx, const struct fk_copy *copy) {
    char time[FK_TIME_SIZE];
    fk_time_format(time, copy->time_ms);
    if (copy->kind == FK_COPY_TAPE)
        printf("no matter tape of entry %" PRIu64
               " (%s): ciphertext without a key; nothing is to be done\n",
               copy->seq, time);
    else if (copy->destroyed)
        ticked_off(ctx, copy);
    else if (copy->kind == FK_COPY_PACKAGE)
        printf("still out export entry %" PRIu64
               " (%s): a package in the open that may have some of "
               "them: destroy it, then \"export destroyed %" PRIu64 "\"\n",
               copy->seq, time, copy->seq);
    else
        printf("still out bundle %" PRIu64
               " of keys (%s): destroy it, then \"keys destroyed %" PRIu64 "\"\n",
               copy->seq, time, copy->seq);
}

static void english(const struct cli_certificate *c, const char *ranges) {
    char time[FK_TIME_SIZE];
    fk_time_format(time, c->time_ms);
    printf("disposed  %zu messages: %s\n", c->seqs->count, ranges);
    printf("entry     %" PRIu64 " of ledger %s, c256=%s\n", c->entry, c->roll->head.ledger,
           c->c256);
    printf("rule      class %s (rules of entry %" PRIu64
           "; no hold, release, class, policy or key came "
           "after entry %" PRIu64 ")\n",
           c->rule, c->policy_seq, c->basis);
    printf("by        ");
    cli_print_text(c->person);
    printf(", %s, ", time);
    cli_print_text(c->reason);
    if (c->unfinished)
        printf(
            "\nkeys      NOT destroyed yet: this disposal is ordered and not done, so this is no "
            "certificate; a server, or the next command that writes, does it as soon as there is "
            "room on the disk\n");
    else
        printf("\nkeys      destroyed: no copy of these messages that is encrypted can be read any "
               "more, tapes included, but with an older copy of DIR/keys and DIR/secrets, or a "
               "bundle of keys\n");
    fk_copies_each(c->roll, c->entry, c->seqs, copy_english, (void *)(uintptr_t)c);
}

static void copy_japanese(void *ctx, const struct fk_copy *copy) {
    const struct cli_certificate *c = ctx;
    char time[FK_TIME_SIZE];
    static const char *const kinds[] = {"鍵束", "平文の提出パッケージ", "テープ"};
    fk_time_local(time, copy->time_ms, c->zone);
    printf("%s %" PRIu64 "（%s）: ", kinds[copy->kind], copy->seq, time);
    if (copy->kind == FK_COPY_TAPE) {
        puts("暗号文のみで鍵を含まない。処置は不要");
    } else if (!copy->destroyed) {
        puts("残存。破棄のうえ記録すること");
    } else {
        const struct cli_destroyed *d = destroyed_by(c, copy->destroyed);
        printf("破棄済み（記録 %" PRIu64 "、", copy->destroyed);
        cli_print_text(d ? d->person : "");
        puts("）");
    }
}

static void japanese(const struct cli_certificate *c, const char *ranges) {
    char time[FK_TIME_SIZE];
    fk_time_local(time, c->time_ms, c->zone);
    printf("\n廃棄証明書%s\n", c->unfinished ? "（未完了につき無効）" : "");
    printf("廃棄した通数: %zu（番号 %s）\n", c->seqs->count, ranges);
    printf("台帳の記録: %" PRIu64 "（台帳 %s、c256=%s）\n", c->entry, c->roll->head.ledger,
           c->c256);
    printf("根拠: 区分 %s（規則は記録 %" PRIu64 "。記録 %" PRIu64
           " より後に保全・解除・規則・鍵の変更なし）\n",
           c->rule, c->policy_seq, c->basis);
    printf("実施: %s、", time);
    cli_print_text(c->person);
    printf("、");
    cli_print_text(c->reason);
    printf("\n鍵: %s\n",
           c->unfinished
               ? "未破棄。廃棄は記録されたが完了していない。空き容量ができ次第、続行される"
               : "破棄済み。暗号化された写しは、テープを含め、以前の keys と secrets "
                 "の写しまたは鍵束がなければ読めない");
    fk_copies_each(c->roll, c->entry, c->seqs, copy_japanese, (void *)(uintptr_t)c);
}

void cli_certificate_text(const struct cli_certificate *c) {
    struct fk_buf ranges = FK_BUF_INIT;
    fk_seqs_format(c->seqs, &ranges);
    english(c, fk_buf_cstr(&ranges));
    japanese(c, fk_buf_cstr(&ranges));
    fk_buf_free(&ranges);
}

/* ---- JSON */

struct listing {
    const struct cli_certificate *c;
    json_t *copies, *packages_out, *bundles_out;
};

static void copy_json(void *ctx, const struct fk_copy *copy) {
    static const char *const kinds[] = {"bundle", "package", "tape"};
    struct listing *l = ctx;
    const struct cli_destroyed *d = destroyed_by(l->c, copy->destroyed);
    char time[FK_TIME_SIZE];
    bool tape = copy->kind == FK_COPY_TAPE, out = !tape && !copy->destroyed;
    json_t *o = json_object(), *gone = json_null();
    fk_time_format(time, copy->time_ms);
    json_object_set_new(o, "kind", json_string(kinds[copy->kind]));
    json_object_set_new(o, "number", cli_json_number(copy->seq));
    json_object_set_new(o, "time", json_string(time));
    json_object_set_new(o, "state", json_string(tape ? "no key in it" : out ? "out" : "destroyed"));
    if (d) {
        fk_time_format(time, d->time_ms);
        gone = json_object();
        json_object_set_new(gone, "entry", cli_json_number(d->entry));
        json_object_set_new(gone, "time", json_string(time));
        json_object_set_new(gone, "person", cli_json_text(d->person, strlen(d->person)));
        json_object_set_new(gone, "reason", cli_json_text(d->reason, strlen(d->reason)));
    }
    json_object_set_new(o, "destroyed", gone);
    json_array_append_new(l->copies, o);
    if (out)
        json_array_append_new(copy->kind == FK_COPY_PACKAGE ? l->packages_out : l->bundles_out,
                              cli_json_number(copy->seq));
}

void cli_certificate_json(const struct cli_certificate *c) {
    struct listing l = {c, json_array(), json_array(), json_array()};
    struct fk_buf ranges = FK_BUF_INIT;
    char time[FK_TIME_SIZE];
    json_t *o = json_object();
    fk_time_format(time, c->time_ms);
    fk_seqs_format(c->seqs, &ranges);
    json_object_set_new(o, "type", json_string("disposal"));
    json_object_set_new(o, "entry", cli_json_number(c->entry));
    json_object_set_new(o, "time", json_string(time));
    json_object_set_new(o, "ledger", json_string(c->roll->head.ledger));
    json_object_set_new(o, "c256", json_string(c->c256));
    json_object_set_new(o, "messages", cli_json_number(c->seqs->count));
    json_object_set_new(o, "seqs", json_string(fk_buf_cstr(&ranges)));
    json_object_set_new(o, "unfinished", json_boolean(c->unfinished));
    json_object_set_new(o, "class", json_string(c->rule));
    json_object_set_new(o, "policy", cli_json_number(c->policy_seq));
    json_object_set_new(o, "basis", cli_json_number(c->basis));
    json_object_set_new(o, "person", cli_json_text(c->person, strlen(c->person)));
    json_object_set_new(o, "reason", cli_json_text(c->reason, strlen(c->reason)));
    fk_copies_each(c->roll, c->entry, c->seqs, copy_json, &l);
    json_object_set_new(o, "packages_out", l.packages_out);
    json_object_set_new(o, "bundles_out", l.bundles_out);
    json_object_set_new(o, "copies", l.copies);
    cli_json_line(o);
    fk_buf_free(&ranges);
}

/* ---- from the ledger alone */

struct reading {
    struct fk_keep *keep;
    struct fk_lend *lend;
    struct fk_roll *roll;
    struct cli_destroyed *destroyed;
    size_t count, cap;
    struct fk_seqs of; /* whose bodies are read: the act names them */
};

static void copy_note(void *ctx, const struct fk_copy *copy) {
    struct reading *r = ctx;
    if (!copy->destroyed)
        return;
    if (r->count == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 16;
        struct cli_destroyed *at = realloc(r->destroyed, cap * sizeof *at);
        r->of.failed |= !at;
        if (!at)
            return;
        r->destroyed = at;
        r->cap = cap;
    }
    r->destroyed[r->count++] = (struct cli_destroyed){.entry = copy->destroyed};
    fk_seqs_add(&r->of, copy->destroyed);
}

static enum fk_status act_append(struct reading *r, uint64_t *act_out, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT, fields = FK_BUF_INIT;
    struct fk_receipt receipt;
    char person[128];
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "via", "cli");
    fk_fields_add_str(&body, "reason", "certificate of disposal");
    fk_buf_str(&fields, "what=show of=");
    fk_seqs_sort(&r->of);
    fk_seqs_format(&r->of, &fields);
    const struct fk_record record = {"act", fk_buf_cstr(&fields), &body};
    enum fk_status st = body.failed || fields.failed || r->of.failed
                            ? fk_fail(err, FK_NOMEM, "no memory for a certificate")
                            : fk_keep_append(r->keep, &record, &receipt, err);
    if (st == FK_OK)
        *act_out = receipt.seq;
    fk_buf_free(&body);
    fk_buf_free(&fields);
    return st;
}

/* Who did it, why and when, as entry and body say. */
static enum fk_status words_read(struct reading *r, uint64_t act, struct cli_destroyed *out,
                                 struct fk_err *err) {
    struct fk_content c = {.fd = -1};
    struct fk_buf line = FK_BUF_INIT, person = FK_BUF_INIT, reason = FK_BUF_INIT;
    struct fk_entry e;
    enum fk_status st;
    FK_TRY(fk_lend_lines(r->lend, out->entry, &line, err));
    const uint8_t *lf = memchr(line.data, '\n', line.len);
    FK_TRY(fk_entry_read(line.data, lf ? (size_t)(lf - line.data) + 1 : line.len, &e, err));
    FK_TRY(fk_lend_content(r->lend, out->entry, act, &c, err));
    (void)fk_fields_find(c.bytes, c.len, "person", &person);
    (void)fk_fields_find(c.bytes, c.len, "reason", &reason);
    out->time_ms = e.time_ms;
    out->person = strdup(fk_buf_cstr(&person));
    out->reason = strdup(fk_buf_cstr(&reason));
    if (!out->person || !out->reason)
        st = fk_fail(err, FK_NOMEM, "no memory for a certificate");
done:
    fk_content_free(&c);
    fk_buf_free(&line);
    fk_buf_free(&person);
    fk_buf_free(&reason);
    return st;
}

static void words_free(struct cli_destroyed *d) {
    free(d->person);
    free(d->reason);
}

enum fk_status cli_certificate_show(const struct fk_cli *cli, uint64_t entry, bool json,
                                    struct fk_err *err) {
    struct reading r = {.keep = NULL};
    struct cli_destroyed own = {.entry = entry};
    uint64_t act;
    enum fk_status st;
    FK_TRY(fk_keep_open(cli->dir, &r.keep, err));
    FK_TRY(fk_lend_open(cli->dir, &r.lend, err));
    FK_TRY(fk_roll_read(r.lend, &r.roll, err));
    const struct fk_disposed *d = fk_roll_disposal(r.roll, entry);
    if (!d)
        FK_TRY(fk_fail(err, FK_NOT_FOUND,
                       "entry %" PRIu64 " is no disposal; \"audit\" lists what is", entry));
    fk_seqs_add(&r.of, entry);
    fk_copies_each(r.roll, entry, &d->seqs, copy_note, &r);
    FK_TRY(act_append(&r, &act, err));
    FK_TRY(words_read(&r, act, &own, err));
    for (size_t i = 0; i < r.count; i++)
        FK_TRY(words_read(&r, act, &r.destroyed[i], err));
    const struct cli_certificate c = {r.roll,
                                      entry,
                                      d->basis,
                                      d->policy_seq,
                                      own.time_ms,
                                      d->rule,
                                      d->c256,
                                      own.person,
                                      own.reason,
                                      &d->seqs,
                                      r.destroyed,
                                      r.count,
                                      cli->config->zone_minutes,
                                      entry > r.roll->head.erased};
    if (json)
        cli_certificate_json(&c);
    else
        cli_certificate_text(&c);
    if (c.unfinished)
        st = fk_fail(err, FK_DENIED, "disposal %" PRIu64 " is not done yet", entry);
done:
    for (size_t i = 0; i < r.count; i++)
        words_free(&r.destroyed[i]);
    words_free(&own);
    free(r.destroyed);
    fk_seqs_free(&r.of);
    fk_roll_free(&r.roll);
    fk_lend_close(&r.lend);
    fk_keep_close(&r.keep);
    return st;
}
