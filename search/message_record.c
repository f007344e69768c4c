/* message_record.c - see message_record.h. */
#include "search/message_record.h"
#include "archiver/vault/fields.h"
#include "indexer/store/state.h"
#include "indexer/store/xapian_shim.h"
#include "indexer/text/prefixes.h"
#include "search/tail.h"

#include <stdlib.h>
#include <string.h>

static enum fk_status document_find(struct fk_xreader *reader, uint64_t seq, uint32_t *docid,
                                    struct fk_err *err) {
    char term[48];
    size_t found = 0;
    (void)snprintf(term, sizeof term, FK_P_CAPTURE "%llu", (unsigned long long)seq);
    enum fk_status st = fk_xreader_with_term(reader, term, strlen(term), docid, 1, &found, err);
    if (st == FK_OK && !found)
        st = fk_fail(err, FK_NOT_FOUND, "the index has no message of entry %llu",
                     (unsigned long long)seq);
    return st;
}

/* A term of a whole value, as the index has it. */
static void whole_term(struct fk_buf *term, const char *prefix, const char *text) {
    fk_buf_str(term, prefix);
    for (size_t n = 0; *text && n < FK_WHOLE_MAX; text++)
        if ((unsigned char)*text > ' ' && *text != 0x7f) {
            fk_buf_byte(term, (uint8_t)*text);
            n++;
        }
}

static enum fk_status version_add(struct fk_xreader *reader, uint32_t docid,
                                  struct fk_message_record *m, struct fk_err *err) {
    struct fk_buf data = FK_BUF_INIT, read = FK_BUF_INIT;
    enum fk_status st = fk_xreader_data(reader, docid, &data, err);
    if (st == FK_OK) {
        const bool same = fk_fields_find(data.data, data.len, "read", &read) && *m->known.read &&
                          strcmp(fk_buf_cstr(&read), m->known.read) == 0;
        m->versions[m->version_count++] = (struct fk_version){docid, same};
    }
    fk_buf_free(&data);
    fk_buf_free(&read);
    return st;
}

/* Under the same Message-ID, or, without one, the same bytes read otherwise. */
static enum fk_status versions_find(struct fk_xreader *reader, struct fk_message_record *m,
                                    struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf term = FK_BUF_INIT;
    uint32_t *docids = calloc(FK_VERSIONS_MAX, sizeof *docids);
    size_t n = 0;
    const bool has_id = *m->known.message_id != 0;
    whole_term(&term, has_id ? FK_P_OWN_MSGID : FK_P_KEY,
               has_id ? m->known.message_id : m->known.key);
    m->versions = calloc(FK_VERSIONS_MAX, sizeof *m->versions);
    if (!docids || !m->versions || term.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "out of memory for versions"));
    FK_TRY(fk_xreader_with_term(reader, (const char *)term.data, term.len, docids, FK_VERSIONS_MAX,
                                &n, err));
    for (size_t i = 0; i < n; i++)
        if (docids[i] != m->docid)
            FK_TRY(version_add(reader, docids[i], m, err));
done:
    free(docids);
    fk_buf_free(&term);
    return st;
}

/* ---- notices */

enum { LINKED_BYTES = 8 << 20 }; /* of their lines, together; then the others are counted */

/* Documents of a whole value, raw: what fk_document__make puts. */
static enum fk_status documents_find(struct fk_xreader *reader, const char *prefix,
                                     struct fk_buf *value, uint32_t docids[FK_LINKS_MAX],
                                     size_t *count, uint64_t *total, struct fk_err *err) {
    struct fk_buf term = FK_BUF_INIT;
    enum fk_status st = FK_OK;
    fk_buf_str(&term, prefix);
    fk_buf_add(&term, value->data, value->len < FK_WHOLE_MAX ? value->len : FK_WHOLE_MAX);
    if (term.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "out of memory for notices"));
    FK_TRY(fk_xreader_with_term(reader, (const char *)term.data, term.len, docids, FK_LINKS_MAX,
                                count, err));
    st = fk_xreader_term_count(reader, (const char *)term.data, term.len, total, err);
done:
    fk_buf_free(&term);
    return st;
}

/* The lines of a document's data that are a notice's. */
static void notice_lines(const struct fk_buf *data, struct fk_buf *out) {
    struct fk_fields it = fk_fields_begin(data->data, data->len);
    for (struct fk_field f; fk_fields_next(&it, &f) && !fk_field_is(&f, "capture");)
        if (f.name_len >= 6 && memcmp(f.name, "notice", 6) == 0)
            fk_buf_add(out, f.name, (size_t)(f.value + f.value_len + 1 - f.name));
}

/* Has the document a capture that is not disposed of? */
static enum fk_status is_there(const struct fk_buf *data, const struct fk_seqs *disposed, bool *out,
                               struct fk_err *err) {
    struct fk_provenance known = FK_PROVENANCE_INIT;
    enum fk_status st = FK_OK;
    *out = disposed->count == 0;
    if (*out)
        return FK_OK;
    st = fk_provenance_read(data->data, data->len, &known, err);
    for (size_t i = 0; st == FK_OK && i < known.capture_count; i++)
        *out |= !fk_seqs_has(disposed, known.captures[i].seq);
    fk_provenance_free(&known);
    return st;
}

static enum fk_status notices_find(struct fk_xreader *reader, const struct fk_seqs *disposed,
                                   struct fk_message_record *m, struct fk_err *err) {
    enum fk_status st = FK_OK;
    uint32_t docids[FK_LINKS_MAX];
    size_t n = 0;
    struct fk_buf id = FK_BUF_INIT, data = FK_BUF_INIT;
    fk_buf_str(&id, m->known.message_id);
    if (!id.len)
        goto done;
    FK_TRY(documents_find(reader, FK_P_ABOUT, &id, docids, &n, &m->notice_total, err));
    m->notices = calloc(n + 1, sizeof *m->notices);
    if (!m->notices)
        FK_TRY(fk_fail(err, FK_NOMEM, "out of memory for notices"));
    for (size_t i = 0, bytes = 0; i < n && bytes < LINKED_BYTES; i++) {
        bool there = false;
        fk_buf_reset(&data);
        FK_TRY(fk_xreader_data(reader, docids[i], &data, err));
        FK_TRY(is_there(&data, disposed, &there, err));
        if (!there) {
            m->notice_total--;
            continue;
        }
        struct fk_linked_notice *one = &m->notices[m->notice_count++];
        *one = (struct fk_linked_notice){docids[i], FK_BUF_INIT};
        notice_lines(&data, &one->data);
        bytes += one->data.len;
        if (one->data.failed)
            FK_TRY(fk_fail(err, FK_NOMEM, "out of memory for notices"));
    }
done:
    fk_buf_free(&id);
    fk_buf_free(&data);
    return st;
}

static enum fk_status about_find(struct fk_xreader *reader, const struct fk_seqs *disposed,
                                 struct fk_message_record *m, struct fk_err *err) {
    enum fk_status st = FK_OK;
    uint32_t docids[FK_LINKS_MAX];
    size_t n = 0;
    uint64_t total;
    struct fk_buf id = FK_BUF_INIT, data = FK_BUF_INIT;
    if (!fk_fields_find(m->data.data, m->data.len, "notice-about", &id) || !id.len)
        goto done;
    FK_TRY(documents_find(reader, FK_P_OWN_MSGID, &id, docids, &n, &total, err));
    for (size_t i = 0; i < n; i++) {
        bool there = false;
        fk_buf_reset(&data);
        FK_TRY(fk_xreader_data(reader, docids[i], &data, err));
        FK_TRY(is_there(&data, disposed, &there, err));
        if (there)
            m->about[m->about_count++] = docids[i];
    }
done:
    fk_buf_free(&id);
    fk_buf_free(&data);
    return st;
}

enum fk_status fk_message_record_read(const char *dir, struct fk_lend *lend, uint64_t seq,
                                      struct fk_message_record *out, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_tail tail = {0, 0, {NULL, 0, 0, false}};
    struct fk_message_record m = FK_MESSAGE_RECORD_INIT;
    struct fk_xreader *reader = NULL;
    uint64_t mark;
    FK_TRY(fk_index_open(dir, &reader, &mark, err));
    FK_TRY(document_find(reader, seq, &m.docid, err));
    FK_TRY(fk_xreader_data(reader, m.docid, &m.data, err));
    FK_TRY(fk_provenance_read(m.data.data, m.data.len, &m.known, err));
    FK_TRY(versions_find(reader, &m, err));
    FK_TRY(fk_tail_read(lend, mark, &tail, err));
    if (tail.disposed.count)
        FK_TRY(fk_provenance_without(&m.known, &tail.disposed, err));
    FK_TRY(notices_find(reader, &tail.disposed, &m, err));
    FK_TRY(about_find(reader, &tail.disposed, &m, err));
    *out = m;
    m = (struct fk_message_record)FK_MESSAGE_RECORD_INIT;
done:
    fk_message_record_free(&m);
    fk_seqs_free(&tail.disposed);
    fk_xreader_close(&reader);
    return fk_index_blame(st, dir, err);
}

void fk_message_record_free(struct fk_message_record *m) {
    fk_buf_free(&m->data);
    fk_provenance_free(&m->known);
    free(m->versions);
    for (size_t i = 0; i < m->notice_count; i++)
        fk_buf_free(&m->notices[i].data);
    free(m->notices);
    *m = (struct fk_message_record)FK_MESSAGE_RECORD_INIT;
}
