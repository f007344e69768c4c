/* ledger_text.c - entry lines to files and back, with the chain checked on the way in. */
#include "tape-export/ledger_text.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum fk_status file_begin(struct fk_volume *v, uint64_t seq, struct fk_volume_file **out,
                                 struct fk_err *err) {
    char name[64];
    snprintf(name, sizeof name, "data/ledger/%012llu.txt", (unsigned long long)seq);
    return fk_volume_begin(v, name, out, err);
}

/* The whole lines at the start of text, at most n of them: their bytes and their number. */
static size_t lines_len(const struct fk_buf *text, uint64_t n, uint64_t *lines_out) {
    const uint8_t *at = text->data, *end = at + text->len;
    for (*lines_out = 0; at < end && *lines_out < n; ++*lines_out) {
        const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));
        if (!lf)
            break;
        at = lf + 1;
    }
    return (size_t)(at - text->data);
}

enum fk_status fk_ledger_text_write(struct fk_volume *v, struct fk_lend *lend, uint64_t head,
                                    size_t file_bytes, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_volume_file *file = NULL;
    struct fk_buf lines = FK_BUF_INIT;
    size_t in_file = 0;
    for (uint64_t seq = 0, n; seq < head; seq += n) {
        fk_buf_reset(&lines);
        FK_TRY(fk_lend_lines(lend, seq, &lines, err));
        size_t len = lines_len(&lines, head - seq, &n);
        if (n == 0)
            FK_TRY(fk_fail(err, FK_CORRUPT, "entry %llu: its line has no end",
                           (unsigned long long)seq));
        if (!file)
            FK_TRY(file_begin(v, seq, &file, err));
        FK_TRY(fk_volume_add(file, lines.data, len, err));
        in_file += len;
        if (in_file >= file_bytes) {
            FK_TRY(fk_volume_end(v, &file, err));
            in_file = 0;
        }
    }
    if (file)
        st = fk_volume_end(v, &file, err);
done:
    fk_volume_drop(&file);
    fk_buf_free(&lines);
    return st;
}

static enum fk_status seal_take(struct fk_ledger_text *t, const struct fk_entry *e,
                                struct fk_err *err) {
    struct fk_sealed_line s = {.seq = e->seq};
    if (!fk_entry_number(e, "segment", &s.segment) || !fk_entry_number(e, "first", &s.first) ||
        !fk_entry_number(e, "last", &s.last) || !fk_entry_number(e, "bytes", &s.bytes) ||
        !fk_entry_field(e, "digest", s.digest, sizeof s.digest))
        return fk_fail(err, FK_CORRUPT, "entry %llu: a seal without segment, seqs or digest",
                       (unsigned long long)e->seq);
    if (t->seal_count == t->seal_cap) {
        size_t cap = t->seal_cap ? t->seal_cap * 2 : 32;
        struct fk_sealed_line *seals = realloc(t->seals, cap * sizeof *seals);
        if (!seals)
            return fk_fail(err, FK_NOMEM, "no memory for the list of segments");
        t->seals = seals;
        t->seal_cap = cap;
    }
    t->seals[t->seal_count++] = s;
    return FK_OK;
}

enum fk_status fk_ledger_text_take(struct fk_ledger_text *t, const char *line, size_t len,
                                   struct fk_err *err) {
    struct fk_entry e;
    enum fk_status st = fk_entry_read(line, len, &e, err);
    if (st != FK_OK)
        return fk_err_prefix(err, "line of entry %llu", (unsigned long long)t->next_seq);
    if (e.seq != t->next_seq)
        return fk_fail(err, FK_CORRUPT, "after entry %lld comes entry %llu",
                       (long long)t->next_seq - 1, (unsigned long long)e.seq);
    if (memcmp(e.prev, t->head, sizeof e.prev) != 0)
        return fk_fail(err, FK_CORRUPT,
                       "entry %llu: its prev is not the digest of the line before it",
                       (unsigned long long)e.seq);
    if (e.seq == 0 &&
        (!fk_entry_is(&e, "genesis") || !fk_entry_field(&e, "ledger", t->ledger, sizeof t->ledger)))
        return fk_fail(err, FK_CORRUPT, "entry 0 is no genesis entry with the ledger's id");
    if (fk_entry_is(&e, "seal") && (st = seal_take(t, &e, err)) != FK_OK)
        return st;
    if (t->each && (st = t->each(t->ctx, &e, err)) != FK_OK)
        return st;
    fk_sha256(line, len, t->head);
    if (t->next_seq < t->root_at) {
        fk_hash leaf;
        fk_tree_leaf(line, len, leaf);
        fk_frontier_add(&t->tree, leaf);
    }
    t->next_seq++;
    return FK_OK;
}

static int is_ledger_file(const struct dirent *e) {
    size_t len = strlen(e->d_name);
    return e->d_name[0] != '.' && len > 4 && strcmp(e->d_name + len - 4, ".txt") == 0;
}

static enum fk_status file_take(struct fk_ledger_text *t, const char *path, const char *name,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    char *line = NULL;
    size_t room = 0;
    int fd = -1;
    FILE *f = NULL;
    FK_TRY(fk_open_plain(AT_FDCWD, path, path, &fd, err));
    f = fdopen(fd, "r");
    if (!f)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot open", path));
    fd = -1; /* f's */
    for (ssize_t len; (len = getline(&line, &room, f)) > 0;)
        if ((st = fk_ledger_text_take(t, line, (size_t)len, err)) != FK_OK) {
            fk_err_prefix(err, "data/ledger/%s", name);
            break;
        }
    if (st == FK_OK && ferror(f))
        st = fk_fail_sys(err, errno, "%s: cannot read", path);
done:
    free(line);
    fk_close(&fd);
    if (f)
        (void)fclose(f); /* only read */
    return st;
}

enum fk_status fk_ledger_text_read(struct fk_ledger_text *t, const char *dir, struct fk_err *err) {
    enum fk_status st = FK_OK;
    char folder[PATH_MAX], path[PATH_MAX];
    struct dirent **names = NULL;
    int n = 0;
    FK_TRY(fk_join_path(folder, sizeof folder, dir, "data/ledger", err));
    n = scandir(folder, &names, is_ledger_file, alphasort);
    if (n < 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot read the directory", folder));
    for (int i = 0; i < n; i++) {
        FK_TRY(fk_join_path(path, sizeof path, folder, names[i]->d_name, err));
        FK_TRY(file_take(t, path, names[i]->d_name, err));
    }
    if (t->next_seq == 0)
        st = fk_fail(err, FK_CORRUPT, "%s: there is no ledger in it", folder);
done:
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return st;
}

const struct fk_sealed_line *fk_ledger_text_seal(const struct fk_ledger_text *t, uint64_t segment) {
    for (size_t i = t->seal_count; i-- > 0;)
        if (t->seals[i].segment == segment)
            return &t->seals[i];
    return NULL;
}

void fk_ledger_text_free(struct fk_ledger_text *t) {
    free(t->seals);
    *t = (struct fk_ledger_text){.next_seq = 0};
}
