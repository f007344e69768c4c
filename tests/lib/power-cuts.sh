# power-cuts.sh - for cases that cut the power with tests/power-cut, as root.
#
#     control WORK CHECK [OF]        three cuts with the syncs taken out must be seen; a rig that cannot fail proves nothing.
#                                    OF: only those of files in these directories (tests/lib/nosync.c)
#     cut N WORK CHECK [MAX_MS]      N cuts (CUTS=n: as many), 100 to MAX_MS (1500) after the first promise; after each CHECK holds
#     seen                           how many of the control's cuts were
#
# WORK and CHECK are functions of tests/lib/power.sh; mails are in $TEST_DIR/mails.
. "$ROOT/tests/lib/server.sh"
own_mails
rm "$TEST_DIR"/mails/24-big.eml
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
rig() { root env TEST_DIR="$TEST_DIR" ROOT="$ROOT" BUILD="$BUILD" FUMIKURA="$FUMIKURA" bash "$ROOT/tests/power-cut" "$@"; }
root true 2>/dev/null || { echo "power cuts need root, for loop devices and mounts"; exit 77; }
cc -shared -fPIC -O1 -o "$TEST_DIR/nosync.so" "$ROOT/tests/lib/nosync.c" || fail "nosync.so"
lib='. "$ROOT/tests/lib/power.sh"; '
control() {
    local rc
    rig -n 3 -a 1000 -b 2500 "$lib$1 env LD_PRELOAD=$TEST_DIR/nosync.so ${3:+NOSYNC_OF=$3}" "$lib$2" >"$TEST_DIR/control" 2>&1
    rc=$?
    cat "$TEST_DIR/control"
    [ $rc -eq 1 ] || fail "without its syncs nothing was lost in a power cut: the rig does not cut"
    rm -rf "$TEST_DIR"/power-cut.*
}
cut() { rig -n "${CUTS:-$1}" -a 100 -b "${4:-1500}" "$lib$2" "$lib$3" || fail "a power cut lost mail"; }
seen() { grep -c 'CHECK FAILED\|does not mount' "$TEST_DIR/control"; }
