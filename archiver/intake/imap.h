/*
 * imap.h - a mailbox of an IMAP server by libcurl: which messages there are, one of them, and away
 * with those that are named.
 *
 *     FK_TRY(fk_imap_open(&where, &box, err));
 *     FK_TRY(fk_imap_select(box, &validity, err));
 *     FK_TRY(fk_imap_list(box, first_uid, &list, err));        ascending
 *     st = fk_imap_fetch(box, uid, data, ctx, err);            any number of times
 *     st = fk_imap_delete(box, uids, n, err);
 *     fk_imap_close(&box);
 *
 * A message is asked for by its UID with UIDVALIDITY, and comes as the server's literal says how
 * long it is; fetching marks it as read there (libcurl asks for BODY[], not BODY.PEEK[]). It is
 * deleted by \Deleted and UID EXPUNGE (RFC 4315), never by EXPUNGE, which would take others along.
 *
 * Bounds: a minute without a byte ends a command; a list ends at FK_IMAP_LIST_MAX messages, the
 * rest is for the next one; no line is remembered. Errors: FK_RETRY the server is away, slow, or
 * broke off; FK_DENIED it does not let us in, or its certificate is not good; FK_NOT_FOUND no such
 * mailbox or message; FK_CORRUPT it said what is no answer. Threads: one at a time.
 */
#ifndef FK_INTAKE_IMAP_H
#define FK_INTAKE_IMAP_H
#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_IMAP_LIST_MAX = 100000 };

struct fk_imap_where {
    /* imaps://USER@HOST[:PORT]/MAILBOX, or imap:// for STARTTLS; in the clear only to this machine
     * itself. Without a user: `user`. */
    const char *url;
    const char *password; /* borrowed while it is open */
    const char *roots;    /* a PEM file with who may vouch for the server; NULL: the system's */
    /* Asked about once a second: true ends what is going on, FK_RETRY. NULL: nobody is asked. */
    bool (*is_stopped)(void *ctx);
    void *stop_ctx;
};
struct fk_imap_message {
    uint32_t uid;
    uint64_t bytes; /* as the server says (RFC822.SIZE) */
};
struct fk_imap_list {
    struct fk_imap_message *at;
    size_t count, cap;
};

struct fk_imap;
FK_CHECKED enum fk_status fk_imap_open(const struct fk_imap_where *where, struct fk_imap **out,
                                       struct fk_err *err);
FK_CHECKED enum fk_status fk_imap_select(struct fk_imap *box, uint32_t *validity_out,
                                         struct fk_err *err);
/* From first_uid on, as there were when it was selected; the list is begun as {0} and freed by the
 * caller. */
FK_CHECKED enum fk_status fk_imap_list(struct fk_imap *box, uint32_t first_uid,
                                       struct fk_imap_list *out, struct fk_err *err);
/* false from data ends it: FK_FULL. */
typedef int (*fk_imap_data_fn)(void *ctx, const void *data, size_t len);
FK_CHECKED enum fk_status fk_imap_fetch(struct fk_imap *box, uint32_t uid, fk_imap_data_fn data,
                                        void *ctx, struct fk_err *err);
FK_CHECKED enum fk_status fk_imap_delete(struct fk_imap *box, const uint32_t *uids, size_t n,
                                         struct fk_err *err);
void fk_imap_close(struct fk_imap **box);
void fk_imap_list_free(struct fk_imap_list *list);
/* "imaps://host/INBOX": the address without its user. Borrowed. */
const char *fk_imap_name(const struct fk_imap *box);

#ifdef __cplusplus
}
#endif
#endif
