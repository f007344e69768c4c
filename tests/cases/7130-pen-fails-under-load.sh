#!/usr/bin/env bash
# the server's pen killed, or its syncs and writes failing, under load: 4xx, never a false 250, then service again
. "$ROOT/tests/lib/sweep.sh"
own_mails
rm "$TEST_DIR"/mails/24-big.eml
vault_new
acks=$TEST_DIR/acks
: >"$acks"
is_back() { send "$TEST_DIR/mails/01-iso-2022-jp.eml" | grep -q ^250; }
round() { # call, fault: while it is there the client sends, and tries again what is refused
    local keep tracer
    server_start # anew each time: what dies again and again is started after longer and longer
    keep=$(role_pid keep) || fail "there is no keep"
    strace -f -qq -o /dev/null -e trace="$1" -e inject="$1:$2" -p "$keep" 2>"$TEST_DIR/strace" &
    tracer=$!
    wait_for 10 grep -q '^TracerPid:.[1-9]' "/proc/$keep/status" || fail "strace: $(cat "$TEST_DIR/strace")"
    timeout 60 "$BUILD/tools/smtp-blast" -a -c 8 -r 4 -o "$TEST_DIR/acks.1" "$(address smtp)" "$TEST_DIR"/mails/*.eml >"$TEST_DIR/blast" 2>&1
    kill -INT $tracer 2>/dev/null
    wait $tracer 2>/dev/null
    cat "$TEST_DIR/acks.1" >>"$acks"
    wait_for 35 is_back || fail "$1 $2: no service again; $(tail -n 5 "$SERVER_LOG")"
    server_stop
    taken=$((taken + 1))
}
for step in 1 2 7; do
    for call in pwrite64 fdatasync; do
        round $call "signal=KILL:when=$step"
        round $call "error=EIO:when=$step"
    done
done
# For ever, so that a pen that is started anew meets it too: nothing but refusals, until it ends.
for fault in fdatasync:error=EIO:when=3+ pwrite64:error=ENOSPC:when=9+; do
    server_start strace -f -qq -o /dev/null -e trace="${fault%%:*}" -e inject="$fault"
    timeout 60 "$BUILD/tools/smtp-blast" -c 8 -r 4 -o "$TEST_DIR/acks.1" "$(address smtp)" "$TEST_DIR"/mails/*.eml >"$TEST_DIR/blast" 2>&1
    cat "$TEST_DIR/acks.1" >>"$acks"
    refused=$(sed -n 's/.*refused=\([0-9]*\).*/\1/p' "$TEST_DIR/blast" | tail -n 1)
    [ "${refused:-0}" -gt 0 ] || fail "$fault refused nothing: $(cat "$TEST_DIR/blast")"
    server_kill
    taken=$((taken + 1))
done
server_start
is_back || fail "no service after the faults have ended"
server_stop
verify_clean "it all"
all_acked "$acks"
note "$taken faults under load; $(wc -l <"$acks") acknowledged, all there"
