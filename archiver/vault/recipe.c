/* recipe.c - the text of a recipe, both ways. What is read is written again and compared, so there
 * is one reading. */
#include "archiver/vault/recipe_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 160 };
static const char first_line[] = "fumikura-recipe/1\n";

/* Not realloc: the old place has keys. */
static bool grow(struct fk_recipe *r) {
    size_t cap = r->cap ? 2 * r->cap : 16;
    struct fk_recipe_line *line = calloc(cap, sizeof *line);
    if (!line)
        return false;
    if (r->line)
        memcpy(line, r->line, r->count * sizeof *line);
    OPENSSL_clear_free(r->line, r->cap * sizeof *line);
    r->line = line;
    r->cap = cap;
    return true;
}

static struct fk_recipe_line *line_add(struct fk_recipe *r, enum fk_recipe_what what,
                                       uint64_t bytes) {
    if (r->failed || ((!r->line || r->count == r->cap) && !grow(r))) {
        r->failed = true;
        return NULL;
    }
    struct fk_recipe_line *l = &r->line[r->count++];
    *l = (struct fk_recipe_line){.what = what, .bytes = bytes};
    return l;
}

void fk_recipe__raw_line(struct fk_recipe *r, uint64_t bytes) {
    (void)line_add(r, FK_RECIPE_RAW, bytes);
}

void fk_recipe__raw(struct fk_recipe *r, uint64_t bytes) {
    struct fk_recipe_line *before = r->count ? &r->line[r->count - 1] : NULL;
    if (bytes == 0)
        return;
    if (before && before->what == FK_RECIPE_RAW)
        before->bytes += bytes;
    else
        fk_recipe__raw_line(r, bytes);
}

void fk_recipe__run(struct fk_recipe *r, const struct fk_run *run) {
    struct fk_recipe_line *l = line_add(r, FK_RECIPE_BASE64, run->plain);
    if (!l)
        return;
    l->width = run->width;
    l->crlf = run->crlf;
    r->runs++;
}

struct fk_recipe_line *fk_recipe__chunk(struct fk_recipe *r, uint64_t bytes) {
    struct fk_recipe_line *l = line_add(r, FK_RECIPE_CHUNK, bytes);
    if (l)
        r->chunks++;
    return l;
}

bool fk_recipe__is_plain(const struct fk_recipe *r) {
    return r->runs == 0 && r->chunks == 0;
}

static void line_text(const struct fk_recipe_line *l, struct fk_buf *out) {
    switch (l->what) {
    case FK_RECIPE_RAW:
        fk_buf_printf(out, "raw %" PRIu64 "\n", l->bytes);
        break;
    case FK_RECIPE_BASE64:
        fk_buf_printf(out, "base64 %" PRIu64 " %u %s\n", l->bytes, (unsigned)l->width,
                      l->crlf ? "crlf" : "lf");
        break;
    case FK_RECIPE_CHUNK:
        fk_buf_printf(out, "chunk %" PRIu64 " %" PRIu64 " ", l->number, l->bytes);
        fk_buf_hex(out, l->key, sizeof l->key);
        fk_buf_byte(out, '\n');
        break;
    }
}

void fk_recipe__text(const struct fk_recipe *r, struct fk_buf *out) {
    /* at one go: what a growing buffer leaves behind would have keys in it */
    if (!fk_buf_reserve(out, sizeof first_line + r->count * LINE_SIZE))
        return;
    fk_buf_str(out, first_line);
    for (size_t i = 0; i < r->count; i++)
        line_text(&r->line[i], out);
    if (r->failed)
        out->failed = true;
}

static bool number_read(const char **p, uint64_t max, uint64_t *out) {
    char *end;
    if (**p < '1' || **p > '9') /* decimal, not 0, no leading zeros: strtoull takes more */
        return false;
    errno = 0;
    *out = strtoull(*p, &end, 10);
    *p = end;
    return errno == 0 && *out <= max;
}

static bool word_read(const char **p, const char *word) {
    size_t len = strlen(word);
    if (strncmp(*p, word, len) != 0)
        return false;
    *p += len;
    return true;
}

static bool run_read(const char *p, struct fk_recipe_line *l) {
    uint64_t width;
    if (!number_read(&p, UINT32_MAX, &l->bytes) || !word_read(&p, " ") ||
        !number_read(&p, FK_RUN_WIDTH_MAX, &width) || width % 4 != 0)
        return false;
    l->width = (uint16_t)width;
    l->crlf = strcmp(p, " crlf") == 0;
    return l->crlf || strcmp(p, " lf") == 0;
}

static bool chunk_read(const char *p, struct fk_recipe_line *l) {
    return number_read(&p, UINT64_MAX, &l->number) && word_read(&p, " ") &&
           number_read(&p, FK_CHUNK_MAX, &l->bytes) && word_read(&p, " ") &&
           strlen(p) == 2 * sizeof l->key && fk_unhex(l->key, p, sizeof l->key);
}

static bool line_read(const char *p, struct fk_recipe *r) {
    struct fk_recipe_line l = {.what = FK_RECIPE_RAW};
    bool ok = false;
    if (word_read(&p, "raw ")) {
        ok = number_read(&p, UINT32_MAX, &l.bytes) && *p == 0;
    } else if (word_read(&p, "base64 ")) {
        l.what = FK_RECIPE_BASE64;
        ok = r->runs++ < FK_RECIPE_RUNS_MAX && run_read(p, &l);
    } else if (word_read(&p, "chunk ")) {
        l.what = FK_RECIPE_CHUNK;
        ok = r->count && r->chunks++ < FK_RECIPE_CHUNKS_MAX && chunk_read(p, &l);
    }
    struct fk_recipe_line *to = ok ? line_add(r, l.what, l.bytes) : NULL;
    if (to)
        *to = l;
    OPENSSL_cleanse(l.key, sizeof l.key);
    return ok;
}

/* The line, counted from 1 in the text, whose bytes are not those of its chunks; 0: all agree. */
static size_t sums_check(const struct fk_recipe *r) {
    for (size_t i = 0, next; i < r->count; i = next) {
        uint64_t sum = 0;
        for (next = i + 1; next < r->count && r->line[next].what == FK_RECIPE_CHUNK; next++)
            sum += r->line[next].bytes;
        if (next > i + 1 && sum != r->line[i].bytes)
            return i + 2;
    }
    return 0;
}

enum fk_status fk_recipe__read(const uint8_t *text, size_t len, struct fk_recipe *out,
                               struct fk_err *err) {
    char line[LINE_SIZE] = "";
    const uint8_t *at = text, *end = text + len;
    struct fk_buf again = FK_BUF_INIT;
    size_t number = 1;
    fk_recipe__reset(out);
    bool ok = len >= sizeof first_line - 1 && memcmp(text, first_line, sizeof first_line - 1) == 0;
    if (ok)
        at += sizeof first_line - 1;
    while (ok && at < end) {
        const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));
        number++;
        ok = lf && lf - at < LINE_SIZE;
        if (!ok)
            break;
        memcpy(line, at, (size_t)(lf - at));
        line[lf - at] = 0;
        ok = line_read(line, out);
        at = lf + 1;
    }
    OPENSSL_cleanse(line, sizeof line);
    if (ok) {
        number = sums_check(out);
        ok = number == 0;
    }
    if (ok && !out->failed) {
        fk_recipe__text(out, &again);
        ok = again.failed || (again.len == len && memcmp(again.data, text, len) == 0);
    }
    bool failed = out->failed || again.failed;
    fk_buf_wipe(&again);
    if (failed)
        return fk_fail(err, FK_NOMEM, "no memory for a recipe of %zu bytes", len);
    return ok ? FK_OK
              : fk_fail(err, FK_CORRUPT, "line %zu of the recipe is not of the form", number);
}

void fk_recipe__reset(struct fk_recipe *r) {
    if (r->line)
        OPENSSL_cleanse(r->line, r->cap * sizeof *r->line);
    r->count = r->runs = r->chunks = 0;
    r->failed = false;
}

void fk_recipe__free(struct fk_recipe *r) {
    OPENSSL_clear_free(r->line, r->cap * sizeof *r->line);
    *r = (struct fk_recipe){0};
}
