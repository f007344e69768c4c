#!/usr/bin/env bash
# notices that a real Postfix wrote (failed, delayed, relayed; with the whole message and with its header alone) are linked to their message both ways, and what they say is found and told apart from the log's word
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
vault_new
config timezone "\"$(date +%:z)\""
server_start
stop_postfix() { "$ROOT/tests/postfix.sh" stop "$TEST_DIR/postfix"; }
at_exit stop_postfix
at=$(address smtp)
nobody=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# Copies of all mail go to the archive, and so does what comes for example.jp, as from a journal: notices are among that.
port=$("$ROOT/tests/postfix.sh" start "$TEST_DIR/postfix" "always_bcc = archive@fumikura.invalid" "smtpd_reject_unlisted_recipient = no" "delay_warning_time = 1s" \
    "transport_maps = inline:{ fumikura.invalid=smtp:[127.0.0.1]:${at##*:}, example.jp=smtp:[127.0.0.1]:${at##*:}, {gone.example=error:5.1.1 no such mailbox}, later.example=smtp:[127.0.0.1]:$nobody }") || exit $?
log=postfix/log/mail.log
cat >submit.py <<'P'
import smtplib, sys
port, name, to, mail, rcpt = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4].split(), sys.argv[5].split()
s = smtplib.SMTP("127.0.0.1", port)
s.sendmail("tanaka@example.jp", to.split(","), (f"From: Tanaka <tanaka@example.jp>\r\nTo: {to}\r\nSubject: offer {name}\r\nMessage-ID: <{name}@example.jp>\r\n"
    f"Date: Tue, 24 Nov 2026 10:00:00 +0900\r\n\r\nthe offer {name}\r\n"), mail, rcpt)
P
submit() { python3 submit.py "$port" "$@" || fail "submit $1"; }
submit whole nobody@gone.example,sato@other.example "RET=FULL ENVID=QQ+3D1" ""
submit head nobody@gone.example RET=HDRS ""
submit late someone@later.example "" ""
submit told kato@other.example "" "NOTIFY=SUCCESS"
hits() { fk index --wait >/dev/null && fk search --json -- "$1" 2>err | jq -r 'select(.seq) | .seq' | sort -n | tr '\n' ' ' | sed 's/ $//'; }
count() { [ "$(hits "$1" | wc -w)" = "$2" ]; }
# Of each a copy, and four notices.
wait_for 60 count delivery:dsn 4 || fail "notices: $(hits delivery:dsn); $(tail -n 30 $log)"
of() { hits "msgid:$1@example.jp -delivery:dsn"; }
W=$(of whole) H=$(of head) L=$(of late) T=$(of told)
for s in "$W" "$H" "$L" "$T"; do [[ $s =~ ^[0-9]+$ ]] || fail "a message: $W/$H/$L/$T"; done
expect 2 "$(hits delivery:failed | wc -w)" failed
expect 2 "$(hits delivery:failed=nobody@gone.example | wc -w)" "failed, of this recipient"
expect 1 "$(hits delivery:delayed=@later.example | wc -w)" delayed
expect 1 "$(hits "delivery:(relayed OR delivered)" | wc -w)" "relayed or delivered"
expect 2 "$(hits delivery:5.1.1 | wc -w)" 5.1.1
expect 4 "$(hits delivery:mail.example.jp | wc -w)" "who says so"
# No notice writes into the document of what it is about: only a log's word is of the message itself.
expect "" "$(hits "delivery:(failed OR delayed OR relayed OR delivered OR nobody@gone.example) -delivery:dsn")" "claims in the messages"
for pair in "$W failed" "$H failed" "$L delayed" "$T (relayed|delivered)"; do
    seq=${pair%% *} word=${pair#* }
    notice=$(fk show "$seq" --json | jq -r '.provenance.notices[] | .seq')
    [[ $notice =~ ^[0-9]+$ ]] || fail "the notices of $seq: $(fk show "$seq" --json | jq -c .provenance.notices)"
    fk show "$seq" >out
    grep -Eq "^notice $notice \(dsn\) says: $word [245]\.[0-9.]* [a-z]+@" out || fail "show of the message: $(cat out)"
    grep -q "only what its sender says" out || fail "whose word it is"
    fk show "$notice" >out
    grep -Eq "^a notice \(dsn\), by its own word about <[a-z]+@example.jp>: entry $seq$" out || fail "show of the notice: $(cat out)"
    expect "$seq" "$(fk show "$notice" --json | jq -r '.provenance.notice.about_seqs | join(",")')" "about"
done
fk show "$W" --json | jq -e '.provenance.notices[0] | .kind == "dsn" and .by == "mail.example.jp" and .envelope_id == "QQ=1" and (.says | length == 1) and .says[0].words == "no such mailbox"' >/dev/null ||
    fail "whole: $(fk show "$W" --json | jq -c .provenance.notices)"
# The log says so too, and apart from it.
fk reconcile --postfix --record --copy archive@fumikura.invalid $log >out || fail "reconcile: $(cat out)"
expect "$(printf '%s\n' "$W" "$H" | sort -n | tr '\n' ' ' | sed 's/ $//')" "$(hits delivery:bounced)" "by the log"
fk show "$W" >out
expect 1 "$(grep -c '^delivered, by a log (entry [0-9]*): bounced 5.1.1 nobody@gone.example ' out)" "the log's word"
expect 1 "$(grep -c '^notice [0-9]* (dsn) says: failed 5.1.1 nobody@gone.example: no such mailbox$' out)" "the notice's"
server_stop
dump() { "$BUILD/tools/index-dump" "$V" | grep -v '^documents ' >"$1"; } # which has the mark
dump grown
fk reindex >/dev/null || fail "reindex"
dump rebuilt
cmp grown rebuilt || fail "rebuilt is not as grown"
