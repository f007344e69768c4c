#!/usr/bin/env bash
# keys of before a disposal put back do not stay beside the newer ones, and where they take their place verify names every message
. "$ROOT/tests/lib/kept.sh"
. "$ROOT/tests/lib/mirror.sh"
vault_new
class short P1D
mirrored sync
kept 3
fk seal >/dev/null || fail "seal"
set -- $seqs
cp -a "$V/keys" keys-before
fk hold add control --seq "$3" --reason "control" >/dev/null || fail "hold"
forward 3
accept_clock >out || fail "run: $(cat out)"
entry=$(sed -n 's/^entry  *\([0-9]*\) of ledger.*/\1/p' out)
gone() { refused 1 "disposed of by entry $entry" fk show "$1" --raw; }
found() { # what verify says, without places
    fk verify >out 2>err && fail "verify finds nothing"
    sed -n 's/^entry \([^ ]*\) segment 1 check \([a-z]*\): .*/\1 \2/p' out
}

# Beside the newer: it does not count, verify says so, and the next pen destroys it.
cp -a keys-before/00000001.* "$V/keys/"
expect "- leftover" "$(found)" "what verify finds"
gone "$1"
expect "" "$(ls "$V/keys" | grep -xF "$(ls keys-before | grep '^00000001')")" "older key files after the next start"
fk verify >out || fail "verify: $(cat out)"

# The older file under the newer name: its key is bound to its own generation.
newest=$(ls "$V"/keys/00000001.*)
cp -a "$newest" newest
cp -a keys-before/00000001.* "$newest"
fk show "$1" --raw >raw 2>&1 && fail "an older key file under the newer name opens"
fk verify >out 2>err && fail "verify finds nothing"
grep -q "check key: .*is not that of segment 1, generation" out || fail "$(cat out)"

# In its place: it opens, as docs/keys.md says of copies of before; verify names each message, and the cure.
rm "$newest" && cp -a keys-before/00000001.* "$V/keys/"
expect "$1 revived
$2 revived" "$(found)" "what verify finds"
grep -q "disposed of by entry $entry, but a key for it is there; an older copy of keys/ was put back" out || fail "$(cat out)"
rm "$V"/keys/00000001.* && cp -a "$M"/keys/00000001.* "$V/keys/" || fail "the mirror's key file: $(ls "$M/keys")"
fk verify >out || fail "after the cure: $(cat out)"
gone "$1"
gone "$2"
fk show "$3" --raw | cmp - "$(mail 3)" || fail "what was held"
