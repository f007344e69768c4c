/* delivered.c - see delivered.h */
#include "archiver/vault/delivered.h"

#include <string.h>

/* "STATUS DSN TIME RELAY RECIPIENT" in its words; the recipient may have blanks in it. */
static bool words_split(struct fk_delivered *d) {
    const char **const words[] = {&d->status, &d->dsn, &d->time, &d->relay};
    (void)fk_buf_cstr(&d->line);
    if (d->line.failed)
        return false;
    char *text = (char *)d->line.data;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char *blank = strchr(text, ' ');
        if (!blank)
            return false;
        *blank = 0;
        *words[i] = text;
        text = blank + 1;
    }
    d->to = text;
    return true;
}

bool fk_delivered_next(struct fk_fields *it, struct fk_delivered *out) {
    for (struct fk_field f; !out->failed && fk_fields_next(it, &f);) {
        if (!fk_field_is(&f, "delivery"))
            continue;
        fk_buf_reset(&out->line);
        fk_buf_reset(&out->words);
        fk_field_value(&f, &out->line);
        struct fk_fields ahead = *it;
        if (fk_fields_next(&ahead, &f) && fk_field_is(&f, "reply"))
            fk_field_value(&f, &out->words);
        out->reply = fk_buf_cstr(&out->words);
        const bool is_one = words_split(out);
        out->failed = out->line.failed || out->words.failed;
        if (is_one && !out->failed)
            return true;
    }
    return false;
}

void fk_delivered_free(struct fk_delivered *d) {
    fk_buf_wipe(&d->line);
    fk_buf_wipe(&d->words);
}
