/* journals.c - see journals.h */
#include "cli/journals.h"
#include "archiver/vault/fields.h"

#include <string.h>

/* ---- the configuration */

static void source_add(struct fk_buf *out, const char *what, const char *name) {
    fk_buf_printf(out, "%s%s%s%s", out->len ? ", " : "", what, *name ? " " : "", name);
}

static void networks_add(struct fk_buf *out, char *const *networks) {
    for (char *const *n = networks; *n; n++)
        fk_buf_printf(out, "%s%s", n == networks ? " (" : ", ", *n);
    fk_buf_str(out, ")");
}

void cli_journals_tell(const struct fk_config *c, struct fk_buf *out) {
    if (*c->journal_from) {
        source_add(out, "smtp and lmtp", "");
        networks_add(out, c->journal_from);
    }
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct fk_config_listener *l = &c->listeners[i];
        const bool all = strcmp(l->journal, "on") == 0;
        if (!all && !*l->journal_from)
            continue;
        source_add(out, "listener", l->name);
        if (all)
            fk_buf_str(out, " (all who may deliver there)");
        else
            networks_add(out, l->journal_from);
    }
    for (size_t i = 0; i < c->mailbox_count; i++)
        if (strcmp(c->mailboxes[i].journal, "on") == 0)
            source_add(out, "mailbox", c->mailboxes[i].name);
}

/* ---- one capture */

struct came {
    struct fk_buf via, listener, mailbox, client, journal;
    bool proxied;
};

static void field_take(struct came *c, const struct fk_field *f) {
    struct fk_buf *to = fk_field_is(f, "via")             ? &c->via
                        : fk_field_is(f, "listener-name") ? &c->listener
                        : fk_field_is(f, "mailbox-name")  ? &c->mailbox
                        : fk_field_is(f, "journal")       ? &c->journal
                        : fk_field_is(f, "proxy-client") || (fk_field_is(f, "peer") && !c->proxied)
                            ? &c->client
                            : NULL;
    c->proxied |= fk_field_is(f, "proxy-client");
    if (!to)
        return;
    fk_buf_reset(to);
    fk_field_value(f, to);
}

static bool is(struct fk_buf *b, const char *text) {
    return strcmp(fk_buf_cstr(b), text) == 0;
}

void cli_claimed_why(const char *fields, size_t len, struct fk_buf *out) {
    struct came c = {FK_BUF_INIT, FK_BUF_INIT, FK_BUF_INIT, FK_BUF_INIT, FK_BUF_INIT, false};
    struct fk_fields it = fk_fields_begin(fields, len);
    for (struct fk_field f; fk_fields_next(&it, &f);)
        field_take(&c, &f);
    if (is(&c.journal, "trusted"))
        ;
    else if (c.mailbox.len)
        fk_buf_printf(out, "mailbox \"%s\" was no journal when it came (journal)",
                      fk_buf_cstr(&c.mailbox));
    else if (is(&c.via, "import"))
        fk_buf_str(out, c.journal.len ? "it was imported without --journal" : "");
    else if (is(&c.via, "milter"))
        fk_buf_str(out, "what comes by the milter is no journal: a mail server passes on whatever "
                        "comes to it");
    else if (c.listener.len)
        fk_buf_printf(out,
                      "listener \"%s\" did not name %s as a journal when it came (journal, "
                      "journal-from)",
                      fk_buf_cstr(&c.listener), fk_buf_cstr(&c.client));
    else
        fk_buf_printf(out, "journal-from did not name %s when it came", fk_buf_cstr(&c.client));
    fk_buf_free(&c.via);
    fk_buf_free(&c.listener);
    fk_buf_free(&c.mailbox);
    fk_buf_free(&c.client);
    fk_buf_free(&c.journal);
}
