#!/usr/bin/env bash
# a server reads all that is stored again: what rots is told with seq and check, recorded once, and no more so when it is healed; status says how old the oldest unverified byte is
. "$ROOT/tests/lib/kept.sh"
. "$ROOT/tests/lib/mirror.sh"
vault_new
own_mails
mirrored async
kept 5
rm mails/24-big.eml
for i in 1 2 3; do fk import mails/*.eml >/dev/null || fail "import"; done
fk seal >/dev/null || fail "seal"
kept 2
S=$V/segments/00000001.sealed
cp -a "$S" good
scrub() { fk status --json | jq -r ".scrub${1:-}"; }
scrub_is() { [ "$(scrub "$1")" = "$2" ]; }
facts() { for i in $(seq 60 $(($(entries) - 1))); do fk show "$i" --entry --reason t; done | grep ' kind=fact ' | grep 'what=damaged'; }
refused 2 "scrub-rate" eval 'config scrub-rate "\"fast\""; fk status'
config scrub-rate 0
scrub_is .oldest null || fail "before it began: $(scrub)"
fk status | grep -q '^scrub: off$' || fail "status: $(fk status)"
fk doctor | grep -q '^warning *scrub: off' || fail "doctor: $(fk doctor)"
config scrub-rate '"100 MiB"'
fk status | grep -q '^scrub: has not begun$' || fail "status: $(fk status)"
# Ten days later none is due (half of 30 days), and the oldest byte is ten days old.
forward 10
server_start
wait_for 20 eval '[ "$(scrub .oldest)" -ge 860000 ]' || fail "never verified: since it is stored: $(scrub)"
[ "$(scrub .oldest)" -lt 870000 ] || fail "ten days: $(scrub)"
grep -q '^segment: 1 [0-9]* 0 ' "$V/run/scrub" || fail "it was read before it was due: $(cat "$V/run/scrub")"
server_stop
# On the sixteenth day it is, and then the oldest is of today.
forward 16
fk doctor | grep -q '^good *scrub: every byte' || fail "doctor: $(fk doctor)"
server_start
wait_for 30 eval '[ "$(scrub .oldest)" -lt 1000 ]' || fail "nothing was scrubbed: $(scrub) $(cat "$V/run/scrub" "$SERVER_LOG")"
expect 0 "$(scrub '.damaged | length')" "findings in a whole vault"
[ "$(awk '/^segment: / {print $4}' "$V/run/scrub" | grep -c '^0$')" = 0 ] || fail "an open segment was left out: $(cat "$V/run/scrub")"
server_stop
forward 47
fk doctor | grep -q '^warning *scrub: a byte is not verified for' || fail "doctor, when it is late: $(fk doctor)"
# A flipped bit in a content: found by seq and check, in the log, in status, in doctor, in the ledger, once.
chmod u+w "$S"
python3 - "$S" <<'END' || fail "flip"
import sys
f = open(sys.argv[1], "r+b"); n = f.seek(0, 2); at = n * 6 // 10
f.seek(at); b = f.read(1); f.seek(at); f.write(bytes([b[0] ^ 1]))
END
chmod u-w "$S"
fk verify --segment 1 --json >verified
server_start
wait_for 30 eval '[ "$(scrub ".damaged | map(select(.entry)) | length")" -ge 2 ]' || fail "not found: $(scrub) $(cat "$SERVER_LOG")"
wait_for 30 eval '[ "$(scrub .oldest)" -lt 1000 ]' || fail "it does not go on after a finding: $(scrub)"
jq -c 'select(.check) | [.seq, .check]' verified | sort >want
scrub ' | .damaged[] | [.seq, .check] | tojson' | sort >is
diff want is || fail "verify and the scrub do not find the same"
jq -es 'any(.[]; .check == "gcm" and .seq != null)' verified >/dev/null || fail "no record: $(cat verified)"
grep -q 'scrubd: .* in segment 1 is damaged: check\|scrubd: segment 1 is damaged: check seal' "$SERVER_LOG" || fail "the log says nothing: $(cat "$SERVER_LOG")"
fk status | grep -q '^damaged: .*segment 1 check ' || fail "status: $(fk status)"
fk doctor >out && fail "doctor finds nothing"
grep -q '^bad *scrub: segment 1 is damaged' out || fail "doctor: $(cat out)"
n=$(facts | wc -l)
expect "$(jq -r 'select(.check) | .check' verified | sort -u | wc -l)" "$n" "facts, one a check"
facts | grep -q "what=damaged of=[0-9,-]* segment=1 check=\|what=damaged segment=1 check=" || fail "facts: $(facts)"
# A restart and another pass record nothing again.
server_stop
forward 80
server_start
wait_for 30 eval '[ "$(scrub .oldest)" -lt 1000 ]' || fail "no further pass: $(scrub)"
expect "$n" "$(facts | wc -l)" "facts after another pass"
# Healed: it is looked at again at once, and no finding is left.
fk mirror heal --reason test >out || fail "heal: $(cat out)"
cmp -s good "$S" || fail "not what it was"
wait_for 30 scrub_is '.damaged | length' 0 || fail "healed, and still told: $(scrub)"
fk doctor >out; grep -q '^good *scrub:' out || fail "doctor: $(cat out)"
# Killed in the middle of a pass it goes on where it was: with little a second, a pass takes long.
server_stop
config scrub-rate '"128 KiB"'
forward 120
server_start
wait_for 30 eval 'awk "/^segment: 1 / {exit !(\$5 > 0 && \$6 > 1 && \$6 < 60)}" "$V/run/scrub"' || fail "no pass under way: $(cat "$V/run/scrub")"
server_kill
began=$(awk '/^segment: 1 / {print $5}' "$V/run/scrub") next=$(awk '/^segment: 1 / {print $6}' "$V/run/scrub")
config scrub-rate '"100 MiB"'
server_start
wait_for 30 eval '[ "$(awk "/^segment: 1 / {print \$4}" "$V/run/scrub")" = '"$began"' ]' || fail "the pass did not go on: $(cat "$V/run/scrub")"
# A disposal is no damage, nor is a segment that is being sealed.
fk seal >/dev/null || fail "seal"
server_stop
forward 200
server_start
wait_for 30 eval '[ "$(scrub .oldest)" -lt 1000 ]' || fail "no pass: $(scrub)"
expect 0 "$(scrub '.damaged | length')" "findings at the end"
server_stop
fk verify >out || fail "verify: $(cat out)"
note "went on at entry $((next - 1))"
