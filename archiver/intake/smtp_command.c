/*
 * smtp_command.c - the commands of RFC 5321 and RFC 2033, and what is answered to each.
 *
 * What decides here: an archive that refuses a copy loses it, so every sender and recipient is
 * taken as it stands, within the form of the command; what changes the meaning of a transaction
 * (an unknown parameter, a wrong order) is refused.
 */
#include "archiver/intake/carried.h"
#include "archiver/intake/smtp_priv.h"

#include <strings.h>

struct text {
    const char *at;
    size_t len;
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static struct text trimmed(struct text t) {
    while (t.len && is_blank(t.at[0])) {
        t.at++;
        t.len--;
    }
    while (t.len && is_blank(t.at[t.len - 1]))
        t.len--;
    return t;
}

/* The word up to the next blank; what follows stays in *t, trimmed. */
static struct text word_take(struct text *t) {
    size_t n = 0;
    while (n < t->len && !is_blank(t->at[n]))
        n++;
    struct text word = {t->at, n};
    *t = trimmed((struct text){t->at + n, t->len - n});
    return word;
}

static bool text_is(struct text t, const char *word) {
    return t.len == strlen(word) && strncasecmp(t.at, word, t.len) == 0;
}

static void hello(struct fk_smtp *s, struct text arg, bool extended) {
    if (!arg.len) {
        fk_smtp__wrong(s, "501 5.5.4 a name is to follow");
        return;
    }
    fk_smtp__reset(s);
    memcpy(s->helo, arg.at, arg.len);
    s->helo_len = arg.len;
    if (!extended) {
        fk_smtp__reply(s, "250 %s", s->options->hostname);
        return;
    }
    fk_smtp__reply(s, "250-%s", s->options->hostname);
    fk_smtp__reply(s, "250-SIZE %llu", (unsigned long long)s->options->size_limit);
    if (s->options->tls != FK_SMTP_TLS_OFF && !s->secured)
        fk_smtp__reply(s, "250-STARTTLS");
    if (s->options->xforward == FK_SMTP_XFORWARD_TAKEN)
        fk_smtp__reply(s, "250-XFORWARD " FK_XFORWARD_NAMES);
    fk_smtp__reply(s, "250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES");
}

static void run_helo(struct fk_smtp *s, struct text arg) {
    hello(s, arg, false);
}

static void run_ehlo(struct fk_smtp *s, struct text arg) {
    hello(s, arg, true);
}

/* "FROM:<path> parameters": the bytes between the angle brackets, exactly; without brackets the
 * word. A '>' inside a quoted local part does not end the path. */
static bool path_take(struct text *arg, const char *keyword, struct text *path_out) {
    size_t n = strlen(keyword);
    if (arg->len < n || strncasecmp(arg->at, keyword, n) != 0)
        return false;
    struct text t = trimmed((struct text){arg->at + n, arg->len - n});
    if (!t.len || t.at[0] != '<') {
        *path_out = word_take(&t);
        *arg = t;
        return path_out->len > 0;
    }
    bool quoted = false;
    size_t i = 1;
    for (; i < t.len && (quoted || t.at[i] != '>'); i++) {
        if (t.at[i] == '"')
            quoted = !quoted;
        else if (t.at[i] == '\\')
            i++;
    }
    if (i >= t.len || (i + 1 < t.len && !is_blank(t.at[i + 1])))
        return false;
    *path_out = (struct text){t.at + 1, i - 1};
    *arg = trimmed((struct text){t.at + i + 1, t.len - i - 1});
    return true;
}

/* RFC 1870: up to 20 digits; what does not fit 64 bits is over any limit. */
static bool size_read(struct text value, uint64_t *out) {
    uint64_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return false;
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, value.at[i] - '0', &n))
            n = UINT64_MAX / 10;
    }
    *out = n;
    return value.len > 0 && value.len <= 20;
}

/* The reply to a parameter that is not taken; NULL when all are. */
static const char *mail_parameters(struct text all, uint64_t *size) {
    while (all.len) {
        struct text name = word_take(&all), value = {NULL, 0};
        const char *equals = memchr(name.at, '=', name.len);
        if (equals) {
            value = (struct text){equals + 1, (size_t)(name.at + name.len - equals) - 1};
            name.len = (size_t)(equals - name.at);
        }
        if (text_is(name, "SIZE")) {
            if (!size_read(value, size))
                return "501 5.5.4 SIZE= takes a number of bytes";
        } else if (text_is(name, "BODY")) {
            if (!text_is(value, "7BIT") && !text_is(value, "8BITMIME"))
                return "501 5.5.4 BODY= takes 7BIT or 8BITMIME";
        } else if (!text_is(name, "SMTPUTF8") || equals) {
            return "555 5.5.4 a parameter of MAIL is unknown here";
        }
    }
    return NULL;
}

static enum fk_status mail_begin(struct fk_smtp *s, uint64_t size, struct text path,
                                 struct text parameters) {
    char value[FK_SMTP_LINE_MAX + 1];
    memcpy(value, path.at, path.len);
    size_t len = path.len;
    if (parameters.len) {
        value[len++] = ' ';
        memcpy(value + len, parameters.at, parameters.len);
        len += parameters.len;
    }
    enum fk_status st = s->sink->begin(s->ctx, size);
    s->mail = true;
    if (st == FK_OK)
        st = s->sink->field(s->ctx, "helo", s->helo, s->helo_len);
    for (size_t i = 0; i < FK_XFORWARD_COUNT && st == FK_OK; i++) {
        const struct fk_buf *is = &s->xforward.value[i];
        if (is->len)
            st = s->sink->field(s->ctx, fk_xforward_field(i), is->data, is->len);
    }
    if (st == FK_OK)
        st = s->sink->field(s->ctx, "mail-from", value, len);
    return st;
}

/* Who may not deliver is told to try again: a slip in the configuration, ours or the client's,
 * delays copies and loses none. So also where RFC 3207, section 4, has 530. */
static bool mail_is_refused(struct fk_smtp *s) {
    const struct fk_smtp_options *o = s->options;
    if (o->message_limit && s->messages >= o->message_limit) {
        fk_smtp__reply(s, "421 4.7.0 %u messages a connection are the limit, come again",
                       o->message_limit);
        s->state = FK_SMTP_CLOSED;
    } else if (o->tls == FK_SMTP_TLS_REQUIRED && !s->secured) {
        fk_smtp__wrong(s, "450 4.7.0 say STARTTLS first, mail is taken over TLS only");
    } else if (o->refusal) {
        fk_smtp__wrong(s, "%s", o->refusal);
    } else {
        return false;
    }
    return true;
}

static void run_mail(struct fk_smtp *s, struct text arg) {
    struct text path;
    uint64_t size = 0;
    if (!s->helo_len) {
        fk_smtp__wrong(s, "503 5.5.1 say %s first", s->options->lmtp ? "LHLO" : "EHLO or HELO");
        return;
    }
    if (s->mail) {
        fk_smtp__wrong(s, "503 5.5.1 MAIL was given already");
        return;
    }
    if (mail_is_refused(s))
        return;
    if (!path_take(&arg, "FROM:", &path)) {
        fk_smtp__wrong(s, "501 5.1.7 the form is MAIL FROM:<address>");
        return;
    }
    const char *refusal = mail_parameters(arg, &size);
    if (refusal) {
        fk_smtp__wrong(s, "%s", refusal);
        return;
    }
    if (size > s->options->size_limit) {
        fk_smtp__reply(s, "552 5.3.4 the message is over the limit of %llu bytes",
                       (unsigned long long)s->options->size_limit);
        return;
    }
    enum fk_status st = mail_begin(s, size, path, arg);
    if (st != FK_OK)
        fk_smtp__reset(s);
    fk_smtp__reply(s, "%s", st == FK_OK ? "250 2.1.0 ok" : fk_smtp__trouble(st));
}

static enum fk_status carried_tell(struct fk_smtp *s, struct text path) {
    char address[FK_SMTP_LINE_MAX];
    size_t len = s->options->carried
                     ? fk_carried_recipient(path.at, path.len, s->options->carried, address)
                     : 0;
    return len ? s->sink->field(s->ctx, "carried-to", address, len) : FK_OK;
}

static void run_rcpt(struct fk_smtp *s, struct text arg) {
    struct text path;
    if (!s->mail) {
        fk_smtp__wrong(s, "503 5.5.1 say MAIL first");
    } else if (!path_take(&arg, "TO:", &path) || !path.len) {
        fk_smtp__wrong(s, "501 5.1.3 the form is RCPT TO:<address>");
    } else if (arg.len) {
        fk_smtp__wrong(s, "555 5.5.4 a parameter of RCPT is unknown here");
    } else if (s->recipients >= s->options->recipient_limit) {
        fk_smtp__reply(s, "452 4.5.3 more than %zu recipients", s->options->recipient_limit);
    } else {
        enum fk_status st = s->sink->field(s->ctx, "rcpt-to", path.at, path.len);
        if (st == FK_OK)
            st = carried_tell(s, path);
        s->recipients += st == FK_OK;
        fk_smtp__reply(s, "%s", st == FK_OK ? "250 2.1.5 ok" : fk_smtp__trouble(st));
    }
}

static void run_data(struct fk_smtp *s, struct text arg) {
    if (arg.len) {
        fk_smtp__wrong(s, "501 5.5.4 DATA takes nothing more");
    } else if (!s->recipients) {
        fk_smtp__wrong(s, "503 5.5.1 no recipient was taken: say MAIL and RCPT first");
    } else {
        fk_smtp__reply(s, "354 send the message, CR LF . CR LF at its end");
        s->state = FK_SMTP_DATA;
    }
}

static void run_rset(struct fk_smtp *s, struct text arg) {
    if (arg.len) {
        fk_smtp__wrong(s, "501 5.5.4 RSET takes nothing more");
        return;
    }
    fk_smtp__reset(s);
    fk_smtp__reply(s, "250 2.0.0 ok");
}

static void run_noop(struct fk_smtp *s, struct text arg) {
    (void)arg;
    fk_smtp__reply(s, "250 2.0.0 ok");
}

static void run_vrfy(struct fk_smtp *s, struct text arg) {
    if (!arg.len)
        fk_smtp__wrong(s, "501 5.5.4 an address is to follow");
    else
        fk_smtp__reply(s, "252 2.5.0 not verified, but every recipient is taken");
}

static void run_help(struct fk_smtp *s, struct text arg) {
    (void)arg;
    fk_smtp__reply(s, "214 2.0.0 %s MAIL RCPT DATA RSET NOOP VRFY HELP QUIT",
                   s->options->lmtp ? "LHLO" : "EHLO HELO");
}

static void run_quit(struct fk_smtp *s, struct text arg) {
    if (arg.len) {
        fk_smtp__wrong(s, "501 5.5.4 QUIT takes nothing more");
        return;
    }
    fk_smtp__reply(s, "221 2.0.0 %s closes", s->options->hostname);
    s->state = FK_SMTP_CLOSED;
}

/* The state that follows takes no input until the caller has made TLS; what is said before it
 * comes in the clear, and must not be obeyed after it (CVE-2011-0411). */
static void run_starttls(struct fk_smtp *s, struct text arg) {
    if (s->options->tls == FK_SMTP_TLS_OFF) {
        fk_smtp__wrong(s, "502 5.5.1 the command is not offered here");
    } else if (s->secured) {
        fk_smtp__wrong(s, "503 5.5.1 TLS is there already");
    } else if (arg.len) {
        fk_smtp__wrong(s, "501 5.5.4 STARTTLS takes nothing more");
    } else {
        fk_smtp__reply(s, "220 2.0.0 begin TLS");
        s->state = FK_SMTP_STARTTLS;
    }
}

static void run_xforward(struct fk_smtp *s, struct text arg) {
    if (s->options->xforward == FK_SMTP_XFORWARD_ABSENT)
        fk_smtp__wrong(s, "502 5.5.1 the command is not offered here");
    else if (s->options->xforward == FK_SMTP_XFORWARD_DENIED)
        fk_smtp__wrong(s, "550 5.7.1 XFORWARD is not taken from you");
    else if (s->mail)
        fk_smtp__wrong(s, "503 5.5.1 XFORWARD comes before MAIL");
    else if (!fk_xforward_read(&s->xforward, arg.at, arg.len))
        fk_smtp__wrong(s, "501 5.5.4 XFORWARD takes NAME=VALUE, of " FK_XFORWARD_NAMES);
    else
        fk_smtp__reply(s, "250 2.0.0 ok");
}

static void run_absent(struct fk_smtp *s, struct text arg) {
    (void)arg;
    fk_smtp__wrong(s, "502 5.5.1 the command is not offered here");
}

/* What follows is not SMTP: a chunk of a message (BDAT) or another protocol's text, whose author
 * would be giving us commands. */
static void run_foreign(struct fk_smtp *s, struct text arg) {
    run_absent(s, arg);
    s->state = FK_SMTP_CLOSED;
}

enum { BOTH = 0, SMTP_ONLY = 1, LMTP_ONLY = 2, LAST = 4 /* its reply must be read first */ };

static const struct command {
    const char *name;
    void (*run)(struct fk_smtp *s, struct text arg);
    unsigned rules;
} commands[] = {
    {"MAIL", run_mail, BOTH},
    {"RCPT", run_rcpt, BOTH},
    {"DATA", run_data, LAST},
    {"RSET", run_rset, BOTH},
    {"NOOP", run_noop, BOTH},
    {"QUIT", run_quit, LAST},
    {"EHLO", run_ehlo, SMTP_ONLY | LAST},
    {"HELO", run_helo, SMTP_ONLY | LAST},
    {"LHLO", run_ehlo, LMTP_ONLY | LAST},
    {"VRFY", run_vrfy, BOTH},
    {"HELP", run_help, BOTH},
    {"STARTTLS", run_starttls, LAST},
    {"XFORWARD", run_xforward, BOTH},
    {"AUTH", run_absent, LAST},
    {"EXPN", run_absent, BOTH},
    {"ETRN", run_absent, BOTH},
    {"TURN", run_absent, BOTH},
    {"BDAT", run_foreign, BOTH},
    {"GET", run_foreign, BOTH},
    {"POST", run_foreign, BOTH},
    {"CONNECT", run_foreign, BOTH},
    {"PROXY", run_foreign, BOTH},
};

static const struct command *command_find(const struct fk_smtp *s, struct text verb) {
    unsigned other = s->options->lmtp ? SMTP_ONLY : LMTP_ONLY;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (text_is(verb, commands[i].name) && !(commands[i].rules & other))
            return &commands[i];
    return NULL;
}

static bool has_control(struct text t) {
    for (size_t i = 0; i < t.len; i++)
        if (((unsigned char)t.at[i] < 0x20 && t.at[i] != '\t') || t.at[i] == 0x7f)
            return true;
    return false;
}

void fk_smtp__command(struct fk_smtp *s, const char *line, size_t len, bool more) {
    struct text rest = trimmed((struct text){line, len});
    bool first = !s->spoken;
    s->spoken = true;
    if (first && !len) { /* so begins a PROXY header, version 2 */
        fk_smtp__reply(s, "502 5.5.1 a proxy's header is not taken from you");
        s->state = FK_SMTP_CLOSED;
        return;
    }
    if (has_control(rest)) {
        fk_smtp__wrong(s, "500 5.5.2 a command has no control characters");
        return;
    }
    struct text verb = word_take(&rest);
    const struct command *c = command_find(s, verb);
    if (!c) {
        fk_smtp__wrong(s, "500 5.5.1 the command is unknown");
    } else if (more && (c->rules & LAST)) {
        fk_smtp__reply(s, "554 5.5.0 %s: wait for the reply before sending more", c->name);
        s->state = FK_SMTP_CLOSED;
    } else {
        c->run(s, rest);
    }
}
