#!/usr/bin/env bash
# what a real Postfix did with each message (sent, bounced, deferred, later sent) is kept as a fact of the message, shown for it, recorded once, and disposed of with it
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
a=$(mail 01-iso-2022-jp.eml sato@example.jp kato@example.jp)
b=$(mail 05-utf-8.eml nobody@gone.example sato@example.jp)
c=$(mail 13-ascii.eml someone@later.example)
line() { grep -q " $1: $2" $log; }
wait_for 40 line "$a" removed && wait_for 40 line "$b" removed && wait_for 40 line "$c" 'to=<someone@later.example>.*status=deferred' ||
    fail "Postfix: $(tail -n 9 $log)"
wait_for 40 line "$c" 'to=<archive@fumikura.invalid>.*status=sent' || fail "no copy"
seq_in_log() { sed -n "s/.* $1: to=<archive@.*kept seq=\([0-9]*\) .*/\1/p" $log; }
A=$(seq_in_log "$a") B=$(seq_in_log "$b") C=$(seq_in_log "$c")
fk show "$A" --delivery >out 2>&1
expect 1 $? "nothing is recorded yet"
grep -q 'reconcile --postfix --record' out || fail "the hint: $(cat out)"
fk reconcile --postfix --record --copy archive@fumikura.invalid $log --json >out || fail "reconcile: $(cat out)"
expect 3 "$(jq -r 'select(.type == "summary") | .recorded' out)" "recorded"
shown() { fk show "$1" --delivery --json; }
expect "kato@example.jp sent,sato@example.jp sent" "$(shown "$A" | jq -r '[.deliveries[] | .to + " " + .status] | sort | join(",")')" "of A"
expect "nobody@gone.example bounced 5.1.1" "$(shown "$B" | jq -r '.deliveries[] | select(.status == "bounced") | "\(.to) \(.status) \(.dsn)"')" "of B"
shown "$B" | jq -e '.deliveries[] | select(.status == "bounced") | .reply | test("no such mailbox")' >/dev/null || fail "the words: $(shown "$B")"
expect "deferred 1" "$(shown "$C" | jq -r '"\(.deliveries[0].status) \(.deliveries | length)"')" "of C"
fk show "$C" --delivery >out || fail "text"
grep -q "^someone@later.example	deferred 4\.[0-9.]*	$(date +%Y)-" out || fail "text: $(cat out)"
# The ledger's lines name nobody.
facts() { for i in $(seq 1 $(($(fk status --json | jq .next) - 1))); do fk show "$i" --entry; done | grep 'what=delivery'; }
facts >all
expect 3 "$(wc -l <all)" "facts"
grep -q '@' all && fail "an address in a line: $(cat all)"
grep -q "of=$C .*state=open" all && grep -q "of=$A .*state=final" all || fail "states: $(cat all)"
# The look is an act, of the message and the fact.
shown "$A" >out
fk show "$(jq .act out)" --entry | grep -q "kind=act .*what=show of=$A,$(jq '.deliveries[0].entry' out) " || fail "the act: $(fk show "$(jq .act out)" --entry)"
# Again: nothing new. When the last one is through: that one.
fk reconcile --postfix --record --copy archive@fumikura.invalid $log --json >out
expect 0 "$(jq -r 'select(.type == "summary") | .recorded' out)" "recorded again"
"$FUMIKURA" init "$TEST_DIR/sink" --smtp "127.0.0.1:$later" --lmtp none --web 127.0.0.1:0 >/dev/null || fail "init"
"$FUMIKURA" -C "$TEST_DIR/sink" serve >sink.out 2>sink.log &
sink=$!
stop_sink() { kill "$sink" 2>/dev/null; wait "$sink" 2>/dev/null; }
at_exit stop_sink
wait_for 60 line "$c" removed || fail "C was not delivered: $(tail -n 5 $log; cat sink.log)"
fk reconcile --postfix --record --copy archive@fumikura.invalid $log --json >out
expect 1 "$(jq -r 'select(.type == "summary") | .recorded' out)" "recorded when it was through"
expect "deferred,deferred,sent" "$(shown "$C" | jq -r '[.deliveries[].status] | sort | join(",")')" "of C, later"
stop_sink
fk reconcile --postfix --record --copy a@b - <$log >out 2>&1
expect 2 $? "stdin with --record"
server_stop

# With its message each fact goes, and its words are nowhere; a held message keeps its own.
fk hold add h --reason t --seq "$B" >/dev/null || fail "hold"
cat >>v/fumikura.conf <<'END'
class "all" { period = "P1D" }
END
forward 3
F=$(facts | grep "of=$A " | sed 's/.*seq=\([0-9]*\) prev.*/\1/')
# Killed between the messages and their facts: the next run goes on.
FUMIKURA_FAULT=facts:1:kill fk retention run --reason t --accept-clock >out 2>&1 && fail "not killed: $(cat out)"
fk show "$A" --raw >out 2>&1 && fail "the message is there"
fk show "$F" >/dev/null || fail "nothing was left to do: is the fault point there?"
fk retention run --reason t --accept-clock >out 2>&1
fk show "$A" --delivery >out 2>&1 && fail "shown of what is gone: $(cat out)"
grep -q 'is disposed of' out || fail "the words: $(cat out)"
fk show "$F" >out 2>&1 && fail "the fact is there: $(cat out)"
shown "$B" | jq -e '.deliveries | length == 2' >/dev/null || fail "of the held one: $(shown "$B")"
fk verify >out 2>&1 || fail "verify: $(cat out)"
# Nothing is written anew of what is gone.
fk reconcile --postfix --record --copy archive@fumikura.invalid $log --json >out
expect 0 "$(jq -r 'select(.type == "summary") | .recorded' out)" "recorded of what is gone"
expect 2 "$(fk retention plan --json | jq -r 'select(.type == "summary") | .disposed')" "messages disposed of"
fk hold release h --reason t >/dev/null || fail "release"
fk retention run --reason t --accept-clock >out 2>&1 || fail "retention: $(cat out)"
fk show "$B" --delivery >out 2>&1 && fail "shown after the hold: $(cat out)"
true
