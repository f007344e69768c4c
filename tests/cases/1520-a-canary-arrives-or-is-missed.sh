#!/usr/bin/env bash
# a canary that goes through a real Postfix is found in the archive and recorded; one whose copy does not come raises an alarm in status, doctor, the log and the ledger, and one that comes late ends it
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
vault_new
server_start
at=$(address smtp)
server_stop
config smtp "{\"$at\"}"
stop_postfix() { "$ROOT/tests/postfix.sh" stop "$TEST_DIR/postfix"; }
at_exit stop_postfix
port=$("$ROOT/tests/postfix.sh" start "$TEST_DIR/postfix" "always_bcc = archive@fumikura.invalid" \
    "transport_maps = inline:{ fumikura.invalid=smtp:[127.0.0.1]:${at##*:} }") || exit $?
refused() { # WORDS: the configuration is refused with them
    fk status >out 2>&1 && fail "taken: $1"
    grep -q "$1" out || fail "expected '$1': $(cat out)"
}
echo 'canary "out" { from = "canary@example.jp" }' >>v/fumikura.conf
refused 'canary "out" lacks from or to'
sed -i '$d' v/fumikura.conf
echo 'canary "out" { from = "x" to = "sink@example.jp" }' >>v/fumikura.conf
refused 'from is "x"; expected a mail address'
sed -i '$d' v/fumikura.conf
canary() { # INTERVAL DEADLINE PORT
    sed -i '/^canary/d' v/fumikura.conf
    echo "canary \"out\" { send-via = \"smtp://127.0.0.1:$3\" from = \"canary@example.jp\" to = \"sink@example.jp\" interval = \"$1\" deadline = \"$2\" }" >>v/fumikura.conf
}
state() { fk status --json | jq -r '.canaries[0].state'; }
state_is() { [ "$(state)" = "$1" ]; }
facts() { fk show "$1" --entry; }
all_facts() { for i in $(seq 1 $(($(fk status --json | jq .next) - 1))); do fk show "$i" --entry; done | grep 'what=canary'; }

canary "1 h" "20 s" "$port"
expect none "$(state)" "before the first"
fk doctor | grep -q '^warning *canary: "out" was never sent' || fail "doctor: $(fk doctor)"
server_start
wait_for 40 state_is arrived || fail "did not arrive: $(fk status; cat "$SERVER_LOG"; tail -n 5 postfix/log/mail.log)"
seq=$(fk status --json | jq '.canaries[0].seq')
fk show "$seq" --raw >raw || fail "show $seq"
grep -qi '^X-Fumikura-Canary: out [0-9a-f]\{32\} [0-9a-f]\{64\}' raw || fail "the mark: $(cat raw)"
# The mark is ours: HMAC-SHA256 of name and token under the key.
read -r name token mac < <(sed -n 's/^X-Fumikura-Canary: //p' raw | tr -d '\r')
expect "$mac" "$(printf '%s %s' "$name" "$token" | openssl mac -digest SHA256 -macopt "hexkey:$(cat v/run/canary-key)" HMAC | tr A-F a-f)" "the MAC"
expect 600 "$(stat -c %a v/run/canary-key)" "mode of the key"
all_facts >facts
grep -q "what=canary name=out result=arrived of=$seq sent=.* took=[0-9]*$" facts && [ "$(wc -l <facts)" -eq 1 ] || fail "facts: $(cat facts)"
fk canary status | grep -q "^canary out: arrived, sent .*, entry $seq, after " || fail "status: $(fk canary status)"
fk doctor | grep -q '^good *canary: "out": arrived' || fail "doctor: $(fk doctor)"
# Not again before it is due, also not because the server starts anew; at once when asked.
server_stop
server_start
sleep 2
expect "$seq" "$(fk status --json | jq '.canaries[0].seq')" "another one before it is due"
fk canary send out --wait --json >out || fail "canary send: $(cat out)"
[ "$(jq .seq out)" -gt "$seq" ] && [ "$(jq -r .state out)" = arrived ] || fail "canary send: $(cat out)"
fk canary send in >out 2>&1
expect 2 $? "no such canary"
server_stop

# The copy does not come: nobody listens where Postfix sends it (the archive runs elsewhere meanwhile).
config smtp '{"127.0.0.1:0"}'
canary "1 h" "4 s" "$port"
rm v/run/canary.out
server_start
wait_for 40 state_is missing || fail "no alarm: $(fk status; cat "$SERVER_LOG")"
fk status | grep -q '^canary out: missing, sent .*; canary "out", .* did not arrive in the archive within 4 s; its Message-ID is <canary\.' || fail "status: $(fk status)"
fk doctor >out && fail "doctor is content"
grep -q '^bad *canary: canary "out"' out || fail "doctor: $(cat out)"
fk canary status >/dev/null
expect 1 $? "canary status with an alarm"
grep -q 'watchd: canary "out", .* did not arrive' "$SERVER_LOG" || fail "the log: $(cat "$SERVER_LOG")"
all_facts | tail -n 1 | grep -q 'result=missing sent=' || fail "facts: $(all_facts)"
server_stop
# The archive is back: Postfix brings it, late, and the alarm ends.
config smtp "{\"$at\"}"
server_start
wait_for 60 state_is late || fail "it came late and nobody saw it: $(fk status; tail -n 5 postfix/log/mail.log)"
expect "" "$(fk status --json | jq -r '.canaries[0].trouble')" "the alarm"
all_facts | tail -n 1 | grep -q 'result=late of=' || fail "facts: $(all_facts)"
server_stop

# A mail server that is away: told, recorded once, and tried again.
canary "1 h" "4 s" 1
rm v/run/canary.out
server_start
wait_for 40 state_is unsent || fail "unsent: $(fk status)"
fk status | grep -q 'did not take the mail' || fail "status: $(fk status)"
expect 1 "$(all_facts | grep -c result=unsent)" "facts"
server_stop
# Without a server.
canary "1 h" "20 s" "$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
fk canary send out --wait >out 2>&1
expect 75 $? "nobody there: $(cat out)"
fk verify >out 2>&1 || fail "verify: $(cat out)"
