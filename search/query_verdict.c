/* query_verdict.c - dkim:, auth:, spam: and virus: as terms of the index (docs/auth.md). Either of
 * who may have said it, the archive itself or the mail server in front, is enough: hits tell whose
 * word it is. */
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"
#include "search/query_priv.h"

#include <ctype.h>

static const char *const results[] = {"pass",   "fail",      "softfail",  "neutral", "none",
                                      "policy", "temperror", "permerror", "unread"};
static const char *const methods[] = {"dkim", "spf", "dmarc", "arc"};

static bool is_one(const char *text, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}

static bool is_result(const char *text) {
    return is_one(text, results, sizeof results / sizeof *results);
}

/* NAME=VALUE, or false where the value is none for that field. */
static bool value_of(enum fk_q_field field, const char *text, struct fk_buf *out) {
    static const char *const answers[] = {"yes", "no"};
    const char *is = strchr(text, '=');
    if (field == FK_F_DKIM) {
        fk_buf_printf(out, "dkim=%s%s", strchr(text, '.') ? "@" : "", text);
        return is_result(text) || strchr(text, '.');
    }
    if (field == FK_F_AUTH) {
        char method[8];
        fk_buf_str(out, text);
        snprintf(method, sizeof method, "%.*s", is ? (int)(is - text) : 0, text);
        return is && is_result(is + 1) && is_one(method, methods, sizeof methods / sizeof *methods);
    }
    fk_buf_printf(out, "%s=%s", field == FK_F_SPAM ? "spam" : "virus", text);
    return is_one(text, answers, 2);
}

enum fk_status fk_query__verdict(const struct fk_q_node *node, struct fk_xquery **out,
                                 struct fk_query_fault *fault, struct fk_err *err) {
    static const char *const hints[] = {
        "pass, fail, none, neutral, policy, temperror, permerror, or the domain of a signature "
        "that "
        "held",
        "dkim=, spf=, dmarc= or arc= and a result, such as auth:dmarc=fail",
        "yes or no",
        "yes or no",
    };
    char text[FK_WHOLE_MAX] = "";
    struct fk_buf term[2] = {FK_BUF_INIT, FK_BUF_INIT}, value = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < node->len && i + 1 < sizeof text; i++)
        text[i] = (char)tolower((unsigned char)node->text[i]);
    if (node->prefix || !value_of(node->field, text, &value))
        st = fk_query_blame(node, fault, err, hints[node->field - FK_F_DKIM],
                            "%s: does not take \"%.*s\"", fk_query__name_of(node->field),
                            fk_query__cut(node->text, 60), node->text);
    if (st == FK_OK) {
        fk_buf_printf(&term[0], FK_P_OWN "%s", fk_buf_cstr(&value));
        fk_buf_printf(&term[1], FK_P_BORDER "%s", fk_buf_cstr(&value));
        if (value.failed || term[0].failed || term[1].failed)
            st = fk_fail(err, FK_NOMEM, "out of memory for a query");
        else
            *out = fk_xquery_or(fk_xquery_term((char *)term[0].data, term[0].len),
                                fk_xquery_term((char *)term[1].data, term[1].len));
    }
    fk_buf_free(&term[0]);
    fk_buf_free(&term[1]);
    fk_buf_free(&value);
    return st;
}
