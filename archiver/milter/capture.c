/* capture.c - the pieces in their order, counted, written, and forgotten when one too many comes.
 */
#include "archiver/milter/capture.h"
#include "archiver/vault/envelope.h"
#include "archiver/vault/fields.h"

#include <string.h>

enum { HEAD_BYTES = 65536 };
enum { BARE_LF = 1, BARE_CR = 2, NUL = 4 };

void fk_capture_begin(struct fk_capture *c, struct fk_budget *budget, uint64_t size_limit) {
    c->budget = budget;
    c->size_limit = size_limit;
}

/* ---- counting */

static bool budget_take(struct fk_budget *b, uint64_t bytes) {
    uint64_t used = __atomic_load_n(&b->used, __ATOMIC_RELAXED);
    do
        if (bytes > b->limit || used > b->limit - bytes)
            return false;
    while (!__atomic_compare_exchange_n(&b->used, &used, used + bytes, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
    return true;
}

static void memory_give_back(struct fk_capture *c) {
    fk_mailfile_drop(&c->file);
    fk_buf_free(&c->fields);
    fk_buf_free(&c->head);
    if (c->budget)
        __atomic_sub_fetch(&c->budget->used, c->held, __ATOMIC_RELAXED);
    c->held = 0;
}

static void fail(struct fk_capture *c, enum fk_status why) {
    if (c->failed == FK_OK)
        c->failed = why;
    memory_give_back(c);
}

static bool hold(struct fk_capture *c, uint64_t bytes) {
    if (c->failed != FK_OK)
        return false;
    if (!budget_take(c->budget, bytes)) {
        fail(c, FK_FULL);
        return false;
    }
    c->held += bytes;
    return true;
}

void fk_capture_drop(struct fk_capture *c) {
    memory_give_back(c);
    *c = (struct fk_capture)FK_CAPTURE_INIT;
}

/* ---- the envelope */

static void field_add(struct fk_capture *c, const char *name, const void *value, size_t len) {
    if (c->failed != FK_OK)
        return;
    size_t before = c->fields.len;
    fk_fields_add(&c->fields, name, value, len);
    if (c->fields.failed)
        fail(c, FK_NOMEM);
    else
        (void)hold(c, c->fields.len - before); /* a capture over the budget has failed by now */
}

void fk_capture_field(struct fk_capture *c, const char *name, const char *value) {
    if (value && *value)
        field_add(c, name, value, strlen(value));
}

void fk_capture_path(struct fk_capture *c, const char *name, const char *const *words) {
    struct fk_buf value = FK_BUF_INIT;
    size_t len = strlen(words[0]);
    bool brackets = len >= 2 && words[0][0] == '<' && words[0][len - 1] == '>';
    fk_buf_add(&value, words[0] + brackets, len - 2 * (size_t)brackets);
    for (size_t i = 1; words[i]; i++) {
        fk_buf_byte(&value, ' ');
        fk_buf_str(&value, words[i]);
    }
    if (value.failed)
        fail(c, FK_NOMEM);
    else
        field_add(c, name, value.data, value.len);
    fk_buf_free(&value);
}

/* ---- the message */

static void line_ends_look(struct fk_capture *c, const uint8_t *at, size_t len) {
    for (size_t i = 0; i < len; i++) {
        bool lf = at[i] == '\n';
        if (lf != c->after_cr)
            c->flags |= lf ? BARE_LF : BARE_CR;
        if (!at[i])
            c->flags |= NUL;
        c->after_cr = at[i] == '\r';
    }
}

static void bytes_write(struct fk_capture *c, const void *data, size_t len) {
    enum fk_status st = fk_mailfile_add(&c->file, data, len, NULL);
    if (st == FK_OK)
        st = fk_mailfile_settle(&c->file, NULL);
    if (st != FK_OK)
        fail(c, st);
}

static void head_write(struct fk_capture *c) {
    if (c->failed == FK_OK && c->head.len)
        bytes_write(c, c->head.data, c->head.len);
    struct fk_buf head = c->head;
    fk_buf_reset(&head);
    c->head = head;
}

/* Whether so many bytes more may come. */
static bool may_grow(struct fk_capture *c, size_t len) {
    uint64_t bytes = c->file.bytes + c->head.len;
    if (c->failed == FK_OK && (len > c->size_limit || bytes > c->size_limit - len))
        fail(c, FK_INVALID);
    return hold(c, len);
}

static void head_put(struct fk_capture *c, const char *data, size_t len) {
    if (!may_grow(c, len))
        return;
    fk_buf_add(&c->head, data, len);
    line_ends_look(c, (const uint8_t *)data, len);
    if (c->head.failed)
        fail(c, FK_NOMEM);
    else if (c->head.len >= HEAD_BYTES)
        head_write(c);
}

/* Lines of a folded field come with LF between them; the wire has CR LF. */
static void lines_put(struct fk_capture *c, const char *text) {
    for (const char *lf; (lf = strchr(text, '\n')); text = lf + 1) {
        bool whole = lf > text && lf[-1] == '\r';
        head_put(c, text, (size_t)(lf - text) - whole);
        head_put(c, "\r\n", 2);
    }
    head_put(c, text, strlen(text));
}

void fk_capture_header(struct fk_capture *c, const char *name, const char *value, bool exact) {
    head_put(c, name, strlen(name));
    head_put(c, ": ", exact ? 1 : 2);
    c->header_space |= !exact;
    lines_put(c, value);
    head_put(c, "\r\n", 2);
}

void fk_capture_header_end(struct fk_capture *c) {
    head_put(c, "\r\n", 2);
    head_write(c);
}

void fk_capture_body(struct fk_capture *c, const void *data, size_t len) {
    if (!may_grow(c, len))
        return;
    head_write(c); /* where nobody said that the header ends */
    line_ends_look(c, data, len);
    if (c->failed == FK_OK)
        bytes_write(c, data, len);
}

/* ---- the end */

static void flags_tell(struct fk_capture *c) {
    static const char *const names[] = {"",    "bare-lf",     "bare-cr",     "bare-lf bare-cr",
                                        "nul", "bare-lf nul", "bare-cr nul", "bare-lf bare-cr nul"};
    if (c->after_cr)
        c->flags |= BARE_CR;
    fk_capture_field(c, "flags", names[c->flags]);
    fk_capture_field(c, "reconstructed", c->header_space ? "milter header-space" : "milter");
}

enum fk_status fk_capture_finish(struct fk_capture *c, const struct fk_buf *first) {
    struct fk_buf fields = FK_BUF_INIT;
    head_write(c); /* a message may end without its header's end */
    flags_tell(c);
    if (hold(c, first->len + FK_ENVELOPE_FIRST_LINE)) {
        fk_buf_add(&fields, first->data, first->len);
        fk_buf_add(&fields, c->fields.data, c->fields.len);
        fields.failed |= first->failed;
        enum fk_status st = fk_mailfile_finish(&c->file, &fields, NULL);
        if (st != FK_OK)
            fail(c, st);
    }
    fk_buf_free(&fields);
    return c->failed;
}
