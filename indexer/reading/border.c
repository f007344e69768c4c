/* border.c - see border_priv.h */
#include "indexer/reading/border_priv.h"
#include "archiver/vault/fields.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { FIELD_MAX = 4096, WORD_MAX = FK_BORDER_WORD_MAX };

struct reading {
    struct fk_buf *out;
    size_t begin; /* of ours in out */
    unsigned lines, received;
    bool other; /* a field of another sort came since the last line */
};

static void line_put(struct reading *r, const char *text) {
    const bool other = r->other;
    r->other = false;
    if (other)
        line_put(r, "other");
    if (r->lines++ < FK_BORDER_LINES_MAX && r->out->len - r->begin < FK_BORDER_BYTES_MAX)
        fk_fields_add_str(r->out, "border", text);
}

/* ---- one field */

/* Comments and quotes out, so that a word is a word; what is in quotes stays, without blanks. */
static void plain(const char *text, char *out, size_t size) {
    unsigned depth = 0;
    bool quoted = false;
    size_t n = 0;
    for (; *text && n + 1 < size; text++) {
        const char c = *text;
        if (c == '\\' && text[1])
            text++;
        else if (c == '"' && !depth)
            quoted = !quoted;
        else if (!quoted && c == '(')
            depth++;
        else if (!quoted && c == ')')
            depth -= depth > 0;
        else if (!depth)
            out[n++] = (char)(quoted && (c == ' ' || c == ';') ? '_' : c == '\t' ? ' ' : c);
    }
    out[n] = 0;
}

static void received_read(struct reading *r, const char *value) {
    char text[FIELD_MAX], line[WORD_MAX + 16], *save = NULL;
    const char *host = "-";
    plain(value, text, sizeof text);
    bool is_next = false;
    for (char *word = strtok_r(text, " ;", &save); word; word = strtok_r(NULL, " ;", &save)) {
        if (is_next) {
            host = word;
            break;
        }
        is_next = strcasecmp(word, "by") == 0;
    }
    snprintf(line, sizeof line, "received %.*s", WORD_MAX, host);
    r->received++;
    line_put(r, line);
}

static bool begins(const char *text, const char *with) {
    return strncasecmp(text, with, strlen(with)) == 0;
}

/* The domain that a method speaks of: of a signature, a sender, a From. */
static const char *domain_in(const char *word) {
    static const char *const properties[] = {"header.d=", "header.i=@",
                                             "header.from=", "smtp.mailfrom=", "smtp.helo="};
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        const size_t n = strlen(properties[i]);
        if (strncasecmp(word, properties[i], n) == 0) {
            const char *at = strrchr(word + n, '@');
            return at ? at + 1 : word + n;
        }
    }
    return NULL;
}

static void method_read(struct reading *r, const char *id, char *text, bool arc_only) {
    static const char *const methods[] = {"arc=", "dkim=", "spf=", "dmarc="};
    const size_t count = arc_only ? 1 : sizeof methods / sizeof *methods;
    char line[3 * WORD_MAX], *save = NULL, *method = strtok_r(text, " ", &save);
    const char *domain = NULL;
    bool known = false;
    for (size_t i = 0; method && i < count; i++)
        known |= strncasecmp(method, methods[i], strlen(methods[i])) == 0;
    if (!known)
        return;
    for (char *word; !domain && (word = strtok_r(NULL, " ", &save));)
        domain = domain_in(word);
    snprintf(line, sizeof line, "%s %.*s %.*s%s%.*s", arc_only ? "arc" : "results", WORD_MAX, id,
             WORD_MAX, method, domain ? " " : "", WORD_MAX, domain ? domain : "");
    line_put(r, line);
}

/* Of ARC-Authentication-Results (RFC 8617, 4.1.1), where the instance stands before the name, only
 * what it says of the chain. */
static void results_read(struct reading *r, const char *value, bool is_arc) {
    char text[FIELD_MAX], *save = NULL;
    plain(value, text, sizeof text);
    char *id = strtok_r(text, ";", &save);
    if (is_arc && id)
        id = begins(id + strspn(id, " "), "i=") ? strtok_r(NULL, ";", &save) : NULL;
    while (id && *id == ' ')
        id++;
    if (!id || !*id)
        return;
    id[strcspn(id, " ")] = 0; /* a version may follow */
    for (char *method; (method = strtok_r(NULL, ";", &save));)
        method_read(r, id, method, is_arc);
}

/* An ARC-Seal (RFC 8617, 4.1.3): what its server found of the chain before it. */
static void seal_read(struct reading *r, const char *value) {
    char text[FIELD_MAX], line[3 * WORD_MAX], *save = NULL;
    const char *domain = NULL, *chain = NULL;
    plain(value, text, sizeof text);
    for (char *tag = strtok_r(text, ";", &save); tag; tag = strtok_r(NULL, ";", &save)) {
        tag += strspn(tag, " ");
        tag[strcspn(tag, " ")] = 0;
        if (begins(tag, "d="))
            domain = tag + 2;
        else if (begins(tag, "cv="))
            chain = tag + 3;
    }
    if (!domain || !chain || !*domain || !*chain)
        return;
    snprintf(line, sizeof line, "arc %.*s arc=%.*s", WORD_MAX, domain, WORD_MAX, chain);
    line_put(r, line);
}

static void verdict_put(struct reading *r, const char *name, bool is_yes, const char *detail) {
    char line[WORD_MAX + 32];
    snprintf(line, sizeof line, "field %s=%s%s%.*s", name, is_yes ? "yes" : "no",
             *detail ? " " : "", WORD_MAX / 2, detail);
    line_put(r, line);
}

/* The number behind a mark, such as "score=". */
static void number_after(const char *text, const char *mark, char out[16]) {
    const char *at = strcasestr(text, mark);
    *out = 0;
    if (!at)
        return;
    at += strlen(mark);
    const size_t n = strspn(at, "+-0123456789.");
    snprintf(out, 16, "%.*s", (int)(n < 15 ? n : 15), at);
}

/* SpamAssassin: "Yes, score=12.3 required=5.0 ..."; rspamd: "default: False [1.20 / 15.00]; ...";
 * Exchange: a level of -1 to 9, spam from 5 on; Microsoft 365: "...;SFV:SPM;SCL:5;...". */
static bool spam_read(struct reading *r, const char *name, const char *value) {
    char number[16] = "";
    if (strcasecmp(name, "X-Spam-Status") == 0) {
        number_after(value, "score=", number);
        verdict_put(r, "spam", begins(value, "yes"), number);
    } else if (strcasecmp(name, "X-Spam-Flag") == 0 || strcasecmp(name, "X-Spam") == 0) {
        verdict_put(r, "spam", begins(value, "yes"), "");
    } else if (strcasecmp(name, "X-Spamd-Result") == 0) {
        const char *colon = strchr(value, ':');
        number_after(value, "[", number);
        verdict_put(r, "spam", colon && begins(colon + 1 + strspn(colon + 1, " "), "true"), number);
    } else if (strcasecmp(name, "X-MS-Exchange-Organization-SCL") == 0) {
        verdict_put(r, "spam", *value >= '5' && *value <= '9', value);
    } else if (strcasecmp(name, "X-Forefront-Antispam-Report") == 0) {
        number_after(value, "SCL:", number);
        verdict_put(r, "spam", strcasestr(value, "SFV:SPM") != NULL, number);
    } else {
        return false;
    }
    return true;
}

/* clamav-milter: "Clean", or "Infected (Eicar-Test-Signature)". That something was looked for says
 * nothing (X-Virus-Scanned). */
static bool virus_read(struct reading *r, const char *name, const char *value) {
    if (strcasecmp(name, "X-Virus-Scanned") == 0)
        return true;
    if (strcasecmp(name, "X-Virus-Status") != 0)
        return false;
    const char *open = strchr(value, '(');
    char what[WORD_MAX / 2] = "";
    if (open)
        snprintf(what, sizeof what, "%.*s", (int)strcspn(open + 1, ") "), open + 1);
    verdict_put(r, "virus", !begins(value, "clean"), what);
    return true;
}

/* What filters put among their verdicts: of it nothing is read. */
static bool is_among(const char *name) {
    return begins(name, "X-Rspamd-") || begins(name, "X-Spam-") ||
           strcasecmp(name, "ARC-Message-Signature") == 0 ||
           strcasecmp(name, "DKIM-Signature") == 0; /* of outgoing mail */
}

static void field_read(struct reading *r, const char *text) {
    const char *colon = strchr(text, ':');
    char name[64];
    if (!colon)
        return;
    size_t n = (size_t)(colon - text);
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : 0), text);
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    if (strcasecmp(name, "Received") == 0)
        received_read(r, value);
    else if (strcasecmp(name, "Authentication-Results") == 0)
        results_read(r, value, false);
    else if (strcasecmp(name, "ARC-Authentication-Results") == 0)
        results_read(r, value, true);
    else if (strcasecmp(name, "ARC-Seal") == 0)
        seal_read(r, value);
    else if (!spam_read(r, name, value) && !virus_read(r, name, value) && !is_among(name))
        r->other = true;
}

/* ---- the header */

void fk_border__read(const uint8_t *message, size_t len, struct fk_buf *out) {
    struct reading r = {.out = out, .begin = out->len};
    const uint8_t *at = message, *end = message + len;
    char field[FIELD_MAX];
    size_t n = 0;
    while (at < end && r.received <= FK_HOPS_MAX && r.lines < FK_BORDER_LINES_MAX) {
        const uint8_t *lf = memchr(at, '\n', (size_t)(end - at)), *stop = lf ? lf : end;
        const bool goes_on = n && (*at == ' ' || *at == '\t');
        size_t line = (size_t)(stop - at);
        if (line && at[line - 1] == '\r')
            line--;
        if (!goes_on) {
            field[n] = 0;
            field_read(&r, field);
            n = 0;
        }
        if (!line)
            return;
        for (size_t i = 0; i < line && n + 1 < sizeof field; i++)
            field[n++] = (char)(at[i] ? at[i] : '?');
        at = lf ? lf + 1 : end;
    }
    field[n] = 0;
    if (r.received <= FK_HOPS_MAX)
        field_read(&r, field);
}
