/* query_fields.c - what each field is like: one table for the parser, for other spellings, for what
 * an answer may have missed and for what explains another answer later. A field without a row is
 * never known for sure, which is the careful side. */
#include "search/query_priv.h"

enum {
    TEXT = 1,
    VARIANTS = 2, /* of characters alone; where there is text, too */
    EMPTY = 4,
    RELATED = 8,
};
static const struct traits {
    unsigned is;
    enum fk_query__known known;
    const char *fact; /* what= of the entries that may change what it finds; NULL: none do */
} fields[FK_Q_FIELDS] = {
    [FK_F_ANY] = {TEXT, KNOWN_NEVER, NULL},
    /* Addresses among them are in no charset: below. */
    [FK_F_FROM] = {TEXT | EMPTY, KNOWN_NAMES, NULL},
    [FK_F_TO] = {TEXT | EMPTY, KNOWN_NAMES, NULL},
    [FK_F_CC] = {TEXT | EMPTY, KNOWN_NAMES, NULL},
    [FK_F_BCC] = {TEXT | EMPTY, KNOWN_NAMES, NULL},
    [FK_F_VIA] = {TEXT | EMPTY, KNOWN_NAMES, NULL},
    [FK_F_ENVFROM] = {TEXT | EMPTY, KNOWN_NAMES, NULL}, /* a journal report says it too */
    [FK_F_ENVTO] = {TEXT | EMPTY, KNOWN_NAMES, NULL},
    [FK_F_PARTICIPANTS] = {TEXT | EMPTY, KNOWN_NAMES, NULL},
    [FK_F_SUBJECT] = {TEXT | EMPTY, KNOWN_NAMES, NULL},
    [FK_F_BODY] = {TEXT | EMPTY, KNOWN_NEVER, NULL},
    [FK_F_FILENAME] = {TEXT | EMPTY, KNOWN_NEVER, NULL}, /* of files in archives too */
    [FK_F_ATTACHMENT] = {TEXT, KNOWN_NEVER, NULL},
    [FK_F_SHA256] = {0, KNOWN_NEVER, NULL},
    [FK_F_GARBLED] = {0, KNOWN_HEADER, NULL},  /* as far as it was read, as unsearchable: */
    [FK_F_MSGID] = {EMPTY, KNOWN_NEVER, NULL}, /* of nested messages and notices too */
    [FK_F_HAS] = {0, KNOWN_NEVER, NULL},
    [FK_F_UNSEARCHABLE] = {0, KNOWN_HEADER, NULL},
    [FK_F_DATE] = {EMPTY, KNOWN_HEADER, NULL},
    [FK_F_RECEIVED] = {0, KNOWN_ALWAYS, NULL},
    [FK_F_SIZE] = {0, KNOWN_ALWAYS, NULL},
    [FK_F_DKIM] = {0, KNOWN_HEADER, "auth"}, /* by a fact, or the header of the server in front */
    [FK_F_AUTH] = {0, KNOWN_HEADER, "auth"},
    [FK_F_SPAM] = {0, KNOWN_HEADER, NULL},
    [FK_F_VIRUS] = {0, KNOWN_HEADER, NULL},
    [FK_F_TXN] = {0, KNOWN_NEVER,
                  "transaction"}, /* found in texts and files; a person's word is a fact */
    [FK_F_TXN_DATE] = {0, KNOWN_NEVER, "transaction"},
    [FK_F_AMOUNT] = {0, KNOWN_NEVER, "transaction"},
    [FK_F_COUNTERPARTY] = {VARIANTS, KNOWN_NEVER, "transaction"},
    [FK_F_DOCNO] = {0, KNOWN_NEVER, "transaction"},
    [FK_F_DELIVERY] = {0, KNOWN_NEVER, "delivery"}, /* a notice says it in a part of its own */
    [FK_F_FILETYPE] = {0, KNOWN_NEVER, NULL},
    [FK_F_DIRECTION] = {0, KNOWN_HEADER, NULL},
    [FK_F_IP] = {EMPTY, KNOWN_ALWAYS, NULL}, /* of the envelope */
    [FK_F_URL] = {TEXT | EMPTY, KNOWN_NEVER, NULL},
    [FK_F_THREAD] = {RELATED, KNOWN_NAMES, NULL}, /* by References, and by the subject */
    [FK_F_SIMILAR] = {RELATED, KNOWN_NEVER, NULL},
};

bool fk_query__has_text(enum fk_q_field field) {
    return (fields[field].is & TEXT) != 0;
}

bool fk_query__has_variants(enum fk_q_field field) {
    return (fields[field].is & (TEXT | VARIANTS)) != 0;
}

bool fk_query__can_be_empty(enum fk_q_field field) {
    return (fields[field].is & EMPTY) != 0;
}

const char *fk_query__fact(enum fk_q_field field) {
    return fields[field].fact;
}

bool fk_query__is_related(enum fk_q_field field) {
    return (fields[field].is & RELATED) != 0;
}

enum fk_query__known fk_query__known(const struct fk_q_node *leaf) {
    if (leaf->kind == FK_Q_ALL)
        return KNOWN_ALWAYS;
    if (leaf->related_is_cut)
        return KNOWN_NEVER;
    if (leaf->kind == FK_Q_TEXT && fk_query__is_address(leaf))
        return KNOWN_HEADER;
    return fields[leaf->field].known;
}
