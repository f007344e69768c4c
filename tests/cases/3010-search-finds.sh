#!/usr/bin/env bash
# search: what is asked for in Japanese and English, by field, date, size and person, and nothing else; text, count, JSON
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
server_start
fk import --json mails/*.eml >imported 2>import.err || fail "import: $(cat import.err)"
fk index --wait >/dev/null || fail "index"
jq -r '"\(.seq) \(.path | split("/")[-1][0:2])"' imported >names
all=$(cut -d ' ' -f 2 names | sort | tr '\n' ' ')
expect "$(ls mails/*.eml | wc -l)" "$(wc -w <<<"$all")" "imported"
finds() { # WANTED QUERY-AND-OPTIONS...
    local wanted=$1
    shift
    fk search "$@" >hits 2>covered || fail "$*: $(cat covered)"
    got=$(cut -f 1 hits | while read -r seq; do sed -n "s/^$seq //p" names; done | sort | tr '\n' ' ')
    expect "$wanted" "${got% }" "search $*"
}

finds "01 12 20" 会議
finds "01 12 20" 議 件名:会議 OR 会議
finds "01 20" 件名：会議
finds "01" 件名:会議　差出人:佐藤
finds "20" '本文:会議の日程について' # 20 forwards 01: what that has is text of 20, in no field
finds "20" 'body:sato.hanako@example.jp'
finds "20" '佐藤 件名:fwd'
finds "" '(from:佐藤 OR to:鈴木 OR participants:suzuki.ichiro@example.jp) 件名:fwd'
finds "01 20" '会議の日程について 鈴木'
finds "01 20" '"次回の会議"'
finds "" '"会議の次回"'
finds "12" '会議 -次回の会議 OR zephyrquartz -john'
finds "13" falcon
finds "13" ＦＡＬＣＯＮ
finds "13" 'falc*'
finds "13 15 19 21" from:smith
finds "13 15 19 21" from:@partner.example
finds "08 13 14 15 16 19 21" participants:@partner.example
finds "08 13 14 15 16 19 21" --user partner.example
finds "08 13 14 15 16 19 21" --user John.Smith@Partner.Example
finds "08 14 16" to:john.smith@partner.example
finds "05" cc:takahashi.makoto@example.jp
finds "05" 量子暗号通信装置
finds "17" 添付:売上
finds "17 18 19" 'has:attachment smaller:100K'
finds "24" larger:1M
finds "17" msgid:17.csv@mail.example.jp
finds "19 23 24" unsearchable:any # 19 and 24 carry files that are none of their kind
finds "01 02" 'date:2026-06-01..2026-06-03'
finds "${all% }"
finds "${all% }" 'NOT nothinglikethis'
finds "01 02" --until 2026-06-03
finds "03" --since 2026-06-04 --until 2026-06-04
finds "24" --limit 1
finds "${all% }" --since 2026-06 --until 2026
finds "01" --since 2026-06-02T10:30:00 --until 2026-06-02T10:30:00
finds "" --since 2026-06-02T10:30:01 --until 2026-06-02

expect 3 "$(fk search --count 会議 2>/dev/null)" "--count"
fk search --json 会議 >json 2>/dev/null || fail "--json"
expect 3 "$(jq -s '[.[] | select(.seq)] | length' json)" "hits in JSON"
expect 3 "$(jq -s '.[-1].coverage | .total' json)" "total in JSON"
expect true "$(jq -s '[.[] | select(.seq) | .received] | . == (sort | reverse)' json)" "newest first"
expect "会議の日程について" "$(jq -rs '[.[] | select(.seq)][-1].subject' json)" "the subject, decoded"
expect "2026-06-02T01:30:00.000Z" "$(jq -rs '[.[] | select(.seq)][-1].date' json)" "the Date header"
expect '["売上_2026年5月.csv"]' "$(fk search --json 添付:売上 2>/dev/null | head -n 1 | jq -c .files)" "names of attachments"
grep -q "^$(head -n 1 names | cut -d ' ' -f 1)"$'\t''2026-06-02 10:30:00	佐藤 花子 <sato.hanako@example.jp>	会議の日程について$' \
    <(fk search from:佐藤 件名:会議の日程 2>/dev/null) || fail "a line of text: $(fk search from:佐藤 件名:会議の日程 2>&1)"

# What a search was narrowed to stands beside its query.
fk search --user sato.hanako@example.jp --since 2026-06 --until 2026-06-02T10:30 会議 >/dev/null 2>err || fail "search"
grep -q 'for: 会議, user sato.hanako@example.jp, received since 2026-06-01 00:00:00, received until 2026-06-02 10:30:59\. ' err || fail "what was asked: $(cat err)"
expect '["会議","sato.hanako@example.jp","2026-05-31T15:00:00.000Z","2026-06-02T01:30:59.999Z"]' \
    "$(fk search --json --user sato.hanako@example.jp --since 2026-06 --until 2026-06-02T10:30 会議 2>/dev/null |
        tail -n 1 | jq -c '.coverage | [.query, .user, .since, .until]')" "what was asked, in JSON"
expect '[null,null,null]' "$(fk search --json 会議 2>/dev/null | tail -n 1 | jq -c '.coverage | [.user, .since, .until]')" "nothing else was asked"

# What is wrong is pointed at; what is not yet indexed is said.
fk search '会議 form:tanaka' >out 2>err
expect 2 $? "status of a wrong query"
[ ! -s out ] || fail "hits of a wrong query"
grep -q 'character 4: there is no field "form"' err || fail "the place of the error: $(cat err)"
sed -n 3p err | grep -q '^  　　 ^$' || fail "the mark under the error: $(cat err)"
fk search --since yesterday x >out 2>err
expect 2 $? "status of a wrong date"
server_stop # its indexer would read on by itself
fk import mails/13-ascii.eml >/dev/null || fail "import"
fk search falcon 2>err >hits || fail "search"
expect 1 "$(wc -l <hits)" "hits before the index has read on"
grep -q 'Not searched: 1 messages' err || fail "what is not searched: $(cat err)"
# A Date before 1970 is none, as docs/query.md says.
for year in 1960 1969; do
    printf "Date: Tue, 5 Jul $year 12:00:00 +0900\r\nFrom: a@b.example\r\n\r\nold\r\n"
done | split -l 4 --additional-suffix=.eml - old-
fk import old-*.eml >/dev/null && fk index --wait >/dev/null || fail "index"
expect "2 0 0" "$(for q in old 'date<1971' 'date:1900.. old'; do fk search --count "$q" 2>/dev/null; done | xargs)" "old dates"
# Variants of a character are one, unless exact: is said.
printf 'From: 髙橋 <h@b.example>\r\nSubject: hashigo\r\n\r\n𠮷野\r\n' >variant-1.eml
printf 'From: 高橋 <k@b.example>\r\nSubject: kuchi\r\n\r\n吉野\r\n' >variant-2.eml
fk import variant-*.eml >/dev/null && fk index --wait >/dev/null || fail "index"
for asked in '2 from:髙橋 from:b.example' '2 from:高橋 from:b.example' '2 𠮷野' '2 吉野' '1 exact:from:髙橋 from:b.example' \
    '1 exact:from:高橋 from:b.example' '1 exact:𠮷野' '1 exact:吉野' '2 from:(髙橋 OR 高橋) from:b.example' \
    '2 吉 from:b.example' '1 exact:吉 from:b.example' '1 exact:𠮷 from:b.example' '2 野 from:b.example' '1 exact:from:髙 from:b.example' '1 exact:from:高 from:b.example'; do
    expect "${asked%% *}" "$(fk search --count "${asked#* }" 2>/dev/null)" "${asked#* }"
done
# A few words around a match, as they were written: at a terminal, or where it is said.
printf 'From: a@b.example\r\nSubject: snip\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n先日のﾚﾎﾟｰﾄの書\r\n類を\033[31m送ります。\r\n' >snip.eml
fk import snip.eml >/dev/null && fk index --wait >/dev/null || fail "index"
expect 1 "$(fk search 'レポート subject:snip' 2>/dev/null | wc -l)" "lines of a hit in a pipe"
expect $'\t先日の«ﾚﾎﾟｰﾄ»の書 類を [31m送ります。' "$(fk search --snippet 'レポート subject:snip' 2>/dev/null | tail -n 1)" "a snippet"
expect "書 類" "$(fk search --json --snippet '書類 -nowhere subject:snip' 2>/dev/null | jq -r '.snippet // [] | .[] | select(.hit).text')" "a snippet in JSON"
expect "false" "$(fk search --json 'レポート subject:snip' 2>/dev/null | jq 'select(.seq) | has("snippet")')" "a snippet that nobody asked for"
script -qec "'$FUMIKURA' -C '$V' search 'レポート subject:snip'" /dev/null </dev/null | grep -q «ﾚﾎﾟｰﾄ» || fail "no snippet at a terminal"
script -qec "'$FUMIKURA' -C '$V' search --no-snippet 'レポート subject:snip'" /dev/null </dev/null | grep -q « && fail "a snippet at a terminal, unasked"
# A subject cannot write to the terminal.
printf 'Subject: \033[31mred\007 \302\233x\r\nFrom: a@b.example\r\n\r\nescape\r\n' >escape.eml
fk import escape.eml >/dev/null && fk index --wait >/dev/null || fail "index"
fk search escape 2>/dev/null | LC_ALL=C grep -q $'[\001-\010\013-\037]' && fail "a control character was printed"
exit 0
