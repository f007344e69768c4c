#!/usr/bin/env bash
# what was found of a transaction is corrected by a person: searches follow, the history stays, for all captures, over reindex, restart and disposal
. "$ROOT/tests/lib/transactions.sh"
. "$ROOT/tests/lib/kept.sh"
transactions_new
n=$(seq invoice)
fk transaction "$n" >out || fail "show: $(cat out)"
grep -q "^amount	1234567 JPY included	95	body [0-9]*+[0-9]*	label ご請求金額	￥1,234,567-（税込）$" out || fail "the amount with its place: $(cat out)"
grep -q '^also amount	112233 JPY -	10	' out || fail "the other candidates: $(cat out)"
fk transaction "$n" --json >out || fail "json"
jq -e '.transaction | .kind == "invoice" and .date == "2024-04-01" and .amount == {"figure": "1234567", "currency": "JPY", "tax": "included"}
    and .counterparty == "株式会社大和商事" and .number == "INV-2024-001" and .confidence.amount == 95 and .corrected == [] and .changes == []' out >/dev/null ||
    fail "json: $(cat out)"
fk show "$(jq .act out)" --entry | grep -q "what=show of=$n " || fail "the act"
# The span leads to what was found, in the text as it is decoded.
fk show "$n" --text >text || fail "text"
python3 - out mails/invoice.eml <<'P' || fail "the span"
import email, email.policy, json, sys
found = [f for f in json.load(open(sys.argv[1]))["transaction"]["found"] if f["field"] == "body"]
body = email.message_from_binary_file(open(sys.argv[2], "rb"), policy=email.policy.default).get_content().encode()
assert len(found) > 5
for f in found:
    assert body[f["offset"]:f["offset"] + f["length"]].decode() == f["text"], f
P
# What is wrong is refused, and leaves no entry.
before=$(entries)
refused 2 'needs --reason' fk transaction "$n" --set amount=5
refused 2 '--set takes kind=' fk transaction "$n" --set lunch=5 --reason t
refused 2 'date= takes a day' fk transaction "$n" --set date=2024-02-30 --reason t
refused 2 'amount= takes an amount' fk transaction "$n" --set amount=lots --reason t
refused 2 'kind= takes invoice' fk transaction "$n" --set kind=lunch --reason t
refused 2 'given twice' fk transaction "$n" --set amount=5 --as-found amount --reason t
refused 2 'the number of one message' fk transaction --set amount=5 --reason t
expect "$before" "$(entries)" "entries after what was refused"
refused 1 "has no message of entry 99999" fk transaction 99999 --set amount=5 --reason t || true
# A correction: by any form that mail has.
fk transaction "$n" --set amount='1,300,000円（税込）' --set date=令和6年4月2日 --set counterparty=丁商店 --reason "as on paper" --json >out || fail "set: $(cat out)"
fact=$(jq .entry out)
jq -e '.transaction | .amount.figure == "1300000" and .date == "2024-04-02" and .corrected == ["date", "amount", "counterparty"] and (.changes | length) == 3
    and (.changes[] | select(.item == "amount") | .was.figure == "1234567" and .now.figure == "1300000" and .reason == "as on paper" and (.person | length) > 0 and (.time | length) == 24)' out >/dev/null || fail "changes: $(cat out)"
finds() { expect "$1" "$(hits "$2")" "$2"; }
finds "invoice" amount:1300000
finds "" amount:1234567
finds "invoice" "txn_date:2024-04-02 取引先:丁商店 txn:corrected"
finds "" txn_date:2024-04-01
finds "invoice-may" 取引先:大和商事
# The ledger's line names nobody and nothing; the body does.
fk show "$fact" --entry >line
grep -q "what=transaction of=$n " line || fail "the fact: $(cat line)"
grep -q '1300000\|丁商店\|paper' line && fail "a value in the clear: $(cat line)"
fk show "$fact" | grep -q 'amount 1234567 JPY included' || fail "what it was, in the body: $(fk show "$fact")"
# Again, and back to what was found; nothing is forgotten.
fk transaction "$n" --set amount=1400000 --as-found counterparty --set number= --reason "second look" --json >out || fail "again"
jq -e '.transaction | .amount.figure == "1400000" and .counterparty == "株式会社大和商事" and .number == null and (.changes | length) == 6
    and ([.changes[] | select(.item == "amount") | .was.figure] == ["1234567", "1300000"])' out >/dev/null || fail "again: $(cat out)"
finds "invoice" "amount:1400000 取引先:大和商事 txn_date:2024-04-02"
finds "" docno:INV-2024-001
shown() { fk transaction "$n" --json | jq -cS .transaction; }
want=$(shown)
fk reindex >/dev/null || fail "reindex"
expect "$want" "$(shown)" "after reindex"
finds "invoice" "amount:1400000 取引先:大和商事 txn_date:2024-04-02 txn:corrected"
# Another capture of the same bytes is the same message.
fk import mails/invoice.eml >second || fail "once more"
second=$(cut -f 1 second)
echo "$second invoice" >>imported
fk index --wait >/dev/null
expect "$want" "$(shown)" "with a second capture"
finds "invoice" amount:1400000
fk transaction "$second" --set amount=1500000 --reason "third look" --json >out || fail "by the other capture"
jq -e --argjson a "$n" --argjson b "$second" '.capture_seqs == [$a, $b]' out >/dev/null || fail "captures: $(cat out)"
fk show "$(jq .entry out)" --entry | grep -q "what=transaction of=$n,$second " || fail "of both captures"
want=$(shown)
fk reindex >/dev/null || fail "reindex"
expect "$want" "$(shown)" "of both captures, after reindex"
# With a server.
server_start
fk transaction "$(seq order)" --set amount=990000 --reason "by the server" >/dev/null || fail "with a server"
finds "order" "amount:990000"
server_stop
# A message in which nothing was found becomes one.
fk transaction "$(seq lunch)" --set kind=receipt --set amount=1000 --set date=2024-04-07 --reason "a receipt after all" >out || fail "lunch: $(cat out)"
finds "lunch" "txn:receipt amount:1000 txn_date:2024-04-07"
# One capture is disposed of: what was said of both stays, what was said of that one alone went with it. Then the other, and all of it goes.
fk hold add h --reason t --seq "$second" >/dev/null || fail "hold"
class short P1D
forward 3
fk retention run --reason t --accept-clock >out 2>&1 || fail "retention: $(cat out)"
fk show "$n" >/dev/null 2>&1 && fail "the first capture is there"
fk transaction "$second" --json >out || fail "the other capture"
jq -e '.transaction | .amount.figure == "1500000" and .date == "2024-04-01" and .corrected == ["amount"] and (.changes | length) == 1' out >/dev/null || fail "after the disposal of one: $(cat out)"
finds "invoice" "amount:1500000 txn:corrected"
fk reindex >/dev/null || fail "reindex"
finds "invoice" "amount:1500000 txn:corrected"
fk hold release h --reason t >/dev/null && fk retention run --reason t --accept-clock >out 2>&1 || fail "retention: $(cat out)"
fk show "$fact" 2>&1 | grep -q '1234567' && fail "the fact is still readable"
finds "" txn:any
verify_clean "disposals"
