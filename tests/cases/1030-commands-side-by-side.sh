#!/usr/bin/env bash
# commands that need the pen at the same moment all get it, without a server and while one starts and stops
. "$ROOT/tests/lib/server.sh"
vault_new
many() { # NAME: five at once; every one of them must do it
    local i pids=()
    for i in 1 2 3 4 5; do
        fk seal >"$TEST_DIR/$1.$i" 2>&1 &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || fail "$1: $(cat "$TEST_DIR/$1".*)"; done
}
many alone
for round in 1 2; do
    "$FUMIKURA" -C "$V" serve >"$TEST_DIR/out" 2>>"$SERVER_LOG" &
    SERVER=$!
    many "starting$round"
    wait_for 20 grep -qx ready "$TEST_DIR/out" || fail "not ready: $(cat "$SERVER_LOG")"
    kill -TERM $SERVER
    many "stopping$round"
    wait $SERVER || fail "the server ended with $?"
    SERVER=
done
many after
