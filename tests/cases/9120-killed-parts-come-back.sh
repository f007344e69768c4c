#!/usr/bin/env bash
# a killed keep or lend is started anew and the others go on with it; a killed serve takes all with it, and the vault opens
. "$ROOT/tests/lib/server.sh"
vault_new
printf 'Subject: one\r\n\r\nbody\r\n' >"$TEST_DIR/m.eml"
server_start
receive=$(role_pid receive)
first=$(send "$TEST_DIR/m.eml" | seq_of)
for role in keep lend; do
    pid=$(role_pid $role)
    kill -STOP "$SERVER" # so that nobody starts it anew before we have looked
    kill -9 "$pid"
    if [ $role = keep ]; then
        send "$TEST_DIR/m.eml" >"$TEST_DIR/reply" 2>&1
        grep -q '451 4.3.0' "$TEST_DIR/reply" || fail "while the pen is away: $(cat "$TEST_DIR/reply")"
    fi
    kill -CONT "$SERVER"
    another() { local now; now=$(role_pid $role) && [ "$now" != "$pid" ]; }
    wait_for 5 another || fail "no other $role; $(cat "$SERVER_LOG")"
    grep -q "$role was ended by signal 9" "$SERVER_LOG" || fail "nothing in the log about $role"
    taken() { send "$TEST_DIR/m.eml" | grep -q ^250; }
    wait_for 5 taken || fail "no mail is taken after $role was killed"
    fk show "$first" --raw | cmp - "$TEST_DIR/m.eml" || fail "show after $role was killed"
done
expect "$receive" "$(role_pid receive)" "the process that receives"
fk status --json | jq -e --argjson k "$(role_pid keep)" '.server.keep == $k' >/dev/null || fail "status still names the dead"

last=$(send "$TEST_DIR/m.eml" | seq_of)
all=$(descendants "$SERVER")
kill -9 "$SERVER"
wait "$SERVER" 2>/dev/null
SERVER=
for p in $all; do wait_for 20 eval "[ ! -e /proc/$p ]" || fail "process $p outlives serve: $(tr '\0' ' ' <"/proc/$p/cmdline")"; done
fk show "$last" --raw | cmp - "$TEST_DIR/m.eml" || fail "show after serve was killed"
server_start
send "$TEST_DIR/m.eml" | grep -q ^250 || fail "a new server takes no mail"
server_stop
