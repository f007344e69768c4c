/* receipt.c - see receipt.h. */
#include "cli/receipt.h"
#include "archiver/vault/logbook.h"
#include "base/atomic_file.h"
#include "cli/checkpoint.h"

#include <inttypes.h>
#include <string.h>

enum fk_status cli_receipt_begin(const struct fk_cli *cli, const char *path,
                                 struct fk_search_receipt *receipt, struct fk_err *err) {
    struct fk_checkpoint c = {.size = 0};
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st = cli_new_file_check(path, err);
    if (st != FK_OK)
        return st;
    st = fk_logbook_newest(cli->dir, NULL, &c, NULL, &why);
    if (st != FK_OK && st != FK_NOT_FOUND)
        return fk_fail(err, st, "%s", why.text);
    receipt->checkpoint_size = c.size;
    memcpy(receipt->checkpoint_root, c.root, sizeof receipt->checkpoint_root);
    return FK_OK;
}

enum fk_status cli_receipt_line(struct fk_lend *lend, uint64_t seq, struct fk_buf *out,
                                struct fk_err *err) {
    struct fk_buf lines = FK_BUF_INIT;
    enum fk_status st = fk_lend_lines(lend, seq, &lines, err);
    const uint8_t *lf = st == FK_OK ? memchr(lines.data, '\n', lines.len) : NULL;
    if (lf)
        fk_buf_add(out, lines.data, (size_t)(lf + 1 - lines.data));
    else if (st == FK_OK)
        st = fk_fail(err, FK_CORRUPT, "the line of entry %" PRIu64 " has no end", seq);
    fk_buf_free(&lines);
    return st;
}

enum fk_status cli_receipt_write(const struct fk_cli *cli, struct fk_lend *lend,
                                 const struct fk_search_receipt *receipt, uint64_t act,
                                 const char *path, struct fk_err *err) {
    struct fk_checkpoint c;
    struct fk_buf note = FK_BUF_INIT, text = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    fk_buf_add(&text, receipt->statement.data, receipt->statement.len);
    fk_buf_byte(&text, '\n');
    FK_TRY(cli_receipt_line(lend, act, &text, err));
    FK_TRY(cli_checkpoint_get(cli, lend, act + 1, &c, &note, err));
    FK_TRY(fk_logbook_proof(cli->dir, act, &c, &note, &text, err));
    if (text.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "out of memory for a receipt"));
    FK_TRY(cli_new_file_check(path, err));
    st = fk_atomic_put(path, 0600, text.data, text.len, err);
done:
    if (st != FK_OK)
        (void)fk_err_prefix(err, "the search was made and is recorded, but has no receipt");
    fk_buf_free(&note);
    fk_buf_free(&text);
    return st;
}
