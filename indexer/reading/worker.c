/* worker.c - main of a boxed reader: makes ready what it will need, closes the box, reads messages.
 *
 * Whatever goes wrong inside it ends it; the pool sees that and does the rest. */
#include "base/box.h"
#include "base/frame.h"
#include "base/io.h"
#include "indexer/reading/files_priv.h"
#include "indexer/reading/reader.h"
#include "indexer/reading/sink_priv.h"
#include "indexer/text/terms.h"

#include <locale.h>
#include <malloc.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKET = 3, SPARE_MEMORY = 64 << 20 };

static void no_token(void *ctx, const struct fk_token *token) {
    (void)ctx;
    (void)token;
}

/* Tables that are made when first used are made now, and cost no message's time. */
static void warm_up(void) {
    static const char text[] = "warm ｶﾞ 漢字かなカナ 한글 é";
    uint32_t next;
    if (fk_terms_of_text(text, sizeof text - 1, 0, no_token, NULL, &next, NULL) != FK_OK)
        _exit(1); /* ICU without its data can read nothing */
}

static enum fk_status hello(enum fk_status st, const char *text, struct fk_err *err) {
    struct fk_buf b = FK_BUF_INIT;
    fk_put_u32(&b, (uint32_t)st);
    fk_put_cstr(&b, text);
    enum fk_status sent = fk_frame_send(SOCKET, FK_POOL_HELLO, 0, b.data, b.len, -1, err);
    fk_buf_free(&b);
    return sent;
}

static enum fk_status set_up(struct fk_frame *f, struct fk_err *err) {
    struct fk_reader r;
    struct fk_err why = FK_ERR_INIT;
    enum fk_status st = fk_frame_recv(SOCKET, f, err);
    if (st != FK_OK)
        return st;
    fk_reader_init(&r, f->payload.data, f->payload.len);
    const uint64_t memory_bytes = fk_get_u64(&r);
    if (f->type != FK_POOL_SETUP || !fk_reader_done(&r))
        return fk_fail(err, FK_CORRUPT, "not a reader's first message");
    const enum fk_status closed = fk_box_close(memory_bytes, FK_POOL_OUTPUT_MAX, &why);
    st = hello(closed, why.text, err);
    return closed != FK_OK ? closed : st;
}

static enum fk_status answer_send(uint32_t id, const struct fk_buf *answer, struct fk_err *err) {
    enum fk_status st = FK_OK;
    int fd = -1;
    if (answer->len <= FK_FRAME_MAX)
        return fk_frame_send(SOCKET, FK_POOL_ANSWER, id, answer->data, answer->len, -1, err);
    FK_TRY(fk_memfile_new("answer", &fd, err));
    FK_TRY(fk_write_full(fd, answer->data, answer->len, "the answer", err));
    FK_TRY(fk_memfile_seal(fd, err));
    st = fk_frame_send(SOCKET, FK_POOL_ANSWER, id, NULL, 0, fd, err);
done:
    fk_close(&fd);
    return st;
}

#ifdef FK_TESTING
/* A message that begins with "X-Fumikura-Test: WORD" makes the reader misbehave; with "files" after
 * it only where files are read, with "always" even where only the header fields are. */
static bool dies_after, hoards;
static void misbehave(const uint8_t *message, size_t len, unsigned depth) {
    char word[16] = "", again[16] = "";
    if (len < 40 || sscanf((const char *)message, "X-Fumikura-Test: %15s %15s", word, again) < 1 ||
        (depth == FK_READ_HEADERS && strcmp(again, "always") != 0) ||
        (depth != FK_READ_ALL && strcmp(again, "files") == 0))
        return;
    if (strcmp(word, "crash") == 0)
        abort();
    dies_after = strcmp(word, "after") == 0;
    hoards = strcmp(word, "hoard") == 0;
    while (strcmp(word, "spin") == 0)
        (void)getpid();
    struct msghdr next_job = {.msg_iov = NULL};
    while (strcmp(word, "sleep") == 0)
        (void)recvmsg(SOCKET, &next_job, MSG_PEEK); /* which the test does not give it */
    while (strcmp(word, "hog") == 0)
        if (!memset(malloc(1 << 24), 1, 4096))
            abort();
}
/* Once it has answered: "after" dies, "hoard" answers the messages that follow without taking them.
 */
static void misbehave_after(uint32_t id, const struct fk_buf *answer) {
    if (dies_after)
        abort();
    while (hoards && answer_send(++id, answer, NULL) == FK_OK)
        ;
}
#else
#define misbehave(message, len, depth) ((void)0)
#define misbehave_after(id, answer) ((void)0)
#endif

static struct fk_files *files;
static int runner = -1;

static enum fk_status runner_take(struct fk_frame *f, struct fk_err *err) {
    if (f->fd < 0)
        return fk_fail(err, FK_CORRUPT, "a runner without a socket");
    fk_close(&runner);
    runner = f->fd;
    f->fd = -1;
    fk_files__runner(files, runner);
    return FK_OK;
}

static void passwords_take(struct fk_reader *r) {
    static struct fk_password passwords[FK_PASSWORDS_MAX];
    static char words[FK_PASSWORDS_MAX][FK_PASSWORD_MAX + 1];
    const size_t count = fk_get_u16(r);
    for (size_t i = 0; i < count && i < FK_PASSWORDS_MAX; i++) {
        passwords[i] = (struct fk_password){fk_get_u64(r), words[i]};
        fk_get_cstr(r, words[i], sizeof words[i]);
    }
    fk_files__passwords(files, passwords, count < FK_PASSWORDS_MAX ? count : FK_PASSWORDS_MAX);
}

static enum fk_status job_do(struct fk_frame *f, struct fk_docterms *terms, struct fk_buf *answer,
                             struct fk_err *err) {
    struct fk_reader r;
    const uint8_t *file;
    size_t size;
    fk_reader_init(&r, f->payload.data, f->payload.len);
    const uint8_t kind = fk_get_u8(&r), depth = fk_get_u8(&r);
    const bool headers_only = depth == FK_READ_HEADERS;
    const uint64_t offset = fk_get_u64(&r), len = fk_get_u64(&r);
    passwords_take(&r);
    if (f->type != FK_POOL_JOB || !fk_reader_done(&r) || f->fd < 0)
        return fk_fail(err, FK_CORRUPT, "not a job");
    enum fk_status st = fk_memfile_map(f->fd, &file, &size, err);
    if (st != FK_OK)
        return st;
    fk_buf_reset(answer);
    fk_files__new_message(files);
    fk_reading__files(depth == FK_READ_ALL && kind != FK_JOB_WORDS ? files : NULL);
    if (offset <= size && len <= size - offset)
        misbehave(file + offset, len, depth);
    if (offset > size || len > size - offset)
        st = fk_fail(err, FK_CORRUPT, "a job outside its file");
    else if (kind == FK_JOB_PEOPLE)
        st = fk_sink__people(file + offset, len, headers_only, answer, err);
    else if (kind == FK_JOB_WRAPPER)
        st = fk_sink__wrapper(file + offset, len, answer, err);
    else if (kind == FK_JOB_WORDS)
        st = fk_sink__words(file + offset, len, headers_only, answer, err);
    else if (kind == FK_JOB_REPORT)
        st = fk_sink__report(file + offset, len, answer, err);
    else
        st = fk_sink__terms(terms, file + offset, len, headers_only, answer, err);
    fk_memfile_unmap(file, size);
    fk_close(&f->fd);
    st = st == FK_OK ? answer_send(f->id, answer, err) : st;
    misbehave_after(f->id, answer);
    return st;
}

int fk_index_worker_main(void) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_frame f = FK_FRAME_INIT;
    struct fk_buf answer = FK_BUF_INIT;
    struct fk_docterms *terms = NULL;
    /* Memory that one message gave back serves the next: the kernel clears each page it gives anew.
     */
    mallopt(M_MMAP_THRESHOLD, SPARE_MEMORY / 2);
    mallopt(M_TRIM_THRESHOLD, SPARE_MEMORY);
    /* What would open files later: names in archives (libarchive asks the locale). */
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    fk_reading__prepare();
    warm_up();
    enum fk_status st = fk_docterms__new(&terms, &err);
    if (st == FK_OK)
        st = fk_files__new(&files, &err);
    if (st == FK_OK)
        st = set_up(&f, &err);
    while (st == FK_OK && (st = fk_frame_recv(SOCKET, &f, &err)) == FK_OK)
        st = f.type == FK_POOL_RUNNER ? runner_take(&f, &err) : job_do(&f, terms, &answer, &err);
    /* Nothing is torn down: the process ends, and what a message has done to it with it. */
    _exit(st == FK_NOT_FOUND ? 0 : 1);
}
