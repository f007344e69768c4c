/* links.c - see links_priv.h. */
#include "indexer/reading/links_priv.h"
#include "indexer/text/host.h"
#include "indexer/text/prefixes.h"

#include <string.h>
#include <strings.h>

enum { INSIDE_MAX = 3 };

static bool begins(const char *text, size_t len, const char *word) {
    const size_t n = strlen(word);
    return len >= n && strncasecmp(text, word, n) == 0;
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* How long the address is that begins here; 0 where none does. In Japanese it ends where ASCII
 * ends, but a host may be in any script. */
static size_t link_length(const char *text, size_t len) {
    static const char *const schemes[] = {"https://", "http://", "ftp://", "ftps://"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes && n == 0; i++)
        if (begins(text, len, schemes[i]))
            n = strlen(schemes[i]);
    if (n == 0 && !begins(text, len, "www."))
        return 0;
    const size_t head = n ? n : strlen("www.");
    bool in_host = n > 0 && n < len && (text[n] & 0x80);
    for (n = head; n < len; n++) {
        const unsigned char c = (unsigned char)text[n];
        in_host &= c != '/' && c != '?' && c != '#';
        if (c <= ' ' || c == 0x7f || strchr("<>\"`{}|\\^", c) || (c >= 0x80 && !in_host) ||
            (in_host && begins(text + n, len - n, "\xe3\x80"))) /* 、。「」 and the wide blank */
            break;
    }
    while (n > head && strchr(".,;:!?)]'*_~", text[n - 1]))
        n--;
    return n > head ? n : 0;
}

bool fk_links__next(const char *text, size_t len, size_t *at, const char **link, size_t *link_len) {
    for (; *at < len; ++*at) {
        const char c = (char)(text[*at] | 0x20);
        if ((c != 'h' && c != 'f' && c != 'w') || (*at > 0 && is_letter(text[*at - 1])))
            continue;
        *link_len = link_length(text + *at, len - *at);
        if (*link_len == 0)
            continue;
        *link = text + *at;
        *at += *link_len;
        return true;
    }
    return false;
}

/* The host of an address, or of the mailbox that it writes to. */
static bool host_of(const char *link, size_t len, const char **host, size_t *host_len) {
    const char *at = link, *end = link + len, *stop;
    const bool is_mail = begins(link, len, "mailto:");
    if (is_mail)
        at += strlen("mailto:");
    else if (begins(link, len, "www."))
        ;
    else {
        while (at < end && (is_letter(*at) || strchr("+.-", *at)))
            at++;
        at += at < end && *at == ':';
        if (end - at < 3 || strchr("/\\", at[0]) == NULL || strchr("/\\", at[1]) == NULL)
            return false;
        at += 2;
    }
    for (stop = at; stop < end && !strchr("/?#\\", *stop); stop++)
        ;
    const char *user = memrchr(at, '@', (size_t)(stop - at));
    if (user)
        at = user + 1;
    else if (is_mail)
        return false;
    const char *port = *at == '[' ? NULL : memchr(at, ':', (size_t)(stop - at));
    if (port)
        stop = port;
    if (at < stop && *at == '[')
        at++, stop = memchr(at, ']', (size_t)(stop - at)) ? memchr(at, ']', (size_t)(stop - at))
                                                          : stop;
    *host = at;
    *host_len = (size_t)(stop - at);
    return at < stop;
}

static enum fk_status host_post(struct fk_docterms *d, const char *host, size_t len,
                                struct fk_err *err) {
    struct fk_buf name = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    FK_TRY(fk_host_fold(host, len, &name, err));
    for (const char *at = fk_buf_cstr(&name); at && *at; at = fk_host_above(at))
        FK_TRY(fk_docterms__whole(d, FK_P_LINK_HOST, at, strlen(at), err));
done:
    fk_buf_free(&name);
    return st;
}

static int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* True where there was anything to decode. */
static bool percent_decode(const char *text, size_t len, struct fk_buf *out) {
    bool any = false;
    for (size_t i = 0; i < len; i++) {
        const int high = text[i] == '%' && i + 2 < len ? hex(text[i + 1]) : -1;
        const int low = high >= 0 ? hex(text[i + 2]) : -1;
        any |= low >= 0;
        fk_buf_byte(out, low >= 0 ? (uint8_t)(high << 4 | low) : (uint8_t)text[i]);
        i += low >= 0 ? 2 : 0;
    }
    return any;
}

static enum fk_status text_post(struct fk_docterms *d, const char *text, size_t len,
                                struct fk_err *err) {
    enum fk_status st = fk_docterms__text(d, FK_IN_LINK, text, len, err);
    fk_docterms__gap(d, FK_IN_LINK);
    return st;
}

/* What stands inside an address, as a redirector's has it. */
static const char *inner_link(const char *text, size_t len, size_t *inner_len) {
    size_t at = 1;
    for (; at < len; at++)
        if (begins(text + at, len - at, "http://") || begins(text + at, len - at, "https://"))
            break;
    *inner_len = len - (at < len ? at : len);
    return at < len ? text + at : NULL;
}

static enum fk_status post(struct fk_docterms *d, const char *target, size_t len, unsigned depth,
                           struct fk_err *err) {
    struct fk_buf plain = FK_BUF_INIT;
    const char *host, *inner;
    size_t host_len, inner_len;
    enum fk_status st = FK_OK;
    if (host_of(target, len, &host, &host_len))
        FK_TRY(host_post(d, host, host_len, err));
    const bool is_coded = percent_decode(target, len, &plain);
    if (plain.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "the target of a link: out of memory"));
    if (depth == 0)
        FK_TRY(text_post(d, target, len, err));
    if (is_coded)
        FK_TRY(text_post(d, (const char *)plain.data, plain.len, err));
    inner = plain.len ? inner_link((const char *)plain.data, plain.len, &inner_len) : NULL;
    if (inner && depth < INSIDE_MAX)
        st = post(d, inner, inner_len, depth + 1, err);
done:
    fk_buf_free(&plain);
    return st;
}

enum fk_status fk_links__post(struct fk_docterms *d, const char *target, size_t len, bool *cut,
                              struct fk_err *err) {
    while (len > 0 && (unsigned char)*target <= ' ')
        target++, len--;
    if (len == 0 || *target == '#' || begins(target, len, "data:") || begins(target, len, "cid:"))
        return FK_OK;
    *cut |= len > FK_LINK_MAX;
    return post(d, target, len < FK_LINK_MAX ? len : FK_LINK_MAX, 0, err);
}
