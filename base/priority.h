/*
 * priority.h - who waits for a CPU while mail comes in.
 *
 * What takes mail (receive, milter, keep) and what the kernel does for its syncs has default
 * priority. A process that works through what is there already, for people or by itself, steps
 * behind that: nice 10, and slices of 100 ms (Linux 6.12 and newer; ignored before), which a thread
 * of the default kind that wakes need not wait for. Neither does it alone: by its weight a process
 * of nice 10 has less of the CPU, but who wakes still waits for the rest of its slice, and a sync
 * is several such waits (docs/performance.md, "Intake beside ten clients"). On an idle machine
 * nothing is slower; among themselves those behind share as equals. It is not SCHED_IDLE, which
 * beside other programs would come to a stand.
 *
 * A thread that had more than its share just before waits all the same, until a tick or a beat
 * (base/beat.h).
 *
 * Inherited by threads and programs that are started afterwards. Threads: before any other is made.
 */
#ifndef FK_BASE_PRIORITY_H
#define FK_BASE_PRIORITY_H
#ifdef __cplusplus
extern "C" {
#endif

/* Keeps the policy, and a niceness that is higher. Where the system refuses, all is as it was. */
void fk_priority_step_behind(void);

#ifdef __cplusplus
}
#endif
#endif
