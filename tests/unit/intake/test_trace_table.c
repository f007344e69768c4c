/* Tables of Exchange and Microsoft 365: cells, columns by any spelling of their names, messages. */
#include "archiver/intake/csv.h"
#include "archiver/intake/trace_table.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[4096];

static void put(const char *text, size_t len) {
    const char *dir = getenv("TEST_DIR");
    snprintf(path, sizeof path, "%s/table", dir ? dir : "/tmp");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static const struct {
    const char *name, *text;
    const char *rows[4]; /* cells joined by | */
    uint64_t bad;
} tables[] = {
    {"plain", "a,b,c\n1,2,3\n", {"a|b|c", "1|2|3"}, 0},
    {"CRLF, no last end", "a,b\r\n1,2", {"a|b", "1|2"}, 0},
    {"quotes", "\"a,b\",\"say \"\"x\"\"\"\n", {"a,b|say \"x\""}, 0},
    {"a line end in a cell", "\"a\nb\",c\nd,e\n", {"a\nb|c", "d|e"}, 0},
    {"empty cells", ",,\n", {"||"}, 0},
    {"an empty line", "a\n\nb\n", {"a", "", "b"}, 0},
    {"a quote that is never closed", "a,b\n\"c,d\ne,f\n", {"a|b"}, 1},
    {"nothing", "", {NULL}, 0},
};

static void a_row_is_cut_into_its_cells(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct fk_csv csv = {.file = NULL};
        size_t row = 0;
        put(tables[i].text, strlen(tables[i].text));
        assert_int_equal(fk_logfile_open(path, &csv.file, NULL), FK_OK);
        for (; fk_csv_next(&csv, NULL) == FK_OK; row++) {
            char text[200] = "";
            for (size_t c = 0; c < csv.count; c++)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", c ? "|" : "",
                         (int)csv.cell[c].len, csv.cell[c].at);
            if (row >= 4 || !tables[i].rows[row] || strcmp(text, tables[i].rows[row]) != 0)
                fail_msg("%s: row %zu is %s", tables[i].name, row, text);
        }
        if ((row < 4 && tables[i].rows[row]) || csv.bad != tables[i].bad)
            fail_msg("%s: %zu rows, %llu bad", tables[i].name, row, (unsigned long long)csv.bad);
        fk_logfile_close(&csv.file);
        fk_csv_free(&csv);
    }
}

#define FIELDS "#Software: x\r\n#Fields: date-time,client-ip,source,event-id,message-id\r\n"
static const struct {
    const char *name;
    enum fk_trace_kind kind;
    const char *text;
    enum fk_status status;
    const char *said; /* messages: "id:p" passed, "id:r" refused, "id:j" journal; or the error */
} traces[] = {
    {"Exchange", FK_TRACE_EXCHANGE,
     FIELDS "2026-11-24T01:02:03.456Z,,SMTP,RECEIVE,<a@x>\r\n"
            "2026-11-24T01:02:04.456Z,,STOREDRIVER,DELIVER,<a@x>\r\n"
            "2026-11-24T01:02:04.456Z,,SMTP,FAIL,<b@x>\r\n"
            "2026-11-24T01:02:05.456Z,,JOURNALING,RECEIVE,<j@x>\r\n",
     FK_OK, "a@x:p b@x:r j@x:j"},
    {"Microsoft 365, PowerShell", FK_TRACE_M365,
     "#TYPE x\n\"Received\",\"SenderAddress\",\"Status\",\"MessageId\"\n"
     "\"11/24/2026 1:02:03 PM\",\"a@b\",\"Delivered\",\"<a@x>\"\n"
     "\"11/24/2026 1:02:03 PM\",\"a@b\",\"Failed\",\"<b@x>\"\n",
     FK_OK, "a@x:p b@x:r"},
    {"Microsoft 365, the extended report", FK_TRACE_M365,
     "\xef\xbb\xbforigin_timestamp_utc,sender_address,recipient_status,message_id\n"
     "2026-11-24T01:02:03.4560000Z,a@b,c@d##Receive,<a@x>\n",
     FK_OK, "a@x:p"},
    {"other spellings", FK_TRACE_M365, "Date (UTC),Message ID\n2026-11-24 01:02:03,a@x\n", FK_OK,
     "a@x:p"},
    {"a time that is none", FK_TRACE_M365, "Received,MessageId\nyesterday,<a@x>\n", FK_OK, ""},
    {"no Message-IDs", FK_TRACE_M365, "Received,Status\n", FK_INVALID, "no column of Message-IDs"},
    {"no times", FK_TRACE_M365, "MessageId,Status\n", FK_INVALID, "no column of times"},
    {"a trace taken for a tracking log", FK_TRACE_EXCHANGE, "Received,MessageId\n", FK_INVALID,
     "event-id"},
    {"UTF-16", FK_TRACE_M365, "\xff\xfer", FK_INVALID, "iconv"},
    {"nothing", FK_TRACE_M365, "", FK_INVALID, "no row of names"},
};

static void a_message_is_found_whatever_its_columns_are_called(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof traces / sizeof *traces; i++) {
        struct fk_trace_table t = {NULL, 0, 0, FK_BUF_INIT, NULL, 0};
        struct fk_trace_sum sum;
        struct fk_err err = FK_ERR_INIT;
        char said[200] = "";
        put(traces[i].text, strlen(traces[i].text));
        enum fk_status st =
            fk_trace_table_read(path, traces[i].kind, INT64_MIN, INT64_MAX, &t, &sum, &err);
        if (st != traces[i].status)
            fail_msg("%s: %s %s", traces[i].name, fk_status_name(st), err.text);
        for (size_t m = 0; m < t.count; m++)
            snprintf(said + strlen(said), sizeof said - strlen(said), "%s%s:%s", m ? " " : "",
                     fk_trace_id(&t, m),
                     t.messages[m].journal  ? "j"
                     : t.messages[m].passed ? "p"
                                            : "r");
        if (st != FK_OK ? !strstr(err.text, traces[i].said) : strcmp(said, traces[i].said) != 0)
            fail_msg("%s: %s %s", traces[i].name, said, err.text);
        fk_trace_table_free(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_cut_into_its_cells),
        cmocka_unit_test(a_message_is_found_whatever_its_columns_are_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
