/* query_names.c - the characters that the syntax is made of, and the names of fields. */
#include "search/query_priv.h"

#include <stdio.h>

static uint32_t decode(const unsigned char *at, size_t left, unsigned *bytes) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned n = at[0] < 0x80       ? 1
                 : at[0] >> 5 == 6  ? 2
                 : at[0] >> 4 == 14 ? 3
                 : at[0] >> 3 == 30 ? 4
                                    : 0;
    *bytes = 0;
    if (n == 0 || n > left)
        return 0;
    uint32_t code = n == 1 ? at[0] : at[0] & (0x7fu >> n);
    for (unsigned i = 1; i < n; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return 0;
    *bytes = n;
    return code;
}

static uint32_t written_for(uint32_t code) {
    if (code >= 0xff01 && code <= 0xff5e)
        return code - 0xfee0;
    switch (code) {
    case 0x201c: /* the quotation marks that word processors put for " */
    case 0x201d:
    case 0x201e:
    case 0x201f:
        return '"';
    case 0x2212: /* minus sign */
        return '-';
    case 0x301c: /* wave dash */
        return '~';
    case '\t':
    case '\n':
    case '\r':
    case 0xa0:
    case 0x3000:
    case 0x202f:
    case 0x205f:
        return ' ';
    default:
        return code >= 0x2000 && code <= 0x200a ? ' ' : code;
    }
}

struct fk_query__char fk_query__char_at(const char *at, const char *end) {
    struct fk_query__char c = {0, 0, 0};
    if (at < end) {
        c.code = decode((const unsigned char *)at, (size_t)(end - at), &c.bytes);
        c.as = written_for(c.code);
    }
    return c;
}

int fk_query__cut(const char *text, int max) {
    int n = (int)strnlen(text, (size_t)max);
    if (text[n] != 0)
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--;
    return n;
}

bool fk_query__is_space(uint32_t as) {
    return as == ' ';
}

static const struct fk_query__name names[] = {
    {"from", FK_F_FROM, FORM_TEXT, OP_IS},
    {"to", FK_F_TO, FORM_TEXT, OP_IS},
    {"cc", FK_F_CC, FORM_TEXT, OP_IS},
    {"bcc", FK_F_BCC, FORM_TEXT, OP_IS},
    {"via", FK_F_VIA, FORM_TEXT, OP_IS},
    {"envfrom", FK_F_ENVFROM, FORM_TEXT, OP_IS},
    {"envto", FK_F_ENVTO, FORM_TEXT, OP_IS},
    {"participants", FK_F_PARTICIPANTS, FORM_TEXT, OP_IS},
    {"subject", FK_F_SUBJECT, FORM_TEXT, OP_IS},
    {"body", FK_F_BODY, FORM_TEXT, OP_IS},
    {"filename", FK_F_FILENAME, FORM_TEXT, OP_IS},
    {"attachment", FK_F_ATTACHMENT, FORM_TEXT, OP_IS},
    {"sha256", FK_F_SHA256, FORM_TEXT, OP_IS},
    {"garbled", FK_F_GARBLED, FORM_CHOICE, OP_IS},
    {"msgid", FK_F_MSGID, FORM_TEXT, OP_IS},
    {"has", FK_F_HAS, FORM_CHOICE, OP_IS},
    {"unsearchable", FK_F_UNSEARCHABLE, FORM_CHOICE, OP_IS},
    {"date", FK_F_DATE, FORM_TIME, OP_IS},
    {"received", FK_F_RECEIVED, FORM_TIME, OP_IS},
    {"size", FK_F_SIZE, FORM_SIZE, OP_IS},
    {"dkim", FK_F_DKIM, FORM_TEXT, OP_IS},
    {"auth", FK_F_AUTH, FORM_TEXT, OP_IS},
    {"spam", FK_F_SPAM, FORM_TEXT, OP_IS},
    {"virus", FK_F_VIRUS, FORM_TEXT, OP_IS},
    {"delivery", FK_F_DELIVERY, FORM_TEXT, OP_IS},
    {"filetype", FK_F_FILETYPE, FORM_CHOICE, OP_IS},
    {"direction", FK_F_DIRECTION, FORM_CHOICE, OP_IS},
    {"ip", FK_F_IP, FORM_TEXT, OP_IS},
    {"url", FK_F_URL, FORM_TEXT, OP_IS},
    {"exact", FK_F_ANY, FORM_EXACT, OP_IS},
    {"txn", FK_F_TXN, FORM_TEXT, OP_IS},
    {"txn_date", FK_F_TXN_DATE, FORM_TIME, OP_IS},
    {"amount", FK_F_AMOUNT, FORM_AMOUNT, OP_IS},
    {"counterparty", FK_F_COUNTERPARTY, FORM_TEXT, OP_IS},
    {"docno", FK_F_DOCNO, FORM_TEXT, OP_IS},
    {"thread", FK_F_THREAD, FORM_TEXT, OP_IS},
    {"similar", FK_F_SIMILAR, FORM_TEXT, OP_IS},
    /* as Gmail and KQL have them */
    {"recipients", FK_F_TO, FORM_TEXT, OP_IS},
    {"attachmentnames", FK_F_FILENAME, FORM_TEXT, OP_IS},
    {"deliveredto", FK_F_ENVTO, FORM_TEXT, OP_IS},
    {"rfc822msgid", FK_F_MSGID, FORM_TEXT, OP_IS},
    {"sent", FK_F_DATE, FORM_TIME, OP_IS},
    {"since", FK_F_RECEIVED, FORM_TIME, OP_GE},
    {"after", FK_F_RECEIVED, FORM_TIME, OP_GE},
    {"until", FK_F_RECEIVED, FORM_TIME, OP_LE},
    {"before", FK_F_RECEIVED, FORM_TIME, OP_LT},
    {"newer", FK_F_RECEIVED, FORM_TIME, OP_GE},
    {"older", FK_F_RECEIVED, FORM_TIME, OP_LT},
    {"newer_than", FK_F_RECEIVED, FORM_TIME, OP_GE},
    {"older_than", FK_F_RECEIVED, FORM_TIME, OP_LT},
    {"subjecttitle", FK_F_SUBJECT, FORM_TEXT, OP_IS},
    {"title", FK_F_SUBJECT, FORM_TEXT, OP_IS},
    {"list", FK_F_VIA, FORM_LIST, OP_IS},
    {"link", FK_F_URL, FORM_TEXT, OP_IS},
    {"larger", FK_F_SIZE, FORM_SIZE, OP_GT},
    {"smaller", FK_F_SIZE, FORM_SIZE, OP_LT},
    /* Japanese */
    {"差出人", FK_F_FROM, FORM_TEXT, OP_IS},
    {"送信者", FK_F_FROM, FORM_TEXT, OP_IS},
    {"宛先", FK_F_TO, FORM_TEXT, OP_IS},
    {"受信者", FK_F_TO, FORM_TEXT, OP_IS},
    {"経由", FK_F_VIA, FORM_TEXT, OP_IS},
    {"関係者", FK_F_PARTICIPANTS, FORM_TEXT, OP_IS},
    {"件名", FK_F_SUBJECT, FORM_TEXT, OP_IS},
    {"本文", FK_F_BODY, FORM_TEXT, OP_IS},
    {"添付", FK_F_FILENAME, FORM_TEXT, OP_IS},
    {"ファイル名", FK_F_FILENAME, FORM_TEXT, OP_IS},
    {"内容", FK_F_ATTACHMENT, FORM_TEXT, OP_IS},
    {"添付内容", FK_F_ATTACHMENT, FORM_TEXT, OP_IS},
    {"文字化け", FK_F_GARBLED, FORM_CHOICE, OP_IS},
    {"配信", FK_F_DELIVERY, FORM_TEXT, OP_IS},
    {"スレッド", FK_F_THREAD, FORM_TEXT, OP_IS},
    {"類似", FK_F_SIMILAR, FORM_TEXT, OP_IS},
    {"日付", FK_F_DATE, FORM_TIME, OP_IS},
    {"送信日", FK_F_DATE, FORM_TIME, OP_IS},
    {"受信日", FK_F_RECEIVED, FORM_TIME, OP_IS},
    {"サイズ", FK_F_SIZE, FORM_SIZE, OP_IS},
    {"種別", FK_F_TXN, FORM_TEXT, OP_IS},
    {"取引日", FK_F_TXN_DATE, FORM_TIME, OP_IS},
    {"取引年月日", FK_F_TXN_DATE, FORM_TIME, OP_IS},
    {"金額", FK_F_AMOUNT, FORM_AMOUNT, OP_IS},
    {"取引金額", FK_F_AMOUNT, FORM_AMOUNT, OP_IS},
    {"取引先", FK_F_COUNTERPARTY, FORM_TEXT, OP_IS},
    {"書類番号", FK_F_DOCNO, FORM_TEXT, OP_IS},
    {"方向", FK_F_DIRECTION, FORM_CHOICE, OP_IS},
    {"リンク", FK_F_URL, FORM_TEXT, OP_IS},
    {"拡張子", FK_F_FILETYPE, FORM_CHOICE, OP_IS},
    {"完全一致", FK_F_ANY, FORM_EXACT, OP_IS},
    /* what other systems have and an archive has not, or has otherwise */
    {"hasattachment", FK_F_ANY, FORM_FOREIGN, OP_IS},
    {"kind", FK_F_ANY, FORM_FOREIGN, OP_IS},
    {"in", FK_F_ANY, FORM_FOREIGN, OP_IS},
    {"is", FK_F_ANY, FORM_FOREIGN, OP_IS},
    {"isread", FK_F_ANY, FORM_FOREIGN, OP_IS},
    {"label", FK_F_ANY, FORM_FOREIGN, OP_IS},
    {"category", FK_F_ANY, FORM_FOREIGN, OP_IS},
    {"folder", FK_F_ANY, FORM_FOREIGN, OP_IS},
    {"folderid", FK_F_ANY, FORM_FOREIGN, OP_IS},
    {"itemclass", FK_F_ANY, FORM_FOREIGN, OP_IS},
    {"importance", FK_F_ANY, FORM_FOREIGN, OP_IS},
    /* in the language, not in this version: said, so that nobody takes no hits for an answer */
    {"tag", FK_F_ANY, FORM_LATER, OP_IS},
    {"case", FK_F_ANY, FORM_LATER, OP_IS},
    {"hold", FK_F_ANY, FORM_LATER, OP_IS},
};

const struct fk_query__name *fk_query__find_name(const char *name, size_t len) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i].name) == len && memcmp(names[i].name, name, len) == 0)
            return &names[i];
    static const struct fk_query__name header = {"header", FK_F_ANY, FORM_LATER, OP_IS};
    return len > 7 && memcmp(name, "header.", 7) == 0 ? &header : NULL;
}

const char *fk_query__name_of(enum fk_q_field field) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].field == field && names[i].form <= FORM_CHOICE)
            return names[i].name;
    return "";
}

void fk_query__names(char *out, size_t size) {
    size_t len = 0;
    out[0] = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].form != FORM_LATER && names[i].form != FORM_FOREIGN &&
            fk_query__name_of(names[i].field) == names[i].name && len < size)
            len += (size_t)snprintf(out + len, size - len, "%s%s", len ? " " : "", names[i].name);
}

bool fk_query__is_operator(const char *word, size_t len) {
    static const char *const words[] = {"AND", "OR", "NOT", "NEAR", "ONEAR"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == len && memcmp(words[i], word, len) == 0)
            return true;
    for (size_t i = 3; i < sizeof words / sizeof *words; i++) {
        const size_t n = strlen(words[i]);
        if (len > n && memcmp(word, words[i], n) == 0 && (word[n] == '(' || word[n] == '/'))
            return true;
    }
    return false;
}

bool fk_query__is_between(const char *word) {
    static const char *const begins[] = {"w/", "W/", "pre/", "PRE/"};
    if (strcmp(word, "AROUND") == 0)
        return true;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        const size_t n = strlen(begins[i]);
        if (strncmp(word, begins[i], n) == 0 && word[n] &&
            strspn(word + n, "0123456789") == strlen(word + n))
            return true;
    }
    return false;
}

bool fk_query__is_pattern(const char *word) {
    const size_t len = strlen(word);
    size_t letters = 0;
    bool inside = false;
    for (size_t i = 0; i < len; i++) {
        const char c = word[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
            letters++;
        else if (c == '*')
            inside |= i + 1 < len;
        else if (c == '?')
            inside |= i > 0 && i + 1 < len;
        else
            return false;
    }
    return inside && letters > 0;
}
