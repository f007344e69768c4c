/* vaults.h - small vaults for unit tests: made under $TEST_DIR, written through the pen. */
#ifndef FK_TEST_VAULTS_H
#define FK_TEST_VAULTS_H
#include "archiver/vault/desk.h"
#include "archiver/vault/pen.h"

/* A new empty vault; the path is static until the next call. */
const char *vault_new(void);
/* Options that suit small vaults: no reserve. */
struct fk_pen_options vault_options(uint64_t rotate_bytes);
/* Bytes that are the same for the same seed; half of them text that packs well. */
void vault_bytes(uint64_t seed, struct fk_buf *out, size_t len);
/* Open, or the test fails. */
struct fk_pen *vault_pen(const char *dir, uint64_t rotate_bytes);
struct fk_desk *vault_desk(const char *dir);
/* A mail of so many random bytes, committed alone; its seq. Fails the test when it is not kept. */
uint64_t vault_mail(struct fk_pen *pen, uint64_t seed, size_t len);
/* An entry of any kind; body may be NULL. */
uint64_t vault_entry(struct fk_pen *pen, const char *kind, const char *fields, const char *body);
/* count mails with seeds from `seed` on, in one commit. Each that is kept is written to acks, where
 * that is not -1, as a line "kept SEQ SEED LEN". */
enum fk_status vault_mails(struct fk_pen *pen, uint64_t seed, size_t count, size_t len, int acks);
enum fk_status vault_try_entry(struct fk_pen *pen, const char *kind, const char *fields,
                               const char *body, uint64_t *seq_out);
/* Removes the vault's directory. */
void vault_remove(const char *dir);
/* The content of seq is what vault_mail with that seed wrote. */
void vault_expect_mail(struct fk_desk *desk, uint64_t seq, uint64_t seed, size_t len);
/* Verifies all of it; fails the test with the first finding. */
void vault_expect_sound(const char *dir);
#endif
