#!/usr/bin/env bash
# search: where links lead, which way mail went, who delivered it, very spellings and empty fields, from raw mail to hits
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 1
vault_new
config domains '{"ours.example"}'
server_start
mkdir m
mail() { # NUMBER HEADERS BODY: LF in, CRLF out
    printf 'Date: Wed, 01 Apr 2026 09:30:00 +0900\nMessage-ID: <%s@x>\n%b\n\n%b\n' "$1" "$2" "$3" | sed 's/$/\r/' >"m/$1.eml"
}
H='\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8'
mail 01 "From: a@bank.example\nTo: u@ours.example$H" '<p>click <a href="https://login.evil.example/pay">here</a>'
mail 02 "From: a@bank.example\nTo: u@ours.example$H" '<a href="https://safe.example/?url=https%3A%2F%2Fevil.example%2Fx&amp;d=1">x</a>'
mail 03 "From: a@bank.example\nTo: u@ours.example" 'go to https://evil.example/plain?x=1, now'
mail 04 "From: u@ours.example\nTo: v@ours.example\nMIME-Version: 1.0\nContent-Type: message/rfc822" \
    "From: a@bank.example\nSubject: inner$H\n\n<form action=\"http://WWW.Evil.Example:8080/f\">"
mail 05 "From: u@ours.example\nTo: a@bank.example" 'paid, as login.evil.example said'
mail 06 "From: u@ours.example\nTo: v@ours.example, w@mail.ours.example$H" '<img src="cid:1"><a href="https://notevil.example/">x</a>'
mail 07 "From: x@far.example\nTo: y@far.example$H" '<a href="https://日本語.example/a">x</a>'
mail 08 "From: u@ours.example\nSubject:" '髙橋'
mail 09 "From: u@ours.example\nTo: v@ours.example" '高橋'
mail 10 "From: u@ours.example\nTo: v@ours.example" '高橋と髙橋'
mail 11 "From: u@ours.example\nTo: v@ours.example\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b" \
    '--b\nContent-Type: text/plain; charset=utf-8\n\n渡邊さん\n--b\nContent-Type: text/html; charset=utf-8\n\n<p>渡邉さん</p>\n--b--'
mail 12 "From: u@ours.example\nTo: v@ours.example\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b" \
    '--b\n\npart\n--b\nContent-Type: application/pdf; name="A.Report.PDF"\n\nx\n--b--'
fk import --json m/*.eml >imported 2>import.err || fail "import: $(cat import.err)"
jq -r '"\(.seq) \(.path | split("/")[-1][0:2])"' imported >names
# 13 came over SMTP; whoever is in the envelope alone makes it go outside.
mail 13 "From: u@ours.example\nTo: v@ours.example" 'over the wire'
echo "$(send m/13.eml u@ours.example v@ours.example blind@far.example | seq_of) 13" >>names
fk index --wait >/dev/null || fail "index"
expect 13 "$(wc -l <names)" "messages"
finds() { # WANTED QUERY
    fk search -- "$2" >hits 2>covered || fail "$2: $(cat covered)"
    expect "$1" "$(cut -f 1 hits | while read -r seq; do sed -n "s/^$seq //p" names; done | sort | xargs)" "$2"
}
# Who got the link, whatever it was wrapped in, and who answered.
finds "01 02 03 04" url:@evil.example
finds "01" url:@login.evil.example
finds "01 02 03 04" url:evil.example
finds "01" url:pay
finds "03" 'url:https://evil.example/plain'
finds "04" 'url:f'
finds "02" url:@safe.example
finds "07" url:@日本語.example
finds "07" url:日本語.example
finds "07" url:@xn--wgv71a119e.example
finds "01 02 03 04 06 07" 'url:*'
finds "05" 'paid direction:out'
finds "" 'body:safe.example' # a target is no text of the body
# Each message has one direction, and the configuration counts as it is now.
finds "01 02 03" direction:in
finds "05 13" direction:out
finds "04 06 08 09 10 11 12" direction:internal
finds "07" direction:other
config domains '{"far.example"}'
finds "13" direction:in
finds "07" direction:internal
config domains '{"ours.example", "far.example", "bank.example"}'
finds "01 02 03 04 05 06 07 08 09 10 11 12 13" direction:internal
config domains '{}'
fk search direction:in >out 2>err
expect 2 $? "no domains"
grep -q 'domains = {"example.co.jp"}' err || fail "the hint: $(cat err)"
# The very spelling, in documents that have one of them or both.
finds "08 09 10" 高橋
finds "08 09 10" 髙橋
finds "08 10" exact:髙橋
finds "09 10" exact:高橋
finds "11" exact:渡邊
finds "11" exact:渡邉
finds "" exact:渡辺
finds "11" 渡辺
finds "08" '髙橋 -exact:高橋'
# Fields that have nothing, names of files, clients.
finds "08" '-to:*'
finds "01 02 03 04 05 06 07 08 09 10 11 12 13" 'subject:""' # the subject of 04 is that of what it forwards
finds "" 'subject:*'
finds "13" 'bcc:*'
finds "13" 'envto:*'
finds "12" filetype:pdf
finds "12" 'filename:*.pdf'
finds "13" ip:127.0.0.1
finds "13" ip:127.0.0.0/8
finds "" ip:127.0.0.2
finds "13" 'ip:*'
# Many words are all looked for (docs/query.md says from how many on not).
for i in $(seq 1100); do printf 'aa%04dzz ' "$i"; done >many
mail 14 "From: u@ours.example\nTo: v@ours.example" "$(cat many)"
fk import m/14.eml >/dev/null && fk index --wait >/dev/null || fail "index"
expect 1 "$(fk search --count 'aa*zz' 2>/dev/null)" "a pattern of 1,100 words"
expect 1 "$(fk search --count 'aa000*zz' 2>/dev/null)" "a pattern of nine words"
exit 0
