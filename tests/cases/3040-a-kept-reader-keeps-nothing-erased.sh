#!/usr/bin/env bash
# searches one after another share a reader of the index; new mail is found, and what is disposed of is not, and is off the disk soon though it was searched for
. "$ROOT/tests/lib/kept.sh"
vault_new
config index-batch 2
class short P1D
mkdir mails
for n in 1 2 3 4 5; do
    printf 'Message-ID: <%s@example.jp>\r\nFrom: a@example.jp\r\nTo: b@example.jp\r\nSubject: zqxsubject%s\r\n\r\nzqxbody%s zqxall\r\n' $n $n $n >mails/0$n.eml
done
kept 4
server_start
hits() { curl -sG "http://$(address web)/api/v1/search" --data-urlencode "q=$1" | jq -er '[.hits[].seq] | length'; }
open_in_web() { ls -l "/proc/$WEB/fd" | grep -c "$V/index/db\."; }
has_open() { [ "$(open_in_web)" -gt 0 ]; }
finds() { [ "$(hits "$1")" = "$2" ]; }
# A merge that follows a batch names other databases, and what is open is let go: the next search keeps one.
keeps_one() { finds zqxall "$1" && sleep 0.1 && has_open; }
WEB=$(role_pid web) || fail "no web"
fk index --wait >/dev/null || fail "index"
expect 4 "$(hits zqxall)" "hits"
wait_for 10 keeps_one 4 || fail "the control: no reader is kept"
expect 4 "$(hits zqxall)" "hits of a reader that was kept"
# New mail, while one is kept all the time.
send mails/05.eml >sent || fail "send"
wait_for 30 finds zqxall 5 || fail "new mail is not found by a server that has a reader"
# A disposal of three, while a reader is kept that has them: nobody asks it anything, and the indexer overwrites what it had open.
set -- $seqs
fk index --wait >/dev/null || fail "index"
fk hold add keep --reason "control" --seq "$2" >/dev/null || fail "hold"
fk hold add later --reason "control" --seq "$(seq_of <sent)" >/dev/null || fail "hold"
server_stop
forward 3
server_start
WEB=$(role_pid web) || fail "no web"
left() { # that any file of the index has, packed or not
    python3 "$ROOT/tests/lib/unpacked.py" --deflate "$V/index" >plain
    grep -raqF "$1" "$V/index" || grep -aqF "$1" plain
}
is_gone() { ! left "zqxbody$1" && databases_are_shards; }
expect 5 "$(hits zqxall)" "hits before the disposal"
wait_for 10 keeps_one 5 || fail "no reader is kept"
accept_clock >out || fail "retention: $(cat out)"
for n in 1 3 4; do
    wait_for 20 is_gone "$n" || fail "mail $n is in the index still: $(ls "$V/index")"
done
for n in 2 5; do
    left "zqxbody$n" || fail "the control: mail $n, which is kept, is not seen"
done
# Of one more, asked at once, before the index has forgotten anything: by the reader from before, and by those of the indexes since.
expect 2 "$(hits zqxall)" "hits before the next"
wait_for 10 keeps_one 2 || fail "no reader is kept"
fk hold release later --reason "no more" >out 2>&1 || fail "release: $(cat out)"
fk retention run --reason "the next" >out 2>&1 || fail "retention: $(cat out)"
for again in 1 2 3 4 5 6; do
    expect 1 "$(hits zqxbody2)" "what is on hold, search $again"
    expect 0 "$(hits zqxbody5)" "what was disposed of, search $again"
    sleep 0.1
done
wait_for 20 is_gone 5 || fail "mail 5 is in the index still: $(ls "$V/index")"
server_stop
