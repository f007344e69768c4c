/* What lies on a tape (tape-export/manifest.h, ledger_text.h): no manifest leads out of its set;
 * what is read is written again as the same lines, in order; lines of a ledger chain or are named.
 * Input: the text. */
#include "tape-export/ledger_text.h"
#include "tape-export/manifest.h"
#include "tests/fuzz/support/fuzz.h"

static bool name_is_inside(const char *name) {
    for (const char *at = name, *slash;; at = slash + 1) {
        slash = strchrnul(at, '/');
        const size_t n = (size_t)(slash - at);
        if (n == 0 || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        if (!*slash)
            return true;
    }
}

static void manifest_check(const uint8_t *data, size_t len, enum fk_digest_kind kind) {
    struct fk_manifest m = {0}, again = {0};
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf text = FK_BUF_INIT, twice = FK_BUF_INIT;
    if (fuzz_took(fk_manifest_read(&m, kind, data, len, &err), &err)) {
        for (size_t i = 0; i < m.count; i++) {
            MUST(name_is_inside(m.at[i].name));
            MUST(i == 0 || strcmp(m.at[i - 1].name, m.at[i].name) < 0);
            MUST(fk_manifest_find(&m, m.at[i].name) == &m.at[i]);
        }
        fk_manifest_write(&m, kind, &text);
        DONE(fk_manifest_read(&again, kind, text.data, text.len, NULL));
        fk_manifest_write(&again, kind, &twice);
        MUST(fuzz_same(text.data, text.len, twice.data, twice.len));
        MUST(text.len == len);
    }
    fk_manifest_free(&m);
    fk_manifest_free(&again);
    fk_buf_free(&text);
    fk_buf_free(&twice);
}

static void ledger_check(const char *text, size_t len) {
    struct fk_ledger_text t = {.root_at = UINT64_MAX};
    struct fk_err err = FK_ERR_INIT;
    for (const char *at = text, *end = text + len; at < end;) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const size_t n = (size_t)((lf ? lf + 1 : end) - at);
        const uint64_t next = t.next_seq;
        if (!fuzz_took(fk_ledger_text_take(&t, at, n, &err), &err)) {
            MUST(t.next_seq == next && err.status == FK_CORRUPT);
            break;
        }
        MUST(t.next_seq == next + 1 && t.tree.size == t.next_seq);
        at += n;
    }
    fk_ledger_text_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    manifest_check(data, len, FK_SHA256);
    manifest_check(data, len, FK_SHA512);
    ledger_check((const char *)data, len);
    return 0;
}
