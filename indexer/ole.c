/* ole.c - the one file that knows libgsf. */
#include "indexer/ole_priv.h"

#include <gsf/gsf-infile-msole.h>
#include <gsf/gsf-infile.h>
#include <gsf/gsf-input-memory.h>
#include <gsf/gsf-utils.h>
#include <string.h>

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

bool fk_ole__stream(struct fk_ole *in, const char *name, size_t max, struct fk_buf *out) {
    GsfInput *stream = fk_ole__has(in, name) ? gsf_infile_child_by_name(infile(in), name) : NULL;
    if (!stream)
        return false;
    const gsf_off_t size = gsf_input_size(stream);
    const size_t n = size <= 0 ? 0 : (uint64_t)size < max ? (size_t)size : max;
    const guint8 *data = n ? gsf_input_read(stream, n, NULL) : NULL;
    if (data)
        fk_buf_add(out, data, n);
    g_object_unref(stream);
    return true;
}
