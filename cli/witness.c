/* witness.c - `fumikura witness`: a witness of other machines' logs, served over HTTP. It has no
 * vault. */
#include "archiver/vault/witness.h"
#include "archiver/vault/addition.h"
#include "base/child.h"
#include "base/confine.h"
#include "base/log.h"
#include "cli/cli.h"
#include "search/http.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char default_address[] = "127.0.0.1:8026";

/* ---- serving */

/* A log that is refused may be one that was rewritten: the witness's own log says so too. */
static void refusal_log(const struct fk_witness_answer *a) {
    if (a->has_parted)
        fk_log(FK_LOG_WARNING,
               "%s: a checkpoint over %" PRIu64 " entries was not cosigned: it does not continue "
               "the one of %" PRIu64,
               a->origin, a->size, a->known);
}

static void handle(void *ctx, const struct fk_http_request *request, struct fk_http_reply *reply) {
    struct fk_witness *w = ctx;
    struct fk_witness_answer a;
    struct fk_err err = FK_ERR_INIT;
    if (strcmp(request->path, "/add-checkpoint") != 0) {
        fk_http_problem(reply, 404, "there is /add-checkpoint here, and nothing else");
        return;
    }
    if (fk_witness_add(w, request->body ? request->body : "", request->body_len, &a, &err) !=
        FK_OK) {
        fk_log(FK_LOG_ERROR, "nothing was cosigned: %s", err.text);
        fk_http_problem(reply, 500, "the witness cannot remember, so it cosigns nothing");
        return;
    }
    refusal_log(&a);
    reply->status = a.verdict;
    reply->type = a.verdict == FK_WITNESS_CONFLICT ? "text/x.tlog.size" : "text/plain";
    reply->body = a.text;
}

static enum fk_status serve(const char *dir, const char *address, struct fk_err *err) {
    struct fk_child child;
    struct fk_child_event event = {.what = FK_CHILD_NOTHING};
    struct fk_witness *w = NULL;
    struct fk_http *http = NULL;
    struct fk_http_options options = {
        .address = address, .handle = handle, .posts_max = FK_ADDITION_MAX};
    char name[] = "witness", *argv[] = {name, NULL};
    enum fk_status st;
    fk_log_name("fumikura witness");
    FK_TRY(fk_confine_core(err));
    optind = 0; /* the command's own options are read: getopt begins anew, with none */
    FK_TRY(fk_child_begin(&child, 1, argv, err));
    FK_TRY(fk_witness_open(dir, &w, err));
    options.ctx = w;
    FK_TRY(fk_http_open(&options, &http, err));
    printf("ready http://%s/\n", fk_http_address(http));
    if (fflush(stdout) != 0)
        fk_log(FK_LOG_WARNING, "nobody reads that the witness is ready");
    while (event.what != FK_CHILD_STOP)
        FK_TRY(fk_child_next(&child, -1, &event, err));
done:
    fk_http_close(&http);
    fk_witness_close(&w);
    return st;
}

/* ---- the command */

static enum fk_status init(const char *dir, const char *name, struct fk_err *err) {
    struct fk_witness *w = NULL;
    struct fk_buf key = FK_BUF_INIT;
    enum fk_status st;
    FK_TRY(fk_witness_init(dir, name, err));
    FK_TRY(fk_witness_open(dir, &w, err));
    fk_verifier_format(fk_witness_verifier(w), &key);
    printf("%s\n", fk_buf_cstr(&key));
done:
    fk_witness_close(&w);
    fk_buf_free(&key);
    return st;
}

int cmd_witness(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
                                            {NULL, 0, NULL, 0}};
    const char *address = NULL;
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    (void)cli;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o != 'l')
            return cli_usage("witness", "no such option");
        address = optarg;
    }
    const char *what = optind < argc ? argv[optind] : "";
    const int left = argc - optind;
    if (address && strcmp(what, "serve") != 0)
        return cli_usage("witness", "--listen goes with serve");
    if (strcmp(what, "init") == 0 && left == 3)
        st = init(argv[optind + 1], argv[optind + 2], &err);
    else if (strcmp(what, "serve") == 0 && left == 2)
        st = serve(argv[optind + 1], address ? address : default_address, &err);
    else
        return cli_usage("witness", "expected init DIR NAME, or serve DIR");
    return st == FK_OK ? cli_finish(0) : cli_fail(&err);
}
