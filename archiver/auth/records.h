/*
 * records.h - what DNS said, as lines of fields.h: handed to the checker, kept as evidence, and
 * handed to it again in ten years.
 *
 *     dns: STATE STATUS TYPE NAME       what was asked, and how it was answered
 *     record: BYTES                     each record of it, in the order of its bytes
 *
 * STATE is what DNSSEC says of the answer: secure, insecure, bogus, or unchecked (no trust anchor).
 * STATUS: ok, nodata, nxdomain, failed (no answer, a late one, or an error), limit (more than is
 * taken). NAME is in lower case, without a dot at its end. A record of TXT is its strings put
 * together, of A and AAAA the address as text, of MX and PTR the name, of MX with its preference
 * and a space before it.
 *
 * Ownership: an answer that was found is borrowed from the text. Threads: any.
 */
#ifndef FK_AUTH_RECORDS_H
#define FK_AUTH_RECORDS_H
#include "archiver/vault/fields.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Of one name and type. */
enum {
    FK_DNS_NAME_MAX = 253,
    FK_DNS_RECORDS_MAX = 64,
    FK_DNS_BYTES_MAX = 16384,
    FK_DNS_TEXT_MAX = 60000 /* with names and escapes: fits a frame */
};

enum fk_dns_type { FK_DNS_A, FK_DNS_AAAA, FK_DNS_MX, FK_DNS_PTR, FK_DNS_TXT, FK_DNS_TYPES };
enum fk_dns_state { FK_DNS_SECURE, FK_DNS_INSECURE, FK_DNS_BOGUS, FK_DNS_UNCHECKED, FK_DNS_STATES };
enum fk_dns_status {
    FK_DNS_OK,
    FK_DNS_NODATA,
    FK_DNS_NXDOMAIN,
    FK_DNS_FAILED,
    FK_DNS_LIMIT,
    FK_DNS_STATUSES
};
extern const char *const fk_dns_type_names[FK_DNS_TYPES];
extern const char *const fk_dns_state_names[FK_DNS_STATES];
extern const char *const fk_dns_status_names[FK_DNS_STATUSES];

struct fk_dns_question {
    enum fk_dns_type type;
    char name[FK_DNS_NAME_MAX + 1];
};
/* A name that may be asked for: letters, digits, '-', '_' and dots that stand between them; made
 * lower case, a dot at its end left out. False where it is none. */
bool fk_dns_question_set(struct fk_dns_question *q, enum fk_dns_type type, const char *name,
                         size_t len);
/* "TYPE NAME", as in a dns line. */
bool fk_dns_question_read(struct fk_dns_question *q, const char *text, size_t len);

void fk_dns_add(struct fk_buf *b, const struct fk_dns_question *q, enum fk_dns_state state,
                enum fk_dns_status status);
void fk_dns_add_record(struct fk_buf *b, const void *data, size_t len);

struct fk_dns_answer {
    struct fk_dns_question question;
    enum fk_dns_state state;
    enum fk_dns_status status;
    struct fk_fields records; /* from the first record line on */
};
/* The dns line at f; false where it is not of the form. */
bool fk_dns_answer_read(const struct fk_field *f, const struct fk_fields *after,
                        struct fk_dns_answer *out);
bool fk_dns_find(const void *text, size_t len, const struct fk_dns_question *q,
                 struct fk_dns_answer *out);
/* The next record of an answer, appended; false after the last. */
bool fk_dns_record(struct fk_dns_answer *a, struct fk_buf *out);

#ifdef __cplusplus
}
#endif
#endif
