#!/usr/bin/env bash
# in a scratch directory: init, serve, a mail, index, search, show, hold, tape, verify; each --json parses
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
V=v
own_mails
vault_new
server_start
while IFS=$'\t' read -r file from to _; do
    send "mails/$file" "$from" $to >>replies || fail "$file was refused: $(tail -n 1 replies)"
done <mails/names.tsv
json() { # command...: every line of what it prints is JSON, and there is at least one
    fk "$@" >json.out 2>json.err || fail "$*: exit $?: $(cat json.err)"
    [ -s json.out ] || fail "$*: printed nothing"
    jq -e . json.out >/dev/null || fail "$*: not JSON: $(head -n 3 json.out)"
}
fk index --wait || fail "index --wait"
# Each of our own mails is found by its word.
while IFS=$'\t' read -r file _ _ _ word; do
    fk search "$word" >hits 2>err || fail "search $word"
    seq=$(sed -n "$(grep -nF "$file" mails/names.tsv | cut -d : -f 1)p" replies | sed 's/.*seq=\([0-9]*\) .*/\1/')
    grep -q "^$seq[[:space:]]" hits || fail "$word does not find $file (seq $seq): $(cat hits)"
done <mails/names.tsv
expect 3 "$(fk search --count 会議 | grep -o '^[0-9]*' | head -n 1)" "messages with 会議"
seq=$(head -n 1 replies | seq_of)
fk show "$seq" --raw | cmp - mails/01-iso-2022-jp.eml || fail "show --raw"
fk show "$seq" --text | grep -q お疲れ様です || fail "show --text"
json search --json 会議
json search --json --count 会議
json show "$seq" --json
fk hold add 監査 --reason "調査" --query 契約更新 >out || fail "hold add"
json hold list --json
json retention plan --json
fk tape write --to tape >out || fail "tape write: $(cat out)"
fk tape verify tape >out || fail "tape verify: $(cat out)"
json tape list --json
json verify --json
json status --json
json audit --json
fk hold release 監査 --reason "終わり" >out || fail "hold release"
fk verify >out || fail "verify: $(cat out)"
# Without the server the same commands take its parts themselves.
server_stop
fk search 会議 >hits 2>err || fail "search without a server"
expect 3 "$(grep -c '^[0-9]' hits)" "hits without a server"
fk verify >out || fail "verify without a server"
