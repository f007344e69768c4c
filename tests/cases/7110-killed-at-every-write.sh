#!/usr/bin/env bash
# killed at any write or sync, what was acknowledged is there and the vault opens and verifies
. "$ROOT/tests/lib/sweep.sh"
own_mails
vault_new
config segment-size '"1 MiB"' # so that closing and sealing are among the steps
mails=("$TEST_DIR"/mails/*.eml)
: >"$TEST_DIR/acks"
for call in $WRITES; do
    n=$(calls_of "$call" "$FUMIKURA" -C "$V" import "${mails[@]}") || exit 1
    for step in $(steps "$n"); do
        injected "$call" "signal=KILL:when=$step" "$FUMIKURA" -C "$V" import "${mails[@]}" >>"$TEST_DIR/acks" 2>"$TEST_DIR/err"
        step_done "SIGKILL at $call $step of $n"
    done
done
verify_clean "it all"
all_acked "$TEST_DIR/acks" "${mails[@]}"
note "killed at $taken steps"
[ $taken -ge 12 ] || fail "too few steps: did the calls get other names?"
