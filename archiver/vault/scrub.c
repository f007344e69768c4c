/* scrub.c - which segment is due, one slice of it, what becomes of findings.
 *
 * 1. A slice that finds something is read a second time, with the segment opened anew: what was
 *    sealed, healed or disposed of in that moment is then no finding.
 * 2. Between two slices nothing of an open segment is pinned, so the pen's pages are reused.
 * 3. A pass counts from when it began: so no byte is said to be verified later than it was. */
#include "archiver/vault/scrub.h"
#include "archiver/vault/verify_priv.h"
#include "base/clock.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 20 };

struct found { /* by one slice */
    struct fk_finding at[FK_SCRUB_FINDINGS_MAX];
    size_t count;
};
struct fk_scrub {
    struct fk_scrub_options options;
    char dir[PATH_MAX];
    struct fk_desk *desk;
    struct fk_scrub_state state;
    struct found found;
    struct { /* the digest of a sealed file, under way */
        uint64_t number;
        int fd;
        struct fk_digest *digest;
        off_t at;
    } file;
};

static void file_drop(struct fk_scrub *s) {
    fk_close(&s->file.fd);
    fk_digest_free(&s->file.digest);
    s->file.number = 0;
}

void fk_scrub_close(struct fk_scrub **sp) {
    struct fk_scrub *s = *sp;
    if (!s)
        return;
    file_drop(s);
    fk_desk_close(&s->desk);
    fk_scrub_state_free(&s->state);
    free(s);
    *sp = NULL;
}

enum fk_status fk_scrub_open(const struct fk_scrub_options *options, struct fk_scrub **out,
                             struct fk_err *err) {
    struct fk_scrub *s = calloc(1, sizeof *s);
    if (!s)
        return fk_fail(err, FK_NOMEM, "no memory to scrub");
    s->options = *options;
    s->file.fd = -1;
    snprintf(s->dir, sizeof s->dir, "%s", options->dir);
    enum fk_status st = fk_desk_open(s->dir, &s->desk, err);
    if (st == FK_OK && fk_scrub_state_read(s->dir, &s->state, NULL) == FK_NOMEM)
        st = fk_fail(err, FK_NOMEM, "no memory to scrub");
    if (st == FK_OK)
        *out = s;
    else
        fk_scrub_close(&s);
    return st;
}

/* ---- findings */

static void finding_take(void *ctx, const struct fk_finding *f) {
    struct found *found = ctx;
    if (found->count < FK_SCRUB_FINDINGS_MAX)
        found->at[found->count++] = *f;
}

static struct fk_scrub_finding *finding_known(struct fk_scrub *s, const struct fk_finding *f) {
    for (size_t i = 0; i < s->state.finding_count; i++) {
        struct fk_scrub_finding *k = &s->state.findings[i];
        if (k->what.segment == f->segment && k->what.seq == f->seq &&
            strcmp(k->what.check, f->check) == 0)
            return k;
    }
    return NULL;
}

static void findings_keep(struct fk_scrub *s) {
    for (size_t i = 0; i < s->found.count; i++) {
        const struct fk_finding *f = &s->found.at[i];
        struct fk_scrub_finding *k = finding_known(s, f);
        if (k) {
            k->time_ms = fk_now_ms();
            continue;
        }
        if (s->state.finding_count == FK_SCRUB_FINDINGS_MAX)
            return; /* what is there says enough */
        s->state.findings[s->state.finding_count++] =
            (struct fk_scrub_finding){.what = *f, .time_ms = fk_now_ms()};
        if (s->options.found)
            s->options.found(f);
    }
}

/* After a pass: what it has not found again is no more. */
static void findings_forget(struct fk_scrub *s, uint64_t segment, int64_t before_ms) {
    size_t left = 0;
    for (size_t i = 0; i < s->state.finding_count; i++) {
        const struct fk_scrub_finding *f = &s->state.findings[i];
        if (f->what.segment != segment || f->time_ms >= before_ms)
            s->state.findings[left++] = *f;
    }
    s->state.finding_count = left;
}

static bool has_findings(const struct fk_scrub *s, uint64_t segment) {
    for (size_t i = 0; i < s->state.finding_count; i++)
        if (s->state.findings[i].what.segment == segment)
            return true;
    return false;
}

/* One entry for all new findings of a segment by one check. */
static enum fk_status fact_append(struct fk_scrub *s, const struct fk_finding *of, bool *more,
                                  struct fk_err *err) {
    struct fk_seqs seqs = {0};
    struct fk_buf fields = FK_BUF_INIT;
    struct fk_receipt receipt;
    struct fk_scrub_finding *in[FK_SCRUB_FINDINGS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < s->state.finding_count; i++) {
        struct fk_scrub_finding *f = &s->state.findings[i];
        if (f->fact || f->what.segment != of->segment || strcmp(f->what.check, of->check) != 0)
            continue;
        in[n++] = f;
        if (f->what.seq != UINT64_MAX)
            fk_seqs_add(&seqs, f->what.seq);
    }
    fk_seqs_sort(&seqs);
    fk_buf_printf(&fields, "what=damaged");
    if (seqs.count) {
        fk_buf_str(&fields, " of=");
        fk_seqs_format(&seqs, &fields);
    }
    fk_buf_printf(&fields, " segment=%" PRIu64 " check=%s", of->segment, of->check);
    const struct fk_record record = {.kind = "fact", .fields = fk_buf_cstr(&fields)};
    enum fk_status st = fields.failed || seqs.failed
                            ? fk_fail(err, FK_NOMEM, "no memory for an entry")
                            : fk_keep_append(s->options.keep, &record, &receipt, err);
    for (size_t i = 0; i < n && st == FK_OK; i++)
        in[i]->fact = receipt.seq;
    *more = st == FK_OK;
    fk_seqs_free(&seqs);
    fk_buf_free(&fields);
    return st;
}

static enum fk_status facts_append(struct fk_scrub *s, struct fk_err *err) {
    bool more = false;
    for (size_t i = 0; i < s->state.finding_count; i++) {
        struct fk_scrub_finding *f = &s->state.findings[i];
        enum fk_status st = f->fact ? FK_OK : fact_append(s, &f->what, &more, err);
        if (st != FK_OK)
            return st;
    }
    return more ? fk_scrub_state_write(s->dir, &s->state, err) : FK_OK;
}

/* ---- what is due */

/* When its file, or the key file, was changed last: after a finding it is looked at again then. */
static void file_seen(const struct fk_scrub *s, uint64_t number, int64_t out[2]) {
    char path[PATH_MAX];
    struct stat st;
    uint64_t generation = 0;
    out[0] = out[1] = 0;
    fk_layout__segment(path, s->dir, number, "sealed");
    if (stat(path, &st) == 0)
        out[0] = st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
    if (fk_keyfile__newest(s->dir, number, &generation, NULL) != FK_OK || !generation)
        return;
    fk_layout__keys(path, s->dir, number, generation);
    if (stat(path, &st) == 0)
        out[1] = st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
}

static bool was_mended(const struct fk_scrub *s, const struct fk_scrub_segment *g) {
    int64_t now[2];
    if (!has_findings(s, g->number))
        return false;
    file_seen(s, g->number, now);
    return now[0] != g->seen[0] || now[1] != g->seen[1];
}

/* A book beside the desk's. LMDB takes an environment once a process, so the desk's has the pin of
 * an open segment, which holds the pages that this one reads; fk_shelf__rest lets go of it. */
static enum fk_status book_open(struct fk_scrub *s, uint64_t number, int flags,
                                struct fk_book **out, struct fk_err *err) {
    struct fk_book *pinned;
    if (fk_desk__shelf(s->desk, NULL) == FK_OK)
        (void)!fk_shelf__get(s->desk->shelf, number, &pinned, NULL); /* the open below says why */
    return fk_book__open(&s->desk->where, number, flags, out, err);
}

static void book_close(struct fk_scrub *s, struct fk_book **b) {
    fk_book__close(b);
    if (s->desk->shelf)
        fk_shelf__rest(s->desk->shelf);
}

/* Time of its first entry; the epoch's second where that cannot be read, so that it is due. */
static int64_t stored_of(struct fk_scrub *s, uint64_t number) {
    struct fk_buf line = FK_BUF_INIT;
    struct fk_book *b = NULL;
    struct fk_entry e;
    int64_t ms = 1;
    if (book_open(s, number, 0, &b, NULL) == FK_OK &&
        fk_book__line(b, b->first, &line, NULL) == FK_OK &&
        fk_entry_read(line.data, line.len, &e, NULL) == FK_OK)
        ms = e.time_ms;
    book_close(s, &b);
    fk_buf_free(&line);
    return ms;
}

static enum fk_status rows_follow(struct fk_scrub *s, bool *changed, struct fk_err *err) {
    uint64_t open, sealed;
    enum fk_status st;
    *changed = false;
    FK_TRY(fk_layout__highest(s->dir, "open", &open, err));
    FK_TRY(fk_layout__highest(s->dir, "sealed", &sealed, err));
    uint64_t last = open > sealed ? open : sealed;
    for (uint64_t i = s->state.segment_count + 1; i <= last; i++) {
        struct fk_scrub_segment *g = fk_scrub_state_row(&s->state, i);
        if (!g)
            FK_TRY(fk_fail(err, FK_NOMEM, "no memory for %" PRIu64 " segments", last));
        g->stored_ms = stored_of(s, i);
        *changed = true;
    }
done:
    return st;
}

/* The one under way, one that was mended, else the one that was looked at longest ago. */
static struct fk_scrub_segment *due(struct fk_scrub *s) {
    struct fk_scrub_segment *oldest = NULL;
    int64_t oldest_ms = 0;
    for (size_t i = 0; i < s->state.segment_count; i++) {
        struct fk_scrub_segment *g = &s->state.segments[i];
        int64_t at = g->verified_ms ? g->verified_ms : g->stored_ms;
        if (g->began_ms || was_mended(s, g))
            return g;
        if (!oldest || at < oldest_ms) {
            oldest = g;
            oldest_ms = at;
        }
    }
    return oldest && fk_now_ms() - oldest_ms >= s->options.interval_ms / 2 ? oldest : NULL;
}

/* ---- a slice */

static void tell(struct fk_scrub *s, uint64_t segment, const char *check, const char *text) {
    struct fk_finding f = {.seq = UINT64_MAX, .segment = segment};
    snprintf(f.check, sizeof f.check, "%s", check);
    snprintf(f.text, sizeof f.text, "%s", text);
    finding_take(&s->found, &f);
}

/* Past the page cache, as far as the kernel follows the hint. *done: all of it was read. */
static enum fk_status file_read(struct fk_scrub *s, const char *path, uint64_t *bytes, bool *done,
                                struct fk_err *err) {
    uint8_t *block = malloc(BLOCK);
    ssize_t n = 1;
    enum fk_status st = block ? FK_OK : fk_fail(err, FK_NOMEM, "no memory to read %s", path);
    FK_TRY(st);
    while (n > 0 && *bytes < s->options.slice_bytes) {
        (void)posix_fadvise(s->file.fd, s->file.at, BLOCK, POSIX_FADV_DONTNEED);
        n = pread(s->file.fd, block, BLOCK, s->file.at);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            FK_TRY(fk_fail_sys(err, errno, "%s: cannot read at byte %lld", path,
                               (long long)s->file.at));
        else if (n > 0) {
            fk_digest_add(s->file.digest, block, (size_t)n);
            (void)posix_fadvise(s->file.fd, s->file.at, n, POSIX_FADV_DONTNEED);
            s->file.at += n;
            *bytes += (uint64_t)n;
        }
    }
    *done = n == 0;
done:
    free(block);
    return st;
}

static enum fk_status file_begin(struct fk_scrub *s, uint64_t number, const char *path,
                                 struct fk_err *err) {
    file_drop(s);
    enum fk_status st = fk_digest_new(FK_SHA256, &s->file.digest, err);
    if (st != FK_OK)
        return st;
    s->file.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s->file.fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot open", path);
    s->file.number = number;
    s->file.at = 0;
    return FK_OK;
}

/* A part of a sealed file's digest; *done: it was compared. */
static enum fk_status file_slice(struct fk_scrub *s, uint64_t number, uint64_t *bytes, bool *done,
                                 struct fk_err *err) {
    char path[PATH_MAX], is[2 * FK_SHA256_BYTES + 1], said[2 * FK_SHA256_BYTES + 1], text[400];
    uint8_t digest[FK_SHA256_BYTES];
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st;
    fk_layout__segment(path, s->dir, number, "sealed");
    if (s->file.number != number)
        FK_TRY(file_begin(s, number, path, err));
    st = file_read(s, path, bytes, done, &why);
    if (st == FK_IO) { /* the disk says so itself */
        tell(s, number, "file", why.text);
        *done = true;
        file_drop(s);
        return FK_OK;
    }
    if (st != FK_OK || !*done)
        return st == FK_OK ? st : fk_fail(err, st, "%s", why.text);
    fk_digest_end(s->file.digest, digest);
    file_drop(s);
    fk_hex(is, digest, sizeof digest);
    FK_TRY(fk_desk__shelf(s->desk, err));
    st = fk_shelf__seal(s->desk->shelf, number, said, &why);
    fk_shelf__rest(s->desk->shelf);
    if (st == FK_OK && strcmp(is, said) != 0) {
        snprintf(text, sizeof text, "its SHA-256 is %s, its seal entry says %s", is, said);
        tell(s, number, "seal", text);
    } else if (st == FK_NOT_FOUND)
        tell(s, number, "seal", "the segment is sealed, but no entry has its digest");
    st = st == FK_NOMEM || st == FK_RETRY ? fk_fail(err, st, "%s", why.text) : FK_OK;
done:
    return st;
}

/* Some entries with their contents. *next follows; *done: there are no more. */
static enum fk_status book_slice(struct fk_scrub *s, struct fk_book *b, uint64_t *next,
                                 uint64_t *bytes, bool *done, struct fk_err *err) {
    struct fk_check v = {.where = s->desk->where,
                         .range = {*next > b->first ? *next - 1 : b->first, UINT64_MAX, b->number},
                         .slice_bytes = s->options.slice_bytes,
                         .finding = finding_take,
                         .ctx = &s->found,
                         .next = UINT64_MAX,
                         .succeeded = b->state == FK_BOOK_CLOSED};
    enum fk_status st;
    FK_TRY(fk_desk__shelf(s->desk, err));
    if (!s->desk->disposals && !(s->desk->disposals = fk_disposals__new()))
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for the list of disposals"));
    v.shelf = s->desk->shelf;
    v.disposals = s->desk->disposals;
    v.bench = s->desk->bench;
    uint64_t before = b->pages->bytes_read;
    st = fk_check__book(&v, b, err);
    *bytes += b->pages->bytes_read - before;
    *done = !v.stopped;
    *next = (v.stopped ? v.next : b->next) + 1;
    if (st == FK_OK && *done && b->state == FK_BOOK_SEALED_STATE)
        st = fk_check__keyfile(&v, b, err);
    s->desk->disposals = v.disposals; /* it has learnt what came since */
    v.disposals = NULL;
    v.bench = NULL;
    fk_check__free(&v);
    fk_shelf__rest(s->desk->shelf);
done:
    return st;
}

/* *g follows. *done: the pass over the segment is at its end. *twice: what it has found may be of
 * the moment. */
static enum fk_status slice_once(struct fk_scrub *s, struct fk_scrub_segment *g, uint64_t *bytes,
                                 bool *done, bool *twice, struct fk_err *err) {
    struct fk_book *b = NULL;
    struct fk_err why = FK_ERR_INIT;
    bool whole = false;
    s->found.count = 0;
    enum fk_status st = book_open(s, g->number, FK_BOOK_DIRECT, &b, &why);
    *twice = true;
    *done = st != FK_OK;
    if (st == FK_NOMEM || st == FK_RETRY)
        return fk_fail(err, st, "%s", why.text);
    if (st == FK_NOT_FOUND)
        tell(s, g->number, "gap", "the segment is missing");
    else if (st != FK_OK)
        tell(s, g->number, "file", why.text);
    if (st != FK_OK)
        return FK_OK;
    if (b->state == FK_BOOK_SEALED_STATE && g->next == 0) {
        *twice = false; /* of the whole file, a part at a time */
        st = file_slice(s, g->number, bytes, &whole, err);
        if (st == FK_OK && whole)
            g->next = b->first + 1;
    } else
        st = book_slice(s, b, &g->next, bytes, done, err);
    book_close(s, &b);
    return st;
}

static enum fk_status segment_slice(struct fk_scrub *s, struct fk_scrub_segment *g, uint64_t *bytes,
                                    struct fk_err *err) {
    struct fk_scrub_segment at = *g;
    bool done, twice;
    enum fk_status st;
    if (!at.began_ms) {
        at.began_ms = fk_now_ms();
        at.next = 0;
        file_drop(s);
    }
    const struct fk_scrub_segment before = at;
    FK_TRY(slice_once(s, &at, bytes, &done, &twice, err));
    if (s->found.count && twice) {
        at = before;
        FK_TRY(slice_once(s, &at, bytes, &done, &twice, err));
    }
    findings_keep(s);
    if (done) {
        at.verified_ms = at.began_ms;
        findings_forget(s, at.number, at.began_ms);
        at.began_ms = 0;
        at.next = 0;
        file_seen(s, at.number, at.seen);
    }
    *g = at;
    st = fk_scrub_state_write(s->dir, &s->state, err);
done:
    return st;
}

enum fk_status fk_scrub_slice(struct fk_scrub *s, uint64_t *bytes_out, struct fk_err *err) {
    bool changed;
    enum fk_status st;
    *bytes_out = 0;
    fk_kek__follow(s->dir, &s->desk->kek);
    FK_TRY(rows_follow(s, &changed, err));
    struct fk_scrub_segment *g = due(s);
    if (g)
        FK_TRY(segment_slice(s, g, bytes_out, err));
    else if (changed)
        FK_TRY(fk_scrub_state_write(s->dir, &s->state, err));
    if (g && !*bytes_out)
        *bytes_out = 1; /* a segment that cannot be opened: there may be more */
    st = facts_append(s, err);
done:
    return st;
}
