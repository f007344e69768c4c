#!/usr/bin/env bash
# with the vault's disk full Postfix answers 452 and its sender keeps the message; with space again it arrives
. "$ROOT/tests/lib/milter.sh"
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
mkdir -p "$TEST_DIR/disk"
root mount -t tmpfs -o size=24m,mode=777 tmpfs "$TEST_DIR/disk" || { echo "a small tmpfs needs root"; exit 77; }
at_exit 'root umount -l "$TEST_DIR/disk"'
V=$TEST_DIR/disk/v
vault_new
milter_vault
config disk-reserve '"8 MiB"'
server_start
postfix_start postfix
taken=0 reply=
for i in $(seq 60); do # no two of them alike: an attachment is stored once
    { printf 'Subject: fill %s\r\n\r\n' "$i"; head -c 700000 /dev/urandom | base64 -w 76 | sed 's/$/\r/'; } >"$TEST_DIR/fill.eml"
    reply=$(through "$port" "$TEST_DIR/fill.eml" 2>&1 | tail -n 1)
    case $reply in 250*) taken=$((taken + 1)) ;; *) break ;; esac
done
case $reply in *"452 4.3.1"*) ;; *) fail "a full disk was answered with: $reply" ;; esac
[ $taken -ge 3 ] || fail "only $taken were taken before the disk was full"
expect "$taken" "$(mail_seqs | wc -l)" "messages that Postfix has accepted, and that are kept"
grep -q 'milter-reject: END-OF-MESSAGE.*4.3.1' "$TEST_DIR/postfix/log/mail.log" || fail "Postfix's log does not say why"
root mount -o remount,size=64m "$TEST_DIR/disk"
taken_now() { through "$port" "$TEST_DIR/fill.eml" | grep -q ^250; }
wait_for 60 taken_now || fail "with space again it is still refused"
expect $((taken + 1)) "$(mail_seqs | wc -l)" "messages kept"
server_stop
verify_clean "it all"
note "$taken taken before the disk was full"
