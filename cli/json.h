/*
 * json.h - JSON Lines on stdout, for commands with --json.
 *
 *     json_t *o = json_object();
 *     json_object_set_new(o, "person", cli_json_text(value, len));
 *     cli_json_line(o);                       one line, and o is freed
 */
#ifndef FK_CLI_JSON_H
#define FK_CLI_JSON_H
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* A string of any bytes: what is no UTF-8 becomes U+FFFD, a byte each. */
json_t *cli_json_text(const void *data, size_t len);
/* UINT64_MAX, which JSON's readers cannot all hold, stands for "none": null. */
json_t *cli_json_number(uint64_t n);
void cli_json_line(json_t *object);

#ifdef __cplusplus
}
#endif
#endif
