/* query_direction.c - direction: from us or not, to us or not, to others or not. Every message is
 * one of the four. */
#include "base/arena.h"
#include "indexer/text/prefixes.h"
#include "indexer/text/terms.h"
#include "search/query_plan_priv.h"

/* Our domains as the index has them. */
struct ours {
    struct fk_arena *arena;
    const char **list;
    size_t count;
};

static enum fk_status ours_read(const struct fk_query__planner *p, struct ours *out) {
    enum fk_status st = FK_OK;
    struct fk_buf folded = FK_BUF_INIT;
    size_t n = 0;
    while (p->domains[n] != NULL)
        n++;
    out->arena = fk_arena_new(0);
    out->list = out->arena ? fk_arena_alloc(out->arena, n * sizeof *out->list) : NULL;
    if (out->list == NULL)
        return fk_query__out_of_memory(p);
    for (; out->count < n; out->count++) {
        const char *domain = p->domains[out->count];
        fk_buf_reset(&folded);
        FK_TRY(fk_terms_of_address(domain, strlen(domain), &folded, p->err));
        out->list[out->count] = fk_arena_copy(out->arena, (const char *)folded.data, folded.len);
        if (folded.failed || out->list[out->count] == NULL)
            FK_TRY(fk_query__out_of_memory(p));
    }
done:
    fk_buf_free(&folded);
    return st;
}

static struct fk_xquery *any_of(const struct ours *ours, const char *prefix) {
    struct fk_xquery *any = NULL;
    for (size_t i = 0; i < ours->count; i++) {
        struct fk_xquery *one = fk_query__term(prefix, "", ours->list[i], strlen(ours->list[i]));
        any = i ? fk_xquery_or(any, one) : one;
    }
    return any;
}

static struct fk_xquery *direction_query(const struct ours *ours, const char *which) {
    struct fk_xquery *of = any_of(ours, FK_P_OF_DOMAIN);
    if (strcmp(which, "in") == 0)
        return fk_xquery_and_not(any_of(ours, FK_P_TO_DOMAIN), of);
    if (strcmp(which, "other") == 0)
        return fk_xquery_and_not(fk_xquery_all(), fk_xquery_or(of, any_of(ours, FK_P_TO_DOMAIN)));
    struct fk_xquery *outside = fk_xquery_outside(FK_SLOT_TO_DOMAINS, ours->list, ours->count);
    return strcmp(which, "out") == 0 ? fk_xquery_and(of, outside) : fk_xquery_and_not(of, outside);
}

enum fk_status fk_query__plan_direction(const struct fk_query__planner *p,
                                        const struct fk_q_node *node, struct fk_xquery **out) {
    struct ours ours = {NULL, NULL, 0};
    if (p->domains == NULL || p->domains[0] == NULL)
        return fk_query_blame(node, p->fault, p->err,
                              "name your domains in fumikura.conf: domains = {\"example.co.jp\"}",
                              "which domains are yours is not known, so nothing has a direction");
    enum fk_status st = ours_read(p, &ours);
    if (st == FK_OK)
        *out = direction_query(&ours, node->text);
    fk_arena_free(&ours.arena);
    return st;
}
