/* pens.h - keep and lend as processes, for unit tests that talk to them: a vault in pens_dir,
 * sockets of a role, and raw frames. What fails fails the test. */
#ifndef FK_TEST_PENS_H
#define FK_TEST_PENS_H
#include "archiver/vault/keep_priv.h"
#include "archiver/vault/lend_priv.h"
#include <limits.h>
#include <sys/types.h>

extern char pens_dir[PATH_MAX]; /* of the newest pens_vault */

/* First in main: the program that is started is the one that FUMIKURA names. */
void pens_program(void);
void pens_vault(const char *config);
/* A process of its own with one socket of a role. */
pid_t pens_start(const char *name, const char *role, int *sock_out);
int pens_wait(pid_t pid);
/* As commands open them. */
struct fk_keep *pens_keep(void);
struct fk_lend *pens_lend(void);

/* A memory file as fk_keep_send_mail wants it; to be closed. */
int pens_mail_file(uint64_t seed, size_t len, bool bad_envelope);
enum fk_status pens_send(struct fk_keep *k, uint32_t id, uint64_t seed, size_t len);
struct fk_receipt pens_receipt(struct fk_keep *k);
struct fk_receipt pens_append(struct fk_keep *k, const char *kind, const char *fields,
                              const char *reason);
/* The content of seq is what pens_send with that seed sent. */
void pens_expect_mail(struct fk_lend *l, uint64_t seq, uint64_t act, uint64_t seed, size_t len);

void pens_raw(int sock, uint16_t type, const char *payload, size_t len, int fd);
/* The status of the answer to a raw request; FK_NOT_FOUND when the process hung up. */
enum fk_status pens_answer(int sock);
#endif
