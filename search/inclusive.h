/*
 * inclusive.h - which messages of a conversation hold all the others: who has read them has read
 * it all.
 *
 * A message is in another one where each of its lines stands there too, in the same order, whatever
 * marks of quotation, line ends and blanks are between them, and where its attachments are there:
 * by the digests of their bytes; one without a digest is nowhere else, whatever its name is. Lines
 * that mailers put around what they quote (On ... wrote:, -----Original Message-----,
 * ... さんは書きました) count nowhere. Texts are compared as they are, not by digests of them:
 * nobody can write a message that passes for one that is quoted and is not. A message that was read
 * in part only is in no other one.
 *
 *     inclusive         it is in no other message
 *     inclusive-minus   another one has its text, and lacks an attachment of it
 *     copy              the same text and attachments as an earlier one, which is in no other
 *     none              it is in another one
 *
 * Texts are what fk_index_message_text gives, which a box has made; this parses no mail. Errors:
 * FK_NOMEM. Threads: any.
 */
#ifndef FK_SEARCH_INCLUSIVE_H
#define FK_SEARCH_INCLUSIVE_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum fk_inclusive { FK_INCLUSIVE, FK_INCLUSIVE_MINUS, FK_INCLUSIVE_COPY, FK_INCLUSIVE_NONE };
const char *fk_inclusive_name(enum fk_inclusive value);

struct fk_inclusive_message {
    struct fk_buf lines;   /* fk_inclusive_take's: each without blanks, with an LF behind it */
    struct fk_buf names;   /* of attachments, each with an LF behind it */
    struct fk_buf files;   /* digests of attachments, the same way */
    bool has_unknown_file; /* some have no digest */
    bool is_partial;
    enum fk_inclusive value; /* by fk_inclusive_judge */
};
/* text: of a message for people. names must be there already: they stand in it too. */
FK_CHECKED enum fk_status fk_inclusive_take(struct fk_inclusive_message *m, const char *text,
                                            size_t len, struct fk_err *err);
/* Of equal ones the first stands, and the others are its copies. */
FK_CHECKED enum fk_status fk_inclusive_judge(struct fk_inclusive_message *messages, size_t n,
                                             struct fk_err *err);
void fk_inclusive_free(struct fk_inclusive_message *m);

#ifdef __cplusplus
}
#endif
#endif
