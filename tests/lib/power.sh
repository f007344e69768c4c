# power.sh - for cases that cut the power: what runs below the disk, and what is checked after the cut.
# As WORK it prints a line for each 250; as CHECK it wants all of them back. See tests/power-cut.
. "$ROOT/tests/lib/server.sh"
power_work() { # below $DISK; the acknowledgements go to stdout
    V=$DISK/v SERVER_LOG=$DISK/../server.log
    vault_new >&2
    config segment-size '"4 MiB"'
    config checkpoint-interval '"1 s"' # no checkpoint may be over what the cut takes away
    server_start "$@" >&2
    exec 9>&1
    while sleep 0.1; do fk keys rotate >/dev/null; done 9>&- & # no key may be over what a cut takes away
    "$BUILD/tools/smtp-blast" -a -c 8 -r 100000 -o /dev/fd/9 "$(address smtp)" "$TEST_DIR"/mails/*.eml >/dev/null
}
power_check() {
    V=$DISK/v
    verify_clean "the cut"
    all_acked "$ACKS"
    fk audit --json | jq -s 'map(select(.kind == "key")) | length' >>"$TEST_DIR/exchanges"
}
# The mirror on the disk that is cut, the vault elsewhere: it is not looked at any more.
power_mirror_work() {
    V=$DISK/../v SERVER_LOG=$DISK/../server.log M=$DISK/mirror
    . "$ROOT/tests/lib/mirror.sh"
    rm -rf "$V"
    vault_new >&2
    config segment-size '"4 MiB"'
    mirrored sync >&2
    server_start "$@" >&2
    exec 9>&1
    "$BUILD/tools/smtp-blast" -a -c 8 -r 100000 -o /dev/fd/9 "$(address smtp)" "$TEST_DIR"/mails/*.eml >/dev/null
}
power_mirror_check() {
    V=$DISK/../v M=$DISK/mirror R=$DISK/../restored
    . "$ROOT/tests/lib/mirror.sh"
    all_in_mirror "$ACKS"
}
# Messages of the source "gone" are erased as soon as they have come in, the key is exchanged, segments are closed and sealed, and mail
# comes in. What a command said was done is a line: "erased SEQS", "exchanged FROM TO", "sealed N". Beside the disk, as somebody outside
# would have it: each key-encryption key there was (keks), what was imported (imported), the newest checkpoint that was seen (seen).
power_keys_work() {
    V=$DISK/v SERVER_LOG=$DISK/../server.log OUT=$DISK/..
    . "$ROOT/tests/lib/kek.sh"
    vault_new >&2
    config segment-size '"1 MiB"'
    config checkpoint-interval '"1 s"'
    printf 'class "short" {\n  period = "P1D"\n  source = "gone"\n}\n' >>"$V/fumikura.conf"
    { grep -v '^source[ =]' "$V/fumikura.conf"; echo 'source = "gone"'; } >"$V/gone.conf"
    sync "$V/fumikura.conf" "$V/gone.conf" "$V"
    server_start "$@" >&2
    exec 9>&1
    fk import "$TEST_DIR"/mails/1*.eml >>"$OUT/imported" # of the source "mail": these stay
    erase_some
    for what in erase_some exchange seal_all look; do while :; do $what; done & done
    # By a pipe: it would open and cut short what the others write to.
    "$BUILD/tools/smtp-blast" -a -c 2 -r 100000 -o /dev/fd/3 "$(address smtp)" "$TEST_DIR"/mails/*.eml 3>&1 >/dev/null | cat >&9
}
erase_some() {
    "$FUMIKURA" -c "$V/gone.conf" import "$TEST_DIR"/mails/0*.eml >>"$OUT/imported"
    FUMIKURA_TEST_CLOCK=+315360000000 fk retention run --accept-clock --reason test --json |
        jq -r 'select(.type == "disposal") | "erased\t" + .seqs' >&9
}
exchange() {
    keys_of "$V" 2>/dev/null | head -n 1 >>"$OUT/keks"
    fk keys rotate --json | jq -r '"exchanged\t" + .from + "\t" + .to' >&9
    sleep 0.1
}
seal_all() {
    fk seal --json | jq -r '"sealed\t" + (.sealed | tostring)' >&9
    sleep 0.1
}
look() {
    cp "$V/log/checkpoint" "$OUT/seen.new" 2>/dev/null && mv "$OUT/seen.new" "$OUT/seen"
    sleep 0.02
}
numbers() { tr ',' '\n' | while IFS=- read -r from to; do seq "$from" "${to:-$from}"; done; } # of "1-3,7"
said() { sed -n "s/^$1\t//p" "$ACKS"; }
on_image() { python3 "$ROOT/tests/lib/opened.py" "$OUT/img" "$@"; }
power_keys_check() {
    V=$DISK/v OUT=$DISK/.. secrets=$DISK/v/secrets
    . "$ROOT/tests/lib/kek.sh"
    said erased | numbers >"$OUT/erased"
    # As the cut left it, before anything mends it.
    expect "" "$(on_image "$OUT/keks" <"$OUT/erased" | paste -sd' ')" "erased before the cut, and opened by a key on the raw disk"
    expect "" "$(on_image --keks | grep -xF "$(said exchanged | cut -f 1)" | paste -sd' ')" "destroyed before the cut, and on the raw disk"
    fk verify --against "$OUT/seen" >"$OUT/out" 2>&1 || fail "verify right after the cut: $(tail -n 1 "$OUT/out")"
    : >"$OUT/drafted"
    ! grep -qsE 'key=[0-9a-f]{64}' "$secrets/kek-draft" || kek_id "$secrets/kek-draft" >"$OUT/drafted"
    # The next command ends what was begun.
    verify_clean "the cut"
    fk audit --json >"$OUT/audit" || fail "audit"
    jq -r 'select(.kind == "dispose") | .of' "$OUT/audit" | numbers | sort >"$OUT/disposed"
    expect "" "$(sort "$OUT/erased" | comm -23 - "$OUT/disposed" | paste -sd' ')" "erased before the cut, and of no dispose entry"
    { grep "^/" "$ACKS"; grep -vwFf "$OUT/disposed" "$OUT/imported"; } >"$OUT/kept"
    all_acked "$OUT/kept" "$TEST_DIR"/mails/*.eml
    for seq in $(sed -n '1p;$p' "$OUT/disposed"); do
        fk show "$seq" --raw >"$OUT/out" 2>&1
        grep -q "disposed of by entry" "$OUT/out" || fail "entry $seq was disposed of: $(tail -n 1 "$OUT/out")"
    done
    # log-head.new is what a cut left of the signer's head, public, and written over by the next.
    expect "kek log-head log-key" "$(ls "$secrets" | grep -vx log-head.new | paste -sd' ')" "secrets"
    fk checkpoint >"$OUT/out" 2>&1 || fail "no checkpoint after the cut: $(cat "$OUT/out")"
    fk verify --against "$OUT/seen" >"$OUT/out" 2>&1 || fail "verify: $(tail -n 1 "$OUT/out")"
    for number in $(said sealed); do
        [ "$number" = 0 ] || [ -e "$V/segments/$(printf %08d "$number").sealed" ] || fail "segment $number was sealed before the cut, and is not"
    done
    sync -f "$V"
    expect "" "$(on_image "$OUT/keks" <"$OUT/disposed" | paste -sd' ')" "disposed of, and opened by a key on the raw disk"
    # Of those that were ordered or had a file: of a draft the cut may leave the block and not yet that, and nothing was wrapped by it.
    { cat "$OUT/drafted"; kek_id "$secrets/kek"; jq -r 'select(.kind == "key") | .from // empty, .to // empty' "$OUT/audit"; } | sort -u >"$OUT/known"
    expect "$(kek_id "$secrets/kek")" "$(on_image --keks | grep -xFf "$OUT/known")" "key-encryption keys on the raw disk"
    awk '{print /^\// ? $2 : $1}' "$OUT/kept" >"$OUT/seqs"
    [ "$(on_image <"$OUT/seqs" | wc -l)" -gt 0 ] || fail "the control: nothing is opened by the keys on the raw disk"
    for what in erased exchanged sealed; do echo "$what $(said $what | wc -l)"; done >>"$TEST_DIR/done"
    # a disposal in the ledger that nobody was told of: cut while it was done
    [ "$(wc -l <"$OUT/disposed")" -eq "$(wc -l <"$OUT/erased")" ] || echo "unfinished 1" >>"$TEST_DIR/done"
}
