#!/usr/bin/env bash
# a hold that is added between the verdict and the disposal wins: the verdict is made again
. "$ROOT/tests/lib/kept.sh"
vault_new
class short P1D
kept 4
set -- $seqs
forward 3
server_start # one pen for both
FUMIKURA_FAULT=verdict:1:stop "$FUMIKURA" -C "$V" retention run --accept-clock --reason late --json >"$TEST_DIR/run" 2>&1 &
run=$!
at_exit "kill -9 $run 2>/dev/null"
wait_for 20 stopped $run || fail "the run did not come to its verdict: $(cat "$TEST_DIR/run")"
fk hold add quick --reason "just in time" --seq "$3" >out || fail "hold add: $(cat out)"
hold=$(fk hold list --json | jq .seq)
kill -CONT $run
wait $run || fail "the run: $(cat "$TEST_DIR/run")"
expect "$1-$2,$4" "$(jq -r 'select(.type == "disposal") | .seqs' "$TEST_DIR/run")" "what went"
expect "$hold" "$(jq -r 'select(.type == "disposal") | .basis' "$TEST_DIR/run")" "the basis of the verdict"
fk show "$3" --raw | cmp - "$(mail 3)" || fail "the held message is not the same"
expect 1 "$(fk retention plan --json | jq -r 'select(.verdict == "held") | .seq' | wc -l)" "held messages"
server_stop
fk verify >out || fail "verify: $(cat out)"

# The other way round: the disposal came first, and who wants the hold is told.
refused 1 "message $1 is disposed of" fk hold add late --reason "too late" --seq "$1"
expect quick "$(fk hold list --json | jq -r .name)" "holds in force"

# Nor does a bundle of keys come in between: the certificate of what went after it names it.
fk hold release quick --reason "over" >/dev/null || fail "release"
echo 'a long passphrase of the vault' >pass
server_start
FUMIKURA_FAULT=verdict:1:stop "$FUMIKURA" -C "$V" retention run --accept-clock --reason late --json >run2 2>&1 &
run=$!
wait_for 20 stopped $run || fail "the second run did not come to its verdict: $(cat run2)"
fk keys escrow --to bundle --passphrase-file pass >out || fail "escrow: $(cat out)"
kill -CONT $run
wait $run || fail "the second run: $(cat run2)"
expect "$3" "$(jq -r 'select(.type == "disposal") | .seqs' run2)" "what went"
expect "$(fk keys list --json | jq .number)" "$(jq -r 'select(.type == "disposal") | .bundles_out[]' run2)" "bundles that the certificate names"
server_stop
