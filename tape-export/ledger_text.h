/*
 * ledger_text.h - the ledger as it stands on a tape: every entry line, in files of bounded size
 * that give the whole when read one after another in the order of their names.
 *
 *     data/ledger/000000000000.txt      begins with the entry of seq 0
 *     data/ledger/000000234567.txt      begins with that of seq 234567
 *
 * Errors: FK_CORRUPT names the entry and what does not fit. Threads: one.
 */
#ifndef FK_TAPE_LEDGER_TEXT_H
#define FK_TAPE_LEDGER_TEXT_H
#include "archiver/vault/lend.h"
#include "archiver/vault/tree.h"
#include "tape-export/volume.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Files of at least this many bytes are closed and the next begun. */
enum { FK_LEDGER_FILE_BYTES = 64 << 20 };

/* All lines below head, as files of the volume. */
FK_CHECKED enum fk_status fk_ledger_text_write(struct fk_volume *v, struct fk_lend *lend,
                                               uint64_t head, size_t file_bytes,
                                               struct fk_err *err);

/* The checkpoint of a set, and the key it is signed with (docs/evidence.md). */
#define FK_SET_CHECKPOINT "data/log/checkpoint"
#define FK_SET_VKEY "data/log/vkey"
#define FK_SET_PEM "data/log/key.pem"

struct fk_sealed_line { /* a seal entry */
    uint64_t seq, segment, first, last, bytes;
    char digest[65];
};
/* What the lines say when read in order. */
struct fk_ledger_text {
    char ledger[33]; /* id, from the genesis entry */
    uint64_t next_seq;
    uint8_t head[FK_SHA256_BYTES]; /* digest of the last line */
    uint64_t root_at;              /* set by who wants the tree's root over that many entries */
    struct fk_frontier tree;
    struct fk_sealed_line *seals;
    size_t seal_count, seal_cap;
    /* Set by who wants to see each entry that fits; anything but FK_OK ends the reading. */
    enum fk_status (*each)(void *ctx, const struct fk_entry *e, struct fk_err *err);
    void *ctx;
};
/* One line, with its LF: its form, its number, its prev. */
FK_CHECKED enum fk_status fk_ledger_text_take(struct fk_ledger_text *t, const char *line,
                                              size_t len, struct fk_err *err);
/* The files of a set, in order; the sentence of a failure names the file. */
FK_CHECKED enum fk_status fk_ledger_text_read(struct fk_ledger_text *t, const char *dir,
                                              struct fk_err *err);
/* NULL: that segment has no seal entry. */
const struct fk_sealed_line *fk_ledger_text_seal(const struct fk_ledger_text *t, uint64_t segment);
void fk_ledger_text_free(struct fk_ledger_text *t);

#ifdef __cplusplus
}
#endif
#endif
