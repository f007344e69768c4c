#!/usr/bin/env bash
# after a disposal the raw bytes of an ext4 disk have neither the message, in any form, nor a key that opens it
. "$ROOT/tests/lib/kept.sh"
command -v mkfs.ext4 >/dev/null || { echo "mkfs.ext4 is missing"; exit 77; }
truncate -s 96M image && mkfs.ext4 -q -F image && mkdir disk || fail "mkfs.ext4"
mounted() { root mount -o loop image disk || { echo "a loop device needs root"; exit 77; }; }
at_exit 'root umount -l "$TEST_DIR/disk" 2>/dev/null'
mounted
root chown "$(id -u)" disk
V=$TEST_DIR/disk/v
vault_new
class short P1D
config index-batch 2
config disk-reserve '"8 MiB"'

# Words that nothing else has. The message has them in its subject, in UTF-8 Japanese text and in base64; those of the attached
# file stand packed in it, so that only the index has them as they are.
python3 - <<'P' || fail "messages"
import base64, io, json, zipfile
def docx(word, ja):
    z = io.BytesIO()
    with zipfile.ZipFile(z, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("[Content_Types].xml", "<Types/>")
        out.writestr("word/document.xml", '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
                     + f"<w:p><w:r><w:t>{word}office {ja}</w:t></w:r></w:p>" * 9 + "</w:body></w:document>")
    return base64.encodebytes(z.getvalue()).decode().replace("\n", "\r\n")
def mail(n, word, ja, filed):
    body = f"The {word}body of this message. {ja}\r\n" * 3
    part = base64.encodebytes((f"{word}attached {ja} " * 4).encode()).decode().replace("\n", "\r\n")
    return (f"Message-ID: <{word}id@example.com>\r\nFrom: a@example.com\r\nTo: b@example.com\r\nSubject: {word}subject\r\n"
            f"Date: Tue, 24 Nov 2026 10:00:0{n} +0900\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            f"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}"
            f"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{part}"
            f"--b\r\nContent-Type: application/octet-stream; name={word}name.docx\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            f"{docx(word, filed)}--b--\r\n").encode()
words = {"gone": ("zqxgone", "廃棄薔薇憂鬱", "鷲巣蝙蝠蜥蜴"), "kept": ("zqxkept", "保管檸檬躊躇", "鰐蚯蟋蟀蜻蛉")}
for n, (name, (word, ja, filed)) in enumerate(words.items()):
    open(name + ".eml", "wb").write(mail(n, word, ja, filed))
def forms(word, ja, filed):
    out = {}
    for tail in ("body", "attached", "subject", "id", "office", "name"):
        out[word + tail] = (word + tail).encode()
        out[word + tail + " in capitals"] = (word + tail).upper().encode()
        out[word + tail + " in UTF-16LE"] = (word + tail).encode("utf-16-le")
        out[word + tail + " in UTF-16BE"] = (word + tail).encode("utf-16-be")
    out[ja] = ja.encode()
    out[ja + " in UTF-16LE"] = ja.encode("utf-16-le")
    out[ja + " in ISO-2022-JP"] = ja.encode("iso2022_jp")[3:-3]
    out[ja + " in Shift_JIS"] = ja.encode("shift_jis")
    out[filed] = filed.encode()
    for text in (ja, filed):
        for i in range(0, len(text) - 1, 2): # the index's terms are of two characters
            out["a term " + text[i:i + 2]] = text[i:i + 2].encode()
    for shift in range(3):
        for text, name in ((word + "attached", "base64"), (word + "body", "base64 of the body")):
            coded = base64.b64encode(b"\0" * shift + text.encode() + b"\0\0").decode()
            out[f"{name}, shifted by {shift}"] = coded[(0, 2, 3)[shift]:(shift + len(text)) * 8 // 6 - 1].encode()
    return {k: v.hex() for k, v in out.items()}
json.dump({k: forms(*v) for k, v in words.items()}, open("words", "w"))
P
cat >look.py <<'P'
"""look.py IMAGE WHAT...: names of what the image has of `words` and of the keys in `secrets`, by group, one a line: as it is, or
in what unpacks from any of its bytes (the text store, Xapian's records)."""
import json, os, sys
sys.path.insert(0, os.environ["ROOT"] + "/tests/lib")
import unpacked
image = open(sys.argv[1], "rb").read()
inside = b"\n".join(list(unpacked.frames(image)) + list(unpacked.streams(image)))
groups = dict(json.load(open("words")))
if os.path.exists("secrets"):
    groups.update(json.load(open("secrets")))
for group in sys.argv[2:]:
    for name, value in groups[group].items():
        if bytes.fromhex(value) in image:
            print(f"{group}: {name}, at byte {image.find(bytes.fromhex(value))}")
        if bytes.fromhex(value) in inside:
            print(f"{group}: {name}, packed")
P
unmounted() { sync && root umount disk; }
on_disk() { python3 look.py image "$@"; } # what is found, one a line

fk import gone.eml >imported && fk import kept.eml >>imported || fail "import"
set -- $(cut -f 1 imported)
gone=$1 kept=$2
fk index >/dev/null || fail "index"
unsealed=$(sed -n '1s/.* sik=//p' "$V"/keys/00000001.*.keys) # what the old pages of the open segment are wrapped by
fk seal >/dev/null || fail "seal"
# The keys: the wrapped intermediate key (as text, and its bytes), the records, the kek, and by it the intermediate key and the content
# key in the clear. Unwrapped by openssl, from the format page.
python3 - "$V" "$gone" "$unsealed" <<'P' || fail "keys"
import glob, json, subprocess, sys
vault, gone, unsealed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def unwrap(key, data): # RFC 5649, section 4.2, block by block: from 3.5 on "openssl enc" takes no cipher that wraps
    def block(b):
        return subprocess.run(["openssl", "enc", "-d", "-aes-256-ecb", "-nopad", "-K", key.hex()], input=b, capture_output=True).stdout
    n = len(data) // 8 - 1
    a, r = data[:8], [data[8 * i:8 * i + 8] for i in range(1, n + 1)]
    for step in range(6 * n, 0, -1):
        i = (step - 1) % n
        b = block((int.from_bytes(a, "big") ^ step).to_bytes(8, "big") + r[i])
        a, r[i] = b[:8], b[8:]
    return b"".join(r)[:int.from_bytes(a[4:], "big")] if a[:4] == b"\xa6\x59\x59\xa6" else b""
kek = bytes.fromhex(open(vault + "/secrets/kek").read().split("key=")[1].strip())
path = sorted(glob.glob(vault + "/keys/00000001.*.keys"))[-1]
whole = open(path, "rb").read()
head, records = whole.split(b"\n", 1)
sik = bytes.fromhex(head.split(b"sik=")[1].decode())
out = {"wrapped": {"the intermediate key, as its file has it": head.split(b"sik=")[1].hex(), "its bytes": sik.hex()}, "clear": {},
       "older": {"the intermediate key of before the sealing": unsealed.encode().hex()}}
inner = unwrap(kek, sik)[:32]
for i in range(0, len(records), 88):
    if int.from_bytes(records[i:i + 8], "big") == gone:
        out["wrapped"]["the content key's record"] = records[i:i + 88].hex()
        out["wrapped"]["the wrapped content key"] = records[i + 8:i + 88].hex()
        if len(inner) == 32:
            out["clear"]["the content key"] = unwrap(inner, records[i + 8:i + 88])[:32].hex()
if len(inner) == 32:
    out["clear"]["the intermediate key"] = inner.hex()
assert len(out["wrapped"]) == 4, out
assert len(out["clear"]) == 2, "openssl does not unwrap"
json.dump(out, open("secrets", "w"))
P
unmounted || fail "umount"
cp image before
on_disk gone wrapped >found
# The control: the search finds what is there. (A message is never there but in the index: terms as they are, texts and records packed.)
for want in "gone: zqxgonebody," "gone: zqxgonesubject," "gone: a term 廃棄" "gone: zqxgoneoffice," "gone: a term 鷲巣" \
    "gone: zqxgonebody, packed" "gone: zqxgoneoffice, packed" "gone: 鷲巣蝙蝠蜥蜴, packed" "gone: zqxgonesubject, packed" "gone: zqxgonename, packed" "wrapped: the intermediate key, as its file has it" "wrapped: the content key's record"; do
    grep -q "^$want" found || fail "the control: not found before the disposal: $want; but: $(cat found)"
done
expect "" "$(on_disk clear older)" "keys in the clear, and of before the sealing"

# Without the overwriting the search must find what a removal leaves.
mounted
for f in "$V"/keys/00000001.*.keys; do rm "$f"; done
find "$V/index" -type f \( -name '*.glass' -o -name text \) -delete
unmounted || fail "umount"
on_disk gone wrapped >found
grep -q "^wrapped: the intermediate key" found && grep -q "^gone: zqxgonebody, at" found && grep -q "^gone: 鷲巣蝙蝠蜥蜴, packed" found || fail "the control: removed files are not found: $(cat found)"
cp before image

# The disposal.
mounted
fk hold add control --seq "$kept" --reason "control" >/dev/null || fail "hold"
forward 3
accept_clock >certificate || fail "retention run: $(cat certificate)"
grep -q "^disposed  1 messages: $gone$" certificate || fail "$(cat certificate)"
fk index >/dev/null || fail "index"
fk seal >/dev/null || fail "seal"
fk show "$kept" --raw | cmp - kept.eml || fail "what is held"
fk verify >out || fail "verify: $(cat out)"
unmounted || fail "umount"
on_disk kept >found
for want in "kept: zqxkeptbody," "kept: zqxkeptoffice, packed" "kept: 鰐蚯蟋蟀蜻蛉, packed"; do
    grep -q "^$want" found || fail "what is held is not found: $want; but: $(cat found)"
done
on_disk gone wrapped clear older >found
expect "" "$(cat found)" "on the raw disk after the disposal"
