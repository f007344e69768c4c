#!/usr/bin/env bash
# a sync that fails, once or for ever, and a full disk at any write: refused, and nothing acknowledged is lost
. "$ROOT/tests/lib/sweep.sh"
own_mails
vault_new
config segment-size '"1 MiB"'
mails=("$TEST_DIR"/mails/*.eml)
acks=$TEST_DIR/acks refused=0
: >"$acks"
try() { # call, fault
    local before after rc
    before=$(wc -l <"$acks")
    injected "$1" "$2" "$FUMIKURA" -C "$V" import "${mails[@]}" >>"$acks" 2>"$TEST_DIR/err"
    rc=$?
    after=$(wc -l <"$acks")
    # Either all are acknowledged, or the command says that not all are.
    [ $rc -ne 0 ] || [ $((after - before)) -eq ${#mails[@]} ] || fail "$1 $2: exit 0, $((after - before)) of ${#mails[@]} acknowledged"
    if [ $rc -ne 0 ]; then
        refused=$((refused + 1))
        grep -q . "$TEST_DIR/err" || fail "$1 $2: exit $rc without a word"
    fi
    [ $rc -lt 126 ] || fail "$1 $2: ended by a signal or the clock ($rc): $(tail -n 3 "$TEST_DIR/err")"
    step_done "$1 $2"
}
for call in $SYNCS; do
    n=$(calls_of "$call" "$FUMIKURA" -C "$V" import "${mails[@]}") || exit 1
    for step in $(steps "$n"); do
        try "$call" "error=EIO:when=$step"
        try "$call" "error=EIO:when=$step+"
    done
done
for call in pwrite64 pwritev fallocate; do
    n=$(calls_of "$call" "$FUMIKURA" -C "$V" import "${mails[@]}") || exit 1
    for step in $(steps "$n"); do
        try "$call" "error=ENOSPC:when=$step"
        try "$call" "error=ENOSPC:when=$step+"
        try "$call" "error=EIO:when=$step"
    done
done
# and all of it works again
"$FUMIKURA" -C "$V" import "${mails[@]}" >>"$acks" || fail "import after the faults"
verify_clean "it all"
all_acked "$acks" "${mails[@]}"
note "failed at $taken steps; $refused times the import said so"
[ $refused -ge 5 ] || fail "too few of the faults were seen: are they injected at all?"
