/*
 * test_stamp.c - tokens, requests, revocation lists and lists of renewals, changed at every byte,
 * cut short at every length, made longer, and cut up at random (the seed is fixed): each is refused
 * with a reason, or says the same as before.
 */
#include "archiver/vault/renewal.h"
#include "archiver/vault/stamps_priv.h"
#include "base/clock.h"
#include "base/digest.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { DAY = 86400, CUT_UP = 300 };
static const char data[] = "what is stamped\n";
static struct {
    X509 *root, *tsa;
    EVP_PKEY *root_key, *tsa_key;
    struct fk_buf request, reply, harmless, revoking; /* lists: as PEM */
    char dir[400], roots[512];
} f;

/* ---- an authority */

static void extension_add(X509 *c, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, c, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(c, e, -1), 1);
    X509_EXTENSION_free(e);
}

static X509 *certificate_make(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *by,
                              long serial) {
    X509 *c = X509_new();
    X509_NAME *n = X509_NAME_new();
    assert_int_equal(
        X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0), 1);
    assert_int_equal(X509_set_version(c, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), serial), 1);
    assert_int_equal(X509_set_subject_name(c, n), 1);
    assert_int_equal(X509_set_issuer_name(c, issuer ? X509_get_subject_name(issuer) : n), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(c), -(long)DAY));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(c), (issuer ? 300L : 3000L) * DAY));
    assert_int_equal(X509_set_pubkey(c, key), 1);
    if (issuer) {
        extension_add(c, issuer, NID_ext_key_usage, "critical,timeStamping");
        extension_add(c, issuer, NID_crl_distribution_points, "URI:http://crl.example/list");
    } else {
        extension_add(c, c, NID_basic_constraints, "critical,CA:TRUE");
    }
    assert_true(X509_sign(c, by, EVP_sha256()) > 0);
    X509_NAME_free(n);
    return c;
}

static ASN1_INTEGER *serial_next(TS_RESP_CTX *ctx, void *unused) {
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    (void)ctx;
    (void)unused;
    assert_int_equal(ASN1_INTEGER_set(n, 4711), 1);
    return n;
}

static void answer(const struct fk_buf *request, struct fk_buf *reply) {
    TS_RESP_CTX *ctx = TS_RESP_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.4.1", 1);
    uint8_t *der = NULL;
    sk_X509_push(chain, f.root);
    TS_RESP_CTX_set_serial_cb(ctx, serial_next, NULL);
    assert_int_equal(TS_RESP_CTX_set_signer_cert(ctx, f.tsa), 1);
    assert_int_equal(TS_RESP_CTX_set_signer_key(ctx, f.tsa_key), 1);
    assert_int_equal(TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256()), 1);
    assert_int_equal(TS_RESP_CTX_set_def_policy(ctx, policy), 1);
    assert_int_equal(TS_RESP_CTX_set_certs(ctx, chain), 1);
    assert_int_equal(TS_RESP_CTX_add_md(ctx, EVP_sha512()), 1);
    BIO *b = BIO_new_mem_buf(request->data, (int)request->len);
    TS_RESP *r = TS_RESP_create_response(ctx, b);
    assert_non_null(r);
    int n = i2d_TS_RESP(r, &der);
    assert_true(n > 0);
    fk_buf_add(reply, der, (size_t)n);
    OPENSSL_free(der);
    TS_RESP_free(r);
    BIO_free(b);
    sk_X509_free(chain);
    ASN1_OBJECT_free(policy);
    TS_RESP_CTX_free(ctx);
}

/* A list of the root that revokes one serial, as it is fetched: DER. */
static void list_make(long serial, struct fk_buf *der_out) {
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    ASN1_TIME *before = X509_gmtime_adj(NULL, -3600), *after = X509_gmtime_adj(NULL, 30L * DAY);
    uint8_t *der = NULL;
    assert_int_equal(ASN1_INTEGER_set(n, serial), 1);
    assert_int_equal(X509_REVOKED_set_serialNumber(r, n), 1);
    assert_int_equal(X509_REVOKED_set_revocationDate(r, before), 1);
    assert_int_equal(X509_CRL_set_version(crl, 1), 1);
    assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(f.root)), 1);
    assert_int_equal(X509_CRL_set1_lastUpdate(crl, before), 1);
    assert_int_equal(X509_CRL_set1_nextUpdate(crl, after), 1);
    assert_int_equal(X509_CRL_add0_revoked(crl, r), 1);
    assert_true(X509_CRL_sign(crl, f.root_key, EVP_sha256()) > 0);
    int len = i2d_X509_CRL(crl, &der);
    assert_true(len > 0);
    fk_buf_add(der_out, der, (size_t)len);
    OPENSSL_free(der);
    ASN1_TIME_free(before);
    ASN1_TIME_free(after);
    ASN1_INTEGER_free(n);
    X509_CRL_free(crl);
}

static void list_pem(long serial, struct fk_buf *pem) {
    struct fk_buf der = FK_BUF_INIT;
    list_make(serial, &der);
    assert_int_equal(fk_stamp_crl_pem(&der, pem, NULL), FK_OK);
    fk_buf_free(&der);
}

static int setup(void **state) {
    const char *base = getenv("TEST_DIR");
    char path[512];
    (void)state;
    f.root_key = EVP_EC_gen("P-256");
    f.tsa_key = EVP_EC_gen("P-256");
    f.root = certificate_make("Root", f.root_key, NULL, f.root_key, 1);
    f.tsa = certificate_make("Authority", f.tsa_key, f.root, f.root_key, 2);
    snprintf(f.dir, sizeof f.dir, "%s/stamp-%d", base ? base : "/tmp", (int)getpid());
    assert_int_equal(mkdir(f.dir, 0700), 0);
    snprintf(path, sizeof path, "%s/time", f.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(f.roots, sizeof f.roots, "%s/roots.pem", f.dir);
    FILE *out = fopen(f.roots, "w");
    assert_non_null(out);
    assert_int_equal(PEM_write_X509(out, f.root), 1);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(fk_stamp_request(data, sizeof data - 1, &f.request, NULL), FK_OK);
    answer(&f.request, &f.reply);
    list_pem(77, &f.harmless);
    list_pem(2, &f.revoking);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    X509_free(f.root);
    X509_free(f.tsa);
    EVP_PKEY_free(f.root_key);
    EVP_PKEY_free(f.tsa_key);
    fk_buf_free(&f.request);
    fk_buf_free(&f.reply);
    fk_buf_free(&f.harmless);
    fk_buf_free(&f.revoking);
    return 0;
}

/* ---- what is done to them */

static uint32_t seed = 3161;
static size_t chance(size_t below) {
    seed = seed * 1664525u + 1013904223u;
    return below ? (seed >> 8) % below : 0;
}

/* The nth variant of some bytes; false after the last. A bit of each byte, each length, longer by a
 * byte, then parts exchanged, doubled, taken out and overwritten at random. */
static bool variant(const struct fk_buf *of, size_t n, struct fk_buf *out) {
    fk_buf_reset(out);
    if (n < of->len) {
        fk_buf_add(out, of->data, of->len);
        out->data[n] ^= (uint8_t)(1u << chance(8));
        return true;
    }
    n -= of->len;
    if (n < of->len) {
        fk_buf_add(out, of->data, n);
        return true;
    }
    n -= of->len;
    if (n < 256) {
        fk_buf_add(out, of->data, of->len);
        fk_buf_byte(out, (uint8_t)n);
        return true;
    }
    n -= 256;
    const size_t at = chance(of->len), part = 1 + chance(of->len - at < 64 ? of->len - at : 64);
    switch (n % 4) {
    case 0: /* taken out */
        fk_buf_add(out, of->data, at);
        fk_buf_add(out, of->data + at + part, of->len - at - part);
        break;
    case 1: /* twice */
        fk_buf_add(out, of->data, at + part);
        fk_buf_add(out, of->data + at, of->len - at);
        break;
    case 2: /* one byte all over it */
        fk_buf_add(out, of->data, of->len);
        memset(out->data + at, (int)chance(256), part);
        break;
    default: /* another part in its place */
        fk_buf_add(out, of->data, of->len);
        memmove(out->data + at, of->data + chance(of->len - part + 1), part);
        break;
    }
    return n < CUT_UP;
}

static bool same(const struct fk_buf *a, const struct fk_buf *b) {
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void refusal_is_told(enum fk_status st, const struct fk_err *err, size_t n) {
    if ((st != FK_CORRUPT && st != FK_DENIED && st != FK_NOT_FOUND) || !*err->text)
        fail_msg("variant %zu: status %d, \"%s\"", n, (int)st, err->text);
}

static enum fk_status check(const struct fk_buf *request, const struct fk_buf *reply,
                            const struct fk_buf *crls, struct fk_stamp *out, struct fk_err *err) {
    const struct fk_stamp_question q = {data, sizeof data - 1, request, reply, f.roots, crls};
    return fk_stamp_check(&q, out, err);
}

/* ---- tokens, requests */

static struct fk_stamp right(void) {
    struct fk_stamp s;
    struct fk_err err = FK_ERR_INIT;
    if (check(&f.request, &f.reply, &f.harmless, &s, &err) != FK_OK)
        fail_msg("as it was made: %s", err.text);
    assert_string_equal(s.signer, "CN=Authority");
    assert_int_equal(s.crl_count, 1);
    return s;
}

static void says_the_same(const struct fk_stamp *a, const struct fk_stamp *b, size_t n) {
    if (a->time_ms != b->time_ms || a->ends_ms != b->ends_ms || strcmp(a->signer, b->signer) != 0 ||
        a->crl_count != b->crl_count || strcmp(a->crl[0], b->crl[0]) != 0)
        fail_msg("variant %zu was taken and says something else", n);
}

static void a_changed_token_is_refused_or_says_the_same(void **state) {
    struct fk_buf b = FK_BUF_INIT;
    const struct fk_stamp was = right();
    size_t taken = 0, n;
    (void)state;
    for (n = 0; variant(&f.reply, n, &b); n++) {
        struct fk_stamp s;
        struct fk_err err = FK_ERR_INIT;
        int64_t time_ms, ends_ms;
        enum fk_status st = check(&f.request, &b, NULL, &s, &err);
        if (st == FK_OK)
            says_the_same(&s, &was, n);
        else
            refusal_is_told(st, &err, n);
        taken += st == FK_OK && !same(&b, &f.reply);
        err = (struct fk_err)FK_ERR_INIT; /* without roots, and read as it comes: no crash */
        const struct fk_stamp_question q = {data, sizeof data - 1, &f.request, &b, NULL, NULL};
        if ((st = fk_stamp_check(&q, &s, &err)) != FK_OK)
            refusal_is_told(st, &err, n);
        err = (struct fk_err)FK_ERR_INIT;
        if ((st = fk_stamp_peek(&b, &time_ms, &ends_ms, &err)) != FK_OK)
            refusal_is_told(st, &err, n);
    }
    print_message("%zu changed tokens, %zu say the same\n", n, taken);
    assert_true(taken < n / 2); /* the root that comes along is not what is trusted */
    fk_buf_free(&b);
}

static void a_changed_request_is_refused_or_asks_the_same(void **state) {
    struct fk_buf b = FK_BUF_INIT;
    const struct fk_stamp was = right();
    size_t taken = 0, n;
    (void)state;
    for (n = 0; variant(&f.request, n, &b); n++) {
        struct fk_stamp s;
        struct fk_err err = FK_ERR_INIT;
        enum fk_status st = check(&b, &f.reply, NULL, &s, &err);
        if (st == FK_OK)
            says_the_same(&s, &was, n);
        else
            refusal_is_told(st, &err, n);
        taken += st == FK_OK && !same(&b, &f.request);
    }
    print_message("%zu changed requests, %zu ask the same\n", n, taken);
    assert_true(taken < 16); /* whether certificates are wanted, say */
    fk_buf_free(&b);
}

static void another_policy_than_the_one_asked_for_is_refused(void **state) {
    const uint8_t *p = f.request.data;
    struct fk_buf other = FK_BUF_INIT;
    struct fk_stamp s;
    struct fk_err err = FK_ERR_INIT;
    uint8_t *der = NULL;
    (void)state;
    TS_REQ *r = d2i_TS_REQ(NULL, &p, (long)f.request.len);
    ASN1_OBJECT *policy = OBJ_txt2obj("1.2.3.4.9", 1);
    assert_int_equal(TS_REQ_set_policy_id(r, policy), 1);
    int n = i2d_TS_REQ(r, &der);
    fk_buf_add(&other, der, (size_t)n);
    assert_int_equal(check(&other, &f.reply, NULL, &s, &err), FK_CORRUPT);
    assert_non_null(strstr(err.text, "policy mismatch"));
    OPENSSL_free(der);
    ASN1_OBJECT_free(policy);
    TS_REQ_free(r);
    fk_buf_free(&other);
}

/* ---- revocation lists */

static void a_changed_list_never_hides_a_revocation(void **state) {
    struct fk_buf both = FK_BUF_INIT, b = FK_BUF_INIT;
    struct fk_stamp s;
    size_t n;
    (void)state;
    fk_buf_add(&both, f.harmless.data, f.harmless.len);
    fk_buf_add(&both, f.revoking.data, f.revoking.len);
    struct fk_err err = FK_ERR_INIT;
    assert_int_equal(check(&f.request, &f.reply, &both, &s, &err), FK_DENIED);
    for (n = 0; variant(&both, n, &b); n++) {
        err = (struct fk_err)FK_ERR_INIT;
        enum fk_status st = check(&f.request, &f.reply, &b, &s, &err);
        if (st == FK_OK && !same(&b, &f.harmless)) /* cut short between the two: a list of one */
            fail_msg("variant %zu hides the revocation", n);
        if (st != FK_OK)
            refusal_is_told(st, &err, n);
    }
    print_message("%zu changed lists\n", n);
    fk_buf_free(&b);
    fk_buf_free(&both);
}

static void a_changed_list_that_is_fetched_is_refused_or_says_the_same(void **state) {
    static const long serials[] = {77, 2};
    static const enum fk_status verdicts[] = {FK_OK, FK_DENIED};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fk_buf der = FK_BUF_INIT, b = FK_BUF_INIT, pem = FK_BUF_INIT;
        size_t taken = 0, n;
        list_make(serials[i], &der);
        for (n = 0; variant(&der, n, &b); n++) {
            struct fk_stamp s;
            struct fk_err err = FK_ERR_INIT;
            fk_buf_reset(&pem);
            enum fk_status st = fk_stamp_crl_pem(&b, &pem, &err);
            if (st == FK_OK && (st = check(&f.request, &f.reply, &pem, &s, &err)) == verdicts[i]) {
                taken++;
                continue;
            }
            if (st == FK_OK)
                fail_msg("variant %zu hides the revocation", n);
            refusal_is_told(st, &err, n);
        }
        print_message("%zu changed lists, %zu say the same\n", n, taken);
        assert_true(taken < n / 3); /* 256 have one byte behind the list, which is not kept */
        fk_buf_free(&der);
        fk_buf_free(&b);
        fk_buf_free(&pem);
    }
}

/* ---- renewals */

static const char stamp_name[] = "000000000012-20261124T010203Z-5f2a90c1";

static void put(const char *name, const char *suffix, const struct fk_buf *b) {
    char path[512];
    snprintf(path, sizeof path, "%s/time/%s%s", f.dir, name, suffix);
    FILE *out = fopen(path, "w"); /* thousands of them need not be durable */
    assert_non_null(out);
    assert_int_equal(fwrite(b->data, 1, b->len, out), b->len);
    assert_int_equal(fclose(out), 0);
}

static void line_add(struct fk_buf *list, const char *suffix, const struct fk_buf *b) {
    uint8_t sum[FK_SHA512_BYTES];
    assert_int_equal(EVP_Digest(b->data, b->len, sum, NULL, EVP_sha512(), NULL), 1);
    fk_buf_hex(list, sum, sizeof sum);
    fk_buf_printf(list, "  %s%s\n", stamp_name, suffix);
}

/* An earlier stamp of that name in DIR/time, and the list over it. */
static void list_of_files(struct fk_buf *list) {
    struct fk_buf note = FK_BUF_INIT;
    fk_buf_str(&note, "a checkpoint\n");
    put(stamp_name, ".checkpoint", &note);
    put(stamp_name, ".crl", &f.harmless);
    put(stamp_name, ".tsq", &f.request);
    put(stamp_name, ".tsr", &f.reply);
    line_add(list, ".checkpoint", &note);
    line_add(list, ".crl", &f.harmless);
    line_add(list, ".tsq", &f.request);
    line_add(list, ".tsr", &f.reply);
    fk_buf_free(&note);
}

static void a_changed_renewal_list_vouches_for_nothing_new(void **state) {
    struct fk_buf list = FK_BUF_INIT, b = FK_BUF_INIT, own = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    size_t taken = 0, n;
    (void)state;
    list_of_files(&list);
    if (fk_renewal__check(f.dir, "renewal-1", &list, true, &own, &err) != FK_OK ||
        !same(&own, &list))
        fail_msg("as it was made: %s", err.text);
    for (n = 0; variant(&list, n, &b); n++) {
        fk_buf_reset(&own);
        err = (struct fk_err)FK_ERR_INIT;
        enum fk_status st = fk_renewal__check(f.dir, "renewal-1", &b, true, &own, &err);
        if (st != FK_OK) {
            refusal_is_told(st, &err, n);
            continue;
        }
        taken++;
        for (size_t at = 0; at < own.len;) { /* lines of it, each as it was */
            const uint8_t *lf = memchr(own.data + at, '\n', own.len - at);
            assert_non_null(lf);
            const size_t len = (size_t)(lf + 1 - (own.data + at));
            if (!memmem(list.data, list.len, own.data + at, len))
                fail_msg("variant %zu has a line of its own", n);
            at += len;
        }
        struct fk_renewal_state look;
        put("renewal-1", ".sha512", &b);
        assert_int_equal(fk_renewal_look(f.dir, &look, &err), FK_OK);
    }
    print_message("%zu changed lists of a renewal, %zu are lines of it\n", n, taken);
    assert_true(taken < 16);
    fk_buf_free(&list);
    fk_buf_free(&b);
    fk_buf_free(&own);
}

struct whole {
    struct fk_buf list, request, reply, line;
};

static struct fk_entry anchor_of(struct whole *w, bool with_crl) {
    struct fk_buf fields = FK_BUF_INIT;
    uint8_t digest[FK_SHA256_BYTES], prev[FK_SHA256_BYTES] = {0};
    char when[FK_TIME_SIZE];
    int64_t time_ms, ends_ms;
    struct fk_entry e;
    assert_int_equal(fk_stamp_peek(&w->reply, &time_ms, &ends_ms, NULL), FK_OK);
    fk_time_format(when, time_ms);
    fk_buf_printf(&fields, "stamp=renewal-1 size=12 stamped=%s reply=", when);
    fk_sha256(w->reply.data, w->reply.len, digest);
    fk_buf_hex(&fields, digest, sizeof digest);
    if (with_crl) {
        fk_buf_str(&fields, " crl=");
        fk_sha256(f.harmless.data, f.harmless.len, digest);
        fk_buf_hex(&fields, digest, sizeof digest);
    }
    fk_buf_reset(&w->line);
    assert_int_equal(fk_entry_write(&w->line, 9, prev, "anchor", 1, fk_buf_cstr(&fields), NULL),
                     FK_OK);
    assert_int_equal(fk_entry_read(w->line.data, w->line.len, &e, NULL), FK_OK);
    fk_buf_free(&fields);
    return e;
}

/* Each file of a renewal in turn, with what its anchor says: what is taken says the same. */
static void file_try(const struct fk_entry *anchor, const char *suffix, const struct fk_buf *whole,
                     size_t may_be_taken) {
    struct fk_buf b = FK_BUF_INIT;
    struct fk_stamp_seen seen, was;
    struct fk_err err = FK_ERR_INIT;
    const struct fk_stamps_place place = {f.dir, f.roots, false};
    size_t taken = 0;
    put("renewal-1", suffix, whole);
    if (fk_stamps_check(&place, anchor, &was, &err) != FK_OK)
        fail_msg("as it was made: %s", err.text);
    for (size_t n = 0; variant(whole, n, &b); n += 1 + chance(4)) {
        if (same(&b, whole))
            continue;
        put("renewal-1", suffix, &b);
        err = (struct fk_err)FK_ERR_INIT;
        enum fk_status st = fk_stamps_check(&place, anchor, &seen, &err);
        if (st != FK_OK)
            refusal_is_told(st, &err, n);
        else if (seen.time_ms != was.time_ms || seen.ends_ms != was.ends_ms ||
                 !same(&seen.list, &was.list))
            fail_msg("renewal-1%s, variant %zu was taken and says something else", suffix, n);
        taken += st == FK_OK;
        fk_buf_free(&seen.list);
        struct fk_renewal_state look;
        err = (struct fk_err)FK_ERR_INIT;
        if ((st = fk_renewal_look(f.dir, &look, &err)) != FK_OK)
            refusal_is_told(st, &err, n);
    }
    if (taken > may_be_taken)
        fail_msg("renewal-1%s: %zu changed files were taken", suffix, taken);
    put("renewal-1", suffix, whole);
    fk_buf_free(&was.list);
    fk_buf_free(&b);
}

static void each_changed_file_of_a_stamp_is_refused_or_says_the_same(void **state) {
    struct whole w = {FK_BUF_INIT, FK_BUF_INIT, FK_BUF_INIT, FK_BUF_INIT};
    (void)state;
    list_of_files(&w.list);
    assert_int_equal(fk_stamp_request(w.list.data, w.list.len, &w.request, NULL), FK_OK);
    answer(&w.request, &w.reply);
    put("renewal-1", ".sha512", &w.list);
    put("renewal-1", ".tsq", &w.request);
    put("renewal-1", ".tsr", &w.reply);
    put("renewal-1", ".crl", &f.harmless);
    struct fk_entry anchor = anchor_of(&w, true);
    file_try(&anchor, ".sha512", &w.list, 0);
    file_try(&anchor, ".tsr", &w.reply, 0);
    file_try(&anchor, ".crl", &f.harmless, 0);
    file_try(&anchor, ".tsq", &w.request, 16);
    anchor = anchor_of(&w, false); /* a list that came later is bound by its signature alone */
    file_try(&anchor, ".crl", &f.harmless, 0);
    fk_buf_free(&w.list);
    fk_buf_free(&w.request);
    fk_buf_free(&w.reply);
    fk_buf_free(&w.line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_token_is_refused_or_says_the_same),
        cmocka_unit_test(a_changed_request_is_refused_or_asks_the_same),
        cmocka_unit_test(another_policy_than_the_one_asked_for_is_refused),
        cmocka_unit_test(a_changed_list_never_hides_a_revocation),
        cmocka_unit_test(a_changed_list_that_is_fetched_is_refused_or_says_the_same),
        cmocka_unit_test(a_changed_renewal_list_vouches_for_nothing_new),
        cmocka_unit_test(each_changed_file_of_a_stamp_is_refused_or_says_the_same),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
