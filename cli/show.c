/* show.c - one entry. Its content is asked for only after the act that records the look is durable;
 * the line itself has no personal data and needs none. */
#include "archiver/vault/envelope.h"
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "archiver/vault/logbook.h"
#include "base/clock.h"
#include "cli/checkpoint.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/config_value.h"
#include "cli/delivery.h"
#include "cli/evidence.h"
#include "cli/journals.h"
#include "cli/json.h"
#include "cli/provenance.h"
#include "indexer/index.h"
#include "search/json.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum mode { WHOLE, RAW, TEXT, ENVELOPE, INNER, WRAPPER, ENTRY, PROOF, DELIVERY, AUTH };
struct show {
    enum mode mode;
    bool json;
    const char *reason;
    uint64_t seq, act;
    struct fk_buf line; /* of the entry, with its LF */
    struct fk_entry entry;
    struct fk_content content;
    struct fk_buf text; /* of the message for people; its inner bytes, with --inner */
    unsigned number;    /* of the inner message */
    struct fk_buf why;  /* what a journal report says is only claimed (journals.h) */
    bool is_known;      /* the index has it: */
    struct fk_message_record record;
    struct cli_evidence evidence; /* with --auth */
};

/* ---- asking */

static enum fk_status act_append(const struct fk_cli *cli, struct show *s, struct fk_err *err) {
    struct fk_keep *keep = NULL;
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char fields[64], person[128];
    enum fk_status st;
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "via", "cli");
    if (s->reason)
        fk_fields_add_str(&body, "reason", s->reason);
    if (s->evidence.entry) /* it is later than what it is about */
        snprintf(fields, sizeof fields, "what=show of=%" PRIu64 "%c%" PRIu64, s->seq,
                 s->evidence.entry == s->seq + 1 ? '-' : ',', s->evidence.entry);
    else
        snprintf(fields, sizeof fields, "what=show of=%" PRIu64, s->seq);
    struct fk_record record = {.kind = "act", .fields = fields, .body = &body};
    FK_TRY(fk_keep_open(cli->dir, &keep, err));
    FK_TRY(fk_keep_append(keep, &record, &receipt, err));
    s->act = receipt.seq;
done:
    fk_keep_close(&keep);
    fk_buf_free(&body);
    return st;
}

static enum fk_status line_fetch(struct fk_lend *lend, struct show *s, struct fk_err *err) {
    enum fk_status st = fk_lend_lines(lend, s->seq, &s->line, err);
    if (st == FK_NOT_FOUND)
        return fk_fail(err, st, "there is no entry %" PRIu64, s->seq);
    if (st != FK_OK)
        return st;
    const uint8_t *lf = memchr(s->line.data, '\n', s->line.len);
    if (lf)
        s->line.len = (size_t)(lf + 1 - s->line.data);
    return fk_entry_read(s->line.data, s->line.len, &s->entry, err);
}

/* The message is read in a box, as the indexer reads it. */
static enum fk_status text_make(const struct fk_cli *cli, struct show *s, struct fk_err *err) {
    static const char *const words[] = FK_TRANSFER_WORDS;
    struct fk_index_options options = FK_INDEX_OPTIONS;
    enum fk_transfer how = FK_TRANSFER_IDENTITY;
    options.seconds = cli->config->index_time_s;
    options.memory_bytes = cli->config->index_memory;
    options.names_only = strcmp(cli->config->attachments, "off") == 0;
    if (s->mode == TEXT) {
        struct fk_passwords passwords = {NULL, 0, NULL};
        if (fk_passwords_read(cli->config->passwords_file, &passwords, err) != FK_OK)
            fprintf(stderr, "fumikura: note: %s; locked files are tried without it\n", err->text);
        options.passwords = &passwords;
        const enum fk_status st = fk_index_message_text(s->content.fd, &options, &s->text, err);
        fk_passwords_free(&passwords);
        return st;
    }
    if (s->mode == WRAPPER)
        return fk_index_wrapper_text(s->content.fd, &options, &s->text, err);
    enum fk_status st =
        fk_index_inner_bytes(s->content.fd, &options, s->number, &s->text, &how, err);
    if (st == FK_OK && how != FK_TRANSFER_IDENTITY)
        fprintf(stderr, "fumikura: note: the inner message stood in %s, and is decoded here\n",
                words[how]);
    return st;
}

/* What other captures say belongs to the message too; where the index is not there yet, what is
 * shown is of this entry alone, and that is said. */
static enum fk_status record_read(const struct fk_cli *cli, struct fk_lend *lend, struct show *s,
                                  struct fk_err *err) {
    enum fk_status st = fk_message_record_read(cli->dir, lend, s->seq, &s->record, err);
    s->is_known = st == FK_OK;
    return st == FK_NOT_FOUND ? FK_OK : st;
}

/* ---- printing */

static enum fk_status envelope_of(const struct show *s, struct fk_envelope *out,
                                  struct fk_err *err) {
    if (fk_entry_is(&s->entry, "mail"))
        return fk_envelope_split(s->content.bytes, s->content.len, out, err);
    *out = (struct fk_envelope){(const char *)s->content.bytes, s->content.len, NULL, 0};
    return FK_OK;
}

/* Name to list of values, in order of first appearance. */
static json_t *fields_json(const char *text, size_t len) {
    json_t *root = json_object();
    struct fk_fields it = fk_fields_begin(text, len);
    struct fk_buf value = FK_BUF_INIT;
    char name[128];
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        snprintf(name, sizeof name, "%.*s", (int)f.name_len, f.name);
        fk_buf_reset(&value);
        fk_field_value(&f, &value);
        if (!json_object_get(root, name))
            json_object_set_new(root, name, json_array());
        json_array_append_new(json_object_get(root, name), cli_json_text(value.data, value.len));
    }
    fk_buf_free(&value);
    return root;
}

/* How it was read, as the index has it: files that were not, charsets that were used. */
static bool is_of_reading(const struct fk_field *f) {
    return fk_field_is(f, "unsearchable") || fk_field_is(f, "charset");
}

static json_t *reading_json(const struct fk_buf *data) {
    json_t *root = json_pack("{s:[], s:[]}", "unsearchable", "charset");
    struct fk_fields it = fk_fields_begin(data->data, data->len);
    struct fk_buf value = FK_BUF_INIT;
    for (struct fk_field f; fk_fields_next(&it, &f) && !fk_field_is(&f, "capture");) {
        if (!is_of_reading(&f))
            continue;
        fk_buf_reset(&value);
        fk_field_value(&f, &value);
        json_array_append_new(
            json_object_get(root, fk_field_is(&f, "charset") ? "charset" : "unsearchable"),
            cli_json_text(value.data, value.len));
    }
    fk_buf_free(&value);
    return root;
}

static void reading_print(const struct fk_buf *data) {
    struct fk_fields it = fk_fields_begin(data->data, data->len);
    for (struct fk_field f; fk_fields_next(&it, &f) && !fk_field_is(&f, "capture");)
        if (is_of_reading(&f))
            printf("%.*s: %.*s\n", (int)f.name_len, f.name, (int)f.value_len, f.value);
}

static bool is_claimed(const struct show *s) {
    for (size_t i = 0; s->is_known && i < s->record.known.capture_count; i++)
        if (s->record.known.captures[i].seq == s->seq)
            return strcmp(s->record.known.captures[i].kind, "claimed") == 0;
    return false;
}

static void json_print(const struct show *s, const struct fk_envelope *e) {
    static const char *const names[] = {"source", "floor", "what", "of", "c256"};
    json_t *root = json_object();
    char time[FK_TIME_SIZE], value[160];
    fk_time_format(time, s->entry.time_ms);
    json_object_set_new(root, "seq", cli_json_number(s->seq));
    json_object_set_new(root, "kind", json_string(s->entry.kind));
    json_object_set_new(root, "time", json_string(time));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (fk_entry_field(&s->entry, names[i], value, sizeof value))
            json_object_set_new(root, names[i], json_string(value));
    json_object_set_new(root, "line", cli_json_text(s->line.data, s->line.len - 1));
    if (e) {
        json_object_set_new(root, "act", cli_json_number(s->act));
        json_object_set_new(root, e->message ? "envelope" : "body",
                            fields_json(e->fields, e->fields_len));
    }
    if (e && e->message)
        json_object_set_new(root, "bytes", cli_json_number(e->message_len));
    if (s->mode == TEXT || s->mode == WRAPPER)
        json_object_set_new(root, s->mode == TEXT ? "text" : "wrapper",
                            cli_json_text(s->text.data, s->text.len));
    if (e && e->message) {
        json_object_set_new(root, "provenance",
                            s->is_known ? fk_json_provenance(&s->record) : json_null());
        json_object_set_new(root, "reading",
                            s->is_known ? reading_json(&s->record.data) : json_null());
        json_object_set_new(root, "claimed_because",
                            is_claimed(s) ? cli_json_text(s->why.data, s->why.len) : json_null());
    }
    cli_json_line(root);
}

static void bytes_print(const void *data, size_t len) {
    (void)!fwrite(data, 1, len, stdout); /* cli_finish looks at what became of it */
}

static void print(struct show *s, const struct fk_envelope *e) {
    if (e && e->message)
        cli_claimed_why(e->fields, e->fields_len, &s->why);

    if (s->json)
        json_print(s, e);
    else if (s->mode == TEXT) {
        bytes_print(s->text.data, s->text.len);
        cli_provenance_print(s->is_known ? &s->record : NULL, s->seq, fk_buf_cstr(&s->why));
    } else if (s->mode == INNER || s->mode == WRAPPER)
        bytes_print(s->text.data, s->text.len);
    else if (s->mode == RAW && e->message)
        bytes_print(e->message, e->message_len);
    else if (s->mode == RAW || s->mode == ENVELOPE)
        bytes_print(e->fields, e->fields_len);
    else {
        bytes_print(s->line.data, s->line.len);
        if (e)
            bytes_print(e->fields, e->fields_len);
        if (e && e->message && s->is_known)
            reading_print(&s->record.data);
        if (e && e->message) {
            printf("message: %zu bytes (--raw prints them)\n", e->message_len);
            cli_provenance_print(s->is_known ? &s->record : NULL, s->seq, fk_buf_cstr(&s->why));
        }
    }
}

/* The proof shows nothing of the message, so no act records it. */
static enum fk_status proof_print(const struct fk_cli *cli, struct fk_lend *lend,
                                  const struct show *s, struct fk_err *err) {
    struct fk_checkpoint c;
    struct fk_buf note = FK_BUF_INIT, proof = FK_BUF_INIT;
    enum fk_status st;
    FK_TRY(cli_checkpoint_get(cli, lend, s->seq + 1, &c, &note, err));
    FK_TRY(fk_logbook_proof(cli->dir, s->seq, &c, &note, &proof, err));
    if (s->json)
        cli_json_line(json_pack("{s:o, s:o, s:o}", "seq", cli_json_number(s->seq), "line",
                                cli_json_text(s->line.data, s->line.len - 1), "proof",
                                cli_json_text(proof.data, proof.len)));
    else
        bytes_print(proof.data, proof.len);
done:
    fk_buf_free(&note);
    fk_buf_free(&proof);
    return st;
}

static enum fk_status show(const struct fk_cli *cli, struct show *s, struct fk_err *err) {
    struct fk_lend *lend = NULL;
    struct fk_envelope e;
    size_t len;
    enum fk_status st;
    FK_TRY(fk_lend_open(cli->dir, &lend, err));
    FK_TRY(line_fetch(lend, s, err));
    if (s->mode == PROOF) {
        st = proof_print(cli, lend, s, err);
        goto done;
    }
    if (s->mode == DELIVERY) {
        st = cli_delivery_show(cli, lend, s->seq, s->reason, s->json, err);
        goto done;
    }
    bool has_content = fk_entry_field_at(&s->entry, "c256", &len) != NULL;
    if (s->mode == ENTRY || (s->mode == WHOLE && !has_content)) {
        print(s, NULL);
        goto done;
    }
    if (!has_content)
        FK_TRY(fk_fail(err, FK_NOT_FOUND, "entry %" PRIu64 " (%s) has no content; --entry shows it",
                       s->seq, s->entry.kind));
    const bool is_mail = fk_entry_is(&s->entry, "mail");
    const bool is_read = s->mode == TEXT || s->mode == INNER || s->mode == WRAPPER;
    if ((is_read || s->mode == AUTH) && !is_mail)
        FK_TRY(fk_fail(err, FK_INVALID,
                       "entry %" PRIu64
                       " (%s) is no message; --text, --inner, --wrapper and --auth are for those",
                       s->seq, s->entry.kind));
    if (s->mode == AUTH)
        FK_TRY(cli_evidence_find(lend, s->seq, &s->evidence, err));
    FK_TRY(act_append(cli, s, err));
    FK_TRY(fk_lend_content(lend, s->seq, s->act, &s->content, err));
    FK_TRY(envelope_of(s, &e, err));
    if (is_read)
        FK_TRY(text_make(cli, s, err));
    if (is_mail && (s->json || s->mode == WHOLE || s->mode == TEXT))
        FK_TRY(record_read(cli, lend, s, err));
    if (s->mode == AUTH) {
        FK_TRY(cli_evidence_read(lend, &s->evidence, s->act, s->content.salt, err));
        cli_evidence_print(&s->evidence, s->act, s->json);
        goto done;
    }
    print(s, &e);
done:
    fk_lend_close(&lend);
    return st;
}

static bool number_take(const char *text, unsigned *out) {
    uint64_t n;
    if (!fk_value_number(text, &n) || n < 1 || n > 100)
        return false;
    *out = (unsigned)n - 1;
    return true;
}

static int options_read(struct show *s, int argc, char **argv) {
    static const struct option options[] = {
        {"raw", no_argument, NULL, RAW},           {"envelope", no_argument, NULL, ENVELOPE},
        {"text", no_argument, NULL, TEXT},         {"entry", no_argument, NULL, ENTRY},
        {"proof", no_argument, NULL, PROOF},       {"auth", no_argument, NULL, AUTH},
        {"inner", optional_argument, NULL, INNER}, {"wrapper", no_argument, NULL, WRAPPER},
        {"json", no_argument, NULL, 'j'},          {"reason", required_argument, NULL, 'r'},
        {"delivery", no_argument, NULL, DELIVERY}, {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'j')
            s->json = true;
        else if (o == 'r')
            s->reason = optarg;
        else if (o == '?')
            return cli_usage("show", "no such option");
        else if (s->mode != WHOLE)
            return cli_usage("show", "one of --raw, --text, --inner, --wrapper, --envelope, "
                                     "--entry, --proof, --delivery and --auth");
        else
            s->mode = (enum mode)o;
        if (o == INNER && optarg && !number_take(optarg, &s->number))
            return cli_usage("show", "--inner=N takes 1 for the message, more for clear copies");
    }
    if (s->json && (s->mode == RAW || s->mode == INNER))
        return cli_usage("show", "--raw and --inner print exact bytes, which are no JSON");
    if (optind + 1 != argc || !fk_value_number(argv[optind], &s->seq))
        return cli_usage("show", "expected the number of one entry");
    return 0;
}

int cmd_show(struct fk_cli *cli, int argc, char **argv) {
    struct show s = {.content = {.fd = -1}};
    struct fk_err err = FK_ERR_INIT;
    int rc = options_read(&s, argc, argv);
    if (rc)
        return rc;
    enum fk_status st = show(cli, &s, &err);
    fk_content_free(&s.content);
    fk_buf_wipe(&s.evidence.part);
    fk_buf_wipe(&s.text);
    fk_buf_wipe(&s.why);
    fk_message_record_free(&s.record);
    fk_buf_free(&s.line);
    return st == FK_OK ? 0 : cli_fail(&err);
}
