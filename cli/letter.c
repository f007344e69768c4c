/* letter.c - headers, text, attachments. All parts are base64: what goes through old relays comes
 * out byte for byte. */
#include "cli/letter.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE = 76 }; /* RFC 2045, section 6.8 */

void cli_checkpoint_readable(const struct fk_checkpoint *c, const struct fk_verifier *v,
                             struct fk_buf *out) {
    char id[9];
    fk_hex(id, v->id, sizeof v->id);
    fk_buf_printf(out, "log      %s\nkey      %.4s %.4s\nentries  %" PRIu64 "\nroot    ", c->origin,
                  id, id + 4, c->size);
    for (size_t i = 0; i < sizeof c->root; i += 2)
        fk_buf_printf(out, "%s %02x%02x", i == 16 ? "\n        " : "", c->root[i], c->root[i + 1]);
    fk_buf_str(out, "\n");
}

static const char *const japanese =
    "これは、メールアーカイブの台帳のチェックポイント（署名付きの控え）です。\n"
    "このメールを、アーカイブの機械の管理者が変更できない場所に保管してください。返信は不要です。\n"
    "後日の検査で、下の数字または添付ファイル checkpoint とアーカイブを比べれば、この時点までの\n"
    "記録が削除も変更もされていないことを確かめられます（fumikura verify --against checkpoint）。\n"
    "署名の鍵は、このメールではなく、最初に受け取ったものを使ってください。\n";
static const char *const english =
    "This is a checkpoint, a signed record of how far the ledger of a mail archive has come.\n"
    "Keep this mail where those who run the archive cannot change it. No answer is needed.\n"
    "At a later examination the figures below, or the attached file \"checkpoint\", held against\n"
    "the archive show that nothing up to here was removed or changed since\n"
    "(fumikura verify --against checkpoint; with openssl alone: docs/evidence.md).\n"
    "Judge the signature by the key that you were given at the beginning, not by the one below.\n";

static void text_write(const struct cli_letter *l, struct fk_buf *out) {
    fk_buf_printf(out, "%s\n%s\n", japanese, english);
    cli_checkpoint_readable(&l->checkpoint, &l->key, out);
    fk_buf_str(out, "\nvkey     ");
    fk_verifier_format(&l->key, out);
    fk_buf_printf(out, "\n\n%.*s", (int)l->note.len, (const char *)l->note.data);
    if (*l->stamp)
        fk_buf_printf(out,
                      "\n添付 %s.tsr は、%s.checkpoint に対する最新のタイムスタンプ（RFC 3161）"
                      "です。\nAttached %s.tsr is the newest time stamp (RFC 3161), over "
                      "%s.checkpoint.\n",
                      l->stamp, l->stamp, l->stamp, l->stamp);
}

static void base64_write(const struct fk_buf *data, struct fk_buf *out) {
    struct fk_buf b = FK_BUF_INIT;
    fk_base64_add(&b, data->data, data->len);
    for (size_t at = 0; at < b.len; at += LINE) {
        fk_buf_add(out, b.data + at, b.len - at < LINE ? b.len - at : LINE);
        fk_buf_str(out, "\r\n");
    }
    out->failed |= b.failed || data->failed;
    fk_buf_free(&b);
}

static void part_write(const char *boundary, const char *type, const char *name, const char *end,
                       const struct fk_buf *data, struct fk_buf *out) {
    fk_buf_printf(out, "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\n",
                  boundary, type);
    if (name)
        fk_buf_printf(out, "Content-Disposition: attachment; filename=\"%s%s\"\r\n", name, end);
    fk_buf_str(out, "\r\n");
    base64_write(data, out);
}

/* RFC 5322, section 3.3, whatever the locale. */
static void date_write(int64_t ms, int zone_minutes, struct fk_buf *out) {
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t local = (time_t)(ms / 1000 + (int64_t)zone_minutes * 60);
    struct tm t = {0};
    const int away = abs(zone_minutes);
    (void)gmtime_r(&local, &t); /* fails beyond the years that fk_now_ms has */
    fk_buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d %c%02d%02d\r\n", days[t.tm_wday],
                  t.tm_mday, months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec,
                  zone_minutes < 0 ? '-' : '+', away / 60, away % 60);
}

/* Of what is sent, to whom and when: two sendings never have the same. */
static void id_make(const struct cli_letter *l, char out[33]) {
    struct fk_buf b = FK_BUF_INIT;
    uint8_t digest[FK_SHA256_BYTES];
    fk_buf_printf(&b, "%" PRId64 " %s %s ", l->now_ms, l->from, l->to);
    fk_buf_add(&b, l->note.data, l->note.len);
    fk_sha256(b.data, b.len, digest);
    fk_hex(out, digest, 16);
    fk_buf_free(&b);
}

enum fk_status cli_letter_write(const struct cli_letter *l, struct fk_buf *out,
                                struct fk_err *err) {
    char id[33], boundary[33 + 8];
    struct fk_buf text = FK_BUF_INIT;
    id_make(l, id);
    snprintf(boundary, sizeof boundary, "=_%s", id); /* "_" and "=" are in no base64 line's start */
    text_write(l, &text);
    date_write(l->now_ms, l->zone_minutes, out);
    fk_buf_printf(out,
                  "From: <%s>\r\nTo: <%s>\r\nMessage-ID: <%s%s>\r\n"
                  "Subject: checkpoint of %s, %" PRIu64 " entries\r\n"
                  "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                  "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n",
                  l->from, l->to, id, strrchr(l->from, '@'), l->checkpoint.origin,
                  l->checkpoint.size, boundary);
    part_write(boundary, "text/plain; charset=utf-8", NULL, "", &text, out);
    part_write(boundary, "application/octet-stream", "checkpoint", "", &l->note, out);
    if (*l->stamp) {
        part_write(boundary, "application/octet-stream", l->stamp, ".checkpoint", &l->stamped_note,
                   out);
        part_write(boundary, "application/timestamp-reply", l->stamp, ".tsr", &l->stamp_reply, out);
    }
    fk_buf_printf(out, "--%s--\r\n", boundary);
    const bool bad = out->failed || text.failed;
    fk_buf_free(&text);
    return bad ? fk_fail(err, FK_NOMEM, "no memory for a mail") : FK_OK;
}

void cli_letter_free(struct cli_letter *l) {
    fk_buf_free(&l->note);
    fk_buf_free(&l->stamped_note);
    fk_buf_free(&l->stamp_reply);
}
