#!/usr/bin/env bash
# the vault is lost and its mirror's power cut at once: nothing acknowledged is missing; without the syncs it is
# not under asan: the control takes the syncs out with a preloaded library, which has to come first
. "$ROOT/tests/lib/server.sh"
own_mails
rm "$TEST_DIR"/mails/24-big.eml
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
cut() { root env TEST_DIR="$TEST_DIR" ROOT="$ROOT" BUILD="$BUILD" FUMIKURA="$FUMIKURA" bash "$ROOT/tests/power-cut" "$@"; }
root true 2>/dev/null || { echo "power cuts need root, for loop devices and mounts"; exit 77; }
cc -shared -fPIC -O1 -o "$TEST_DIR/nosync.so" "$ROOT/tests/lib/nosync.c" || fail "nosync.so"
check='. "$ROOT/tests/lib/power.sh"; power_mirror_check'
cut -n 3 '. "$ROOT/tests/lib/power.sh"; power_mirror_work env LD_PRELOAD='"$TEST_DIR/nosync.so" "$check" >"$TEST_DIR/control" 2>&1
rc=$?
cat "$TEST_DIR/control"
[ $rc -eq 1 ] || fail "without its syncs the mirror lost nothing in a power cut: the rig does not cut"
rm -rf "$TEST_DIR"/power-cut.*
cut -n "${CUTS:-12}" -a 100 -b 1500 '. "$ROOT/tests/lib/power.sh"; power_mirror_work' "$check" || fail "a power cut lost mail"
note "$(grep -c 'CHECK FAILED\|does not mount' "$TEST_DIR/control") of 3 cuts without syncs were seen; ${CUTS:-12} with them lost nothing"
