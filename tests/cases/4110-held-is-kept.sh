#!/usr/bin/env bash
# what is due goes and what is held stays; released it goes too; a second run does nothing
. "$ROOT/tests/lib/kept.sh"
vault_new
class short P1D
kept 5
set -- $seqs
forward 3
fk hold add 'Smith v. Jones' --reason "pending" --seq "$2" "$4" >out || fail "hold add: $(cat out)"
expect "due 0 held 2" "due $(summary due) held $(summary held)" "before the clock is accepted"
accept_clock >out || fail "run: $(cat out)"
grep -q "^disposed  3 messages: $1,$3,$5\$" out || fail "the certificate: $(cat out)"
for n in 2 4; do
    fk show "${!n}" --raw | cmp - "$(mail $n)" || fail "message ${!n} was held, and is not the same any more"
done
for n in 1 3 5; do refused 1 "disposed of by entry" fk show "${!n}" --raw; done
expect "due 0 held 2 past 2 kept 0" \
    "due $(summary due) held $(summary held) past $(summary held_past_their_date) kept $(summary kept)" "after the run"

before=$(entries)
refused 1 "nothing may be disposed of" fk retention run
expect "$before" "$(entries)" "entries after a second run"

fk hold release 'Smith v. Jones' --reason "settled" >out || fail "release"
expect 2 "$(summary due)" "due after the release"
fk retention run --json >out || fail "run after the release"
expect "$2,$4" "$(jq -r 'select(.type == "disposal") | .seqs' out)" "what went after the release"
refused 1 "disposed of by entry $(jq -r .entry out)" fk show "$2" --raw
refused 1 "nothing may be disposed of" fk retention run
fk verify >out || fail "verify: $(cat out)"
