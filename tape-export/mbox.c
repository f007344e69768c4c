/* mbox.c - one message in mboxrd. */
#include "tape-export/mbox.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FLUSH = 256 << 10 };

static void from_line(const struct fk_envelope *e, struct fk_buf *out) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct fk_buf sender = FK_BUF_INIT, received = FK_BUF_INIT;
    int64_t ms = 0;
    struct tm tm;
    (void)fk_fields_find(e->fields, e->fields_len, "mail-from", &sender); /* "" where none */
    if (fk_fields_find(e->fields, e->fields_len, "received", &received))
        (void)fk_time_parse(fk_buf_cstr(&received), &ms); /* 1970 else */
    const char *name = fk_buf_cstr(&sender);
    size_t len = strcspn(name, " \t\r\n");
    time_t s = (time_t)(ms / 1000);
    gmtime_r(&s, &tm);
    fk_buf_printf(out, "From %.*s %s %s %2d %02d:%02d:%02d %d\n", len ? (int)len : 13,
                  len ? name : "MAILER-DAEMON", days[tm.tm_wday], months[tm.tm_mon], tm.tm_mday,
                  tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_year + 1900);
    fk_buf_free(&sender);
    fk_buf_free(&received);
}

static bool is_from(const char *line, size_t len) {
    while (len > 0 && *line == '>')
        line++, len--;
    return len >= 5 && memcmp(line, "From ", 5) == 0;
}

enum fk_status fk_mbox_add(struct fk_bag_file *f, const struct fk_envelope *e, struct fk_err *err) {
    enum fk_status st = FK_OK;
    struct fk_buf out = FK_BUF_INIT;
    const char *at = (const char *)e->message, *end = at + e->message_len;
    from_line(e, &out);
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const char *next = lf ? lf + 1 : end;
        size_t len = lf ? (size_t)(lf - at) : (size_t)(end - at);
        if (len > 0 && lf && at[len - 1] == '\r')
            len--;
        if (is_from(at, len))
            fk_buf_byte(&out, '>');
        fk_buf_add(&out, at, len);
        fk_buf_byte(&out, '\n');
        at = next;
        if (out.len > FLUSH) {
            FK_TRY(fk_bag_add(f, out.data, out.len, err));
            fk_buf_reset(&out);
        }
    }
    fk_buf_byte(&out, '\n');
    st = out.failed ? fk_fail(err, FK_NOMEM, "no memory for an mbox")
                    : fk_bag_add(f, out.data, out.len, err);
done:
    fk_buf_wipe(&out);
    return st;
}
