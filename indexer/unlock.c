/* unlock.c - see unlock_priv.h. */
#include "indexer/unlock_priv.h"
#include "archiver/vault/fields.h"
#include "base/pack.h"
#include "indexer/reading/password_words_priv.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum fk_status fk_unlock__sender(const void *data, size_t len, struct fk_buf *out,
                                 struct fk_err *err) {
    struct fk_buf from = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    if (fk_fields_find(data, len, "from", &from)) {
        const char *text = fk_buf_cstr(&from), *open = strchr(text, '<');
        const char *begin = open ? open + 1 : text;
        const size_t n = strcspn(begin, ">, ");
        if (memchr(begin, '@', n))
            st = fk_terms_of_address(begin, n, out, err);
    }
    fk_buf_free(&from);
    return st;
}

bool fk_unlock__is_locked(const void *data, size_t len) {
    static const char word[] = " encrypted";
    struct fk_fields it = fk_fields_begin(data, len);
    for (struct fk_field f; fk_fields_next(&it, &f) && !fk_field_is(&f, "capture");)
        if (fk_field_is(&f, "unsearchable") && f.value_len >= sizeof word - 1 &&
            memcmp(f.value + f.value_len - (sizeof word - 1), word, sizeof word - 1) == 0)
            return true;
    return false;
}

/* The seq at the end of "unlocked: PATH SEQ". */
static bool origin_of(const struct fk_field *f, unsigned long long *out) {
    const char *at = f->value + f->value_len;
    while (at > f->value && at[-1] >= '0' && at[-1] <= '9')
        at--;
    *out = strtoull(at, NULL, 10); /* a line end follows */
    return at < f->value + f->value_len;
}

enum fk_status fk_unlock__terms(struct fk_xdoc *doc, const struct fk_buf *data,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf sender = FK_BUF_INIT;
    char term[FK_WHOLE_MAX + 16];
    struct fk_fields it = fk_fields_begin(data->data, data->len);
    unsigned long long origin;
    FK_TRY(fk_unlock__sender(data->data, data->len, &sender, err));
    if (sender.len && fk_unlock__is_locked(data->data, data->len)) {
        const int n = snprintf(term, sizeof term, FK_P_FLAG "locked:%s", fk_buf_cstr(&sender));
        if (n <= FK_WHOLE_MAX)
            FK_TRY(fk_xdoc_term(doc, term, (size_t)n, err));
    }
    for (struct fk_field f; fk_fields_next(&it, &f) && !fk_field_is(&f, "capture");)
        if (fk_field_is(&f, "unlocked") && origin_of(&f, &origin) && origin > 0) {
            const int n = snprintf(term, sizeof term, FK_P_FLAG "opened:%llu", origin);
            FK_TRY(fk_xdoc_term(doc, term, (size_t)n, err));
        }
done:
    fk_buf_free(&sender);
    return st;
}

static bool is_given(const struct fk_passwords *given, unsigned long long origin) {
    for (size_t i = 0; given && i < given->count; i++)
        if (given->at[i].origin == origin)
            return true;
    return origin == 0;
}

bool fk_unlock__is_of_given(const void *display, size_t len, const struct fk_passwords *given) {
    struct fk_fields it = fk_fields_begin(display, len);
    unsigned long long origin;
    for (struct fk_field f; fk_fields_next(&it, &f);)
        if (fk_field_is(&f, "unlocked") && (!origin_of(&f, &origin) || !is_given(given, origin)))
            return false;
    return true;
}

bool fk_unlock__is_opened(const void *data, size_t len) {
    struct fk_fields it = fk_fields_begin(data, len);
    unsigned long long origin;
    for (struct fk_field f; fk_fields_next(&it, &f) && !fk_field_is(&f, "capture");)
        if (fk_field_is(&f, "unlocked") && origin_of(&f, &origin) && origin > 0)
            return true;
    return false;
}

enum fk_status fk_unlock__words_add(struct fk_unlock_words *words, uint64_t seq,
                                    const struct fk_buf *answer, struct fk_err *err) {
    struct fk_reader r;
    fk_reader_init(&r, answer->data, answer->len);
    (void)fk_get_u32(&r); /* reasons */
    const size_t count = fk_get_u16(&r);
    for (size_t i = 0; i < count && !r.bad && words->count < FK_PASSWORDS_MAX; i++) {
        size_t len;
        const uint8_t *word = fk_get_bytes(&r, &len);
        if (r.bad || len < FK_PASSWORD_WORD_LEAST || len > FK_PASSWORD_WORD_MOST ||
            memchr(word, 0, len))
            continue;
        words->offsets[words->count] = words->text.len;
        words->at[words->count++].origin = seq;
        fk_buf_add(&words->text, word, len);
        fk_buf_byte(&words->text, 0);
    }
    return words->text.failed ? fk_fail(err, FK_NOMEM, "indexing: out of memory") : FK_OK;
}

struct fk_passwords fk_unlock__passwords(struct fk_unlock_words *words) {
    for (size_t i = 0; i < words->count; i++)
        words->at[i].word = (const char *)words->text.data + words->offsets[i];
    return (struct fk_passwords){words->at, words->count, NULL};
}

void fk_unlock__words_free(struct fk_unlock_words *words) {
    fk_buf_wipe(&words->text);
}
