#!/usr/bin/env bash
# with the message that has the password goes what it opened, of however many messages
. "$ROOT/tests/lib/kept.sh"
vault_new
config index-batch 20 # the letter is not in every shard
class short P1D
n=70 # more than are asked for at once
echo "see sekretvalue" >a.txt
bsdtar -cf z.zip --format zip --options zip:encryption=zipcrypt --passphrase 'Kx9#mail7' a.txt || fail "bsdtar"
mkdir mails
python3 - $n <<'P'
import sys
from email.message import EmailMessage
def mail(name, body, file=None):
    m = EmailMessage()
    m["Subject"], m["From"], m["To"], m["Date"] = name, "tanaka@a.example", "sato@b.example", "Mon, 1 Jun 2026 10:00:00 +0900"
    m["Message-ID"] = f"<{name}@x.example>"
    m.set_content(body + "\n")
    if file:
        m.add_attachment(open(file, "rb").read(), maintype="application", subtype="zip", filename=file)
    open(f"{name}.eml", "wb").write(m.as_bytes())
mail("letter", "パスワードは「Kx9#mail7」です。")
for i in range(int(sys.argv[1])):
    mail(f"mails/locked{i:03}", "添付します", "z.zip")
P
count() { fk search --json "$1" 2>/dev/null | jq -r 'select(.subject) | .subject' | wc -l; }
fk import letter.eml >/dev/null || fail "import"
fk import mails/*.eml | cut -f 1 >seqs || fail "import"
fk index >/dev/null || fail "index"
expect $n "$(count 'attachment:sekretvalue')" "what the letter opens"
in_files() { python3 "$ROOT/tests/lib/unpacked.py" --deflate "$V/index" >plain && grep -ac sekretvalue plain; }
[ "$(in_files)" -ge $n ] || fail "the control: texts of the index are not seen"
fk hold add keep --reason "all but the letter" --seq $(cat seqs) >/dev/null || fail "hold"
forward 3
accept_clock >out || fail "run: $(cat out)"
fk index >/dev/null || fail "index"
expect 0 "$(count 'attachment:sekretvalue')" "what its words opened"
expect 0 "$(in_files)" "the same, in the files of the index"
expect $n "$(count unsearchable:encrypted)" "what is locked again"
