#!/usr/bin/env bash
# the reading desk dies while a locked file is tried with a letter's words: it is tried once the desk is back, and rebuilt is as grown
. "$ROOT/tests/lib/kept.sh"
vault_new
echo "see sekretvalue" >a.txt
bsdtar -cf z.zip --format zip --options zip:encryption=aes256 --passphrase 'Kx9#mail7' a.txt || fail "bsdtar"
python3 - <<'P'
from email.message import EmailMessage
def mail(name, frm, body, file=None):
    m = EmailMessage()
    m["Subject"], m["From"], m["To"], m["Date"] = name, frm, "sato@b.example", "Mon, 1 Jun 2026 10:00:00 +0900"
    m["Message-ID"] = f"<{name}@x.example>"
    m.set_content(body + "\n")
    if file:
        m.add_attachment(open(file, "rb").read(), maintype="application", subtype="zip", filename=file)
    open(f"{name}.eml", "wb").write(m.as_bytes())
mail("locked", "tanaka@a.example", "添付します", "z.zip")
mail("letter", "tanaka@a.example", "パスワードは「Kx9#mail7」です。")
mail("other", "suzuki@c.example", "別件")
P
documents() { fk index --json | jq .documents; }
has() { [ "$(documents)" = "$1" ]; }
is_stopped() { grep -q '^State:.T' "/proc/$(role_pid indexd)/status"; }
found() { fk search --json "$1" 2>/dev/null | jq -r 'select(.subject) | .subject' | sort | paste -sd' '; }
dump() { "$BUILD/tools/index-dump" "$V" | sed 's/ mark [0-9]*$//' >"$1"; }

server_start env FUMIKURA_FAULT=index-letter:1:stop
send locked.eml >/dev/null || fail "send"
wait_for 30 has 1 || fail "not indexed"
expect "locked" "$(found unsearchable:encrypted)" "control: it is locked"
send letter.eml >/dev/null || fail "send"
wait_for 30 is_stopped || fail "no letter was asked for"
indexd=$(role_pid indexd)
kill -9 "$(role_pid lend)"
kill -CONT "$indexd"
wait_for 60 has 2 || fail "not indexed after the desk was killed: $(tail -3 "$SERVER_LOG")"
send other.eml >/dev/null || fail "send"
wait_for 60 has 3 || fail "not indexed after the desk was back: $(tail -3 "$SERVER_LOG")"
expect "$indexd" "$(role_pid indexd)" "the indexer outlived it"
expect "locked" "$(found sekretvalue)" "what the letter opens"
server_stop
dump grown
fk reindex >/dev/null || fail "reindex"
dump rebuilt
cmp grown rebuilt || fail "rebuilt is not as grown: $(diff grown rebuilt | head -5)"
