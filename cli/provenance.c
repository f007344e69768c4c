/* cli/provenance.c - see provenance.h. */
#include "cli/provenance.h"
#include "base/clock.h"
#include "cli/cli.h"

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
}
