/*
 * fault.h - named steps that a test can make fail, once or for ever, or die at.
 *
 * In builds made with FK_TESTING the variable FUMIKURA_FAULT holds "POINT:N:ACTION", several
 * separated by commas: at the Nth time POINT is passed in this process, ACTION happens: "kill"
 * (SIGKILL to oneself), "stop" (SIGSTOP: a test does something meanwhile and sends SIGCONT), "eio",
 * "enospc" or "enomem"; with a "+" after N at each time from the Nth on. POINT "*" means every
 * point. With FUMIKURA_FAULT_LOG a file gets a line a point passed. In other builds fk_fault is a
 * constant 0 and the names are not in the binary.
 */
#ifndef FK_BASE_FAULT_H
#define FK_BASE_FAULT_H
#ifdef __cplusplus
extern "C" {
#endif

/* 0, or the errno that the step at this point is to fail with. Threads: any. */
int fk_fault(const char *point);
#ifndef FK_TESTING
#define fk_fault(point) 0
#endif

#ifdef __cplusplus
}
#endif
#endif
