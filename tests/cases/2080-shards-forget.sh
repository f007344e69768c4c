#!/usr/bin/env bash
# an index of many shards forgets what is disposed of in each of them, to the last byte, also when killed on the way
. "$ROOT/tests/lib/kept.sh"
vault_new
config index-batch 1
class short P1D
kept 9
fk index >/dev/null || fail "index"
kept 3 # the first three once more, in shards of their own
fk index >/dev/null || fail "index"
[ "$(shards | wc -l)" -ge 2 ] || fail "one shard only: $(cat "$V/index/current")"
# Far more files than a small limit allows: it is raised.
(ulimit -Sn 24 && fk search --count 会議 >many 2>err) || fail "a search with few descriptors: $(cat err)"
expect "$(fk search --count 会議 2>/dev/null)" "$(cat many)" "hits with few descriptors"
# Message-IDs of messages, and how many of them some file of the index still has.
id() { sed -n 's/^Message-ID: *<\(.*\)>.*/\1/Ip' "$(mail "$1")" | head -1; }
left() { for n in "$@"; do grep -raqF "$(id "$n")" "$V/index" && echo "$n"; done | wc -l; }
set -- $seqs
fk hold add keep --reason "control" --seq "$2" "${11}" "${6}" >/dev/null || fail "hold" # mails 2 and 6
expect 9 "$(left 1 2 3 4 5 6 7 8 9)" "the control: Message-IDs in the index's files"
forward 3
cp -a "$V/index" before
accept_clock >out || fail "run: $(cat out)"
rm -rf "$V/index" && cp -a before "$V/index"
for point in index-commit index-committed index-merge index-use index-used; do
    for action in kill eio; do
        rm -rf "$V/index" && cp -a before "$V/index"
        FUMIKURA_FAULT=$point:1:$action fk index >out 2>&1 && fail "$point: not met"
        fk index >/dev/null || fail "index after $point:$action"
        expect "2 2" "$(left 1 2 3 4 5 6 7 8 9) $(left 2 6)" "what is left after $point:$action"
        databases_are_shards || fail "left after $point:$action: $(ls "$V/index")"
    done
done
"$BUILD/tools/index-dump" "$V" >grown || fail "dump"
expect 2 "$(grep -c '^document ' grown)" "messages in the index"
fk reindex >/dev/null || fail "reindex"
"$BUILD/tools/index-dump" "$V" | cmp - grown || fail "rebuilt is not as grown"
expect 3 "$(fk search --json 2>/dev/null | jq -r '.coverage // empty | .index_captures')" "and how often they were captured"
