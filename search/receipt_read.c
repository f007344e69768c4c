/* receipt_read.c - a receipt's file read strictly: every field once, in its order, of its form;
 * what is counted agrees with what is listed. Whether it is true, the ledger says. */
#include "base/clock.h"
#include "search/receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum field {
    LEDGER,
    TIME,
    NONCE,
    VERSION,
    TERMS,
    QUERY,
    CANONICAL,
    EXPANSION,
    USER,
    SINCE,
    UNTIL,
    ZONE,
    PERSON,
    REASON,
    HEAD,
    MARK,
    UNREAD,
    CHECKPOINT,
    DOCUMENTS,
    PARTIAL,
    PARTIAL_HITS,
    PARTIAL_SCOPE,
    TOTAL,
    CAPTURES,
    HITS,
    HITS_SHA256,
    HIT_CAPTURES,
    HITS_PARTLY,
    MISSED,
    FIELDS
};
static const struct spec {
    const char *name;
    bool is_optional, is_many;
} specs[FIELDS] = {[LEDGER] = {"ledger", false, false},
                   [TIME] = {"time", false, false},
                   [NONCE] = {"nonce", false, false},
                   [VERSION] = {"version", false, false},
                   [TERMS] = {"terms", false, false},
                   [QUERY] = {"query", false, false},
                   [CANONICAL] = {"canonical", false, false},
                   [EXPANSION] = {"expansion", true, true},
                   [USER] = {"user", true, false},
                   [SINCE] = {"since", true, false},
                   [UNTIL] = {"until", true, false},
                   [ZONE] = {"zone", false, false},
                   [PERSON] = {"person", false, false},
                   [REASON] = {"reason", true, false},
                   [HEAD] = {"head", false, false},
                   [MARK] = {"mark", false, false},
                   [UNREAD] = {"unread", false, false},
                   [CHECKPOINT] = {"checkpoint", true, false},
                   [DOCUMENTS] = {"documents", false, false},
                   [PARTIAL] = {"partial", false, false},
                   [PARTIAL_HITS] = {"partial-hits", false, false},
                   [PARTIAL_SCOPE] = {"partial-scope", false, false},
                   [TOTAL] = {"total", false, false},
                   [CAPTURES] = {"captures", false, false},
                   [HITS] = {"hits", false, false},
                   [HITS_SHA256] = {"hits-sha256", false, false},
                   [HIT_CAPTURES] = {"hit-captures", false, false},
                   [HITS_PARTLY] = {"hits-partly", false, false},
                   [MISSED] = {"missed", false, false}};

/* ---- values */

static bool number_read(const char *text, uint64_t *out) {
    uint64_t n = 0;
    if (*text == 0 || (*text == '0' && text[1] != 0))
        return false;
    for (; *text != 0; text++) {
        if (*text < '0' || *text > '9' || n > (INT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(*text - '0');
    }
    *out = n;
    return true;
}

static bool hex_is(const char *text, size_t digits) {
    return strlen(text) == digits && strspn(text, "0123456789abcdef") == digits;
}

static bool zone_read(const char *text, int *out) {
    if (strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
        strspn(text + 1, "0123456789") != 2 || strspn(text + 4, "0123456789") != 2)
        return false;
    const int minutes =
        (text[1] - '0') * 600 + (text[2] - '0') * 60 + (text[4] - '0') * 10 + text[5] - '0';
    *out = text[0] == '-' ? -minutes : minutes;
    return minutes < 24 * 60 && text[4] < '6';
}

static bool checkpoint_read(char *text, struct fk_receipt_file *f) {
    char *root = strchr(text, ' ');
    if (root == NULL)
        return false;
    *root++ = 0;
    return number_read(text, &f->checkpoint_size) && f->checkpoint_size > 0 &&
           strlen(root) == 2 * sizeof f->checkpoint_root &&
           fk_unhex(f->checkpoint_root, root, sizeof f->checkpoint_root);
}

bool fk_receipt_list_parse(const char *text, size_t len, struct fk_receipt_list *out) {
    const char *end = text + len;
    struct fk_seqs all = {NULL, 0, 0, false};
    bool good = true;
    for (const char *at = text; good && at < end;) {
        uint64_t bound[2] = {0, 0};
        unsigned n = 0;
        do {
            const char *begin = at;
            for (; at < end && *at >= '0' && *at <= '9' && bound[n] < INT64_MAX / 10; at++)
                bound[n] = bound[n] * 10 + (uint64_t)(*at - '0');
            good = at > begin && (*begin != '0' || at == begin + 1);
        } while (good && n++ == 0 && at < end && *at == '-' && at++ < end);
        const uint64_t last = n == 2 ? bound[1] : bound[0];
        const bool is_down = last < bound[0];
        const uint64_t steps = is_down ? bound[0] - last : last - bound[0];
        good = good && (n == 1 || steps > 0) && steps < FK_RECEIPT_HITS_MAX - out->count &&
               (at == end || (*at == ',' && ++at < end));
        for (uint64_t i = 0; good && i <= steps; i++)
            fk_receipt_list_add(out, is_down ? bound[0] - i : bound[0] + i);
        good = good && !out->failed;
    }
    for (size_t i = 0; good && i < out->count; i++)
        fk_seqs_add(&all, out->at[i]);
    fk_seqs_sort(&all);
    good = good && !all.failed && all.count == out->count; /* none twice */
    fk_seqs_free(&all);
    return good;
}

static bool seqs_read(const struct fk_buf *value, struct fk_seqs *out) {
    return value->len == 0 ||
           fk_seqs_parse((const char *)value->data, value->len, FK_RECEIPT_HITS_MAX, out);
}

static bool keep(struct fk_buf *to, const struct fk_buf *value) {
    fk_buf_add(to, value->data, value->len);
    return !to->failed;
}

static bool value_read(struct fk_receipt_file *f, enum field field, struct fk_buf *value) {
    char *text = (char *)(uintptr_t)fk_buf_cstr(value);
    switch (field) {
    case LEDGER:
        memcpy(f->ledger, text, hex_is(text, 32) ? 33 : 0);
        return hex_is(text, 32);
    case TIME:
        return fk_time_parse(text, &f->time_ms);
    case NONCE:
        return hex_is(text, 2 * FK_SHA256_BYTES);
    case VERSION:
        return *text != 0 && keep(&f->version, value);
    case TERMS:
        return number_read(text, &f->terms);
    case QUERY:
        return keep(&f->query, value);
    case CANONICAL:
        return keep(&f->canonical, value);
    case EXPANSION:
        fk_fields_add(&f->stood_for, specs[EXPANSION].name, value->data, value->len);
        return !f->stood_for.failed;
    case USER:
        f->has_user = true;
        return keep(&f->user, value) && memchr(value->data, 0, value->len) == NULL;
    case SINCE:
        return fk_time_parse(text, &f->since_ms);
    case UNTIL:
        return fk_time_parse(text, &f->until_ms);
    case ZONE:
        return zone_read(text, &f->zone_minutes);
    case HEAD:
        return number_read(text, &f->head);
    case MARK:
        return number_read(text, &f->mark) && f->mark <= f->head;
    case UNREAD:
        return number_read(text, &f->unread) && f->unread <= f->head - f->mark;
    case CHECKPOINT:
        return checkpoint_read(text, f);
    case DOCUMENTS:
        return number_read(text, &f->documents);
    case PARTIAL:
        return number_read(text, &f->partial) && f->partial <= f->documents;
    case PARTIAL_HITS:
        return number_read(text, &f->partial_hits) && f->partial_hits <= f->partial;
    case PARTIAL_SCOPE:
        return number_read(text, &f->partial_scope) && f->partial_scope <= f->partial;
    case TOTAL:
        return number_read(text, &f->total) && f->total <= f->documents;
    case CAPTURES:
        return number_read(text, &f->captures) && f->captures >= f->total;
    case HITS:
        return fk_receipt_list_parse(text, value->len, &f->hits);
    case HITS_SHA256:
        memcpy(f->hits_digest, text, hex_is(text, 64) ? 65 : 0);
        return hex_is(text, 64);
    case HIT_CAPTURES:
        return seqs_read(value, &f->hit_captures);
    case HITS_PARTLY:
        return seqs_read(value, &f->hits_partly);
    case MISSED:
        return seqs_read(value, &f->missed);
    default: /* words for people: of any form */
        return true;
    }
}

/* ---- the statement */

/* The place of this field in the order, from `next` on; FIELDS where it is none that may come. */
static unsigned place_of(const struct fk_field *field, unsigned next) {
    for (unsigned i = next; i < FIELDS; i++) {
        if (fk_field_is(field, specs[i].name))
            return i;
        if (!specs[i].is_optional)
            return FIELDS;
    }
    return FIELDS;
}

static enum fk_status fields_read(struct fk_receipt_file *f, size_t first, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_fields it = fk_fields_begin(f->text.data + first, f->statement_len - first);
    struct fk_buf value = FK_BUF_INIT;
    unsigned next = 0, line = 1;
    for (struct fk_field field; fk_fields_next(&it, &field);) {
        const unsigned i = place_of(&field, next);
        line++;
        if (i == FIELDS)
            FK_TRY(fk_fail(err, FK_INVALID, "the receipt, line %u: expected %s", line,
                           next < FIELDS ? specs[next].name : "the end of the statement"));
        fk_buf_reset(&value);
        fk_field_value(&field, &value);
        if (!value_read(f, (enum field)i, &value))
            FK_TRY(fk_fail(err, FK_INVALID, "the receipt, line %u: %s is not of its form", line,
                           specs[i].name));
        next = specs[i].is_many ? i : i + 1;
    }
    if (it.bad)
        FK_TRY(fk_fail(err, FK_INVALID, "the receipt, line %u: no line of the form \"name: value\"",
                       line + 1));
    if (next != FIELDS)
        FK_TRY(fk_fail(err, FK_INVALID, "the receipt, line %u: expected %s, and the statement ends",
                       line + 1, specs[next].name));
    if (value.failed)
        st = fk_fail(err, FK_NOMEM, "out of memory for a receipt");
done:
    fk_buf_free(&value);
    return st;
}

/* What can be seen without a ledger. */
static enum fk_status sums_check(struct fk_receipt_file *f, struct fk_err *err) {
    char digest[2 * FK_SHA256_BYTES + 1];
    uint8_t sum[FK_SHA256_BYTES];
    enum fk_status st = fk_receipt_list_digest(&f->hits, digest, err);
    if (st != FK_OK)
        return st;
    fk_sha256(f->text.data, f->statement_len, sum);
    fk_hex(f->digest, sum, sizeof sum);
    if (strcmp(digest, f->hits_digest) != 0)
        return fk_fail(
            err, FK_INVALID,
            "the receipt: hits-sha256 is not the digest of its hits: the file was changed");
    if (f->hits.count != f->total || f->hit_captures.count != f->captures ||
        f->hits_partly.count != f->partial_hits || f->missed.count != f->partial_scope)
        return fk_fail(err, FK_INVALID,
                       "the receipt: total, captures, partial-hits or partial-scope is not as many "
                       "as are listed: "
                       "the file was changed");
    for (size_t i = 0; i < f->hits.count; i++)
        if (!fk_seqs_has(&f->hit_captures, f->hits.at[i]))
            return fk_fail(err, FK_INVALID,
                           "the receipt: hit %" PRIu64
                           " is not among hit-captures: the file was changed",
                           f->hits.at[i]);
    return FK_OK;
}

/* ---- the file */

static enum fk_status cut(struct fk_receipt_file *f, size_t *first, struct fk_err *err) {
    static const char begin[] = "fumikura-receipt/1\n", proof[] = "c2sp.org/tlog-proof@v1\n";
    const char *text = (const char *)f->text.data;
    const size_t len = f->text.len;
    if (len < sizeof begin - 1 || memcmp(text, begin, sizeof begin - 1) != 0)
        return fk_fail(err, FK_INVALID,
                       "this is no receipt: its first line is not "
                       "fumikura-receipt/1");
    const char *empty = memmem(text, len, "\n\n", 2);
    const char *line = empty ? empty + 2 : NULL;
    const char *lf = line ? memchr(line, '\n', len - (size_t)(line - text)) : NULL;
    if (lf == NULL)
        return fk_fail(err, FK_INVALID,
                       "the receipt is cut short: no act stands behind the "
                       "statement");
    f->statement_len = (size_t)(empty + 1 - text);
    f->line_at = (size_t)(line - text);
    f->line_len = (size_t)(lf + 1 - line);
    f->proof_at = (size_t)(lf + 1 - text);
    if (len - f->proof_at < sizeof proof - 1 || memcmp(lf + 1, proof, sizeof proof - 1) != 0)
        return fk_fail(err, FK_INVALID,
                       "the receipt is cut short: no proof stands behind the act's line");
    *first = sizeof begin - 1;
    return FK_OK;
}

enum fk_status fk_receipt_read(struct fk_buf *text, struct fk_receipt_file *out,
                               struct fk_err *err) {
    struct fk_receipt_file f = FK_RECEIPT_FILE_INIT;
    enum fk_status st = FK_OK;
    size_t first = 0;
    f.text = *text;
    *text = (struct fk_buf)FK_BUF_INIT;
    f.since_ms = INT64_MIN;
    f.until_ms = INT64_MAX;
    if (f.text.len > FK_RECEIPT_MAX)
        FK_TRY(fk_fail(err, FK_INVALID, "a receipt has at most %d bytes", FK_RECEIPT_MAX));
    FK_TRY(cut(&f, &first, err));
    FK_TRY(fields_read(&f, first, err));
    FK_TRY(sums_check(&f, err));
    *out = f;
    return FK_OK;
done:
    fk_receipt_file_free(&f);
    return st;
}

void fk_receipt_file_free(struct fk_receipt_file *f) {
    fk_buf_free(&f->text);
    fk_buf_free(&f->query);
    fk_buf_free(&f->canonical);
    fk_buf_free(&f->user);
    fk_buf_free(&f->version);
    fk_buf_free(&f->stood_for);
    fk_receipt_list_free(&f->hits);
    fk_seqs_free(&f->hit_captures);
    fk_seqs_free(&f->hits_partly);
    fk_seqs_free(&f->missed);
}
