#!/usr/bin/env bash
# a search with a receipt, repeated: the same, after more mail, after what was unread, a disposal, a reindex, and a message taken out; by second readers too
. "$ROOT/tests/lib/threads.sh"
. "$ROOT/tests/lib/kept.sh"
vault_new
config index-batch 1
class short P1D
from='田中 <tanaka@a.example>' to=sato@b.example
for n in a b c d; do letter $n "$from" "$to" "about $n" <<<"falcon and $n"; done
letter other "$from" "$to" other <<<"no bird"
{ echo "X-Fumikura-Test: crash"; cat a.eml; } | sed 's/^Message-ID: <a@/Message-ID: <p@/; s/about a/about p/' >p.eml
{ echo "X-Fumikura-Test: crash"; cat p.eml; } | sed 's/^Message-ID: <p@/Message-ID: <x@/; s/tanaka/suzuki/; s/about p/about x/' >x.eml
take a b c d other p x
fk checkpoint >before.note || fail "checkpoint"

# What may have been missed is counted within what was asked for, and said.
fk search --json 'falcon from:tanaka@a.example' >out 2>/dev/null
expect "4 2 0 2" "$(jq -r '.coverage // empty | "\(.total) \(.partial) \(.partial_hits) \(.partial_scope)"' out)" "a reader that died knows no header for sure"
expect "4 0" "$(fk search --json 'falcon' --until 2020-01-01 | jq -r '.coverage // empty | "\(.total) \(.partial_scope)"' | sed 's/^0/4/')" "another time is out of scope"
fk search falcon >/dev/null 2>err
grep -q '2 of them are no hits, but may have been missed for that' err || fail "in words: $(cat err)"

# The receipt: a file that is bound to the ledger, as sha256sum and a second reader see it.
fk search --receipt r1 --reason 'audit 7' falcon >hits 2>err || fail "--receipt: $(cat err)"
expect "a b c d" "$(cut -f1 hits | names_of)" "the hits are printed as ever"
expect 600 "$(stat -c %a r1)" "it says who asked for what"
sed '/^$/,$d' r1 >statement
sed '1,/^$/d' r1 >behind
head -n 1 behind >line
sed 1d behind >proof
expect "$(sha256sum <statement | cut -c1-64)" "$(grep -o ' receipt=[0-9a-f]*' line | cut -d= -f2)" "the digest in the act's line"
expect "$(sed -n 's/^hits-sha256: //p' statement)" "$(cut -f1 hits | sha256sum | cut -c1-64)" "the digest of the hits"
expect "$(fk show "$(sed 's/.* seq=\([0-9]*\) .*/\1/' line)" --entry)" "$(cat line)" "the line is the ledger's"
fk checkpoint --key >log.pem || fail "key"
python3 "$ROOT/tests/lib/proof.py" line proof log.pem >out || fail "the second reader: $(cat out)"
expect "2" "$(grep -c '^checkpoint: \|^terms: 8$' statement)" "the log's head and the version of the terms"
refused 2 "is there already" fk search --receipt r1 falcon

again() { # FILE EXIT SUMMARY: then now same later differences unexplained
    fk rerun "$1" --json >out 2>err
    rc=$?
    expect "$3" "$(jq -r 'select(.type == "summary") | "\(.then) \(.now) \(.same) \(.later) \(.differences) \(.unexplained)"' out)" "rerun $1: $(cat out err)"
    expect "$2" $rc "exit status of rerun $1"
}
differs() { jq -r 'select(.type == "difference") | "\(.seq) \(.why)"' out | while read -r n why; do echo "$(sed -n "s/^$n //p" names) $why"; done | sort | paste -sd,; }
again r1 0 "4 4 4 0 0 0"
fk rerun r1 >out || fail "in words"
grep -q '^4 of 4 hits are the same; 0 differences, 0 unexplained; 0 hits came later\. ' out || fail "$(cat out)"
fk audit --json | jq -r 'select(.canonical == "falcon") | .reason' | grep -q "^rerun of the search that is entry $(sed 's/.* seq=\([0-9]*\) .*/\1/' line)\$" || fail "the act of a rerun"

# More mail, and what the index had not read then.
letter e "$from" "$to" "about e" <<<"falcon and e"
fk import --json e.eml | jq -r '"\(.seq) e"' >>names || fail "import e"
fk search --receipt r2 falcon >/dev/null 2>err || fail "r2: $(cat err)"
expect "1" "$(sed -n 's/^unread: //p' r2)" "one is unread"
letter f "$from" "$to" "about f" <<<"falcon and f"
take f
again r1 0 "4 4 4 2 0 0"
again r2 0 "4 5 4 1 1 0"
expect "e unread-then" "$(differs)" "why"
# The same message once more: another capture of what was a hit.
fk import --json b.eml | jq -r '"\(.seq) b"' >>names || fail "import b again"
fk index >/dev/null || fail "index"
again r1 0 "4 4 4 2 0 0"

# The index read better: the same messages by a reader that does not die of two of them.
better=$ROOT/build/fumikura
if [ -x "$better" ]; then
    "$better" -C "$V" reindex >/dev/null || fail "reindex"
    again r1 0 "4 6 4 2 2 0"
    expect "p readable-now,x readable-now" "$(differs)" "why"
else
    note "no build/fumikura to read the index better with"
fi
fk reindex >/dev/null || fail "reindex"
again r1 0 "4 4 4 2 0 0"

fk search --receipt r3 "thread:$(number_of a)" >/dev/null 2>err || fail "r3: $(cat err)"
expect "thread:$(number_of a) = $(number_of a)" "$(sed -n 's/^expansion: //p' r3)" "what thread: stood for"

# One is disposed of: it is named with the entry that did it.
fk hold add rest --reason why --seq $(sed '/ a$/d; s/ .*//' names) $(fk search --json --limit 0 2>/dev/null | jq '.capture_seqs[]?' | grep -vx "$(number_of a)") >/dev/null || fail "hold"
(forward 3 && accept_clock >out) || fail "run: $(cat out)"
again r1 0 "4 3 3 2 1 0"
expect "a disposed" "$(differs)" "why, before the index has forgotten it"
entry=$(jq -r 'select(.type == "difference") | .entry' out)
fk show "$entry" --entry | grep -q ' kind=dispose .* of='"$(number_of a)"'\b' || fail "entry $entry is not the disposal of $(number_of a): $(fk show "$entry" --entry)"
fk index >/dev/null || fail "index"
again r1 0 "4 3 3 2 1 0"
expect "a disposed" "$(differs)" "why, after it"

again r3 0 "1 0 0 0 1 0"
expect "a disposed" "$(differs)" "of a conversation whose message is there no more"

# A message taken out of the index by hand, for which nothing in the ledger is a reason.
c=$(number_of c)
shard=$(sed -n 's/^shard: \([0-9]*\) \([0-9]*\)-\([0-9]*\) .*/\1 \2 \3/p' "$V/index/current" | while read -r n first last; do [ "$first" -le "$c" ] && [ "$c" -le "$last" ] && echo "$n"; done)
[ -n "$shard" ] || fail "shards: $(cat "$V/index/current")"
sed -i "/^shard: $shard /d" "$V/index/current"
left=$(found falcon)
case " $left " in *" c "*) fail "c is still found" ;; esac
missed=$(for n in b c d; do case " $left " in *" $n "*) ;; *) echo "$n unexplained" ;; esac; done | paste -sd,)
fk rerun r1 --json >out 2>err
expect "1 a disposed,$missed" "$? $(differs)" "why"
fk rerun r1 >out
grep -q "^no longer	$c	unexplained	nothing in the ledger says why" out || fail "$(cat out)"
