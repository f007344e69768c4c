/* file_rtf.c - text of Rich Text Format (Word 2007 RTF Specification 1.9.1), and of HTML that
 * Outlook keeps inside it ([MS-OXRTFEX]): bytes by the code page of their font, \u, what stands in
 * headers, footers, notes and comments. Instructions of fields, pictures and tables of styles are
 * passed over.
 */
#include "indexer/reading/charset_priv.h"
#include "indexer/reading/files_priv.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 1000, FONTS = 1024, WORD = 32 };

struct group {
    bool is_skipped, is_fonts, is_info;
    unsigned page;    /* code page of the font; 0: the document's */
    unsigned unicode; /* bytes that stand for a \u for old readers */
};

struct rtf {
    const uint8_t *at, *end;
    struct fk_buf out, bytes; /* bytes: not decoded yet, all of one code page */
    unsigned bytes_page, page;
    struct group groups[DEPTH_MAX];
    size_t depth;
    uint16_t fonts[FONTS];       /* code pages */
    unsigned font;               /* that the table tells of just now */
    unsigned passing;            /* what a \u has behind it */
    unsigned high;               /* half of a pair */
    bool starred, is_plain_only; /* \htmlrtf: what only readers of RTF are to see */
    bool is_damaged;
    bool *clean;
    struct fk_err *err;
    enum fk_status st;
};

static unsigned page_of_charset(long charset) {
    static const struct {
        uint16_t charset, page;
    } known[] = {{77, 10000}, {128, 932},  {129, 949},  {134, 936},  {136, 950},
                 {161, 1253}, {162, 1254}, {163, 1258}, {177, 1255}, {178, 1256},
                 {186, 1257}, {204, 1251}, {222, 874},  {238, 1250}, {254, 437}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].charset == charset)
            return known[i].page;
    return 0;
}

static void charset_of_page(unsigned page, char out[24]) {
    static const struct {
        uint16_t page;
        const char *name;
    } known[] = {{932, "cp932"},   {936, "gbk"},         {949, "euc-kr"}, {950, "big5"},
                 {10001, "cp932"}, {10000, "macintosh"}, {65001, "utf-8"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].page == page) {
            snprintf(out, 24, "%s", known[i].name);
            return;
        }
    snprintf(out, 24, page >= 1250 && page <= 1258 ? "windows-%u" : "ibm-%u", page % 100000);
}

static bool is_lead(unsigned page, uint8_t b) {
    return page == 932 || page == 10001 ? (b >= 0x81 && b <= 0x9f) || (b >= 0xe0 && b <= 0xfc)
           : page == 936 || page == 949 || page == 950 ? b >= 0x81 && b <= 0xfe
                                                       : false;
}

static void bytes_flush(struct rtf *r) {
    char charset[24];
    if (!r->bytes.len)
        return;
    charset_of_page(r->bytes_page, charset);
    if (r->st == FK_OK)
        r->st = fk_charset__decode(charset, r->bytes.data, r->bytes.len, &r->out, r->clean, r->err);
    fk_buf_reset(&r->bytes);
}

static struct group *here(struct rtf *r) {
    return &r->groups[r->depth];
}

static bool is_silent(const struct rtf *r) {
    return r->groups[r->depth].is_skipped || r->is_plain_only;
}

/* A font's name ends with a semicolon; nothing of the table is text. */
static void byte_take(struct rtf *r, uint8_t b) {
    if (r->passing) {
        r->passing--;
        return;
    }
    if (is_silent(r))
        return;
    const unsigned page = here(r)->page ? here(r)->page : r->page;
    if (page != r->bytes_page)
        bytes_flush(r);
    r->bytes_page = page;
    fk_buf_byte(&r->bytes, b);
}

/* ASCII is the same in all of them, but as the second byte of a character it is not. */
static void char_take(struct rtf *r, uint8_t b) {
    byte_take(r, b);
}

static void utf8_add(struct fk_buf *out, uint32_t c) {
    if (c < 0x80)
        fk_buf_byte(out, (uint8_t)c);
    else if (c < 0x800) {
        fk_buf_byte(out, (uint8_t)(0xc0 | c >> 6));
        fk_buf_byte(out, (uint8_t)(0x80 | (c & 63)));
    } else {
        if (c >= 0x10000) {
            fk_buf_byte(out, (uint8_t)(0xf0 | c >> 18));
            fk_buf_byte(out, (uint8_t)(0x80 | (c >> 12 & 63)));
        } else
            fk_buf_byte(out, (uint8_t)(0xe0 | c >> 12));
        fk_buf_byte(out, (uint8_t)(0x80 | (c >> 6 & 63)));
        fk_buf_byte(out, (uint8_t)(0x80 | (c & 63)));
    }
}

static void unicode_take(struct rtf *r, long value) {
    uint32_t c = (uint32_t)value & 0xffff;
    r->passing = 0;
    if (!is_silent(r)) {
        bytes_flush(r);
        if (c >= 0xd800 && c < 0xdc00)
            r->high = c;
        else {
            if (c >= 0xdc00 && c < 0xe000)
                c = r->high ? 0x10000 + ((r->high - 0xd800) << 10) + (c - 0xdc00) : 0xfffd;
            r->high = 0;
            utf8_add(&r->out, c);
        }
    }
    r->passing = here(r)->unicode;
}

static void text_put(struct rtf *r, const char *text) {
    if (is_silent(r))
        return;
    bytes_flush(r);
    fk_buf_str(&r->out, text);
}

static bool is_one_of(const char *word, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}
#define ONE_OF(word, words) is_one_of(word, words, sizeof(words) / sizeof *(words))

static const char *const line_ends[] = {"par", "line", "page", "sect", "row", "column", "softline"};
static const char *const tabs[] = {"tab", "cell", "nestcell"};
static const char *const unread[] = {"colortbl",     "stylesheet",
                                     "pict",         "objdata",
                                     "themedata",    "datastore",
                                     "listtable",    "rsidtbl",
                                     "generator",    "filetbl",
                                     "revtbl",       "fldinst",
                                     "xmlnstbl",     "datafield",
                                     "nonshppict",   "listoverridetable",
                                     "latentstyles", "colorschememapping",
                                     "objclass",     "bkmkstart",
                                     "bkmkend",      "listtext",
                                     "pntext",       "private",
                                     "xe",           "tc"};
/* Of those that begin with a star. */
static const char *const read_all_the_same[] = {"annotation", "footnote", "shptxt", "shpinst"};
static const struct {
    const char *word, *text;
} signs[] = {
    {"emdash", "\xe2\x80\x94"},    {"endash", "\xe2\x80\x93"}, {"bullet", "\xe2\x80\xa2"},
    {"lquote", "\xe2\x80\x98"},    {"rquote", "\xe2\x80\x99"}, {"ldblquote", "\xe2\x80\x9c"},
    {"rdblquote", "\xe2\x80\x9d"}, {"emspace", " "},           {"enspace", " "}};

static void font_use(struct rtf *r, long number) {
    if (number < 0 || number >= FONTS)
        return;
    if (here(r)->is_fonts)
        r->font = (unsigned)number;
    else
        here(r)->page = r->fonts[number];
}

static void word_do(struct rtf *r, const char *word, bool has_value, long value) {
    const bool starred = r->starred;
    r->starred = false;
    if (r->passing && strcmp(word, "u") != 0)
        r->passing--;
    if (strcmp(word, "u") == 0)
        unicode_take(r, value);
    else if (strcmp(word, "uc") == 0)
        here(r)->unicode = value >= 0 && value < 16 ? (unsigned)value : 1;
    else if (strcmp(word, "bin") == 0) {
        const size_t n = value > 0 ? (size_t)value : 0;
        r->at += n < (size_t)(r->end - r->at) ? n : (size_t)(r->end - r->at);
    } else if (strcmp(word, "ansicpg") == 0)
        r->page = value > 0 && value < 65536 ? (unsigned)value : 1252;
    else if (strcmp(word, "mac") == 0)
        r->page = 10000;
    else if (strcmp(word, "fonttbl") == 0)
        here(r)->is_fonts = here(r)->is_skipped = true;
    else if (strcmp(word, "f") == 0)
        font_use(r, value);
    else if (strcmp(word, "fcharset") == 0 && here(r)->is_fonts)
        r->fonts[r->font] = (uint16_t)page_of_charset(value);
    else if (strcmp(word, "cpg") == 0 && here(r)->is_fonts)
        r->fonts[r->font] = (uint16_t)value;
    else if (strcmp(word, "plain") == 0)
        here(r)->page = 0;
    else if (strcmp(word, "info") == 0) /* title, author: each in a group */
        here(r)->is_info = true;
    else if (strcmp(word, "htmlrtf") == 0)
        r->is_plain_only = !has_value || value != 0;
    else if (ONE_OF(word, unread) || (starred && !ONE_OF(word, read_all_the_same)))
        here(r)->is_skipped = true;
    else if (ONE_OF(word, line_ends))
        text_put(r, "\n");
    else if (ONE_OF(word, tabs))
        text_put(r, "\t");
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strcmp(word, signs[i].word) == 0)
            text_put(r, signs[i].text);
}

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* After a backslash. */
static void control_do(struct rtf *r) {
    char word[WORD];
    size_t n = 0;
    if (r->at >= r->end)
        return;
    const uint8_t c = *r->at;
    if ((c | 0x20) < 'a' || (c | 0x20) > 'z') {
        r->at++;
        if (c == '\'' && r->end - r->at >= 2) {
            const int high = hex_digit(r->at[0]), low = hex_digit(r->at[1]);
            r->at += high >= 0 && low >= 0 ? 2 : 0;
            if (high >= 0 && low >= 0)
                byte_take(r, (uint8_t)(high << 4 | low));
        } else if (c == '*')
            r->starred = true;
        else if (c == '~')
            text_put(r, " ");
        else if (c == '_')
            text_put(r, "-");
        else if (c == '\r' || c == '\n')
            text_put(r, "\n");
        else if (c == '\\' || c == '{' || c == '}')
            char_take(r, c);
        return;
    }
    for (; r->at < r->end && (*r->at | 0x20) >= 'a' && (*r->at | 0x20) <= 'z'; r->at++)
        if (n + 1 < WORD)
            word[n++] = (char)*r->at;
    word[n] = 0;
    const bool is_negative = r->at < r->end && *r->at == '-';
    r->at += is_negative;
    const uint8_t *digits = r->at;
    long value = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++)
        value = value < 100000000 ? value * 10 + (*r->at - '0') : value;
    const bool has_value = r->at > digits;
    if (r->at < r->end && *r->at == ' ')
        r->at++;
    word_do(r, word, has_value, is_negative ? -value : value);
}

static void group_begin(struct rtf *r) {
    if (r->depth + 1 >= DEPTH_MAX) {
        r->is_damaged = true;
        r->at = r->end;
        return;
    }
    r->groups[r->depth + 1] = r->groups[r->depth];
    r->depth++;
    r->starred = false;
    r->passing = 0;
}

static void rtf_read(struct rtf *r) {
    while (r->at < r->end && !r->is_damaged && r->st == FK_OK && r->out.len <= FK_FILE_TEXT_MAX) {
        const uint8_t c = *r->at++;
        const bool is_second =
            r->bytes.len && is_lead(r->bytes_page, r->bytes.data[r->bytes.len - 1]) && c != '\\';
        if (c == '{')
            group_begin(r);
        else if (c == '}') {
            r->passing = 0;
            if (r->groups[r->depth].is_info)
                text_put(r, "\n");
            if (r->depth > 0)
                r->depth--;
        } else if (c == '\\')
            control_do(r);
        else if (c != '\r' && c != '\n' && (c != 0 || is_second))
            char_take(r, c);
    }
    bytes_flush(r);
}

enum fk_status fk_file__rtf(struct fk_files *f, const struct fk_file *file, struct fk_err *err) {
    bool clean = true;
    struct rtf *r = calloc(1, sizeof *r);
    if (!r)
        return fk_fail(err, FK_NOMEM, "reading RTF: out of memory");
    r->at = file->data;
    r->end = file->data + file->len;
    r->page = 1252;
    r->groups[0].unicode = 1;
    r->clean = &clean;
    r->err = err;
    rtf_read(r);
    enum fk_status st = r->st;
    if (st == FK_OK && (r->out.failed || r->bytes.failed))
        st = fk_fail(err, FK_NOMEM, "reading RTF: out of memory");
    if (st == FK_OK)
        st = fk_files__text(f, (const char *)r->out.data, r->out.len, err);
    if (r->is_damaged)
        fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
    if (!clean)
        fk_files__garbled(f);
    fk_buf_free(&r->out);
    fk_buf_free(&r->bytes);
    free(r);
    return st;
}
