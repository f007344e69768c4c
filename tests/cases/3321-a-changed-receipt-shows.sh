#!/usr/bin/env bash
# a receipt with any line of it changed, cut, put together of two, of another archive, or of a log that was made anew is named, with exit status 1
. "$ROOT/tests/lib/threads.sh"
vault_new
for n in a b c; do letter $n tanaka@a.example sato@b.example "about $n" <<<"falcon and $n"; done
take a b c
fk checkpoint >/dev/null || fail "checkpoint"
fk search --receipt good --user tanaka@a.example --since 2026-05 --until 2026-07 --reason why "falcon thread:$(number_of a)" >/dev/null 2>err || fail "$(cat err)"
fk rerun good >out || fail "the good one: $(cat out)"
expect 30 "$(sed '/^$/,$d' good | wc -l)" "lines that are changed"
bad() { # WHAT WORDS: ./bad is refused by these words
    fk rerun bad >out 2>err
    local rc=$?
    [ $rc -eq 1 ] || fail "$1: exit $rc: $(cat out err)"
    grep -q "^the receipt is not good	.*$2" out || fail "$1: does not say \"$2\" but $(cat out err)"
    ! grep -q 'hits are the same' out || fail "$1: it was rerun all the same"
}
# Each line in these ways: another last character or one more, another digit; taken out; of the statement twice.
lines=$(wc -l <good)
for n in $(seq 1 "$lines"); do
    what="line $n ($(sed -n "${n}p" good | cut -c1-30))"
    sed "${n}s/\(.*\)[0-8a-y]\([^0-8a-y]*\)\$/\1z\2/; ${n}t; ${n}s/\$/z/" good >bad
    cmp -s good bad && fail "$what: not changed"
    bad "$what changed" ''
    sed "${n}s/[0-8]\([^0-8]*\)\$/9\1/" good >bad
    cmp -s good bad || bad "$what by a digit" ''
    sed "${n}d" good >bad
    bad "$what taken out" ''
    [ "$n" -le 30 ] || continue
    sed "${n}p" good >bad
    bad "$what twice" ''
done
head -c -1 good >bad; bad "the last byte cut off" ''
: >bad; bad "nothing" 'form	this is no receipt'
echo hello >bad; bad "something else" 'form	this is no receipt'
printf '\n' | cat good - >bad; bad "one byte more" ''

# What a forger does who knows the form: all that can be computed is computed anew.
forge() { # SED: of the statement; then sums and the digest in the act's line
    sed '/^$/,$d' good | sed "$1" >statement
    hits=$(sed -n 's/^hits: //p' statement)
    digest=$(python3 - "$hits" <<'P'
import sys, hashlib
out = []
for part in filter(None, sys.argv[1].split(",")):
    a, _, b = part.partition("-"); a = int(a); b = int(b or a)
    out += list(range(a, b + 1)) if a <= b else list(range(a, b - 1, -1))
print(hashlib.sha256("".join("%d\n" % n for n in out).encode()).hexdigest())
P
)
    sed -i "s/^hits-sha256: .*/hits-sha256: $digest/" statement
}
a=$(number_of a) b=$(number_of b) c=$(number_of c)
grep -q "^hits: $a\$" good || fail "hits: $(grep ^hits good)"
forge "s/^hits: .*/hits: $b/; s/^hit-captures: .*/hit-captures: $b/"
{ cat statement; sed -n '/^$/,$p' good; } >bad
bad "another hit, with its digest" 'statement	its digest is not the one'
{ cat statement; sed -n '/^$/,$p' good | sed "s/ receipt=[0-9a-f]*/ receipt=$(sha256sum <statement | cut -c1-64)/"; } >bad
bad "and the act's line" "ledger	entry [0-9]* of the ledger is another line"
forge "s/^total: .*/total: 2/; s/^captures: .*/captures: 2/"
{ cat statement; sed -n '/^$/,$p' good; } >bad
bad "a total that is none" 'form	the receipt: total, captures'
# The act and proof of another search.
fk search --receipt other falcon >/dev/null 2>&1 || fail "other"
{ sed '/^$/,$d' good; sed -n '/^$/,$p' other; } >bad
bad "the act of another search" 'statement	its digest is not the one'
{ sed '/^c2sp/,$d' good; sed -n '/^c2sp/,$p' other; } >bad
bad "the proof of another act" 'proof	'
# An act of a search without a receipt.
fk search falcon >/dev/null 2>err
plain=$(grep -o 'act seq=[0-9]*' err | cut -d= -f2)
{ sed '/^$/,$d' good; echo; fk show "$plain" --entry; sed -n '/^c2sp/,$p' good; } >bad
bad "a search without a receipt" 'act	the line is that of a search without a receipt'
# Another archive; then this one, with a log whose past was changed.
mv "$V" "$V.own"
vault_new
fk import a.eml >/dev/null && fk index >/dev/null || fail "another archive"
cp good bad
bad "another archive" "ledger	it is of another archive's ledger"
mv "$V" "$V.other"
mv "$V.own" "$V"
fk rerun good >out || fail "the good one still: $(cat out)"
# By JSON too.
sed 's/^query: falcon/query: condor/' good >bad
fk rerun bad --json >out 2>err
expect "1 finding statement" "$? $(jq -r '"\(.type) \(.check)"' out)" "as JSON"
fk rerun nothing >out 2>err && fail "no such file"
fk rerun >out 2>err
expect 2 $? "no file"
