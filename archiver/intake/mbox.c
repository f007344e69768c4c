/* mbox.c - which line separates messages, and which blank line belongs to none. */
#include "archiver/intake/mbox.h"

#include <string.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static size_t without_line_end(const char *line, size_t len) {
    if (len && line[len - 1] == '\n')
        len--;
    if (len && line[len - 1] == '\r')
        len--;
    return len;
}

bool fk_mbox_is_from_line(const char *line, size_t len) {
    bool time = false, year = false;
    len = without_line_end(line, len);
    if (len < 6 || memcmp(line, "From ", 5) != 0 || line[5] == ' ')
        return false;
    const char *p = memchr(line + 5, ' ', len - 5), *end = line + len;
    for (; p && p + 4 <= end; p++) {
        if (is_digit(p[0]) && p[1] == ':' && is_digit(p[2]) && is_digit(p[3]))
            time = true;
        if ((p[0] == '1' || p[0] == '2') && is_digit(p[1]) && is_digit(p[2]) && is_digit(p[3]))
            year = true;
    }
    return time && year;
}

static void blank_tell(struct fk_mbox *m) {
    if (m->blank)
        m->sink->data(m->ctx, m->blank, strlen(m->blank));
    m->blank = NULL;
}

static void message_open(struct fk_mbox *m, const char *from_line, size_t len) {
    m->inside = true;
    m->blank = NULL;
    m->quoted = m->requoted = m->doubtful = 0;
    m->sink->begin(m->ctx, from_line, len);
}

static void line_count(struct fk_mbox *m, const char *line, size_t len) {
    size_t marks = 0;
    while (marks < len && line[marks] == '>')
        marks++;
    if (len - marks < 5 || memcmp(line + marks, "From ", 5) != 0)
        return;
    if (!marks)
        m->doubtful++;
    else if (marks == 1)
        m->quoted++;
    else
        m->requoted++;
}

void fk_mbox_take(struct fk_mbox *m, const char *piece, size_t len) {
    bool line_start = !m->mid_line;
    m->mid_line = piece[len - 1] != '\n';
    if (line_start && (!m->inside || m->blank) && fk_mbox_is_from_line(piece, len)) {
        if (m->inside)
            m->sink->end(m->ctx);
        message_open(m, piece, without_line_end(piece, len));
        return;
    }
    if (!m->inside)
        message_open(m, NULL, 0);
    blank_tell(m);
    if (line_start)
        line_count(m, piece, len);
    if (line_start && len == 1 && piece[0] == '\n')
        m->blank = "\n";
    else if (line_start && len == 2 && piece[0] == '\r' && piece[1] == '\n')
        m->blank = "\r\n";
    else
        m->sink->data(m->ctx, piece, len);
}

void fk_mbox_end(struct fk_mbox *m) {
    if (m->inside)
        m->sink->end(m->ctx);
    m->inside = m->mid_line = false;
    m->blank = NULL;
}
