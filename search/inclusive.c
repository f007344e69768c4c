/* inclusive.c - see inclusive.h. */
#include "search/inclusive.h"
#include "indexer/text/terms.h"

#include <stdlib.h>
#include <string.h>

const char *fk_inclusive_name(enum fk_inclusive value) {
    static const char *const names[] = {"inclusive", "inclusive-minus", "copy", "none"};
    return names[value];
}

void fk_inclusive_free(struct fk_inclusive_message *m) {
    fk_buf_free(&m->lines);
    fk_buf_free(&m->names);
    fk_buf_free(&m->files);
}

/* ---- lines */

struct line {
    const char *at;
    size_t len;
};

static bool begins(struct line l, const char *word) {
    const size_t n = strlen(word);
    return l.len >= n && memcmp(l.at, word, n) == 0;
}

static bool ends(struct line l, const char *word) {
    const size_t n = strlen(word);
    return l.len >= n && memcmp(l.at + l.len - n, word, n) == 0;
}

/* What stands around a quotation: folded and without blanks. The header lines that Outlook puts
 * above one are known by the marker or the "from:" before them. */
static bool is_around(struct line l, bool *in_header) {
    static const char *const fields[] = {
        "from:",     "sent:", "to:",   "cc:",   "date:", "subject:",    "差出人:", "送信者:",
        "送信日時:", "宛先:", "件名:", "日付:", "日時:", "importance:", "重要度:"};
    if ((begins(l, "on") || begins(l, "am")) && (ends(l, "wrote:") || ends(l, "schrieb:")))
        return true;
    if (ends(l, "さんは書きました:") || ends(l, "書きました:") || ends(l, "さんのメッセージ:") ||
        ends(l, "のメール:") || ends(l, "wrote:"))
        return true;
    if (begins(l, "-----original") || begins(l, "-----元のメッセージ") ||
        begins(l, "-----forwarded") || begins(l, "----------forwarded") ||
        begins(l, "----------転送") || begins(l, "________________________________"))
        return *in_header = true;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (begins(l, fields[i]) && (*in_header || i == 0 || i == 7))
            return *in_header = true;
    *in_header = false;
    return false;
}

/* "[NAME]" below the text stands for a file, "(partial: ...)" for what could not be read. */
static bool is_trailer(const struct fk_inclusive_message *m, const char *at, size_t len) {
    if (len > 10 && memcmp(at, "(partial: ", 10) == 0)
        return true;
    if (len < 2 || at[0] != '[' || at[len - 1] != ']')
        return false;
    const char *f = (const char *)m->names.data, *end = f + m->names.len;
    for (const char *lf; f < end && (lf = memchr(f, '\n', (size_t)(end - f))); f = lf + 1)
        if ((size_t)(lf - f) == len - 2 && memcmp(f, at + 1, len - 2) == 0)
            return true;
    return false;
}

/* Without marks of quotation before it and without blanks. */
static void squeeze(const char *at, size_t len, struct fk_buf *out) {
    static const char wide[] = "\xe3\x80\x80"; /* ideographic space */
    const char *end = at + len;
    while (at < end && (*at == '>' || *at == '|' || (uint8_t)*at <= ' '))
        at++;
    fk_buf_reset(out);
    for (; at < end; at++) {
        if (end - at >= 3 && memcmp(at, wide, 3) == 0)
            at += 2;
        else if ((uint8_t)*at > ' ')
            fk_buf_byte(out, (uint8_t)*at);
    }
}

/* Behind the header lines, which end with an empty one. */
static const char *body_of(const char *text, size_t len) {
    const char *empty = len && *text == '\n' ? text : memmem(text, len, "\n\n", 2);
    return empty == NULL ? text + len : *empty == '\n' && empty == text ? text + 1 : empty + 2;
}

enum fk_status fk_inclusive_take(struct fk_inclusive_message *m, const char *text, size_t len,
                                 struct fk_err *err) {
    struct fk_buf folded = FK_BUF_INIT, one = FK_BUF_INIT;
    const char *at = body_of(text, len), *end = text + len;
    bool in_header = false;
    enum fk_status st = FK_OK;
    for (const char *lf; at < end && st == FK_OK; at = lf + 1) {
        lf = memchr(at, '\n', (size_t)(end - at));
        if (lf == NULL)
            lf = end;
        if (is_trailer(m, at, (size_t)(lf - at)))
            continue;
        fk_buf_reset(&folded);
        st = fk_terms_fold(at, (size_t)(lf - at), &folded, err);
        squeeze((const char *)folded.data, folded.len, &one);
        const struct line l = {(const char *)one.data, one.len};
        if (l.len == 0) {
            in_header = false;
            continue;
        }
        if (is_around(l, &in_header))
            continue;
        fk_buf_add(&m->lines, one.data, one.len);
        fk_buf_byte(&m->lines, '\n');
    }
    if (st == FK_OK && (folded.failed || one.failed || m->lines.failed))
        st = fk_fail(err, FK_NOMEM, "out of memory for a conversation");
    fk_buf_free(&folded);
    fk_buf_free(&one);
    return st;
}

/* ---- what is in what */

/* All lines in a row: quoted text is often wrapped anew. */
static void join(const struct fk_buf *lines, struct fk_buf *out) {
    for (size_t i = 0; i < lines->len; i++)
        if (lines->data[i] != '\n')
            fk_buf_byte(out, lines->data[i]);
}

static bool is_in(const struct fk_buf *lines, const struct fk_buf *whole) {
    const char *at = (const char *)lines->data, *end = at + lines->len;
    const char *from = (const char *)whole->data, *stop = from + whole->len;
    for (const char *lf; at < end && (lf = memchr(at, '\n', (size_t)(end - at))); at = lf + 1) {
        const size_t n = (size_t)(lf - at);
        const char *found = from < stop ? memmem(from, (size_t)(stop - from), at, n) : NULL;
        if (found == NULL)
            return false;
        from = found + n;
    }
    return true;
}

static bool files_are_in(const struct fk_buf *files, const struct fk_buf *whole) {
    const char *at = (const char *)files->data, *end = at + files->len;
    for (const char *lf; at < end && (lf = memchr(at, '\n', (size_t)(end - at))); at = lf + 1) {
        const char *f = (const char *)whole->data, *stop = f + whole->len, *next;
        bool found = false;
        for (; f < stop && !found && (next = memchr(f, '\n', (size_t)(stop - f))); f = next + 1)
            found = next - f == lf - at && memcmp(f, at, (size_t)(lf - at)) == 0;
        if (!found)
            return false;
    }
    return true;
}

/* The last one wins that says more: in another one, text alone in another one, nowhere. */
static enum fk_inclusive judge(const struct fk_inclusive_message *m, const struct fk_buf *rows,
                               size_t n, size_t i) {
    enum fk_inclusive value = FK_INCLUSIVE;
    for (size_t k = 0; k < n && !m[i].is_partial; k++) {
        if (k == i || rows[k].len < rows[i].len || !is_in(&m[i].lines, &rows[k]))
            continue;
        const bool is_same = rows[k].len == rows[i].len;
        const bool has_files = !m[i].has_unknown_file && files_are_in(&m[i].files, &m[k].files);
        const bool is_covered = is_same && !m[k].is_partial && !m[k].has_unknown_file &&
                                files_are_in(&m[k].files, &m[i].files);
        if (is_covered && (!has_files || k > i))
            continue; /* the other one is in this one, or is a copy of it */
        if (is_covered)
            value = value == FK_INCLUSIVE_NONE ? value : FK_INCLUSIVE_COPY;
        else if (has_files)
            value = FK_INCLUSIVE_NONE;
        else if (value == FK_INCLUSIVE)
            value = FK_INCLUSIVE_MINUS;
    }
    return value;
}

enum fk_status fk_inclusive_judge(struct fk_inclusive_message *messages, size_t n,
                                  struct fk_err *err) {
    struct fk_buf *rows = calloc(n + 1, sizeof *rows);
    bool failed = rows == NULL;
    for (size_t i = 0; i < n && !failed; i++) {
        join(&messages[i].lines, &rows[i]);
        failed = rows[i].failed;
    }
    for (size_t i = 0; i < n && !failed; i++)
        messages[i].value = judge(messages, rows, n, i);
    for (size_t i = 0; i < n && rows != NULL; i++)
        fk_buf_free(&rows[i]);
    free(rows);
    return failed ? fk_fail(err, FK_NOMEM, "out of memory for a conversation") : FK_OK;
}
