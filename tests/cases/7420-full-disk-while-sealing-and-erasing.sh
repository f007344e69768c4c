#!/usr/bin/env bash
# a disk that is full while a segment is sealed or messages are erased: it is said, nothing is lost, and with space it is finished
. "$ROOT/tests/lib/kept.sh"
command -v mkfs.ext4 >/dev/null || { echo "mkfs.ext4 is missing"; exit 77; }
truncate -s 128M image && mkfs.ext4 -q -F -m 0 image && mkdir disk fill || fail "mkfs.ext4"
root mount -o loop image disk || { echo "a loop device needs root"; exit 77; }
at_exit 'root umount -l "$TEST_DIR/disk" 2>/dev/null'
root chown "$(id -u)" disk
V=$TEST_DIR/disk/v
vault_new
class short P1D received gone
config disk-reserve '"1 MiB"'
{ cat "$V/fumikura.conf"; echo 'source = "gone"'; } >"$V/gone.conf"
for i in $(seq 9); do # no two alike
    { printf 'Subject: fill %d\r\n\r\n' "$i"; head -c 400000 /dev/urandom | base64 -w 76 | sed 's/$/\r/'; } >"fill/$i.eml"
done
taken() { fk import fill/*.eml >>acks || fail "import"; }
left() { # KIB: of a disk that is full to its last block as many are given back
    local more=1 had=0
    while [ $more -gt 0 ]; do # what is written late shows late what it took
        head -c 128M /dev/zero >>disk/ballast 2>/dev/null
        sync -f disk
        more=$(($(stat -c %s disk/ballast) - had)) had=$(stat -c %s disk/ballast)
    done
    truncate -s "-${1}K" disk/ballast
    sync -f disk
}
space() { rm -f disk/ballast; sync -f disk; }
# At each of these amounts of space a command is run: it is done, or says what is the matter and exits with 75.
times_full=0
tight() { # KIB COMMAND...
    local rc kib=$1
    shift
    left "$kib"
    "$@" >out 2>err
    rc=$?
    [ $rc -eq 0 ] && return 0
    [ $rc -eq 75 ] || fail "$*, with $kib KiB: exit $rc: $(cat out err)"
    grep -q "No space left\|less than the reserve" err || fail "$*, with $kib KiB: does not say why: $(cat err)"
    times_full=$((times_full + 1))
    return 75
}

# What was begun may be left over: verify names it, and the next that writes removes it.
sound() {
    fk verify >out 2>err && return
    grep -q " check leftover: " out && ! grep " check " out | grep -v " check leftover: " || fail "verify after $1: $(cat out err)"
}

# Sealing.
taken
for kib in 0 16 600 3000 5000; do
    tight $kib fk seal
    space
    sound "sealing with $kib KiB"
done
[ $times_full -ge 3 ] || fail "the control: $times_full times the disk was full while a segment was sealed"
fk seal >out || fail "seal with space: $(cat out)"
ls "$V/segments" | grep -qx '00000001\.sealed' || fail "not sealed: $(ls "$V/segments")"
all_acked acks fill/*.eml
expect "" "$(ls "$V/segments" "$V/keys" | grep '\.sealing$\|\.new$')" "left by what was refused"

# Erasing: in a sealed segment with so many messages that stay that its new key file needs space.
mbox() {
    python3 -c 'import sys
for n in range(int(sys.argv[1])):
    print(f"From a@example.com Tue Nov 24 10:00:00 2026\nMessage-ID: <{n}@example.com>\nSubject: {n}\n\n{n}\n")' "$1"
}
mbox 800 >stay.mbox
mbox 50 >go.mbox
sealed_with() { # FILE that gets the lines of those that are to go
    fk import stay.mbox >/dev/null && "$FUMIKURA" -c "$V/gone.conf" import go.mbox >"$1" || fail "import"
    fk seal >out || fail "seal: $(cat out)"
}
readable() { # of those in the file $1: how many some key on the raw disk still opens
    sync -f disk
    cut -f 1 "$1" | python3 "$ROOT/tests/lib/opened.py" image | wc -l
}
none_readable() { [ "$(readable "$1")" = 0 ]; }
disposals() { fk audit --json | jq -s 'map(select(.kind == "dispose")) | length'; }
# begun FILE: the disk is full, the ledger orders it, the keys are there: that is said.
begun() {
    sound "the disk was full"
    grep -q "^50 more are disposed of by an entry, and their keys are not destroyed yet" out || fail "verify does not name it: $(cat out)"
    [ "$(fk verify --json 2>/dev/null | jq -s 'last | .sum.unfinished')" = 50 ] || fail "verify --json: $(fk verify --json | tail -n 1)"
    expect 50 "$(readable "$1")" "readable before there is space"
}
# Nobody is told in court that it is done: with a server, as no command can have the pen without.
no_certificate() {
    local entry
    entry=$(fk audit --json | jq -s 'map(select(.kind == "dispose")) | last | .seq')
    refused 1 "not done yet" fk retention certificate "$entry"
    grep -q "^keys      NOT destroyed yet" "$TEST_DIR/refused.out" || fail "the certificate: $(cat "$TEST_DIR/refused.out")"
    [ "$(fk retention certificate "$entry" --json 2>/dev/null | jq .unfinished)" = true ] || fail "the certificate's JSON"
}
done_now() { # DISPOSALS FILE
    expect "$1" "$(disposals)" "dispose entries"
    expect 0 "$(readable "$2")" "readable after it"
    refused 1 "disposed of by entry" fk show "$(head -n 1 "$2" | cut -f 1)" --raw
    all_acked acks fill/*.eml
    fk verify >out 2>&1 || fail "verify: $(cat out)"
    grep -q "not destroyed yet" out && fail "verify: $(cat out)"
}
dispose() { (forward 3650 && accept_clock); }

# With a server it goes on by itself.
sealed_with first
server_start
fk index --wait >/dev/null || fail "index" # or it gives space back while it goes on
tight 0 dispose && fail "the control: the disk is not full for a disposal by a server: $(cat out)"
grep -q "not done yet (entry [0-9]*): " err || fail "says: $(cat err)"
begun first
no_certificate
space
wait_for 30 none_readable first || fail "with space it does not go on: $(tail -n 3 "$SERVER_LOG")"
server_stop
done_now 1 first

# Without one the next command does it, and as long as there is no space says why not.
sealed_with second
tight 0 dispose && fail "the control: the disk is not full for a disposal: $(cat out)"
begun second
tight 0 fk audit --reason test && fail "the control: the disk is not full for the next command: $(cat out)"
space
fk audit --reason test >out || fail "with space: $(cat out)"
done_now 2 second
note "$times_full times the disk was full"
