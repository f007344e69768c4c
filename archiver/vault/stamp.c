/* stamp.c - OpenSSL's time stamp functions, with the verification time set to the stamp's own. */
#include "archiver/vault/stamp_priv.h"
#include "base/digest.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ts.h>
#include <string.h>
#include <time.h>

enum { REPLY_MAX = 1 << 20 };

const char *fk_stamp__why(const char *otherwise) {
    const char *data = NULL;
    int flags = 0;
    unsigned long e = ERR_peek_last_error_all(NULL, NULL, NULL, &data, &flags);
    if (e && data && *data && (flags & ERR_TXT_STRING))
        return data;
    const char *reason = e ? ERR_reason_error_string(e) : NULL;
    return reason ? reason : otherwise;
}

static TS_MSG_IMPRINT *imprint_new(const void *data, size_t len) {
    uint8_t digest[FK_SHA512_BYTES];
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    bool good = imprint && algorithm &&
                EVP_Digest(data, len, digest, NULL, EVP_sha512(), NULL) == 1 &&
                X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha512), V_ASN1_NULL, NULL) &&
                TS_MSG_IMPRINT_set_algo(imprint, algorithm) &&
                TS_MSG_IMPRINT_set_msg(imprint, digest, sizeof digest);
    X509_ALGOR_free(algorithm);
    if (good)
        return imprint;
    TS_MSG_IMPRINT_free(imprint);
    return NULL;
}

static ASN1_INTEGER *nonce_new(void) {
    uint8_t bytes[8];
    ASN1_INTEGER *nonce = NULL;
    BIGNUM *n = RAND_bytes(bytes, sizeof bytes) == 1 ? BN_bin2bn(bytes, sizeof bytes, NULL) : NULL;
    if (n)
        nonce = BN_to_ASN1_INTEGER(n, NULL);
    BN_free(n);
    return nonce;
}

enum fk_status fk_stamp_request(const void *data, size_t len, struct fk_buf *request,
                                struct fk_err *err) {
    uint8_t *der = NULL;
    int bytes = 0;
    TS_REQ *q = TS_REQ_new();
    TS_MSG_IMPRINT *imprint = imprint_new(data, len);
    ASN1_INTEGER *nonce = nonce_new();
    if (q && imprint && nonce && TS_REQ_set_version(q, 1) && TS_REQ_set_msg_imprint(q, imprint) &&
        TS_REQ_set_nonce(q, nonce) && TS_REQ_set_cert_req(q, 1))
        bytes = i2d_TS_REQ(q, &der);
    if (bytes > 0)
        fk_buf_add(request, der, (size_t)bytes);
    OPENSSL_free(der);
    ASN1_INTEGER_free(nonce);
    TS_MSG_IMPRINT_free(imprint);
    TS_REQ_free(q);
    return bytes > 0 && !request->failed
               ? FK_OK
               : fk_fail(err, FK_NOMEM, "no memory for a time stamp request");
}

/* A request that asks for what the reply has to be about: the given one, or one without a nonce. */
static TS_REQ *request_of(const struct fk_stamp_question *q) {
    if (q->request) {
        const uint8_t *p = q->request->data;
        TS_REQ *given = d2i_TS_REQ(NULL, &p, (long)q->request->len);
        if (given && p == q->request->data + q->request->len)
            return given;
        TS_REQ_free(given);
        return NULL;
    }
    TS_REQ *r = TS_REQ_new();
    TS_MSG_IMPRINT *imprint = imprint_new(q->data, q->len);
    bool good = r && imprint && TS_REQ_set_version(r, 1) && TS_REQ_set_msg_imprint(r, imprint);
    TS_MSG_IMPRINT_free(imprint);
    if (good)
        return r;
    TS_REQ_free(r);
    return NULL;
}

/* OpenSSL holds the token against the request, and nobody held the request against the data. */
static bool request_is_over(TS_REQ *request, const void *data, size_t len) {
    uint8_t digest[FK_SHA512_BYTES];
    TS_MSG_IMPRINT *imprint = TS_REQ_get_msg_imprint(request);
    const ASN1_OBJECT *algorithm = NULL;
    if (!imprint || EVP_Digest(data, len, digest, NULL, EVP_sha512(), NULL) != 1)
        return false;
    X509_ALGOR_get0(&algorithm, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
    const ASN1_OCTET_STRING *msg = TS_MSG_IMPRINT_get_msg(imprint);
    return OBJ_obj2nid(algorithm) == NID_sha512 && ASN1_STRING_length(msg) == sizeof digest &&
           memcmp(ASN1_STRING_get0_data(msg), digest, sizeof digest) == 0;
}

static bool time_of(TS_RESP *reply, int64_t *ms_out) {
    struct tm t = {0};
    TS_TST_INFO *info = TS_RESP_get_tst_info(reply);
    if (!info || ASN1_TIME_to_tm(TS_TST_INFO_get_time(info), &t) != 1)
        return false;
    *ms_out = (int64_t)timegm(&t) * 1000;
    return true;
}

X509_STORE *fk_stamp__store(const char *roots, int64_t at_ms) {
    X509_STORE *store = X509_STORE_new();
    if (store && X509_STORE_load_file(store, roots) == 1) {
        X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)(at_ms / 1000));
        return store;
    }
    X509_STORE_free(store);
    return NULL;
}

static enum fk_status reply_verify(const struct fk_stamp_question *q, TS_RESP *reply,
                                   int64_t time_ms, struct fk_err *err) {
    enum fk_status st = FK_OK;
    X509_STORE *store = NULL;
    TS_VERIFY_CTX *ctx = NULL;
    TS_REQ *request = request_of(q);
    if (!request || !(ctx = TS_REQ_to_TS_VERIFY_CTX(request, NULL)))
        FK_TRY(fk_fail(err, FK_CORRUPT, "the time stamp request cannot be read"));
    if (!request_is_over(request, q->data, q->len))
        FK_TRY(fk_fail(err, FK_CORRUPT, "the time stamp request is over other bytes"));
    if (q->roots) {
        if (!(store = fk_stamp__store(q->roots, time_ms)))
            FK_TRY(fk_fail(err, FK_INVALID, "%s: not a file of trusted certificates: %s", q->roots,
                           fk_stamp__why("cannot be read")));
#if OPENSSL_VERSION_NUMBER >= 0x30400000L
        TS_VERIFY_CTX_set0_store(ctx, store);
#else
        (void)TS_VERIFY_CTX_set_store(ctx, store); /* gives back what it was given */
#endif
        store = NULL;
        TS_VERIFY_CTX_add_flags(ctx, TS_VFY_SIGNATURE);
    } else {
        (void)TS_VERIFY_CTX_set_flags(ctx, TS_VFY_VERSION | TS_VFY_IMPRINT |
                                               (q->request ? TS_VFY_NONCE : 0));
    }
    ERR_clear_error();
    if (TS_RESP_verify_response(ctx, reply) != 1)
        st = fk_fail(err, FK_CORRUPT, "the time stamp does not verify: %s",
                     fk_stamp__why("it is not valid"));
done:
    X509_STORE_free(store);
    TS_VERIFY_CTX_free(ctx);
    TS_REQ_free(request);
    return st;
}

static TS_RESP *reply_read(const struct fk_buf *reply) {
    const uint8_t *p = reply->data;
    TS_RESP *r = reply->len <= REPLY_MAX ? d2i_TS_RESP(NULL, &p, (long)reply->len) : NULL;
    if (r && p == reply->data + reply->len)
        return r;
    TS_RESP_free(r);
    return NULL;
}

enum fk_status fk_stamp_check(const struct fk_stamp_question *q, struct fk_stamp *out,
                              struct fk_err *err) {
    enum fk_status st;
    struct fk_stamp stamp = {.time_ms = 0};
    TS_RESP *reply = reply_read(q->reply);
    if (!reply)
        FK_TRY(fk_fail(err, FK_CORRUPT, "this is no time stamp reply (RFC 3161)"));
    long status = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(reply)));
    if (status != TS_STATUS_GRANTED && status != TS_STATUS_GRANTED_WITH_MODS)
        FK_TRY(fk_fail(err, FK_CORRUPT, "the authority refused: status %ld", status));
    if (!time_of(reply, &stamp.time_ms))
        FK_TRY(fk_fail(err, FK_CORRUPT, "the time stamp has no time"));
    FK_TRY(reply_verify(q, reply, stamp.time_ms, err));
    FK_TRY(fk_stamp__chain(q, TS_RESP_get_token(reply), &stamp, err));
    *out = stamp;
done:
    TS_RESP_free(reply);
    return st;
}

enum fk_status fk_stamp_peek(const struct fk_buf *reply_der, int64_t *time_ms_out,
                             int64_t *ends_ms_out, struct fk_err *err) {
    struct fk_stamp stamp = {.time_ms = 0};
    const struct fk_stamp_question unjudged = {.reply = reply_der};
    TS_RESP *reply = reply_read(reply_der);
    enum fk_status st = FK_OK;
    if (!reply || !time_of(reply, &stamp.time_ms))
        FK_TRY(fk_fail(err, FK_CORRUPT, "this is no time stamp reply (RFC 3161)"));
    FK_TRY(fk_stamp__chain(&unjudged, TS_RESP_get_token(reply), &stamp, err));
    *time_ms_out = stamp.time_ms;
    *ends_ms_out = stamp.ends_ms;
done:
    TS_RESP_free(reply);
    return st;
}
