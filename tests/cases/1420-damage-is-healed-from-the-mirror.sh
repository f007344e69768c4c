#!/usr/bin/env bash
# flipped bits anywhere in a sealed segment or its key file are found, and put back from the mirror byte for byte; a copy that proves nothing is refused
. "$ROOT/tests/lib/kept.sh"
. "$ROOT/tests/lib/mirror.sh"
vault_new
own_mails
class short P1D
mirrored async
kept 4
fk seal >/dev/null || fail "seal"
kept 3
fk seal >/dev/null || fail "seal"
kept 1
S=$V/segments/00000001.sealed
K=$(ls "$V"/keys/00000001.*.keys)
cmp -s "$S" "$M/segments/00000001.sealed" || fail "the mirror has no copy: $(ls "$M/segments")"
cp -a "$V/segments" good-segments && cp -a "$V/keys" good-keys && cp -a "$M" good-mirror
# flip FILE OFFSET
flip() {
    chmod u+w "$1"
    python3 -c 'import sys
f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1); f.seek(-1, 1); f.write(bytes([b[0] ^ 4]))' "$1" "$2" || fail "flip"
    chmod u-w "$1"
}
same() { cmp -s good-segments/00000001.sealed "$S" && cmp -s "good-keys/${K##*/}" "$K"; }
heal() { fk mirror heal --reason "bit rot" "$@"; }
lines() { for i in $(seq 7 $(($(entries) - 1))); do fk show "$i" --entry --reason t; done; }

# Nothing wrong: no file is touched, and nothing is said in the ledger.
before=$(entries)
heal >out || fail "heal of a whole vault: $(cat out)"
grep -q '^nothing is wrong' out || fail "$(cat out)"
expect "$before" "$(entries)" "entries after healing nothing"
# Every region: both meta pages, tables, a page in each tenth of the file, the last byte.
size=$(stat -c %s "$S")
for at in 40 4200 $(for i in 1 2 3 4 5 6 7 8 9; do echo $((size * i / 10)); done) $((size - 1)); do
    flip "$S" "$at"
    fk verify --segment 1 >found && fail "byte $at: verify found nothing"
    grep -q '^entry .* segment 1 check ' found || fail "byte $at: $(cat found)"
    heal --segment 1 >out 2>err || fail "byte $at: $(cat out err)"
    grep -q '^segment 1: a file was put back from the mirror; entry [0-9]* ordered it$' out || fail "byte $at: $(cat out)"
    same || fail "byte $at: not what it was"
done
# The act and its result are in the ledger, who and why in the act's body.
lines >all || fail "the ledger cannot be read"
admin=$(grep -c ' kind=admin .* what=heal segment=1 file=sealed ' all)
expect 12 "$admin" "acts of healing"
expect 12 "$(grep -c ' kind=fact .* what=healed of=[0-9]* segment=1 result=done' all)" "results"
fk audit --reason t --json | jq -c 'select(.what == "heal") | [.person, .reason]' | sort -u >who
expect "[\"$(id -un)($(id -u))\",\"bit rot\"]" "$(cat who)" "who healed, and why"
# A file that is missing; one cut short; one that is something else.
rm -f "$S"
fk status >out || fail "status of a vault with a missing segment: $(cat out)"
grep -q '^segment 1 missing: ' out || fail "status: $(cat out)"
fk verify >found; grep -q 'segment 1 is missing' found || fail "verify: $(cat found)"
fk import mails/01-iso-2022-jp.eml >imported 2>err || fail "mail is to be taken while a sealed segment is missing: $(cat err)"
grep -q 'segment 1 is missing; mail is taken all the same' err || fail "the pen says nothing: $(cat err)"
server_start
send mails/01-iso-2022-jp.eml | grep -q ^250 || fail "a server takes no mail"
grep -q 'segment 1 is missing; mail is taken all the same' "$SERVER_LOG" || fail "the server's log: $(cat "$SERVER_LOG")"
fk tape write --to set 2>err && fail "a set without the missing segment"
grep -q 'segment 1 of the vault is missing' err || fail "tape: $(cat err)"
heal >out || fail "heal beside a server: $(cat out)"
same || fail "a missing file: not what it was"
fk show "$(echo $seqs | cut -d' ' -f1)" --raw --reason t >raw || fail "what was healed cannot be read"
chmod u+w "$S" && truncate -s $((size - 4096)) "$S"
heal >out || fail "cut short: $(cat out)"
same || fail "cut short: not what it was"
server_stop
cp -f good-segments/00000002.sealed "$S"
heal >out || fail "another segment in its place: $(cat out)"
same || fail "another segment: not what it was"
# Two at once, one of them the segment that has the other's seal entry.
rm -f "$S"; flip "$V/segments/00000002.sealed" 8200
heal >out || fail "two at once: $(cat out)"
same && cmp -s good-segments/00000002.sealed "$V/segments/00000002.sealed" || fail "two at once: not what they were"
# The key file: its line, a record, its end; missing.
ksize=$(stat -c %s "$K")
for at in 3 60 150 $((ksize - 100)) $((ksize - 1)); do
    flip "$K" "$at"; chmod 600 "$K"
    fk verify --segment 1 >found && fail "key file, byte $at: verify found nothing"
    heal --segment 1 >out || fail "key file, byte $at: $(cat out)"
    same || fail "key file, byte $at: not what it was"
done
rm "$K"
heal >out || fail "a missing key file: $(cat out)"
same || fail "a missing key file: not what it was"
rm "$K" "$S"
heal >out || fail "both missing: $(cat out)"
same || fail "both missing: not what they were"
fk verify >out || fail "verify after it all: $(cat out)"
expect 0 "$(ls "$V"/segments "$V"/keys | grep -c healing)" "copies that are left over"

# The mirror itself: whole; then each kind of its files damaged, missing.
fk mirror verify >out || fail "mirror verify: $(cat out)"
grep -q '^[0-9]* sealed segments, 1 open ones and [0-9]* key files read again: 0 findings$' out || fail "mirror verify: $(cat out)"
cp -a "$M" whole-mirror
flip "$M/segments/00000001.sealed" 5000; rows=$(ls "$M"/segments/*.rows | tail -n 1); flip "$rows" 600
flip "$M/keys/${K##*/}" 150; rm "$M/segments/00000002.sealed"
fk mirror verify >out && fail "a damaged mirror: $(cat out)"
for want in 'segment 1 check seal' 'segment 1 check key' 'segment 2 check gap' "segment $(basename "$rows" .rows | sed 's/^0*//') check rows"; do
    grep -q "^$want: " out || fail "mirror verify does not say \"$want\": $(cat out)"
done
rm -rf "$M" && mv whole-mirror "$M"

# Refused: the mirror's copy is damaged too; there is none; it is of no mirror; the segment is open.
config mirror '"off"'
flip "$S" 9000
refused 2 "there is no mirror" heal --segment 1
config mirror '"async"'
flip "$M/segments/00000001.sealed" 5000
refused 1 "the mirror's copy is damaged too" heal --segment 1
rm "$M/segments/00000001.sealed"; mv "$V/segments/00000001.sealed" aside # or the mirror would copy it
refused 1 "the mirror has no sealed copy of it" heal --segment 1
cp -a good-mirror/segments/00000001.sealed "$M/segments/"
heal --segment 1 >out || fail "with a good copy again: $(cat out)"
same || fail "with a good copy: not what it was"
refused 1 "there is no segment 99" heal --segment 99
refused 2 "heal [--segment N] --reason T" fk mirror heal

# A mirror that missed a disposal does not bring the key back.
set -- $seqs
forward 3
accept_clock >/dev/null || fail "retention run"
config mirror '"off"'
fk show "$1" --raw --reason t >raw 2>err && fail "the message was not disposed of"
now=$(ls "$V"/keys/00000001.*.keys)
[ "$now" != "$K" ] || fail "the disposal made no key file"
cp "$now" good-now
rm "$M"/keys/00000001.*; cp -a "good-keys/${K##*/}" "$M/keys/"
cp -a "$M" stale
config mirror '"async"'
# (healing asks the pen, whose copier would bring the mirror up to date: so it is held off by another lock)
exec 7<>"$M/mirror" && flock 7
flip "$now" 150; chmod 600 "$now"
refused 1 "with it a disposal or a rotation could be undone" heal --segment 1
rm "$now"
refused 1 "disposed of: it is older than that" heal --segment 1
[ -z "$(ls "$V"/keys/00000001.* 2>/dev/null)" ] || fail "a key file came back: $(ls "$V/keys")"
cp good-now "$now"; chmod 600 "$now"
exec 7>&-
fk show "$1" --raw --reason t >raw 2>err && fail "what was disposed of is back"
fk verify >out || fail "verify at the end: $(cat out)"
note "12 places in a sealed file, 5 in a key file"
