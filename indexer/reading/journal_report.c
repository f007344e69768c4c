/* journal_report.c - see journal_report.h. Lines are unfolded first, then each is taken by its
 * label. */
#include "indexer/reading/journal_report.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static struct fk_span trimmed(const char *at, const char *end) {
    while (at < end && is_blank(*at))
        at++;
    while (end > at && is_blank(end[-1]))
        end--;
    return (struct fk_span){at, (size_t)(end - at)};
}

static bool span_is(struct fk_span s, const char *word) {
    return s.len == strlen(word) && strncasecmp(s.at, word, s.len) == 0;
}

/* A line that begins with a blank goes on from the line before; NULs are none of a text's. */
static void unfold(const char *text, size_t len, struct fk_buf *out) {
    const char *end = text + len;
    for (const char *at = text, *lf; at < end; at = lf < end ? lf + 1 : end) {
        lf = memchr(at, '\n', (size_t)(end - at));
        lf = lf ? lf : end;
        const struct fk_span line = trimmed(at, lf);
        const bool goes_on = (*at == ' ' || *at == '\t') && line.len > 0 && out->len > 0;
        if (goes_on) {
            out->len--; /* the LF */
            fk_buf_byte(out, ' ');
        }
        fk_buf_add(out, line.at, line.len);
        fk_buf_byte(out, '\n');
    }
    for (size_t i = 0; i < out->len; i++)
        if (out->data[i] == 0)
            out->data[i] = ' ';
}

/* ---- addresses */

/* "SMTP:a@b" is a@b; addresses of other kinds (X400:, EX:) keep the kind. */
static struct fk_span without_type(struct fk_span address) {
    if (address.len >= 5 && strncasecmp(address.at, "smtp:", 5) == 0)
        return trimmed(address.at + 5, address.at + address.len);
    return address;
}

static struct fk_span without_quotes(struct fk_span s) {
    if (s.len >= 2 && s.at[0] == '"' && s.at[s.len - 1] == '"')
        return trimmed(s.at + 1, s.at + s.len - 1);
    return s;
}

/* a@b, <a@b>, "Name" <smtp:a@b>, <>: the last pair of angles counts, what is before it is a name.
 */
static void address_read(struct fk_span value, struct fk_span *address, struct fk_span *name) {
    const char *open = value.len ? memrchr(value.at, '<', value.len) : NULL;
    const char *end = value.at + value.len;
    const char *close = open ? memchr(open, '>', (size_t)(end - open)) : NULL;
    *name = (struct fk_span){NULL, 0};
    if (!close) {
        *address = without_type(value);
        return;
    }
    *address = without_type(trimmed(open + 1, close));
    const struct fk_span before = without_quotes(trimmed(value.at, open));
    if (before.len)
        *name = before;
}

/* ", Expanded: list@x" behind an address: where it begins, and what it says. */
static const char *via_find(struct fk_span value, enum fk_journal_via *via,
                            struct fk_span *original) {
    static const struct {
        const char *word;
        enum fk_journal_via via;
    } words[] = {{"expanded", FK_JOURNAL_EXPANDED}, {"forwarded", FK_JOURNAL_FORWARDED}};
    const char *end = value.at + value.len;
    bool quoted = false;
    for (const char *at = value.at; at < end; at++) {
        quoted ^= *at == '"';
        if (quoted || *at != ',')
            continue;
        const struct fk_span rest = trimmed(at + 1, end);
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            const size_t n = strlen(words[i].word);
            if (rest.len <= n || strncasecmp(rest.at, words[i].word, n) != 0)
                continue;
            const struct fk_span colon = trimmed(rest.at + n, end);
            if (colon.len == 0 || *colon.at != ':')
                continue;
            *via = words[i].via;
            *original = trimmed(colon.at + 1, end);
            return at;
        }
    }
    return end;
}

/* ---- what is found */

static enum fk_status out_of_memory(struct fk_err *err) {
    return fk_fail(err, FK_NOMEM, "a journal report: out of memory");
}

static bool grow(void **array, size_t *cap, size_t item) {
    const size_t more = *cap ? 2 * *cap : 16;
    void *p = realloc(*array, more * item);
    if (!p)
        return false;
    *array = p;
    *cap = more;
    return true;
}

static enum fk_status recipient_add(struct fk_journal_report *r,
                                    const struct fk_journal_recipient *one, struct fk_err *err) {
    void *array = r->recipients;
    if (r->recipient_count == FK_JOURNAL_RECIPIENTS_MAX)
        return r->left_out++, FK_OK;
    if (r->recipient_count == r->recipient_cap &&
        !grow(&array, &r->recipient_cap, sizeof *r->recipients))
        return out_of_memory(err);
    r->recipients = array;
    r->recipients[r->recipient_count++] = *one;
    return FK_OK;
}

static enum fk_status other_add(struct fk_journal_report *r, struct fk_span line,
                                struct fk_err *err) {
    void *array = r->others;
    if (r->other_count == FK_JOURNAL_RECIPIENTS_MAX)
        return r->left_out++, FK_OK;
    if (r->other_count == r->other_cap && !grow(&array, &r->other_cap, sizeof *r->others))
        return out_of_memory(err);
    r->others = array;
    r->others[r->other_count++] = line;
    return FK_OK;
}

static enum fk_status recipient_take(struct fk_journal_report *r, enum fk_journal_role role,
                                     struct fk_span line, struct fk_span value,
                                     struct fk_err *err) {
    struct fk_journal_recipient one = {.role = role};
    struct fk_span unused;
    if (value.len == 0)
        return other_add(r, line, err);
    const char *end = via_find(value, &one.via, &one.original);
    address_read(trimmed(value.at, end), &one.address, &one.name);
    if (one.via != FK_JOURNAL_DIRECT)
        address_read(one.original, &one.original, &unused);
    return recipient_add(r, &one, err);
}

/* Exchange 2003: mailboxes one after another, with commas, semicolons or line ends between. */
static enum fk_status list_take(struct fk_journal_report *r, struct fk_span list,
                                struct fk_err *err) {
    const char *end = list.at + list.len;
    enum fk_status st = FK_OK;
    for (const char *at = list.at; at < end && st == FK_OK;) {
        const char *stop = at;
        bool quoted = false, angle = false;
        for (; stop < end && (quoted || angle || !strchr(",;", *stop)); stop++) {
            quoted ^= *stop == '"';
            angle = (angle || *stop == '<') && *stop != '>';
        }
        const struct fk_span one = trimmed(at, stop);
        if (one.len)
            st = recipient_take(r, FK_JOURNAL_RECIPIENT, one, one, err);
        at = stop < end ? stop + 1 : end;
    }
    return st;
}

/* A field that stands once; what comes again says something else, and is kept as it is. */
static enum fk_status field_take(struct fk_journal_report *r, struct fk_span *field,
                                 struct fk_span line, struct fk_span value, struct fk_err *err) {
    if (field->at)
        return other_add(r, line, err);
    *field = value;
    return FK_OK;
}

static enum fk_status path_take(struct fk_journal_report *r, struct fk_span *field,
                                struct fk_span line, struct fk_span value, struct fk_err *err) {
    struct fk_span address, name;
    address_read(value, &address, &name);
    return field_take(r, field, line, address, err);
}

/* "<a@b>" and "a@b" are one id. */
static struct fk_span without_angles(struct fk_span s) {
    if (s.len >= 2 && s.at[0] == '<' && s.at[s.len - 1] == '>')
        return (struct fk_span){s.at + 1, s.len - 2};
    return s;
}

static enum fk_status line_take(struct fk_journal_report *r, struct fk_span line, bool *in_list,
                                struct fk_err *err) {
    const char *colon = line.len ? memchr(line.at, ':', line.len) : NULL;
    if (line.len == 0)
        return FK_OK;
    const struct fk_span label = trimmed(line.at, colon ? colon : line.at);
    const struct fk_span value =
        colon ? trimmed(colon + 1, line.at + line.len) : (struct fk_span){line.at, 0};
    const bool was_in_list = *in_list;
    *in_list = false;
    if (span_is(label, "to"))
        return recipient_take(r, FK_JOURNAL_TO, line, value, err);
    if (span_is(label, "cc"))
        return recipient_take(r, FK_JOURNAL_CC, line, value, err);
    if (span_is(label, "bcc"))
        return recipient_take(r, FK_JOURNAL_BCC, line, value, err);
    if (span_is(label, "recipient"))
        return recipient_take(r, FK_JOURNAL_RECIPIENT, line, value, err);
    if (span_is(label, "recipients"))
        return *in_list = true, list_take(r, value, err);
    if (span_is(label, "sender"))
        return path_take(r, &r->sender, line, value, err);
    if (span_is(label, "on-behalf-of"))
        return path_take(r, &r->on_behalf_of, line, value, err);
    if (span_is(label, "mailbox"))
        return path_take(r, &r->mailbox, line, value, err);
    if (span_is(label, "subject"))
        return field_take(r, &r->subject, line, value, err);
    if (span_is(label, "message-id"))
        return field_take(r, &r->message_id, line, without_angles(value), err);
    if (span_is(label, "label"))
        return field_take(r, &r->label, line, value, err);
    if (span_is(label, "sentutc"))
        return field_take(r, &r->sent_utc, line, value, err);
    if (span_is(label, "receivedutc"))
        return field_take(r, &r->received_utc, line, value, err);
    if (was_in_list && memchr(line.at, '@', line.len))
        return *in_list = true, list_take(r, line, err);
    return other_add(r, line, err);
}

enum fk_status fk_journal__parse(const char *text, size_t len, struct fk_journal_report *out,
                                 struct fk_err *err) {
    struct fk_journal_report r = FK_JOURNAL_REPORT_INIT;
    enum fk_status st = FK_OK;
    bool in_list = false;
    unfold(text, len, &r.text);
    if (r.text.failed)
        st = out_of_memory(err);
    const char *at = (const char *)r.text.data, *end = at + r.text.len;
    while (st == FK_OK && at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        st = line_take(&r, (struct fk_span){at, (size_t)(lf - at)}, &in_list, err);
        at = lf + 1;
    }
    if (st == FK_OK)
        *out = r;
    else
        fk_journal__free(&r);
    return st;
}

bool fk_journal__says_something(const struct fk_journal_report *r) {
    return r->sender.at != NULL || r->recipient_count > 0;
}

void fk_journal__free(struct fk_journal_report *r) {
    free(r->recipients);
    free(r->others);
    fk_buf_free(&r->text);
    *r = (struct fk_journal_report)FK_JOURNAL_REPORT_INIT;
}
