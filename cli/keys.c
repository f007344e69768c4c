/* keys.c - another key-encryption key. */
#include "archiver/vault/keep.h"
#include "archiver/vault/lend.h"
#include "cli/cli.h"
#include "cli/json.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
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

int cmd_keys(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"reason", required_argument, NULL, 'r'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    struct fk_err err = FK_ERR_INIT;
    const char *reason = NULL;
    char from[KEY_ID_SIZE], to[KEY_ID_SIZE];
    uint64_t entry = 0;
    bool json = false;
    enum fk_status st;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == '?')
            return cli_usage("keys", "no such option, or nothing after it");
        if (o == 'r')
            reason = optarg;
        else
            json = true;
    }
    if (argc - optind != 1 || strcmp(argv[optind], "rotate") != 0)
        return cli_usage("keys", "the one thing to do with keys is: rotate");
    FK_TRY(rotate(cli, reason, &entry, &err));
    FK_TRY(names_read(cli, entry, from, to, &err));
    if (json)
        cli_json_line(
            json_pack("{s:o, s:s, s:s}", "entry", cli_json_number(entry), "from", from, "to", to));
    else
        printf("the key-encryption key is %s now, and %s is destroyed; entry %" PRIu64 " says so. "
               "Copy secrets/ and keys/ anew, and destroy older copies\n",
               to, from, entry);
done:
    return st == FK_OK ? cli_finish(0) : cli_fail(&err);
}
