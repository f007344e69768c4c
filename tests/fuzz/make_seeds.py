#!/usr/bin/env python3
"""make_seeds.py: writes tests/fuzz/seeds/NAME/* anew, from the house's fixtures and from what stands here; the same bytes each
time. What a found input is worth keeping is put beside them by hand, under a name that says what it broke."""
import base64
import hashlib
import io
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def put(program, name, data):
    folder = os.path.join(HERE, "seeds", program)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


GREETED = b"EHLO client.example\r\n\xfe"
GROUP = b"MAIL FROM:<a@example.jp> SIZE=100 BODY=8BITMIME\r\nRCPT TO:<b@example.jp>\r\nRCPT TO:<\"q d\"@[192.0.2.1]> NOTIFY=NEVER\r\nDATA\r\n\xfe"
MAIL = b"Subject: a\r\n\r\n..dots\r\n.more\r\nend\r\n.\r\n"
put("smtp", "smtp", b"\x00" + GREETED + GROUP + MAIL + b"\xfeQUIT\r\n")
put("smtp", "lmtp", b"\x31LHLO client.example\r\n\xfe" + GROUP + MAIL + GROUP + b"x\r\n.\r\nQUIT\r\n")
put("smtp", "small", b"\x52" + GREETED + b"mail from:<>\r\nrcpt to:<p@x>\r\nrcpt to:<p@x>\r\nrcpt to:<p@x>\r\nrset\r\n" + GROUP + MAIL)
put("smtp", "bare", b"\x24" + GREETED + GROUP + b"a\n.\nb\r.\rc\0\r\n.\r\r\n.\r\n\xfeNOOP x\r\nVRFY y\r\nHELP\r\nEXPN z\r\nSTARTTLS\r\nAUTH PLAIN\r\n")
put("smtp", "xforward", b"\x08" + GREETED + b"XFORWARD NAME=a+20b ADDR=192.0.2.7 PORT=40000 PROTO=ESMTP\r\nXFORWARD HELO=[UNAVAILABLE] SOURCE=REMOTE\r\n"
    b"MAIL FROM:<a@b>\r\nRCPT TO:<archive+tanaka=example.jp@x>\r\nRCPT TO:<archive+@x>\r\nDATA\r\n" + MAIL)
put("journal", "microsoft365", b"Sender: a@b.example\r\nSubject: x\r\nMessage-Id: <1@b.example>\r\nTo: c@d.example\r\nBcc: e@f.example\r\n"
    b"Recipient: g@h.example, Expanded: list@h.example\r\nRecipient: i@j.example, Forwarded: k@l.example\r\n")
put("journal", "folded", b"sender:\r\n <>\r\nSUBJECT: a\r\n b\r\nOn-Behalf-Of: m@n\r\nMailbox: o\r\nLabel: p\r\nSentUtc: 11/24/2026 1:02:03 AM\r\nReceivedUtc: x\r\nRecipient: <>\r\n??\r\n")
put("journal", "exchange2003", b"Sender: \"A\" <smtp:a@b.example>\r\nMessage-ID: <2@b>\r\nRecipients:\r\n\"C\" <smtp:c@d.example>;\r\n X400:c=jp;\r\n")
RECEIPT = """fumikura-receipt/1
ledger: 95e2cf528654ee1f63bbfb24c277fe1d
time: 2026-11-29T01:55:22.062Z
nonce: c114850cb86238a58e9ffb04b1cb9cf3743bb1565ea89a08c675b36e47d7765a
version: 0.1.0
terms: 6
query: falcon thread:1
canonical: falcon AND thread:1
expansion: thread:1 = 1-3
user: a@b.example
since: 2026-05-01T00:00:00.000Z
until: 2026-07-01T00:00:00.000Z
zone: +09:00
person: root(0)
reason: why
head: 13
mark: 7
unread: 0
checkpoint: 5 %s
documents: 6
partial: 1
partial-hits: 0
partial-scope: 1
total: 3
captures: 4
hits: 3-2,5
hits-sha256: %s
hit-captures: 1-3,5
hits-partly: %s
missed: 4

fumikura/1 seq=13 prev=%s kind=act time=2026-11-29T01:55:22.066Z what=search receipt=%s
c2sp.org/tlog-proof@v1
index 13
%s

fumikura/95e2cf528654ee1f63bbfb24c277fe1d
14
%s

— fumikura/95e2cf528654ee1f63bbfb24c277fe1d AZLjJmzkh5QBVz8eA3w3eZYg6Asqs6C2g3c76Kq97kgMDwr605l1It4f19+D9a4065KVOmHbZd1cnOmpEdY5zHV7eAc=
"""
HASH = base64.b64encode(bytes(range(32))).decode()
put("receipt", "whole", b"\x80\x01" + (RECEIPT % ("0" * 64, hashlib.sha256(b"3\n2\n5\n").hexdigest(), "", "0" * 64, "1" * 64, HASH, HASH)).encode())
put("receipt", "empty", b"\x10\x20" + (RECEIPT.replace("3-2,5", "").replace("hit-captures: 1-3,5", "hit-captures: ").replace("total: 3", "total: 0").replace("captures: 4", "captures: 0")
    % ("0" * 64, hashlib.sha256(b"").hexdigest(), "", "0" * 64, "1" * 64, HASH, HASH)).encode())
put("receipt", "list", b"12-9,20,3-5,7")
put("receipt", "proof", ("xxc2sp.org/tlog-proof@v1\nindex 7\n%s\n%s\n\nnote\n" % (HASH, HASH)).encode())
put("notice", "postfix", b"\x00Reporting-MTA: dns; mail.example.jp\nX-Postfix-Queue-ID: 4X\nOriginal-Envelope-Id: QQ=1\n\nFinal-Recipient: rfc822; a@b.example\n"
    b"Original-Recipient: rfc822;c@d.example\nAction: failed\nStatus: 5.1.1 (x)\nRemote-MTA: dns; mx.b.example\nDiagnostic-Code: smtp; 550\n 5.1.1\n\n"
    b"Final-Recipient: utf-8; \"e;f\"@g\nAction: Delayed\nStatus: 4\n")
put("notice", "receipt", b"\x01Reporting-UA: pc.example; Foo\r\nFinal-Recipient: rfc822;<a@b>\r\nOriginal-Message-ID: <1@x> (y)\r\nDisposition: manual-action/\r\n MDN-sent-manually; displayed/error\r\n")
put("notice", "header", b"\x00Received: x\r\n by y\r\nmessage-id :\r\n <1@x>\r\n\r\nMessage-ID: <2@x>\r\n")
put("transaction", "invoice", "\x00請求書送付の件\xfe\x01株式会社文蔵 御中\n請求書番号：INV-2024-001\n発行日：令和6年4月1日\nご請求金額　￥1,234,567-（税込）\n小計 1.2億円\n-- \n大和商事(株)\n\xfe\x04佐藤 <a@b.example>\xfe\x42金壱百万円也 2024/4/1 〒100-0001"
    .encode().replace("\xfe".encode(), b"\xfe"))
put("transaction", "english", b"\x00Invoice INV-7\xfe\x01Invoice date: April 3, 2024\nSubtotal: $1,000.00\nTotal Due: USD 1,234.56\nAcme Trading Co., Ltd.\n\xfe\x03PO-2024-0017.pdf")
put("transaction", "numbers", "\x00見積書\xfe\x01千二十四円 一〇二四円 3万5千円 25千円 廿円 ▲5,000円 1.2.3 03-1234-5678 R6.4.1 二〇二四年四月一日 4月1日発行 \\1,000".encode().replace("\xfe".encode(), b"\xfe"))
put("proxy", "v1-4", b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\r\nEHLO a\r\n")
put("proxy", "v1-6", b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 25\r\n")
put("proxy", "v1-unknown", b"PROXY UNKNOWN\r\n")
PROXY2 = b"\r\n\r\n\0\r\nQUIT\n"
put("proxy", "v2-4", PROXY2 + b"\x21\x11\x00\x0c" + bytes([192, 0, 2, 7, 198, 51, 100, 1]) + b"\x9c\x40\x00\x19EHLO a\r\n")
put("proxy", "v2-6-more", PROXY2 + b"\x21\x21\x00\x27" + bytes(range(32)) + b"\x9c\x40\x00\x19\x04\x00\x00")
put("proxy", "v2-local", PROXY2 + b"\x20\x00\x00\x00")
put("smtp", "early", b"\x00EHLO a\r\nMAIL FROM:<a@b>\r\n")
for i, text in enumerate([b"a\r\nb\r\n.\r\n", b"..\r\n.\r.\r\n.x\r\n..\r\n\r\n.\r\nQUIT\r\n", b".\n.\r\n", b"a\n.\n\r.\r\0\r\n.\r\r\n.\r\n", b"\r\n.\r"]):
    put("dot", f"{i}", bytes([3 * i]) + text)

FROM = b"From sato@example.jp Tue Nov 24 10:02:03 2026\n"
put("mbox", "two", b"\0" + FROM + b"Subject: a\n\nbody\n>From x\nFrom y\n\n" + FROM + b"Subject: b\n\n\n\n")
put("mbox", "crlf", b"\x50" + (FROM + b"Subject: a\n\nFrom here on 10:02 2026 no\n\n" + FROM + b"\n").replace(b"\n", b"\r\n"))
put("mbox", "long", b"\0" + FROM + b"a" * 500 + b"\n\nFrom b 1:23 1999" + b"c" * 300 + b"\n")
for i, text in enumerate(["Tue, 24 Nov 2026 10:02:03 +0900 (JST)", "Tue Nov 24 10:02:03 2026", "24 Nov 26 1:02 EST", "1 Jan 1970 00:00:00 -0000",
                          "29 Feb 2000 23:59:60 +1400", "31 Dec 9999 23:59:59 -1200",
                          "From a Tue Nov 24 10:02:03 2026\xff", "Date: Tue, 24 Nov 2026 10:02:03 +0900"]):
    put("mail_date", f"{i}", text.encode("latin-1"))
put("mail_date", "header", b"\xffReceived: from a by b\n\tfor <c>; Tue, 24 Nov 2026 10:02:03 +0900\nDate: 1 Jan 2020 00:00 GMT\n\nx")

for i, text in enumerate(["", "*", "会議 from:tanaka", "件名:会議室 AND (from:a@b OR NOT to:c) size>10M", "date:2024-04..2024-06 received>=2024-04-01T10:20",
                          "\"a b\" NEAR c", "has:attachment unsearchable:any", "a* -b filename:\"x.pdf\"", "after:2024 before:2025-01-02T03:04:05",
                          "（全角　ＡＮＤ）“引用” to:\"佐藤 <a@b>\" msgid:<x@y>", "NOT NOT (((a)))", "size:1k..2M larger:3 bcc:x cc:y participants:z",
                          "{a from:b} +c (d OR \"e f\") NEAR(3) g w/2 h", "pro*ect te?t *ject filename:*.pdf from:*@b.example", "exact:(from:髙橋 OR サーバー) 1,234,567",
                          "date:令和6年度 received>=R6.4.1 older_than:7d date:\"last month\"..今日", "subject:\"\" -to:* bcc:* direction:in ip:192.0.2.0/21 url:@b.example",
                          "hasattachment:false kind:email list:a in:anywhere x and y"]):
    put("query", f"{i}", text)
put("frame", "frame", b"\1FK1\n\0\7\0\0\0\0\0\5" + b"\1\0\2\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\1a\0\0\0\2bc")
put("frame", "empty", b"\0FK1\n\0\1\0\0\0\0\0\1")

with tempfile.TemporaryDirectory() as mails:  # whole messages: the smaller ones
    subprocess.run([sys.executable, os.path.join(HERE, "..", "fixtures", "make_mails.py"), mails], check=True, stdout=subprocess.DEVNULL)
    for name in sorted(os.listdir(mails)):
        with open(os.path.join(mails, name), "rb") as f:
            data = f.read()
        if name.endswith(".eml") and len(data) < 2500:
            put("mime", name[:-4], data)
NESTED = (b"From x\r\nContent-Type: multipart/mixed; boundary=\"=_a\"\r\n\r\npre\r\n--=_a\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: =?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b\r\n"
    b"Content-Type: text/html; charset=x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<meta charset=3Dutf-8><p>a=\r\nb<script>c</script>&amp;<img alt=3Dd>\r\n--b--\r\n"
    b"--=_a\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQp5\r\n--=_a\r\n"
    b"Content-Type: application/octet-stream; name*0*=utf-8''%E4%BC; name*1*=%9A.txt\r\nContent-Disposition: attachment; filename=\"=?utf-8?q?a=2Etxt?=\"\r\n"
    b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\r\n#86)C\r\n`\r\nend\r\n--=_a--\r\nepilogue\r\n")
put("mime", "nested", NESTED)
put("mime", "nested-lf", NESTED.replace(b"\r\n", b"\n"))
put("mime", "nested-cr", NESTED.replace(b"\r\n", b"\r"))
put("mime", "cr-in-headers", b"Subject: a\r\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\rb\r\n--b\r\n"
    b"Content-Type: message/rfc822\r\n\r\nFrom: c\rSubject: d\r\re\r\n--b--\r\n")
for i, text in enumerate([
        b"\0 =?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=\r\n =?UTF-8?Q?a_=E4=BC?= =?UTF-8?Q?=9A?= b",
        b"\1attachment; filename*0*=utf-8'ja'%E4%BC; filename*1*=%9A; filename*2=\".txt\"; filename=\"a\\\"b\"; charset=\"Shift_JIS\"",
        b"\2\"Sato, H\" <sato@example.jp>, =?utf-8?b?5L2Q6Jek?= (c (d)) <a@b>; list: <@r,@s:x@y>, z;, undisclosed:;",
        b"\3iso-2022-jp\n\x1b$B2q5D\x1b(B a", b"\3Shift_JIS\n\x89\xef\x8bc", b"\3\n\xe4\xbc\x9a\xe8\xad\xb0", b"\3utf-7\n+AGE-", b"\3utf-16\n\xfe\xff\0a",
        b"\3gb18030\n\x81\x30\x81\x30", b"\3x-nothing\n\xa4\xa2\xa4\xa4", b"\3hz-gb-2312\n~{<:Ky~}",
        b"\4<html><head><meta http-equiv=content-type content='text/html; charset=euc-jp'><title>t</title><style>s</style></head><body>a<br>b<p>c<td>d&nbsp;&#x4f1a;&bogus;<!-- x --><img alt='e'><![CDATA[f]]><div"]):
    put("header", f"{i:02}", text)
for i, text in enumerate(["会議室の予約 A会議 B", "東京\n大阪\r\n\r\n京都", "sato.hanako@example.jp ﾊﾝｶｸ ｶﾞ Ⅷ ㈱ ǅ ß", "สวัสดี 한국어 漢々〇ー゛ \ue000", "Don't U.S.A. 3.14 a_b-c/d",
                          "e\u0301 か\u3099 \u200d\u00ad\ufeff 👨\u200d👩", "x" * 300]):
    put("terms", f"{i}", text)
ANSWER = b"\0\0\0\1\7" + b"\0\0\1\0\0\0\0\0"
LINES = b"date: 2026-11-24T01:02:03.000Z\nfrom: a <b@c>\nsubject: x%0Ay\nattachments: 1\nfile: f\n"
put("answer", "good", b"received: 2026-11-24T01:02:03.456Z\nmail-from: a@b SIZE=3\nrcpt-to: c@d\n\xff" + ANSWER + len(LINES).to_bytes(4, "big") + LINES +
    b"\0\0\0\2" + b"\3abc\3\1\2\x81\1" + b"\2XP\0")
put("answer", "none", b"\xff")

LINE = b"fumikura/1 seq=5 prev=" + b"ab" * 32 + b" kind=mail time=2026-11-24T01:02:03.456Z what=a of=5-7,9 c256=00\n"
BLOCK = b"via: smtp\nrcpt-to: a%0Ab\n"
put("entry", "line", LINE)
put("entry", "bare", LINE.split(b" what")[0] + b"\n")
put("entry", "fields", BLOCK)
put("entry", "seqs", b"1-3,5,7-18446744073709551615")
put("entry", "few", b"5-7,9")
put("entry", "envelope", b"fumikura-envelope/1 envelope=%010d message=%020d\n" % (len(BLOCK), 5) + BLOCK + b"hello")
put("entry", "base64", b"QUJDRA==")
put("entry", "time", b"2024-02-29T23:59:59.999Z")


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def part(data, kind=0):
    return bytes([kind]) + len(data).to_bytes(2, "big") + data


SALT = bytes(range(32))
RECIPE = b"fumikura-recipe/1\nraw 40\nbase64 30 40 crlf\nraw 10\nchunk 1 10 " + b"03" + b"00" * 31 + b"\n"
put("content", "stored", b"\0" + part(SALT + b"hello") + part(b"more"))
FRAME = zstd(SALT + b"hello hello hello hello " * 20)
put("content", "zstd", b"\1" + part(FRAME[:20]) + part(FRAME[20:]))
put("content", "recipe", b"\2" + part(zstd(SALT + b"x" * 38)) + part(RECIPE) + part(b"0123456789", 0x80))
put("content", "chunk", b"\2" + part(zstd(SALT + b"x" * 38)) + part(RECIPE) + part(zstd(b"0123456789"), 0x81))
put("content", "missing-chunk", b"\2" + part(zstd(SALT + b"x" * 38)) + part(RECIPE.replace(b"chunk 1", b"chunk 7")))
put("content", "tags", b"\5" + part(FRAME))
put("content", "bomb", b"\1" + part(zstd(bytes(3 << 20))))
put("recipe", "all", RECIPE)
put("recipe", "raw", b"fumikura-recipe/1\nraw 4294967295\n")
WRAPPED = bytes(range(256)) * 2
def lines(data, width, end):
    text = base64.b64encode(data)
    return end.join(text[i:i + width] for i in range(0, len(text), width))
put("encode", "crlf", b"\x0b\x10" + b"Subject: a\r\n\r\n" + lines(WRAPPED, 76, b"\r\n") + b"\r\n--x--\r\n")
put("encode", "lf", b"\x35\x01" + b"a\n" + lines(WRAPPED + b"a", 64, b"\n") + b"\n\n" + lines(WRAPPED[:200], 40, b"\n"))
put("encode", "plain", b"\x32\xff" + WRAPPED)
put("encode", "empty", b"\x03\x00")


def change(kind, at, data, n=None):
    """One change of tests/fuzz/support/patch.h."""
    return bytes([kind]) + at.to_bytes(3, "big") + bytes([(n or len(data) or 1) - 1]) + data


for name in ("pages", "keyfile"):
    put(name, "good", b"")
    put(name, "bits", change(0, 4096 + 12, b"\x02") + change(0, 100, b"\xff\xff"))
    put(name, "cut", change(5, 300, b""))
    put(name, "moved", change(6, 200, b"", 16) + change(7, 40, b"abcdef"))
put("pages", "root", change(0, 0x80, b"\x05\0\0\0\0\0\0\0") + change(0, 0x1080, b"\x07\0\0\0\0\0\0\0"))
ROW = b"\1" + (10).to_bytes(8, "big") + (3).to_bytes(4, "big") + b"abc"
put("rows", "none", b"\0")
put("rows", "two", b"\2" + ROW + ROW + b"\xff" + ROW + b"\xff")
put("rows", "three", b"\3" + ROW + b"\xff\xff" + ROW + b"\xff")
put("rows", "torn", b"\2" + ROW + b"\xff" + ROW + b"\xff" + change(5, 350, b""))
put("rows", "changed", b"\3" + ROW + b"\xff" + ROW + b"\xff" + ROW + b"\xff" + change(0, 230, b"x") + change(0, 40, b"9"))

MILTER = b"\1<a@b>\xff\0mail.example\xff\2Subject\xffa\n b\xff\3X\xff\tb\r\n c\xff\4\xff\5body\r\n\xff\5\0\n\r\xff"
put("milter", "message", b"\0" + MILTER)
put("milter", "over-the-size", b"\1" + MILTER + b"\5" + 300 * b"a" + b"\xff\5more\xff")
put("milter", "over-the-budget", b"\2" + MILTER + 9 * (b"\2Received\xff" + 60 * b"b" + b"\xff"))
put("milter", "only-a-body", b"\0\5x\xff")
put("milter", "body-before-the-header-ends", b"\0\2Subject\xffa\xff\5ubject\xff\3X\xff\tb\xff")


def block(count, text):
    size = f"--stream-size={len(text)}"
    return struct.pack(">I", count) + subprocess.run(["zstd", "-q", "-c", size], input=text, stdout=subprocess.PIPE, check=True).stdout


LINE = b"fumikura/1 seq=%d prev=" + 64 * b"0" + b" kind=act time=2026-11-24T01:02:03.456Z what=search\n"
put("lines", "three", block(3, b"".join(LINE % i for i in range(7, 10))))
put("lines", "one", block(1, LINE % 7))
put("lines", "blank", block(3, b"\n\n\n"))
put("lines", "more-than-it-says", block(2, (LINE % 7) * 3))
put("lines", "no-end", block(2, b"a\nb"))
put("lines", "bomb", block(1, bytes(3 << 20)))
put("lines", "no-size", struct.pack(">I", 1) + zstd(LINE % 7))
for how in range(4):
    for size, index in ((1, 0), (2, 1), (299, 255), (699, 300)):
        put("tree", f"{how}-{size}", bytes([how]) + size.to_bytes(8, "big") + index.to_bytes(8, "big") + (change(0, 7, b"x") if how & 2 else b""))
put("witness", "first", b"!600\nold 0\n")
put("witness", "proof", b"!800\nold 300\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 2)
put("witness", "raw", b"old 0\n\nlog.example/fuzz\n300\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 log.example/fuzz dpGmXRtf58OiqgPyR6aIiyrdI7RxJjGaIgUag11WBCxgoYsENa+FELfbLCUIHpCHgDCUfpvDuS9RpmlICyngQ6clZAk=\n")

for i in range(7):
    put("tiles", f"{i}", bytes([i]) + (change(0, 300 * i, b"x") if i else b""))
put("tiles", "bundle", b"\0" + change(0, 0, b"\0\x20"))
put("tiles", "cut", b"\3" + change(5, 32 * 5, b""))

ALL = b"\xff\xff"
for i in range(6):
    put("order", f"{i}", bytes([i, 0, 0]) + ALL)
for name, at in (("first", b"\x00\x80"), ("last", b"\x18\x80"), ("within", b"\x13\x00")):
    put("order", f"other-{name}", b"\0\0\1" + at)
put("order", "one-entry", b"\0\6\0" + ALL + change(0, 128 + 12 * 300, bytes(12)))
put("order", "one-entry-damaged", b"\1\4\0" + ALL + change(0, 128 + 12 * 300, bytes(12)))
put("order", "slot", b"\0\4\0" + ALL + change(0, 12, b"\0\0\0\5"))
put("order", "sum", b"\2\0\0" + ALL + change(0, 50, b"x"))
put("order", "more", b"\3\7\0" + ALL + change(0, 8, b"\0\0\x02\1"))
put("order", "fewer", b"\0\7\0" + ALL + change(0, 8, b"\0\0\1\xff"))
put("order", "too-many", b"\3\6\0" + ALL + change(0, 8, b"\xff\xff\xff\xff"))
put("order", "longer", b"\2\6\0" + ALL + change(7, 100, bytes(12)))
put("order", "cut", b"\0\0\0" + ALL + change(5, 4000, b""))


def made_once(folder):
    """A time stamp and a revocation list by openssl: other bytes each time, so what is there stays."""
    if os.path.exists(os.path.join(folder, "reply.tsr")):
        return
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory() as t:
        def openssl(*args):
            subprocess.run(["openssl", *args], cwd=t, check=True, capture_output=True)
        with open(os.path.join(t, "c"), "w") as f:
            f.write("[req]\ndistinguished_name=dn\n[dn]\n[tsa]\ndefault_tsa=one\n[one]\nserial=./serial\ncrypto_device=builtin\n"
                    "signer_cert=./tsa.pem\ncerts=./roots.pem\nsigner_key=./tsa.key\nsigner_digest=sha512\ndefault_policy=1.2.3.4.1\n"
                    "digests=sha512\ness_cert_id_alg=sha256\n[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
                    "subjectKeyIdentifier=hash\n[ext]\nextendedKeyUsage=critical,timeStamping\n"
                    "crlDistributionPoints=URI:http://127.0.0.1/list.crl\n[own]\ndatabase=./index.txt\ncertificate=./roots.pem\n"
                    "private_key=./ca.key\ndefault_md=sha256\n")
        for name, text in (("serial", "01\n"), ("index.txt", ""), ("data", "what was stamped\n")):
            with open(os.path.join(t, name), "w") as f:
                f.write(text)
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "c"]
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "roots.pem", "-days", "36500", "-subj", "/CN=Root of a test", "-extensions", "ca")
        openssl("req", *key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Authority of a test")
        openssl("x509", "-req", "-in", "tsa.csr", "-CA", "roots.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tsa.pem", "-days", "36500",
                "-extfile", "c", "-extensions", "ext")
        openssl("ca", "-config", "c", "-name", "own", "-gencrl", "-crldays", "36500", "-out", "list.pem")
        openssl("crl", "-in", "list.pem", "-outform", "DER", "-out", "list.crl")
        openssl("ts", "-query", "-data", "data", "-sha512", "-cert", "-no_nonce", "-out", "q")
        openssl("ts", "-reply", "-config", "c", "-queryfile", "q", "-out", "reply.tsr")
        for name in ("reply.tsr", "roots.pem", "list.crl"):
            shutil.copy(os.path.join(t, name), os.path.join(folder, name))


made_once(os.path.join(HERE, "stamp"))
for how, name in ((0, "reply"), (1, "list"), (4, "reply-listed"), (5, "list-listed")):
    put("stamp", name, bytes([how]))
put("stamp", "reply-changed", b"\0" + change(0, 9, b"\x01"))
put("stamp", "refused", b"\2\x30\x05\x30\x03\x02\x01\x02")
for how, name in ((2, "reply.tsr"), (3, "list.crl")):
    with open(os.path.join(HERE, "stamp", name), "rb") as f:
        put("stamp", name, bytes([how]) + f.read())
put("stamp", "pem", b"\3-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n")

A = hashlib.sha512(b"a").hexdigest()
TSR = "000000000300-20261124T010203Z-0a1b2c3d.tsr"
put("renewal", "one", f"{A}  {TSR}\n")
put("renewal", "out", f"{A}  ../secret\n{A}  ../log/tile/0/000\n")
put("renewal", "name", TSR[:-4])
put("renewal", "renewal", "renewal-12")



def tar(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for name, data, kind in members:
            m = tarfile.TarInfo(name)
            m.size, m.type = len(data), kind
            m.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            t.addfile(m, io.BytesIO(data))
    return out.getvalue().rstrip(b"\0") + bytes(1024)


put("escrow", "keys", b"\0" + tar(("secrets/kek", b"k" * 32, tarfile.REGTYPE), ("keys/00000001.1.keys", b"x", tarfile.REGTYPE)))
put("escrow", "out", b"\0" + tar(("secrets/kek", b"k", tarfile.REGTYPE), ("keys/../../x", b"x", tarfile.REGTYPE)))
put("escrow", "link", b"\0" + tar(("keys/00000001.1.keys", b"", tarfile.SYMTYPE)))
put("escrow", "empty", b"\0")
put("escrow", "changed", b"\1" + change(0, 200, b"x"))
put("escrow", "raw", b"\2fumikura-escrow/1\nledger: 01\n\n")
with open(os.path.join(HERE, "..", "..", "fumikura.conf.example"), "rb") as f:
    EXAMPLE = f.read()
put("config", "example", b"\n".join(l for l in EXAMPLE.split(b"\n") if l and not l.startswith(b"#")) + b"\n")
put("config", "uncommented", b"\n".join(l.lstrip(b"# ") for l in EXAMPLE.split(b"\n") if b"=" in l or b"{" in l or b"}" in l)[:6000] + b"\n")
for i, v in enumerate(["64 MiB", "20 s", "P5Y2M", "P30D", "127.0.0.1:2525", "[::1]:2525", "unix:/a/b", "+09:00", "02-29", "a@example.jp",
                       "smtp+starttls://[::1]:25", "18446744073709551615", "mail-1"]):
    put("config", f"value-{i:02}", v)
put("config", "line-in-a-string", b'smtp = {"a\nb"}\n')
S = "%s  data/a\n%s  data/log/b\n"
put("manifest", "sha256", S % (hashlib.sha256(b"").hexdigest(), hashlib.sha256(b"a").hexdigest()))
put("manifest", "sha512", S % (hashlib.sha512(b"").hexdigest(), hashlib.sha512(b"a").hexdigest()))
put("manifest", "out", A + "  data/../../x\n")
ONE = b"fumikura/1 seq=0 prev=" + b"00" * 32 + b" kind=genesis time=2026-11-24T01:02:03.456Z ledger=" + b"01" * 16 + b"\n"
put("manifest", "ledger", ONE + b"fumikura/1 seq=1 prev=" + hashlib.sha256(ONE).hexdigest().encode() + b" kind=seal time=2026-11-24T01:02:03.456Z segment=1 first=0 last=1 bytes=5 sha256=" + b"ab" * 32 + b"\n")
