/* scrub.c - the server's process that reads all that is stored again, slowly (docs/scrub.md). */
#include "archiver/vault/scrub.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/confine.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/config.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    TICK_MS = 1000,
    TROUBLE_MS = 10000,
    REST_MIN_MS = 200, /* each slice is two syncs, however short it was */
    SLICE_MIN = 64 << 10,
    SLICE_MAX = 4 << 20,
    NICE = 19,
    IOPRIO_WHO_PROCESS = 1, /* linux/ioprio.h */
    IOPRIO_CLASS_IDLE = 3 << 13,
    LINES_A_MINUTE = 20
};

/* A disk that fails has much to say: the rest is in DIR/run/scrub and the ledger. */
static void found(const struct fk_finding *f) {
    static int64_t minute;
    static unsigned lines;
    if (fk_monotonic_ms() / 60000 != minute) {
        minute = fk_monotonic_ms() / 60000;
        lines = 0;
    }
    if (lines++ >= LINES_A_MINUTE)
        return;
    if (f->seq == UINT64_MAX)
        fk_log(FK_LOG_ERROR, "segment %" PRIu64 " is damaged: check %s: %s", f->segment, f->check,
               f->text);
    else
        fk_log(FK_LOG_ERROR, "entry %" PRIu64 " in segment %" PRIu64 " is damaged: check %s: %s",
               f->seq, f->segment, f->check, f->text);
}

static uint64_t slice_bytes(uint64_t rate) {
    uint64_t half = rate / 2;
    return half < SLICE_MIN ? SLICE_MIN : half > SLICE_MAX ? SLICE_MAX : half;
}

/* How long to rest after a slice, so that on the average no more than rate is read. */
static int rest_ms(uint64_t bytes, uint64_t rate, int64_t took_ms) {
    int64_t ms = (int64_t)((double)bytes * 1000 / (double)rate) - took_ms;
    return ms < REST_MIN_MS ? REST_MIN_MS : ms > 3600000 ? 3600000 : (int)ms;
}

static int work(struct fk_scrub *scrub, uint64_t rate) {
    static bool told;
    struct fk_err err = FK_ERR_INIT;
    uint64_t bytes = 0;
    int64_t begun = fk_monotonic_ms();
    enum fk_status st = fk_scrub_slice(scrub, &bytes, &err);
    if (st == FK_OK) {
        told = false;
        return bytes ? rest_ms(bytes, rate, fk_monotonic_ms() - begun) : TICK_MS;
    }
    if (!told && st != FK_RETRY)
        fk_log(FK_LOG_WARNING, "not scrubbed: %s", err.text);
    told = st != FK_RETRY;
    return TROUBLE_MS;
}

static enum fk_status run(struct fk_child *child, struct fk_keep *keep, struct fk_scrub *scrub,
                          uint64_t rate, struct fk_err *err) {
    for (int64_t until = 0;;) {
        struct fk_child_event event;
        int64_t now = fk_monotonic_ms();
        if (rate && now >= until) {
            int rest = work(scrub, rate);
            until = fk_monotonic_ms() + rest;
        }
        now = fk_monotonic_ms();
        enum fk_status st = fk_child_next(child,
                                          !rate         ? -1
                                          : until > now ? (int)(until - now)
                                                        : 0,
                                          &event, err);
        if (st != FK_OK || event.what == FK_CHILD_STOP)
            return st;
        if (event.what == FK_CHILD_SOCKET)
            fk_keep_reattach(keep, event.fd);
    }
}

/* Behind everything else: where the disk's scheduler knows it, only what is left of the disk. */
static void step_back(void) {
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_IDLE);
}

int cmd_scrubd(struct fk_cli *cli, int argc, char **argv) {
    const uint64_t rate = cli->config->scrub_rate;
    struct fk_scrub_options options = {.dir = cli->dir,
                                       .interval_ms = (int64_t)cli->config->scrub_interval_s * 1000,
                                       .slice_bytes = slice_bytes(rate),
                                       .found = found};
    struct fk_child child;
    struct fk_keep *keep = NULL;
    struct fk_scrub *scrub = NULL;
    struct fk_err err = FK_ERR_INIT;
    enum fk_status st;
    fk_log_name("fumikura scrubd");
    FK_TRY(fk_child_begin(&child, argc, argv, &err));
    FK_TRY(fk_confine_core(&err));
    FK_TRY(fk_confine_network(&err));
    step_back();
    if (child.keep >= 0)
        FK_TRY(fk_keep_attach(fk_child_take(&child.keep), &keep, &err));
    else
        FK_TRY(fk_keep_open(cli->dir, &keep, &err));
    options.keep = keep;
    FK_TRY(fk_scrub_open(&options, &scrub, &err));
    FK_TRY(fk_child_ready(&child, NULL, &err));
    st = run(&child, keep, scrub, rate, &err);
done:
    fk_scrub_close(&scrub);
    fk_keep_close(&keep);
    return fk_child_end(&child, st, &err);
}
