# mirror.sh - for cases about the mirror (after server.sh): $M is the mirror, $R a vault made of it.
#
#     mirrored sync|async            $M is made and configured
#     restored                       $R is made of $M with the secrets of $V
#     all_in_mirror ACKS [FILE...]   restored, verified, and every acknowledged message is in it
#     mirror_is KEY VALUE            what status says
M=${M:-$TEST_DIR/mirror} R=${R:-$TEST_DIR/restored}
mirrored() {
    fk mirror init "$M" >"$TEST_DIR/out" || fail "mirror init: $(cat "$TEST_DIR/out")"
    config mirror "\"$1\""
    config mirror-dir "\"$M\""
}
restored() {
    rm -rf "$R"
    "$FUMIKURA" mirror restore "$M" --keys "$V" --to "$R" >"$TEST_DIR/restored.out" 2>&1 || { cat "$TEST_DIR/restored.out" >&2; return 1; }
}
all_in_mirror() {
    restored || fail "mirror restore"
    FUMIKURA_PROGRAM=$FUMIKURA "$BUILD/tools/acked" "$R" "$@" || fail "acknowledged, and not in the mirror"
    "$FUMIKURA" -C "$R" verify >"$TEST_DIR/out" || fail "verify of the restored vault: $(cat "$TEST_DIR/out")"
}
mirror_is() { [ "$(fk status --json | jq -r ".mirror.$1")" = "$2" ]; }
