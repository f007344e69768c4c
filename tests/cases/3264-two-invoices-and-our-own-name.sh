#!/usr/bin/env bash
# a message with two invoices is found by either; our own names are never the other party; what is over a limit is said; the same is in the API
. "$ROOT/tests/lib/transactions.sh"
mkdir mails
python3 - "$ROOT/tests/lib" mails <<'P'
import sys
sys.path.insert(0, sys.argv[1])
from transactions import invoice, mail
where = sys.argv[2]
# The texts of both stand in nested messages, which every version reads.
from email.message import EmailMessage
from email import message_from_binary_file, policy
m = EmailMessage()
m["From"], m["To"], m["Subject"], m["Message-ID"] = "sato@yamato.example", "keiri@fumikura.example", "請求書2通の送付", "<two@transactions.example>"
m["Date"] = "Tue, 30 Apr 2024 10:00:00 +0900"
m.set_content("二通お送りします。\n")
for number, day, amount in (("INV-2024-101", "2024年4月10日", 110000), ("INV-2024-102", "2024年5月10日", 220000)):
    inner = EmailMessage()
    inner["From"], inner["To"], inner["Subject"] = "sato@yamato.example", "keiri@fumikura.example", "請求書"
    inner.set_content(invoice(number, day, amount, "株式会社大和商事"))
    m.add_attachment(inner)
open(where + "/two.eml", "wb").write(bytes(m))
mail(where, "ours", "請求書送付の件", "大和商事株式会社\n経理部 御中\n\n請求書番号 F-1\n請求日 2024/4/1\n請求金額 5,500円\n--\n株式会社文蔵\n", "keiri@fumikura.example", "2024-04-01",
     to="大和商事 <keiri@yamato.example>")
mail(where, "long", "請求書", "請求金額 7,700円\n" + "あ" * 200000 + "\n請求書番号 LATE-1\n", "x@long.example", "2024-04-01")
P
vault_new
import_all() {
    : >imported
    for file in mails/*.eml; do echo "$(fk import "$file" | cut -f 1) $(basename "$file" .eml)" >>imported || fail "import $file"; done
    fk index --wait >/dev/null || fail "index"
}
import_all
finds() { expect "$1" "$(hits "$2")" "$2"; }
finds "two" docno:INV-2024-101
finds "two" docno:INV-2024-102
finds "two" amount:110000
finds "two" amount:220000
finds "two" "amount:100000..120000 txn_date:2024-04-10"
finds "two" "amount:210000..10億 txn_date:2024-05..2024-06"
finds "ours two" "amount:5000..110000 -docno:LATE-1 取引先:大和商事"
finds "" "amount:110000.01..219999"
finds "" "txn_date:2024-04-11..2024-05-09"
# Before our own names are known, who signs is taken for the other party; by either name it is found.
finds "ours two" counterparty:大和商事
finds "ours two" counterparty:文蔵
party() { fk transaction "$(seq "$1")" --json | jq -r '.transaction.counterparty'; }
expect 株式会社文蔵 "$(party ours)" "without own-companies"
config own-companies '{"Acme Trading Co., Ltd.", "株式会社文蔵", "fumikura.example"}'
fk reindex >/dev/null || fail "reindex"
expect 大和商事株式会社 "$(party ours)" "with own-companies"
expect 株式会社大和商事 "$(party two)" "of the two"
finds "" counterparty:文蔵
finds "" counterparty:fumikura.example
finds "ours two" counterparty:大和商事
fk transaction "$(seq ours)" | grep -q 'also counterparty	株式会社文蔵	0	.*	our own	' || fail "it is shown, and why it is not: $(fk transaction "$(seq ours)")"
# What is over the limit of a text is not looked at, and said.
fk transaction "$(seq long)" >out
grep -q '^amount	7700 JPY' out && grep -q '^not shown or not looked at: 1$' out || fail "a long text: $(cat out)"
grep -q LATE-1 out && fail "found behind the limit"
# The API has it in its hits.
server_start
web=$(address web)
curl -sf --get "http://$web/api/v1/search" --data-urlencode 'q=docno:F-1' >api || fail "the API"
jq -e '[.. | objects | select(has("transaction"))][0].transaction | .kind == "invoice" and .amount.figure == "5500" and .counterparty == "大和商事株式会社"' api >/dev/null || fail "the API: $(cat api)"
server_stop
