/* priority.c - sched_setattr, for which the C library of Debian 12 has no function. */
#include "base/priority.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NICER = 10, SLICE_NS = 100000000 }; /* the longest slice that the kernel gives */

void fk_priority_step_behind(void) {
    const int now = getpriority(PRIO_PROCESS, 0);
    const int nicer = now > NICER ? now : NICER;
    struct sched_attr attr = {.size = sizeof attr,
                              .sched_flags = SCHED_FLAG_KEEP_POLICY,
                              .sched_nice = nicer,
                              .sched_runtime = SLICE_NS};
    if (syscall(SYS_sched_setattr, 0, &attr, 0) != 0)
        (void)setpriority(PRIO_PROCESS, 0, nicer);
}
