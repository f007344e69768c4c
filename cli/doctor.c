/* doctor.c - what a machine must have and a vault must be, asked one by one, with what to do. It
 * reads no message and no key. */
#include "archiver/vault/mirror_state.h"
#include "archiver/vault/scrub.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/io.h"
#include "cli/canary.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/config_value.h"
#include "cli/cosign.h"
#include "cli/doctor_mail.h"
#include "cli/journals.h"
#include "cli/json.h"
#include "cli/judging.h"
#include "cli/listeners.h"
#include "cli/mailboxes.h"
#include "cli/mailing.h"
#include "cli/server.h"
#include "cli/stamping.h"
#include "indexer/reading/reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { CIFS_MAGIC = 0xff534d42, SMB2_MAGIC = 0xfe534d42, FUSE_MAGIC = 0x65735546 };
static const int64_t not_before_ms =
    1767225600000; /* 2026-01-01: before this program was written */

struct doctor {
    const struct fk_cli *cli;
    bool json;
    unsigned bad;
    struct cli_server server;
};
enum verdict { GOOD, WARNING, BAD };

static void tell(struct doctor *d, enum verdict v, const char *check, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void tell(struct doctor *d, enum verdict v, const char *check, const char *fmt, ...) {
    static const char *const words[] = {"good", "warning", "bad"};
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    d->bad += v == BAD;
    if (d->json)
        cli_json_line(json_pack("{s:s, s:s, s:o}", "check", check, "verdict", words[v], "text",
                                cli_json_text(text, strlen(text))));
    else
        printf("%-8s %s: %s\n", words[v], check, text);
}

static void path_of(const struct doctor *d, const char *name, char out[PATH_MAX]) {
    if (fk_join_path(out, PATH_MAX, d->cli->dir, name, NULL) != FK_OK)
        out[0] = 0;
}

/* ---- the vault */

static void vault_check(struct doctor *d) {
    char path[PATH_MAX];
    struct fk_buf b = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    path_of(d, "ledger", path);
    if (fk_read_file(path, 4096, &b, &err) != FK_OK)
        tell(d, BAD, "vault", "%s; \"fumikura init DIR\" makes a vault", err.text);
    else if (strncmp(fk_buf_cstr(&b), "fumikura-ledger/1 id=", 21) != 0)
        tell(d, BAD, "vault", "%s: is not the file of a vault", path);
    else
        tell(d, GOOD, "vault", "ledger %.32s", fk_buf_cstr(&b) + 21);
    fk_buf_free(&b);
}

static void secret_check(struct doctor *d, const char *check, const char *name, mode_t forbidden,
                         const char *what_to_do) {
    char path[PATH_MAX];
    struct stat s;
    path_of(d, name, path);
    if (stat(path, &s) != 0)
        tell(d, BAD, check, "%s: %s; restore it from where it is kept safe", path, strerror(errno));
    else if (s.st_mode & forbidden)
        tell(d, BAD, check, "%s: others may read it (mode %04o); %s", path,
             (unsigned)(s.st_mode & 07777), what_to_do);
    else if (s.st_uid != geteuid())
        tell(d, WARNING, check, "%s: belongs to user %u, not to the one who asks", path,
             (unsigned)s.st_uid);
    else
        tell(d, GOOD, check, "%s: mode %04o", path, (unsigned)(s.st_mode & 07777));
}

static bool is_there(struct doctor *d, const char *name) {
    char path[PATH_MAX];
    path_of(d, name, path);
    return access(path, F_OK) == 0;
}

/* Two while it is exchanged. */
static void kek_check(struct doctor *d) {
    const bool exchanged = is_there(d, "secrets/kek-next");
    if (!exchanged || is_there(d, "secrets/kek"))
        secret_check(d, "key", "secrets/kek", 077, "chmod 600");
    if (!exchanged)
        return;
    secret_check(d, "next key", "secrets/kek-next", 077, "chmod 600");
    tell(d, WARNING, "next key",
         "an exchange of the key (keys rotate) is not complete; the server, or the next command "
         "that writes, goes on with it");
}

static void owner_check(struct doctor *d) {
    struct stat s;
    if (stat(d->cli->dir, &s) != 0)
        tell(d, BAD, "directory", "%s: %s", d->cli->dir, strerror(errno));
    else if (s.st_mode & S_IWOTH)
        tell(d, BAD, "directory", "%s: anybody may write into it; chmod o-w", d->cli->dir);
    else if (access(d->cli->dir, R_OK | W_OK | X_OK) != 0)
        tell(d, BAD, "directory", "%s: %s", d->cli->dir, strerror(errno));
    else
        tell(d, GOOD, "directory", "%s: mode %04o", d->cli->dir, (unsigned)(s.st_mode & 07777));
}

static void disk_check(struct doctor *d) {
    struct statvfs v;
    struct statfs f;
    if (statvfs(d->cli->dir, &v) != 0 || statfs(d->cli->dir, &f) != 0) {
        tell(d, BAD, "disk", "%s: %s", d->cli->dir, strerror(errno));
        return;
    }
    uint64_t type = (uint64_t)(uint32_t)f.f_type, left = (uint64_t)v.f_bavail * v.f_frsize;
    if (type == NFS_SUPER_MAGIC || type == CIFS_MAGIC || type == SMB2_MAGIC || type == FUSE_MAGIC)
        tell(d, BAD, "filesystem", "a network or FUSE file system; LMDB needs a local disk");
    else
        tell(d, GOOD, "filesystem", "local (type %" PRIx64 ")", type);
    uint64_t reserve = d->cli->config->disk_reserve;
    const char *said = left < reserve       ? "less than disk-reserve: mail is answered 452"
                       : left < 4 * reserve ? "less than four times disk-reserve: make room soon"
                                            : "enough";
    tell(d,
         left < reserve       ? BAD
         : left < 4 * reserve ? WARNING
                              : GOOD,
         "disk", "%" PRIu64 " MiB free; %s", left >> 20, said);
}

/* ---- the machine */

static void clock_check(struct doctor *d) {
    char path[PATH_MAX], now[FK_TIME_SIZE];
    struct stat s;
    int64_t ms = fk_now_ms();
    fk_time_format(now, ms);
    path_of(d, "lock", path);
    if (ms < not_before_ms)
        tell(d, BAD, "clock", "%s: it is wrong; set it, and keep it with NTP", now);
    else if (stat(path, &s) == 0 && (int64_t)s.st_mtime * 1000 > ms + 300000)
        tell(d, BAD, "clock", "%s: earlier than this vault was made; set it", now);
    else
        tell(d, GOOD, "clock", "%s", now);
}

static void sandbox_check(struct doctor *d) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* _VERSION */);
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    if (abi < 1)
        tell(d, BAD, "landlock",
             "this kernel has none: nothing is indexed without a sandbox "
             "(intake goes on); boot with lsm=landlock,...");
    else
        tell(d, GOOD, "landlock", "ABI %ld", abi);
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) != 0)
        tell(d, BAD, "seccomp",
             "this kernel has none: nothing is indexed without a sandbox "
             "(intake goes on)");
    else
        tell(d, GOOD, "seccomp", "filters can kill a process");
}

/* Attachments of a form whose program is missing are found by name, and listed by `unsearchable`.
 */
static void programs_check(struct doctor *d) {
    struct fk_index_program p;
    bool all = true;
    if (strcmp(d->cli->config->attachments, "off") == 0)
        return;
    for (unsigned i = 0; fk_index_program(i, &p); i++) {
        all &= p.is_there;
        if (!p.is_there)
            tell(d, WARNING, "attachments",
                 "%s is missing, so what stands in %s files is not searched: apt-get install %s",
                 p.command, p.reads, p.package);
    }
    if (access("/usr/share/poppler/cMap/Adobe-Japan1", F_OK) != 0)
        tell(d, WARNING, "attachments",
             "poppler-data is missing, so Japanese PDF files have no text: apt-get install "
             "poppler-data");
    else if (all)
        tell(d, GOOD, "attachments", "every program that reads them is there");
}

static void memory_file_check(struct doctor *d) {
    struct fk_err err = FK_ERR_INIT;
    int fd = -1;
    enum fk_status st = fk_memfile_new("fumikura-doctor", &fd, &err);
    if (st == FK_OK)
        st = fk_memfile_seal(fd, &err);
    if (st == FK_OK)
        tell(d, GOOD, "memory files", "can be sealed");
    else
        tell(d, BAD, "memory files", "%s: messages cannot be handed over", err.text);
    fk_close(&fd);
}

/* ---- witnesses: what was found out last, nobody is asked */

enum {
    WITNESS_LATE_S = 900
}; /* a checkpoint comes every 5 minutes at least, and one may be missed */

static void witnesses_check(struct doctor *d) {
    struct cli_witnesses w = {.count = 0};
    struct fk_err err = FK_ERR_INIT;
    if (cli_witnesses_open(d->cli, &w, &err) != FK_OK)
        tell(d, BAD, "witness", "%s", err.text);
    for (size_t i = 0; i < w.count; i++) {
        const char *name = w.one[i].key.name;
        struct cli_witness_state s;
        cli_witness_state(d->cli, &w.one[i], &s);
        if (*s.trouble)
            tell(d, WARNING, "witness", "%s: %s", name, s.trouble);
        else if (!s.has_cosigned)
            tell(d, WARNING, "witness", "%s has cosigned nothing yet", name);
        else if (d->server.running && s.age_s > WITNESS_LATE_S)
            tell(d, WARNING, "witness",
                 "%s has cosigned nothing for %lld s; look at the log of the "
                 "server",
                 name, (long long)s.age_s);
        else
            tell(d, GOOD, "witness", "%s has cosigned the first %" PRIu64 " entries", name, s.size);
    }
}

/* ---- time stamps: what was found out last, nobody is asked */

static void authority_check(struct doctor *d, size_t i) {
    const int64_t late_s = 2 * (int64_t)d->cli->config->timestamp_interval_s;
    struct cli_authority_state a;
    struct fk_err err = FK_ERR_INIT;
    if (cli_authority_state(d->cli, i, &a, &err) != FK_OK)
        tell(d, BAD, "time stamps", "%s", err.text);
    else if (*a.trouble)
        tell(d, WARNING, "time stamps", "%s; it is asked again", a.trouble);
    else if (!*a.newest.name)
        tell(d, WARNING, "time stamps", "%s has stamped nothing yet", a.url);
    else if (a.age_s > late_s)
        tell(d, WARNING, "time stamps",
             "%s has stamped nothing for %" PRId64 " s; is the server running?", a.url, a.age_s);
    else
        tell(d, GOOD, "time stamps",
             "%s has stamped the first %" PRIu64 " entries, %" PRId64 " s ago", a.url,
             a.newest.size, a.age_s);
}

/* Due is what stampd sees to by itself; what it cannot, because no authority has a longer
 * certificate, is told once half of the time is gone. */
static void renewal_check(struct doctor *d) {
    struct fk_renewal_state r;
    struct fk_err err = FK_ERR_INIT;
    char when[FK_TIME_SIZE];
    if (fk_renewal_look(d->cli->dir, &r, &err) != FK_OK) {
        tell(d, BAD, "renewal", "%s", err.text);
        return;
    }
    if (!r.first_ends_ms)
        return;
    fk_time_format(when, r.first_ends_ms);
    const int64_t left_ms = r.first_ends_ms - fk_now_ms();
    if (cli_renewal_is_due(d->cli, &r))
        tell(d, WARNING, "renewal",
             "the certificates of time stamp %s end at %s: the server renews it, or \"fumikura "
             "timestamp --renew\"",
             r.first, when);
    else if (left_ms < (int64_t)d->cli->config->timestamp_renewal_s * 500)
        tell(d, WARNING, "renewal",
             "the certificates of time stamp %s end at %s, and no authority has stamped with one "
             "that ends later: ask it, or name another in timestamp",
             r.first, when);
    else
        tell(d, GOOD, "renewal", "not due; the first certificates end at %s", when);
}

/* ---- checkpoints by mail: what was found out last, nobody is asked */

static void mailing_check(struct doctor *d, const char *to) {
    struct cli_mailed m;
    cli_mailed(d->cli, to, &m);
    const int64_t age_s = (fk_now_ms() - m.time_ms) / 1000;
    if (*m.trouble)
        tell(d, WARNING, "checkpoint mail", "%s; it is tried again", m.trouble);
    else if (!m.time_ms)
        tell(d, WARNING, "checkpoint mail", "%s was sent none yet; is the server running?", to);
    else if (age_s > 2 * (int64_t)d->cli->config->mail_interval_s)
        tell(d, WARNING, "checkpoint mail",
             "%s was sent none for %" PRId64 " s; is the server running?", to, age_s);
    else
        tell(d, GOOD, "checkpoint mail",
             "%s was sent the first %" PRIu64 " entries, %" PRId64 " s ago", to, m.size, age_s);
}

/* ---- the mirror: nothing is written to it */

static void mirror_check(struct doctor *d) {
    const char *dir = d->cli->config->mirror_dir;
    struct fk_mirror_state s;
    struct stat vault, mirror;
    char marker[PATH_MAX];
    if (strcmp(d->cli->config->mirror, "off") == 0) {
        tell(d, WARNING, "mirror",
             "there is none: a lost disk loses all mail since the last tape "
             "(docs/mirror.md)");
        return;
    }
    if (fk_join_path(marker, sizeof marker, dir, "mirror", NULL) != FK_OK ||
        stat(marker, &mirror) != 0)
        tell(d, BAD, "mirror",
             "%s: there is no mirror in it: mount its disk, or \"fumikura mirror "
             "init\"",
             dir);
    else if (stat(d->cli->dir, &vault) == 0 && vault.st_dev == mirror.st_dev)
        tell(d, WARNING, "mirror", "%s: is on the vault's own disk, and is lost with it", dir);
    else if (fk_mirror_state_read(d->cli->dir, &s, NULL) != FK_OK)
        tell(d, WARNING, "mirror", "%s: has nothing yet", dir);
    else if (s.away)
        tell(d, WARNING, "mirror", "%s", s.trouble);
    else
        tell(d, GOOD, "mirror", "%s: has the entries before %" PRIu64, dir, s.next_seq);
}

/* ---- the scrub */

static void scrub_check(struct doctor *d) {
    const int64_t interval_s = d->cli->config->scrub_interval_s;
    struct fk_scrub_state s = {NULL, 0, 0, {{.fact = 0}}, 0};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st = fk_scrub_state_read(d->cli->dir, &s, &err);
    int64_t age_s = (fk_now_ms() - fk_scrub_state_oldest_ms(&s)) / 1000;
    if (s.finding_count)
        tell(d, BAD, "scrub",
             "segment %" PRIu64 " is damaged (check %s): \"fumikura status\" lists all; \"mirror "
             "heal\" puts it back",
             s.findings[0].what.segment, s.findings[0].what.check);
    else if (!d->cli->config->scrub_rate)
        tell(d, WARNING, "scrub", "off (scrub-rate): bits that rot are found by \"verify\" alone");
    else if (st != FK_OK)
        tell(d, WARNING, "scrub", st == FK_NOT_FOUND ? "has not begun: start the server" : "%s",
             err.text);
    else if (age_s > interval_s)
        tell(d, WARNING, "scrub",
             "a byte is not verified for %lld s, the interval is %lld s: let the server run, or "
             "raise scrub-rate",
             (long long)age_s, (long long)interval_s);
    else
        tell(d, GOOD, "scrub", "every byte was verified or stored in the last %lld s",
             (long long)age_s);
    fk_scrub_state_free(&s);
}

/* ---- where messages are from */

static void judging_check(struct doctor *d) {
    struct cli_judging j;
    struct fk_err err = FK_ERR_INIT;
    char program[PATH_MAX];
    cli_judging_read(d->cli, &d->server, &j);
    if (!j.on)
        tell(d, WARNING, "auth",
             "off (auth-check): signatures cannot be verified once their keys are gone from DNS "
             "(docs/auth.md)");
    else if (fk_checker_program(program, sizeof program, &err) != FK_OK)
        tell(d, BAD, "auth", "%s", err.text);
    else if (*j.trouble)
        tell(d, BAD, "auth", "%s", j.trouble);
    else if (*j.resolver)
        tell(d, WARNING, "auth", "%s", j.resolver);
    else if (!j.has_state)
        tell(d, WARNING, "auth", "no message is judged yet: start the server");
    else
        tell(d, GOOD, "auth", "messages before entry %" PRIu64 " are judged, %zu again later",
             j.state.mark, j.state.again);
}

static void canary_check(struct doctor *d, const char *name) {
    struct cli_canary c;
    cli_canary_read(d->cli, name, &c);
    if (*c.alarm)
        tell(d, BAD, "canary", "%s", c.alarm);
    else if (strcmp(c.state, "none") == 0)
        tell(d, WARNING, "canary", "\"%s\" was never sent: start the server", name);
    else
        tell(d, GOOD, "canary", "\"%s\": %s", name, c.state);
}

/* ---- mailboxes: what was found out last, no server is asked */

static void mailbox_check(struct doctor *d, const struct fk_config_imap *box) {
    struct fk_buf password = FK_BUF_INIT;
    struct fk_err err = FK_ERR_INIT;
    struct cli_mailbox m;
    char check[64];
    snprintf(check, sizeof check, "mailbox %s", box->name);
    cli_mailbox_read(d->cli, box, &m);
    const int64_t age_s = (fk_now_ms() - m.asked_ms) / 1000;
    if (cli_password_read(box->password_file, &password, &err) != FK_OK)
        tell(d, BAD, check, "%s", err.text);
    else if (*m.trouble)
        tell(d, WARNING, check, "%s; it is tried again", m.trouble);
    else if (!m.asked_ms)
        tell(d, WARNING, check, "was never asked: start the server");
    else if (m.failed)
        tell(d, WARNING, check,
             "%" PRIu64 " messages were not taken, and are left there (the newest, %s): they are "
             "tried again when the server is started anew",
             m.failed, m.reason);
    else if (age_s > 2 * (int64_t)box->interval_s + 120)
        tell(d, WARNING, check, "was not asked for %" PRId64 " s; is the server running?", age_s);
    else
        tell(d, GOOD, check, "%" PRIu64 " messages brought, asked %" PRId64 " s ago", m.brought,
             age_s);
    fk_buf_wipe(&password);
}

/* ---- addresses */

static int address_bind(const char *text) {
    bool six = fk_value_address(text) == FK_ADDRESS_INET6;
    char host[INET6_ADDRSTRLEN + 1];
    const char *colon = strrchr(text, ':');
    snprintf(host, sizeof host, "%.*s", (int)(colon - text) - 2 * six, text + six);
    uint16_t port = htons((uint16_t)atoi(colon + 1));
    struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = port};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = port};
    const int on = 1;
    int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int rc = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (rc == 0 && six)
        rc = inet_pton(AF_INET6, host, &a6.sin6_addr) == 1
                 ? bind(fd, (struct sockaddr *)&a6, sizeof a6)
                 : -1;
    else if (rc == 0)
        rc = inet_pton(AF_INET, host, &a4.sin_addr) == 1
                 ? bind(fd, (struct sockaddr *)&a4, sizeof a4)
                 : -1;
    int saved = errno;
    (void)close(fd);
    errno = saved;
    return rc;
}

static void address_check(struct doctor *d, const char *key, const char *text) {
    if (fk_value_address(text) == FK_ADDRESS_UNIX)
        tell(d, GOOD, key, "%s", text);
    else if (d->server.running)
        tell(d, GOOD, key, "%s (the server has it)", text);
    else if (address_bind(text) < 0)
        tell(d, BAD, key, "%s: %s; choose another address, or stop what has it", text,
             strerror(errno));
    else
        tell(d, GOOD, key, "%s is free", text);
}

/* ---- listeners */

/* Nothing says who may deliver there. */
static void open_door_check(struct doctor *d, const char *check, char **address) {
    for (; *address; address++)
        if (fk_value_address(*address) != FK_ADDRESS_UNIX && !fk_value_is_loopback(*address))
            tell(d, WARNING, check,
                 "%s: whoever reaches it may deliver; allow or client-ca of a listener says who "
                 "(docs/format-smtp.md)",
                 *address);
}

static void listener_key_check(struct doctor *d, const char *check,
                               const struct fk_config_listener *l) {
    struct stat s;
    if (stat(l->key, &s) == 0 && (s.st_mode & 007))
        tell(d, WARNING, check, "%s: anybody may read it (mode %04o); chmod 640, or 600", l->key,
             (unsigned)(s.st_mode & 07777));
}

/* Whose reports count must not be anybody who reaches it. */
static bool is_open_journal(const struct fk_config_listener *l) {
    bool open = false;
    for (char **a = l->address; *a; a++)
        open |= fk_value_address(*a) != FK_ADDRESS_UNIX && !fk_value_is_loopback(*a);
    return open && strcmp(l->journal, "on") == 0 && !*l->allow && !*l->client_ca;
}

static void journals_check(struct doctor *d) {
    struct fk_buf text = FK_BUF_INIT;
    for (size_t i = 0; i < d->cli->config->listener_count; i++) {
        const struct fk_config_listener *l = &d->cli->config->listeners[i];
        if (is_open_journal(l))
            tell(
                d, WARNING, "journals",
                "listener \"%s\": journal is \"on\", and whoever reaches it may deliver: anybody's "
                "report counts; say who may with allow or client-ca, or use journal-from",
                l->name);
    }
    cli_journals_tell(d->cli->config, &text);
    tell(d, GOOD, "journals", text.len ? "reports count from %s" : "%s",
         text.len ? fk_buf_cstr(&text)
                  : "reports count from no source: what one says is only claimed (journal-from, "
                    "or journal of a listener: docs/source-exchange.md)");
    fk_buf_free(&text);
}

static void listener_check(struct doctor *d, const struct fk_config_listener *l) {
    char check[64], text[600];
    int64_t until_ms;
    snprintf(check, sizeof check, "listener %s", l->name);
    for (char **a = l->address; *a; a++)
        address_check(d, check, *a);
    if (!*l->address && !d->server.running)
        tell(d, WARNING, check,
             "no address: it is served where systemd hands over a socket of its name");
    if (!*l->allow && !*l->client_ca)
        open_door_check(d, check, l->address);
    if (!cli_listener_has_tls(l))
        return;
    enum fk_status st = cli_certificate_judge(l, &until_ms, text);
    tell(d, st == FK_OK ? GOOD : st == FK_RETRY ? WARNING : BAD, check, "%s", text);
    listener_key_check(d, check, l);
}

/* ---- a domain: this alone asks others */

static void mail_tell(void *ctx, enum cli_mail_verdict v, const char *check, const char *text) {
    tell(ctx, v == CLI_MAIL_BAD ? BAD : v == CLI_MAIL_WARNING ? WARNING : GOOD, check, "%s", text);
}

static int mail_check(struct doctor *d, const struct cli_mail_look *look) {
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st = cli_mail_look(d->cli, look, mail_tell, d, &err);
    return st != FK_OK ? cli_fail(&err) : d->bad ? 1 : 0;
}

static bool one_more(const char **list, size_t *count, const char *text) {
    if (*count == CLI_MAIL_LOOKS_MAX)
        return false;
    list[(*count)++] = text;
    return true;
}

int cmd_doctor(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"mail", required_argument, NULL, 'm'},
                                            {"selector", required_argument, NULL, 's'},
                                            {"address", required_argument, NULL, 'a'},
                                            {"block-list", required_argument, NULL, 'b'},
                                            {NULL, 0, NULL, 0}};
    struct doctor d = {.cli = cli};
    struct cli_mail_look look = {.selector = NULL};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        bool fits = true;
        switch (o) {
        case 'j':
            d.json = true;
            break;
        case 'm':
            look.domain = optarg;
            break;
        case 's':
            look.selector = optarg;
            break;
        case 'a':
            fits = one_more(look.addresses, &look.address_count, optarg);
            break;
        case 'b':
            fits = one_more(look.lists, &look.list_count, optarg);
            break;
        default:
            return cli_usage("doctor", "no such option");
        }
        if (!fits)
            return cli_usage("doctor", "more than %d addresses or lists", CLI_MAIL_LOOKS_MAX);
    }
    if (optind < argc)
        return cli_usage("doctor", "takes no argument \"%s\"", argv[optind]);
    if (!look.domain && (look.selector || look.address_count || look.list_count))
        return cli_usage("doctor", "--selector, --address and --block-list belong to --mail");
    if (look.domain) {
        look.selector = look.selector ? look.selector : "fumikura"; /* as fumikura-gateway */
        return mail_check(&d, &look);
    }
    cli_server_ask(cli->dir, &d.server);
    tell(&d, GOOD, "configuration", "%s", cli->config_path);
    vault_check(&d);
    owner_check(&d);
    kek_check(&d);
    secret_check(&d, "log key", "secrets/log-key", 077, "chmod 600");
    secret_check(&d, "key files", "keys", 007, "chmod o-rwx");
    disk_check(&d);
    clock_check(&d);
    sandbox_check(&d);
    programs_check(&d);
    memory_file_check(&d);
    witnesses_check(&d);
    for (size_t i = 0; cli->config->timestamp[i]; i++)
        authority_check(&d, i);
    renewal_check(&d);
    for (size_t i = 0; cli->config->mail_to[i]; i++)
        mailing_check(&d, cli->config->mail_to[i]);
    for (size_t i = 0; i < cli->config->canary_count; i++)
        canary_check(&d, cli->config->canaries[i].name);
    for (size_t i = 0; i < cli->config->mailbox_count; i++)
        mailbox_check(&d, &cli->config->mailboxes[i]);
    mirror_check(&d);
    scrub_check(&d);
    judging_check(&d);
    for (char **a = cli->config->smtp; *a; a++)
        address_check(&d, "smtp", *a);
    for (char **a = cli->config->lmtp; *a; a++)
        address_check(&d, "lmtp", *a);
    open_door_check(&d, "smtp", cli->config->smtp);
    open_door_check(&d, "lmtp", cli->config->lmtp);
    for (size_t i = 0; i < cli->config->listener_count; i++)
        listener_check(&d, &cli->config->listeners[i]);
    journals_check(&d);
    address_check(&d, "web", cli->config->web);
    return d.bad ? 1 : 0;
}
