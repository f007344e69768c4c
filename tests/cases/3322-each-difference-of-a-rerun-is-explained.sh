#!/usr/bin/env bash
# a receipt says what each word stood for, and a rerun says why of each difference: another capture, one that is gone, a fact, what is alike, by AND and NOT; days and domains are those of then
. "$ROOT/tests/lib/journals.sh"
. "$ROOT/tests/lib/kept.sh"
vault_new
class short P1D
config domains '{"example.jp"}'
take fork-1 plain
for n in one two; do
    printf 'Message-ID: <%s@x.example>\nFrom: a@x.example\nTo: b@example.jp\nSubject: %s\nDate: %s\n\n%s\n' \
        $n $n "$(date -R)" "the very same words stand in both of these letters, so that they are alike; 1234567" >$n.eml
    fk import --json $n.eml 2>/dev/null | jq -r "\"\\(.seq) $n\"" >>likes || fail "import"
done
fk index >/dev/null || fail "index"
fk checkpoint >/dev/null || fail "checkpoint"
one=$(sed -n 's/ one$//p' likes) two=$(sed -n 's/ two$//p' likes) a=$(entry fork-1) plain=$(entry plain)

again() { # FILE EXIT DIFFERENCES: "seq why,..." of all differences
    fk rerun "$1" --json >out 2>err
    rc=$?
    expect "$3" "$(jq -r 'select(.type == "difference") | "\(if .now then "+" else "-" end)\(.seq) \(.why)"' out | paste -sd,)" "rerun $1: $(cat out err)"
    expect "$2" $rc "exit status of rerun $1"
}
ask() { fk search --receipt "$@" >/dev/null 2>err || fail "$*: $(cat err)"; }
stood_for() { sed -n 's/^expansion: //p' "$1"; }

# What words stood for.
ask words '髙田 1234567 サーバー "霞ヶ関" x*'
expect '"髙田" = "高田"
"1234567" = "1,234,567"
"サーバー" = "サーヴァー"
"サーバー" = "サーバ"
"サーバー" = "サーヴァ"
"霞ヶ関" = "霞ケ関"
"霞ヶ関" = "霞ヶ關"
"霞ヶ関" and more' "$(stood_for words)" "other spellings"
ask alike "similar:$one"
expect "similar:$one = $one-$two" "$(stood_for alike)" "what is alike"
ask inward "direction:in"
expect "direction: = example.jp" "$(stood_for inward)" "our domains"
ask plainly "exact:髙田 -amount:1234567 docno:1234567"
expect "" "$(stood_for plainly)" "what has one spelling"
ask today 'date>=today'
expect 2 "$(sed -n 's/^total: //p' today)" "today's"
for r in words alike inward plainly today; do again $r 0 ""; done

# Another capture of what was a hit, or was none.
ask with 'bcc:outside@other.example'
ask without 'hello subject:fork NOT via:all'
take fork-2
fk index >/dev/null || fail "index"
b=$(entry fork-2)
again with 0 "+$b later-capture"
again without 0 "-$a later-capture"
fk rerun without | grep -q "entry $b is another capture of it" || fail "in words: $(fk rerun without)"

# A fact, as far as the query asks for such.
ask invoices 'txn:invoice'
ask others 'wombat -txn:invoice'
ask checked 'subject:two -dkim:pass'
fk transaction "$plain" --set kind=invoice --reason t >/dev/null 2>err || fail "set: $(cat err)"
fk transaction "$two" --set kind=invoice --reason t >/dev/null 2>err || fail "set: $(cat err)"
fk index >/dev/null || fail "index"
again invoices 0 "+$plain fact,+$two fact"
fk show "$(jq -r 'select(.type == "difference") | .entry' out | head -n 1)" --entry | grep -q " what=transaction of=$plain " || fail "the fact: $(cat out)"
again checked 0 ""

# Days and domains are those of then.
config domains '{"other.example"}'
again inward 0 ""
again today 0 ""
(forward 2 && again today 0 "") || exit 1

# A capture that is gone: what it alone knew is gone with it, and a NOT finds more.
ask inside 'bcc:inside@example.jp'
ask outside 'hello subject:fork NOT bcc:inside@example.jp'
expect "1 0" "$(sed -n 's/^total: //p' inside outside | paste -sd' ')" "then"
fk hold add rest --reason why --seq "$b" "$plain" "$two" >/dev/null || fail "hold"
(forward 3 && accept_clock >out) || fail "run: $(cat out)"
fk index >/dev/null || fail "index"
again inside 0 "-$b capture-gone"
again outside 0 "+$b capture-gone"
gone=$(jq -r 'select(.type == "difference") | .entry' out)
fk show "$gone" --entry | grep -q ' kind=dispose ' || fail "entry $gone: $(fk show "$gone" --entry)"
# What was named is gone: it, and all that was alike.
again alike 0 "-$one disposed,-$two related"
fk rerun alike | grep -q "what it names is there no more, so nothing was asked" || fail "in words: $(fk rerun alike)"
