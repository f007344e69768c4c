/* file_tnef.c - winmail.dat, what Outlook sends instead of MIME ([MS-OXTNEF]), by libytnef. */
#include "indexer/ole_priv.h"

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

/* A text ends at a NUL. libytnef has made UTF-8 of Unicode ones. */
static enum fk_status text_tell(struct fk_files *f, const variableLength *v, const char *charset,
                                struct fk_err *err) {
    if (!v || !v->data || v->size <= 0)
        return FK_OK;
    return fk_files__bytes(f, charset, v->data, strnlen((const char *)v->data, (size_t)v->size), err);
}

static enum fk_status body_tell(struct fk_files *f, TNEFStruct *t, const char *charset,
                                struct fk_err *err) {
    const variableLength *v;
    enum fk_status st = FK_OK;
    struct fk_buf rtf = FK_BUF_INIT;
    if (t->body.data && t->body.size > 0)
        return text_tell(f, &t->body, charset, err);
    if ((v = property(&t->MapiProperties, PR_BODY, TEXT16)))
        return text_tell(f, v, "utf-8", err);
    if ((v = property(&t->MapiProperties, PR_BODY, TEXT8)))
        return text_tell(f, v, charset, err);
    if ((v = property(&t->MapiProperties, PR_BODY_HTML, BINARY))) {
        const struct fk_file html = {v->data, (size_t)v->size, "body.html", charset, true, true, false};
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
    const variableLength *v = property(&a->MAPI, PR_ATTACH_LONG_FILENAME, TEXT16);
    const bool is_wide = v || (v = property(&a->MAPI, PR_ATTACH_FILENAME, TEXT16));
    if (!v)
        v = property(&a->MAPI, PR_ATTACH_LONG_FILENAME, TEXT8);
    if (!v)
        v = a->Title.data && a->Title.size > 0 ? &a->Title : NULL;
    if (v)
        fk_files__name(f, is_wide ? "utf-8" : charset, v->data,
                       strnlen((const char *)v->data, (size_t)v->size), out);
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
    const struct fk_file file = {v->data + skip, (size_t)v->size - skip, fk_buf_cstr(&name), NULL,
                                 false, false, false};
    enum fk_status st = fk_files__read(f, &file, err);
    fk_buf_free(&name);
    return st;
}

enum fk_status fk_file__tnef(struct fk_files *f, const struct fk_file *file, struct fk_err *err) {
    TNEFStruct t;
    char charset[24];
    enum fk_status st = FK_OK;
    memset(&t, 0, sizeof t);
    TNEFInitialize(&t);
    const bool is_good =
        TNEFParseMemory((BYTE *)(uintptr_t)file->data, (long)file->len, &t) >= 0;
    charset_of(&t, charset);
    FK_TRY(text_tell(f, &t.subject, charset, err));
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
