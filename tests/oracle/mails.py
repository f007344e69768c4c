#!/usr/bin/env python3
"""mails.py N DIR [SEED] - N messages, a file each, that are hard to search rightly: few characters and few words, so that
every pair of them stands in most messages, though in another order; lines that end inside words, quotation, parts that go on where
the one before left off, HTML that says the same in other words; the charsets of Japanese mail, half-width kana, marks, other scripts.
The same bytes each time."""
import base64
import io
import os
import quopri
import random
import sys
import zipfile

KANJI = "会議室資料契約予算報告東京大阪見積請求書案件開発高橋髙"
HIRAGANA = "のをにがはでとからまです"
KATAKANA = "システムテストデータメールガパ"
HALF = "ｼｽﾃﾑﾃﾞｰﾀﾒｰﾙｶﾞﾊﾟ"
WORDS = ("budget meeting falcon order invoice report plan a an the to of PO-2024-0017 2026 42 e-mail b.example tanaka@b.example iPhone15 "
         "Straße café naïve x²").split()
RARE = ["𠮷野家", "㈱", "①②", "Ⅳ", "ﬁn", "か゚き゚", "e\u0301te\u0301", "葛\U000e0100城", "한국어", "ภาษาไทย", "مَرْحَبًا", "שלום", "👍🏽", "👨‍👩‍👧", "zero\u200bwidth",
        "soft\u00adhyphen", "ﾊﾞｽ", "テ−ブル", "サーバ－ル", "〜～", "々〆〇", "ヴヷ", "ㇰㇱ", "ﷺ", "Ωmega", "ＦＡＬＣＯＮ", "０３－１２３４", "ⅷ", "½", "あ゛", "\ue000外字\uf8ff",
        "ーーー", "ああああああ", "aaaa", "I\u0307stanbul", "ΣΊΣΥΦΟΣ", "हिन्दी", "ខ្មែរ", "မြန်မာ", "རྒྱ", "ㄅㄆㄇ", "ꀀꀁ", "x" * 140, "長" * 40]
CHARSETS = ["utf-8", "iso-2022-jp", "shift_jis", "euc-jp"]


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def run(self):
        r = self.r
        kind = r.random()
        if kind < 0.45:
            return "".join(r.choices(KANJI, k=r.randint(1, 6)))
        if kind < 0.65:
            return "".join(r.choices(HIRAGANA, k=r.randint(1, 4)))
        if kind < 0.8:
            return "".join(r.choices(KATAKANA, k=r.randint(1, 6)))
        if kind < 0.84:
            return "".join(r.choices(HALF, k=r.randint(2, 6)))
        return "".join(r.choices(KANJI + HIRAGANA + KATAKANA, k=r.randint(1, 12)))

    def text(self, n, japanese):
        r, out = self.r, []
        for _ in range(n):
            out.append(r.choice(RARE) if r.random() < 0.03 else self.run() if r.random() < (0.85 if japanese else 0.05) else r.choice(WORDS))
            if r.random() < 0.5:
                out.append(r.choice(["。", "、", " ", "　", "「", "」", "・", "(", ")", ": ", "-", "/", "ー", "−"]) if japanese else r.choice([" ", ", ", ". ", "-", " (", "_", "'"]))
            elif not japanese:
                out.append(" ")
        return "".join(out)

    def wrap(self, text):
        """Lines as mailers make them: Japanese inside words, quoted, with a blank left at the end."""
        r, out, at = self.r, [], 0
        quote = r.choice(["", "", "", "> ", ">> ", ">", "  "])
        end = r.choice(["\n", "\n", "\n", " \n", "　\n"])
        width = r.choice([8, 20, 36, 72])
        while at < len(text):
            out.append(quote + text[at:at + width])
            at += width
        return end.join(out)

    def paragraphs(self, n):
        japanese = self.r.random() < 0.75
        return [self.text(self.r.randint(1, 14), japanese) for _ in range(n)]

    def word(self, text):
        r = self.r
        if text.isascii():
            return text.encode()
        for charset in r.sample(CHARSETS, len(CHARSETS)):
            try:
                return b" ".join(b"=?" + charset.encode() + b"?B?" + base64.b64encode(text[i:i + 12].encode(charset)) + b"?=" for i in range(0, len(text), 12))
            except UnicodeError:
                continue

    def part(self, text, subtype="plain", more=b""):
        r = self.r
        for charset in r.sample(CHARSETS, len(CHARSETS)):
            try:
                body = text.encode(charset)
                break
            except UnicodeError:
                continue
        how = r.choice(["base64", "quoted-printable", "7bit" if charset == "iso-2022-jp" else "8bit"])
        if how == "base64":
            body = base64.encodebytes(body)
        elif how == "quoted-printable":
            body = quopri.encodestring(body)
        return b"Content-Type: text/" + subtype.encode() + b"; charset=" + charset.encode() + more + b"\nContent-Transfer-Encoding: " + how.encode() + b"\n\n" + body

    def joined(self, kind, parts):
        boundary = b"=_%016x" % self.r.getrandbits(64)
        return b"Content-Type: multipart/" + kind + b"; boundary=\"" + boundary + b"\"\n\n" + b"".join(b"--" + boundary + b"\n" + p + b"\n" for p in parts) + b"--" + boundary + b"--\n"

    def html(self, paragraphs):
        escaped = [p.replace("&", "&amp;").replace("<", "&lt;") for p in paragraphs]
        return "<html><body>" + "\n".join(self.r.choice(["<p>%s</p>", "<div>%s</div>", "<td>%s</td>", "%s<br>", "<p><b>%s</b></p>"]) % p for p in escaped) + "</body></html>"

    def alternative(self, paragraphs):
        r, rich = self.r, list(paragraphs)
        for _ in range(r.choice([0, 0, 1, 2])):
            what = r.random()
            if what < 0.4:
                rich.insert(r.randint(0, len(rich)), self.text(4, True))
            elif what < 0.6 and len(rich) > 1:
                r.shuffle(rich)
            elif what < 0.8 and len(rich) > 1:
                rich.pop(r.randrange(len(rich)))
            else:
                k = r.randrange(len(rich))
                rich[k] = rich[k][:len(rich[k]) // 2] + self.run() + rich[k][len(rich[k]) // 2:]
        parts = [self.part("\n\n".join(map(self.wrap, paragraphs)))]
        if r.random() < 0.15:
            parts.append(self.part(self.wrap(r.choice(paragraphs))))
        parts.append(self.part(self.html(rich), "html"))
        return self.joined(b"alternative", parts)

    def zipped(self, entries):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
            for name, data in entries.items():
                z.writestr(zipfile.ZipInfo(name, (2026, 1, 5, 9, 0, 0)), data)
        return out.getvalue()

    def file(self):
        """A file that the house itself reads, and how its name ends."""
        r, p = self.r, [x.replace("&", "").replace("<", "").replace("\x1f", "") for x in self.paragraphs(3)]
        kind = r.random()
        if kind < 0.2:
            return r.choice([".pdf", ".xlsx", ""]), b"\0\0\0"  # nothing in it
        if kind < 0.4:
            return ".txt", "\n\n".join(map(self.wrap, p)).encode()
        if kind < 0.5:
            return ".csv", ("\r\n".join(",".join(x.split(" ")) for x in p)).encode()
        if kind < 0.75:
            runs = ["".join(f"<w:r><w:t>{x[i:i + 3]}</w:t></w:r>" for i in range(0, len(x), 3)) for x in p]  # cut as Word cuts
            return ".docx", self.zipped({"[Content_Types].xml": "<Types/>", "word/document.xml":
                '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>' + "".join(f"<w:p>{x}</w:p>" for x in runs) + "</w:body></w:document>"})
        if kind < 0.9:
            strings = "".join(f"<si><t>{x}</t></si>" for x in p)
            cells = "".join(f'<row><c t="s"><v>{i}</v></c></row>' for i in range(len(p)))
            return ".xlsx", self.zipped({"[Content_Types].xml": "<Types/>", "xl/sharedStrings.xml": f"<sst>{strings}</sst>",
                                         "xl/worksheets/sheet1.xml": f"<worksheet><sheetData>{cells}</sheetData></worksheet>"})
        return ".zip", self.zipped({"a.txt": p[0], "b/c.txt": "\n".join(map(self.wrap, p[1:]))})

    def body(self, depth=0):
        r = self.r
        kind, p = r.random(), self.paragraphs(r.randint(1, 4))
        if kind < 0.5 or depth > 2:
            return self.part("\n\n".join(map(self.wrap, p)) if r.random() < 0.5 else "\n".join(map(self.wrap, p)))
        if kind < 0.75:
            return self.alternative(p)
        if kind < 0.8:
            return self.part(self.html(p), "html")
        if kind < 0.93:  # a text cut into parts: what crosses them is in none
            whole = self.text(12, True)
            cut = r.randint(1, len(whole) - 1)
            parts = [self.part(whole[:cut]), self.part(whole[cut:])]
            if r.random() < 0.5:
                parts.append(self.body(depth + 1))
            if r.random() < 0.6:
                end, data = self.file()
                parts.append(b"Content-Type: application/octet-stream; name=\"" + self.word(self.run() + end) + b"\"\nContent-Disposition: attachment\n"
                             b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(data))
            return self.joined(r.choice([b"mixed", b"mixed", b"alternative"]), parts)
        return self.joined(b"mixed", [self.part(self.wrap(p[0])), b"Content-Type: message/rfc822\n\n" + self.message(depth + 1)])

    def message(self, depth=0):
        r = self.r
        who = [b"From: " + self.word(self.run()) + b" <" + r.choice([b"tanaka", b"sato", b"falcon"]) + b"@b.example>", b"To: " + self.word(self.run() + " " + r.choice(WORDS[:6])) + b" <report@c.example>"]
        subject = b"" if r.random() < 0.03 else b"\nSubject: " + self.word(self.text(r.randint(1, 6), r.random() < 0.75).strip() or "-")
        body = self.body(depth)
        return b"\n".join(who) + subject + b"\nMIME-Version: 1.0\nMessage-ID: <%016x@oracle>\n" % r.getrandbits(64) + body + (b"" if body.endswith(b"\n") else b"\n")


def main():
    n, directory, seed = int(sys.argv[1]), sys.argv[2], int((sys.argv + ["1"])[3])
    os.makedirs(directory, exist_ok=True)
    for i in range(n):
        with open(f"{directory}/{i:06d}.eml", "wb") as out:
            out.write(Maker(f"{seed}/{i}").message())


main()
