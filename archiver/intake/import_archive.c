/* import_archive.c - the members of an archive, which another process reads in a box (unpack.h), as
 * files. That process is given little time without a word and not much more to say than the archive
 * is long; what it says is bytes and names, and names are only told. */
#include "archiver/intake/import_priv.h"
#include "archiver/intake/unpack.h"
#include "base/io.h"
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SILENT_MS = 60000,
    GROWTH = 200,      /* times the archive's own bytes, ... */
    GROWTH_FREE = 256, /* ... and so many MiB */
    TEXT_MAX = 1000    /* of a name or a reason that is told */
};

struct unpacking {
    struct fk_import_run *run;
    const char *archive; /* its path */
    pid_t pid;
    int pipe;
    uint64_t size, read_bytes, unpacked;
    char why[200];        /* it cannot go on: "" while it can */
    char member_why[200]; /* this member is not whole */
    bool ended;           /* its last record was read, or it is given up */
    enum fk_unpack_record type;
    uint8_t data[FK_UNPACK_RECORD_MAX + 1];
    size_t len, at;
    bool in_member;
    struct fk_buf name; /* "archive!member" */
};

/* ---- records */

static void give_up(struct unpacking *u, const char *why) {
    if (!*u->why)
        snprintf(u->why, sizeof u->why, "%s", why);
    u->ended = true;
}

static bool bytes_read(struct unpacking *u, void *out, size_t len) {
    uint8_t *at = out;
    while (len) {
        struct pollfd p = {u->pipe, POLLIN, 0};
        int ready = poll(&p, 1, SILENT_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0) {
            give_up(u, "its reader said nothing for a minute and was ended");
            return false;
        }
        ssize_t n = read(u->pipe, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            give_up(u, "its reader ended without a word, of too much memory perhaps");
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static void growth_check(struct unpacking *u) {
    uint64_t most = u->size * GROWTH + ((uint64_t)GROWTH_FREE << 20);
    if (u->type == FK_UNPACK_DATA && (u->unpacked += u->len) > most)
        give_up(u, "it grows to more than 200 times its size and 256 MiB");
}

static uint64_t number_read(const uint8_t *p, int n) {
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* The next record that says something; false when there is none. */
static bool record_next(struct unpacking *u) {
    while (!u->ended) {
        uint8_t head[5];
        if (!bytes_read(u, head, sizeof head))
            break;
        u->type = (enum fk_unpack_record)head[0];
        u->len = number_read(head + 1, 4);
        u->at = 0;
        if (u->len > FK_UNPACK_RECORD_MAX) {
            give_up(u, "its reader said what is no record");
            break;
        }
        if (!bytes_read(u, u->data, u->len))
            break;
        u->data[u->len] = 0;
        growth_check(u);
        if (u->type == FK_UNPACK_AT && u->len == 8) {
            uint64_t now = number_read(u->data, 8);
            if (now > u->read_bytes && now <= u->size)
                fk_import__progress(u->run, now - u->read_bytes);
            u->read_bytes = now;
        } else if (u->type == FK_UNPACK_END) {
            u->ended = true;
            if (u->len)
                snprintf(u->why, sizeof u->why, "%.190s", (const char *)u->data);
        } else {
            return !u->ended;
        }
    }
    return false;
}

/* ---- members */

static void name_make(struct unpacking *u, const char *member, size_t len) {
    fk_buf_reset(&u->name);
    fk_buf_str(&u->name, u->archive);
    if (len)
        fk_buf_byte(&u->name, '!');
    fk_buf_add(&u->name, member, len < TEXT_MAX ? len : TEXT_MAX);
    u->run->path = fk_buf_cstr(&u->name);
    *u->run->at = 0;
}

/* For fk_import__file_read: the rest of the member's bytes. */
static ssize_t member_read(void *ctx, void *out, size_t size, const char **why_out) {
    struct unpacking *u = ctx;
    while (u->in_member && u->at == u->len) {
        if (!record_next(u) || u->type == FK_UNPACK_CLOSE) {
            u->in_member = false;
            if (u->ended || u->len) {
                snprintf(u->member_why, sizeof u->member_why, "%.190s",
                         u->ended ? u->why : (const char *)u->data);
                *why_out = u->member_why;
                return -1;
            }
        } else if (u->type != FK_UNPACK_DATA) {
            give_up(u, "its reader said what is no record");
            u->in_member = false;
        }
    }
    if (!u->in_member)
        return 0;
    size_t n = u->len - u->at < size ? u->len - u->at : size;
    memcpy(out, u->data + u->at, n);
    u->at += n;
    return (ssize_t)n;
}

static bool component_is(const char *at, size_t len, const char *what) {
    return strlen(what) == len && memcmp(at, what, len) == 0;
}

struct member {
    bool leads_out, in_messages, is_tmp, is_hidden, is_program_file;
};

/* What its name tells: a Maildir in an archive cannot be looked at as a whole. */
static struct member member_look(const char *name) {
    static const char *const programs[] = {"dovecot", "maildirfolder", "maildirsize", "courierimap",
                                           "subscriptions"};
    struct member m = {.leads_out = *name == '/'};
    const char *at = name, *slash, *parent = "";
    size_t parent_len = 0;
    for (; (slash = strchr(at, '/')); at = slash + 1) {
        m.leads_out |= component_is(at, (size_t)(slash - at), "..");
        parent = at;
        parent_len = (size_t)(slash - at);
    }
    m.leads_out |= strcmp(at, "..") == 0;
    m.in_messages =
        component_is(parent, parent_len, "cur") || component_is(parent, parent_len, "new");
    m.is_tmp = component_is(parent, parent_len, "tmp");
    m.is_hidden = *at == '.';
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        m.is_program_file |= strncmp(at, programs[i], strlen(programs[i])) == 0;
    m.is_program_file &= !m.in_messages;
    return m;
}

static bool is_named_eml(const char *name) {
    size_t len = strlen(name);
    return len >= 4 && strcasecmp(name + len - 4, ".eml") == 0;
}

static void member_take(struct unpacking *u, uint64_t *skipped, char first[TEXT_MAX + 1]) {
    const struct fk_import_reader reader = {member_read, u};
    const char *name = (const char *)u->data;
    const struct member m = member_look(name);
    const enum fk_import_shape shape =
        m.in_messages || is_named_eml(name) ? FK_SHAPE_MESSAGE : FK_SHAPE_MEMBER;
    name_make(u, name, strlen(name));
    u->in_member = true;
    u->at = u->len; /* the name is no data */
    if (m.is_hidden || m.is_tmp || m.is_program_file) {
        if (!(*skipped)++)
            snprintf(first, TEXT_MAX + 1, "%s", name);
        const char *why;
        while (member_read(u, u->run->buffer, FK_IMPORT_READ, &why) > 0)
            ;
        return;
    }
    if (m.leads_out)
        fk_buf_str(&u->run->remark,
                   "its name leads out of the archive; it was only read, and is only told");
    fk_import__file_read(u->run, &reader, shape);
    fk_buf_reset(&u->run->remark);
}

static void members_take(struct unpacking *u) {
    uint64_t skipped = 0, records = 0;
    char first[TEXT_MAX + 1] = "";
    for (; u->run->st == FK_OK && record_next(u); records++) {
        if (u->type == FK_UNPACK_MEMBER) {
            member_take(u, &skipped, first);
        } else if (u->type == FK_UNPACK_PASS) {
            size_t why_len = strlen((const char *)u->data);
            if (why_len < u->len)
                name_make(u, (const char *)u->data + why_len + 1, u->len - why_len - 1);
            fk_import__refuse(&u->run->window, u->run->path, "", (const char *)u->data);
        }
    }
    u->run->path = u->archive;
    *u->run->at = 0;
    if (!records && !*u->why && u->run->st == FK_OK)
        fk_import__refuse(&u->run->window, u->archive, "", "an archive with no files in it");
    if (skipped && u->run->options->skipped)
        u->run->options->skipped(u->run->options->ctx, u->archive, skipped, first,
                                 "names that begin with a dot, tmp, and files of mail programs "
                                 "are not");
}

/* ---- the process */

static enum fk_status reader_start(struct unpacking *u, int fd, struct fk_err *err) {
    enum fk_status st;
    int ends[2] = {-1, -1}, own = -1;
    char archive_fd[12], pipe_fd[12];
    const char *named = getenv("FUMIKURA_PROGRAM");
    if (pipe2(ends, O_CLOEXEC) != 0 || (own = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0) {
        fk_close(&ends[0]);
        fk_close(&ends[1]);
        return fk_fail_sys(err, errno, "cannot start the reader of archives");
    }
    (void)fcntl(ends[0], F_SETPIPE_SZ, 1 << 20); /* fewer turns; a smaller one serves too */
    snprintf(archive_fd, sizeof archive_fd, "%d", own);
    snprintf(pipe_fd, sizeof pipe_fd, "%d", ends[1]);
    const char *argv[] = {named && *named ? named : "/proc/self/exe", "unpack", archive_fd, pipe_fd,
                          NULL};
    const int pass[] = {own, ends[1]};
    st = fk_spawn(argv, pass, 2, &u->pid, err);
    if (st == FK_OK) {
        u->pipe = ends[0];
        ends[0] = -1;
    }
    fk_close(&ends[0]);
    fk_close(&ends[1]);
    fk_close(&own);
    return st;
}

static void reader_end(struct unpacking *u) {
    (void)kill(u->pid, SIGKILL); /* ended already is as good */
    while (waitpid(u->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    fk_close(&u->pipe);
}

void fk_import__archive_read(struct fk_import_run *run, int fd, uint64_t size) {
    struct fk_err err = FK_ERR_INIT;
    char at[40];
    struct unpacking *u = calloc(1, sizeof *u);
    if (!u) {
        fk_import__refuse(&run->window, run->path, "", "no memory to read an archive");
        return;
    }
    u->run = run;
    u->archive = run->path;
    u->size = size;
    if (reader_start(u, fd, &err) != FK_OK) {
        fk_import__refuse(&run->window, run->path, "", err.text);
        free(u);
        return;
    }
    members_take(u);
    reader_end(u);
    if (u->ended && *u->why) {
        snprintf(at, sizeof at, "byte %" PRIu64, u->read_bytes);
        fk_import__refuse(&run->window, u->archive, at, u->why);
    }
    if (u->read_bytes < size)
        fk_import__progress(run, size - u->read_bytes);
    fk_buf_free(&u->name);
    free(u);
}
