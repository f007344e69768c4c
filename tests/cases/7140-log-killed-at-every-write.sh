#!/usr/bin/env bash
# killed, or a write or sync failing, anywhere on the way to a checkpoint: the last one stands, the next one comes
. "$ROOT/tests/lib/sweep.sh"
own_mails
vault_new
mails=("$TEST_DIR"/mails/*.eml)
fk checkpoint >"$TEST_DIR/last" || fail "the first checkpoint"
i=0
after() { # WHAT: the next one is made, continues the last that was printed, and all of it verifies
    fk checkpoint >"$TEST_DIR/next" 2>"$TEST_DIR/err" || fail "no checkpoint after $1: $(cat "$TEST_DIR/err")"
    fk verify --against "$TEST_DIR/last" >"$TEST_DIR/out" 2>&1 || fail "after $1: $(cat "$TEST_DIR/out")"
    mv "$TEST_DIR/next" "$TEST_DIR/last"
    taken=$((taken + 1))
}
grow() { # so that there is something to sign; past a full tile of 256 now and then
    i=$(((i + 1) % ${#mails[@]}))
    fk import "${mails[i]}" "${mails[@]:0:$((taken % 12))}" >/dev/null || fail "import"
}
for call in $WRITES syncfs; do
    grow
    n=$(calls_of "$call" "$FUMIKURA" -C "$V" checkpoint) || exit 1
    for step in $(steps "$n"); do
        grow
        injected "$call" "signal=KILL:when=$step" "$FUMIKURA" -C "$V" checkpoint >/dev/null 2>"$TEST_DIR/err"
        after "SIGKILL at $call $step of $n"
        grow
        injected "$call" "error=EIO:when=$step" "$FUMIKURA" -C "$V" checkpoint >/dev/null 2>"$TEST_DIR/err"
        after "EIO at $call $step of $n"
    done
done
# The sanitizers' build takes fewer steps: on past the first full tile.
for _ in $(seq 20); do
    [ "$(sed -n 2p "$TEST_DIR/last")" -le 256 ] || break
    fk import "${mails[@]}" >/dev/null || fail "import"
    after "nothing"
done

# Without room nothing is lost, and the reason is said.
grow
injected syncfs "error=ENOSPC:when=1+" "$FUMIKURA" -C "$V" checkpoint >/dev/null 2>"$TEST_DIR/err" && fail "a checkpoint without room"
grep -q 'log: cannot sync: No space left' "$TEST_DIR/err" || fail "no room: $(cat "$TEST_DIR/err")"
after "no room"
size=$(sed -n 2p "$TEST_DIR/last")
[ "$size" -gt 256 ] || fail "no tile became full: $size entries"
[ -f "$V/log/tile/0/000" ] && [ ! -e "$V/log/tile/0/000.p" ] || fail "tiles: $(find "$V/log/tile")"
expect 1 "$(find "$V/log/tile/0" -path '*.p/*' | wc -l)" "partial tiles that are left"
note "$taken steps, $size entries"
[ $taken -ge 12 ] || fail "too few steps: did the calls get other names?"
