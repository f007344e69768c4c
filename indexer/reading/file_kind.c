/* file_kind.c - what a file is, by its first bytes. */
#include "indexer/reading/files_priv.h"

#include <string.h>
#include <strings.h>

enum { LOOK_AT = 65536, PDF_WITHIN = 1024, HEADER_LINES = 40 };

struct magic {
    size_t at, len;
    const char *bytes;
    enum fk_kind kind;
};
#define M(at, text, kind)                                                                          \
    { at, sizeof(text) - 1, text, kind }
static const struct magic magics[] = {
    M(0, "PK\3\4", FK_KIND_ZIP),
    M(0, "PK\5\6", FK_KIND_ZIP),
    M(0, "PK00PK\3\4", FK_KIND_ZIP),
    M(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FK_KIND_OLE),
    M(0, "{\\rtf", FK_KIND_RTF),
    M(0, "\x78\x9f\x3e\x22", FK_KIND_TNEF),
    M(0, "7z\xbc\xaf\x27\x1c", FK_KIND_ARCHIVE),
    M(0, "\x1f\x8b", FK_KIND_ARCHIVE),
    M(0, "\x1f\x9d", FK_KIND_ARCHIVE),
    M(0, "BZh", FK_KIND_ARCHIVE),
    M(0, "\xfd\x37zXZ", FK_KIND_ARCHIVE),
    M(0, "\x28\xb5\x2f\xfd", FK_KIND_ARCHIVE),
    M(0, "Rar!\x1a\x07", FK_KIND_ARCHIVE),
    M(0, "MSCF", FK_KIND_ARCHIVE),
    M(2, "-lh", FK_KIND_ARCHIVE), /* LHA: what Japan packed with before ZIP */
    M(257, "ustar", FK_KIND_ARCHIVE),
    M(0, "\x76\xe8\x04\x60\xc4\x11\xe3\x86", FK_KIND_ENCRYPTED), /* rpmsg: rights management */
    M(0, "-----BEGIN PGP MESSAGE", FK_KIND_ENCRYPTED),
    /* images, sound, film */
    M(0, "\xff\xd8\xff", FK_KIND_NAMELY),
    M(0, "\x89PNG", FK_KIND_NAMELY),
    M(0, "GIF8", FK_KIND_NAMELY),
    M(0, "BM", FK_KIND_NAMELY),
    M(0, "II*\0", FK_KIND_NAMELY),
    M(0, "MM\0*", FK_KIND_NAMELY),
    M(0, "RIFF", FK_KIND_NAMELY),
    M(0, "8BPS", FK_KIND_NAMELY),
    M(0, "\0\0\1\0", FK_KIND_NAMELY),
    M(0, "\xd7\xcd\xc6\x9a", FK_KIND_NAMELY),
    M(4, "ftyp", FK_KIND_NAMELY),
    M(0, "ID3", FK_KIND_NAMELY),
    M(0, "\xff\xfb", FK_KIND_NAMELY),
    M(0, "OggS", FK_KIND_NAMELY),
    M(0, "fLaC", FK_KIND_NAMELY),
    M(0, "\x1a\x45\xdf\xa3", FK_KIND_NAMELY),
    M(0, "\x30\x26\xb2\x75", FK_KIND_NAMELY),
    M(0, "\0\0\1\xba", FK_KIND_NAMELY),
    /* fonts, programs */
    M(0, "OTTO", FK_KIND_NAMELY),
    M(0, "\0\1\0\0\0", FK_KIND_NAMELY), /* with another byte an Access database */
    M(0, "wOF", FK_KIND_NAMELY),
    M(0, "MZ", FK_KIND_NAMELY),
    M(0,
      "\x7f"
      "ELF",
      FK_KIND_NAMELY),
    M(0, "\xca\xfe\xba\xbe", FK_KIND_NAMELY),
};

static bool has_at(const struct fk_file *f, size_t at, const char *bytes, size_t len) {
    return f->len >= at + len && memcmp(f->data + at, bytes, len) == 0;
}

static bool is_emf(const struct fk_file *f) {
    return has_at(f, 0, "\1\0\0\0", 4) && has_at(f, 40, " EMF", 4);
}

static uint32_t le32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* A program of Windows that unpacks itself: a ZIP file whose end record stands at the program's end
 * (APPNOTE 4.3.16); a comment or a signature may stand behind it. */
static bool unpacks_itself(const struct fk_file *f) {
    enum { RECORD = 22, BEHIND = 65535 };
    if (!has_at(f, 0, "MZ", 2) || f->len < RECORD)
        return false;
    const size_t last = f->len - RECORD, first = last < BEHIND ? 0 : last - BEHIND;
    for (size_t at = last + 1; at-- > first;) {
        const uint8_t *p = f->data + at;
        if (memcmp(p, "PK\5\6", 4) == 0 && (p[10] || p[11]) &&
            (uint64_t)le32(p + 12) + le32(p + 16) <= at)
            return true;
    }
    return false;
}

/* A CMS ContentInfo: what is enveloped is encrypted. Digested data and the like are not read. */
static bool is_cms(const struct fk_file *f, enum fk_kind *kind) {
    static const uint8_t pkcs7[] = {6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7};
    if (f->len < 24 || f->data[0] != 0x30)
        return false;
    const uint8_t *at = memmem(f->data, 16, pkcs7, sizeof pkcs7);
    if (!at)
        return false;
    const uint8_t type = at[sizeof pkcs7];
    *kind = type == 2                             ? FK_KIND_SIGNED
            : type == 3 || type == 4 || type == 6 ? FK_KIND_ENCRYPTED
                                                  : FK_KIND_UNKNOWN;
    return true;
}

static bool ends_in(const char *name, const char *end) {
    const size_t n = strlen(name), m = strlen(end);
    return n >= m && strcasecmp(name + n - m, end) == 0;
}

static bool begins(const char *at, size_t len, const char *word) {
    const size_t n = strlen(word);
    return len >= n && strncasecmp(at, word, n) == 0;
}

/* A block of header fields with at least two that mail has. */
static bool is_message(const char *at, size_t len) {
    static const char *const fields[] = {
        "From:", "Date:",        "Subject:",      "Message-ID:",  "Received:",
        "To:",   "Return-Path:", "MIME-Version:", "Content-Type:"};
    const char *end = at + len;
    unsigned seen = 0;
    for (unsigned line = 0; at < end && line < HEADER_LINES; line++) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const size_t n = lf ? (size_t)(lf - at) : (size_t)(end - at);
        if (n == 0 || (n == 1 && *at == '\r'))
            break;
        const char *colon = memchr(at, ':', n);
        if (*at != ' ' && *at != '\t' && (!colon || memchr(at, ' ', (size_t)(colon - at))))
            return false;
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
            seen |= (unsigned)begins(at, n, fields[i]) << i;
        at = lf ? lf + 1 : end;
    }
    return (seen & (seen - 1)) != 0;
}

/* No bytes that text has none of; two bytes a character only with a mark before them. */
static bool is_text(const uint8_t *p, size_t len) {
    size_t odd = 0;
    if (len >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff)))
        return true;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == 0)
            return false;
        odd += p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\r' && p[i] != '\f' &&
               p[i] != 0x1b && p[i] != 0x0e && p[i] != 0x0f && p[i] != 0x1a;
    }
    return odd * 100 <= len;
}

static enum fk_kind text_kind(const struct fk_file *f) {
    const char *at = (const char *)f->data;
    size_t len = f->len < LOOK_AT ? f->len : LOOK_AT;
    while (len > 0 && (strchr(" \t\r\n\xef\xbb\xbf", *at) && *at))
        at++, len--;
    if (f->is_html || begins(at, len, "<!doctype html") || begins(at, len, "<html") ||
        begins(at, len, "<head") || begins(at, len, "<body") ||
        ((ends_in(f->name, ".htm") || ends_in(f->name, ".html")) && memchr(at, '<', len)))
        return FK_KIND_HTML;
    if (begins(at, len, "BEGIN:VCALENDAR") || begins(at, len, "BEGIN:VCARD"))
        return FK_KIND_CALENDAR;
    if (!f->is_text && is_message(at, len))
        return FK_KIND_MESSAGE;
    return FK_KIND_TEXT;
}

/* Where the bytes say nothing. */
static bool has_media_name(const char *name) {
    static const char *const ends[] = {".png", ".jpg", ".jpeg", ".gif", ".bmp",  ".tif",    ".tiff",
                                       ".mp3", ".mp4", ".wav",  ".avi", ".mov",  ".wmv",    ".p7s",
                                       ".sig", ".ttf", ".exe",  ".dll", ".heic", ".pgp-key"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_in(name, ends[i]))
            return true;
    return false;
}

enum fk_kind fk_kind__of(const struct fk_file *f) {
    enum fk_kind kind;
    const size_t look = f->len < LOOK_AT ? f->len : LOOK_AT;
    const bool reads = is_text(f->data, look);
    /* A text may speak of it further on. */
    const size_t within = f->is_text ? 5 : PDF_WITHIN;
    if (memmem(f->data, look < within ? look : within, "%PDF-", 5))
        return FK_KIND_PDF;
    if (is_emf(f))
        return FK_KIND_NAMELY;
    if (unpacks_itself(f))
        return FK_KIND_ZIP;
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        const struct magic *m = &magics[i];
        /* "BM", "MZ", "RIFF" may begin a text too. */
        if (has_at(f, m->at, m->bytes, m->len) &&
            !(reads && m->len < 5 && m->kind == FK_KIND_NAMELY))
            return m->kind;
    }
    if (is_cms(f, &kind))
        return kind;
    if (reads || f->is_text)
        return text_kind(f);
    return f->is_media || has_media_name(f->name) ? FK_KIND_NAMELY : FK_KIND_UNKNOWN;
}
