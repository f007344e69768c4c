/* Time stamps and revocation lists (archiver/vault/stamp.h): a token that was changed is refused,
 * or says the same time by the same signer; none other is taken. A list that is taken is PEM that
 * is taken again.
 *
 * Input: a byte: 0 changes (patch.h) of a good reply, 1 of a good list, 2 a reply as it is, 3 a
 * list as it is; with 4 the lists that a change of the good one gives are looked at, too. */
#include "archiver/vault/stamp.h"
#include "tests/fuzz/support/patch.h"

extern const uint8_t _binary_tests_fuzz_stamp_reply_tsr_start[],
    _binary_tests_fuzz_stamp_reply_tsr_end[];
extern const uint8_t _binary_tests_fuzz_stamp_roots_pem_start[],
    _binary_tests_fuzz_stamp_roots_pem_end[];
extern const uint8_t _binary_tests_fuzz_stamp_list_crl_start[],
    _binary_tests_fuzz_stamp_list_crl_end[];
static const char stamped[] = "what was stamped\n"; /* make_seeds.py */

static struct fk_buf embedded(const uint8_t *begin, const uint8_t *end) {
    struct fk_buf b = FK_BUF_INIT;
    fk_buf_add(&b, begin, (size_t)(end - begin));
    return b;
}
#define EMBEDDED(name)                                                                             \
    embedded(_binary_tests_fuzz_stamp_##name##_start, _binary_tests_fuzz_stamp_##name##_end)

static char roots[4096];
static struct fk_stamp good;

static enum fk_status check(const struct fk_buf *reply, const char *by, const struct fk_buf *crls,
                            struct fk_stamp *out, struct fk_err *err) {
    const struct fk_stamp_question q = {
        .data = stamped, .len = sizeof stamped - 1, .reply = reply, .roots = by, .crls = crls};
    return fk_stamp_check(&q, out, err);
}

static void good_make(void) {
    struct fk_buf pem = EMBEDDED(roots_pem), reply = EMBEDDED(reply_tsr);
    snprintf(roots, sizeof roots, "%s", fuzz_file("roots.pem", pem.data, pem.len));
    DONE(check(&reply, roots, NULL, &good, NULL));
    fk_buf_free(&pem);
    fk_buf_free(&reply);
}

static void reply_check(const struct fk_buf *reply, const struct fk_buf *crls) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_stamp s;
    int64_t time_ms, ends_ms;
    (void)fuzz_took(fk_stamp_peek(reply, &time_ms, &ends_ms, &err), &err);
    (void)fuzz_took(check(reply, NULL, NULL, &s, &err), &err);
    memset(&s, 0x55, sizeof s);
    if (fuzz_took(check(reply, roots, crls, &s, &err), &err)) {
        MUST(s.time_ms == good.time_ms && strcmp(s.signer, good.signer) == 0);
        MUST(s.crl_count <= FK_CRLS_MAX && memchr(s.signer, 0, sizeof s.signer));
    } else
        MUST(err.status == FK_CORRUPT || err.status == FK_DENIED);
}

static bool list_check(const struct fk_buf *list, struct fk_buf *pem) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf again = FK_BUF_INIT;
    const bool took = fuzz_took(fk_stamp_crl_pem(list, pem, &err), &err);
    if (took) {
        DONE(fk_stamp_crl_pem(pem, &again, NULL));
        MUST(fuzz_same(pem->data, pem->len, again.data, again.len));
    } else
        MUST(pem->len == 0);
    fk_buf_free(&again);
    return took;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    const uint8_t how = fuzz_byte(&in);
    struct fk_buf reply = EMBEDDED(reply_tsr), list = EMBEDDED(list_crl), pem = FK_BUF_INIT;
    if (!roots[0])
        good_make();
    if (how & 2) {
        fk_buf_reset(how & 1 ? &list : &reply);
        fk_buf_add(how & 1 ? &list : &reply, in.at, in.len);
    } else
        fuzz_patch(how & 1 ? &list : &reply, &in);
    const bool listed = list_check(&list, &pem);
    reply_check(&reply, listed && how & 4 ? &pem : NULL);
    fk_buf_free(&reply);
    fk_buf_free(&list);
    fk_buf_free(&pem);
    return 0;
}
