/*
 * status.h - what a call did, and the sentence that goes with it.
 *
 * Every function of the house that can fail returns an enum fk_status and takes a struct fk_err
 * as its last parameter. A status is named for what the caller does next; the sentence says what
 * happened, where, and what to do about it.
 *
 *     enum fk_status st = FK_OK;
 *     FK_TRY(fk_thing_open(path, &thing, err));
 *     FK_TRY(fk_thing_use(thing, err));
 * done:
 *     fk_thing_close(&thing);
 *     return st;
 *
 * Ownership: a struct fk_err holds no memory. err may be NULL where nobody wants the sentence.
 * On success err and all outputs besides are as documented; on failure outputs are untouched.
 * Threads: a struct fk_err belongs to one thread.
 */
#ifndef FK_BASE_STATUS_H
#define FK_BASE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

enum fk_status {
    FK_OK = 0,
    FK_RETRY,     /* not now: try again later, nothing was changed */
    FK_NOT_FOUND, /* there is no such thing (or no more of them) */
    FK_CORRUPT,   /* stored or received data contradicts itself */
    FK_DENIED,    /* the caller may not */
    FK_FULL,      /* no room: disk, map or a stated limit */
    FK_INVALID,   /* the request or the configuration is wrong */
    FK_IO,        /* the system said no; fk_err.sys has errno */
    FK_NOMEM      /* out of memory */
};

struct fk_err {
    enum fk_status status;
    int sys;        /* errno, or 0 */
    char text[500]; /* one sentence; control characters in what it quotes are '?' */
};

#define FK_ERR_INIT                                                                                \
    { FK_OK, 0, "" }
#define FK_CHECKED __attribute__((warn_unused_result))

/* Leaves for `done:` with st set when a call fails. The function has `enum fk_status st`. */
#define FK_TRY(call)                                                                               \
    do {                                                                                           \
        if ((st = (call)) != FK_OK)                                                                \
            goto done;                                                                             \
    } while (0)

/* Writes the sentence and returns `status`, so that `return fk_fail(...)` reads as it should. */
enum fk_status fk_fail(struct fk_err *err, enum fk_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: status from errnum (ENOSPC and EDQUOT are FK_FULL, ENOMEM is
 * FK_NOMEM, EAGAIN is FK_RETRY, all else FK_IO), the system's own words appended. */
enum fk_status fk_fail_sys(struct fk_err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the sentence in err; returns err's status. */
enum fk_status fk_err_prefix(struct fk_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__ /* which sees one file at a time: a failure is never FK_OK */
#define fk_fail(err, status, ...) ((void)(fk_fail)(err, status, __VA_ARGS__), (status))
#define fk_fail_sys(err, ...) ((void)(fk_fail_sys)(err, __VA_ARGS__), FK_IO)
#endif

const char *fk_status_name(enum fk_status status);

/* The exit status of a command (DESIGN section 5): 0 done, 1 findings, 2 usage, 75 try again. */
int fk_status_exit(enum fk_status status);

#ifdef __cplusplus
}
#endif
#endif
