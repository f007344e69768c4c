/*
 * keep_priv.h - what the pen and those who ask it say to each other (base/frame.h, base/pack.h).
 *
 * Requests, and the answer that repeats the request's id:
 *
 *     MAIL     u64 bytes of the message, string source, string floor, string item or nothing; a
 * memory file with the message, then the envelope block                          -> RECEIPT APPEND
 * string kind, string fields; a memory file with the body, or none   -> ANSWER DISPOSE  string seqs
 * ("5-7,9"), u64 basis, string rule; a memory file or none -> ANSWER SEAL     nothing -> ANSWER,
 * seq: newest sealed segment REKEY    a memory file with the body, or none           -> ANSWER,
 * seq: the entry that orders it
 *
 *     ESCROW   bytes key (32), string lines, string body; a file open for writing -> ANSWER, seq:
 * the bundle's number
 *
 *     TETHER   a file, kept open until the socket is closed and its requests are done -> ANSWER
 *
 *     HEAL     u64 segment; a memory file with the body, or none -> ANSWER, seq: the entry that
 * orders it
 *
 * HELLO comes first on every socket, unasked: the pen is open, or why it is not. RECEIPT and ANSWER
 * carry the same: u32 status, u64 seq, string c256, string text; HELLO has u32 status, string text.
 */
#ifndef FK_VAULT_KEEP_PRIV_H
#define FK_VAULT_KEEP_PRIV_H
#include "archiver/vault/keep.h"
#include "base/frame.h"
#ifdef __cplusplus
extern "C" {
#endif

enum fk_keep_frame {
    FK_KEEP_HELLO = 1,
    FK_KEEP_RECEIPT = 2,
    FK_KEEP_ANSWER = 3,
    FK_KEEP_MAIL = 16,
    FK_KEEP_APPEND = 17,
    FK_KEEP_DISPOSE = 18,
    FK_KEEP_SEAL = 19,
    FK_KEEP_REKEY = 20,
    FK_KEEP_ESCROW = 21,
    FK_KEEP_HEAL = 22,
    FK_KEEP_TETHER = 23
};

enum {
    FK_KEEP_LINES_MAX = 48 << 10,
    FK_KEEP_SOURCE_MAX = 64,
    FK_KEEP_FLOOR_MAX = 32,
    FK_KEEP_KIND_MAX = 32
};

#ifdef __cplusplus
}
#endif
#endif
