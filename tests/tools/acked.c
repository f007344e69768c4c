/*
 * acked.c - was everything kept that was acknowledged? For crash tests and the demo.
 *
 *     acked [--exact] VAULT ACKS [FILE...]
 *
 * A line of ACKS is "path<TAB>seq<TAB>c256", as smtp-blast writes it for each 250 (c256 may be cut
 * short): the message must then be the file's bytes, with CR LF added where they do not end in it;
 * with --exact (imported files) as they are.
 * Or it is "seq<TAB>c256", as `fumikura import` prints it: then the message must be the bytes of
 * one of the FILEs. Each seq may be there once. Reads as every reader does: an act first, then
 * lend, which checks c256 and c512. FUMIKURA_PROGRAM names the program where no server runs. Prints
 * one line; exit 1 when one is missing or different, or when nothing was acknowledged.
 */
#include "archiver/vault/envelope.h"
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "base/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 500, SHOWN = 10, FILE_MAX_BYTES = 300 << 20 };

struct ack {
    uint64_t seq;
    char *path; /* NULL: any of the files */
    char *c256;
};

static struct ack *acks;
static size_t count;
static char **files;
static int file_count;
static unsigned bad;
static bool exact;

static void die(const char *what, const struct fk_err *err) {
    fprintf(stderr, "acked: %s: %s\n", what, err ? err->text : "");
    exit(2);
}

static void complain(const struct ack *a, const char *why) {
    if (bad++ < SHOWN)
        fprintf(stderr, "  seq %llu (%s): %s\n", (unsigned long long)a->seq,
                a->path ? a->path : "imported", why);
}

/* Whole lines only: the last may have been cut while it was written. */
static void acks_read(const char *path) {
    struct fk_buf text = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    if (fk_read_file(path, FILE_MAX_BYTES, &text, &err) != FK_OK)
        die(path, &err);
    char *at = (char *)(uintptr_t)fk_buf_cstr(&text); /* kept: the acks point into it */
    for (char *end; (end = strchr(at, '\n')); at = end + 1) {
        *end = 0;
        char *tab = strchr(at, '\t'), *second = tab ? strchr(tab + 1, '\t') : NULL;
        if (!tab || !(acks = realloc(acks, (count + 1) * sizeof *acks)))
            die(at, NULL);
        *tab = 0;
        if (second)
            *second = 0;
        acks[count++] = second ? (struct ack){strtoull(tab + 1, NULL, 10), at, second + 1}
                               : (struct ack){strtoull(at, NULL, 10), NULL, tab + 1};
    }
}

static int by_seq(const void *a, const void *b) {
    const struct ack *x = a, *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static bool is_file(const char *path, bool over_the_wire, const struct fk_envelope *e) {
    static struct fk_buf data = FK_BUF_INIT;
    fk_buf_reset(&data);
    if (fk_read_file(path, FILE_MAX_BYTES, &data, NULL) != FK_OK)
        return false;
    if (over_the_wire && data.len &&
        (data.len < 2 || memcmp(data.data + data.len - 2, "\r\n", 2) != 0))
        fk_buf_str(&data, "\r\n");
    return data.len == e->message_len &&
           (!data.len || memcmp(data.data, e->message, data.len) == 0);
}

static void check_line(struct fk_lend *lend, const struct ack *a) {
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    struct fk_entry e;
    char c256[65];
    if (fk_lend_lines(lend, a->seq, &lines, &err) != FK_OK) {
        complain(a, err.text);
    } else {
        const uint8_t *end = memchr(lines.data, '\n', lines.len);
        if (!end || fk_entry_read(lines.data, (size_t)(end + 1 - lines.data), &e, &err) != FK_OK ||
            e.seq != a->seq || !fk_entry_is(&e, "mail") ||
            !fk_entry_field(&e, "c256", c256, sizeof c256))
            complain(a, "the entry is not that of a mail");
        else if (strncmp(c256, a->c256, strlen(a->c256)) != 0)
            complain(a, "another c256 than was acknowledged");
    }
    fk_buf_free(&lines);
}

static void check_content(struct fk_lend *lend, const struct ack *a, uint64_t act) {
    struct fk_content content;
    struct fk_err err = FK_ERR_INIT;
    struct fk_envelope e;
    if (fk_lend_content(lend, a->seq, act, &content, &err) != FK_OK) {
        complain(a, err.text);
        return;
    }
    bool same = fk_envelope_split(content.bytes, content.len, &e, &err) == FK_OK;
    if (same && a->path)
        same = is_file(a->path, !exact, &e);
    for (int i = 0; same && !a->path; i++) {
        same = i < file_count;
        if (same && is_file(files[i], false, &e))
            break;
    }
    if (!same)
        complain(a, "not what was sent");
    fk_content_free(&content);
}

/* One act for a batch: what it names may be read. */
static void check_batch(struct fk_keep *keep, struct fk_lend *lend, const struct ack *first,
                        size_t n) {
    struct fk_seqs seqs = {0};
    struct fk_buf fields = FK_BUF_INIT, body = FK_BUF_INIT;
    struct fk_receipt receipt;
    struct fk_err err = FK_ERR_INIT;
    for (size_t i = 0; i < n; i++)
        fk_seqs_add(&seqs, first[i].seq);
    fk_seqs_sort(&seqs);
    fk_buf_str(&fields, "what=show of=");
    fk_seqs_format(&seqs, &fields);
    fk_fields_add_str(&body, "reason", "were all kept that were acknowledged?");
    struct fk_record act = {"act", fk_buf_cstr(&fields), &body};
    if (fk_keep_append(keep, &act, &receipt, &err) != FK_OK)
        die("the act", &err);
    for (size_t i = 0; i < n; i++) {
        check_line(lend, &first[i]);
        check_content(lend, &first[i], receipt.seq);
    }
    fk_seqs_free(&seqs);
    fk_buf_free(&fields);
    fk_buf_free(&body);
}

int main(int argc, char **argv) {
    struct fk_keep *keep = NULL;
    struct fk_lend *lend = NULL;
    struct fk_err err = FK_ERR_INIT;
    if (argc > 1 && strcmp(argv[1], "--exact") == 0) {
        exact = true;
        argv++;
        argc--;
    }
    if (argc < 3) {
        fprintf(stderr, "usage: acked VAULT ACKS [FILE...]\n");
        return 2;
    }
    files = argv + 3;
    file_count = argc - 3;
    acks_read(argv[2]);
    qsort(acks, count, sizeof *acks, by_seq);
    if (fk_keep_open(argv[1], &keep, &err) != FK_OK || fk_lend_open(argv[1], &lend, &err) != FK_OK)
        die(argv[1], &err);
    for (size_t i = 1; i < count; i++)
        if (acks[i].seq == acks[i - 1].seq)
            complain(&acks[i], "given to two messages");
    for (size_t i = 0; i < count; i += BATCH)
        check_batch(keep, lend, acks + i, count - i < BATCH ? count - i : BATCH);
    fk_lend_close(&lend);
    fk_keep_close(&keep);
    printf("%zu acknowledged, %u of them missing or different\n", count, bad);
    return bad || !count;
}
