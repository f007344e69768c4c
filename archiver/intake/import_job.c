/* import_job.c - the file of a job, its locks, and what the ledger says that it has brought. */
#include "archiver/intake/import_job.h"
#include "archiver/intake/import_priv.h"
#include "archiver/vault/lend.h"
#include "archiver/vault/mirror_state.h"
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    KEY_BYTES = 32,
    NAME_MAX_BYTES = 64,
    FILE_MAX = 1 << 20,
    FENCE_MS = 120000, /* for what a killed import had with a pen that is slow */
    FENCE_PAUSE_MS = 20,
    MIRROR_MS = 10000 /* for a mirror to come as far as the ledger, before the next try */
};

struct fk_import_job {
    char *dir, *name, *cwd;
    bool is_named;
    uint8_t key[KEY_BYTES];
    uint64_t from;    /* no message of this job stands before it */
    uint64_t scanned; /* lines before it have been read */
    uint64_t newest;  /* of the messages of imports in them, plus 1 */
    int64_t since_ms, done_ms;
    char **words;
    size_t count;
    int lock;
    struct fk_import_map items; /* a: seq + 1 */
    struct fk_lend *lend;       /* borrowed, or NULL */
    bool is_fenced;             /* the pen of a server has the fence */
};

/* ---- names and files */

static bool is_name(const char *name) {
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
                      rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t len = strlen(name);
    return len && len <= NAME_MAX_BYTES && strchr(first, *name) && strspn(name, rest) == len;
}

static enum fk_status name_check(const char *name, struct fk_err *err) {
    return is_name(name) ? FK_OK
                         : fk_fail(err, FK_INVALID,
                                   "\"%.80s\" is no name of a job: letters, digits, - and _, at "
                                   "most %d",
                                   name, NAME_MAX_BYTES);
}

static enum fk_status path_make(char out[PATH_MAX], const char *dir, const char *name,
                                const char *ending, struct fk_err *err) {
    int n = name ? snprintf(out, PATH_MAX, "%s/run/import/%s%s", dir, name, ending)
                 : snprintf(out, PATH_MAX, "%s/run/import", dir);
    return n < PATH_MAX ? FK_OK : fk_fail(err, FK_INVALID, "%s: the path is too long", dir);
}

static int is_gone(const struct dirent *e) {
    size_t len = strlen(e->d_name);
    return len > 5 && strcmp(e->d_name + len - 5, ".gone") == 0;
}

/* What a kill has left of a job that was finished. */
static void gone_destroy(const char *directory) {
    char path[PATH_MAX];
    struct dirent **names;
    int n = scandir(directory, &names, is_gone, NULL);
    for (int i = 0; i < n; i++) {
        if (fk_join_path(path, sizeof path, directory, names[i]->d_name, NULL) == FK_OK &&
            fk_destroy_file(path, NULL) != FK_OK)
            (void)0; /* the next import tries again */
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

static enum fk_status directory_make(const char *dir, struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st = path_make(path, dir, NULL, "", err);
    if (st == FK_OK)
        st = fk_make_dir(path, 0700, err);
    if (st == FK_OK)
        gone_destroy(path);
    return st;
}

void fk_import_job_free(struct fk_import_job **jp) {
    struct fk_import_job *j = *jp;
    if (!j)
        return;
    OPENSSL_cleanse(j->key, sizeof j->key);
    for (size_t i = 0; i < j->count; i++)
        free(j->words[i]);
    free(j->words);
    free(j->cwd);
    free(j->name);
    free(j->dir);
    fk_close(&j->lock);
    fk_import_map_free(&j->items);
    free(j);
    *jp = NULL;
}

static struct fk_import_job *job_new(const char *dir, const char *name) {
    struct fk_import_job *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->lock = -1;
    j->dir = strdup(dir);
    j->name = strdup(name);
    if (!j->dir || !j->name)
        fk_import_job_free(&j);
    return j;
}

/* One import a job at a time. */
static enum fk_status job_lock(struct fk_import_job *j, struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st = path_make(path, j->dir, j->name, ".lock", err);
    if (st != FK_OK)
        return st;
    j->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (j->lock < 0)
        return fk_fail_sys(err, errno, "%s: cannot open", path);
    if (flock(j->lock, LOCK_EX | LOCK_NB) == 0)
        return FK_OK;
    return errno == EWOULDBLOCK
               ? fk_fail(err, FK_RETRY, "import \"%s\" runs in another process", j->name)
               : fk_fail_sys(err, errno, "%s: cannot lock", path);
}

/* ---- the file */

static enum fk_status job_write(const struct fk_import_job *j, struct fk_err *err) {
    char path[PATH_MAX], text[65];
    struct fk_buf b = FK_BUF_INIT;
    enum fk_status st = path_make(path, j->dir, j->name, ".job", err);
    if (st != FK_OK)
        return st;
    fk_fields_add_str(&b, "fumikura-import", "1");
    fk_hex(text, j->key, sizeof j->key);
    fk_fields_add_str(&b, "key", text);
    OPENSSL_cleanse(text, sizeof text);
    snprintf(text, sizeof text, "%" PRIu64, j->from);
    fk_fields_add_str(&b, "from", text);
    fk_time_format(text, j->since_ms);
    fk_fields_add_str(&b, "since", text);
    if (j->is_named)
        fk_fields_add_str(&b, "named", "yes");
    if (j->done_ms) {
        fk_time_format(text, j->done_ms);
        fk_fields_add_str(&b, "done", text);
    }
    fk_fields_add_str(&b, "directory", j->cwd);
    for (size_t i = 0; i < j->count; i++)
        fk_fields_add_str(&b, "word", j->words[i]);
    st = b.failed ? fk_fail(err, FK_NOMEM, "no memory for %s", path)
         : b.len > FILE_MAX
             ? fk_fail(err, FK_INVALID, "too many words for one import; give a directory")
             : fk_atomic_put(path, 0600, b.data, b.len, err);
    fk_buf_wipe(&b);
    return st;
}

static bool word_add(struct fk_import_job *j, const char *word) {
    char **more = realloc(j->words, (j->count + 1) * sizeof *more);
    if (!more)
        return false;
    j->words = more;
    return (j->words[j->count] = strdup(word)) && ++j->count;
}

static bool number_read(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && errno == 0;
}

/* One field of the file; false when it is not of the form. Unknown ones are passed over. */
static bool field_take(struct fk_import_job *j, const struct fk_field *f, const char *value,
                       unsigned *seen) {
    if (fk_field_is(f, "fumikura-import")) {
        *seen |= 1;
        return strcmp(value, "1") == 0;
    }
    if (fk_field_is(f, "key")) {
        *seen |= 2;
        return strlen(value) == 2 * sizeof j->key && fk_unhex(j->key, value, sizeof j->key);
    }
    if (fk_field_is(f, "from")) {
        *seen |= 4;
        return number_read(value, &j->from);
    }
    if (fk_field_is(f, "since"))
        return fk_time_parse(value, &j->since_ms);
    if (fk_field_is(f, "done"))
        return fk_time_parse(value, &j->done_ms);
    if (fk_field_is(f, "named"))
        j->is_named = true;
    if (fk_field_is(f, "directory"))
        return !j->cwd && (j->cwd = strdup(value));
    return !fk_field_is(f, "word") || word_add(j, value);
}

static enum fk_status job_read(struct fk_import_job *j, struct fk_err *err) {
    char path[PATH_MAX];
    struct fk_buf text = FK_BUF_INIT, value = FK_BUF_INIT;
    unsigned seen = 0;
    bool good = true;
    enum fk_status st;
    FK_TRY(path_make(path, j->dir, j->name, ".job", err));
    FK_TRY(fk_read_file(path, 2 * FILE_MAX, &text, err));
    struct fk_fields it = fk_fields_begin(text.data, text.len);
    for (struct fk_field f; good && fk_fields_next(&it, &f);) {
        fk_buf_reset(&value);
        fk_field_value(&f, &value);
        good = !value.failed && field_take(j, &f, fk_buf_cstr(&value), &seen);
    }
    if (!good || it.bad || seen != 7 || !j->cwd)
        st = fk_fail(err, FK_CORRUPT,
                     "%s: not of the form; \"import --forget %s\" removes it, and what it brought "
                     "would be brought again",
                     path, j->name);
done:
    fk_buf_wipe(&text);
    fk_buf_wipe(&value);
    return st;
}

static enum fk_status words_set(struct fk_import_job *j, const struct fk_import_words *w,
                                struct fk_err *err) {
    while (j->count)
        free(j->words[--j->count]);
    free(j->cwd);
    bool good = (j->cwd = strdup(w->cwd)) != NULL;
    for (size_t i = 0; good && i < w->count; i++)
        good = word_add(j, w->words[i]);
    return good ? FK_OK : fk_fail(err, FK_NOMEM, "no memory for an import");
}

/* ---- beginning and ending */

static enum fk_status desk_open(const struct fk_import_job *j, struct fk_lend **out,
                                struct fk_err *err) {
    if (!j->lend)
        return fk_lend_open(j->dir, out, err);
    *out = j->lend;
    return FK_OK;
}

static void desk_close(const struct fk_import_job *j, struct fk_lend **lend) {
    if (!j->lend)
        fk_lend_close(lend);
}

static enum fk_status ledger_head(const struct fk_import_job *j, uint64_t *next_out,
                                  struct fk_err *err) {
    struct fk_lend *lend = NULL;
    struct fk_head head;
    enum fk_status st = desk_open(j, &lend, err);
    if (st == FK_OK)
        st = fk_lend_head(lend, &head, err);
    if (st == FK_OK)
        *next_out = head.next_seq;
    desk_close(j, &lend);
    return st;
}

static enum fk_status job_make(struct fk_import_job *j, bool is_named, struct fk_err *err) {
    j->is_named = is_named;
    j->since_ms = fk_now_ms();
    if (RAND_bytes(j->key, sizeof j->key) != 1)
        return fk_fail(err, FK_IO, "no random bytes for the key of an import");
    return ledger_head(j, &j->from, err);
}

enum fk_status fk_import_job_begin(const char *dir, const struct fk_import_words *words,
                                   struct fk_import_job **out, struct fk_err *err) {
    enum fk_status st;
    char made[NAME_MAX_BYTES], time[FK_TIME_SIZE];
    struct fk_import_job *j = NULL;
    const char *name = words->name;
    if (!name) {
        fk_time_format(time, fk_now_ms());
        snprintf(made, sizeof made, "%.4s%.2s%.2s-%.2s%.2s%.2s-%ld", time, time + 5, time + 8,
                 time + 11, time + 14, time + 17, (long)getpid());
        name = made;
    }
    FK_TRY(name_check(name, err));
    FK_TRY(directory_make(dir, err));
    if (!(j = job_new(dir, name)))
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for an import"));
    j->lend = words->lend;
    FK_TRY(job_lock(j, err));
    st = words->name ? job_read(j, err) : FK_NOT_FOUND;
    if (st == FK_NOT_FOUND)
        st = job_make(j, words->name != NULL, err);
    FK_TRY(st);
    FK_TRY(words_set(j, words, err));
    j->done_ms = 0;
    j->scanned = j->from;
    FK_TRY(job_write(j, err));
    *out = j;
    j = NULL;
done:
    fk_import_job_free(&j);
    return st;
}

struct unfinished {
    char name[NAME_MAX_BYTES + 1];
    struct fk_buf all;
    size_t count;
};

static void unfinished_take(void *ctx, const struct fk_import_job_info *info) {
    struct unfinished *u = ctx;
    if (info->is_done)
        return;
    snprintf(u->name, sizeof u->name, "%s", info->name);
    fk_buf_printf(&u->all, "%s%s", u->count++ ? ", " : "", info->name);
}

static enum fk_status unfinished_find(const char *dir, char out[NAME_MAX_BYTES + 1],
                                      struct fk_err *err) {
    struct unfinished u = {.all = FK_BUF_INIT};
    enum fk_status st = fk_import_jobs(dir, unfinished_take, &u, err);
    if (st == FK_OK && !u.count)
        st = fk_fail(err, FK_NOT_FOUND, "there is no import to resume");
    if (st == FK_OK && u.count > 1)
        st = fk_fail(err, FK_INVALID, "%zu imports are not finished, name one: %.300s", u.count,
                     fk_buf_cstr(&u.all));
    if (st == FK_OK)
        memcpy(out, u.name, sizeof u.name);
    fk_buf_free(&u.all);
    return st;
}

enum fk_status fk_import_job_resume(const char *dir, const char *name, struct fk_import_job **out,
                                    struct fk_err *err) {
    enum fk_status st;
    char found[NAME_MAX_BYTES + 1];
    struct fk_import_job *j = NULL;
    if (!name) {
        FK_TRY(unfinished_find(dir, found, err));
        name = found;
    }
    FK_TRY(name_check(name, err));
    FK_TRY(directory_make(dir, err));
    if (!(j = job_new(dir, name)))
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for an import"));
    FK_TRY(job_lock(j, err));
    st = job_read(j, err);
    if (st == FK_NOT_FOUND)
        st = fk_fail(err, FK_NOT_FOUND,
                     "there is no import \"%s\" to resume: it was finished, or never begun", name);
    FK_TRY(st);
    j->scanned = j->from;
    *out = j;
    j = NULL;
done:
    fk_import_job_free(&j);
    return st;
}

/* Under another name first, so that what is half destroyed is no job any more. */
static enum fk_status files_remove(const char *dir, const char *name, struct fk_err *err) {
    static const char *const endings[] = {".fence", ".lock"};
    char path[PATH_MAX], gone[PATH_MAX];
    enum fk_status st = path_make(path, dir, name, ".job", err);
    if (st == FK_OK)
        st = path_make(gone, dir, name, ".gone", err);
    if (st == FK_OK && rename(path, gone) != 0)
        st = fk_fail_sys(err, errno, "%s: cannot remove", path);
    if (st == FK_OK)
        st = fk_destroy_file(gone, err);
    for (size_t i = 0; i < 2 && st == FK_OK; i++)
        if ((st = path_make(path, dir, name, endings[i], err)) == FK_OK)
            (void)unlink(path); /* one that stays is only an empty file */
    return st;
}

enum fk_status fk_import_job_finish(struct fk_import_job *j, struct fk_err *err) {
    if (!j->is_named)
        return files_remove(j->dir, j->name, err);
    j->done_ms = fk_now_ms();
    return job_write(j, err);
}

enum fk_status fk_import_job_forget(const char *dir, const char *name, struct fk_err *err) {
    enum fk_status st;
    char path[PATH_MAX];
    struct fk_import_job *j = NULL;
    FK_TRY(name_check(name, err));
    FK_TRY(path_make(path, dir, name, ".job", err));
    if (access(path, F_OK) != 0)
        FK_TRY(fk_fail(err, FK_NOT_FOUND, "there is no import \"%s\"", name));
    if (!(j = job_new(dir, name)))
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for an import"));
    FK_TRY(job_lock(j, err));
    st = files_remove(dir, name, err);
done:
    fk_import_job_free(&j);
    return st;
}

const char *fk_import_job_name(const struct fk_import_job *j) {
    return j->name;
}

struct fk_import_words fk_import_job_words(const struct fk_import_job *j) {
    return (struct fk_import_words){j->is_named ? j->name : NULL, j->cwd, j->words, j->count,
                                    j->lend};
}

void fk_import_job_pass(struct fk_import_job *j, uint64_t next_seq) {
    fk_import_map_free(&j->items);
    if (next_seq > j->scanned)
        j->scanned = next_seq;
}

void fk_import_job_new_pen(struct fk_import_job *j) {
    j->is_fenced = false;
}

uint64_t fk_import_job_scanned(const struct fk_import_job *j) {
    return j->scanned;
}

static int job_is_file(const struct dirent *e) {
    size_t len = strlen(e->d_name);
    return len > 4 && len <= NAME_MAX_BYTES + 4 && strcmp(e->d_name + len - 4, ".job") == 0;
}

static enum fk_status info_tell(const char *dir, const char *file, fk_import_job_fn fn, void *ctx,
                                struct fk_err *err) {
    char name[NAME_MAX_BYTES + 1];
    snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - 4), file);
    struct fk_import_job *j = job_new(dir, name);
    enum fk_status st = j ? job_read(j, err) : fk_fail(err, FK_NOMEM, "no memory for an import");
    if (st == FK_OK)
        fn(ctx, &(struct fk_import_job_info){j->name, j->is_named, j->done_ms != 0, j->since_ms});
    fk_import_job_free(&j);
    return st == FK_NOT_FOUND ? FK_OK : st; /* it was just finished */
}

enum fk_status fk_import_jobs(const char *dir, fk_import_job_fn fn, void *ctx, struct fk_err *err) {
    char path[PATH_MAX];
    struct dirent **names;
    enum fk_status st = path_make(path, dir, NULL, "", err);
    if (st != FK_OK)
        return st;
    int n = scandir(path, &names, job_is_file, alphasort);
    if (n < 0)
        return errno == ENOENT ? FK_OK : fk_fail_sys(err, errno, "%s: cannot read", path);
    for (int i = 0; i < n; i++) {
        if (st == FK_OK)
            st = info_tell(dir, names[i]->d_name, fn, ctx, err);
        free(names[i]);
    }
    free(names);
    return st;
}

/* ---- what it has brought */

void fk_import_job__item(const struct fk_import_job *j, const char *kind, const void *id,
                         size_t len, uint64_t n, struct fk_import_item_id *out) {
    uint8_t mac[EVP_MAX_MD_SIZE], input[256];
    unsigned mac_len = 0;
    size_t kind_len = strlen(kind) + 1;
    memcpy(input, kind, kind_len);
    memcpy(input + kind_len, id, len);
    for (int i = 0; i < 8; i++)
        input[kind_len + len + (size_t)i] = (uint8_t)(n >> (56 - 8 * i));
    if (!HMAC(EVP_sha256(), j->key, sizeof j->key, input, kind_len + len + 8, mac, &mac_len))
        abort(); /* as base/digest.c: only a fault of ours */
    memset(out->key, 0, sizeof out->key);
    memcpy(out->key, mac, FK_KEEP_ITEM / 2);
    fk_hex(out->hex, mac, FK_KEEP_ITEM / 2);
}

bool fk_import_job__has(const struct fk_import_job *j, const struct fk_import_item_id *id,
                        uint64_t *seq_out) {
    const struct fk_import_place *p = fk_import_map_find(&j->items, id->key);
    if (p)
        *seq_out = p->a - 1;
    return p != NULL;
}

/* What an import that was killed had sent is either in the ledger or will never be, once its fence
 * is free: the pen lets it go with the last of it. */
static enum fk_status fence_pass(const struct fk_import_job *j, struct fk_keep *keep,
                                 struct fk_err *err) {
    char path[PATH_MAX];
    enum fk_status st = path_make(path, j->dir, j->name, ".fence", err);
    if (st != FK_OK)
        return st;
    int64_t until = fk_monotonic_ms() + FENCE_MS;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), rc;
    if (fd < 0)
        return fk_fail_sys(err, errno, "%s: cannot open", path);
    while ((rc = flock(fd, LOCK_EX | LOCK_NB)) != 0 && errno == EWOULDBLOCK &&
           fk_monotonic_ms() < until)
        (void)poll(NULL, 0, FENCE_PAUSE_MS);
    if (rc != 0)
        st = errno == EWOULDBLOCK
                 ? fk_fail(err, FK_RETRY,
                           "the pen still has messages of an earlier run of this import; try again")
                 : fk_fail_sys(err, errno, "%s: cannot lock", path);
    if (st == FK_OK)
        st = fk_keep_tether(keep, fd, err);
    fk_close(&fd);
    return st;
}

static enum fk_status line_take(struct fk_import_job *j, const char *line, size_t len,
                                fk_import_brought_fn fn, void *ctx, struct fk_err *err) {
    struct fk_entry e;
    char item[FK_KEEP_ITEM + 1], c256[65];
    struct fk_import_item_id id = {{0}, ""};
    enum fk_status st = fk_entry_read(line, len, &e, err);
    if (st != FK_OK)
        return st;
    j->scanned = e.seq + 1;
    if (!fk_entry_is(&e, "mail") || !fk_entry_field(&e, "item", item, sizeof item) ||
        !fk_unhex(id.key, item, FK_KEEP_ITEM / 2))
        return FK_OK;
    memcpy(id.hex, item, sizeof item);
    struct fk_import_place *p = fk_import_map_put(&j->items, id.key);
    if (!p)
        return fk_fail(err, FK_NOMEM, "no memory for what the import has brought");
    p->a = j->newest = e.seq + 1;
    if (fn && fk_entry_field(&e, "c256", c256, sizeof c256))
        fn(ctx, &id, e.seq, c256);
    return FK_OK;
}

/* Only what is on the disk counts: a reader may see a commit a moment before its sync returns. */
static enum fk_status ledger_scan(struct fk_import_job *j, fk_import_brought_fn fn, void *ctx,
                                  struct fk_err *err) {
    struct fk_lend *lend = NULL;
    struct fk_head head;
    struct fk_buf block = FK_BUF_INIT;
    enum fk_status st;
    FK_TRY(desk_open(j, &lend, err));
    FK_TRY(fk_lend_settled_head(lend, &head, err));
    while (j->scanned < head.next_seq) {
        fk_buf_reset(&block);
        FK_TRY(fk_lend_lines(lend, j->scanned, &block, err));
        const char *at = (const char *)block.data, *end = at + block.len;
        for (const char *lf; at < end && j->scanned < head.next_seq; at = lf + 1) {
            if (!(lf = memchr(at, '\n', (size_t)(end - at))))
                FK_TRY(fk_fail(err, FK_CORRUPT, "the line of entry %" PRIu64 " has no end",
                               j->scanned));
            FK_TRY(line_take(j, at, (size_t)(lf + 1 - at), fn, ctx, err));
        }
    }
done:
    fk_buf_free(&block);
    desk_close(j, &lend);
    return st;
}

/* A pen that died after its commit had not answered yet: the mirror may not have what the ledger
 * has. The next pen copies it. */
enum fk_status fk_import_job__mirrored(const struct fk_import_job *j, struct fk_keep *keep,
                                       struct fk_err *err) {
    struct fk_mirror_state state = {.next_seq = 0};
    const int64_t until = fk_monotonic_ms() + MIRROR_MS;
    while (j->newest) {
        enum fk_status st = fk_mirror_state_read(j->dir, &state, err);
        if (st != FK_OK && st != FK_NOT_FOUND)
            return st;
        if (st == FK_OK && state.next_seq >= j->newest)
            return FK_OK;
        if (fk_monotonic_ms() >= until)
            return fk_fail(err, FK_RETRY,
                           "the vault has messages of an import up to entry %" PRIu64
                           ", and the mirror only those before %" PRIu64 "%s%s",
                           j->newest - 1, state.next_seq, *state.trouble ? ": " : "",
                           state.trouble);
        struct pollfd pen = {.fd = fk_keep_fd(keep)};
        if (poll(&pen, 1, FENCE_PAUSE_MS) > 0 && pen.revents & (POLLHUP | POLLERR))
            return fk_fail(err, FK_RETRY, "the pen went away before the mirror had its messages");
    }
    return FK_OK;
}

enum fk_status fk_import_job__attach(struct fk_import_job *j, struct fk_keep *keep,
                                     fk_import_brought_fn fn, void *ctx, struct fk_err *err) {
    enum fk_status st = j->is_fenced ? FK_OK : fence_pass(j, keep, err);
    j->is_fenced = st == FK_OK && j->lend; /* a command's pen is another one each time */
    return st == FK_OK ? ledger_scan(j, fn, ctx, err) : st;
}
