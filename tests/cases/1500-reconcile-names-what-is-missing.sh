#!/usr/bin/env bash
# reconcile names by queue id exactly what a real Postfix had and the archive has not: deferred while it was down, deleted from the queue, never copied; and a reply that names another content or no entry
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
config gap-min '"1 s"'
config smtp '{"127.0.0.1:0"}'
server_start
at=$(address smtp)
server_stop
config smtp "{\"$at\"}" # the same port each time
server_start
stop_postfix() { "$ROOT/tests/postfix.sh" stop "$TEST_DIR/postfix"; }
at_exit stop_postfix
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
port=$("$ROOT/tests/postfix.sh" start "$TEST_DIR/postfix" "always_bcc = archive@fumikura.invalid" \
    "transport_maps = inline:{ fumikura.invalid=smtp:[127.0.0.1]:${at##*:} }" \
    "smtpd_sender_restrictions = check_sender_access inline:{ spam@example.net=REJECT }" \
    "bounce_queue_lifetime = 5d") || exit $?
log=postfix/log/mail.log
mail() { python3 "$ROOT/tests/lib/smtp.py" "127.0.0.1:$port" "mails/$1" tanaka@example.jp "${2:-sato@example.jp}"; }
# The queue id stands in Postfix's own 250.
id_of() { sed -n 's/.*queued as \([0-9A-Za-z]*\).*/\1/p' | tail -n 1; }
sent() { grep -q " $1: removed" "$log"; }
zone=$(date +%:z)
config timezone "\"$zone\""

# has FILTER: one of the objects on stdin is of that kind.
has() { jq -es "any(.[]; $1)" >/dev/null; }

good=()
for f in 01-iso-2022-jp.eml 02-shift-jis.eml 03-euc-jp.eml; do
    [ -f "mails/$f" ] || f=$(basename "$(ls mails/*.eml | sed -n "$((${#good[@]} + 1))p")")
    id=$(mail "$f" | id_of)
    [ -n "$id" ] || fail "Postfix took nothing"
    good+=("$id")
done
for id in "${good[@]}"; do wait_for 40 sent "$id" || fail "$id is not through: $(tail -n 5 $log)"; done
mail 01-iso-2022-jp.eml x@example.com >/dev/null
python3 "$ROOT/tests/lib/smtp.py" "127.0.0.1:$port" mails/01-iso-2022-jp.eml spam@example.net sato@example.jp >/dev/null 2>&1
wait_for 40 grep -q 'NOQUEUE: reject' "$log" || fail "nothing was rejected: $(tail -n 5 $log)"
last=$(sed -n 's/.*: \([0-9A-Za-z]*\): client=.*/\1/p' "$log" | tail -n 1)
wait_for 40 sent "$last" || fail "the last is not through"

# All is there: no findings, and the numbers.
fk reconcile --postfix $log --json >out || fail "findings where there are none: $(cat out)"
has '(.type == "summary") and .kept == 4 and .missing == 0 and .wrong == 0 and .queued == 0 and .rejected == 1 and .unnamed == 0
    and .copies == ["archive@fumikura.invalid"]' <out || fail "summary: $(cat out)"
expect "$(sha256sum <$log | cut -d' ' -f1)" "$(jq -r 'select(.type == "file") | .sha256' out)" "the log's digest"
act=$(jq -r 'select(.type == "summary") | .act' out)
fk audit --json | has "(.seq == $act and .what == \"reconcile\" and .kept == \"4\" and .missing == null and (.sha256 | length) == 64)" || fail "the act: $(fk audit --json | tail -n 3)"

# While the archive is down: two wait, and one of them is taken out of the queue by hand.
server_stop
waits=$(mail 01-iso-2022-jp.eml | id_of)
goes=$(mail 01-iso-2022-jp.eml | id_of)
is_deferred() { grep -q " $1: to=<archive@fumikura.invalid>.*status=deferred" "$log"; }
wait_for 40 is_deferred "$waits" && wait_for 40 is_deferred "$goes" || fail "not deferred: $(tail -n 5 $log)"
as_root postsuper -c "$TEST_DIR/postfix/etc" -d "$goes" >/dev/null 2>&1
wait_for 20 grep -q "postsuper.*$goes: removed" "$log" || fail "postsuper: $(tail -n 5 $log)"
fk reconcile --postfix $log --json >out
expect 1 $? "exit status with a finding"
expect "$goes deleted" "$(jq -r 'select(.type == "missing") | .queue_id + " " + .why' out)" "what is missing"
expect "$waits" "$(jq -r 'select(.type == "queued") | .queue_id' out)" "what is queued"
fk reconcile --postfix $log >out
grep -q "^missing  $goes  .*  mail/postfix  deleted: " out || fail "text: $(cat out)"
grep -q "^queued  $waits  " out || fail "text: $(cat out)"
grep -q '台帳にあること' out && grep -q 'does not show mail that never passed this server' out || fail "words: $(cat out)"

# The archive comes back: what waited arrives, what was deleted stays missing, and the gap is recorded.
sleep 1 # a fast machine is here before gap-min is over
server_start
wait_for 20 eval 'fk audit --json | has ".kind == \"gap\""' || fail "no gap: $(cat "$SERVER_LOG")"
wait_for 60 sent "$waits" || fail "what waited did not arrive: $(tail -n 5 $log)"
fk reconcile --postfix $log --json >out
expect "$goes" "$(jq -r 'select(.type == "missing") | .queue_id' out)" "what is missing"
expect "" "$(jq -r 'select(.type == "queued") | .queue_id' out)" "nothing is queued any more"
has '.type == "hour" and .gap' <out || fail "the gap is not told: $(cat out)"
has '.type == "summary" and .kept == 5' <out || fail "summary: $(cat out)"

# Rotated, compressed, overlapping, in the wrong order, from stdin: the same result.
lines=$(wc -l <$log)
head -n $((lines * 2 / 3)) $log | gzip >log.2.gz
tail -n $((lines * 2 / 3)) $log >log.1
fk reconcile --postfix log.1 log.2.gz log.1 --json | jq -c 'del(.act)' | grep -v '"file"' | sort >parts
jq -c 'del(.act)' out | grep -v '"file"' | sort >whole
diff whole parts || fail "rotated logs say something else"
fk reconcile --postfix --copy archive@fumikura.invalid - --json <$log | jq -c 'del(.act)' | grep -v '"file"' | sort >parts
diff whole parts || fail "stdin says something else"
fk reconcile --postfix - <$log >out 2>&1
expect 2 $? "stdin without --copy"
grep -q -- "--copy" out || fail "the hint: $(cat out)"

# Tampered: another c256; a seq that the ledger has not; an entry that is no message; one seq for two.
kept=$(grep -m 1 -o 'kept seq=[0-9]* c256=[0-9a-f]*' $log)
id=$(grep -m 1 'kept seq=' $log | sed -n 's/.*: \([0-9A-Za-z]*\): to=.*/\1/p')
seq=$(echo "$kept" | sed 's/kept seq=\([0-9]*\) .*/\1/') c256=${kept##*=}
sed "s/kept seq=$seq c256=$c256/kept seq=$seq c256=0123456789abcdef/" $log >bad
fk reconcile --postfix bad --json >out
expect 1 $? "another c256"
has ".type == \"wrong\" and .seq == $seq and .queue_id == \"$id\" and (.text | test(\"another content\"))" <out || fail "another c256: $(cat out)"
sed "s/kept seq=$seq c256/kept seq=99999 c256/" $log >bad
fk reconcile --postfix bad --json | has '(.type == "wrong") and .seq == 99999 and (.text | test("no such entry"))' || fail "no such entry"
sed "s/kept seq=$seq c256/kept seq=0 c256/" $log >bad
fk reconcile --postfix bad --json | has '(.type == "wrong") and .seq == 0 and (.text | test("no message"))' || fail "no message"
second=$(grep -o 'kept seq=[0-9]* c256=[0-9a-f]*' $log | sed -n 2p)
sed "s/$second/$kept/" $log >bad
expect 2 "$(fk reconcile --postfix bad --json | jq -r 'select(.type == "wrong") | .text' | grep -c 'another message of the log')" "one seq for two"
fk reconcile --postfix $log --source other --json | has '(.type == "summary") and .wrong == 5' || fail "another source"

# A log with no reply at all says what to do; a copy that somebody else took is missing; a damaged line is counted.
grep -v 'kept seq=' $log >bad
fk reconcile --postfix bad >out 2>&1
expect 2 $? "no replies"
grep -q -- "--copy ADDRESS" out || fail "the hint: $(cat out)"
sed "s/status=sent ($(printf '250 2.0.0 kept') seq=$seq c256=$c256)/status=sent (250 ok)/" $log >bad
fk reconcile --postfix bad --json | has "(.type == \"missing\" and .why == \"elsewhere\") and .queue_id == \"$id\"" || fail "elsewhere"
sed "s/kept seq=$seq c256=.*/kept seq=$seq c2/" $log >bad
fk reconcile --postfix bad --json | has '(.type == "file") and .unreadable == 1 and .first_unreadable > 0' || fail "a cut line"
fk reconcile --postfix no-such-file >out 2>&1; grep -q "no such file" out || fail "no file: $(cat out)"
server_stop
