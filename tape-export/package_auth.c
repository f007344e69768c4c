/* package_auth.c - what was found of where the messages are from (docs/auth.md), bound to the entry
 * that has it: data/auth has the entry's content, and data/messages/SEQ.auth what it says of a
 * message in the clear. */
#include "archiver/vault/bound.h"
#include "tape-export/package_priv.h"

#include <inttypes.h>
#include <stdlib.h>

static int compare_seqs(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static const uint8_t *salt_of(const struct package *p, uint64_t message) {
    const struct fk_seqs *m = p->options->messages;
    const uint64_t *at = bsearch(&message, m->at, m->count, sizeof *m->at, compare_seqs);
    return at ? p->salts.data + (size_t)(at - m->at) * FK_PACKAGE_SALT : NULL;
}

/* Evidence that does not open is verify's to explain, and no reason to give nothing out. */
static enum fk_status part_put(struct package *p, const struct fk_content *body, uint64_t message,
                               struct fk_err *err) {
    struct fk_buf part = FK_BUF_INIT;
    const uint8_t *salt = salt_of(p, message);
    enum fk_status st =
        salt ? fk_bound_part(salt, message, body->bytes, body->len, &part, err) : FK_NOT_FOUND;
    if (st == FK_OK)
        st = fk_package__put(p, "messages", message, "auth",
                             &(struct fk_piece){part.data, part.len}, 1, err);
    fk_buf_wipe(&part);
    return st == FK_NOT_FOUND || st == FK_CORRUPT ? FK_OK : st;
}

/* The facts from *at on that are of one entry. */
static enum fk_status entry_put(struct package *p, size_t *at, struct fk_err *err) {
    const struct fk_package_fact *facts = p->options->facts;
    const uint64_t entry = facts[*at].entry;
    struct fk_content body = {.fd = -1};
    enum fk_status st = fk_lend_content(p->lend, entry, p->act, &body, err);
    const bool is_there = st == FK_OK;
    if (is_there)
        st = fk_package__put(p, "auth", entry, "salt",
                             &(struct fk_piece){body.salt, FK_PACKAGE_SALT}, 1, err);
    if (st == FK_OK)
        st = fk_package__put(p, "auth", entry, "body", &(struct fk_piece){body.bytes, body.len}, 1,
                             err);
    for (; *at < p->options->fact_count && facts[*at].entry == entry; (*at)++)
        if (st == FK_OK && !p->options->keys_to)
            st = part_put(p, &body, facts[*at].message, err);
    fk_content_free(&body);
    return !is_there && st == FK_NOT_FOUND ? FK_OK : st; /* disposed of: its line stays */
}

enum fk_status fk_package__facts_put(struct package *p, struct fk_err *err) {
    const struct fk_package_options *o = p->options;
    enum fk_status st = p->salts.failed ? fk_fail(err, FK_NOMEM, "no memory for salts") : FK_OK;
    struct fk_seqs entries = {0};
    size_t at = 0;
    for (size_t i = 0; i < o->fact_count; i++)
        if (!i || o->facts[i].entry != o->facts[i - 1].entry)
            fk_seqs_add(&entries, o->facts[i].entry);
    if (entries.failed)
        st = fk_fail(err, FK_NOMEM, "no memory for a list of entries");
    for (size_t i = 0; i < entries.count && st == FK_OK; i++) {
        if (i % FK_PACKAGE_SEQS_AN_ACT == 0)
            st = fk_package__act(p, &entries, i, err);
        if (st == FK_OK)
            st = entry_put(p, &at, err);
    }
    fk_seqs_free(&entries);
    return st;
}
