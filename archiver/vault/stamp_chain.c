/* stamp_chain.c - who signed a time stamp, until when that can be shown, and whether it was
 * revoked.
 */
#include "archiver/vault/stamp_priv.h"
#include "base/clock.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool ms_of(const ASN1_TIME *time, int64_t *out) {
    struct tm t = {0};
    if (!time || ASN1_TIME_to_tm(time, &t) != 1)
        return false;
    *out = (int64_t)timegm(&t) * 1000;
    return true;
}

static void name_text(const X509_NAME *name, char *out, size_t size) {
    BIO *b = BIO_new(BIO_s_mem());
    int n = -1;
    if (b && X509_NAME_print_ex(b, name, 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ) >= 0)
        n = BIO_read(b, out, (int)size - 1);
    out[n > 0 ? n : 0] = 0;
    BIO_free(b);
}

/* ---- the chain */

/* The signer first, its issuers behind it; unjudged, what the reply has, in any order. */
static enum fk_status chain_make(const struct fk_stamp_question *q, X509 *signer,
                                 STACK_OF(X509) * certs, int64_t at_ms, STACK_OF(X509) * *out,
                                 struct fk_err *err) {
    X509_STORE *store = NULL;
    X509_STORE_CTX *ctx = NULL;
    STACK_OF(X509) *chain = NULL;
    enum fk_status st = FK_OK;
    if (!q->roots) {
        chain = X509_chain_up_ref(certs);
    } else if ((store = fk_stamp__store(q->roots, at_ms)) && (ctx = X509_STORE_CTX_new()) &&
               X509_STORE_CTX_init(ctx, store, signer, certs) == 1 &&
               X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_TIMESTAMP_SIGN) == 1) {
        if (X509_verify_cert(ctx) == 1)
            chain = X509_STORE_CTX_get1_chain(ctx);
    }
    if (!chain)
        st = fk_fail(err, FK_CORRUPT, "the time stamp does not verify: %s",
                     fk_stamp__why("its chain of certificates cannot be built"));
    *out = chain;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return st;
}

static int64_t chain_end(STACK_OF(X509) * chain) {
    int64_t end = 0, ms;
    for (int i = 0; i < sk_X509_num(chain); i++)
        if (ms_of(X509_get0_notAfter(sk_X509_value(chain, i)), &ms) && (!end || ms < end))
            end = ms;
    return end;
}

/* ---- where revocation lists are */

static void address_add(struct fk_stamp *stamp, const char *text, size_t len) {
    if (len >= FK_CRL_ADDRESS_MAX || len < 8 || memcmp(text, "http://", 7) != 0 ||
        memchr(text, 0, len))
        return;
    for (size_t i = 0; i < stamp->crl_count; i++)
        if (strlen(stamp->crl[i]) == len && memcmp(stamp->crl[i], text, len) == 0)
            return;
    if (stamp->crl_count < FK_CRLS_MAX)
        memcpy(stamp->crl[stamp->crl_count++], text, len); /* zeroed before */
}

/* The first http address of each point: its other ones are of the same list. */
static void addresses_of(X509 *cert, struct fk_stamp *stamp) {
    CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
    for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
        const DIST_POINT *p = sk_DIST_POINT_value(points, i);
        if (!p->distpoint || p->distpoint->type != 0)
            continue;
        const size_t before = stamp->crl_count;
        const GENERAL_NAMES *names = p->distpoint->name.fullname;
        for (int j = 0; j < sk_GENERAL_NAME_num(names) && stamp->crl_count == before; j++) {
            const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, j);
            if (n->type == GEN_URI)
                address_add(stamp,
                            (const char *)ASN1_STRING_get0_data(n->d.uniformResourceIdentifier),
                            (size_t)ASN1_STRING_length(n->d.uniformResourceIdentifier));
        }
    }
    CRL_DIST_POINTS_free(points);
}

/* ---- what they say */

static X509 *issuer_find(STACK_OF(X509) * chain, X509_CRL *crl) {
    for (int i = 0; i < sk_X509_num(chain); i++) {
        X509 *c = sk_X509_value(chain, i);
        if (X509_NAME_cmp(X509_get_subject_name(c), X509_CRL_get_issuer(crl)) == 0 &&
            X509_CRL_verify(crl, X509_get0_pubkey(c)) == 1)
            return c;
    }
    return NULL;
}

/* RFC 3161, section 4: reasons which say that the key did not leak. -1 where there is none. */
static bool reason_is_harmless(const X509_REVOKED *revoked) {
    ASN1_ENUMERATED *e = X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, NULL, NULL);
    const long reason = e ? ASN1_ENUMERATED_get(e) : -1;
    ASN1_ENUMERATED_free(e);
    return reason == CRL_REASON_UNSPECIFIED || reason == CRL_REASON_AFFILIATION_CHANGED ||
           reason == CRL_REASON_SUPERSEDED || reason == CRL_REASON_CESSATION_OF_OPERATION;
}

static enum fk_status cert_judge(X509 *cert, X509_CRL *crl, int64_t at_ms, struct fk_err *err) {
    X509_REVOKED *revoked = NULL;
    char name[256], when[FK_TIME_SIZE] = "an unknown time";
    int64_t ms = INT64_MIN;
    if (X509_CRL_get0_by_cert(crl, &revoked, cert) != 1)
        return FK_OK;
    if (ms_of(X509_REVOKED_get0_revocationDate(revoked), &ms))
        fk_time_format(when, ms);
    if (ms > at_ms && reason_is_harmless(revoked))
        return FK_OK;
    name_text(X509_get_subject_name(cert), name, sizeof name);
    return fk_fail(err, FK_DENIED, "the certificate of %s was revoked %s%s", name, when,
                   ms > at_ms ? ", for a reason that says nothing good of its key" : "");
}

static enum fk_status crl_judge(STACK_OF(X509) * chain, X509_CRL *crl, int64_t at_ms,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    X509 *issuer = issuer_find(chain, crl);
    char name[256];
    int64_t next;
    name_text(X509_CRL_get_issuer(crl), name, sizeof name);
    if (!issuer)
        return fk_fail(err, FK_CORRUPT,
                       "the revocation list of %s is not signed by anybody of the chain", name);
    if (X509_CRL_get0_nextUpdate(crl) &&
        (!ms_of(X509_CRL_get0_nextUpdate(crl), &next) || next < at_ms))
        return fk_fail(err, FK_CORRUPT,
                       "the revocation list of %s was out of date when the stamp was made", name);
    for (int i = 0; st == FK_OK && i < sk_X509_num(chain); i++) {
        X509 *c = sk_X509_value(chain, i);
        if (X509_NAME_cmp(X509_get_issuer_name(c), X509_CRL_get_issuer(crl)) == 0)
            st = cert_judge(c, crl, at_ms, err);
    }
    return st;
}

static bool pem_add(struct fk_buf *pem, X509_CRL *crl) {
    BIO *b = BIO_new(BIO_s_mem());
    char *text;
    long len = 0;
    if (b && PEM_write_bio_X509_CRL(b, crl) == 1 && (len = BIO_get_mem_data(b, &text)) > 0)
        fk_buf_add(pem, text, (size_t)len);
    BIO_free(b);
    return len > 0 && !pem->failed;
}

/* OpenSSL passes over what is between the lists, and a list whose first line was damaged is then
 * no list: so what was read has to be the file again. */
static enum fk_status crls_judge(STACK_OF(X509) * chain, const struct fk_buf *pem, int64_t at_ms,
                                 struct fk_err *err) {
    BIO *b = BIO_new_mem_buf(pem->data, (int)pem->len);
    struct fk_buf again = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    X509_CRL *crl;
    while (b && st == FK_OK && (crl = PEM_read_bio_X509_CRL(b, NULL, NULL, NULL))) {
        st = pem_add(&again, crl) ? crl_judge(chain, crl, at_ms, err)
                                  : fk_fail(err, FK_NOMEM, "no memory for a revocation list");
        X509_CRL_free(crl);
    }
    if (st == FK_OK &&
        (!again.len || again.len != pem->len || memcmp(again.data, pem->data, again.len) != 0))
        st = fk_fail(err, FK_CORRUPT,
                     "the revocation lists cannot be read: these are not lists in PEM, one behind "
                     "the other");
    ERR_clear_error();
    fk_buf_free(&again);
    BIO_free(b);
    return st;
}

enum fk_status fk_stamp_crl_pem(const struct fk_buf *fetched, struct fk_buf *pem,
                                struct fk_err *err) {
    const uint8_t *p = fetched->data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)fetched->len);
    BIO *b = NULL;
    if (!crl && (b = BIO_new_mem_buf(fetched->data, (int)fetched->len)))
        crl = PEM_read_bio_X509_CRL(b, NULL, NULL, NULL);
    BIO_free(b);
    const bool added = crl && pem_add(pem, crl);
    X509_CRL_free(crl);
    ERR_clear_error();
    return added ? FK_OK : fk_fail(err, FK_CORRUPT, "it is no revocation list");
}

enum fk_status fk_stamp__chain(const struct fk_stamp_question *q, PKCS7 *token,
                               struct fk_stamp *out, struct fk_err *err) {
    STACK_OF(X509) *signers = token ? PKCS7_get0_signers(token, NULL, 0) : NULL, *chain = NULL;
    X509 *signer = signers ? sk_X509_value(signers, 0) : NULL;
    enum fk_status st = FK_OK;
    ERR_clear_error();
    if (!signer) /* a reply that is judged has one: it was verified before */
        goto done;
    FK_TRY(chain_make(q, signer, token->d.sign->cert, out->time_ms, &chain, err));
    name_text(X509_get_subject_name(signer), out->signer, sizeof out->signer);
    out->ends_ms = chain_end(chain);
    for (int i = 0; q->roots && i < sk_X509_num(chain); i++)
        addresses_of(sk_X509_value(chain, i), out);
    if (q->roots && q->crls)
        st = crls_judge(chain, q->crls, out->time_ms, err);
done:
    sk_X509_free(signers);
    sk_X509_pop_free(chain, X509_free);
    return st;
}
