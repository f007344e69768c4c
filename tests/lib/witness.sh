# witness.sh - for cases: a witness in $TEST_DIR/w and its server.
#
#     . "$ROOT/tests/lib/witness.sh"     makes w, with the key w/vkey and no logs
#     witness_start [COMMAND WORDS...]   returns when it listens; WITNESS is its process id
#     witness_url                        http://127.0.0.1:PORT/, the same one each time
#     witness_stop                       SIGTERM, waits; fails when it does not say 0
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
WITNESS= WITNESS_ADDRESS=127.0.0.1:0
"$FUMIKURA" witness init w witness.example/w1 >out || fail "witness init"
cmp -s out w/vkey || fail "the key that was printed is not the one in w/vkey"
at_exit 'witness_kill'

witness_start() {
    : >witness.out
    "$@" "$FUMIKURA" witness serve w --listen "$WITNESS_ADDRESS" >witness.out 2>>witness.log &
    WITNESS=$!
    wait_for 30 eval 'grep -q ^ready witness.out || ! kill -0 $WITNESS' || fail "the witness did not get ready"
    grep -q ^ready witness.out || fail "the witness did not get ready: $(tail -n 3 witness.log)"
    WITNESS_ADDRESS=$(sed 's|^ready http://\(.*\)/$|\1|' witness.out)
}
witness_url() { echo "http://$WITNESS_ADDRESS/"; }
witness_kill() {
    [ -n "$WITNESS" ] || return 0
    kill -9 $(descendants "$WITNESS") 2>/dev/null
    wait "$WITNESS" 2>/dev/null
    WITNESS=
}
witness_stop() {
    local rc
    kill -TERM "$WITNESS"
    wait_for 30 eval '! kill -0 '"$WITNESS" || fail "the witness did not stop"
    wait "$WITNESS"
    rc=$?
    WITNESS=
    [ $rc -eq 0 ] || fail "the witness ended with $rc"
}
cosigned() { python3 "$ROOT/tests/lib/witness.py" check "$@"; }
