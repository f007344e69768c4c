/* file_cache.c - see file_cache_priv.h. An event is its kind, then strings with their lengths. */
#include "indexer/reading/file_cache_priv.h"
#include "base/digest.h"
#include "base/pack.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 32, EVENTS_MAX = 1 << 20, LEAST = 4096 };
enum event { NAMED = 1, TEXT, DIGEST, OPENS, UNREAD, CHARSET, LINK };

struct entry {
    uint8_t key[FK_SHA256_BYTES];
    struct fk_buf events;
    unsigned reasons;
    bool is_garbled;
    uint64_t last_use; /* 0: empty */
};
struct fk_file_cache {
    struct entry entries[ENTRIES];
    uint64_t uses;
    struct fk_sink sink; /* that records, and passes on */
    const struct fk_sink *real;
    struct fk_buf events;
    uint8_t key[FK_SHA256_BYTES];
    bool is_lost; /* what comes of it depends on more than the file */
};

static void event_put(struct fk_file_cache *c, enum event event, const void *data, size_t len) {
    if (c->events.len + len > EVENTS_MAX)
        c->is_lost = true;
    if (c->is_lost)
        return;
    fk_put_u8(&c->events, (uint8_t)event);
    fk_put_bytes(&c->events, data, len);
}

static enum fk_status file_take(void *ctx, const char *name, size_t len, struct fk_err *err) {
    struct fk_file_cache *c = ctx;
    event_put(c, NAMED, name, len);
    return c->real->file(c->real->ctx, name, len, err);
}

static enum fk_status text_take(void *ctx, enum fk_text_kind kind, const char *text, size_t len,
                                struct fk_err *err) {
    struct fk_file_cache *c = ctx;
    event_put(c, TEXT, text, len);
    return c->real->text(c->real->ctx, kind, text, len, err);
}

static enum fk_status link_take(void *ctx, const char *target, size_t len, struct fk_err *err) {
    struct fk_file_cache *c = ctx;
    event_put(c, LINK, target, len);
    return c->real->link ? c->real->link(c->real->ctx, target, len, err) : FK_OK;
}

static enum fk_status digest_take(void *ctx, const char *hex, struct fk_err *err) {
    struct fk_file_cache *c = ctx;
    event_put(c, DIGEST, hex, strlen(hex));
    return c->real->digest ? c->real->digest(c->real->ctx, hex, err) : FK_OK;
}

static void opens_take(void *ctx, const char *path, size_t len) {
    struct fk_file_cache *c = ctx;
    event_put(c, OPENS, path, len);
    if (c->real->opens)
        c->real->opens(c->real->ctx, path, len);
}

/* What ran into a limit, wanted a password or a program may come out otherwise the next time. */
static void unread_take(void *ctx, const char *path, size_t len, enum fk_reason reason) {
    struct fk_file_cache *c = ctx;
    c->is_lost |= (reason & (FK_REASON_LIMIT | FK_REASON_ENCRYPTED | FK_REASON_PROGRAM)) != 0;
    event_put(c, UNREAD, path, len);
    fk_put_u32(&c->events, reason);
    if (c->real->unread)
        c->real->unread(c->real->ctx, path, len, reason);
}

static void unlocked_take(void *ctx, const char *path, size_t len, uint64_t origin) {
    struct fk_file_cache *c = ctx;
    c->is_lost = true;
    if (c->real->unlocked)
        c->real->unlocked(c->real->ctx, path, len, origin);
}

static void charset_take(void *ctx, const char *where, size_t len, const char *declared,
                         const struct fk_charset_use *use) {
    struct fk_file_cache *c = ctx;
    event_put(c, CHARSET, where, len);
    fk_put_cstr(&c->events, declared ? declared : "");
    fk_put_cstr(&c->events, use->used);
    fk_put_u64(&c->events, use->faults);
    if (c->real->charset)
        c->real->charset(c->real->ctx, where, len, declared, use);
}

struct fk_file_cache *fk_file_cache__new(void) {
    struct fk_file_cache *c = calloc(1, sizeof *c);
    if (c)
        c->sink = (struct fk_sink){.ctx = c,
                                   .file = file_take,
                                   .text = text_take,
                                   .link = link_take,
                                   .digest = digest_take,
                                   .opens = opens_take,
                                   .unread = unread_take,
                                   .unlocked = unlocked_take,
                                   .charset = charset_take};
    return c;
}

/* The bytes, and all that may make them be read otherwise. */
static void key_of(const struct fk_file *file, uint8_t key[FK_SHA256_BYTES]) {
    uint8_t sum[FK_SHA256_BYTES];
    struct fk_buf b = FK_BUF_INIT;
    fk_sha256(file->data, file->len, sum);
    fk_buf_add(&b, sum, sizeof sum);
    fk_put_u8(&b, (uint8_t)(file->is_text | file->is_html << 1 | file->is_media << 2));
    fk_put_cstr(&b, file->name);
    fk_put_cstr(&b, file->charset ? file->charset : "");
    fk_sha256(b.data, b.len, key);
    fk_buf_free(&b);
}

static enum fk_status events_tell(const struct entry *e, const struct fk_sink *sink,
                                  struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_reader r;
    fk_reader_init(&r, e->events.data, e->events.len);
    while (st == FK_OK && r.at < r.end) {
        size_t len, declared_len, used_len;
        const uint8_t event = fk_get_u8(&r);
        const char *text = (const char *)fk_get_bytes(&r, &len);
        char hex[2 * FK_SHA256_BYTES + 1] = "", declared[64] = "";
        struct fk_charset_use use = {"", 0};
        if (event == NAMED)
            st = sink->file(sink->ctx, text, len, err);
        else if (event == TEXT)
            st = sink->text(sink->ctx, FK_TEXT_FILE, text, len, err);
        else if (event == LINK && sink->link)
            st = sink->link(sink->ctx, text, len, err);
        else if (event == OPENS && sink->opens)
            sink->opens(sink->ctx, text, len);
        else if (event == DIGEST && sink->digest) {
            memcpy(hex, text, len < sizeof hex - 1 ? len : sizeof hex - 1);
            st = sink->digest(sink->ctx, hex, err);
        } else if (event == UNREAD) {
            const enum fk_reason reason = (enum fk_reason)fk_get_u32(&r);
            if (sink->unread)
                sink->unread(sink->ctx, text, len, reason);
        } else if (event == CHARSET) {
            const char *d = (const char *)fk_get_bytes(&r, &declared_len);
            const char *u = (const char *)fk_get_bytes(&r, &used_len);
            snprintf(declared, sizeof declared, "%.*s", (int)declared_len, d);
            snprintf(use.used, sizeof use.used, "%.*s", (int)used_len, u);
            use.faults = (size_t)fk_get_u64(&r);
            if (sink->charset)
                sink->charset(sink->ctx, text, len, declared, &use);
        }
    }
    return st;
}

enum fk_status fk_file_cache__tell(struct fk_file_cache *c, const struct fk_file *file,
                                   const struct fk_sink *sink, unsigned *reasons, bool *clean,
                                   size_t *text_left, struct fk_err *err) {
    if (!c || file->len < LEAST)
        return FK_NOT_FOUND;
    key_of(file, c->key);
    for (size_t i = 0; i < ENTRIES; i++) {
        struct entry *e = &c->entries[i];
        if (!e->last_use || memcmp(e->key, c->key, sizeof c->key) != 0)
            continue;
        if (e->events.len > *text_left)
            return FK_NOT_FOUND; /* read anew, as far as there is room */
        *text_left -= e->events.len;
        e->last_use = ++c->uses;
        *reasons |= e->reasons;
        *clean = *clean && !e->is_garbled;
        return events_tell(e, sink, err);
    }
    return FK_NOT_FOUND;
}

const struct fk_sink *fk_file_cache__begin(struct fk_file_cache *c, const struct fk_file *file,
                                           const struct fk_sink *sink) {
    if (!c || file->len < LEAST)
        return sink;
    c->real = sink;
    c->is_lost = false;
    fk_buf_reset(&c->events);
    return &c->sink;
}

void fk_file_cache__end(struct fk_file_cache *c, const struct fk_file *file, bool is_good,
                        unsigned reasons, bool is_garbled) {
    struct entry *oldest;
    if (!c || file->len < LEAST || c->is_lost || !is_good || c->events.failed)
        return;
    oldest = &c->entries[0];
    for (size_t i = 1; i < ENTRIES; i++)
        if (c->entries[i].last_use < oldest->last_use)
            oldest = &c->entries[i];
    fk_buf_free(&oldest->events);
    memcpy(oldest->key, c->key, sizeof c->key);
    oldest->events = c->events;
    oldest->reasons = reasons;
    oldest->is_garbled = is_garbled;
    oldest->last_use = ++c->uses;
    c->events = (struct fk_buf)FK_BUF_INIT;
}
