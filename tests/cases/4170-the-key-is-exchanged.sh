#!/usr/bin/env bash
# another key-encryption key: no message is touched, all is read with the new one, nothing opens with the old one
. "$ROOT/tests/lib/kept.sh"
. "$ROOT/tests/lib/kek.sh"
vault_new
class short P1D
kept 3
fk seal >/dev/null || fail "seal"
kept 3
fk tape write --to tape >/dev/null || fail "tape write" # seals the second segment
kept 3
all_read() { # VAULT
    local seq n=0
    for seq in $seqs; do
        "$FUMIKURA" -C "$1" show "$seq" --raw | cmp - "$(mail $((n % 3 + 1)))" || fail "$1: entry $seq"
        n=$((n + 1))
    done
    "$FUMIKURA" -C "$1" verify >out || fail "$1: verify: $(cat out)"
}
all_read "$V"
cp -a "$V" old
old=$(kek_id "$V/secrets/kek")
keys_of "$V" >secrets
files=$(ls "$V/keys" | wc -l)
[ "$files" -ge 3 ] || fail "the control: $files key files"
expect $((files + 1)) "$(found_in_files "$V" <secrets)" "the control: found in the vault's files"
# Second names for the files' blocks: what is only unlinked is still to be read there.
mkdir blocks && ln "$V/secrets/kek" "$V"/keys/*.keys blocks/ || fail "links"
expect $((files + 1)) "$(found_in_files blocks <secrets)" "the control: found in the files' blocks"
sealed() { sha256sum "$V"/segments/*.sealed; }
sealed >digests

fk keys rotate --reason "somebody left the house" >said || fail "rotate"
new=$(kek_id "$V/secrets/kek")
[ "$old" != "$new" ] || fail "the key is the old one"
grep -q "is $new now, and $old is destroyed; entry " said || fail "rotate says: $(cat said)"
entry=$(sed 's/.*; entry \([0-9]*\) .*/\1/' said)
fk show "$entry" --entry | grep -q " kind=key .* what=kek from=$old to=$new c256=" || fail "the entry: $(fk show "$entry" --entry)"
fk audit | grep "^$entry " | grep -q 'somebody left the house' || fail "audit does not list it"
sealed | cmp - digests || fail "a sealed segment was touched"
expect 0 "$(found_in_files "$V" <secrets)" "old keys that are still in a file of the vault"
expect 0 "$(found_in_files blocks <secrets)" "old keys that are still in the blocks of removed files"
expect "kek log-head log-key" "$(ls "$V/secrets" | paste -sd' ')" "secrets"
expect "$files" "$(ls "$V/keys" | wc -l)" "key files"
all_read "$V"

# The old key opens nothing of the new vault, the new one nothing of an old copy; a copy opens with its own.
set -- $seqs
cp -a "$V" mixed
cp old/secrets/kek mixed/secrets/kek
for seq in "$1" "$4" "$7"; do refused 1 "does not unwrap" "$FUMIKURA" -C mixed show "$seq" --raw; done
rm -r mixed
cp -a old mixed
cp "$V/secrets/kek" mixed/secrets/kek
for seq in "$1" "$4" "$7"; do refused 1 "does not unwrap" "$FUMIKURA" -C mixed show "$seq" --raw; done
all_read old

# A tape needs keys/ and secrets/ of one time.
for keys in "$V" old; do
    "$FUMIKURA" tape restore tape --keys $keys --to restored >out 2>&1 || fail "restore with the keys of $keys: $(cat out)"
    for n in 1 4; do "$FUMIKURA" -C restored show "${!n}" --raw | cmp - "$(mail 1)" || fail "restored with $keys: ${!n}"; done
    rm -r restored
done
refused 1 "does not unwrap" "$FUMIKURA" tape restore tape --keys mixed --to restored
[ ! -e restored ] || fail "something stays of a restore without keys"

# New mail, sealing and disposal go on with it; a second time works as the first.
kept 3
fk seal >/dev/null || fail "seal with the new key"
forward 3
fk hold add keep --reason "control" --seq $(echo $seqs | cut -d ' ' -f 2-) >/dev/null || fail "hold"
accept_clock >out || fail "run: $(cat out)"
refused 1 "disposed of by entry" fk show "$1" --raw
fk keys rotate --json >said || fail "rotate again"
expect "$new $(kek_id "$V/secrets/kek")" "$(jq -r '.from + " " + .to' said)" "the names in JSON"
refused 1 "disposed of by entry" fk show "$1" --raw
fk verify >out || fail "verify: $(cat out)"
for n in 4 7; do fk show "${!n}" --raw | cmp - "$(mail 1)" || fail "entry ${!n}"; done

# What cannot be done is refused before anything is.
before=$(entries) key=$(kek_id "$V/secrets/kek")
unchanged() { expect "$before $key" "$(entries) $(kek_id "$V/secrets/kek")" "$1: entries and key"; }
for words in "" "rotate now" "lists" "rotate --reason" "rotate --what"; do refused 2 "usage: fumikura keys rotate" fk keys $words; done
file=$(ls "$V"/keys/00000002.*.keys)
cp -p "$file" good
printf 'XX' | dd of="$file" bs=1 seek=200 conv=notrunc status=none
refused 1 "all that the key-encryption key wraps must open first" fk keys rotate
cp -p good "$file"
unchanged "a damaged key file"
mv "$V/secrets/kek" elsewhere
ln -s "$PWD/elsewhere" "$V/secrets/kek"
refused 2 "not a plain file" fk keys rotate
rm "$V/secrets/kek"
mv elsewhere "$V/secrets/kek"
unchanged "a link"
expect 0 "$(found_in_files blocks <secrets)" "old keys that are still in the blocks of removed files"
expect "kek log-head log-key" "$(ls "$V/secrets" | paste -sd' ')" "secrets after what was refused"
fk verify >out || fail "verify: $(cat out)"
