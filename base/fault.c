/* fault.c - counts the points and looks them up in FUMIKURA_FAULT. Test builds only. */
#include "base/fault.h"

#ifdef FK_TESTING
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_RULES = 16 };
struct rule {
    char point[32], action[16];
    long nth, seen;
    int forever;
};
static struct rule rules[MAX_RULES];
static int rule_count = -1;
static int log_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void rules_read(void) {
    rule_count = 0;
    const char *path = getenv("FUMIKURA_FAULT_LOG");
    if (path)
        log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    for (const char *p = getenv("FUMIKURA_FAULT"); p && *p && rule_count < MAX_RULES;) {
        struct rule *r = &rules[rule_count];
        char nth[16];
        if (sscanf(p, "%31[^:]:%15[^:]:%15[^,]", r->point, nth, r->action) == 3) {
            r->nth = atol(nth);
            r->forever = strchr(nth, '+') != NULL;
            rule_count++;
        }
        p = strchr(p, ',');
        p = p ? p + 1 : NULL;
    }
}

static int act(const char *action) {
    if (strcmp(action, "kill") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(action, "stop") == 0) {
        raise(SIGSTOP);
        return 0;
    }
    if (strcmp(action, "enospc") == 0)
        return ENOSPC;
    return strcmp(action, "enomem") == 0 ? ENOMEM : EIO;
}

int fk_fault(const char *point) {
    int result = 0;
    pthread_mutex_lock(&lock);
    if (rule_count < 0)
        rules_read();
    if (log_fd >= 0)
        dprintf(log_fd, "%s\n", point);
    for (int i = 0; i < rule_count && !result; i++) {
        struct rule *r = &rules[i];
        if (strcmp(r->point, "*") != 0 && strcmp(r->point, point) != 0)
            continue;
        r->seen++;
        if (r->seen == r->nth || (r->forever && r->seen > r->nth))
            result = act(r->action);
    }
    pthread_mutex_unlock(&lock);
    return result;
}
#else
typedef int fk_fault_is_for_tests; /* ISO C wants a declaration in every file */
#endif
