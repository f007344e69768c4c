/*
 * book_priv.h - one segment as it is read, and the shelf of all of them, by seq.
 *
 * A book of a sealed segment never changes; one of an open segment shows a snapshot that
 * fk_book__refresh renews. Where another process may be writing, the snapshot is pinned by a reader
 * slot of LMDB (FK_BOOK_PINNED), from which nothing else is asked: pages are read by pages_priv.h.
 * While both N.open and N.sealed exist, .open counts.
 *
 * Errors: FK_CORRUPT with file and place; FK_NOT_FOUND no such seq or key. Threads: one at a time.
 */
#ifndef FK_VAULT_BOOK_PRIV_H
#define FK_VAULT_BOOK_PRIV_H
#include "archiver/vault/entry.h"
#include "archiver/vault/keys_priv.h"
#include "archiver/vault/lines_priv.h"

enum fk_book_flags {
    FK_BOOK_PINNED = 1, /* another process may write the file */
    FK_BOOK_DIRECT = 2, /* read from the disk, not from cached pages */
    FK_BOOK_SEALED = 4  /* .sealed, even where .open is there */
};
enum fk_book_state { FK_BOOK_ACTIVE, FK_BOOK_CLOSED, FK_BOOK_SEALED_STATE };

struct fk_where { /* whose vault */
    const char *dir;
    const uint8_t *ledger;
    struct fk_kek *kek; /* follows a rotation by another process where a key file does not open */
};

struct fk_book {
    struct fk_where where;
    uint64_t number, first, next; /* seqs first to next-1 */
    enum fk_book_state state;
    int flags; /* that it was opened with */
    struct fk_pages *pages;
    struct fk_pin *pin;
    struct fk_lines *lines;
    struct fk_cursor *extents, *contents, *keys, *meta;
    struct fk_cursor *chunks;  /* NULL: there is no such table */
    struct fk_keyfile keyfile; /* fd -1: not opened yet */
    struct fk_wrap *wrap;
};
FK_CHECKED enum fk_status fk_book__open(const struct fk_where *where, uint64_t number, int flags,
                                        struct fk_book **out, struct fk_err *err);
void fk_book__close(struct fk_book **book);
/* FK_NOT_FOUND: the file is gone (it was sealed): open it anew. */
FK_CHECKED enum fk_status fk_book__refresh(struct fk_book *b, struct fk_err *err);
/* Lets the pen reuse old pages; refresh pins again. */
void fk_book__rest(struct fk_book *b);

FK_CHECKED enum fk_status fk_book__line(struct fk_book *b, uint64_t seq, struct fk_buf *out,
                                        struct fk_err *err);
/* Whether the entry has a content, by its line, which is read into line. */
FK_CHECKED enum fk_status fk_book__has_content(struct fk_book *b, uint64_t seq, struct fk_buf *line,
                                               bool *out, struct fk_err *err);
FK_CHECKED enum fk_status fk_book__meta(struct fk_book *b, const char *name, char *out, size_t size,
                                        struct fk_err *err);
FK_CHECKED enum fk_status fk_book__meta_number(struct fk_book *b, const char *name, uint64_t *out,
                                               struct fk_err *err);

enum { FK_RECORD_HEAD = 22, FK_RECORD_PART = 16, FK_RECORD_CHUNKS = 12 };
struct fk_content_record {
    uint8_t codec, id[FK_CONTENT_ID_BYTES];
    uint32_t parts;
    uint64_t first_chunk; /* that came with it; 0: none did */
    uint32_t chunks;
    struct fk_buf bytes; /* the record as stored; parts are read from it */
};
struct fk_part {
    uint64_t extent;
    uint32_t offset, len;
};
FK_CHECKED enum fk_status fk_book__record(struct fk_book *b, uint64_t seq,
                                          struct fk_content_record *out, struct fk_err *err);
struct fk_part fk_record__part(const struct fk_content_record *r, uint32_t i);
/* FK_RECORD_PART bytes of a record. */
void fk_part__write(const struct fk_part *part, uint8_t *out);
/* Appends the stored bytes of a part. */
FK_CHECKED enum fk_status fk_book__part(struct fk_book *b, const struct fk_part *part,
                                        struct fk_buf *out, struct fk_err *err);
/* The record of a chunk. FK_NOT_FOUND: there is none (any more). */
FK_CHECKED enum fk_status fk_book__chunk_record(struct fk_book *b, uint64_t number,
                                                struct fk_content_record *out, struct fk_err *err);
/* A chunk as a decoder asks for it; record is scratch space. */
FK_CHECKED enum fk_status fk_book__chunk(struct fk_book *b, uint64_t number,
                                         struct fk_content_record *record,
                                         struct fk_stored_chunk *out, struct fk_err *err);
/* Which chunks of an open segment have been looked at. Begun as {0}. FK_CORRUPT: the numbers have
 * gaps; those of a sealed segment may. */
struct fk_chunk_marks {
    uint8_t *bits;
    uint64_t max; /* the last chunk's number */
};
FK_CHECKED enum fk_status fk_chunk_marks__begin(struct fk_chunk_marks *m, struct fk_book *b,
                                                struct fk_err *err);
bool fk_chunk_marks__has(const struct fk_chunk_marks *m, uint64_t number);
void fk_chunk_marks__set(struct fk_chunk_marks *m, uint64_t number);
void fk_chunk_marks__free(struct fk_chunk_marks *m);
/* Of the key file that counts. */
FK_CHECKED enum fk_status fk_book__generation(struct fk_book *b, uint64_t *out, struct fk_err *err);
/* FK_NOT_FOUND: there is no key for it (any more). */
FK_CHECKED enum fk_status fk_book__wrapped(struct fk_book *b, uint64_t seq,
                                           uint8_t out[FK_WRAPPED_BYTES], struct fk_err *err);
FK_CHECKED enum fk_status fk_book__key(struct fk_book *b, uint64_t seq,
                                       const uint8_t id[FK_CONTENT_ID_BYTES],
                                       uint8_t out[FK_KEY_BYTES], struct fk_err *err);

struct fk_shelf;
/* Borrows where for its life. flags: of the books. */
FK_CHECKED enum fk_status fk_shelf__open(const struct fk_where *where, int flags,
                                         struct fk_shelf **out, struct fk_err *err);
void fk_shelf__close(struct fk_shelf **shelf);
/* The newest segment's number, followed. */
FK_CHECKED enum fk_status fk_shelf__newest(struct fk_shelf *s, struct fk_book **out,
                                           struct fk_err *err);
/* The book that has seq, refreshed; borrowed until the next call. FK_NOT_FOUND past the head;
 * FK_CORRUPT where its segment is missing or damaged: others are found as ever. */
FK_CHECKED enum fk_status fk_shelf__find(struct fk_shelf *s, uint64_t seq, struct fk_book **out,
                                         struct fk_err *err);
FK_CHECKED enum fk_status fk_shelf__get(struct fk_shelf *s, uint64_t number, struct fk_book **out,
                                        struct fk_err *err);
/* Every entry of a kind from *next on to the head, in order, until fn sets *stop; *next follows. */
typedef enum fk_status (*fk_entry_fn)(void *ctx, const struct fk_entry *entry, bool *stop,
                                      struct fk_err *err);
FK_CHECKED enum fk_status fk_shelf__scan(struct fk_shelf *s, uint64_t *next, const char *kind,
                                         fk_entry_fn fn, void *ctx, struct fk_err *err);
/* The newest seal entry of a segment that can be read: its digest in hex. FK_NOT_FOUND: there is
 * none; FK_CORRUPT: none was found, and a later segment cannot be read. */
FK_CHECKED enum fk_status fk_shelf__seal(struct fk_shelf *s, uint64_t number,
                                         char digest[2 * FK_SHA256_BYTES + 1], struct fk_err *err);
uint64_t fk_shelf__count(const struct fk_shelf *s);
/* Releases every pin. */
void fk_shelf__rest(struct fk_shelf *s);
/* Forgets what is open: after files were renamed or removed. */
void fk_shelf__forget(struct fk_shelf *s);
#endif
