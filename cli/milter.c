/*
 * milter.c - `fumikura milter`: reads the configuration and becomes fumikura-milter, a program of
 * its own (docs/decisions/0011); started by serve.
 *
 * That program lies beside this one, as it is built, or in ../libexec/fumikura, as it is installed.
 */
#include "base/child.h"
#include "base/io.h"
#include "cli/cli.h"
#include "cli/config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OWN_ARGS = 14, NUMBER_BYTES = 24 };

static enum fk_status program_find(char out[PATH_MAX], struct fk_err *err) {
    static const char *const places[] = {"fumikura-milter", "../libexec/fumikura/fumikura-milter"};
    char here[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", here, sizeof here - 1);
    if (n < 0)
        return fk_fail_sys(err, errno, "/proc/self/exe: cannot read where this program is");
    here[n] = 0;
    *strrchr(here, '/') = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (fk_join_path(out, PATH_MAX, here, places[i], NULL) == FK_OK && access(out, X_OK) == 0)
            return FK_OK;
    return fk_fail(err, FK_NOT_FOUND,
                   "milter is set in the configuration, and there is no fumikura-milter in %s or "
                   "../libexec/fumikura; install it there",
                   here);
}

/* Descriptors that serve gave stay open across it: nothing here has marked them. */
int cmd_milter(struct fk_cli *cli, int argc, char **argv) {
    const struct fk_config *c = cli->config;
    char program[PATH_MAX], size[NUMBER_BYTES], in_flight[NUMBER_BYTES], connections[NUMBER_BYTES];
    struct fk_err err = FK_ERR_INIT;
    struct fk_child child;
    enum fk_status st;
    if (!c->milter[0])
        return cli_usage("milter", "milter is not set in %s", cli->config_path);
    FK_TRY(program_find(program, &err));
    snprintf(size, sizeof size, "%" PRIu64, c->size_limit);
    snprintf(in_flight, sizeof in_flight, "%" PRIu64, c->in_flight);
    snprintf(connections, sizeof connections, "%u", c->connections);
    const char *own[OWN_ARGS] = {program,     "--listen",    c->milter[0], "--source",
                                 c->source,   "--floor",     c->floor,     "--size-limit",
                                 size,        "--in-flight", in_flight,    "--connections",
                                 connections, "--"};
    char **all = calloc(OWN_ARGS + (size_t)argc, sizeof *all);
    if (!all)
        FK_TRY(fk_fail(&err, FK_NOMEM, "no memory to start fumikura-milter"));
    memcpy(all, own, sizeof own);
    memcpy(all + OWN_ARGS, argv + 1, (size_t)argc * sizeof *all - sizeof *all);
    (void)execv(program, all); /* it returns only where it failed */
    st = fk_fail_sys(&err, errno, "%s: cannot be run", program);
    free(all);
done:
    /* Only now: it marks what serve gave as not to be passed on. */
    if (fk_child_begin(&child, argc, argv, NULL) != FK_OK)
        return cli_fail(&err);
    return fk_child_end(&child, st, &err);
}
