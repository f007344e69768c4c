#!/usr/bin/env bash
# an indexer killed at any step while captures are joined, or one of them is forgotten, leaves each message once or as it was
. "$ROOT/tests/lib/journals.sh"
vault_new
config index-batch 1
class short P1D
take fork-1 plain fork-2 letter fork-3 fork-footer
tried=0
dies() { # FAULT COMMAND...
    local fault=$1
    shift
    { FUMIKURA_FAULT=$fault "$FUMIKURA" -C "$V" "$@" >out 2>&1; } 2>/dev/null && fail "$fault: not met: $(cat out)"
    tried=$((tried + 1))
}
fk index >/dev/null || fail "index"
dump >want
expect 4 "$(grep -c '^document ' want)" "messages"
grep -q '^superseded: 1,3$' "$V/index/current" || fail "nothing is superseded: $(cat "$V/index/current")"
# captures: of what is there at any moment, each once; of the mark all.
whole() {
    dump >half
    sed -n 's/^term XQ\([0-9]*\)$/\1/p' half | sort -n >captured
    expect "" "$(uniq -d captured)" "$1: entries that are in two messages"
    mark=$(sed -n 's/.* mark \([0-9]*\)$/\1/p' half)
    expect "$((mark ? mark - 1 : 0))" "$(wc -l <captured)" "$1: captures up to the mark"
}
for point in index-put index-commit index-committed index-use index-used; do
    for step in 1:kill 3:kill 5:kill 5:eio; do
        rm -rf "$V/index"
        dies $point:$step index
        [ ! -e "$V/index/current" ] || whole "$point:$step"
        fk index >/dev/null || fail "index after $point:$step"
        dump | cmp - want || fail "after $point:$step"
    done
done

# Forgetting: the newest capture of three goes, then the oldest.
cp -a "$V" before
for gone in fork-3 fork-1; do
    rm -rf "$V" && cp -a before "$V"
    keep=$(cut -f 2 taken | grep -vx "$(entry $gone)")
    fk hold add control --reason control --seq $keep >/dev/null || fail "hold"
    (forward 3 && accept_clock >out) || fail "run: $(cat out)"
    expect "" "$([ "$(fk retention plan --json | jq -r 'select(.type == "summary") | .disposed')" = 1 ] || echo no)" "disposed of"
    for point in index-commit index-committed index-texts index-regroup index-merge index-use index-used; do
        for step in 1:kill 1:eio 2:kill; do
            rm -rf "$V/index" && cp -a before/index "$V/index" # as it was when the capture was there
            FUMIKURA_FAULT=$point:$step fk index >out 2>&1 && [ ${step%:*} = 1 ] && fail "$point: not met: $(cat out)"
            # What stays of the message is found at any moment.
            [ -n "$(found 'subject:fork -wombat')" ] || fail "$gone, $point:$step: the message is gone with one of its captures"
            fk index >/dev/null || fail "index after $point:$step"
            python3 "$ROOT/tests/lib/unpacked.py" --deflate "$V/index" >plain || fail "unpacking"
            expect "$([ $gone = fork-1 ] || echo there)" "$(grep -raq 'inside@example\.jp' "$V/index" plain && echo there)" \
                "$point:$step: what only the first capture knew, in a file of the index"
            dump | grep -v '^documents ' >forgot
            databases_are_shards || fail "left after $point:$step: $(ls "$V/index")"
            fk reindex >/dev/null && dump | grep -v '^documents ' | cmp - forgot || fail "$gone, $point:$step: rebuilt is not as grown"
            tried=$((tried + 1))
        done
    done
    blind=$(sed -n 's/^term XB//p' forgot | sort | paste -sd' ')
    case $gone in
    fork-1) expect "outside@other.example" "$blind" "blind copies without what the first capture knew" ;;
    fork-3) expect "inside@example.jp outside@other.example" "$blind" "blind copies" ;;
    esac
done
note "$tried deaths"
