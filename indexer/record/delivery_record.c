/* delivery_record.c - see delivery_record.h */
#include "indexer/record/delivery_record.h"

#include <stdlib.h>
#include <string.h>

/* The value's first words, and what is left of it; false where there are not so many. */
static bool words_split(const struct fk_field *f, struct fk_buf *text, const char **words[],
                        size_t n, const char **rest) {
    fk_buf_reset(text);
    fk_field_value(f, text);
    (void)fk_buf_cstr(text);
    char *at = text->failed ? NULL : (char *)text->data;
    for (size_t i = 0; i < n && at; i++) {
        char *blank = strchr(at, ' ');
        if (!blank)
            return false;
        *blank = 0;
        *words[i] = at;
        at = blank + 1;
    }
    *rest = at;
    return at != NULL;
}

static uint64_t number_of(const char *text) {
    return strtoull(text, NULL, 10);
}

bool fk_delivery_next(struct fk_fields *it, struct fk_delivery *out) {
    const char *entry = "";
    const char **words[] = {&entry, &out->status, &out->dsn, &out->time, &out->relay};
    for (struct fk_field f; !out->failed && fk_fields_next(it, &f);) {
        if (fk_field_is(&f, "capture"))
            out->capture = number_of(f.value); /* a blank follows */
        if (!out->capture)
            continue;
        const bool is_left_out = fk_field_is(&f, "delivery-left-out");
        if (!is_left_out && !fk_field_is(&f, "delivery"))
            continue;
        const bool is_one = words_split(&f, &out->text, words, is_left_out ? 1 : 5, &out->to);
        out->failed = out->text.failed;
        if (is_one && is_left_out)
            out->left_out += number_of(out->to);
        out->entry = number_of(entry);
        if (is_one && !is_left_out)
            return true;
    }
    return false;
}

void fk_delivery_free(struct fk_delivery *d) {
    fk_buf_free(&d->text);
}

static void value_take(const struct fk_field *f, struct fk_buf *out) {
    fk_buf_reset(out);
    fk_field_value(f, out);
}

static bool head_take(const struct fk_field *f, struct fk_notice *n) {
    static const char *const kinds[] = {"dsn", "mdn"};
    if (fk_field_is(f, "notice")) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (f->value_len == 3 && memcmp(f->value, kinds[i], 3) == 0)
                memcpy(n->kind, kinds[i], 4);
    } else if (fk_field_is(f, "notice-about"))
        value_take(f, &n->about);
    else if (fk_field_is(f, "notice-envelope"))
        value_take(f, &n->envelope);
    else if (fk_field_is(f, "notice-by"))
        value_take(f, &n->by);
    else if (fk_field_is(f, "notice-left-out"))
        n->left_out = number_of(f->value); /* a line end follows */
    else
        return false;
    return true;
}

static bool recipient_take(const struct fk_field *f, struct fk_notice *n) {
    const char **words[] = {&n->status, &n->code, &n->host};
    if (!words_split(f, &n->text, words, 3, &n->to))
        return false;
    const char *tab = strchr(n->to, '\t');
    if (tab)
        n->text.data[(size_t)(tab - (const char *)n->text.data)] = 0;
    n->orig_to = tab ? tab + 1 : "";
    return true;
}

bool fk_notice_next(struct fk_fields *it, struct fk_notice *out) {
    for (struct fk_field f; !out->failed && fk_fields_next(it, &f);) {
        if (fk_field_is(&f, "capture")) {
            it->at = it->end;
            break;
        }
        if (head_take(&f, out) || !fk_field_is(&f, "notice-of"))
            continue;
        const bool is_one = recipient_take(&f, out);
        struct fk_fields ahead = *it;
        fk_buf_reset(&out->words);
        if (fk_fields_next(&ahead, &f) && fk_field_is(&f, "notice-words"))
            fk_field_value(&f, &out->words);
        out->failed = out->text.failed || out->words.failed;
        if (is_one && !out->failed)
            return true;
    }
    out->failed |= out->about.failed || out->envelope.failed || out->by.failed;
    return false;
}

void fk_notice_free(struct fk_notice *n) {
    fk_buf_free(&n->about);
    fk_buf_free(&n->envelope);
    fk_buf_free(&n->by);
    fk_buf_free(&n->text);
    fk_buf_free(&n->words);
}
