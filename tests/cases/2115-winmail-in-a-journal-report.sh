#!/usr/bin/env bash
# what Outlook packed into winmail.dat is found where the message stands in a journal report too: its text, its files and where they lead
. "$ROOT/tests/lib/kept.sh"
vault_new
mkdir mails
python3 - <<'P' || fail "mails"
import base64, struct
def attribute(level, id, data): return bytes([level]) + struct.pack("<II", id, len(data)) + data + struct.pack("<H", sum(data) & 0xffff)
tnef = (b"\x78\x9f\x3e\x22\x01\x00" + attribute(1, 0x00089006, struct.pack("<I", 0x10000)) + attribute(1, 0x00069007, struct.pack("<II", 932, 0))
        + attribute(1, 0x0002800c, "包装本文 wrappedword\r\nhttps://tnefbody.example/\0".encode("cp932"))
        + attribute(2, 0x00069002, struct.pack("<HIHHI", 1, 0, 0, 0, 0)) + attribute(2, 0x00018010, "包.txt\0".encode("cp932"))
        + attribute(2, 0x0006800f, "包装添付 https://tneffile.example/\r\n".encode("cp932")))
inner = (b"From: tanaka@example.jp\r\nTo: suzuki@example.jp\r\nSubject: from Outlook\r\nMessage-ID: <outlook@example.jp>\r\nMIME-Version: 1.0\r\n"
         b"Content-Type: multipart/mixed; boundary=_i_\r\n\r\n--_i_\r\nContent-Type: text/plain\r\n\r\nsee attachment\r\n--_i_\r\n"
         b"Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n"
         + base64.encodebytes(tnef).replace(b"\n", b"\r\n") + b"--_i_--\r\n")
report = (b"From: tanaka@example.jp\r\nTo: journal@archive.example\r\nSubject: journaled\r\nMessage-ID: <report@example.jp>\r\nX-MS-Journal-Report:\r\n"
          b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=_j_\r\n\r\n--_j_\r\nContent-Type: text/plain\r\n\r\n"
          b"Sender: tanaka@example.jp\r\nMessage-ID: <outlook@example.jp>\r\nBcc: himitsu@example.jp\r\n\r\n--_j_\r\nContent-Type: message/rfc822\r\n\r\n")
end = b"\r\n--_j_--\r\n"
open("mails/report.eml", "wb").write(report + inner + end)
broken = inner.replace(b"<outlook@", b"<broken@").replace(b"from Outlook", b"cut short")
at = broken.index(b"base64\r\n\r\n") + 10
open("mails/broken.eml", "wb").write(report.replace(b"<outlook@", b"<broken@") + broken[:at + 100] + b"\r\n--_i_--\r\n" + end)
P
fk import mails/report.eml mails/broken.eml >/dev/null || fail "import"
fk index >/dev/null || fail "index"
found() { fk search --json "$1" 2>/dev/null | jq -r 'select(.subject) | .subject' | sort | paste -sd' '; }
expect "from Outlook" "$(found 'attachment:包装本文 has:journal')" "its text"
expect "from Outlook" "$(found 'attachment:包装添付 bcc:himitsu@example.jp msgid:outlook@example.jp')" "its file"
expect "from Outlook" "$(found 'filename:包.txt')" "the file's name"
expect "from Outlook" "$(found 'url:@tnefbody.example url:@tneffile.example')" "where they lead"
expect "cut short" "$(found unsearchable:any)" "one that is cut short is listed, and no other"
