/* cli/provenance.c - see provenance.h. */
#include "cli/provenance.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "indexer/record/delivery_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "header To; journal Bcc (entry 12)" */
static void fact_print(const struct fk_fact *f, bool first) {
    printf("%s%s", first ? "" : "; ", fk_known_from_name(f->from));
    if (*f->how) {
        printf(", %s from ", f->how);
        cli_print_text(*f->original ? f->original : "a group that is not named");
    }
    if (f->capture)
        printf(" (entry %" PRIu64 "%s)", f->capture,
               f->claimed     ? ", claimed"
               : f->transport ? ", the archive's own way"
                              : "");
}

static void person_print(const struct fk_known_person *p, bool recipients) {
    bool first = true;
    for (size_t i = 0; i < p->fact_count; i++) {
        const struct fk_fact *f = &p->facts[i];
        if ((f->from < FK_KNOWN_RECIPIENTS) != recipients)
            continue;
        if (first) {
            printf("%s ", recipients ? "had by" : "sent by");
            cli_print_text(*f->address ? f->address : "<>");
            if (recipients && fk_known_person_is_blind(p))
                printf(" [bcc, %s]", fk_standing_name(p->standing));
            else if (recipients && !p->in_header && p->standing == FK_STANDS_OPEN)
                printf(" [in no header]");
            printf(": ");
        }
        fact_print(f, first);
        first = false;
    }
    if (!first)
        putchar('\n');
}

static void captures_print(const struct fk_message_record *m, uint64_t seq, const char *why) {
    char time[FK_TIME_SIZE];
    for (size_t i = 0; i < m->known.capture_count; i++) {
        const struct fk_capture *c = &m->known.captures[i];
        fk_time_format(time, c->received_ms);
        printf("capture %" PRIu64 ": %s by %s%s%s", c->seq, time, c->via,
               c->kind[0] == 'p' ? "" : ", a journal report: ", c->kind[0] == 'p' ? "" : c->kind);
        if (c->seq == seq && strcmp(c->kind, "claimed") == 0 && *why) {
            printf(", as ");
            cli_print_text(why);
        }
        putchar('\n');
    }
    for (size_t i = 0; i < m->version_count; i++)
        printf("version %" PRIu64 ": other bytes, %s\n", m->versions[i].seq,
               m->versions[i].same_text ? "the same text" : "another text");
}

/* What a log says became of it: against an act that names the facts, --delivery has the words. */
static void deliveries_print(const struct fk_message_record *m) {
    struct fk_delivery d = FK_DELIVERY_INIT;
    struct fk_fields it = fk_fields_begin(m->data.data, m->data.len);
    while (fk_delivery_next(&it, &d)) {
        if (!fk_provenance_has(&m->known, d.capture))
            continue;
        printf("delivered, by a log (entry %" PRIu64 "): ", d.entry);
        cli_print_text(d.status);
        printf(" ");
        cli_print_text(d.dsn);
        printf(" ");
        cli_print_text(d.to);
        printf(" at ");
        cli_print_text(d.time);
        printf(" by ");
        cli_print_text(d.relay);
        putchar('\n');
    }
    if (d.left_out)
        printf("(%" PRIu64 " more deliveries: --delivery shows them)\n", d.left_out);
    fk_delivery_free(&d);
}

/* What one notice says, behind whose word that is. */
static void notice_print(const char *who, uint64_t seq, const struct fk_buf *data, uint64_t max) {
    struct fk_notice n = FK_NOTICE_INIT;
    struct fk_fields it = fk_fields_begin(data->data, data->len);
    uint64_t count = 0;
    while (fk_notice_next(&it, &n)) {
        if (count++ >= max)
            continue;
        printf("%s", who);
        if (seq)
            printf(" %" PRIu64 " (%s)", seq, n.kind);
        printf(" says: ");
        cli_print_text(n.status);
        printf(" ");
        cli_print_text(n.code);
        printf(" ");
        cli_print_text(n.to);
        if (n.words.len) {
            printf(": ");
            cli_print_text(fk_buf_cstr(&n.words));
        }
        putchar('\n');
    }
    if (count > max)
        n.left_out += count - max;
    if (n.left_out)
        printf("(%" PRIu64 " more recipients stand in it)\n", n.left_out);
    fk_notice_free(&n);
}

static void about_print(const struct fk_message_record *m) {
    struct fk_buf kind = FK_BUF_INIT, about = FK_BUF_INIT;
    if (fk_fields_find(m->data.data, m->data.len, "notice", &kind)) {
        printf("a notice (%s), by its own word about ", fk_buf_cstr(&kind));
        if (!fk_fields_find(m->data.data, m->data.len, "notice-about", &about))
            printf("a message that it does not name");
        else {
            printf("<");
            cli_print_text(fk_buf_cstr(&about));
            printf(">: ");
            for (size_t i = 0; i < m->about_count; i++)
                printf("%s%" PRIu64,
                       i                    ? ", "
                       : m->about_count > 1 ? "entries "
                                            : "entry ",
                       m->about[i]);
            if (!m->about_count)
                printf("no message that is here");
        }
        putchar('\n');
        notice_print("it", 0, &m->data, UINT64_MAX);
    }
    fk_buf_free(&kind);
    fk_buf_free(&about);
}

enum { RECIPIENTS_SHOWN = 100 }; /* of one notice: show of that one has all */

static void notices_print(const struct fk_message_record *m) {
    for (size_t i = 0; i < m->notice_count; i++)
        notice_print("notice", m->notices[i].seq, &m->notices[i].data, RECIPIENTS_SHOWN);
    if (m->notice_total > m->notice_count)
        printf("(%" PRIu64 " more notices name its Message-ID: msgid: with delivery:dsn or "
               "delivery:mdn finds all)\n",
               m->notice_total - m->notice_count);
    if (m->notice_count)
        printf("(a notice is only what its sender says: anybody can send one)\n");
}

void cli_provenance_print(const struct fk_message_record *m, uint64_t seq, const char *why) {
    if (!m) {
        printf("\n(the index has not read entry %" PRIu64
               " yet: who else is known to have had it is not shown)\n",
               seq);
        return;
    }
    putchar('\n');
    captures_print(m, seq, why);
    for (size_t i = 0; i < m->known.person_count; i++)
        person_print(&m->known.people[i], false);
    for (size_t i = 0; i < m->known.person_count; i++)
        person_print(&m->known.people[i], true);
    deliveries_print(m);
    about_print(m);
    notices_print(m);
}
