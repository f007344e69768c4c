#!/usr/bin/env bash
# killed, or a write or sync failing, anywhere in an exchange of the key: all is read, and the next command ends it
. "$ROOT/tests/lib/sweep.sh"
. "$ROOT/tests/lib/kek.sh"
own_mails
rm "$TEST_DIR"/mails/24-big.eml
vault_new
mails=("$TEST_DIR"/mails/*.eml)
fk import "${mails[@]:0:6}" >"$TEST_DIR/acks" || fail "import"
fk seal >/dev/null || fail "seal"
fk import "${mails[@]:6:6}" >>"$TEST_DIR/acks" || fail "import"
rotate=("$FUMIKURA" -C "$V" keys rotate --reason sweep)
# Read as it is, by a desk alone; then the next command completes or undoes it, and the ledger's newest
# order is of the key that there is.
after() { # WHAT
    "$FUMIKURA" -C "$V" verify >"$TEST_DIR/out" 2>&1 || fail "verify right after $1: $(grep -v leftover "$TEST_DIR/out")"
    fk import "${mails[taken % ${#mails[@]}]}" >>"$TEST_DIR/acks" || fail "import after $1"
    expect "" "$(ls "$V/secrets" | grep kek- | paste -sd' ')" "secrets after $1"
    expect "$(kek_id "$V/secrets/kek")" "$(ordered)" "the newest order after $1"
    step_done "$1"
}
ordered() { fk audit --json | jq -rs '[.[] | select(.kind == "key")] | last | .to'; }
"${rotate[@]}" >/dev/null || fail "rotate"
for call in $WRITES; do
    n=$(calls_of "$call" "${rotate[@]}") || exit 1
    for step in $(steps "$n"); do
        injected "$call" "signal=KILL:when=$step" "${rotate[@]}" >"$TEST_DIR/out" 2>&1
        after "SIGKILL at $call $step of $n"
        how=error=EIO:when=$step
        [ $((step % 2)) -eq 1 ] || how=error=ENOSPC:when=$step+
        injected "$call" "$how" "${rotate[@]}" >"$TEST_DIR/out" 2>&1
        after "$call: $how, of $n"
    done
done
# Asked for again after a kill, it completes the one that was under way and makes a key of its own.
keys_of "$V" >"$TEST_DIR/before"
injected rename "signal=KILL:when=3" "${rotate[@]}" >/dev/null 2>&1
"${rotate[@]}" >"$TEST_DIR/out" || fail "rotate after a kill: $(cat "$TEST_DIR/out")"
expect 0 "$(found_in_files "$V" <"$TEST_DIR/before")" "old keys that are still in a file"
after "all of it"
verify_clean "it all"
all_acked "$TEST_DIR/acks" "${mails[@]}"
note "$taken steps"
[ $taken -ge 12 ] || fail "too few steps: did the calls get other names?"
