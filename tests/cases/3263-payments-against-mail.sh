#!/usr/bin/env bash
# match: payments against orders and invoices in mail: what agrees, what differs with both figures, payments without mail and mail without payment; recorded
. "$ROOT/tests/lib/transactions.sh"
transactions_new
cat >paid.csv <<'C'
支払先,金額,支払日,請求書番号,備考
株式会社大和商事,"1,234,000",2024/4/30,INV-2024-001,"一部, 手数料差引"
大和商事（株）,880000,令和6年5月31日,,
高橋工業,¥990000,2024-05-10,PO-2024-0017,
"丁商店",25千円,2024-05-10,,
C
fk match paid.csv --reason "J-SOX sample" --json >out
expect 1 $? "findings"
jq -es --argjson inv "$(seq invoice)" --argjson may "$(seq invoice-may)" --argjson order "$(seq order)" '
    (map(select(.payment.line == 2)) | .[0] | .type == "differs" and .mail.seq == $inv and .by == "number" and .payment.amount == "1234000" and .mail.amount == "1234567" and .difference == "-567" and .differs == ["amount"])
    and (map(select(.payment.line == 3)) | .[0] | .type == "agrees" and .mail.seq == $may and .by == "amount and counterparty" and .differs == [])
    and (map(select(.payment.line == 4)) | .[0] | .type == "differs" and .mail.seq == $order and .difference == "-10000")
    and (map(select(.payment.line == 5)) | .[0] | .type == "payment_without_mail" and .payment.amount == "25000" and .payment.counterparty == "丁商店")' out >/dev/null || fail "classes: $(cat out)"
unpaid=$(jq -r 'select(.type == "mail_without_payment") | .mail.seq' out | while read -r n; do sed -n "s/^$n //p" imported; done | sort | tr '\n' ' ')
expect "english formula undated " "$unpaid" "mail without payment"
jq -es '.[-1] | .type == "summary" and .payments == 4 and .messages == 6 and .agrees == 1 and .differs == 2 and .payment_without_mail == 1 and .mail_without_payment == 3
    and .without_amount == 1 and .encoding == "UTF-8"
    and (.sums[] | select(.currency == "JPY") | .differs == {"paid": "2224000", "asked": "2234567"} and .agrees == {"paid": "880000", "asked": "880000"} and .payment_without_mail.paid == "25000" and .mail_without_payment.asked == "500")' out >/dev/null || fail "the sum: $(tail -n 1 out)"
note "the sum: $(jq -c 'select(.type == "summary") | .sums[0]' out)"
fk show "$(jq 'select(.type == "summary") | .act' out)" >act || fail "the act"
for line in "reason: J-SOX sample" "payments: 4" "agree: 1" "differ: 2" "payment-without-mail: 1" "mail-without-payment: 3" "sha256: $(sha256sum <paid.csv | cut -c1-64)"; do
    grep -qx "$line" act || fail "the act has no \"$line\": $(cat act)"
done
# For people, in both languages; both figures and their difference.
fk match paid.csv >text
expect 1 $? "text"
grep -q '^differs 差異	line 2	2024-04-30	1,234,000 JPY	株式会社大和商事	INV-2024-001	seq [0-9]*	2024-04-01	1,234,567 JPY	株式会社大和商事	INV-2024-001	.*	by number	amount 金額	difference 差額 -567 JPY$' text || fail "text: $(cat text)"
grep -q '^no mail 支払のみ	line 5	2024-05-10	25,000 JPY	丁商店	-$' text || fail "text: $(cat text)"
grep -q '^not paid 請求のみ	seq' text || fail "text: $(cat text)"
grep -q '^sum 合計	differs 差異	paid 支払 2,224,000 JPY	asked 請求 2,234,567 JPY	difference 差額 -10,567 JPY$' text || fail "the sum: $(cat text)"
grep -q 'メール以外で届いた請求については何も示しません' text || fail "what it does not show"
# The same in Shift_JIS, with CRLF, headers in English and another order; twice the same.
python3 - <<'P'
rows = open("paid.csv", encoding="utf-8").read().replace("¥", "\\").replace("支払先,金額,支払日,請求書番号,備考", "Vendor,Amount,Payment Date,Invoice No.,Note")
open("sjis.csv", "wb").write(rows.replace("\n", "\r\n").encode("cp932"))
P
fk match sjis.csv --json >sjis.out
expect Shift_JIS "$(jq -r 'select(.type == "summary") | .encoding' sjis.out)" "encoding"
pairs() { jq -c 'select(.payment) | [.type, .payment, .mail.seq, .difference]' "$1"; }
expect "$(pairs out)" "$(pairs sjis.out)" "the same from Shift_JIS"
fk match paid.csv --json >again
expect "$(grep -v summary out)" "$(grep -v summary again)" "the same again"
# A table for spreadsheets.
fk match paid.csv --csv >table.csv
python3 - <<'P' || fail "the table: $(cat table.csv)"
import csv
rows = list(csv.DictReader(open("table.csv", encoding="utf-8-sig", newline="")))
by = {r["支払行"]: r for r in rows if r["支払行"]}
assert [by[n]["区分"] for n in "2345"] == ["差異", "一致", "差異", "支払のみ"], by
assert (by["2"]["支払金額"], by["2"]["請求金額"], by["2"]["差額"], by["2"]["相違点"]) == ("1234000", "1234567", "-567", "金額"), by["2"]
assert sum(r["区分"] == "請求のみ" for r in rows) == 3
for r in rows:
    assert all(c[:1] not in ("=", "+", "@") for c in r.values()), r
P
# All is paid: nothing to tell, exit 0. A correction counts; so does the narrower question.
fk transaction "$(seq invoice)" --set amount=1234000 --reason "as agreed" >/dev/null || fail "a correction"
head -n 3 paid.csv >good.csv
fk match good.csv 'counterparty:大和商事' >text
expect 0 $? "all paid: $(cat text)"
fk match good.csv --days 10 'counterparty:大和商事' >text
expect 1 $? "within ten days"
grep -q '^differs.*day 日付' text && grep -q '^no mail.*line 3' text || fail "within ten days: $(cat text)"
# What is wrong is named with line and column, and leaves no entry.
before=$(fk status --json | jq .next)
wrong() {
    local want=$1
    printf '%b' "$2" >bad.csv
    fk match bad.csv >err 2>&1
    expect 2 $? "$want"
    grep -q "$want" err || fail "does not say \"$want\": $(cat err)"
}
wrong 'line 2, column 2: "lots" is no amount' 'date,amount\n2024-04-01,lots\n'
wrong 'line 3, column 1: "2024-02-30" is no date' 'date,amount\n2024-04-01,1\n2024-02-30,2\n'
wrong 'line 5, column 1: "" is no date' 'date,amount,note\n2024-04-01,1,"two\nlines"\n\n,2,\n'
wrong 'line 2: 1 cells, and the amount is the 2' 'date,amount\n2024-04-01\n'
wrong 'line 1: no column of the amount' 'date,what\n2024-04-01,1\n'
wrong 'columns 1 and 3 are both of the date' 'date,amount,支払日\n'
wrong 'line 2: a quote that is never closed' 'date,amount\n2024-04-01,"1\n'
wrong 'line 2, column 3: neither UTF-8 nor Shift_JIS' 'date,amount,payee\n2024-04-01,1,\x81\x20\x82\n'
wrong 'has no row' ''
wrong 'is no currency' 'date,amount,currency\n2024-04-01,1,yen!\n'
fk match missing.csv >err 2>&1
expect 1 $? "a file that is not there: $(cat err)"
fk match >err 2>&1
expect 2 $? "no file"
fk match paid.csv --json --csv >err 2>&1
expect 2 $? "two forms"
fk match paid.csv --days many >err 2>&1
expect 2 $? "--days"
expect "$before" "$(fk status --json | jq .next)" "entries after what was refused"
