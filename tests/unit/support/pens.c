/* pens.c - see pens.h */
#include "tests/unit/support/pens.h"
#include "archiver/vault/envelope.h"
#include "base/atomic_file.h"
#include "base/io.h"
#include "base/spawn.h"
#include "tests/unit/support/vaults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

char pens_dir[PATH_MAX];
static struct fk_err err;

void pens_program(void) {
    const char *program = getenv("FUMIKURA");
    setenv("FUMIKURA_PROGRAM", program ? program : "build/test/fumikura", 1);
}

void pens_vault(const char *config) {
    char path[PATH_MAX + 32];
    snprintf(pens_dir, sizeof pens_dir, "%s", vault_new());
    snprintf(path, sizeof path, "%s/fumikura.conf", pens_dir);
    assert_int_equal(fk_atomic_put(path, 0600, config, strlen(config), &err), FK_OK);
}

/* A process of its own with one socket of a role. */
pid_t pens_start(const char *name, const char *role, int *sock_out) {
    int pair[2];
    char socket[64];
    pid_t pid;
    assert_int_equal(fk_frame_pair(pair, &err), FK_OK);
    snprintf(socket, sizeof socket, "%s:%d", role, pair[1]);
    const char *argv[] = {
        getenv("FUMIKURA_PROGRAM"), "-C", pens_dir, name, "--socket", socket, NULL};
    assert_int_equal(fk_spawn(argv, &pair[1], 1, &pid, &err), FK_OK);
    fk_close(&pair[1]);
    *sock_out = pair[0];
    return pid;
}

int pens_wait(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* A memory file as fk_keep_send_mail wants it. */
int pens_mail_file(uint64_t seed, size_t len, bool bad_envelope) {
    struct fk_buf b = FK_BUF_INIT, fields = FK_BUF_INIT;
    int fd;
    vault_bytes(seed, &b, len);
    fk_fields_add_str(&fields, "via", "test");
    fk_envelope_finish(&b, &fields, bad_envelope ? len + 1 : len);
    assert_int_equal(fk_memfile_new("mail", &fd, &err), FK_OK);
    assert_int_equal(fk_write_full(fd, b.data, b.len, "memory", &err), FK_OK);
    fk_buf_free(&b);
    fk_buf_free(&fields);
    return fd;
}

/* FK_RETRY is a pen that has its hands full, or one that died a moment ago: so not for ever. */
enum fk_status pens_send(struct fk_keep *k, uint32_t id, uint64_t seed, size_t len) {
    int fd = pens_mail_file(seed, len, false);
    struct fk_mail m = {fd, len, "test", "P0D"};
    enum fk_status st = FK_RETRY;
    for (int i = 0; i < 2000 && st == FK_RETRY && (i == 0 || fk_keep_fd(k) >= 0); i++)
        if ((st = fk_keep_send_mail(k, id, &m, &err)) == FK_RETRY)
            usleep(1000);
    fk_close(&fd);
    return st;
}

struct fk_receipt pens_receipt(struct fk_keep *k) {
    struct fk_receipt r;
    if (fk_keep_next_receipt(k, 20000, &r, &err) != FK_OK)
        fail_msg("no receipt: %s", err.text);
    return r;
}

struct fk_receipt pens_append(struct fk_keep *k, const char *kind, const char *fields,
                              const char *reason) {
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt r;
    struct fk_record record = {kind, fields, reason ? &body : NULL};
    if (reason)
        fk_fields_add_str(&body, "reason", reason);
    if (fk_keep_append(k, &record, &r, &err) != FK_OK)
        fail_msg("%s %s: %s", kind, fields, err.text);
    fk_buf_free(&body);
    return r;
}

struct fk_keep *pens_keep(void) {
    struct fk_keep *k = NULL;
    if (fk_keep_open(pens_dir, &k, &err) != FK_OK)
        fail_msg("%s", err.text);
    return k;
}

struct fk_lend *pens_lend(void) {
    struct fk_lend *l = NULL;
    if (fk_lend_open(pens_dir, &l, &err) != FK_OK)
        fail_msg("%s", err.text);
    return l;
}

void pens_expect_mail(struct fk_lend *l, uint64_t seq, uint64_t act, uint64_t seed, size_t len) {
    struct fk_content c = {.fd = -1};
    struct fk_envelope e;
    struct fk_buf expected = FK_BUF_INIT;
    if (fk_lend_content(l, seq, act, &c, &err) != FK_OK)
        fail_msg("%llu: %s", (unsigned long long)seq, err.text);
    assert_int_equal(fk_envelope_split(c.bytes, c.len, &e, &err), FK_OK);
    vault_bytes(seed, &expected, len);
    assert_int_equal(e.message_len, len);
    if (len)
        assert_memory_equal(e.message, expected.data, len);
    fk_content_free(&c);
    fk_content_free(&c);
    fk_buf_free(&expected);
}

void pens_raw(int sock, uint16_t type, const char *payload, size_t len, int fd) {
    assert_int_equal(fk_frame_send(sock, type, 1, payload, len, fd, &err), FK_OK);
}

/* The answer to a raw request; FK_NOT_FOUND when the process hung up. */
enum fk_status pens_answer(int sock) {
    struct fk_frame f = FK_FRAME_INIT;
    enum fk_status st;
    struct fk_reader r;
    while ((st = fk_frame_recv(sock, &f, &err)) == FK_OK && f.type == FK_KEEP_HELLO)
        ;
    if (st == FK_OK) {
        fk_reader_init(&r, f.payload.data, f.payload.len);
        st = (enum fk_status)fk_get_u32(&r);
    }
    fk_frame_free(&f);
    return st;
}
