/*
 * write.c - one set, from the seal to its entry in the ledger. The order is the promise: nothing
 * is recorded before all of it was read back.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "tape-export/catalogue.h"
#include "tape-export/ledger_text.h"
#include "tape-export/set_stamps.h"
#include "tape-export/text.h"
#include "tape-export/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { BLOCK = 524288 }; /* LTFS's block */

struct plan {
    struct fk_segment_info *segments;
    size_t count, cap;
    uint64_t bytes;
    bool after_any; /* only what begins after seq `after` */
    uint64_t after;
};

struct job {
    struct fk_keep *keep;
    struct fk_lend *lend;
    const struct fk_tape_options *options;
    struct plan plan;
    struct fk_head head;
    struct fk_volume volume;
    uint64_t done; /* bytes of segments */
};

static void progress(const struct job *j, const char *doing, uint64_t done, uint64_t all) {
    if (j->options->progress)
        j->options->progress(j->options->ctx, doing, done, all);
}

/* ---- which segments */

static enum fk_status plan_take(void *ctx, const struct fk_segment_info *info, struct fk_err *err) {
    struct plan *p = ctx;
    if (strcmp(info->state, "missing") == 0 || strcmp(info->state, "damaged") == 0)
        return fk_fail(
            err, FK_CORRUPT,
            "segment %llu of the vault is %s: heal it first (\"fumikura mirror heal\"); no "
            "set is made without it",
            (unsigned long long)info->number, info->state);
    if (strcmp(info->state, "sealed") != 0 || (p->after_any && info->first <= p->after))
        return FK_OK;
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 64;
        struct fk_segment_info *at = realloc(p->segments, cap * sizeof *at);
        if (!at)
            return fk_fail(err, FK_NOMEM, "no memory for the list of segments");
        p->segments = at;
        p->cap = cap;
    }
    p->segments[p->count++] = *info;
    p->bytes += info->bytes;
    return FK_OK;
}

static enum fk_status plan_make(struct job *j, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_catalogue sets = {NULL, 0, 0};
    uint64_t newest;
    FK_TRY(fk_keep_seal(j->keep, &newest, err));
    if (j->options->since_last) {
        FK_TRY(fk_catalogue_read(j->lend, "tape", &sets, err));
        for (size_t i = 0; i < sets.count; i++)
            if (!j->plan.after_any || sets.at[i].last > j->plan.after) {
                j->plan.after_any = true;
                j->plan.after = sets.at[i].last;
            }
    }
    FK_TRY(fk_lend_segments(j->lend, plan_take, &j->plan, err));
    FK_TRY(fk_lend_head(j->lend, &j->head, err));
    if (j->plan.count == 0)
        st = fk_fail(err, FK_NOT_FOUND, "there is no sealed segment %s: nothing to write",
                     j->options->since_last ? "that is not on a set already" : "yet");
done:
    fk_catalogue_free(&sets);
    return st;
}

/* ---- the target */

/* The vault is what the set is to outlive; and what lies in its directory is its own. */
static enum fk_status outside_check(const char *dir, const char *vault, struct fk_err *err) {
    char to[PATH_MAX], whole[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_resolve_path(dir, to, err));
    FK_TRY(fk_resolve_path(vault, whole, err));
    size_t len = strlen(whole);
    if (strncmp(to, whole, len) == 0 && (to[len] == 0 || to[len] == '/'))
        st = fk_fail(err, FK_INVALID,
                     "%s: is in the vault's own directory; a set goes to another disk or a tape",
                     dir);
done:
    return st;
}

static enum fk_status target_check(const struct job *j, bool *complete_out, struct fk_err *err) {
    struct fk_volume_look look;
    const char *dir = j->options->to;
    enum fk_status st = FK_OK;
    if (j->options->vault)
        st = outside_check(dir, j->options->vault, err);
    if (st == FK_OK)
        st = fk_volume_look(dir, &look, err);
    if (st != FK_OK)
        return st;
    if (look.state == FK_VOLUME_FOREIGN)
        return fk_fail(err, FK_INVALID,
                       "%s: there is something else in it (%s); a set needs an empty directory",
                       dir, *look.foreign ? look.foreign : "another bag");
    *complete_out = look.state == FK_VOLUME_COMPLETE;
    if (look.state == FK_VOLUME_EMPTY)
        return FK_OK;
    if (strcmp(look.ledger, j->head.ledger) != 0)
        return fk_fail(err, FK_INVALID, "%s: there is a set of another archive in it (ledger %s)",
                       dir, look.ledger);
    if (look.state == FK_VOLUME_INTERRUPTED && !j->options->resume)
        return fk_fail(err, FK_INVALID,
                       "%s: there is a set in it whose writing was interrupted, and nothing is "
                       "recorded of it; --continue goes on with it, or empty the directory",
                       dir);
    if (look.state == FK_VOLUME_COMPLETE && !j->options->resume)
        return fk_fail(err, FK_INVALID,
                       "%s: there is a set in it already; if \"tape verify\" says that it is not "
                       "recorded, --continue records it",
                       dir);
    return FK_OK;
}

static enum fk_status room_check(const struct job *j, struct fk_err *err) {
    struct statvfs s;
    if (j->options->resume) /* some of it is there already */
        return FK_OK;
    if (statvfs(j->options->to, &s) != 0)
        return fk_fail_sys(err, errno, "%s: cannot ask for its free space", j->options->to);
    uint64_t room = (uint64_t)s.f_bavail * s.f_frsize;
    if (room < j->plan.bytes)
        return fk_fail(
            err, FK_FULL,
            "%s: the set has %llu bytes of segments, and there is room for %llu; nothing "
            "was written",
            j->options->to, (unsigned long long)j->plan.bytes, (unsigned long long)room);
    return FK_OK;
}

static enum fk_status folders_make(const char *dir, struct fk_err *err) {
    static const char *const names[] = {"data", "data/segments", "data/ledger", "data/log"};
    static const char *const parents[] = {".", "data", "data", "data"};
    enum fk_status st = FK_OK;
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        FK_TRY(fk_join_path(path, sizeof path, dir, names[i], err));
        FK_TRY(fk_make_dir(path, 0755, err));
        FK_TRY(fk_join_path(path, sizeof path, dir, parents[i], err));
        FK_TRY(fk_sync_dir(path, err));
    }
    FK_TRY(fk_join_path(path, sizeof path, dir, "..", err));
    st = fk_sync_dir(path, err);
done:
    return st;
}

/* ---- data */

static enum fk_status copy_blocks(struct job *j, int fd, struct fk_volume_file *file,
                                  struct fk_digest *digest, uint8_t *block, struct fk_err *err) {
    for (off_t at = 0;;) {
        ssize_t n = pread(fd, block, BLOCK, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fk_fail_sys(err, errno, "cannot read at byte %lld", (long long)at);
        if (n == 0)
            return FK_OK;
        fk_digest_add(digest, block, (size_t)n);
        enum fk_status st = fk_volume_add(file, block, (size_t)n, err);
        if (st != FK_OK)
            return st;
        at += n;
        j->done += (uint64_t)n;
        progress(j, "writing", j->done, j->plan.bytes);
    }
}

/* What is copied is hashed as it is read, so that a segment which rotted in the vault is found
 * before it is called evidence. */
static enum fk_status segment_copy(struct job *j, const struct fk_segment_info *info,
                                   const char *name, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_volume_file *file = NULL;
    struct fk_digest *digest = NULL;
    uint8_t *block = malloc(BLOCK), sum[FK_SHA256_BYTES];
    char hex[65];
    int fd = -1;
    if (!block)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory to copy a segment"));
    FK_TRY(fk_digest_new(FK_SHA256, &digest, err));
    FK_TRY(fk_lend_segment_file(j->lend, info->number, &fd, err));
    FK_TRY(fk_volume_begin(&j->volume, name, &file, err));
    FK_TRY(copy_blocks(j, fd, file, digest, block, err));
    fk_digest_end(digest, sum);
    fk_hex(hex, sum, sizeof sum);
    if (strcmp(hex, info->digest) != 0)
        FK_TRY(fk_fail(err, FK_CORRUPT,
                       "segment %llu of the vault is not what its seal entry says (\"fumikura "
                       "verify\" tells more); no set is made of it",
                       (unsigned long long)info->number));
    st = fk_volume_end(&j->volume, &file, err);
done:
    fk_volume_drop(&file);
    fk_digest_free(&digest);
    fk_close(&fd);
    free(block);
    return st;
}

static enum fk_status segments_write(struct job *j, struct fk_err *err) {
    enum fk_status st = FK_OK;
    for (size_t i = 0; i < j->plan.count; i++) {
        const struct fk_segment_info *info = &j->plan.segments[i];
        char name[64];
        snprintf(name, sizeof name, "data/segments/%08llu.sealed",
                 (unsigned long long)info->number);
        st = j->options->resume ? fk_volume_reuse(&j->volume, name, info->digest, err)
                                : FK_NOT_FOUND;
        if (st == FK_OK) {
            j->done += info->bytes;
            progress(j, "writing", j->done, j->plan.bytes);
        } else if (st == FK_NOT_FOUND)
            st = segment_copy(j, info, name, err);
        if (st != FK_OK)
            return fk_err_prefix(err, "segment %llu", (unsigned long long)info->number);
    }
    return st;
}

/* ---- tags */

static void segment_ranges(const struct plan *p, struct fk_buf *out) {
    struct fk_seqs numbers = {0};
    for (size_t i = 0; i < p->count; i++)
        fk_seqs_add(&numbers, p->segments[i].number);
    fk_seqs_format(&numbers, out);
    out->failed = out->failed || numbers.failed;
    fk_seqs_free(&numbers);
}

/* While the set is being written this file says whose it is, so that what an interruption left is
 * known for what it is. */
static enum fk_status info_begin(struct job *j, struct fk_err *err) {
    char text[200];
    snprintf(text, sizeof text, "Fumikura-Ledger: %s\nFumikura-State: being written\n",
             j->head.ledger);
    enum fk_status st = fk_volume_put(&j->volume, "bag-info.txt", text, strlen(text), err);
    fk_manifest_free(&j->volume.tags); /* it is listed when it is whole */
    return st;
}

static enum fk_status info_write(struct job *j, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT, ranges = FK_BUF_INIT;
    char now[FK_TIME_SIZE];
    uint64_t bytes = 0;
    for (size_t i = 0; i < j->volume.payload.count; i++)
        bytes += j->volume.payload.at[i].sum.bytes;
    fk_time_format(now, fk_now_ms());
    segment_ranges(&j->plan, &ranges);
    fk_buf_printf(&b, "Bag-Software-Agent: fumikura %s\n", FK_VERSION);
    fk_buf_printf(&b, "Bagging-Date: %.10s\n", now);
    fk_buf_printf(&b, "Payload-Oxum: %llu.%zu\n", (unsigned long long)bytes,
                  j->volume.payload.count);
    fk_buf_printf(&b, "Bag-Group-Identifier: fumikura %s\n", j->head.ledger);
    fk_buf_printf(&b, "External-Description: sealed segments of a mail archive, and its ledger\n");
    fk_buf_printf(&b, "Fumikura-Ledger: %s\n", j->head.ledger);
    fk_buf_printf(&b, "Fumikura-Segments: %s\n", fk_buf_cstr(&ranges));
    fk_buf_printf(&b,
                  "Fumikura-Entries: %llu\nFumikura-Head: ", (unsigned long long)j->head.next_seq);
    fk_buf_hex(&b, j->head.last_digest, sizeof j->head.last_digest);
    fk_buf_str(&b, "\n");
    enum fk_status st = b.failed || ranges.failed
                            ? fk_fail(err, FK_NOMEM, "no memory for bag-info.txt")
                            : fk_volume_put(&j->volume, "bag-info.txt", b.data, b.len, err);
    fk_buf_free(&b);
    fk_buf_free(&ranges);
    return st;
}

static enum fk_status manifest_put(struct job *j, const struct fk_manifest *m,
                                   enum fk_digest_kind kind, const char *name, struct fk_err *err) {
    struct fk_buf text = FK_BUF_INIT;
    fk_manifest_write(m, kind, &text);
    enum fk_status st = text.failed ? fk_fail(err, FK_NOMEM, "no memory for a manifest")
                                    : fk_volume_put(&j->volume, name, text.data, text.len, err);
    fk_buf_free(&text);
    return st;
}

static enum fk_status tags_write(struct job *j, struct fk_err *err) {
    static const char declaration[] = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
    struct fk_volume *v = &j->volume;
    enum fk_status st = FK_OK;
    FK_TRY(manifest_put(j, &v->payload, FK_SHA256, "manifest-sha256.txt", err));
    FK_TRY(manifest_put(j, &v->payload, FK_SHA512, "manifest-sha512.txt", err));
    FK_TRY(fk_volume_put(v, "bagit.txt", declaration, sizeof declaration - 1, err));
    FK_TRY(info_write(j, err));
    st = manifest_put(j, &v->tags, FK_SHA256, "tagmanifest-sha256.txt", err);
done:
    return st;
}

static enum fk_status log_write(struct job *j, struct fk_err *err) {
    const struct fk_tape_options *o = j->options;
    enum fk_status st = FK_OK;
    if (!o->checkpoint)
        return FK_OK;
    FK_TRY(
        fk_volume_put(&j->volume, FK_SET_CHECKPOINT, o->checkpoint->data, o->checkpoint->len, err));
    FK_TRY(fk_volume_put(&j->volume, FK_SET_VKEY, o->vkey->data, o->vkey->len, err));
    st = fk_volume_put(&j->volume, FK_SET_PEM, o->pem->data, o->pem->len, err);
done:
    return st;
}

static void left_out(void *ctx, const char *place, const char *sentence) {
    const struct job *j = ctx;
    if (j->options->left_out)
        j->options->left_out(j->options->ctx, place, sentence);
}

static enum fk_status stamps_write(struct job *j, struct fk_err *err) {
    const struct fk_set_stamps_order order = {j->options->vault, j->lend, j->head.next_seq,
                                              left_out, j};
    return order.vault ? fk_set_stamps_write(&order, &j->volume, err) : FK_OK;
}

static enum fk_status set_write(struct job *j, struct fk_err *err) {
    enum fk_status st = FK_OK;
    size_t bytes = j->options->ledger_file_bytes;
    FK_TRY(info_begin(j, err)); /* first: before it there is nothing of a set */
    FK_TRY(folders_make(j->volume.dir, err));
    for (const struct fk_text *t = fk_tape_texts(); t->name; t++)
        FK_TRY(fk_volume_put(&j->volume, t->name, t->data, t->len, err));
    FK_TRY(segments_write(j, err));
    FK_TRY(fk_ledger_text_write(&j->volume, j->lend, j->head.next_seq,
                                bytes ? bytes : FK_LEDGER_FILE_BYTES, err));
    FK_TRY(log_write(j, err));
    FK_TRY(stamps_write(j, err));
    FK_TRY(tags_write(j, err));
done:
    return st;
}

/* ---- after it */

struct first_finding {
    char text[300];
};

static void keep_first(void *ctx, const struct fk_tape_finding *f) {
    struct first_finding *first = ctx;
    if (!*first->text)
        snprintf(first->text, sizeof first->text, "%s: %s: %s", f->check, f->place, f->text);
}

/* The entry that names this manifest; UINT64_MAX for none. */
static enum fk_status recorded_before(struct job *j, const char *manifest, uint64_t *entry,
                                      struct fk_err *err) {
    struct fk_catalogue sets = {NULL, 0, 0};
    enum fk_status st = fk_catalogue_read(j->lend, "tape", &sets, err);
    if (st != FK_OK)
        return st;
    const struct fk_tape_set *set = fk_catalogue_find(&sets, manifest);
    *entry = set ? set->entry : UINT64_MAX;
    fk_catalogue_free(&sets);
    return FK_OK;
}

static enum fk_status read_back(struct job *j, struct fk_tape_sum *sum, struct fk_err *err) {
    uint64_t entry = UINT64_MAX;
    struct first_finding first = {""};
    struct fk_tape_watch watch = {.finding = keep_first, .ctx = &first};
    (void)fk_fault("tape-read-back"); /* a test damages the set here */
    progress(j, "reading back", 0, 1);
    enum fk_status st = fk_tape_verify(j->volume.dir, NULL, &watch, sum, err);
    progress(j, "reading back", 1, 1);
    if (st != FK_OK && st != FK_CORRUPT)
        return st;
    const bool damaged = st == FK_CORRUPT;
    FK_TRY(recorded_before(j, sum->manifest, &entry, err));
    if (damaged && entry == UINT64_MAX)
        st = fk_fail(err, FK_CORRUPT,
                     "%s: what was read back is not what was written (%s); nothing is recorded of "
                     "it",
                     j->volume.dir, first.text);
    else if (damaged)
        st = fk_fail(err, FK_CORRUPT,
                     "%s: this set was recorded in entry %llu and is damaged since (%s); keep "
                     "another copy of it, or write a new set",
                     j->volume.dir, (unsigned long long)entry, first.text);
    else if (entry != UINT64_MAX)
        st = fk_fail(err, FK_INVALID, "%s: this set is recorded already, in entry %llu",
                     j->volume.dir, (unsigned long long)entry);
done:
    return st;
}

static enum fk_status record(struct job *j, const char *manifest, struct fk_tape_set *set,
                             struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf body = FK_BUF_INIT, ranges = FK_BUF_INIT;
    struct fk_receipt receipt;
    char fields[200], whole[PATH_MAX], head[65];
    const struct plan *p = &j->plan;
    set->first = p->segments[0].first;
    set->last = p->segments[p->count - 1].last;
    snprintf(fields, sizeof fields, "what=tape first=%llu last=%llu manifest=%s",
             (unsigned long long)set->first, (unsigned long long)set->last, manifest);
    if (!realpath(j->volume.dir, whole))
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot resolve", j->volume.dir));
    segment_ranges(p, &ranges);
    fk_hex(head, j->head.last_digest, sizeof j->head.last_digest);
    fk_fields_add_str(&body, "person", j->options->person);
    fk_fields_add_str(&body, "where", whole);
    fk_fields_add_str(&body, "segments", fk_buf_cstr(&ranges));
    fk_fields_add_str(&body, "head", head);
    if (body.failed || ranges.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for the entry of the set"));
    FK_TRY(fk_keep_append(j->keep, &(struct fk_record){"export", fields, &body}, &receipt, err));
    set->entry = receipt.seq;
    set->time_ms = fk_now_ms();
    snprintf(set->manifest, sizeof set->manifest, "%s", manifest);
done:
    fk_buf_free(&body);
    fk_buf_free(&ranges);
    return st;
}

/* A set that was finished but not recorded is not written again: the job becomes that set's. */
static enum fk_status complete_take(struct job *j, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf info = FK_BUF_INIT;
    struct fk_seqs numbers = {0};
    char path[PATH_MAX], ranges[4096], head[65];
    struct plan *p = &j->plan;
    size_t kept = 0;
    FK_TRY(fk_join_path(path, sizeof path, j->volume.dir, "bag-info.txt", err));
    FK_TRY(fk_read_plain(path, 65536, &info, err));
    if (!fk_bag_info_find(info.data, info.len, "Fumikura-Segments", ranges, sizeof ranges) ||
        !fk_seqs_parse(ranges, strlen(ranges), p->count, &numbers) ||
        !fk_bag_info_find(info.data, info.len, "Fumikura-Head", head, sizeof head) ||
        !fk_unhex(j->head.last_digest, head, FK_SHA256_BYTES))
        FK_TRY(fk_fail(err, FK_CORRUPT,
                       "%s: does not say which segments of this archive the set has", path));
    for (size_t i = 0; i < p->count; i++)
        if (fk_seqs_has(&numbers, p->segments[i].number))
            p->segments[kept++] = p->segments[i];
    p->count = kept;
    if (kept == 0 || kept != numbers.count)
        st = fk_fail(err, FK_CORRUPT, "%s: names segments that this archive has not", path);
done:
    fk_seqs_free(&numbers);
    fk_buf_free(&info);
    return st;
}

enum fk_status fk_tape_target(struct fk_lend *lend, const struct fk_tape_options *options,
                              struct fk_err *err) {
    struct job j = {.options = options};
    bool complete;
    enum fk_status st = fk_lend_head(lend, &j.head, err);
    return st == FK_OK ? target_check(&j, &complete, err) : st;
}

enum fk_status fk_tape_write(struct fk_keep *keep, struct fk_lend *lend,
                             const struct fk_tape_options *options, struct fk_tape_set *out,
                             struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct job j = {.keep = keep, .lend = lend, .options = options, .volume.dir = options->to};
    struct fk_tape_sum sum;
    struct fk_tape_set set = {.entry = 0};
    bool complete = false;
    FK_TRY(fk_lend_head(lend, &j.head, err));
    FK_TRY(target_check(&j, &complete, err)); /* before: a wrong target must not close a segment */
    FK_TRY(plan_make(&j, err));
    if (complete)
        FK_TRY(complete_take(&j, err));
    else {
        FK_TRY(room_check(&j, err));
        FK_TRY(set_write(&j, err));
    }
    FK_TRY(read_back(&j, &sum, err));
    FK_TRY(record(&j, sum.manifest, &set, err));
    set.segment_count = j.plan.count;
    set.bytes = sum.bytes;
    *out = set;
done:
    fk_volume_free(&j.volume);
    free(j.plan.segments);
    return st;
}
