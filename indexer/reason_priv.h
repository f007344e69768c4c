/*
 * reason_priv.h - why a message is only partly searchable: bits for the code, words for people. The
 * words stand in the terms "XKpartial:WORD" and in the documents' data (index.h).
 */
#ifndef FK_INDEXER_REASON_PRIV_H
#define FK_INDEXER_REASON_PRIV_H

enum fk_reason {
    FK_REASON_DEPTH = 1,     /* more than FK_DEPTH_MAX parts or messages inside each other */
    FK_REASON_PARTS = 2,     /* more than FK_PARTS_MAX parts */
    FK_REASON_HEADERS = 4,   /* more header fields, or bytes of them, than are read */
    FK_REASON_SIZE = 8,      /* more text than is read */
    FK_REASON_CHARSET = 16,  /* bytes that mean nothing in their charset, or a charset unknown */
    FK_REASON_TIME = 32,     /* the reader was stopped: too long */
    FK_REASON_CRASH = 64,    /* the reader died, or ran out of memory */
    FK_REASON_CONTENT = 128, /* the vault could not give the content out */
    FK_REASON_ALL = 255
};
enum { FK_REASONS = 8 };
#define FK_REASON_WORDS                                                                            \
    { "depth", "parts", "headers", "size", "charset", "time", "crash", "content" }

enum {
    FK_DEPTH_MAX = 100,
    FK_PARTS_MAX = 10000,
    FK_FIELDS_MAX = 10000,        /* in one block of header fields */
    FK_FIELDS_ALL_MAX = 100000,   /* in all blocks of a message */
    FK_HEADER_MAX = 4 << 20,      /* bytes of one block */
    FK_HEADER_ALL_MAX = 16 << 20, /* of all */
    FK_TEXT_MAX = 64 << 20,       /* bytes of decoded text */
    FK_POSTINGS_MAX = 4 << 20,    /* positions of terms: about 12 MB of Japanese text */
};

#endif
