/* What a log sends to a witness (archiver/vault/addition.h, witness.h): one text for each request;
 * cosigned is only a checkpoint that the log has signed, and the answer is a signature over it.
 *
 * Input: the body. One that begins with '!' has its note signed here: origin and size in two lines,
 * the proof after them. */
#include "archiver/vault/addition.h"
#include "archiver/vault/witness.h"
#include "base/base64.h"
#include "base/io.h"
#include "tests/fuzz/support/fuzz.h"

#include <dirent.h>
#include <unistd.h>

static const uint8_t seed[32] = "a key that is known to everybody";
static struct fk_signer *log_key;
static struct fk_witness *witness;
static char heads[4096];

static void witness_make(void) {
    char dir[2048], path[4096];
    struct fk_buf vkey = FK_BUF_INIT;
    DONE(fk_signer_new("log.example/fuzz", FK_KEY_LOG, seed, &log_key, NULL));
    snprintf(dir, sizeof dir, "%s/witness", fuzz_dir());
    DONE(fk_witness_init(dir, "witness.example/fuzz", NULL));
    fk_verifier_format(fk_signer_verifier(log_key), &vkey);
    fk_buf_byte(&vkey, '\n');
    snprintf(path, sizeof path, "witness/logs");
    (void)fuzz_file(path, vkey.data, vkey.len);
    fk_buf_free(&vkey);
    snprintf(heads, sizeof heads, "%s/heads", dir);
    DONE(fk_witness_open(dir, &witness, NULL));
}

/* Each input meets a witness that has seen nothing. */
static void heads_forget(void) {
    DIR *d = opendir(heads);
    struct dirent *e;
    MUST(d);
    while ((e = readdir(d)))
        if (e->d_name[0] != '.')
            MUST(unlinkat(dirfd(d), e->d_name, 0) == 0);
    closedir(d);
}

/* "!SIZE\n" and lines of a request before its note. */
static void body_sign(const uint8_t *data, size_t len, struct fk_buf *out) {
    struct fuzz_input in = {data + 1, len - 1};
    const struct fuzz_input size = fuzz_until(&in, '\n');
    struct fk_checkpoint c = {.origin = "log.example/fuzz"};
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)(size.len < 20 ? size.len : 20),
             (const char *)size.at);
    c.size = strtoull(text, NULL, 10) >> 1;
    memset(c.root, (int)c.size, sizeof c.root);
    fk_buf_add(out, in.at, in.len);
    fk_buf_str(out, "\n");
    DONE(fk_checkpoint_sign(&c, log_key, out, NULL));
}

static bool addition_check(const struct fk_buf *body, struct fk_addition *a) {
    struct fk_err err = FK_ERR_INIT;
    struct fk_buf again = FK_BUF_INIT;
    if (!fuzz_took(fk_addition_parse((const char *)body->data, body->len, a, &err), &err))
        return false;
    fk_addition_format(a, &again);
    MUST(fuzz_same(again.data, again.len, body->data, body->len));
    fk_buf_free(&again);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fk_buf body = FK_BUF_INIT, again = FK_BUF_INIT;
    struct fk_addition a;
    struct fk_witness_answer answer = {.text = FK_BUF_INIT};
    struct fk_checkpoint c;
    int64_t time_s = 0;
    if (!witness)
        witness_make();
    if (len && data[0] == '!')
        body_sign(data, len, &body);
    else
        fk_buf_add(&body, data, len);
    if (!body.len)
        fk_buf_byte(&body, 0);
    const bool of_form = addition_check(&body, &a);
    DONE(fk_witness_add(witness, body.data, body.len, &answer, NULL));
    MUST(answer.text.len && answer.text.data[answer.text.len - 1] == '\n');
    if (answer.verdict == FK_WITNESS_COSIGNED) {
        MUST(of_form && a.old == 0);
        DONE(fk_checkpoint_open(a.note, a.note_len, fk_signer_verifier(log_key), &c, NULL));
        fk_checkpoint_head(&c, &again);
        fk_buf_add(&again, answer.text.data, answer.text.len);
        DONE(fk_checkpoint_signature(again.data, again.len, fk_witness_verifier(witness), NULL,
                                     &time_s, NULL));
        MUST(time_s > 0);
        heads_forget();
    } else
        MUST(answer.verdict != FK_WITNESS_MALFORMED || !answer.origin[0]);
    fk_buf_free(&answer.text);
    fk_buf_free(&body);
    fk_buf_free(&again);
    return 0;
}
