#!/usr/bin/env bash
# status and doctor say how far messages are judged, how many wait, and what is in the way: the checker, its process, the resolver
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/auth.sh"
cd "$TEST_DIR" || exit 1
dns_start
for i in 1 2 3 4 5; do key_new sender$i.example s1 1024; done
state() { fk status --json | jq -r ".auth | $1"; }
is() { [ "$(state "$1")" = "$2" ]; }
# doctor_says VERDICT WORDS
doctor_says() { fk doctor --json >doctor.out; jq -es --arg v "$1" --arg w "$2" 'any(.check == "auth" and .verdict == $v and (.text | contains($w)))' doctor.out >/dev/null; }
told() { doctor_says "$1" "$2" || fail "doctor: $(grep '"auth"' doctor.out)"; }
mail() { printf 'From: t@sender%s.example\nSubject: x\nDate: Tue, 24 Nov 2026 10:00:00 +0900\n\nbody\n' "$1" | sign sender$1.example s1 >$1.eml; }
for i in 1 2 3 4 5; do mail $i; done
vault_new
expect null "$(state .)" "auth-check is off"
fk status | grep -q ^auth: && fail "a line where nothing is judged"
told warning "off (auth-check)"
rm -r v
auth_vault auth-retry '"1 h"'
expect "null 0 null null" "$(state '"\(.mark) \(.waiting) \(.trouble) \(.resolver)"')" "before the first start"
told warning "start the server"
server_start
send 1.eml >/dev/null
checked 1
settled() { [ "$(fk status --json | jq '.auth.mark == .next and .auth.waiting == 0')" = true ]; }
wait_for 20 settled || fail "the mark does not follow: $(fk status --json | jq -c '{next, auth}')"
for i in 1 2 3; do fk audit --reason test >/dev/null; done # entries that are no messages
wait_for 20 settled || fail "the mark does not follow entries that are none: $(fk status --json | jq -c '{next, auth}')"
told good "are judged"

# A resolver that answers nothing: told, without the names; told no more once it answers.
for i in 2 3 4; do zone "s1._domainkey.sender$i.example * mute" "_dmarc.sender$i.example * mute"; done
for i in 2 3 4; do send $i.eml >/dev/null; done
wait_for 60 is '.resolver != null' true || fail "nothing is said of the resolver: $(state .)"
wait_for 30 is .again 3 || fail "messages that are judged again: $(state .)"
told warning "resolver (127.0.0.1@$DNS_PORT) has not answered"
fk status | grep '^auth: .*, 3 are judged again later, as DNS did not answer; the resolver' >/dev/null || fail "as text: $(fk status | grep ^auth)"
grep -r sender v/run/auth* && fail "names of senders in run/"
send 5.eml >/dev/null
wait_for 60 is .resolver null || fail "it answers again: $(state .)"

# Something in the way of authd itself; it is told until it is gone, and messages wait meanwhile.
wait_for 20 settled || fail "not settled"
rm v/run/auth
mkdir v/run/auth
send 1.eml >/dev/null
wait_for 30 is '.trouble != null' true || fail "no trouble: $(state .)"
told bad "run/auth"
rmdir v/run/auth
wait_for 60 is .trouble null || fail "trouble that is over: $(state .)"
wait_for 30 settled || fail "not settled after trouble"
jq 'del(.authd)' v/run/processes.json >p && cat p >v/run/processes.json
told bad "the process authd is not there"
server_stop
# What came while nobody judged waits.
before=$(state .mark)
for i in 1 2 3; do fk import $i.eml >/dev/null || fail import; done
expect "$before 3 true" "$(state '"\(.mark) \(.waiting) \(.age >= 0)"')" "messages that wait"
fk status | grep -q "^auth: messages before entry $before are judged, 3 wait, the first for " || fail "as text: $(fk status | grep ^auth)"
server_start
wait_for 30 settled || fail "not settled after the import: $(state .)"
server_stop
