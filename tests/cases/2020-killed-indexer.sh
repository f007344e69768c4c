#!/usr/bin/env bash
# an indexer killed or failing at any step takes each entry exactly once: mark and documents never part
. "$ROOT/tests/lib/kept.sh"
vault_new
config index-batch 5
own_mails
fk import mails/*.eml mails/*.eml >/dev/null || fail "import"
dump() { "$BUILD/tools/index-dump" "$V" || fail "dump"; }
fk index >/dev/null || fail "index"
dump >want
tried=0
# dies FAULT COMMAND...: the command ends by it.
dies() {
    local fault=$1
    shift
    FUMIKURA_FAULT=$fault "$FUMIKURA" -C "$V" "$@" >out 2>&1 && fail "$fault: not killed: $(cat out)"
    tried=$((tried + 1))
}
# A sync is that of a commit or a merge, while the readers read what comes after it.
for point in index-put index-commit index-committed syncfs; do
    for step in 1:kill 7:kill 2:eio; do
        n=${step%:*} action=${step#*:}
        rm -rf "$V/index"
        dies $point:$n:$action index
        # Where it got to is whole: as many documents as the mark says, and a second death changes nothing.
        dies $point:1:$action index
        dump >half
        mark=$(sed -n 's/.* mark \([0-9]*\)$/\1/p' half)
        documents=$(grep -c '^document ' half)
        [ "$documents" -le "${mark:-0}" ] || fail "$point:$n:$action: $documents documents, mark ${mark:-0}"
        fk index >/dev/null || fail "index after $point:$n:$action"
        dump | cmp - want || fail "after $point:$n:$action"
    done
done
for point in index-merge index-use index-used; do
    for action in kill eio; do
        dies $point:1:$action reindex
        dump | cmp - want || fail "what is searched after $point:$action in reindex"
        fk index >/dev/null || fail "index after $point:$action"
        dump | cmp - want || fail "after $point:$action"
        databases_are_shards || fail "left after $point:$action: $(ls "$V/index")"
    done
done
# The clock's choice: at any moment.
for n in 2 4 6; do
    timeout -s KILL 0.$((n * 13)) "$FUMIKURA" -C "$V" reindex >/dev/null 2>&1
done
fk reindex >/dev/null || fail "reindex after kills"
dump | cmp - want || fail "after kills by the clock"
note "$tried deaths"
