/* driver.c - runs a fuzz program where there is no libFuzzer, with the options of that:
 *
 *     NAME [-seed=N] [-max_total_time=SECONDS] [-runs=N] [-max_len=BYTES] [-dict=FILE]
 *          [-timeout=SECONDS] SEEDS...
 *
 * A directory's files are seeds; files alone are run as they are, and that is all. Every seed runs
 * first; then mutations of them for so many seconds (default 0), the same for the same seed of the
 * generator. Where the house was built with -fsanitize-coverage=trace-pc, an input that takes an
 * edge it has not taken becomes a seed.
 *
 * The inputs run in a child and lie in memory shared with the parent, so that whatever ends the
 * child (a sanitizer, a signal, the alarm) leaves the input that did it: the parent puts it into
 * $TEST_DIR and says how to run it again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/mutate.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void *, size_t),
                                              void (*)(const volatile void *))
    __attribute__((weak));

enum { LEN_MAX = 1 << 20, EDGES = 1 << 16, LEAK_CHECKS = 200 };

static struct shared { /* with the parent */
    uint64_t runs, found;
    size_t len;
    uint8_t input[LEN_MAX];
} * shared;

static struct options {
    uint64_t seed, runs;
    unsigned seconds, timeout;
    size_t max_len;
    const char *name;
} opt = {.seed = 1, .timeout = 20, .max_len = 8192};

/* ---- what the house was built to tell: each edge, counted roughly (1, 2, 3, 4-7, ...) */

static uint8_t edges[EDGES] __attribute__((aligned(8))), seen[EDGES];
static bool traced;

void __sanitizer_cov_trace_pc(void);
__attribute__((no_sanitize_coverage, no_sanitize_address, no_sanitize_undefined)) void
__sanitizer_cov_trace_pc(void) {
    static __thread uintptr_t before;
    const uintptr_t base =
        (uintptr_t)&LLVMFuzzerTestOneInput; /* the same wherever the program was loaded */
    const uintptr_t here =
        ((uintptr_t)__builtin_return_address(0) - base) * 0x9E3779B97F4A7C15ull >> 40;
    uint8_t *edge = &edges[(here ^ before >> 1) % EDGES];
    if (*edge < 255)
        ++*edge;
    before = here;
    traced = true;
}

__attribute__((no_sanitize_coverage)) static unsigned size_class(unsigned n) {
    static const uint8_t from[8] = {1, 2, 3, 4, 8, 16, 32, 128};
    unsigned i = 7;
    while (n < from[i])
        i--;
    return i;
}

/* Something that no input before has done? */
__attribute__((no_sanitize_coverage, no_sanitize_address)) static bool edges_are_new(void) {
    bool is_new = false;
    for (size_t i = 0; i < EDGES; i += 8) {
        if (!*(const uint64_t *)(const void *)(edges + i))
            continue;
        for (size_t k = i; k < i + 8; k++) {
            const unsigned bit = edges[k] ? 1u << size_class(edges[k]) : 0;
            is_new |= (bit & ~(unsigned)seen[k]) != 0;
            seen[k] = (uint8_t)(seen[k] | bit);
        }
    }
    memset(edges, 0, sizeof edges);
    return is_new;
}

/* ---- leaks: looked for where more was taken than given back */

static long held;
static void took(const volatile void *p, size_t n) {
    (void)p, (void)n;
    held++;
}
static void gave(const volatile void *p) {
    held -= p != NULL;
}

/* What takes something once (a cache, say) is no leak. */
static void leak_check(const uint8_t *data, size_t len, long before) {
    static unsigned checks;
    if (held <= before || !__lsan_do_recoverable_leak_check || checks >= LEAK_CHECKS)
        return;
    before = held;
    (void)LLVMFuzzerTestOneInput(data, len);
    if (held > before && checks++ < LEAK_CHECKS && __lsan_do_recoverable_leak_check())
        abort();
}

/* True: the input is worth to be kept. */
static bool run(const uint8_t *data, size_t len) {
    memcpy(shared->input, data, len);
    shared->len = len;
    uint8_t *exact = malloc(len ? len : 1); /* so that a sanitizer sees a byte too far */
    if (!exact)
        abort();
    memcpy(exact, data, len);
    memset(edges, 0, sizeof edges);
    alarm(opt.timeout);
    const long before = held;
    (void)LLVMFuzzerTestOneInput(exact, len);
    leak_check(exact, len, before);
    alarm(0);
    shared->runs++;
    free(exact);
    return traced && edges_are_new();
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void child(struct corpus *c, bool mutates, int argc, char **argv) {
    static uint8_t input[LEN_MAX];
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    if (__sanitizer_install_malloc_and_free_hooks)
        __sanitizer_install_malloc_and_free_hooks(took, gave);
    const size_t given = c->count;
    for (size_t i = 0; i < given; i++)
        run(c->at[i].data, c->at[i].len);
    const double end = now() + opt.seconds;
    struct random r = {opt.seed * 0x9E3779B97F4A7C15ull + 1};
    for (uint64_t n = 0; mutates && (opt.runs ? n < opt.runs : now() < end); n++) {
        const size_t len = mutate(c, &r, input, opt.max_len);
        if (run(input, len)) {
            corpus_add(c, input, len);
            shared->found++;
        }
    }
}

static void again_say(const char *path) {
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    printf("again: %s %s\n", self, path);
}

static int failed(int status) {
    char path[4096];
    const char *dir = getenv("TEST_DIR");
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < shared->len; i++)
        sum = (sum ^ shared->input[i]) * 16777619u;
    snprintf(path, sizeof path, "%s/%s-%08" PRIx32, dir && *dir ? dir : ".", opt.name, sum);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const bool kept = fd >= 0 && write(fd, shared->input, shared->len) == (ssize_t)shared->len;
    if (fd >= 0)
        close(fd);
    printf("%s: input %" PRIu64 " (%zu bytes, seed %" PRIu64 ") %s\n", opt.name, shared->runs + 1,
           shared->len, opt.seed,
           WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "takes too long" : "breaks it");
    if (kept)
        again_say(path);
    if (shared->len <= 1024) { /* for who has a log and no disk */
        printf("hex: ");
        for (size_t i = 0; i < shared->len; i++)
            printf("%02x", shared->input[i]);
        printf("\n");
    }
    return 1;
}

/* -name=value */
static bool option(const char *arg, const char *name, uint64_t *out) {
    const size_t n = strlen(name);
    if (strncmp(arg, name, n) != 0 || arg[n] != '=')
        return false;
    *out = strtoull(arg + n + 1, NULL, 10);
    return true;
}

int main(int argc, char **argv) {
    static struct corpus c;
    uint64_t v;
    bool folder = false;
    opt.name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    for (int i = 1; i < argc; i++) {
        if (option(argv[i], "-seed", &v))
            opt.seed = v;
        else if (option(argv[i], "-max_total_time", &v))
            opt.seconds = (unsigned)v;
        else if (option(argv[i], "-runs", &v))
            opt.runs = v;
        else if (option(argv[i], "-timeout", &v))
            opt.timeout = (unsigned)v;
        else if (option(argv[i], "-max_len", &v))
            opt.max_len = v < LEN_MAX ? v : LEN_MAX;
        else if (strncmp(argv[i], "-dict=", 6) == 0)
            dictionary_read(&c, argv[i] + 6);
        else if (argv[i][0] == '-') {
            fprintf(stderr, "%s: no option %s; see tests/fuzz/support/driver.c\n", opt.name,
                    argv[i]);
            return 2;
        } else
            folder |= corpus_read(&c, argv[i], LEN_MAX);
    }
    if (c.count == 0)
        corpus_add(&c, (const uint8_t *)"", 0);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 2;
    const size_t seeds = c.count;
    fflush(stdout);
    const double began = now();
    pid_t pid = fork();
    if (pid == 0) {
        child(&c, folder, argc, argv);
        exit(0);
    }
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0) {
        fuzz_dir_remove(pid);
        return failed(status);
    }
    printf("%s: %" PRIu64 " inputs in %.1f s, %zu seeds and %" PRIu64 " found, seed %" PRIu64 "\n",
           opt.name, shared->runs, now() - began, seeds, shared->found, opt.seed);
    return 0;
}
