/* file_zip.c - a ZIP file that is a document (OOXML, ODF), or one that is a ZIP file. Of a document
 * the parts with text are read, and what is embedded in it as files of their own. */
#include "indexer/archive_priv.h"
#include "indexer/office_priv.h"

#include <string.h>
#include <strings.h>

enum { LOOK_AT = 2000 };

static bool begins(const char *name, const char *with) {
    return strncmp(name, with, strlen(with)) == 0;
}

static bool ends(const char *name, const char *with) {
    const size_t n = strlen(name), m = strlen(with);
    return n >= m && strcasecmp(name + n - m, with) == 0;
}

/* By the names of its members. */
static enum fk_office flavour_of(const struct fk_files *f, const struct fk_file *file) {
    struct fk_archive a;
    bool has_types = false, has_manifest = false, has_content = false;
    enum fk_office found = FK_OFFICE_NONE;
    if (fk_archive__open(&a, file, FK_ARCHIVE_ZIP, NULL))
        for (unsigned i = 0; i < LOOK_AT && fk_archive__next(&a, f) == FK_ARCHIVE_FILE; i++) {
            const char *name = fk_archive__name(&a);
            has_types |= strcmp(name, "[Content_Types].xml") == 0;
            has_manifest |= strcmp(name, "META-INF/manifest.xml") == 0;
            has_content |= strcmp(name, "content.xml") == 0;
            if (begins(name, "word/"))
                found = FK_OFFICE_WORD;
            else if (begins(name, "xl/"))
                found = FK_OFFICE_SHEET;
            else if (begins(name, "ppt/"))
                found = FK_OFFICE_SLIDES;
        }
    fk_archive__close(&a);
    if (has_types)
        return found;
    return has_manifest && has_content ? FK_OFFICE_ODF : FK_OFFICE_NONE;
}

/* Which parts have text that a reader of the document sees. Masters and layouts say "Click to
 * edit". */
static bool has_text(enum fk_office office, const char *name) {
    static const char *const word[] = {
        "word/document",  "word/header",        "word/footer",
        "word/footnotes", "word/endnotes",      "word/comments",
        "word/charts/",   "word/diagrams/data", "word/glossary/document"};
    static const char *const sheet[] = {"xl/worksheets/",  "xl/comments",    "xl/threadedComments",
                                        "xl/drawings/",    "xl/charts/",     "xl/diagrams/data",
                                        "xl/chartsheets/", "xl/workbook.xml"};
    static const char *const slides[] = {"ppt/slides/", "ppt/notesSlides/", "ppt/comments",
                                         "ppt/charts/", "ppt/diagrams/data"};
    static const char *const odf[] = {"content.xml", "styles.xml", "meta.xml"};
    const char *const *list = office == FK_OFFICE_WORD     ? word
                              : office == FK_OFFICE_SHEET  ? sheet
                              : office == FK_OFFICE_SLIDES ? slides
                                                           : odf;
    const size_t n = office == FK_OFFICE_WORD     ? sizeof word / sizeof *word
                     : office == FK_OFFICE_SHEET  ? sizeof sheet / sizeof *sheet
                     : office == FK_OFFICE_SLIDES ? sizeof slides / sizeof *slides
                                                  : sizeof odf / sizeof *odf;
    if (office != FK_OFFICE_ODF && ends(name, ".rels"))
        return true; /* where links lead */
    if (!ends(name, ".xml") || strstr(name, "/_rels/"))
        return false;
    if (office != FK_OFFICE_ODF && begins(name, "docProps/") && !begins(name, "docProps/app"))
        return true;
    for (size_t i = 0; i < n; i++)
        if (begins(name, list[i]) ||
            (office == FK_OFFICE_ODF && ends(name, list[i]))) /* Object 1/content.xml */
            return true;
    return false;
}

/* A file in the document: a table in a letter, what a PowerPoint has on its slides. */
static bool is_embedded(const char *name) {
    return strstr(name, "/embeddings/") != NULL;
}

static enum fk_status part_read(struct fk_files *f, struct fk_archive *a, struct fk_office_parts *p,
                                bool strings_only, struct fk_buf *data, struct fk_err *err) {
    const char *name = fk_archive__name(a);
    const bool is_strings = begins(name, "xl/sharedStrings");
    if (is_strings != strings_only ||
        (!is_strings && !has_text(p->office, name) && !is_embedded(name) &&
         strcmp(name, "META-INF/manifest.xml") != 0))
        return FK_OK;
    fk_buf_reset(data);
    enum fk_reason reason = fk_archive__data(a, f, data);
    if (reason)
        fk_files__unread(f, NULL, reason);
    if (is_strings)
        return fk_office__strings(p, data->data, data->len, err);
    if (is_embedded(name)) {
        const struct fk_file file = {data->data, data->len, strrchr(name, '/') + 1, NULL, false, false, false};
        return data->len ? fk_files__read(f, &file, err) : FK_OK;
    }
    return fk_office__part(p, f, name, data->data, data->len, err);
}

/* The strings of a workbook come first, whose tables name them by number. */
static enum fk_status parts_read(struct fk_files *f, const struct fk_file *file,
                                 struct fk_office_parts *p, bool strings_only, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_archive a;
    struct fk_buf data = FK_BUF_INIT;
    enum fk_archive_next next = FK_ARCHIVE_DAMAGED;
    if (fk_archive__open(&a, file, FK_ARCHIVE_ZIP, NULL))
        while (st == FK_OK && (next = fk_archive__next(&a, f)) == FK_ARCHIVE_FILE) {
            if (!fk_files__may_open(f)) {
                fk_files__unread(f, NULL, FK_REASON_LIMIT);
                break;
            }
            st = part_read(f, &a, p, strings_only, &data, err);
        }
    if (st == FK_OK && next != FK_ARCHIVE_FILE && next != FK_ARCHIVE_END)
        fk_files__unread(f, NULL, fk_archive__reason(next));
    fk_archive__close(&a);
    fk_buf_free(&data);
    return st;
}

enum fk_status fk_file__zip(struct fk_files *f, const struct fk_file *file, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_office_parts p = {.office = flavour_of(f, file)};
    if (p.office == FK_OFFICE_NONE)
        return fk_file__members(f, file, FK_ARCHIVE_ZIP, err);
    if (p.office == FK_OFFICE_SHEET)
        FK_TRY(parts_read(f, file, &p, true, err));
    FK_TRY(parts_read(f, file, &p, false, err));
    if (p.is_encrypted)
        fk_files__unread(f, NULL, FK_REASON_ENCRYPTED);
    else if (p.is_damaged)
        fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
done:
    fk_office__free(&p);
    return st;
}
