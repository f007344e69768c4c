/* json_provenance.c - who had a message, as an object. */
#include "search/json.h"
#include "search/message_record.h"

static json_t *text_json(const char *text) {
    return fk_json_text(text, strlen(text));
}

static json_t *facts_json(const struct fk_known_person *p, bool recipients) {
    json_t *list = json_array();
    for (size_t i = 0; i < p->fact_count; i++) {
        const struct fk_fact *f = &p->facts[i];
        if ((f->from < FK_KNOWN_RECIPIENTS) != recipients)
            continue;
        json_t *one = json_pack("{s:s, s:o, s:b}", "from", fk_known_from_name(f->from), "capture",
                                f->capture ? json_integer((json_int_t)f->capture) : json_null(),
                                "claimed", f->claimed);
        if (*f->how)
            (void)json_object_set_new(one, f->how, text_json(f->original));
        if (*f->name)
            (void)json_object_set_new(one, "name", text_json(f->name));
        if (f->transport)
            (void)json_object_set_new(one, "transport", json_true());
        (void)json_array_append_new(list, one);
    }
    return list;
}

static json_t *people_json(const struct fk_provenance *known, bool recipients) {
    json_t *list = json_array();
    for (size_t i = 0; i < known->person_count; i++) {
        const struct fk_known_person *p = &known->people[i];
        json_t *facts = facts_json(p, recipients);
        json_t *one = NULL;
        if (json_array_size(facts) > 0)
            one = json_pack("{s:o, s:O}", "address", text_json(p->facts->address), "known_from",
                            facts);
        if (one && recipients)
            (void)json_object_set_new(one, "standing", json_string(fk_standing_name(p->standing)));
        if (one)
            (void)json_array_append_new(list, one);
        json_decref(facts);
    }
    return list;
}

static json_t *captures_json(const struct fk_provenance *known) {
    json_t *list = json_array();
    for (size_t i = 0; i < known->capture_count; i++) {
        const struct fk_capture *c = &known->captures[i];
        (void)json_array_append_new(
            list, json_pack("{s:I, s:o, s:s, s:s}", "seq", (json_int_t)c->seq, "received",
                            fk_json_time(c->received_ms), "via", c->via, "kind", c->kind));
    }
    return list;
}

static json_t *versions_json(const struct fk_message_record *m) {
    json_t *list = json_array();
    for (size_t i = 0; i < m->version_count; i++)
        (void)json_array_append_new(list,
                                    json_pack("{s:I, s:b}", "seq", (json_int_t)m->versions[i].seq,
                                              "same_text", m->versions[i].same_text));
    return list;
}

static json_t *seqs_json(const uint64_t *seqs, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list, json_integer((json_int_t)seqs[i]));
    return list;
}

json_t *fk_json_provenance(const struct fk_message_record *m) {
    const struct fk_provenance *known = &m->known;
    json_t *notice = fk_json_notice(m->data.data, m->data.len, SIZE_MAX);
    if (notice)
        (void)json_object_set_new(notice, "about_seqs", seqs_json(m->about, m->about_count));
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "message_id",
                     *known->message_id ? text_json(known->message_id) : json_null(), "sha256",
                     known->key, "captures", captures_json(known), "versions", versions_json(m),
                     "senders", people_json(known, false), "recipients", people_json(known, true),
                     "deliveries", fk_json_deliveries(m->data.data, m->data.len, known, SIZE_MAX),
                     "notice", notice ? notice : json_null(), "notices", fk_json_notices(m),
                     "notices_more", (json_int_t)(m->notice_total - m->notice_count));
}
