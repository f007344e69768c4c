/* query_delivery.c - delivery: as terms of the index (docs/query.md,
 * indexer/record/delivery_term.h). A status says by itself whose word it is: logs and notices have
 * none in common. A recipient, a code and a host are looked for in both, and hits tell them apart.
 */
#include "indexer/record/delivery_term.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"
#include "search/query_priv.h"

#include <ctype.h>

struct asked {
    const char *status; /* NULL: none */
    const char *value;  /* what stands behind it, or alone */
    bool in_log, in_notices;
};

static bool is_log_word(const char *word) {
    return strcmp(word, "log") == 0 || fk_delivery_is_status(fk_delivery_log_statuses, word);
}

static bool is_notice_word(const char *word) {
    return strcmp(word, "dsn") == 0 || strcmp(word, "mdn") == 0 ||
           fk_delivery_is_status(fk_delivery_notice_statuses, word);
}

/* An address, or a domain with an @ before it. */
static bool is_recipient(const char *text) {
    const char *at = strrchr(text, '@');
    return at && at[1];
}

/* A name with a point in it, or an address: what is all digits is to have four numbers. */
static bool is_host(const char *text) {
    unsigned points = 0;
    for (const char *at = strchr(text, '.'); at; at = strchr(at + 1, '.'))
        points++;
    if (strspn(text, "0123456789.") == strlen(text))
        return points == 3 && text[strlen(text) - 1] != '.';
    return !strpbrk(text, "@=<> ") && (points || strchr(text, ':'));
}

/* text is changed: a status is cut off at its sign. */
static bool asked_read(char *text, struct asked *out) {
    char *is = strchr(text, '=');
    *out = (struct asked){.value = text};
    if (is) { /* an address may have one too */
        *is = 0;
        out->in_log = fk_delivery_is_status(fk_delivery_log_statuses, text);
        out->in_notices = fk_delivery_is_status(fk_delivery_notice_statuses, text);
        if (out->in_log || out->in_notices) {
            out->status = text;
            out->value = is + 1;
            return is_recipient(out->value);
        }
        *is = '=';
    }
    out->in_log = is_log_word(text);
    out->in_notices = is_notice_word(text);
    if (out->in_log || out->in_notices)
        return true;
    out->in_log = out->in_notices = true;
    return is_recipient(text) || fk_delivery_is_code(text) || is_host(text);
}

static enum fk_status term_query(const char *prefix, const struct asked *a, struct fk_xquery **out,
                                 struct fk_err *err) {
    struct fk_buf term = FK_BUF_INIT;
    enum fk_status st = fk_delivery_term(prefix, a->status, a->value, strlen(a->value), &term, err);
    if (st == FK_OK)
        *out = fk_xquery_term((const char *)term.data, term.len);
    fk_buf_free(&term);
    return st;
}

enum fk_status fk_query__delivery(const struct fk_q_node *node, struct fk_xquery **out,
                                  struct fk_query_fault *fault, struct fk_err *err) {
    char text[1024] = "";
    struct asked a;
    struct fk_xquery *log = NULL, *notices = NULL;
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < node->len && i + 1 < sizeof text; i++)
        text[i] = (char)tolower((unsigned char)node->text[i]);
    if (node->prefix || node->len >= sizeof text || !asked_read(text, &a))
        return fk_query_blame(
            node, fault, err,
            "by a log: sent bounced deferred log; by a notice: failed delayed delivered relayed "
            "expanded displayed deleted dispatched processed dsn mdn; by either: a recipient a@b, "
            "a domain @b, a code 5.1.1, a host; or a status and a recipient: bounced=a@b",
            "%s: does not take \"%.*s\"", fk_query__name_of(node->field),
            fk_query__cut(node->text, 60), node->text);
    if (a.in_log)
        FK_TRY(term_query(FK_P_DELIVERY, &a, &log, err));
    if (a.in_notices)
        FK_TRY(term_query(FK_P_NOTICE, &a, &notices, err));
    *out = a.in_log && a.in_notices ? fk_xquery_or(log, notices) : a.in_log ? log : notices;
    log = notices = NULL;
done:
    fk_xquery_free(&log);
    fk_xquery_free(&notices);
    return st;
}
