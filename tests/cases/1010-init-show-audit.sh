#!/usr/bin/env bash
# a vault is made once, in a directory of its own; what is shown is shown whole, and each look is in the ledger first
. "$ROOT/tests/lib/server.sh"
vault_new --smtp none
grep -q '^smtp = {"127.0.0.1:0"} ' "$V/fumikura.conf" || fail "$(grep ^smtp "$V/fumikura.conf")"
"$FUMIKURA" init "$V" 2>"$TEST_DIR/err" && fail "a vault was made over another"
grep -q 'is not empty' "$TEST_DIR/err" || fail "$(cat "$TEST_DIR/err")"
mkdir "$TEST_DIR/foreign" && echo mine >"$TEST_DIR/foreign/letter"
"$FUMIKURA" init "$TEST_DIR/foreign" 2>"$TEST_DIR/err"
expect 2 $? "init in a foreign directory"
expect letter "$(ls "$TEST_DIR/foreign")" "the foreign directory"
"$FUMIKURA" init "$TEST_DIR/w" --web 0.0.0.0:80 2>"$TEST_DIR/err"
expect 2 $? "a web address for all"
[ ! -e "$TEST_DIR/w" ] || fail "something was made for a wrong address"

# One mail, by the door it comes in through.
server_start
printf 'From: a@example.jp\r\nSubject: =?UTF-8?B?5pel5pys?=\r\n\r\n\000\200 body\r\n' >"$TEST_DIR/m.eml"
seq=$(send "$TEST_DIR/m.eml" from@example.jp to@example.jp | seq_of)
server_stop

fk show "$seq" --raw | cmp - "$TEST_DIR/m.eml" || fail "not the same bytes"
fk show "$seq" --envelope --reason '監査 1%' | grep -qx 'rcpt-to: to@example.jp' || fail "no recipient"
fk show "$seq" --json | jq -e '.kind == "mail" and .envelope["rcpt-to"] == ["to@example.jp"] and .bytes > 0 and .act > 0' >/dev/null || fail "json"
fk show "$seq" --entry >"$TEST_DIR/line"
expect 1 "$(wc -l <"$TEST_DIR/line")" "lines of --entry"
before=$(fk status --json | jq .next)
fk show "$seq" --entry >/dev/null
fk show "$seq" --raw >/dev/null
expect $((before + 1)) "$(fk status --json | jq .next)" "entries after one look at a line and one at a mail"
fk show 999 2>"$TEST_DIR/err"
expect 1 $? "show of what is not there"
fk show x 2>"$TEST_DIR/err"
expect 2 $? "show of no number"
fk show "$seq" --raw >/dev/full 2>"$TEST_DIR/err"
expect 75 $? "show into a full device"

# The reason is in the audit, byte for byte, and the audit itself is an act.
fk audit --json >"$TEST_DIR/audit"
jq -es 'map(select(.what == "show" and .reason == "監査 1%")) | length == 1' "$TEST_DIR/audit" >/dev/null || fail "$(cat "$TEST_DIR/audit")"
jq -es 'all(.person | test("\\([0-9]+\\)$"))' "$TEST_DIR/audit" >/dev/null || fail "no person"
fk audit --json | jq -es 'map(select(.what == "audit")) | length == 1' >/dev/null || fail "the audit left no act"
expect 0 "$(fk audit --json --since 2199-01-01 | wc -l)" "acts of the future"
expect 0 "$(fk audit --json --until 2001-01-01T10:00 | wc -l)" "acts of the past"
fk audit --since yesterday 2>"$TEST_DIR/err"
expect 2 $? "a date that is none"

# Sealed, it is still the same.
expect 1 "$(fk seal --json | jq .sealed)" "the sealed segment"
fk show "$seq" --raw | cmp - "$TEST_DIR/m.eml" || fail "not the same bytes after sealing"
fk status --json | jq -e '.segments[0].state == "sealed" and (.segments[0].digest | length == 64)' >/dev/null || fail "status"
expect "$(fk status --json | jq -r '.segments[0].digest')" "$(sha256sum "$V"/segments/00000001.sealed | cut -d' ' -f1)" "the segment's digest"

# A clock that was set back hides nothing: acts are listed by their own time, wherever they stand.
FUMIKURA_TEST_CLOCK=+345600000 fk show 0 --entry >/dev/null
FUMIKURA_TEST_CLOCK=+345600000 fk search --count of-tomorrow >/dev/null 2>&1
fk search --count of-today >/dev/null 2>&1
today=$(TZ=Asia/Tokyo date +%F)
fk audit --json --since "$today" --until "$today" | jq -es 'any(.[]; .query == "of-today") and all(.[]; .query != "of-tomorrow")' >/dev/null ||
    fail "acts of today, after a day that was to come"
later=$(TZ=Asia/Tokyo date -d '+4 days' +%F)
fk audit --json --since "$later" | jq -es 'any(.[]; .query == "of-tomorrow") and all(.[]; .query != "of-today")' >/dev/null ||
    fail "acts of a day that was to come"
