/* addresses.c - mailboxes out of From, To and their like. Structure is looked for in the raw bytes
 * and the pieces are decoded after it, as RFC 2047 wants: an encoded comma is no comma. */
#include "indexer/reading/charset_priv.h"
#include "indexer/reading/header_priv.h"

#include <string.h>

struct list {
    const char *at, *end;
    struct fk_buf phrase, angle, comment; /* of the mailbox being read, raw */
    bool has_angle;
    struct fk_buf name, address; /* decoded */
    fk_mailbox_fn fn;
    void *ctx;
    bool *clean;
};

/* From the opening quote on. */
static void take_quoted(struct list *l, struct fk_buf *to) {
    for (l->at++; l->at < l->end && *l->at != '"'; l->at++) {
        if (*l->at == '\\' && l->at + 1 < l->end)
            l->at++;
        fk_buf_byte(to, (uint8_t)*l->at);
    }
    if (l->at < l->end)
        l->at++;
}

static void take_comment(struct list *l) {
    int depth = 0;
    if (l->comment.len)
        fk_buf_byte(&l->comment, ' ');
    for (; l->at < l->end; l->at++) {
        const char c = *l->at;
        if (c == '\\' && l->at + 1 < l->end)
            fk_buf_byte(&l->comment, (uint8_t) * ++l->at);
        else if (c == '(' && depth++ == 0)
            continue;
        else if (c == ')' && --depth == 0) {
            l->at++;
            return;
        } else
            fk_buf_byte(&l->comment, (uint8_t)c);
    }
}

static void take_angle(struct list *l) {
    fk_buf_reset(&l->angle);
    l->has_angle = true;
    for (l->at++; l->at < l->end && *l->at != '>'; l->at++) {
        const char c = *l->at;
        if (c == '<')
            fk_buf_reset(&l->angle); /* <<a@b> */
        else if (c == ':' && l->angle.len && l->angle.data[0] == '@')
            fk_buf_reset(&l->angle); /* a source route before the address */
        else if (c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != '"')
            fk_buf_byte(&l->angle, (uint8_t)c);
    }
    if (l->at < l->end)
        l->at++;
}

static enum fk_status mailbox_end(struct list *l, struct fk_err *err) {
    enum fk_status st = FK_OK;
    const bool bare = !l->has_angle && l->phrase.len && memchr(l->phrase.data, '@', l->phrase.len);
    const struct fk_buf *name = bare || !l->phrase.len ? &l->comment : &l->phrase;
    const struct fk_buf *address = bare ? &l->phrase : &l->angle;
    fk_buf_reset(&l->name);
    fk_buf_reset(&l->address);
    FK_TRY(fk_words__decode((const char *)name->data, name->len, &l->name, l->clean, err));
    if (bare || l->has_angle)
        FK_TRY(fk_words__decode((const char *)address->data, address->len, &l->address, l->clean,
                                err));
    if (l->name.len || l->address.len) {
        const struct fk_mailbox m = {(const char *)l->name.data, (const char *)l->address.data,
                                     l->name.len, l->address.len};
        FK_TRY(l->fn(l->ctx, &m, err));
    }
    fk_buf_reset(&l->phrase);
    fk_buf_reset(&l->angle);
    fk_buf_reset(&l->comment);
    l->has_angle = false;
done:
    return st;
}

static enum fk_status list_read(struct list *l, struct fk_err *err) {
    enum fk_status st = FK_OK;
    while (l->at < l->end) {
        switch (*l->at) {
        case '"':
            take_quoted(l, &l->phrase);
            break;
        case '(':
            take_comment(l);
            break;
        case '<':
            take_angle(l);
            break;
        case ',':
        case ';': /* ends a group; Outlook's separator as well */
        case ':': /* begins one: its name is given out by itself */
            l->at++;
            FK_TRY(mailbox_end(l, err));
            break;
        default:
            fk_buf_byte(&l->phrase, (uint8_t)*l->at++);
        }
    }
    st = mailbox_end(l, err);
done:
    return st;
}

enum fk_status fk_addresses__each(const char *raw, size_t len, fk_mailbox_fn fn, void *ctx,
                                  bool *clean_out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf text = FK_BUF_INIT;
    struct list l = {.at = raw, .end = raw + len, .fn = fn, .ctx = ctx, .clean = clean_out};
    if (!fk_charset__is_utf8(raw, len) || memchr(raw, 0x1b, len)) { /* as in params.c */
        FK_TRY(fk_charset__decode(NULL, raw, len, &text, clean_out, err));
        l.at = (const char *)text.data;
        l.end = l.at + text.len;
    }
    FK_TRY(list_read(&l, err));
    if (l.phrase.failed || l.angle.failed || l.comment.failed)
        st = fk_fail(err, FK_NOMEM, "reading addresses: out of memory");
done:
    fk_buf_free(&text);
    fk_buf_free(&l.phrase);
    fk_buf_free(&l.angle);
    fk_buf_free(&l.comment);
    fk_buf_free(&l.name);
    fk_buf_free(&l.address);
    return st;
}
