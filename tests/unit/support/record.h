/*
 * record.h - the SMTP machine with a sink that writes down what it is told.
 *
 * feed plays a caller: what the machine does not take is fed again after the replies were written
 * and, when a message is pending, answered with a seq that counts up; TLS is made at once.
 */
#ifndef FK_TEST_RECORD_H
#define FK_TEST_RECORD_H
#include "archiver/intake/smtp_session.h"

struct record {
    struct fk_buf told;    /* "begin 0|helo a|...", a message as "{...}" once it is whole */
    struct fk_buf message; /* bytes of the open one */
    unsigned begun, reset, kept;
    enum fk_status begin_says, data_says, end_says;
};

void record_free(struct record *r);
struct fk_smtp *machine(const struct fk_smtp_options *options, struct record *r);
/* Moves what the machine has said to the end of replies. */
void replies_take(struct fk_smtp *s, struct fk_buf *replies);
void feed(struct fk_smtp *s, struct record *r, struct fk_buf *replies, const char *data,
          size_t len);
/* A session that is in DATA, its replies read; told and replies are the caller's to free. */
struct fk_smtp *in_data(const struct fk_smtp_options *options, struct record *r,
                        struct fk_buf *replies);

#endif
