#!/usr/bin/env bash
# a set is written, verified by us and by coreutils alone, listed, and restored to a vault that gives the same bytes
. "$ROOT/tests/lib/kept.sh"
vault_new
class short P1D
kept 3
fk hold add keep --reason "stays" --seq 1 2 >/dev/null || fail "hold"
fk tape write --to one >out || fail "tape write: $(cat out)"
kept 2
fk tape write --to two --since-last >out || fail "tape write --since-last: $(cat out)"
set -- $seqs
for set in one two; do
    fk tape verify $set >out || fail "tape verify $set: $(cat out)"
    grep -q '^the archive has recorded it in entry' out || fail "not recorded: $(cat out)"
    # The commands of README.txt, in both languages, without any program of ours.
    for readme in README.txt README.ja.txt; do
        (cd $set && sh -ec "$(sed -n 's/^    //p' $readme)") >out 2>&1 || fail "$set/$readme: $(cat out)"
        grep -q '^chain ok' out || fail "$set/$readme: the chain: $(cat out)"
        grep -q 'NOT SEALED\|FAILED' out && fail "$set/$readme: $(cat out)"
    done
    grep -rlE 'fumikura-(kek|keys)/1 ' $set/data/segments $set/data/ledger && fail "a key is on the set"
done
FUMIKURA_CONFIG='' "$FUMIKURA" tape verify one >/dev/null || fail "verify without a vault"
expect "one two" "$(fk tape list --json | jq -r .where | xargs -n1 basename | xargs)" "the sets in the ledger"

for set in one two; do
    signed=$("$FUMIKURA" tape verify $set --json | jq -r 'select(.type == "summary").signed')
    [ "$signed" -gt 3 ] || fail "the checkpoint of set $set covers $signed entries"
done
# A checkpoint of another ledger, in a set whose manifests are made anew, is seen.
cp -a two forged
cp -a "$V" forger # the same key, another past
rm -rf forger/run/*.sock forger/log forger/secrets/log-head
for i in 1 2 3 4 5 6 7 8; do "$FUMIKURA" -C forger audit --reason x >/dev/null || fail "the forger's ledger"; done
sed -i "s/^floor.*/floor = \"P1D\"/" forger/fumikura.conf
"$FUMIKURA" -C forger checkpoint >forged/data/log/checkpoint || fail "the forger's checkpoint"
manifests_anew() {
    (cd "$1" && for n in 256 512; do find data -type f | sort | xargs sha${n}sum >manifest-sha$n.txt; done
        sed -i "s/^Payload-Oxum: .*/Payload-Oxum: $(find data -type f -printf '%s\n' | awk '{n += $1} END {print n "." NR}')/" bag-info.txt
        find . -maxdepth 1 -type f ! -name 'tagmanifest*' -printf '%P\n' | sort | xargs sha256sum >tagmanifest-sha256.txt)
}
manifests_anew forged
"$FUMIKURA" tape verify forged >out && fail "a checkpoint over entries that are not here: $(cat out)"
grep -q '^FAILED checkpoint: data/log/checkpoint: it is over' out || fail "a forged checkpoint: $(cat out)"
cp two/data/log/checkpoint forged/data/log/checkpoint
python3 - forged/data/ledger/*.txt <<'PY'
import hashlib, re, sys # the forger changes an entry's word and chains all that follow anew
lines = open(sys.argv[-1], "rb").read().splitlines(keepends=True)
lines[2] = lines[2].replace(b"kind=mail", b"kind=mall")
for i in range(3, len(lines)):
    lines[i] = re.sub(rb"prev=[0-9a-f]{64}", b"prev=" + hashlib.sha256(lines[i - 1]).hexdigest().encode(), lines[i], count=1)
open(sys.argv[-1], "wb").write(b"".join(lines))
head = hashlib.sha256(lines[-1]).hexdigest()
info = open("forged/bag-info.txt").read()
open("forged/bag-info.txt", "w").write(re.sub(r"Fumikura-Head: .*", "Fumikura-Head: " + head, info))
PY
manifests_anew forged
"$FUMIKURA" tape verify forged >out && fail "a ledger that was chained anew: $(cat out)"
expect 1 "$(grep -c ^FAILED out)" "findings of a ledger that was chained anew: $(cat out)"
grep -q '^FAILED checkpoint: data/log/checkpoint: it was signed over another ledger' out || fail "chained anew: $(cat out)"

# What is disposed of after the sets were written cannot be read from them with the keys as they are now.
cp -a "$V" old-copy
forward 3
accept_clock >/dev/null || fail "run"
refused 1 "segment 1 is on none of the sets" fk tape restore two --keys "$V" --to w
rm -rf w
"$FUMIKURA" tape restore one two --keys "$V" --to w >out || fail "restore: $(cat out)"
for name in manifest-sha256.txt data/ledger/000000000000.txt; do
    rm -rf pipes && cp -a two pipes && rm -f pipes/$name && mkfifo pipes/$name
    refused 1 "$name: is no plain file" timeout 20 "$FUMIKURA" tape restore pipes one --keys "$V" --to no-$RANDOM
done
V=w
for n in 1 2; do fk show "${!n}" --raw | cmp - "$(mail $n)" || fail "message ${!n} after the restore"; done
for n in 3 4 5; do refused 1 "disposed of by entry" fk show "${!n}" --raw; done
fk verify >out || fail "verify of the restored vault: $(cat out)"
expect keep "$(fk hold list --json | jq -r .name)" "holds of the restored vault"
fk import "$(mail 1)" >/dev/null || fail "the restored vault takes no mail"

# With a copy of the keys from before the disposal all can be read: such copies are what docs warn of.
"$FUMIKURA" tape restore one two --keys old-copy --to x >out || fail "restore with old keys: $(cat out)"
V=x
fk show "$3" --raw | cmp - "$(mail 3)" || fail "message $3 with the old keys"
fk verify >out || fail "verify: $(cat out)"
chmod 644 old-copy/secrets/kek
refused 1 "others can read" fk tape restore one two --keys old-copy --to y
chmod 600 old-copy/secrets/kek
refused 2 "is not empty" fk tape restore one two --keys w --to x

# Of a segment that two sets have the copy that is whole is taken, and the damaged one is named.
cp -a one rotten
printf X | dd of=rotten/data/segments/00000001.sealed bs=1 seek=5000 conv=notrunc 2>/dev/null
refused 0 "another copy is tried: rotten/data/segments/00000001.sealed: SHA-256 is" fk tape restore rotten one two --keys old-copy --to z
rm rotten/data/segments/00000001.sealed && mkfifo rotten/data/segments/00000001.sealed
refused 1 "00000001.sealed: is no plain file" timeout 20 "$FUMIKURA" tape restore rotten two --keys old-copy --to y
V=z
fk verify >out || fail "verify: $(cat out)"
V=x

# What fails leaves nothing, no key above all, and the place is free for the next attempt.
[ ! -e y ] || fail "a refused restore left: $(find y)"
"$FUMIKURA" init other >/dev/null || fail "init of another archive"
refused 2 "other: is of another archive" fk tape restore one two --keys other --to y
mkdir other/no-ledger && cp -a other/keys other/secrets other/no-ledger/
refused 1 "or of another archive" fk tape restore one two --keys other/no-ledger --to y
mv old-copy/keys/00000002.* .
refused 1 "there is no key file of segment 2" fk tape restore one two --keys old-copy --to y
[ ! -e y ] || fail "a failed restore left: $(find y)"
mkdir y y/lost+found
FUMIKURA_FAULT=rename:5:eio refused 75 "cannot rename" fk tape restore one two --keys w --to y
refused 1 "there is no key file of segment 2" fk tape restore one two --keys old-copy --to y
expect lost+found "$(ls -A y)" "what failed restores left in a directory that was there"
mv 00000002.* old-copy/keys/
fk tape restore one two --keys old-copy --to y >out || fail "the restore after failed ones: $(cat out)"
