#!/usr/bin/env bash
# what was found of each capture of a message stays in its one hit when more captures come, and goes with the capture it is of
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/auth.sh"
cd "$TEST_DIR" || exit 1
dns_start
key_new sender.example s1
auth_vault
server_start
printf 'From: t@sender.example\nSubject: twice\nDate: Tue, 24 Nov 2026 10:00:00 +0900\n\nbody\n' >plain.eml
sign sender.example s1 <plain.eml >signed.eml
seq_of() { sed -n 's/.*seq=\([0-9]*\).*/\1/p'; }
# found QUERY SEQS: one hit, with these captures
found() { fk index --wait >/dev/null && [ "$(fk search --json -- "$1" 2>/dev/null | jq -r 'select(.seq) | .capture_seqs | join(",")')" = "$2" ]; }
hit() { fk search --json -- "$1" 2>/dev/null | jq -c 'select(.seq) | .verdicts | map(select(startswith("fumikura dkim")))'; }
first=$(send signed.eml | seq_of)
checked "$first"
found dkim:pass "$first" || fail "the first capture: $(fk search --json dkim:pass)"
# The key is gone when the same bytes come again: the one hit has both words, each the one of its capture.
server_stop # the resolver remembers
: >zone
server_start
second=$(send signed.eml | seq_of)
found subject:twice "$first,$second" || fail "the captures are not one hit: $(fk search --json subject:twice)"
found dkim:pass "$first,$second" || fail "the word about the first was lost when the second came"
checked "$second"
late=$(auth '.dkim[0].result')
[ "$late" != pass ] || fail "passed without a key"
found "dkim:$late" "$first,$second" || fail "the second capture ($late): $(fk search --json subject:twice)"
found dkim:pass "$first,$second" || fail "the word about the second took the place of that about the first"
expect "[\"fumikura dkim=pass sender.example\",\"fumikura dkim=$late sender.example\"]" "$(hit subject:twice)" "what the hit shows"
# The same once more: told once.
third=$(send signed.eml | seq_of)
checked "$third"
found subject:twice "$first,$second,$third" || fail "the third capture"
expect 2 "$(hit subject:twice | jq length)" "the same word about two captures"
server_stop
fk index >/dev/null || fail "index"
"$BUILD/tools/index-dump" "$TEST_DIR/v" >grown || fail "dump"
fk reindex >/dev/null && "$BUILD/tools/index-dump" "$TEST_DIR/v" >rebuilt || fail "reindex"
grep -v '^documents ' grown >grown.one
grep -v '^documents ' rebuilt | cmp - grown.one || fail "rebuilt is not as grown: $(diff grown rebuilt)"
worn_are_renewed verdicts
# The first is disposed of: its word goes with it, the others' stays.
cat >>v/fumikura.conf <<'C'
class "all" {
  period = "P1D"
}
C
fk hold add rest --reason test --seq "$second" "$third" >/dev/null || fail "hold"
FUMIKURA_TEST_CLOCK=+172800000 fk retention run --accept-clock --reason test >/dev/null || fail "retention run"
fk index >/dev/null || fail "index after the disposal"
only() { fk search --json -- "$1" 2>/dev/null | jq -r 'select(.seq) | .capture_seqs | join(",")'; }
expect "$second,$third" "$(only subject:twice)" "what stays"
expect "" "$(only dkim:pass)" "the word about what is disposed of"
expect "$second,$third" "$(only "dkim:$late")" "the word about what stays"
verify_clean "a disposal"
