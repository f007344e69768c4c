/* maillog_file.c - see maillog_file.h; the journal's records are put together from their fields. */
#include "archiver/intake/maillog_file.h"
#include "archiver/intake/logfile.h"
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct fk_maillog_when when;
    struct fk_maillog_sum sum;
    fk_maillog_fn fn;
    void *ctx;
    /* of a record of the journal */
    int64_t time_ms;
    struct fk_buf host, tag, message;
};

static enum fk_status result_take(struct reading *r, enum fk_maillog_result result,
                                  const struct fk_maillog_line *l, struct fk_err *err) {
    if (result == FK_MAILLOG_BAD && r->sum.bad++ == 0)
        r->sum.first_bad = r->sum.lines;
    if (result != FK_MAILLOG_TAKEN)
        return FK_OK;
    r->sum.taken++;
    return r->fn(r->ctx, l, err);
}

/* ---- the journal: NAME=VALUE lines, an empty one ends a record */

static bool field_is(const char *line, size_t len, const char *name, struct fk_buf *out) {
    size_t n = strlen(name);
    if (len < n || memcmp(line, name, n) != 0)
        return false;
    fk_buf_reset(out);
    fk_buf_add(out, line + n, len - n);
    return true;
}

static struct fk_words words(struct fk_buf *b) {
    return (struct fk_words){fk_buf_cstr(b), b->len};
}

static enum fk_status record_end(struct reading *r, struct fk_err *err) {
    struct fk_maillog_line l;
    enum fk_status st = FK_OK;
    if (r->host.failed || r->tag.failed || r->message.failed)
        return fk_fail(err, FK_NOMEM, "no memory for a record of the journal");
    if (r->time_ms && r->tag.len && r->message.len)
        st = result_take(r,
                         fk_maillog_read_parts(r->time_ms, words(&r->host), words(&r->tag),
                                               words(&r->message), &l),
                         &l, err);
    r->time_ms = 0;
    fk_buf_reset(&r->host);
    fk_buf_reset(&r->tag);
    fk_buf_reset(&r->message);
    return st;
}

static enum fk_status journal_line(struct reading *r, const char *line, size_t len,
                                   struct fk_err *err) {
    static const char stamp[] = "__REALTIME_TIMESTAMP=";
    char number[24] = "";
    if (len == 0)
        return record_end(r, err);
    if (len > sizeof stamp - 1 && memcmp(line, stamp, sizeof stamp - 1) == 0) {
        len -= sizeof stamp - 1;
        memcpy(number, line + sizeof stamp - 1, len < sizeof number ? len : sizeof number - 1);
        r->time_ms = (int64_t)(strtoull(number, NULL, 10) / 1000); /* microseconds */
    } else if (!field_is(line, len, "_HOSTNAME=", &r->host) &&
               !field_is(line, len, "SYSLOG_IDENTIFIER=", &r->tag)) {
        (void)field_is(line, len, "MESSAGE=", &r->message);
    }
    return FK_OK;
}

/* ---- files */

static enum fk_status syslog_line(struct reading *r, const char *line, size_t len,
                                  struct fk_err *err) {
    struct fk_maillog_line l;
    return result_take(r, fk_maillog_read(line, len, &r->when, &l), &l, err);
}

enum fk_status fk_maillog_file(const char *path, int zone_minutes, fk_maillog_fn fn, void *ctx,
                               struct fk_maillog_sum *out, struct fk_err *err) {
    struct reading r = {.fn = fn, .ctx = ctx};
    struct fk_logfile *f = NULL;
    const char *line;
    size_t len;
    bool journal = false;
    enum fk_status st;
    FK_TRY(fk_logfile_open(path, &f, err));
    r.when = (struct fk_maillog_when){fk_logfile_changed_ms(f), zone_minutes};
    while ((st = fk_logfile_next(f, &line, &len, err)) == FK_OK) {
        if (r.sum.lines++ == 0)
            journal = len > 9 && memcmp(line, "__CURSOR=", 9) == 0;
        FK_TRY(journal ? journal_line(&r, line, len, err) : syslog_line(&r, line, len, err));
    }
    if (st != FK_NOT_FOUND)
        goto done;
    st = journal ? record_end(&r, err) : FK_OK;
    fk_logfile_digest(f, r.sum.digest);
    *out = r.sum;
done:
    fk_logfile_close(&f);
    fk_buf_free(&r.host);
    fk_buf_free(&r.tag);
    fk_buf_free(&r.message);
    return st;
}
