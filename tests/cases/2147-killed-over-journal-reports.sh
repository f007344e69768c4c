#!/usr/bin/env bash
# killed between a journal report's two judgements, or with its reader gone, each message is judged once and rightly; a reader that dies over a message costs that one
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/auth.sh"
cd "$TEST_DIR" || exit 1
dns_start
key_new sender.example s1
# Nobody answers for the wrapper's key: there is time to kill what waits for it, its message judged already.
key_new late.example j1
zone "j1._domainkey.late.example * mute"
auth_vault auth-name-time '"20 s"' auth-time '"2 s"'
server_start
wrap() {
    python3 -c '
import os, sys
sys.path.insert(0, os.environ["ROOT"] + "/tests/fixtures")
import make_journals as m
sys.stdout.buffer.write(m.report(sys.stdin.buffer.read(), *m.said("signed", "Bcc: himitsu@example.jp")))'
}
for i in 1 2 3 4; do
    printf 'From: t@sender.example\nSubject: %s\nDate: Tue, 24 Nov 2026 10:00:00 +0900\n\nbody\n' $i | sign sender.example s1 | wrap | sign late.example j1 >$i.report
done
asked() { cat dns-port.log 2>/dev/null | grep -c '^j1._domainkey.late.example'; }
waits() { [ "$(asked)" -gt "$1" ]; }
for i in 1 2 3; do
    before=$(asked)
    send $i.report >/dev/null
    wait_for 20 waits "$before" || fail "report $i: the wrapper's key is not asked for"
    kill -9 "$(role_pid authd)" # what it holds of the message inside goes with it
done
sed -i '/ mute$/d' zone
# The reader of reports alone.
reader() { for p in $(descendants "$(role_pid authd)"); do tr '\0' '\n' <"/proc/$p/cmdline" | grep -qx index-worker && echo "$p"; done | grep .; }
wait_for 20 reader || fail "no reader of reports"
kill -9 "$(reader | head -n 1)"
send 4.report >/dev/null
for i in 1 2 3 4; do
    checked $i 60
    expect "pass / pass" "$(auth '"\(.dkim[0].result) / \(.wrapper.dkim[0].result)"')" "report $i"
done
about() { # the seqs of all entries what=auth, a line each
    local n
    for n in $(seq "$(fk status --json | jq .next)"); do fk show "$n" --entry 2>/dev/null; done | sed -n 's/.* what=auth of=\([0-9,-]*\) .*/\1/p' |
        tr ',' '\n' | while IFS=- read -r a b; do seq "$a" "${b:-$a}"; done
}
expect "1 2 3 4" "$(about | sort -n | xargs)" "messages that entries are about"
# A message over which the reader dies or never ends is judged as it came, and that is said.
for word in crash spin; do
    printf 'X-Fumikura-Test: %s always\nX-MS-Journal-Report:\nFrom: t@sender.example\nSubject: %s\nDate: Tue, 24 Nov 2026 10:00:00 +0900\n\nbody\n' $word $word |
        sign sender.example s1 >signed.eml
    # The reader looks at the message's first bytes, which are the signature's: put the word before it.
    { printf 'X-Fumikura-Test: %s always\r\n' $word; cat signed.eml; } >$word.eml
    seq=$(send $word.eml | seq_of)
    checked "$seq" 60
    expect "unread $([ $word = crash ] && echo crash || echo time) pass null" "$(auth '"\(.report) \(.dkim[0].result) \(.judged)"')" "$word"
done
server_stop
verify_clean "the kills"
