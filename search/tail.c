/* tail.c - reads the lines after the index's mark; they hold no content, so no act is needed. */
#include "search/tail.h"

static enum fk_status take_line(struct fk_tail *tail, const char *line, size_t len,
                                struct fk_err *err) {
    struct fk_entry entry;
    enum fk_status st = fk_entry_read(line, len, &entry, err);
    if (st != FK_OK)
        return st;
    if (fk_entry_is(&entry, "mail"))
        tail->mails++;
    if (!fk_entry_is(&entry, "dispose"))
        return FK_OK;
    size_t of_len = 0;
    const char *of = fk_entry_field_at(&entry, "of", &of_len);
    struct fk_seqs seqs = {NULL, 0, 0, false};
    if (of == NULL || !fk_seqs_parse(of, of_len, (size_t)entry.seq, &seqs))
        st = fk_fail(err, FK_CORRUPT, "entry %llu: a dispose entry without a list of seqs",
                     (unsigned long long)entry.seq);
    for (size_t i = 0; i < seqs.count; i++)
        fk_seqs_add(&tail->disposed, seqs.at[i]);
    fk_seqs_free(&seqs);
    return st;
}

enum fk_status fk_tail_read(struct fk_lend *lend, uint64_t mark, struct fk_tail *out,
                            struct fk_err *err) {
    struct fk_tail tail = {0, 0, {NULL, 0, 0, false}};
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_head head;
    enum fk_status st = FK_OK;
    FK_TRY(fk_lend_head(lend, &head, err));
    tail.head = head.next_seq;
    for (uint64_t seq = mark; seq < head.next_seq;) {
        fk_buf_reset(&lines);
        FK_TRY(fk_lend_lines(lend, seq, &lines, err));
        const char *at = (const char *)lines.data, *end = at + lines.len;
        for (const char *lf; at < end && seq < head.next_seq; at = lf + 1, seq++) {
            if ((lf = memchr(at, '\n', (size_t)(end - at))) == NULL) {
                st = fk_fail(err, FK_CORRUPT, "entry %llu: a line without an end",
                             (unsigned long long)seq);
                goto done;
            }
            FK_TRY(take_line(&tail, at, (size_t)(lf + 1 - at), err));
        }
    }
    fk_seqs_sort(&tail.disposed);
    if (tail.disposed.failed) {
        st = fk_fail(err, FK_NOMEM, "out of memory for a list of disposed messages");
        goto done;
    }
    *out = tail;
    tail.disposed = (struct fk_seqs){NULL, 0, 0, false};
done:
    fk_seqs_free(&tail.disposed);
    fk_buf_free(&lines);
    return st;
}
