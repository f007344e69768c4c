#!/usr/bin/env bash
# tables of Exchange and Microsoft 365 (made up here, from the documented columns) are held against the archive by Message-ID: what it has not is named, what was only refused and what is a journal report is not judged
. "$ROOT/tests/lib/kept.sh"
vault_new
own_mails
fk import mails/0*.eml >imported || fail "import"
fk index --wait >/dev/null || fail "index"
ids=$(for f in mails/0*.eml; do sed -n 's/^Message-ID: *<\(.*\)>.*/\1/Ip;/^\r*$/q' "$f"; done | tr -d '\r')
[ "$(echo "$ids" | wc -l)" -eq 9 ] || fail "Message-IDs: $ids"
has() { jq -es "any(.[]; $1)" >/dev/null; }
# Exchange: a Message-ID in several events, quoted cells, one message that was never archived.
{
    printf '#Software: Microsoft Exchange Server\r\n#Version: 15.02.0858.005\r\n#Log-type: Message Tracking Log\r\n'
    printf '#Fields: date-time,client-ip,source,event-id,internal-message-id,message-id,recipient-address,message-subject\r\n'
    n=0
    for id in $ids; do
        n=$((n + 1))
        printf '2026-11-24T0%s:00:00.000Z,,SMTP,RECEIVE,%s,<%s>,sato@example.jp;kato@example.jp,"a, ""b"""\r\n' $((n % 3)) $n "$id"
        printf '2026-11-24T0%s:00:01.000Z,,STOREDRIVER,DELIVER,%s,<%s>,sato@example.jp,x\r\n' $((n % 3)) $n "$id"
    done
    printf '2026-11-24T02:30:00.000Z,,SMTP,RECEIVE,90,<never@example.jp>,sato@example.jp,x\r\n'
    printf '2026-11-24T02:31:00.000Z,,SMTP,FAIL,91,<refused@example.jp>,sato@example.jp,x\r\n'
    printf '2026-11-24T02:32:00.000Z,,JOURNALING,RECEIVE,92,<journal@example.jp>,archive@example.jp,x\r\n'
    printf 'garbage\r\n'
} >tracking.csv
fk reconcile --exchange tracking.csv --json >out
expect 1 $? "exit status: $(cat out)"
expect never@example.jp "$(jq -r 'select(.type == "missing") | .message_id' out)" "what is missing"
has '.type == "summary" and .kept == 9 and .missing == 1 and .rejected == 1 and .journal == 1' <out || fail "summary: $(cat out)"
has '.type == "hour" and .hour == "2026-11-24T02:00:00.000Z" and .missing == 1 and .kept == 3' <out || fail "hours: $(cat out)"
has ".type == \"file\" and .sha256 == \"$(sha256sum <tracking.csv | cut -d' ' -f1)\" and .unreadable == 1" <out || fail "file: $(cat out)"
fk audit --json | has ".seq == $(jq 'select(.type == "summary") | .act' out) and .what == \"reconcile\" and .[\"not-found\"] == \"1\"" || fail "the act"
gzip -k tracking.csv
fk reconcile --exchange tracking.csv.gz --until 2026-11-24T11:10 --json >out || fail "before the missing one: $(cat out)"
# Microsoft 365, as PowerShell writes it.
{
    printf '#TYPE Selected\n"PSComputerName","Received","SenderAddress","RecipientAddress","Subject","Status","MessageId"\n'
    for id in $ids; do printf '"x","11/24/2026 1:02:03 AM","a@b","c@d","two\nlines","Delivered","<%s>"\n' "$id"; done
    printf '"x","11/24/2026 1:02:03 PM","a@b","c@d","s","Delivered","<never@example.jp>"\n"x","11/24/2026 1:02:03 PM","a@b","c@d","s","FilteredAsSpam","<spam@example.jp>"\n'
} >trace.csv
fk reconcile --m365 trace.csv >out
expect 1 $? "exit status: $(cat out)"
grep -q '^missing  <never@example.jp>  2026-11-24 22:02:03$' out && [ "$(grep -c '^missing' out)" -eq 1 ] || fail "text: $(cat out)"
grep -q '^9 messages are in the archive, 1 are not found' out && grep -q 'The index has read to seq' out && grep -q '表にないメール' out || fail "words: $(cat out)"
refused 2 "no column of Message-IDs" fk reconcile --m365 mails/names.tsv
refused 2 "one of --postfix, --exchange and --m365" fk reconcile --m365 --exchange x
refused 2 "are for --postfix" fk reconcile --m365 --record trace.csv
