/* policy.c - checks the classes and gives them one way of being written. */
#include "retention/policy.h"
#include "archiver/vault/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_name(const char *text, size_t size) {
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n > 0 && n < size && text[n] == 0;
}

static enum fk_status class_make(const struct fk_class_text *text, struct fk_class *out,
                                 struct fk_err *err) {
    const char *from = text->from && *text->from ? text->from : "received";
    const char *source = text->source ? text->source : "";
    if (!text->name || !is_name(text->name, sizeof out->name))
        return fk_fail(err, FK_INVALID,
                       "class \"%s\": a name is up to %zu of a-z, 0-9 and - (it stays in the "
                       "ledger for ever)",
                       text->name ? text->name : "", sizeof out->name - 1);
    if (!text->period || !fk_period_parse(text->period, &out->period))
        return fk_fail(err, FK_INVALID,
                       "class \"%s\": period \"%s\" is not an ISO 8601 period such as P7Y, P5Y2M "
                       "or P30D",
                       text->name, text->period ? text->period : "");
    out->fiscal = strcmp(from, "fiscal-year-end") == 0;
    if (!out->fiscal && strcmp(from, "received") != 0)
        return fk_fail(err, FK_INVALID,
                       "class \"%s\": from is \"received\" or \"fiscal-year-end\", not \"%s\"",
                       text->name, from);
    if (*source && !is_name(source, sizeof out->source))
        return fk_fail(err, FK_INVALID, "class \"%s\": \"%s\" is no name of a source ([a-z0-9-]+)",
                       text->name, source);
    snprintf(out->name, sizeof out->name, "%s", text->name);
    snprintf(out->source, sizeof out->source, "%s", source);
    return FK_OK;
}

enum fk_status fk_policy_make(const struct fk_class_text *classes, size_t count,
                              const char *fiscal_year_end, int zone_minutes, struct fk_policy **out,
                              struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_policy *p = calloc(1, sizeof *p);
    if (!p || !(p->classes = calloc(count ? count : 1, sizeof *p->classes))) {
        st = fk_fail(err, FK_NOMEM, "no memory for %zu retention classes", count);
        goto done;
    }
    p->zone_minutes = zone_minutes;
    if (!fk_month_day_parse(fiscal_year_end, &p->fiscal_month, &p->fiscal_day)) {
        st = fk_fail(err, FK_INVALID, "fiscal-year-end \"%s\" is not a month and day such as 03-31",
                     fiscal_year_end);
        goto done;
    }
    for (; p->count < count; p->count++) {
        FK_TRY(class_make(&classes[p->count], &p->classes[p->count], err));
        for (size_t i = 0; i < p->count; i++)
            if (strcmp(p->classes[i].name, p->classes[p->count].name) == 0) {
                st = fk_fail(err, FK_INVALID, "class \"%s\" is there twice", p->classes[i].name);
                goto done;
            }
    }
    *out = p;
    p = NULL;
done:
    fk_policy_free(&p);
    return st;
}

void fk_policy_free(struct fk_policy **policy) {
    if (*policy) {
        free((*policy)->classes);
        free(*policy);
    }
    *policy = NULL;
}

const struct fk_class *fk_policy_class(const struct fk_policy *policy, const char *source) {
    for (size_t i = 0; i < policy->count; i++) {
        const struct fk_class *c = &policy->classes[i];
        if (!*c->source || strcmp(c->source, source) == 0)
            return c;
    }
    return NULL;
}

void fk_policy_text(const struct fk_policy *policy, struct fk_buf *out) {
    char line[200], period[FK_PERIOD_SIZE];
    int zone = policy->zone_minutes;
    snprintf(line, sizeof line, "%c%02d:%02d", zone < 0 ? '-' : '+', abs(zone) / 60,
             abs(zone) % 60);
    fk_fields_add_str(out, "zone", line);
    snprintf(line, sizeof line, "%02u-%02u", policy->fiscal_month, policy->fiscal_day);
    fk_fields_add_str(out, "fiscal-year-end", line);
    for (size_t i = 0; i < policy->count; i++) {
        const struct fk_class *c = &policy->classes[i];
        fk_period_format(period, &c->period);
        snprintf(line, sizeof line, "%s %s from %s of %s", c->name, period,
                 c->fiscal ? "fiscal-year-end" : "received", *c->source ? c->source : "*");
        fk_fields_add_str(out, "class", line);
    }
}
