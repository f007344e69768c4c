/*
 * main.c - fumikura-authcheck: the libraries that check where a message is from, away from
 * everything else (docs/decisions/0010). Two processes of `fumikura authd`: one reads messages in a
 * box, one asks DNS and sees no message (archiver/auth/protocol.h).
 */
#include "archiver/authcheck/check_priv.h"
#include "base/confine.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc == 2 && fk_confine_core(NULL) == FK_OK) {
        if (strcmp(argv[1], "check") == 0)
            return fk_check_main();
        if (strcmp(argv[1], "resolve") == 0)
            return fk_resolve_main();
    }
    fprintf(stderr, "fumikura-authcheck: it is started by \"fumikura authd\" and by \"fumikura "
                    "verify --dkim\"\n");
    return 2;
}
