#!/usr/bin/env bash
# export --format ledger: the table a tax inspector asks for, read back by another reader: sorted by day, empty cells counted, formulas harmless, recorded with its digest
. "$ROOT/tests/lib/transactions.sh"
transactions_new
fk transaction "$(seq receipt)" --set amount=-33000 --reason "paid back" >/dev/null || fail "a correction"
fk export --format ledger --to all.csv --reason "tax inspection" --json >out || fail "export: $(cat out)"
fk show "$(seq invoice)" --raw >raw || fail "raw"
python3 - all.csv out imported <<'P' || fail "the table"
import csv, hashlib, json, sys
raw = open(sys.argv[1], "rb").read()
said = json.load(open(sys.argv[2]))
seq_of = {name: n for n, name in (line.split() for line in open(sys.argv[3]))}
assert raw.startswith(b"\xef\xbb\xbf") and raw.endswith(b"\r\n") and b"\n" not in raw.replace(b"\r\n", b"")
assert hashlib.sha256(raw).hexdigest() == said["sha256"]
rows = list(csv.DictReader(raw.decode("utf-8-sig").splitlines(keepends=True)))
assert list(rows[0]) == ["取引年月日", "取引金額", "通貨", "税区分", "取引先", "書類の種類", "書類番号", "件名", "差出人", "宛先", "受信日時", "記録番号", "SHA-256", "確度", "訂正の有無"], list(rows[0])
by = {r["記録番号"]: r for r in rows}
r = by[seq_of["invoice"]]
assert (r["取引年月日"], r["取引金額"], r["通貨"], r["税区分"], r["取引先"], r["書類の種類"], r["書類番号"], r["訂正の有無"]) == \
    ("2024-04-01", "1234567", "JPY", "税込", "株式会社大和商事", "請求書", "INV-2024-001", "無"), r
assert r["件名"] == "4月分ご請求書送付の件" and "sato@yamato.example" in r["差出人"] and "keiri@fumikura.example" in r["宛先"], r
assert r["受信日時"].startswith("2024-04-01 10:00:00") and r["確度"] == "76", r
assert r["SHA-256"] == hashlib.sha256(open("raw", "rb").read()).hexdigest(), r
r = by[seq_of["receipt"]]
assert r["取引金額"] == "-33000" and r["訂正の有無"] == "有", r   # a figure stays a figure
assert by[seq_of["english"]]["取引金額"] == "1234.56" and by[seq_of["english"]]["通貨"] == "USD"
r = by[seq_of["undated"]]
assert r["取引年月日"] == "" and r["取引金額"] == "", r
r = by[seq_of["formula"]]
for cell in r.values():
    assert cell[:1] not in ("=", "+", "@") and (cell[:1] != "-" or cell == ""), r
assert r["件名"].startswith("'="), r
days = [r["取引年月日"] for r in rows]
dated = [d for d in days if d]
assert dated == sorted(dated) and days[len(dated):] == [""] * (len(days) - len(dated)), days
assert seq_of["lunch"] not in by and seq_of["traps"] not in by
assert (said["rows"], said["undated"], said["without_amount"], said["corrected"]) == (len(rows), days.count(""), sum(not r["取引金額"] for r in rows), 1), said
P
fk show "$(jq .act out)" >act || fail "the act"
grep -q '^rows: 9$' act && grep -q '^reason: tax inspection$' act && grep -q "^sha256: $(sha256sum <all.csv | cut -c1-64)$" act || fail "the act: $(cat act)"
# A question, options, stdout; what is no transaction has empty cells.
fk export --format ledger "取引先:大和商事 金額:100万.." >one.csv 2>err || fail "a question"
expect 2 "$(wc -l <one.csv)" "lines of one"
grep -q '^1 rows for counterparty:大和商事 AND amount:1000000..: 0 without a day' err || fail "what was said: $(cat err)"
fk export --format ledger --since 2024-04-07 --until 2024-04-08 '*' >two.csv 2>err || fail "by time"
expect 3 "$(wc -l <two.csv)" "lines of two"
grep -q '^2 rows for \*: 2 without a day, 2 without an amount' err || fail "what was said: $(cat err)"
fk export --format ledger 'docno:nothing' >none.csv 2>/dev/null || fail "of nothing"
expect 1 "$(wc -l <none.csv)" "lines of nothing"
# Refused.
before=$(fk status --json | jq .next)
fk export --format ledger --to all.csv >out 2>&1
expect 2 $? "a file that is there"
fk export --format ledger --seq 1 >out 2>&1
expect 2 $? "by number"
fk export --format ledger --json >out 2>&1
expect 2 $? "json to stdout"
fk export --format xml --to x >out 2>&1
expect 2 $? "another format"
expect "$before" "$(fk status --json | jq .next)" "entries after what was refused"
fk export --format ledger 'amount:x' >out 2>&1
expect 2 $? "a wrong query"
grep -q 'query, character 8' out || fail "its place: $(cat out)"
# A full disk: no half table, and said.
fk export --format ledger >/dev/full 2>err
expect 75 $? "a full disk"
