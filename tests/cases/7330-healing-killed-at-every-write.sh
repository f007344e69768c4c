#!/usr/bin/env bash
# killed, or a write or sync failing, anywhere while a damaged file is healed: the old file or the new one is there, and the next try heals
. "$ROOT/tests/lib/sweep.sh"
. "$ROOT/tests/lib/mirror.sh"
own_mails
vault_new
mirrored async
fk import "$TEST_DIR"/mails/0*.eml >/dev/null || fail "import"
fk seal >/dev/null || fail "seal"
S=$V/segments/00000001.sealed K=$(ls "$V"/keys/00000001.*.keys)
cp -a "$S" "$TEST_DIR/sealed" && cp -a "$K" "$TEST_DIR/keys"
cp "$S" "$TEST_DIR/sealed.bad" && cp "$K" "$TEST_DIR/keys.bad"
for f in sealed keys; do
    chmod u+w "$TEST_DIR/$f.bad"
    printf X | dd of="$TEST_DIR/$f.bad" bs=1 seek=150 conv=notrunc status=none
done
damage() {
    install -m 0400 "$TEST_DIR/sealed.bad" "$S"
    install -m 0600 "$TEST_DIR/keys.bad" "$K"
}
heal=("$FUMIKURA" -C "$V" mirror heal --segment 1 --reason "sweep")
after() {
    local f
    cmp -s "$S" "$TEST_DIR/sealed" || cmp -s "$S" "$TEST_DIR/sealed.bad" || fail "$1: the sealed file is neither the old nor the new one"
    cmp -s "$K" "$TEST_DIR/keys" || cmp -s "$K" "$TEST_DIR/keys.bad" || fail "$1: the key file is neither the old nor the new one"
    "${heal[@]}" >"$TEST_DIR/out" 2>&1 || fail "no healing after $1: $(cat "$TEST_DIR/out")"
    cmp -s "$S" "$TEST_DIR/sealed" && cmp -s "$K" "$TEST_DIR/keys" || fail "$1: not healed"
    fk audit --reason test >/dev/null || fail "no command after $1"
    f=$(find "$V/segments" "$V/keys" -name '*healing*' | grep .) && fail "$1: left over: $f"
    step_done "$1"
}
damage
"${heal[@]}" >/dev/null || fail "heal"
few() { if [ -n "${FULL:-}" ]; then steps "$1"; else steps "$1" | sed -n '1,3p;$p' | sort -nu; fi; }
for call in $WRITES; do
    damage
    n=$(calls_of "$call" "${heal[@]}") || exit 1
    for step in $(few "$n"); do
        damage
        injected "$call" "signal=KILL:when=$step" "${heal[@]}" >/dev/null 2>"$TEST_DIR/err"
        after "SIGKILL at $call $step of $n"
        how=error=EIO:when=$step
        [ $((step % 2)) -eq 1 ] || how=error=ENOSPC:when=$step+
        damage
        injected "$call" "$how" "${heal[@]}" >/dev/null 2>"$TEST_DIR/err"
        after "$call: $how, of $n"
    done
done
# The steps by name: with a kill at each, nothing is replaced before the entry that orders it.
for point in rename fsync overwrite destroy write create; do
    for at in 1 2 3 4; do
        damage
        FUMIKURA_FAULT=$point:$at:kill "${heal[@]}" >/dev/null 2>&1
        after "killed at $point $at"
    done
done
verify_clean "all of it"
note "$taken steps"
