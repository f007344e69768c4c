/*
 * mail_date.h - when an imported message was received, as far as it says: a date derived from its
 * From_ line, its top Received field, its Date field, the first that has one (DESIGN section 8).
 *
 * Reads bytes that anybody may have written: no allocation, no recursion, every byte at most a few
 * times; what is not understood gives no date. Threads: any.
 */
#ifndef FK_INTAKE_MAIL_DATE_H
#define FK_INTAKE_MAIL_DATE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Day, month, year and time of day in any order with an optional zone (UTC without one), as in RFC
 * 5322 and in From_ lines; comments in parentheses are passed over. */
bool fk_mail_date_read(const char *text, size_t len, int64_t *ms_out);
/* from_line: NULL where there is none; header: the first bytes of the message. */
bool fk_mail_date_derive(const char *from_line, size_t from_len, const char *header, size_t len,
                         int64_t *ms_out);

#ifdef __cplusplus
}
#endif
#endif
