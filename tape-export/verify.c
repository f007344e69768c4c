/*
 * verify.c - reads all of a set from the medium, and says of everything that does not fit which
 * check failed, and where. What it trusts is nothing in the set: only that an entry of the running
 * archive, where one is asked, names the manifest.
 */
#include "archiver/vault/note.h"
#include "base/io.h"
#include "tape-export/catalogue.h"
#include "tape-export/set_stamps.h"
#include "tape-export/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char PAYLOAD_256[] = "manifest-sha256.txt", PAYLOAD_512[] = "manifest-sha512.txt",
                  TAGS_256[] = "tagmanifest-sha256.txt";

struct check {
    const char *dir;
    const struct fk_tape_watch *watch;
    struct fk_tape_sum *sum;
    struct fk_manifest payload, tags;
    struct fk_summer *summer;
    struct fk_buf info; /* bag-info.txt */
    uint64_t all_bytes; /* of files met in the directory */
};

static void finding(struct check *c, const char *check, const char *place, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void finding(struct check *c, const char *check, const char *place, const char *fmt, ...) {
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->sum->findings++;
    if (c->watch && c->watch->finding)
        c->watch->finding(c->watch->ctx, &(struct fk_tape_finding){check, place, text});
}

/* ---- what should be there */

/* A tag file's text, appended; a finding where it cannot be had. Of what is no plain file the walk
 * says so (check "type"), as it does of every other. */
static bool tag_read(struct check *c, const char *name, struct fk_buf *out) {
    struct fk_err err = FK_ERR_INIT;
    char path[PATH_MAX];
    if (fk_join_path(path, sizeof path, c->dir, name, &err) == FK_OK &&
        fk_read_plain(path, (size_t)1 << 28, out, &err) == FK_OK)
        return true;
    if (err.status == FK_CORRUPT)
        return false;
    if (err.status == FK_NOT_FOUND)
        finding(c, "missing", name, "the set has no such file: it is incomplete, or not a set");
    else
        finding(c, "layout", name, "%s", err.text);
    return false;
}

static void manifest_take(struct check *c, struct fk_manifest *m, enum fk_digest_kind kind,
                          const char *name) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf text = FK_BUF_INIT;
    if (tag_read(c, name, &text) && fk_manifest_read(m, kind, text.data, text.len, &err) != FK_OK)
        finding(c, "manifest", name, "%s", err.text);
    if (strcmp(name, PAYLOAD_256) == 0 && text.data) {
        uint8_t digest[FK_SHA256_BYTES];
        fk_sha256(text.data, text.len, digest);
        fk_hex(c->sum->manifest, digest, sizeof digest);
    }
    fk_buf_free(&text);
}

static void lists_take(struct check *c) {
    struct fk_buf declared = FK_BUF_INIT;
    manifest_take(c, &c->payload, FK_SHA256, PAYLOAD_256);
    manifest_take(c, &c->payload, FK_SHA512, PAYLOAD_512);
    manifest_take(c, &c->tags, FK_SHA256, TAGS_256);
    for (size_t i = 0; i < c->payload.count; i++) {
        const struct fk_listed *l = &c->payload.at[i];
        if (!*l->sum.sha256 || !*l->sum.sha512)
            finding(c, "manifest", *l->sum.sha256 ? PAYLOAD_512 : PAYLOAD_256,
                    "%s is not listed, though the other manifest has it", l->name);
        if (strncmp(l->name, "data/", 5) != 0)
            finding(c, "manifest", PAYLOAD_256, "%s is not below data/", l->name);
    }
    if (tag_read(c, "bagit.txt", &declared) &&
        strncmp(fk_buf_cstr(&declared), "BagIt-Version: ", 15) != 0)
        finding(c, "layout", "bagit.txt", "does not begin with BagIt-Version");
    if (tag_read(c, "bag-info.txt", &c->info) &&
        !fk_bag_info_find(c->info.data, c->info.len, "Fumikura-Ledger", c->sum->ledger,
                          sizeof c->sum->ledger))
        finding(c, "layout", "bag-info.txt", "does not say whose set this is (Fumikura-Ledger)");
    fk_buf_free(&declared);
}

/* ---- what is there */

static void file_hash(struct check *c, int at, const char *base, const char *name,
                      struct fk_listed *listed) {
    struct fk_err err = FK_ERR_INIT;
    int fd = -1;
    if (fk_open_plain(at, base, name, &fd, &err) != FK_OK) {
        finding(c, err.status == FK_CORRUPT ? "type" : "digest", name, "%s", err.text);
        return;
    }
    (void)posix_fadvise(fd, 0, 0,
                        POSIX_FADV_DONTNEED); /* advice: from the medium, not from memory */
    if (fk_summer_file(c->summer, fd, name, &listed->found, &err) != FK_OK) {
        finding(c, "digest", name, "%s", err.text);
        snprintf(listed->found.sha256, sizeof listed->found.sha256, "unreadable");
    }
    fk_close(&fd);
    c->sum->files++;
    c->sum->bytes += listed->found.bytes;
    if (c->watch && c->watch->progress)
        c->watch->progress(c->watch->ctx, "reading", c->sum->bytes, c->all_bytes);
}

/* pass 0 counts bytes and finds what should not be there, pass 1 hashes what should. */
static enum fk_status folder_walk(struct check *c, int parent, const char *base, const char *prefix,
                                  int pass, struct fk_err *err);

static enum fk_status item_take(struct check *c, int folder, const char *base, const char *name,
                                int pass, struct fk_err *err) {
    struct stat s;
    if (fstatat(folder, base, &s, AT_SYMLINK_NOFOLLOW) != 0)
        return fk_fail_sys(err, errno, "%s/%s: cannot stat", c->dir, name);
    if (S_ISDIR(s.st_mode))
        return folder_walk(c, folder, base, name, pass, err);
    struct fk_listed *listed =
        fk_manifest_find(strncmp(name, "data/", 5) == 0 ? &c->payload : &c->tags, name);
    if (pass == 1) {
        if (listed && S_ISREG(s.st_mode))
            file_hash(c, folder, base, name, listed);
        return FK_OK;
    }
    if (!S_ISREG(s.st_mode))
        finding(c, "type", name, "is neither a file nor a directory");
    else if (listed)
        c->all_bytes += (uint64_t)s.st_size;
    else if (strcmp(name, TAGS_256) != 0)
        finding(c, "extra", name, "no manifest lists it");
    return FK_OK;
}

static enum fk_status folder_walk(struct check *c, int parent, const char *base, const char *prefix,
                                  int pass, struct fk_err *err) {
    enum fk_status st = FK_OK;
    char name[PATH_MAX];
    int follow = *prefix ? O_NOFOLLOW : 0; /* the set itself may be reached by a link */
    int fd = openat(parent, base, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        int saved = errno;
        fk_close(&fd);
        snprintf(name, sizeof name, "%s/%s", c->dir, prefix);
        return fk_volume_fail(name, saved, err);
    }
    struct dirent *e;
    while (st == FK_OK && (errno = 0, e = readdir(d))) {
        bool top = !*prefix;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            (top && (strcmp(e->d_name, "lost+found") == 0 ||
                     strcmp(e->d_name, "_ltfs_lostandfound") == 0)))
            continue;
        int n = snprintf(name, sizeof name, "%s%s%s", prefix, top ? "" : "/", e->d_name);
        if (n < 0 || (size_t)n >= sizeof name)
            finding(c, "extra", prefix, "a name in it is too long to be ours");
        else
            st = item_take(c, fd, e->d_name, name, pass, err);
    }
    if (st == FK_OK && errno)
        st = fk_fail_sys(err, errno, "%s/%s: cannot read the directory", c->dir, prefix);
    (void)closedir(d); /* only read */
    return st;
}

/* ---- do they agree */

static const char *whose_bytes(const struct fk_manifest *m, const struct fk_listed *l) {
    for (size_t i = 0; i < m->count; i++)
        if (&m->at[i] != l && strcmp(m->at[i].sum.sha256, l->found.sha256) == 0)
            return m->at[i].name;
    return NULL;
}

static void digests_compare(struct check *c, const struct fk_manifest *m) {
    for (size_t i = 0; i < m->count; i++) {
        const struct fk_listed *l = &m->at[i];
        if (!*l->found.sha256)
            finding(c, "missing", l->name, "the manifest lists it, and it is not there");
        else if (l->found.sha512[0] == 0)
            continue; /* unreadable: said already */
        else if (*l->sum.sha256 && strcmp(l->found.sha256, l->sum.sha256) != 0) {
            const char *other = whose_bytes(m, l);
            finding(c, "digest", l->name, "SHA-256 is %s, not %s as listed%s%s", l->found.sha256,
                    l->sum.sha256, other ? "; these are the bytes of " : "", other ? other : "");
        } else if (*l->sum.sha512 && strcmp(l->found.sha512, l->sum.sha512) != 0)
            finding(c, "digest", l->name, "SHA-512 is not as listed, though SHA-256 is");
    }
}

static void size_compare(struct check *c) {
    char told[64], found[64];
    uint64_t bytes = 0, files = 0;
    if (!fk_bag_info_find(c->info.data, c->info.len, "Payload-Oxum", told, sizeof told))
        return;
    for (size_t i = 0; i < c->payload.count; i++) {
        bytes += c->payload.at[i].found.bytes;
        files += *c->payload.at[i].found.sha256 != 0;
    }
    snprintf(found, sizeof found, "%llu.%llu", (unsigned long long)bytes,
             (unsigned long long)files);
    if (strcmp(told, found) != 0)
        finding(c, "size", "bag-info.txt", "Payload-Oxum is %s, and there is %s", told, found);
}

static void segments_compare(struct check *c, const struct fk_ledger_text *t) {
    char ranges[4096] = "", name[64];
    struct fk_seqs numbers = {0};
    if (!fk_bag_info_find(c->info.data, c->info.len, "Fumikura-Segments", ranges, sizeof ranges) ||
        !fk_seqs_parse(ranges, strlen(ranges), 1000000, &numbers))
        finding(c, "segments", "bag-info.txt", "does not say which segments the set has");
    for (size_t i = 0; i < numbers.count; i++) {
        snprintf(name, sizeof name, "data/segments/%08llu.sealed",
                 (unsigned long long)numbers.at[i]);
        const struct fk_listed *l = fk_manifest_find(&c->payload, name);
        const struct fk_sealed_line *seal = fk_ledger_text_seal(t, numbers.at[i]);
        if (!l || !*l->found.sha256)
            finding(c, "segments", name, "bag-info.txt promises it, and it is not there");
        else if (!seal)
            finding(c, "seal", name, "the ledger has no seal entry for this segment");
        else if (strcmp(seal->digest, l->found.sha256) != 0)
            finding(c, "seal", name, "its digest is not that of its seal entry %llu",
                    (unsigned long long)seal->seq);
        else
            c->sum->segments++;
    }
    for (size_t i = 0; i < c->payload.count; i++) {
        unsigned long long n;
        if (sscanf(c->payload.at[i].name, "data/segments/%llu.sealed", &n) == 1 &&
            !fk_seqs_has(&numbers, n))
            finding(c, "segments", c->payload.at[i].name, "bag-info.txt does not speak of it");
    }
    fk_seqs_free(&numbers);
}

static void head_compare(struct check *c, const struct fk_ledger_text *t) {
    char told[65] = "", entries[32] = "", found[65], count[32];
    fk_hex(found, t->head, sizeof t->head);
    snprintf(count, sizeof count, "%llu", (unsigned long long)t->next_seq);
    (void)fk_bag_info_find(c->info.data, c->info.len, "Fumikura-Head", told, sizeof told);
    (void)fk_bag_info_find(c->info.data, c->info.len, "Fumikura-Entries", entries, sizeof entries);
    if (strcmp(entries, count) != 0 || strcmp(told, found) != 0)
        finding(c, "head", "bag-info.txt",
                "the ledger has %s entries and ends with %s, not %s with %s", count, found, entries,
                told);
    if (strcmp(t->ledger, c->sum->ledger) != 0)
        finding(c, "head", "bag-info.txt", "the ledger's id is %s, not %s", t->ledger,
                c->sum->ledger);
}

/* ---- the checkpoint: what it signs are the first entries of the ledger that is on the set */

static bool checkpoint_read(struct check *c, struct fk_checkpoint *out) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf note = FK_BUF_INIT, vkey = FK_BUF_INIT;
    struct fk_verifier v;
    bool is_read = false;
    if (!fk_manifest_find(&c->payload, FK_SET_CHECKPOINT))
        return false; /* a set of before there were any, or made while none was to be had */
    if (tag_read(c, FK_SET_CHECKPOINT, &note) && tag_read(c, FK_SET_VKEY, &vkey)) {
        while (vkey.len && vkey.data[vkey.len - 1] == '\n')
            vkey.len--;
        is_read =
            fk_verifier_parse((const char *)vkey.data, vkey.len, FK_KEY_LOG, &v, &err) == FK_OK &&
            fk_checkpoint_open(note.data, note.len, &v, out, &err) == FK_OK;
        if (!is_read)
            finding(c, "checkpoint", FK_SET_CHECKPOINT, "%s", err.text);
    }
    fk_buf_free(&note);
    fk_buf_free(&vkey);
    return is_read;
}

static void checkpoint_compare(struct check *c, const struct fk_ledger_text *t,
                               struct fk_set_stamps *s, const struct fk_checkpoint *signed_) {
    const struct fk_set_point *here = fk_set_stamps_end(s, signed_->size);
    if (signed_->size > t->next_seq) {
        finding(c, "checkpoint", FK_SET_CHECKPOINT,
                "it is over %llu entries, and the ledger here has %llu",
                (unsigned long long)signed_->size, (unsigned long long)t->next_seq);
        return;
    }
    if (here && memcmp(here->root, signed_->root, sizeof here->root) != 0)
        finding(c, "checkpoint", FK_SET_CHECKPOINT,
                "it was signed over another ledger: the root of the first %llu entries is not its "
                "root",
                (unsigned long long)signed_->size);
    else
        c->sum->signed_entries = signed_->size;
}

/* ---- time stamps */

static void stamp_finding(void *ctx, const char *place, const char *sentence) {
    finding(ctx, "stamp", place, "%s", sentence);
}

static void stamps_compare(struct check *c, struct fk_set_stamps *s) {
    struct fk_set_stamps_sum sum;
    fk_set_stamps_check(s, c->dir, c->watch ? c->watch->roots : NULL, &c->payload, stamp_finding, c,
                        &sum);
    c->sum->stamps = sum.good;
    c->sum->anchors = s->count;
}

/* ---- the archive's own word */

static enum fk_status vault_compare(struct check *c, const struct fk_ledger_text *t,
                                    struct fk_lend *lend, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_catalogue sets = {NULL, 0, 0};
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_head head;
    uint8_t digest[FK_SHA256_BYTES];
    char place[40];
    FK_TRY(fk_lend_head(lend, &head, err));
    if (strcmp(head.ledger, c->sum->ledger) != 0) {
        finding(c, "export", "bag-info.txt", "the archive asked has ledger %s: another one",
                head.ledger);
        goto done;
    }
    FK_TRY(fk_catalogue_read(lend, "tape", &sets, err));
    const struct fk_tape_set *set = fk_catalogue_find(&sets, c->sum->manifest);
    if (set)
        c->sum->export_entry = set->entry;
    else
        finding(c, "export", PAYLOAD_256,
                "no export entry of the archive names this manifest: the set was not recorded, or "
                "is not the one that was");
    snprintf(place, sizeof place, "entry %llu", (unsigned long long)t->next_seq - 1);
    if (t->next_seq > head.next_seq) {
        finding(c, "head", place, "the archive has only %llu entries: it was set back",
                (unsigned long long)head.next_seq);
        goto done;
    }
    FK_TRY(fk_lend_lines(lend, t->next_seq - 1, &lines, err));
    const uint8_t *lf = memchr(lines.data, '\n', lines.len);
    fk_sha256(lines.data, lf ? (size_t)(lf - lines.data) + 1 : lines.len, digest);
    if (memcmp(digest, t->head, sizeof digest) != 0)
        finding(c, "head", place, "the archive has another line there: the two have parted");
done:
    fk_catalogue_free(&sets);
    fk_buf_free(&lines);
    return st;
}

static bool chain_check(struct check *c, struct fk_ledger_text *t) {
    struct fk_err err = FK_ERR_INIT;
    char place[40];
    if (fk_ledger_text_read(t, c->dir, &err) == FK_OK)
        return true;
    snprintf(place, sizeof place, "entry %llu", (unsigned long long)t->next_seq);
    finding(c, "chain", place, "%s", err.text);
    return false;
}

enum fk_status fk_tape_verify(const char *dir, struct fk_lend *lend,
                              const struct fk_tape_watch *watch, struct fk_tape_sum *out,
                              struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_tape_sum sum = {.export_entry = UINT64_MAX};
    struct check c = {.dir = dir, .watch = watch, .sum = &sum};
    struct fk_ledger_text t = {.next_seq = 0};
    struct fk_checkpoint checkpoint = {.size = 0};
    struct fk_set_stamps stamps = {.count = 0};
    FK_TRY(fk_volume_check(dir, err));
    FK_TRY(fk_summer_new(&c.summer, err));
    lists_take(&c);
    FK_TRY(folder_walk(&c, AT_FDCWD, dir, "", 0, err));
    FK_TRY(folder_walk(&c, AT_FDCWD, dir, "", 1, err));
    digests_compare(&c, &c.tags);
    digests_compare(&c, &c.payload);
    size_compare(&c);
    const bool has_checkpoint = checkpoint_read(&c, &checkpoint);
    if (has_checkpoint)
        FK_TRY(fk_set_stamps_want(&stamps, checkpoint.size, err));
    FK_TRY(fk_set_stamps_begin(&stamps, &t, &c.payload, err));
    if (chain_check(&c, &t)) { /* of a broken one the rest would only say so again */
        head_compare(&c, &t);
        segments_compare(&c, &t);
        if (has_checkpoint)
            checkpoint_compare(&c, &t, &stamps, &checkpoint);
        stamps_compare(&c, &stamps);
        if (lend)
            FK_TRY(vault_compare(&c, &t, lend, err));
    }
    sum.entries = t.next_seq;
    *out = sum;
    if (sum.findings)
        st = fk_fail(err, FK_CORRUPT, "%s: %llu findings", dir, (unsigned long long)sum.findings);
done:
    fk_set_stamps_free(&stamps);
    fk_ledger_text_free(&t);
    fk_manifest_free(&c.payload);
    fk_manifest_free(&c.tags);
    fk_summer_free(&c.summer);
    fk_buf_free(&c.info);
    return st;
}
