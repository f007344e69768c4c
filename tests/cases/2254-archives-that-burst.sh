#!/usr/bin/env bash
# each archive or document made to exhaust a reader takes seconds and bounded memory, is listed, and hides no neighbour; keep lives on
. "$ROOT/tests/lib/kept.sh"
vault_new
mkdir files mails
python3 - <<'P'
import io, os, struct, tarfile, zipfile, zlib, gzip, bz2, lzma
def put(name, data): open("files/" + name, "wb").write(data)
def zipped(entries, level=9):
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as z:
        for n, d in entries: z.writestr(n, d)
    return b.getvalue()
zeros = b"\0" * (600 << 20)
put("ratio.gz", gzip.compress(zeros, 1))
put("ratio.zip", zipped([("zeros.txt", zeros)], 1))
put("text.zip", zipped([(f"{i}.txt", b"word " * (4 << 20)) for i in range(20)], 1))   # 400 MB of text in 20 files
del zeros
# 20 GiB of zeros in a tar, and a file behind them: libarchive would unpack them all to get there
head = tarfile.TarInfo("zeros"); head.size = 20 << 30
c = bz2.BZ2Compressor(1)
with open("files/behind.tar.bz2", "wb") as f:
    f.write(c.compress(head.tobuf()))
    f.write(c.flush())
    c = bz2.BZ2Compressor(9); block = c.compress(b"\0" * (64 << 20)) + c.flush()
    for i in range(20 * 16): f.write(block)  # one stream after another
    i = tarfile.TarInfo("behind.txt"); i.size = 6
    f.write(bz2.compress(i.tobuf() + b"behind" + b"\0" * 1530))
deep = b"the deepest word is tiefstes"
for i in range(30): deep = zipped([(f"{i}.zip" if i else "deep.txt", deep)])
put("deep.zip", deep)
put("many.zip", zipped([(f"f{i}", b"") for i in range(60000)], 1))
layer = zipped([("zero.txt", b"\0" * (16 << 20))])
for i in range(5): layer = zipped([(f"{i}-{k}.zip", layer) for k in range(16)])       # 16^6 times 16 MiB
put("42.zip", layer)
put("bomb.xml.docx", zipped([("[Content_Types].xml", "<Types/>"), ("word/document.xml",
    '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa">' + "".join(
     f'<!ENTITY {chr(98+i)} "{("&" + chr(97+i) + ";") * 10}">' for i in range(10)) + ']><w:document xmlns:w="w"><w:t>before &k; after</w:t></w:document>')]))
put("nested.xml.docx", zipped([("[Content_Types].xml", "<Types/>"), ("word/document.xml",
    '<w:document xmlns:w="w">' + "<w:p>" * 300000 + "<w:t>x</w:t>")]))
put("shared.xlsx", zipped([("[Content_Types].xml", "<Types/>"),
    ("xl/sharedStrings.xml", "<sst><si><t>" + "wide " * 6000 + "</t></si></sst>"),
    ("xl/worksheets/sheet1.xml", "<worksheet><sheetData><row>" + '<c t="s"><v>0</v></c>' * 400000 + "</row></sheetData></worksheet>")]))
put("groups.rtf", b"{\\rtf1 " + b"{" * 2000000)
put("words.rtf", b"{\\rtf1 " + b"\\b\\i " * 2000000 + b"}")
put("bin.rtf", b"{\\rtf1 \\bin99999999999 x}")
body = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + b"\x3e\0\x03\0\xfe\xff\x09\0\x06\0" + b"\0" * 10 + struct.pack("<I", 0xffffffff) * 100
put("fat.doc", body + os.urandom(100000))
put("cut.tar.gz", gzip.compress(os.urandom(1 << 20))[:500000])
tar = io.BytesIO()
with tarfile.open(fileobj=tar, mode="w") as t:
    i = tarfile.TarInfo("sparse"); i.size = 0; t.addfile(i)
    i = tarfile.TarInfo("../../etc/passwd"); i.size = 4; t.addfile(i, io.BytesIO(b"pwnd"))
    i = tarfile.TarInfo("link"); i.type = tarfile.SYMTYPE; i.linkname = "/etc/passwd"; t.addfile(i)
put("paths.tar", tar.getvalue())
put("calendar.ics", b"BEGIN:VCALENDAR\r\n" + b"X:" + b"y\r\n " * 2000000)
put("loop.eml", b"From: a@b.example\nSubject: loop\nMIME-Version: 1.0\n" + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(20000)))
# names of 3,900 header lines in one file of an archive
put("headers.eml", b"From: a@b.example\nDate: x\n" + b"Subject: nnn\n" * 1000000)
P
documents=$FUMIKURA_CORPUS/documents
[ -d "$documents" ] && cp "$documents"/{droste.zip,bomb_giant.pdf,poc-xmlbomb.xlsx,poc-xmlbomb-empty.xlsx,testZIP_corrupted_oom.zip} files
python3 "$ROOT/tests/lib/attach.py" mails files/*
own_mails=$(python3 "$ROOT/tests/fixtures/make_mails.py" neighbours) || fail "neighbours"
config segment-size '"64 MiB"'
server_start
keep=$(jq .keep "$V/run/processes.json")
limit=$((10 * ($(cut -d. -f1 /proc/loadavg) / $(nproc) + 1))) # of the clock, and others work here too
[[ $BUILD != *asan ]] || limit=$((6 * limit))
fk import neighbours/01*.eml >/dev/null || fail "a neighbour before"
fk index --wait >/dev/null || fail "index"
for file in files/*; do
    name=$(basename "$file")
    fk import "mails/$name.eml" >/dev/null || fail "import $name"
    began=$(date +%s%N)
    fk index --wait >/dev/null || fail "$name: index"
    took=$((($(date +%s%N) - began) / 1000000))
    [ $took -lt $((limit * 1000)) ] || slow="${slow:-} $name($took ms)"
    echo "$name $took" >>times
done
fk import neighbours/0[2-9]*.eml >/dev/null || fail "neighbours after"
fk index --wait >/dev/null || fail "index"
listed() { fk unsearchable --json 2>/dev/null | jq -r 'select(.subject) | .subject' | sort -u; }
listed >list
for name in behind.tar.bz2 ratio.gz ratio.zip text.zip deep.zip many.zip 42.zip bomb.xml.docx nested.xml.docx shared.xlsx groups.rtf fat.doc cut.tar.gz loop.eml headers.eml; do
    grep -qxF "file $name" list || missed="${missed:-} $name"
done
[ -z "${missed:-}" ] || fail "not listed:$missed"
[ -z "${slow:-}" ] || fail "slow:$slow"
for name in words.rtf paths.tar calendar.ics; do
    grep -qxF "file $name" list && fail "$name is whole, and listed"
done
expect 1 "$(fk search --count 'filename:"behind.tar.bz2" body:see' 2>/dev/null)" "the body beside an archive that unpacks without end"
expect 1 "$(fk search --count filename:passwd attachment:pwnd 2>/dev/null)" "a path upwards is a name and nothing else"
[ ! -e /etc/passwd.pwnd ] || fail "a file was written"
expect "$(ls neighbours/0*.eml | wc -l)" "$(fk search --count 'NOT subject:file' 2>/dev/null)" "neighbours"
expect 1 "$(fk search --count 会議 2>/dev/null)" "a word of a neighbour"
expect "$keep" "$(jq .keep "$V/run/processes.json")" "the pen's process"
server_stop
# The largest process of all, readers and programs with them.
rm -rf "$V/index"
python3 "$ROOT/tests/lib/largest.py" largest "$FUMIKURA" -C "$V" index >/dev/null || fail "index"
[[ $BUILD == *asan ]] || [ "$(cat largest)" -lt $((512 * 1024)) ] || # the sanitizer's shadow is not ours
    fail "a process of $(cat largest) KiB"
note "$(ls files | wc -l) bombs, the slowest $(sort -k2n times | tail -1) ms, the largest process $(($(cat largest) / 1024)) MiB"
