/* import_priv.h - import.c finds files and makes messages of them; import_window.c has those that
 * are with the pen. */
#ifndef FK_INTAKE_IMPORT_PRIV_H
#define FK_INTAKE_IMPORT_PRIV_H
#include "archiver/intake/import.h"
#include "archiver/intake/mailfile.h"
#ifdef __cplusplus
extern "C" {
#endif

enum { FK_WINDOW = 256, FK_WINDOW_BYTES = 64 << 20 };

/* A message between its last byte and its being told. */
struct fk_import_item {
    char *path;
    struct fk_mailfile file; /* kept until the receipt: it may have to be sent again */
    bool sent, done;
    unsigned tries;
    struct fk_receipt receipt;
};

/* A ring: items [first, first+count) in the order in which they were found; id = place in the ring.
 */
struct fk_import_window {
    const struct fk_import_options *options;
    struct fk_keep *keep;
    struct fk_import_item items[FK_WINDOW];
    size_t first, count;
    uint64_t bytes;
    bool pause;        /* before something is sent again */
    unsigned reopened; /* since the last receipt that counts */
    struct fk_import_sum sum;
};

FK_CHECKED enum fk_status fk_import__window_open(struct fk_import_window *w, struct fk_err *err);
/* Takes the file (a finished one), whatever it answers; waits while the window is full. */
FK_CHECKED enum fk_status fk_import__window_add(struct fk_import_window *w, const char *path,
                                                struct fk_mailfile *file, struct fk_err *err);
/* Waits for all that is with the pen. */
FK_CHECKED enum fk_status fk_import__window_drain(struct fk_import_window *w, struct fk_err *err);
void fk_import__window_close(struct fk_import_window *w);
void fk_import__refuse(struct fk_import_window *w, const char *path, const char *reason);

#ifdef __cplusplus
}
#endif
#endif
