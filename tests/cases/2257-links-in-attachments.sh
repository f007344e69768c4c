#!/usr/bin/env bash
# url: finds where links lead in files: what a text says, what a page or document has behind its words, in attached mail and archives, read once or from memory
. "$ROOT/tests/lib/kept.sh"
vault_new
mkdir files
python3 - <<'P' || fail "files"
import io, zipfile
from email.message import EmailMessage
def put(name, data): open("files/" + name, "wb").write(data if isinstance(data, bytes) else data.encode())
def zipped(entries):
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w") as z:
        for n, d in entries.items(): z.writestr(n, d)
    return b.getvalue()
def rels(host): return ('<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="a" Type="http://x/styles" Target="styles.xml"/>'
    f'<Relationship Id="b" Type="http://x/hyperlink" Target="https://{host}/pay?a=1&amp;b=zwei" TargetMode="External"/></Relationships>')
types = {"[Content_Types].xml": "<Types/>"}
put("text.txt", "go to https://text.example/pay now\n")
put("page.html", '<html><body><a href="https://page.example/login">the bank</a></body></html>')
put("letter.docx", zipped({**types, "word/document.xml": '<w:document xmlns:w="w"><w:p><w:t>our bank, or https://inword.example/x</w:t></w:p></w:document>',
                           "word/_rels/document.xml.rels": rels("word.example")}))
put("table.xlsx", zipped({**types, "xl/workbook.xml": "<workbook/>", "xl/worksheets/_rels/sheet1.xml.rels": rels("table.example")}))
put("slides.pptx", zipped({**types, "ppt/slides/slide1.xml": "<s/>", "ppt/slides/_rels/slide1.xml.rels": rels("slides.example")}))
put("letter.odt", zipped({"META-INF/manifest.xml": "<m/>", "content.xml": '<o xmlns:text="t" xmlns:xlink="l"><text:a xlink:href="https://odt.example/">bank</text:a></o>'}))
put("packed.zip", zipped({"in.html": '<a href="https://packed.example/">x</a>'}))
for name, size in ("small", 0), ("large", 6000): # what is over 4 KiB is remembered
    m = EmailMessage()
    m["Subject"] = "attached"
    m.set_content("https://" + name + "text.example/ " + "word " * (size // 5))
    m.add_alternative(f'<a href="https://{name}page.example/">x</a>', subtype="html")
    put(name + ".eml", m.as_bytes())
P
python3 "$ROOT/tests/lib/attach.py" mails files/*
for m in mails/*.eml; do sed 's/^Subject: .*/Subject: once more/; s/^Message-ID: .*/Message-ID: <again-'"$(basename "$m")"'>/' "$m" >"$m.2.eml"; done
config index-workers 1
fk import mails/*.eml >/dev/null || fail "import"
fk index >/dev/null || fail "index"
found() { fk search --json "$1" 2>/dev/null | jq -r 'select(.subject) | .subject' | sort | paste -sd' '; }
for pair in text:text.txt page:page.html word:letter.docx inword:letter.docx table:table.xlsx slides:slides.pptx odt:letter.odt packed:packed.zip \
    smalltext:small.eml smallpage:small.eml largetext:large.eml largepage:large.eml; do
    expect "file ${pair#*:} once more" "$(found "url:@${pair%%:*}.example")" "url:@${pair%%:*}.example"
done
expect "file letter.docx file slides.pptx file table.xlsx once more once more once more" "$(found 'url:"b=zwei"')" "behind an ampersand"
expect "" "$(found url:styles)" "a part of the document is no link"
expect "" "$(found body:word.example)" "and no text"
