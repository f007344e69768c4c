/* import.c - `fumikura import`: its words, its job, and what it comes to. */
#include "archiver/intake/import.h"
#include "base/clock.h"
#include "base/io.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/import_report.h"
#include "cli/json.h"
#include "cli/mailboxes.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct request {
    bool json, resume, jobs, skip_same, delete_after, journal;
    const char *job, *report, *forget, *imap, *password_file, *roots, *piler, *lists;
    unsigned watch_s; /* 0: once */
    enum fk_mbox_kind mbox;
    char **paths;
    size_t count;
};

static bool mbox_kind_read(const char *text, enum fk_mbox_kind *out) {
    static const char *const names[] = {"rd", "o", "cl", "cl2"};
    for (int i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum fk_mbox_kind)(FK_MBOX_RD + i);
            return true;
        }
    return false;
}

static bool seconds_read(const char *text, unsigned *out) {
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    *out = (unsigned)n;
    return *text >= '1' && *text <= '9' && n <= 86400 && (!*end || strcmp(end, "s") == 0);
}

/* 0, or the exit status of a usage that was told. Words of an earlier run are read by it too. */
static int request_read(int argc, char **argv, struct request *q) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"resume", no_argument, NULL, 'r'},
                                            {"job", required_argument, NULL, 'n'},
                                            {"jobs", no_argument, NULL, 'l'},
                                            {"report", required_argument, NULL, 'f'},
                                            {"forget", required_argument, NULL, 'd'},
                                            {"imap", required_argument, NULL, 'i'},
                                            {"password-file", required_argument, NULL, 'p'},
                                            {"ca", required_argument, NULL, 'c'},
                                            {"delete-after", no_argument, NULL, 'x'},
                                            {"watch", required_argument, NULL, 'w'},
                                            {"piler", required_argument, NULL, 'P'},
                                            {"lists", required_argument, NULL, 'L'},
                                            {"mbox", required_argument, NULL, 'm'},
                                            {"skip-same", no_argument, NULL, 's'},
                                            {"journal", no_argument, NULL, 'J'},
                                            {NULL, 0, NULL, 0}};
    optind = 0; /* glibc: begin anew */
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case 'j':
            q->json = true;
            break;
        case 'r':
            q->resume = true;
            break;
        case 'n':
            q->job = optarg;
            break;
        case 'l':
            q->jobs = true;
            break;
        case 'f':
            q->report = optarg;
            break;
        case 'd':
            q->forget = optarg;
            break;
        case 's':
            q->skip_same = true;
            break;
        case 'J':
            q->journal = true;
            break;
        case 'i':
            q->imap = optarg;
            break;
        case 'p':
            q->password_file = optarg;
            break;
        case 'P':
            q->piler = optarg;
            break;
        case 'L':
            q->lists = optarg;
            break;
        case 'c':
            q->roots = optarg;
            break;
        case 'x':
            q->delete_after = true;
            break;
        case 'w':
            if (!seconds_read(optarg, &q->watch_s))
                return cli_usage("import", "--watch is a number of seconds, 1s to 86400s");
            break;
        case 'm':
            if (!mbox_kind_read(optarg, &q->mbox))
                return cli_usage("import", "--mbox is rd, o, cl or cl2");
            break;
        default:
            return cli_usage("import", "no such option");
        }
    }
    q->paths = argv + optind;
    q->count = (size_t)(argc - optind);
    return 0;
}

/* ---- jobs */

static void job_print(void *ctx, const struct fk_import_job_info *info) {
    const bool *json = ctx;
    char since[FK_TIME_SIZE];
    fk_time_format(since, info->since_ms);
    if (!*json) {
        printf("%s\t%s\t%s\n", info->name, info->is_done ? "done" : "unfinished", since);
        return;
    }
    json_t *j = json_object();
    json_object_set_new(j, "job", json_string(info->name));
    json_object_set_new(j, "named", json_boolean(info->is_named));
    json_object_set_new(j, "done", json_boolean(info->is_done));
    json_object_set_new(j, "since", json_string(since));
    cli_json_line(j);
}

static enum fk_status job_open(struct fk_cli *cli, int argc, char **argv, const struct request *q,
                               struct fk_import_job **out, struct fk_err *err) {
    char cwd[PATH_MAX];
    if (q->resume)
        return fk_import_job_resume(cli->dir, q->job, out, err);
    if (!getcwd(cwd, sizeof cwd))
        return fk_fail_sys(err, errno, "cannot tell the current directory");
    const struct fk_import_words words = {q->job, cwd, argv, (size_t)argc, NULL};
    return fk_import_job_begin(cli->dir, &words, out, err);
}

/* What the job was begun with takes the place of what this command was told. --json and --report
 * may be told anew. */
static int words_take_up(const struct fk_import_job *job, struct request *q, char ***argv_out) {
    struct fk_err err = FK_ERR_INIT;
    const struct fk_import_words words = fk_import_job_words(job);
    struct request earlier = {0};
    if (chdir(words.cwd) != 0) {
        (void)fk_fail_sys(&err, errno, "%s: cannot go where the import was begun", words.cwd);
        return cli_fail(&err);
    }
    char **argv = calloc(words.count + 1, sizeof *argv);
    if (!argv) {
        (void)fk_fail(&err, FK_NOMEM, "no memory to import");
        return cli_fail(&err);
    }
    for (size_t i = 0; i < words.count; i++)
        argv[i] = words.words[i];
    *argv_out = argv;
    int rc = request_read((int)words.count, argv, &earlier);
    earlier.json |= q->json;
    earlier.resume = true;
    if (q->report)
        earlier.report = q->report;
    *q = earlier;
    return rc;
}

/* ---- the import */

/* Once, or for ever: a server that is away for a while is told and asked again. */
static enum fk_status mailbox_read(const struct fk_import_options *import, const struct request *q,
                                   struct cli_import_report *report, struct fk_import_sum *sum,
                                   struct fk_err *err) {
    struct fk_buf password = FK_BUF_INIT;
    struct fk_import_mailbox mailbox = {.delete_after = q->delete_after};
    enum fk_status st;
    FK_TRY(cli_password_read(q->password_file, &password, err));
    mailbox.where = (struct fk_imap_where){
        .url = q->imap, .password = fk_buf_cstr(&password), .roots = q->roots};
    for (;;) {
        *sum = (struct fk_import_sum){0};
        st = fk_import_imap(import, &mailbox, sum, err);
        if (st != FK_OK || !q->watch_s || sum->read)
            cli_import_sum(report, sum);
        if (!q->watch_s || (st != FK_OK && st != FK_RETRY && st != FK_CORRUPT))
            break;
        if (st != FK_OK)
            (void)cli_fail(err);
        (void)fflush(stdout);
        report->began_ms = fk_monotonic_ms() + (int64_t)q->watch_s * 1000;
        (void)poll(NULL, 0, (int)q->watch_s * 1000);
    }
done:
    fk_buf_wipe(&password);
    return st;
}

static enum fk_status source_read(const struct fk_import_options *import, const struct request *q,
                                  struct cli_import_report *report, struct fk_import_sum *sum,
                                  struct fk_err *err) {
    if (q->imap)
        return mailbox_read(import, q, report, sum, err);
    if (q->piler) {
        enum fk_status done = fk_import_piler(import, q->piler, q->lists, sum, err);
        cli_import_sum(report, sum);
        return done;
    }
    enum fk_status st = fk_import(import, (const char *const *)q->paths, q->count, sum, err);
    cli_import_sum(report, sum);
    return st;
}

static int run(struct fk_cli *cli, const struct request *q, struct fk_import_job *job) {
    struct cli_import_report report = {.json = q->json};
    struct fk_err err = FK_ERR_INIT;
    struct fk_import_sum sum = {0};
    const struct fk_import_options import = {.dir = cli->dir,
                                             .source = cli->config->source,
                                             .floor = cli->config->floor,
                                             .size_limit = cli->config->in_flight,
                                             .job = job,
                                             .mbox = q->mbox,
                                             .skip_same = q->skip_same,
                                             .journal = q->journal,
                                             .mirrored = strcmp(cli->config->mirror, "sync") == 0,
                                             .told = cli_import_told,
                                             .skipped = cli_import_skipped,
                                             .progress =
                                                 isatty(STDERR_FILENO) ? cli_import_progress : NULL,
                                             .ctx = &report};
    if (cli_import_report_open(&report, q->report, q->resume, &err) != FK_OK)
        return cli_fail(&err);
    enum fk_status st = source_read(&import, q, &report, &sum, &err);
    if (st != FK_OK) {
        int rc = cli_fail(&err);
        /* Where nothing was read there is nothing to go on with. */
        if (!q->resume && !sum.read && fk_import_job_finish(job, &err) != FK_OK)
            (void)cli_fail(&err);
        if (q->resume || sum.read)
            fprintf(
                stderr,
                "fumikura: stopped: %" PRIu64
                " messages were imported and told above, no other; \"import --resume --job %s\" "
                "goes on\n",
                sum.kept, fk_import_job_name(job));
        if (cli_import_report_close(&report, &err) != FK_OK)
            (void)cli_fail(&err);
        return rc;
    }
    if (cli_import_report_close(&report, &err) != FK_OK || fk_import_job_finish(job, &err) != FK_OK)
        return cli_fail(&err);
    return sum.count[FK_IMPORT_FAILED] ? 1 : 0;
}

int cmd_import(struct fk_cli *cli, int argc, char **argv) {
    struct request q = {0};
    struct fk_err err = FK_ERR_INIT;
    struct fk_import_job *job = NULL;
    char **earlier = NULL;
    int rc = request_read(argc, argv, &q);
    if (rc)
        return rc;
    if (q.jobs)
        return fk_import_jobs(cli->dir, job_print, &q.json, &err) == FK_OK ? cli_finish(0)
                                                                           : cli_fail(&err);
    if (q.forget)
        return fk_import_job_forget(cli->dir, q.forget, &err) == FK_OK ? 0 : cli_fail(&err);
    if (q.job && strcmp(q.job, "imapd") == 0)
        return cli_usage("import", "the job imapd is that of the server's own mailboxes");
    if (q.resume && q.count)
        return cli_usage("import", "--resume takes the paths that the import was begun with");
    if (!q.resume && !!q.imap + !!q.piler + !!q.count != 1)
        return cli_usage("import", "expected files and directories, or --imap, or --piler");
    if (!q.piler != !q.lists)
        return cli_usage("import", "--piler and --lists go together");
    if (q.imap && !q.password_file)
        return cli_usage("import", "--imap wants --password-file");
    if (!q.imap && (q.delete_after || q.watch_s || q.password_file || q.roots))
        return cli_usage("import",
                         "--delete-after, --watch, --password-file and --ca go with --imap");
    if (q.watch_s && !q.job)
        return cli_usage("import", "--watch wants --job NAME, so that it can be begun again");
    if (job_open(cli, argc, argv, &q, &job, &err) != FK_OK)
        return cli_fail(&err);
    if (q.resume)
        rc = words_take_up(job, &q, &earlier);
    if (rc == 0)
        rc = run(cli, &q, job);
    free(earlier);
    fk_import_job_free(&job);
    return rc;
}
