#!/usr/bin/env bash
# search: the command and the API give the same hits, count and meaning for the same query, and refuse the same with the same place
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
own_mails
python3 "$ROOT/tests/fixtures/make_query_mails.py" more
vault_new
config domains '{"example.co.jp", "example.jp"}'
server_start
fk import mails/*.eml more/*.eml >imported || fail "import"
fk index --wait >/dev/null || fail "index"
web=http://$(address web)
{
    python3 "$ROOT/tests/lib/query_pages.py" examples "$ROOT/docs/query.md"
    python3 "$ROOT/tests/lib/query_pages.py" examples "$ROOT/docs/query.ja.md"
} | cut -f 1 | grep -v '^ip:' >queries
cat >>queries <<'QUERIES'
*
-会議
NOT (会議 OR budget)
from:@partner.example
participants:suzuki
date:今年
date:7d
received:today
older_than:100y
newer_than:7d
subject:*
cc:*
exact:from:髙橋
(会議 OR 予算) NEAR(20) 資料
url:*
direction:internal -from:sato
unsearchable:any
larger:1M
msgid:query-1@example.co.jp
zephyrquartz or nothing
form:x
会議 AND
date:平成31年5月1日
会*議
a NEAR b* c
ip:300.1.1.1
"open
QUERIES
[ "$(wc -l <queries)" -ge 60 ] || fail "only $(wc -l <queries) queries"
found=0 refused=0
while IFS= read -r query; do
    fk search --json --snippet --limit 0 -- "$query" >by-command 2>err
    rc=$?
    status=$(curl -s -m 60 -o by-api -w '%{http_code}' -G --data-urlencode "q=$query" -d limit=1000 "$web/api/v1/search")
    if [ $rc -eq 0 ]; then
        expect 200 "$status" "$query"
        expect "$(jq -c 'select(.seq)' by-command | sort)" "$(jq -c '.hits[]' by-api | sort)" "hits of $query"
        keys='{query, expansion, remark, total, captures, documents, partial, partial_hits}'
        expect "$(tail -n 1 by-command | jq -c ".coverage | $keys")" "$(jq -c ".coverage | $keys" by-api)" "coverage of $query"
        [ "$(jq .coverage.total by-api)" -gt 0 ] && found=$((found + 1))
    else
        expect "2 400" "$rc $status" "$query: $(cat err)"
        grep -qF "character $(jq .position.character by-api): $(jq -r .expected by-api)" err || fail "the place in $query: $(cat err by-api)"
        refused=$((refused + 1))
    fi
done <queries
[ "$found" -ge 60 ] && [ "$refused" -ge 7 ] || fail "$found found something, $refused were refused"
exit 0
