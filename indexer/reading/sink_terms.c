/* sink_terms.c - a reading as terms, the few lines that a list of hits shows of it, and what it
 * says of who had it. A journal report is read as the message that it reports; what stands around
 * that (the wrapper) has a field of its own. */
#include "archiver/vault/fields.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/pack.h"
#include "indexer/reading/border_priv.h"
#include "indexer/reading/conversation_priv.h"
#include "indexer/reading/facts_priv.h"
#include "indexer/reading/links_priv.h"
#include "indexer/reading/sink_priv.h"
#include "indexer/text/host.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/sketch.h"
#include "indexer/text/terms.h"
#include "indexer/transaction/transaction_find_priv.h"

#include <string.h>

/* LINES_BYTES: of one kind of display lines; all of them together are within what document.c takes.
 */
enum {
    LINES_BYTES = 24 << 10,
    SHOWN = 3,
    PEOPLE_BYTES = 1000,
    SUBJECT_BYTES = 1000,
    NAME_BYTES = 500,
    FILES = 50,
    LINKS_TOLD = 8192
};

struct terms_sink {
    struct fk_docterms *terms;
    unsigned base;     /* level of the message being read: 0, or 1 for a clear copy of it */
    bool is_wrapper;   /* what is being read stands around the message */
    struct fk_buf own; /* its Message-ID and who stands in its headers, as lines */
    struct fk_buf domino;
    bool is_over; /* ... more of them than are kept */
    bool has_id;
    uint8_t found;
    int64_t date_ms;
    struct fk_buf people[SHOWN]; /* from, to, cc: as shown */
    struct fk_buf subject, files, unread, charsets, address;
    struct fk_buf path;        /* of the file whose text comes next */
    struct fk_buf border;      /* what the mail server in front said, of the message itself */
    struct fk_buf notice;      /* what it says became of another message, as lines */
    struct fk_buf returned;    /* the Message-ID of what came back with it */
    struct fk_txn_texts texts; /* in which a transaction is looked for */
    struct fk_conversation conversation;
    unsigned nested; /* messages so far: a text behind one is of the last */
    bool has_subject, link_is_cut;
    struct fk_buf links; /* targets, a line each, since the same ones come again and again */
    unsigned attachments, file_count, unread_count, charset_count;
};
static const char *const shown[SHOWN] = {"from", "to", "cc"};

/* At most max bytes, no character cut in two. */
static size_t cut_length(const char *text, size_t len, size_t max) {
    if (len <= max)
        return len;
    while (max > 0 && ((uint8_t)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

static void show_mailbox(struct fk_buf *b, const struct fk_mailbox *m) {
    if (b->len > PEOPLE_BYTES)
        return;
    if (b->len)
        fk_buf_str(b, ", ");
    fk_buf_add(b, m->name, cut_length(m->name, m->name_len, NAME_BYTES));
    if (m->address_len) {
        fk_buf_str(b, m->name_len ? " <" : "");
        fk_buf_add(b, m->address, cut_length(m->address, m->address_len, NAME_BYTES));
        fk_buf_str(b, m->name_len ? ">" : "");
    }
    if (b->len > PEOPLE_BYTES)
        fk_buf_str(b, ", ...");
}

static bool is_same(const struct fk_mailbox *m) {
    return m->name_len == m->address_len && memcmp(m->name, m->address, m->name_len) == 0;
}

static enum fk_status words_post(struct terms_sink *s, enum fk_docfield field,
                                 const struct fk_mailbox *m, struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (m->name_len && !is_same(m))
        FK_TRY(fk_docterms__text(s->terms, field, m->name, m->name_len, err));
    if (m->address_len)
        FK_TRY(fk_docterms__text(s->terms, field, m->address, m->address_len, err));
    fk_docterms__gap(s->terms, field);
done:
    return st;
}

/* From "Sato a@b" the part around the @; nothing where there is none. */
static bool address_find(const struct fk_mailbox *m, const char **begin, size_t *len) {
    const char *at = m->address_len ? memrchr(m->address, '@', m->address_len) : NULL;
    if (!at)
        return false;
    const char *first = at, *end = m->address + m->address_len, *stop = at;
    while (first > m->address && (uint8_t)first[-1] > ' ')
        first--;
    while (stop < end && (uint8_t)*stop > ' ')
        stop++;
    *begin = first;
    *len = (size_t)(stop - first);
    return true;
}

/* A domain and all that it is below. */
static enum fk_status domain_post(struct terms_sink *s, const char *prefix, const char *domain,
                                  struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (const char *at = domain; at && *at && st == FK_OK; at = fk_host_above(at))
        st = fk_docterms__whole(s->terms, prefix, at, strlen(at), err);
    return st;
}

/* A text of the message, or of one that it has within. */
static void text_look(struct terms_sink *s, const char *text, size_t len) {
    char path[24] = "";
    if (s->nested)
        (void)snprintf(path, sizeof path, "message %u", s->nested);
    fk_txn_texts__add(&s->texts, FK_TXN_IN_BODY, path, strlen(path), text, len);
}

static void person_look(struct terms_sink *s, enum fk_txn_field field, const struct fk_mailbox *m) {
    struct fk_buf text = FK_BUF_INIT;
    fk_buf_add(&text, m->name, cut_length(m->name, m->name_len, NAME_BYTES));
    fk_buf_str(&text, " <");
    fk_buf_add(&text, m->address, cut_length(m->address, m->address_len, NAME_BYTES));
    fk_buf_str(&text, ">");
    fk_txn_texts__add(&s->texts, field, "", 0, (const char *)text.data, text.len);
    s->texts.bytes.failed |= text.failed;
    fk_buf_free(&text);
}

/* People and subject of a nested message are text of the message that has it, as docs/query.md
 * says: who forwards a mail is not who wrote it. */
static enum fk_status mailbox_take(void *ctx, const char *header, enum fk_docfield field,
                                   unsigned level, const struct fk_mailbox *m, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct terms_sink *s = ctx;
    const char *address;
    size_t len;
    level += s->base;
    for (size_t i = 0; i < SHOWN && level == 0 && !s->is_wrapper; i++)
        if (strcmp(header, shown[i]) == 0)
            show_mailbox(&s->people[i], m);
    if (field != FK_DOCFIELDS)
        FK_TRY(words_post(s,
                          s->is_wrapper ? FK_IN_WRAPPER
                          : level == 0  ? field
                                        : FK_IN_BODY,
                          m, err));
    if (level == 0 && !s->is_wrapper && strcmp(header, "from") == 0)
        person_look(s, FK_TXN_IN_FROM, m);
    else if (level == 0 && !s->is_wrapper && strcmp(header, "to") == 0)
        person_look(s, FK_TXN_IN_TO, m);
    if (level > 0 || s->is_wrapper || !address_find(m, &address, &len))
        goto done;
    s->is_over |= !fk_facts__header(&s->own, header, address, len) ||
                  !fk_facts__domino(&s->domino, header, address, len);
    fk_buf_reset(&s->address);
    FK_TRY(fk_terms_of_address(address, len, &s->address, err));
    const char *folded = fk_buf_cstr(&s->address);
    const char *at = memrchr(folded, '@', s->address.len);
    FK_TRY(fk_docterms__whole(s->terms, FK_P_PERSON, folded, s->address.len, err));
    if (at)
        FK_TRY(fk_docterms__whole(s->terms, FK_P_DOMAIN, at + 1,
                                  s->address.len - (size_t)(at + 1 - folded), err));
    if (field == FK_IN_FROM)
        FK_TRY(fk_docterms__whole(s->terms, FK_P_FROM_ADDR, folded, s->address.len, err));
    else if (field != FK_DOCFIELDS)
        FK_TRY(fk_docterms__whole(s->terms, FK_P_TO_ADDR, folded, s->address.len, err));
    if (at && field != FK_DOCFIELDS)
        FK_TRY(domain_post(s, field == FK_IN_FROM ? FK_P_OF_DOMAIN : FK_P_TO_DOMAIN, at + 1, err));
    if (field == FK_IN_CC)
        FK_TRY(fk_docterms__whole(s->terms, FK_P_CC_ADDR, folded, s->address.len, err));
    else if (field == FK_IN_BCC)
        FK_TRY(fk_docterms__whole(s->terms, FK_P_BCC_ADDR, folded, s->address.len, err));
done:
    return st;
}

static enum fk_status subject_take(void *ctx, unsigned level, const char *text, size_t len,
                                   struct fk_err *err) {
    struct terms_sink *s = ctx;
    level += s->base;
    if (level == 0 && !s->is_wrapper && !s->has_subject) {
        fk_buf_add(&s->subject, text, cut_length(text, len, SUBJECT_BYTES));
        s->has_subject = true;
        enum fk_status of_topic = fk_conversation__subject(&s->conversation, text, len, err);
        if (of_topic != FK_OK)
            return of_topic;
    }
    if (!s->is_wrapper && level == 0)
        fk_txn_texts__add(&s->texts, FK_TXN_IN_SUBJECT, "", 0, text, len);
    else if (!s->is_wrapper)
        text_look(s, text, len);
    const enum fk_docfield field = s->is_wrapper ? FK_IN_WRAPPER
                                   : level == 0  ? FK_IN_SUBJECT
                                                 : FK_IN_BODY;
    enum fk_status st = fk_docterms__text(s->terms, field, text, len, err);
    fk_docterms__gap(s->terms, field);
    return st;
}

static enum fk_status message_id_take(void *ctx, unsigned level, const char *text, size_t len,
                                      struct fk_err *err) {
    struct terms_sink *s = ctx;
    if (level + s->base == 0 && !s->is_wrapper && !s->has_id && len > 0) {
        s->has_id = true;
        fk_fields_add(&s->own, "message-id", text, cut_length(text, len, FK_WHOLE_MAX));
    }
    if (level == 1 && s->base == 0 && !s->is_wrapper && !s->returned.len)
        fk_buf_add(&s->returned, text, cut_length(text, len, FK_WHOLE_MAX));
    return fk_docterms__whole(s->terms, FK_P_MSGID, text, len, err);
}

static enum fk_status date_take(void *ctx, unsigned level, int64_t ms, struct fk_err *err) {
    struct terms_sink *s = ctx;
    (void)err;
    if (level + s->base == 0 && !s->is_wrapper && !(s->found & FK_FOUND_DATE)) {
        s->date_ms = ms;
        s->found |= FK_FOUND_DATE;
    }
    return FK_OK;
}

/* "pdf" of "report.PDF" */
static enum fk_status type_post(struct terms_sink *s, const char *name, size_t len,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf folded = FK_BUF_INIT, term = FK_BUF_INIT;
    FK_TRY(fk_terms_fold(name, len, &folded, err));
    while (folded.len > 0 && folded.data[folded.len - 1] == ' ')
        folded.len--;
    const char *text = fk_buf_cstr(&folded), *point = strrchr(text, '.');
    const size_t n = point ? strlen(point + 1) : 0;
    if (n == 0 || n > 16 || strspn(point + 1, "abcdefghijklmnopqrstuvwxyz0123456789") != n)
        goto done;
    fk_buf_printf(&term, "ext:%s", point + 1);
    if (term.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "the name of a file: out of memory"));
    st = fk_docterms__whole(s->terms, FK_P_FLAG, (const char *)term.data, term.len, err);
done:
    fk_buf_free(&folded);
    fk_buf_free(&term);
    return st;
}

static enum fk_status file_take(void *ctx, const char *name, size_t len, struct fk_err *err) {
    struct terms_sink *s = ctx;
    const enum fk_docfield field = s->is_wrapper ? FK_IN_WRAPPER : FK_IN_FILE;
    if (!s->is_wrapper && s->file_count++ < FILES && s->files.len < LINES_BYTES)
        fk_fields_add(&s->files, "file", name, cut_length(name, len, NAME_BYTES));
    if (!s->is_wrapper)
        fk_txn_texts__add(&s->texts, FK_TXN_IN_FILE, "", 0, name, len);
    enum fk_status st = fk_docterms__text(s->terms, field, name, len, err);
    fk_docterms__gap(s->terms, field);
    return st == FK_OK && !s->is_wrapper ? type_post(s, name, len, err) : st;
}

/* Whether it was posted already, as far as is remembered. By all its bytes: a hash could be made to
 * hide a link. */
static bool link_is_told(struct terms_sink *s, const char *target, size_t len) {
    if (len == 0 || len > LINKS_TOLD / 4 || memchr(target, '\n', len))
        return false;
    for (const char *at = fk_buf_cstr(&s->links), *end = at + s->links.len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if ((size_t)(stop - at) == len && memcmp(at, target, len) == 0)
            return true;
        at = stop + 1;
    }
    if (s->links.len + len >= LINKS_TOLD)
        fk_buf_reset(&s->links);
    fk_buf_add(&s->links, target, len);
    fk_buf_byte(&s->links, '\n');
    return false;
}

static enum fk_status link_take(void *ctx, const char *target, size_t len, struct fk_err *err) {
    struct terms_sink *s = ctx;
    if (link_is_told(s, target, len))
        return FK_OK;
    return s->is_wrapper ? FK_OK : fk_links__post(s->terms, target, len, &s->link_is_cut, err);
}

static enum fk_status text_take(void *ctx, enum fk_text_kind kind, const char *text, size_t len,
                                struct fk_err *err) {
    struct terms_sink *s = ctx;
    const enum fk_docfield field = s->is_wrapper          ? FK_IN_WRAPPER
                                   : kind == FK_TEXT_FILE ? FK_IN_ATTACHMENT
                                                          : FK_IN_BODY;
    if (!s->is_wrapper && kind == FK_TEXT_FILE)
        fk_txn_texts__add(&s->texts, FK_TXN_IN_ATTACHMENT, (const char *)s->path.data, s->path.len,
                          text, len);
    else if (!s->is_wrapper)
        text_look(s, text, len);
    enum fk_status st = kind == FK_TEXT_HTML ? fk_docterms__html(s->terms, field, text, len, err)
                                             : fk_docterms__text(s->terms, field, text, len, err);
    fk_docterms__gap(s->terms, field);
    return st;
}

static void alternative_take(void *ctx, bool begins) {
    struct terms_sink *s = ctx;
    fk_docterms__alternative(s->terms, begins);
}

static void attachment_take(void *ctx) {
    struct terms_sink *s = ctx;
    if (s->is_wrapper)
        return;
    s->found |= FK_FOUND_ATTACHMENT;
    s->attachments++;
}

static enum fk_status nested_take(void *ctx, unsigned level, struct fk_err *err) {
    struct terms_sink *s = ctx;
    (void)level;
    (void)err;
    if (!s->is_wrapper) {
        s->found |= FK_FOUND_NESTED;
        s->nested++;
    }
    return FK_OK;
}

static enum fk_status digest_take(void *ctx, const char *hex, struct fk_err *err) {
    struct terms_sink *s = ctx;
    return fk_docterms__whole(s->terms, FK_P_DIGEST, hex, strlen(hex), err);
}

static void opens_take(void *ctx, const char *path, size_t len) {
    struct terms_sink *s = ctx;
    fk_buf_reset(&s->path);
    fk_buf_add(&s->path, path, cut_length(path, len, NAME_BYTES));
}

static void unread_take(void *ctx, const char *path, size_t len, enum fk_reason reason) {
    struct terms_sink *s = ctx;
    struct fk_buf line = FK_BUF_INIT;
    if (s->unread_count++ >= FILES || s->unread.len > LINES_BYTES)
        return;
    fk_buf_add(&line, path, cut_length(path, len, NAME_BYTES));
    fk_buf_printf(&line, " %s", fk_reason__word(reason));
    fk_fields_add(&s->unread, "unsearchable", line.data, line.len);
    s->unread.failed |= line.failed;
    fk_buf_free(&line);
}

static void unlocked_take(void *ctx, const char *path, size_t len, uint64_t origin) {
    struct terms_sink *s = ctx;
    struct fk_buf line = FK_BUF_INIT;
    if (s->is_wrapper || s->unread_count++ >= FILES || s->unread.len > LINES_BYTES)
        return;
    fk_buf_add(&line, path, cut_length(path, len, NAME_BYTES));
    fk_buf_printf(&line, " %llu", (unsigned long long)origin);
    fk_fields_add(&s->unread, "unlocked", line.data, line.len);
    s->unread.failed |= line.failed;
    fk_buf_free(&line);
}

/* "WHERE DECLARED USED REPLACED"; a declared name is cut, and has no blanks. */
static void charset_take(void *ctx, const char *where, size_t len, const char *declared,
                         const struct fk_charset_use *use) {
    struct terms_sink *s = ctx;
    struct fk_buf line = FK_BUF_INIT;
    char name[48] = "-";
    if (s->is_wrapper || s->charset_count++ >= FILES || s->charsets.len > LINES_BYTES)
        return;
    for (size_t n = 0; declared && *declared && n + 1 < sizeof name; declared++)
        if (*declared > ' ' && *declared < 0x7f) {
            name[n++] = *declared;
            name[n] = 0;
        }
    fk_buf_add(&line, where, cut_length(where, len, NAME_BYTES));
    fk_buf_printf(&line, " %s %s %zu", name, use->used, use->faults);
    fk_fields_add(&s->charsets, "charset", line.data, line.len);
    s->charsets.failed |= line.failed;
    fk_buf_free(&line);
}

/* Of several the first counts; what is nested says nothing of this message. */
static void notice_take(void *ctx, unsigned level, enum fk_notice_part part, const char *text,
                        size_t len) {
    struct terms_sink *s = ctx;
    const char *id;
    size_t id_len;
    if (level + s->base > 0 || s->is_wrapper)
        return;
    if (part != FK_NOTICE_HEADERS && !s->notice.len)
        fk_notice__read(part, text, len, &s->notice);
    else if (part == FK_NOTICE_HEADERS && !s->returned.len &&
             fk_notice__message_id(text, len, &id, &id_len))
        fk_buf_add(&s->returned, id, cut_length(id, id_len, FK_WHOLE_MAX));
}

static void reference_take(void *ctx, unsigned level, bool is_answer, const char *id, size_t len) {
    struct terms_sink *s = ctx;
    if (level + s->base == 0 && !s->is_wrapper)
        fk_conversation__id(&s->conversation, is_answer, id, len);
}

/* What a notice says that it is about counts before what came back with it. */
static bool notice_write(struct terms_sink *s) {
    struct fk_buf about = FK_BUF_INIT;
    if (!s->notice.len)
        return true;
    if (!fk_fields_find(s->notice.data, s->notice.len, "notice-about", &about) && s->returned.len)
        fk_fields_add(&s->notice, "notice-about", s->returned.data, s->returned.len);
    s->notice.failed |= about.failed;
    fk_buf_free(&about);
    if (s->own.len + s->notice.len > FK_FACTS_MAX)
        return false;
    fk_buf_add(&s->own, s->notice.data, s->notice.len);
    return true;
}

/* What it says of a transaction; false where that is too much. */
static bool transaction_write(struct terms_sink *s) {
    struct fk_buf lines = FK_BUF_INIT;
    fk_txn_texts__find(&s->texts, s->found & FK_FOUND_DATE, s->date_ms, &lines);
    const bool fits = s->own.len + lines.len <= FK_FACTS_MAX;
    if (fits)
        fk_buf_add(&s->own, lines.data, lines.len);
    s->own.failed |= lines.failed;
    fk_buf_free(&lines);
    return fits;
}

static void sketch_write(const struct terms_sink *s, struct fk_buf *out) {
    uint8_t sketch[FK_SKETCH_BYTES];
    char hex[2 * sizeof sketch + 1];
    if (!fk_docterms__sketch(s->terms, sketch))
        return;
    fk_hex(hex, sketch, sizeof sketch);
    fk_fields_add_str(out, "sketch", hex);
}

static void display_write(const struct terms_sink *s, struct fk_buf *out) {
    char text[FK_TIME_SIZE];
    if (s->found & FK_FOUND_DATE) {
        fk_time_format(text, s->date_ms);
        fk_fields_add_str(out, "date", text);
    }
    for (size_t i = 0; i < SHOWN; i++)
        if (s->people[i].len)
            fk_fields_add(out, shown[i], s->people[i].data, s->people[i].len);
    if (s->has_subject)
        fk_fields_add(out, "subject", s->subject.data, s->subject.len);
    if (s->attachments) {
        snprintf(text, sizeof text, "%u", s->attachments);
        fk_fields_add_str(out, "attachments", text);
    }
    fk_buf_add(out, s->files.data, s->files.len);
    fk_buf_add(out, s->unread.data, s->unread.len);
    fk_buf_add(out, s->charsets.data, s->charsets.len);
    fk_buf_add(out, s->border.data, s->border.len);
    sketch_write(s, out);
}

/* The message that is reported, its clear copies, then what stands around them. */
static enum fk_status journal_read(struct terms_sink *s, const struct fk_sink *sink,
                                   const uint8_t *message, size_t len, const struct fk_unwrapped *u,
                                   unsigned *reasons, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf bytes = FK_BUF_INIT;
    for (size_t i = 0; i < u->inner_count; i++) {
        const struct fk_slice *in = &u->inner[i];
        const bool is_plain = in->transfer == FK_TRANSFER_IDENTITY;
        fk_buf_reset(&bytes);
        if (!is_plain)
            fk_transfer_decode(in->transfer, message + in->offset, in->len, &bytes);
        const uint8_t *inner = is_plain ? message + in->offset : bytes.data;
        const size_t inner_len = is_plain ? in->len : bytes.len;
        s->base = i > 0;
        if (i == 0)
            fk_border__read(inner, inner_len, &s->border);
        FK_TRY(fk_reading__read(inner, inner_len, false, sink, reasons, err));
    }
    fk_buf_reset(&bytes);
    fk_unwrapped_shell(message, len, u, &bytes);
    s->is_wrapper = true;
    FK_TRY(fk_reading__read(bytes.data, bytes.len, false, sink, reasons, err));
    if (bytes.failed)
        st = fk_fail(err, FK_NOMEM, "reading a journal report: out of memory");
done:
    s->is_wrapper = false;
    fk_buf_free(&bytes);
    return st;
}

static void answer_write(struct terms_sink *s, unsigned reasons, const struct fk_unwrapped *u,
                         struct fk_buf *display, struct fk_buf *report, struct fk_buf *out) {
    display_write(s, display);
    if (!notice_write(s) || !transaction_write(s) || !fk_facts__report(report, u, &s->domino) ||
        s->is_over)
        reasons |= FK_REASON_HEADERS;
    if (fk_docterms__is_cut(s->terms) || s->link_is_cut)
        reasons |= FK_REASON_SIZE;
    fk_put_u32(out, reasons);
    fk_put_u8(out, s->found);
    fk_put_u64(out, (uint64_t)s->date_ms);
    fk_put_bytes(out, display->data, display->len);
    fk_put_bytes(out, s->own.data, s->own.len);
    fk_put_bytes(out, report->data, report->len);
}

/* Which fields have anything, for subject:* and its like. */
static enum fk_status fields_post(struct fk_docterms *terms, struct fk_err *err) {
    static const char *const names[FK_DOCFIELDS] = {
        [FK_IN_BODY] = "in:body",     [FK_IN_SUBJECT] = "in:subject", [FK_IN_FROM] = "in:from",
        [FK_IN_TO] = "in:to",         [FK_IN_CC] = "in:cc",           [FK_IN_BCC] = "in:bcc",
        [FK_IN_FILE] = "in:filename", [FK_IN_LINK] = "in:url"};
    enum fk_status st = FK_OK;
    for (unsigned i = 0; i < FK_DOCFIELDS && st == FK_OK; i++)
        if (names[i] && fk_docterms__has(terms, (enum fk_docfield)i))
            st = fk_docterms__whole(terms, FK_P_FLAG, names[i], strlen(names[i]), err);
    return st;
}

enum fk_status fk_sink__terms(struct fk_docterms *terms, const uint8_t *message, size_t len,
                              bool headers_only, struct fk_buf *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    unsigned reasons = 0;
    struct terms_sink s = {.terms = terms};
    struct fk_unwrapped u = FK_UNWRAPPED_INIT;
    struct fk_buf display = FK_BUF_INIT, report = FK_BUF_INIT;
    const struct fk_sink sink = {&s,
                                 mailbox_take,
                                 subject_take,
                                 message_id_take,
                                 date_take,
                                 file_take,
                                 text_take,
                                 alternative_take,
                                 attachment_take,
                                 nested_take,
                                 link_take,
                                 notice_take,
                                 digest_take,
                                 opens_take,
                                 unread_take,
                                 unlocked_take,
                                 charset_take,
                                 reference_take};
    fk_docterms__reset(terms);
    if (!headers_only)
        FK_TRY(fk_unwrap(message, len, &u, err));
    if (u.inner_count > 0)
        FK_TRY(journal_read(&s, &sink, message, len, &u, &reasons, err));
    else {
        fk_border__read(message, len, &s.border);
        FK_TRY(fk_reading__read(message, len, headers_only, &sink, &reasons, err));
    }
    FK_TRY(fk_conversation__end(&s.conversation, terms, &s.own, err));
    answer_write(&s, reasons, &u, &display, &report, out);
    FK_TRY(fields_post(terms, err));
    FK_TRY(fk_docterms__write(terms, out, err));
    if (s.notice.failed || s.returned.failed || display.failed || report.failed || s.own.failed ||
        s.domino.failed || s.border.failed || s.files.failed || s.unread.failed ||
        s.charsets.failed || s.path.failed || s.links.failed)
        st = fk_fail(err, FK_NOMEM, "reading a message: out of memory");
done:
    for (size_t i = 0; i < SHOWN; i++)
        fk_buf_free(&s.people[i]);
    fk_txn_texts__free(&s.texts);
    fk_buf_free(&s.subject);
    fk_buf_free(&s.files);
    fk_buf_free(&s.unread);
    fk_buf_free(&s.charsets);
    fk_buf_free(&s.address);
    fk_buf_free(&s.path);
    fk_buf_free(&s.border);
    fk_buf_free(&s.links);
    fk_buf_free(&s.notice);
    fk_buf_free(&s.returned);
    fk_conversation__free(&s.conversation);
    fk_buf_free(&s.own);
    fk_buf_free(&s.domino);
    fk_buf_free(&display);
    fk_buf_free(&report);
    fk_unwrapped_free(&u);
    return st;
}
