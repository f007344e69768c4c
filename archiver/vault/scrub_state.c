/* scrub_state.c - DIR/run/scrub: lines "segment: ..." and "finding: ..." (docs/scrub.md). A file
 * that is lost or not of the form costs a pass over all segments, and a finding that is told again.
 */
#include "archiver/vault/fields.h"
#include "archiver/vault/layout_priv.h"
#include "archiver/vault/scrub.h"
#include "base/atomic_file.h"
#include "base/io.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_MAX = 64 << 20 };

void fk_scrub_state_free(struct fk_scrub_state *s) {
    free(s->segments);
    memset(s, 0, sizeof *s);
}

struct fk_scrub_segment *fk_scrub_state_row(struct fk_scrub_state *s, uint64_t number) {
    size_t i = s->segment_count;
    while (i > 0 && s->segments[i - 1].number >= number)
        i--;
    if (i < s->segment_count && s->segments[i].number == number)
        return &s->segments[i];
    if (s->segment_count == s->segment_cap) {
        size_t cap = 2 * s->segment_cap + 16;
        struct fk_scrub_segment *more = realloc(s->segments, cap * sizeof *more);
        if (!more)
            return NULL;
        s->segments = more;
        s->segment_cap = cap;
    }
    memmove(s->segments + i + 1, s->segments + i, (s->segment_count++ - i) * sizeof *s->segments);
    s->segments[i] = (struct fk_scrub_segment){.number = number};
    return &s->segments[i];
}

int64_t fk_scrub_state_oldest_ms(const struct fk_scrub_state *s) {
    int64_t oldest = 0;
    for (size_t i = 0; i < s->segment_count; i++) {
        const struct fk_scrub_segment *g = &s->segments[i];
        int64_t at = g->verified_ms ? g->verified_ms : g->stored_ms;
        if (at && (!oldest || at < oldest))
            oldest = at;
    }
    return oldest;
}

enum fk_status fk_scrub_state_write(const char *dir, const struct fk_scrub_state *s,
                                    struct fk_err *err) {
    char path[PATH_MAX], line[640];
    struct fk_buf text = FK_BUF_INIT;
    for (size_t i = 0; i < s->segment_count; i++) {
        const struct fk_scrub_segment *g = &s->segments[i];
        snprintf(line, sizeof line,
                 "%" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %" PRId64 " %" PRId64,
                 g->number, g->stored_ms, g->verified_ms, g->began_ms, g->next, g->seen[0],
                 g->seen[1]);
        fk_fields_add_str(&text, "segment", line);
    }
    for (size_t i = 0; i < s->finding_count; i++) {
        const struct fk_scrub_finding *f = &s->findings[i];
        snprintf(line, sizeof line, "%" PRIu64 " %" PRIu64 " %" PRId64 " %" PRIu64 " %s %s",
                 f->what.segment, f->what.seq, f->time_ms, f->fact, f->what.check, f->what.text);
        fk_fields_add_str(&text, "finding", line);
    }
    fk_layout__path(path, dir, "run/scrub");
    enum fk_status st = text.failed ? fk_fail(err, FK_NOMEM, "no memory for %s", path)
                                    : fk_atomic_put(path, 0644, text.data, text.len, err);
    fk_buf_free(&text);
    return st;
}

static bool segment_parse(struct fk_scrub_state *s, const char *text) {
    struct fk_scrub_segment g;
    if (sscanf(text,
               "%" SCNu64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNu64 " %" SCNd64 " %" SCNd64,
               &g.number, &g.stored_ms, &g.verified_ms, &g.began_ms, &g.next, &g.seen[0],
               &g.seen[1]) != 7 ||
        !g.number)
        return false;
    struct fk_scrub_segment *row = fk_scrub_state_row(s, g.number);
    if (row)
        *row = g;
    return row != NULL;
}

static bool finding_parse(struct fk_scrub_state *s, const char *text) {
    struct fk_scrub_finding f = {.fact = 0};
    int at = 0;
    if (s->finding_count == FK_SCRUB_FINDINGS_MAX ||
        sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNu64 " %31s %n", &f.what.segment,
               &f.what.seq, &f.time_ms, &f.fact, f.what.check, &at) != 5 ||
        !at)
        return false;
    snprintf(f.what.text, sizeof f.what.text, "%s", text + at);
    s->findings[s->finding_count++] = f;
    return true;
}

enum fk_status fk_scrub_state_read(const char *dir, struct fk_scrub_state *out,
                                   struct fk_err *err) {
    char path[PATH_MAX];
    struct fk_buf text = FK_BUF_INIT, value = FK_BUF_INIT;
    bool good = true;
    fk_layout__path(path, dir, "run/scrub");
    enum fk_status st = fk_read_file(path, STATE_MAX, &text, err);
    struct fk_fields it = fk_fields_begin(text.data, text.len);
    for (struct fk_field f; st == FK_OK && good && fk_fields_next(&it, &f);) {
        fk_buf_reset(&value);
        fk_field_value(&f, &value);
        if (fk_field_is(&f, "segment"))
            good = segment_parse(out, fk_buf_cstr(&value));
        else if (fk_field_is(&f, "finding"))
            good = finding_parse(out, fk_buf_cstr(&value));
    }
    if (st == FK_OK && (!good || it.bad))
        st = fk_fail(err, FK_CORRUPT, "%s: not of the form", path);
    if (st != FK_OK)
        fk_scrub_state_free(out);
    fk_buf_free(&text);
    fk_buf_free(&value);
    return st;
}
