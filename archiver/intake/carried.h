/*
 * carried.h - the recipient that a blind copy's address carries along, as VERP writes a sender:
 * archive+tanaka=example.jp@fumikura.invalid stands for tanaka@example.jp.
 *
 * What stands between the first separator of the local part and its end is the recipient, with '='
 * for '@': the last one, so that local parts with '=' in them come out whole. A quoted local part,
 * and one of another form, carries none. Postfix writes such addresses by recipient_bcc_maps
 * (docs/format-smtp.md). Threads: any.
 */
#ifndef FK_INTAKE_CARRIED_H
#define FK_INTAKE_CARRIED_H
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

/* The length of what is written to out, which has room for len bytes; 0: none. */
size_t fk_carried_recipient(const char *address, size_t len, char separator, char *out);

#ifdef __cplusplus
}
#endif
#endif
