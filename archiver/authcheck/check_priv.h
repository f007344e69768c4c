/*
 * check_priv.h - one message in the box: what is known about it, what is asked for, what was found.
 *
 * The parts run in the order fk_dkim_begin, fk_spf_look, fk_dmarc_begin; where any of them asked
 * for a name that is not known, nothing else counts and the message is given again with the answer.
 * Only then, with all that is needed, the body is read (fk_dkim_finish). Threads: one.
 */
#ifndef FK_AUTHCHECK_CHECK_PRIV_H
#define FK_AUTHCHECK_CHECK_PRIV_H
#include "archiver/auth/protocol.h"
#include "archiver/auth/records.h"
#include "base/buf.h"
#include "base/status.h"

struct fk_known {
    struct fk_buf text; /* lines of protocol.h */
    int64_t time_ms;
    char client[64], helo[256], mail_from[320];
    bool has_client, is_inside;
};
/* Reads the lines that are no answers of DNS. */
void fk_known_read(struct fk_known *k);
/* The answer to a question; where there is none, the question is asked: false. */
bool fk_known_find(const struct fk_known *k, const struct fk_dns_question *q, struct fk_buf *need,
                   struct fk_dns_answer *out);

/* Where the header of a message ends, and its fields. A message without CR (it came from a file) is
 * read as if each LF were CR LF. */
struct fk_message {
    const uint8_t *data;
    size_t len;
    bool bare_lf; /* line ends are to be made CR LF */
};
/* The next field of the header with its continuation lines, without the last line end; *at goes on.
 * False at the end of the header; *at is then at the body. */
bool fk_message_field(const struct fk_message *m, size_t *at, struct fk_buf *field);
bool fk_message_is_from(const struct fk_buf *field);

struct fk_dkim;
struct fk_pass {
    char domain[FK_DNS_NAME_MAX + 1], selector[FK_DNS_NAME_MAX + 1];
};
struct fk_passes {
    struct fk_pass at[FK_AUTH_SIGNATURES_MAX];
    size_t count;
};
FK_CHECKED enum fk_status fk_dkim_library(struct fk_err *err); /* before the box is closed */
FK_CHECKED enum fk_status fk_dkim_begin(const struct fk_message *m, const struct fk_known *k,
                                        struct fk_buf *need, struct fk_dkim **out,
                                        struct fk_err *err);
/* Appends a line a signature. */
FK_CHECKED enum fk_status fk_dkim_finish(struct fk_dkim *d, struct fk_passes *passes,
                                         struct fk_buf *out, struct fk_err *err);
void fk_dkim_free(struct fk_dkim **d);

/* result "": it was not checked. */
struct fk_spf {
    char result[16], domain[FK_DNS_NAME_MAX + 1], why[200];
};
FK_CHECKED enum fk_status fk_spf_library(struct fk_err *err); /* before the box is closed */
FK_CHECKED enum fk_status fk_spf_look(const struct fk_known *k, struct fk_buf *need,
                                      struct fk_spf *out, struct fk_err *err);
void fk_spf_write(const struct fk_spf *s, struct fk_buf *out);

/* domain "": there is no one From, so nothing is said. */
struct fk_dmarc {
    char result[16], domain[FK_DNS_NAME_MAX + 1], organization[FK_DNS_NAME_MAX + 1];
    char policy[16], aligned[16];
    bool of_organization; /* the policy is */
    struct fk_buf record;
};
FK_CHECKED enum fk_status fk_dmarc_library(struct fk_err *err); /* before the box is closed */
void fk_dmarc_begin(const struct fk_message *m, const struct fk_known *k, struct fk_buf *need,
                    struct fk_dmarc *out);
FK_CHECKED enum fk_status fk_dmarc_finish(struct fk_dmarc *d, const struct fk_passes *passes,
                                          const struct fk_spf *spf, struct fk_err *err);
void fk_dmarc_write(const struct fk_dmarc *d, struct fk_buf *out);
void fk_dmarc_free(struct fk_dmarc *d);

/* A word of the message in a line of ours: no blank, no control character, never empty. */
void fk_word_add(struct fk_buf *b, const char *text, size_t len);

FK_CHECKED enum fk_status fk_check_message(const struct fk_message *m, struct fk_known *k,
                                           struct fk_buf *answer, struct fk_err *err);
int fk_check_main(void);
int fk_resolve_main(void);

#endif
