/* A search's receipt (search/receipt.h): what is read has sums that agree, and lists that are
 * written again as they stood; and the proof behind it (archiver/vault/proof_read.h). A statement
 * with one byte changed has another digest. */
#include "archiver/vault/proof_read.h"
#include "search/receipt.h"
#include "tests/fuzz/support/fuzz.h"

static void list_check(const uint8_t *data, size_t len) {
    struct fk_receipt_list list = {NULL, 0, 0, false}, again = {NULL, 0, 0, false};
    struct fk_buf text = FK_BUF_INIT;
    if (fk_receipt_list_parse((const char *)data, len, &list)) {
        fk_receipt_list_format(&list, &text);
        MUST(fk_receipt_list_parse(fk_buf_cstr(&text), text.len, &again));
        MUST(again.count == list.count);
        for (size_t i = 0; i < list.count; i++)
            MUST(again.at[i] == list.at[i]);
    }
    fk_receipt_list_free(&list);
    fk_receipt_list_free(&again);
    fk_buf_free(&text);
}

static void file_check(const struct fk_receipt_file *f) {
    char digest[2 * FK_SHA256_BYTES + 1];
    MUST(f->statement_len < f->line_at && f->line_at + f->line_len == f->proof_at &&
         f->proof_at < f->text.len);
    MUST(f->mark <= f->head && f->partial <= f->documents && f->total == f->hits.count);
    MUST(f->captures == f->hit_captures.count && f->partial_scope == f->missed.count);
    DONE(fk_receipt_list_digest(&f->hits, digest, NULL));
    MUST(strcmp(digest, f->hits_digest) == 0);
    for (size_t i = 0; i < f->hits.count; i++)
        MUST(fk_seqs_has(&f->hit_captures, f->hits.at[i]));
}

/* Whatever byte of the statement is another one: refused, or another digest. */
static void change_check(const struct fk_receipt_file *f, uint8_t where, uint8_t by) {
    struct fk_buf text = FK_BUF_INIT;
    struct fk_receipt_file changed = FK_RECEIPT_FILE_INIT;
    const size_t at = f->statement_len * where / 256;
    fk_buf_add(&text, f->text.data, f->text.len);
    text.data[at] ^= by ? by : 1;
    if (fk_receipt_read(&text, &changed, NULL) == FK_OK) {
        MUST(strcmp(changed.digest, f->digest) != 0);
        fk_receipt_file_free(&changed);
    }
    fk_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fk_buf text = FK_BUF_INIT;
    struct fk_receipt_file f = FK_RECEIPT_FILE_INIT;
    struct fk_entry_proof proof;
    struct fk_err err = FK_ERR_INIT;
    if (len < 2)
        return 0;
    list_check(data, len);
    fk_buf_add(&text, data + 2, len - 2);
    if (fuzz_took(fk_receipt_read(&text, &f, &err), &err)) {
        file_check(&f);
        change_check(&f, data[0], data[1]);
        if (fk_entry_proof_read(f.text.data + f.proof_at, f.text.len - f.proof_at, &proof, NULL) ==
            FK_OK)
            MUST(proof.note_len < f.text.len - f.proof_at);
        fk_receipt_file_free(&f);
    } else {
        MUST(err.status == FK_INVALID && fuzz_is_utf8(err.text, strlen(err.text)));
    }
    MUST(text.data == NULL);
    if (fk_entry_proof_read(data + 2, len - 2, &proof, &err) == FK_OK)
        MUST(proof.proof.count < 64 && proof.note_len > 0);
    return 0;
}
