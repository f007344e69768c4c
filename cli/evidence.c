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

/* A result, into an object that has a list "dkim". */
static void result_put(json_t *into, const struct fk_field *f, const struct fk_finding_line *l) {
    char name[16];
    snprintf(name, sizeof name, "%.*s", (int)f->name_len, f->name);
    if (fk_field_is(f, "dkim"))
        json_array_append_new(json_object_get(into, name), result_json(f, l));
    else
        json_object_set_new(into, name, result_json(f, l));
}

static void text_put(json_t *into, const struct fk_field *f) {
    struct fk_buf value = FK_BUF_INIT;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)f->name_len, f->name);
    fk_field_value(f, &value);
    json_object_set_new(into, name, cli_json_text(value.data, value.len));
    fk_buf_free(&value);
}

static json_t *judged_json(const struct fk_judged *j) {
    char hex[2 * FK_SHA256_BYTES + 1];
    fk_hex(hex, j->sha256, FK_SHA256_BYTES);
    return json_pack("{s:o, s:o, s:s, s:s}", "offset", cli_json_number(j->offset), "length",
                     cli_json_number(j->len), "coding", j->coding, "sha256", hex);
}

/* Of a journal report: which bytes the results are about, and a place for those of the wrapper. */
static json_t *report_put(json_t *root, const struct cli_evidence *e) {
    struct fk_judged judged;
    json_t *wrapper = NULL;
    if (fk_evidence_judged(e->part.data, e->part.len, &judged)) {
        json_object_set_new(root, "judged", judged_json(&judged));
        wrapper = json_object();
        json_object_set_new(wrapper, "dkim", json_array());
        json_object_set_new(root, "wrapper", wrapper);
    }
    return wrapper;
}

static void json_print(const struct cli_evidence *e, uint64_t act) {
    json_t *root = json_object(), *dns = json_array();
    struct fk_fields it = fk_fields_begin(e->part.data, e->part.len);
    json_object_set_new(root, "seq", cli_json_number(e->seq));
    json_object_set_new(root, "act", cli_json_number(act));
    json_object_set_new(root, "entry", cli_json_number(e->entry));
    json_object_set_new(root, "by", json_string("fumikura"));
    json_object_set_new(root, "dkim", json_array());
    json_t *wrapper = report_put(root, e);
    for (struct fk_field line, f; fk_fields_next(&it, &line);) {
        struct fk_finding_line l;
        struct fk_dns_answer a;
        json_t *into = fk_evidence_of_wrapper(&line, &f) ? wrapper : root;
        if (!into || fk_field_is(&f, "record") || fk_field_is(&f, "time") ||
            fk_field_is(&f, "judged"))
            continue;
        if (fk_field_is(&f, "dns") && fk_dns_answer_read(&f, &it, &a))
            json_array_append_new(dns, dns_json(&a));
        else if (fk_evidence_line(&f, &l))
            result_put(into, &f, &l);
        else
            text_put(into, &f);
    }
    json_object_set_new(root, "dns", dns);
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
