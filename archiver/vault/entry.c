/* entry.c - the form of a line, strictly: one value, one writing. */
#include "archiver/vault/entry.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 64 };

static size_t name_length(const char *at, const char *end) {
    const char *p = at;
    if (p < end && *p >= 'a' && *p <= 'z')
        while (p < end && ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-'))
            p++;
    return (size_t)(p - at);
}

/* Cuts "name=value" at *p and moves past it and the space after it. What is wrong, or NULL. */
static const char *word_next(const char **p, const char *end, const char **name, size_t *name_len,
                             const char **value, size_t *value_len) {
    *name = *p;
    *name_len = name_length(*p, end);
    if (*name_len == 0 || *p + *name_len == end || (*p)[*name_len] != '=')
        return "a field is not of the form name=value";
    *value = *p + *name_len + 1;
    const char *v = *value;
    while (v < end && *v >= 0x21 && *v <= 0x7e)
        v++;
    *value_len = (size_t)(v - *value);
    if (*value_len == 0)
        return "a field has no value";
    if (v < end && (*v != ' ' || v + 1 == end))
        return "a byte is neither printable nor a single space";
    *p = v < end ? v + 1 : v;
    return NULL;
}

static const char *const leading[] = {"seq", "prev", "kind", "time"};

static bool is_leading(const char *name, size_t len) {
    for (size_t i = 0; i < sizeof leading / sizeof *leading; i++)
        if (strlen(leading[i]) == len && memcmp(leading[i], name, len) == 0)
            return true;
    return false;
}

/* What is wrong with the fields after time, or NULL. */
static const char *fields_check(const char *fields, size_t len) {
    const char *p = fields, *end = fields + len;
    const char *names[FIELDS_MAX];
    size_t lens[FIELDS_MAX], n = 0;
    while (p < end) {
        const char *value;
        size_t value_len;
        if (n == FIELDS_MAX)
            return "there are more than 64 fields";
        const char *wrong = word_next(&p, end, &names[n], &lens[n], &value, &value_len);
        if (wrong)
            return wrong;
        if (is_leading(names[n], lens[n]))
            return "a field stands twice";
        for (size_t i = 0; i < n; i++)
            if (lens[i] == lens[n] && memcmp(names[i], names[n], lens[n]) == 0)
                return "a field stands twice";
        n++;
    }
    return NULL;
}

static bool kind_is_well_formed(const char *kind) {
    size_t len = strlen(kind);
    return len > 0 && len < sizeof((struct fk_entry *)0)->kind &&
           name_length(kind, kind + len) == len;
}

enum fk_status fk_entry_write(struct fk_buf *out, uint64_t seq, const uint8_t prev[FK_SHA256_BYTES],
                              const char *kind, int64_t time_ms, const char *fields,
                              struct fk_err *err) {
    char time[FK_TIME_SIZE], digest[2 * FK_SHA256_BYTES + 1];
    const char *wrong = fields_check(fields, strlen(fields));
    if (!kind_is_well_formed(kind))
        return fk_fail(err, FK_INVALID, "entry: the kind \"%s\" is not a name", kind);
    if (wrong)
        return fk_fail(err, FK_INVALID, "entry of kind %s: %s", kind, wrong);
    size_t start = out->len;
    fk_time_format(time, time_ms);
    fk_hex(digest, prev, FK_SHA256_BYTES);
    fk_buf_printf(out, "fumikura/1 seq=%" PRIu64 " prev=%s kind=%s time=%s", seq, digest, kind,
                  time);
    if (*fields) {
        fk_buf_byte(out, ' ');
        fk_buf_str(out, fields);
    }
    fk_buf_byte(out, '\n');
    if (out->failed)
        return fk_fail(err, FK_NOMEM, "no memory for an entry");
    if (out->len - start > FK_LINE_MAX) {
        size_t len = out->len - start;
        out->len = start;
        return fk_fail(err, FK_INVALID, "entry of kind %s: the line has %zu bytes, the most is %d",
                       kind, len, FK_LINE_MAX);
    }
    return FK_OK;
}

static bool decimal(const char *v, size_t len, uint64_t *out) {
    uint64_t n = 0;
    if (len == 0 || (len > 1 && v[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(v[i] - '0');
        if (v[i] < '0' || v[i] > '9' || n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

/* The value of the i-th leading field into out->...; what is wrong, or NULL. */
static const char *leading_take(size_t i, const char *value, size_t len, struct fk_entry *e) {
    char time[FK_TIME_SIZE];
    switch (i) {
    case 0:
        return decimal(value, len, &e->seq) ? NULL : "seq is not a number";
    case 1:
        return len == 2 * FK_SHA256_BYTES && fk_unhex(e->prev, value, FK_SHA256_BYTES)
                   ? NULL
                   : "prev is not a digest";
    case 2:
        if (len >= sizeof e->kind || name_length(value, value + len) != len)
            return "kind is not a name";
        memcpy(e->kind, value, len);
        e->kind[len] = 0;
        return NULL;
    default:
        if (len != sizeof time - 1)
            return "time is not of the form 2026-11-24T01:02:03.456Z";
        memcpy(time, value, len);
        time[len] = 0;
        return fk_time_parse(time, &e->time_ms)
                   ? NULL
                   : "time is not of the form 2026-11-24T01:02:03.456Z";
    }
}

static const char *entry_parse(const char *line, size_t len, struct fk_entry *e) {
    static const char head[] = "fumikura/1 ";
    if (len < sizeof head || len > FK_LINE_MAX || memcmp(line, head, sizeof head - 1) != 0)
        return "it does not begin with fumikura/1, or is too long";
    const char *p = line + sizeof head - 1, *end = line + len - 1;
    if (*end != '\n')
        return "it does not end with a line feed";
    for (size_t i = 0; i < sizeof leading / sizeof *leading; i++) {
        const char *name, *value;
        size_t name_len, value_len;
        const char *wrong = word_next(&p, end, &name, &name_len, &value, &value_len);
        if (wrong)
            return wrong;
        if (name_len != strlen(leading[i]) || memcmp(name, leading[i], name_len) != 0)
            return "seq, prev, kind, time do not stand in this order";
        wrong = leading_take(i, value, value_len, e);
        if (wrong)
            return wrong;
    }
    e->fields = p;
    e->fields_len = (size_t)(end - p);
    return fields_check(e->fields, e->fields_len);
}

enum fk_status fk_entry_read(const void *line, size_t len, struct fk_entry *out,
                             struct fk_err *err) {
    struct fk_entry e = {0};
    const char *wrong = entry_parse(line, len, &e);
    if (wrong)
        return fk_fail(err, FK_CORRUPT, "the line is not an entry: %s", wrong);
    *out = e;
    return FK_OK;
}

const char *fk_entry_field_at(const struct fk_entry *e, const char *name, size_t *len_out) {
    const char *p = e->fields, *end = p + e->fields_len;
    size_t want = strlen(name);
    while (p < end) {
        const char *at, *value;
        size_t len, value_len;
        if (word_next(&p, end, &at, &len, &value, &value_len))
            return NULL;
        if (len == want && memcmp(at, name, len) == 0) {
            *len_out = value_len;
            return value;
        }
    }
    return NULL;
}

bool fk_entry_field(const struct fk_entry *e, const char *name, char *out, size_t size) {
    size_t len;
    const char *value = fk_entry_field_at(e, name, &len);
    if (!value || len >= size)
        return false;
    memcpy(out, value, len);
    out[len] = 0;
    return true;
}

bool fk_entry_number(const struct fk_entry *e, const char *name, uint64_t *out) {
    size_t len;
    const char *value = fk_entry_field_at(e, name, &len);
    return value && decimal(value, len, out);
}

bool fk_entry_is(const struct fk_entry *e, const char *kind) {
    return strcmp(e->kind, kind) == 0;
}
