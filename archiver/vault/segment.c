/* segment.c - LMDB, written. */
#include "archiver/vault/segment_priv.h"
#include "archiver/vault/layout_priv.h"
#include "base/fault.h"
#include "base/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum {
    TABLES = 6,
    READERS = 126,
    FIRST_BYTES = 256 << 10, /* more than the tables and the first entry of a segment take */
    ROOM_STEP_MIN = 1 << 20,
    ROOM_STEP_MAX = 16 << 20
};

enum fk_status fk_segment__fail(const struct fk_segment *seg, int rc, const char *what,
                                struct fk_err *err) {
    switch (rc) {
    case MDB_MAP_FULL:
        return fk_fail(err, FK_FULL, "%s: %s: the segment's map is full", seg->path, what);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_NOTFOUND:
        return fk_fail(err, FK_CORRUPT, "%s: %s: %s; run fumikura verify", seg->path, what,
                       mdb_strerror(rc));
    default:
        return rc > 0 ? fk_fail_sys(err, rc, "%s: %s", seg->path, what)
                      : fk_fail(err, FK_IO, "%s: %s: %s", seg->path, what, mdb_strerror(rc));
    }
}

static int tables_open(struct fk_segment *seg, int flags) {
    const bool is_open = flags & FK_SEGMENT_OPEN;
    const struct {
        const char *name;
        MDB_dbi *dbi;
    } tables[] = {{is_open ? "entries" : "lines", is_open ? &seg->entries : &seg->lines},
                  {"extents", &seg->extents},
                  {"contents", &seg->contents},
                  {"meta", &seg->meta},
                  {"chunks", &seg->chunks},
                  {"keys", &seg->keys}};
    size_t count = is_open ? TABLES : TABLES - 1;
    bool create = flags & FK_SEGMENT_NEW;
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(seg->env, NULL, create ? 0 : MDB_RDONLY, &txn);
    seg->has_chunks = true;
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = mdb_dbi_open(txn, tables[i].name, create ? MDB_CREATE : 0, tables[i].dbi);
        if (rc == MDB_NOTFOUND && tables[i].dbi == &seg->chunks) {
            seg->has_chunks = false;
            rc = 0;
        }
    }
    if (rc == 0)
        rc = mdb_txn_commit(txn); /* of a read transaction: keeps the handles */
    else if (txn)
        mdb_txn_abort(txn);
    return rc;
}

/* lend, under an id of its own but in keep's group, must write its reader slot. */
static void lock_file_share(const struct fk_segment *seg) {
    char lock[PATH_MAX + 8];
    snprintf(lock, sizeof lock, "%s-lock", seg->path);
    (void)chmod(lock, 0660); /* may be another's: then it was shared when it was made */
}

enum fk_status fk_segment__open(const char *path, uint64_t number, uint64_t map_bytes, int flags,
                                struct fk_segment **out, struct fk_err *err) {
    struct fk_segment *seg = calloc(1, sizeof *seg);
    if (!seg)
        return fk_fail(err, FK_NOMEM, "%s: no memory to open it", path);
    enum fk_status st = FK_OK;
    seg->number = number;
    seg->map_bytes = map_bytes;
    snprintf(seg->path, sizeof seg->path, "%s", path);
    if (flags & FK_SEGMENT_NEW)
        FK_TRY(fk_layout__remove(path, err));
    int rc = fk_fault("segment-open");
    if (rc == 0)
        rc = mdb_env_create(&seg->env);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(seg->env, TABLES);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(seg->env, READERS);
    if (rc == 0)
        rc = mdb_env_set_mapsize(seg->env, map_bytes);
    if (rc == 0)
        rc = mdb_env_open(seg->env, path, MDB_NOSUBDIR | (flags & FK_SEGMENT_NEW ? MDB_NOLOCK : 0),
                          0640);
    if (rc == 0 && (flags & FK_SEGMENT_NEW)) /* LMDB calls a full disk an I/O error */
        FK_TRY(fk_segment__room(seg, FIRST_BYTES, err));
    if (rc == 0)
        rc = tables_open(seg, flags);
    if (rc)
        st = fk_segment__fail(seg, rc, "cannot open the segment", err);
    else if (!(flags & FK_SEGMENT_NEW))
        lock_file_share(seg);
done:
    if (st == FK_OK)
        *out = seg;
    else
        fk_segment__close(&seg);
    return st;
}

void fk_segment__close(struct fk_segment **sp) {
    if (!*sp)
        return;
    if ((*sp)->env)
        mdb_env_close((*sp)->env);
    free(*sp);
    *sp = NULL;
}

enum fk_status fk_segment__begin(struct fk_segment *seg, MDB_txn **out, struct fk_err *err) {
    int rc = fk_fault("txn-begin");
    if (rc == 0)
        rc = mdb_txn_begin(seg->env, NULL, 0, out);
    return rc ? fk_segment__fail(seg, rc, "cannot begin a transaction", err) : FK_OK;
}

int fk_segment__commit(MDB_txn **txn) {
    int rc = fk_fault("txn-commit");
    if (rc)
        mdb_txn_abort(*txn);
    else
        rc = mdb_txn_commit(*txn);
    *txn = NULL;
    return rc ? rc : fk_fault("txn-committed");
}

void fk_segment__abort(MDB_txn **txn) {
    if (*txn)
        mdb_txn_abort(*txn);
    *txn = NULL;
}

int fk_segment__append(MDB_txn *txn, MDB_dbi table, uint64_t key, const void *data, size_t len) {
    uint8_t k[8];
    fk_be64(k, key);
    MDB_val mk = {sizeof k, k}, mv = {len, (void *)data};
    return mdb_put(txn, table, &mk, &mv, MDB_APPEND);
}

int fk_segment__reserve(MDB_txn *txn, MDB_dbi table, uint64_t key, size_t len, uint8_t **out) {
    uint8_t k[8];
    fk_be64(k, key);
    MDB_val mk = {sizeof k, k}, mv = {len, NULL};
    int rc = mdb_put(txn, table, &mk, &mv, MDB_APPEND | MDB_RESERVE);
    *out = mv.mv_data;
    return rc;
}

int fk_segment__meta_put(struct fk_segment *seg, MDB_txn *txn, const char *name,
                         const char *value) {
    MDB_val k = {strlen(name), (void *)name}, v = {strlen(value), (void *)value};
    return mdb_put(txn, seg->meta, &k, &v, 0);
}

int fk_segment__meta_number(struct fk_segment *seg, MDB_txn *txn, const char *name,
                            uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return fk_segment__meta_put(seg, txn, name, text);
}

int fk_segment__head_put(struct fk_segment *seg, MDB_txn *txn, const void *line, size_t len) {
    uint8_t digest[FK_SHA256_BYTES];
    char hex[2 * FK_SHA256_BYTES + 1];
    fk_sha256(line, len, digest);
    fk_hex(hex, digest, sizeof digest);
    return fk_segment__meta_put(seg, txn, "head", hex);
}

uint64_t fk_segment__bytes(struct fk_segment *seg) {
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(seg->env, &info) != 0 || mdb_env_stat(seg->env, &stat) != 0)
        return 0; /* both fail for a NULL argument only */
    return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

static int allocate(int fd, off_t from, off_t to) {
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, from, to - from) == 0 ? 0 : errno;
}

/* Seldom, in large steps; on a disk that is nearly full little more than what is needed. */
static off_t room_step(int fd, off_t end) {
    struct statvfs disk;
    off_t step = end / 8;
    step = step < ROOM_STEP_MIN ? ROOM_STEP_MIN : step > ROOM_STEP_MAX ? ROOM_STEP_MAX : step;
    if (fstatvfs(fd, &disk) == 0 && step > (off_t)(disk.f_bavail / 32 * disk.f_frsize))
        step = (off_t)(disk.f_bavail / 32 * disk.f_frsize);
    return step;
}

enum fk_status fk_segment__room(struct fk_segment *seg, uint64_t bytes, struct fk_err *err) {
    off_t end = (off_t)(fk_segment__bytes(seg) + bytes), from = seg->allocated;
    mdb_filehandle_t fd;
    int injected = fk_fault("room");
    if (injected)
        return fk_fail_sys(err, injected, "%s: cannot take room on the disk", seg->path);
    if (end <= from)
        return FK_OK;
    if (mdb_env_get_fd(seg->env, &fd) != 0)
        return fk_fail(err, FK_IO, "%s: the segment is not open", seg->path);
    off_t far = end + room_step(fd, end);
    int rc = allocate(fd, from, far);
    if (rc == ENOSPC || rc == EDQUOT) {
        far = end;
        rc = allocate(fd, from, far);
    }
    if (rc == EOPNOTSUPP || rc == ENOSYS)
        rc = 0; /* then a full disk shows in the commit, and spoils the pen */
    if (rc)
        return fk_fail_sys(err, rc, "%s: no room for %" PRIu64 " bytes more", seg->path, bytes);
    seg->allocated = far;
    return FK_OK;
}
