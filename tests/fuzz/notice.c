/* What a bounce or a receipt says (indexer/reading/notice_priv.h): its lines are such as may leave
 * the box, are read again as they were written, and the same text gives the same. Input: which
 * part, the text. */
#include "indexer/reading/facts_priv.h"
#include "indexer/reading/notice_priv.h"
#include "tests/fuzz/support/fuzz.h"

static void word_check(const char *word) {
    MUST(*word && !strpbrk(word, " \t\r\n"));
}

static size_t lines_check(const struct fk_buf *lines) {
    struct fk_notice n = FK_NOTICE_INIT;
    struct fk_fields it = fk_fields_begin(lines->data, lines->len);
    size_t count = 0;
    while (fk_notice_next(&it, &n)) {
        word_check(n.status);
        word_check(n.code);
        word_check(n.host);
        word_check(n.to);
        MUST(!strpbrk(n.orig_to, " \t\r\n"));
        count++;
    }
    MUST(!n.failed && !it.bad && count <= FK_NOTICE_RECIPIENTS);
    MUST(strcmp(n.kind, "dsn") == 0 || strcmp(n.kind, "mdn") == 0);
    fk_notice_free(&n);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len == 0)
        return 0;
    const enum fk_notice_part part = *data & 1 ? FK_NOTICE_DISPOSITION : FK_NOTICE_DELIVERY;
    const char *text = (const char *)data + 1, *id = NULL;
    struct fk_buf one = FK_BUF_INIT, two = FK_BUF_INIT;
    size_t id_len = 0;
    len--;
    fk_notice__read(part, text, len, &one);
    fk_notice__read(part, text, len, &two);
    MUST(!one.failed && fuzz_same(one.data, one.len, two.data, two.len));
    MUST(fk_facts__own_is_good(one.data, one.len));
    MUST(lines_check(&one) == lines_check(&two));
    if (fk_notice__message_id(text, len, &id, &id_len))
        MUST(id >= text && id_len && id + id_len <= text + len);
    fk_buf_free(&one);
    fk_buf_free(&two);
    return 0;
}
