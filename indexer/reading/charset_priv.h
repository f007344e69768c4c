/*
 * charset_priv.h - bytes of a mail into UTF-8, by ICU; glibc's iconv is never asked (it wants
 * files, and loses NEC's and IBM's characters in ISO-2022-JP and Shift_JIS).
 *
 * The rule: as declared, where that leaves nothing over; else a byte order mark or an ISO-2022
 * escape, valid UTF-8, CP932 where a short text reads well so (ICU's detector takes two kanji for
 * Greek), what the detector is at least half sure of, CP932. Of readings with faults
 * the one with the fewest counts. Threads: one a process.
 */
#ifndef FK_INDEXER_CHARSET_PRIV_H
#define FK_INDEXER_CHARSET_PRIV_H
#include "base/buf.h"
#include "base/status.h"

/* Opens what Japanese mail uses, before the box is closed. */
void fk_charset__prepare(void);

/* Appends to out. declared may be NULL. *clean_out becomes false, and is otherwise left alone,
 * where bytes had no meaning or the declared charset is unknown. */
FK_CHECKED enum fk_status fk_charset__decode(const char *declared, const void *data, size_t len,
                                             struct fk_buf *out, bool *clean_out,
                                             struct fk_err *err);
/* What the last text was read as, and how many U+FFFD stand in it for bytes without a meaning. */
struct fk_charset_use {
    char used[48]; /* "us-ascii" where it was that alone */
    size_t faults;
};
const struct fk_charset_use *fk_charset__used(void);
bool fk_charset__is_ascii(const void *data, size_t len); /* and has no escape */
bool fk_charset__is_utf8(const void *data, size_t len);
/* Whether each of its characters has two bytes at least: UTF-16, UTF-32. */
bool fk_charset__is_wide(const char *name);

#endif
