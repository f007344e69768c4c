/*
 * reader.h - the boxed processes that read: a reader (`fumikura index-worker`) takes one message
 * after another, and its runner of programs (`fumikura index-extract`, programs_priv.h) one file.
 * What is asked of a reader and what it answers; who watches over them is pool_priv.h.
 *
 * Frames (base/frame.h) on the reader's descriptor 3:
 *     SETUP  u64 memory                             to it; it closes the box
 *     HELLO  u32 status, string                     from it: the box is closed, or why not
 *     RUNNER a socket to a runner of programs (programs_priv.h); before the first job, and when the
 *            one before is gone
 *     JOB    u8 kind, u8 how much (enum fk_job_depth), u64 offset, u64 length, u16 passwords, of
 *            each u64 origin and a string; a sealed memory file
 *     ANSWER the answer, or nothing and a sealed memory file with it
 *
 * Ownership: the words of fk_index_program are constant. Threads: any; each main is a process of
 * its own.
 */
#ifndef FK_INDEXER_READER_H
#define FK_INDEXER_READER_H
#include <stdbool.h>
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_POOL_SETUP = 1, FK_POOL_HELLO, FK_POOL_JOB, FK_POOL_ANSWER, FK_POOL_RUNNER };
enum { FK_POOL_OUTPUT_MAX = 256 << 20 };
enum fk_job_depth { FK_READ_ALL, FK_READ_NO_FILES, FK_READ_HEADERS };
enum fk_job_kind {
    FK_JOB_TERMS,
    FK_JOB_PEOPLE,
    FK_JOB_WRAPPER, /* of a journal report what stands around the message, for people */
    FK_JOB_REPORT,  /* ... and what it says, as lines (facts_priv.h) */
    FK_JOB_WORDS    /* words that may be passwords (password_words_priv.h) */
};

/* Mains: they never return anything but an exit status. */
int fk_index_worker_main(void);
int fk_index_extract_main(void);

/* Programs of others that make text of attachments, for who looks whether they are there: number 0
 * and on; false behind the last. */
struct fk_index_program {
    const char *command, *package, *reads;
    bool is_there;
};
bool fk_index_program(unsigned number, struct fk_index_program *out);

#ifdef __cplusplus
}
#endif
#endif
