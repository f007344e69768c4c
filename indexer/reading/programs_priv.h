/*
 * programs_priv.h - programs of others that make text of a file: pdftotext, antiword, xls2csv,
 * catppt.
 *
 * The runner (`fumikura index-extract`) stands beside a boxed reader, with one socket to it and
 * nothing else of ours. It closes its own box before the first request; each program runs once, in
 * a process of its own that is boxed further (base/box.h), over a sealed memory file, and what it
 * writes is taken up to a limit. The runner judges nothing of it: to the reader it is bytes of a
 * stranger.
 *
 * Frames (base/frame.h) on the runner's descriptor 3:
 *     SETUP                                          to it; it closes the box
 *     HELLO  u32 status, string                      from it: the box is closed, or why not
 *     RUN    u8 program, u8 CPU seconds, string password; a sealed memory file
 *     DONE   u8 outcome, u8 exit status, u32 CPU ms, bytes (what it complained); a sealed memory
 *            file with what it wrote
 */
#ifndef FK_INDEXER_PROGRAMS_PRIV_H
#define FK_INDEXER_PROGRAMS_PRIV_H
#include "base/buf.h"
#include "base/status.h"
#include "indexer/reading/password.h"
#include <stddef.h>
#include <stdint.h>

enum { FK_RUNNER_SETUP = 1, FK_RUNNER_HELLO, FK_RUNNER_RUN, FK_RUNNER_DONE };

enum fk_program { FK_PROGRAM_PDF, FK_PROGRAM_DOC, FK_PROGRAM_XLS, FK_PROGRAM_PPT, FK_PROGRAMS };
/* What is run, and the package of Debian that has it; for doctor, and for those who read. */
struct fk_program_of {
    const char *command, *package, *reads;
};
extern const struct fk_program_of fk_programs[FK_PROGRAMS];

enum fk_outcome {
    FK_RAN,
    FK_RAN_MISSING,  /* the program is not on this machine */
    FK_RAN_TIME,     /* longer than it was given of CPU, or five times that of the clock */
    FK_RAN_TOO_MUCH, /* wrote more than FK_PROGRAM_OUTPUT_MAX: as much is there */
    FK_RAN_DIED,     /* of a signal: a fault, or no memory */
    FK_RAN_NEVER,    /* the runner is gone */
    FK_OUTCOMES
};
enum { FK_PROGRAM_SECONDS = 6, FK_PROGRAM_MEMORY = 448 << 20, FK_PROGRAM_OUTPUT_MAX = 32 << 20 };

struct fk_ran {
    enum fk_outcome outcome;
    unsigned exit;
    uint32_t cpu_ms;
    struct fk_buf text, complaint; /* yours to free */
};
/* From the reader's side; sock -1: FK_RAN_NEVER. Errors: FK_NOMEM. */
FK_CHECKED enum fk_status fk_program_run(int sock, enum fk_program program, unsigned seconds,
                                         const void *data, size_t len, const char *password,
                                         struct fk_ran *out, struct fk_err *err);
void fk_ran_free(struct fk_ran *ran);

#endif
