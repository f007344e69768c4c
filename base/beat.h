/*
 * beat.h - a beat, so that the kernel looks two thousand times a second who goes first.
 *
 * Who wakes goes before a process of base/priority.h only if he has not had more than his share of
 * the CPU by then. What takes mail works in short bursts and often has, by a tenth of a
 * millisecond; that is over at once, but the kernel looks again only at its next tick, 4 ms later
 * on Debian, and the other one runs until then. A message is half a dozen wake-ups. While there is
 * mail, one thread a CPU therefore wakes each half millisecond and does nothing: who waits and is
 * due is taken then. It gives nobody more than his share, costs 2.3 per cent of each CPU while mail
 * comes (measured; 1.2 at each millisecond), and needs no right.
 *
 *     struct fk_beat *beat = fk_beat_new();
 *     fk_beat_go_on(beat);                 for each message: it beats for FK_BEAT_MS from now
 *     fk_beat_free(&beat);
 *
 * Errors: none. What the system refuses (a thread, its CPU) is left out, and mail is as late as
 * without; so is a NULL passed over. Threads: go_on from any; new and free from one.
 */
#ifndef FK_BASE_BEAT_H
#define FK_BASE_BEAT_H
#ifdef __cplusplus
extern "C" {
#endif

enum {
    FK_BEAT_MS = 50,
    FK_BEAT_CPUS = 64 /* the first so many of those that the process may use */
};

struct fk_beat;
struct fk_beat *fk_beat_new(void);
void fk_beat_go_on(struct fk_beat *beat);
void fk_beat_free(struct fk_beat **beat);

#ifdef __cplusplus
}
#endif
#endif
