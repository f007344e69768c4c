/*
 * fuzz.h - what the fuzz programs share.
 *
 * A program defines LLVMFuzzerTestOneInput and ends by MUST where the house does not keep what its
 * headers promise. It takes any bytes in bounded time and memory, has no state from one input to
 * the next but what costs too much to be made anew, and gives back all memory, descriptors and
 * files that it has taken.
 */
#ifndef FK_FUZZ_FUZZ_H
#define FK_FUZZ_FUZZ_H
#include "base/buf.h"
#include "base/status.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A length in an input is no reason to take a gigabyte: it ends the program. One over a library
 * that does, and says then that it had no memory, defines fuzz_asan_options with both of these. */
#define FUZZ_ASAN_OPTIONS                                                                          \
    "max_allocation_size_mb=1024:detect_leaks=1:abort_on_error=1:hard_rss_limit_mb=3072"
#define FUZZ_ASAN_NO_MEMORY ":allocator_may_return_null=1"
const char *fuzz_asan_options(void);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_broken(__FILE__, __LINE__, #condition);                                           \
    } while (0)
void fuzz_broken(const char *file, int line, const char *what) __attribute__((noreturn));

/* Done, or the machine is broken: for what the input has no part in. */
#define DONE(call) MUST((call) == FK_OK)

/* True for FK_OK. Any other status must be that of err, with a sentence in one line, and be one
 * that bad bytes may have: no input is a reason for FK_IO. */
bool fuzz_took(enum fk_status st, const struct fk_err *err);

/* Both hold the same bytes. */
bool fuzz_same(const void *a, size_t a_len, const void *b, size_t b_len);
bool fuzz_is_utf8(const void *text, size_t len);

/* The first bytes of an input, for numbers that the program decides by; 0 where there are no more.
 */
struct fuzz_input {
    const uint8_t *at;
    size_t len;
};
uint8_t fuzz_byte(struct fuzz_input *in);
uint64_t fuzz_number(struct fuzz_input *in); /* 8 bytes */
/* Up to a byte of that value, which is passed over; all that is left where there is none. */
struct fuzz_input fuzz_until(struct fuzz_input *in, uint8_t stop);

/* A directory of this process's own in memory or, where there is none, in $TEST_DIR; removed at its
 * end. */
const char *fuzz_dir(void);
/* That of a process which has died. */
void fuzz_dir_remove(pid_t pid);
/* A file in it, replaced; path: static until the next call. */
const char *fuzz_file(const char *name, const void *data, size_t len);
/* A memory file; to be closed. */
int fuzz_memfile(const void *data, size_t len);
#endif
