/* file_zip.c - a ZIP file that is a document (OOXML, ODF), or one that is a ZIP file. Of a document
 * the parts with text are read, and what is embedded in it as files of their own. */
#include "indexer/reading/archive_priv.h"
#include "indexer/reading/office_priv.h"

#include <string.h>
#include <strings.h>

enum { LOOK_AT = 2000 };

/* Names of parts are the same in capitals and small letters (ECMA-376-2, section 6.2.2). */
static bool begins(const char *name, const char *with) {
    return strncasecmp(name, with, strlen(with)) == 0;
}

static bool ends(const char *name, const char *with) {
    const size_t n = strlen(name), m = strlen(with);
    return n >= m && strcasecmp(name + n - m, with) == 0;
}

/* By the names of its members. What would be a document of both families is read as an archive:
 * nobody knows which of them a program shows. */
static enum fk_office flavour_of(const struct fk_files *f, const struct fk_file *file,
                                 bool *has_tables) {
    struct fk_archive a;
    bool has_types = false, has_parts = false, has_manifest = false, has_content = false;
    if (fk_archive__open(&a, file, FK_ARCHIVE_ZIP, NULL))
        for (unsigned i = 0; i < LOOK_AT && fk_archive__next(&a, f) == FK_ARCHIVE_FILE; i++) {
            const char *name = fk_archive__name(&a);
            has_types |= strcasecmp(name, "[Content_Types].xml") == 0;
            has_manifest |= strcmp(name, "META-INF/manifest.xml") == 0;
            has_content |= strcmp(name, "content.xml") == 0;
            *has_tables |= begins(name, "xl/");
            has_parts |= begins(name, "word/") || begins(name, "xl/") || begins(name, "ppt/");
        }
    fk_archive__close(&a);
    const bool is_ooxml = has_types && has_parts, is_odf = has_manifest && has_content;
    if (is_ooxml == is_odf)
        return FK_OFFICE_NONE;
    return is_ooxml ? FK_OFFICE_OOXML : FK_OFFICE_ODF;
}

/* Of relations and of what is said of the document. */
static bool is_beside_the_text(enum fk_office office, const char *name) {
    if (office == FK_OFFICE_ODF)
        return ends(name, "meta.xml");
    return ends(name, ".rels") ||
           (begins(name, "docProps/") && !begins(name, "docProps/app") && ends(name, ".xml"));
}

/* Which parts have text that a reader of the document sees. Masters and layouts say "Click to
 * edit". */
static bool has_text(enum fk_office office, const char *name) {
    static const char *const ooxml[] = {
        "word/document",    "word/header",        "word/footer",
        "word/footnotes",   "word/endnotes",      "word/comments",
        "word/charts/",     "word/diagrams/data", "word/glossary/document",
        "xl/worksheets/",   "xl/comments",        "xl/threadedComments",
        "xl/drawings/",     "xl/charts/",         "xl/diagrams/data",
        "xl/chartsheets/",  "xl/workbook.xml",    "ppt/slides/",
        "ppt/notesSlides/", "ppt/comments",       "ppt/charts/",
        "ppt/diagrams/data"};
    if (office == FK_OFFICE_ODF) /* Object 1/content.xml */
        return ends(name, "content.xml") || ends(name, "styles.xml");
    if (!ends(name, ".xml") || strstr(name, "/_rels/"))
        return false;
    for (size_t i = 0; i < sizeof ooxml / sizeof *ooxml; i++)
        if (begins(name, ooxml[i]))
            return true;
    return false;
}

/* A file in the document: a table in a letter, what a PowerPoint has on its slides, a page or a
 * letter that stands where Word is to put its text (altChunk, ECMA-376-1, section 17.17.2). The
 * name of the last is free but for what it ends in. */
static bool is_embedded(enum fk_office office, const char *name) {
    static const char *const files[] = {".htm",  ".html", ".xhtml", ".mht",  ".mhtml", ".rtf",
                                        ".txt",  ".csv",  ".eml",   ".msg",  ".pdf",   ".zip",
                                        ".doc",  ".docx", ".docm",  ".dotx", ".dotm",  ".xls",
                                        ".xlsx", ".xlsm", ".xlsb",  ".ppt",  ".pptx",  ".pptm"};
    if (strstr(name, "/embeddings/"))
        return true;
    if (office == FK_OFFICE_ODF)
        return false;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (ends(name, files[i]))
            return true;
    return begins(name, "word/afchunk");
}

static enum fk_status part_read(struct fk_files *f, struct fk_archive *a, struct fk_office_parts *p,
                                bool strings_only, struct fk_buf *data, struct fk_err *err) {
    const char *name = fk_archive__name(a);
    const bool is_strings = begins(name, "xl/sharedStrings"), is_text = has_text(p->office, name),
               is_file = is_embedded(p->office, name);
    if (is_strings != strings_only ||
        (!is_strings && !is_text && !is_file && !is_beside_the_text(p->office, name) &&
         strcmp(name, "META-INF/manifest.xml") != 0))
        return FK_OK;
    fk_buf_reset(data);
    enum fk_reason reason = fk_archive__data(a, f, data);
    if (reason)
        fk_files__unread(f, NULL, reason);
    p->has_body |= is_text;
    if (is_strings)
        return fk_office__strings(p, data->data, data->len, err);
    if (is_file) {
        const char *stroke = strrchr(name, '/');
        const struct fk_file file = {data->data, data->len, stroke ? stroke + 1 : name, NULL, false,
                                     false,      false};
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
    p->is_whole = next == FK_ARCHIVE_END;
    fk_archive__close(&a);
    fk_buf_free(&data);
    return st;
}

enum fk_status fk_file__zip(struct fk_files *f, const struct fk_file *file, struct fk_err *err) {
    enum fk_status st = FK_OK;
    bool has_tables = false;
    struct fk_office_parts p = {.office = flavour_of(f, file, &has_tables)};
    if (p.office == FK_OFFICE_NONE)
        return fk_file__members(f, file, FK_ARCHIVE_ZIP, err);
    if (p.office == FK_OFFICE_OOXML && has_tables)
        FK_TRY(parts_read(f, file, &p, true, err));
    FK_TRY(parts_read(f, file, &p, false, err));
    if (p.is_encrypted)
        fk_files__unread(f, NULL, FK_REASON_ENCRYPTED);
    else if (p.is_damaged)
        fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
    else if (p.is_whole && !p.has_body) /* binary parts: XLSB */
        fk_files__unread(f, NULL, FK_REASON_UNSUPPORTED);
done:
    fk_office__free(&p);
    return st;
}
