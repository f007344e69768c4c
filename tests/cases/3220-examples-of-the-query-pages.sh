#!/usr/bin/env bash
# the query pages, English and Japanese: every example finds what the page says, every query in their tables is taken or refused
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
python3 "$ROOT/tests/fixtures/make_query_mails.py" mails
vault_new
config domains '{"example.co.jp"}'
server_start
fk import --json mails/[!5].eml >imported 2>import.err || fail "import: $(cat import.err)"
jq -r '"\(.seq) \(.path | split("/")[-1][0:1])"' imported >names
echo "$(send mails/5.eml support@bank.example sato@example.co.jp | seq_of) 5" >>names
expect 9 "$(wc -l <names)" "messages"
fk index --wait >/dev/null || fail "index"

for page in query.md query.ja.md; do
    python3 "$ROOT/tests/lib/query_pages.py" examples "$ROOT/docs/$page" >examples || fail "$page"
    [ "$(wc -l <examples)" -ge 30 ] || fail "$page has $(wc -l <examples) examples"
    while IFS=$'\t' read -r query wanted; do
        fk search -- "$query" >hits 2>covered || fail "$page: $query: $(cat covered)"
        got=$(cut -f 1 hits | while read -r seq; do sed -n "s/^$seq //p" names; done | sort | xargs)
        expect "$wanted" "$got" "$page: $query"
    done <examples
    python3 "$ROOT/tests/lib/query_pages.py" spans "$ROOT/docs/$page" >spans || fail "$page"
    grep -q refused spans || fail "$page has nothing that is refused"
    while IFS=$'\t' read -r how query; do
        fk search --explain -- "$query" >out 2>err
        expect "$how" "$([ $? -eq 0 ] && echo taken || echo refused)" "$page: $query: $(cat err)"
    done <spans
    # The messages that the page lists are those that were imported.
    for word in 高橋様 髙橋 PO-2024-0017 "Budget forecast" 送金しました evil.example auditor@audit.example plan.xlsx サーバ保守; do
        grep -q "^| [1-9] |.*$word" "$ROOT/docs/$page" || fail "$page lists no message with $word"
    done
done
# --explain looks at nothing, so it records nothing; its JSON is what the coverage has.
before=$(fk audit --json | wc -l)
expect '髙橋 AND date:2024-04..2025-03' "$(fk search --explain 髙橋 date:令和6年度 | head -n 1)" "the canonical form"
expect 'For 髙橋 also: 高橋, 髙𣘺, and more. ' "$(fk search --explain 髙橋 | tail -n 1)" "other spellings"
fk search --explain --json 'サーバー or a' >explained || fail "--explain --json"
fk search --json 'サーバー or a' 2>/dev/null | tail -n 1 | jq -c '.coverage | {query, expansion, remark}' >searched
expect "$(jq -cS . explained)" "$(jq -cS . searched)" "--explain and a search"
grep -q '"or' explained || fail "no remark: $(cat explained)"
expect "$((before + 2))" "$(fk audit --json | wc -l)" "acts: one search, and the audit before" # each audit is one
fk search --explain 'a form:x' >out 2>err
expect 2 $? "status of a wrong query"
grep -q 'character 3' err || fail "the place: $(cat err)"
fk search 髙橋 >/dev/null 2>covered
grep -q 'For 髙橋 also: 高橋' covered || fail "what was found too: $(cat covered)"
exit 0
