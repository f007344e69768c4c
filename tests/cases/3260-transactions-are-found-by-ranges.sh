#!/usr/bin/env bash
# orders, invoices, receipts, quotations and contracts are found by day, amount, counterparty, kind and number, by ranges and in any combination
. "$ROOT/tests/lib/transactions.sh"
transactions_new
finds() { expect "$1" "$(hits "$2")" "$2"; }
finds "contract english formula invoice invoice-may order quotation receipt undated" txn:any
finds "english formula invoice invoice-may undated" txn:invoice
finds "order" 種別:注文書
finds "receipt" txn:領収
finds "contract" 種別:契約書
# Days: one, a month, ranges with either end open, in wareki on paper.
finds "invoice" txn_date:2024-04-01
finds "english formula invoice order quotation receipt" 取引日:2024-04
finds "order receipt" "取引年月日:2024-04-15..2024-04-30"
finds "contract" "txn_date<=2019-12-31"
finds "invoice-may" "txn_date>2024-04-30"
# Amounts: exact, ranges, units, width, a currency.
finds "invoice" amount:1234567
finds "invoice" "金額:１２３万..１２４万"
finds "invoice order" "amount:1000000..1300000"
finds "contract invoice order quotation" "amount>=1,000,000"
finds "quotation" 金額:1.2億
finds "english formula" "amount:..5000"
finds "english" amount:USD1234.56
finds "" amount:EUR1234.56
finds "receipt" 取引金額:3万3千円
# The other party: with the form of the company or without, in part, with the other form of a character.
finds "invoice invoice-may" 取引先:大和商事
finds "invoice invoice-may" "counterparty:株式会社大和商事"
finds "invoice invoice-may" counterparty:㈱大和
finds "order" counterparty:髙橋工業
finds "english" 'counterparty:"acme trading"'
finds "" counterparty:存在しない
# The number, as it is written and otherwise; the beginning of it.
finds "order" docno:PO-2024-0017
finds "order" 書類番号:ｐｏ２０２４００１７
finds "invoice invoice-may" "docno:INV-2024-*"
# Any two or more together; negation; other fields beside them.
finds "invoice" "取引先:大和商事 金額:100万.."
finds "invoice-may" "取引先:大和商事 取引日:2024-05"
finds "" "取引先:大和商事 取引日:2024-05 金額:100万.."
finds "invoice" "取引先:大和商事 取引日:2024-04 金額:100万..200万 種別:請求書 docno:INV-2024-001"
finds "invoice-may" "txn:invoice amount:500000..1000000 -txn_date:2024-04"
finds "invoice receipt" "(amount:33000 OR docno:INV-2024-001) received:2024-04"
finds "order receipt" "txn:(order OR receipt)"
# What is none is not found, and says nothing.
finds "" "txn:any 昼食"
finds "" "txn:any subject:版数"
for wrong in txn:lunch amount:x "amount:5..1" "counterparty:株式会社" "docno:--" "txn_date:2024-02-30"; do
    fk search "$wrong" >out 2>&1
    expect 2 $? "$wrong"
    grep -q 'query, character' out || fail "$wrong: no place: $(cat out)"
done
