#!/usr/bin/env bash
# killed, or a write or sync failing, anywhere while mail goes to the vault and its mirror: what is acknowledged is in both
. "$ROOT/tests/lib/sweep.sh"
. "$ROOT/tests/lib/mirror.sh"
own_mails
rm "$TEST_DIR"/mails/24-big.eml
vault_new
config segment-size '"1 MiB"'
mails=("$TEST_DIR"/mails/*.eml)
# The control: one that only follows, and cannot, has not what is acknowledged.
mirrored async
fk audit --reason test >/dev/null || fail "audit"
FUMIKURA_FAULT=mirror-write:1+:eio fk import "${mails[@]:0:6}" >"$TEST_DIR/acks" || fail "import without its mirror"
restored || fail "the control: mirror restore"
FUMIKURA_PROGRAM=$FUMIKURA "$BUILD/tools/acked" "$R" "$TEST_DIR/acks" "${mails[@]}" >"$TEST_DIR/out" 2>&1 &&
    fail "the control: all is in a mirror that was not written to"
config mirror '"sync"'
import=("$FUMIKURA" -C "$V" import "${mails[@]:0:12}")
# Each step makes a vault of the mirror and reads all of it: so fewer of them than in other sweeps.
few() { if [ -n "${FULL:-}" ]; then steps "$1"; else steps "$1" | sed -n '1p;2p;$p' | sort -nu; fi; }
after() {
    all_in_mirror "$TEST_DIR/acks" "${mails[@]}" >/dev/null # as it is: the next command would bring the rest
    fk audit --reason test >/dev/null || fail "no command after $1"
    all_acked "$TEST_DIR/acks" "${mails[@]}" >/dev/null
    step_done "$1"
}
"${import[@]}" >"$TEST_DIR/acks" || fail "import with its mirror again"
for call in $WRITES; do
    n=$(calls_of "$call" "${import[@]}") || exit 1
    for step in $(few "$n"); do
        injected "$call" "signal=KILL:when=$step" "${import[@]}" >>"$TEST_DIR/acks" 2>"$TEST_DIR/err"
        # a line that the kill cut short acknowledges nothing
        sed -i '/^[0-9]*\t[0-9a-f]\{64\}$/!d' "$TEST_DIR/acks"
        after "SIGKILL at $call $step of $n"
        how=error=EIO:when=$step
        [ $((step % 2)) -eq 1 ] || how=error=ENOSPC:when=$step+
        injected "$call" "$how" "${import[@]}" >>"$TEST_DIR/acks" 2>"$TEST_DIR/err"
        sed -i '/^[0-9]*\t[0-9a-f]\{64\}$/!d' "$TEST_DIR/acks"
        after "$call: $how, of $n"
    done
    # the sweep is not to grow: what was acknowledged so far has been seen
    tail -n 24 "$TEST_DIR/acks" >"$TEST_DIR/last" && mv "$TEST_DIR/last" "$TEST_DIR/acks"
done
# Steps of the mirror alone: a rename, a removal, a key destroyed.
for point in mirror-write mirror-sync rename overwrite destroy unlink create fsync; do
    for at in 1 3; do
        FUMIKURA_FAULT=$point:$at:kill "${import[@]}" >>"$TEST_DIR/acks" 2>/dev/null
        sed -i '/^[0-9]*\t[0-9a-f]\{64\}$/!d' "$TEST_DIR/acks"
        after "killed at $point $at"
    done
done
verify_clean "all of it"
note "$taken steps"
