/* stamps.c - asks, checks, writes down, then anchors. */
#include "archiver/vault/stamps.h"
#include "archiver/vault/authority.h"
#include "archiver/vault/logbook.h"
#include "archiver/vault/stamp.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NAME_BYTES = 12 + 1 + 16, FILE_MAX = 1 << 20 };

static void name_make(char out[48], uint64_t size, int64_t time_ms) {
    const time_t at = (time_t)(time_ms / 1000);
    struct tm t;
    char when[24];
    gmtime_r(&at, &t);
    (void)strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &t); /* fits until the year 99999 */
    snprintf(out, 48, "%012" PRIu64 "-%s", size, when);
}

/* The time in a name; false where it is none of ours. */
static bool name_time(const char *name, int64_t *ms_out) {
    struct tm t = {0};
    if (strlen(name) < NAME_BYTES || strspn(name, "0123456789") != 12 || name[12] != '-')
        return false;
    const char *end = strptime(name + 13, "%Y%m%dT%H%M%SZ", &t);
    if (!end || end != name + NAME_BYTES)
        return false;
    *ms_out = (int64_t)timegm(&t) * 1000;
    return true;
}

static enum fk_status path_make(char out[PATH_MAX], const char *dir, const char *name,
                                const char *suffix, struct fk_err *err) {
    char file[96];
    snprintf(file, sizeof file, "time/%s%s", name, suffix);
    return fk_join_path(out, PATH_MAX, dir, file, err);
}

static enum fk_status file_put(const char *dir, const char *name, const char *suffix,
                               const struct fk_buf *b, struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st = path_make(path, dir, name, suffix, err);
    return st == FK_OK ? fk_atomic_put(path, 0644, b->data, b->len, err) : st;
}

static enum fk_status file_get(const char *dir, const char *name, const char *suffix,
                               struct fk_buf *b, struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st = path_make(path, dir, name, suffix, err);
    if (st == FK_OK)
        st = fk_read_file(path, FILE_MAX, b, err);
    return st == FK_NOT_FOUND ? fk_fail(err, FK_CORRUPT, "%s: the file is missing", path) : st;
}

static enum fk_status anchor_append(struct fk_keep *keep, const struct fk_buf *reply,
                                    struct fk_stamp_made *made, struct fk_err *err) {
    char fields[256], stamped[FK_TIME_SIZE], hex[2 * FK_SHA256_BYTES + 1];
    uint8_t digest[FK_SHA256_BYTES];
    struct fk_receipt receipt;
    fk_sha256(reply->data, reply->len, digest);
    fk_hex(hex, digest, sizeof digest);
    fk_time_format(stamped, made->time_ms);
    snprintf(fields, sizeof fields, "stamp=%s size=%" PRIu64 " stamped=%s reply=%s", made->name,
             made->size, stamped, hex);
    struct fk_record record = {.kind = "anchor", .fields = fields};
    enum fk_status st = fk_keep_append(keep, &record, &receipt, err);
    if (st == FK_OK)
        made->anchor = receipt.seq;
    return st;
}

enum fk_status fk_stamps_make(const char *dir, struct fk_keep *keep, const char *url,
                              const char *roots, struct fk_stamp_made *out, struct fk_err *err) {
    struct fk_buf note = FK_BUF_INIT, request = FK_BUF_INIT, reply = FK_BUF_INIT;
    struct fk_checkpoint c;
    struct fk_stamp_made made;
    enum fk_status st;
    FK_TRY(fk_logbook_newest(dir, NULL, &c, &note, err));
    FK_TRY(fk_stamp_request(note.data, note.len, &request, err));
    FK_TRY(fk_authority_ask(url, &request, &reply, err));
    const struct fk_stamp_question q = {note.data, note.len, &request, &reply, roots};
    st = fk_stamp_check(&q, &made.time_ms, err);
    if (st != FK_OK)
        FK_TRY(fk_err_prefix(err, "%s", url));
    made.size = c.size;
    name_make(made.name, made.size, made.time_ms);
    FK_TRY(file_put(dir, made.name, ".checkpoint", &note, err));
    FK_TRY(file_put(dir, made.name, ".tsq", &request, err));
    FK_TRY(file_put(dir, made.name, ".tsr", &reply, err));
    FK_TRY(anchor_append(keep, &reply, &made, err));
    *out = made;
done:
    fk_buf_free(&note);
    fk_buf_free(&request);
    fk_buf_free(&reply);
    return st;
}

enum fk_status fk_stamps_newest(const char *dir, int64_t *time_ms_out, struct fk_err *err) {
    char path[PATH_MAX];
    int64_t newest = 0, ms;
    enum fk_status st = fk_join_path(path, sizeof path, dir, "time", err);
    if (st != FK_OK)
        return st;
    DIR *d = opendir(path);
    if (!d && errno != ENOENT)
        return fk_fail_sys(err, errno, "%s: cannot read the directory", path);
    for (struct dirent *e; d && (e = readdir(d));)
        if (name_time(e->d_name, &ms) && strcmp(e->d_name + NAME_BYTES, ".tsr") == 0 && ms > newest)
            newest = ms;
    if (d)
        closedir(d);
    *time_ms_out = newest;
    return FK_OK;
}

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
    if (st != FK_OK || strcmp(v.name, c.origin) != 0)
        return st; /* of a log that was begun anew since: its key is not the one at hand */
    st = fk_checkpoint_open(note->data, note->len, &v, &c, err);
    return st == FK_NOT_FOUND
               ? fk_fail(err, FK_CORRUPT, "the checkpoint is not signed by %s", v.name)
               : st;
}

enum fk_status fk_stamps_check(const char *dir, const struct fk_entry *anchor, const char *roots,
                               struct fk_err *err) {
    struct fk_buf note = FK_BUF_INIT, request = FK_BUF_INIT, reply = FK_BUF_INIT;
    char name[48], stamped[FK_TIME_SIZE], said[FK_TIME_SIZE], want[2 * FK_SHA256_BYTES + 1],
        hex[2 * FK_SHA256_BYTES + 1];
    uint8_t digest[FK_SHA256_BYTES];
    uint64_t size;
    int64_t ms;
    enum fk_status st = FK_OK;
    if (!fk_entry_field(anchor, "stamp", name, sizeof name) || !name_time(name, &ms) ||
        strlen(name) != NAME_BYTES || !fk_entry_number(anchor, "size", &size) ||
        !fk_entry_field(anchor, "stamped", stamped, sizeof stamped) ||
        !fk_entry_field(anchor, "reply", want, sizeof want))
        FK_TRY(fk_fail(err, FK_CORRUPT, "the anchor entry is not of the form"));
    FK_TRY(file_get(dir, name, ".checkpoint", &note, err));
    FK_TRY(file_get(dir, name, ".tsq", &request, err));
    FK_TRY(file_get(dir, name, ".tsr", &reply, err));
    fk_sha256(reply.data, reply.len, digest);
    fk_hex(hex, digest, sizeof digest);
    if (strcmp(hex, want) != 0)
        FK_TRY(fk_fail(err, FK_CORRUPT, "time/%s.tsr is not the reply that the anchor has", name));
    st = note_check(dir, &note, size, err);
    if (st != FK_OK)
        FK_TRY(fk_err_prefix(err, "time/%s.checkpoint", name));
    const struct fk_stamp_question q = {note.data, note.len, &request, &reply, roots};
    st = fk_stamp_check(&q, &ms, err);
    if (st != FK_OK)
        FK_TRY(fk_err_prefix(err, "time/%s.tsr", name));
    fk_time_format(said, ms);
    if (strcmp(said, stamped) != 0)
        st = fk_fail(err, FK_CORRUPT, "time/%s.tsr says %s, the anchor %s", name, said, stamped);
done:
    fk_buf_free(&note);
    fk_buf_free(&request);
    fk_buf_free(&reply);
    return st;
}
