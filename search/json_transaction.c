/* json_transaction.c - what a message is about as an order, invoice and so on, as an object. */
#include "indexer/transaction/amount.h"
#include "indexer/transaction/transaction_record.h"
#include "search/json.h"

static json_t *text_json(const char *text) {
    return text ? fk_json_text(text, strlen(text)) : json_null();
}

/* {"figure": "1234567", "currency": "JPY", "tax": "included"}; a figure is text, so that no reader
 * makes a binary fraction of it. */
static json_t *value_json(enum fk_txn_item item, const char *value) {
    static const char *const taxes[] = {NULL, "included", "excluded"};
    struct fk_amount a;
    char figure[FK_AMOUNT_TEXT];
    if (item != FK_TXN_AMOUNT || !value || !fk_amount_parse(value, &a))
        return text_json(value);
    fk_figure_print(a.hundredths, figure);
    return json_pack("{s:s, s:s, s:o}", "figure", figure, "currency", a.currency, "tax",
                     text_json(taxes[a.tax]));
}

/* What a correction says: null for none, "found" for what was found. */
static json_t *change_value(enum fk_txn_item item, const char *value) {
    if (strcmp(value, "=") == 0)
        return json_pack("{s:b}", "as_found", 1);
    return value_json(item, strcmp(value, "-") == 0 ? NULL : value);
}

static json_t *found_json(const struct fk_txn_found *f) {
    return json_pack("{s:s, s:o, s:i, s:s, s:o, s:I, s:I, s:o, s:o}", "item", fk_txn_items[f->item],
                     "value", value_json(f->item, f->value), "confidence", (int)f->confidence,
                     "field", f->field, "path", *f->path ? text_json(f->path) : json_null(),
                     "offset", (json_int_t)f->offset, "length", (json_int_t)f->len, "rule",
                     text_json(f->rule), "text", text_json(f->text));
}

static json_t *change_json(const struct fk_txn_change *c) {
    return json_pack("{s:I, s:s, s:o, s:s, s:o, s:o, s:o}", "entry", (json_int_t)c->entry, "time",
                     c->time, "person", text_json(c->person), "item", fk_txn_items[c->item], "was",
                     change_value(c->item, c->was), "now", change_value(c->item, c->now), "reason",
                     text_json(c->reason));
}

json_t *fk_json_transaction(const struct fk_transaction *t, bool whole) {
    json_t *object = json_object(), *confidence = json_object(), *corrected = json_array();
    for (unsigned i = 0; i < FK_TXN_ITEMS; i++) {
        const struct fk_txn_value *v = &t->now[i];
        (void)json_object_set_new(object, fk_txn_items[i],
                                  value_json((enum fk_txn_item)i, v->value));
        (void)json_object_set_new(confidence, fk_txn_items[i],
                                  json_integer((json_int_t)v->confidence));
        if (v->is_corrected)
            (void)json_array_append_new(corrected, json_string(fk_txn_items[i]));
    }
    (void)json_object_set_new(object, "confidence", confidence);
    (void)json_object_set_new(object, "corrected", corrected);
    if (!whole)
        return object;
    json_t *found = json_array(), *changes = json_array();
    for (size_t i = 0; i < t->found_count; i++)
        (void)json_array_append_new(found, found_json(&t->found[i]));
    for (size_t i = 0; i < t->change_count; i++)
        (void)json_array_append_new(changes, change_json(&t->changes[i]));
    (void)json_object_set_new(object, "found", found);
    (void)json_object_set_new(object, "changes", changes);
    (void)json_object_set_new(object, "left_out", json_integer((json_int_t)t->left_out));
    return object;
}
