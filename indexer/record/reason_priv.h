/*
 * reason_priv.h - why a message is only partly searchable: bits for the code, words for people. The
 * words stand in the terms "XKpartial:WORD" and in the documents' data (index.h).
 */
#ifndef FK_INDEXER_REASON_PRIV_H
#define FK_INDEXER_REASON_PRIV_H

enum fk_reason {
    FK_REASON_DEPTH = 1,       /* more than FK_DEPTH_MAX parts or messages inside each other */
    FK_REASON_PARTS = 2,       /* more than FK_PARTS_MAX parts */
    FK_REASON_HEADERS = 4,     /* more header fields, or bytes of them, than are read */
    FK_REASON_SIZE = 8,        /* more text than is read */
    FK_REASON_CHARSET = 16,    /* bytes that mean nothing in their charset, or a charset unknown */
    FK_REASON_TIME = 32,       /* the reader was stopped: too long */
    FK_REASON_CRASH = 64,      /* the reader died, or ran out of memory */
    FK_REASON_CONTENT = 128,   /* the vault could not give the content out */
    FK_REASON_ENCRYPTED = 256, /* a file that wants a password */
    FK_REASON_UNREADABLE =
        512,                /* a file that is damaged, or that its reader could not make text of */
    FK_REASON_LIMIT = 1024, /* a file over a limit: bytes, depth, number, ratio, memory, time */
    FK_REASON_UNSUPPORTED = 2048, /* a file of a form that is not read */
    FK_REASON_PROGRAM = 4096,     /* a file whose reader is not on the machine (doctor) */
    FK_REASON_TEXTLESS = 8192,    /* a PDF without text: pictures of paper */
    FK_REASON_ALL = 16383
};
enum { FK_REASONS = 14 };
#define FK_REASON_WORDS                                                                            \
    {                                                                                              \
        "depth", "parts", "headers", "size", "charset", "time", "crash", "content", "encrypted",   \
            "unreadable", "limit", "unsupported", "program", "textless"                            \
    }

const char *fk_reason__word(enum fk_reason reason);

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

/* Of files that a message brings (docs/query.md): */
enum {
    FK_FILE_MAX = 128 << 20,     /* bytes of one, as attached or as unpacked */
    FK_FILE_DEPTH_MAX = 8,       /* in each other: archives, messages, documents in documents */
    FK_FILES_MAX = 10000,        /* in all archives of a message */
    FK_UNPACKED_MAX = 256 << 20, /* bytes, of all of them */
    FK_RATIO_MAX = 200,          /* bytes unpacked for one that was packed, ... */
    FK_RATIO_FREE = 16 << 20,    /* ... which counts from here on: a table of zeros is no bomb */
    FK_FILES_SECONDS = 8,        /* CPU time for all files of a message, programs included */
    FK_PASSWORDS_SLOW_MAX = 40,  /* of FK_PASSWORDS_MAX, where each takes long: documents, PDF */
    FK_FILE_TEXT_MAX = 32 << 20, /* bytes of text of one file */
};

#endif
