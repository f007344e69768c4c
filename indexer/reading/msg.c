/* msg.c - a message as Outlook saves it: properties are streams named by their number and type. */
#include "indexer/reading/ole_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = 32 << 20, ENTRY = 16, CODE_PAGE = 0x3ffd, INTERNET_PAGE = 0x3fde };

struct msg {
    struct fk_files *f;
    char charset[24]; /* of what is not Unicode; "": not known */
    struct fk_err *err;
};

/* Property `number` of a storage as bytes of text; *charset says of what. */
static bool text_get(struct msg *m, struct fk_ole *in, unsigned number, struct fk_buf *out,
                     const char **charset) {
    char name[32];
    fk_buf_reset(out);
    snprintf(name, sizeof name, "__substg1.0_%04X001F", number);
    *charset = "UTF-16LE";
    if (fk_ole__stream(m->f, in, name, VALUE_MAX, out))
        return out->len > 0;
    snprintf(name, sizeof name, "__substg1.0_%04X001E", number);
    *charset = m->charset;
    return fk_ole__stream(m->f, in, name, VALUE_MAX, out) && out->len > 0;
}

static enum fk_status text_tell(struct msg *m, struct fk_ole *in, unsigned number, bool *there) {
    const char *charset;
    struct fk_buf b = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    const bool has = text_get(m, in, number, &b, &charset);
    if (has)
        st = fk_files__bytes(m->f, charset, b.data, b.len, m->err);
    if (there)
        *there = has;
    fk_buf_free(&b);
    return st;
}

/* The code page stands among the properties of fixed size. */
static void charset_find(struct msg *m, struct fk_ole *in) {
    struct fk_buf b = FK_BUF_INIT;
    (void)fk_ole__stream(m->f, in, "__properties_version1.0", VALUE_MAX, &b);
    for (size_t at = b.len % ENTRY ? 8 : 0; at + ENTRY <= b.len; at += 8) {
        const uint8_t *p = b.data + at;
        const unsigned number = (unsigned)p[2] | (unsigned)p[3] << 8;
        if (p[0] == 3 && p[1] == 0 && (number == CODE_PAGE || number == INTERNET_PAGE)) {
            const unsigned page = (unsigned)p[8] | (unsigned)p[9] << 8;
            snprintf(m->charset, sizeof m->charset, "%s",
                     page == 932     ? "cp932"
                     : page == 50220 ? "iso-2022-jp"
                     : page == 51932 ? "euc-jp"
                     : page == 65001 ? "utf-8"
                                     : "");
            if (!*m->charset && page >= 1250 && page <= 1258)
                snprintf(m->charset, sizeof m->charset, "windows-%u", page);
            if (number == CODE_PAGE)
                break;
        }
    }
    fk_buf_free(&b);
}

static enum fk_status body_tell(struct msg *m, struct fk_ole *in) {
    bool there;
    struct fk_buf b = FK_BUF_INIT, rtf = FK_BUF_INIT;
    enum fk_status st = text_tell(m, in, 0x1000, &there);
    if (st != FK_OK || there)
        return st;
    if (fk_ole__stream(m->f, in, "__substg1.0_10130102", VALUE_MAX, &b) && b.len) {
        const struct fk_file html = {b.data, b.len, "body.html", m->charset, true, true, false};
        st = fk_files__read(m->f, &html, m->err);
    } else if (fk_ole__stream(m->f, in, "__substg1.0_10090102", VALUE_MAX, &b) && b.len) {
        fk_rtf__unpack(m->f, b.data, b.len, &rtf);
        const struct fk_file file = {rtf.data, rtf.len, "body.rtf", NULL, false, false, false};
        st = fk_file__rtf(m->f, &file, m->err);
    }
    fk_buf_free(&b);
    fk_buf_free(&rtf);
    return st;
}

static enum fk_status recipient_tell(struct msg *m, struct fk_ole *in) {
    static const unsigned wanted[] = {0x3001, 0x3003, 0x39fe};
    enum fk_status st = FK_OK;
    for (size_t i = 0; st == FK_OK && i < sizeof wanted / sizeof *wanted; i++)
        st = text_tell(m, in, wanted[i], NULL);
    return st;
}

/* Names are Unicode or in the message's code page; what is read of the file is as of any other. */
static void name_get(struct msg *m, struct fk_ole *in, struct fk_buf *out) {
    static const unsigned wanted[] = {0x3707, 0x3704, 0x3001};
    struct fk_buf b = FK_BUF_INIT;
    const char *charset;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted && !out->len; i++)
        if (text_get(m, in, wanted[i], &b, &charset))
            fk_files__name(m->f, charset, b.data, b.len, out);
    fk_buf_free(&b);
}

/* A message, or what another program has put there ([MS-OXCMSG] 2.2.2.9, afStorage). One without
 * contents is a link to a file that did not come with the message. */
static enum fk_status object_tell(struct msg *m, struct fk_ole *in, const char *name) {
    struct fk_ole *inner = fk_ole__storage(in, "__substg1.0_3701000D");
    enum fk_status st = FK_OK;
    if (inner && fk_ole__has(inner, "__properties_version1.0"))
        st = fk_files__storage(m->f, name, fk_msg__read, inner, m->err);
    else {
        const char *called = *name ? name : "unnamed";
        st = fk_files__named(m->f, called, m->err);
        fk_files__unread(m->f, called,
                         !inner && fk_ole__has(in, "__substg1.0_3701000D") ? FK_REASON_UNREADABLE
                                                                           : FK_REASON_UNSUPPORTED);
    }
    fk_ole__close(&inner);
    return st;
}

static enum fk_status attachment_tell(struct msg *m, struct fk_ole *in) {
    struct fk_buf name = FK_BUF_INIT, data = FK_BUF_INIT;
    enum fk_status st;
    name_get(m, in, &name);
    if (fk_ole__stream(m->f, in, "__substg1.0_37010102", FK_FILE_MAX, &data)) {
        const struct fk_file file = {data.data, data.len, fk_buf_cstr(&name), NULL, false,
                                     false,     false};
        st = data.failed ? fk_fail(m->err, FK_NOMEM, "an attachment: out of memory")
                         : fk_files__read(m->f, &file, m->err);
    } else
        st = object_tell(m, in, fk_buf_cstr(&name));
    fk_buf_free(&name);
    fk_buf_free(&data);
    return st;
}

static bool begins(const char *name, const char *with) {
    return strncmp(name, with, strlen(with)) == 0;
}

enum fk_status fk_msg__read(struct fk_files *f, struct fk_ole *msg, struct fk_err *err) {
    static const unsigned wanted[] = {0x0037, 0x0c1a, 0x5d01, 0x0c1f, 0x0e04, 0x0e03, 0x0e02};
    struct msg m = {f, "", err};
    enum fk_status st = FK_OK;
    const char *name;
    charset_find(&m, msg);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        FK_TRY(text_tell(&m, msg, wanted[i], NULL));
    FK_TRY(body_tell(&m, msg));
    for (unsigned i = 0; (name = fk_ole__name(msg, i)); i++) {
        const bool is_recipient = begins(name, "__recip_version1.0_");
        if (!is_recipient && !begins(name, "__attach_version1.0_"))
            continue;
        if (!fk_files__may_open(f)) {
            fk_files__unread(f, NULL, FK_REASON_LIMIT);
            break;
        }
        struct fk_ole *in = fk_ole__storage(msg, name);
        if (!in)
            fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
        else
            st = is_recipient ? recipient_tell(&m, in) : attachment_tell(&m, in);
        fk_ole__close(&in);
        if (st != FK_OK)
            break;
    }
done:
    return st;
}
