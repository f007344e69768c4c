/*
 * mailtrace.h - what a mail server's log says of each message, put together from its lines.
 *
 *     FK_TRY(fk_mailtrace_new(&t, err));
 *     fk_mailtrace_copy(t, "archive@fumikura.invalid", len);   who gets the archive's copies
 *     FK_TRY(fk_mailtrace_take(t, &line, err));                any number, in any order
 *     fk_mailtrace_settle(t);
 *     for (i = 0; i < t->count; i++) switch (fk_mailtrace_fate(t, i)) ...
 *
 * A message is a queue id of one host and instance in one stretch of time: short queue ids come
 * again, so a line belongs to the message whose stretch it fits, however the files were ordered and
 * however often they are read. The same line twice changes nothing.
 *
 * Memory is bounded: FK_MAILTRACE_MAX messages, as many refusals and replies, 256 sources; over it
 * FK_FULL, and the caller asks for a shorter time. A message takes about 130 bytes.
 *
 * Ownership: the trace owns all; what it points to moves with the next line. Threads: one.
 */
#ifndef FK_INTAKE_MAILTRACE_H
#define FK_INTAKE_MAILTRACE_H
#include "archiver/intake/maillog.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_MAILTRACE_MAX = 4000000, FK_MAILTRACE_SOURCES = 256, FK_MAILTRACE_COPIES = 64 };

/* What became of a message as far as the archive is concerned. */
enum fk_fate {
    FK_FATE_KEPT,      /* a reply of the archive: whether it is true is the ledger's to say */
    FK_FATE_FORWARDED, /* it went on under another queue id, which has a reply */
    FK_FATE_REFUSED,   /* begun, and never accepted */
    FK_FATE_OWN,       /* a notice that the server wrote itself: these are not copied */
    FK_FATE_PARTIAL,   /* its beginning or its acceptance is not in the log: not judged */
    FK_FATE_QUEUED,    /* it is in the queue still */
    /* gone from the queue, and no copy arrived: */
    FK_FATE_NO_COPY,   /* none was addressed to the archive */
    FK_FATE_BOUNCED,   /* the copy was refused for ever */
    FK_FATE_EXPIRED,   /* the copy waited too long */
    FK_FATE_DELETED,   /* taken out of the queue by hand */
    FK_FATE_ELSEWHERE, /* the copy was taken by somebody who is no Fumikura */
    FK_FATES
};
const char *fk_fate_name(enum fk_fate fate);
bool fk_fate_is_missing(enum fk_fate fate);

struct fk_traced {
    char queue_id[FK_QUEUE_ID_MAX + 1], next[FK_QUEUE_ID_MAX + 1];
    int64_t first_ms, last_ms; /* of its lines */
    int64_t end_ms;            /* when it was removed; 0: it was not */
    uint32_t chain;            /* 1 + another message of the same bucket, 0 at the end */
    uint16_t flags;
    uint8_t source;
};
/* A reply "kept seq=N c256=...", or what stands for one. */
struct fk_kept_reply {
    uint64_t seq;
    uint32_t message;
    uint8_t c256[8];
    bool unsaid; /* not in the log: there is no c256 to compare */
};
struct fk_refusal {
    uint64_t line; /* a digest of it, so that it counts once */
    int64_t time_ms;
    uint8_t source;
};
struct fk_mailtrace {
    struct fk_traced *messages;
    struct fk_kept_reply *replies; /* after settle: by seq, each of a message once */
    struct fk_refusal *refusals;   /* after settle: each once */
    size_t count, cap, reply_count, reply_cap, refusal_count, refusal_cap;
    char sources[FK_MAILTRACE_SOURCES][64]; /* "host/instance" */
    size_t source_count;
    char *copies[FK_MAILTRACE_COPIES];
    size_t copy_count;
    uint32_t *buckets; /* 1 + message, 0 none */
    size_t bucket_count;
    int64_t oldest_ms, newest_ms; /* of all lines taken; INT64_MAX, INT64_MIN before */
};

FK_CHECKED enum fk_status fk_mailtrace_new(struct fk_mailtrace **out, struct fk_err *err);
void fk_mailtrace_free(struct fk_mailtrace **t);
/* An address that gets the copies; known ones are passed over. */
FK_CHECKED enum fk_status fk_mailtrace_copy(struct fk_mailtrace *t, const char *address, size_t len,
                                            struct fk_err *err);
bool fk_mailtrace_is_copy(const struct fk_mailtrace *t, struct fk_words address);
FK_CHECKED enum fk_status fk_mailtrace_take(struct fk_mailtrace *t,
                                            const struct fk_maillog_line *line, struct fk_err *err);
/* The message that a line belongs to; UINT32_MAX for none. */
uint32_t fk_mailtrace_find(const struct fk_mailtrace *t, const struct fk_maillog_line *line);
/* An entry that is a message's though the log has no reply of it: what came by a milter. Before
 * settle. */
FK_CHECKED enum fk_status fk_mailtrace_kept(struct fk_mailtrace *t, uint32_t message, uint64_t seq,
                                            struct fk_err *err);
/* After the last line: sorts, and follows messages that went on under another queue id. */
FK_CHECKED enum fk_status fk_mailtrace_settle(struct fk_mailtrace *t, struct fk_err *err);
enum fk_fate fk_mailtrace_fate(const struct fk_mailtrace *t, size_t message);

#ifdef __cplusplus
}
#endif
#endif
