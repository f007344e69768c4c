/* status.c - where the vault stands: ledger, segments, index, disk, processes. */
#include "archiver/vault/lend.h"
#include "archiver/vault/logbook.h"
#include "archiver/vault/mirror_state.h"
#include "archiver/vault/scrub.h"
#include "base/clock.h"
#include "base/io.h"
#include "cli/canary.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/cosign.h"
#include "cli/gaps.h"
#include "cli/json.h"
#include "cli/judging.h"
#include "cli/listeners.h"
#include "cli/mailboxes.h"
#include "cli/mailing.h"
#include "cli/server.h"
#include "cli/stamping.h"
#include "indexer/store/state.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

struct status {
    struct fk_head head;
    json_t *segments;
    struct fk_index_state index;
    bool has_index;
    struct fk_checkpoint checkpoint;
    bool has_checkpoint;
    int64_t checkpoint_age_s;
    struct cli_witnesses witnesses;
    struct cli_witness_state witness[FK_WITNESSES_MAX];
    const char *mirror; /* mode; NULL: there is none */
    struct fk_mirror_state mirrored;
    bool has_mirrored;
    bool scrubs, has_scrubbed;
    struct fk_scrub_state scrub;
    uint64_t free_bytes, disk_bytes;
    struct cli_judging judging;
    struct cli_server server;
};

static enum fk_status segment_add(void *ctx, const struct fk_segment_info *i, struct fk_err *err) {
    struct status *s = ctx;
    json_t *o = json_pack("{s:o, s:s, s:o, s:o, s:o}", "segment", cli_json_number(i->number),
                          "state", i->state, "first", cli_json_number(i->first), "last",
                          cli_json_number(i->last), "bytes", cli_json_number(i->bytes));
    if (!o || json_array_append_new(s->segments, o) != 0)
        return fk_fail(err, FK_NOMEM, "no memory for the list of segments");
    if (*i->digest)
        json_object_set_new(o, "digest", json_string(i->digest));
    return FK_OK;
}

static enum fk_status index_ask(const char *dir, struct status *s, struct fk_err *err) {
    enum fk_status st = fk_index_state(dir, &s->index, err);
    s->has_index = st == FK_OK;
    return st == FK_NOT_FOUND ? FK_OK : st;
}

/* A checkpoint that cannot be read is verify's to explain. */
static void checkpoint_ask(const char *dir, struct status *s) {
    char path[PATH_MAX];
    struct stat f;
    if (fk_join_path(path, sizeof path, dir, "log/checkpoint", NULL) != FK_OK ||
        stat(path, &f) != 0 || fk_logbook_newest(dir, NULL, &s->checkpoint, NULL, NULL) != FK_OK)
        return;
    s->has_checkpoint = true;
    s->checkpoint_age_s = time(NULL) - f.st_mtim.tv_sec;
}

static json_t *checkpoint_json(const struct status *s) {
    if (!s->has_checkpoint)
        return json_null();
    return json_pack("{s:s, s:o, s:I}", "origin", s->checkpoint.origin, "size",
                     cli_json_number(s->checkpoint.size), "age", (json_int_t)s->checkpoint_age_s);
}

static json_t *witnesses_json(const struct status *s) {
    json_t *list = json_array();
    for (size_t i = 0; i < s->witnesses.count; i++) {
        const struct cli_witness_state *w = &s->witness[i];
        json_t *size = w->has_cosigned ? cli_json_number(w->size) : json_null();
        json_t *age = w->has_cosigned ? json_integer((json_int_t)w->age_s) : json_null();
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:o, s:o}", "witness",
                                        s->witnesses.one[i].key.name, "size", size, "age", age,
                                        "trouble", cli_json_text(w->trouble, strlen(w->trouble))));
    }
    return list;
}

static void witness_print(const char *name, const struct cli_witness_state *w) {
    printf("witness %s: ", name);
    if (w->has_cosigned)
        printf("the first %" PRIu64 " entries, cosigned %lld s ago", w->size, (long long)w->age_s);
    else
        printf("has cosigned nothing yet");
    printf("%s", *w->trouble ? "; " : "");
    cli_print_text(w->trouble);
    printf("\n");
}

static enum fk_status disk_ask(const char *dir, struct status *s, struct fk_err *err) {
    struct statvfs v;
    if (statvfs(dir, &v) != 0)
        return fk_fail_sys(err, errno, "%s: cannot ask for the disk's space", dir);
    s->free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
    s->disk_bytes = (uint64_t)v.f_blocks * v.f_frsize;
    return FK_OK;
}

static void mirror_ask(const struct fk_cli *cli, struct status *s) {
    if (strcmp(cli->config->mirror, "off") == 0)
        return;
    s->mirror = cli->config->mirror;
    s->has_mirrored = fk_mirror_state_read(cli->dir, &s->mirrored, NULL) == FK_OK;
}

/* The state is as of a moment ago, and the head may be older still. */
static uint64_t mirror_behind(const struct status *s) {
    return s->head.next_seq > s->mirrored.next_seq ? s->head.next_seq - s->mirrored.next_seq : 0;
}

static int64_t mirror_age_s(const struct status *s) {
    return (fk_now_ms() - s->mirrored.time_ms) / 1000;
}

static json_t *mirror_json(const struct status *s) {
    if (!s->mirror)
        return json_null();
    if (!s->has_mirrored)
        return json_pack("{s:s, s:n, s:n, s:n, s:n}", "mode", s->mirror, "next", "behind", "age",
                         "trouble");
    return json_pack("{s:s, s:o, s:o, s:I, s:s?}", "mode", s->mirror, "next",
                     cli_json_number(s->mirrored.next_seq), "behind",
                     cli_json_number(mirror_behind(s)), "age", (json_int_t)mirror_age_s(s),
                     "trouble", s->mirrored.away ? s->mirrored.trouble : NULL);
}

static void mirror_print(const struct status *s) {
    uint64_t behind = mirror_behind(s);
    if (!s->mirror)
        return;
    printf("mirror (%s): ", s->mirror);
    if (!s->has_mirrored)
        printf("has nothing yet\n");
    else if (!behind && !s->mirrored.away)
        printf("has all entries\n");
    else
        printf("%" PRIu64 " entries behind, last word %lld s ago%s%s\n", behind,
               (long long)mirror_age_s(s), s->mirrored.away ? "; it is away: " : "",
               s->mirrored.trouble);
}

static void scrub_ask(const struct fk_cli *cli, struct status *s) {
    s->scrubs = cli->config->scrub_rate > 0;
    s->has_scrubbed = fk_scrub_state_read(cli->dir, &s->scrub, NULL) == FK_OK;
}

static int64_t scrub_age_s(const struct status *s) {
    return (fk_now_ms() - fk_scrub_state_oldest_ms(&s->scrub)) / 1000;
}

static json_t *damaged_json(const struct fk_scrub_finding *f) {
    char when[FK_TIME_SIZE];
    fk_time_format(when, f->time_ms);
    return json_pack("{s:o, s:o, s:s, s:o, s:s, s:o}", "seq", cli_json_number(f->what.seq),
                     "segment", cli_json_number(f->what.segment), "check", f->what.check, "text",
                     cli_json_text(f->what.text, strlen(f->what.text)), "time", when, "entry",
                     f->fact ? cli_json_number(f->fact) : json_null());
}

static json_t *scrub_json(const struct status *s) {
    json_t *list = json_array();
    for (size_t i = 0; i < s->scrub.finding_count; i++)
        json_array_append_new(list, damaged_json(&s->scrub.findings[i]));
    return json_pack("{s:b, s:o, s:o}", "on", s->scrubs, "oldest",
                     s->has_scrubbed ? json_integer((json_int_t)scrub_age_s(s)) : json_null(),
                     "damaged", list);
}

static void scrub_print(const struct status *s) {
    if (!s->has_scrubbed)
        printf("scrub: %s\n", s->scrubs ? "has not begun" : "off");
    else
        printf("scrub%s: the oldest unverified byte was verified or stored %lld s ago\n",
               s->scrubs ? "" : " (off)", (long long)scrub_age_s(s));
    for (size_t i = 0; i < s->scrub.finding_count; i++) {
        const struct fk_scrub_finding *f = &s->scrub.findings[i];
        printf("damaged: ");
        if (f->what.seq != UINT64_MAX)
            printf("entry %" PRIu64 " ", f->what.seq);
        printf("segment %" PRIu64 " check %s: ", f->what.segment, f->what.check);
        cli_print_text(f->what.text);
        printf("\n");
    }
}

static json_t *server_json(const struct cli_server *server) {
    json_t *root = json_object();
    for (size_t i = 0; i < server->count; i++)
        json_object_set_new(root, server->process[i].name, json_integer(server->process[i].pid));
    return root;
}

static json_t *index_json(const struct status *s) {
    if (!s->has_index)
        return json_null();
    return json_pack("{s:o, s:o, s:o}", "mark", cli_json_number(s->index.mark), "documents",
                     cli_json_number(s->index.documents), "partial",
                     cli_json_number(s->index.partial));
}

static void json_print(const struct fk_cli *cli, const struct status *s) {
    char digest[2 * FK_SHA256_BYTES + 1];
    fk_hex(digest, s->head.last_digest, FK_SHA256_BYTES);
    json_t *root = json_object();
    json_object_set_new(root, "ledger", json_string(s->head.ledger));
    json_object_set_new(root, "next", cli_json_number(s->head.next_seq));
    json_object_set_new(root, "digest", json_string(digest));
    json_object_set(root, "segments", s->segments);
    json_object_set_new(root, "checkpoint", checkpoint_json(s));
    json_object_set_new(root, "witnesses", witnesses_json(s));
    json_object_set_new(root, "stamps", cli_stamping_json(cli));
    json_object_set_new(root, "renewal", cli_renewal_json(cli));
    json_object_set_new(root, "mailed", cli_mailing_json(cli));
    json_object_set_new(root, "mailboxes", cli_mailboxes_json(cli));
    json_object_set_new(root, "gap", cli_gaps_json(cli));
    json_object_set_new(root, "canaries", cli_canaries_json(cli));
    json_object_set_new(root, "index", index_json(s));
    json_object_set_new(root, "auth", cli_judging_json(&s->judging));
    json_object_set_new(root, "mirror", mirror_json(s));
    json_object_set_new(root, "scrub", scrub_json(s));
    json_object_set_new(root, "free", cli_json_number(s->free_bytes));
    json_object_set_new(root, "disk", cli_json_number(s->disk_bytes));
    json_object_set_new(root, "listeners", cli_listeners_json(cli));
    json_object_set_new(root, "server", s->server.running ? server_json(&s->server) : json_null());
    cli_json_line(root);
}

static long long number_in(const json_t *o, const char *name) {
    return json_integer_value(json_object_get(o, name));
}

static void segment_print(const json_t *o) {
    printf("segment %lld %s: entries %lld to %lld, %lld bytes\n", number_in(o, "segment"),
           json_string_value(json_object_get(o, "state")), number_in(o, "first"),
           number_in(o, "last"), number_in(o, "bytes"));
}

static void text_print(const struct fk_cli *cli, const struct status *s) {
    char digest[2 * FK_SHA256_BYTES + 1];
    size_t i;
    fk_hex(digest, s->head.last_digest, FK_SHA256_BYTES);
    printf("ledger %s: %" PRIu64 " entries, newest %.16s\n", s->head.ledger, s->head.next_seq,
           digest);
    for (i = 0; i < json_array_size(s->segments); i++)
        segment_print(json_array_get(s->segments, i));
    if (s->has_checkpoint)
        printf("checkpoint: the first %" PRIu64 " entries, signed %lld s ago\n", s->checkpoint.size,
               (long long)s->checkpoint_age_s);
    else
        printf("checkpoint: there is none yet\n");
    for (i = 0; i < s->witnesses.count; i++)
        witness_print(s->witnesses.one[i].key.name, &s->witness[i]);
    cli_stamping_print(cli);
    cli_mailing_print(cli);
    cli_mailboxes_print(cli);
    cli_canaries_print(cli);
    cli_gaps_print(cli);
    if (s->has_index)
        printf("index: %" PRIu64 " messages, %" PRIu64 " of them in part, entries before %" PRIu64
               "\n",
               s->index.documents, s->index.partial, s->index.mark);
    else
        printf("index: there is none yet\n");
    cli_judging_print(&s->judging);
    mirror_print(s);
    scrub_print(s);
    printf("disk: %" PRIu64 " MiB free of %" PRIu64 " MiB\n", s->free_bytes >> 20,
           s->disk_bytes >> 20);
    cli_listeners_print(cli);
    printf("server: %s\n", s->server.running ? "runs" : "does not run");
    for (i = 0; i < s->server.count; i++)
        printf("  %s: process %d\n", s->server.process[i].name, (int)s->server.process[i].pid);
}

int cmd_status(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    struct fk_err err = FK_ERR_INIT;
    struct fk_lend *lend = NULL;
    struct status s = {.segments = json_array()};
    bool json = false;
    enum fk_status st;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o != 'j')
            return cli_usage("status", "no such option");
        json = true;
    }
    if (optind < argc)
        return cli_usage("status", "takes no argument \"%s\"", argv[optind]);
    cli_server_ask(cli->dir, &s.server);
    FK_TRY(fk_lend_open(cli->dir, &lend, &err));
    FK_TRY(fk_lend_head(lend, &s.head, &err));
    FK_TRY(fk_lend_segments(lend, segment_add, &s, &err));
    FK_TRY(index_ask(cli->dir, &s, &err));
    cli_judging_read(cli, &s.server, &s.judging);
    FK_TRY(cli_judging_count(lend, &s.judging, &err));
    FK_TRY(disk_ask(cli->dir, &s, &err));
    checkpoint_ask(cli->dir, &s);
    mirror_ask(cli, &s);
    scrub_ask(cli, &s);
    FK_TRY(cli_witnesses_open(cli, &s.witnesses, &err));
    for (size_t i = 0; i < s.witnesses.count; i++)
        cli_witness_state(cli, &s.witnesses.one[i], &s.witness[i]);
    if (json)
        json_print(cli, &s);
    else
        text_print(cli, &s);
done:
    fk_lend_close(&lend);
    json_decref(s.segments);
    fk_scrub_state_free(&s.scrub);
    return st == FK_OK ? 0 : cli_fail(&err);
}
