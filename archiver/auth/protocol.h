/*
 * protocol.h - what the server says to the two processes of fumikura-authcheck (base/frame.h on
 * their descriptor 3, base/pack.h).
 *
 * `fumikura-authcheck check`, in a box: reads messages, has no network. A message is given as often
 * as it asks for names; it remembers nothing in between.
 *
 *     SETUP   u64 memory                      to it; it closes the box
 *     HELLO   u32 status, string              from it: the box is closed, or why not
 *     TEXT    lines                           to it: part of what is known; as many as there are
 *     JOB     u64 offset, u64 length; a sealed memory file that has the message there
 *     ANSWER  lines                           from it
 *
 * What is known: `time: MS` (when the message was received), `client: ADDRESS`, `helo: NAME`,
 * `mail-from: ADDRESS` (where SPF is to be checked), `inside: yes` (the message stood in a journal
 * report, so no client is known that SPF could be about), and answers of DNS (records.h). The
 * answer is either lines `need: TYPE NAME`, and nothing else, or what it found (evidence.h).
 *
 * `fumikura-authcheck resolve`: has the network and no message.
 *
 *     SETUP   string server, hosts, anchor ("" for none); u32 milliseconds for a name
 *     HELLO   u32 status, string
 *     ASK     string question ("TYPE NAME")   to it; up to FK_RESOLVE_MAX unanswered
 *     ANSWER  lines of records.h, for the id of its question; in any order
 */
#ifndef FK_AUTH_PROTOCOL_H
#define FK_AUTH_PROTOCOL_H

enum fk_auth_frame {
    FK_AUTH_SETUP = 1,
    FK_AUTH_HELLO,
    FK_AUTH_TEXT,
    FK_AUTH_JOB,
    FK_AUTH_ASK,
    FK_AUTH_ANSWER
};
enum {
    FK_AUTH_SOCKET = 3,
    FK_RESOLVE_MAX = 256,
    FK_AUTH_TEXT_MAX = 512 << 10, /* of all that is known about one message */
    FK_AUTH_NAMES_MAX = 256,      /* names that one message may ask for */
    FK_AUTH_SIGNATURES_MAX = 128, /* signatures of one message that are checked */
    FK_AUTH_OUTPUT_MAX = 1 << 20
};
#endif
