/* keys.c - another key-encryption key. */
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/keys.h"
#include "base/clock.h"
#include "retention/roll.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_ID_SIZE = 17 };

static enum fk_status rotate(const struct fk_cli *cli, const char *reason, uint64_t *entry_out,
                             struct fk_err *err) {
    struct fk_keep *keep = NULL;
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char person[128];
    enum fk_status st;
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    if (reason)
        fk_fields_add_str(&body, "reason", reason);
    FK_TRY(fk_keep_open(cli->dir, &keep, err));
    FK_TRY(fk_keep_rekey(keep, &body, &receipt, err));
    *entry_out = receipt.seq;
done:
    fk_keep_close(&keep);
    fk_buf_free(&body);
    return st;
}

/* The names of both keys, as the entry has them. */
static enum fk_status names_read(const struct fk_cli *cli, uint64_t entry, char from[KEY_ID_SIZE],
                                 char to[KEY_ID_SIZE], struct fk_err *err) {
    struct fk_lend *lend = NULL;
    struct fk_buf lines = FK_BUF_INIT;
    struct fk_entry e;
    enum fk_status st;
    FK_TRY(fk_lend_open(cli->dir, &lend, err));
    FK_TRY(fk_lend_lines(lend, entry, &lines, err));
    const uint8_t *end = memchr(lines.data, '\n', lines.len);
    FK_TRY(fk_entry_read(lines.data, end ? (size_t)(end - lines.data) + 1 : lines.len, &e, err));
    if (!fk_entry_field(&e, "from", from, KEY_ID_SIZE) ||
        !fk_entry_field(&e, "to", to, KEY_ID_SIZE))
        st = fk_fail(err, FK_CORRUPT, "entry %" PRIu64 " does not name the keys", entry);
done:
    fk_lend_close(&lend);
    fk_buf_free(&lines);
    return st;
}

static enum fk_status rotate_run(const struct fk_cli *cli, const struct cli_keys *k,
                                 struct fk_err *err) {
    char from[KEY_ID_SIZE], to[KEY_ID_SIZE];
    uint64_t entry = 0;
    enum fk_status st;
    FK_TRY(rotate(cli, k->reason, &entry, err));
    FK_TRY(names_read(cli, entry, from, to, err));
    if (k->json)
        cli_json_line(
            json_pack("{s:o, s:s, s:s}", "entry", cli_json_number(entry), "from", from, "to", to));
    else
        printf("the key-encryption key is %s now, and %s is destroyed; entry %" PRIu64 " says so. "
               "Copy secrets/ and keys/ anew, or make a bundle, and destroy older copies\n",
               to, from, entry);
done:
    return st;
}

static const struct fk_bundle *bundle_of(const struct fk_roll *roll, uint64_t number) {
    for (size_t i = 0; i < roll->bundle_count; i++)
        if (roll->bundles[i].seq == number)
            return &roll->bundles[i];
    return NULL;
}

static enum fk_status roll_read(const struct fk_cli *cli, struct fk_roll **out,
                                struct fk_err *err) {
    struct fk_lend *lend = NULL;
    enum fk_status st = fk_lend_open(cli->dir, &lend, err);
    if (st == FK_OK)
        st = fk_roll_read(lend, out, err);
    fk_lend_close(&lend);
    return st;
}

/* A bundle that is no more: certificates of disposal name it no longer. */
static enum fk_status destroyed_run(const struct fk_cli *cli, const struct cli_keys *k,
                                    const char *text, struct fk_err *err) {
    struct fk_roll *roll = NULL;
    struct fk_keep *keep = NULL;
    struct fk_buf body = FK_BUF_INIT;
    struct fk_receipt receipt;
    char person[128], fields[64], *end;
    uint64_t number = strtoull(text, &end, 10);
    enum fk_status st;
    FK_TRY(roll_read(cli, &roll, err));
    const struct fk_bundle *b = *end || end == text ? NULL : bundle_of(roll, number);
    if (!b)
        FK_TRY(fk_fail(err, FK_INVALID, "%s: is not the number of a bundle; \"keys list\" has them",
                       text));
    if (b->destroyed)
        FK_TRY(fk_fail(err, FK_INVALID, "bundle %" PRIu64 ": entry %" PRIu64 " says that already",
                       number, b->destroyed));
    fk_person(person, sizeof person);
    fk_fields_add_str(&body, "person", person);
    fk_fields_add_str(&body, "reason", k->reason);
    snprintf(fields, sizeof fields, "what=destroyed of=%" PRIu64, number);
    FK_TRY(fk_keep_open(cli->dir, &keep, err));
    const struct fk_record record = {.kind = "fact", .fields = fields, .body = &body};
    FK_TRY(fk_keep_append(keep, &record, &receipt, err));
    if (k->json)
        cli_json_line(json_pack("{s:o, s:o}", "number", cli_json_number(number), "entry",
                                cli_json_number(receipt.seq)));
    else
        printf("entry %" PRIu64 " says that bundle %" PRIu64 " was destroyed\n", receipt.seq,
               number);
done:
    fk_keep_close(&keep);
    fk_buf_free(&body);
    fk_roll_free(&roll);
    return st;
}

static enum fk_status list_run(const struct fk_cli *cli, const struct cli_keys *k,
                               struct fk_err *err) {
    struct fk_roll *roll = NULL;
    char time[FK_TIME_SIZE];
    enum fk_status st = roll_read(cli, &roll, err);
    for (size_t i = 0; st == FK_OK && i < roll->bundle_count; i++) {
        const struct fk_bundle *b = &roll->bundles[i];
        fk_time_format(time, b->time_ms);
        if (k->json)
            cli_json_line(json_pack("{s:o, s:s, s:o}", "number", cli_json_number(b->seq), "time",
                                    time, "destroyed",
                                    b->destroyed ? cli_json_number(b->destroyed) : json_null()));
        else if (b->destroyed)
            printf("bundle %" PRIu64 " of %s: destroyed, says entry %" PRIu64 "\n", b->seq, time,
                   b->destroyed);
        else
            printf("bundle %" PRIu64 " of %s: out\n", b->seq, time);
    }
    fk_roll_free(&roll);
    return st;
}

static int options_read(struct cli_keys *k, int argc, char **argv) {
    static const struct option options[] = {{"reason", required_argument, NULL, 'r'},
                                            {"to", required_argument, NULL, 't'},
                                            {"passphrase-file", required_argument, NULL, 'p'},
                                            {"officer", required_argument, NULL, 'o'},
                                            {"officer-key", required_argument, NULL, 'o'},
                                            {"key-file", required_argument, NULL, 'k'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'r')
            k->reason = optarg;
        else if (o == 't')
            k->to = optarg;
        else if (o == 'p')
            k->passphrase_file = optarg;
        else if (o == 'k')
            k->key_file = optarg;
        else if (o == 'j')
            k->json = true;
        else if (o == 'o' && k->officer_count < FK_ESCROW_OFFICERS_MAX)
            k->officers[k->officer_count++] = optarg;
        else
            return cli_usage("keys",
                             o == 'o' ? "at most %d officers"
                                      : "no such option, or nothing "
                                        "after it",
                             FK_ESCROW_OFFICERS_MAX);
    }
    return 0;
}

int cmd_keys(struct fk_cli *cli, int argc, char **argv) {
    struct cli_keys k = {.reason = NULL};
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    int rc = options_read(&k, argc, argv);
    if (rc)
        return rc;
    const char *verb = optind < argc ? argv[optind++] : "";
    int left = argc - optind;
    bool of_the_vault = strcmp(verb, "open") != 0;
    if (k.passphrase_file && (k.officer_count || k.key_file))
        return cli_usage("keys", "a passphrase, or officers: not both");
    if (of_the_vault && *verb && !cli->config)
        return cli_usage("keys", "of which archive? -C DIR says it");
    if (strcmp(verb, "rotate") == 0 && left == 0)
        st = rotate_run(cli, &k, &err);
    else if (strcmp(verb, "escrow") == 0 && left == 0 && k.to && !k.key_file)
        st = cli_keys_escrow(cli, &k, &err);
    else if (strcmp(verb, "list") == 0 && left == 0)
        st = list_run(cli, &k, &err);
    else if (strcmp(verb, "destroyed") == 0 && left == 1 && k.reason)
        st = destroyed_run(cli, &k, argv[optind], &err);
    else if (!of_the_vault && left == 1 && k.to)
        st = cli_keys_open(&k, argv[optind], &err);
    else
        return cli_usage("keys",
                         "expected rotate, escrow --to FILE, list, destroyed NUMBER --reason T, or "
                         "open BUNDLE --to DIR");
    return st == FK_OK ? cli_finish(0) : cli_fail(&err);
}
