#!/usr/bin/env bash
# without Landlock or seccomp nothing is indexed, which is said, and the server goes on taking mail
. "$ROOT/tests/lib/kept.sh"
vault_new
kept 2
for lack in landlock seccomp; do
    rm -rf "$V/index"
    FUMIKURA_FAULT=$lack:1+:eio fk index >out 2>&1 && fail "indexed without $lack"
    grep -qi "this kernel has no $lack" out || fail "without $lack: $(cat out)"
done
server_start env FUMIKURA_FAULT=landlock:1+:eio
send mails/03-shift-jis-8bit.eml | grep -q "kept seq=" || fail "mail is not taken"
wait_for 20 grep -q "no Landlock" "$SERVER_LOG" || fail "the server does not say so: $(cat "$SERVER_LOG")"
server_stop
fk index >out || fail "index"
grep -q '^3 messages' out || fail "with a sandbox again: $(cat out)"
