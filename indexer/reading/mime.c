/* mime.c - the one file that knows GMime. Parsing keeps the stream, so that a part is a range of
 * the message's own bytes and nothing is copied before it is decoded. */
#include "indexer/reading/mime_priv.h"

#include <gmime/gmime.h>
#include <iconv.h>
#include <string.h>

enum { DECODE_STEP = 32768, SHORT_LINE = 24 };

struct walk {
    const uint8_t *message; /* what GMime's offsets count from */
    size_t len;
    const struct fk_mime_visitor *v;
    unsigned *reasons;
    unsigned parts, depth;
};

/* GMime, since it is asked for warnings, decodes header fields as it parses, and opens a converter
 * for each word. One that cannot be loaded any more in the box cost more than reading the rest of
 * the header: what Japanese mail uses is loaded before. */
static void converters_load(void) {
    static const char *const charsets[] = {"ISO-2022-JP", "SHIFT_JIS", "EUC-JP", "ISO-8859-1"};
    static iconv_t kept[sizeof charsets / sizeof *charsets]; /* what is open stays loaded */
    for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++)
        if (!kept[i])
            kept[i] = iconv_open("UTF-8", charsets[i]);
}

void fk_mime__prepare(void) {
    g_mime_init();
    converters_load();
}

static const char *line_end(const char *at, const char *end) {
    const char *lf = memchr(at, '\n', (size_t)(end - at));
    return lf ? lf + 1 : end;
}

/* The end of a line and of those that go on with it. */
static const char *field_end(const char *at, const char *end) {
    do {
        at = line_end(at, end);
    } while (at < end && (*at == ' ' || *at == '\t'));
    return at;
}

/* A field's bytes after the colon. GMime's own copy ends at a NUL; where it says that the field
 * begins, all of it stands. */
static struct fk_raw header_raw(const struct walk *w, GMimeHeader *h) {
    const char *copy = g_mime_header_get_raw_value(h);
    struct fk_raw raw = {copy, copy ? strlen(copy) : 0};
    const gint64 offset = g_mime_header_get_offset(h);
    if (offset < 0 || (size_t)offset >= w->len)
        return raw;
    const char *at = (const char *)w->message + offset, *end = (const char *)w->message + w->len;
    const char *name = g_mime_header_get_name(h);
    const size_t n = strlen(name);
    if ((size_t)(end - at) <= n || strncasecmp(at, name, n) != 0)
        return raw;
    const char *colon = memchr(at + n, ':', (size_t)(end - at) - n);
    if (!colon)
        return raw;
    const char *stop = field_end(colon + 1, end);
    if ((size_t)(stop - colon - 1) < raw.len)
        return raw;
    return (struct fk_raw){colon + 1, (size_t)(stop - colon - 1)};
}

static struct fk_raw header_named(const struct walk *w, GMimeObject *o, const char *name) {
    GMimeHeader *h = g_mime_header_list_get_header(g_mime_object_get_header_list(o), name);
    return h ? header_raw(w, h) : (struct fk_raw){NULL, 0};
}

static enum fk_status headers_visit(struct walk *w, unsigned level, GMimeObject *o,
                                    struct fk_err *err) {
    GMimeHeaderList *list = g_mime_object_get_header_list(o);
    const int n = g_mime_header_list_get_count(list);
    for (int i = 0; i < n; i++) {
        GMimeHeader *h = g_mime_header_list_get_header_at(list, i);
        enum fk_status st =
            w->v->header(w->v->ctx, level, g_mime_header_get_name(h), header_raw(w, h), err);
        if (st != FK_OK)
            return st;
    }
    return FK_OK;
}

/* "text", ";;;", nothing: by RFC 2045, section 5.2, such a part is plain text. */
static bool names_a_type(struct fk_raw value) {
    const char *end = value.len ? memchr(value.text, ';', value.len) : NULL;
    return value.len && memchr(value.text, '/', end ? (size_t)(end - value.text) : value.len);
}

static struct fk_mime_part part_of(const struct walk *w, GMimeObject *o) {
    const struct fk_raw declared = header_named(w, o, "Content-Type");
    GMimeContentType *type = g_mime_object_get_content_type(o);
    if (declared.text && !names_a_type(declared) && !GMIME_IS_MULTIPART(o))
        type = NULL;
    const char *media = type ? g_mime_content_type_get_media_type(type) : NULL;
    const char *sub = type ? g_mime_content_type_get_media_subtype(type) : NULL;
    return (struct fk_mime_part){.type = media ? media : "text",
                                 .subtype = sub ? sub : "plain",
                                 .content_type = declared,
                                 .disposition = header_named(w, o, "Content-Disposition")};
}

/* Text before the first and after the last part. Readers see it in no mail program, but a list's
 * footer may stand there, and so may what somebody hides; a boundary that never comes leaves all
 * there. */
static enum fk_status loose_text(struct walk *w, unsigned level, const char *text, size_t len,
                                 struct fk_err *err) {
    size_t blank = 0;
    while (blank < len && strchr(" \t\r\n", text[blank]) && text[blank])
        blank++;
    if (blank == len)
        return FK_OK;
    const struct fk_mime_part part = {.type = "text",
                                      .subtype = "plain",
                                      .data = (const uint8_t *)text,
                                      .len = len,
                                      .encoding = GMIME_CONTENT_ENCODING_8BIT};
    return w->v->part(w->v->ctx, level, &part, err);
}

/* A CR ends a line for some mail programs and for GMime none: what stands behind it in a field of a
 * part is to them a text, or a nested message. (In the message's own header: fk_scan_lines.) */
static enum fk_status text_in_header(struct walk *w, unsigned level, GMimeObject *o,
                                     struct fk_err *err) {
    GMimeHeaderList *list = g_mime_object_get_header_list(o);
    const int count = g_mime_header_list_get_count(list);
    enum fk_status st = FK_OK;
    for (int i = 0; i < count && st == FK_OK; i++) {
        const struct fk_raw raw = header_raw(w, g_mime_header_list_get_header_at(list, i));
        const uint8_t *at = (const uint8_t *)raw.text, *end = at + raw.len;
        size_t n;
        at = raw.len ? fk_scan_lone_cr(at, end, &n) : NULL;
        if (at)
            st = loose_text(w, level, (const char *)at + n, (size_t)(end - at) - n, err);
    }
    return st;
}

static enum fk_status bytes_walk(const uint8_t *message, size_t len, unsigned level,
                                 bool headers_only, struct walk *outer, struct fk_err *err);
static enum fk_status object_walk(struct walk *w, unsigned level, GMimeObject *o,
                                  struct fk_err *err);

/* A nested message in base64, which RFC 2046 forbids and mailers write. */
static enum fk_status encoded_message_walk(struct walk *w, unsigned level,
                                           const struct fk_mime_part *part, struct fk_err *err) {
    struct fk_buf decoded = FK_BUF_INIT;
    enum fk_status st = fk_mime__decode(part, FK_TEXT_MAX, &decoded, w->reasons, err);
    if (st == FK_OK)
        st = w->v->nested(w->v->ctx, level + 1, part, err);
    if (st == FK_OK)
        st = bytes_walk(decoded.data, decoded.len, level + 1, false, w, err);
    fk_buf_free(&decoded);
    return st;
}

static bool is_message_type(const struct fk_mime_part *part) {
    return g_ascii_strcasecmp(part->type, "message") == 0 &&
           (g_ascii_strcasecmp(part->subtype, "rfc822") == 0 ||
            g_ascii_strcasecmp(part->subtype, "global") == 0);
}

static enum fk_status leaf_walk(struct walk *w, unsigned level, GMimePart *leaf,
                                struct fk_err *err) {
    struct fk_mime_part part = part_of(w, GMIME_OBJECT(leaf));
    GMimeDataWrapper *content = g_mime_part_get_content(leaf);
    GMimeStream *stream = content ? g_mime_data_wrapper_get_stream(content) : NULL;
    if (stream && stream->bound_start >= 0 && (size_t)stream->bound_start <= w->len) {
        const gint64 end = stream->bound_end;
        part.data = w->message + stream->bound_start;
        part.len = end < 0 || (size_t)end > w->len ? w->len - (size_t)stream->bound_start
                   : end < stream->bound_start     ? 0
                                                   : (size_t)(end - stream->bound_start);
        part.encoding = (int)g_mime_data_wrapper_get_encoding(content);
    }
    if (is_message_type(&part))
        return encoded_message_walk(w, level, &part, err);
    return w->v->part(w->v->ctx, level, &part, err);
}

static enum fk_status nested_walk(struct walk *w, unsigned level, GMimeMessagePart *holder,
                                  struct fk_err *err) {
    enum fk_status st = FK_OK;
    const struct fk_mime_part part = part_of(w, GMIME_OBJECT(holder));
    GMimeMessage *message = g_mime_message_part_get_message(holder);
    if (!message)
        return FK_OK;
    FK_TRY(w->v->nested(w->v->ctx, level + 1, &part, err));
    FK_TRY(headers_visit(w, level + 1, GMIME_OBJECT(message), err));
    FK_TRY(text_in_header(w, level + 1, GMIME_OBJECT(message), err));
    if (g_mime_message_get_mime_part(message))
        FK_TRY(object_walk(w, level + 1, g_mime_message_get_mime_part(message), err));
done:
    return st;
}

static enum fk_status multipart_walk(struct walk *w, unsigned level, GMimeMultipart *m,
                                     struct fk_err *err) {
    enum fk_status st = FK_OK;
    const struct fk_mime_part part = part_of(w, GMIME_OBJECT(m));
    const int n = g_mime_multipart_get_count(m);
    const char *before = g_mime_multipart_get_prologue(m);
    const char *after = g_mime_multipart_get_epilogue(m);
    if (before && !fk_preamble_is_usual(before, strlen(before)))
        FK_TRY(loose_text(w, level, before, strlen(before), err));
    FK_TRY(w->v->multipart(w->v->ctx, part.subtype, true, err));
    for (int i = 0; i < n; i++)
        FK_TRY(object_walk(w, level, g_mime_multipart_get_part(m, i), err));
    FK_TRY(w->v->multipart(w->v->ctx, part.subtype, false, err));
    if (after)
        FK_TRY(loose_text(w, level, after, strlen(after), err));
done:
    return st;
}

static enum fk_status object_walk(struct walk *w, unsigned level, GMimeObject *o,
                                  struct fk_err *err) {
    enum fk_status st;
    if (w->depth >= FK_DEPTH_MAX || w->parts >= FK_PARTS_MAX) {
        *w->reasons |= w->depth >= FK_DEPTH_MAX ? FK_REASON_DEPTH : FK_REASON_PARTS;
        return FK_OK;
    }
    w->depth++;
    w->parts++;
    st = text_in_header(w, level, o, err);
    if (st != FK_OK)
        return st;
    if (GMIME_IS_MULTIPART(o))
        st = multipart_walk(w, level, GMIME_MULTIPART(o), err);
    else if (GMIME_IS_MESSAGE_PART(o))
        st = nested_walk(w, level, GMIME_MESSAGE_PART(o), err);
    else
        st = leaf_walk(w, level, GMIME_PART(o), err);
    w->depth--;
    return st;
}

/* Lines among header fields that are none. GMime passes over them; what a mail program shows of
 * them may be the whole message. */
struct stray {
    const uint8_t *message;
    size_t len;
    struct fk_buf lines;
};

static void stray_take(gint64 offset, GMimeParserWarning code, const gchar *item, gpointer ctx) {
    struct stray *s = ctx;
    (void)item; /* ends at a NUL */
    if (code != GMIME_CRIT_INVALID_HEADER_NAME || offset < 0 || (size_t)offset >= s->len)
        return;
    const char *at = (const char *)s->message + offset;
    const char *end = field_end(at, (const char *)s->message + s->len);
    fk_buf_add(&s->lines, at, (size_t)(end - at));
}

/* Since 3.2.14 one parameter more, for who frees the last. */
static void strays_hear(GMimeParserOptions *options, struct stray *s) {
#if GMIME_CHECK_VERSION(3, 2, 14)
    g_mime_parser_options_set_warning_callback(options, stray_take, s, NULL);
#else
    g_mime_parser_options_set_warning_callback(options, stray_take, s);
#endif
}

static GMimeObject *parsed(struct stray *s) {
    GByteArray bytes = {(guint8 *)(uintptr_t)s->message, (guint)s->len};
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(&bytes);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    g_mime_parser_set_persist_stream(parser, TRUE);
    GMimeParserOptions *options = g_mime_parser_options_new();
    strays_hear(options, s);
    fk_buf_reset(&s->lines);
    /* As a part, not as a message: all header fields are then kept raw, and none is parsed for
     * addresses through iconv. */
    GMimeObject *o = g_mime_parser_construct_part(parser, options);
    g_mime_parser_options_free(options);
    g_object_unref(parser);
    g_object_unref(stream); /* the parts' ranges stay; nobody reads through them any more */
    return o;
}

/* What does not begin with header fields (a From_ line, garbage) has its first line passed over
 * once; after that all of it is text. */
static enum fk_status message_walk(const uint8_t *message, size_t len, unsigned level,
                                   bool headers_only, struct walk *outer, struct fk_err *err) {
    struct walk w = *outer;
    struct stray stray = {message, len, FK_BUF_INIT};
    struct fk_buf ended = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    GMimeObject *o = len ? parsed(&stray) : NULL;
    /* GMime gives nothing back where a message ends in the middle of such a line. */
    if (!o && len && len <= FK_HEADER_MAX && message[len - 1] != '\n') {
        fk_buf_add(&ended, message, len);
        fk_buf_byte(&ended, '\n');
        if (ended.failed)
            FK_TRY(fk_fail(err, FK_NOMEM, "reading a message: out of memory"));
        message = stray.message = ended.data;
        len = stray.len = ended.len;
        o = parsed(&stray);
    }
    if (!o && len) {
        const uint8_t *lf = memchr(message, '\n', len);
        const size_t skip = lf ? (size_t)(lf + 1 - message) : len;
        stray.message += skip;
        stray.len -= skip;
        o = stray.len ? parsed(&stray) : NULL;
        if (o)
            fk_buf_add(&stray.lines, message, skip);
    }
    w.message = o ? stray.message : message;
    w.len = o ? stray.len : len;
    if (o) {
        st = headers_visit(&w, level, o, err);
        if (st == FK_OK && !headers_only)
            st = object_walk(&w, level, o, err);
        if (st == FK_OK && !headers_only)
            st = loose_text(&w, level, (const char *)stray.lines.data, stray.lines.len, err);
        g_object_unref(o);
    } else if (!headers_only) {
        const struct fk_mime_part part = {.type = "text",
                                          .subtype = "plain",
                                          .data = message,
                                          .len = len,
                                          .encoding = GMIME_CONTENT_ENCODING_8BIT};
        st = w.v->part(w.v->ctx, level, &part, err);
    }
    if (st == FK_OK && stray.lines.failed)
        st = fk_fail(err, FK_NOMEM, "reading a message: out of memory");
done:
    fk_buf_free(&stray.lines);
    fk_buf_free(&ended);
    outer->parts = w.parts;
    return st;
}

static enum fk_status bytes_walk(const uint8_t *message, size_t len, unsigned level,
                                 bool headers_only, struct walk *outer, struct fk_err *err) {
    struct fk_buf lines = FK_BUF_INIT, cut = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    FK_TRY(fk_scan_lines(message, len, &lines, err));
    if (lines.len)
        message = lines.data;
    FK_TRY(fk_scan(message, len, &cut, outer->reasons, err));
    st = message_walk(cut.len ? cut.data : message, cut.len ? cut.len : len, level, headers_only,
                      outer, err);
done:
    fk_buf_free(&lines);
    fk_buf_free(&cut);
    return st;
}

enum fk_status fk_mime__walk(const uint8_t *message, size_t len, bool headers_only,
                             const struct fk_mime_visitor *v, unsigned *reasons,
                             struct fk_err *err) {
    struct walk w = {.v = v, .reasons = reasons};
    if (len > UINT32_MAX) {
        *reasons |= FK_REASON_SIZE;
        len = UINT32_MAX;
    }
    return bytes_walk(message, len, 0, headers_only, &w, err);
}

static bool is_uu_begin(const char *at, const char *end) {
    return end - at > 6 && memcmp(at, "begin ", 6) == 0;
}

/* Where what is encoded begins: the decoder takes the line before it for granted. */
static size_t uu_begin(const uint8_t *data, size_t len) {
    const char *at = (const char *)data, *end = at + len;
    while (at < end) {
        const char *next = line_end(at, end);
        if (is_uu_begin(at, next))
            return (size_t)(next - (const char *)data);
        at = next;
    }
    return len;
}

enum fk_status fk_mime__decode(const struct fk_mime_part *part, size_t max, struct fk_buf *out,
                               unsigned *reasons, struct fk_err *err) {
    GMimeEncoding state;
    size_t done = 0, given = 0;
    g_mime_encoding_init_decode(&state, (GMimeContentEncoding)part->encoding);
    if (part->encoding == GMIME_CONTENT_ENCODING_UUENCODE) {
        done = uu_begin(part->data, part->len);
        state.state |= GMIME_UUDECODE_STATE_BEGIN;
    }
    while (done < part->len && given < max && !out->failed) {
        const size_t n = part->len - done < DECODE_STEP ? part->len - done : DECODE_STEP;
        if (!fk_buf_reserve(out, g_mime_encoding_outlen(&state, n)))
            break;
        const size_t got = g_mime_encoding_step(&state, (const char *)part->data + done, n,
                                                (char *)out->data + out->len);
        out->len += got;
        given += got;
        done += n;
    }
    if (given > max) {
        out->len -= given - max;
        *reasons |= FK_REASON_SIZE;
    } else if (done < part->len)
        *reasons |= FK_REASON_SIZE;
    return out->failed ? fk_fail(err, FK_NOMEM, "decoding a part: out of memory") : FK_OK;
}

/* Signs of base64 alone, blanks around them apart. */
static bool is_base64(const char *at, const char *end) {
    while (at < end && strchr(" \t\r\n", end[-1]) && end[-1])
        end--;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (at < end && (g_ascii_isalnum(*at) || *at == '+' || *at == '/' || *at == '='))
        at++;
    return at == end;
}

static void unencoded_base64(const char *at, const char *end, struct fk_buf *out) {
    bool any = false;
    for (const char *line = at, *next; !any && line < end; line = next) {
        next = line_end(line, end);
        any = !is_base64(line, next);
    }
    for (const char *next; any && at < end; at = next) {
        next = line_end(at, end);
        if (next - at < SHORT_LINE || !is_base64(at, next)) /* "Regards" is base64 too */
            fk_buf_add(out, at, (size_t)(next - at));
    }
}

static void unencoded_uu(const char *at, const char *end, struct fk_buf *out) {
    bool within = false;
    for (const char *next; at < end; at = next) {
        next = line_end(at, end);
        const size_t n = (size_t)(next - at);
        if (!within && is_uu_begin(at, next))
            within = true;
        else if (!within)
            fk_buf_add(out, at, n);
        else if (n >= 3 && memcmp(at, "end", 3) == 0 && n <= 5)
            within = false;
    }
}

void fk_mime__unencoded(const struct fk_mime_part *part, size_t max, struct fk_buf *out) {
    const char *at = (const char *)part->data, *end = at + (part->len < max ? part->len : max);
    if (part->encoding == GMIME_CONTENT_ENCODING_BASE64)
        unencoded_base64(at, end, out);
    else if (part->encoding == GMIME_CONTENT_ENCODING_UUENCODE)
        unencoded_uu(at, end, out);
}

bool fk_mime__date(struct fk_raw value, int64_t *ms_out) {
    char text[128];
    if (value.len == 0 || value.len >= sizeof text)
        return false;
    memcpy(text, value.text, value.len);
    text[value.len] = 0;
    GDateTime *date = g_mime_utils_header_decode_date(text);
    if (!date)
        return false;
    *ms_out = g_date_time_to_unix(date) * 1000;
    g_date_time_unref(date);
    return true;
}
