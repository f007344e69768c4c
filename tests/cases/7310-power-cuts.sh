#!/usr/bin/env bash
# twenty power cuts, while keys are exchanged too, lose nothing that was acknowledged; without the syncs one is seen to
# not under asan: the control takes the syncs out with a preloaded library, which has to come first
. "$ROOT/tests/lib/server.sh"
own_mails
rm "$TEST_DIR"/mails/24-big.eml
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
cut() { root env TEST_DIR="$TEST_DIR" ROOT="$ROOT" BUILD="$BUILD" FUMIKURA="$FUMIKURA" bash "$ROOT/tests/power-cut" "$@"; }
root true 2>/dev/null || { echo "power cuts need root, for loop devices and mounts"; exit 77; }
cc -shared -fPIC -O1 -o "$TEST_DIR/nosync.so" "$ROOT/tests/lib/nosync.c" || fail "nosync.so"
check='. "$ROOT/tests/lib/power.sh"; power_check'

# The control: a rig that cannot fail proves nothing.
cut -n 3 '. "$ROOT/tests/lib/power.sh"; power_work env LD_PRELOAD='"$TEST_DIR/nosync.so" "$check" >"$TEST_DIR/control" 2>&1
rc=$?
cat "$TEST_DIR/control"
[ $rc -eq 1 ] || fail "without its syncs the server lost nothing in a power cut: the rig does not cut"
rm -rf "$TEST_DIR"/power-cut.* "$TEST_DIR"/exchanges

cut -n "${CUTS:-20}" -a 100 -b 1500 '. "$ROOT/tests/lib/power.sh"; power_work' "$check" || fail "a power cut lost mail"
exchanges=$(($(paste -sd+ "$TEST_DIR/exchanges")))
[ "$exchanges" -ge "${CUTS:-20}" ] || fail "$exchanges exchanges of the key in all: it was not cut into"
note "$exchanges exchanges of the key; $(grep -c 'CHECK FAILED\|does not mount' "$TEST_DIR/control") of 3 cuts without syncs were seen; ${CUTS:-20} with them lost nothing"
