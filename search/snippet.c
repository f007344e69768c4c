/* snippet.c - see snippet.h. */
#include "search/snippet.h"
#include "archiver/vault/fields.h"
#include "indexer/text/prefixes.h"
#include "search/query_priv.h"

/* Where a text may stand, in the order in which it is looked for. */
enum place { IN_BODY = 1, IN_SUBJECT = 2, IN_ATTACHMENT = 4, IN_FILE = 8 };
struct fk_snippets {
    struct fk_excerpts *sought;
    struct fk_buf text, body;
};

static unsigned places_of(enum fk_q_field field) {
    switch (field) {
    case FK_F_ANY:
        return IN_BODY | IN_SUBJECT | IN_ATTACHMENT | IN_FILE;
    case FK_F_BODY:
        return IN_BODY;
    case FK_F_SUBJECT:
        return IN_SUBJECT;
    case FK_F_ATTACHMENT:
        return IN_ATTACHMENT | IN_FILE;
    case FK_F_FILENAME:
        return IN_FILE;
    default:
        return 0;
    }
}

/* Of a pattern what stands before its first sign, where that is a word. */
static enum fk_status text_add(struct fk_snippets *s, const struct fk_q_node *node,
                               struct fk_err *err) {
    const unsigned places = places_of(node->field);
    struct fk_query__spellings spellings = FK_SPELLINGS_INIT;
    enum fk_status st = FK_OK;
    if (places == 0)
        return FK_OK;
    if (node->wild)
        return fk_excerpts_add(s->sought, node->text, strcspn(node->text, "*?"), true, places, err);
    FK_TRY(fk_query__spell(node, &spellings, err));
    for (size_t i = 0; i < spellings.count; i++) {
        size_t len;
        const char *text = fk_query__spelling(&spellings, i, &len);
        FK_TRY(fk_excerpts_add(s->sought, text, len, node->prefix, places, err));
    }
done:
    fk_query__spellings_free(&spellings);
    return st;
}

static enum fk_status texts_add(struct fk_snippets *s, const struct fk_q_node *node,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    if (node->kind == FK_Q_NOT)
        return FK_OK;
    if (node->kind == FK_Q_TEXT)
        return text_add(s, node, err);
    for (const struct fk_q_node *c = node->first; c != NULL; c = c->next)
        FK_TRY(texts_add(s, c, err));
done:
    return st;
}

enum fk_status fk_snippets_new(const struct fk_q_node *root, struct fk_snippets **out,
                               struct fk_err *err) {
    struct fk_snippets *s = calloc(1, sizeof *s);
    enum fk_status st = FK_OK;
    if (s == NULL)
        return fk_fail(err, FK_NOMEM, "out of memory for snippets");
    FK_TRY(fk_excerpts_new(&s->sought, err));
    FK_TRY(texts_add(s, root, err));
    *out = s;
    s = NULL;
done:
    fk_snippets_free(&s);
    return st;
}

void fk_snippets_free(struct fk_snippets **snippets) {
    struct fk_snippets *s = *snippets;
    if (s == NULL)
        return;
    fk_excerpts_free(&s->sought);
    fk_buf_wipe(&s->text);
    fk_buf_wipe(&s->body);
    free(s);
    *snippets = NULL;
}

/* One place's text, tried; true where what was asked for stands in it. */
static bool place_try(struct fk_snippets *s, enum place place, const struct fk_buf *text,
                      struct fk_excerpt *out) {
    size_t from, len;
    if (!fk_excerpts_find(s->sought, place, (const char *)text->data, text->len, &from, &len))
        return false;
    fk_excerpt_cut((const char *)text->data, text->len, from, len, out);
    return true;
}

static bool files_try(struct fk_snippets *s, const char *fields, size_t len,
                      struct fk_excerpt *out) {
    struct fk_fields it = fk_fields_begin(fields, len);
    for (struct fk_field f; fk_fields_next(&it, &f);) {
        if (!fk_field_is(&f, "file"))
            continue;
        fk_buf_reset(&s->text);
        fk_field_value(&f, &s->text);
        if (place_try(s, IN_FILE, &s->text, out))
            return true;
    }
    return false;
}

enum fk_status fk_snippets_make(struct fk_snippets *s, struct fk_xreader *reader, uint32_t docid,
                                const char *fields, size_t fields_len, struct fk_excerpt *out,
                                struct fk_err *err) {
    enum fk_status st = FK_OK;
    fk_buf_reset(&s->body);
    FK_TRY(fk_xreader_text(reader, docid, FK_TEXTS_SHOWN, FK_P_BODY, &s->body, err));
    if (place_try(s, IN_BODY, &s->body, out))
        goto done;
    fk_buf_reset(&s->text);
    (void)fk_fields_find(fields, fields_len, "subject", &s->text);
    if (place_try(s, IN_SUBJECT, &s->text, out))
        goto done;
    fk_buf_reset(&s->text);
    FK_TRY(fk_xreader_text(reader, docid, FK_TEXTS_ROWS, FK_P_ATTACHMENT, &s->text, err));
    if (place_try(s, IN_ATTACHMENT, &s->text, out) || files_try(s, fields, fields_len, out))
        goto done;
    fk_excerpt_cut((const char *)s->body.data, s->body.len, 0, 0, out);
done:
    if (st == FK_OK && out->text.failed)
        st = fk_fail(err, FK_NOMEM, "out of memory for a snippet");
    return st;
}
