#!/usr/bin/env bash
# of a PST file that is cut short at any place what can be read comes in, marked, and the rest is told by number; damage that leaves the length alone is told too
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 2
vault_new
python3 "$ROOT/tests/fixtures/make_pst.py" whole.pst 30 || fail "make_pst.py"
fk import --json whole.pst >out.json 2>err || fail "$(cat err)"
expect "30 30" "$(wc -l <out.json) $(jq -r .seq out.json | while read -r s; do fk show "$s" --raw | sed -n 's/^Message-ID: <\(pst-[0-9]*\)@.*/\1/p'; done | sort -u | wc -l)" "messages of a whole file"
expect "" "$(cat err)" "what is told of a whole file"
seq=$(jq -r 'select(.path == "whole.pst!Fumikura/保存/1.eml").seq' out.json)
fk show "$seq" --envelope >envelope
grep -q '^reconstructed: ' envelope || fail "not marked as reconstructed: $(cat envelope)"
! grep -q '^origin-damaged' envelope || fail "a whole file is damaged"
fk show "$seq" --raw | grep -q '契約の件です' || fail "no text"
size=$(stat -c %s whole.pst) last=-1 some=0
for cut in 200 1000 1500 3000 4000 6000 9000 12345 16384 20000 25000 30000 35000 $((size - 2000)) $((size - 1)); do
    head -c $cut whole.pst >cut.pst
    fk import --json cut.pst >out.json 2>err
    expect 1 $? "cut at $cut: $(cat err)"
    n=$(wc -l <out.json)
    grep -q "^fumikura: cut.pst: not imported: $n messages could be read of it; it is cut short: $cut bytes of $size" err || fail "cut at $cut: $(cat err)"
    [ "$n" -ge $last ] || fail "cut at $cut: $n messages, fewer than of less"
    last=$n
    if [ "$n" -gt 0 ]; then
        some=$((some + 1))
        # All that readpst was shown of and could not read is counted: nothing is missing without a word.
        [ "$n" = 30 ] || grep -q "; $((30 - n)) items are no mail or cannot be read" err || fail "cut at $cut: $(cat err)"
        for s in $(jq -r .seq out.json); do
            fk show "$s" --envelope | grep -qx "origin-damaged: cut short: $cut bytes of $size" || fail "cut at $cut: entry $s is not marked"
        done
    fi
    expect "" "$(find "$V/run/import" -mindepth 1 -name 'pst.*')" "cut at $cut: files that are left of it"
done
[ $some -ge 8 ] && [ $last -ge 28 ] || fail "the cuts hit nothing: $some, $last"
# A hole: readpst says nothing of it and ends well; the number that it left out is told, and in the report.
cp whole.pst hole.pst
dd if=/dev/zero of=hole.pst bs=1 seek=20000 count=3000 conv=notrunc 2>/dev/null
fk import --json --report report hole.pst >out.json 2>err || fail "a hole: $(cat err)"
n=$(wc -l <out.json)
[ "$n" -lt 30 ] && [ "$n" -gt 15 ] || fail "the hole hit $((30 - n)) messages"
grep -q "^fumikura: hole.pst: $((30 - n)) names not looked at (.*): items of a PST that are no mail, or that readpst cannot read" err || fail "a hole: $(cat err)"
expect $((30 - n)) "$(jq 'select(.result == "skipped").count' report)" "what the report says of a hole"
verify_clean "it all"
