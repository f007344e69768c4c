#!/usr/bin/env bash
# objects in DOC and XLS files are listed, a packaged file is found by its name in CP932, and what is cut or deciphers to nothing is listed
. "$ROOT/tests/lib/kept.sh"
vault_new
mkdir files
cat >make.py <<'P'
import hashlib, os, struct, subprocess, sys
sys.path.insert(0, sys.argv[1])
from cfb import cfb
put = lambda name, data: open(f"files/{name}", "wb").write(data)
def native(label, data, size=None):
    z = lambda s: s.encode("cp932") + b"\0"
    body = b"\2\0" + z(label) + z("C:\\" + label) + b"\0\0\3\0" + struct.pack("<I", 4) + b"C:\\\0"
    body += struct.pack("<I", len(data) if size is None else size) + data
    return struct.pack("<I", len(body)) + body
put("package.bin", cfb({"\1Ole10Native": native("見積書.txt", "包みの中身".encode("cp932"))}))
put("package-cut.bin", cfb({"\1Ole10Native": native("半分.txt", "半分の中身".encode("cp932"), 5000)}))
text = "旧文書本文\r".encode("utf-16-le")
fib = bytearray(0x600)
fib[0:4], fib[0x0a:0x0c] = b"\xec\xa5\xc1\x00", b"\x00\x02"
struct.pack_into("<II", fib, 0x1a2, 0, 5 + 4 * 2 + 8)
word = {"WordDocument": bytes(fib) + text, "1Table": b"\x02" + struct.pack("<IIIHIH", 16, 0, len(text) // 2, 0, 0x600, 0)}
put("plain.doc", cfb(word, ["ObjectPool"]))
put("object.doc", cfb({**word, "ObjectPool/_1071/Package": b"PK"}))
put("formula.doc", cfb({**word, "ObjectPool/_1071/Equation Native": b"x"}))
put("object.xls", cfb({"Workbook": b"\0" * 100, "MBD0001/Package": b"PK"}))
put("plain.xls", cfb({"Workbook": b"\0" * 100}))
# Standard encryption ([MS-OFFCRYPTO] 2.3.4.5) by the password "pass", of a package that is none.
def locked(name, package):
    sha = lambda b: hashlib.sha1(b).digest()
    salt, verifier = os.urandom(16), os.urandom(16)
    h = sha(salt + "pass".encode("utf-16-le"))
    for i in range(50000):
        h = sha(struct.pack("<I", i) + h)
    last = sha(h + b"\0\0\0\0")
    key = sha(bytes(0x36 ^ (last[i] if i < 20 else 0) for i in range(64)))[:16]
    aes = lambda b: subprocess.run(["openssl", "enc", "-aes-128-ecb", "-nopad", "-K", key.hex()], input=b, capture_output=True, check=True).stdout
    header = struct.pack("<8I", 0x24, 0, 0x660E, 0x8004, 128, 24, 0, 0) + "AES\0".encode("utf-16-le")
    info = struct.pack("<HHII", 4, 2, 0x24, len(header)) + header + struct.pack("<I", 16) + salt
    info += aes(verifier) + struct.pack("<I", 20) + aes(sha(verifier) + b"\0" * 12)
    data = package + b"\0" * (-len(package) % 16)
    put(name, cfb({"EncryptionInfo": info, "EncryptedPackage": struct.pack("<Q", len(package)) + aes(data)}))
locked("opens-to-nothing.docx", b"no package at all, though the password fits")
locked("opens.docx", open("inner.zip", "rb").read())
P
echo "in the package sekretvalue" >inner.txt
bsdtar -cf inner.zip --format zip inner.txt || fail "bsdtar"
python3 make.py "$ROOT/tests/lib" || fail "files"
echo pass >"$V/list"
config passwords-file '"list"'
python3 "$ROOT/tests/lib/attach.py" mails files/*
fk import mails/*.eml >/dev/null || fail "import"
fk index >/dev/null || fail "index"
found() { fk search --json "$1" 2>/dev/null | jq -r 'select(.subject) | .subject | sub("file "; "")' | sort | paste -sd' '; }
expect "package.bin" "$(found filename:見積書.txt)" "by the name of what is packaged"
expect "package.bin" "$(found attachment:包みの中身)" "by its text"
expect "package-cut.bin" "$(found filename:半分.txt)" "the name of what is cut"
expect "object.doc object.xls" "$(found unsearchable:unsupported)" "what has objects in it"
expect "formula.doc object.doc plain.doc" "$(found attachment:旧文書本文)" "and is read"
expect "opens.docx" "$(found attachment:sekretvalue)" "control: a package that opens"
listed=" $(found unsearchable:unreadable) "
for f in package-cut.bin opens-to-nothing.docx; do
    [[ $listed == *" $f "* ]] || fail "$f is not listed: $listed"
done
for f in package.bin plain.doc formula.doc opens.docx; do
    [[ $listed != *" $f "* ]] || fail "$f is listed: $listed"
done
