/* reason.c - the words of reasons. */
#include "indexer/record/reason_priv.h"

const char *fk_reason__word(enum fk_reason reason) {
    static const char *const words[FK_REASONS] = FK_REASON_WORDS;
    for (unsigned i = 0; i < FK_REASONS; i++)
        if (reason == 1u << i)
            return words[i];
    return "";
}
