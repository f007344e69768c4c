#!/usr/bin/env bash
# demo.sh PROGRAM - the whole way of a message, to look at: from a real Postfix into the vault, found by a
# Japanese word, held, written to a tape, verified; the server killed under load, a byte flipped.
# All of it in one directory below /var/tmp and on loopback; the system's own mail is not touched.
set -u
cd "$(dirname "$0")/.." || exit 2
program=$PWD/$1 ROOT=$PWD tools=$PWD/$(dirname "$1")/tools
TEST_DIR=$(mktemp -d /var/tmp/fumikura-demo.XXXXXX)
chmod 755 "$TEST_DIR"
mkdir "$TEST_DIR/bin"
ln -s "$program" "$TEST_DIR/bin/fumikura"
PATH=$TEST_DIR/bin:$PATH FUMIKURA=fumikura
export LANG=C.UTF-8 ROOT TEST_DIR FUMIKURA PATH
. tests/lib/server.sh
cd "$TEST_DIR" || exit 2
V=v
at_exit 'cd /; rm -rf "$TEST_DIR"'

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' plain=$'\e[0m'; else bold='' dim='' green='' plain=''; fi
step=0
heading() { step=$((step + 1)); printf '\n%s%d  %s%s\n' "$bold" $step "$*" "$plain"; }
say() { printf '   %s\n' "$*"; }
good() { printf '   %s✓%s %s\n' "$green" "$plain" "$*"; }
run() { # shows a command and its first lines
    local rc
    printf '   %s$ %s%s\n' "$dim" "$*" "$plain"
    "$@" >out 2>&1
    rc=$?
    head -n "${LINES_SHOWN:-8}" out | sed 's/^/   /'
    [ "$(wc -l <out)" -le "${LINES_SHOWN:-8}" ] || say "…"
    return $rc
}
must() { run "$@" || { cat out; fail "$*"; }; }
progress() { [ ! -t 1 ] || printf '\r   %s' "$*"; }

printf '%sFumikura 文蔵%s: a mail comes in, is kept, found, held, written to tape and proven\n' "$bold" "$plain"

heading "A vault and its server"
must fumikura init v --smtp 127.0.0.1:0 --web 127.0.0.1:0
server_start
good "serving: SMTP on $(address smtp), the page on http://$(address web)/"

heading "24 messages through a real Postfix (always_bcc)"
python3 "$ROOT/tests/fixtures/make_mails.py" mails
port=$("$ROOT/tests/postfix.sh" start "$TEST_DIR/postfix" "always_bcc = archive@fumikura.invalid" \
    "transport_maps = inline:{ fumikura.invalid=smtp:[127.0.0.1]:$(address smtp | sed 's/.*://') }") || fail "Postfix did not start"
at_exit '"$ROOT/tests/postfix.sh" stop "$TEST_DIR/postfix"'
while IFS=$'\t' read -r file from to _; do
    python3 "$ROOT/tests/lib/smtp.py" "127.0.0.1:$port" "mails/$file" "$from" $to >/dev/null || fail "Postfix refused $file"
    progress "$file                    "
done <mails/names.tsv
all_kept() { [ "$(grep -c 'status=sent (250 2.0.0 kept seq=' postfix/log/mail.log)" -eq 24 ]; }
wait_for 30 all_kept || fail "not all of them arrived: $(grep -c 'kept seq=' postfix/log/mail.log) of 24"
progress "                                        "$'\r'
say "${dim}from Postfix's own log:$plain"
grep -o 'relay=.*kept seq=.*' postfix/log/mail.log | tail -n 2 | sed 's/, delay=.*dsn=/, dsn=/; s/^/   /'
good "24 of 24 kept: durable on disk before each 250, the ledger's digest in the sender's log"

heading "Found by a Japanese word, whatever charset it came in"
must fumikura -C v index --wait
must fumikura -C v search 会議
must fumikura -C v search --count '契約 -from:smith'
seq=$(fumikura -C v search --limit 1 量子暗号通信装置 | awk '$1 ~ /^[0-9]+$/ {print $1; exit}')
LINES_SHOWN=12 must fumikura -C v show "$seq" --text

heading "Inside attachments, and what could not be searched"
python3 - <<'P' || fail "the attachments"
import io, subprocess, zipfile
from email.message import EmailMessage
docx, archive = io.BytesIO(), io.BytesIO()
with zipfile.ZipFile(docx, "w") as z:
    z.writestr("[Content_Types].xml", '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" '
               'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>')
    z.writestr("word/document.xml", '<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r>'
               '<w:t>海底光</w:t></w:r><w:r><w:t>ケーブル敷設計画の概要</w:t></w:r></w:p></w:body></w:document>')
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("2026/計画.docx", docx.getvalue())
open("給与.txt", "w").write("四月分の給与")
subprocess.run(["bsdtar", "-cf", "locked.zip", "--format", "zip", "--options", "zip:encryption=aes256", "--passphrase", "Demo-2026!", "給与.txt"], check=True)
for name, subject, file, data in (("plan", "資料の送付", "資料.zip", archive.getvalue()), ("locked", "給与の件", "給与.zip", open("locked.zip", "rb").read())):
    m = EmailMessage()
    m["From"], m["To"], m["Subject"], m["Message-ID"] = "sato@example.jp", "tanaka@example.jp", subject, f"<{name}@demo.example>"
    m.set_content("添付をご覧下さい。")
    m.add_attachment(data, maintype="application", subtype="zip", filename=file)
    open(name + ".eml", "wb").write(bytes(m))
P
must fumikura -C v import plan.eml locked.eml
must fumikura -C v index --wait
must fumikura -C v search 'attachment:海底光ケーブル'
grep -q 資料の送付 out || fail "the word in a Word file in a ZIP is not found"
must fumikura -C v unsearchable
grep -q 'encrypted.*給与.zip' out || fail "the locked file is not listed"
good "a Word file inside a ZIP is found by its text; a locked one is listed with its reason"

heading "Payments held against the invoices in mail: one agrees, one differs"
python3 "$ROOT/tests/lib/transactions.py" transactions || fail "the invoices"
must fumikura -C v import transactions/invoice.eml transactions/invoice-may.eml
must fumikura -C v index --wait
must fumikura -C v search '取引先:大和商事 金額:80万..200万'
cat >paid.csv <<'C'
支払日,支払先,金額,請求書番号
2024-04-30,株式会社大和商事,"1,234,000",INV-2024-001
2024-05-31,大和商事（株）,880000,
C
run fumikura -C v match paid.csv --reason "J-SOX 購買"
[ "$(grep -c '^differs' out)" -eq 1 ] && [ "$(grep -c '^agrees' out)" -eq 1 ] || fail "match: $(cat out)"

heading "A blind copy that stands in no header: two journal reports of one message, each with other recipients"
python3 "$ROOT/tests/fixtures/make_journals.py" journals
must fumikura -C v import --journal journals/fork-1.eml journals/fork-2.eml
must fumikura -C v index --wait
must fumikura -C v search --captures 'bcc:inside@example.jp AND via:all@other.example'
seen=$(awk 'NR == 1 {print $1}' out)
fumikura -C v show "$seen" --inner | grep -E 'inside|outside' && fail "the message itself names them"
fumikura -C v show "$seen" --text >out && grep -E '^(sent|had) by' out | sed 's/^/   /'

heading "Held, so that no rule can delete it"
must fumikura -C v hold add 監査2026 --reason "契約更新の調査" --query 契約更新
must fumikura -C v hold list

heading "A letter that the rules let go when its day is over, by import, with a retention class of its own"
config source '"private"'
printf 'class "private" {\n  period = "P0D"\n  source = "private"\n}\n' >>v/fumikura.conf
printf 'From: Hanako <hanako@example.jp>\r\nSubject: =?UTF-8?B?56eB5L+h?=\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n私信です。残さないで下さい。\r\n' >letter.eml
must fumikura -C v import letter.eml
letter=$(cut -f 1 out) came=$(date +%s)
config source '"mail"'

heading "A tape: sealed segments, the ledger as text, how to verify without us"
must fumikura -C v tape write --to tape
must fumikura -C v tape verify tape
run ls tape
(cd tape && sha256sum --quiet -c tagmanifest-sha256.txt && sha256sum --quiet -c manifest-sha256.txt) &&
    good "and with sha256sum alone"

heading "A signed checkpoint, a proof, and openssl to check them"
must fumikura -C v checkpoint
fumikura -C v checkpoint --key >log.pem && fumikura -C v show "$seq" --entry >line && fumikura -C v show "$seq" --proof >proof ||
    fail "no proof of entry $seq"
sed '1,/^$/d' proof >note
sed '/^$/,$d' note >body
sed -n 's/^— [^ ]* //p' note | head -n 1 | base64 -d | tail -c +5 >sig
must openssl pkeyutl -verify -rawin -pubin -inkey log.pem -in body -sigfile sig
python3 "$ROOT/tests/lib/proof.py" line proof log.pem >out || { cat out; fail "the proof of entry $seq"; }
good "entry $seq is in the tree under it: $(cat out), by a reader that is not ours"
must fumikura -C v verify --against note

heading "Handed over: one message with its proof, checked by a shell script over coreutils and openssl alone"
must fumikura -C v export --to package --seq "$seq" --reason "裁判所の求め"
run ls package package/data/messages
must dash package/verify.sh --key log.pem --checkpoint note package
printf x >>"package/data/messages/$seq.eml"
run dash package/verify.sh --key log.pem package && fail "a byte more was not seen"
good "and a byte more is named"

heading "The letter is erased: its old tape forgets it too, and its proof still verifies"
fumikura -C v show "$letter" --entry >letter.line && fumikura -C v show "$letter" --proof >letter.proof || fail "no proof of the letter"
say "${dim}its class keeps it for the day it came in; that day is made to end at the next full minute$plain"
day_ends() { # the zone in which the day in which the letter came ends at the next full minute
    local end=$((came - came % 60 + 60)) m
    m=$(((86400 - end % 86400) % 86400 / 60))
    [ $m -le 720 ] || m=$((m - 1440))
    printf '%s%02d:%02d' "$([ $m -lt 0 ] && echo - || echo +)" $((${m#-} / 60)) $((${m#-} % 60))
    for _ in $(seq 70); do [ "$(date +%s)" -lt $((end + 5)) ] || return 0; sleep 1; done
}
config timezone "\"$(day_ends)\"" # its period is counted in whole days: one has ended just now
must fumikura -C v retention run --accept-clock --reason "保存期間満了、時計は正しい"
run fumikura -C v show "$letter" --raw && fail "the letter is still there"
grep -q 'disposed of' out || fail "show: $(cat out)"
must fumikura tape verify tape
must fumikura tape restore tape --keys v --to back
fumikura -C back show "$seq" --raw >again && fumikura -C v show "$seq" --raw | cmp - again || fail "another message does not come back from the tape"
run fumikura -C back show "$letter" --raw && fail "the tape has the letter still"
good "the tape is whole, every other message of it can be read, and the letter with no key that there is"
python3 "$ROOT/tests/lib/proof.py" letter.line letter.proof log.pem >out || { cat out; fail "the letter's old proof"; }
good "entry $letter, the letter's, is still proven: $(cat out)"

heading "kill -9 of the whole server, with messages in flight"
"$tools/smtp-blast" -c 8 -r 60 -o acks "$(address smtp)" mails/0*.eml >blast.log 2>&1 &
client=$!
enough() { [ "$(wc -l <acks 2>/dev/null || echo 0)" -ge 60 ]; }
wait_for 20 enough || fail "the client sent nothing: $(tail -n 3 blast.log)"
server_kill
wait $client
say "killed; the client had $(wc -l <acks) messages acknowledged, the others were cut off"
server_start
FUMIKURA_PROGRAM=$program "$tools/acked" v acks >out || { cat out; fail "something that was acknowledged is lost"; }
good "$(cat out)"
must fumikura -C v verify

heading "One byte flipped in a copy of the vault"
cp -a v copy
rm -rf copy/run copy/lock
segment=$(ls copy/segments/*.sealed | head -n 1)
python3 - "$segment" <<'PY'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(0, 2)
    at = f.tell() * 2 // 3
    f.seek(at)
    old = f.read(1)
    f.seek(at)
    f.write(bytes([old[0] ^ 1]))
print(f"   byte {at} of {sys.argv[1]}: {old[0]:02x} -> {old[0] ^ 1:02x}")
PY
run fumikura -C copy verify && fail "verify did not see it"
good "named"

printf '\n%sAll of it worked, in %d s.%s The page: %shttp://%s/%s\n' "$green" $SECONDS "$plain" "$bold" "$(address web)" "$plain"
if [ -t 0 ]; then
    say "Serving until Ctrl-C. Try: $program -C $TEST_DIR/v search 会議"
    trap 'exit 0' INT TERM
    wait "$SERVER"
fi
server_stop
