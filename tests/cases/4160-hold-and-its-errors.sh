#!/usr/bin/env bash
# holds are listed and released by name; each mistake is told for what it is, and holds nothing
. "$ROOT/tests/lib/kept.sh"
vault_new
kept 3
set -- $seqs
fk hold add 監査2026 --reason "内部監査" --seq "$1-$2" >out || fail "hold add: $(cat out)"
fk hold list | grep -q '^監査2026.*2 messages.*内部監査' || fail "hold list: $(fk hold list)"
expect "$1-$2" "$(fk hold list --json | jq -r .seqs)" "seqs of the hold"
refused 2 "there is a hold \"監査2026\" already" fk hold add 監査2026 --reason x --seq "$3"
refused 1 "there is no entry 9999" fk hold add b --reason x --seq 9999
refused 2 "entry 0 is no message" fk hold add b --reason x --seq 0
refused 2 "--reason is needed" fk hold add b --seq "$1"
refused 2 "--seq abc" fk hold add b --reason x --seq abc
refused 2 "either --query or --seq" fk hold add b --reason x
refused 2 "no control characters" fk hold add $'b\e[2J' --reason x --seq "$1"
refused 1 "there is no hold \"b\"" fk hold release b --reason x
refused 2 "--reason is needed" fk hold release 監査2026
expect 監査2026 "$(fk hold list --json | jq -r .name)" "holds in force"
fk hold release 監査2026 --reason "終わり" >/dev/null || fail "release"
[ -z "$(fk hold list)" ] || fail "released and still listed"
expect 1 "$(fk hold list --all --json | jq -s 'map(select(.released_by)) | length')" "holds with --all"
fk hold add 監査2026 --reason "再開" --seq "$3" >/dev/null || fail "the name is free again"
fk verify >/dev/null || fail "verify"

# A look at the holds is in the ledger.
before=$(fk status --json | jq .next)
fk hold list >/dev/null || fail "hold list"
expect $((before + 1)) "$(fk status --json | jq .next)" "entries after hold list"
fk audit --json | jq -es 'any(.[]; .what == "holds")' >/dev/null || fail "the audit has no look at the holds"
# Nothing due is no failure for a timer; damage is.
fk retention run --if-due >out 2>&1 || fail "retention run --if-due: $(cat out)"
fk retention plan --if-due >/dev/null 2>&1
expect 2 $? "plan --if-due"
