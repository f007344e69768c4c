/* conversation.c - in the box; see conversation_priv.h. */
#include "indexer/reading/conversation_priv.h"
#include "archiver/vault/fields.h"
#include "indexer/text/terms.h"

#include <string.h>

static void id_copy(char out[FK_WHOLE_MAX + 1], const char *id, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len && n < FK_WHOLE_MAX; i++)
        if ((uint8_t)id[i] > ' ' && id[i] != 0x7f)
            out[n++] = id[i];
    out[n] = 0;
}

/* Where the nth id of References is kept, counted from 0. */
static char *id_at(struct fk_conversation *c, size_t n) {
    return c->ids[n < FK_REFERENCES_MAX ? n : 1 + (n - 1) % (FK_REFERENCES_MAX - 1)];
}

void fk_conversation__id(struct fk_conversation *c, bool is_answer, const char *id, size_t len) {
    char clean[FK_WHOLE_MAX + 1];
    id_copy(clean, id, len);
    if (!*clean)
        return;
    if (!is_answer)
        memcpy(id_at(c, c->seen++), clean, sizeof clean);
    else if (!*c->answers)
        memcpy(c->answers, clean, sizeof clean);
}

/* ---- the base subject: every function takes something away and says whether it did */

struct span {
    char *at, *end;
};

static bool blanks_take(struct span *s) {
    const char *before = s->at;
    while (s->at < s->end && (uint8_t)*s->at <= ' ')
        s->at++;
    while (s->end > s->at && (uint8_t)s->end[-1] <= ' ')
        s->end--;
    return s->at != before;
}

/* "[...]" with nothing of its kind inside. Left where it is when not. */
static bool blob_take(struct span *s) {
    char *at = s->at;
    if (at == s->end || *at != '[')
        return false;
    for (at++; at < s->end && *at != ']'; at++)
        if (*at == '[')
            return false;
    if (at == s->end)
        return false;
    s->at = at + 1;
    (void)blanks_take(s);
    return true;
}

/* "re", "fwd", "返信", and a count that some put behind it: re[2], re(2), re^2, re2. */
static bool word_take(struct span *s) {
    static const char *const words[] = {"re", "fwd", "fw", "返信", "転送"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t n = strlen(words[i]);
        if ((size_t)(s->end - s->at) < n || memcmp(s->at, words[i], n) != 0)
            continue;
        struct span rest = {s->at + n, s->end};
        while (rest.at < rest.end && *rest.at && strchr(" \t^()0123456789", *rest.at))
            rest.at++;
        (void)blob_take(&rest);
        if (rest.at == rest.end || *rest.at != ':')
            continue;
        s->at = rest.at + 1;
        return true;
    }
    return false;
}

/* Lists' marks, and then an answer's word; marks alone stay (they are looked at last). */
static bool leader_take(struct span *s) {
    struct span ahead = *s;
    while (blob_take(&ahead))
        ;
    if (!word_take(&ahead))
        return false;
    (void)blanks_take(&ahead);
    *s = ahead;
    return true;
}

static bool trailer_take(struct span *s) {
    static const char fwd[] = "(fwd)";
    const size_t n = sizeof fwd - 1;
    if ((size_t)(s->end - s->at) < n || memcmp(s->end - n, fwd, n) != 0)
        return false;
    s->end -= n;
    (void)blanks_take(s);
    return true;
}

/* "[fwd: ...]" */
static bool wrap_take(struct span *s) {
    static const char begin[] = "[fwd:";
    const size_t n = sizeof begin - 1;
    if ((size_t)(s->end - s->at) <= n || memcmp(s->at, begin, n) != 0 || s->end[-1] != ']')
        return false;
    s->at += n;
    s->end--;
    (void)blanks_take(s);
    return true;
}

const char *fk_conversation__base(char *folded, size_t *len, bool *is_reply) {
    struct span s = {folded, folded + *len};
    *is_reply = false;
    (void)blanks_take(&s);
    for (bool more = true; more;) {
        more = trailer_take(&s) || leader_take(&s) || wrap_take(&s);
        *is_reply |= more;
        struct span without = s;
        if (!more && blob_take(&without) && without.at < without.end) {
            s = without; /* a list's mark alone; the whole subject is none */
            more = true;
        }
    }
    *len = (size_t)(s.end - s.at);
    return s.at;
}

enum fk_status fk_conversation__subject(struct fk_conversation *c, const char *text, size_t len,
                                        struct fk_err *err) {
    enum { SUBJECT_MAX = 4000 };
    struct fk_buf folded = FK_BUF_INIT;
    if (c->has_subject)
        return FK_OK;
    c->has_subject = true;
    enum fk_status st = fk_terms_fold(text, len < SUBJECT_MAX ? len : SUBJECT_MAX, &folded, err);
    if (st == FK_OK && folded.len) {
        size_t base_len = folded.len;
        const char *base = fk_conversation__base((char *)folded.data, &base_len, &c->is_reply);
        fk_buf_add(&c->base, base, base_len);
    }
    if (st == FK_OK && (folded.failed || c->base.failed))
        st = fk_fail(err, FK_NOMEM, "reading a subject: out of memory");
    fk_buf_free(&folded);
    return st;
}

/* ---- what is said of it */

static bool is_kept(struct fk_conversation *c, const char *id) {
    for (size_t i = 0; i < c->seen && i < FK_REFERENCES_MAX; i++)
        if (strcmp(c->ids[i], id) == 0)
            return true;
    return false;
}

enum fk_status fk_conversation__end(struct fk_conversation *c, struct fk_docterms *terms,
                                    struct fk_buf *lines, struct fk_err *err) {
    enum fk_status st = FK_OK;
    const size_t last = c->seen > FK_REFERENCES_MAX ? c->seen - FK_REFERENCES_MAX + 1 : 1;
    if (c->seen)
        fk_fields_add_str(lines, "reference", c->ids[0]);
    for (size_t n = last; n < c->seen; n++)
        fk_fields_add_str(lines, "reference", id_at(c, n));
    if (*c->answers && !is_kept(c, c->answers))
        fk_fields_add_str(lines, "in-reply-to", c->answers);
    if (c->base.len == 0)
        goto done;
    FK_TRY(fk_docterms__whole(terms, FK_P_TOPIC, (const char *)c->base.data, c->base.len, err));
    if (c->is_reply && !c->seen && !*c->answers)
        FK_TRY(fk_docterms__whole(terms, FK_P_TOPIC_REPLY, (const char *)c->base.data, c->base.len,
                                  err));
done:
    return st;
}

void fk_conversation__free(struct fk_conversation *c) {
    fk_buf_free(&c->base);
}
