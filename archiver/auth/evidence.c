/* evidence.c - see evidence.h */
#include "archiver/auth/evidence.h"
#include "archiver/auth/records.h"
#include "archiver/vault/bound.h"
#include "base/base64.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char wrapper_mark[] = "wrapper-";

/* The lines with this before each of their names. */
static void lines_mark(const struct fk_buf *lines, const char *mark, struct fk_buf *out) {
    struct fk_fields it = fk_fields_begin(lines->data, lines->len);
    for (struct fk_field f; fk_fields_next(&it, &f);)
        fk_buf_printf(out, "%s%.*s: %.*s\n", mark, (int)f.name_len, f.name, (int)f.value_len,
                      f.value);
    out->failed |= lines->failed;
}

static void result_write(const struct fk_checker_result *r, const char *mark, struct fk_buf *out) {
    if (r->unread)
        fk_buf_printf(out, "%sunread: %s\n", mark, r->unread);
    lines_mark(&r->answer, mark, out);
}

static void judged_write(const struct fk_judged *j, struct fk_buf *out) {
    char hex[2 * FK_SHA256_BYTES + 1];
    fk_hex(hex, j->sha256, FK_SHA256_BYTES);
    fk_buf_printf(out, "judged: %" PRIu64 " %" PRIu64 " %s %s\n", j->offset, j->len, j->coding,
                  hex);
}

void fk_evidence_write(const struct fk_found *found, struct fk_buf *out) {
    const struct fk_buf *known = found->wrapper ? &found->wrapper->known : &found->message->known;
    char time[FK_TIME_SIZE];
    fk_time_format(time, found->checked_ms);
    fk_fields_add_str(out, "checked", time);
    if (found->judged)
        judged_write(found->judged, out);
    if (found->report_unread)
        fk_buf_printf(out, "report: unread %s\n", found->report_unread);
    result_write(found->message, "", out);
    if (found->wrapper)
        result_write(found->wrapper, wrapper_mark, out);
    fk_buf_add(out, known->data, known->len);
    out->failed |= known->failed;
}

bool fk_evidence_judged(const void *part, size_t len, struct fk_judged *out) {
    struct fk_buf line = FK_BUF_INIT;
    char hex[2 * FK_SHA256_BYTES + 1];
    const bool found = fk_fields_find(part, len, "judged", &line) &&
                       sscanf(fk_buf_cstr(&line), "%" SCNu64 " %" SCNu64 " %19s %64s", &out->offset,
                              &out->len, out->coding, hex) == 4 &&
                       strlen(hex) == 2 * FK_SHA256_BYTES &&
                       fk_unhex(out->sha256, hex, FK_SHA256_BYTES);
    fk_buf_free(&line);
    return found;
}

bool fk_evidence_is_pending(const void *part, size_t len) {
    struct fk_fields it = fk_fields_begin(part, len);
    struct fk_dns_answer a;
    for (struct fk_field f; fk_fields_next(&it, &f);)
        if (fk_field_is(&f, "dns") && fk_dns_answer_read(&f, &it, &a) &&
            a.status == FK_DNS_FAILED && a.state != FK_DNS_BOGUS)
            return true;
    return false;
}

enum fk_status fk_evidence_add(struct fk_buf *body, uint64_t seq, const uint8_t *salt,
                               const struct fk_buf *part, struct fk_err *err) {
    struct fk_buf sealed = FK_BUF_INIT;
    enum fk_status st = part->failed ? fk_fail(err, FK_NOMEM, "no memory for evidence") : FK_OK;
    if (st == FK_OK)
        st = fk_bound_seal(salt, seq, part->data, part->len, &sealed, err);
    if (st == FK_OK) {
        fk_buf_printf(body, "part: %" PRIu64 " ", seq);
        fk_base64_add(body, sealed.data, sealed.len);
        fk_buf_byte(body, '\n');
        if (body->failed)
            st = fk_fail(err, FK_NOMEM, "no memory for evidence");
    }
    fk_buf_free(&sealed);
    return st;
}

enum fk_status fk_evidence_open(const void *body, size_t len, uint64_t seq, const uint8_t *salt,
                                struct fk_buf *out, struct fk_err *err) {
    return fk_bound_part(salt, seq, body, len, out, err);
}

/* ---- lines */

static const char *word_take(const char *at, const char *end, char *out, size_t size) {
    const char *blank = at < end ? memchr(at, ' ', (size_t)(end - at)) : NULL;
    const size_t len = (size_t)((blank ? blank : end) - at);
    snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), at);
    if (strcmp(out, "-") == 0)
        *out = 0;
    return blank ? blank + 1 : end;
}

bool fk_evidence_line(const struct fk_field *f, struct fk_finding_line *out) {
    const char *at = f->value, *end = f->value + f->value_len;
    char bits[16];
    *out = (struct fk_finding_line){.bits = 0};
    at = word_take(at, end, out->result, sizeof out->result);
    if (fk_field_is(f, "dkim")) {
        at = word_take(at, end, out->algorithm, sizeof out->algorithm);
        at = word_take(at, end, bits, sizeof bits);
        out->bits = (unsigned)strtoul(bits, NULL, 10);
        at = word_take(at, end, out->domain, sizeof out->domain);
        at = word_take(at, end, out->selector, sizeof out->selector);
    } else if (fk_field_is(f, "spf")) {
        at = word_take(at, end, out->domain, sizeof out->domain);
    } else if (fk_field_is(f, "dmarc")) {
        at = word_take(at, end, out->domain, sizeof out->domain);
        at = word_take(at, end, out->policy, sizeof out->policy);
        at = word_take(at, end, out->aligned, sizeof out->aligned);
    } else {
        return false;
    }
    out->why = at;
    out->why_len = (size_t)(end - at);
    return *out->result;
}

static bool is_one_of(const struct fk_field *f, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (fk_field_is(f, names[i]))
            return true;
    return false;
}

static void line_copy(const struct fk_field *f, struct fk_buf *out) {
    fk_buf_add(out, f->name, f->name_len);
    fk_buf_str(out, ": ");
    fk_buf_add(out, f->value, f->value_len);
    fk_buf_byte(out, '\n');
}

static void lines_copy(const void *text, size_t len, const char *const *names, size_t count,
                       struct fk_buf *out) {
    struct fk_fields it = fk_fields_begin(text, len);
    for (struct fk_field f; fk_fields_next(&it, &f);)
        if (is_one_of(&f, names, count))
            line_copy(&f, out);
}

static const char *const known_names[] = {"dns", "record", "time", "client", "helo", "mail-from"};
enum { ANSWER_NAMES = 2, INSIDE_NAMES = 3, KNOWN_NAMES = 6 };

void fk_evidence_answers(const struct fk_buf *known, struct fk_buf *out) {
    lines_copy(known->data, known->len, known_names, ANSWER_NAMES, out);
}

void fk_evidence_known_inside(const struct fk_buf *known, struct fk_buf *out) {
    fk_buf_str(out, "inside: yes\n");
    lines_copy(known->data, known->len, known_names, INSIDE_NAMES, out);
}

void fk_evidence_known(const void *part, size_t len, enum fk_evidence_of of, struct fk_buf *out) {
    struct fk_buf known = FK_BUF_INIT;
    struct fk_judged judged;
    lines_copy(part, len, known_names, KNOWN_NAMES, &known);
    if (of == FK_EVIDENCE_MESSAGE && fk_evidence_judged(part, len, &judged))
        fk_evidence_known_inside(&known, out);
    else
        fk_buf_add(out, known.data, known.len);
    out->failed |= known.failed;
    fk_buf_wipe(&known);
}

bool fk_evidence_of_wrapper(const struct fk_field *f, struct fk_field *out) {
    const size_t n = sizeof wrapper_mark - 1;
    *out = *f;
    if (f->name_len <= n || memcmp(f->name, wrapper_mark, n) != 0)
        return false;
    out->name += n;
    out->name_len -= n;
    return true;
}

void fk_evidence_found(const void *part, size_t len, enum fk_evidence_of of, struct fk_buf *out) {
    static const char *const names[] = {"dkim", "spf", "dmarc", "from", "left-out"};
    struct fk_fields it = fk_fields_begin(part, len);
    for (struct fk_field f, line; fk_fields_next(&it, &f);)
        if (fk_evidence_of_wrapper(&f, &line) == (of == FK_EVIDENCE_WRAPPER) &&
            is_one_of(&line, names, sizeof names / sizeof *names))
            line_copy(&line, out);
}
