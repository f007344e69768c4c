#!/usr/bin/env bash
# what Outlook packed in Unicode is found to its last character, and nothing that stood in memory is told with it
. "$ROOT/tests/lib/kept.sh"
vault_new
mkdir mails
python3 - <<'P' || fail "mails"
import base64, struct
def attribute(level, id, data): return bytes([level]) + struct.pack("<II", id, len(data)) + data + struct.pack("<H", sum(data) & 0xffff)
def padded(data): return struct.pack("<II", 1, len(data)) + data + bytes(-len(data) % 4)
def properties(*all): return struct.pack("<I", len(all)) + b"".join(struct.pack("<I", tag) + padded(data) for tag, data in all)
def wide(text): return (text + "\0").encode("utf-16le")
def mail(n, *parts):
    tnef = (b"\x78\x9f\x3e\x22\x01\x00" + attribute(1, 0x00089006, struct.pack("<I", 0x10000)) + attribute(1, 0x00069007, struct.pack("<II", 932, 0)) + b"".join(parts))
    open(f"mails/{n}.eml", "wb").write(
        b"From: tanaka@example.jp\r\nTo: suzuki@example.jp\r\nSubject: mail %d\r\nMessage-ID: <%d@example.jp>\r\nMIME-Version: 1.0\r\n" % (n, n)
        + b"Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(tnef).replace(b"\n", b"\r\n"))
mail(1, attribute(1, 0x00069003, properties((0x0037001f, wide("会議の件名は最後の文字まで読まれる末尾")), (0x1000001f, wide("本文も同じく最後の文字まで読まれる終端\U00020bb7野家")))),
     attribute(2, 0x00069002, struct.pack("<HIHHI", 1, 0, 0, 0, 0)), attribute(2, 0x0006800f, b"attached words\r\n"),
     attribute(2, 0x00069005, properties((0x3707001f, wide("長い名前の見積書最終版.txt")))))
for n in range(2, 60):  # subjects alone, of many lengths: half of each one's room is filled
    mail(n, attribute(1, 0x00069003, properties((0x0037001f, wide("s" * n)), (0x1000001e, b"body%d\0" % n))))
P
fk import mails/*.eml >/dev/null || fail "import"
fk index >/dev/null || fail "index"
found() { fk search --json "$1" 2>/dev/null | jq -r 'select(.subject) | .subject' | sort | paste -sd' '; }
expect "mail 1" "$(found 'attachment:最後の文字まで読まれる末尾')" "the end of its subject"
expect "mail 1" "$(found 'attachment:最後の文字まで読まれる終端')" "the end of its body"
expect "mail 1" "$(found 'attachment:𠮷野家')" "a character beyond the first plane"
expect "mail 1" "$(found 'filename:見積書最終版.txt')" "the end of the file's name"
expect "" "$(found unsearchable:any)" "nothing is garbled or unread"
"$BUILD/tools/index-dump" "$V" >dump || fail "the dump"
grep -a '^row G:' dump | grep -av 会議 | sed 's/.*:\(s*\).*body\([0-9]*\)$/\1 \2/' | awk '{ if (length($1) != $2) print }' >wrong
grep -a '^row G:' dump | grep -acv 会議 >count
expect "58" "$(cat count)" "texts"
expect "" "$(cat wrong)" "texts with more than was written"
