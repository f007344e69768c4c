/* evidence.c - see evidence.h */
#include "cli/evidence.h"
#include "archiver/auth/evidence.h"
#include "archiver/auth/records.h"
#include "base/clock.h"
#include "cli/config.h"
#include "cli/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SEQS_MAX = 1 << 20 };

static bool is_about(const struct fk_entry *e, uint64_t seq) {
    char what[16];
    size_t len;
    struct fk_seqs of = {0};
    const char *list = fk_entry_field_at(e, "of", &len);
    if (!fk_entry_is(e, "fact") || !list || !fk_entry_field(e, "what", what, sizeof what) ||
        strcmp(what, "auth") != 0 || !fk_seqs_parse(list, len, SEQS_MAX, &of))
        return false;
    const bool found = fk_seqs_has(&of, seq);
    fk_seqs_free(&of);
    return found;
}

enum fk_status cli_evidence_find(struct fk_lend *lend, uint64_t seq, struct cli_evidence *out,
                                 struct fk_err *err) {
    enum fk_status st;
    struct fk_buf lines = FK_BUF_INIT;
    *out = (struct cli_evidence){.seq = seq};
    for (uint64_t from = seq + 1; (st = fk_lend_lines(lend, from, &lines, err)) == FK_OK;) {
        const char *at = (const char *)lines.data, *end = at + lines.len;
        for (const char *lf; at < end && (lf = memchr(at, '\n', (size_t)(end - at))); at = lf + 1) {
            struct fk_entry e;
            FK_TRY(fk_entry_read(at, (size_t)(lf + 1 - at), &e, err));
            if (is_about(&e, seq)) {
                out->entry = e.seq;
                out->time_ms = e.time_ms;
            }
            from = e.seq + 1;
        }
        fk_buf_reset(&lines);
    }
    if (st == FK_NOT_FOUND)
        st = FK_OK;
    if (st == FK_OK && !out->entry)
        st = fk_fail(err, FK_NOT_FOUND,
                     "no entry says where message %" PRIu64 " is from: it was not checked (yet); "
                     "auth-check is to be \"on\" when it arrives",
                     seq);
done:
    fk_buf_free(&lines);
    return st;
}

enum fk_status cli_evidence_read(struct fk_lend *lend, struct cli_evidence *e, uint64_t act,
                                 const uint8_t *salt, struct fk_err *err) {
    struct fk_content body = {.fd = -1};
    enum fk_status st = fk_lend_content(lend, e->entry, act, &body, err);
    if (st == FK_OK)
        st = fk_evidence_open(body.bytes, body.len, e->seq, salt, &e->part, err);
    fk_content_free(&body);
    return st;
}

/* ---- printing */

static json_t *result_json(const struct fk_field *f, const struct fk_finding_line *l) {
    struct fk_field rest = {f->name, l->why, f->name_len, l->why_len};
    struct fk_buf why = FK_BUF_INIT;
    json_t *o = json_object();
    fk_field_value(&rest, &why);
    json_object_set_new(o, "result", cli_json_text(l->result, strlen(l->result)));
    json_object_set_new(o, "domain", cli_json_text(l->domain, strlen(l->domain)));
    if (fk_field_is(f, "dkim")) {
        json_object_set_new(o, "selector", cli_json_text(l->selector, strlen(l->selector)));
        json_object_set_new(o, "algorithm", cli_json_text(l->algorithm, strlen(l->algorithm)));
        json_object_set_new(o, "bits", json_integer(l->bits));
    }
    if (fk_field_is(f, "dmarc")) {
        json_object_set_new(o, "policy", cli_json_text(l->policy, strlen(l->policy)));
        json_object_set_new(o, "aligned", cli_json_text(l->aligned, strlen(l->aligned)));
    }
    json_object_set_new(o, "reason", why.len ? cli_json_text(why.data, why.len) : json_null());
    fk_buf_free(&why);
    return o;
}

static json_t *dns_json(struct fk_dns_answer *a) {
    struct fk_buf record = FK_BUF_INIT;
    json_t *records = json_array();
    while (fk_dns_record(a, &record)) {
        json_array_append_new(records, cli_json_text(record.data, record.len));
        fk_buf_reset(&record);
    }
    fk_buf_free(&record);
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", a->question.name, "type",
                     fk_dns_type_names[a->question.type], "dnssec", fk_dns_state_names[a->state],
                     "status", fk_dns_status_names[a->status], "records", records);
}

static void json_print(const struct cli_evidence *e, uint64_t act) {
    json_t *root = json_object(), *dkim = json_array(), *dns = json_array();
    struct fk_fields it = fk_fields_begin(e->part.data, e->part.len);
    struct fk_buf value = FK_BUF_INIT;
    json_object_set_new(root, "seq", cli_json_number(e->seq));
    json_object_set_new(root, "act", cli_json_number(act));
    json_object_set_new(root, "entry", cli_json_number(e->entry));
    json_object_set_new(root, "by", json_string("fumikura"));
    json_object_set_new(root, "dkim", dkim);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        struct fk_finding_line line;
        struct fk_dns_answer a;
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)f.name_len, f.name);
        if (fk_evidence_line(&f, &line)) {
            json_t *o = result_json(&f, &line);
            if (fk_field_is(&f, "dkim"))
                json_array_append_new(dkim, o);
            else
                json_object_set_new(root, name, o);
        } else if (fk_field_is(&f, "dns") && fk_dns_answer_read(&f, &it, &a)) {
            json_array_append_new(dns, dns_json(&a));
        } else if (!fk_field_is(&f, "record") && !fk_field_is(&f, "time")) {
            fk_buf_reset(&value);
            fk_field_value(&f, &value);
            json_object_set_new(root, name, cli_json_text(value.data, value.len));
        }
    }
    json_object_set_new(root, "dns", dns);
    fk_buf_free(&value);
    cli_json_line(root);
}

void cli_evidence_print(const struct cli_evidence *e, uint64_t act, bool json) {
    if (json) {
        json_print(e, act);
        return;
    }
    char time[FK_TIME_SIZE];
    fk_time_format(time, e->time_ms);
    printf("message %" PRIu64 ", checked by fumikura, entry %" PRIu64 " of %s\n", e->seq, e->entry,
           time);
    (void)!fwrite(e->part.data, 1, e->part.len, stdout); /* cli_finish looks at what became of it */
}

/* ---- the checker */

enum fk_status cli_checker_options(const struct fk_cli *cli, bool offline, char *program,
                                   size_t size, struct fk_checker_options *out,
                                   struct fk_err *err) {
    const struct fk_config *c = cli->config;
    enum fk_status st = fk_checker_program(program, size, err);
    if (st == FK_OK)
        *out = (struct fk_checker_options){.program = program,
                                           .seconds = c->auth_time_s,
                                           .memory_bytes = c->auth_memory,
                                           .offline = offline,
                                           .server = c->auth_resolver,
                                           .hosts = c->auth_hosts,
                                           .anchor = c->auth_anchor,
                                           .name_ms = c->auth_name_s * 1000};
    return st;
}
