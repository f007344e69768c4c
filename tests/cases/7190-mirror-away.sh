#!/usr/bin/env bash
# a mirror that is full, hangs, or is not mounted: nothing acknowledged is lost, reads go on, and it catches up
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/mirror.sh"
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
disk=$TEST_DIR/disk M=$TEST_DIR/disk/mirror
mkdir "$disk"
truncate -s 64M "$TEST_DIR/image" && mkfs.ext4 -q -E root_owner="$(id -u):$(id -g)" "$TEST_DIR/image" || fail "mkfs.ext4"
mount_it() { root mount -o loop "$TEST_DIR/image" "$disk"; }
mount_it || { echo "a disk of its own needs root"; exit 77; }
at_exit 'root fsfreeze -u "$disk" 2>/dev/null; root umount -l "$disk"'
own_mails
cd "$TEST_DIR" || exit 1
vault_new
config segment-size '"4 MiB"'
mirrored sync
server_start
mail_is() { send mails/01-iso-2022-jp.eml 2>&1 | tail -n 1 | grep -q "^$1"; }
wait_for 20 mail_is 250 || fail "no mail with its mirror there"
seq=$(send mails/01-iso-2022-jp.eml | seq_of)

# Full: somebody else takes the mirror's disk.
head -c 64M /dev/zero >"$disk/ballast" 2>/dev/null
blast -c 4 -r 400 -o acks "$(address smtp)" mails/*.eml >blast 2>&1 # to the first refusal
wait_for 20 mail_is 451 || fail "a full mirror is answered with: $(send mails/01-iso-2022-jp.eml 2>&1 | tail -n 1)"
fk show "$seq" --raw | cmp - mails/01-iso-2022-jp.eml || fail "a read while the mirror is full"
fk hold add full --seq "$seq" --reason t >/dev/null || fail "a hold while the mirror is full"
fk status | grep -q '^mirror (sync): .* behind, .* it is away: .*No space left' || fail "status: $(fk status)"
rm "$disk/ballast"
wait_for 30 mail_is 250 || fail "with space again mail is still refused: $(fk status)"
mirror_is trouble null || fail "status: $(fk status)"

# Hanging: its disk stands still. A message waits half a minute and is answered 451; a read does not wait.
root fsfreeze -f "$disk" || fail "fsfreeze"
began=$SECONDS
mail_is 451 || fail "a mirror that hangs is answered with something else"
[ $((SECONDS - began)) -lt 50 ] || fail "answered after $((SECONDS - began)) s"
began=$SECONDS
fk show "$seq" --raw | cmp - mails/01-iso-2022-jp.eml || fail "a read while the mirror hangs"
[ $((SECONDS - began)) -lt 10 ] || fail "a read took $((SECONDS - began)) s"
# From then on it is away: another message is refused at once and is no entry, and the key is not exchanged.
fk status | grep -q 'it is away: .*has not caught up for 30 s' || fail "status: $(fk status)"
before=$(fk status --json | jq .next)
began=$SECONDS
for _ in 1 2 3; do mail_is 451 || fail "taken while the mirror hangs"; done
timeout 20 "$FUMIKURA" -C "$V" keys rotate >out 2>&1
[ $? -eq 75 ] && grep -q "the mirror is away, and would be left with the old key" out || fail "keys rotate: $(cat out)"
[ $((SECONDS - began)) -lt 15 ] || fail "these took $((SECONDS - began)) s"
expect "$before" "$(fk status --json | jq .next)" "entries"
root fsfreeze -u "$disk"
wait_for 30 mail_is 250 || fail "after that mail is still refused"
fk keys rotate >out || fail "keys rotate with the mirror back: $(cat out)"
wait_for 10 diff -r "$V/keys" "$M/keys" || fail "key files of the mirror: $(diff -r "$V/keys" "$M/keys")"
server_stop

# The same with a mirror that follows: mail is taken all the while.
config mirror '"async"'
server_start
root fsfreeze -f "$disk" || fail "fsfreeze"
blast -c 4 -r 12 -o acks2 "$(address smtp)" mails/*.eml >blast 2>&1 || fail "mail waits for a mirror that is to follow: $(cat blast)"
[ "$(fk status --json | jq .mirror.behind)" -gt 100 ] || fail "status: $(fk status)"
root fsfreeze -u "$disk"
wait_for 30 mirror_is behind 0 || fail "it does not catch up: $(fk status)"
server_stop

# Not mounted: the directory below the mount is not filled in its place.
root umount "$disk" || fail "umount"
mkdir -p "$M" || fail "mkdir"
server_start
wait_for 20 eval 'fk status | grep -q "may not be mounted"' || fail "status: $(fk status)"
blast -c 4 -r 6 -o acks3 "$(address smtp)" mails/*.eml >blast 2>&1 || fail "mail waits for a mirror that is not there"
expect "" "$(ls "$M")" "in place of the mirror"
mount_it || fail "mount"
wait_for 30 mirror_is behind 0 || fail "mounted again, it does not catch up: $(fk status)"
server_stop
cat acks2 acks3 >>acks
all_acked acks
all_in_mirror acks
note "$(wc -l <acks) acknowledged, all in both"
