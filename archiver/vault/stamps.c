/* stamps.c - asks, checks, writes down, then anchors. */
#include "archiver/vault/authority.h"
#include "archiver/vault/logbook.h"
#include "archiver/vault/stamps_priv.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const int64_t crl_tries_ms = INT64_C(7) * 86400 * 1000;

void fk_stamps__taken_free(struct fk_stamp_taken *t) {
    fk_buf_free(&t->request);
    fk_buf_free(&t->reply);
    fk_buf_free(&t->crls);
}

/* Lists that cannot be had, or say nothing, are no reason against the stamp. */
static enum fk_status crls_take(const struct fk_stamping *s, struct fk_stamp_question *q,
                                const struct fk_stamp *stamp, struct fk_buf *crls,
                                struct fk_err *err) {
    struct fk_err why = FK_ERR_INIT;
    struct fk_stamp again;
    if (!stamp->crl_count)
        return FK_OK;
    enum fk_status st = fk_authority_crls(stamp, crls, &why);
    q->crls = crls;
    if (st == FK_OK)
        st = fk_stamp_check(q, &again, &why);
    if (st == FK_DENIED)
        return fk_fail(err, st, "%s", why.text);
    if (st != FK_OK) {
        (void)fk_err_prefix(&why, "no revocation list is kept with a time stamp yet");
        s->notice(&why);
        fk_buf_reset(crls);
    }
    return FK_OK;
}

/* Entries have this machine's time. A stamp is where it can be seen that this is wrong. */
static void clock_compare(const struct fk_stamping *s, int64_t stamped_ms) {
    const int64_t off_ms = fk_now_ms() - stamped_ms;
    struct fk_err why = FK_ERR_INIT;
    if (off_ms <= FK_STAMP_CLOCKS_MS && off_ms >= -FK_STAMP_CLOCKS_MS)
        return;
    (void)fk_fail(&why, FK_INVALID, "this machine's clock is %lld s %s that of %s%s",
                  (long long)((off_ms < 0 ? -off_ms : off_ms) / 1000),
                  off_ms < 0 ? "behind" : "ahead of", s->url,
                  off_ms < 0 ? "" : ": \"verify\" will find a stamp before what is under it");
    s->notice(&why);
}

enum fk_status fk_stamps__take(const struct fk_stamping *s, const void *data, size_t len,
                               struct fk_stamp_taken *out, struct fk_err *err) {
    struct fk_stamp_taken t = {FK_BUF_INIT, FK_BUF_INIT, FK_BUF_INIT, {.time_ms = 0}};
    struct fk_stamp_question q = {data, len, &t.request, &t.reply, s->roots, NULL};
    enum fk_status st;
    FK_TRY(fk_stamp_request(data, len, &t.request, err));
    FK_TRY(fk_authority_ask(s->url, &t.request, &t.reply, err));
    st = fk_stamp_check(&q, &t.stamp, err);
    if (st == FK_OK)
        st = crls_take(s, &q, &t.stamp, &t.crls, err);
    if (st != FK_OK)
        FK_TRY(fk_err_prefix(err, "%s", s->url));
    clock_compare(s, t.stamp.time_ms);
    *out = t;
    return FK_OK;
done:
    fk_stamps__taken_free(&t);
    return st;
}

static void digest_field(struct fk_buf *fields, const char *name, const struct fk_buf *of) {
    uint8_t digest[FK_SHA256_BYTES];
    fk_sha256(of->data, of->len, digest);
    fk_buf_printf(fields, " %s=", name);
    fk_buf_hex(fields, digest, sizeof digest);
}

enum fk_status fk_stamps__anchor(const struct fk_stamping *s, const struct fk_stamp_taken *t,
                                 struct fk_stamp_made *made, struct fk_err *err) {
    struct fk_buf fields = FK_BUF_INIT;
    struct fk_receipt receipt;
    char stamped[FK_TIME_SIZE];
    enum fk_status st;
    made->time_ms = t->stamp.time_ms;
    made->ends_ms = t->stamp.ends_ms;
    made->has_crl = t->crls.len > 0;
    FK_TRY(fk_stamps__put(s->dir, made->name, ".tsq", &t->request, err));
    if (made->has_crl)
        FK_TRY(fk_stamps__put(s->dir, made->name, ".crl", &t->crls, err));
    FK_TRY(fk_stamps__put(s->dir, made->name, ".tsr", &t->reply, err));
    fk_time_format(stamped, made->time_ms);
    fk_buf_printf(&fields, "stamp=%s size=%" PRIu64 " stamped=%s", made->name, made->size, stamped);
    digest_field(&fields, "reply", &t->reply);
    if (made->has_crl)
        digest_field(&fields, "crl", &t->crls);
    const struct fk_record record = {.kind = "anchor", .fields = fk_buf_cstr(&fields)};
    if (fields.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for the anchor of a time stamp"));
    FK_TRY(fk_keep_append(s->keep, &record, &receipt, err));
    made->anchor = receipt.seq;
done:
    fk_buf_free(&fields);
    return st;
}

enum fk_status fk_stamps_make(const struct fk_stamping *s, struct fk_stamp_made *out,
                              struct fk_err *err) {
    struct fk_buf note = FK_BUF_INIT;
    struct fk_stamp_taken t = {FK_BUF_INIT, FK_BUF_INIT, FK_BUF_INIT, {.time_ms = 0}};
    struct fk_checkpoint c;
    struct fk_stamp_made made = {.size = 0};
    enum fk_status st;
    FK_TRY(fk_logbook_newest(s->dir, NULL, &c, &note, err));
    FK_TRY(fk_stamps__take(s, note.data, note.len, &t, err));
    made.size = c.size;
    fk_stamps__name(made.name, made.size, t.stamp.time_ms, s->url);
    if (fk_stamps__has(s->dir, made.name, ".tsr")) /* an anchor has its digest */
        FK_TRY(fk_fail(err, FK_RETRY, "%s: stamped this checkpoint in this very second already",
                       s->url));
    FK_TRY(fk_stamps__put(s->dir, made.name, ".checkpoint", &note, err));
    FK_TRY(fk_stamps__anchor(s, &t, &made, err));
    *out = made;
done:
    fk_buf_free(&note);
    fk_stamps__taken_free(&t);
    return st;
}

enum fk_status fk_stamps_newest(const char *dir, const char *url, bool first,
                                struct fk_stamp_newest *out, struct fk_err *err) {
    struct fk_stamps_files files;
    struct fk_stamp_newest newest = {.time_ms = 0};
    char wanted[FK_STAMP_ID + 1], id[FK_STAMP_ID + 1];
    fk_stamps_id(url, wanted);
    enum fk_status st = fk_stamps__files(dir, &files, err);
    if (st != FK_OK)
        return st;
    for (size_t i = 0; i < files.count; i++) {
        const char *file = files.at[i], *dot = strchr(file, '.');
        uint64_t size;
        int64_t ms;
        if (!fk_stamps__name_read(file, (size_t)(dot - file), &size, &ms, id) ||
            strcmp(dot, ".tsr") != 0 || ms <= newest.time_ms ||
            (*id ? strcmp(id, wanted) != 0 : !first))
            continue;
        newest.time_ms = ms;
        newest.size = size;
        snprintf(newest.name, sizeof newest.name, "%.*s", (int)(dot - file), file);
    }
    fk_stamps__files_free(&files);
    *out = newest;
    return FK_OK;
}

enum fk_status fk_stamps_ends(const char *dir, const char *name, int64_t *ends_ms_out,
                              struct fk_err *err) {
    struct fk_buf reply = FK_BUF_INIT;
    int64_t time_ms;
    enum fk_status st;
    FK_TRY(fk_stamps__get(dir, name, ".tsr", &reply, err));
    st = fk_stamp_peek(&reply, &time_ms, ends_ms_out, err);
done:
    fk_buf_free(&reply);
    return st;
}

/* ---- revocation lists that could not be had at once */

static enum fk_status crl_again(const struct fk_stamping *s, const char *name, struct fk_err *err) {
    struct fk_buf data = FK_BUF_INIT;
    struct fk_stamp_taken t = {FK_BUF_INIT, FK_BUF_INIT, FK_BUF_INIT, {.time_ms = 0}};
    int64_t ends_ms, time_ms;
    unsigned n;
    const bool renewed = fk_stamps__renewal_read(name, strlen(name), &n);
    enum fk_status st;
    FK_TRY(fk_stamps__get(s->dir, name, ".tsr", &t.reply, err));
    FK_TRY(fk_stamp_peek(&t.reply, &time_ms, &ends_ms, err));
    if (fk_now_ms() - time_ms > crl_tries_ms)
        goto done;
    FK_TRY(fk_stamps__get(s->dir, name, renewed ? ".sha512" : ".checkpoint", &data, err));
    FK_TRY(fk_stamps__get(s->dir, name, ".tsq", &t.request, err));
    struct fk_stamp_question q = {data.data, data.len, &t.request, &t.reply, s->roots, NULL};
    FK_TRY(fk_stamp_check(&q, &t.stamp, err));
    if (!t.stamp.crl_count)
        goto done;
    FK_TRY(fk_authority_crls(&t.stamp, &t.crls, err));
    q.crls = &t.crls;
    st = fk_stamp_check(&q, &t.stamp, err);
    if (st == FK_OK || st == FK_DENIED) { /* one that speaks against the stamp is kept as well */
        struct fk_err why = FK_ERR_INIT;
        if (fk_stamps__put(s->dir, name, ".crl", &t.crls, &why) != FK_OK)
            st = fk_fail(err, why.status, "%s", why.text);
    }
done:
    fk_buf_free(&data);
    fk_stamps__taken_free(&t);
    return st;
}

void fk_stamps_crls(const struct fk_stamping *s) {
    struct fk_stamps_files files;
    struct fk_err why = FK_ERR_INIT;
    if (!s->roots)
        return;
    if (fk_stamps__files(s->dir, &files, &why) != FK_OK) {
        s->notice(&why);
        return;
    }
    for (size_t i = 0; i < files.count; i++) {
        char name[FK_STAMP_NAME_MAX];
        const char *dot = strchr(files.at[i], '.');
        snprintf(name, sizeof name, "%.*s", (int)(dot - files.at[i]), files.at[i]);
        if (strcmp(dot, ".tsr") != 0 || fk_stamps__has(s->dir, name, ".crl") ||
            crl_again(s, name, &why) == FK_OK)
            continue;
        if (why.status == FK_DENIED) /* it is kept now, and speaks against the stamp */
            (void)fk_err_prefix(&why, "time/%s does not hold any more", name);
        else
            (void)fk_err_prefix(&why, "no revocation list for time/%s", name);
        s->notice(&why);
    }
    fk_stamps__files_free(&files);
}
