/*
 * unlock_priv.h - passwords in mails (password_words_priv.h has the words that may be one): what a
 * document says of its locked files.
 *
 * In its data stand "unsearchable: PATH encrypted" for each, and, of what opened, "unlocked: PATH
 * SEQ": SEQ of the message that has the password, 0 the configured list. Its terms: FK_P_FLAG
 * "locked:SENDER", FK_P_FLAG "opened:SEQ".
 */
#ifndef FK_INDEXER_UNLOCK_PRIV_H
#define FK_INDEXER_UNLOCK_PRIV_H
#include "base/buf.h"
#include "base/status.h"
#include "indexer/reading/password.h"
#include "indexer/store/xapian_shim.h"

/* The address of the first From of a document's data, folded; nothing where there is none. */
FK_CHECKED enum fk_status fk_unlock__sender(const void *data, size_t len, struct fk_buf *out,
                                            struct fk_err *err);
bool fk_unlock__is_locked(const void *data, size_t len);
/* The terms that follow from a document's data. */
FK_CHECKED enum fk_status fk_unlock__terms(struct fk_xdoc *doc, const struct fk_buf *data,
                                           struct fk_err *err);
/* Whether all that a reader says of what opened files names the configured list, or one of these
 * (NULL: none): nobody else can have had the password. */
bool fk_unlock__is_of_given(const void *display, size_t len, const struct fk_passwords *given);
/* Whether a file of it opened with a message's word. */
bool fk_unlock__is_opened(const void *data, size_t len);

/* Words of several letters. */
struct fk_unlock_words {
    struct fk_buf text; /* NUL-terminated, one after another */
    struct fk_password at[FK_PASSWORDS_MAX];
    size_t offsets[FK_PASSWORDS_MAX], count;
};
/* What a boxed reader said of one; what is not of the form is passed over. */
FK_CHECKED enum fk_status fk_unlock__words_add(struct fk_unlock_words *words, uint64_t seq,
                                               const struct fk_buf *answer, struct fk_err *err);
/* Borrowed from the words, until the next is added. */
struct fk_passwords fk_unlock__passwords(struct fk_unlock_words *words);
void fk_unlock__words_free(struct fk_unlock_words *words);

#endif
