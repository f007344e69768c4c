#!/usr/bin/env bash
# mail in tar and zip comes out byte for byte; what is hostile in an archive is named, and nothing follows it
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 2
vault_new
python3 - <<'PY'
import bz2, gzip, io, lzma, os, tarfile, zipfile
os.makedirs("in/mail/cur"), os.makedirs("in/mail/new")
mails = {"mail/cur/1:2,S": b"Subject: one\r\n\r\nFrom a@b Sat Jan  3 01:05:34 1996\r\n",
         "mail/new/2": b"Subject: two\n\n" + os.urandom(300000),
         "a.eml": b"From a@b Sat Jan  3 01:05:34 1996\nSubject: saved so\n\n",
         "empty.eml": b""}
box = [b"Subject: %d\n\n>From quoted\n" % i for i in range(3)]
files = dict(mails)
files["box"] = b"".join(b"From a@b Sat Jan  3 01:05:34 1996\n" + m + b"\n" for m in box)
expected = [mails[n] for n in ("mail/cur/1:2,S", "mail/new/2", "a.eml", "empty.eml")] + box
for i, m in enumerate(expected):
    open(f"expected-{i}", "wb").write(m)
plain = io.BytesIO()
with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as t:
    for name, data in files.items():
        info = tarfile.TarInfo(name)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
    for name, kind, to in (("link", tarfile.SYMTYPE, "/etc/passwd"), ("hard", tarfile.LNKTYPE, "a.eml"),
                           ("fifo", tarfile.FIFOTYPE, ""), ("dev", tarfile.CHRTYPE, "")):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, to
        t.addfile(info)
    for name in ("mail/dovecot-uidlist", ".hidden", "mail/tmp/3"):
        info = tarfile.TarInfo(name)
        info.size = 1
        t.addfile(info, io.BytesIO(b"x"))
    for name in ("../../out.eml", "/etc/absolute.eml", "a/../../x.eml"):
        data = b"Subject: " + name.encode() + b"\n\n"
        info = tarfile.TarInfo(name)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
raw = plain.getvalue()
open("t.tar", "wb").write(raw)
open("t.tar.gz", "wb").write(gzip.compress(raw))
open("t.tar.xz", "wb").write(lzma.compress(raw))
open("t.tar.bz2", "wb").write(bz2.compress(raw))
open("box.gz", "wb").write(gzip.compress(files["box"]))
with zipfile.ZipFile("t.zip", "w", zipfile.ZIP_DEFLATED) as z:
    for name, data in files.items():
        z.writestr(name, data)
    z.writestr("会議.eml", b"Subject: kaigi\n\n")
    z.writestr("inner.zip", b"PK\3\4" + bytes(100))
PY
zstd -q t.tar
before=$(find / -xdev \( -name out.eml -o -name absolute.eml \) 2>/dev/null | wc -l)
seqs_of() { jq -r 'select(.kept) | .seq' "$1"; }
holds_expected() { # json of an import: the first messages are those expected
    local i=0 seq
    for seq in $(seqs_of "$1" | head -n 7); do
        fk show "$seq" --raw | cmp - expected-$i || fail "$1: message $i"
        i=$((i + 1))
    done
    expect 7 $i "$1: messages"
}
for f in t.tar t.tar.gz t.tar.xz t.tar.bz2 t.tar.zst; do
    fk import --json $f >out.json 2>err
    expect 1 $? "$f: links are no success"
    holds_expected out.json
    expect 10 "$(wc -l <out.json)" "$f: messages"
    for name in link hard fifo dev; do grep -q "^fumikura: $f!$name: not imported: " err || fail "$f: $name is not named: $(cat err)"; done
    for name in '../../out.eml' '/etc/absolute.eml' 'a/../../x.eml'; do grep -qF "fumikura: $f!$name: its name leads out" err || fail "$f: $name"; done
    grep -q "^fumikura: $f: 3 names not looked at" err || fail "$f: passed over: $(cat err)"
done
seq=$(seqs_of out.json | head -n 6 | tail -n 1)
expect "t.tar.zst!box" "$(fk show "$seq" --envelope | sed -n 's/^origin: //p')" "origin of a message in an mbox in an archive"
grep -q '^origin-at: byte ' <(fk show "$seq" --envelope) || fail "where in the mbox"
expect "$before" "$(find / -xdev \( -name out.eml -o -name absolute.eml \) 2>/dev/null | wc -l)" "files that came out"
fk import --json t.zip >out.json 2>err
expect 1 $? "t.zip: an archive in it is no success"
holds_expected out.json
grep -q 't.zip!inner.zip: not imported: an archive in an archive' err || fail "$(cat err)"
expect 't.zip!会議.eml' "$(tail -n 1 out.json | jq -r .path)" "a Japanese name"
fk import --json box.gz >out.json || fail "an mbox in gzip"
expect "box.gz box.gz box.gz" "$(jq -r .path out.json | xargs)" "an mbox in gzip"
# Given by its name as a message, an archive is one.
cp t.zip zip.eml
fk import zip.eml >out && fk show "$(cut -f1 out)" --raw | cmp - t.zip || fail "an archive that is named .eml"

# Encrypted, cut short, made of rubbish, grown out of all measure.
python3 - <<'PY'
import gzip, io, os, tarfile, zipfile
raw = bytearray(open("t.zip", "rb").read())
def flag(sig, at):
    i = raw.find(sig)
    while i >= 0:
        raw[i + at] |= 1
        i = raw.find(sig, i + 4)
flag(b"PK\3\4", 6), flag(b"PK\1\2", 8)
open("secret.zip", "wb").write(raw)
whole = open("t.tar.gz", "rb").read()
open("cut.tar.gz", "wb").write(whole[:len(whole) // 2])
open("cut.tar", "wb").write(open("t.tar", "rb").read()[:200000])
open("rubbish.gz", "wb").write(b"\x1f\x8b\x08\0" + os.urandom(5000))
open("rubbish.zip", "wb").write(b"PK\3\4" + os.urandom(5000))
open("nothing.tar.gz", "wb").write(gzip.compress(bytes(20480)))
with gzip.open("bomb.gz", "wb", 9) as f:
    for _ in range(800):
        f.write(b"a" * 1000000)
PY
config in-flight '"4 MiB"'
config size-limit '"4 MiB"'
for f in secret.zip cut.tar.gz cut.tar rubbish.gz rubbish.zip nothing.tar.gz bomb.gz; do
    fk import --json $f >out.json 2>err
    expect 1 $? "$f: its status ($(cat err))"
    grep -q "^fumikura: $f.*: not imported: " err || fail "$f is not named: $(cat err)"
done
grep -q 'bomb.gz, byte [0-9]*: not imported: it grows to more than' err || fail "the bomb: $(cat err)"
fk import cut.tar.gz >out 2>err
[ "$(wc -l <out)" -ge 1 ] && grep -q 'cut.tar.gz!mail/new/2: not imported: cannot read on at byte' err || fail "what is before the cut: $(cat err)"
grep -q 'it is encrypted' <(fk import secret.zip 2>&1) || fail "encrypted"

# No box, no reading: it says so.
FUMIKURA_FAULT=landlock:1+:eio fk import t.tar >out 2>err
expect 1 $? "without a box"
grep -q 'no Landlock' err && [ ! -s out ] || fail "without a box: $(cat err)"
# A reader that dies is told, and the import goes on.
verify_clean "it all"
