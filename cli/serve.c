/*
 * serve.c - starts the processes of a server in their order, joins them by socket pairs, starts
 * anew what dies, and stops them in the other order. It has no vault file, no key and no port
 * itself.
 */
#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/io.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/gaps.h"
#include "cli/serve_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KIDS = 15, STOP_WAIT_MS = 60000, DELAY_MIN_S = 1, DELAY_MAX_S = 30, STEADY_MS = 60000 };

static const char *const start_order[KIDS] = {"keep",   "lend",    "sign",   "indexd", "logd",
                                              "stampd", "cosignd", "maild",  "authd",  "scrubd",
                                              "watchd", "receive", "milter", "imapd",  "web"};
static const char *const stop_order[KIDS] = {"receive", "milter", "imapd", "web",     "watchd",
                                             "scrubd",  "authd",  "maild", "cosignd", "stampd",
                                             "indexd",  "logd",   "sign",  "lend",    "keep"};

/* Who asks whom, and in which role. */
static const struct link {
    const char *server, *client, *option, *role;
} links[] = {
    {"keep", "receive", "--keep", "mail"}, {"keep", "web", "--keep", "act"},
    {"keep", "scrubd", "--keep", "scrub"}, {"keep", "milter", "--keep", "mail"},
    {"lend", "indexd", "--lend", "index"}, {"lend", "logd", "--lend", "log"},
    {"lend", "web", "--lend", "act"},      {"sign", "logd", "--sign", "log"},
    {"keep", "watchd", "--keep", "watch"}, {"lend", "watchd", "--lend", "log"},
    {"keep", "authd", "--keep", "auth"},   {"lend", "authd", "--lend", "auth"},
    {"keep", "imapd", "--keep", "import"}, {"lend", "imapd", "--lend", "log"},
};
enum { LINKS = sizeof links / sizeof *links };

struct serve {
    const struct fk_cli *cli;
    struct kid kids[KIDS];
    int signals, lock;
    struct kid_inherited inherited;
    bool stop, running; /* running: all were ready once */
    struct cli_gaps gaps;
    enum fk_status st; /* why it stops, where that is a failure */
    struct fk_err err;
};

static struct kid *kid_find(struct serve *s, const char *name) {
    for (size_t i = 0; i < KIDS; i++)
        if (strcmp(s->kids[i].name, name) == 0)
            return &s->kids[i];
    return NULL;
}

/* ---- one server a vault */

static enum fk_status lock_take(struct serve *s, struct fk_err *err) {
    char path[PATH_MAX], text[32] = "";
    enum fk_status st;
    FK_TRY(fk_join_path(path, sizeof path, s->cli->dir, "run", err));
    FK_TRY(fk_make_dir(path, 0755, err));
    FK_TRY(fk_join_path(path, sizeof path, s->cli->dir, "run/serve.pid", err));
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (s->lock < 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot open", path));
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
        (void)!read(s->lock, text, sizeof text - 1); /* the number only helps the reader */
        FK_TRY(fk_fail(err, FK_RETRY, "%s: a server runs on this vault already (process %d)",
                       s->cli->dir, atoi(text)));
    }
    snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(s->lock, 0) != 0)
        FK_TRY(fk_fail_sys(err, errno, "%s: cannot write", path));
    st = fk_write_full(s->lock, text, strlen(text), path, err);
done:
    return st;
}

/* ---- starting */

/* The named socket of keep and lend; the others have none. */
static enum fk_status listen_of(const struct kid *kid, const char *dir, char path[PATH_MAX],
                                struct fk_err *err) {
    char name[32];
    path[0] = 0;
    if (strcmp(kid->name, "keep") != 0 && strcmp(kid->name, "lend") != 0)
        return FK_OK;
    snprintf(name, sizeof name, "run/%s.sock", kid->name);
    return fk_join_path(path, PATH_MAX, dir, name, err);
}

/* Both ends of every socket that this kid is to have: its own to go along, the other for the kid
 * that runs already. To one that does not, the socket is given when it starts. */
struct ends {
    struct kid_socket mine[KID_SOCKETS];
    struct {
        struct kid *kid;
        const char *name;
        int fd;
    } other[KID_SOCKETS];
    size_t count;
};

static void ends_close(struct ends *e) {
    for (size_t i = 0; i < e->count; i++) {
        fk_close(&e->mine[i].fd);
        fk_close(&e->other[i].fd);
    }
}

static enum fk_status ends_make(struct serve *s, const struct kid *kid, struct ends *e,
                                struct fk_err *err) {
    for (size_t i = 0; i < LINKS; i++) {
        const struct link *l = &links[i];
        bool is_server = strcmp(l->server, kid->name) == 0;
        if (!is_server && strcmp(l->client, kid->name) != 0)
            continue;
        struct kid *other = kid_find(s, is_server ? l->client : l->server);
        if (is_server && other->control < 0)
            continue;
        int pair[2];
        enum fk_status st = fk_frame_pair(pair, err);
        if (st != FK_OK)
            return st;
        struct kid_socket *mine = &e->mine[e->count];
        snprintf(mine->option, sizeof mine->option, "%s", is_server ? "--socket" : l->option);
        mine->role = is_server ? l->role : NULL;
        mine->fd = pair[0];
        e->other[e->count].kid = other;
        e->other[e->count].name = is_server ? l->server : l->role;
        e->other[e->count++].fd = pair[1];
    }
    return FK_OK;
}

static enum fk_status start(struct serve *s, struct kid *kid, struct fk_err *err) {
    char path[PATH_MAX];
    struct ends e = {.count = 0};
    const bool listens = strcmp(kid->name, "receive") == 0;
    enum fk_status st;
    FK_TRY(ends_make(s, kid, &e, err));
    FK_TRY(listen_of(kid, s->cli->dir, path, err));
    FK_TRY(kid_start(kid, s->cli->config_path, *path ? path : NULL, e.mine, e.count,
                     listens ? &s->inherited : NULL, err));
    for (size_t i = 0; i < e.count; i++)
        if (e.other[i].kid->control >= 0 &&
            kid_give(e.other[i].kid, e.other[i].name, e.other[i].fd, err) != FK_OK)
            fk_log(FK_LOG_WARNING, "%s: %s", e.other[i].kid->name, err->text);
done:
    ends_close(&e);
    return st;
}

/* ---- what is told to the outside */

/* Of each listener with a name, what the configuration says of it and where it listens. */
static json_t *listeners_json(const struct serve *s, char *const *addresses) {
    json_t *root = json_object();
    const struct fk_config *config = s->cli->config;
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct fk_config_listener *l = &config->listeners[i];
        json_t *list = json_array();
        char name[64];
        int n = snprintf(name, sizeof name, "listener:%s=", l->name);
        for (char *const *a = addresses; *a; a++)
            if (strncmp(*a, name, (size_t)n) == 0)
                json_array_append_new(list, json_string(*a + n));
        json_object_set_new(root, l->name,
                            json_pack("{s:s, s:s, s:s, s:o}", "protocol", l->protocol, "tls",
                                      l->tls, "source", *l->source ? l->source : config->source,
                                      "addresses", list));
    }
    return root;
}

static json_t *addresses_json(struct serve *s) {
    json_t *root = json_object();
    json_object_set_new(root, "smtp", json_array());
    json_object_set_new(root, "lmtp", json_array());
    json_object_set_new(root, "listeners", listeners_json(s, kid_find(s, "receive")->addresses));
    for (size_t i = 0; i < KIDS; i++)
        for (char **a = s->kids[i].addresses; *a; a++) {
            char name[32];
            const char *is = strchr(*a, '=');
            if (!is || strncmp(*a, "listener:", 9) == 0)
                continue;
            snprintf(name, sizeof name, "%.*s", (int)(is - *a), *a);
            json_t *list = json_object_get(root, name);
            if (json_is_array(list))
                json_array_append_new(list, json_string(is + 1));
            else
                json_object_set_new(root, name, json_string(is + 1));
        }
    return root;
}

static json_t *processes_json(struct serve *s) {
    json_t *root = json_object();
    json_object_set_new(root, "serve", json_integer(getpid()));
    for (size_t i = 0; i < KIDS; i++)
        if (s->kids[i].pid)
            json_object_set_new(root, s->kids[i].name, json_integer(s->kids[i].pid));
    return root;
}

static void json_write(struct serve *s, const char *name, json_t *root) {
    char path[PATH_MAX];
    struct fk_err err = FK_ERR_INIT;
    char *text = json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    if (!text || fk_join_path(path, sizeof path, s->cli->dir, name, &err) != FK_OK ||
        fk_atomic_put(path, 0644, text, strlen(text), &err) != FK_OK)
        fk_log(FK_LOG_WARNING, "%s was not written: %s", name, err.text);
    free(text);
}

static void files_write(struct serve *s) {
    json_write(s, "run/addresses.json", addresses_json(s));
    json_write(s, "run/processes.json", processes_json(s));
}

static void files_remove(const struct serve *s) {
    static const char *const names[] = {"run/addresses.json", "run/processes.json"};
    char path[PATH_MAX];
    for (size_t i = 0; i < 2; i++)
        if (fk_join_path(path, sizeof path, s->cli->dir, names[i], NULL) == FK_OK)
            (void)unlink(path); /* a file that stays names processes that are gone: harmless */
}

/* ---- watching */

static void stop_for(struct serve *s, enum fk_status st, const struct fk_err *err) {
    if (s->st == FK_OK && st != FK_OK) {
        s->st = st;
        s->err = *err;
    }
    s->stop = true;
}

static void died(struct serve *s, struct kid *kid, int wait_status) {
    struct fk_err err = FK_ERR_INIT;
    bool was_ready = kid->ready; /* it could start: trouble of the moment, not a wrong setting */
    enum fk_status st = kid_ended(kid, wait_status, &err);
    if (s->stop)
        return;
    if (!s->running && !was_ready) {
        stop_for(s, st, &err);
        return;
    }
    bool steady = fk_monotonic_ms() - kid->started_ms > STEADY_MS;
    kid->delay_s = steady || !kid->delay_s ? DELAY_MIN_S : kid->delay_s * 2;
    if (kid->delay_s > DELAY_MAX_S)
        kid->delay_s = DELAY_MAX_S;
    kid->again_ms = fk_monotonic_ms() + kid->delay_s * 1000;
    fk_log(FK_LOG_ERROR, "%s; it is started anew in %u s", err.text, kid->delay_s);
}

static void reap(struct serve *s) {
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t i = 0; i < KIDS; i++)
            if (s->kids[i].pid == pid)
                died(s, &s->kids[i], status);
}

/* Certificates alone are read again: whoever changes the configuration starts the server anew. */
static void reload(struct serve *s) {
    struct kid *receive = kid_find(s, "receive");
    struct fk_err err = FK_ERR_INIT;
    if (receive->control >= 0 && kid_reload(receive, &err) != FK_OK)
        fk_log(FK_LOG_WARNING, "receive was not told to read its certificates again: %s", err.text);
}

static void signals_read(struct serve *s) {
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo == SIGHUP)
            reload(s);
        else if (info.ssi_signo != SIGCHLD)
            s->stop = true;
    reap(s);
}

/* Until a part is to be started anew, or the next sign of life is due. */
static int next_start_ms(const struct serve *s) {
    int64_t now = fk_monotonic_ms(), first = CLI_ALIVE_MS;
    for (size_t i = 0; i < KIDS; i++) {
        int64_t at = s->kids[i].again_ms;
        if (at && at - now < first)
            first = at > now ? at - now : 0;
    }
    return (int)first;
}

/* One round: what the kids say and how they die, at most wait_ms long (-1: until something). */
static void watch(struct serve *s, int wait_ms) {
    struct pollfd set[KIDS + 1];
    for (size_t i = 0; i < KIDS; i++)
        set[i] = (struct pollfd){s->kids[i].control, POLLIN, 0};
    set[KIDS] = (struct pollfd){s->signals, POLLIN, 0};
    if (poll(set, KIDS + 1, wait_ms) < 0 && errno != EINTR) {
        struct fk_err err = FK_ERR_INIT;
        stop_for(s, fk_fail_sys(&err, errno, "cannot watch the processes"), &err);
        return;
    }
    for (size_t i = 0; i < KIDS; i++)
        if (set[i].revents) {
            bool was_ready = s->kids[i].ready;
            kid_hear(&s->kids[i]);
            if (s->running && s->kids[i].ready && !was_ready)
                files_write(s);
        }
    if (set[KIDS].revents)
        signals_read(s);
}

static void start_again(struct serve *s) {
    for (size_t i = 0; i < KIDS; i++) {
        struct kid *kid = &s->kids[i];
        struct fk_err err = FK_ERR_INIT;
        if (!kid->again_ms || kid->again_ms > fk_monotonic_ms())
            continue;
        if (start(s, kid, &err) == FK_OK)
            continue;
        fk_log(FK_LOG_ERROR, "%s; another try in %d s", err.text, DELAY_MAX_S);
        kid->again_ms = fk_monotonic_ms() + DELAY_MAX_S * 1000;
    }
}

/* Parts that not everybody has. */
static bool is_wanted(const struct serve *s, const char *name) {
    const struct fk_config *c = s->cli->config;
    return strcmp(name, "milter") == 0  ? c->milter[0] != NULL
           : strcmp(name, "imapd") == 0 ? c->mailbox_count != 0
                                        : true;
}

static void start_all(struct serve *s) {
    for (size_t i = 0; i < KIDS && !s->stop; i++) {
        struct kid *kid = kid_find(s, start_order[i]);
        struct fk_err err = FK_ERR_INIT;
        if (!cli_command(kid->name) || !is_wanted(s, kid->name))
            continue;
        enum fk_status st = start(s, kid, &err);
        if (st != FK_OK)
            stop_for(s, st, &err);
        while (!s->stop && !kid->ready)
            watch(s, -1);
    }
}

static void stop_all(struct serve *s) {
    for (size_t i = 0; i < KIDS; i++) {
        struct kid *kid = kid_find(s, stop_order[i]);
        int64_t until = fk_monotonic_ms() + STOP_WAIT_MS;
        if (kid->pid && kill(kid->pid, SIGTERM) != 0)
            fk_log(FK_LOG_WARNING, "%s could not be told to stop", kid->name);
        while (kid->pid) {
            int64_t left = until - fk_monotonic_ms();
            if (left <= 0) {
                fk_log(FK_LOG_ERROR, "%s did not stop within %d s and is killed", kid->name,
                       STOP_WAIT_MS / 1000);
                (void)kill(kid->pid, SIGKILL); /* it cannot refuse; its death comes as SIGCHLD */
                left = STOP_WAIT_MS;
            }
            watch(s, (int)left);
        }
    }
}

static enum fk_status signals_take(struct serve *s, struct fk_err *err) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return fk_fail_sys(err, errno, "cannot block signals");
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals >= 0 ? FK_OK : fk_fail_sys(err, errno, "cannot wait for signals");
}

/* The part without which no mail is taken, NULL where both are there. */
static const char *part_away(struct serve *s) {
    static const char *const parts[] = {"receive", "keep"};
    for (size_t i = 0; i < 2; i++)
        if (!kid_find(s, parts[i])->pid || !kid_find(s, parts[i])->ready)
            return parts[i];
    return NULL;
}

static void run(struct serve *s) {
    start_all(s);
    if (!s->stop) {
        s->running = true;
        files_write(s);
        fk_log(FK_LOG_INFO, "serving %s", s->cli->dir);
        printf("ready\n");
        if (fflush(stdout) != 0)
            fk_log(FK_LOG_WARNING, "nobody reads that the server is ready");
    }
    while (!s->stop) {
        cli_gaps_tick(&s->gaps, part_away(s));
        watch(s, next_start_ms(s));
        start_again(s);
    }
    if (s->running)
        cli_gaps_stop(&s->gaps);
    stop_all(s);
    files_remove(s);
}

int cmd_serve(struct fk_cli *cli, int argc, char **argv) {
    struct serve s = {.cli = cli, .signals = -1, .lock = -1};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    if (argc > 1)
        return cli_usage("serve", "takes no argument \"%s\"", argv[1]);
    fk_log_name("fumikura serve");
    for (size_t i = 0; i < KIDS; i++)
        s.kids[i] = (struct kid){.name = start_order[i], .control = -1};
    FK_TRY(kid_inherited_take(&s.inherited, &err));
    FK_TRY(lock_take(&s, &err));
    FK_TRY(signals_take(&s, &err));
    cli_gaps_begin(cli, &s.gaps);
    run(&s);
    st = s.st;
    err = s.err;
done:
    for (size_t i = 0; i < KIDS; i++)
        kid_free(&s.kids[i]);
    kid_inherited_free(&s.inherited);
    fk_close(&s.signals);
    fk_close(&s.lock);
    return st == FK_OK ? 0 : cli_fail(&err);
}
