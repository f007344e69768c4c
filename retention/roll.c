/* roll.c - from the lines of the ledger to what is kept, held and gone. */
#include "retention/roll.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum fk_status bad_entry(const struct fk_entry *e, const char *what, struct fk_err *err) {
    return fk_fail(err, FK_CORRUPT, "entry %llu (%s): %s", (unsigned long long)e->seq, e->kind,
                   what);
}

static enum fk_status no_memory(struct fk_err *err) {
    return fk_fail(err, FK_NOMEM, "no memory for what the ledger says");
}

/* Room for one more element of that size in *array. */
static bool grow(void *array, size_t count, size_t *cap, size_t size) {
    if (count < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 64;
    void **at = array, *data = realloc(*at, more * size);
    if (!data)
        return false;
    *at = data;
    *cap = more;
    return true;
}

static const struct fk_origin *origin_of(struct fk_roll *b, const char *source,
                                         const struct fk_period *floor) {
    for (size_t i = 0; i < b->origin_count; i++)
        if (strcmp(b->origins[i]->source, source) == 0 &&
            memcmp(&b->origins[i]->floor, floor, sizeof *floor) == 0)
            return b->origins[i];
    struct fk_origin *o = calloc(1, sizeof *o);
    if (!o || !grow(&b->origins, b->origin_count, &b->origin_cap, sizeof(struct fk_origin *))) {
        free(o);
        return NULL;
    }
    snprintf(o->source, sizeof o->source, "%s", source);
    o->floor = *floor;
    return b->origins[b->origin_count++] = o;
}

static enum fk_status take_mail(struct fk_roll *b, const struct fk_entry *e, struct fk_err *err) {
    char source[64], floor[FK_PERIOD_SIZE];
    struct fk_period period;
    if (!fk_entry_field(e, "source", source, sizeof source))
        return bad_entry(e, "no source of up to 63 letters", err);
    if (!fk_entry_field(e, "floor", floor, sizeof floor) || !fk_period_parse(floor, &period))
        return bad_entry(e, "its floor is no period", err);
    const struct fk_origin *origin = origin_of(b, source, &period);
    if (!origin || !grow(&b->mails, b->mail_count, &b->mail_cap, sizeof *b->mails))
        return no_memory(err);
    b->mails[b->mail_count++] = (struct fk_mail_record){e->seq, b->latest_ms, origin};
    return FK_OK;
}

static enum fk_status take_disposal(struct fk_roll *b, const struct fk_entry *e,
                                    struct fk_err *err) {
    size_t len;
    const char *of = fk_entry_field_at(e, "of", &len);
    struct fk_disposed d = {.seq = e->seq, .time_ms = e->time_ms, .policy_seq = b->policy_seq};
    if (!of || !fk_seqs_parse(of, len, (size_t)e->seq, &d.seqs))
        return bad_entry(e, "its list of messages cannot be read", err);
    (void)fk_entry_number(e, "basis", &d.basis);
    (void)fk_entry_field(e, "rule", d.rule, sizeof d.rule);
    (void)fk_entry_field(e, "c256", d.c256, sizeof d.c256);
    bool of_facts = strcmp(d.rule, FK_RULE_FACTS) == 0;
    for (size_t i = 0; i < d.seqs.count; i++)
        fk_seqs_add(of_facts ? &b->facts_disposed : &b->disposed, d.seqs.at[i]);
    if (of_facts) {
        fk_seqs_free(&d.seqs);
        return b->facts_disposed.failed ? no_memory(err) : FK_OK;
    }
    if (b->disposed.failed ||
        !grow(&b->disposals, b->disposal_count, &b->disposal_cap, sizeof *b->disposals)) {
        fk_seqs_free(&d.seqs);
        return no_memory(err);
    }
    b->disposals[b->disposal_count++] = d;
    return FK_OK;
}

/* The rules of a policy body: all of it but who wrote them. */
static enum fk_status take_policy(struct fk_roll *b, const struct fk_entry *e, const void *body,
                                  size_t len, struct fk_err *err) {
    struct fk_fields it = fk_fields_begin(body, len);
    struct fk_field f;
    fk_buf_reset(&b->policy);
    while (fk_fields_next(&it, &f))
        if (!fk_field_is(&f, "person"))
            fk_buf_printf(&b->policy, "%.*s: %.*s\n", (int)f.name_len, f.name, (int)f.value_len,
                          f.value);
    if (it.bad)
        return bad_entry(e, "its rules cannot be read", err);
    b->policy_seq = e->seq;
    return b->policy.failed ? no_memory(err) : FK_OK;
}

static enum fk_status take_mark(struct fk_roll *b, const struct fk_entry *e, struct fk_err *err) {
    char what[32], trusted[32];
    uint64_t up;
    if (!fk_entry_field(e, "what", what, sizeof what) ||
        (strcmp(what, "clock") != 0 && strcmp(what, "accept-clock") != 0))
        return FK_OK;
    struct fk_clock_mark mark = {.at.wall_ms = e->time_ms};
    if (!fk_entry_field(e, "trusted", trusted, sizeof trusted) ||
        !fk_time_parse(trusted, &mark.trusted_ms) || !fk_entry_number(e, "up", &up) ||
        !fk_entry_field(e, "boot", mark.at.boot, sizeof mark.at.boot))
        return bad_entry(e, "this mark of the clock cannot be read", err);
    mark.at.up_ms = (int64_t)up;
    if (strcmp(mark.at.boot, "none") == 0)
        mark.at.boot[0] = 0;
    if (strcmp(what, "accept-clock") == 0)
        b->latest_ms = e->time_ms;
    b->clock = mark;
    return FK_OK;
}

/* Which messages a copy may have. Tapes count in first and last; packages may list them. */
static enum fk_status copy_read(const struct fk_entry *e, struct fk_package *p,
                                struct fk_err *err) {
    size_t len;
    const char *of = fk_entry_field_at(e, "of", &len);
    *p = (struct fk_package){.seq = e->seq, .time_ms = e->time_ms};
    if (!of) {
        if (!fk_entry_number(e, "first", &p->first) || !fk_entry_number(e, "last", &p->last))
            return bad_entry(e, "does not say which messages it took", err);
        return FK_OK;
    }
    if (!fk_seqs_parse(of, len, (size_t)e->seq, &p->of) || p->of.count == 0) {
        fk_seqs_free(&p->of);
        return bad_entry(e, "its list of messages cannot be read", err);
    }
    p->first = p->of.at[0];
    p->last = p->of.at[p->of.count - 1];
    return FK_OK;
}

static enum fk_status take_export(struct fk_roll *b, const struct fk_entry *e, struct fk_err *err) {
    char what[32];
    struct fk_package p;
    if (!fk_entry_field(e, "what", what, sizeof what))
        return FK_OK;
    bool tape = strcmp(what, "tape") == 0;
    if (!tape && strcmp(what, "package") != 0)
        return FK_OK;
    struct fk_package **list = tape ? &b->tapes : &b->packages;
    size_t *count = tape ? &b->tape_count : &b->package_count;
    size_t *cap = tape ? &b->tape_cap : &b->package_cap;
    enum fk_status st = copy_read(e, &p, err);
    if (st != FK_OK)
        return st;
    if (!grow(list, *count, cap, sizeof **list)) {
        fk_seqs_free(&p.of);
        return no_memory(err);
    }
    (*list)[(*count)++] = p;
    return FK_OK;
}

static enum fk_status take_key(struct fk_roll *b, const struct fk_entry *e, struct fk_err *err) {
    char what[32];
    if (!fk_entry_field(e, "what", what, sizeof what) || strcmp(what, "escrow") != 0)
        return FK_OK;
    if (!grow(&b->bundles, b->bundle_count, &b->bundle_cap, sizeof *b->bundles))
        return no_memory(err);
    b->bundles[b->bundle_count++] = (struct fk_bundle){e->seq, e->time_ms, 0};
    return FK_OK;
}

/* Any fact with a content about messages; what says that a copy of keys is gone is about that copy,
 * and stays. Kinds that later versions bring are of the first sort, or have no content. */
static enum fk_status take_later_fact(struct fk_roll *b, const struct fk_entry *e,
                                      struct fk_err *err) {
    char what[32];
    size_t of_len, len;
    const char *of = fk_entry_field_at(e, "of", &of_len);
    struct fk_later_fact f = {.seq = e->seq};
    if (!of || !fk_entry_field_at(e, "c256", &len) ||
        (fk_entry_field(e, "what", what, sizeof what) && strcmp(what, "destroyed") == 0))
        return FK_OK;
    if (!fk_seqs_parse(of, of_len, (size_t)e->seq, &f.of) ||
        !grow(&b->facts, b->fact_count, &b->fact_cap, sizeof *b->facts)) {
        fk_seqs_free(&f.of);
        return FK_OK; /* of another form: passed over, as what is unknown is */
    }
    b->facts[b->fact_count++] = f;
    (void)err;
    return FK_OK;
}

/* A list of what the mail server in front rejected goes with no message: it is judged like one, by
 * the rules for its source. */
static bool is_rejected(const struct fk_entry *e) {
    char what[32];
    size_t len;
    return fk_entry_is(e, "fact") && fk_entry_field(e, "what", what, sizeof what) &&
           strcmp(what, "rejected") == 0 && fk_entry_field_at(e, "c256", &len);
}

static void take_fact(struct fk_roll *b, const struct fk_entry *e) {
    char what[32];
    uint64_t of;
    if (!fk_entry_field(e, "what", what, sizeof what) || strcmp(what, "destroyed") != 0 ||
        !fk_entry_number(e, "of", &of))
        return;
    for (size_t i = 0; i < b->bundle_count; i++)
        if (b->bundles[i].seq == of && !b->bundles[i].destroyed)
            b->bundles[i].destroyed = e->seq;
    for (size_t i = 0; i < b->package_count; i++)
        if (b->packages[i].seq == of && !b->packages[i].destroyed)
            b->packages[i].destroyed = e->seq;
}

enum fk_status fk_roll_take(struct fk_roll *b, const struct fk_entry *e, const void *body,
                            size_t len, struct fk_err *err) {
    if (e->time_ms > b->latest_ms)
        b->latest_ms = e->time_ms;
    if (fk_entry_is(e, "hold") || fk_entry_is(e, "release") || fk_entry_is(e, "class") ||
        fk_entry_is(e, "policy") || fk_entry_is(e, "key"))
        b->rules = e->seq;
    if (fk_entry_is(e, "mail"))
        return take_mail(b, e, err);
    if (fk_entry_is(e, "hold"))
        return fk_holds_add(&b->holds, e->seq, e->time_ms, body, len, (size_t)e->seq, err);
    if (fk_entry_is(e, "dispose"))
        return take_disposal(b, e, err);
    if (fk_entry_is(e, "policy"))
        return take_policy(b, e, body, len, err);
    if (fk_entry_is(e, "admin"))
        return take_mark(b, e, err);
    if (fk_entry_is(e, "export"))
        return take_export(b, e, err);
    if (fk_entry_is(e, "key"))
        return take_key(b, e, err);
    if (is_rejected(e))
        return take_mail(b, e, err);
    if (fk_entry_is(e, "fact")) {
        take_fact(b, e);
        return take_later_fact(b, e, err);
    }
    if (fk_entry_is(e, "class"))
        b->class_seq = e->seq;
    if (fk_entry_is(e, "genesis"))
        b->clock = (struct fk_clock_mark){e->time_ms, {e->time_ms, 0, ""}};
    if (fk_entry_is(e, "release")) {
        uint64_t of;
        if (!fk_entry_number(e, "of", &of))
            return bad_entry(e, "does not say which hold it releases", err);
        fk_holds_release(&b->holds, of, e->seq, e->time_ms);
    }
    return FK_OK;
}

static enum fk_status take_line(struct fk_roll *b, struct fk_lend *lend, const char *line,
                                size_t len, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_content body = {.fd = -1};
    struct fk_entry e;
    FK_TRY(fk_entry_read(line, len, &e, err));
    if (fk_entry_is(&e, "hold") || fk_entry_is(&e, "policy"))
        FK_TRY(fk_lend_content(lend, e.seq, 0, &body, err));
    FK_TRY(fk_roll_take(b, &e, body.bytes, body.len, err));
done:
    fk_content_free(&body);
    return st;
}

/* Messages that are disposed of leave the roll; what is left stays in order. */
static void drop_disposed(struct fk_roll *b) {
    size_t kept = 0;
    fk_seqs_sort(&b->disposed);
    fk_seqs_sort(&b->facts_disposed);
    for (size_t i = 0; i < b->mail_count; i++)
        if (!fk_seqs_has(&b->disposed, b->mails[i].seq))
            b->mails[kept++] = b->mails[i];
    b->mail_count = kept;
}

enum fk_status fk_roll_read(struct fk_lend *lend, struct fk_roll **out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_roll *b = calloc(1, sizeof *b);
    if (!b) {
        st = no_memory(err);
        goto done;
    }
    FK_TRY(fk_lend_head(lend, &b->head, err));
    for (uint64_t seq = 0; seq < b->head.next_seq;) {
        fk_buf_reset(&lines);
        FK_TRY(fk_lend_lines(lend, seq, &lines, err));
        const char *at = (const char *)lines.data, *end = at + lines.len;
        while (at < end && seq < b->head.next_seq) {
            const char *lf = memchr(at, '\n', (size_t)(end - at));
            size_t len = lf ? (size_t)(lf - at) + 1 : (size_t)(end - at);
            FK_TRY(take_line(b, lend, at, len, err));
            at += len;
            seq++;
        }
    }
    drop_disposed(b);
    *out = b;
    b = NULL;
done:
    fk_buf_free(&lines);
    fk_roll_free(&b);
    return st;
}

static void packages_free(struct fk_package *p, size_t count) {
    for (size_t i = 0; i < count; i++)
        fk_seqs_free(&p[i].of);
    free(p);
}

void fk_roll_free(struct fk_roll **roll) {
    struct fk_roll *b = *roll;
    if (!b)
        return;
    for (size_t i = 0; i < b->origin_count; i++)
        free(b->origins[i]);
    free(b->origins);
    free(b->mails);
    packages_free(b->packages, b->package_count);
    packages_free(b->tapes, b->tape_count);
    free(b->bundles);
    for (size_t i = 0; i < b->disposal_count; i++)
        fk_seqs_free(&b->disposals[i].seqs);
    free(b->disposals);
    fk_holds_free(&b->holds);
    for (size_t i = 0; i < b->fact_count; i++)
        fk_seqs_free(&b->facts[i].of);
    free(b->facts);
    fk_seqs_free(&b->facts_disposed);
    fk_seqs_free(&b->disposed);
    fk_buf_free(&b->policy);
    free(b);
    *roll = NULL;
}

const struct fk_mail_record *fk_roll_mail(const struct fk_roll *b, uint64_t seq) {
    size_t low = 0, high = b->mail_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (b->mails[mid].seq < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return low < b->mail_count && b->mails[low].seq == seq ? &b->mails[low] : NULL;
}

const struct fk_disposed *fk_roll_disposal(const struct fk_roll *b, uint64_t entry) {
    for (size_t i = 0; i < b->disposal_count; i++)
        if (b->disposals[i].seq == entry)
            return &b->disposals[i];
    return NULL;
}
