/* preamble.c - what mail programs write before the first part, for readers that know no MIME: the
 * same few sentences in every message, which say nothing of it. */
#include "indexer/reading/mime_priv.h"

static const char *const usual[] = {
    "This is a multi-part message in MIME format.",
    "This is a multi-part message in MIME format...",
    "This is a multi-part message in MIME format",
    "This is a multipart message in MIME format.",
    "This is a multipart message in MIME format",
    "This is a MIME-encapsulated message",
    "This is a MIME-encapsulated message.",
    "This is a MIME encoded message",
    "This is an S/MIME signed message",
    "This is a cryptographically signed message in MIME format.",
    "This is an OpenPGP/MIME signed message (RFC 4880 and 3156)",
    "This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)",
    "This is a multi-part message in MIME format. Your mail reader does not understand MIME "
    "message "
    "format.",
    "This is a MIME-formatted message. Portions of this message may be unreadable without a "
    "MIME-capable mail program.",
    "This is a MIME-formatted message. If you see this text it means that your E-mail software "
    "does "
    "not support MIME-formatted messages.",
    "This message is in MIME format. Since your mail reader does not understand this format, some "
    "or all of this message may not be legible.",
    "This message is in MIME format. The first part should be readable text, while the remaining "
    "parts are likely unreadable without MIME-aware tools.",
};

static size_t blanks(const char *at, const char *end) {
    size_t n = 0;
    while (at + n < end && (at[n] == ' ' || at[n] == '\t' || at[n] == '\r' || at[n] == '\n'))
        n++;
    return n;
}

/* All of the text, a run of blanks and line ends counting as one blank. */
static bool is_sentence(const char *at, const char *end, const char *sentence) {
    for (at += blanks(at, end); *sentence; sentence++) {
        const size_t n = *sentence == ' ' ? blanks(at, end) : 0;
        if (at == end || (*sentence == ' ' ? n == 0 : *at != *sentence))
            return false;
        at += n ? n : 1;
    }
    return at + blanks(at, end) == end;
}

bool fk_preamble_is_usual(const char *text, size_t len) {
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (is_sentence(text, text + len, usual[i]))
            return true;
    return false;
}
