/* file_tnef.c - winmail.dat, what Outlook sends instead of MIME ([MS-OXTNEF]), by libytnef. */
#include "indexer/reading/ole_priv.h"

#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <ytnef.h>

enum { TEXT8 = 0x1e, TEXT16 = 0x1f, BINARY = 0x102, OBJECT = 0x0d, IID_BYTES = 16 };

static const variableLength *property(MAPIProps *p, unsigned number, unsigned type) {
    const variableLength *v = MAPIFindProperty(p, type | number << 16);
    return v && (const void *)v != (const void *)-1 && v->data && v->size > 0 ? v : NULL;
}

static void charset_of(const TNEFStruct *t, char out[24]) {
    unsigned page = 0;
    if (t->CodePage.data && t->CodePage.size >= 2)
        page = (unsigned)t->CodePage.data[0] | (unsigned)t->CodePage.data[1] << 8;
    out[0] = 0;
    if (page == 932 || page == 65001)
        snprintf(out, 24, "%s", page == 932 ? "cp932" : "utf-8");
    else if (page >= 1250 && page <= 1258)
        snprintf(out, 24, "windows-%u", page);
}

/* A text of libytnef, which ends at a NUL. */
struct text {
    const uint8_t *at; /* NULL: none */
    size_t len;
    const char *charset;
};

static struct text text_of(const variableLength *v, const char *charset) {
    if (!v || !v->data || v->size <= 0)
        return (struct text){NULL, 0, charset};
    return (struct text){v->data, strnlen((const char *)v->data, (size_t)v->size), charset};
}

/* It has made UTF-8 of Unicode, which is longer, but for the size, which is that of UTF-16 still; a
 * character beyond the first plane is two halves of three bytes each. */
static struct text unicode_of(const variableLength *v) {
    if (!v)
        return (struct text){NULL, 0, NULL};
    const size_t most = 3 * (size_t)v->size / 2 + 1; /* as it allocates it */
    return (struct text){v->data, strnlen((const char *)v->data, most), "CESU-8"};
}

static struct text text_property(MAPIProps *p, unsigned number, const char *charset) {
    const struct text unicode = unicode_of(property(p, number, TEXT16));
    return unicode.at ? unicode : text_of(property(p, number, TEXT8), charset);
}

static enum fk_status text_tell(struct fk_files *f, const struct text *t, struct fk_err *err) {
    return t->at && t->len ? fk_files__bytes(f, t->charset, t->at, t->len, err) : FK_OK;
}

static enum fk_status subject_tell(struct fk_files *f, TNEFStruct *t, const char *charset,
                                   struct fk_err *err) {
    static const unsigned names[] = {PR_SUBJECT, PR_SUBJECT_IPM, PR_ORIGINAL_SUBJECT,
                                     PR_NORMALIZED_SUBJECT, PR_CONVERSATION_TOPIC};
    const struct text own = text_of(&t->subject, charset);
    enum fk_status st = text_tell(f, &own, err);
    for (size_t i = 0; st == FK_OK && i < sizeof names / sizeof *names; i++) {
        const struct text one = text_property(&t->MapiProperties, names[i], charset);
        st = text_tell(f, &one, err);
    }
    return st;
}

/* libytnef copies a subject from the properties where there is none, in UTF-16's size, so that what
 * was in memory before stands behind it; and gives up at one of more than 100 bytes (2.0). So there
 * is one. */
static bool prepare(TNEFStruct *t) {
    memset(t, 0, sizeof *t);
    TNEFInitialize(t);
    t->subject.data = calloc(1, 1);
    t->subject.size = 1;
    return t->subject.data != NULL;
}

static enum fk_status body_tell(struct fk_files *f, TNEFStruct *t, const char *charset,
                                struct fk_err *err) {
    const variableLength *v;
    enum fk_status st = FK_OK;
    struct fk_buf rtf = FK_BUF_INIT;
    struct text plain = text_of(&t->body, charset);
    if (!plain.at)
        plain = text_property(&t->MapiProperties, PR_BODY, charset);
    if (plain.at)
        return text_tell(f, &plain, err);
    if ((v = property(&t->MapiProperties, PR_BODY_HTML, BINARY))) {
        const struct fk_file html = {v->data, (size_t)v->size, "body.html", charset, true, true,
                                     false};
        return fk_files__read(f, &html, err);
    }
    if ((v = property(&t->MapiProperties, PR_RTF_COMPRESSED, BINARY))) {
        fk_rtf__unpack(f, v->data, (size_t)v->size, &rtf);
        const struct fk_file file = {rtf.data, rtf.len, "body.rtf", NULL, false, false, false};
        st = fk_file__rtf(f, &file, err);
    }
    fk_buf_free(&rtf);
    return st;
}

static void name_of(struct fk_files *f, Attachment *a, const char *charset, struct fk_buf *out) {
    struct text name = unicode_of(property(&a->MAPI, PR_ATTACH_LONG_FILENAME, TEXT16));
    if (!name.at)
        name = unicode_of(property(&a->MAPI, PR_ATTACH_FILENAME, TEXT16));
    if (!name.at)
        name = text_of(property(&a->MAPI, PR_ATTACH_LONG_FILENAME, TEXT8), charset);
    if (!name.at)
        name = text_of(&a->Title, charset);
    if (name.at)
        fk_files__name(f, name.charset, name.at, name.len, out);
}

static enum fk_status attachment_tell(struct fk_files *f, Attachment *a, const char *charset,
                                      struct fk_err *err) {
    struct fk_buf name = FK_BUF_INIT;
    const variableLength *v = property(&a->MAPI, PR_ATTACH_DATA_OBJ, OBJECT);
    size_t skip = v ? IID_BYTES : 0; /* which interface: a message in a message is TNEF again */
    if (!v && !(v = property(&a->MAPI, PR_ATTACH_DATA_OBJ, BINARY)))
        v = &a->FileData;
    if (!v->data || v->size <= (int)skip)
        return FK_OK;
    name_of(f, a, charset, &name);
    const struct fk_file file = {
        v->data + skip, (size_t)v->size - skip, fk_buf_cstr(&name), NULL, false, false, false};
    enum fk_status st = fk_files__read(f, &file, err);
    fk_buf_free(&name);
    return st;
}

enum fk_status fk_file__tnef(struct fk_files *f, const struct fk_file *file, struct fk_err *err) {
    TNEFStruct t;
    char charset[24];
    enum fk_status st = FK_OK;
    if (!prepare(&t))
        return fk_fail(err, FK_NOMEM, "an attachment: out of memory");
    const bool is_good = TNEFParseMemory((BYTE *)(uintptr_t)file->data, (long)file->len, &t) >= 0;
    charset_of(&t, charset);
    FK_TRY(subject_tell(f, &t, charset, err));
    FK_TRY(body_tell(f, &t, charset, err));
    for (Attachment *a = t.starting_attach.next; a; a = a->next) {
        if (!fk_files__may_open(f)) {
            fk_files__unread(f, NULL, FK_REASON_LIMIT);
            break;
        }
        FK_TRY(attachment_tell(f, a, charset, err));
    }
    if (!is_good)
        fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
done:
    TNEFFree(&t);
    return st;
}
