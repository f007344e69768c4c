/* query_ip.c - ip: as terms of the index: an address is one, a network all that begin as it does.
 */
#include "indexer/record/client_term.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"
#include "search/query_plan.h"
#include "search/query_priv.h"

#include <stdio.h>
#include <stdlib.h>

/* "192.0.2.0/24" as digits and how many bits of them count. */
static bool network_read(const struct fk_q_node *node, char digits[FK_CLIENT_DIGITS + 1],
                         unsigned *bits) {
    char text[64] = "";
    bool is_v4;
    if (node->len == 0 || node->len >= sizeof text || node->prefix || node->wild)
        return false;
    memcpy(text, node->text, node->len);
    char *slash = strchr(text, '/');
    if (slash != NULL)
        *slash++ = 0;
    if (!fk_client_term(text, digits, &is_v4))
        return false;
    const unsigned all = is_v4 ? 32 : 128;
    *bits = slash != NULL ? (unsigned)strtoul(slash, NULL, 10) : all;
    if (slash != NULL && (*slash == 0 || strlen(slash) > 3 ||
                          strspn(slash, "0123456789") != strlen(slash) || *bits > all))
        return false;
    *bits += 128 - all;
    return true;
}

/* A network that ends within a digit is all digits that are in it. */
static struct fk_xquery *network_query(const char *digits, unsigned bits) {
    static const char hex[] = "0123456789abcdef";
    const unsigned whole = bits / 4, rest = bits % 4;
    struct fk_xquery *any = NULL;
    char term[FK_CLIENT_DIGITS + 8];
    int n = snprintf(term, sizeof term, FK_P_CLIENT "%.*s", (int)whole, digits);
    if (bits == 128)
        return fk_xquery_term(term, (size_t)n);
    if (rest == 0)
        return fk_xquery_prefix(term, (size_t)n, FK_PLAN_MAX_EXPANSION);
    const unsigned count = 1u << (4 - rest);
    const unsigned first = (unsigned)(strchr(hex, digits[whole]) - hex) & ~(count - 1);
    for (unsigned i = 0; i < count; i++) {
        term[n] = hex[first + i];
        struct fk_xquery *one = whole + 1 == FK_CLIENT_DIGITS
                                    ? fk_xquery_term(term, (size_t)n + 1)
                                    : fk_xquery_prefix(term, (size_t)n + 1, FK_PLAN_MAX_EXPANSION);
        any = i ? fk_xquery_or(any, one) : one;
    }
    return any;
}

enum fk_status fk_query__ip(const struct fk_q_node *node, struct fk_xquery **out,
                            struct fk_query_fault *fault, struct fk_err *err) {
    char digits[FK_CLIENT_DIGITS + 1];
    unsigned bits;
    if (!network_read(node, digits, &bits))
        return fk_query_blame(node, fault, err,
                              "an address or a network, such as ip:192.0.2.1, ip:192.0.2.0/24 or "
                              "ip:2001:db8::/32",
                              "ip: does not take \"%.*s\"", fk_query__cut(node->text, 60),
                              node->text);
    *out = network_query(digits, bits);
    return FK_OK;
}
