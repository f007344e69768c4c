/* provenance.c - see provenance.h. The lines are read once; facts are then sorted by address, so
 * that each person's stand in a row. */
#include "indexer/record/provenance.h"
#include "archiver/vault/fields.h"
#include "base/arena.h"
#include "base/clock.h"
#include "indexer/text/terms.h"

#include <stdlib.h>
#include <string.h>

struct kind {
    const char *line, *name;
};
static const struct kind kinds[FK_KNOWN_COUNT] = {
    [FK_KNOWN_HEADER_TO] = {"header-to", "header To"},
    [FK_KNOWN_HEADER_CC] = {"header-cc", "header Cc"},
    [FK_KNOWN_HEADER_BCC] = {"header-bcc", "header Bcc"},
    [FK_KNOWN_JOURNAL_TO] = {"journal-to", "journal To"},
    [FK_KNOWN_JOURNAL_CC] = {"journal-cc", "journal Cc"},
    [FK_KNOWN_JOURNAL_BCC] = {"journal-bcc", "journal Bcc"},
    [FK_KNOWN_JOURNAL_RECIPIENT] = {"journal-recipient", "journal Recipient"},
    [FK_KNOWN_RCPT_TO] = {"rcpt-to", "RCPT TO"},
    [FK_KNOWN_CARRIED_TO] = {"carried-to", "carried address"},
    [FK_KNOWN_MAIL_FROM] = {"mail-from", "MAIL FROM"},
    [FK_KNOWN_JOURNAL_SENDER] = {"sender", "journal Sender"},
    [FK_KNOWN_JOURNAL_BEHALF] = {"on-behalf-of", "journal On-Behalf-Of"},
};

const char *fk_known_from_name(enum fk_known_from from) {
    return kinds[from].name;
}

const char *fk_standing_name(enum fk_standing standing) {
    static const char *const names[] = {"open", "stated", "derived", "claimed", "none"};
    return names[standing];
}

static enum fk_status out_of_memory(struct fk_err *err) {
    return fk_fail(err, FK_NOMEM, "who had a message: out of memory");
}

struct reading {
    struct fk_provenance *p;
    struct fk_buf value, folded;
    bool carries;    /* the capture at hand has carried addresses */
    size_t at_facts; /* where its facts begin */
    struct fk_err *err;
};

static bool grow(void **array, size_t *cap, size_t item) {
    const size_t more = *cap ? 2 * *cap : 32;
    void *p = realloc(*array, more * item);
    if (!p)
        return false;
    *array = p;
    *cap = more;
    return true;
}

static const char *kept(struct reading *r, const char *text, size_t len) {
    return fk_arena_copy(r->p->arena, text, len);
}

static const struct fk_capture *capture_at_hand(const struct reading *r) {
    return r->p->capture_count ? &r->p->captures[r->p->capture_count - 1] : NULL;
}

/* RCPT TO is the archive's own address where the message that counts is another: seen only when all
 * lines of the capture are read. */
static void capture_end(struct reading *r) {
    const struct fk_capture *c = capture_at_hand(r);
    for (size_t i = r->at_facts; c && i < r->p->fact_count; i++) {
        struct fk_fact *f = &r->p->facts[i];
        const size_t n = strlen(f->folded);
        const bool is_ours = n > 8 && strcmp(f->folded + n - 8, ".invalid") == 0;
        const bool is_report = strcmp(c->kind, "plain") != 0;
        f->transport = (f->from == FK_KNOWN_RCPT_TO && (is_report || r->carries || is_ours)) ||
                       (f->from == FK_KNOWN_MAIL_FROM && strcmp(c->kind, "stated") == 0);
    }
    r->at_facts = r->p->fact_count;
    r->carries = false;
}

static enum fk_status capture_begin(struct reading *r) {
    struct fk_provenance *p = r->p;
    struct fk_capture c = {0};
    char time[FK_TIME_SIZE] = "", via[32] = "", kind[16] = "";
    unsigned long long seq;
    void *array = p->captures;
    capture_end(r);
    if (sscanf(fk_buf_cstr(&r->value), "%19llu %24s %31s %15s", &seq, time, via, kind) != 4 ||
        !fk_time_parse(time, &c.received_ms))
        return fk_fail(r->err, FK_CORRUPT, "a document of the index names no capture");
    if (p->capture_count == p->capture_cap && !grow(&array, &p->capture_cap, sizeof c))
        return out_of_memory(r->err);
    p->captures = array;
    c.seq = seq;
    c.via = kept(r, via, strlen(via));
    c.kind = kept(r, kind, strlen(kind));
    c.queue_id = "";
    p->captures[p->capture_count++] = c;
    return c.via && c.kind ? FK_OK : out_of_memory(r->err);
}

/* Parameters of SMTP stand behind a blank. */
static size_t path_length(enum fk_known_from from, const char *text, size_t len) {
    const bool has_parameters =
        from == FK_KNOWN_RCPT_TO || from == FK_KNOWN_MAIL_FROM || from == FK_KNOWN_CARRIED_TO;
    const char *blank = has_parameters && len ? memchr(text, ' ', len) : NULL;
    return blank ? (size_t)(blank - text) : len;
}

static enum fk_status folded_keep(struct reading *r, const char *text, size_t len,
                                  const char **out) {
    *out = "";
    if (len == 0)
        return FK_OK;
    fk_buf_reset(&r->folded);
    enum fk_status st = fk_terms_of_address(text, len, &r->folded, r->err);
    if (st == FK_OK && !(*out = kept(r, (const char *)r->folded.data, r->folded.len)))
        st = out_of_memory(r->err);
    return st;
}

static enum fk_status fact_add(struct reading *r, enum fk_known_from from) {
    struct fk_provenance *p = r->p;
    const struct fk_capture *c = capture_at_hand(r);
    const char *parts[4] = {"", "", "", ""};
    size_t lens[4] = {0};
    const char *at = fk_buf_cstr(&r->value), *end = at + r->value.len;
    for (size_t i = 0; i < 4 && at <= end; i++) {
        const char *tab = i < 3 ? memchr(at, '\t', (size_t)(end - at)) : NULL;
        parts[i] = at;
        lens[i] = (size_t)((tab ? tab : end) - at);
        at = tab ? tab + 1 : end + 1;
    }
    lens[0] = path_length(from, parts[0], lens[0]);
    const char *folded, *original_folded;
    enum fk_status st = folded_keep(r, parts[0], lens[0], &folded);
    if (st == FK_OK)
        st = folded_keep(r, parts[2], lens[2], &original_folded);
    if (st != FK_OK)
        return st;
    const bool is_direct = lens[1] == 6 && memcmp(parts[1], "direct", 6) == 0;
    const struct fk_fact f = {
        .from = from,
        .capture = c ? c->seq : 0,
        .address = kept(r, parts[0], lens[0]),
        .folded = folded,
        .original_folded = original_folded,
        .how = is_direct ? "" : kept(r, parts[1], lens[1]),
        .original = kept(r, parts[2], lens[2]),
        .name = kept(r, parts[3], lens[3]),
        .claimed = c && strcmp(c->kind, "claimed") == 0 && from != FK_KNOWN_RCPT_TO &&
                   from != FK_KNOWN_MAIL_FROM && from != FK_KNOWN_CARRIED_TO,
    };
    void *array = p->facts;
    if (!f.address || !f.how || !f.original || !f.name ||
        (p->fact_count == p->fact_cap && !grow(&array, &p->fact_cap, sizeof f)))
        return out_of_memory(r->err);
    p->facts = array;
    p->facts[p->fact_count++] = f;
    r->carries |= from == FK_KNOWN_CARRIED_TO;
    return FK_OK;
}

static enum fk_status text_keep(struct reading *r, const char **to) {
    if (!**to)
        *to = kept(r, fk_buf_cstr(&r->value), r->value.len);
    return *to ? FK_OK : out_of_memory(r->err);
}

static enum fk_status queue_id_take(struct reading *r) {
    struct fk_capture *c = r->p->capture_count ? &r->p->captures[r->p->capture_count - 1] : NULL;
    return c ? text_keep(r, &c->queue_id) : FK_OK;
}

static enum fk_status line_take(struct reading *r, const struct fk_field *f) {
    fk_buf_reset(&r->value);
    fk_field_value(f, &r->value);
    if (fk_field_is(f, "capture"))
        return capture_begin(r);
    if (fk_field_is(f, "queue-id"))
        return queue_id_take(r);
    if (fk_field_is(f, "key"))
        return text_keep(r, &r->p->key);
    if (fk_field_is(f, "read"))
        return text_keep(r, &r->p->read);
    if (fk_field_is(f, "message-id") || fk_field_is(f, "report-id"))
        return text_keep(r, &r->p->message_id); /* the report's where it has none of its own */
    for (size_t i = 0; i < FK_KNOWN_COUNT; i++)
        if (fk_field_is(f, kinds[i].line))
            return fact_add(r, (enum fk_known_from)i);
    return FK_OK;
}

/* ---- people */

static int compare_facts(const void *a, const void *b) {
    const struct fk_fact *x = a, *y = b;
    const int order = strcmp(x->folded, y->folded);
    if (order)
        return order;
    if (x->capture != y->capture)
        return x->capture < y->capture ? -1 : 1;
    if (x->from != y->from)
        return (int)x->from - (int)y->from;
    const int how = strcmp(x->how, y->how);
    return how ? how : strcmp(x->original, y->original);
}

static int compare_person(const void *folded, const void *person) {
    return strcmp(folded, ((const struct fk_known_person *)person)->facts->folded);
}

/* A list or mailbox in To or Cc: who had it from there had it openly. */
static bool is_in_header(const struct fk_provenance *p, const char *folded) {
    const struct fk_known_person *found =
        *folded ? bsearch(folded, p->people, p->person_count, sizeof *p->people, compare_person)
                : NULL;
    return found && found->in_header;
}

static bool is_header(enum fk_known_from from) {
    return from == FK_KNOWN_HEADER_TO || from == FK_KNOWN_HEADER_CC;
}

static enum fk_standing standing_of(const struct fk_provenance *p,
                                    const struct fk_known_person *person) {
    bool open = person->in_header, stated = false, derived = false, claimed = false;
    for (size_t i = 0; i < person->fact_count; i++) {
        const struct fk_fact *f = &person->facts[i];
        if (f->from >= FK_KNOWN_RECIPIENTS)
            continue;
        stated |=
            f->from == FK_KNOWN_HEADER_BCC || (f->from == FK_KNOWN_JOURNAL_BCC && !f->claimed);
        claimed |= f->claimed;
        derived |= !f->claimed && !f->transport;
        open |= !f->claimed &&
                (f->from == FK_KNOWN_JOURNAL_TO || f->from == FK_KNOWN_JOURNAL_CC ||
                 (f->from == FK_KNOWN_JOURNAL_RECIPIENT && is_in_header(p, f->original_folded)));
    }
    return open      ? FK_STANDS_OPEN
           : stated  ? FK_STANDS_STATED
           : derived ? FK_STANDS_DERIVED
           : claimed ? FK_STANDS_CLAIMED
                     : FK_STANDS_NOWHERE;
}

static enum fk_status people_make(struct fk_provenance *p, struct fk_err *err) {
    if (p->fact_count == 0)
        return FK_OK;
    qsort(p->facts, p->fact_count, sizeof *p->facts, compare_facts);
    p->people = calloc(p->fact_count, sizeof *p->people);
    if (!p->people)
        return out_of_memory(err);
    for (size_t i = 0, n; i < p->fact_count; i += n) {
        bool in_header = is_header(p->facts[i].from);
        for (n = 1; i + n < p->fact_count; n++) {
            if (strcmp(p->facts[i].folded, p->facts[i + n].folded) != 0)
                break;
            in_header |= is_header(p->facts[i + n].from);
        }
        p->people[p->person_count++] =
            (struct fk_known_person){&p->facts[i], n, in_header, FK_STANDS_NOWHERE};
    }
    for (size_t i = 0; i < p->person_count; i++)
        p->people[i].standing = standing_of(p, &p->people[i]);
    return FK_OK;
}

enum fk_status fk_provenance_read(const void *data, size_t len, struct fk_provenance *out,
                                  struct fk_err *err) {
    struct fk_provenance p = {.key = "", .read = "", .message_id = "", .arena = fk_arena_new(0)};
    struct reading r = {.p = &p, .err = err};
    struct fk_fields it = fk_fields_begin(data, len);
    struct fk_field f;
    enum fk_status st = p.arena ? FK_OK : out_of_memory(err);
    while (st == FK_OK && fk_fields_next(&it, &f))
        st = line_take(&r, &f);
    if (st == FK_OK && it.bad)
        st = fk_fail(err, FK_CORRUPT, "a document of the index has a line of no form");
    if (st == FK_OK && (r.value.failed || r.folded.failed))
        st = out_of_memory(err);
    if (st == FK_OK) {
        capture_end(&r);
        st = people_make(&p, err);
    }
    fk_buf_free(&r.value);
    fk_buf_free(&r.folded);
    if (st == FK_OK)
        *out = p;
    else
        fk_provenance_free(&p);
    return st;
}

enum fk_status fk_provenance_without(struct fk_provenance *p, const struct fk_seqs *captures,
                                     struct fk_err *err) {
    size_t facts = 0, kept_captures = 0;
    for (size_t i = 0; i < p->fact_count; i++)
        if (!fk_seqs_has(captures, p->facts[i].capture))
            p->facts[facts++] = p->facts[i];
    for (size_t i = 0; i < p->capture_count; i++)
        if (!fk_seqs_has(captures, p->captures[i].seq))
            p->captures[kept_captures++] = p->captures[i];
    p->fact_count = facts;
    p->capture_count = kept_captures;
    p->person_count = 0;
    free(p->people);
    p->people = NULL;
    return people_make(p, err);
}

void fk_provenance_free(struct fk_provenance *p) {
    free(p->people);
    free(p->facts);
    free(p->captures);
    fk_arena_free(&p->arena);
    *p = (struct fk_provenance)FK_PROVENANCE_INIT;
}
