/* json.c - hits and coverage as objects; a document's fields by the table below. */
#include "search/json.h"
#include "base/clock.h"
#include "indexer/transaction/transaction_record.h"
#include "search/query_priv.h"

json_t *fk_json_text(const char *text, size_t len) {
    json_t *whole = json_stringn(text, len);
    if (whole != NULL)
        return whole;
    struct fk_buf clean = FK_BUF_INIT;
    for (const char *at = text, *end = text + len; at < end;) {
        struct fk_query__char c = fk_query__char_at(at, end);
        if (c.bytes > 0)
            fk_buf_add(&clean, at, c.bytes);
        else
            fk_buf_str(&clean, "\xef\xbf\xbd");
        at += c.bytes > 0 ? c.bytes : 1;
    }
    whole = clean.failed ? NULL : json_stringn((const char *)clean.data, clean.len);
    fk_buf_free(&clean);
    return whole;
}

json_t *fk_json_time(int64_t ms) {
    char text[FK_TIME_SIZE];
    fk_time_format(text, ms);
    return json_string(text);
}

enum shape { TEXT, NUMBER, LIST };
static const struct {
    const char *name, *key;
    enum shape shape;
} shown[] = {
    {"date", "date", TEXT},  {"from", "from", TEXT},       {"to", "to", TEXT},
    {"cc", "cc", TEXT},      {"subject", "subject", TEXT}, {"size", "size", NUMBER},
    {"file", "files", LIST}, {"partial", "partial", LIST}, {"verdict", "verdicts", LIST},
};

static bool has_text(const json_t *list, const char *text) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *is = json_string_value(json_array_get(list, i));
        if (is && strcmp(is, text) == 0)
            return true;
    }
    return false;
}

static void add_field(json_t *object, const struct fk_field *field, struct fk_buf *value) {
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        if (!fk_field_is(field, shown[i].name))
            continue;
        fk_buf_reset(value);
        fk_field_value(field, value);
        const char *text = fk_buf_cstr(value);
        if (strcmp(shown[i].name, "verdict") == 0 &&
            has_text(json_object_get(object, shown[i].key), text))
            return; /* found of another capture too */
        if (shown[i].shape == LIST)
            (void)json_array_append_new(json_object_get(object, shown[i].key),
                                        fk_json_text(text, value->len));
        else
            (void)json_object_set_new(object, shown[i].key,
                                      shown[i].shape == TEXT
                                          ? fk_json_text(text, value->len)
                                          : json_integer((json_int_t)strtoll(text, NULL, 10)));
        return;
    }
}

/* "PATH reason": the reason is the last word. */
static void add_unsearchable(json_t *object, const struct fk_field *field, struct fk_buf *value) {
    fk_buf_reset(value);
    fk_field_value(field, value);
    const char *text = fk_buf_cstr(value), *blank = strrchr(text, ' ');
    if (blank)
        (void)json_array_append_new(json_object_get(object, "unsearchable"),
                                    json_pack("{s:o, s:s}", "file",
                                              fk_json_text(text, (size_t)(blank - text)), "reason",
                                              blank + 1));
}

bool fk_json_file_says(const struct fk_hit *hit, const char *reason) {
    struct fk_fields it = fk_fields_begin(hit->fields, hit->fields_len);
    const size_t n = strlen(reason);
    for (struct fk_field f; fk_fields_next(&it, &f);)
        if (fk_field_is(&f, "unsearchable") && f.value_len > n &&
            f.value[f.value_len - n - 1] == ' ' &&
            memcmp(f.value + f.value_len - n, reason, n) == 0)
            return true;
    return false;
}

static json_t *seqs_json(const struct fk_seqs *seqs) {
    json_t *list = json_array();
    for (size_t i = 0; i < seqs->count; i++)
        (void)json_array_append_new(list, json_integer((json_int_t)seqs->at[i]));
    return list;
}

/* Addresses of one standing, at most so many: fk_json_provenance has all. */
enum { BLIND_SHOWN = 100 };
static json_t *blind_json(const struct fk_hit *hit, enum fk_standing standing) {
    json_t *list = json_array();
    for (size_t i = 0; i < hit->known->person_count; i++) {
        const struct fk_known_person *p = &hit->known->people[i];
        if (p->standing == standing && json_array_size(list) < BLIND_SHOWN)
            (void)json_array_append_new(list,
                                        fk_json_text(p->facts->address, strlen(p->facts->address)));
    }
    return list;
}

static void add_transaction(json_t *object, const struct fk_hit *hit) {
    struct fk_transaction t = FK_TRANSACTION_INIT;
    if (fk_transaction_read(hit->fields, hit->fields_len, &t, NULL) == FK_OK && t.is_one)
        (void)json_object_set_new(object, "transaction", fk_json_transaction(&t, false));
    fk_transaction_free(&t);
}

/* [{"text", "hit"}, ...]: before the match, the match, behind it. */
static json_t *snippet_json(const struct fk_excerpt *e) {
    const char *text = (const char *)e->text.data;
    const size_t ends[] = {e->hit_at, e->hit_at + e->hit_len, e->text.len};
    json_t *list = json_array();
    for (size_t i = 0, at = 0; i < 3; at = ends[i++])
        if (ends[i] > at)
            (void)json_array_append_new(list, json_pack("{s:o, s:b}", "text",
                                                        fk_json_text(text + at, ends[i] - at),
                                                        "hit", i == 1));
    return list;
}

/* What became of it, at most so many lines: fk_json_provenance has all. */
enum { DELIVERIES_SHOWN = 100 };
json_t *fk_json_hit(const struct fk_hit *hit) {
    json_t *object = json_pack(
        "{s:I, s:o, s:[], s:[], s:[], s:[], s:I, s:o, s:{s:o, s:o, s:o}, s:o}", "seq",
        (json_int_t)hit->seq, "received", fk_json_time(hit->received_ms), "files", "partial",
        "unsearchable", "verdicts", "captures", (json_int_t)hit->captures->count, "capture_seqs",
        seqs_json(hit->captures), "bcc", "stated", blind_json(hit, FK_STANDS_STATED), "derived",
        blind_json(hit, FK_STANDS_DERIVED), "claimed", blind_json(hit, FK_STANDS_CLAIMED),
        "deliveries",
        fk_json_deliveries(hit->fields, hit->fields_len, hit->known, DELIVERIES_SHOWN));
    json_t *notice = fk_json_notice(hit->fields, hit->fields_len, DELIVERIES_SHOWN);
    if (notice)
        (void)json_object_set_new(object, "notice", notice);
    add_transaction(object, hit);
    if (hit->others > 0)
        (void)json_object_set_new(object, "others", json_integer((json_int_t)hit->others));
    if (hit->snippet)
        (void)json_object_set_new(object, "snippet", snippet_json(hit->snippet));
    struct fk_buf value = FK_BUF_INIT;
    struct fk_field field;
    struct fk_fields it = fk_fields_begin(hit->fields, hit->fields_len);
    while (object != NULL && fk_fields_next(&it, &field))
        if (fk_field_is(&field, "unsearchable"))
            add_unsearchable(object, &field, &value);
        else
            add_field(object, &field, &value);
    fk_buf_free(&value);
    return object;
}

/* null: open on this side. */
static json_t *bound(int64_t ms) {
    return ms == INT64_MIN || ms == INT64_MAX ? json_null() : fk_json_time(ms);
}

json_t *fk_json_expansion(const char *lines, size_t len) {
    json_t *list = json_array(), *one = NULL;
    struct fk_buf value = FK_BUF_INIT;
    struct fk_fields it = fk_fields_begin(lines, len);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        fk_buf_reset(&value);
        fk_field_value(&f, &value);
        json_t *text = fk_json_text(fk_buf_cstr(&value), value.len);
        if (fk_field_is(&f, "text")) {
            one = json_pack("{s:o, s:[], s:b}", "text", text, "also", "more", 0);
            (void)json_array_append_new(list, one);
        } else if (fk_field_is(&f, "also"))
            (void)json_array_append_new(json_object_get(one, "also"), text);
        else {
            json_decref(text);
            (void)json_object_set_new(one, "more", json_true());
        }
    }
    fk_buf_free(&value);
    return list;
}

json_t *fk_json_coverage(const struct fk_search *search) {
    const struct fk_search_coverage *c = fk_search_coverage(search);
    char zone[FK_ZONE_SIZE];
    size_t len;
    const char *expansion = fk_search_expansion(search, &len);
    fk_search_zone(zone, c->zone_minutes);
    return json_pack(
        "{s:s, s:o, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:s?, s:o, s:I, s:I, s:I, s:I, s:I, "
        "s:I, "
        "s:s, s:o, s:o, s:o}",
        "query", fk_search_canonical(search), "expansion", fk_json_expansion(expansion, len),
        "expansion_cut", c->is_expansion_cut, "remark", fk_search_remark(search), "total",
        (json_int_t)c->total, "captures", (json_int_t)c->captures, "index_captures",
        (json_int_t)c->index_captures, "partial_hits", (json_int_t)c->partial_hits, "partial_scope",
        (json_int_t)c->partial_scope, "cut", c->related_cut > 0, "collapse",
        fk_collapse_name(c->collapse), "groups",
        c->collapse != FK_COLLAPSE_NONE ? json_integer((json_int_t)c->groups) : json_null(),
        "ledger_entries", (json_int_t)c->head, "index_mark", (json_int_t)c->mark, "unread",
        (json_int_t)c->unread, "documents", (json_int_t)c->documents, "partial",
        (json_int_t)c->partial, "act", (json_int_t)c->act, "zone", zone, "user",
        c->user != NULL ? fk_json_text(c->user, strlen(c->user)) : json_null(), "since",
        bound(c->since_ms), "until", bound(c->until_ms));
}

bool fk_json_print(json_t *json, struct fk_buf *out) {
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text != NULL)
        fk_buf_str(out, text);
    bool good = text != NULL && !out->failed;
    free(text);
    json_decref(json);
    return good;
}
