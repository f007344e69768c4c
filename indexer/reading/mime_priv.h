/*
 * mime_priv.h - the structure of a message, by GMime: parts, nested messages, raw header fields,
 * transfer encodings. GMime decodes no text here (its iconv would want files and lose characters).
 *
 * Its costs grow faster than the message with many parts or header fields, and below a depth of
 * its own it stops without a word. So the bytes are looked through first (fk_scan) and what is over
 * our limits is cut away, and the depth is counted here. Whatever is left out is told as a reason.
 */
#ifndef FK_INDEXER_MIME_PRIV_H
#define FK_INDEXER_MIME_PRIV_H
#include "base/buf.h"
#include "base/status.h"
#include "indexer/record/reason_priv.h"

struct fk_raw {
    const char *text; /* NULL where there is none; after the colon, folded as it came */
    size_t len;
};
struct fk_mime_part {
    const char *type, *subtype; /* as declared or as RFC 2046 has it by default */
    struct fk_raw content_type, disposition;
    const uint8_t *data; /* still in its transfer encoding */
    size_t len;
    int encoding; /* GMime's number for it */
};

/* Called in the order of the message. level: 0 for the message itself, 1 for one within it, ... */
struct fk_mime_visitor {
    void *ctx;
    enum fk_status (*header)(void *ctx, unsigned level, const char *name, struct fk_raw value,
                             struct fk_err *err);
    enum fk_status (*multipart)(void *ctx, const char *subtype, bool begins, struct fk_err *err);
    enum fk_status (*part)(void *ctx, unsigned level, const struct fk_mime_part *part,
                           struct fk_err *err);
    /* A nested message begins; its part's own header fields. */
    enum fk_status (*nested)(void *ctx, unsigned level, const struct fk_mime_part *part,
                             struct fk_err *err);
};

void fk_mime__prepare(void);
/* Adds to *reasons. headers_only: nothing is visited but the message's own header fields. */
FK_CHECKED enum fk_status fk_mime__walk(const uint8_t *message, size_t len, bool headers_only,
                                        const struct fk_mime_visitor *v, unsigned *reasons,
                                        struct fk_err *err);
/* Appends the part's bytes, at most max; what is over is told in *reasons. */
FK_CHECKED enum fk_status fk_mime__decode(const struct fk_mime_part *part, size_t max,
                                          struct fk_buf *out, unsigned *reasons,
                                          struct fk_err *err);
/* Appends the lines of a part in base64 or uuencode that cannot be of it: a list's footer, or all
 * of a text that is labelled wrongly. What decoding makes of them is no word of anybody. */
void fk_mime__unencoded(const struct fk_mime_part *part, size_t max, struct fk_buf *out);
/* The Date field; false where it is none. */
bool fk_mime__date(struct fk_raw value, int64_t *ms_out);

/* Is that all there is before the first part: what mail programs write there? */
bool fk_preamble_is_usual(const char *text, size_t len);

/* The next run of CRs that no LF follows, and how many they are; NULL: none. */
const uint8_t *fk_scan_lone_cr(const uint8_t *at, const uint8_t *end, size_t *n_out);
/* Mail of programs whose lines end in CR alone has no line end that parsers know. Where such a CR
 * stands among the header fields, writes the message with an LF for each of them to out: as long as
 * before, so a place in one is a place in the other. Otherwise out stays empty. */
FK_CHECKED enum fk_status fk_scan_lines(const uint8_t *message, size_t len, struct fk_buf *out,
                                        struct fk_err *err);

/* Counts lines that may be boundaries or header fields. Over a limit, writes the message as far as
 * it may be read to out and tells why; otherwise out stays empty. */
FK_CHECKED enum fk_status fk_scan(const uint8_t *message, size_t len, struct fk_buf *out,
                                  unsigned *reasons, struct fk_err *err);

#endif
