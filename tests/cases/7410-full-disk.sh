#!/usr/bin/env bash
# on a full disk mail is answered 452, reads go on until the reserve is spent, and with space all goes on
. "$ROOT/tests/lib/server.sh"
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
mkdir -p "$TEST_DIR/disk"
root mount -t tmpfs -o size=48m,mode=777 tmpfs "$TEST_DIR/disk" || { echo "a small tmpfs needs root"; exit 77; }
at_exit 'root umount -l "$TEST_DIR/disk"'
V=$TEST_DIR/disk/v
own_mails
vault_new
config disk-reserve '"8 MiB"'
server_start
mkdir "$TEST_DIR/fill" # no two of them alike: an attachment is stored once
for i in $(seq 100); do
    { printf 'Subject: fill\r\n\r\n'; head -c 700000 /dev/urandom | base64 -w 76 | sed 's/$/\r/'; } >"$TEST_DIR/fill/$i.eml"
done
blast -c 4 -o "$TEST_DIR/acks" "$(address smtp)" "$TEST_DIR/fill" >"$TEST_DIR/blast" 2>&1 && fail "95 MB went into 48: $(cat "$TEST_DIR/blast")"
[ -s "$TEST_DIR/acks" ] || fail "nothing was taken before the disk was full"
reply=$(send "$TEST_DIR/fill/100.eml" 2>&1 | tail -n 1)
case $reply in *452*4.3.1*) ;; *) fail "a full disk was answered with: $reply" ;; esac
seq=$(head -n 1 "$TEST_DIR/acks" | cut -f 2) sent=$(head -n 1 "$TEST_DIR/acks" | cut -f 1)
# Reads are recorded, from the reserve.
for _ in $(seq 20); do
    fk show "$seq" --raw >"$TEST_DIR/raw" || fail "a read while mail is refused"
done
cmp -s "$TEST_DIR/raw" "$sent" || fail "not what was sent"
# The reserve spent: somebody else takes the disk. Then reads are refused too, before anything is shown.
head -c 48M /dev/zero >"$TEST_DIR/disk/ballast" 2>/dev/null
reason=$(head -c 4000 /dev/urandom | xxd -p | tr -d '\n') # records that take up room
refused_a_read() { ! fk show "$seq" --raw --reason "$reason" >"$TEST_DIR/raw" 2>"$TEST_DIR/err"; }
for _ in $(seq 400); do refused_a_read && break; done
refused_a_read || fail "reads went on although nothing can be recorded"
[ ! -s "$TEST_DIR/raw" ] || fail "something was shown without a record"
rm "$TEST_DIR/disk/ballast"
all_read_again() { fk show "$seq" --raw >"$TEST_DIR/raw" && cmp -s "$TEST_DIR/raw" "$sent"; }
wait_for 40 all_read_again || fail "with space again reads are still refused"
server_stop
# More room: mail is taken again.
root mount -o remount,size=96m "$TEST_DIR/disk"
server_start
send "$TEST_DIR/mails/01-iso-2022-jp.eml" | grep -q ^250 || fail "with space again mail is still refused"
all_acked "$TEST_DIR/acks"
server_stop
verify_clean "it all"
note "$(wc -l <"$TEST_DIR/acks") taken before the disk was full, all there"
