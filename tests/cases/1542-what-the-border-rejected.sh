#!/usr/bin/env bash
# what a real Postfix rejected is kept as lists, each rejection once however often the log is read, found by its words, and disposed of by a rule of its own
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
port=$("$ROOT/tests/postfix.sh" start "$TEST_DIR/postfix" "always_bcc = archive@fumikura.invalid" "smtpd_reject_unlisted_recipient = no" \
    "smtpd_recipient_restrictions = check_recipient_access inline:{ {trap@example.jp=REJECT 5.7.1 not here} }, permit_mynetworks, reject" \
    "transport_maps = inline:{ fumikura.invalid=smtp:[127.0.0.1]:${at##*:} }") || exit $?
log=postfix/log/mail.log
cat >try.py <<'P'
import smtplib, sys
s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]))
s.ehlo("stranger.example")
s.mail(sys.argv[2])
print(s.rcpt(sys.argv[3])[0])
P
try() { python3 try.py "$port" "$@"; }
fk rejected >out 2>&1
expect 1 $? "nothing is recorded yet"
grep -q 'reconcile --postfix --record-rejected' out || fail "the hint: $(cat out)"
expect 554 "$(try spammer@bad.example trap@example.jp)" "the reply"
try other@bad.example trap@example.jp >/dev/null
python3 "$ROOT/tests/lib/smtp.py" "127.0.0.1:$port" mails/13-ascii.eml tanaka@example.jp sato@other.example >/dev/null || fail "a good mail"
kept() { grep -q 'kept seq=' $log; }
wait_for 40 kept || fail "no copy: $(cat $log)"
lines() { [ "$(grep -c 'reject: RCPT' $log)" -ge "$1" ]; }
wait_for 20 lines 2 || fail "the log: $(cat $log)"
record() { fk reconcile --postfix --record-rejected --copy archive@fumikura.invalid "$@" --json >out || fail "reconcile: $(cat out)"; jq -r 'select(.type == "summary") | .rejected_recorded' out; }
head -n "$(grep -n 'reject: RCPT' $log | sed -n '1s/:.*//p')" $log >part.log
expect 1 "$(record part.log)" "of the log's beginning"
expect 1 "$(record $log part.log $log)" "of all of it, twice"
expect 0 "$(record $log)" "again"
fk rejected --json >out || fail "rejected: $(cat out)"
expect "2 2 2 0" "$(jq -r 'select(.coverage) | .coverage | "\(.shown) \(.recorded) \(.lists) \(.disposed)"' out)" "coverage"
jq -es '.[0] | (.log | test("mail.*/postfix")) and .queue_id == null and (.text | test("^reject: RCPT from .*: 554 5.7.1 <trap@example.jp>: .*not here; from=<spammer@bad.example> to=<trap@example.jp>"))' out >/dev/null || fail "json: $(cat out)"
fk rejected SPAMMER trap@example.jp >out 2>err || fail "by words"
expect 1 "$(wc -l <out)" "by words"
grep -q '^1 of 2 rejections of that time, from 2 lists' err || fail "what was covered: $(cat err)"
expect 0 "$(fk rejected nobody@nowhere 2>/dev/null | wc -l)" "words that are in none"
fk rejected --until 2001-01-01 >/dev/null 2>&1
expect 1 $? "of another time"
# The look is an act that names the lists, with its query; the ledger's lines name nobody.
act=$(fk rejected --json --reason t spammer | jq -r 'select(.coverage) | .coverage.act')
fk show "$act" | grep -q '^query: spammer$' || fail "the act: $(fk show "$act")"
entries() { for i in $(seq 1 $(($(fk status --json | jq .next) - 1))); do fk show "$i" --entry; done; }
entries >all
grep -q "what=show of=$(grep what=rejected all | sed 's/.*seq=\([0-9]*\) .*/\1/' | tr '\n' ',' | sed 's/,$//') " all || fail "the act names the lists"
expect 2 "$(grep -c 'what=rejected source=rejected floor=P0D' all)" "lists"
grep -q '@' all && fail "an address in a line"
fk reconcile --postfix --record-rejected --copy a@b - <$log >out 2>&1
expect 2 $? "stdin"
fk reconcile --m365 --record-rejected $log >out 2>&1
expect 2 $? "a table"
server_stop
# A rule of their own: they go, the message stays; what is held stays, and is not recorded anew by the next log.
L=($(grep what=rejected all | sed 's/.*seq=\([0-9]*\) .*/\1/'))
fk hold add h --reason t --seq "${L[1]}" >/dev/null || fail "hold"
class rejected P1D received rejected
forward 3
fk retention run --reason t --accept-clock >out 2>&1 || fail "retention: $(cat out)"
fk show "${L[0]}" >out 2>&1 && fail "the list is there: $(cat out)"
fk show "${L[1]}" | grep -q trap@example.jp || fail "the held list is gone"
expect "1 1" "$(fk rejected --json | jq -r 'select(.coverage) | .coverage | "\(.shown) \(.disposed)"')" "after the disposal"
expect 0 "$(record $log)" "anew of what is gone"
expect 1 "$(fk search --count '*' 2>/dev/null)" "the message stays"
fk reindex >/dev/null || fail "reindex"
verify_clean "a disposal"
