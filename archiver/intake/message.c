/* message.c - the sink of a session: bytes into a memory file, the envelope behind them, then off
 * to the pen; and the receipts that come back. */
#include "archiver/intake/receive_priv.h"
#include "archiver/vault/envelope.h"
#include "base/clock.h"

enum { KEPT_FIELDS = 65536 }; /* memory for an envelope that a connection holds on to */

/* Counts bytes as in flight, up to the limit. */
static enum fk_status hold(struct fk_connection *c, uint64_t bytes) {
    struct fk_receive *r = c->receive;
    if (bytes > r->options->in_flight || r->in_flight > r->options->in_flight - bytes)
        return FK_FULL;
    r->in_flight += bytes;
    c->message.held += bytes;
    return FK_OK;
}

static enum fk_status message_begin(void *ctx, uint64_t announced) {
    struct fk_connection *c = ctx;
    c->message.state = FK_MESSAGE_OPEN;
    if (c->receive->keep_fd < 0)
        return FK_RETRY;
    if (!fk_tally_message(&c->gate->tally, &c->client, c->gate->options->peer_rate,
                          c->receive->now_ms))
        return FK_DENIED;
    enum fk_status st = hold(c, announced); /* asked for only: it is counted as it comes */
    c->receive->in_flight -= c->message.held;
    c->message.held = 0;
    return st;
}

static enum fk_status message_field(void *ctx, const char *name, const void *value, size_t len) {
    struct fk_connection *c = ctx;
    size_t before = c->message.fields.len;
    fk_fields_add(&c->message.fields, name, value, len);
    if (c->message.fields.failed)
        return FK_NOMEM;
    return hold(c, c->message.fields.len - before);
}

static enum fk_status message_data(void *ctx, const void *data, size_t len) {
    struct fk_connection *c = ctx;
    enum fk_status st = c->message.failed;
    if (st == FK_OK)
        st = hold(c, len);
    return st == FK_OK ? fk_mailfile_add(&c->message.file, data, len, NULL) : st;
}

void fk_message__settle(struct fk_connection *c) {
    struct fk_message *m = &c->message;
    if (m->state == FK_MESSAGE_OPEN && m->failed == FK_OK)
        m->failed = fk_mailfile_settle(&m->file, NULL);
}

/* How it came, then what the session told. */
static enum fk_status envelope_put(struct fk_connection *c) {
    struct fk_message *m = &c->message;
    struct fk_buf fields = FK_BUF_INIT;
    char now[FK_TIME_SIZE];
    fk_time_format(now, fk_now_ms());
    fk_fields_add_str(&fields, "received", now);
    fk_fields_add_str(&fields, "via", c->listener->lmtp ? "lmtp" : "smtp");
    fk_buf_add(&fields, c->facts.data, c->facts.len);
    enum fk_status st = hold(c, fields.len + FK_ENVELOPE_FIRST_LINE);
    fk_buf_add(&fields, m->fields.data, m->fields.len);
    if (st == FK_OK)
        st = fk_mailfile_finish(&m->file, &fields, NULL);
    fk_buf_free(&fields);
    return st;
}

static struct fk_slot *slot_take(struct fk_receive *r) {
    struct fk_slot *s = r->free_slots;
    if (s)
        r->free_slots = s->next_free;
    return s;
}

static void slot_give(struct fk_receive *r, struct fk_slot *s) {
    *s = (struct fk_slot){.next_free = r->free_slots};
    r->free_slots = s;
}

static enum fk_status message_hand_over(struct fk_connection *c) {
    struct fk_receive *r = c->receive;
    struct fk_message *m = &c->message;
    struct fk_slot *s = slot_take(r);
    if (!s)
        return FK_RETRY;
    struct fk_mail mail = {m->file.fd, m->file.bytes, c->gate->options->source,
                           c->gate->options->floor};
    enum fk_status st = fk_keep_send_mail(r->keep, (uint32_t)(s - r->slots), &mail, NULL);
    if (st != FK_OK) {
        slot_give(r, s);
        return st;
    }
    *s = (struct fk_slot){.connection = c, .bytes = m->held, .used = true};
    m->slot = s;
    m->held = 0;
    m->state = FK_MESSAGE_SENT;
    fk_mailfile_drop(&m->file); /* the pen has a descriptor of its own */
    return FK_OK;
}

/* FK_RETRY with the socket there: it is full, or dead and will say so. Either way the keep's
 * descriptor becomes readable, and the message is looked at again. */
static enum fk_status message_end(void *ctx) {
    struct fk_connection *c = ctx;
    enum fk_status st = c->message.failed;
    if (st == FK_OK)
        st = envelope_put(c);
    if (st == FK_OK)
        st = message_hand_over(c);
    if (st == FK_RETRY && c->receive->keep_fd >= 0) {
        c->message.state = FK_MESSAGE_WAITING;
        c->receive->waiting++;
        st = FK_OK;
    }
    return st;
}

static void message_reset(void *ctx) {
    struct fk_connection *c = ctx;
    struct fk_message *m = &c->message;
    if (m->state == FK_MESSAGE_WAITING)
        c->receive->waiting--;
    if (m->slot)
        m->slot->connection = NULL; /* the client is gone; the receipt will find nobody */
    fk_mailfile_drop(&m->file);
    c->receive->in_flight -= m->held;
    if (m->fields.cap > KEPT_FIELDS)
        fk_buf_free(&m->fields);
    struct fk_buf fields = m->fields;
    fk_buf_reset(&fields);
    m->fields = fields;
    m->state = FK_MESSAGE_NONE;
    m->held = 0;
    m->failed = FK_OK;
    m->slot = NULL;
}

const struct fk_smtp_sink fk_message_sink = {message_begin, message_field, message_data,
                                             message_end, message_reset};

static void message_answer(struct fk_connection *c, const struct fk_receipt *receipt) {
    fk_smtp_answer(c->smtp, receipt);
    c->active_ms = c->receive->now_ms;
    fk_connection__work(c);
}

bool fk_message__send(struct fk_connection *c) {
    struct fk_receipt receipt = {.status = message_hand_over(c)};
    if (receipt.status == FK_RETRY && c->receive->keep_fd >= 0)
        return false;
    c->receive->waiting--;
    if (receipt.status == FK_OK)
        return true;
    c->message.state = FK_MESSAGE_OPEN;
    message_answer(c, &receipt);
    return true;
}

static void receipt_take(struct fk_receive *r, const struct fk_receipt *receipt) {
    if (receipt->id >= FK_KEEP_IN_FLIGHT || !r->slots[receipt->id].used)
        return; /* not one of ours: the pen's fault, and nobody waits for it */
    struct fk_slot *s = &r->slots[receipt->id];
    struct fk_connection *c = s->connection;
    r->in_flight -= s->bytes;
    slot_give(r, s);
    if (!c)
        return;
    c->message.slot = NULL;
    message_answer(c, receipt);
}

void fk_message__receipts(struct fk_receive *r) {
    struct fk_receipt receipt;
    while (fk_keep_next_receipt(r->keep, 0, &receipt, NULL) == FK_OK)
        receipt_take(r, &receipt);
}
