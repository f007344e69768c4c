/*
 * thread.h - a conversation: all messages that are joined to one another, and who answers whom.
 *
 *     struct fk_thread t = FK_THREAD_INIT;
 *     FK_TRY(fk_thread_find(reader, seq, UINT64_MAX, NULL, &t, err));
 *     for (i = 0; i < t.count; i++)                 as a tree is printed: depth first, by time
 *         ... t.at[i].seq, t.at[i].parent, t.at[i].join, t.at[i].data ...
 *     fk_thread_free(&t);
 *
 * Two messages are joined where one names the other's Message-ID in References or In-Reply-To, or
 * both name the same one, and so on from there: found by looking outward from one message, each
 * time, so that one that comes late joins what is there without a change to it. A message that
 * names nobody and whose subject says that it answers (Re:, 転送:) is joined to the newest message
 * before it, within FK_TOPIC_DAYS, that has the same base subject, was sent to or by its sender,
 * and was sent by one whom it is for (or by its own sender, to one whom it is for): a subject alone
 * joins nothing, or all that begins お世話になっております would be one conversation.
 *
 * What a message says of itself is believed: anybody may name anybody's message, and is then shown
 * beside it, with how he is joined. Nothing of a message is shown to anybody for that.
 *
 * Bounds: FK_THREAD_MAX messages, FK_THREAD_IDS Message-IDs, FK_THREAD_TOPICS answers by subject
 * that are looked at, nearest first; over them is_cut. Errors: FK_NOT_FOUND the index has no such
 * capture; FK_RETRY, FK_CORRUPT from the index; FK_NOMEM. Ownership: all text belongs to the
 * thread. Threads: one.
 */
#ifndef FK_SEARCH_THREAD_H
#define FK_SEARCH_THREAD_H
#include "archiver/vault/fields.h"
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_THREAD_MAX = 1000, FK_THREAD_IDS = 20000, FK_THREAD_TOPICS = 5000, FK_TOPIC_DAYS = 30 };

enum fk_join { FK_JOIN_ROOT, FK_JOIN_REFERENCE, FK_JOIN_TOPIC };
const char *fk_join_name(enum fk_join join); /* "root", "reference", "subject" */

struct fk_thread_message {
    uint32_t docid;
    uint64_t seq;        /* of the newest capture that is taken */
    int64_t received_ms; /* of the first */
    struct fk_buf data;  /* index.h */
    struct fk_seqs captures;
    struct fk_buf attachments; /* digests of them, each with an LF; by fk_thread_read alone */
    uint32_t topic_of;         /* the docid that a subject alone joins it to; 0: none */
    size_t parent;             /* its place in the list; SIZE_MAX: none */
    enum fk_join join;
    unsigned depth;
};
struct fk_thread {
    struct fk_thread_message *at;
    size_t count, cap;
    bool is_cut;
};
#define FK_THREAD_INIT                                                                             \
    { NULL, 0, 0, false }

struct fk_xreader;
/* disposed: captures that are as if they were not there, sorted; NULL: none. before: captures from
 * there on are not, UINT64_MAX: all are. */
FK_CHECKED enum fk_status fk_thread_find(struct fk_xreader *reader, uint64_t seq, uint64_t before,
                                         const struct fk_seqs *disposed, struct fk_thread *out,
                                         struct fk_err *err);
/* The same by the index of a vault as it is now, and how far that is. */
struct fk_lend;
struct fk_thread_covered {
    uint64_t mark, head, unread; /* as in struct fk_search_coverage */
};
FK_CHECKED enum fk_status fk_thread_read(const char *dir, struct fk_lend *lend, uint64_t seq,
                                         struct fk_thread *out, struct fk_thread_covered *covered,
                                         struct fk_err *err);
/* The act that is there before any of it is shown: what=thread, of the message that was named. It
 * lets nobody have the content of a message. reason may be NULL. */
struct fk_keep;
struct fk_thread_act {
    const char *person, *via, *reason;
    size_t reason_len;
};
FK_CHECKED enum fk_status fk_thread_record(struct fk_keep *keep, const struct fk_thread_act *act,
                                           uint64_t seq, const struct fk_thread *t,
                                           uint64_t *act_out, struct fk_err *err);
void fk_thread_free(struct fk_thread *t);

#ifdef __cplusplus
}
#endif
#endif
