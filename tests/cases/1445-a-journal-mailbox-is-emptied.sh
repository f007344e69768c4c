#!/usr/bin/env bash
# a mailbox comes in by IMAP, each message once, and is deleted there only after it is kept here
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 2
vault_new
D=$TEST_DIR/dovecot
mkdir "$D"
at_exit "bash '$ROOT/tests/dovecot.sh' stop '$D'"
read -r imap imaps < <(bash "$ROOT/tests/dovecot.sh" start "$D") || fail "Dovecot does not start"
printf 'secret\n' >pw && chmod 600 pw
box=(--imap "imaps://journal@localhost:$imaps/INBOX" --password-file pw --ca "$D/cert.pem")
put() { # file: into the mailbox, as a mail server would; a Maildir wants a name but once
    local name=$((++names)).test
    cp "$1" "$D/Maildir/tmp/$name"
    [ "$(id -u)" != 0 ] || chown nobody "$D/Maildir/tmp/$name"
    mv "$D/Maildir/tmp/$name" "$D/Maildir/new/"
}
names=0
there() { find "$D/Maildir/new" "$D/Maildir/cur" -type f | wc -l; }
# With what IMAP itself says in their text, NULs left out, and one of 3 MB.
mkdir mails
for i in $(seq 30); do printf 'Message-ID: <%d@x>\r\nSubject: %d\r\n\r\nA001 OK done\r\n* 1 FETCH (BODY[] {5}\r\n)\r\nA00%d NO\r\n.\r\n' "$i" "$i" $((i % 10)) >mails/$(printf %02d "$i"); done
{ printf 'Subject: large\r\n\r\n'; head -c 2200000 /dev/urandom | base64 -w 76 | sed 's/$/\r/'; } >mails/31
for f in mails/*; do put "$f"; done

fk import --job j --json "${box[@]}" >out.json 2>err || fail "$(cat err)"
expect 31 "$(wc -l <out.json)" "messages of the mailbox"
expect 31 "$(there)" "messages left there without --delete-after"
i=0
# UIDs are given in the order in which Dovecot found the files: the Subject says which it is.
while read -r seq; do
    fk show "$seq" --raw >raw
    fk show "$seq" --envelope >>envelopes
    cmp -s raw "mails/$(sed -n 's/^Subject: \([0-9]*\)\r/\1/p; s/^Subject: large\r/31/p' raw | head -n 1 | xargs printf %02d)" && i=$((i + 1))
done < <(jq .seq out.json)
expect 31 $i "messages that are the same bytes"
expect "imaps://localhost:$imaps/INBOX" "$(fk show 1 --envelope | sed -n 's/^origin: //p')" "origin"
expect "31 1" "$(grep -cx 'origin-at: uid [0-9]*, uidvalidity [0-9]*' envelopes) $(grep -c '^origin-at: uid 31,' envelopes)" "where in the mailbox"
# Nothing comes twice; what was brought before is deleted now.
fk import --job j --report r "${box[@]}" --delete-after >out 2>err || fail "$(cat err)"
expect "31 0" "$(jq -r 'select(.sum).sum | "\(.earlier) \(.kept)"' r)" "brought before"
expect 0 "$(there)" "messages left there"
for f in mails/0*; do put "$f"; done
fk import --job j --json "${box[@]}" --delete-after >out.json 2>err || fail "$(cat err)"
expect "9 0" "$(wc -l <out.json) $(there)" "new messages, and what is left of them"

# More than one answer lists.
for i in $(seq 4500); do printf 'Subject: many %d\r\n\r\n' "$i" >"$D/Maildir/new/many$i"; done
[ "$(id -u)" != 0 ] || chown -R nobody "$D/Maildir/new"
fk import --job many --json "${box[@]}" --delete-after >out.json 2>err || fail "$(cat err)"
expect "4500 4500 0" "$(wc -l <out.json) $(jq .at out.json | sort -u | wc -l) $(there)" "a mailbox of 4500"

# STARTTLS; and what is not allowed.
put mails/11
fk import --imap "imap://journal@localhost:$imap/INBOX" --password-file pw --ca "$D/cert.pem" >out 2>err || fail "STARTTLS: $(cat err)"
refused() { # STATUS WORDS OPTIONS...: exit status and what is said
    local status=$1 words=$2
    shift 2
    fk import "$@" >out 2>err
    expect "$status" $? "$*: $(cat err)"
    grep -q -- "$words" err || fail "$*: $(cat err)"
    [ ! -s out ] || fail "$*: something came"
}
refused 1 'certificate' --imap "imaps://journal@localhost:$imaps/INBOX" --password-file pw
printf 'wrong\n' >wrong && chmod 600 wrong
refused 1 'AUTHENTICATIONFAILED' --imap "imaps://journal@localhost:$imaps/INBOX" --password-file wrong --ca "$D/cert.pem"
refused 1 "doesn't exist" --imap "imaps://journal@localhost:$imaps/None" --password-file pw --ca "$D/cert.pem"
refused 2 'without a password' --imap "imaps://journal:secret@localhost:$imaps/INBOX" --password-file pw
refused 2 'is imaps://USER@HOST/MAILBOX' --imap "https://journal@localhost:$imaps/INBOX" --password-file pw
refused 2 'wants --password-file' --imap "imaps://journal@localhost:$imaps/INBOX"
refused 2 '--watch wants --job' --watch 1s "${box[@]}"
chmod 644 wrong
refused 1 'others can read this password' --imap "imaps://journal@localhost:$imaps/INBOX" --password-file wrong
expect "j many" "$(fk import --jobs | cut -f1 | xargs)" "jobs that were left by what could not begin"

# Killed at any moment while it empties the mailbox: what is not there is here, once.
server_start
fk import --job k "${box[@]}" --delete-after >/dev/null 2>&1
for round in 1 2 3 4 5 6; do
    for i in $(seq 60); do printf 'Message-ID: <%d-%d@x>\r\nSubject: round %d\r\n\r\n%d\r\n' $round "$i" $round "$i" >m$round-$i; put m$round-$i; done
    "$FUMIKURA" -C "$V" import --job k "${box[@]}" --delete-after >/dev/null 2>&1 &
    importing=$!
    sleep 0.$((round + 1))
    kill -9 $importing 2>/dev/null
    wait $importing 2>/dev/null
    for i in $(seq 60); do rm m$round-$i; done
done
fk import --resume --job k >/dev/null 2>err || fail "resume: $(cat err)"
expect 0 "$(there)" "messages left after all"
fk index --wait >/dev/null
for round in 1 2 3 4 5 6; do expect 60 "$(fk search --count "subject:\"round $round\"" 2>/dev/null)" "messages of round $round"; done
# In the background, until it is ended.
"$FUMIKURA" -C "$V" import --job w --watch 1s "${box[@]}" --delete-after >watched 2>&1 &
watching=$!
put mails/12
wait_for 20 eval '[ "$(there)" = 0 ]' || fail "--watch: $(cat watched)"
put mails/13
wait_for 20 eval '[ "$(there)" = 0 ]' || fail "--watch, the second time: $(cat watched)"
bash "$ROOT/tests/dovecot.sh" stop "$D"
wait_for 20 grep -q 'localhost' watched || fail "a server that is away is not told"
kill -0 $watching || fail "--watch ended with the server"
kill $watching
wait $watching 2>/dev/null
server_stop

# A server that lies: bounded, told, and nothing is deleted that was not kept whole.
export FUMIKURA_TEST_IMAP_SILENT_S=2
lie() { # MODE: starts it
    rm -f port port.deleted
    exec 7> >(exec python3 "$ROOT/tests/lib/imap_liar.py" "$1" port)
    wait_for 10 test -s port || fail "the liar does not start"
    liar=(--imap "imap://u@127.0.0.1:$(cat port)/INBOX" --password-file pw --delete-after)
}
truth_end() { exec 7>&-; }
came() { # MODE STATUS SUBJECTS DELETED WORDS
    lie "$1"
    "$FUMIKURA" -C "$V" import --json --job "lie-$1" "${liar[@]}" >out.json 2>err
    status=$?
    [ "$2" = not-0 ] && [ $status -ne 0 ] && [ $status -ne 124 ] || expect "$2" $status "$1: its status: $(cat err)"
    expect "$3" "$(jq -r .seq out.json | while read -r s; do fk show "$s" --raw | sed -n 's/^Subject: \(.*\)\r/\1/p'; done | paste -sd' ')" "$1: what was kept"
    expect "$4" "$(cat port.deleted 2>/dev/null | paste -sd' ')" "$1: what was deleted there"
    [ -z "$5" ] || grep -q -- "$5" err || fail "$1: $(cat err)"
    truth_end
}
came honest 0 "3 5 9" "3,5,9" ''
came size 0 "3 5 9" "3,9" 'uid 5, uidvalidity 77: the server says 340 bytes and gave 333'
# Nor by a later run, which finds it brought already.
lie size
for _ in 1 2; do fk import --job twice "${liar[@]}" >out 2>err || fail "size, twice: $(cat err)"; done
truth_end
expect "0 3,9 3,9" "$(wc -l <out) $(cat port.deleted 2>/dev/null | paste -sd' ')" "size, twice: brought by the second run, and deleted there"
came odd-lines 0 "3 5 9" "3,5,9" ''
came once 0 "3 5 9" "3,5,9" ''
came short 75 "3" "" 'cannot fetch a message'
came hang 75 "3" "" 'cannot fetch a message'
came garbage 75 "" "" 'cannot open the mailbox'
came close 75 "" "" 'cannot'
came no-validity 1 "" "" 'names no UIDVALIDITY'
came endless-line not-0 "" "" 'cannot list the messages'
came endless-lines not-0 "" "" 'cannot list the messages'
came boast 0 "3 5 9" "3,5,9" ''
came no-uidplus 1 "3 5 9" "" 'cannot be expunged (UIDPLUS).*BAD what?'
came no-store 1 "3 5 9" "" 'cannot mark messages as deleted.*NO not you'
config in-flight '"8 MiB"'
config size-limit '"8 MiB"'
came huge 1 "3 9" "3,9" 'a message of over 8388608 bytes'
verify_clean "it all"
