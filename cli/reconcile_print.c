/* reconcile_print.c - what came of a comparison, for people in two languages and for programs. */
#include "cli/reconcile.h"
#include "base/clock.h"
#include "cli/config.h"
#include "cli/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *fate_text(enum fk_fate fate) {
    switch (fate) {
    case FK_FATE_QUEUED:
        return "in the queue when the log ended";
    case FK_FATE_NO_COPY:
        return "no copy was addressed to the archive";
    case FK_FATE_BOUNCED:
        return "the copy was refused for good";
    case FK_FATE_EXPIRED:
        return "it waited in the queue until it expired";
    case FK_FATE_DELETED:
        return "taken out of the queue by hand";
    case FK_FATE_ELSEWHERE:
        return "the copy was taken by something that is no Fumikura";
    default:
        return "";
    }
}

/* Lines of findings in the order of receipt would need another sort of millions; they come in the
 * order in which the log first names each message. */
static bool is_told(const struct cli_reconcile *r, size_t i, enum fk_fate fate) {
    return cli_reconcile_counts(r, i) &&
           (r->wrong[i] || fk_fate_is_missing(fate) || fate == FK_FATE_QUEUED);
}

/* ---- text */

static void time_print(const struct cli_reconcile *r, int64_t ms) {
    char text[FK_TIME_SIZE];
    fk_time_local(text, ms, r->cli->config->zone_minutes);
    printf("%s", text);
}

static void finding_print(const struct cli_reconcile *r, size_t i, enum fk_fate fate) {
    const struct fk_traced *m = &r->trace->messages[i];
    printf("%s  %s  ",
           r->wrong[i]              ? "wrong"
           : fate == FK_FATE_QUEUED ? "queued"
                                    : "missing",
           m->queue_id);
    time_print(r, m->first_ms);
    printf("  %s  ", r->trace->sources[m->source]);
    if (r->wrong[i]) {
        const struct fk_kept_reply *k = &r->trace->replies[r->first_reply[i] - 1];
        char c256[17];
        fk_hex(c256, k->c256, sizeof k->c256);
        printf("seq=%" PRIu64 " c256=%s: %s\n", k->seq, c256,
               cli_truth_text((enum cli_truth)(r->wrong[i] - 1)));
        return;
    }
    printf("%s: %s\n", fk_fate_name(fate), fate_text(fate));
}

static uint64_t missing_of(const uint64_t fates[FK_FATES]) {
    uint64_t n = 0;
    for (int f = 0; f < FK_FATES; f++)
        if (fk_fate_is_missing((enum fk_fate)f))
            n += fates[f];
    return n;
}

static void hours_print(const struct cli_reconcile *r) {
    for (size_t i = 0; i < r->hour_count; i++) {
        const struct cli_hour *h = &r->hours[i];
        char text[FK_TIME_SIZE];
        fk_time_local(text, h->hour_ms, r->cli->config->zone_minutes);
        printf("%.13s  %s  kept %" PRIu64 "  queued %" PRIu64 "  missing %" PRIu64
               "  wrong %" PRIu64 "  rejected %" PRIu64 "%s\n",
               text, r->trace->sources[h->source],
               h->fates[FK_FATE_KEPT] + h->fates[FK_FATE_FORWARDED] - h->wrong,
               h->fates[FK_FATE_QUEUED], missing_of(h->fates), h->wrong,
               h->refusals + h->fates[FK_FATE_REFUSED], h->gap ? "  (a gap is recorded)" : "");
    }
}

static void words_print(const struct cli_reconcile *r) {
    uint64_t bad = 0;
    for (size_t i = 0; i < r->file_count; i++)
        bad += r->sums[i].bad;
    printf("%" PRIu64 " messages are in the ledger as the log says, %" PRIu64
           " are in the queue still, %" PRIu64 " are missing, %" PRIu64 " replies are wrong.\n",
           r->fates[FK_FATE_KEPT] + r->fates[FK_FATE_FORWARDED] - r->wrong_count,
           r->fates[FK_FATE_QUEUED], cli_reconcile_missing(r), r->wrong_count);
    printf("Not judged: %" PRIu64 " whose beginning is not in the log, %" PRIu64
           " notices of the server's own, %" PRIu64 " begun and not accepted, %" PRIu64
           " rejected before; %" PRIu64 " lines of Postfix could not be read.\n",
           r->fates[FK_FATE_PARTIAL], r->fates[FK_FATE_OWN], r->fates[FK_FATE_REFUSED], r->refusals,
           bad);
    printf("%" PRIu64 " messages of the ledger in the log's time are not named by it.\n",
           r->unnamed);
    printf("Copies are those to:");
    for (size_t i = 0; i < r->trace->copy_count; i++) {
        printf(" ");
        cli_print_text(r->trace->copies[i]);
    }
    printf("\nRecorded as entry %" PRIu64 ".", r->act);
    if (r->record)
        printf(" What became of %" PRIu64 " messages was recorded (show SEQ --delivery).",
               r->recorded);
    if (r->record_rejected)
        printf(" %" PRIu64 " rejections were recorded, as far as they were not before "
               "(rejected lists them).",
               r->rejected_recorded);
    printf("\n");
    printf(
        "This shows that what this log says was handed over is in the ledger, and names what it "
        "says was not. It does not show mail that never passed this server, or that its log does "
        "not have; and who can write the log can leave lines out.\n"
        "この結果が示すのは、このログで引き渡し済みとされたものが台帳にあること、および引き渡されて"
        "いないとされたものです。このサーバを通らなかったメールや、ログに残っていないメールについて"
        "は何も示しません。ログを書ける者は行を消すこともできます。\n");
}

static void text_print(const struct cli_reconcile *r) {
    for (size_t i = 0; i < r->trace->count; i++) {
        enum fk_fate fate = fk_mailtrace_fate(r->trace, i);
        if (is_told(r, i, fate))
            finding_print(r, i, fate);
    }
    hours_print(r);
    words_print(r);
}

/* ---- JSON */

static json_t *time_json(int64_t ms) {
    char text[FK_TIME_SIZE];
    fk_time_format(text, ms);
    return json_string(text);
}

static void finding_json(const struct cli_reconcile *r, size_t i, enum fk_fate fate) {
    const struct fk_traced *m = &r->trace->messages[i];
    const char *source = r->trace->sources[m->source];
    json_t *o = json_object();
    json_object_set_new(o, "type",
                        json_string(r->wrong[i]              ? "wrong"
                                    : fate == FK_FATE_QUEUED ? "queued"
                                                             : "missing"));
    json_object_set_new(o, "queue_id", json_string(m->queue_id));
    json_object_set_new(o, "time", time_json(m->first_ms));
    json_object_set_new(o, "log", cli_json_text(source, strlen(source)));
    if (r->wrong[i]) {
        const struct fk_kept_reply *k = &r->trace->replies[r->first_reply[i] - 1];
        char c256[17];
        fk_hex(c256, k->c256, sizeof k->c256);
        json_object_set_new(o, "seq", cli_json_number(k->seq));
        json_object_set_new(o, "c256", json_string(c256));
        json_object_set_new(o, "text",
                            json_string(cli_truth_text((enum cli_truth)(r->wrong[i] - 1))));
    } else {
        json_object_set_new(o, "why", json_string(fk_fate_name(fate)));
        json_object_set_new(o, "text", json_string(fate_text(fate)));
    }
    cli_json_line(o);
}

static void counts_json(json_t *o, const uint64_t fates[FK_FATES], uint64_t wrong,
                        uint64_t refusals) {
    json_object_set_new(o, "kept",
                        cli_json_number(fates[FK_FATE_KEPT] + fates[FK_FATE_FORWARDED] - wrong));
    json_object_set_new(o, "queued", cli_json_number(fates[FK_FATE_QUEUED]));
    json_object_set_new(o, "missing", cli_json_number(missing_of(fates)));
    json_object_set_new(o, "wrong", cli_json_number(wrong));
    json_object_set_new(o, "rejected", cli_json_number(refusals + fates[FK_FATE_REFUSED]));
    json_object_set_new(o, "partial", cli_json_number(fates[FK_FATE_PARTIAL]));
    json_object_set_new(o, "own", cli_json_number(fates[FK_FATE_OWN]));
}

static void files_json(const struct cli_reconcile *r) {
    for (size_t i = 0; i < r->file_count; i++) {
        const struct fk_maillog_sum *s = &r->sums[i];
        char hex[2 * FK_SHA256_BYTES + 1];
        fk_hex(hex, s->digest, FK_SHA256_BYTES);
        json_t *o = json_object();
        json_object_set_new(o, "type", json_string("file"));
        json_object_set_new(o, "path", cli_json_text(r->files[i], strlen(r->files[i])));
        json_object_set_new(o, "sha256", json_string(hex));
        json_object_set_new(o, "lines", cli_json_number(s->lines));
        json_object_set_new(o, "taken", cli_json_number(s->taken));
        json_object_set_new(o, "unreadable", cli_json_number(s->bad));
        json_object_set_new(o, "first_unreadable",
                            s->first_bad ? cli_json_number(s->first_bad) : json_null());
        cli_json_line(o);
    }
}

static void hours_json(const struct cli_reconcile *r) {
    for (size_t i = 0; i < r->hour_count; i++) {
        const struct cli_hour *h = &r->hours[i];
        const char *source = r->trace->sources[h->source];
        json_t *o = json_object();
        json_object_set_new(o, "type", json_string("hour"));
        json_object_set_new(o, "hour", time_json(h->hour_ms));
        json_object_set_new(o, "log", cli_json_text(source, strlen(source)));
        counts_json(o, h->fates, h->wrong, h->refusals);
        json_object_set_new(o, "gap", json_boolean(h->gap));
        cli_json_line(o);
    }
}

static void json_print(const struct cli_reconcile *r) {
    files_json(r);
    for (size_t i = 0; i < r->trace->count; i++) {
        enum fk_fate fate = fk_mailtrace_fate(r->trace, i);
        if (is_told(r, i, fate))
            finding_json(r, i, fate);
    }
    hours_json(r);
    json_t *o = json_object(), *copies = json_array();
    for (size_t i = 0; i < r->trace->copy_count; i++)
        json_array_append_new(copies,
                              cli_json_text(r->trace->copies[i], strlen(r->trace->copies[i])));
    json_object_set_new(o, "type", json_string("summary"));
    counts_json(o, r->fates, r->wrong_count, r->refusals);
    json_object_set_new(o, "unnamed", cli_json_number(r->unnamed));
    json_object_set_new(o, "copies", copies);
    json_object_set_new(o, "act", cli_json_number(r->act));
    json_object_set_new(o, "recorded", r->record ? cli_json_number(r->recorded) : json_null());
    json_object_set_new(o, "rejected_recorded",
                        r->record_rejected ? cli_json_number(r->rejected_recorded) : json_null());
    cli_json_line(o);
}

void cli_reconcile_print(const struct cli_reconcile *r) {
    if (r->json)
        json_print(r);
    else
        text_print(r);
}
