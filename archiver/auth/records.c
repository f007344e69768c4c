/* records.c - see records.h */
#include "archiver/auth/records.h"

#include <stdio.h>
#include <string.h>

const char *const fk_dns_type_names[] = {"A", "AAAA", "MX", "PTR", "TXT"};
const char *const fk_dns_state_names[] = {"secure", "insecure", "bogus", "unchecked"};
const char *const fk_dns_status_names[] = {"ok", "nodata", "nxdomain", "failed", "limit"};

bool fk_dns_question_set(struct fk_dns_question *q, enum fk_dns_type type, const char *name,
                         size_t len) {
    enum { LABEL_MAX = 63 };
    size_t label = 0;
    if (len && name[len - 1] == '.')
        len--;
    if (!len || len > FK_DNS_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        const bool is_letter =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!is_letter && (c != '.' || !label))
            return false;
        label = c == '.' ? 0 : label + 1;
        if (label > LABEL_MAX)
            return false;
        q->name[i] = c;
    }
    q->name[len] = 0;
    q->type = type;
    return label > 0;
}

/* The next word of a line, and which of the names it is; -1 for none of them. */
static int word_of(const char **at, const char *end, const char *const *names, int n) {
    const char *blank = memchr(*at, ' ', (size_t)(end - *at));
    for (int i = 0; blank && i < n; i++)
        if (strlen(names[i]) == (size_t)(blank - *at) &&
            memcmp(names[i], *at, (size_t)(blank - *at)) == 0) {
            *at = blank + 1;
            return i;
        }
    return -1;
}

bool fk_dns_question_read(struct fk_dns_question *q, const char *text, size_t len) {
    const char *at = text, *end = text + len;
    const int type = word_of(&at, end, fk_dns_type_names, FK_DNS_TYPES);
    return type >= 0 && fk_dns_question_set(q, (enum fk_dns_type)type, at, (size_t)(end - at));
}

void fk_dns_add(struct fk_buf *b, const struct fk_dns_question *q, enum fk_dns_state state,
                enum fk_dns_status status) {
    fk_buf_printf(b, "dns: %s %s %s %s\n", fk_dns_state_names[state], fk_dns_status_names[status],
                  fk_dns_type_names[q->type], q->name);
}

void fk_dns_add_record(struct fk_buf *b, const void *data, size_t len) {
    fk_fields_add(b, "record", data, len);
}

bool fk_dns_answer_read(const struct fk_field *f, const struct fk_fields *after,
                        struct fk_dns_answer *out) {
    const char *at = f->value, *end = f->value + f->value_len;
    const int state = word_of(&at, end, fk_dns_state_names, FK_DNS_STATES);
    const int status = state < 0 ? -1 : word_of(&at, end, fk_dns_status_names, FK_DNS_STATUSES);
    if (status < 0 || !fk_dns_question_read(&out->question, at, (size_t)(end - at)))
        return false;
    out->state = (enum fk_dns_state)state;
    out->status = (enum fk_dns_status)status;
    out->records = *after;
    return true;
}

bool fk_dns_find(const void *text, size_t len, const struct fk_dns_question *q,
                 struct fk_dns_answer *out) {
    struct fk_fields it = fk_fields_begin(text, len);
    struct fk_field f;
    while (fk_fields_next(&it, &f))
        if (fk_field_is(&f, "dns") && fk_dns_answer_read(&f, &it, out) &&
            out->question.type == q->type && strcmp(out->question.name, q->name) == 0)
            return true;
    return false;
}

bool fk_dns_record(struct fk_dns_answer *a, struct fk_buf *out) {
    struct fk_field f;
    if (!fk_fields_next(&a->records, &f) || !fk_field_is(&f, "record"))
        return false;
    fk_field_value(&f, out);
    return true;
}
