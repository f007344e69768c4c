/* search_act.c - what the ledger keeps of a search. */
#include "search/search_priv.h"
#include "base/clock.h"
#include "search/query_plan.h"
#include "search/query_priv.h"

void fk_search__put_time(struct fk_buf *body, const char *name, int64_t ms) {
    char text[FK_TIME_SIZE];
    if (ms == INT64_MIN || ms == INT64_MAX)
        return;
    fk_time_format(text, ms);
    fk_fields_add_str(body, name, text);
}

static void add_number(struct fk_buf *body, const char *name, uint64_t n) {
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    fk_fields_add_str(body, name, text);
}

/* Which other spellings were hits too: as many as say what was understood. */
enum { SPELLINGS_RECORDED = 8192 };
static void add_spellings(struct fk_buf *body, const struct fk_buf *expansion) {
    struct fk_fields it = fk_fields_begin(expansion->data, expansion->len);
    const size_t begin = body->len;
    for (struct fk_field f; fk_fields_next(&it, &f) && body->len - begin < SPELLINGS_RECORDED;)
        fk_buf_printf(body, "%s: %.*s\n",
                      fk_field_is(&f, "text")   ? "spelled"
                      : fk_field_is(&f, "also") ? "also"
                                                : "also-more",
                      (int)f.value_len, f.value);
}

void fk_search_zone(char out[FK_ZONE_SIZE], int minutes) {
    unsigned east = (unsigned)abs(minutes);
    (void)snprintf(out, FK_ZONE_SIZE, "%c%02u:%02u", minutes < 0 ? '-' : '+', east / 60 % 24,
                   east % 60);
}

static void add_optional(struct fk_buf *body, const char *name, const char *value) {
    if (value != NULL)
        fk_fields_add_str(body, name, value);
}

static void add_asked(struct fk_buf *body, const struct fk_search *s,
                      const struct fk_search_options *o) {
    char zone[FK_ZONE_SIZE];
    fk_search_zone(zone, o->zone_minutes);
    fk_fields_add_str(body, "person", o->person);
    fk_fields_add_str(body, "via", o->via);
    add_optional(body, "reason", o->reason);
    fk_fields_add(body, "query", o->query,
                  o->query_len == SIZE_MAX ? strlen(o->query) : o->query_len);
    fk_fields_add_str(body, "canonical", fk_search_canonical(s));
    add_spellings(body, &s->expansion);
    if (fk_query_asks(fk_query_root(s->query), FK_F_DIRECTION))
        for (size_t i = 0; o->domains != NULL && o->domains[i] != NULL; i++)
            fk_fields_add_str(body, "domain", o->domains[i]);
    add_optional(body, "user", o->user);
    fk_search__put_time(body, "since", o->since_ms);
    fk_search__put_time(body, "until", o->until_ms);
    fk_fields_add_str(body, "zone", zone);
    add_optional(body, "cursor", o->cursor);
    if (o->collapse != FK_COLLAPSE_NONE)
        fk_fields_add_str(body, "collapse", fk_collapse_name(o->collapse));
    add_optional(body, "receipt", o->receipt ? o->receipt->digest : NULL);
    add_optional(body, "snippets", o->snippets ? "yes" : NULL);
    add_number(body, "limit", o->limit);
}

static void add_found(struct fk_buf *body, const struct fk_search_coverage *c) {
    add_number(body, "hits", c->total);
    add_number(body, "captures", c->captures);
    add_optional(body, "expansion", c->is_expansion_cut ? "cut" : NULL);
    add_number(body, "index", c->mark);
    add_number(body, "unread", c->unread);
}

enum fk_status fk_search__record(struct fk_search *s, struct fk_keep *keep,
                                 const struct fk_search_options *o, struct fk_err *err) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char fields[100];
    (void)snprintf(fields, sizeof fields, "what=search%s%s", o->receipt ? " receipt=" : "",
                   o->receipt ? o->receipt->digest : "");
    add_asked(&body, s, o);
    add_found(&body, &s->coverage);
    enum fk_status st =
        body.failed
            ? fk_fail(err, FK_NOMEM, "out of memory for an act")
            : fk_keep_append(keep,
                             &(struct fk_record){.kind = "act", .fields = fields, .body = &body},
                             &receipt, err);
    fk_buf_free(&body);
    if (st == FK_OK)
        s->coverage.act = receipt.seq;
    else
        (void)fk_err_prefix(err, "the search cannot be recorded, so it is not answered");
    return st;
}
