/* imap.c - libcurl's IMAP: what is asked, and the few words of the answers that count. */
#include "archiver/intake/imap.h"
#include "base/buf.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    SILENT_S = 60,         /* without a byte: given up */
    LINE_MAX_BYTES = 4096, /* of an answer: no honest one of those asked for is longer */
    ANSWER_MAX = 32 << 20, /* of a list */
    UIDS_A_COMMAND = 100,
    /* libcurl (Debian 12's among them) takes 300 kB of answers' lines a command, and counts what is
     * still in its buffer again with each line: 2.3 kB of lines then count as 56 kB. */
    LIST_A_COMMAND = 50
};

struct fk_imap {
    CURL *curl;
    char *url, *name; /* both without the user */
    char *user;
    struct fk_imap_where where;
    bool is_local, is_tls;
    uint32_t validity, exists;
    char trouble[CURL_ERROR_SIZE], said[160]; /* said: the server's last refusal */
    /* of the command at work */
    struct fk_buf line;
    uint64_t answer_bytes, lines; /* lines: that name a message */
    uint32_t lowest_uid;          /* of them */
    bool nonsense;
    uint32_t first_uid;
    struct fk_imap_list *list;
    fk_imap_data_fn data;
    void *ctx;
    bool ended_by_data;
};

/* ---- what the server says */

static bool number_after(const char *line, const char *word, uint64_t *out) {
    const char *at = strcasestr(line, word);
    if (!at)
        return false;
    at += strlen(word);
    if (*at < '0' || *at > '9')
        return false;
    uint64_t n = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (n > UINT64_MAX / 100)
            return false;
        n = 10 * n + (uint64_t)(*at - '0');
    }
    *out = n;
    return true;
}

static void said_keep(struct fk_imap *b, const char *line) {
    const char *no = strstr(line, " NO "), *bad = strstr(line, " BAD "), *at = no ? no : bad;
    size_t len = 0;
    if (!at || *line == '*')
        return;
    for (at++; *at && len + 1 < sizeof b->said; at++)
        if (*at >= ' ' && *at <= '~')
            b->said[len++] = *at;
    b->said[len] = 0;
}

static bool list_add(struct fk_imap *b, uint32_t uid, uint64_t bytes) {
    struct fk_imap_list *l = b->list;
    if (uid < b->first_uid || l->count == FK_IMAP_LIST_MAX)
        return true;
    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 256;
        struct fk_imap_message *more = realloc(l->at, cap * sizeof *more);
        if (!more)
            return false;
        l->at = more;
        l->cap = cap;
    }
    l->at[l->count++] = (struct fk_imap_message){uid, bytes};
    return true;
}

/* One whole line of an answer, never of a message. */
static bool line_take(struct fk_imap *b, const char *line) {
    uint64_t n, bytes;
    said_keep(b, line);
    if (number_after(line, "[UIDVALIDITY ", &n) && n && n <= UINT32_MAX)
        b->validity = (uint32_t)n;
    if (*line == '*' && strstr(line, " EXISTS") && number_after(line, "* ", &n) && n <= UINT32_MAX)
        b->exists = (uint32_t)n;
    if (!b->list || *line != '*' || !strcasestr(line, " FETCH ("))
        return true;
    if (!(number_after(line, "(UID ", &n) || number_after(line, " UID ", &n)) || !n ||
        n > UINT32_MAX || !(number_after(line, "RFC822.SIZE ", &bytes)))
        return true; /* of somebody else's change, flags say */
    b->lines++;
    if ((uint32_t)n < b->lowest_uid)
        b->lowest_uid = (uint32_t)n;
    return list_add(b, (uint32_t)n, bytes);
}

/* curl gives lines in any pieces, and those of a list both ways. */
static size_t answer_hear(char *data, size_t one, size_t n, void *ctx) {
    struct fk_imap *b = ctx;
    const size_t len = one * n;
    b->answer_bytes += len;
    for (size_t at = 0; at < len;) {
        const char *lf = memchr(data + at, '\n', len - at);
        size_t take = lf ? (size_t)(lf - data) + 1 - at : len - at;
        fk_buf_add(&b->line, data + at, take);
        at += take;
        if (b->line.failed || b->line.len > LINE_MAX_BYTES || b->answer_bytes > ANSWER_MAX) {
            b->nonsense = true;
            return 0;
        }
        if (!lf)
            break;
        if (!line_take(b, fk_buf_cstr(&b->line))) {
            b->nonsense = true;
            return 0;
        }
        fk_buf_reset(&b->line);
    }
    return len;
}

static size_t message_hear(char *data, size_t one, size_t n, void *ctx) {
    struct fk_imap *b = ctx;
    if (b->data(b->ctx, data, one * n))
        return one * n;
    b->ended_by_data = true;
    return 0;
}

static size_t nothing_hear(char *data, size_t one, size_t n, void *ctx) {
    (void)data, (void)ctx;
    return one * n;
}

/* ---- asking */

static enum fk_status fail(struct fk_imap *b, CURLcode rc, const char *what, struct fk_err *err) {
    const char *why = *b->trouble ? b->trouble : curl_easy_strerror(rc);
    const char *between = *b->said ? "; it said: " : "";
    enum fk_status st = FK_RETRY;
    if (b->nonsense)
        return fk_fail(err, FK_CORRUPT, "%s: %s: the server said what is no answer", b->name, what);
    if (rc == CURLE_LOGIN_DENIED || rc == CURLE_PEER_FAILED_VERIFICATION ||
        rc == CURLE_USE_SSL_FAILED || rc == CURLE_SSL_CACERT_BADFILE)
        st = FK_DENIED;
    else if (rc == CURLE_REMOTE_FILE_NOT_FOUND || rc == CURLE_REMOTE_ACCESS_DENIED ||
             rc == CURLE_QUOTE_ERROR)
        st = FK_NOT_FOUND;
    else if (rc == CURLE_URL_MALFORMAT || rc == CURLE_UNSUPPORTED_PROTOCOL)
        st = FK_INVALID;
    return fk_fail(err, st, "%s: %s: %s%s%s", b->name, what, why, between, b->said);
}

/* In test builds FUMIKURA_TEST_IMAP_SILENT_S takes its place. */
static long silent_s(void) {
#ifdef FK_TESTING
    const char *set = getenv("FUMIKURA_TEST_IMAP_SILENT_S");
    if (set)
        return atol(set);
#endif
    return SILENT_S;
}

static int stop_ask(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    const struct fk_imap *box = ctx;
    (void)a, (void)b, (void)c, (void)d;
    return box->where.is_stopped && box->where.is_stopped(box->where.stop_ctx);
}

static bool options_set(struct fk_imap *b) {
    const struct fk_imap_where *w = &b->where;
    CURL *c = b->curl;
    const long ssl = b->is_tls ? CURLUSESSL_NONE : b->is_local ? CURLUSESSL_TRY : CURLUSESSL_ALL;
    return curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "imap,imaps") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_USE_SSL, ssl) == CURLE_OK &&
           (!w->roots || curl_easy_setopt(c, CURLOPT_CAINFO, w->roots) == CURLE_OK) &&
           curl_easy_setopt(c, CURLOPT_USERNAME, b->user) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PASSWORD, w->password) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, stop_ask) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_XFERINFODATA, b) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, silent_s()) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SERVER_RESPONSE_TIMEOUT, silent_s()) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, silent_s()) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, b->trouble) == CURLE_OK;
}

/* A handle, with a connection to come. */
static bool handle_make(struct fk_imap *b) {
    curl_easy_cleanup(b->curl);
    return (b->curl = curl_easy_init()) && options_set(b);
}

static void command_begin(struct fk_imap *b) {
    b->answer_bytes = 0;
    b->nonsense = b->ended_by_data = false;
    *b->trouble = *b->said = 0;
    fk_buf_reset(&b->line);
}

static enum fk_status command(struct fk_imap *b, const char *words, const char *what,
                              struct fk_err *err) {
    command_begin(b);
    /* curl writes an answer's lines as headers, and those of the command as body too: once is
     * enough */
    if (curl_easy_setopt(b->curl, CURLOPT_URL, b->url) != CURLE_OK ||
        curl_easy_setopt(b->curl, CURLOPT_CUSTOMREQUEST, words) != CURLE_OK ||
        curl_easy_setopt(b->curl, CURLOPT_HEADERFUNCTION, answer_hear) != CURLE_OK ||
        curl_easy_setopt(b->curl, CURLOPT_HEADERDATA, b) != CURLE_OK ||
        curl_easy_setopt(b->curl, CURLOPT_WRITEFUNCTION, nothing_hear) != CURLE_OK)
        return fk_fail(err, FK_NOMEM, "no memory to talk to an IMAP server");
    CURLcode rc = curl_easy_perform(b->curl);
    return rc == CURLE_OK ? FK_OK : fail(b, rc, what, err);
}

enum fk_status fk_imap_select(struct fk_imap *b, uint32_t *validity_out, struct fk_err *err) {
    /* A connection that has the mailbox selected would not be told again. */
    if (!handle_make(b))
        return fk_fail(err, FK_NOMEM, "no memory to talk to an IMAP server");
    b->validity = b->exists = 0;
    enum fk_status st = command(b, "NOOP", "cannot open the mailbox", err);
    if (st == FK_OK && !b->validity)
        st = fk_fail(err, FK_CORRUPT, "%s: the server names no UIDVALIDITY", b->name);
    if (st == FK_OK)
        *validity_out = b->validity;
    return st;
}

static int by_uid(const void *a, const void *b) {
    const struct fk_imap_message *x = a, *y = b;
    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static void list_sort(struct fk_imap_list *l) {
    size_t n = l->count ? 1 : 0;
    if (l->count)
        qsort(l->at, l->count, sizeof *l->at, by_uid);
    for (size_t i = 1; i < l->count; i++)
        if (l->at[i].uid != l->at[n - 1].uid)
            l->at[n++] = l->at[i];
    l->count = n;
}

static enum fk_status places_list(struct fk_imap *b, uint64_t from, uint64_t to,
                                  struct fk_err *err) {
    char words[80];
    snprintf(words, sizeof words, "FETCH %" PRIu64 ":%" PRIu64 " (UID RFC822.SIZE)", from, to);
    b->lines = 0;
    b->lowest_uid = UINT32_MAX;
    return command(b, words, "cannot list the messages", err);
}

/* From the end backwards, as what is new stands there: true where that was all of it. */
static bool newest_list(struct fk_imap *b, enum fk_status *st, struct fk_err *err) {
    for (uint64_t to = b->exists; to && b->list->count < FK_IMAP_LIST_MAX;) {
        const uint64_t from = to > LIST_A_COMMAND ? to - LIST_A_COMMAND + 1 : 1;
        *st = places_list(b, from, to, err);
        if (*st != FK_OK || (b->lines && b->lowest_uid < b->first_uid))
            return true;
        if (!b->lines)
            break; /* it says that there are more than it has */
        to = from - 1;
    }
    b->list->count = 0;
    return false;
}

/* By their places in the mailbox, some at a time: UIDs may be far apart. */
enum fk_status fk_imap_list(struct fk_imap *b, uint32_t first_uid, struct fk_imap_list *out,
                            struct fk_err *err) {
    enum fk_status st = FK_OK;
    b->list = out;
    b->first_uid = first_uid;
    out->count = 0;
    const bool is_all = first_uid > 1 && newest_list(b, &st, err);
    for (uint64_t from = 1; !is_all && from <= b->exists && out->count < FK_IMAP_LIST_MAX;
         from += LIST_A_COMMAND) {
        const uint64_t last = from + LIST_A_COMMAND - 1;
        st = places_list(b, from, last < b->exists ? last : b->exists, err);
        if (st != FK_OK || !b->lines)
            break; /* no lines: it says that there are more than it has */
    }
    b->list = NULL;
    list_sort(out);
    return st;
}

enum fk_status fk_imap_fetch(struct fk_imap *b, uint32_t uid, fk_imap_data_fn data, void *ctx,
                             struct fk_err *err) {
    struct fk_buf url = FK_BUF_INIT;
    command_begin(b);
    b->data = data;
    b->ctx = ctx;
    fk_buf_printf(&url, "%s;UIDVALIDITY=%" PRIu32 "/;UID=%" PRIu32, b->url, b->validity, uid);
    if (url.failed || curl_easy_setopt(b->curl, CURLOPT_URL, fk_buf_cstr(&url)) != CURLE_OK ||
        curl_easy_setopt(b->curl, CURLOPT_CUSTOMREQUEST, NULL) != CURLE_OK ||
        curl_easy_setopt(b->curl, CURLOPT_HEADERFUNCTION, nothing_hear) != CURLE_OK ||
        curl_easy_setopt(b->curl, CURLOPT_WRITEFUNCTION, message_hear) != CURLE_OK ||
        curl_easy_setopt(b->curl, CURLOPT_WRITEDATA, b) != CURLE_OK) {
        fk_buf_free(&url);
        return fk_fail(err, FK_NOMEM, "no memory to talk to an IMAP server");
    }
    CURLcode rc = curl_easy_perform(b->curl);
    fk_buf_free(&url);
    if (b->ended_by_data)
        return fk_fail(err, FK_FULL, "the message was not wanted to its end");
    return rc == CURLE_OK ? FK_OK : fail(b, rc, "cannot fetch a message", err);
}

static enum fk_status some_delete(struct fk_imap *b, const uint32_t *uids, size_t n,
                                  struct fk_err *err) {
    struct fk_buf set = FK_BUF_INIT, words = FK_BUF_INIT;
    enum fk_status st;
    for (size_t i = 0; i < n; i++)
        fk_buf_printf(&set, "%s%" PRIu32, i ? "," : "", uids[i]);
    fk_buf_printf(&words, "UID STORE %s +FLAGS.SILENT (\\Deleted)", fk_buf_cstr(&set));
    if (set.failed || words.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory to talk to an IMAP server"));
    FK_TRY(command(b, fk_buf_cstr(&words), "cannot mark messages as deleted", err));
    fk_buf_reset(&words);
    fk_buf_printf(&words, "UID EXPUNGE %s", fk_buf_cstr(&set));
    if (words.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory to talk to an IMAP server"));
    st = command(b, fk_buf_cstr(&words),
                 "messages are marked as deleted, but cannot be expunged (UIDPLUS)", err);
done:
    fk_buf_free(&set);
    fk_buf_free(&words);
    return st;
}

enum fk_status fk_imap_delete(struct fk_imap *b, const uint32_t *uids, size_t n,
                              struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t at = 0; at < n && st == FK_OK; at += UIDS_A_COMMAND)
        st = some_delete(b, uids + at, n - at < UIDS_A_COMMAND ? n - at : UIDS_A_COMMAND, err);
    return st;
}

/* ---- opening */

static bool is_this_machine(const char *host) {
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0 ||
           strcasecmp(host, "localhost") == 0;
}

static char *part(CURLU *u, CURLUPart which) {
    char *text = NULL;
    return curl_url_get(u, which, &text, 0) == CURLUE_OK ? text : NULL;
}

/* The parts that count, and the address without user and password. */
static enum fk_status url_read(struct fk_imap *b, const char *text, char **user_out,
                               struct fk_err *err) {
    CURLU *u = curl_url();
    enum fk_status st = FK_OK;
    char *scheme = NULL, *host = NULL, *path = NULL, *secret = NULL, *whole = NULL;
    if (!u || curl_url_set(u, CURLUPART_URL, text, 0) != CURLUE_OK)
        FK_TRY(fk_fail(err, FK_INVALID, "not the address of an IMAP mailbox"));
    scheme = part(u, CURLUPART_SCHEME);
    host = part(u, CURLUPART_HOST);
    path = part(u, CURLUPART_PATH);
    secret = part(u, CURLUPART_PASSWORD);
    *user_out = part(u, CURLUPART_USER);
    if (!scheme || !host || !path || !*user_out || secret || strlen(path) < 2 ||
        strchr(path, ';') || (strcmp(scheme, "imaps") != 0 && strcmp(scheme, "imap") != 0))
        FK_TRY(
            fk_fail(err, FK_INVALID,
                    "the address of a mailbox is imaps://USER@HOST/MAILBOX (or imap://, which is "
                    "STARTTLS), with what is special in it as %%XX, and without a password"));
    b->is_tls = strcmp(scheme, "imaps") == 0;
    b->is_local = is_this_machine(host);
    if (curl_url_set(u, CURLUPART_USER, NULL, 0) != CURLUE_OK ||
        !(whole = part(u, CURLUPART_URL)) || !(b->url = strdup(whole)) ||
        !(b->name = strdup(whole)))
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for an IMAP mailbox"));
done:
    curl_free(scheme);
    curl_free(host);
    curl_free(path);
    curl_free(secret);
    curl_free(whole);
    curl_url_cleanup(u);
    return st;
}

enum fk_status fk_imap_open(const struct fk_imap_where *w, struct fk_imap **out,
                            struct fk_err *err) {
    struct fk_imap *b = calloc(1, sizeof *b);
    enum fk_status st = FK_OK;
    if (!b || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for an IMAP mailbox"));
    b->where = *w;
    FK_TRY(url_read(b, w->url, &b->user, err));
    if (!handle_make(b))
        FK_TRY(fk_fail(err, FK_INVALID, "libcurl cannot be told how to talk to %s", b->name));
    *out = b;
    b = NULL;
done:
    fk_imap_close(&b);
    return st;
}

void fk_imap_close(struct fk_imap **bp) {
    struct fk_imap *b = *bp;
    if (!b)
        return;
    curl_easy_cleanup(b->curl);
    fk_buf_free(&b->line);
    curl_free(b->user);
    free(b->url);
    free(b->name);
    free(b);
    *bp = NULL;
}

void fk_imap_list_free(struct fk_imap_list *l) {
    free(l->at);
    *l = (struct fk_imap_list){0};
}

const char *fk_imap_name(const struct fk_imap *b) {
    return b->name;
}
