#!/usr/bin/env bash
# search and web: a look that cannot be recorded gives nothing; one that is answered is in the ledger with who, why and what
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
fk import mails/01-*.eml mails/13-*.eml >imported || fail "import"
fk index --wait >/dev/null || fail "index"

# Before: where the pen dies or finds no room at the act's commit there is an error and not one hit.
for fault in txn-commit:1:kill txn-commit:1+:enospc txn-commit:1:eio; do
    FUMIKURA_FAULT=$fault fk search --reason "$fault" 会議 >hits 2>err && fail "$fault: the search was answered"
    [ ! -s hits ] || fail "$fault: hits without an act: $(cat hits)"
    grep -q 'cannot be recorded, so it is not answered' err || fail "$fault: $(cat err)"
done
fk search --json --reason 監査 --user sato.hanako@example.jp --since 2026-06-01 '会議　－延期' >hits 2>err || fail "search: $(cat err)"
expect 1 "$(jq -s '[.[] | select(.seq)] | length' hits)" "hits"
act=$(jq -s '.[-1].coverage.act' hits)
fk audit --json >acts || fail "audit"
expect "$act" "$(jq -s '.[-1].seq' acts)" "the act's place in the ledger"
jq -s '.[-1]' acts | tr -d ' \n' >last
for said in '監査' 'sato.hanako@example.jp' '会議　－延期' '会議ANDNOT延期' '2026-05-31T15:00:00.000Z' '+09:00'; do
    grep -qF "$said" last || fail "the act does not say $said: $(cat last)"
done
grep -qE 'txn-commit' acts && fail "a search that failed stands in the ledger"

# The same over HTTP, while the pen is away and when it is back.
server_start
web=http://$(address web)
curl -sf "$web/api/v1/search?q=falcon&reason=why" | jq -e '.hits | length == 1' >/dev/null || fail "a search over HTTP"
fk audit --json | tail -n 1 | grep -q '"why"' || fail "no act of a search over HTTP"
pen=$(role_pid keep)
kill -STOP "$pen"
curl -s -m 2 "$web/api/v1/search?q=falcon" >out # waits for the pen
[ ! -s out ] || fail "answered without a pen: $(cat out)"
kill -9 "$pen"
answered() { curl -s -o out -D head "$web/api/v1/search?q=falcon" && grep -q ' 200 ' head; }
refused=
for _ in $(seq 200); do
    answered && break
    grep -q '"hits"' out && fail "hits without an act: $(cat out)"
    grep -q ' 503 ' head && grep -qi '^retry-after: ' head && refused=1
    sleep 0.05
done
answered || fail "the web did not find the new pen: $(cat head out)"
[ -n "$refused" ] || note "no request met the time without a pen"
seq=$(head -n 1 imported | cut -f 1)
curl -sf "$web/api/v1/messages/$seq" | jq -e '.text | contains("お疲れ様です")' >/dev/null || fail "the text over HTTP"
curl -sf "$web/api/v1/messages/$seq/raw?reason=copy" | cmp - mails/01-iso-2022-jp.eml || fail "the bytes over HTTP"
fk audit --json >acts
expect "text raw" "$(jq -rs '[.[] | select(.what == "show") | .part] | join(" ")' acts)" "acts of two looks"
expect "copy web(loopback)" "$(jq -rs 'last(.[] | select(.what == "show")) | "\(.reason) \(.person[0:13])"' acts)" "the act of a download"
server_stop
