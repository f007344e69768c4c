#!/usr/bin/env bash
# the machine is gone: a tape, or the mirror, and the newest bundle of keys make a vault; nobody else opens a bundle
. "$ROOT/tests/lib/kept.sh"
. "$ROOT/tests/lib/mirror.sh"
vault_new
class short P1D
mirrored sync
kept 3
officer() { # NAME KIND...: NAME.crt and NAME.key
    local name=$1
    shift
    openssl req -x509 -nodes -days 30 -subj "/CN=Officer $name" -keyout "$name.key" -out "$name.crt" "$@" 2>/dev/null || fail "openssl req"
}
officer sato -newkey rsa:2048
officer suzuki -newkey ec -pkeyopt ec_paramgen_curve:P-256
officer tanaka -newkey ec -pkeyopt ec_paramgen_curve:P-256
openssl x509 -in sato.crt -days -1 -signkey sato.key -out old.crt 2>/dev/null ||
    openssl req -x509 -key sato.key -subj /CN=old -not_before 20200101000000Z -not_after 20210101000000Z -out old.crt 2>/dev/null
cat suzuki.crt tanaka.crt >deputies.crt
echo 'a long passphrase of the vault' >pass
echo 'another one, just as long' >other
echo short >short
key() { "$FUMIKURA" keys "$@"; }

# What does not do.
refused 2 "fewer than 12 bytes" fk keys escrow --to b0 --passphrase-file short
refused 2 "no terminal to ask" setsid "$FUMIKURA" -C "$V" keys escrow --to b0 </dev/null
refused 2 "not both" fk keys escrow --to b0 --passphrase-file pass --officer sato.crt
refused 2 "no certificate in it" fk keys escrow --to b0 --officer sato.key
if openssl x509 -in old.crt -checkend 0 >/dev/null 2>&1; then note "no expired certificate could be made"; else
    refused 2 "has expired" fk keys escrow --to b0 --officer old.crt
fi
refused 2 "expected rotate" fk keys escrow
refused 2 "not the number of a bundle" fk keys destroyed 1 --reason t
refused 2 "that of another officer as well" fk keys escrow --to b0 --officer suzuki.crt --officer sato.crt --officer deputies.crt
{ cat sato.crt; sed '5s/./!/' tanaka.crt; } >torn.crt
refused 2 "certificate 2 in it cannot be read" fk keys escrow --to b0 --officer torn.crt
touch there
refused 2 "is there already" fk keys escrow --to there --passphrase-file pass
[ ! -e b0 ] && [ ! -e b0.new ] && expect "" "$(fk keys list)" "something was made" || fail "something was made"

# By a passphrase. It seals first, so that the keys of all mail so far are in it.
fk keys escrow --to b1 --passphrase-file pass --reason "of November" >said || fail "escrow"
first=$(sed -n 's/^bundle \([0-9]*\) .*/\1/p' said)
fk show "$first" --entry | grep -q " kind=key .* what=escrow kek=$(kek=$V/secrets/kek; . "$ROOT/tests/lib/kek.sh"; kek_id "$kek") form=passphrase c256=" || fail "$(fk show "$first" --entry)"
fk audit | grep "^$first " | grep -q 'of November.*b1' || fail "audit does not list it"
expect "-rw-------" "$(stat -c %A b1)" "its mode"
refused 1 "does not open" key open b1 --to o1 --passphrase-file other
refused 2 "by a passphrase, not for officers" key open b1 --to o1 --officer-key sato.key
[ ! -e o1 ] || fail "something was written although it did not open"
key open b1 --to o1 --passphrase-file pass >/dev/null || fail "open"
cmp o1/secrets/kek "$V/secrets/kek" || fail "not the vault's key"
expect "00000001.2.keys" "$(ls o1/keys)" "key files: those of sealed segments, so that it opens nothing that comes later"
printf '%s\r\n' "$(cat pass)" >crlf
key open b1 --to o5 --passphrase-file crlf >/dev/null || fail "a passphrase file with CR LF"
refused 2 "is not empty" key open b1 --to o1 --passphrase-file pass
# Any bit: of the head, of what is in it, of the tag.
size=$(stat -c %s b1)
for at in 0 30 100 150 $(shuf -i 0-$((size - 1)) -n 20 --random-source=b1) $((size - 1)); do
    python3 - "$at" <<'P' || fail "flip"
import sys
b = bytearray(open("b1", "rb").read()); b[int(sys.argv[1])] ^= 4; open("flipped", "wb").write(b)
P
    key open flipped --to o2 --passphrase-file pass >out 2>&1
    rc=$?
    [ $rc -eq 1 ] || [ $rc -eq 2 ] || fail "byte $at was changed: exit $rc"
    [ ! -e o2/secrets/kek ] || fail "byte $at was changed, and keys were written"
done
for cut in 10 200 $((size - 17)) $((size - 1)); do
    head -c "$cut" b1 >flipped
    key open flipped --to o2 --passphrase-file pass >out 2>&1 && fail "cut at $cut, and it opens"
done

# A full medium: no half bundle, and the entry is told.
mkdir small && root mount -t tmpfs -o size=8k,mode=777 tmpfs small || { echo "a small tmpfs needs root"; exit 77; }
at_exit 'root umount -l "$TEST_DIR/small" 2>/dev/null'
head -c 4096 /dev/zero >small/ballast
mkdir small/keys
key open b1 --to small/keys --passphrase-file pass >out 2>&1 && fail "opened into no room"
expect "" "$(ls small/keys)" "keys that stay where not all had room"
rmdir small/keys
refused 75 "records the bundle all the same" fk keys escrow --to small/b --passphrase-file pass
expect "ballast" "$(ls small)" "what is left of it"
unfinished=$(fk keys list --json | jq -s 'last | .number')
fk keys destroyed "$unfinished" --reason "was never finished" >/dev/null || fail "destroyed"

# For two officers, the second with deputies: each layer is needed.
kept 3
fk keys escrow --to b2 --officer sato.crt --officer deputies.crt >/dev/null || fail "escrow for officers"
second=$(fk keys list --json | jq -s 'last | .number')
refused 1 "layer 2 opens with none" key open b2 --to o2 --officer-key sato.key
refused 1 "layer 1 opens with none" key open b2 --to o2 --officer-key tanaka.key
key open b2 --to o2 --officer-key sato.key --officer-key tanaka.key >/dev/null || fail "open by officers"
# And by openssl, as docs/keys.md says, each on his own machine.
sed -n 's/^cms: //p;/^$/q' b2 | base64 -d | openssl cms -decrypt -inform DER -inkey suzuki.key >layer1 || fail "openssl, the deputy"
openssl cms -decrypt -inform DER -inkey sato.key <layer1 >opened || fail "openssl, the officer"
key open b2 --to o3 --key-file opened >/dev/null || fail "open with what openssl gave"
diff -r o2 o3 || fail "two ways to open it give two things"
# What is in it, without us: AES-256-GCM is read as CTR (docs/format-vault.md).
iv=$(sed -n 's/^iv: //p;/^$/q' b2)
head=$(grep -abo -m 1 $'^iv: .*' b2 | cut -d: -f1)
tail -c +$((head + 4 + 24 + 3)) b2 | head -c -16 | openssl enc -d -aes-256-ctr -K "$(cat opened)" -iv "${iv}00000002" 2>/dev/null | tar -xOf - secrets/kek | cmp - "$V/secrets/kek" || fail "openssl and tar do not read it"

# The drill. A disposal after the bundle: the mirror has destroyed the key; the old bundle still has it, and the
# certificate says so.
fk tape write --to tape >/dev/null || fail "tape write"
fk keys escrow --to b3 --passphrase-file pass >/dev/null || fail "escrow after the tape"
third=$(fk keys list --json | jq -s 'last | .number')
set -- $seqs
held=${*:2}
fk hold add keep $(printf -- '--seq %s ' $held) --reason t >/dev/null || fail "hold"
forward 3
accept_clock >certificate || fail "retention run: $(cat certificate)"
for b in $first $second $third; do grep -q "still out bundle $b " certificate || fail "bundle $b is not in: $(cat certificate)"; done
fk keys destroyed "$first" --reason "shredded" >/dev/null || fail "destroyed"
refused 2 "says that already" fk keys destroyed "$first" --reason "shredded"
fk keys list | grep -q "^bundle $first of .*: destroyed, says entry" || fail "$(fk keys list)"
unset FUMIKURA_TEST_CLOCK
mv "$V" lost
key open b3 --to o4 --passphrase-file pass >/dev/null || fail "open the newest"
V=$TEST_DIR/o4
restored || fail "mirror restore with a bundle"
"$FUMIKURA" tape restore tape --keys o4 --to from-tape >out 2>&1 || fail "tape restore with a bundle: $(cat out)"
for seq in $held; do
    n=$((${n:-1} + 1))
    for v in "$R" from-tape; do
        "$FUMIKURA" -C $v show "$seq" --raw | cmp - "$(mail $(((n - 1) % 3 + 1)))" || fail "$v: entry $seq"
    done
done
"$FUMIKURA" -C "$R" show "$1" --raw >raw 2>err && fail "disposed of, and back from the mirror"
for v in "$R" from-tape; do "$FUMIKURA" -C $v verify >out || fail "verify of $v: $(cat out)"; done
note "bundles $first, $second, $third"
