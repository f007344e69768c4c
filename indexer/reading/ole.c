/* ole.c - the one file that knows libgsf. */
#include "indexer/reading/ole_priv.h"

#include <gsf/gsf-infile-msole.h>
#include <gsf/gsf-infile.h>
#include <gsf/gsf-input-memory.h>
#include <gsf/gsf-utils.h>
#include <string.h>

enum { CUT_STEP = 512 }; /* bytes: the smallest block */
/* Of the header ([MS-CFB] 2.2): its size; where stand the size of sectors, how many the table of
 * them has, where its lists go on, and the first of these with its length. */
enum { HEADER = 512, SHIFT = 30, TABLES = 44, LISTS = 68, LIST = 76, LISTED = 109 };
enum { LOOKED_AT_MAX = 1024 }; /* parts of the table that are about what is behind the end */
static const uint32_t FREE_SECTOR = 0xffffffff;

/* A struct fk_ole is a GsfInfile. */
static GsfInfile *infile(struct fk_ole *ole) {
    return (GsfInfile *)(void *)ole;
}

/* What libgsf registers when first used is registered before the box is closed. */
void fk_ole__prepare(void) {
    gsf_init();
}

struct fk_ole *fk_ole__open(const struct fk_file *file) {
    GsfInput *input = gsf_input_memory_new(file->data, (gsf_off_t)file->len, FALSE);
    GsfInfile *in = input ? gsf_infile_msole_new(input, NULL) : NULL;
    if (input)
        g_object_unref(input);
    return (struct fk_ole *)(void *)in;
}

static uint32_t u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* NULL: behind the end. */
static const uint8_t *sector(const struct fk_file *file, uint32_t number, size_t size) {
    const uint64_t at = ((uint64_t)number + 1) * size;
    return at + size <= file->len ? file->data + at : NULL;
}

/* Where the k-th sector of the table of sectors is ([MS-CFB] 2.5); NULL: not in this file. */
static const uint8_t *table_sector(const struct fk_file *file, size_t k, size_t size) {
    const size_t each = size / 4 - 1;
    const uint8_t *list = file->data + LIST;
    if (k >= LISTED) {
        uint32_t next = u32(file->data + LISTS);
        for (k -= LISTED; (list = sector(file, next, size)) && k >= each; k -= each)
            next = u32(list + 4 * each);
    }
    return list ? sector(file, u32(list + 4 * k), size) : NULL;
}

bool fk_ole__is_cut(const struct fk_file *file) {
    const unsigned shift = file->len < HEADER ? 0 : file->data[SHIFT];
    if (shift < 9 || shift > 12)
        return false; /* of another form */
    const size_t size = (size_t)1 << shift, each = size / 4;
    const size_t tables = u32(file->data + TABLES), there = (file->len - 1) / size;
    for (size_t k = there / each; k < tables && k - there / each < LOOKED_AT_MAX; k++) {
        const uint8_t *table = table_sector(file, k, size);
        if (!table)
            return true;
        for (size_t i = k == there / each ? there % each : 0; i < each; i++)
            if (u32(table + 4 * i) != FREE_SECTOR)
                return true;
    }
    return false;
}

struct fk_ole *fk_ole__storage(struct fk_ole *in, const char *name) {
    GsfInput *child = gsf_infile_child_by_name(infile(in), name);
    if (child && GSF_IS_INFILE(child) && gsf_infile_num_children(GSF_INFILE(child)) >= 0)
        return (struct fk_ole *)(void *)GSF_INFILE(child);
    if (child)
        g_object_unref(child);
    return NULL;
}

void fk_ole__close(struct fk_ole **ole) {
    if (*ole)
        g_object_unref(infile(*ole));
    *ole = NULL;
}

const char *fk_ole__name(struct fk_ole *in, unsigned number) {
    return (int)number < gsf_infile_num_children(infile(in))
               ? gsf_infile_name_by_index(infile(in), (int)number)
               : NULL;
}

bool fk_ole__has(struct fk_ole *in, const char *name) {
    const char *there;
    for (unsigned i = 0; (there = fk_ole__name(in, i)); i++)
        if (strcmp(there, name) == 0)
            return true;
    return false;
}

/* As far as it goes: the last blocks of a file that was cut are not there. */
static bool input_add(GsfInput *stream, size_t len, struct fk_buf *out) {
    const guint8 *data = gsf_input_read(stream, len, NULL);
    if (data) {
        fk_buf_add(out, data, len);
        return true;
    }
    if (gsf_input_seek(stream, 0, G_SEEK_SET))
        return false;
    for (size_t n; len > 0; len -= n) {
        n = len < CUT_STEP ? len : CUT_STEP;
        if (!(data = gsf_input_read(stream, n, NULL)))
            return false;
        fk_buf_add(out, data, n);
    }
    return true;
}

bool fk_ole__stream(struct fk_files *f, struct fk_ole *in, const char *name, size_t max,
                    struct fk_buf *out) {
    if (!fk_ole__has(in, name))
        return false;
    GsfInput *stream = gsf_infile_child_by_name(infile(in), name);
    const gsf_off_t size = stream ? gsf_input_size(stream) : 0;
    const size_t n = size <= 0 ? 0 : (uint64_t)size < max ? (size_t)size : max;
    if (!stream || size < 0 || (n && !input_add(stream, n, out)))
        fk_files__unread(f, NULL, FK_REASON_UNREADABLE);
    else if ((uint64_t)size > max || out->failed)
        fk_files__unread(f, NULL, FK_REASON_LIMIT);
    if (stream)
        g_object_unref(stream);
    return true;
}
