/* scope.c - see scope.h. */
#include "search/scope.h"
#include "indexer/index.h"
#include "search/query_plan.h"

#include <stdio.h>

/* Known of a message whatever could be read of its text. */
static bool field_is_exact(enum fk_q_field field) {
    switch (field) {
    case FK_F_FROM:
    case FK_F_TO:
    case FK_F_CC:
    case FK_F_BCC:
    case FK_F_VIA:
    case FK_F_ENVFROM:
    case FK_F_ENVTO:
    case FK_F_PARTICIPANTS:
    case FK_F_MSGID:
    case FK_F_UNSEARCHABLE:
    case FK_F_DATE:
    case FK_F_RECEIVED:
    case FK_F_SIZE:
    case FK_F_THREAD:
        return true;
    default:
        return false;
    }
}

static bool is_exact(const struct fk_q_node *node) {
    if (node->first == NULL)
        return node->kind == FK_Q_ALL || field_is_exact(node->field);
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next)
        if (!is_exact(c))
            return false;
    return true;
}

/* Nothing but when it was received, and how large it is: known without its header. */
static bool is_without_header(const struct fk_q_node *node) {
    if (node->first == NULL)
        return node->kind == FK_Q_ALL || node->kind == FK_Q_SIZE ||
               (node->kind == FK_Q_TIME && node->field == FK_F_RECEIVED);
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next)
        if (!is_without_header(c))
            return false;
    return true;
}

static struct fk_xquery *flag(const char *name) {
    char term[48];
    const int n = snprintf(term, sizeof term, FK_P_FLAG "%s", name);
    return fk_xquery_term(term, (size_t)n);
}

/* The header fields may not all have been read. */
static struct fk_xquery *unsure_of_header(void) {
    struct fk_xquery *any = flag("partial:headers");
    any = fk_xquery_or(any, flag("partial:time"));
    any = fk_xquery_or(any, flag("partial:crash"));
    return fk_xquery_or(any, flag("partial:content"));
}

struct parts {
    struct fk_xquery *sure, *by_header; /* each a conjunction; NULL while there is none */
};

static void conjoin(struct fk_xquery **all, struct fk_xquery *one, bool is_first) {
    *all = is_first ? one : fk_xquery_and(*all, one);
}

static enum fk_status part_add(const struct fk_scope *s, const struct fk_q_node *node,
                               struct parts *p, struct fk_query_fault *fault, struct fk_err *err) {
    struct fk_xquery *one = NULL;
    if (!is_exact(node))
        return FK_OK;
    enum fk_status st = fk_query_plan(node, s->zone_minutes, &one, fault, err);
    if (st == FK_OK && is_without_header(node))
        conjoin(&p->sure, one, p->sure == NULL);
    else if (st == FK_OK)
        conjoin(&p->by_header, one, p->by_header == NULL);
    return st;
}

enum fk_status fk_scope_missed(const struct fk_scope *s, struct fk_xquery **out,
                               struct fk_query_fault *fault, struct fk_err *err) {
    struct parts p = {flag("partial"), s->user};
    enum fk_status st = FK_OK;
    if (s->root->kind == FK_Q_AND)
        for (const struct fk_q_node *c = s->root->first; c != NULL; c = c->next)
            FK_TRY(part_add(s, c, &p, fault, err));
    else
        FK_TRY(part_add(s, s->root, &p, fault, err));
    conjoin(&p.sure, fk_query_plan_received(s->since_ms, s->until_ms), false);
    if (p.by_header != NULL) {
        conjoin(&p.sure, fk_xquery_or(p.by_header, unsure_of_header()), false);
        p.by_header = NULL;
    }
    *out = fk_xquery_and_not(p.sure, fk_xquery_copy(s->whole));
    p.sure = NULL;
    if (*out == NULL)
        st = fk_fail(err, FK_NOMEM, "out of memory for a query");
done:
    fk_xquery_free(&p.sure);
    fk_xquery_free(&p.by_header);
    return st;
}

static bool any_leaf(const struct fk_q_node *node, bool (*is)(enum fk_q_field field)) {
    bool found = node->first == NULL && is(node->field);
    for (const struct fk_q_node *c = node->first; c != NULL && !found; c = c->next)
        found = any_leaf(c, is);
    return found;
}

static bool field_is_of_facts(enum fk_q_field field) {
    return field == FK_F_DKIM || field == FK_F_AUTH || field == FK_F_DELIVERY;
}

bool fk_scope_needs_facts(const struct fk_q_node *root) {
    return any_leaf(root, field_is_of_facts);
}

static bool field_is_related(enum fk_q_field field) {
    return field == FK_F_THREAD || field == FK_F_SIMILAR;
}

bool fk_scope_is_related(const struct fk_q_node *root) {
    return any_leaf(root, field_is_related);
}
