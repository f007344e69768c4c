/* route_thread.c - GET /api/v1/messages/SEQ/thread: the conversation that a message is in. */
#include "search/routes_priv.h"
#include "search/thread.h"

static enum fk_status read_locked(struct fk_web *web, const struct fk_http_request *request,
                                  uint64_t seq, struct fk_thread *thread,
                                  struct fk_thread_covered *covered, uint64_t *act,
                                  struct fk_err *err) {
    struct fk_thread_act who = {web->person, "web", NULL, 0};
    who.reason = fk_routes__arg(request, "reason", &who.reason_len);
    enum fk_status st = fk_thread_read(web->options.dir, web->lend, seq, thread, covered, err);
    return st == FK_OK ? fk_thread_record(web->keep, &who, seq, thread, act, err) : st;
}

void fk_routes__thread(struct fk_web *web, const struct fk_http_request *request, uint64_t seq,
                       struct fk_http_reply *reply) {
    struct fk_thread thread = FK_THREAD_INIT;
    struct fk_thread_covered covered = {0, 0, 0};
    struct fk_err err = FK_ERR_INIT;
    uint64_t act = 0;
    (void)pthread_mutex_lock(&web->lock);
    enum fk_status st = read_locked(web, request, seq, &thread, &covered, &act, &err);
    (void)pthread_mutex_unlock(&web->lock);
    if (st != FK_OK) {
        fk_routes__fail(reply, &err, NULL);
        fk_thread_free(&thread);
        return;
    }
    json_t *messages = json_array();
    for (size_t i = 0; i < thread.count; i++)
        (void)json_array_append_new(messages, fk_json_thread_message(&thread, i));
    fk_routes__json(reply,
                    json_pack("{s:o, s:{s:I, s:I, s:b, s:I, s:I, s:I, s:I}}", "messages", messages,
                              "coverage", "seq", (json_int_t)seq, "messages",
                              (json_int_t)thread.count, "cut", thread.is_cut, "ledger_entries",
                              (json_int_t)covered.head, "index_mark", (json_int_t)covered.mark,
                              "unread", (json_int_t)covered.unread, "act", (json_int_t)act));
    fk_thread_free(&thread);
}
