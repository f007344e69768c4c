/*
 * maillog.h - one line of a Postfix log, read: when, whose, about which message, what happened.
 *
 *     struct fk_maillog_line l;
 *     if (fk_maillog_read(text, len, &when, &l) == FK_MAILLOG_TAKEN) ...
 *
 * Headers of a line that are understood: the traditional one of syslog ("Nov 24 01:02:03 host
 * tag[pid]: ", no year and no zone in it), RFC 3339 ("2026-11-24T01:02:03.5+09:00 host tag[pid]: ",
 * a zone without colon too), either behind "<22>". A tag counts when its last part is a daemon of
 * Postfix ("postfix/smtpd", "postfix-out/relay/smtp"); its first part is the instance.
 *
 * What a stranger wrote stands in such a line: addresses, the replies of his server. So fields are
 * read from the left, each to its end, and nothing is searched for: a recipient of
 * <"x>, status=sent (250 kept"@example.jp> is a recipient. (That needs the quoted form, which
 * Postfix logs since 3.5: info_log_address_format = external.)
 *
 * Ownership: strings are borrowed from the text, not NUL-terminated. Threads: any.
 */
#ifndef FK_INTAKE_MAILLOG_H
#define FK_INTAKE_MAILLOG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_QUEUE_ID_MAX = 23 };

struct fk_words {
    const char *at;
    size_t len;
};

enum fk_maillog_event {
    FK_MAILLOG_OTHER,    /* of a message, and says nothing that counts here */
    FK_MAILLOG_RECEIVED, /* smtpd: client=, pickup: uid= */
    FK_MAILLOG_QUEUED,   /* qmgr: from=, size=, nrcpt=: it was accepted */
    FK_MAILLOG_DELIVERY, /* to=, relay=, dsn=, status= */
    FK_MAILLOG_EXPIRED,  /* qmgr gave up */
    FK_MAILLOG_REMOVED,  /* by qmgr, when all is done */
    FK_MAILLOG_DELETED,  /* by somebody, with postsuper -d */
    FK_MAILLOG_NOTICE,   /* bounce: `next` is a message that Postfix wrote about this one */
    FK_MAILLOG_REQUEUED, /* pickup: this message was `next` before (postsuper -r) */
    FK_MAILLOG_REFUSED   /* NOQUEUE or milter-reject: not taken */
};

struct fk_maillog_line {
    int64_t time_ms;
    struct fk_words host, instance, daemon;
    char queue_id[FK_QUEUE_ID_MAX + 1]; /* "" of NOQUEUE */
    enum fk_maillog_event event;
    char next[FK_QUEUE_ID_MAX + 1];         /* "queued as", "forwarded as", a notice's; or "" */
    struct fk_words to, relay, dsn, status; /* of a delivery */
    struct fk_words reply; /* what stands in its parentheses; of a refusal, all of it */
    bool kept;             /* the reply is one of ours: */
    uint64_t seq;
    uint8_t c256[8]; /* first bytes of the entry's */
};

/* How to read a time without a year or a zone. */
struct fk_maillog_when {
    int64_t newest_ms; /* no line is much newer than this: the year follows from it */
    int zone_minutes;  /* east of UTC */
};

enum fk_maillog_result {
    FK_MAILLOG_TAKEN,
    FK_MAILLOG_FOREIGN, /* not of Postfix, or about no message */
    FK_MAILLOG_BAD      /* of Postfix, and cut off or not of the form */
};
enum fk_maillog_result fk_maillog_read(const char *text, size_t len,
                                       const struct fk_maillog_when *when,
                                       struct fk_maillog_line *out);
/* The same where time, host and tag ("postfix/smtpd") came apart from the message. */
enum fk_maillog_result fk_maillog_read_parts(int64_t time_ms, struct fk_words host,
                                             struct fk_words tag, struct fk_words message,
                                             struct fk_maillog_line *out);

#ifdef __cplusplus
}
#endif
#endif
