/*
 * excerpt.h - where in a text what was asked for stands, and a few words around it.
 *
 *     FK_TRY(fk_excerpts_new(&e, err));
 *     FK_TRY(fk_excerpts_add(e, "会議室", 9, false, 1, err));
 *     if (fk_excerpts_find(e, 1, text, len, &from, &n)) ...       bytes from .. from + n match
 *     fk_excerpts_free(&e);
 *
 * The text is as it was written; it is folded and cut as for the index (terms.h), so that width,
 * case, variants and line ends are passed over as there. It is read through a window: what is
 * longer than FK_EXCERPT_OVERLAP bytes is perhaps not seen, and at most FK_EXCERPT_BYTES are looked
 * at. Ownership: fk_excerpts_free. Threads: one at a time a handle.
 */
#ifndef FK_INDEXER_EXCERPT_H
#define FK_INDEXER_EXCERPT_H
#include "base/buf.h"
#include "base/status.h"
#ifdef __cplusplus
extern "C" {
#endif

enum {
    FK_EXCERPT_STEP = 512,
    FK_EXCERPT_OVERLAP = 256,
    FK_EXCERPT_BYTES = 128 << 10,
    FK_EXCERPT_CHARACTERS = 120, /* of an excerpt */
    FK_EXCERPT_BEFORE = 40,      /* of those, before the match */
    FK_EXCERPT_TEXTS = 64        /* looked for at once; further ones are not */
};

struct fk_excerpts;
FK_CHECKED enum fk_status fk_excerpts_new(struct fk_excerpts **out, struct fk_err *err);
void fk_excerpts_free(struct fk_excerpts **e);
/* A text to look for. is_prefix: its one word may go on. where: any bit of this in the one of find.
 */
FK_CHECKED enum fk_status fk_excerpts_add(struct fk_excerpts *e, const char *text, size_t len,
                                          bool is_prefix, unsigned where, struct fk_err *err);
/* The first place of any of the texts; false where there is none, or no memory. */
bool fk_excerpts_find(struct fk_excerpts *e, unsigned where, const char *text, size_t len,
                      size_t *from_out, size_t *len_out);

/* Text on one line, as the message has it: blanks, line ends and control characters in a row are
 * one blank, and … stands where it was cut. The match is at hit_at, hit_len bytes long; 0: none. */
struct fk_excerpt {
    struct fk_buf text;
    size_t hit_at, hit_len;
};
#define FK_EXCERPT_INIT                                                                            \
    { FK_BUF_INIT, 0, 0 }
void fk_excerpt_cut(const char *text, size_t len, size_t from, size_t match,
                    struct fk_excerpt *out);

#ifdef __cplusplus
}
#endif
#endif
