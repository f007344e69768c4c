#!/usr/bin/env bash
# what a real Postfix did with each message is found by delivery:, also when it comes later or once more; the index grown, killed and rebuilt holds the same; and it goes with the message
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/kept.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
config timezone "\"$(date +%:z)\""
server_start
stop_postfix() { "$ROOT/tests/postfix.sh" stop "$TEST_DIR/postfix"; }
at_exit stop_postfix
at=$(address smtp)
later=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
port=$("$ROOT/tests/postfix.sh" start "$TEST_DIR/postfix" "always_bcc = archive@fumikura.invalid" "smtpd_reject_unlisted_recipient = no" \
    "transport_maps = inline:{ fumikura.invalid=smtp:[127.0.0.1]:${at##*:}, {gone.example=error:5.1.1 no such mailbox}, later.example=smtp:[127.0.0.1]:$later }") || exit $?
log=postfix/log/mail.log
mail() { python3 "$ROOT/tests/lib/smtp.py" "127.0.0.1:$port" "mails/$1" tanaka@example.jp "${@:2}" | sed -n 's/.*queued as \([0-9A-Za-z]*\).*/\1/p' | tail -n 1; }
a=$(mail 01-iso-2022-jp.eml sato@example.jp Kato@Example.JP)
b=$(mail 05-utf-8.eml nobody@gone.example sato@example.jp)
c=$(mail 13-ascii.eml someone@later.example)
line() { grep -q " $1: $2" $log; }
wait_for 60 line "$a" removed && wait_for 60 line "$b" removed && wait_for 60 line "$c" 'to=<someone@later.example>.*status=deferred' ||
    fail "Postfix: $(tail -n 9 $log)"
wait_for 60 line "$c" 'to=<archive@fumikura.invalid>.*status=sent' || fail "no copy"
seq_in_log() { sed -n "s/.* $1: to=<archive@.*kept seq=\([0-9]*\) .*/\1/p" $log; }
A=$(seq_in_log "$a") B=$(seq_in_log "$b") C=$(seq_in_log "$c")
reconcile() { fk reconcile --postfix --record --copy archive@fumikura.invalid $log --json >out || fail "reconcile: $(cat out)"; }
# hits QUERY: seqs, ascending, of what came by the hand of a person
hits() { fk index --wait >/dev/null && fk search --json -- "$1" 2>err | jq -r 'select(.seq) | .seq' | sort -n | tr '\n' ' ' | sed 's/ $//'; }
found() { expect "$2" "$(hits "$1")" "$1"; }
fk index --wait >/dev/null
found delivery:log ""
reconcile
found delivery:log "$A $B $C"
found delivery:sent "$A $B"
found delivery:bounced "$B"
found delivery:deferred "$C"
found delivery:sato@example.jp "$A $B"
found delivery:KATO@example.jp "$A"
found delivery:@gone.example "$B"
found delivery:bounced=nobody@gone.example "$B"
found delivery:bounced=sato@example.jp ""
found delivery:sent=@example.jp "$A $B"
found delivery:5.1.1 "$B"
found "配信:bounced -delivery:deferred" "$B"
found "delivery:(bounced OR deferred)" "$B $C"
found "delivery:failed OR delivery:dsn" ""
fk search --json delivery:bounced 2>/dev/null | jq -es --argjson b "$B" '.[0] | [.deliveries[] | select(.status == "bounced")] ==
    [{capture: $b, entry: .deliveries[0].entry, to: "nobody@gone.example", status: "bounced", dsn: "5.1.1", time: .deliveries[0].time, relay: "none"}]' >/dev/null ||
    fail "the hit: $(fk search --json delivery:bounced 2>/dev/null)"
fk show "$B" >out || fail "show"
grep -q "^delivered, by a log (entry [0-9]*): bounced 5.1.1 nobody@gone.example " out || fail "show: $(cat out)"
fk show "$B" --json | jq -e '.provenance.deliveries | map(.status) | sort == ["bounced", "sent"]' >/dev/null || fail "show --json"
# Words that are none.
for q in delivery:lost delivery:sent= delivery:sent=sato delivery:x@ delivery:5.1 'delivery:sen*' delivery:1.2.3.4.; do
    fk search "$q" >out 2>err && fail "$q is taken"
done
fk search delivery:lost >out 2>err
expect 2 $? "a word that is none"
grep -q 'delivery: does not take "lost"' err && grep -q 'by a log: sent bounced deferred log; by a notice: failed' err || fail "the hint: $(cat err)"
# The same bytes once more, by a way without a log: the one hit keeps what is known.
fk show "$A" --raw >again.eml || fail "raw"
D=$(send again.eml | seq_of)
found delivery:@example.jp "$B $D"
expect "$A,$D" "$(fk search --json delivery:kato@example.jp 2>/dev/null | jq -r 'select(.seq) | .capture_seqs | join(",")')" "captures"
fk show "$B" --raw >again.eml || fail "raw"
E=$(send again.eml | seq_of)
found delivery:bounced "$E"
# C goes out: what is newest counts; the indexer is killed between the document and the mark, twice.
"$FUMIKURA" init "$TEST_DIR/sink" --smtp "127.0.0.1:$later" --lmtp none --web 127.0.0.1:0 >/dev/null || fail "init"
"$FUMIKURA" -C "$TEST_DIR/sink" serve >sink.out 2>sink.log &
sink=$!
stop_sink() { kill "$sink" 2>/dev/null; wait "$sink" 2>/dev/null; }
at_exit stop_sink
wait_for 90 line "$c" removed || fail "C was not delivered: $(tail -n 5 $log; cat sink.log)"
stop_sink
server_stop
fk reconcile --postfix --record --copy archive@fumikura.invalid $log --json >out || fail "reconcile: $(cat out)"
for n in 1 2; do
    FUMIKURA_FAULT=index-told:1:kill fk index >/dev/null 2>&1 && fail "not killed"
done
fk index >/dev/null || fail "index"
found delivery:deferred ""
found delivery:sent "$C $D $E"
found delivery:127.0.0.1 "$C"
dump() { "$BUILD/tools/index-dump" "$V" >"$1" || fail "dump"; }
same() { # WHEN: the index rebuilt holds what the grown one does
    dump grown
    fk reindex >/dev/null || fail "reindex"
    dump rebuilt
    grep -v '^documents ' grown >grown.one
    grep -v '^documents ' rebuilt | cmp - grown.one || fail "rebuilt is not as grown, $1: $(diff grown rebuilt | head -20)"
}
same "after the kill"
worn_are_renewed "what became of mail"
# What is disposed of takes it along; what stays keeps it.
fk hold add h --reason t --seq "$B" "$D" >/dev/null || fail "hold"
cat >>v/fumikura.conf <<'END'
class "all" { period = "P1D" }
END
FUMIKURA_TEST_CLOCK=+172800000 fk retention run --reason t --accept-clock >out 2>&1
fk index >/dev/null || fail "index"
expect "$B" "$(fk search --json delivery:bounced=@gone.example 2>/dev/null | jq -r 'select(.seq) | .capture_seqs | join(",")')" "the capture that stays keeps its facts"
found delivery:log "$B"
found delivery:kato@example.jp ""
found delivery:deferred ""
same "after a disposal"
grep -q kato grown && grep -A3 '^data' grown | grep -qi 'delivery.*kato' && fail "the recipient is in the index still"
verify_clean "a disposal"
