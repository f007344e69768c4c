/* scope.c - see scope.h. */
#include "search/scope.h"
#include "indexer/text/prefixes.h"
#include "search/query_plan.h"
#include "search/query_priv.h"

#include <stdio.h>
#include <string.h>

/* What can be told for sure with all of a part of the query. */
static enum fk_query__known known(const struct fk_q_node *node) {
    enum fk_query__known least = KNOWN_ALWAYS;
    if (node->first == NULL)
        return fk_query__known(node);
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next) {
        const enum fk_query__known one = known(c);
        least = one < least ? one : least;
    }
    return least;
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

/* Its header fields have characters that mean nothing, or may have. */
static struct fk_xquery *unsure_of_names(void) {
    return fk_xquery_or(unsure_of_header(), flag("partial:charset"));
}

/* Of each sureness a conjunction. */
struct parts {
    struct fk_xquery *all[KNOWN_ALWAYS + 1];
    bool has[KNOWN_ALWAYS + 1];
};

static void part_add(struct parts *p, enum fk_query__known known, struct fk_xquery *one) {
    p->all[known] = p->has[known] ? fk_xquery_and(p->all[known], one) : one;
    p->has[known] = true;
}

static enum fk_status part_plan(const struct fk_scope *s, const struct fk_q_node *node,
                                struct parts *p, struct fk_query_fault *fault, struct fk_err *err) {
    struct fk_xquery *one = NULL;
    if (known(node) == KNOWN_NEVER)
        return FK_OK;
    enum fk_status st = fk_query_plan_for(node, s->zone_minutes, s->domains, &one, fault, err);
    if (st == FK_OK)
        part_add(p, known(node), one);
    return st;
}

/* Whoever it was narrowed to is asked for as by participants:. */
static enum fk_status user_plan(const struct fk_scope *s, struct parts *p, struct fk_err *err) {
    const struct fk_q_node node = {
        .kind = FK_Q_TEXT, .field = FK_F_PARTICIPANTS, .text = s->user, .len = strlen(s->user)};
    struct fk_xquery *one = NULL;
    enum fk_status st = fk_query_plan_person(s->user, &one, err);
    if (st == FK_OK)
        part_add(p, known(&node), one);
    return st;
}

/* What is known for sure, or would be if the message could be read. */
static void part_soften(struct parts *p, enum fk_query__known known,
                        struct fk_xquery *(*unsure)(void)) {
    if (!p->has[known])
        return;
    struct fk_xquery *either = fk_xquery_or(p->all[known], unsure());
    p->all[known] = NULL;
    part_add(p, KNOWN_ALWAYS, either);
}

enum fk_status fk_scope_missed(const struct fk_scope *s, struct fk_xquery **out,
                               struct fk_query_fault *fault, struct fk_err *err) {
    struct parts p = {.all = {NULL}};
    enum fk_status st = FK_OK;
    part_add(&p, KNOWN_ALWAYS, flag("partial"));
    part_add(&p, KNOWN_ALWAYS, fk_query_plan_received(s->since_ms, s->until_ms));
    if (s->user != NULL)
        FK_TRY(user_plan(s, &p, err));
    if (s->root->kind == FK_Q_AND)
        for (const struct fk_q_node *c = s->root->first; c != NULL; c = c->next)
            FK_TRY(part_plan(s, c, &p, fault, err));
    else
        FK_TRY(part_plan(s, s->root, &p, fault, err));
    part_soften(&p, KNOWN_HEADER, unsure_of_header);
    part_soften(&p, KNOWN_NAMES, unsure_of_names);
    *out = fk_xquery_and_not(p.all[KNOWN_ALWAYS], fk_xquery_copy(s->whole));
    p.all[KNOWN_ALWAYS] = NULL;
    if (*out == NULL)
        st = fk_fail(err, FK_NOMEM, "out of memory for a query");
done:
    for (size_t i = 0; i <= KNOWN_ALWAYS; i++)
        fk_xquery_free(&p.all[i]);
    return st;
}

bool fk_scope_goes_by(const struct fk_q_node *root, const char *what) {
    const char *fact = root->first == NULL ? fk_query__fact(root->field) : NULL;
    bool found = fact != NULL && strcmp(fact, what) == 0;
    for (const struct fk_q_node *c = root->first; c != NULL && !found; c = c->next)
        found = fk_scope_goes_by(c, what);
    return found;
}

bool fk_scope_is_related(const struct fk_q_node *root) {
    bool found = root->first == NULL && fk_query__is_related(root->field);
    for (const struct fk_q_node *c = root->first; c != NULL && !found; c = c->next)
        found = fk_scope_is_related(c);
    return found;
}

bool fk_scope_has_not(const struct fk_q_node *root) {
    bool found = root->kind == FK_Q_NOT;
    for (const struct fk_q_node *c = root->first; c != NULL && !found; c = c->next)
        found = fk_scope_has_not(c);
    return found;
}
