/* fumikura.conf and the values in it (cli/config.h, config_value.h): refused with a place, or every
 * value within what its key allows. Input: the file. */
#include "cli/config.h"
#include "cli/config_value.h"
#include "retention/period.h"
#include "tests/fuzz/support/fuzz.h"

static void values_check(const char *text) {
    uint64_t n = 77;
    int minutes = 77;
    struct fk_period p, q;
    char again[FK_PERIOD_SIZE];
    if (!fk_value_number(text, &n))
        MUST(n == 77);
    if (!fk_value_size(text, &n) && !fk_value_seconds(text, &n) && !fk_value_number(text, &n))
        MUST(n == 77);
    MUST(fk_value_zone(text, &minutes) ? minutes > -24 * 60 && minutes < 24 * 60 : minutes == 77);
    if (fk_value_period(text))
        MUST(fk_period_parse(text, &p));
    if (fk_period_parse(text, &p)) {
        fk_period_format(again, &p);
        MUST(fk_period_parse(again, &q) && p.years == q.years && p.months == q.months &&
             p.days == q.days);
    }
    if (fk_value_is_loopback(text))
        MUST(fk_value_address(text) != FK_ADDRESS_NONE);
    if (fk_value_name(text))
        MUST(text[0] && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == 0);
    (void)fk_value_month_day(text);
    (void)fk_value_mail_server(text);
    if (fk_value_mailbox(text))
        MUST(strlen(text) <= 254 && strchr(text, '@') && !strpbrk(text, " \r\n<>"));
}

static void config_check(const struct fk_config *c) {
    MUST(c->smtp && c->lmtp && c->web && c->hostname && c->floor && c->timestamp && c->mail_to &&
         c->witnesses);
    for (char **a = c->smtp; *a; a++)
        MUST(fk_value_address(*a) != FK_ADDRESS_NONE);
    MUST(fk_value_is_loopback(c->web) || !c->web[0]);
    MUST(fk_value_period(c->floor) && fk_value_name(c->source) &&
         fk_value_month_day(c->fiscal_year_end));
    MUST(c->zone_minutes > -24 * 60 && c->zone_minutes < 24 * 60);
    for (size_t i = 0; i < c->class_count; i++)
        MUST(fk_value_name(c->classes[i].name) && fk_value_period(c->classes[i].period));
    size_t n = 0;
    while (c->mail_to[n])
        MUST(fk_value_mailbox(c->mail_to[n++]));
    MUST(n <= FK_MAIL_TO_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fk_config *c = NULL;
    struct fk_err err = FK_ERR_INIT;
    char text[300];
    snprintf(text, sizeof text, "%.*s", (int)(len < 299 ? len : 299), (const char *)data);
    values_check(text);
    if (fuzz_took(fk_config_parse(data, len, "/etc/fumikura/fumikura.conf", &c, &err), &err))
        config_check(c);
    else
        MUST(!c && err.status == FK_INVALID && strstr(err.text, "fumikura.conf"));
    fk_config_free(&c);
    return 0;
}
