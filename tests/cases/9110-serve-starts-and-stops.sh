#!/usr/bin/env bash
# serve says ready when all listen, refuses to be the second, stops in order, and leaves nothing when a part cannot start
. "$ROOT/tests/lib/server.sh"
vault_new
server_start
expect ready "$(cat "$SERVER_LOG.out")" "stdout of serve"
jq -e '(.smtp | length == 1) and (.lmtp | length == 1)' "$V/run/addresses.json" >/dev/null || fail "addresses"
swaks --server "$(address smtp)" --quit-after EHLO >/dev/null 2>&1 || fail "it said ready and does not listen"
expect 600 "$(stat -c %a "$V/run/keep.sock")" "mode of keep's socket"
expect 600 "$(stat -c %a "$V/run/lend.sock")" "mode of lend's socket"
timeout 10 "$FUMIKURA" -C "$V" serve >/dev/null 2>"$TEST_DIR/err"
expect 75 $? "a second server"
grep -q "runs on this vault already (process $SERVER)" "$TEST_DIR/err" || fail "$(cat "$TEST_DIR/err")"
[ -S "$V/run/keep.sock" ] || fail "the second server took the first one's socket away"
fk seal >/dev/null || fail "the first server does not answer after the second was refused"

# What a command asks of a server goes through its keep: the same process, before and after.
keep=$(role_pid keep)
fk status --json | jq -e --argjson k "$keep" '.server.keep == $k' >/dev/null || fail "status: $(fk status --json)"
all=$(descendants "$SERVER")
server_stop
for p in $all; do [ ! -e "/proc/$p" ] || fail "process $p is left"; done
[ ! -e "$V/run/addresses.json" ] && [ ! -e "$V/run/keep.sock" ] || fail "left in run: $(ls "$V/run")"
[ -e "$V/run/clean" ] || fail "the pen was not put down in good order"

# Ctrl-C at a terminal reaches every process at once; serve alone decides who ends first.
server_start setsid
printf 'Subject: one\r\n\r\nbody\r\n' >"$TEST_DIR/m.eml"
send "$TEST_DIR/m.eml" | grep -q ^250 || fail "no mail is taken"
[ ! -e "$V/run/clean" ] || fail "the mark of good order is there while the pen is in use"
kill -INT -- "-$SERVER"
wait_for 20 eval "! kill -0 $SERVER" || fail "Ctrl-C does not stop it"
wait $SERVER || fail "it ended with $? at Ctrl-C"
SERVER=
[ -e "$V/run/clean" ] || fail "the pen was not put down in good order at Ctrl-C"

# A port that is taken: the message, and nothing left running.
python3 -c 'import socket,time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(60)' >"$TEST_DIR/port" &
holder=$!
at_exit "kill $holder 2>/dev/null"
wait_for 5 test -s "$TEST_DIR/port"
port=$(cat "$TEST_DIR/port")
config smtp "{\"127.0.0.1:$port\"}"
timeout 20 "$FUMIKURA" -C "$V" serve >"$TEST_DIR/out" 2>"$TEST_DIR/err"
rc=$?
[ $rc -ne 0 ] && [ $rc -ne 124 ] || fail "a taken port: exit $rc"
grep -q "127.0.0.1:$port" "$TEST_DIR/err" || fail "a taken port: $(cat "$TEST_DIR/err")"
[ ! -s "$TEST_DIR/out" ] || fail "it said $(cat "$TEST_DIR/out") with a taken port"
expect 0 "$(pgrep -cf "$V/fumikura.conf")" "processes left"
fk doctor | grep -q "^bad .*127.0.0.1:$port" || fail "doctor does not see the taken port"
