/* init.c - a vault with its configuration, which is fumikura.conf.example with the addresses asked
 * for put in. */
#include "archiver/vault/pen.h"
#include "base/atomic_file.h"
#include "base/io.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/config_value.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

extern const char example_begin[] __asm__("_binary_fumikura_conf_example_start");
extern const char example_end[] __asm__("_binary_fumikura_conf_example_end");

enum { ADDRESSES_MAX = 32 };
struct addresses {
    const char *at[ADDRESSES_MAX];
    size_t count;
    bool given;
};
struct wanted {
    struct addresses smtp, lmtp;
    const char *web;
};

/* "none" is no address: nothing listens. */
static const char *address_add(struct addresses *list, const char *text) {
    list->given = true;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' ||
            strchr("\"\\$", *p)) /* a string there gives them a meaning */
            return "an address without quotes, backslashes, dollar signs and control characters";
    if (strcmp(text, "none") == 0)
        return NULL;
    if (!fk_value_address(text) || list->count == ADDRESSES_MAX)
        return FK_EXPECTED_ADDRESS ", or \"none\"";
    list->at[list->count++] = text;
    return NULL;
}

static void list_write(struct fk_buf *out, const char *name, const struct addresses *list) {
    fk_buf_printf(out, "%s = {", name);
    for (size_t i = 0; i < list->count; i++)
        fk_buf_printf(out, "%s\"%s\"", i ? ", " : "", list->at[i]);
    fk_buf_str(out, "}");
}

static bool begins(const char *line, const char *end, const char *word) {
    size_t len = strlen(word);
    return (size_t)(end - line) > len && strncmp(line, word, len) == 0;
}

/* Spaces that put a comment where the example has it, at least one. */
static int gap(size_t written, size_t column) {
    return written < column ? (int)(column - written) : 1;
}

/* The example, line by line. */
static void config_write(struct fk_buf *out, const struct wanted *w) {
    for (const char *line = example_begin; line < example_end;) {
        const char *lf = memchr(line, '\n', (size_t)(example_end - line));
        const char *end = lf ? lf : example_end;
        const char *comment = memchr(line, '#', (size_t)(end - line));
        size_t before = out->len;
        bool changed = true;
        if (w->smtp.given && begins(line, end, "smtp = "))
            list_write(out, "smtp", &w->smtp);
        else if (w->lmtp.given && begins(line, end, "lmtp = "))
            list_write(out, "lmtp", &w->lmtp);
        else if (w->web && begins(line, end, "web = "))
            fk_buf_printf(out, "web = \"%s\"", w->web);
        else
            changed = false;
        if (!changed)
            fk_buf_add(out, line, (size_t)(end - line));
        else if (comment)
            fk_buf_printf(out, "%*s%.*s", gap(out->len - before, (size_t)(comment - line)), "",
                          (int)(end - comment), comment);
        fk_buf_byte(out, '\n');
        line = end + 1;
    }
}

void cli_config_default(struct fk_buf *out) {
    const struct wanted as_it_is = {.web = NULL};
    config_write(out, &as_it_is);
}

/* Before the vault is made: a directory too deep for a socket, say, would leave one that no command
 * takes, init neither. */
static enum fk_status config_check(const struct fk_buf *text, const char *dir, struct fk_err *err) {
    struct fk_config *config = NULL;
    char whole[PATH_MAX], path[PATH_MAX];
    enum fk_status st;
    FK_TRY(fk_resolve_path(dir, whole, err));
    FK_TRY(fk_join_path(path, sizeof path, whole, "fumikura.conf", err));
    st = fk_config_parse(text->data, text->len, path, &config, err);
done:
    fk_config_free(&config);
    return st;
}

static enum fk_status vault_make(const char *dir, const struct wanted *w, struct fk_err *err) {
    struct fk_buf text = FK_BUF_INIT;
    char path[PATH_MAX];
    enum fk_status st;
    config_write(&text, w);
    if (text.failed)
        FK_TRY(fk_fail(err, FK_NOMEM, "no memory for a configuration"));
    FK_TRY(fk_join_path(path, sizeof path, dir, "fumikura.conf", err));
    FK_TRY(config_check(&text, dir, err));
    FK_TRY(fk_vault_init(dir, err));
    st = fk_atomic_put(path, 0644, text.data, text.len, err);
done:
    fk_buf_free(&text);
    return st;
}

int cmd_init(struct fk_cli *cli, int argc, char **argv) {
    static const struct option options[] = {{"smtp", required_argument, NULL, 's'},
                                            {"lmtp", required_argument, NULL, 'l'},
                                            {"web", required_argument, NULL, 'w'},
                                            {NULL, 0, NULL, 0}};
    struct wanted w = {.web = NULL};
    struct fk_err err = FK_ERR_INIT;
    (void)cli;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        const char *expected = NULL;
        if (o == 's')
            expected = address_add(&w.smtp, optarg);
        else if (o == 'l')
            expected = address_add(&w.lmtp, optarg);
        else if (o == 'w' && fk_value_is_loopback(optarg))
            w.web = optarg;
        else if (o == 'w')
            expected = "a loopback address such as \"127.0.0.1:8025\"";
        else
            return cli_usage("init", "no such option");
        if (expected)
            return cli_usage("init", "\"%s\"; expected %s", optarg, expected);
    }
    if (optind + 1 != argc)
        return cli_usage("init", "expected one directory");
    if (vault_make(argv[optind], &w, &err) != FK_OK)
        return cli_fail(&err);
    printf("made %s; \"fumikura -C %s serve\" runs it\n", argv[optind], argv[optind]);
    return 0;
}
