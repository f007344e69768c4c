/*
 * milter_main.c - fumikura-milter: takes mail from a mail server by the milter protocol and hands
 * it to the pen. A program of its own, since libmilter has a licence of its own
 * (docs/decisions/0011); "fumikura milter" starts it with what the configuration says.
 *
 *     fumikura-milter --listen ADDRESS --source NAME --floor PERIOD --size-limit BYTES
 *                     --in-flight BYTES --connections N -- --control FD --keep FD
 *
 * It has its socket and the pen's. No file can be opened, no program run (base/confine.h).
 */
#include "archiver/intake/listener.h"
#include "archiver/milter/session.h"
#include "base/confine.h"
#include "base/log.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    const char *listen;
    struct fk_session_options session;
};

static bool number_read(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-')
        return false;
    *out = n;
    return true;
}

static enum fk_status settings_read(int argc, char **argv, struct settings *s, struct fk_err *err) {
    static const struct option all[] = {{"listen", required_argument, NULL, 'l'},
                                        {"source", required_argument, NULL, 's'},
                                        {"floor", required_argument, NULL, 'f'},
                                        {"size-limit", required_argument, NULL, 'z'},
                                        {"in-flight", required_argument, NULL, 'i'},
                                        {"connections", required_argument, NULL, 'c'},
                                        {NULL, 0, NULL, 0}};
    uint64_t connections = 0;
    bool good = true;
    opterr = 0;
    for (int o; good && (o = getopt_long(argc, argv, "+", all, NULL)) != -1;)
        switch (o) {
        case 'l':
            s->listen = optarg;
            break;
        case 's':
            s->session.source = optarg;
            break;
        case 'f':
            s->session.floor = optarg;
            break;
        case 'z':
            good = number_read(optarg, &s->session.size_limit);
            break;
        case 'i':
            good = number_read(optarg, &s->session.in_flight);
            break;
        case 'c':
            good = number_read(optarg, &connections) && connections <= 65535;
            break;
        default:
            good = false;
        }
    s->session.connections = (unsigned)connections;
    if (!good || !s->listen || !s->session.source || !s->session.floor || !s->session.size_limit ||
        !s->session.in_flight || !connections)
        return fk_fail(err, FK_INVALID,
                       "fumikura-milter is started by \"fumikura serve\", which tells it all it "
                       "needs; set milter in fumikura.conf");
    return FK_OK;
}

static struct fk_handover *handover;

static void on_term(int number) {
    (void)number;
    fk_handover_stop(handover);
}

/* libmilter waits for SIGTERM on a thread of its own, which would end every message that is under
 * way. A process's signal goes to its first thread where that lets it in: this one. */
static enum fk_status signals_take(struct fk_err *err) {
    struct sigaction action = {.sa_handler = on_term};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    if (sigaction(SIGTERM, &action, NULL) != 0 || pthread_sigmask(SIG_UNBLOCK, &set, NULL) != 0)
        return fk_fail_sys(err, errno, "cannot take signals");
    return FK_OK;
}

int main(int argc, char **argv) {
    enum fk_status st;
    struct fk_err err = FK_ERR_INIT;
    struct settings s = {.listen = NULL};
    struct fk_child child = {.control = -1, .signals = -1, .keep = -1, .lend = -1, .sign = -1};
    struct fk_listener listener = {.fd = -1};
    struct fk_keep *keep = NULL;
    char name[FK_ADDRESS_SIZE + 8];
    const char *const addresses[] = {name, NULL};
    fk_log_name("fumikura-milter");
    FK_TRY(settings_read(argc, argv, &s, &err));
    char **rest = argv + optind - 1;
    int rest_count = argc - optind + 1;
    rest[0] = argv[0];
    optind = 0; /* getopt's word for "begin anew" with another argv */
    FK_TRY(fk_child_begin(&child, rest_count, rest, &err));
    if (child.keep < 0)
        FK_TRY(fk_fail(&err, FK_INVALID, "fumikura-milter has no socket to the pen (--keep)"));
    FK_TRY(fk_keep_attach(fk_child_take(&child.keep), &keep, &err));
    FK_TRY(fk_listener_open(s.listen, false, &listener, &err));
    s.session.address = listener.address;
    snprintf(name, sizeof name, "milter=%s", listener.address);
    FK_TRY(fk_confine_core(&err));
    FK_TRY(fk_confine_files(&err));
    FK_TRY(fk_confine_network(&err));
    FK_TRY(fk_handover_new(keep, &handover, &err));
    FK_TRY(fk_session_serve(&s.session, handover, listener.fd, &err));
    FK_TRY(signals_take(&err));
    FK_TRY(fk_child_ready(&child, addresses, &err));
    st = fk_handover_run(handover, &child, &err);
done:
    return fk_child_end(&child, st, &err); /* the system takes back what threads still hold */
}
