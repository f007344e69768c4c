/* LMDB's pages (archiver/vault/pages_priv.h): whatever was changed in a database, walking all of
 * it, seeking and accounting end, within its size, with what is there or with what is wrong.
 *
 * Input: changes (patch.h) of a small database with every kind of page: branches, leaves, values on
 * pages of their own. */
#include "archiver/vault/pages_priv.h"
#include "tests/fuzz/support/patch.h"

#include <lmdb.h>
#include <unistd.h>

static struct fk_buf good = FK_BUF_INIT;

static void table_fill(MDB_txn *txn, const char *name, unsigned count, size_t size) {
    MDB_dbi table;
    static uint8_t value[10000];
    MUST(mdb_dbi_open(txn, name, MDB_CREATE, &table) == 0);
    for (unsigned i = 0; i < count; i++) {
        uint8_t bytes[8] = {0, 0, 0, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};
        MDB_val key = {sizeof bytes, bytes}, data = {size, value};
        memset(value, (int)i, size);
        MUST(mdb_put(txn, table, &key, &data, 0) == 0);
    }
}

static void database_make(void) {
    MDB_env *env;
    MDB_txn *txn;
    char path[4096];
    snprintf(path, sizeof path, "%s/good.mdb", fuzz_dir());
    MUST(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 4) == 0);
    MUST(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOLOCK, 0600) == 0);
    for (unsigned n = 1; n <= 3; n++) { /* so that there is a snapshot before, and a free list */
        MUST(mdb_txn_begin(env, NULL, 0, &txn) == 0);
        table_fill(txn, "entries", 60 * n, 150);
        table_fill(txn, "extents", 3, 9000);
        MUST(mdb_txn_commit(txn) == 0);
    }
    mdb_env_close(env);
    FILE *f = fopen(path, "rb");
    MUST(f && fk_buf_reserve(&good, 1 << 20));
    good.len = fread(good.data, 1, 1 << 20, f);
    MUST(good.len > 8 * 4096 && good.len < 1 << 20 && fclose(f) == 0);
}

static enum fk_status table_walk(struct fk_pages *p, const char *name, struct fk_err *err) {
    enum fk_status st;
    struct fk_cursor *c = NULL;
    struct fk_buf value = FK_BUF_INIT;
    static const uint8_t middle[8] = {0, 0, 0, 0, 0, 0, 0, 90};
    uint64_t items = 0;
    FK_TRY(fk_cursor__open(p, name, &c, err));
    for (st = fk_cursor__first(c, err); st == FK_OK && c->valid; st = fk_cursor__next(c, err)) {
        MUST(c->key && c->key_len <= FK_TREE_KEY_MAX);
        fk_buf_reset(&value);
        if (c->value_len <= (size_t)p->size)
            st = fk_value__read(c, 0, c->value_len, &value, err);
        else
            MUST(fk_value__read(c, 0, c->value_len, &value, err) != FK_OK);
        if (st != FK_OK)
            break;
        MUST(value.len == c->value_len);
        MUST(++items <= (uint64_t)p->size);
    }
    if (st == FK_OK)
        FK_TRY(fk_cursor__seek(c, middle, sizeof middle, err));
    if (st == FK_OK)
        FK_TRY(fk_cursor__last(c, err));
done:
    fk_cursor__close(&c);
    fk_buf_free(&value);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    struct fk_buf file = FK_BUF_INIT;
    struct fk_pages *p = NULL;
    struct fk_err err = FK_ERR_INIT;
    uint8_t key[8];
    bool found;
    if (!good.len)
        database_make();
    fk_buf_add(&file, good.data, good.len);
    fuzz_patch(&file, &in);
    const char *path = fuzz_file("changed.mdb", file.data, file.len);
    if (fuzz_took(fk_pages__open(path, 0, &p, &err), &err) &&
        fuzz_took(fk_pages__snapshot(p, 0, &err), &err)) {
        const bool walks = fuzz_took(table_walk(p, "entries", &err), &err) &
                           fuzz_took(table_walk(p, "extents", &err), &err);
        const bool adds_up = fuzz_took(fk_pages__account(p, &err), &err);
        (void)fuzz_took(fk_pages__last_before(p, "entries", key, &found, &err), &err);
        if (fuzz_same(file.data, file.len, good.data, good.len))
            MUST(walks && adds_up);
        MUST(p->bytes_read <=
             64 * (uint64_t)file.len + (1 << 20)); /* each page a few times, not without end */
    }
    fk_pages__close(&p);
    fk_buf_free(&file);
    return 0;
}
