/* sink_people.c - a reading as text for people: headers that matter, text parts, names of files. Of
 * an alternative the HTML is left out where a plain part said something. */
#include "base/clock.h"
#include "base/pack.h"
#include "indexer/reading/facts_priv.h"
#include "indexer/reading/password_words_priv.h"
#include "indexer/reading/sink_priv.h"

#include <string.h>

struct people_sink {
    struct fk_buf head, body, files, contents; /* contents: text of files, under their names */
    struct fk_buf path;                        /* of the file whose text comes next */
    size_t file_text;
    char header[32]; /* the address header being written */
    unsigned alternatives;
    bool has_plain; /* in this alternative */
    bool is_copy;   /* of the message: its header lines are part of the text */
    bool is_cut;
};

static struct fk_buf *where(struct people_sink *s, unsigned level) {
    return level == 0 && !s->is_copy ? &s->head : &s->body;
}

static void header_line(struct people_sink *s, unsigned level, const char *name, const char *text,
                        size_t len) {
    struct fk_buf *b = where(s, level);
    fk_buf_printf(b, "%s: ", name);
    fk_buf_add(b, text, len);
    fk_buf_byte(b, '\n');
    s->header[0] = 0;
}

static enum fk_status mailbox_take(void *ctx, const char *header, enum fk_docfield field,
                                   unsigned level, const struct fk_mailbox *m, struct fk_err *err) {
    struct people_sink *s = ctx;
    (void)err;
    if (field == FK_DOCFIELDS)
        return FK_OK;
    struct fk_buf one = FK_BUF_INIT;
    fk_buf_add(&one, m->name, m->name_len);
    fk_buf_str(&one, m->name_len && m->address_len ? " <" : "");
    fk_buf_add(&one, m->address, m->address_len);
    fk_buf_str(&one, m->name_len && m->address_len ? ">" : "");
    if (strcmp(s->header, header) == 0) { /* goes on behind the last one */
        struct fk_buf *b = where(s, level);
        b->len--;
        fk_buf_str(b, ", ");
        fk_buf_add(b, one.data, one.len);
        fk_buf_byte(b, '\n');
    } else {
        char name[32];
        snprintf(name, sizeof name, "%c%s", header[0] & ~0x20, header + 1);
        header_line(s, level, name, (const char *)one.data, one.len);
        snprintf(s->header, sizeof s->header, "%s", header);
    }
    fk_buf_free(&one);
    return FK_OK;
}

static enum fk_status subject_take(void *ctx, unsigned level, const char *text, size_t len,
                                   struct fk_err *err) {
    (void)err;
    header_line(ctx, level, "Subject", text, len);
    return FK_OK;
}

static enum fk_status message_id_take(void *ctx, unsigned level, const char *text, size_t len,
                                      struct fk_err *err) {
    (void)ctx;
    (void)level;
    (void)text;
    (void)len;
    (void)err;
    return FK_OK;
}

static enum fk_status date_take(void *ctx, unsigned level, int64_t ms, struct fk_err *err) {
    char text[FK_TIME_SIZE];
    (void)err;
    fk_time_format(text, ms);
    header_line(ctx, level, "Date", text, strlen(text));
    return FK_OK;
}

static enum fk_status file_take(void *ctx, const char *name, size_t len, struct fk_err *err) {
    struct people_sink *s = ctx;
    (void)err;
    fk_buf_str(&s->files, "[");
    fk_buf_add(&s->files, name, len);
    fk_buf_str(&s->files, "]\n");
    return FK_OK;
}

static bool is_blank(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] > ' ')
            return false;
    return true;
}

/* Under its name, and of a long one the beginning. */
static enum fk_status contents_take(struct people_sink *s, const char *text, size_t len) {
    struct fk_buf *b = &s->contents;
    size_t room = FK_PEOPLE_FILE_MAX - s->file_text;
    if (is_blank(text, len) || room == 0 || b->len > FK_PEOPLE_MAX)
        return FK_OK;
    if (s->path.len)
        fk_buf_printf(b, "\n---- %s ----\n", fk_buf_cstr(&s->path));
    fk_buf_reset(&s->path);
    const bool is_cut = len > room;
    while (len > room || (is_cut && len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80))
        len = len > room ? room : len - 1;
    fk_buf_add(b, text, len);
    s->file_text = is_cut ? FK_PEOPLE_FILE_MAX : s->file_text + len;
    while (b->len && b->data[b->len - 1] <= ' ')
        b->len--;
    fk_buf_str(b, is_cut ? "\n(there is more)\n" : "\n");
    return FK_OK;
}

static void opens_take(void *ctx, const char *path, size_t len) {
    struct people_sink *s = ctx;
    fk_buf_reset(&s->path);
    fk_buf_add(&s->path, path, len);
    s->file_text = 0;
}

static void unread_take(void *ctx, const char *path, size_t len, enum fk_reason reason) {
    struct people_sink *s = ctx;
    fk_buf_str(&s->files, "(unsearchable: ");
    fk_buf_add(&s->files, path, len);
    fk_buf_printf(&s->files, ": %s)\n", fk_reason__word(reason));
}

static enum fk_status text_take(void *ctx, enum fk_text_kind kind, const char *text, size_t len,
                                struct fk_err *err) {
    struct people_sink *s = ctx;
    (void)err;
    if (kind == FK_TEXT_FILE)
        return contents_take(s, text, len);
    if (is_blank(text, len) || (kind == FK_TEXT_HTML && s->has_plain && s->alternatives))
        return FK_OK;
    if (kind == FK_TEXT_PLAIN && s->alternatives)
        s->has_plain = true;
    if (s->body.len + len > FK_PEOPLE_MAX) {
        s->is_cut = true;
        len = s->body.len < FK_PEOPLE_MAX ? FK_PEOPLE_MAX - s->body.len : 0;
    }
    if (s->body.len)
        fk_buf_byte(&s->body, '\n');
    fk_buf_add(&s->body, text, len);
    while (s->body.len && s->body.data[s->body.len - 1] <= ' ')
        s->body.len--;
    fk_buf_byte(&s->body, '\n');
    s->header[0] = 0;
    return FK_OK;
}

static void alternative_take(void *ctx, bool begins) {
    struct people_sink *s = ctx;
    if (begins && s->alternatives++ == 0)
        s->has_plain = false;
    else if (!begins && s->alternatives > 0)
        s->alternatives--;
}

static void attachment_take(void *ctx) {
    (void)ctx;
}

static enum fk_status nested_take(void *ctx, unsigned level, struct fk_err *err) {
    struct people_sink *s = ctx;
    (void)level;
    (void)err;
    fk_buf_str(&s->body, "\n---- message/rfc822 ----\n");
    s->header[0] = 0;
    return FK_OK;
}

static void people_write(struct people_sink *s, unsigned reasons, struct fk_buf *out) {
    fk_put_u32(out, reasons | (s->is_cut ? FK_REASON_SIZE : 0));
    fk_buf_add(out, s->head.data, s->head.len);
    fk_buf_byte(out, '\n');
    fk_buf_add(out, s->body.data, s->body.len);
    if (s->files.len) {
        fk_buf_byte(out, '\n');
        fk_buf_add(out, s->files.data, s->files.len);
    }
    fk_buf_add(out, s->contents.data, s->contents.len);
    out->failed |= s->contents.failed || s->head.failed || s->body.failed || s->files.failed;
}

static enum fk_status people_end(struct people_sink *s, enum fk_status st, unsigned reasons,
                                 struct fk_buf *out, struct fk_err *err) {
    if (st == FK_OK) {
        people_write(s, reasons, out);
        if (out->failed)
            st = fk_fail(err, FK_NOMEM, "reading a message: out of memory");
    }
    fk_buf_free(&s->head);
    fk_buf_free(&s->body);
    fk_buf_free(&s->files);
    fk_buf_free(&s->contents);
    fk_buf_free(&s->path);
    return st;
}

#define SINK_OF(s)                                                                                 \
    {                                                                                              \
        s, mailbox_take, subject_take, message_id_take, date_take, file_take, text_take,           \
            alternative_take, attachment_take, nested_take, NULL, NULL, NULL, opens_take,          \
            unread_take, NULL, NULL, NULL                                                          \
    }

/* One of the messages that a report brings; a clear copy behind the one that it is of. */
static enum fk_status inner_read(struct people_sink *s, const struct fk_sink *sink,
                                 const uint8_t *message, const struct fk_slice *in, bool is_copy,
                                 unsigned *reasons, struct fk_err *err) {
    struct fk_buf bytes = FK_BUF_INIT;
    if (is_copy) {
        fk_buf_str(&s->body, "\n---- clear copy ----\n");
        s->is_copy = true;
        s->header[0] = 0;
    }
    fk_transfer_decode(in->transfer, message + in->offset, in->len, &bytes);
    enum fk_status st = bytes.failed
                            ? fk_fail(err, FK_NOMEM, "reading a journal report: out of memory")
                            : fk_reading__read(bytes.data, bytes.len, false, sink, reasons, err);
    fk_buf_free(&bytes);
    return st;
}

enum fk_status fk_sink__people(const uint8_t *message, size_t len, bool headers_only,
                               struct fk_buf *out, struct fk_err *err) {
    unsigned reasons = 0;
    struct people_sink s = {.has_plain = false};
    struct fk_unwrapped u = FK_UNWRAPPED_INIT;
    const struct fk_sink sink = SINK_OF(&s);
    enum fk_status st = headers_only ? FK_OK : fk_unwrap(message, len, &u, err);
    if (st == FK_OK && u.inner_count == 0)
        st = fk_reading__read(message, len, headers_only, &sink, &reasons, err);
    for (size_t i = 0; st == FK_OK && i < u.inner_count; i++)
        st = inner_read(&s, &sink, message, &u.inner[i], i > 0, &reasons, err);
    fk_unwrapped_free(&u);
    return people_end(&s, st, reasons, out, err);
}

enum fk_status fk_sink__words(const uint8_t *message, size_t len, bool headers_only,
                              struct fk_buf *out, struct fk_err *err) {
    struct fk_buf text = FK_BUF_INIT;
    enum fk_status st = fk_sink__people(message, len, headers_only, &text, err);
    fk_put_u32(out, 0);
    if (st == FK_OK && text.len >= 4)
        fk_password_words__of((const char *)text.data + 4, text.len - 4, out);
    fk_buf_free(&text);
    return st == FK_OK && out->failed ? fk_fail(err, FK_NOMEM, "reading a message: out of memory")
                                      : st;
}

enum fk_status fk_sink__wrapper(const uint8_t *message, size_t len, struct fk_buf *out,
                                struct fk_err *err) {
    unsigned reasons = 0;
    struct people_sink s = {.has_plain = false};
    struct fk_unwrapped u = FK_UNWRAPPED_INIT;
    struct fk_buf shell = FK_BUF_INIT;
    const struct fk_sink sink = SINK_OF(&s);
    enum fk_status st;
    FK_TRY(fk_unwrap(message, len, &u, err));
    if (u.format == FK_JOURNAL_NONE) {
        fk_put_u32(out, 0);
        goto done;
    }
    fk_unwrapped_shell(message, len, &u, &shell);
    if (shell.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "reading a journal report: out of memory"));
    st = fk_reading__read(shell.data, shell.len, false, &sink, &reasons, err);
    st = people_end(&s, st, reasons, out, err);
done:
    fk_unwrapped_free(&u);
    fk_buf_free(&shell);
    return st;
}

enum fk_status fk_sink__report(const uint8_t *message, size_t len, struct fk_buf *out,
                               struct fk_err *err) {
    struct fk_unwrapped u = FK_UNWRAPPED_INIT;
    const struct fk_buf no_domino = FK_BUF_INIT;
    enum fk_status st = fk_unwrap(message, len, &u, err);
    fk_put_u32(out, 0);
    if (st == FK_OK && u.format != FK_JOURNAL_NONE)
        (void)fk_facts__report(out, &u, &no_domino); /* what is cut here are recipients */
    fk_unwrapped_free(&u);
    return st == FK_OK && out->failed
               ? fk_fail(err, FK_NOMEM, "reading a journal report: out of memory")
               : st;
}
