#!/usr/bin/env bash
# the vault's disk is lost under load: a vault made of the mirror and the secrets has every acknowledged message
. "$ROOT/tests/lib/kept.sh"
. "$ROOT/tests/lib/mirror.sh"
vault_new
own_mails
class short P1D
# Where a mirror may not be, and what a configuration must say.
refused 2 "is in the vault" fk mirror init "$V/mirror"
mkdir full && touch full/something
refused 2 'is not empty ("something")' fk mirror init full
refused 2 "expected init DIR" fk mirror
refused 2 "restore DIR --keys" fk mirror restore "$M" --to x
config mirror '"sometimes"'
refused 2 'expected "off", "async" or "sync"' fk status
config mirror '"sync"'
refused 2 "no mirror-dir says where" fk status
config mirror '"off"'
# What is there before the mirror is brought over too, sealed and open.
kept 3
fk seal >/dev/null || fail "seal"
kept 3
mirrored sync
config segment-size '"2 MiB"'
fk mirror init "$M" >/dev/null || fail "a second init of the same one"
fk doctor | grep -q "^warning *mirror: .* is on the vault's own disk" || fail "doctor: $(fk doctor)"
mv "$M" elsewhere
fk doctor | grep -q '^bad *mirror: .*there is no mirror in it' || fail "doctor: $(fk doctor)"
mv elsewhere "$M"
server_start
wait_for 20 mirror_is behind 0 || fail "the mirror does not follow: $(fk status)"
mirror_is mode sync || fail "status: $(fk status --json)"
blast -c 8 -r 16 -o "$TEST_DIR/acks" "$(address smtp)" mails/*.eml >blast 2>&1 || fail "$(cat blast)"
send mails/01-iso-2022-jp.eml | grep -q ^250 || fail "one more"
wait_for 20 mirror_is behind 0 || fail "the mirror does not follow: $(fk status)"
[ -e "$M/segments/00000002.sealed" ] || wait_for 20 test -e "$M/segments/00000002.sealed" || fail "nothing sealed follows: $(ls "$M/segments")"
refused 75 "stop it first" "$FUMIKURA" mirror restore "$M" --keys "$V" --to "$R"
# Disposed of in both places when the command ends, and its key in neither.
set -- $seqs
fk hold add keep --seq "$2" --seq "$3" --seq "$4" --seq "$5" --seq "$6" --reason t >/dev/null || fail "hold"
server_stop
forward 3
server_start
accept_clock >/dev/null || fail "retention run"
wait_for 20 mirror_is behind 0 || fail "the mirror does not follow"
diff -r "$V/keys" "$M/keys" >differs || fail "key files differ: $(cat differs)"
newest=$(fk status --json | jq .next)
# The disk goes while mail comes in.
blast -a -c 8 -r 100000 -o "$TEST_DIR/acks2" "$(address smtp)" mails/*.eml >blast 2>&1 &
blast=$!
sleep 1.5
server_kill
kill $blast; wait $blast
[ -s acks2 ] || fail "nothing was acknowledged"
mkdir stick && cp -a "$V/secrets" stick/ && mv "$V" lost
V=$TEST_DIR/stick
all_in_mirror acks2
grep -q '^restored entries 0-' restored.out || fail "$(cat restored.out)"
[ "$("$FUMIKURA" -C "$R" status --json | jq .next)" -gt "$newest" ] || fail "not all of it"
# What the hold kept is there, what was disposed of is not.
"$FUMIKURA" -C "$R" show "$2" --raw >raw || fail "a held message is not in it"
cmp raw "$(mail 2)" || fail "a held message is another"
"$FUMIKURA" -C "$R" show "$1" --raw >raw 2>err && fail "a message that was disposed of is back"
# It goes on, searchable, with the same mirror.
V=$R
config mirror '"async"'
config mirror-dir "\"$M\""
unset FUMIKURA_TEST_CLOCK
fk index --wait >/dev/null || fail "index"
fk import mails/01-iso-2022-jp.eml >imported || fail "import after it"
mirror_is behind 0 || fail "the restored vault's mirror: $(fk status)"
# The old disk, found again, may not write to it.
sed -i 's/^mirror = .*/mirror = "async"/' lost/fumikura.conf
V=$TEST_DIR/lost
fk audit --reason t >/dev/null || fail "a command on the old vault"
mirror_is trouble null && fail "the old vault wrote to the mirror"
fk status | grep -q 'they parted before it\|ends before' || fail "status: $(fk status)"
V=$R
fk import mails/01-iso-2022-jp.eml >/dev/null && mirror_is trouble null || fail "and now it is damaged: $(fk status)"
note "$(wc -l <acks2) acknowledged in the last moments, all there"
