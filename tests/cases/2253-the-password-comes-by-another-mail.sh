#!/usr/bin/env bash
# a locked ZIP opens with a word of a mail that its sender sent the same people that day, before it or after it; rebuilt is as grown
. "$ROOT/tests/lib/kept.sh"
vault_new
config index-batch 3
class short P1D
echo "see sekretvalue" >a.txt
bsdtar -cf z.zip --format zip --options zip:encryption=aes256 --passphrase 'Kx9#mail7' a.txt || fail "bsdtar"
bsdtar -cf y.zip --format zip --options zip:encryption=zipcrypt --passphrase 'Kx9#mail8' a.txt || fail "bsdtar"
mkdir mails
cat >make.py <<'P'
import sys
from email.message import EmailMessage
def mail(name, frm, to, day, body, file=None, subject=None):
    m = EmailMessage()
    m["Subject"] = subject or name
    m["From"], m["To"], m["Date"] = frm, to, f"Mon, {day:02} Jun 2026 10:00:00 +0900"
    m["Message-ID"] = f"<{name}@x.example>"
    m.set_content(body + "\n")
    if file:
        m.add_attachment(open(file, "rb").read(), maintype="application", subtype="zip", filename=file)
    open(f"mails/{name}.eml", "wb").write(m.as_bytes())
t, s, o = "Tanaka <tanaka@a.example>", "sato@b.example, ito@b.example", "other@c.example"
mail("locked", t, s, 1, "添付します", "z.zip")
mail("after", t, "ito@b.example", 1, "先ほどのファイルのパスワードは「Kx9#mail7」です。")
mail("before", t, s, 3, "PW: Kx9#mail8")
mail("second", t, s, 3, "送ります", "y.zip")
mail("late", t, s, 8, "送ります", "z.zip")                       # its word came a week ago
mail("stranger", "x@evil.example", s, 8, "パスワードは Kx9#mail7")  # of another sender
mail("elsewhere", t, o, 8, "パスワードは Kx9#mail7")                # to others
P
python3 make.py
take() { for m in "$@"; do fk import mails/$m.eml | cut -f 1 >$m.seq || fail "import $m"; done; fk index >/dev/null || fail "index $*"; }
found() { fk search --json "$1" 2>/dev/null | jq -r 'select(.subject) | .subject' | sort | paste -sd' '; }
dump() { "$BUILD/tools/index-dump" "$V" | sed 's/ mark [0-9]*$//' >"$1"; } # acts move the mark

take locked
expect "" "$(found sekretvalue)" "control: nothing has opened yet"
expect "locked" "$(found unsearchable:encrypted)" "listed"
take after
expect "locked" "$(found 'attachment:sekretvalue')" "the word came after it"
expect "" "$(found unsearchable:encrypted)" "and it is listed no more"
take before
take second
expect "locked second" "$(found sekretvalue)" "the word came before it"
take late stranger elsewhere
expect "late" "$(found unsearchable:encrypted)" "no word of a stranger, of another day, to others"
dump grown
expect "unlocked: y.zip $(cat before.seq) unlocked: z.zip $(cat after.seq)" "$(grep -a ^unlocked grown | sort | paste -sd' ')" "which message gave it"
# Another capture of the same message is joined to it, and it stays open.
take locked
expect 2 "$(fk search --json 'attachment:sekretvalue filename:z.zip' 2>/dev/null | jq 'select(.subject == "locked") | .captures')" "captures of one message"
dump grown
fk reindex >/dev/null || fail "reindex"
dump rebuilt
cmp grown rebuilt || fail "rebuilt is not as grown: $(diff grown rebuilt | head -5)"
config index-batch 100
fk reindex >/dev/null || fail "reindex"
dump rebuilt
cmp grown rebuilt || fail "in one batch it is not as grown: $(diff grown rebuilt | head -5)"

# Killed between what opens and the mark, it comes to the same.
cp -a "$V/index" whole
for point in index-commit index-use index-used index-committed; do
    rm -rf "$V/index"
    FUMIKURA_FAULT=$point:1:kill fk index >out 2>&1 && fail "$point: not met"
    fk index >/dev/null || fail "index after $point"
    dump again
    cmp grown again || fail "after a death at $point: $(diff grown again | head -5)"
done

# With the message that has the password goes what it opened.
fk hold add keep --reason "all but one" --seq $(cat locked.seq before.seq second.seq late.seq) "$(($(cat locked.seq)))" >/dev/null || fail "hold"
forward 3
accept_clock >out || fail "run: $(cat out)"
fk index >/dev/null || fail "index"
expect "" "$(found 'sekretvalue filename:z.zip')" "its password's message is disposed of"
dump grown
fk reindex >/dev/null || fail "reindex"
dump rebuilt
cmp grown rebuilt || fail "rebuilt after a disposal: $(diff grown rebuilt | head -5)"
