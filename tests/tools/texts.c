/*
 * texts.c - what the house reads of messages, as text: for judges that search it in their own way.
 *
 *     texts [-a] FILE...        a line of JSON for each; -a: what stands in attached files too, but
 *                               for those that a program of others reads (PDF, old Office)
 *
 *     {"file": "a.eml", "reasons": 0, "texts": [["subject", "plain", 0, "..."], ...]}
 *
 * reasons: reason_priv.h, why some of it was not read. A text is what stands in one field or one
 * part and in nothing else: field (as the query language has them, "wrapper" for what stands around
 * a journaled message), kind ("html" where the part is), how many multipart/alternative it stands
 * in, and the text, decoded and not folded. A mailbox is one text, its name before its address.
 * Files of the corpus are opened without a box here: run it on what may be trusted not to harm.
 */
#include "base/io.h"
#include "indexer/reading/files_priv.h"
#include "indexer/reading/sink_priv.h"
#include "indexer/reading/unwrap_priv.h"
#include "search/json.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_MAX = 1 << 30 };

struct texts {
    json_t *list;
    bool is_wrapper;
    unsigned base, alternatives;
    struct fk_buf mailbox;
};

static const char *const names[FK_DOCFIELDS] = {
    [FK_IN_BODY] = "body",     [FK_IN_SUBJECT] = "subject", [FK_IN_FROM] = "from",
    [FK_IN_TO] = "to",         [FK_IN_CC] = "cc",           [FK_IN_BCC] = "bcc",
    [FK_IN_FILE] = "filename", [FK_IN_WRAPPER] = "wrapper", [FK_IN_ATTACHMENT] = "attachment"};

/* As docs/query.md has it: of nested messages people and subject are text of the body. */
static enum fk_docfield field_at(const struct texts *t, enum fk_docfield field, unsigned level) {
    return t->is_wrapper ? FK_IN_WRAPPER : level + t->base > 0 ? FK_IN_BODY : field;
}

static void put(struct texts *t, enum fk_docfield field, const char *kind, const char *text,
                size_t len) {
    (void)json_array_append_new(t->list, json_pack("[s, s, i, o]", names[field], kind,
                                                   (int)t->alternatives, fk_json_text(text, len)));
}

static enum fk_status mailbox_put(void *ctx, const char *header, enum fk_docfield field,
                                  unsigned level, const struct fk_mailbox *m, struct fk_err *err) {
    struct texts *t = ctx;
    (void)header;
    (void)err;
    if (field == FK_DOCFIELDS)
        return FK_OK;
    fk_buf_reset(&t->mailbox);
    fk_buf_add(&t->mailbox, m->name, m->name_len);
    if (m->address_len) {
        fk_buf_str(&t->mailbox, m->name_len ? " " : "");
        fk_buf_add(&t->mailbox, m->address, m->address_len);
    }
    put(t, field_at(t, field, level), "people", (const char *)t->mailbox.data, t->mailbox.len);
    return FK_OK;
}

static enum fk_status subject_put(void *ctx, unsigned level, const char *text, size_t len,
                                  struct fk_err *err) {
    (void)err;
    put(ctx, field_at(ctx, FK_IN_SUBJECT, level), "plain", text, len);
    return FK_OK;
}

static enum fk_status message_id_put(void *ctx, unsigned level, const char *text, size_t len,
                                     struct fk_err *err) {
    (void)ctx, (void)level, (void)text, (void)len, (void)err;
    return FK_OK;
}

static enum fk_status date_put(void *ctx, unsigned level, int64_t ms, struct fk_err *err) {
    (void)ctx, (void)level, (void)ms, (void)err;
    return FK_OK;
}

static enum fk_status file_put(void *ctx, const char *name, size_t len, struct fk_err *err) {
    struct texts *t = ctx;
    (void)err;
    put(t, t->is_wrapper ? FK_IN_WRAPPER : FK_IN_FILE, "plain", name, len);
    return FK_OK;
}

static enum fk_status text_put(void *ctx, enum fk_text_kind kind, const char *text, size_t len,
                               struct fk_err *err) {
    struct texts *t = ctx;
    const enum fk_docfield field = t->is_wrapper          ? FK_IN_WRAPPER
                                   : kind == FK_TEXT_FILE ? FK_IN_ATTACHMENT
                                                          : field_at(t, FK_IN_BODY, 0);
    (void)err;
    put(t, field, kind == FK_TEXT_HTML ? "html" : "plain", text, len);
    return FK_OK;
}

static void alternative_put(void *ctx, bool begins) {
    struct texts *t = ctx;
    if (begins)
        t->alternatives++;
    else if (t->alternatives > 0)
        t->alternatives--;
}

static void attachment_put(void *ctx) {
    (void)ctx;
}

static enum fk_status nested_put(void *ctx, unsigned level, struct fk_err *err) {
    (void)ctx, (void)level, (void)err;
    return FK_OK;
}

/* What is reported, then what stands around it. */
static enum fk_status journal_read(struct texts *t, const struct fk_sink *sink,
                                   const uint8_t *message, size_t len, const struct fk_unwrapped *u,
                                   unsigned *reasons, struct fk_err *err) {
    struct fk_buf bytes = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < u->inner_count; i++) {
        fk_buf_reset(&bytes);
        fk_transfer_decode(u->inner[i].transfer, message + u->inner[i].offset, u->inner[i].len,
                           &bytes);
        t->base = i > 0;
        FK_TRY(fk_reading__read(bytes.data, bytes.len, false, sink, reasons, err));
    }
    fk_buf_reset(&bytes);
    fk_unwrapped_shell(message, len, u, &bytes);
    t->is_wrapper = true;
    FK_TRY(fk_reading__read(bytes.data, bytes.len, false, sink, reasons, err));
done:
    fk_buf_free(&bytes);
    return st;
}

static enum fk_status file_read(const char *path, struct fk_files *files, struct fk_err *err) {
    struct texts t = {.list = json_array()};
    struct fk_buf message = FK_BUF_INIT, line = FK_BUF_INIT;
    struct fk_unwrapped u = FK_UNWRAPPED_INIT;
    unsigned reasons = 0;
    const struct fk_sink sink = {.ctx = &t,
                                 .mailbox = mailbox_put,
                                 .subject = subject_put,
                                 .message_id = message_id_put,
                                 .date = date_put,
                                 .file = file_put,
                                 .text = text_put,
                                 .alternative = alternative_put,
                                 .attachment = attachment_put,
                                 .nested = nested_put};
    enum fk_status st = FK_OK;
    FK_TRY(fk_read_file(path, MESSAGE_MAX, &message, err));
    if (files)
        fk_files__new_message(files);
    fk_reading__files(files);
    FK_TRY(fk_unwrap(message.data, message.len, &u, err));
    if (u.inner_count > 0)
        FK_TRY(journal_read(&t, &sink, message.data, message.len, &u, &reasons, err));
    else
        FK_TRY(fk_reading__read(message.data, message.len, false, &sink, &reasons, err));
    if (!fk_json_print(
            json_pack("{s:s, s:i, s:O}", "file", path, "reasons", (int)reasons, "texts", t.list),
            &line))
        st = fk_fail(err, FK_NOMEM, "%s: out of memory, or a name that is not UTF-8", path);
    else
        printf("%s\n", fk_buf_cstr(&line));
done:
    json_decref(t.list);
    fk_unwrapped_free(&u);
    fk_buf_free(&t.mailbox);
    fk_buf_free(&message);
    fk_buf_free(&line);
    return st;
}

int main(int argc, char **argv) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_files *files = NULL;
    const bool reads_files = argc > 1 && strcmp(argv[1], "-a") == 0;
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* as in worker.c */
    fk_reading__prepare();
    enum fk_status st = reads_files ? fk_files__new(&files, &err) : FK_OK;
    for (int i = reads_files ? 2 : 1; st == FK_OK && i < argc; i++)
        st = file_read(argv[i], files, &err);
    if (st != FK_OK)
        fprintf(stderr, "texts: %s\n", err.text);
    return st == FK_OK ? 0 : 1;
}
