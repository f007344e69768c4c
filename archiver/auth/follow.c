/* follow.c - see follow.h */
#include "archiver/auth/follow.h"
#include "archiver/vault/envelope.h"
#include "archiver/vault/fields.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/io.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum {
    ITEMS = 32,
    SALT = 32,                /* docs/format-vault.md 2 */
    BODY_BYTES_MAX = 1 << 20, /* an entry is written before it is larger */
    SEQS_MAX = 1 << 24,
    STATE_BYTES_MAX = 1 << 20,
    STEP_MS = 200,
    RETRY_FACTOR = 4
};

struct item {
    uint64_t seq;
    bool is_used;
    unsigned tries; /* before this one */
    uint8_t salt[SALT];
    const char *report_unread;
    bool is_report;
    /* Of a report, until the message inside it is judged: what comes after that. */
    struct fk_judged judged;
    struct fk_checker_job wrapper;
    struct fk_checker_result message;
    bool has_message;
};
struct retry {
    uint64_t seq;
    unsigned tries; /* that were made */
    int64_t at_ms;
};
struct fk_follow {
    struct fk_follow_options options;
    struct fk_checker *checker;
    struct fk_buf lines; /* of the ledger, not yet taken */
    size_t lines_at;
    uint64_t next_seq;   /* to be taken */
    uint64_t saved_mark; /* in the file */
    int64_t saved_ms;    /* when it was written */
    struct fk_seqs done; /* after the mark, and yet in an entry: a crash came between */
    struct item items[ITEMS];
    struct fk_seqs seqs; /* of the entry that is being put together */
    struct fk_buf body;
    int64_t since_ms;
    struct retry retries[FK_FOLLOW_RETRIES_MAX];
    size_t retry_count;
    bool is_changed; /* what the file has to say besides the mark */
};

/* ---- the file */

static enum fk_status state_path(const char *dir, char out[PATH_MAX], struct fk_err *err) {
    return fk_join_path(out, PATH_MAX, dir, "run/auth", err);
}

/* All before it is checked, and in the ledger. */
static uint64_t mark_of(const struct fk_follow *f) {
    uint64_t mark = f->next_seq;
    for (size_t i = 0; i < ITEMS; i++)
        if (f->items[i].is_used && !f->items[i].tries && f->items[i].seq < mark)
            mark = f->items[i].seq;
    for (size_t i = 0; i < f->seqs.count; i++)
        if (f->seqs.at[i] < mark)
            mark = f->seqs.at[i]; /* a later try makes it no greater than it is */
    return mark;
}

static enum fk_status state_write(struct fk_follow *f, struct fk_err *err) {
    enum fk_status st;
    char path[PATH_MAX];
    struct fk_buf b = FK_BUF_INIT;
    const uint64_t mark = mark_of(f);
    fk_buf_printf(&b, "fumikura-auth/1 mark=%" PRIu64 "\n", mark);
    for (size_t i = 0; i < f->retry_count; i++)
        fk_buf_printf(&b, "retry: %" PRIu64 " %u %" PRId64 "\n", f->retries[i].seq,
                      f->retries[i].tries, f->retries[i].at_ms);
    for (size_t i = 0; i < ITEMS; i++) /* a crash is not to forget what is on its way again */
        if (f->items[i].is_used && f->items[i].tries)
            fk_buf_printf(&b, "retry: %" PRIu64 " %u 0\n", f->items[i].seq, f->items[i].tries);
    if (b.failed)
        st = fk_fail(err, FK_NOMEM, "no memory for what is to be checked again");
    else
        st = state_path(f->options.dir, path, err);
    if (st == FK_OK)
        st = fk_atomic_put(path, 0644, b.data, b.len, err);
    if (st == FK_OK) {
        f->saved_mark = mark;
        f->saved_ms = fk_monotonic_ms();
        f->is_changed = false;
    }
    fk_buf_free(&b);
    return st;
}

static bool retry_read(const struct fk_field *line, struct retry *r) {
    char text[80];
    snprintf(text, sizeof text, "%.*s", (int)line->value_len, line->value);
    return sscanf(text, "%" SCNu64 " %u %" SCNd64, &r->seq, &r->tries, &r->at_ms) == 3;
}

static enum fk_status state_text(const char *dir, struct fk_buf *b, uint64_t *mark,
                                 struct fk_err *err) {
    static const char head[] = "fumikura-auth/1 mark=";
    char path[PATH_MAX];
    enum fk_status st = state_path(dir, path, err);
    if (st == FK_OK)
        st = fk_read_file(path, STATE_BYTES_MAX, b, err);
    if (st == FK_OK && strncmp(fk_buf_cstr(b), head, sizeof head - 1) != 0)
        st = fk_fail(err, FK_NOT_FOUND, "%s is not of the form", path);
    if (st == FK_OK)
        *mark = strtoull((const char *)b->data + sizeof head - 1, NULL, 10);
    return st;
}

/* Each line "retry:" of the file; false after the last. */
static bool retry_next(struct fk_fields *it, struct retry *r) {
    for (struct fk_field line; fk_fields_next(it, &line);)
        if (retry_read(&line, r))
            return true;
    return false;
}

static struct fk_fields retries_begin(const struct fk_buf *text) {
    const uint8_t *lf = memchr(text->data, '\n', text->len);
    const size_t head = lf ? (size_t)(lf + 1 - text->data) : text->len;
    return fk_fields_begin(text->data + head, text->len - head);
}

static enum fk_status state_read(struct fk_follow *f, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    enum fk_status st = state_text(f->options.dir, &b, &f->next_seq, err);
    if (st == FK_OK) {
        struct fk_fields it = retries_begin(&b);
        f->saved_mark = f->next_seq;
        while (f->retry_count < FK_FOLLOW_RETRIES_MAX &&
               retry_next(&it, &f->retries[f->retry_count]))
            f->retry_count++;
    }
    fk_buf_free(&b);
    return st;
}

enum fk_status fk_follow_state(const char *dir, struct fk_follow_state *out, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    uint64_t mark;
    enum fk_status st = state_text(dir, &b, &mark, err);
    if (st == FK_OK) {
        struct fk_fields it = retries_begin(&b);
        *out = (struct fk_follow_state){.mark = mark};
        for (struct retry r; retry_next(&it, &r); out->again++)
            if (!out->again || r.at_ms < out->again_ms)
                out->again_ms = r.at_ms;
    }
    fk_buf_free(&b);
    return st;
}

/* ---- the ledger */

/* The next line; NULL at the ledger's head. */
static enum fk_status line_next(struct fk_follow *f, uint64_t from, const char **line, size_t *len,
                                struct fk_err *err) {
    *line = NULL;
    if (f->lines_at == f->lines.len) {
        fk_buf_reset(&f->lines);
        f->lines_at = 0;
        enum fk_status st = fk_lend_lines(f->options.lend, from, &f->lines, err);
        if (st != FK_OK)
            return st == FK_NOT_FOUND ? FK_OK : st;
    }
    const char *at = (const char *)f->lines.data + f->lines_at;
    const char *lf = memchr(at, '\n', f->lines.len - f->lines_at);
    if (!lf)
        return fk_fail(err, FK_CORRUPT, "the reading desk gave half a line of the ledger");
    *line = at;
    *len = (size_t)(lf + 1 - at);
    return FK_OK;
}

static void lines_drop(struct fk_follow *f) {
    f->lines_at = 0;
    fk_buf_reset(&f->lines);
}

static bool is_ours(const struct fk_entry *e) {
    char what[16];
    return fk_entry_is(e, "fact") && fk_entry_field(e, "what", what, sizeof what) &&
           strcmp(what, "auth") == 0;
}

static enum fk_status done_add(struct fk_follow *f, const struct fk_entry *e, struct fk_err *err) {
    struct fk_seqs of = {0};
    size_t len;
    const char *list = fk_entry_field_at(e, "of", &len);
    if (!list || !fk_seqs_parse(list, len, SEQS_MAX, &of))
        return fk_fail(err, FK_CORRUPT, "entry %" PRIu64 " does not say what it is about", e->seq);
    for (size_t i = 0; i < of.count; i++)
        fk_seqs_add(&f->done, of.at[i]);
    fk_seqs_free(&of);
    return f->done.failed ? fk_fail(err, FK_NOMEM, "no memory for what is checked") : FK_OK;
}

/* Reads on to the head: which messages have facts already. */
static enum fk_status facts_read(struct fk_follow *f, uint64_t from, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (;;) {
        const char *line;
        size_t len;
        struct fk_entry e;
        FK_TRY(line_next(f, from, &line, &len, err));
        if (!line)
            break;
        FK_TRY(fk_entry_read(line, len, &e, err));
        if (is_ours(&e))
            FK_TRY(done_add(f, &e, err));
        f->lines_at += len;
        from = e.seq + 1;
    }
    fk_seqs_sort(&f->done);
done:
    lines_drop(f);
    return st;
}

static enum fk_status begin(struct fk_follow *f, struct fk_err *err) {
    struct fk_head head;
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st;
    FK_TRY(fk_lend_head(f->options.lend, &head, err));
    st = state_read(f, &why);
    if (st == FK_OK && f->next_seq <= head.next_seq)
        return facts_read(f, f->next_seq, err);
    f->retry_count = 0;
    FK_TRY(facts_read(f, 0, err));
    f->next_seq = f->done.count ? f->done.at[f->done.count - 1] + 1 : head.next_seq;
    fk_seqs_free(&f->done);
    st = state_write(f, err);
done:
    return st;
}

/* ---- a message on its way */

static bool is_listed(char *const *list, const char *name) {
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

/* "192.0.2.1:25", "[2001:db8::1]:25" or either without a port: the address. */
static void address_cut(const char *text, char *out, size_t size) {
    const char *begin = *text == '[' ? text + 1 : text;
    const char *end = *text == '[' ? strchr(begin, ']') : strchr(begin, ':');
    if (!end || (*text != '[' && strchr(end + 1, ':')))
        end = begin + strlen(begin); /* an IPv6 address alone */
    snprintf(out, size, "%.*s", (int)(end - begin), begin);
}

static bool envelope_find(const struct fk_envelope *e, const char *name, char *out, size_t size) {
    struct fk_buf b = FK_BUF_INIT;
    const bool found = fk_fields_find(e->fields, e->fields_len, name, &b);
    snprintf(out, size, "%s", found ? fk_buf_cstr(&b) : "");
    fk_buf_free(&b);
    return found;
}

/* Whose address SPF is about: what a listed peer said of the client before it, else the peer of a
 * listener at which clients themselves come in. False where nobody knows. */
static bool client_find(const struct fk_follow *f, const struct fk_envelope *e, char *client,
                        char *helo, size_t size) {
    char text[256], name[256];
    (void)envelope_find(e, "helo", helo, size);
    if (envelope_find(e, "xforward-addr", text, sizeof text)) {
        (void)envelope_find(e, "xforward-helo", helo, size);
        snprintf(client, size, "%s", text);
        return *client;
    }
    if (envelope_find(e, "proxy-client", text, sizeof text)) {
        address_cut(text, client, size);
        return *client;
    }
    if (!(envelope_find(e, "listener-name", name, sizeof name) &&
          is_listed(f->options.clients, name)) &&
        !(envelope_find(e, "listener", name, sizeof name) && is_listed(f->options.clients, name)))
        return false;
    (void)envelope_find(e, "peer", text, sizeof text);
    address_cut(text, client, size);
    return *client;
}

/* When it was received; of an import the date that was derived then. */
static int64_t time_of(const struct fk_envelope *e, int64_t entry_ms) {
    char text[FK_TIME_SIZE + 8];
    int64_t ms;
    if (envelope_find(e, "date-derived", text, sizeof text) && fk_time_parse(text, &ms))
        return ms;
    return entry_ms;
}

static void known_put(const struct fk_follow *f, const struct fk_envelope *e, int64_t entry_ms,
                      struct fk_buf *known) {
    char client[256], helo[256], from[512];
    fk_buf_printf(known, "time: %" PRId64 "\n", time_of(e, entry_ms));
    if (!client_find(f, e, client, helo, sizeof client) ||
        !envelope_find(e, "mail-from", from, sizeof from))
        return;
    from[strcspn(from, " ")] = 0;
    fk_fields_add_str(known, "client", client);
    fk_fields_add_str(known, "helo", helo);
    fk_fields_add_str(known, "mail-from", from);
}

static struct item *item_free(struct fk_follow *f) {
    for (size_t i = 0; i < ITEMS; i++)
        if (!f->items[i].is_used)
            return &f->items[i];
    return NULL;
}

static void item_clear(struct item *i) {
    if (i->is_report) {
        fk_close(&i->wrapper.fd);
        fk_buf_wipe(&i->wrapper.known);
        fk_checker_result_free(&i->message);
    }
    OPENSSL_cleanse(i->salt, sizeof i->salt);
    *i = (struct item){.is_used = false};
}

/* Is it a journal report? Then the job becomes one on the message inside, and the item has the one
 * on the report itself, which comes after it. */
static enum fk_status report_open(const struct fk_follow *f, struct item *i,
                                  struct fk_checker_job *job, struct fk_err *err) {
    struct fk_inside in = {.fd = -1};
    if (!f->options.inside)
        return FK_OK;
    enum fk_status st =
        f->options.inside(f->options.inside_ctx, job->fd, job->offset, job->len, &in, err);
    i->report_unread = in.unread;
    if (st != FK_OK || !in.is_report)
        return st;
    i->is_report = true;
    i->judged = in.judged;
    i->wrapper = *job;
    *job = (struct fk_checker_job){
        .id = i->seq, .fd = in.fd, .offset = in.offset, .len = in.len, .known = FK_BUF_INIT};
    fk_evidence_known_inside(&i->wrapper.known, &job->known);
    return FK_OK;
}

/* What cannot be given out any more has been disposed of, or is damaged: that is the scrub's to
 * say. */
static enum fk_status mail_take(struct fk_follow *f, uint64_t seq, int64_t entry_ms, unsigned tries,
                                struct fk_err *err) {
    struct fk_content content = {.fd = -1};
    struct fk_envelope e;
    struct item *i = item_free(f);
    struct fk_checker_job job = {.id = seq, .fd = -1};
    enum fk_status st = fk_lend_content(f->options.lend, seq, 0, &content, err);
    if (st == FK_OK)
        st = fk_envelope_split(content.bytes, content.len, &e, err);
    if (st == FK_NOT_FOUND || st == FK_CORRUPT) {
        st = FK_OK;
        goto done;
    }
    FK_TRY(st);
    *i = (struct item){.seq = seq, .is_used = true, .tries = tries};
    memcpy(i->salt, content.salt, SALT);
    job.offset = SALT + (uint64_t)(e.message - content.bytes);
    job.len = e.message_len;
    known_put(f, &e, entry_ms, &job.known);
    job.fd = content.fd;
    content.fd = -1;
    st = report_open(f, i, &job, err);
    if (st == FK_OK) {
        st = fk_checker_submit(f->checker, &job, err);
    } else {
        fk_close(&job.fd);
        fk_buf_wipe(&job.known);
    }
    if (st != FK_OK)
        item_clear(i);
done:
    fk_content_free(&content);
    return st;
}

static enum fk_status take_what_fits(struct fk_follow *f, bool *at_head, struct fk_err *err) {
    enum fk_status st = FK_OK;
    *at_head = false;
    while (!*at_head && fk_checker_free(f->checker) && item_free(f)) {
        const char *line;
        size_t len;
        struct fk_entry e;
        FK_TRY(line_next(f, f->next_seq, &line, &len, err));
        *at_head = !line;
        if (!line)
            break;
        FK_TRY(fk_entry_read(line, len, &e, err));
        if (fk_entry_is(&e, "mail") && !fk_seqs_has(&f->done, e.seq))
            FK_TRY(mail_take(f, e.seq, e.time_ms, 0, err));
        f->lines_at += len;
        f->next_seq = e.seq + 1;
    }
done:
    return st;
}

/* ---- once more */

static void retry_put(struct fk_follow *f, uint64_t seq, unsigned tries) {
    int64_t delay_ms = f->options.retry_ms;
    for (unsigned i = 1; i < tries; i++)
        delay_ms *= RETRY_FACTOR;
    if (tries >= FK_FOLLOW_TRIES || f->retry_count == FK_FOLLOW_RETRIES_MAX)
        return;
    f->retries[f->retry_count++] = (struct retry){seq, tries, fk_now_ms() + delay_ms};
    f->is_changed = true;
}

static enum fk_status entry_time(struct fk_follow *f, uint64_t seq, int64_t *ms,
                                 struct fk_err *err) {
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_entry e;
    enum fk_status st = fk_lend_lines(f->options.lend, seq, &lines, err);
    const uint8_t *lf = st == FK_OK ? memchr(lines.data, '\n', lines.len) : NULL;
    if (st == FK_OK)
        st = fk_entry_read(lines.data, lf ? (size_t)(lf + 1 - lines.data) : lines.len, &e, err);
    if (st == FK_OK)
        *ms = e.time_ms;
    fk_buf_free(&lines);
    return st;
}

static enum fk_status retries_take(struct fk_follow *f, struct fk_err *err) {
    enum fk_status st = FK_OK;
    const int64_t now = fk_now_ms();
    for (size_t i = 0; i < f->retry_count && fk_checker_free(f->checker) && item_free(f);) {
        const struct retry r = f->retries[i];
        int64_t entry_ms;
        if (r.at_ms > now) {
            i++;
            continue;
        }
        FK_TRY(entry_time(f, r.seq, &entry_ms, err));
        FK_TRY(mail_take(f, r.seq, entry_ms, r.tries, err));
        f->retries[i] = f->retries[--f->retry_count];
        f->is_changed = true;
    }
done:
    return st;
}

/* ---- into the ledger */

static enum fk_status body_begin(struct fk_follow *f) {
    fk_fields_add_str(&f->body, "checker", "fumikura-authcheck " FK_VERSION);
    fk_fields_add_str(&f->body, "resolver", f->options.resolver);
    f->since_ms = fk_monotonic_ms();
    return FK_OK;
}

static enum fk_status flush(struct fk_follow *f, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf fields = FK_BUF_INIT;
    struct fk_receipt receipt;
    if (f->seqs.count) {
        fk_seqs_sort(&f->seqs);
        fk_buf_str(&fields, "what=auth of=");
        fk_seqs_format(&f->seqs, &fields);
        if (fields.failed || f->body.failed || f->seqs.failed)
            FK_TRY(fk_fail(err, FK_NOMEM, "no memory for evidence"));
        const struct fk_record record = {"fact", fk_buf_cstr(&fields), &f->body};
        FK_TRY(fk_keep_append(f->options.keep, &record, &receipt, err));
        fk_seqs_free(&f->seqs);
        fk_buf_wipe(&f->body);
    }
    st = state_write(f, err);
done:
    fk_buf_free(&fields);
    return st;
}

static bool is_full(const struct fk_follow *f) {
    return f->seqs.count >= FK_FOLLOW_BATCH || f->body.len >= BODY_BYTES_MAX;
}

static struct item *item_of(struct fk_follow *f, uint64_t seq) {
    for (size_t i = 0; i < ITEMS; i++)
        if (f->items[i].is_used && f->items[i].seq == seq)
            return &f->items[i];
    return NULL;
}

/* The message inside a report is judged: now the report, with the answers of DNS that are there. */
static enum fk_status wrapper_submit(struct fk_follow *f, struct item *i,
                                     struct fk_checker_result *r, struct fk_err *err) {
    struct fk_checker_job job = i->wrapper;
    i->wrapper = (struct fk_checker_job){.fd = -1};
    fk_evidence_answers(&r->known, &job.known);
    i->message = *r;
    i->has_message = true;
    *r = (struct fk_checker_result){.id = r->id};
    return fk_checker_submit(f->checker, &job, err);
}

static enum fk_status evidence_put(struct fk_follow *f, struct item *i,
                                   const struct fk_checker_result *r, struct fk_err *err) {
    struct fk_buf part = FK_BUF_INIT;
    const struct fk_found found = {.message = i->is_report ? &i->message : r,
                                   .judged = i->is_report ? &i->judged : NULL,
                                   .wrapper = i->is_report ? r : NULL,
                                   .report_unread = i->report_unread,
                                   .checked_ms = fk_now_ms()};
    fk_evidence_write(&found, &part);
    const bool pending = fk_evidence_is_pending(part.data, part.len);
    enum fk_status st = FK_OK;
    /* A later try that was not answered either says nothing new. */
    if (!i->tries || !pending) {
        if (!f->seqs.count)
            st = body_begin(f);
        if (st == FK_OK)
            st = fk_evidence_add(&f->body, i->seq, i->salt, &part, err);
        if (st == FK_OK)
            fk_seqs_add(&f->seqs, i->seq);
    }
    if (st == FK_OK && pending)
        retry_put(f, i->seq, i->tries + 1);
    fk_buf_wipe(&part);
    return st;
}

static enum fk_status result_take(struct fk_follow *f, struct fk_checker_result *r,
                                  struct fk_err *err) {
    struct item *i = item_of(f, r->id);
    if (!i)
        return fk_fail(err, FK_IO, "the checker answered what was not asked");
    if (i->is_report && !i->has_message)
        return wrapper_submit(f, i, r, err);
    enum fk_status st = evidence_put(f, i, r, err);
    item_clear(i);
    return st;
}

/* ---- the run */

static void follow_free(struct fk_follow **fp) {
    struct fk_follow *f = *fp;
    if (!f)
        return;
    fk_checker_close(&f->checker);
    for (size_t i = 0; i < ITEMS; i++)
        if (f->items[i].is_used)
            item_clear(&f->items[i]);
    fk_seqs_free(&f->seqs);
    fk_seqs_free(&f->done);
    fk_buf_wipe(&f->body);
    fk_buf_free(&f->lines);
    free(f);
    *fp = NULL;
}

enum fk_status fk_follow_open(const struct fk_follow_options *options, struct fk_follow **out,
                              struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_follow *f = calloc(1, sizeof *f);
    if (!f)
        return fk_fail(err, FK_NOMEM, "no memory to check messages");
    f->options = *options;
    FK_TRY(fk_checker_open(&options->checker, &f->checker, err));
    FK_TRY(begin(f, err));
    *out = f;
    f = NULL;
done:
    follow_free(&f);
    return st;
}

enum fk_status fk_follow_step(struct fk_follow *f, bool *idle, struct fk_err *err) {
    enum fk_status st;
    bool at_head;
    struct fk_checker_result r;
    FK_TRY(retries_take(f, err));
    FK_TRY(take_what_fits(f, &at_head, err));
    if (fk_checker_busy(f->checker)) {
        st = fk_checker_wait(f->checker, STEP_MS, &r, err);
        while (st == FK_OK) {
            st = result_take(f, &r, err);
            fk_checker_result_free(&r);
            if (st == FK_OK)
                st = is_full(f) ? FK_RETRY : fk_checker_wait(f->checker, 0, &r, err);
        }
        if (st != FK_RETRY)
            goto done;
        st = FK_OK;
    }
    /* Entries that are no messages have passed: the file is to say so too, now and then. */
    const bool moved = at_head && !fk_checker_busy(f->checker) && mark_of(f) != f->saved_mark &&
                       fk_monotonic_ms() - f->saved_ms >= f->options.batch_ms;
    const bool old = f->seqs.count && fk_monotonic_ms() - f->since_ms >= f->options.batch_ms;
    if (is_full(f) || old || ((f->is_changed || moved) && !f->seqs.count))
        FK_TRY(flush(f, err));
    *idle = at_head && !fk_checker_busy(f->checker);
done:
    return st;
}

unsigned fk_follow_unanswered(const struct fk_follow *f) {
    return fk_checker_unanswered(f->checker);
}

void fk_follow_again(struct fk_follow *f) {
    lines_drop(f);
}

enum fk_status fk_follow_close(struct fk_follow **fp, struct fk_err *err) {
    struct fk_follow *f = *fp;
    enum fk_status st = FK_OK;
    if (!f)
        return FK_OK;
    if (f->seqs.count || f->is_changed)
        st = flush(f, err);
    follow_free(fp);
    return st;
}
