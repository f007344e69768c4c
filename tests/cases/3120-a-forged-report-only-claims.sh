#!/usr/bin/env bash
# a report from a peer whose reports do not count is read, but what it says is claimed and shown so; its sender stays found
. "$ROOT/tests/lib/journals.sh"
vault_new
take fork-3
echo 'listener "outside" { address = {"127.0.0.1:0"} journal = "off" }' >>"$V/fumikura.conf"
server_start
outside() { python3 "$ROOT/tests/lib/smtp.py" "$(jq -r '.listeners.outside.addresses[0]' "$V/run/addresses.json")" "$@" mallory@evil.example archive@example.jp; }
n=$(outside journals/fork-1.eml | seq_of)
other=$(outside journals/html.eml | seq_of)
wait_for 60 eval '[ "$(found from:mallory@evil.example | wc -w)" = 2 ]' || fail "not indexed"
server_stop
expect "claimed" "$(fk show "$n" --json | jq -r '.provenance.captures[] | select(.seq == '"$n"') | .kind')" "the capture"
expect "claimed true" "$(fk show "$n" --json | jq -r '.provenance.recipients[] | select(.address == "inside@example.jp") | "\(.standing) \(.known_from[0].claimed)"')" \
    "its blind copy"
fk show "$n" --text | grep -q 'had by inside@example.jp \[bcc, claimed\]: journal Bcc (entry '"$n"', claimed)' || fail "text: $(fk show "$n" --text)"
expect '["inside@example.jp"]' "$(fk search --json bcc:inside@example.jp 2>/dev/null | jq -c '.bcc.claimed // empty')" "found, and told apart"
# It cannot hide anything: neither the message that it brings again, nor who sent it, nor what else is in it.
expect "$(entry fork-3),$n" "$(found 'from:tanaka@example.jp subject:fork hello')" "the message that it brings"
expect "$(entry fork-3),$n" "$(found 'received:2026-11-24 subject:fork')" "when that was received"
expect "$(entry fork-3),$n $other" "$(found envfrom:mallory@evil.example)" "by who sent it"
expect "" "$(found bcc:archive@example.jp)" "the archive's own address as a blind copy"
expect "$(entry fork-3),$n $other" "$(found envto:archive@example.jp)" "by where it was sent to"
expect "$other" "$(found 'via:tags@example.jp')" "a claimed list"
# The same from the listener of a journal counts: its envelope says so (docs/format-vault.md 2). Who imports vouches.
take fork-1
fk index >/dev/null || fail "index"
expect "stated" "$(fk show "$n" --json | jq -r '.provenance.recipients[] | select(.address == "inside@example.jp") | .standing')" "claimed once, stated once"
