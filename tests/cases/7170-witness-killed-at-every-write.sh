#!/usr/bin/env bash
# a witness that is killed, or whose write or sync fails, forgets nothing that it cosigned, and goes on from there
. "$ROOT/tests/lib/witness.sh"
. "$ROOT/tests/lib/sweep.sh"
talk() { python3 "$ROOT/tests/lib/witness.py" "$1" "$(witness_url)" log 2>talk.err; }
python3 "$ROOT/tests/lib/witness.py" vkey log >>w/logs || fail "a log"
witness_start
expect 200 "$(talk grow)" "the first cosignature"
witness_stop
injured() { # SYSCALL HOW: a request to a witness that meets it; whatever comes of that, it remembers
    local call=$1 how=$2
    : >witness.out
    strace -f -qq -o strace.log -e trace="$call" -e inject="$call:$how" \
        "$FUMIKURA" witness serve w --listen "$WITNESS_ADDRESS" >witness.out 2>>witness.log &
    WITNESS=$!
    wait_for 30 eval 'grep -q ^ready witness.out || ! kill -0 $WITNESS' || fail "neither ready nor gone: $call:$how"
    talk grow >answer
    { witness_kill; } 2>/dev/null
    grep -qE "INJECTED|killed by SIGKILL" strace.log || return 1
    met=$((met + 1))
    [ "$(cat answer)" = 200 ] || refused=$((refused + 1))
    witness_start
    talk remembered >remembered || fail "$call:$how: $(cat remembered talk.err)"
    expect 200 "$(talk grow)" "a cosignature after $call:$how"
    witness_stop
}
met=0 refused=0
for call in $WRITES; do
    for n in 1 2 3 4; do
        [ "$call$n" != write1 ] || continue # is what says that it is ready
        injured "$call" "error=EIO:when=$n" || break
        injured "$call" "signal=KILL:when=$n" || break
    done
done
note "$met faults met, $refused of them without a cosignature"
[ $refused -ge 4 ] || fail "too few of the faults were met: are they injected at all?"
