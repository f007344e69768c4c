/* A date in a mail (archiver/intake/mail_date.h): what is read and written again as RFC 5322 has it
 * is the same second. */
#include "archiver/intake/mail_date.h"
#include "base/clock.h"
#include "tests/fuzz/support/fuzz.h"

#include <time.h>

static void date_check(int64_t ms) {
    char text[FK_TIME_SIZE], mail[80];
    struct tm tm;
    int64_t again = -1;
    const time_t s = ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
    fk_time_format(text, ms);
    MUST(fk_time_parse(text, &again) && again == ms); /* a year of four digits */
    MUST(gmtime_r(&s, &tm) && strftime(mail, sizeof mail, "%a, %d %b %Y %H:%M:%S +0000", &tm));
    MUST(fk_mail_date_read(mail, strlen(mail), &again) && again == (int64_t)s * 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct fuzz_input in = {data, len};
    int64_t ms = -77, derived = -77;
    if (fk_mail_date_read((const char *)data, len, &ms))
        date_check(ms);
    else
        MUST(ms == -77);
    const struct fuzz_input from = fuzz_until(&in, 0xff);
    if (fk_mail_date_derive(in.len ? (const char *)from.at : NULL, from.len, (const char *)in.at,
                            in.len, &derived))
        date_check(derived);
    else
        MUST(derived == -77);
    return 0;
}
