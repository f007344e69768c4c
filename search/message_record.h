/*
 * message_record.h - what the index knows of one message, asked for by any of its captures: who had
 * it, which other captures there are, which versions: other bytes under the same Message-ID; which
 * notices (delivery_record.h) are about it, and, where it is one, about what.
 *
 * A notice is about what has the Message-ID that it names. That is looked up here, each time: so it
 * does not matter which of the two came first, nothing that a notice claims is ever written to the
 * message's own document, and what is disposed of is linked no more, whether the index has
 * forgotten it already or not. Whoever may see one message sees here that others name it and what
 * they say: once there are rights of persons, each linked one is to be asked for by them.
 *
 * Versions are never joined. same_text: all that is read of both is equal (people, subject, dates,
 * text, names of files), so that they differ in what is not, such as Received fields.
 *
 * Errors: FK_NOT_FOUND the index has no such capture, or has not read it yet. Ownership:
 * fk_message_record_free. Threads: any.
 */
#ifndef FK_SEARCH_MESSAGE_RECORD_H
#define FK_SEARCH_MESSAGE_RECORD_H
#include "base/buf.h"
#include "indexer/record/provenance.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_VERSIONS_MAX = 1000, FK_LINKS_MAX = 100 };
struct fk_version {
    uint64_t seq; /* its newest capture */
    bool same_text;
};
struct fk_linked_notice {
    uint64_t seq;       /* its newest capture */
    struct fk_buf data; /* its lines of a notice */
};
struct fk_message_record {
    uint32_t docid;
    struct fk_buf data;         /* as index.h has it */
    struct fk_provenance known; /* by the captures that are not disposed of */
    struct fk_version *versions;
    size_t version_count;
    struct fk_linked_notice *notices; /* about it, ascending; of notice_total the first */
    size_t notice_count;
    uint64_t notice_total;
    uint64_t about[FK_LINKS_MAX]; /* messages that it, a notice, is about */
    size_t about_count;
};
#define FK_MESSAGE_RECORD_INIT                                                                     \
    { .versions = NULL }

struct fk_lend;
FK_CHECKED enum fk_status fk_message_record_read(const char *dir, struct fk_lend *lend,
                                                 uint64_t seq, struct fk_message_record *out,
                                                 struct fk_err *err);
void fk_message_record_free(struct fk_message_record *record);

#ifdef __cplusplus
}
#endif
#endif
