#!/usr/bin/env bash
# the server fetches from mailboxes by IMAP (a real Dovecot): each message once whenever it is killed, deleted there only after it is kept; a server that is away or does not let us in is told in status and doctor
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 2
export FUMIKURA_TEST_IMAP_SILENT_S=15 # Dovecot answers a wrong password late
vault_new
D=$TEST_DIR/dovecot
mkdir "$D"
at_exit "bash '$ROOT/tests/dovecot.sh' stop '$D'"
read -r imap imaps < <(bash "$ROOT/tests/dovecot.sh" start "$D") || fail "Dovecot does not start"
printf 'wrong\n' >"$V/pw" && chmod 600 "$V/pw"
box() { # NAME LINES...: a section
    local name=$1
    shift
    { echo "imap \"$name\" {"; printf '  %s\n' 'host = "localhost"' "port = $imaps" "ca = \"$D/cert.pem\"" 'user = "journal"' \
        'password-file = "pw"' 'interval = "1 s"' "$@"; echo "}"; } >>"$V/fumikura.conf"
}
cp "$V/fumikura.conf" plain.conf
box google 'delete = "on"' 'source = "google"' 'floor = "P3Y"' 'journal = "on"'
names=0
put() { # file: into the mailbox, as a mail server would
    local name=$((++names)).test
    cp "$1" "$D/Maildir/tmp/$name"
    [ "$(id -u)" != 0 ] || chown nobody "$D/Maildir/tmp/$name"
    mv "$D/Maildir/tmp/$name" "$D/Maildir/new/"
}
there() { find "$D/Maildir/new" "$D/Maildir/cur" -type f | wc -l; }
state() { fk status --json | jq -r ".mailboxes[0] | $1"; }
is_state() { [ "$(state "$1")" = "$2" ]; }
make_mail() { printf 'Message-ID: <%s@x>\r\nFrom: a@example.jp\r\nSubject: round %s\r\n\r\n%s\r\n' "$1" "$2" "$1" >mail; }

# A wrong password: said, not asked for ever; nothing comes in and nothing is deleted. Then the right one, at once.
make_mail first 0 && put mail
server_start
wait_for 20 eval 'fk status | grep -q "mailbox google: 0 messages brought; .*AUTHENTICATIONFAILED"' || fail "status: $(fk status | grep mailbox)"
fk doctor | grep '^warning *mailbox google: .*AUTHENTICATIONFAILED.*; it is tried again' >/dev/null || fail "doctor: $(fk doctor | grep mailbox)"
sleep 3
[ "$(grep -c 'AUTHENTICATIONFAILED' "$SERVER_LOG")" = 1 ] || fail "told over and over: $(grep -c AUTHENTICATIONFAILED "$SERVER_LOG")"
[ "$(grep -c 'auth failed, 1 attempts' "$D/log")" -le 2 ] || fail "a wrong password is tried on and on: $(grep -c 'auth failed' "$D/log")"
expect 1 "$(there)" "messages left there"
chmod 644 "$V/pw"
fk doctor | grep -q '^bad *mailbox google: .*others can read this password' || fail "doctor of a password that others can read"
printf 'secret\n' >"$V/pw" && chmod 600 "$V/pw"
wait_for 20 is_state '"\(.brought) \(.failed) \(.trouble)"' "1 0 null" || fail "the right password: $(state .)"
wait_for 10 eval '[ "$(there)" = 0 ]' || fail "it is kept, and not deleted there"
fk doctor | grep -q '^good *mailbox google: 1 messages brought' || fail "doctor: $(fk doctor | grep mailbox)"
fk doctor | grep -q '^good *journals: reports count from mailbox google$' || fail "doctor: $(fk doctor | grep journals)"
seq=$(for s in $(seq 1 20); do fk show "$s" --entry 2>/dev/null | grep -q ' kind=mail ' && echo "$s"; done | head -n 1)
fk show "$seq" --raw | cmp - mail || fail "not the same bytes"
fk show "$seq" --entry | grep -q ' source=google floor=P3Y ' || fail "line: $(fk show "$seq" --entry)"
fk show "$seq" --envelope >envelope
for line in 'via: import' 'mailbox-name: google' 'journal: trusted' "origin: imaps://localhost:$imaps/INBOX" 'origin-at: uid 1, uidvalidity [0-9]*'; do
    grep -qx "$line" envelope || fail "the envelope has no '$line': $(cat envelope)"
done
# Its sockets: mail to the pen, lines from the desk, and no more than that is what it was given.
tr '\0' '\n' <"/proc/$(role_pid imapd)/cmdline" | grep -qx -- --keep || fail "imapd was given no pen"
refused_job=$(fk import --job imapd mail 2>&1)
expect 2 $? "--job imapd: $refused_job"

# The mail server is away for a while.
bash "$ROOT/tests/dovecot.sh" stop "$D"
wait_for 20 eval '[ "$(state .trouble)" != null ]' || fail "a server that is away is not told"
imapd=$(role_pid imapd)
make_mail away 0 && put mail
cp "$V/fumikura.conf" with-ports
read -r _ imaps2 < <(bash "$ROOT/tests/dovecot.sh" start "$D")
server_stop
sed -i "s/port = $imaps\$/port = $imaps2/" "$V/fumikura.conf"
server_start
wait_for 20 eval '[ "$(there)" = 0 ]' || fail "not fetched when it is back: $(state .)"
wait_for 20 is_state .trouble null || fail "trouble that is over: $(state .)"

# imapd, the pen, the desk and all of it killed, at any moment, while mail comes in there: each is here once, and none is left.
round=0
for victim in imapd imapd keep keep lend all imapd keep; do
    round=$((round + 1))
    for i in $(seq 40); do make_mail "r$round-$i" "r$round" && put mail; done
    sleep 0.$((round % 7 + 2))
    if [ $victim = all ]; then server_kill; server_start; else kill -9 "$(role_pid $victim)" 2>/dev/null; fi
    wait_for 60 eval '[ "$(there)" = 0 ]' || fail "$victim killed: $(there) messages are left; $(state .)"
done
fk index --wait >/dev/null 2>&1
for r in $(seq $round); do
    expect "40 40" "$(fk search --count "subject:\"round r$r\"" 2>/dev/null) $(fk search --captures --json --limit 1000 "subject:\"round r$r\"" 2>/dev/null | jq -r 'select(.seq) | .capture_seqs[]' | sort -u | wc -l)" "messages and captures of round $r"
done
server_stop
verify_clean "kills"

# Between the commit here and the deletion there, nothing but that: a server that refuses to delete, then the process anew.
cp plain.conf "$V/fumikura.conf"
export FUMIKURA_TEST_IMAP_SILENT_S=2
lie() { # MODE: starts it
    rm -f port port.deleted
    exec 7> >(exec python3 "$ROOT/tests/lib/imap_liar.py" "$1" "$TEST_DIR/port")
    wait_for 10 test -s port || fail "the liar does not start"
}
liar() { # the section for it
    cp plain.conf "$V/fumikura.conf"
    { echo 'imap "liar" {'; printf '  %s\n' 'host = "127.0.0.1"' "port = $(cat port)" 'tls = "starttls"' 'user = "u"' 'password-file = "pw"' 'interval = "1 s"' \
        'delete = "on"'; echo "}"; } >>"$V/fumikura.conf"
}
lie no-store && liar
server_start
wait_for 20 eval 'state .trouble | grep -q "cannot mark messages as deleted"' || fail "no-store: $(state .)"
expect 3 "$(state .brought)" "no-store: brought"
kill -9 "$(role_pid imapd)"
wait_for 20 grep -q 'imapd was ended by signal 9' "$SERVER_LOG" || fail "imapd was not killed"
wait_for 20 role_pid imapd || fail "imapd is not started anew"
sleep 3
mail_lines() { for s in $(seq "$seq" "$(($(fk status --json | jq .next) - 1))"); do fk show "$s" --entry 2>/dev/null; done | grep -c ' kind=mail .* source=mail '; }
expect 3 "$(mail_lines)" "no-store: messages in the ledger after imapd was killed and asked again and again"
server_stop
exec 7>&-

# Lying sizes: kept, told, and never deleted there, by this process nor the next.
lie size && liar
server_start
wait_for 20 test -s port.deleted || fail "size: nothing was deleted"
wait_for 20 grep -q 'uid 5, uidvalidity 77: the server says 340 bytes and gave 333' "$SERVER_LOG" || fail "size: not told"
kill -9 "$(role_pid imapd)"
sleep 1
wait_for 20 role_pid imapd || fail "imapd is not started anew"
sleep 2
! grep -q 5 port.deleted || fail "size: deleted there: $(cat port.deleted)"
server_stop
exec 7>&-
for mode in short hang garbage no-validity endless-lines; do
    lie $mode && liar
    server_start
    wait_for 40 eval '[ "$(state .trouble)" != null ]' || fail "$mode: $(state .)"
    [ ! -s port.deleted ] || [ "$(cat port.deleted)" = 3 ] || fail "$mode: deleted $(cat port.deleted)"
    server_stop
    exec 7>&-
done
# A mailbox that is not emptied is not listed anew from its beginning each second; what is new is found at its end.
lie many && liar
sed -i '/delete = "on"/d' "$V/fumikura.conf"
server_start
wait_for 60 is_state .brought 1000 || fail "many: $(state .)"
: >port.lists
sleep 4
n=$(wc -l <port.lists)
[ "$n" -ge 2 ] && [ "$n" -le 10 ] || fail "many: listed by $n commands within 4 s: $(head -n 30 port.lists)"
server_stop
exec 7>&-
# One that is too large is told, and left there; the others come in.
lie huge && liar
config in-flight '"8 MiB"'
config size-limit '"8 MiB"'
server_start
wait_for 60 is_state '"\(.failed) \(.reason)"' "1 uid 5, uidvalidity 77: a message of over 8388608 bytes; raise in-flight for it" || fail "huge: $(state .)"
fk doctor | grep -q '^warning *mailbox liar: 1 messages were not taken' || fail "huge: $(fk doctor | grep mailbox)"
fk status | grep -q 'mailbox liar: 2 messages brought.*1 not taken and left there: uid 5' || fail "huge: $(fk status | grep mailbox)"
server_stop
exec 7>&-
verify_clean "it all"
