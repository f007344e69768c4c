#!/usr/bin/env bash
# an indexer killed after the text store of a shard is written and before its database is forgets nonetheless what only the disposed captures knew
. "$ROOT/tests/lib/journals.sh"
vault_new
config index-batch 1
class short P1D
take fork-1 plain fork-2 letter fork-3 fork-footer
fk index >/dev/null || fail "index"
cp -a "$V" before
for gone in "fork-1 fork-2" fork-1; do
    rm -rf "$V" && cp -a before "$V"
    keep=$(cut -f 2 taken | grep -vxF "$(for one in $gone; do entry $one; done)")
    fk hold add control --reason control --seq $keep >/dev/null || fail "hold"
    (forward 3 && accept_clock >out) || fail "run: $(cat out)"
    expect "" "$([ "$(fk retention plan --json | jq -r 'select(.type == "summary") | .disposed')" = "$(wc -w <<<"$gone")" ] || echo no)" "disposed of"
    for step in 1:kill 1:enospc; do
        rm -rf "$V/index" && cp -a before/index "$V/index"
        { FUMIKURA_FAULT=index-texts:$step fk index >out 2>&1; } 2>/dev/null && fail "index-texts: not met"
        fk index >/dev/null || fail "index after $step"
        dump | grep -v '^documents ' >grown
        fk reindex >/dev/null || fail "reindex"
        dump | grep -v '^documents ' >rebuilt
        cmp -s grown rebuilt || fail "$gone, $step: rebuilt is not as grown: $(diff grown rebuilt)"
    done
done
