/* vaults.c - see vaults.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archiver/vault/envelope.h"
#include "tests/unit/support/vaults.h"

const char *vault_new(void) {
    static char path[PATH_MAX];
    const char *dir = getenv("TEST_DIR");
    struct fk_err err = FK_ERR_INIT;
    snprintf(path, sizeof path, "%s/vault-XXXXXX", dir ? dir : "/tmp");
    assert_non_null(mkdtemp(path));
    if (fk_vault_init(path, &err) != FK_OK)
        fail_msg("init: %s", err.text);
    return path;
}

struct fk_pen_options vault_options(uint64_t rotate_bytes) {
    struct fk_pen_options o = FK_PEN_OPTIONS;
    o.reserve_bytes = 0;
    if (rotate_bytes)
        o.rotate_bytes = rotate_bytes;
    return o;
}

static uint64_t next_random(uint64_t *x) {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

void vault_bytes(uint64_t seed, struct fk_buf *out, size_t len) {
    static const char *const words[] = {"会議 ", "the ", "invoice ", "\r\n", "of ", "見積書 "};
    uint64_t x = seed * 0x9e3779b97f4a7c15ULL + 1;
    size_t end = out->len + len;
    while (out->len < end) {
        uint64_t r = next_random(&x);
        if (seed % 2)
            fk_buf_add(out, &r, sizeof r);
        else
            fk_buf_str(out, words[r % 6]);
    }
    out->len = end;
    assert_false(out->failed);
}

static enum fk_status try_commit(struct fk_pen *pen, const struct fk_draft *draft, uint64_t *seq,
                                 struct fk_err *err) {
    struct fk_sheet *sheet = NULL;
    enum fk_status st = fk_pen_prepare(pen, draft, &sheet, err);
    if (st == FK_OK)
        st = fk_pen_commit(pen, &sheet, 1, err);
    if (st == FK_OK) {
        *seq = sheet->seq;
        if (sheet->status != FK_OK)
            st = fk_fail(err, sheet->status, "%s", sheet->text);
    }
    fk_sheet_free(&sheet);
    return st;
}

static uint64_t commit_one(struct fk_pen *pen, const struct fk_draft *draft) {
    struct fk_err err = FK_ERR_INIT;
    uint64_t seq = 0;
    if (try_commit(pen, draft, &seq, &err) != FK_OK)
        fail_msg("not kept: %s", err.text);
    return seq;
}

static void mail_content(uint64_t seed, size_t len, struct fk_buf *block, struct fk_buf *message) {
    struct fk_buf fields = FK_BUF_INIT;
    fk_fields_add_str(&fields, "via", "import");
    fk_envelope_finish(block, &fields, len);
    vault_bytes(seed, message, len);
    fk_buf_free(&fields);
}

/* A draft that borrows block and message. */
static struct fk_draft mail_draft(const struct fk_buf *block, const struct fk_buf *message) {
    return (struct fk_draft){.kind = "mail",
                             .fields = "source=test floor=P0D size=1",
                             .content = {{block->data, block->len}, {message->data, message->len}},
                             .pieces = 2,
                             .is_mail = true};
}

uint64_t vault_mail(struct fk_pen *pen, uint64_t seed, size_t len) {
    struct fk_buf block = FK_BUF_INIT, message = FK_BUF_INIT;
    mail_content(seed, len, &block, &message);
    struct fk_draft draft = mail_draft(&block, &message);
    uint64_t seq = commit_one(pen, &draft);
    fk_buf_free(&block);
    fk_buf_free(&message);
    return seq;
}

static enum fk_status mail_prepare(struct fk_pen *pen, uint64_t seed, size_t len,
                                   struct fk_sheet **out) {
    struct fk_buf block = FK_BUF_INIT, message = FK_BUF_INIT;
    mail_content(seed, len, &block, &message);
    struct fk_draft draft = mail_draft(&block, &message);
    enum fk_status st = fk_pen_prepare(pen, &draft, out, NULL);
    fk_buf_free(&block);
    fk_buf_free(&message);
    return st;
}

enum fk_status vault_mails(struct fk_pen *pen, uint64_t seed, size_t count, size_t len, int acks) {
    struct fk_sheet *sheets[64] = {NULL};
    enum fk_status st = FK_OK;
    assert_true(count <= 64);
    for (size_t i = 0; i < count && st == FK_OK; i++)
        st = mail_prepare(pen, seed + i, len, &sheets[i]);
    if (st == FK_OK)
        st = fk_pen_commit(pen, sheets, count, NULL);
    for (size_t i = 0; i < count; i++) {
        if (st == FK_OK && sheets[i]->status == FK_OK && acks >= 0)
            dprintf(acks, "kept %" PRIu64 " %" PRIu64 " %zu\n", sheets[i]->seq, seed + i, len);
        else if (st == FK_OK)
            st = sheets[i]->status;
        fk_sheet_free(&sheets[i]);
    }
    return st;
}

static struct fk_draft entry_draft(const char *kind, const char *fields, const char *body) {
    struct fk_draft draft = {.kind = kind, .fields = fields};
    if (body) {
        draft.content[0] = (struct iovec){(void *)body, strlen(body)};
        draft.pieces = 1;
    }
    return draft;
}

uint64_t vault_entry(struct fk_pen *pen, const char *kind, const char *fields, const char *body) {
    struct fk_draft draft = entry_draft(kind, fields, body);
    return commit_one(pen, &draft);
}

enum fk_status vault_try_entry(struct fk_pen *pen, const char *kind, const char *fields,
                               const char *body, uint64_t *seq_out) {
    struct fk_draft draft = entry_draft(kind, fields, body);
    return try_commit(pen, &draft, seq_out, NULL);
}

static int one_remove(const char *path, const struct stat *s, int type, struct FTW *at) {
    (void)s, (void)type, (void)at;
    return remove(path);
}

void vault_remove(const char *dir) {
    assert_int_equal(nftw(dir, one_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void vault_expect_mail(struct fk_desk *desk, uint64_t seq, uint64_t seed, size_t len) {
    struct fk_buf block = FK_BUF_INIT, message = FK_BUF_INIT, content = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    mail_content(seed, len, &block, &message);
    if (fk_desk_content(desk, seq, &content, &err) != FK_OK)
        fail_msg("content of %" PRIu64 ": %s", seq, err.text);
    assert_int_equal(content.len, 32 + block.len + message.len);
    assert_memory_equal(content.data + 32, block.data, block.len);
    if (message.len)
        assert_memory_equal(content.data + 32 + block.len, message.data, message.len);
    fk_buf_free(&block);
    fk_buf_free(&message);
    fk_buf_free(&content);
}

struct fk_pen *vault_pen(const char *dir, uint64_t rotate_bytes) {
    struct fk_pen_options o = vault_options(rotate_bytes);
    struct fk_pen *pen = NULL;
    struct fk_err err = FK_ERR_INIT;
    if (fk_pen_open(dir, &o, &pen, &err) != FK_OK)
        fail_msg("pen: %s", err.text);
    return pen;
}

struct fk_desk *vault_desk(const char *dir) {
    struct fk_desk *desk = NULL;
    struct fk_err err = FK_ERR_INIT;
    if (fk_desk_open(dir, &desk, &err) != FK_OK)
        fail_msg("desk: %s", err.text);
    return desk;
}

static void finding_fail(void *ctx, const struct fk_finding *f) {
    (void)ctx;
    fail_msg("verify: %s, entry %" PRIu64 ", segment %" PRIu64 ": %s", f->check, f->seq, f->segment,
             f->text);
}

void vault_expect_sound(const char *dir) {
    struct fk_desk *desk = vault_desk(dir);
    struct fk_verify_range all = {0, UINT64_MAX, 0};
    struct fk_verify_sum sum;
    struct fk_err err = FK_ERR_INIT;
    if (fk_desk_verify(desk, &all, finding_fail, NULL, NULL, &sum, &err) != FK_OK)
        fail_msg("verify: %s", err.text);
    fk_desk_close(&desk);
}
