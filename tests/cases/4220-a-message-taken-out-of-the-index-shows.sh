#!/usr/bin/env bash
# the index is reconciled with the tree: messages found and messages disposed of are the mail entries, and one that is taken out is missed
. "$ROOT/tests/lib/kept.sh"
vault_new
config index-batch 1
class short P1D
kept 3
fk index >/dev/null || fail "index"
kept 3
fk index >/dev/null || fail "index"
set -- $seqs
fk hold add control --seq "$2" "$3" "$4" "$5" "$6" --reason "control" >/dev/null || fail "hold"
forward 3
accept_clock >/dev/null || fail "run"
# From the tree: tiles alone, as docs/evidence.md has them. Every line of kind mail is a message.
fk checkpoint >/dev/null || fail "checkpoint"
of_tree() {
    python3 - "$V/log" <<'P'
import glob, sys
lines = []
for path in glob.glob(sys.argv[1] + "/tile/entries/**/*", recursive=True):
    try: data = open(path, "rb").read()
    except IsADirectoryError: continue
    while data:
        n = int.from_bytes(data[:2], "big")
        lines.append(data[2:2 + n].decode()); data = data[2 + n:]
mails = sum(" kind=mail " in line for line in lines)
def seqs(line):
    for part in line.split(" of=")[1].split()[0].split(","):
        a, _, b = part.partition("-"); yield from range(int(a), int(b or a) + 1)
gone = {s for line in lines if " kind=dispose " in line for s in seqs(line)}
print(mails, len(gone))
P
}
expect "6 1" "$(of_tree)" "messages and disposals in the tree"
covered() { fk search --json --limit 0 2>/dev/null | jq -r '.coverage // empty | "\(.captures) \(.unread) \(.index_captures)"'; }
expect "5 0 5" "$(covered)" "found, unread, in the index"
all() { fk search --json --limit 0 2>/dev/null | jq -r '(.capture_seqs // [])[]' | sort -n | paste -sd' '; }
expect "$2 $3 $4 $5 $6" "$(all)" "all messages that are there"

# Somebody takes a shard out; the mark stays.
shard=$(sed -n "s/^shard: \([0-9]*\) $4-$4 1\$/\1/p" "$V/index/current")
[ -n "$shard" ] || fail "shards: $(cat "$V/index/current")"
sed -i "/^shard: $shard /d" "$V/index/current"
expect "4 0 4" "$(covered)" "found, unread, in the index, when one was taken out: not 6 less 1"
expect "$2 $3 $5 $6" "$(all)" "the one that is missed"
fk reindex >/dev/null || fail "reindex"
expect "5 0 5" "$(covered)" "after a reindex"
expect "$2 $3 $4 $5 $6" "$(all)" "after a reindex"
