#!/usr/bin/env bash
# a certificate of disposal is printed again from the ledger, in two languages, and ticks off each copy that was destroyed since
. "$ROOT/tests/lib/kept.sh"
vault_new
class short P1D
kept 3
echo 'a long passphrase of the vault' >pass
number() { fk keys list --json | jq -s 'last | .number'; }
bundle() { fk keys escrow --to "$1" --passphrase-file pass >/dev/null || fail "escrow"; }
bundle b1 && first=$(number)
bundle b2 && second=$(number)
bundle b3 && third=$(number)
fk keys destroyed "$first" --reason "shredded before" >/dev/null || fail "destroyed"
fk tape write --to tape --json >taped || fail "tape write"
tape=$(jq .entry taped)
set -- $seqs
fk hold add control --seq "$3" --reason "control" >/dev/null || fail "hold"
forward 3
accept_clock >certificate || fail "retention run: $(cat certificate)"
entry=$(sed -n 's/^entry  *\([0-9]*\) of ledger.*/\1/p' certificate)
bundle b4 # made afterwards: it cannot have them
fk retention certificate "$entry" >again || fail "certificate"
diff certificate again || fail "another certificate, although nothing was done"
grep -q "^still out bundle $second of keys" again && grep -q "^still out bundle $third of keys" again || fail "$(cat again)"
expect 2 "$(grep -c '^still out' again)" "copies that are out"
grep -q "^no matter tape of entry $tape (.*ciphertext without a key; nothing is to be done$" again || fail "$(cat again)"
grep -qx "廃棄証明書" again && grep -q "^鍵束 $second（.*残存" again && grep -q "^テープ $tape（.*処置は不要$" again || fail "$(cat again)"

# Ticked off, by whom and why.
fk keys destroyed "$second" --reason "burnt in the yard" >/dev/null || fail "destroyed"
fact=$(fk keys list --json | jq "select(.number == $second) | .destroyed")
fk retention certificate "$entry" >again || fail "certificate"
grep -q "^destroyed bundle of keys $second : entry $fact, 2.*Z, .*, burnt in the yard$" again || fail "$(cat again)"
grep -q "^鍵束 $second（.*破棄済み（記録 $fact、" again || fail "$(cat again)"
expect 1 "$(grep -c '^still out' again)" "copies that are out"
fk retention certificate "$entry" --json >json || fail "certificate --json"
expect "[$third] $entry 2 short" "$(jq -r '"\(.bundles_out) \(.entry) \(.messages) \(.class)"' json)" "JSON"
expect "bundle $second destroyed $fact burnt in the yard" "$(jq -r '.copies[] | select(.state == "destroyed") | "\(.kind) \(.number) \(.state) \(.destroyed.entry) \(.destroyed.reason)"' json)" "ticked off"
expect "out no key in it" "$(jq -r '[.copies[] | select(.state != "destroyed") | .state] | join(" ")' json)" "the others"
# The look is an act that names the entry.
fk audit --json | jq -se "map(select(.kind == \"act\" and (.of // \"\" | tostring | test(\"^$entry(,|\$)\")))) | length == 3" >/dev/null || fail "looks that are recorded: $(fk audit --json | tail -n 4)"

refused 1 "is no disposal" fk retention certificate "$3"
refused 1 "is no disposal" fk retention certificate 99999
refused 2 "not the number of an entry" fk retention certificate x
refused 2 "expected plan, run or certificate" fk retention certificate
refused 2 "expected plan, run or certificate" fk retention certificate 1 2
