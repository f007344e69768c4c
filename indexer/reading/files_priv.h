/*
 * files_priv.h - what stands in the files that a message brings: text of PDF, office documents,
 * RTF, mail, pages, tables; archives and what is in them, to any depth within limits. In the box
 * only.
 *
 *     struct fk_files *files;                       once a process
 *     fk_files__new_message(files);
 *     fk_files__begin(files, sink, reasons, clean, &text_left);
 *     FK_TRY(fk_files__read(files, &file, err));                     for each attachment
 *
 * What a file is, its bytes say; a declared type and a name only help where they do not. All that
 * is found goes to the sink: names (report.zip/2024/a.xlsx), text file by file, SHA-256 of each
 * file, and for what could not be read the file and the reason. Images, sound, film, fonts,
 * programs and signatures have no text: they are found by name, and that is no reason.
 *
 * A file that takes too much (memory, time, bytes, depth) ends with the reason FK_REASON_LIMIT; the
 * message goes on. Errors: FK_NOMEM of the sink alone. Threads: one a process.
 */
#ifndef FK_INDEXER_FILES_PRIV_H
#define FK_INDEXER_FILES_PRIV_H
#include "base/buf.h"
#include "base/status.h"
#include "indexer/reading/password.h"
#include "indexer/reading/reading_priv.h"
#include "indexer/record/reason_priv.h"

enum fk_kind {
    FK_KIND_UNKNOWN, /* bytes that are no text, of a form that is not known here */
    FK_KIND_NAMELY,  /* image, sound, program, signature: nothing but its name */
    FK_KIND_ENCRYPTED,
    FK_KIND_TEXT,
    FK_KIND_HTML,
    FK_KIND_MESSAGE,
    FK_KIND_CALENDAR, /* iCalendar, vCard: lines that are folded */
    FK_KIND_PDF,
    FK_KIND_RTF,
    FK_KIND_OLE,
    FK_KIND_TNEF,
    FK_KIND_SIGNED, /* CMS: a message inside a signature, or a signature alone */
    FK_KIND_ZIP,    /* and what is one inside: OOXML, ODF */
    FK_KIND_ARCHIVE /* of libarchive's others */
};

struct fk_file {
    const uint8_t *data;
    size_t len;
    const char *name;                /* UTF-8, its last part; "" where it has none */
    const char *charset;             /* declared; "" or NULL: none */
    bool is_text, is_html, is_media; /* declared */
};
enum fk_kind fk_kind__of(const struct fk_file *file);

struct fk_files;
FK_CHECKED enum fk_status fk_files__new(struct fk_files **out, struct fk_err *err);
void fk_files__runner(struct fk_files *f, int sock); /* of programs_priv.h; -1: none. Borrowed */
void fk_files__new_message(struct fk_files *f);      /* its time and bytes are counted from here */
void fk_files__begin(struct fk_files *f, const struct fk_sink *sink, unsigned *reasons, bool *clean,
                     size_t *text_left);
/* What may open files that want a password, in this order; borrowed until the next. */
void fk_files__passwords(struct fk_files *f, const struct fk_password *passwords, size_t count);
/* An attachment, or one that stands in the file at hand: its name is behind that one's. */
FK_CHECKED enum fk_status fk_files__read(struct fk_files *f, const struct fk_file *file,
                                         struct fk_err *err);

/* ---- for what reads one kind */

typedef enum fk_status (*fk_file_reader)(struct fk_files *f, const struct fk_file *file,
                                         struct fk_err *err);
enum fk_status fk_file__archive(struct fk_files *, const struct fk_file *, struct fk_err *);
enum fk_status fk_file__zip(struct fk_files *, const struct fk_file *, struct fk_err *);
enum fk_status fk_file__rtf(struct fk_files *, const struct fk_file *, struct fk_err *);
enum fk_status fk_file__ole(struct fk_files *, const struct fk_file *, struct fk_err *);
enum fk_status fk_file__signed(struct fk_files *, const struct fk_file *, struct fk_err *);
enum fk_status fk_file__tnef(struct fk_files *, const struct fk_file *, struct fk_err *);

/* Text of the file at hand, UTF-8; addresses that stand in it are links. */
FK_CHECKED enum fk_status fk_files__text(struct fk_files *f, const char *text, size_t len,
                                         struct fk_err *err);
/* Targets of links in the file at hand, each with a NUL behind it. */
FK_CHECKED enum fk_status fk_files__links(struct fk_files *f, const struct fk_buf *links,
                                          struct fk_err *err);
/* The file at hand is, or holds, this message. */
FK_CHECKED enum fk_status fk_files__message(struct fk_files *f, const uint8_t *message, size_t len,
                                            struct fk_err *err);
/* Bytes of text of some charset. */
FK_CHECKED enum fk_status fk_files__bytes(struct fk_files *f, const char *charset, const void *data,
                                          size_t len, struct fk_err *err);
/* Appends a name as UTF-8. */
void fk_files__name(struct fk_files *f, const char *charset, const void *data, size_t len,
                    struct fk_buf *out);
/* Tells how the last text of the file at hand was read. */
void fk_files__charset(struct fk_files *f, const char *declared);
/* Bytes of the file at hand had no meaning in their charset. */
void fk_files__garbled(struct fk_files *f);
/* A message that stands in the one at hand without bytes of its own. */
struct fk_ole;
FK_CHECKED enum fk_status
fk_files__storage(struct fk_files *f, const char *name,
                  enum fk_status (*read)(struct fk_files *, struct fk_ole *, struct fk_err *),
                  struct fk_ole *in, struct fk_err *err);
/* The i-th password, NULL behind the last of at most `most`, or when there is no time for more. */
const struct fk_password *fk_files__password(struct fk_files *f, size_t i, size_t most);
/* It has opened the file at hand. */
void fk_files__unlocked(struct fk_files *f, const struct fk_password *password);
/* The file at hand, or (name not NULL) one in it, is not read, or not all of it. */
void fk_files__unread(struct fk_files *f, const char *name, enum fk_reason reason);
/* One that is only named: another in an archive that cannot be opened. */
FK_CHECKED enum fk_status fk_files__named(struct fk_files *f, const char *name, struct fk_err *err);
/* Runs one of programs_priv.h over the file at hand and gives its text. */
FK_CHECKED enum fk_status fk_files__program(struct fk_files *f, unsigned program,
                                            const struct fk_file *file, struct fk_err *err);
/* Bytes that may still be unpacked, 0: none; what was is told with fk_files__unpacked. packed: of
 * what it came from, for the ratio. */
bool fk_files__may_unpack(const struct fk_files *f, size_t packed, size_t unpacked);
void fk_files__unpacked(struct fk_files *f, size_t bytes);
bool fk_files__is_late(
    const struct fk_files *f); /* the time, or the bytes, of this message's files are over */
bool fk_files__may_open(struct fk_files *f); /* counts a file of an archive */

#endif
