#!/usr/bin/env bash
# the times in which nobody listened are entries: a clean stop, a kill -9 of all, a pen and a receiver that were away, a full disk; short ones are not; reconcile and audit show them
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
config gap-min '"5 s"'
gaps() { fk audit --json | jq -c 'select(.kind == "gap")'; }
gap() { gaps | jq -r .why | tail -n 1; }
count() { gaps | wc -l; }
has_gaps() { [ "$(count)" -eq "$1" ]; }
ms() { date -ud "$1" +%s%3N; }
now() { date +%s%3N; }
server_start
sleep 1
expect 0 "$(count)" "gaps of a first start"
[ -s v/run/alive ] || fail "no sign of life"

# A clean stop: from the stop on, exactly, to the next time that all listen.
before=$(now)
server_stop
grep -q stopped v/run/alive || fail "alive: $(cat v/run/alive)"
sleep 6
server_start
ready=$(now)
wait_for 20 has_gaps 1 || fail "no gap after a clean stop: $(cat "$SERVER_LOG")"
expect stopped "$(gap)" "why"
fk status | grep -q '^last gap: no mail was taken from .* to .* (stopped), entry [0-9]*$' || fail "status: $(fk status)"
expect stopped "$(fk status --json | jq -r .gap.why)" "status"
from=$(ms "$(gaps | jq -r .from)") to=$(ms "$(gaps | jq -r .to)")
[ "$from" -ge "$before" ] && [ "$from" -le $((before + 1500)) ] || fail "from: $from, stopped at $before"
[ "$to" -gt $((from + 5900)) ] && [ "$to" -le $((ready + 200)) ] || fail "to: $to, ready at $ready"
expect "" "$(ls v/run | grep '^gap\.')" "files that are done with"

# All killed: from the last sign of life, which is never later than the kill and at most 10 s before it.
sleep 1
killed=$(now)
server_kill
sleep 6
server_start
wait_for 20 has_gaps 2 || fail "no gap after kill -9"
expect crash "$(gap)" "why"
from=$(ms "$(gaps | tail -n 1 | jq -r .from)")
[ "$from" -le "$killed" ] && [ "$from" -gt $((killed - 11000)) ] || fail "from: $from, killed at $killed"

# A short pause is not one (where the machine is not so loaded that it is a long one).
begun=$(now)
server_stop
server_start
sleep 2
if [ $(($(now) - begun)) -lt 6500 ]; then
    expect 2 "$(count)" "gaps after a short pause"
else
    note "the pause was a long one"
fi
n=$(count)

# The pen away: killed until serve's pauses have grown over gap-min.
for i in 1 2 3 4; do
    p=$(role_pid keep) && kill -9 "$p"
    wait_for 30 eval 'p2=$(role_pid keep) && [ "$p2" != "'"$p"'" ]' || fail "the pen did not come back"
done
wait_for 30 has_gaps $((n + 1)) || fail "the pen's absence: $(gaps; tail -n 8 "$SERVER_LOG")"
expect keep "$(gap)" "why"
wait_for 20 send mails/01-iso-2022-jp.eml || fail "no mail after the pen came back"
server_stop

# A full disk: less is free than disk-reserve. It is seen to be over at the next start at the latest.
config disk-reserve '"1024 GiB"'
server_start
sleep 7
server_stop
config disk-reserve '"64 MiB"'
server_start
wait_for 20 eval 'gaps | grep -q full' || fail "a full disk: $(gaps; tail -n 8 "$SERVER_LOG")"
server_stop
fk audit | grep -q 'gap from=[^ ]* to=[^ ]* why=full' || fail "audit: $(fk audit | grep gap)"
note "$(gaps | jq -r .why | sort | uniq -c | tr -s ' \n' ' ')"
fk verify >out 2>&1 || fail "verify: $(cat out)"
