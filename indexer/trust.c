/* trust.c - see trust_priv.h. */
#include "indexer/trust_priv.h"
#include "archiver/vault/fields.h"
#include "indexer/reading/border_priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_listed(char *const *list, const char *name) {
    for (; list && *list; list++)
        if (strcasecmp(*list, name) == 0)
            return true;
    return false;
}

struct judging {
    const struct fk_trust *trust;
    struct fk_buf lines; /* that count once all our Received fields were seen */
    struct fk_seen {
        char by[FK_BORDER_WORD_MAX], name[16];
    } seen[8]; /* spam and virus: the topmost counts */
    size_t seen_count;
};

static bool is_first(struct judging *j, const char *by, const char *verdict) {
    struct fk_seen s;
    snprintf(s.by, sizeof s.by, "%s", by);
    snprintf(s.name, sizeof s.name, "%.*s", (int)strcspn(verdict, "="), verdict);
    for (size_t i = 0; i < j->seen_count; i++)
        if (strcmp(j->seen[i].by, s.by) == 0 && strcmp(j->seen[i].name, s.name) == 0)
            return false;
    if (j->seen_count < sizeof j->seen / sizeof *j->seen)
        j->seen[j->seen_count++] = s;
    return true;
}

static void verdict_keep(struct judging *j, const char *by, const char *verdict) {
    struct fk_buf line = FK_BUF_INIT;
    fk_buf_printf(&line, "%s %s", by, verdict);
    fk_fields_add(&j->lines, "verdict", line.data, line.len);
    j->lines.failed |= line.failed;
    fk_buf_free(&line);
}

/* ID VERDICT, which counts where that name is listed. */
static void results_judge(struct judging *j, char *id) {
    char *blank = strchr(id, ' ');
    if (!blank)
        return;
    *blank = 0;
    if (is_listed(j->trust->authserv, id))
        verdict_keep(j, id, blank + 1);
}

/* A filter's field is the word of the host that is believed first. No filter takes fields of ARC
 * out that came from outside, so they count above our Received fields only, whatever the
 * configuration says. */
static void line_judge(struct judging *j, char *text, bool is_below) {
    static const char results[] = "results ", arc[] = "arc ", field[] = "field ";
    if (strncmp(text, results, sizeof results - 1) == 0) {
        results_judge(j, text + sizeof results - 1);
    } else if (strncmp(text, arc, sizeof arc - 1) == 0) {
        if (!is_below)
            results_judge(j, text + sizeof arc - 1);
    } else if (strncmp(text, field, sizeof field - 1) == 0) {
        const char *by = j->trust->hosts && *j->trust->hosts ? *j->trust->hosts : "-";
        if (is_first(j, by, text + sizeof field - 1))
            verdict_keep(j, by, text + sizeof field - 1);
    }
}

void fk_trust__judge(const struct fk_trust *trust, const char *mta, const void *lines, size_t len,
                     struct fk_buf *out) {
    static const char received[] = "received ";
    struct fk_fields it = fk_fields_begin(lines, len);
    struct fk_buf value = FK_BUF_INIT;
    struct judging j = {.trust = trust};
    unsigned hops = 0;
    bool stop = !trust || !trust->hops;
    if (!stop && mta)
        stop = !is_listed(trust->hosts, mta) || (++hops == trust->hops && !trust->below);
    for (struct fk_field f; !stop && fk_fields_next(&it, &f);) {
        if (!fk_field_is(&f, "border"))
            continue;
        fk_buf_reset(&value);
        fk_field_value(&f, &value);
        char *text = (char *)(uintptr_t)fk_buf_cstr(&value);
        if (strncmp(text, received, sizeof received - 1) == 0) {
            if (hops == trust->hops || !is_listed(trust->hosts, text + sizeof received - 1))
                break;
            stop = ++hops == trust->hops && !trust->below;
        } else if (hops == trust->hops && strcmp(text, "other") == 0) {
            break; /* what is directly below ends here */
        } else {
            line_judge(&j, text, hops == trust->hops);
        }
    }
    if (trust && trust->hops && hops == trust->hops)
        fk_buf_add(out, j.lines.data, j.lines.len);
    out->failed |= j.lines.failed || value.failed;
    fk_buf_free(&j.lines);
    fk_buf_free(&value);
}
