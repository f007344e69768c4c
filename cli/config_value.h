/*
 * config_value.h - the values that the configuration and the command line share: read from text.
 *
 * Each returns false and leaves its outputs alone when the text is not of the form; the matching
 * FK_EXPECTED_* words say what is. Threads: any.
 */
#ifndef FK_CLI_CONFIG_VALUE_H
#define FK_CLI_CONFIG_VALUE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define FK_EXPECTED_SIZE "a size such as \"64 MiB\" (KiB, MiB, GiB, TiB, or bytes)"
#define FK_EXPECTED_TIME "a time such as \"20 s\" (s, min, h, d)"
#define FK_EXPECTED_PERIOD "an ISO 8601 period such as \"P7Y\", \"P5Y2M\" or \"P30D\""
#define FK_EXPECTED_ADDRESS "an address such as \"127.0.0.1:2525\", \"[::1]:2525\" or \"unix:PATH\""
#define FK_EXPECTED_ZONE "an offset such as \"+09:00\""
#define FK_EXPECTED_MONTH_DAY "a month and day such as \"03-31\""
#define FK_EXPECTED_MAILBOX "a mail address such as \"auditor@example.jp\""
#define FK_EXPECTED_MAIL_SERVER                                                                    \
    "a mail server such as \"smtp://127.0.0.1:25\" (smtp://, smtp+starttls:// or smtps://)"
#define FK_EXPECTED_RESOLVER                                                                       \
    "an address such as \"127.0.0.1\", \"127.0.0.1@5353\" or \"::1\", or \"\""
#define FK_EXPECTED_NAME "a name of a-z, 0-9 and -"

bool fk_value_number(const char *text, uint64_t *out);
bool fk_value_size(const char *text, uint64_t *bytes_out);
bool fk_value_seconds(const char *text, uint64_t *seconds_out);
bool fk_value_period(const char *text);
bool fk_value_zone(const char *text, int *minutes_out);
bool fk_value_month_day(const char *text);
bool fk_value_name(const char *text);
/* A numeric address, or that and @PORT; or nothing. */
bool fk_value_resolver(const char *text);
/* LOCAL@DOMAIN of RFC 5322 atoms and dots, at most 254 bytes. */
bool fk_value_mailbox(const char *text);
/* SCHEME://HOST[:PORT] (archiver/vault/submit.h), and nothing behind it. */
bool fk_value_mail_server(const char *text);

/* "ADDRESS:PORT" and "[ADDRESS]:PORT" with a numeric address, or "unix:PATH". */
enum fk_address_kind { FK_ADDRESS_NONE, FK_ADDRESS_INET, FK_ADDRESS_INET6, FK_ADDRESS_UNIX };
enum fk_address_kind fk_value_address(const char *text);
/* Of those, one that only this machine reaches. */
bool fk_value_is_loopback(const char *text);

#ifdef __cplusplus
}
#endif
#endif
