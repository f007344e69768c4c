/* files.c - one file after another: its name, its digest, its reader; what all readers share. */
#include "indexer/reading/files_priv.h"
#include "base/digest.h"
#include "indexer/reading/charset_priv.h"
#include "indexer/reading/file_cache_priv.h"
#include "indexer/reading/html_priv.h"
#include "indexer/reading/programs_priv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct fk_files {
    const struct fk_sink *sink;
    unsigned *reasons;
    bool *clean;
    size_t *text_left;
    int runner;
    struct fk_buf path;        /* of the file at hand */
    struct fk_buf last_unread; /* told once */
    unsigned depth, opened;
    uint64_t unpacked, programs_ms;
    int64_t since_ms; /* of this process's CPU time */
    size_t file_text; /* bytes of the attachment's text so far */
    bool sink_failed;
    struct fk_file_cache *cache;
    const struct fk_password *passwords;
    size_t password_count;
};

enum { PATH_BYTES = 1000 };

enum fk_status fk_files__new(struct fk_files **out, struct fk_err *err) {
    struct fk_files *f = calloc(1, sizeof *f);
    if (!f)
        return fk_fail(err, FK_NOMEM, "reading attachments: out of memory");
    f->runner = -1;
    f->cache = fk_file_cache__new();
    *out = f;
    return FK_OK;
}

void fk_files__runner(struct fk_files *f, int sock) {
    f->runner = sock;
}

static int64_t cpu_ms(void) {
    struct timespec t;
    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0
               ? (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000
               : 0;
}

void fk_files__new_message(struct fk_files *f) {
    f->opened = 0;
    f->unpacked = f->programs_ms = 0;
    f->since_ms = cpu_ms();
}

void fk_files__begin(struct fk_files *f, const struct fk_sink *sink, unsigned *reasons, bool *clean,
                     size_t *text_left) {
    f->sink = sink;
    f->reasons = reasons;
    f->clean = clean;
    f->text_left = text_left;
    fk_buf_reset(&f->path);
    fk_buf_reset(&f->last_unread);
    f->depth = 0;
    f->sink_failed = false;
}

void fk_files__passwords(struct fk_files *f, const struct fk_password *passwords, size_t count) {
    f->passwords = passwords;
    f->password_count = count;
}

/* ---- limits */

static int64_t ms_left(const struct fk_files *f) {
    return FK_FILES_SECONDS * 1000 - (cpu_ms() - f->since_ms) - (int64_t)f->programs_ms;
}

bool fk_files__is_late(const struct fk_files *f) {
    return ms_left(f) <= 0 || f->unpacked >= FK_UNPACKED_MAX;
}

bool fk_files__may_open(struct fk_files *f) {
    return f->opened++ < FK_FILES_MAX;
}

bool fk_files__may_unpack(const struct fk_files *f, size_t packed, size_t unpacked) {
    return unpacked <= FK_FILE_MAX && f->unpacked + unpacked <= FK_UNPACKED_MAX &&
           (unpacked <= FK_RATIO_FREE || unpacked / FK_RATIO_MAX <= packed);
}

void fk_files__unpacked(struct fk_files *f, size_t bytes) {
    f->unpacked += bytes;
}

/* ---- what goes out */

static enum fk_status sunk(struct fk_files *f, enum fk_status st) {
    f->sink_failed |= st != FK_OK;
    return st;
}

static enum fk_status good_text(struct fk_files *f, const char *text, size_t len,
                                struct fk_err *err) {
    const size_t room = FK_FILE_TEXT_MAX - f->file_text;
    size_t left = room < *f->text_left ? room : *f->text_left;
    if (len > left) {
        fk_files__unread(f, NULL, FK_REASON_LIMIT);
        while (left > 0 && ((uint8_t)text[left] & 0xc0) == 0x80)
            left--;
        len = left;
    }
    f->file_text += len;
    *f->text_left -= len;
    if (len == 0)
        return FK_OK;
    enum fk_status st = fk_reading__links_of_text(f->sink, text, len, err);
    if (st == FK_OK)
        st = f->sink->text(f->sink->ctx, FK_TEXT_FILE, text, len, err);
    return sunk(f, st);
}

enum fk_status fk_files__links(struct fk_files *f, const struct fk_buf *links, struct fk_err *err) {
    return sunk(f, fk_reading__links(f->sink, links, err));
}

/* Parsers that recover pass bytes on that are no UTF-8. */
enum fk_status fk_files__text(struct fk_files *f, const char *text, size_t len,
                              struct fk_err *err) {
    struct fk_buf clean = FK_BUF_INIT;
    if (fk_charset__is_utf8(text, len))
        return good_text(f, text, len, err);
    enum fk_status st = fk_charset__decode("utf-8", text, len, &clean, f->clean, err);
    if (st == FK_OK)
        st = good_text(f, (const char *)clean.data, clean.len, err);
    fk_buf_free(&clean);
    return st;
}

enum fk_status fk_files__bytes(struct fk_files *f, const char *charset, const void *data,
                               size_t len, struct fk_err *err) {
    struct fk_buf text = FK_BUF_INIT;
    enum fk_status st = fk_charset__decode(charset, data, len, &text, f->clean, err);
    if (st == FK_OK)
        fk_files__charset(f, charset);
    if (st == FK_OK)
        st = fk_files__text(f, (const char *)text.data, text.len, err);
    fk_buf_free(&text);
    return st;
}

/* A name as a part of a path: no blank ends, no way up, one kind of stroke. */
static void path_add(struct fk_buf *path, const char *name) {
    for (; *name == '/' || *name == '\\' || *name == ' ' || (name[0] == '.' && name[1] == '/');
         name++)
        ;
    if (path->len)
        fk_buf_byte(path, '/');
    for (size_t n = 0; name[n] && (n < PATH_BYTES || ((uint8_t)name[n] & 0xc0) == 0x80); n++)
        fk_buf_byte(path, name[n] == '\\' ? '/' : (uint8_t)name[n]);
}

void fk_files__unread(struct fk_files *f, const char *name, enum fk_reason reason) {
    const size_t before = f->path.len;
    *f->reasons |= reason;
    if (name)
        path_add(&f->path, name);
    fk_buf_printf(&f->path, "\n%x", (unsigned)reason);
    const bool is_told = f->last_unread.len == f->path.len &&
                         memcmp(f->last_unread.data, f->path.data, f->path.len) == 0;
    fk_buf_reset(&f->last_unread);
    fk_buf_add(&f->last_unread, f->path.data, f->path.len);
    while (f->path.data[--f->path.len] != '\n')
        ;
    if (f->sink->unread && !is_told)
        f->sink->unread(f->sink->ctx, (const char *)f->path.data, f->path.len, reason);
    f->path.len = before;
}

void fk_files__name(struct fk_files *f, const char *charset, const void *data, size_t len,
                    struct fk_buf *out) {
    bool clean = true;
    (void)f;
    if (fk_charset__decode(charset, data, len, out, &clean, NULL) != FK_OK)
        fk_buf_str(out, "?");
    while (out->len && out->data[out->len - 1] == 0)
        out->len--;
}

void fk_files__charset(struct fk_files *f, const char *declared) {
    const struct fk_charset_use *use = fk_charset__used();
    /* A reader that knows its charset has nothing to tell. */
    const bool is_known = use->faults == 0 && declared && strcasecmp(use->used, declared) == 0;
    if (f->sink->charset && !is_known && strcmp(use->used, "us-ascii") != 0)
        f->sink->charset(f->sink->ctx, (const char *)f->path.data, f->path.len, declared, use);
}

void fk_files__garbled(struct fk_files *f) {
    *f->clean = false;
}

enum fk_status fk_files__storage(struct fk_files *f, const char *name,
                                 enum fk_status (*read)(struct fk_files *, struct fk_ole *,
                                                        struct fk_err *),
                                 struct fk_ole *in, struct fk_err *err) {
    enum fk_status st;
    const size_t before = f->path.len;
    path_add(&f->path, *name ? name : "message");
    FK_TRY(sunk(f, f->sink->file(f->sink->ctx, (const char *)f->path.data, f->path.len, err)));
    if (f->sink->opens)
        f->sink->opens(f->sink->ctx, (const char *)f->path.data, f->path.len);
    if (f->depth++ < FK_FILE_DEPTH_MAX)
        st = read(f, in, err);
    else
        fk_files__unread(f, NULL, FK_REASON_LIMIT);
    f->depth--;
done:
    f->path.len = before;
    return st;
}

const struct fk_password *fk_files__password(struct fk_files *f, size_t i, size_t most) {
    return i < f->password_count && i < most && !fk_files__is_late(f) ? &f->passwords[i] : NULL;
}

void fk_files__unlocked(struct fk_files *f, const struct fk_password *password) {
    if (f->sink->unlocked)
        f->sink->unlocked(f->sink->ctx, (const char *)f->path.data, f->path.len, password->origin);
}

enum fk_status fk_files__named(struct fk_files *f, const char *name, struct fk_err *err) {
    const size_t before = f->path.len;
    path_add(&f->path, name);
    enum fk_status st =
        sunk(f, f->sink->file(f->sink->ctx, (const char *)f->path.data, f->path.len, err));
    f->path.len = before;
    return st;
}

/* ---- readers */

static enum fk_status text_read(struct fk_files *f, const struct fk_file *file,
                                struct fk_err *err) {
    return fk_files__bytes(f, file->charset, file->data, file->len, err);
}

static enum fk_status html_read(struct fk_files *f, const struct fk_file *file,
                                struct fk_err *err) {
    char charset[64] = "";
    struct fk_buf page = FK_BUF_INIT, text = FK_BUF_INIT, links = FK_BUF_INIT;
    enum fk_status st;
    if (!file->charset || !*file->charset)
        fk_html__charset(file->data, file->len, charset, sizeof charset);
    FK_TRY(fk_charset__decode(*charset ? charset : file->charset, file->data, file->len, &page,
                              f->clean, err));
    fk_files__charset(f, *charset ? charset : file->charset);
    FK_TRY(fk_html__read((const char *)page.data, page.len, &text, &links, err));
    FK_TRY(fk_files__links(f, &links, err));
    st = fk_files__text(f, (const char *)text.data, text.len, err);
done:
    fk_buf_free(&links);
    fk_buf_free(&page);
    fk_buf_free(&text);
    return st;
}

/* RFC 5545, section 3.1, and RFC 6350, section 3.2: a line goes on where the next begins with a
 * blank; \n and \, stand for a line end and a comma. */
static enum fk_status calendar_read(struct fk_files *f, const struct fk_file *file,
                                    struct fk_err *err) {
    struct fk_buf lines = FK_BUF_INIT;
    const uint8_t *at = file->data, *end = at + file->len;
    for (; at < end; at++) {
        const uint8_t *lf = *at == '\r' && at + 1 < end && at[1] == '\n' ? at + 1 : at;
        if (*lf == '\n' && lf + 1 < end && (lf[1] == ' ' || lf[1] == '\t'))
            at = lf + 1;
        else if (*at == '\\' && at + 1 < end && strchr("nN,;\\", at[1]) && at[1])
            fk_buf_byte(&lines, (*++at | 0x20) == 'n' ? '\n' : *at);
        else
            fk_buf_byte(&lines, *at);
    }
    enum fk_status st = lines.failed
                            ? fk_fail(err, FK_NOMEM, "reading a calendar: out of memory")
                            : fk_files__bytes(f, file->charset, lines.data, lines.len, err);
    fk_buf_free(&lines);
    return st;
}

enum fk_status fk_files__message(struct fk_files *f, const uint8_t *message, size_t len,
                                 struct fk_err *err) {
    return fk_reading__in_file(f, f->sink, f->reasons, f->clean, f->text_left, message, len, err);
}

static enum fk_status message_read(struct fk_files *f, const struct fk_file *file,
                                   struct fk_err *err) {
    return fk_files__message(f, file->data, file->len, err);
}

static enum fk_status pdf_read(struct fk_files *f, const struct fk_file *file, struct fk_err *err) {
    return fk_files__program(f, FK_PROGRAM_PDF, file, err);
}

/* ---- programs of others */

static bool complains_of(const struct fk_ran *ran, const char *words) {
    return ran->complaint.len &&
           memmem(ran->complaint.data, ran->complaint.len, words, strlen(words));
}

static bool is_blank(const struct fk_buf *text) {
    for (size_t i = 0; i < text->len; i++)
        if (text->data[i] > ' ')
            return false;
    return true;
}

/* 0: nothing to say of it. */
static enum fk_reason reason_of(const struct fk_ran *ran, bool is_pdf) {
    switch (ran->outcome) {
    case FK_RAN_MISSING:
    case FK_RAN_NEVER:
        return FK_REASON_PROGRAM;
    case FK_RAN_TIME:
    case FK_RAN_TOO_MUCH:
        return FK_REASON_LIMIT;
    case FK_RAN_DIED:
        return complains_of(ran, "bad_alloc") || complains_of(ran, "memory") ? FK_REASON_LIMIT
                                                                             : FK_REASON_UNREADABLE;
    case FK_RAN:
    case FK_OUTCOMES:
        break;
    }
    if (complains_of(ran, "Incorrect password") || complains_of(ran, "ncrypted"))
        return FK_REASON_ENCRYPTED;
    if (complains_of(ran, "Out of memory") || complains_of(ran, "ut of memory"))
        return FK_REASON_LIMIT;
    if (ran->exit != 0)
        return FK_REASON_UNREADABLE;
    return !is_blank(&ran->text) ? 0 : is_pdf ? FK_REASON_TEXTLESS : 0;
}

/* A PDF that wants a password, with one after another. */
static enum fk_status pdf_unlock(struct fk_files *f, const struct fk_file *file, struct fk_ran *ran,
                                 struct fk_err *err) {
    const struct fk_password *p;
    for (size_t i = 0; reason_of(ran, true) == FK_REASON_ENCRYPTED &&
                       (p = fk_files__password(f, i, FK_PASSWORDS_SLOW_MAX));
         i++) {
        struct fk_ran again = {.outcome = FK_RAN_NEVER};
        if (strlen(p->word) > FK_PASSWORD_MAX)
            continue;
        enum fk_status st = fk_program_run(f->runner, FK_PROGRAM_PDF, 1, file->data, file->len,
                                           p->word, &again, err);
        f->programs_ms += again.cpu_ms;
        if (st != FK_OK || reason_of(&again, true) == FK_REASON_ENCRYPTED) {
            fk_ran_free(&again);
            if (st != FK_OK)
                return st;
            continue;
        }
        fk_ran_free(ran);
        *ran = again;
        fk_files__unlocked(f, p);
    }
    return FK_OK;
}

enum fk_status fk_files__program(struct fk_files *f, unsigned program, const struct fk_file *file,
                                 struct fk_err *err) {
    struct fk_ran ran = {.outcome = FK_RAN_NEVER};
    const int64_t left = (ms_left(f) + 999) / 1000;
    if (left <= 0) {
        fk_files__unread(f, NULL, FK_REASON_LIMIT);
        return FK_OK;
    }
    enum fk_status st = fk_program_run(f->runner, (enum fk_program)program, (unsigned)left,
                                       file->data, file->len, "", &ran, err);
    f->programs_ms += ran.cpu_ms;
    if (st == FK_OK && program == FK_PROGRAM_PDF)
        st = pdf_unlock(f, file, &ran, err);
    if (st == FK_OK) {
        const enum fk_reason reason = reason_of(&ran, program == FK_PROGRAM_PDF);
        if (reason)
            fk_files__unread(f, NULL, reason);
        if (ran.text.len && reason != FK_REASON_ENCRYPTED)
            st = fk_files__bytes(f, "utf-8", ran.text.data, ran.text.len, err);
    }
    fk_ran_free(&ran);
    return st;
}

/* ---- one file */

static enum fk_status contents_read(struct fk_files *f, const struct fk_file *file,
                                    struct fk_err *err) {
    static const fk_file_reader readers[] = {[FK_KIND_TEXT] = text_read,
                                             [FK_KIND_HTML] = html_read,
                                             [FK_KIND_MESSAGE] = message_read,
                                             [FK_KIND_CALENDAR] = calendar_read,
                                             [FK_KIND_PDF] = pdf_read,
                                             [FK_KIND_RTF] = fk_file__rtf,
                                             [FK_KIND_OLE] = fk_file__ole,
                                             [FK_KIND_SIGNED] = fk_file__signed,
                                             [FK_KIND_TNEF] = fk_file__tnef,
                                             [FK_KIND_ZIP] = fk_file__zip,
                                             [FK_KIND_ARCHIVE] = fk_file__archive};
    const enum fk_kind kind = fk_kind__of(file);
    if (kind == FK_KIND_NAMELY)
        return FK_OK;
    if (kind == FK_KIND_UNKNOWN || kind == FK_KIND_ENCRYPTED) {
        fk_files__unread(f, NULL,
                         kind == FK_KIND_UNKNOWN ? FK_REASON_UNSUPPORTED : FK_REASON_ENCRYPTED);
        return FK_OK;
    }
    return readers[kind](f, file, err);
}

/* An attachment, as it was read before or anew. */
static enum fk_status remembered_read(struct fk_files *f, const struct fk_file *file,
                                      struct fk_err *err) {
    const struct fk_sink *sink = f->sink;
    unsigned *reasons = f->reasons, own_reasons = 0;
    bool *clean = f->clean, own_clean = true;
    enum fk_status st =
        fk_file_cache__tell(f->cache, file, sink, reasons, clean, f->text_left, err);
    if (st != FK_NOT_FOUND)
        return sunk(f, st);
    f->sink = fk_file_cache__begin(f->cache, file, sink);
    f->reasons = &own_reasons;
    f->clean = &own_clean;
    st = contents_read(f, file, err);
    f->sink = sink;
    f->reasons = reasons;
    f->clean = clean;
    fk_file_cache__end(f->cache, file, st == FK_OK, own_reasons, !own_clean);
    *reasons |= own_reasons;
    *clean = *clean && own_clean;
    return st;
}

static enum fk_status digest_tell(struct fk_files *f, const struct fk_file *file,
                                  struct fk_err *err) {
    uint8_t sum[FK_SHA256_BYTES];
    char hex[2 * FK_SHA256_BYTES + 1];
    if (!f->sink->digest)
        return FK_OK;
    fk_sha256(file->data, file->len, sum);
    fk_hex(hex, sum, sizeof sum);
    return sunk(f, f->sink->digest(f->sink->ctx, hex, err));
}

enum fk_status fk_files__read(struct fk_files *f, const struct fk_file *file, struct fk_err *err) {
    enum fk_status st;
    const size_t before = f->path.len;
    if (f->depth == 0)
        f->file_text = 0;
    path_add(&f->path, *file->name ? file->name : "unnamed");
    FK_TRY(digest_tell(f, file, err));
    if (f->depth > 0 && *file->name)
        FK_TRY(sunk(f, f->sink->file(f->sink->ctx, (const char *)f->path.data, f->path.len, err)));
    if (f->sink->opens)
        f->sink->opens(f->sink->ctx, (const char *)f->path.data, f->path.len);
    f->depth++;
    if (file->len == 0)
        st = FK_OK;
    else if (f->depth > FK_FILE_DEPTH_MAX || fk_files__is_late(f))
        fk_files__unread(f, NULL, FK_REASON_LIMIT);
    else
        st = f->depth == 1 ? remembered_read(f, file, err) : contents_read(f, file, err);
    f->depth--;
    if (st == FK_NOMEM && !f->sink_failed) { /* of the file's making */
        fk_files__unread(f, NULL, FK_REASON_LIMIT);
        st = FK_OK;
    }
done:
    f->path.len = before;
    return st;
}
