#!/usr/bin/env bash
# killed, full, damaged, foreign: nothing is recorded, it is said what is wrong, and --continue finishes a set
. "$ROOT/tests/lib/kept.sh"
vault_new
kept 3
sets() { fk tape list --json | wc -l; }
# Killed at each of the first pieces that are written. (Each attempt seals what came since, so that a later one
# has more pieces.)
for step in 1 2 3 4 5 6 7 8; do
    rm -rf t
    FUMIKURA_FAULT=tape-write:$step:kill fk tape write --to t >out 2>&1 && fail "not killed at step $step"
    expect 0 "$(sets)" "sets in the ledger after a kill at step $step"
    [ $step -eq 1 ] || refused 2 "interrupted" fk tape write --to t # at the first there is nothing yet
done
rm -rf t u
FUMIKURA_FAULT=tape-write:8:kill fk tape write --to u >out 2>&1
# Pipes where its files were: nobody waits for them.
cp -a u pipes
rm pipes/bag-info.txt && mkfifo pipes/bag-info.txt
refused 1 "pipes/bag-info.txt: is no plain file" timeout 20 "$FUMIKURA" -C "$V" tape write --to pipes --continue
mkfifo u/bag-info.txt.new
timeout 20 "$FUMIKURA" -C "$V" tape write --to u --continue >out || fail "--continue: $(cat out)"
fk tape verify u >out || fail "verify: $(cat out)"
refused 2 "recorded already" fk tape write --to u --continue
cp -a u worn
printf 'X' | dd of=worn/data/segments/00000001.sealed bs=1 seek=5000 conv=notrunc 2>/dev/null
refused 1 "was recorded in entry $(fk tape list --json | jq .entry) and is damaged since (digest: data/segments/00000001.sealed" fk tape write --to worn --continue
refused 2 "a set in it already" fk tape write --to u

# No room: the partial file is removed.
FUMIKURA_FAULT=tape-write:6:enospc refused 75 "No space left" fk tape write --to f
[ -z "$(find f -name '*.new')" ] || fail "a partial file was left: $(find f)"
# What is read back is not what was written.
FUMIKURA_FAULT=tape-read-back:1:stop "$FUMIKURA" -C "$V" tape write --to d >out 2>&1 &
writer=$!
at_exit "kill -9 $writer 2>/dev/null"
wait_for 20 stopped $writer || fail "it did not come to reading back"
file=$(ls d/data/segments/*.sealed | head -n 1)
printf 'X' | dd of="$file" bs=1 seek=5000 conv=notrunc 2>/dev/null
kill -CONT $writer
wait $writer && fail "a damaged set was taken"
grep -q 'nothing is recorded' out || fail "$(cat out)"
refused 1 "FAILED digest: ${file#d/}" "$FUMIKURA" tape verify d
expect 1 "$(sets)" "sets in the ledger"
mkdir g && touch g/somebody-elses
# A wrong target is seen before anything is sealed for it.
fk import "$(mail 1)" >/dev/null || fail "import"
before=$(entries)
touch file
refused 2 "somebody-elses" fk tape write --to g
refused 2 "h/: there is no such directory" fk tape write --to h/i
refused 2 "file: is no directory" fk tape write --to file
refused 2 "in the vault's own directory" fk tape write --to "$V/tape"
[ ! -e "$V/tape" ] || fail "a directory was made in the vault"
refused 2 "in the vault's own directory" fk tape write --to "$V/../$(basename "$V")/log"
expect "$before" "$(entries)" "entries after targets that were refused"
# So are what is no set.
refused 2 "nosuch: there is no such directory" "$FUMIKURA" tape verify nosuch
refused 2 "file: is no directory" "$FUMIKURA" tape verify file
refused 2 "nosuch: there is no such directory" "$FUMIKURA" tape restore nosuch --keys "$V" --to r
refused 2 "g/data/segments: there is no such directory" "$FUMIKURA" tape restore g --keys "$V" --to r
if [ "$(id -u)" != 0 ]; then
    chmod 0 g
    refused 1 "g: Permission denied" "$FUMIKURA" tape verify g
    refused 1 "g: Permission denied" "$FUMIKURA" tape restore g --keys "$V" --to r
    refused 1 "g: Permission denied" fk tape write --to g
    chmod 700 g
fi
