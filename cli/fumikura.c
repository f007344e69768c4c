/* fumikura.c - main: finds the configuration and hands over to a command. */
#include "cli/cli.h"
#include "cli/config.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char usage_line[] = "usage: fumikura [-c FILE | -C DIR] COMMAND [OPTIONS]";

static int help_print(const char *name) {
    if (name) {
        const struct fk_command *c = cli_command(name);
        if (!c) {
            fprintf(stderr, "fumikura: there is no command \"%s\"; \"fumikura help\" lists them\n",
                    name);
            return 2;
        }
        printf("usage: fumikura [-c FILE | -C DIR] %s %s\n%s.\n", c->name, c->args, c->summary);
        return cli_finish(0);
    }
    printf("%s\n\n", usage_line);
    for (const struct fk_command *c = fk_commands; c->name; c++)
        if (!c->hidden)
            printf("  %-10s %s\n", c->name, c->summary);
    printf("\n-C DIR means DIR/fumikura.conf. Without either: $FUMIKURA_CONFIG, else\n"
           "/etc/fumikura/fumikura.conf. \"fumikura help COMMAND\" says more; fumikura(1) says "
           "all.\n");
    return cli_finish(0);
}

/* The file that -c, -C or the environment names; the vault is the directory it lies in. Children
 * and the processes that commands start find the same file through the environment. */
static int config_find(struct fk_cli *cli, const char *file, const char *dir,
                       enum fk_command_needs needs) {
    static char path[PATH_MAX], whole[PATH_MAX];
    struct fk_err err = FK_ERR_INIT;
    const char *env = getenv("FUMIKURA_CONFIG");
    if (dir)
        snprintf(path, sizeof path, "%s/fumikura.conf", dir);
    else
        snprintf(path, sizeof path, "%s",
                 file          ? file
                 : env && *env ? env
                               : "/etc/fumikura/fumikura.conf");
    if (fk_config_load(path, &cli->config, &err) != FK_OK) {
        bool named = file || dir || (env && *env);
        if (err.status == FK_NOT_FOUND && !named && needs == FK_TAKES_CONFIG)
            return 0;
        if (err.status == FK_NOT_FOUND)
            err.status = FK_INVALID; /* there is nothing to work on: a usage error */
        return cli_fail(&err);
    }
    if (!realpath(path, whole) || setenv("FUMIKURA_CONFIG", whole, 1) != 0) {
        fk_fail(&err, FK_INVALID, "%s: cannot be resolved", path);
        return cli_fail(&err);
    }
    cli->config_path = whole;
    snprintf(cli->dir, sizeof cli->dir, "%.*s", (int)(strrchr(whole, '/') - whole), whole);
    if (!*cli->dir)
        snprintf(cli->dir, sizeof cli->dir, "/");
    return 0;
}

static bool asks_for_help(int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

static int command_run(const struct fk_command *c, const char *file, const char *dir, int argc,
                       char **argv) {
    struct fk_cli cli = {0};
    if (asks_for_help(argc, argv))
        return help_print(c->name);
    if (c->needs != FK_NEEDS_NOTHING) {
        int rc = config_find(&cli, file, dir, c->needs);
        if (rc)
            return rc;
    }
    optind = 0; /* getopt's word for "begin anew" with another argv */
    int rc = c->run(&cli, argc, argv);
    fk_config_free(&cli.config);
    return cli_finish(rc);
}

/* A connection and its memory file are two descriptors, a shard of the index about five: the usual
 * soft limit of 1,024 is old, and who cannot have more finds out at the call that needs it. */
static void descriptors_raise(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"dir", required_argument, NULL, 'C'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {NULL, 0, NULL, 0}};
    const char *file = NULL, *dir = NULL;
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error of its call, not our death */
    descriptors_raise();
    for (int o; (o = getopt_long(argc, argv, "+c:C:hV", options, NULL)) != -1;) {
        if (o == 'c')
            file = optarg;
        else if (o == 'C')
            dir = optarg;
        else if (o == 'h')
            return help_print(NULL);
        else if (o == 'V')
            return printf("fumikura %s\n", FK_VERSION), cli_finish(0);
        else
            return fprintf(stderr, "%s\n", usage_line), 2;
    }
    if (file && dir)
        return fprintf(stderr, "fumikura: -c and -C exclude each other\n%s\n", usage_line), 2;
    if (optind == argc)
        return fprintf(stderr, "%s\n\"fumikura help\" lists the commands\n", usage_line), 2;
    const char *name = argv[optind];
    if (strcmp(name, "help") == 0)
        return help_print(argv[optind + 1]);
    const struct fk_command *c = cli_command(name);
    if (!c) {
        fprintf(stderr, "fumikura: there is no command \"%s\"; \"fumikura help\" lists them\n",
                name);
        return 2;
    }
    return command_run(c, file, dir, argc - optind, argv + optind);
}
