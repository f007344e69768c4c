/* query_foreign.c - names that people bring from Gmail and from Purview's KQL and that are no
 * fields here: what they mean for an archive, or why they mean nothing. */
#include "search/query_priv.h"

struct meaning {
    const char *name, *value;
    enum fk_query__meaning is;
};
static const struct meaning meanings[] = {
    {"hasattachment", "true", MEANS_ATTACHMENT},
    {"hasattachment", "yes", MEANS_ATTACHMENT},
    {"hasattachment", "1", MEANS_ATTACHMENT},
    {"hasattachment", "false", MEANS_NO_ATTACHMENT},
    {"hasattachment", "no", MEANS_NO_ATTACHMENT},
    {"hasattachment", "0", MEANS_NO_ATTACHMENT},
    {"kind", "email", MEANS_ALL}, /* all that is here */
    {"in", "anywhere", MEANS_ALL},
};

struct refusal {
    const char *name, *hint;
};
static const struct refusal refusals[] = {
    {"hasattachment", "hasattachment: takes true or false"},
    {"kind", "the archive has mail alone: kind:email is everything"},
    {"in", "the archive keeps no folders: in:anywhere is everything"},
    {"is", "the archive keeps no states of a mailbox, such as read or starred"},
    {"isread", "the archive keeps no states of a mailbox, such as read or starred"},
    {"label", "the archive keeps no labels of a mailbox"},
    {"category", "the archive keeps no categories of a mailbox"},
    {"folder", "the archive keeps no folders"},
    {"folderid", "the archive keeps no folders"},
    {"itemclass", "the archive has mail alone"},
    {"importance", "header fields of their own are not searched in this version"},
};

enum fk_query__meaning fk_query__foreign(const char *name, const char *value, const char **hint) {
    *hint = "";
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (strcmp(meanings[i].name, name) == 0 && strcmp(meanings[i].value, value) == 0)
            return meanings[i].is;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (strcmp(refusals[i].name, name) == 0)
            *hint = refusals[i].hint;
    return MEANS_NOTHING;
}
