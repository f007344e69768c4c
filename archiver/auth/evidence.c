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

void fk_evidence_write(const struct fk_checker_result *r, int64_t checked_ms, struct fk_buf *out) {
    char time[FK_TIME_SIZE];
    fk_time_format(time, checked_ms);
    fk_fields_add_str(out, "checked", time);
    if (r->unread)
        fk_fields_add_str(out, "unread", r->unread);
    fk_buf_add(out, r->answer.data, r->answer.len);
    fk_buf_add(out, r->known.data, r->known.len);
    out->failed |= r->answer.failed || r->known.failed;
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
    struct fk_fields it = fk_fields_begin(body, len);
    char head[32];
    const size_t n = (size_t)snprintf(head, sizeof head, "%" PRIu64 " ", seq);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        if (!fk_field_is(&f, "part") || f.value_len < n || memcmp(f.value, head, n) != 0)
            continue;
        struct fk_buf sealed = FK_BUF_INIT;
        enum fk_status st =
            fk_base64_read(f.value + n, f.value_len - n, &sealed)
                ? fk_bound_open(salt, seq, sealed.data, sealed.len, out, err)
                : fk_fail(err, FK_CORRUPT, "the evidence of message %" PRIu64 " is no base64", seq);
        fk_buf_free(&sealed);
        return st;
    }
    return fk_fail(err, FK_NOT_FOUND, "there is no evidence of message %" PRIu64 " in that entry",
                   seq);
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

static bool is_found(const struct fk_field *f) {
    static const char *const names[] = {"dkim", "spf", "dmarc", "from", "left-out"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (fk_field_is(f, names[i]))
            return true;
    return false;
}

static void lines_take(const void *part, size_t len, bool found, struct fk_buf *out) {
    struct fk_fields it = fk_fields_begin(part, len);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        if (fk_field_is(&f, "checked") || fk_field_is(&f, "unread") || is_found(&f) != found)
            continue;
        fk_buf_add(out, f.name, f.name_len);
        fk_buf_str(out, ": ");
        fk_buf_add(out, f.value, f.value_len);
        fk_buf_byte(out, '\n');
    }
}

void fk_evidence_known(const void *part, size_t len, struct fk_buf *out) {
    lines_take(part, len, false, out);
}

void fk_evidence_found(const void *part, size_t len, struct fk_buf *out) {
    lines_take(part, len, true, out);
}
