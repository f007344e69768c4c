/*
 * trace_table.h - Message-IDs out of the tables in which Exchange and Microsoft 365 say what they
 * did: message tracking logs (#Fields names the columns) and message traces (a row of names).
 *
 * Columns are found by their names, whose spelling differs between versions and exports: letters
 * and digits count, whatever stands between them and in any case ("Message ID", "message_id",
 * "MessageId"). A Message-ID is one message, however many events and recipients it has.
 *
 * Not tried against a real Exchange or Microsoft 365: the columns are those of Microsoft's
 * documentation. Limits: FK_TRACE_MAX messages, FK_FULL over it. Threads: one.
 */
#ifndef FK_INTAKE_TRACE_TABLE_H
#define FK_INTAKE_TRACE_TABLE_H
#include "base/buf.h"
#include "base/digest.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_TRACE_MAX = 4000000 };
enum fk_trace_kind { FK_TRACE_EXCHANGE, FK_TRACE_M365 };

struct fk_trace_message {
    size_t id; /* in ids: the Message-ID without <>, NUL-terminated */
    int64_t first_ms;
    uint32_t chain;
    bool passed;  /* delivered, sent, expanded or on its way: not only refused */
    bool journal; /* a journal report of the server's own */
    bool found;   /* the caller's: it is in the archive */
};
struct fk_trace_sum {
    uint64_t rows, bad; /* bad: no row of a table, or without a time that can be read */
    uint64_t nameless;  /* events without a Message-ID */
    uint8_t digest[FK_SHA256_BYTES];
};
struct fk_trace_table {
    struct fk_trace_message *messages;
    size_t count, cap;
    struct fk_buf ids;
    uint32_t *buckets;
    size_t bucket_count;
};
/* Adds a file. FK_INVALID: no such table, with what is missing. Times without a zone are UTC, as
 * both servers have them. Rows outside since_ms .. until_ms are left out. */
FK_CHECKED enum fk_status fk_trace_table_read(const char *path, enum fk_trace_kind kind,
                                              int64_t since_ms, int64_t until_ms,
                                              struct fk_trace_table *table,
                                              struct fk_trace_sum *out, struct fk_err *err);
static inline const char *fk_trace_id(const struct fk_trace_table *t, size_t i) {
    return (const char *)t->ids.data + t->messages[i].id;
}
void fk_trace_table_free(struct fk_trace_table *table);

#ifdef __cplusplus
}
#endif
#endif
