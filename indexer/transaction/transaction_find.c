/* transaction_find.c - see transaction_find_priv.h. First it is asked whether the message is such a
 * document at all; only then what it says. */
#include "indexer/transaction/transaction_find_priv.h"
#include "archiver/vault/fields.h"
#include "indexer/transaction/amount.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SURE = 60,     /* a kind that needs nothing else */
    LIKELY = 30,   /* one that needs an amount or number with it */
    BESIDES = 60,  /* which is as sure as this */
    ITEM_MAX = 16, /* candidates of one item that are kept */
    ONLY_AMOUNT = 65,
    LARGEST_AMOUNT = 50,
    ONLY_DATE = 60,
    TEXT_BYTES = 120
};

/* ---- texts */

static size_t whole_characters(const char *text, size_t len, size_t most) {
    if (len <= most)
        return len;
    while (most > 0 && ((uint8_t)text[most] & 0xc0) == 0x80)
        most--;
    return most;
}

void fk_txn_texts__add(struct fk_txn_texts *t, enum fk_txn_field field, const char *path,
                       size_t path_len, const char *text, size_t len) {
    if (len == 0)
        return;
    size_t most =
        FK_TXN_ALL_BYTES - (t->bytes.len < FK_TXN_ALL_BYTES ? t->bytes.len : FK_TXN_ALL_BYTES);
    most = most < FK_TXN_PART_BYTES ? most : FK_TXN_PART_BYTES;
    const size_t fits = whole_characters(text, len, most);
    path_len = whole_characters(path, path_len, FK_TXN_TEXT_MAX);
    if (t->count == FK_TXN_PARTS || fits == 0) {
        t->left_out++;
        return;
    }
    t->left_out += fits < len;
    struct fk_txn_part *p = &t->part[t->count++];
    *p = (struct fk_txn_part){field, t->bytes.len, path_len, t->bytes.len + path_len, fits};
    fk_buf_add(&t->bytes, path, path_len);
    fk_buf_add(&t->bytes, text, fits);
    if (t->bytes.failed)
        t->count--;
}

void fk_txn_texts__free(struct fk_txn_texts *t) {
    fk_buf_free(&t->bytes);
    *t = (struct fk_txn_texts)FK_TXN_TEXTS_INIT;
}

/* ---- candidates */

void fk_txn_candidate__add(struct fk_txn_search *s, const struct fk_txn_candidate *c) {
    for (size_t i = 0; i < s->count; i++) {
        struct fk_txn_candidate *is = &s->at[i];
        if (is->item != c->item || strcmp(is->value, c->value) != 0)
            continue;
        if (c->confidence > is->confidence)
            *is = *c;
        return;
    }
    if (s->count < FK_TXN_CANDIDATES) {
        s->at[s->count++] = *c;
        return;
    }
    s->left_out++; /* the least of them gives way */
    struct fk_txn_candidate *least = s->at;
    for (size_t i = 1; i < s->count; i++)
        if (s->at[i].confidence < least->confidence)
            least = &s->at[i];
    if (c->confidence > least->confidence)
        *least = *c;
}

static int best_of(const struct fk_txn_search *s, enum fk_txn_item item) {
    int best = -1;
    for (size_t i = 0; i < s->count; i++)
        if (s->at[i].item == item && s->at[i].confidence > best)
            best = s->at[i].confidence;
    return best;
}

static bool is_alone(const struct fk_txn_candidate *c) {
    return (c->item == FK_TXN_AMOUNT && strcmp(c->rule, "currency") == 0) ||
           (c->item == FK_TXN_DATE && strncmp(c->rule, "alone", 5) == 0);
}

static int64_t figure(const struct fk_txn_candidate *c) {
    struct fk_amount a;
    return fk_amount_parse(c->value, &a) ? a.hundredths : 0;
}

/* Of figures without a label: the only one is probably it; of several amounts the largest. */
static void alone_raise(struct fk_txn_search *s, enum fk_txn_item item, int only, int largest) {
    struct fk_txn_candidate *best = NULL;
    size_t count = 0, all = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct fk_txn_candidate *c = &s->at[i];
        all += c->item == item;
        if (c->item != item || !is_alone(c))
            continue;
        count++;
        if (!best || (item == FK_TXN_AMOUNT && figure(c) > figure(best)))
            best = c;
    }
    if (!best || (count == 1 && all > 1))
        return;
    const int less = item == FK_TXN_DATE ? best->confidence - 45 : 0; /* quoted, without a year */
    if (count == 1) {
        best->confidence = only + (less < 0 ? less : 0);
        (void)snprintf(best->rule, sizeof best->rule, "the only one");
    } else if (largest > best->confidence) {
        best->confidence = largest;
        (void)snprintf(best->rule, sizeof best->rule, "largest of those without a label");
    }
}

static void all_scan(struct fk_txn_search *s,
                     void (*scan)(struct fk_txn_search *, const struct fk_txn_part *),
                     unsigned fields) {
    for (size_t i = 0; i < s->texts->count; i++)
        if (fields >> s->texts->part[i].field & 1)
            scan(s, &s->texts->part[i]);
}

/* ---- as lines */

static int candidate_order(const void *a, const void *b) {
    const struct fk_txn_candidate *x = a, *y = b;
    if (x->item != y->item)
        return x->item < y->item ? -1 : 1;
    if (x->confidence != y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    if (x->part != y->part)
        return x->part < y->part ? -1 : 1;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* No tab or line end, which are between the parts, and no other control character. */
static void clean_add(struct fk_buf *b, const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        fk_buf_byte(b, (uint8_t)text[i] < ' ' || text[i] == 0x7f ? ' ' : (uint8_t)text[i]);
}

static void candidate_write(const struct fk_txn_search *s, const struct fk_txn_candidate *c,
                            struct fk_buf *lines) {
    static const char *const fields[FK_TXN_FIELDS] = {"subject", "body", "attachment",
                                                      "file",    "from", "to"};
    struct fk_buf line = FK_BUF_INIT;
    const char *text = fk_txn_text(s, c->part) + c->begin;
    fk_buf_printf(&line, "%s\t%s\t%d\t%s\t%zu\t%zu\t%s\t", fk_txn_items[c->item], c->value,
                  c->confidence > 100 ? 100 : c->confidence, fields[c->part->field], c->begin,
                  c->end - c->begin, c->rule);
    clean_add(&line, (const char *)s->texts->bytes.data + c->part->path, c->part->path_len);
    fk_buf_byte(&line, '\t');
    clean_add(&line, text, whole_characters(text, c->end - c->begin, TEXT_BYTES));
    fk_fields_add(lines, "txn", line.data, line.len);
    lines->failed |= line.failed;
    fk_buf_free(&line);
}

static void lines_write(struct fk_txn_search *s, struct fk_buf *lines) {
    size_t of_item[FK_TXN_ITEMS] = {0}, written = 0;
    uint64_t left_out = s->left_out + s->texts->left_out;
    if (s->count)
        qsort(s->at, s->count, sizeof *s->at, candidate_order);
    for (size_t i = 0; i < s->count; i++) {
        const struct fk_txn_candidate *c = &s->at[i];
        if (!fk_txn_is_value(c->item, c->value) || of_item[c->item]++ >= ITEM_MAX ||
            written++ >= FK_TXN_FOUND_MAX)
            left_out++;
        else
            candidate_write(s, c, lines);
    }
    if (left_out) {
        char text[24];
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)left_out);
        fk_fields_add_str(lines, "txn-left-out", text);
    }
}

enum {
    OF_SUBJECT = 1u << FK_TXN_IN_SUBJECT,
    OF_TEXTS = 1u << FK_TXN_IN_BODY | 1u << FK_TXN_IN_ATTACHMENT,
    OF_FILES = 1u << FK_TXN_IN_FILE,
    OF_PEOPLE = 1u << FK_TXN_IN_FROM | 1u << FK_TXN_IN_TO
};

void fk_txn_texts__find(const struct fk_txn_texts *t, bool has_date, int64_t date_ms,
                        struct fk_buf *lines) {
    struct fk_txn_search s = {.texts = t, .has_date = has_date, .date_ms = date_ms};
    lines->failed |= t->bytes.failed;
    if (t->count == 0 || t->bytes.failed)
        return;
    s.at = malloc(FK_TXN_CANDIDATES * sizeof *s.at);
    if (!s.at) {
        lines->failed = true;
        return;
    }
    all_scan(&s, fk_txn_scan__kinds, OF_SUBJECT | OF_TEXTS | OF_FILES);
    const int kind = best_of(&s, FK_TXN_KIND);
    if (kind < LIKELY)
        goto done;
    all_scan(&s, fk_txn_scan__figures, OF_SUBJECT | OF_TEXTS | OF_FILES);
    alone_raise(&s, FK_TXN_AMOUNT, ONLY_AMOUNT, LARGEST_AMOUNT);
    alone_raise(&s, FK_TXN_DATE, ONLY_DATE, 0);
    if (kind < SURE && best_of(&s, FK_TXN_AMOUNT) < BESIDES && best_of(&s, FK_TXN_NUMBER) < BESIDES)
        goto done;
    all_scan(&s, fk_txn_scan__companies, OF_SUBJECT | OF_TEXTS | OF_FILES | OF_PEOPLE);
    lines_write(&s, lines);
done:
    free(s.at);
}
