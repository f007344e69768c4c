/* A line of the ledger, fields, lists of seqs (archiver/vault/entry.h, fields.h), the envelope's
 * block (envelope.h), times and base64 (base/): what is read and written again is the same bytes.
 */
#include "archiver/vault/entry.h"
#include "archiver/vault/envelope.h"
#include "base/base64.h"
#include "base/clock.h"
#include "tests/fuzz/support/fuzz.h"

static void line_check(const uint8_t *data, size_t len) {
    struct fk_entry e;
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf again = FK_BUF_INIT;
    if (!fuzz_took(fk_entry_read(data, len, &e, &err), &err))
        return;
    char *fields = strndup(e.fields, e.fields_len), value[64];
    MUST(fields && strlen(fields) == e.fields_len);
    DONE(fk_entry_write(&again, e.seq, e.prev, e.kind, e.time_ms, fields, NULL));
    MUST(fuzz_same(again.data, again.len, data, len));
    size_t n = 0;
    const char *at = fk_entry_field_at(&e, "what", &n);
    MUST(fk_entry_field(&e, "what", value, sizeof value) == (at && n < sizeof value));
    MUST(!at || (at >= e.fields && at + n <= e.fields + e.fields_len));
    free(fields);
    fk_buf_free(&again);
}

static void fields_check(const uint8_t *data, size_t len) {
    struct fk_fields it = fk_fields_begin(data, len);
    struct fk_field f;
    struct fk_buf again = FK_BUF_INIT, value = FK_BUF_INIT;
    while (fk_fields_next(&it, &f)) {
        char name[256];
        MUST(f.name_len > 0);
        snprintf(name, sizeof name, "%.*s", (int)f.name_len, f.name);
        fk_buf_reset(&value);
        fk_field_value(&f, &value);
        if (f.name_len < sizeof name)
            fk_fields_add(&again, name, value.data, value.len);
        else
            it.bad = true;
    }
    MUST(it.bad || fuzz_same(again.data, again.len, data, len));
    fk_buf_free(&again);
    fk_buf_free(&value);
}

static void seqs_check(const char *text, size_t len) {
    struct fk_seqs s = {0}, t = {0};
    struct fk_buf again = FK_BUF_INIT;
    if (fk_seqs_parse(text, len, 10000, &s)) {
        MUST(s.count <= 10000);
        for (size_t i = 1; i < s.count; i++)
            MUST(s.at[i - 1] < s.at[i]);
        fk_seqs_format(&s, &again); /* ranges that touch are one by now */
        MUST(again.len <= len && fk_seqs_parse((const char *)again.data, again.len, 10000, &t));
        MUST(fuzz_same(s.at, s.count * sizeof *s.at, t.at, t.count * sizeof *t.at));
        MUST(s.count == 0 || fk_seqs_has(&s, s.at[s.count / 2]));
    }
    fk_seqs_free(&s);
    fk_seqs_free(&t);
    fk_buf_free(&again);
}

static void envelope_check(const uint8_t *data, size_t len) {
    struct fk_envelope e;
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf again = FK_BUF_INIT;
    if (!fuzz_took(fk_envelope_split(data, len, &e, &err), &err))
        return;
    const struct fk_buf fields = {(uint8_t *)(uintptr_t)e.fields, e.fields_len, e.fields_len,
                                  false};
    fk_envelope_finish(&again, &fields, e.message_len);
    fk_buf_add(&again, e.message, e.message_len);
    MUST(fuzz_same(again.data, again.len, data, len));
    fk_buf_free(&again);
}

static void words_check(const char *text, size_t len) {
    struct fk_buf bytes = FK_BUF_INIT, again = FK_BUF_INIT;
    char copy[64], time[FK_TIME_SIZE];
    int64_t ms;
    if (fk_base64_read(text, len, &bytes)) {
        fk_base64_add(&again, bytes.data, bytes.len);
        MUST(fuzz_same(again.data, again.len, text, len));
    } else
        MUST(bytes.len == 0);
    snprintf(copy, sizeof copy, "%.*s", (int)(len < 63 ? len : 63), text);
    if (fk_time_parse(copy, &ms)) {
        fk_time_format(time, ms);
        MUST(strncmp(time, copy, FK_TIME_SIZE - 1) == 0);
    }
    fk_buf_free(&bytes);
    fk_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    line_check(data, len);
    fields_check(data, len);
    seqs_check((const char *)data, len);
    envelope_check(data, len);
    words_check((const char *)data, len);
    return 0;
}
