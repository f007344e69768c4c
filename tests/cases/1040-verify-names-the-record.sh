#!/usr/bin/env bash
# verify reads everything again, with a server or without, and names the entry and the check when a byte was turned
. "$ROOT/tests/lib/server.sh"
vault_new
printf 'Subject: one\r\n\r\nbody\r\n' >"$TEST_DIR/one.eml"
{ printf 'Subject: two\r\n\r\n'; head -c 60000 /dev/urandom; } >"$TEST_DIR/two.eml"
fk import "$TEST_DIR/one.eml" "$TEST_DIR/two.eml" >"$TEST_DIR/imported" || fail import
two=$(tail -n 1 "$TEST_DIR/imported" | cut -f 1)
fk seal >/dev/null
fk import "$TEST_DIR/two.eml" >"$TEST_DIR/imported" || fail import
three=$(cut -f 1 "$TEST_DIR/imported")

fk verify --json >"$TEST_DIR/out" || fail "a sound vault: $(cat "$TEST_DIR/out")"
jq -es 'length == 1 and .[0].sum.contents >= 3 and .[0].sum.findings == 0' "$TEST_DIR/out" >/dev/null || fail "$(cat "$TEST_DIR/out")"
server_start
fk verify >"$TEST_DIR/out" || fail "with a server: $(cat "$TEST_DIR/out")"
lend=$(role_pid lend)
server_stop

turn() { # FILE OFFSET: one bit of it
    chmod u+w "$1"
    printf "\\x$(printf %02x $((0x$(xxd -s "$2" -l 1 -p "$1") ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
found() { # CHECK: what verify says now must name it; 1 is its exit status
    fk verify --json >"$TEST_DIR/out" 2>"$TEST_DIR/err"
    expect 1 $? "verify"
    grep -q "there is no entry" "$TEST_DIR/err" && fail "it ends with another part's words: $(cat "$TEST_DIR/err")"
    jq -es "any(.[]; $1)" "$TEST_DIR/out" >/dev/null || fail "not found: $1 in $(cat "$TEST_DIR/out")"
    jq -es 'all(.sum or ((.advice | length) > 5 and (.text | length) > 5))' "$TEST_DIR/out" >/dev/null || fail "no advice"
}
cp -a "$V" "$TEST_DIR/sound"
turn "$V/segments/00000001.sealed" 60000
found ".seq == $two and .segment == 1 and .check == \"gcm\""
fk verify | grep -q "^entry $two segment 1 check gcm: " || fail "text: $(fk verify)"
fk verify --segment 2 >/dev/null || fail "segment 2 is sound"
fk verify --from 2001-01-01 --to 2001-01-02 >/dev/null || fail "nothing of that year is wrong"
fk verify --from "$two" --to "$two" >/dev/null && fail "that one is wrong"
fk show "$two" --raw >"$TEST_DIR/out" 2>"$TEST_DIR/err" && fail "a damaged message was shown"
expect 0 "$(stat -c %s "$TEST_DIR/out")" "bytes of it that were printed"

# What is not there is not called sound.
for options in "--segment 99" "--from 99999" "--to 99999"; do
    fk verify $options >"$TEST_DIR/out" 2>"$TEST_DIR/err"
    expect 1 $? "exit status of verify $options"
    grep -q "there is no" "$TEST_DIR/err" || fail "verify $options: $(cat "$TEST_DIR/err")"
done
fk verify --from 5 --to 3 2>/dev/null
expect 2 $? "exit status of verify --from 5 --to 3"
fk verify --from 2199-01-01 2>"$TEST_DIR/err" >/dev/null
grep -q "nothing was read" "$TEST_DIR/err" || fail "verify of the future: $(cat "$TEST_DIR/err")"
# Nor is a vault that has lost a part of itself a thing to try again, or another thing.
for part in ledger segments; do
    mv "$V/$part" "$TEST_DIR/away"
    fk verify >"$TEST_DIR/out" 2>"$TEST_DIR/err"
    expect 1 $? "exit status of verify without $part"
    grep -q "$part.* missing" "$TEST_DIR/err" || fail "verify without $part: $(cat "$TEST_DIR/err")"
    mv "$TEST_DIR/away" "$V/$part"
done

# The open segment: its bytes end with the last content that was written.
rm -rf "$V" && cp -a "$TEST_DIR/sound" "$V"
place=$(grep -abo "seq=$three prev" "$V/segments/00000002.open" | tail -n 1 | cut -d: -f 1)
turn "$V/segments/00000002.open" $((place + 20))
found '.check == "chain" or .check == "line"'

# Cut short under a server: found, and the desk that lends lives.
rm -rf "$V" && cp -a "$TEST_DIR/sound" "$V"
server_start
lend=$(role_pid lend)
truncate -s 16384 "$V/segments/00000001.sealed"
found '.segment == 1 and .check == "file"'
expect "$lend" "$(role_pid lend)" "the desk"
fk show "$three" --raw | cmp - "$TEST_DIR/two.eml" || fail "what is whole is not lent any more"
server_stop
