/* mutate.h - inputs that are kept, and others made of them: for driver.c. */
#ifndef FK_FUZZ_MUTATE_H
#define FK_FUZZ_MUTATE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t len;
};
struct corpus {
    struct bytes *at, *word; /* inputs; tokens of the dictionary */
    size_t count, cap, words;
};
struct random {
    uint64_t state; /* not 0 */
};

void corpus_add(struct corpus *c, const uint8_t *data, size_t len);
/* A file, or the files of a directory in the order of their names, cut at max bytes each; true: a
 * directory. Ends the program where it cannot be read. */
bool corpus_read(struct corpus *c, const char *path, size_t max);
/* Lines of "token", with \xNN, \\ and \", as libFuzzer and AFL have them; # begins a comment. */
void dictionary_read(struct corpus *c, const char *path);
/* Another input out of those that are there, into out; its length, at most max. */
size_t mutate(const struct corpus *c, struct random *r, uint8_t *out, size_t max);
#endif
