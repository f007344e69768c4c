/*
 * written_date.h - days as mail writes them.
 *
 *     2024-04-01   2024/4/1   2024.4.1   2024年4月1日   二〇二四年四月一日   4月1日
 *     令和6年4月1日   令和元年五月一日   ㋿6年4月1日   R6.4.1   R06/04/01
 *     April 1, 2024   1 April 2024   1-Apr-2024   04/13/2024 (one of both can be no month)
 *
 * A day that the calendar does not have is none, nor one before its era began. Years of an era
 * count on after its end (contracts name 平成35年).
 *
 * Threads: any.
 */
#ifndef FK_INDEXER_WRITTEN_DATE_H
#define FK_INDEXER_WRITTEN_DATE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_DATE_YEAR_FIRST = 1900, FK_DATE_YEAR_LAST = 2200 };

struct fk_written_date {
    unsigned year, month, day; /* year 0: it was not written */
    size_t end;                /* where it ends in the text */
};
bool fk_written_date_read(const char *text, size_t len, size_t at, struct fk_written_date *out);
bool fk_date_is_real(unsigned year, unsigned month, unsigned day);
/* The year that brings month and day nearest to the day of that moment, which has an offset. */
unsigned fk_date_year_near(unsigned month, unsigned day, int64_t near_ms, int zone_minutes);
/* 20240401; it sorts as days do. 0 where it is none. */
uint32_t fk_date_number(unsigned year, unsigned month, unsigned day);

#ifdef __cplusplus
}
#endif
#endif
