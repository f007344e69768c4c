#!/usr/bin/env bash
# the rules in force stand in the ledger before they are applied; a floor and the wrong words are heeded
. "$ROOT/tests/lib/kept.sh"
vault_new
config floor '"P3D"'
kept 1
fk retention plan >out || fail "plan without rules"
grep -q 'kept without an end' out || fail "$(cat out)"
expect null "$(summary policy)" "policy entry without rules"
class short P1D
before=$(entries)
policy=$(summary policy)
expect "$before" "$policy" "the entry of the new rules"
expect "$policy" "$(summary policy)" "policy entry of rules that are the same"
expect "$policy" "$(summary basis)" "basis of the verdicts"
forward 3
refused 1 "nothing may be disposed of" accept_clock # the floor of three days is longer
forward 4
accept_clock >out || fail "the floor is over: $(cat out)"
grep -q "rules of entry $policy" out || fail "the certificate does not name the rules: $(cat out)"
sed -i 's/"P1D"/"P10Y"/' "$V/fumikura.conf"
[ "$(summary policy)" -gt "$policy" ] || fail "changed rules were not recorded"
fk audit --json | jq -e 'select(.kind == "policy" and .class == "short P10Y from received of *")' >/dev/null ||
    fail "the rules cannot be read in the ledger"
config fiscal-year-end '"03-31"'
sed -i 's/"P10Y"/"ten years"/' "$V/fumikura.conf"
refused 2 "ten years" fk retention plan
