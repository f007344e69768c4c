/* json_thread.c - a message of a conversation as an object. */
#include "search/json.h"
#include "search/thread.h"

static void add_text(json_t *object, const struct fk_thread_message *m, const char *name) {
    struct fk_buf value = FK_BUF_INIT;
    if (fk_fields_find(m->data.data, m->data.len, name, &value))
        (void)json_object_set_new(object, name, fk_json_text((const char *)value.data, value.len));
    fk_buf_free(&value);
}

json_t *fk_json_thread_message(const struct fk_thread *t, size_t i) {
    const struct fk_thread_message *m = &t->at[i];
    json_t *seqs = json_array();
    for (size_t k = 0; k < m->captures.count; k++)
        (void)json_array_append_new(seqs, json_integer((json_int_t)m->captures.at[k]));
    json_t *object = json_pack(
        "{s:I, s:o, s:o, s:s, s:I, s:o}", "seq", (json_int_t)m->seq, "received",
        fk_json_time(m->received_ms), "parent",
        m->parent == SIZE_MAX ? json_null() : json_integer((json_int_t)t->at[m->parent].seq),
        "joined", fk_join_name(m->join), "depth", (json_int_t)m->depth, "capture_seqs", seqs);
    if (object != NULL) {
        add_text(object, m, "date");
        add_text(object, m, "from");
        add_text(object, m, "subject");
    }
    return object;
}
