#!/usr/bin/env bash
# near duplicates by text, at a threshold, in Japanese too; hits collapsed by conversation and by likeness, with exact totals, page by page
. "$ROOT/tests/lib/threads.sh"
vault_new
from='田中 <tanaka@a.example>' to=all@b.example
body() { seq 1 60 | sed "s/.*/clause & of the contract says what number & says and no more/"; }
日本() { for i in $(seq 1 20); do echo "第$i条　甲は乙に対して商品$i号を納入し、乙は代金$i万円を支払うものとする。"; done; }
body | letter base "$from" "$to" one
body | sed 's/contract/CONTRACT/; s/ says / says  /' | letter form "$from" "$to" two
body | sed '30s/.*/and here one clause was written anew by somebody else/' | letter near "$from" "$to" three
body | sed 's/^clause [1-3]*[0-9] .*/other words & stand here/' | letter far "$from" "$to" four
seq 1 60 | sed 's/.*/nothing of this & is in there/' | letter other "$from" "$to" five
日本 | letter j1 "$from" "$to" 契約
日本 | sed '7s/納入/販売/' | letter j2 "$from" "$to" 契約案
letter none1 "$from" "$to" empty </dev/null
letter none2 "$from" "$to" empty </dev/null
take base form near far other j1 j2 none1 none2
expect "base form near" "$(found "similar:$(number_of base)")" "alike at 90 %"
expect "base form" "$(found "similar:$(number_of base)/99")" "at 99 %"
expect "base form near" "$(found "similar:$(number_of near)")" "from the other side"
expect "other" "$(found "類似:$(number_of other)")" "one that is like none"
expect "j1 j2" "$(found "類似:$(number_of j1)/80")" "Japanese, one word of it another one"
expect "none1" "$(found "similar:$(number_of none1)")" "without a text like itself alone"
expect "form" "$(found "similar:$(number_of base) subject:two")" "with the rest of the language"
for wrong in 5/101 5/60 5/ /90 5/a 5/90/90; do
    fk search "similar:$wrong" >out 2>err
    expect 2 $? "similar:$wrong"
    grep -q 'character 9: .*how many percent, from 70 to 100' err || fail "similar:$wrong: $(cat err)"
done

# By likeness: the newest stands for its group.
fk search --collapse similar --json --limit 0 >out 2>err || fail "--collapse similar: $(cat err)"
expect "9 6" "$(jq -r '.coverage // empty | "\(.total) \(.groups)"' out)" "hits and groups"
expect 9 "$(jq -s '[.[] | select(.seq) | 1 + (.others // 0)] | add' out)" "those that stand and their others are all hits"
expect "near 2" "$(jq -r 'select(.others == 2) | .seq' out | names_of) 2" "the newest of the group"
cp out once
fk search --collapse similar --json --limit 0 >out 2>err
expect "$(jq -c 'del(.coverage)' once)" "$(jq -c 'del(.coverage)' out)" "the same each time"
expect "near 2" "$(fk search --collapse similar subject:three OR subject:one OR subject:two 2>/dev/null | sed 's/^\([0-9]*\).*+\([0-9]*\) like it$/\1 \2/' | while read -r n k; do echo "$(sed -n "s/^$n //p" names) $k"; done)" "the text line"

# By conversation, with a cursor: no group twice, none missing.
for n in $(seq 1 12); do
    letter "t$n" "$from" "$to" "talk" "References: <root$((n % 4))@x.example>" <<<"word number $n pinetree"
done
take $(seq 1 12 | sed s/^/t/)
fk search --collapse thread --json pinetree --limit 3 >out 2>err || fail "--collapse thread: $(cat err)"
expect "12 4" "$(jq -r '.coverage // empty | "\(.total) \(.groups)"' out)" "hits and conversations"
expect "t10 t11 t12" "$(jq -r '.seq // empty' out | names_of)" "the newest of each"
expect "2 2 2" "$(jq -r '.others // empty' out | paste -sd' ')" "and how many others"
fk search --collapse thread pinetree >/dev/null 2>err
grep -q '^12 hits in 4 conversations in 21 messages' err || fail "$(cat err)"
expect "12" "$(fk search --collapse thread --count pinetree 2>/dev/null)" "--count is of hits"
expect 2 "$(fk search --collapse sender x >/dev/null 2>&1; echo $?)" "another word"
server_start
web=$(address web)
curl -sfG "http://$web/api/v1/search" --data-urlencode 'q=pinetree' -d 'collapse=thread&limit=3' >page1 || fail "the API"
curl -sfG "http://$web/api/v1/search" --data-urlencode 'q=pinetree' -d "collapse=thread&limit=3&cursor=$(jq -r .next page1)" >page2 || fail "page 2"
expect "t10 t11 t12" "$(jq -r '.hits[].seq' page1 | names_of)" "page 1"
expect "t9 2 null 4" "$(jq -r '.hits[].seq' page2 | names_of) $(jq -r '"\(.hits[0].others) \(.next) \(.coverage.groups)"' page2)" "page 2"
expect 400 "$(curl -s -o /dev/null -w '%{http_code}' "http://$web/api/v1/search?collapse=x")" "another word by the API"
curl -sf "http://$web/api/v1/messages/$(number_of t5)/thread" >out || fail "a conversation by the API"
expect "t1 t5 t9" "$(jq -r '.messages[].seq' out | names_of)" "the conversation by the API"
expect 404 "$(curl -s -o /dev/null -w '%{http_code}' "http://$web/api/v1/messages/9999/thread")" "none"
server_stop
