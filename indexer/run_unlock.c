/* run_unlock.c - files whose password comes by another mail.
 *
 * A message with files that stayed locked is tried with words of messages that the same sender sent
 * to one of the same people within a day, before it or after it: when it comes, and again when such
 * a message comes. Always all of those there are, the smallest seq first: so the same comes of it
 * however the ledger was cut into batches, and of a rebuild. What opened a file is nowhere kept,
 * only the seq of the message that has it; when that one is disposed of, the file is locked again.
 *
 * It happens between a commit's shard and its mark: after a crash the batch is put once more, and
 * what was opened before is opened. */
#include "indexer/run_priv.h"
#include "archiver/vault/envelope.h"
#include "archiver/vault/fields.h"
#include "base/fault.h"
#include "base/pack.h"
#include "indexer/record/provenance.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"
#include "indexer/unlock_priv.h"

#include <stdlib.h>
#include <string.h>

enum {
    DAY_MS = 86400000,
    OPENED_FIRST = 64,   /* messages that one letter opened, at first asked for */
    LOCKED_MAX = 16,     /* messages of one sender that a letter is tried on, the newest */
    LOOKED_AT_MAX = 200, /* messages of the sender in those two days */
    LETTERS_MAX = 32,    /* of them, that words are taken from, the first */
    LETTER_BYTES = 64 << 10,
    SENDER_MAX = 220 /* bytes: a longer one has no such term */
};

/* A document, as far as it matters here. */
struct letter {
    uint32_t docid;
    struct fk_buf data;
    struct fk_provenance known;
    struct fk_buf sender; /* folded; empty: none */
    int64_t received_ms;
    uint64_t bytes;
};

static void letter_free(struct letter *l) {
    fk_buf_free(&l->data);
    fk_buf_free(&l->sender);
    fk_provenance_free(&l->known);
    *l = (struct letter){.docid = 0};
}

static enum fk_status number_of(struct fk_xreader *reader, uint32_t docid, unsigned slot,
                                uint64_t *out, struct fk_err *err) {
    struct fk_buf value = FK_BUF_INIT;
    enum fk_status st = fk_xreader_value(reader, docid, slot, &value, err);
    *out = st == FK_OK && value.len == 8 ? fk_be64_read(value.data) : 0;
    fk_buf_free(&value);
    return st;
}

static enum fk_status letter_read(struct fk_xreader *reader, uint32_t docid, struct letter *out,
                                  struct fk_err *err) {
    enum fk_status st;
    uint64_t received;
    *out = (struct letter){.docid = docid};
    FK_TRY(fk_xreader_data(reader, docid, &out->data, err));
    FK_TRY(fk_provenance_read(out->data.data, out->data.len, &out->known, err));
    FK_TRY(fk_unlock__sender(out->data.data, out->data.len, &out->sender, err));
    FK_TRY(number_of(reader, docid, FK_SLOT_RECEIVED, &received, err));
    st = number_of(reader, docid, FK_SLOT_SIZE, &out->bytes, err);
    out->received_ms = (int64_t)received;
done:
    return st;
}

static bool had_it(const struct letter *l, const char *folded) {
    for (size_t i = 0; i < l->known.person_count; i++)
        for (size_t k = 0; k < l->known.people[i].fact_count; k++)
            if (l->known.people[i].facts[k].from < FK_KNOWN_RECIPIENTS &&
                strcmp(l->known.people[i].facts[k].folded, folded) == 0)
                return true;
    return false;
}

/* One sender, one of the same people, a day. */
static bool belong_together(const struct letter *locked, const struct letter *other) {
    const int64_t apart = locked->received_ms - other->received_ms;
    if (locked->docid == other->docid || other->bytes > LETTER_BYTES || apart > DAY_MS ||
        apart < -DAY_MS || !locked->sender.len || locked->sender.len != other->sender.len ||
        memcmp(locked->sender.data, other->sender.data, other->sender.len) != 0)
        return false;
    for (size_t i = 0; i < locked->known.person_count; i++)
        for (size_t k = 0; k < locked->known.people[i].fact_count; k++)
            if (locked->known.people[i].facts[k].from < FK_KNOWN_RECIPIENTS &&
                had_it(other, locked->known.people[i].facts[k].folded))
                return true;
    return false;
}

/* ---- words of a letter */

static enum fk_status letter_submit(struct run *r, uint64_t seq, struct item *i,
                                    struct fk_err *err) {
    struct fk_envelope envelope;
    enum fk_status st = fk_run__stepped(fk_fault("index-letter"), err);
    FK_TRY(st);
    st = fk_lend_content(r->lend, seq, 0, &i->content, err);
    if (st == FK_NOT_FOUND || st == FK_CORRUPT) {
        i->state = ITEM_DONE;
        return FK_OK; /* disposed of: it says nothing more */
    }
    FK_TRY(st);
    FK_TRY(fk_envelope_split(i->content.bytes, i->content.len, &envelope, err));
    st = fk_run__item_submit(r, i, FK_JOB_WORDS, &envelope, err);
done:
    return st;
}

static enum fk_status words_read(struct run *r, uint64_t seq, struct fk_unlock_words *out,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct item item = ITEM_INIT;
    item.seq = seq;
    while (fk_pool__free(r->pool) == 0)
        FK_TRY(fk_run__answer_wait(r, FK_RUN_ANSWER_MS, err));
    r->aside = &item;
    FK_TRY(letter_submit(r, seq, &item, err));
    while (item.state == ITEM_WAITS)
        FK_TRY(fk_run__answer_wait(r, FK_RUN_ANSWER_MS, err));
    st = fk_unlock__words_add(out, seq, &item.answer, err);
done:
    r->aside = NULL;
    fk_run__item_clear(&item);
    return st;
}

/* ---- letters of a locked message */

static enum fk_status reader_get(struct run *r, struct fk_xreader **out, struct fk_err *err) {
    return fk_run__of_database(r, fk_known__reader(&r->known, &r->place, r->list, out, err), err);
}

static int compare_docids(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Documents with this term of the sender that were received within a day of that moment, by seq. */
static enum fk_status near_search(struct fk_xreader *reader, const char *prefix,
                                  const struct letter *of, size_t most, struct fk_xhits *hits,
                                  struct fk_err *err) {
    struct fk_buf term = FK_BUF_INIT;
    uint8_t from[8], to[8];
    fk_be64(from, (uint64_t)(of->received_ms > DAY_MS ? of->received_ms - DAY_MS : 0));
    fk_be64(to, (uint64_t)of->received_ms + DAY_MS);
    fk_buf_str(&term, prefix);
    fk_buf_add(&term, of->sender.data, of->sender.len < SENDER_MAX ? of->sender.len : SENDER_MAX);
    struct fk_xquery *q = fk_xquery_and(fk_xquery_term((const char *)term.data, term.len),
                                        fk_xquery_range(FK_SLOT_RECEIVED, from, 8, to, 8));
    enum fk_status st = q ? fk_xreader_search(reader, q, FK_SLOT_RECEIVED, 0, most, hits, err)
                          : fk_fail(err, FK_NOMEM, "indexing: out of memory");
    fk_xquery_free(&q);
    fk_buf_free(&term);
    if (st == FK_OK)
        qsort(hits->docids, hits->count, sizeof *hits->docids, compare_docids);
    return st;
}

/* The first capture of each names it. */
static enum fk_status letters_find(struct run *r, const struct letter *locked, struct fk_seqs *seqs,
                                   struct fk_err *err) {
    struct fk_xreader *reader;
    struct fk_xhits *hits = calloc(1, sizeof *hits);
    enum fk_status st = hits ? FK_OK : fk_fail(err, FK_NOMEM, "indexing: out of memory");
    FK_TRY(st);
    FK_TRY(reader_get(r, &reader, err));
    FK_TRY(near_search(reader, FK_P_FROM_ADDR, locked, LOOKED_AT_MAX, hits, err));
    for (size_t i = 0; i < hits->count && seqs->count < LETTERS_MAX; i++) {
        struct letter other;
        st = letter_read(reader, hits->docids[i], &other, err);
        if (st == FK_OK && belong_together(locked, &other) && other.known.capture_count)
            fk_seqs_add(seqs, other.known.captures[0].seq);
        letter_free(&other);
        FK_TRY(st);
    }
    fk_seqs_sort(seqs);
    if (seqs->failed)
        st = fk_fail(err, FK_NOMEM, "indexing: out of memory");
done:
    free(hits);
    return fk_run__of_database(r, st, err);
}

/* ---- once more, with words */

/* A document read once more takes the place of the one with this data: what was found about it
 * stays, and it counts as read as it was, so that other captures of it are still joined. */
static enum fk_status adopt(struct fk_xdoc *doc, const struct fk_buf *earlier, bool *is_opened,
                            struct fk_err *err) {
    enum fk_status st;
    struct fk_buf data = FK_BUF_INIT, adopted = FK_BUF_INIT, read = FK_BUF_INIT;
    bool is_message = true;
    FK_TRY(fk_verdicts__carry(doc, earlier, err));
    FK_TRY(fk_xdoc_data_get(doc, &data, err));
    *is_opened = fk_unlock__is_opened(data.data, data.len);
    (void)fk_fields_find(earlier->data, earlier->len, "read", &read);
    struct fk_fields it = fk_fields_begin(data.data, data.len);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        is_message = is_message && !fk_field_is(&f, "capture");
        if (is_message && fk_field_is(&f, "read"))
            fk_fields_add(&adopted, "read", read.data, read.len);
        else
            fk_buf_add(&adopted, f.name, (size_t)(f.value + f.value_len + 1 - f.name));
    }
    st = adopted.failed || read.failed
             ? fk_fail(err, FK_NOMEM, "a document for the index: out of memory")
             : fk_xdoc_data(doc, adopted.data, adopted.len, err);
done:
    fk_buf_free(&data);
    fk_buf_free(&adopted);
    fk_buf_free(&read);
    return st;
}

static enum fk_status read_again(struct run *r, const struct letter *locked,
                                 const struct fk_passwords *passwords, bool may_lock,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_seqs captures = {NULL, 0, 0, false};
    struct fk_xdoc *doc = NULL;
    uint32_t docid = 0;
    bool is_opened = false;
    for (size_t i = 0; i < locked->known.capture_count; i++)
        fk_seqs_add(&captures, locked->known.captures[i].seq);
    if (captures.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "indexing: out of memory"));
    r->passwords = passwords;
    FK_TRY(fk_run__read_again(r, &captures, &docid, &doc, err));
    if (!doc || docid != locked->docid)
        goto done; /* a capture cannot be read just now */
    FK_TRY(adopt(doc, &locked->data, &is_opened, err));
    if (is_opened || may_lock)
        FK_TRY(fk_run__put_back(r, docid, doc, err));
done:
    r->passwords = NULL;
    fk_seqs_free(&captures);
    fk_xdoc_free(&doc);
    return st;
}

/* Whether a word of these has not been tried on it: it is new itself, or one of them is. */
static bool is_untried(const struct fk_seqs *letters, uint32_t docid, uint32_t new_from) {
    return docid >= new_from || (letters->count && letters->at[letters->count - 1] >= new_from);
}

/* new_from: the first seq that was not there before; 0: what opened it may be gone. */
static enum fk_status unlock(struct run *r, uint32_t docid, uint32_t new_from, struct fk_err *err) {
    const bool may_lock = new_from == 0;
    enum fk_status st;
    struct fk_xreader *reader;
    struct letter locked = {.docid = 0};
    struct fk_seqs letters = {NULL, 0, 0, false};
    struct fk_unlock_words words = {.text = FK_BUF_INIT};
    FK_TRY(reader_get(r, &reader, err));
    FK_TRY(fk_run__of_database(r, letter_read(reader, docid, &locked, err), err));
    FK_TRY(letters_find(r, &locked, &letters, err));
    if (!is_untried(&letters, docid, new_from))
        goto done;
    fk_known__changed(&r->known); /* its shard is about to be */
    for (size_t i = 0; i < letters.count; i++)
        FK_TRY(words_read(r, letters.at[i], &words, err));
    if (words.count || may_lock) {
        const struct fk_passwords passwords = fk_unlock__passwords(&words);
        FK_TRY(read_again(r, &locked, &passwords, may_lock, err));
    }
done:
    fk_known__changed(&r->known);
    letter_free(&locked);
    fk_seqs_free(&letters);
    fk_unlock__words_free(&words);
    return st;
}

/* ---- which */

/* All documents with a flag of this value; *docids is the caller's to free. */
static enum fk_status with_flag(struct run *r, struct fk_xreader *reader, const char *flag,
                                const void *value, size_t len, uint32_t **docids, size_t *count,
                                struct fk_err *err) {
    struct fk_buf term = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    size_t room = 0;
    fk_buf_printf(&term, FK_P_FLAG "%s:", flag);
    fk_buf_add(&term, value, len);
    *count = 0;
    while (st == FK_OK && term.len <= FK_WHOLE_MAX && *count == room) {
        room = room ? 4 * room : OPENED_FIRST;
        uint32_t *more = realloc(*docids, room * sizeof **docids);
        if (!more)
            FK_TRY(fk_fail(err, FK_NOMEM, "indexing: out of memory"));
        *docids = more;
        st = fk_xreader_with_term(reader, (const char *)term.data, term.len, *docids, room, count,
                                  err);
    }
    st = fk_run__of_database(r, st, err);
done:
    fk_buf_free(&term);
    return st;
}

static enum fk_status has_locked(struct run *r, struct fk_xreader *reader,
                                 const struct fk_buf *sender, bool *out, struct fk_err *err) {
    struct fk_buf term = FK_BUF_INIT;
    uint32_t docid;
    size_t count = 0;
    fk_buf_str(&term, FK_P_FLAG "locked:");
    fk_buf_add(&term, sender->data, sender->len);
    enum fk_status st = term.len > FK_WHOLE_MAX
                            ? FK_OK
                            : fk_xreader_with_term(reader, (const char *)term.data, term.len,
                                                   &docid, 1, &count, err);
    *out = count > 0;
    fk_buf_free(&term);
    return fk_run__of_database(r, st, err);
}

/* What a document of the batch has to do with locked ones: it is one, or may have their password.
 */
static enum fk_status document_look(struct run *r, struct fk_xreader *reader, uint32_t docid,
                                    struct fk_seqs *todo, struct fk_err *err) {
    enum fk_status st;
    struct letter letter, locked = {.docid = 0};
    struct fk_xhits *hits = NULL;
    bool any = false;
    FK_TRY(fk_run__of_database(r, letter_read(reader, docid, &letter, err), err));
    if (fk_unlock__is_locked(letter.data.data, letter.data.len))
        fk_seqs_add(todo, docid);
    if (!letter.sender.len || letter.bytes > LETTER_BYTES)
        goto done;
    FK_TRY(has_locked(r, reader, &letter.sender, &any, err));
    if (!any) /* mostly, and known at the cost of one look-up */
        goto done;
    hits = calloc(1, sizeof *hits);
    if (!hits)
        FK_TRY(fk_fail(err, FK_NOMEM, "indexing: out of memory"));
    st = near_search(reader, FK_P_FLAG "locked:", &letter, LOCKED_MAX, hits, err);
    FK_TRY(fk_run__of_database(r, st, err));
    for (size_t i = 0; i < hits->count; i++) {
        letter_free(&locked);
        st = letter_read(reader, hits->docids[i], &locked, err);
        FK_TRY(fk_run__of_database(r, st, err));
        if (belong_together(&locked, &letter))
            fk_seqs_add(todo, hits->docids[i]);
    }
done:
    free(hits);
    letter_free(&letter);
    letter_free(&locked);
    return st;
}

static enum fk_status all_unlock(struct run *r, struct fk_seqs *todo, uint32_t new_from,
                                 struct fk_err *err) {
    enum fk_status st = FK_OK;
    fk_seqs_sort(todo);
    if (todo->failed)
        st = fk_fail(err, FK_NOMEM, "indexing: out of memory");
    for (size_t i = 0; st == FK_OK && i < todo->count; i++)
        if (i == 0 || todo->at[i] != todo->at[i - 1])
            st = unlock(r, (uint32_t)todo->at[i], new_from, err);
    return st;
}

enum fk_status fk_run__unlock(struct run *r, const struct fk_shard *shard, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xreader *reader;
    struct fk_seqs todo = {NULL, 0, 0, false};
    uint32_t docid;
    if (r->options->names_only)
        return FK_OK;
    fk_known__changed(&r->known);
    FK_TRY(reader_get(r, &reader, err));
    for (uint32_t after = shard->first - 1;
         (st = fk_xreader_next(reader, after, &docid, err)) == FK_OK && docid <= shard->last;
         after = docid)
        FK_TRY(document_look(r, reader, docid, &todo, err));
    if (st != FK_NOT_FOUND) /* behind the last */
        FK_TRY(fk_run__of_database(r, st, err));
    st = all_unlock(r, &todo, shard->first, err);
done:
    fk_known__changed(&r->known);
    fk_seqs_free(&todo);
    return st;
}

enum fk_status fk_run__lock_again(struct run *r, const struct fk_seqs *gone, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_xreader *reader;
    struct fk_seqs todo = {NULL, 0, 0, false};
    uint32_t *docids = NULL;
    size_t count;
    fk_known__changed(&r->known);
    FK_TRY(reader_get(r, &reader, err));
    for (size_t i = 0; i < gone->count; i++) {
        char seq[24];
        const int n = snprintf(seq, sizeof seq, "%llu", (unsigned long long)gone->at[i]);
        FK_TRY(with_flag(r, reader, "opened", seq, (size_t)n, &docids, &count, err));
        for (size_t k = 0; k < count; k++)
            fk_seqs_add(&todo, docids[k]);
    }
    FK_TRY(fk_run__mark(r, &todo, err));
    st = all_unlock(r, &todo, 0, err);
done:
    free(docids);
    fk_seqs_free(&todo);
    return st;
}
