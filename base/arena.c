/* arena.c - a chain of blocks, the newest first. */
#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 65536, ALIGN = 16 };
struct block {
    struct block *next;
    size_t size, used;
    size_t align_to_16_bytes;
    unsigned char bytes[];
};
struct fk_arena {
    struct block *top;
    size_t limit, total;
};

struct fk_arena *fk_arena_new(size_t limit_bytes) {
    struct fk_arena *a = calloc(1, sizeof *a);
    if (a)
        a->limit = limit_bytes;
    return a;
}

static bool block_push(struct fk_arena *a, size_t size) {
    if (a->limit && (size > a->limit || a->total > a->limit - size))
        return false;
    struct block *b = malloc(sizeof *b + size);
    if (!b)
        return false;
    b->next = a->top;
    b->size = size;
    b->used = 0;
    a->top = b;
    a->total += size;
    return true;
}

void *fk_arena_alloc(struct fk_arena *a, size_t size) {
    if (size > SIZE_MAX - ALIGN - sizeof(struct block))
        return NULL;
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (!a->top || a->top->size - a->top->used < size)
        if (!block_push(a, size > BLOCK ? size : BLOCK))
            return NULL;
    void *p = a->top->bytes + a->top->used;
    a->top->used += size;
    return memset(p, 0, size);
}

char *fk_arena_copy(struct fk_arena *a, const char *data, size_t len) {
    char *p = len < SIZE_MAX ? fk_arena_alloc(a, len + 1) : NULL;
    if (p && len > 0) /* data may be NULL then */
        memcpy(p, data, len);
    return p;
}

void fk_arena_reset(struct fk_arena *a) {
    while (a->top && (a->top->next || a->top->size > BLOCK)) {
        struct block *b = a->top;
        a->top = b->next;
        a->total -= b->size;
        free(b);
    }
    if (a->top)
        a->top->used = 0;
}

void fk_arena_free(struct fk_arena **ap) {
    if (!*ap)
        return;
    for (struct block *b = (*ap)->top; b;) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
    free(*ap);
    *ap = NULL;
}
