#!/usr/bin/env bash
# what a server takes in is in the index within seconds, whichever of indexer, reader and desk was killed meanwhile
. "$ROOT/tests/lib/kept.sh"
vault_new
own_mails
server_start
documents() { fk index --json | jq .documents; }
has() { [ "$(documents)" = "$1" ]; }
send mails/01-iso-2022-jp.eml >/dev/null || fail "send"
wait_for 10 has 1 || fail "not indexed within 10 s"
n=1
for victim in indexd index-worker lend; do
    wait_for 30 role_pid $victim >/dev/null || fail "no $victim"
    kill -9 "$(role_pid $victim)"
    n=$((n + 1))
    send mails/0$n-*.eml >/dev/null || fail "send"
    wait_for 60 has $n || fail "after $victim was killed: $(documents) of $n; $(tail -3 "$SERVER_LOG")"
done
fk index --wait | grep -q "^$n messages indexed, 0 of them in part" || fail "index --wait: $(fk index)"
server_stop
