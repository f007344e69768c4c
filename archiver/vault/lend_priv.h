/*
 * lend_priv.h - what the reading desk and those who ask it say to each other (base/frame.h,
 * base/pack.h).
 *
 *     HEAD      u64 settled (0 or 1)         -> IS_HEAD u64 next, 32 bytes digest, u64 rules,
 *                                               u64 erased, string
 *     LINES     u64 from                     -> FILE, a sealed memory file with whole lines
 *     CONTENT   u64 seq, u64 act             -> FILE, a sealed memory file: salt, bytes
 *     SEALED    u64 seq, u64 act             -> FILE, a sealed memory file: below
 *     SEGMENTS  nothing                      -> SEGMENT..., END
 *     SEGMENT_FILE u64 number                -> FILE, the segment's file, read-only
 *     VERIFY    u64 from, to, segment        -> FINDING and PROGRESS..., then SUM or FAIL
 *     APART     nothing                      -> FILE, a socket to a desk in a process of its own,
 * so that this one goes on lending meanwhile
 *
 * Any request may be answered FAIL u32 status, string text. HELLO comes first on every socket,
 * unasked, and has the same form.
 *
 * The file of SEALED: 32 bytes key, 16 bytes content id, u32 codec, u32 parts, u32 chunks; for each
 * part u32 length and its stored bytes; for each chunk u64 number, u32 codec, u32 length, bytes.
 *
 *     SEGMENT   u64 number, first, last, bytes, string state, string digest
 *     FINDING   u64 seq, u64 segment, string check, string text
 *     PROGRESS  u64 done, u64 all
 *     SUM       u64 entries, contents, disposed, unfinished, bytes, findings, next seq, u32 status,
 *               string text
 */
#ifndef FK_VAULT_LEND_PRIV_H
#define FK_VAULT_LEND_PRIV_H
#include "archiver/vault/lend.h"
#include "base/frame.h"
#ifdef __cplusplus
extern "C" {
#endif

enum fk_lend_frame {
    FK_LEND_HELLO = 1,
    FK_LEND_FAIL = 2,
    FK_LEND_IS_HEAD = 3,
    FK_LEND_FILE = 4,
    FK_LEND_SEGMENT = 5,
    FK_LEND_FINDING = 6,
    FK_LEND_PROGRESS = 7,
    FK_LEND_END = 8,
    FK_LEND_SUM = 9,
    FK_LEND_HEAD = 16,
    FK_LEND_LINES = 17,
    FK_LEND_CONTENT = 18,
    FK_LEND_SEGMENTS = 19,
    FK_LEND_SEGMENT_FILE = 20,
    FK_LEND_VERIFY = 21,
    FK_LEND_APART = 22,
    FK_LEND_SEALED = 23
};

enum { FK_LEND_LINES_BYTES = 1 << 20, FK_LEND_SALT_BYTES = 32 };
enum { FK_LEND_KEY_BYTES = 32, FK_LEND_ID_BYTES = 16, FK_LEND_SEALED_HEAD = 32 + 16 + 4 + 4 + 4 };

#ifdef __cplusplus
}
#endif
#endif
