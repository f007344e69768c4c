/* stamps_check.c - one anchor entry held against what is in DIR/time. */
#include "archiver/vault/logbook.h"
#include "archiver/vault/stamps_priv.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct files {
    struct fk_buf data, request, reply, crls;
};

static enum fk_status note_check(const char *dir, const struct fk_buf *note, uint64_t size,
                                 struct fk_err *err) {
    struct fk_checkpoint c;
    struct fk_verifier v;
    enum fk_status st = fk_checkpoint_read(note->data, note->len, &c, err);
    if (st != FK_OK)
        return st;
    if (c.size != size)
        return fk_fail(err, FK_CORRUPT, "the checkpoint is over %" PRIu64 " entries, not %" PRIu64,
                       c.size, size);
    st = fk_logbook_verifier(dir, &v, err);
    if (st == FK_NOT_FOUND) /* a vault just restored, a set without a checkpoint */
        return FK_OK;
    if (st != FK_OK || strcmp(v.name, c.origin) != 0)
        return st; /* of a log that was begun anew since: its key is not the one at hand */
    st = fk_checkpoint_open(note->data, note->len, &v, &c, err);
    return st == FK_NOT_FOUND
               ? fk_fail(err, FK_CORRUPT, "the checkpoint is not signed by %s", v.name)
               : st;
}

static enum fk_status get(const char *dir, const char *name, const char *suffix, struct fk_buf *b,
                          struct fk_err *err) {
    enum fk_status st = fk_stamps__get(dir, name, suffix, b, err);
    if (st == FK_NOT_FOUND && err)
        err->status = FK_CORRUPT;
    return st == FK_NOT_FOUND ? FK_CORRUPT : st;
}

/* The anchor's digest of a file. */
static enum fk_status bound_check(const struct fk_entry *anchor, const char *field,
                                  const struct fk_buf *b, const char *name, const char *suffix,
                                  struct fk_err *err) {
    char want[2 * FK_SHA256_BYTES + 1], hex[2 * FK_SHA256_BYTES + 1];
    uint8_t digest[FK_SHA256_BYTES];
    if (!fk_entry_field(anchor, field, want, sizeof want))
        return fk_fail(err, FK_CORRUPT, "the anchor entry is not of the form");
    fk_sha256(b->data, b->len, digest);
    fk_hex(hex, digest, sizeof digest);
    if (strcmp(hex, want) == 0)
        return FK_OK;
    return fk_fail(err, FK_CORRUPT, "time/%s%s is not the %s that the anchor has", name, suffix,
                   strcmp(field, "crl") == 0 ? "revocation list" : "reply");
}

/* A list that came after the anchor is signed, and in the next renewal. */
static enum fk_status crls_get(const char *dir, const struct fk_entry *anchor, struct files *f,
                               struct fk_stamp_seen *seen, struct fk_err *err) {
    size_t len;
    if (fk_entry_field_at(anchor, "crl", &len)) {
        enum fk_status st = get(dir, seen->name, ".crl", &f->crls, err);
        seen->has_crl = st == FK_OK;
        return st == FK_OK ? bound_check(anchor, "crl", &f->crls, seen->name, ".crl", err) : st;
    }
    enum fk_status st = fk_stamps__get(dir, seen->name, ".crl", &f->crls, err);
    seen->has_crl = st == FK_OK;
    return st == FK_NOT_FOUND ? FK_OK : st;
}

static enum fk_status token_check(const struct fk_entry *anchor, const char *roots, struct files *f,
                                  struct fk_stamp_seen *seen, struct fk_err *err) {
    char stamped[FK_TIME_SIZE] = "", said[FK_TIME_SIZE];
    struct fk_stamp stamp;
    const struct fk_stamp_question q = {f->data.data, f->data.len, &f->request,
                                        &f->reply,    roots,       seen->has_crl ? &f->crls : NULL};
    struct fk_stamp_question alone = q; /* so that a bad list does not hide who signed */
    alone.crls = NULL;
    enum fk_status st = fk_stamp_check(&alone, &stamp, err);
    if (st == FK_OK) {
        snprintf(seen->signer, sizeof seen->signer, "%s", stamp.signer);
        seen->ends_ms = stamp.ends_ms;
        seen->time_ms = stamp.time_ms;
        st = fk_stamp_check(&q, &stamp, err);
    }
    if (st == FK_DENIED) {
        if (err)
            err->status = FK_CORRUPT;
        st = FK_CORRUPT;
    }
    if (st != FK_OK) {
        (void)fk_err_prefix(err, "time/%s.tsr", seen->name);
        return st;
    }
    fk_time_format(said, stamp.time_ms);
    (void)fk_entry_field(anchor, "stamped", stamped, sizeof stamped);
    if (strcmp(said, stamped) != 0)
        return fk_fail(err, FK_CORRUPT, "time/%s.tsr says %s, the anchor %s", seen->name, said,
                       stamped);
    return FK_OK;
}

static bool anchor_read(const struct fk_entry *anchor, struct fk_stamp_seen *seen) {
    char id[FK_STAMP_ID + 1], stamped[FK_TIME_SIZE];
    uint64_t size;
    unsigned n;
    int64_t ms;
    if (!fk_entry_field(anchor, "stamp", seen->name, sizeof seen->name) ||
        !fk_entry_number(anchor, "size", &seen->size) ||
        !fk_entry_field(anchor, "stamped", stamped, sizeof stamped) ||
        !fk_time_parse(stamped, &seen->time_ms))
        return false;
    seen->is_renewal = fk_stamps__renewal_read(seen->name, strlen(seen->name), &n);
    return seen->is_renewal || fk_stamps__name_read(seen->name, strlen(seen->name), &size, &ms, id);
}

enum fk_status fk_stamps_check(const struct fk_stamps_place *place, const struct fk_entry *anchor,
                               struct fk_stamp_seen *out, struct fk_err *err) {
    const char *dir = place->dir;
    struct files f = {FK_BUF_INIT, FK_BUF_INIT, FK_BUF_INIT, FK_BUF_INIT};
    enum fk_status st = FK_OK;
    *out = (struct fk_stamp_seen){.anchor = anchor->seq};
    if (!anchor_read(anchor, out)) {
        out->name[0] = 0;
        FK_TRY(fk_fail(err, FK_CORRUPT, "the anchor entry is not of the form"));
    }
    FK_TRY(get(dir, out->name, out->is_renewal ? ".sha512" : ".checkpoint", &f.data, err));
    FK_TRY(get(dir, out->name, ".tsq", &f.request, err));
    FK_TRY(get(dir, out->name, ".tsr", &f.reply, err));
    FK_TRY(bound_check(anchor, "reply", &f.reply, out->name, ".tsr", err));
    if (!out->is_renewal) {
        st = note_check(dir, &f.data, out->size, err);
        if (st != FK_OK)
            FK_TRY(fk_err_prefix(err, "time/%s.checkpoint", out->name));
    }
    FK_TRY(crls_get(dir, anchor, &f, out, err));
    FK_TRY(token_check(anchor, place->roots, &f, out, err));
    if (out->is_renewal)
        st = fk_renewal__check(dir, out->name, &f.data, !place->is_set, &out->list, err);
done:
    fk_buf_free(&f.data);
    fk_buf_free(&f.request);
    fk_buf_free(&f.reply);
    fk_buf_free(&f.crls);
    return st;
}
