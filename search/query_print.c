/* query_print.c - the tree as text again: the canonical form, and blame for a node of it. */
#include "search/query_priv.h"
#include <stdarg.h>
#include <stdio.h>

static bool digit_follows(const char *at, const char *end) {
    const struct fk_query__char c = fk_query__char_at(at, end);
    return c.as >= '0' && c.as <= '9';
}

/* May the text stand without quotes and still be read as this one text? */
static bool bare(const struct fk_q_node *node) {
    const char *at = node->text, *end = node->text + node->len;
    char word[32];
    size_t ascii = 0;
    for (bool first = true; at < end; first = false) {
        struct fk_query__char c = fk_query__char_at(at, end);
        if (c.bytes == 0 || fk_query__is_space(c.as) ||
            (c.as < 0x80 && strchr("\"()*:=<>{}", (int)c.as)))
            return false;
        if (first && (c.as == '-' || (c.as == '+' && !digit_follows(at + c.bytes, end))))
            return false;
        if (ascii + 1 < sizeof word)
            word[ascii++] = c.as < 0x80 ? (char)c.as : '?';
        at += c.bytes;
    }
    word[ascii] = 0;
    return !fk_query__is_operator(word, ascii) && !fk_query__is_between(word) &&
           !fk_query__is_pattern(word);
}

static void print_text(const struct fk_q_node *node, struct fk_buf *out) {
    bool quoted = !node->wild && !bare(node);
    if (quoted)
        fk_buf_byte(out, '"');
    fk_buf_add(out, node->text, node->len);
    if (quoted)
        fk_buf_byte(out, '"');
    if (node->prefix)
        fk_buf_byte(out, '*');
}

static void print_size(const struct fk_q_node *node, struct fk_buf *out) {
    if (node->least == node->most) {
        fk_buf_printf(out, "%llu", (unsigned long long)node->least);
        return;
    }
    if (node->least > 0 || node->most == UINT64_MAX)
        fk_buf_printf(out, "%llu", (unsigned long long)node->least);
    fk_buf_str(out, "..");
    if (node->most < UINT64_MAX)
        fk_buf_printf(out, "%llu", (unsigned long long)node->most);
}

static void print_times(const struct fk_q_node *node, struct fk_buf *out) {
    fk_query__print_when(&node->from, out);
    if (node->from.unit == node->to.unit && node->from.count == node->to.count)
        return;
    fk_buf_str(out, "..");
    fk_query__print_when(&node->to, out);
}

static void print(const struct fk_q_node *node, struct fk_buf *out);

static void print_child(const struct fk_q_node *node, enum fk_q_kind in, struct fk_buf *out) {
    bool group = node->kind == FK_Q_AND || node->kind == FK_Q_OR ||
                 (node->kind == FK_Q_NEAR && in == FK_Q_NOT);
    if (group)
        fk_buf_byte(out, '(');
    print(node, out);
    if (group)
        fk_buf_byte(out, ')');
}

static void print(const struct fk_q_node *node, struct fk_buf *out) {
    switch (node->kind) {
    case FK_Q_ALL:
        fk_buf_byte(out, '*');
        return;
    case FK_Q_NOT:
        fk_buf_str(out, "NOT ");
        print_child(node->first, FK_Q_NOT, out);
        return;
    case FK_Q_AND:
    case FK_Q_OR:
    case FK_Q_NEAR:
        for (const struct fk_q_node *c = node->first; c != NULL; c = c->next) {
            print_child(c, node->kind, out);
            if (c->next == NULL)
                break;
            if (node->kind == FK_Q_NEAR)
                fk_buf_printf(out, " NEAR(%u) ", node->window);
            else
                fk_buf_str(out, node->kind == FK_Q_AND ? " AND " : " OR ");
        }
        return;
    default:
        break;
    }
    if (node->exact)
        fk_buf_str(out, "exact:");
    if (node->field != FK_F_ANY) {
        fk_buf_str(out, fk_query__name_of(node->field));
        fk_buf_byte(out, ':');
    }
    if (node->kind == FK_Q_HAS)
        fk_buf_byte(out, '*');
    else if (node->kind == FK_Q_TIME)
        print_times(node, out);
    else if (node->kind == FK_Q_SIZE)
        print_size(node, out);
    else if (node->kind == FK_Q_AMOUNT)
        fk_query__print_amount(node, out);
    else
        print_text(node, out);
}

void fk_query_canonical(const struct fk_query *query, struct fk_buf *out) {
    print(fk_query_root(query), out);
}

enum fk_status fk_query_blame(const struct fk_q_node *node, struct fk_query_fault *fault,
                              struct fk_err *err, const char *hint, const char *fmt, ...) {
    va_list args;
    fault->byte = node->byte;
    fault->character = node->character;
    (void)snprintf(fault->hint, sizeof fault->hint, "%s", hint);
    va_start(args, fmt);
    (void)vsnprintf(fault->expected, sizeof fault->expected, fmt, args);
    va_end(args);
    return fk_fail(err, FK_INVALID, "query, character %zu: %s%s%s", fault->character,
                   fault->expected, *hint ? "; " : "", hint);
}
