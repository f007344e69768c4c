/*
 * query_plan.c - which terms a text stands for. What a value of from:, to: and the like is, is
 * decided by its form: with an @ inside a whole address, with one before it a domain, otherwise
 * text of names and addresses.
 */
#include "search/query_plan.h"
#include "base/pack.h"
#include "indexer/text/host.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"
#include "search/query_plan_priv.h"

/* ---- people */

/* A whole value as the index has it (FK_WHOLE_MAX). */
static struct fk_xquery *whole_value(const char *prefix, const char *text, size_t len,
                                     bool expand) {
    char term[FK_WHOLE_MAX + 8];
    size_t n = strlen(prefix), most = n + FK_WHOLE_MAX;
    memcpy(term, prefix, n);
    for (size_t i = 0; i < len && n < most; i++)
        if ((unsigned char)text[i] > ' ' && text[i] != 0x7f)
            term[n++] = text[i];
    return expand ? fk_xquery_prefix(term, n, FK_PLAN_MAX_EXPANSION) : fk_xquery_term(term, n);
}

/* One whole address or domain. */
static enum fk_status plan_address(const struct fk_query__planner *p, const struct fk_q_node *node,
                                   const char *prefix, const char *text, size_t len,
                                   struct fk_xquery **out) {
    struct fk_buf folded = FK_BUF_INIT;
    enum fk_status st = fk_terms_of_address(text, len, &folded, p->err);
    if (st == FK_OK && folded.failed)
        st = fk_fail(p->err, FK_NOMEM, "out of memory for a query");
    if (st == FK_OK)
        *out = whole_value(prefix, (const char *)folded.data, folded.len, node->prefix);
    fk_buf_free(&folded);
    return st;
}

/* Which fields a role's names stand in, and which term has its whole addresses. */
struct role {
    enum fk_q_field field;
    const char *names[7];
    size_t count;
    const char *address;
};
static const struct role roles[] = {
    {FK_F_FROM, {FK_P_FROM}, 1, FK_P_FROM_ADDR},
    {FK_F_TO, {FK_P_TO, FK_P_CC, FK_P_BCC, FK_P_ENV_TO}, 4, FK_P_TO_ADDR},
    {FK_F_CC, {FK_P_CC}, 1, FK_P_CC_ADDR},
    {FK_F_BCC, {FK_P_BCC, FK_P_BLIND}, 2, FK_P_BCC_ADDR},
    {FK_F_VIA, {FK_P_VIA}, 1, FK_P_VIA_ADDR},
    {FK_F_ENVFROM, {FK_P_ENV_FROM}, 1, FK_P_ENVFROM_ADDR},
    {FK_F_ENVTO, {FK_P_ENV_TO}, 1, FK_P_ENVTO_ADDR},
    {FK_F_PARTICIPANTS,
     {FK_P_FROM, FK_P_TO, FK_P_CC, FK_P_BCC, FK_P_ENV_FROM, FK_P_ENV_TO, FK_P_VIA},
     7,
     FK_P_PERSON},
};

/* A narrower query and the text of it in the role's own fields. */
static enum fk_status narrowed(const struct fk_query__planner *p, const struct fk_q_node *node,
                               const struct role *role, struct fk_xquery *narrow,
                               struct fk_xquery **out) {
    struct fk_xquery *text = NULL;
    struct fk_q_node plain = *node;
    plain.prefix = false;
    enum fk_status st = fk_query__plan_text(p, &plain, role->names, role->count, &text);
    if (st == FK_OK)
        *out = fk_xquery_and(text, narrow);
    else
        fk_xquery_free(&narrow);
    return st;
}

static enum fk_status plan_role(const struct fk_query__planner *p, const struct fk_q_node *node,
                                const struct role *role, struct fk_xquery **out) {
    const char *at = memchr(node->text, '@', node->len);
    size_t after = at != NULL ? node->len - (size_t)(at - node->text) - 1 : 0;
    struct fk_xquery *whole = NULL;
    enum fk_status st;
    if (at == NULL || (after == 0 && !node->prefix) || node->wild ||
        memchr(node->text, ' ', node->len) != NULL) {
        if ((st = fk_query__plan_text(p, node, role->names, role->count, out)) != FK_OK ||
            role->field != FK_F_PARTICIPANTS || node->prefix || node->wild)
            return st;
        /* Who stands in the envelope alone has no name, but may be of this domain. */
        if ((st = plan_address(p, node, FK_P_DOMAIN, node->text, node->len, &whole)) == FK_OK)
            *out = fk_xquery_or(*out, whole);
        return st;
    }
    bool domain = at == node->text;
    st = domain ? plan_address(p, node, FK_P_DOMAIN, at + 1, after, &whole)
                : plan_address(p, node, role->address, node->text, node->len, &whole);
    if (st != FK_OK)
        return st;
    if (role->field == FK_F_PARTICIPANTS || !domain) {
        *out = whole;
        return FK_OK;
    }
    if (node->prefix) {
        fk_xquery_free(&whole);
        return fk_query_blame(node, p->fault, p->err, "leave the * out",
                              "a * does not go with a domain");
    }
    return narrowed(p, node, role, whole, out);
}

/* ---- values */

static struct fk_xquery *range_of(unsigned slot, bool low, uint64_t least, bool high,
                                  uint64_t most) {
    uint8_t from[8], to[8];
    fk_be64(from, least);
    fk_be64(to, most);
    return fk_xquery_range(slot, from, low ? sizeof from : 0, to, high ? sizeof to : 0);
}

/* Moments before 1970 stand as 0 in the index. */
static struct fk_xquery *moments(unsigned slot, int64_t first, int64_t last) {
    if (last < 0)
        return fk_xquery_nothing();
    return range_of(slot, first > 0, (uint64_t)(first > 0 ? first : 0), last != INT64_MAX,
                    (uint64_t)last);
}

struct fk_xquery *fk_query_plan_received(int64_t first_ms, int64_t last_ms) {
    struct fk_xquery *begun = moments(FK_SLOT_RECEIVED, INT64_MIN, last_ms);
    return first_ms == INT64_MIN
               ? begun
               : fk_xquery_and(begun, moments(FK_SLOT_LATEST, first_ms, INT64_MAX));
}

static struct fk_xquery *plan_time(const struct fk_query__planner *p,
                                   const struct fk_q_node *node) {
    int64_t first = INT64_MIN, last = INT64_MAX;
    if (node->from.unit != FK_UNIT_OPEN)
        first = fk_q_when_first_ms(&node->from, p->zone_minutes);
    if (node->to.unit != FK_UNIT_OPEN)
        last = fk_q_when_last_ms(&node->to, p->zone_minutes);
    return node->field == FK_F_DATE ? moments(FK_SLOT_DATE, first, last)
                                    : fk_query_plan_received(first, last);
}

static struct fk_xquery *flag(const char *name, const char *reason) {
    struct fk_buf term = FK_BUF_INIT;
    fk_buf_printf(&term, FK_P_FLAG "%s%s", name, reason);
    struct fk_xquery *query = term.failed ? NULL : fk_xquery_term((char *)term.data, term.len);
    fk_buf_free(&term);
    return query;
}

static struct fk_xquery *plan_msgid(const struct fk_q_node *node) {
    const char *at = node->text, *end = at + node->len;
    if (at < end && *at == '<' && end[-1] == '>')
        at++, end--;
    return whole_value(FK_P_MSGID, at, (size_t)(end - at), node->prefix);
}

/* SHA-256 of a file, hex; the beginning of one with a star. */
static enum fk_status plan_digest(const struct fk_query__planner *p, const struct fk_q_node *node,
                                  struct fk_xquery **out) {
    char hex[65];
    size_t n = 0;
    for (; n < node->len && n < sizeof hex - 1 && strchr("0123456789abcdefABCDEF", node->text[n]);
         n++)
        hex[n] =
            node->text[n] >= 'A' && node->text[n] <= 'F' ? node->text[n] | 0x20 : node->text[n];
    if (n < node->len || (n < 64 && !node->prefix))
        return fk_query_blame(node, p->fault, p->err,
                              "sha256sum FILE prints them; with a * the first of them will do",
                              "expected the 64 hexadecimal digits of a file's SHA-256");
    *out = whole_value(FK_P_DIGEST, hex, n, node->prefix);
    return FK_OK;
}

/* ---- links */

/* A host is found by its term too, which has one form for all that IDNA writes it in. */
static enum fk_status plan_url(const struct fk_query__planner *p, const struct fk_q_node *node,
                               const char *const *fields, size_t n, struct fk_xquery **out) {
    const bool is_host = node->len > 1 && node->text[0] == '@';
    const bool like_host = memchr(node->text, '.', node->len) != NULL &&
                           strcspn(node->text, "/:@?#= ") == node->len && !node->prefix &&
                           !node->wild && !node->exact;
    struct fk_buf host = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    if (!is_host)
        FK_TRY(fk_query__plan_text(p, node, fields, n, out));
    if (is_host && (node->prefix || node->wild))
        FK_TRY(fk_query_blame(node, p->fault, p->err, "leave the * out",
                              "a * does not go with a host"));
    if (is_host || like_host) {
        FK_TRY(fk_host_fold(node->text + is_host, node->len - is_host, &host, p->err));
        struct fk_xquery *term = fk_query__term(FK_P_LINK_HOST, "", host.data, host.len);
        *out = is_host ? term : fk_xquery_or(*out, term);
    }
done:
    fk_buf_free(&host);
    return st;
}

/* ---- the tree */

static const char *const bare_fields[] = FK_BARE, *const subject_fields[] = {FK_P_SUBJECT},
                         *const body_fields[] = {FK_P_BODY, FK_P_WRAPPER},
                         *const file_fields[] = {FK_P_FILE}, *const link_fields[] = {FK_P_LINK},
                         *const attachment_fields[] = {FK_P_ATTACHMENT};
struct text_field {
    enum fk_q_field field;
    const char *const *prefixes;
    size_t count;
};
#define PREFIXES(list) list, sizeof(list) / sizeof *(list)
static const struct text_field text_fields[] = {
    {FK_F_ANY, PREFIXES(bare_fields)},  {FK_F_SUBJECT, PREFIXES(subject_fields)},
    {FK_F_BODY, PREFIXES(body_fields)}, {FK_F_FILENAME, PREFIXES(file_fields)},
    {FK_F_URL, PREFIXES(link_fields)},  {FK_F_ATTACHMENT, PREFIXES(attachment_fields)},
};

/* Where the text of a field stands. */
static const char *const *prefixes_of(enum fk_q_field field, size_t *n) {
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (roles[i].field == field)
            return *n = roles[i].count, roles[i].names;
    for (size_t i = 0; i < sizeof text_fields / sizeof *text_fields; i++)
        if (text_fields[i].field == field)
            return *n = text_fields[i].count, text_fields[i].prefixes;
    return *n = sizeof bare_fields / sizeof *bare_fields, bare_fields;
}

/* field:*; of participants: anybody at all. */
static struct fk_xquery *plan_has(const struct fk_q_node *node) {
    static const enum fk_q_field people[] = {FK_F_FROM, FK_F_TO,      FK_F_CC,   FK_F_BCC,
                                             FK_F_VIA,  FK_F_ENVFROM, FK_F_ENVTO};
    struct fk_xquery *any = NULL;
    if (node->field == FK_F_DATE)
        return range_of(FK_SLOT_DATE, false, 0, false, 0);
    if (node->field != FK_F_PARTICIPANTS)
        return flag("in:", fk_query__name_of(node->field));
    for (size_t i = 0; i < sizeof people / sizeof *people; i++) {
        struct fk_xquery *one = flag("in:", fk_query__name_of(people[i]));
        any = i ? fk_xquery_or(any, one) : one;
    }
    return any;
}

static enum fk_status plan_leaf(const struct fk_query__planner *p, const struct fk_q_node *node,
                                struct fk_xquery **out) {
    size_t n;
    const char *const *prefixes = prefixes_of(node->field, &n);
    if (node->field >= FK_F_TXN && node->field <= FK_F_DOCNO)
        return fk_query__transaction(node, out, p->fault, p->err);
    if (node->kind == FK_Q_TIME)
        return *out = plan_time(p, node), FK_OK;
    if (node->kind == FK_Q_SIZE)
        return *out = range_of(FK_SLOT_SIZE, true, node->least, true, node->most), FK_OK;
    if (node->kind == FK_Q_ALL)
        return *out = fk_xquery_all(), FK_OK;
    if (node->kind == FK_Q_HAS)
        return *out = plan_has(node), FK_OK;
    switch (node->field) {
    case FK_F_SHA256:
        return plan_digest(p, node, out);
    case FK_F_GARBLED:
        return *out = flag("partial:", "charset"), FK_OK;
    case FK_F_URL:
        return plan_url(p, node, prefixes, n, out);
    case FK_F_IP:
        return fk_query__ip(node, out, p->fault, p->err);
    case FK_F_FILETYPE:
        return *out = flag("ext:", node->text), FK_OK;
    case FK_F_DIRECTION:
        return fk_query__plan_direction(p, node, out);
    case FK_F_MSGID:
        return *out = plan_msgid(node), FK_OK;
    case FK_F_HAS:
        return *out = flag(node->text, ""), FK_OK;
    case FK_F_UNSEARCHABLE:
        *out = strcmp(node->text, "any") == 0 ? flag("partial", "") : flag("partial:", node->text);
        return FK_OK;
    case FK_F_DKIM:
    case FK_F_AUTH:
    case FK_F_SPAM:
    case FK_F_VIRUS:
        return fk_query__verdict(node, out, p->fault, p->err);
    case FK_F_DELIVERY:
        return fk_query__delivery(node, out, p->fault, p->err);
    case FK_F_THREAD:
    case FK_F_SIMILAR:
        return fk_query__related(node, out, p->fault, p->err);
    default:
        break;
    }
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (roles[i].field == node->field)
            return plan_role(p, node, &roles[i], out);
    return fk_query__plan_text(p, node, prefixes, n, out);
}

static enum fk_status plan(const struct fk_query__planner *p, const struct fk_q_node *node,
                           struct fk_xquery **out);

/* x AND y AND NOT z: what is to be there, without what is not. */
static enum fk_status plan_and(const struct fk_query__planner *p, const struct fk_q_node *node,
                               struct fk_xquery **out) {
    struct fk_xquery *with = NULL, *without = NULL, *part = NULL;
    bool some_with = false, some_without = false;
    enum fk_status st = FK_OK;
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next) {
        bool absent = c->kind == FK_Q_NOT;
        FK_TRY(plan(p, absent ? c->first : c, &part));
        if (absent)
            without = some_without ? fk_xquery_or(without, part) : part;
        else
            with = some_with ? fk_xquery_and(with, part) : part;
        some_with |= !absent;
        some_without |= absent;
    }
    if (!some_with)
        with = fk_xquery_all();
    *out = some_without ? fk_xquery_and_not(with, without) : with;
    with = without = NULL;
done:
    fk_xquery_free(&with);
    fk_xquery_free(&without);
    return st;
}

static enum fk_status plan(const struct fk_query__planner *p, const struct fk_q_node *node,
                           struct fk_xquery **out) {
    struct fk_xquery *any = NULL, *part = NULL;
    enum fk_status st = FK_OK;
    if (node->kind == FK_Q_AND)
        return plan_and(p, node, out);
    if (node->kind == FK_Q_NOT) {
        if ((st = plan(p, node->first, &part)) == FK_OK)
            *out = fk_xquery_and_not(fk_xquery_all(), part);
        return st;
    }
    if (node->kind == FK_Q_NEAR) {
        size_t n;
        const char *const *prefixes = prefixes_of(node->field, &n);
        return fk_query__plan_near(p, node, prefixes, n, out);
    }
    if (node->kind != FK_Q_OR)
        return plan_leaf(p, node, out);
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next) {
        FK_TRY(plan(p, c, &part));
        any = c == node->first ? part : fk_xquery_or(any, part);
    }
    *out = any;
    any = NULL;
done:
    fk_xquery_free(&any);
    return st;
}

enum fk_status fk_query_plan_for(const struct fk_q_node *node, int zone_minutes,
                                 const char *const *domains, struct fk_xquery **out,
                                 struct fk_query_fault *fault, struct fk_err *err) {
    struct fk_query__planner p = {zone_minutes, domains, fault, err};
    struct fk_xquery *whole = NULL;
    enum fk_status st = plan(&p, node, &whole);
    if (st == FK_OK && whole == NULL)
        st = fk_fail(err, FK_NOMEM, "out of memory for a query");
    if (st == FK_OK)
        *out = whole;
    return st;
}

enum fk_status fk_query_plan(const struct fk_q_node *node, int zone_minutes, struct fk_xquery **out,
                             struct fk_query_fault *fault, struct fk_err *err) {
    return fk_query_plan_for(node, zone_minutes, NULL, out, fault, err);
}

enum fk_status fk_query_plan_person(const char *person, struct fk_xquery **out,
                                    struct fk_err *err) {
    struct fk_query_fault fault;
    struct fk_q_node node = {.kind = FK_Q_TEXT,
                             .field = FK_F_PARTICIPANTS,
                             .text = person,
                             .len = strlen(person),
                             .byte = 1,
                             .character = 1};
    return fk_query_plan(&node, 0, out, &fault, err);
}
