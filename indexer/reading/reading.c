/* reading.c - which header goes where, which parts are text, what is an attachment. */
#include "indexer/reading/reading_priv.h"
#include "indexer/reading/charset_priv.h"
#include "indexer/reading/files_priv.h"
#include "indexer/reading/html_priv.h"
#include "indexer/reading/links_priv.h"
#include "indexer/reading/mime_priv.h"
#include "indexer/reading/ole_priv.h"

#include <string.h>
#include <strings.h>

enum { NAMES = 8, HEADERS_ONLY = 256 << 10 };

struct reading {
    const struct fk_sink *sink;
    unsigned *reasons;
    size_t *text_left;
    bool *clean;                          /* every byte had a meaning in its charset */
    struct fk_files *files;               /* NULL: files by name only */
    bool is_file;                         /* the message is a file of another */
    unsigned part;                        /* leaves are counted from 1 on */
    struct fk_buf raw, text, page, links; /* reused from part to part */
};

/* ---- headers */

struct role {
    const char *name;
    enum fk_docfield field;
};
static const struct role roles[] = {{"from", FK_IN_FROM},
                                    {"sender", FK_IN_FROM},
                                    {"to", FK_IN_TO},
                                    {"cc", FK_IN_CC},
                                    {"bcc", FK_IN_BCC},
                                    {"reply-to", FK_DOCFIELDS},
                                    {"resent-from", FK_DOCFIELDS},
                                    {"resent-sender", FK_DOCFIELDS},
                                    {"resent-to", FK_DOCFIELDS},
                                    {"resent-cc", FK_DOCFIELDS},
                                    {"resent-bcc", FK_DOCFIELDS},
                                    {"delivered-to", FK_DOCFIELDS},
                                    {"x-original-to", FK_DOCFIELDS},
                                    {"$journalrecipients", FK_DOCFIELDS}, /* Domino */
                                    {"$journalrecipientsexpanded", FK_DOCFIELDS}};

struct addressing {
    struct reading *r;
    const struct role *role;
    unsigned level;
};

/* A header field of a message that is a file, as a line of the file's text. */
static enum fk_status line_pass(struct reading *r, const char *name, const char *text, size_t len,
                                struct fk_err *err) {
    struct fk_buf line = FK_BUF_INIT;
    fk_buf_printf(&line, "%s: ", name);
    fk_buf_add(&line, text, len);
    enum fk_status st = line.failed
                            ? fk_fail(err, FK_NOMEM, "reading a message: out of memory")
                            : fk_files__text(r->files, (const char *)line.data, line.len, err);
    fk_buf_free(&line);
    return st;
}

static enum fk_status mailbox_line(struct reading *r, const char *header,
                                   const struct fk_mailbox *m, struct fk_err *err) {
    struct fk_buf one = FK_BUF_INIT;
    fk_buf_add(&one, m->name, m->name_len);
    fk_buf_str(&one, m->name_len && m->address_len ? " <" : "");
    fk_buf_add(&one, m->address, m->address_len);
    fk_buf_str(&one, m->name_len && m->address_len ? ">" : "");
    enum fk_status st = line_pass(r, header, (const char *)one.data, one.len, err);
    fk_buf_free(&one);
    return st;
}

static enum fk_status mailbox_pass(void *ctx, const struct fk_mailbox *m, struct fk_err *err) {
    const struct addressing *a = ctx;
    if (a->r->is_file)
        return a->role->field == FK_DOCFIELDS ? FK_OK : mailbox_line(a->r, a->role->name, m, err);
    return a->r->sink->mailbox(a->r->sink->ctx, a->role->name, a->role->field, a->level, m, err);
}

static enum fk_status subject_read(struct reading *r, unsigned level, struct fk_raw value,
                                   struct fk_err *err) {
    fk_buf_reset(&r->text);
    enum fk_status st = fk_words__decode(value.text, value.len, &r->text, r->clean, err);
    if (st != FK_OK)
        return st;
    if (r->is_file)
        return line_pass(r, "subject", (const char *)r->text.data, r->text.len, err);
    return r->sink->subject(r->sink->ctx, level, (const char *)r->text.data, r->text.len, err);
}

static enum fk_status message_id_read(struct reading *r, unsigned level, struct fk_raw value,
                                      struct fk_err *err) {
    const char *open = memchr(value.text, '<', value.len);
    const char *begin = open ? open + 1 : value.text, *end = value.text + value.len;
    for (; begin < end && strchr(" \t\r\n", *begin) && *begin; begin++)
        ;
    for (; end > begin && strchr(" \t\r\n", end[-1]) && end[-1]; end--)
        ;
    const char *close = memchr(begin, '>', (size_t)(end - begin));
    return r->sink->message_id(r->sink->ctx, level, begin, (size_t)((close ? close : end) - begin),
                               err);
}

/* Each <id>, whatever stands between them. */
static void references_read(struct reading *r, unsigned level, bool is_answer,
                            struct fk_raw value) {
    const char *at = value.text, *end = value.text + value.len;
    while (r->sink->reference && at < end) {
        const char *open = memchr(at, '<', (size_t)(end - at));
        const char *close = open ? memchr(open, '>', (size_t)(end - open)) : NULL;
        if (!close)
            return;
        r->sink->reference(r->sink->ctx, level, is_answer, open + 1, (size_t)(close - open - 1));
        at = close + 1;
    }
}

/* "$JournalRecipientsExpanded_3": Domino numbers what is too long for one field. */
static bool is_numbered(const char *name, const char *role) {
    const size_t n = strlen(role);
    return *role == '$' && strncasecmp(name, role, n) == 0 && name[n] == '_' &&
           name[n + 1 + strspn(name + n + 1, "0123456789")] == 0;
}

static enum fk_status header_read(void *ctx, unsigned level, const char *name, struct fk_raw value,
                                  struct fk_err *err) {
    struct reading *r = ctx;
    int64_t ms;
    if (!value.text)
        return FK_OK;
    if (strcasecmp(name, "Subject") == 0)
        return subject_read(r, level, value, err);
    if (strcasecmp(name, "Message-ID") == 0 && r->is_file)
        return line_pass(r, "message-id", value.text, value.len, err);
    if (strcasecmp(name, "Message-ID") == 0)
        return message_id_read(r, level, value, err);
    if (strcasecmp(name, "References") == 0 || strcasecmp(name, "In-Reply-To") == 0) {
        references_read(r, level, (name[0] | 0x20) == 'i', value);
        return FK_OK;
    }
    if (strcasecmp(name, "Date") == 0)
        return r->is_file                  ? line_pass(r, "date", value.text, value.len, err)
               : fk_mime__date(value, &ms) ? r->sink->date(r->sink->ctx, level, ms, err)
                                           : FK_OK;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (strcasecmp(name, roles[i].name) != 0 && !is_numbered(name, roles[i].name))
            continue;
        struct addressing a = {r, &roles[i], level};
        return fk_addresses__each(value.text, value.len, mailbox_pass, &a, r->clean, err);
    }
    return FK_OK;
}

/* ---- names of files */

struct names {
    struct reading *r;
    struct fk_buf first;  /* what the file is called by */
    uint32_t told[NAMES]; /* hashes, so that one name in four spellings is told once */
    size_t count;
};

static enum fk_status name_pass(void *ctx, const char *name, size_t len, struct fk_err *err) {
    struct names *n = ctx;
    uint32_t hash = 5381;
    for (size_t i = 0; i < len; i++)
        hash = hash * 33 + (uint8_t)name[i];
    for (size_t i = 0; i < n->count; i++)
        if (n->told[i] == hash)
            return FK_OK;
    if (len == 0)
        return FK_OK;
    if (n->count < NAMES)
        n->told[n->count++] = hash;
    if (!n->first.len)
        fk_buf_add(&n->first, name, len);
    if (n->r->is_file) /* it has one name, behind that of the file it stands in */
        return FK_OK;
    return n->r->sink->file(n->r->sink->ctx, name, len, err);
}

static bool is_attachment_by_word(const struct fk_mime_part *part) {
    const char *p = part->disposition.text;
    size_t n = p ? part->disposition.len : 0;
    while (n > 0 && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
        p++, n--;
    return n >= 10 && strncasecmp(p, "attachment", 10) == 0;
}

/* All names that the part's header fields give it; also says whether it is an attachment: by
 * disposition, by having a name, or for not being text. */
static enum fk_status names_read(struct names *n, const struct fk_mime_part *part, bool is_text,
                                 bool *is_attachment, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct reading *r = n->r;
    if (part->disposition.text)
        FK_TRY(fk_params__each(part->disposition.text, part->disposition.len, "filename", name_pass,
                               n, r->clean, err));
    if (part->content_type.text)
        FK_TRY(fk_params__each(part->content_type.text, part->content_type.len, "name", name_pass,
                               n, r->clean, err));
    *is_attachment = n->count > 0 || !is_text || is_attachment_by_word(part);
    if (*is_attachment && !r->is_file)
        r->sink->attachment(r->sink->ctx);
done:
    return st;
}

/* ---- text */

static bool is_html(const struct fk_mime_part *part) {
    return strcasecmp(part->subtype, "html") == 0 || strcasecmp(part->subtype, "xhtml+xml") == 0;
}

/* message/rfc822 never comes as a part; other message types (delivery-status) are text. */
static bool is_text_part(const struct fk_mime_part *part) {
    return strcasecmp(part->type, "text") == 0 || strcasecmp(part->type, "message") == 0 ||
           (strcasecmp(part->type, "application") == 0 &&
            strcasecmp(part->subtype, "xhtml+xml") == 0);
}

enum fk_status fk_reading__links(const struct fk_sink *sink, const struct fk_buf *links,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t at = 0, len; sink->link && at < links->len && st == FK_OK; at += len + 1) {
        const char *target = (const char *)links->data + at;
        len = strlen(target);
        st = sink->link(sink->ctx, target, len, err);
    }
    return st;
}

/* As mail programs make links of them. */
enum fk_status fk_reading__links_of_text(const struct fk_sink *sink, const char *text, size_t len,
                                         struct fk_err *err) {
    enum fk_status st = FK_OK;
    const char *link;
    size_t link_len;
    for (size_t at = 0;
         sink->link && st == FK_OK && fk_links__next(text, len, &at, &link, &link_len);)
        st = sink->link(sink->ctx, link, link_len, err);
    return st;
}

static enum fk_status html_read(struct reading *r, struct fk_err *err) {
    enum fk_status st = FK_OK;
    fk_buf_reset(&r->page);
    fk_buf_reset(&r->links);
    FK_TRY(fk_html__read((const char *)r->text.data, r->text.len, &r->page,
                         r->sink->link ? &r->links : NULL, err));
    FK_TRY(fk_reading__links(r->sink, &r->links, err));
    st = r->is_file ? fk_files__text(r->files, (const char *)r->page.data, r->page.len, err)
                    : r->sink->text(r->sink->ctx, FK_TEXT_HTML, (const char *)r->page.data,
                                    r->page.len, err);
done:
    return st;
}

static enum fk_status plain_read(struct reading *r, struct fk_err *err) {
    const char *text = (const char *)r->text.data;
    if (r->is_file)
        return fk_files__text(r->files, text, r->text.len, err);
    enum fk_status st = fk_reading__links_of_text(r->sink, text, r->text.len, err);
    return st == FK_OK ? r->sink->text(r->sink->ctx, FK_TEXT_PLAIN, text, r->text.len, err) : st;
}

static void notice_pass(struct reading *r, unsigned level, const struct fk_mime_part *part) {
    const enum fk_notice_part is = fk_notice__part_of(part->type, part->subtype);
    if (is != FK_NOTICE_NONE && r->sink->notice)
        r->sink->notice(r->sink->ctx, level, is, (const char *)r->text.data, r->text.len);
}

static void charset_pass(struct reading *r, const char *declared) {
    char where[32];
    if (r->is_file) {
        fk_files__charset(r->files, declared);
        return;
    }
    const int n = snprintf(where, sizeof where, "part %u", r->part);
    if (r->sink->charset && strcmp(fk_charset__used()->used, "us-ascii") != 0)
        r->sink->charset(r->sink->ctx, where, (size_t)n, declared, fk_charset__used());
}

static enum fk_status text_read(struct reading *r, unsigned level, const struct fk_mime_part *part,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    char charset[64] = "";
    fk_buf_reset(&r->raw);
    fk_buf_reset(&r->text);
    if (part->content_type.text)
        FK_TRY(fk_params__first(part->content_type.text, part->content_type.len, "charset", charset,
                                sizeof charset, err));
    FK_TRY(fk_mime__decode(part, *r->text_left, &r->raw, r->reasons, err));
    if (!charset[0] && is_html(part))
        fk_html__charset(r->raw.data, r->raw.len, charset, sizeof charset);
    FK_TRY(fk_charset__decode(charset, r->raw.data, r->raw.len, &r->text, r->clean, err));
    charset_pass(r, charset);
    if (!r->is_file)
        *r->text_left -= r->raw.len < *r->text_left ? r->raw.len : *r->text_left;
    FK_TRY(is_html(part) ? html_read(r, err) : plain_read(r, err));
    if (!r->is_file)
        notice_pass(r, level, part);
done:
    return st;
}

/* What a decoder passes over, or makes garbage of. */
static enum fk_status unencoded_read(struct reading *r, const struct fk_mime_part *part,
                                     struct fk_err *err) {
    enum fk_status st = FK_OK;
    char charset[64] = "";
    fk_buf_reset(&r->raw);
    fk_buf_reset(&r->text);
    fk_mime__unencoded(part, *r->text_left, &r->raw);
    if (r->raw.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "reading a message: out of memory"));
    if (!r->raw.len)
        goto done;
    if (part->content_type.text)
        FK_TRY(fk_params__first(part->content_type.text, part->content_type.len, "charset", charset,
                                sizeof charset, err));
    FK_TRY(fk_charset__decode(charset, r->raw.data, r->raw.len, &r->text, r->clean, err));
    if (!r->is_file)
        *r->text_left -= r->raw.len;
    st = plain_read(r, err);
done:
    return st;
}

/* A part that is a file. A notice's parts and the rest of message/... are text in any case. */
static bool is_media(const struct fk_mime_part *part) {
    return strcasecmp(part->type, "image") == 0 || strcasecmp(part->type, "audio") == 0 ||
           strcasecmp(part->type, "video") == 0 ||
           strcasecmp(part->subtype, "pgp-signature") == 0 ||
           strcasecmp(part->subtype, "pkcs7-signature") == 0 ||
           strcasecmp(part->subtype, "x-pkcs7-signature") == 0;
}

static enum fk_status file_read(struct reading *r, const struct fk_mime_part *part,
                                const char *name, bool is_text, struct fk_err *err) {
    enum fk_status st = FK_OK;
    char charset[64] = "";
    unsigned over = 0;
    struct fk_buf data = FK_BUF_INIT;
    if (part->content_type.text && is_text)
        FK_TRY(fk_params__first(part->content_type.text, part->content_type.len, "charset", charset,
                                sizeof charset, err));
    FK_TRY(fk_mime__decode(part, FK_FILE_MAX, &data, &over, err));
    const struct fk_file file = {data.data, data.len,      name,          charset,
                                 is_text,   is_html(part), is_media(part)};
    st = fk_files__read(r->files, &file, err);
    if (over)
        fk_files__unread(r->files, name, FK_REASON_LIMIT);
done:
    fk_buf_free(&data);
    return st;
}

static enum fk_status part_read(void *ctx, unsigned level, const struct fk_mime_part *part,
                                struct fk_err *err) {
    struct reading *r = ctx;
    struct names n = {.r = r};
    bool is_attachment;
    const bool is_text = is_text_part(part);
    r->part++;
    enum fk_status st = names_read(&n, part, is_text, &is_attachment, err);
    if (st == FK_OK && is_attachment && r->files && strcasecmp(part->type, "message") != 0)
        st = file_read(r, part, fk_buf_cstr(&n.first), is_text, err);
    else if (st == FK_OK && is_text)
        st = text_read(r, level, part, err);
    if (st == FK_OK && is_text)
        st = unencoded_read(r, part, err);
    fk_buf_free(&n.first);
    return st;
}

static enum fk_status multipart_read(void *ctx, const char *subtype, bool begins,
                                     struct fk_err *err) {
    struct reading *r = ctx;
    (void)err;
    if (strcasecmp(subtype, "alternative") == 0 && !r->is_file)
        r->sink->alternative(r->sink->ctx, begins);
    return FK_OK;
}

static enum fk_status nested_read(void *ctx, unsigned level, const struct fk_mime_part *part,
                                  struct fk_err *err) {
    struct reading *r = ctx;
    struct names n = {.r = r};
    bool is_attachment;
    enum fk_status st = names_read(&n, part, true, &is_attachment, err);
    fk_buf_free(&n.first);
    return st == FK_OK && !r->is_file ? r->sink->nested(r->sink->ctx, level, err) : st;
}

/* Up to the empty line, and no more than is safe to read after a reader has died of the message. */
static size_t headers_length(const uint8_t *message, size_t len) {
    const size_t max = len < HEADERS_ONLY ? len : HEADERS_ONLY;
    for (size_t i = 0; i + 1 < max; i++)
        if (message[i] == '\n' && (message[i + 1] == '\n' || message[i + 1] == '\r'))
            return i + 1;
    return max;
}

void fk_reading__prepare(void) {
    fk_charset__prepare();
    fk_mime__prepare();
    fk_html__prepare();
    fk_ole__prepare();
}

static struct fk_files *files_read;

void fk_reading__files(struct fk_files *files) {
    files_read = files;
}

static enum fk_status walk(struct reading *r, const uint8_t *message, size_t len, bool headers_only,
                           struct fk_err *err) {
    const struct fk_mime_visitor visitor = {r, header_read, multipart_read, part_read, nested_read};
    enum fk_status st = fk_mime__walk(message, len, headers_only, &visitor, r->reasons, err);
    fk_buf_free(&r->raw);
    fk_buf_free(&r->text);
    fk_buf_free(&r->page);
    fk_buf_free(&r->links);
    return st;
}

enum fk_status fk_reading__read(const uint8_t *message, size_t len, bool headers_only,
                                const struct fk_sink *sink, unsigned *reasons, struct fk_err *err) {
    size_t text_left = FK_TEXT_MAX;
    bool clean = true;
    struct reading r = {.sink = sink,
                        .reasons = reasons,
                        .text_left = &text_left,
                        .clean = &clean,
                        .files = files_read};
    if (headers_only)
        len = headers_length(message, len);
    if (r.files)
        fk_files__begin(r.files, sink, reasons, &clean, &text_left);
    enum fk_status st = walk(&r, message, len, headers_only, err);
    if (!clean)
        *reasons |= FK_REASON_CHARSET;
    return st;
}

enum fk_status fk_reading__in_file(struct fk_files *files, const struct fk_sink *sink,
                                   unsigned *reasons, bool *clean, size_t *text_left,
                                   const uint8_t *message, size_t len, struct fk_err *err) {
    struct reading r = {.sink = sink,
                        .reasons = reasons,
                        .text_left = text_left,
                        .clean = clean,
                        .files = files,
                        .is_file = true};
    return walk(&r, message, len, false, err);
}
