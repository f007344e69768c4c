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
