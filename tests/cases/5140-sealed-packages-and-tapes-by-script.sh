#!/usr/bin/env bash
# a sealed package gives nothing without its keys and all with them; a tape verifies by the same script; disposed mail is said to be
. "$ROOT/tests/lib/package.sh"
. "$ROOT/tests/lib/kept.sh"
cd "$TEST_DIR" || exit 1
vault_new
class short P1D
kept 4
# One that is packed in several parts, one that cannot be packed, and one of a zstd frame.
python3 - <<'PY'
import base64, random
r = random.Random(7)
def encoded(blob, end):
    text = base64.b64encode(blob)
    return end.join(text[i:i + 76] for i in range(0, len(text), 76))
def mail(name, body): open(name, "wb").write(b"From: a@example.jp\r\nSubject: %s\r\n\r\n" % name.encode() + body)
mail("large.eml", bytes(r.choice(b"abcdefghijklmnop \n") for _ in range(3 << 20)))
mail("large2.eml", open("large.eml", "rb").read()[-2000000:] + encoded(r.randbytes(400000), b"\r\n")) # much of it in common
mail("random.eml", r.randbytes(70000))
mail("words.eml", "契約更新の件\r\n".encode() * 500)
blobs = [r.randbytes(n) for n in (3000, 5001, 50)]
for i, blob in enumerate(blobs): open("blob.%d" % i, "wb").write(blob)
mail("based.eml", encoded(blobs[0], b"\r\n") + b"\r\n--x\r\n" + encoded(blobs[1], b"\n") + b"\n\r\n" + encoded(blobs[2], b"\r\n") + b"\r\n")
PY
one() { fk import "$1" | cut -f 1; } # several at a time may get their numbers in another order
config single-instance '"off"'
large="$(one large.eml) $(one random.eml)"
config single-instance '"on"'
large="$large $(one words.eml) $(one based.eml) $(one large.eml) $(one large2.eml)"
first=$(echo $seqs | cut -d ' ' -f 1)
fk checkpoint >/dev/null && fk checkpoint --key >"$KEY" || fail "checkpoint"

fk export --to pkg --sealed --keys-to keys --seq $seqs $large --reason "court" --json >made || fail "export --sealed: $(cat made)"
entry=$(jq .entry made)
fk show "$entry" --entry | grep -q 'what=package form=sealed ' || fail "the entry: $(fk show "$entry" --entry)"
fk show "$(jq .act made)" --entry | grep -q 'what=export form=sealed ' || fail "the act"
ls pkg/data/messages | grep -q 'eml$\|salt$\|envelope$' && fail "something is in the clear"
grep -rqa '契約更新の件' pkg && fail "words are in the clear"
expect "$(printf '%s\n' $seqs $large | sort -n | xargs)" "$(ls keys | cut -d. -f1 | sort -n | xargs)" "keys"
[ -z "$(find keys -perm /077)" ] || fail "others can read the keys"
n=$(ls keys | wc -l)
for key in keys/*; do grep -rqa "$(cat "$key")" pkg && fail "$key is in the package"; done
for sh in dash "bash --posix"; do
    checked "$sh" pkg >out 2>&1 || fail "$sh without keys: $(cat out)"
    grep -q "^not opened: $n sealed messages" out || fail "$sh without keys: $(cat out)"
    checked "$sh" pkg --message-keys keys >out 2>&1 || fail "$sh with keys: $(cat out)"
    grep -q "^not opened" out && fail "$sh with keys: $(cat out)"
done
# By hand, as VERIFY.md says it: a message of several parts.
set -- $large
for i in 4 5 6; do grep -qx 'codec: 2' "pkg/data/messages/${!i}.form" || fail "message ${!i} has no recipe: $(cat "pkg/data/messages/${!i}.form")"; done
for i in 5 6; do grep -q '^chunk ' "pkg/data/messages/${!i}.form" || fail "message ${!i} has no chunks"; done
[ -e "pkg/data/messages/$1.part.1" ] || fail "the large message has one part: $(ls pkg/data/messages)"
i=0
while [ -e "pkg/data/messages/$1.part.$i" ]; do
    openssl enc -d -aes-256-ctr -K "$(cat "keys/$1.key")" -iv "$(printf '%024x00000002' $i)" -in "pkg/data/messages/$1.part.$i" | head -c -16
    i=$((i + 1))
done | zstd -d -q >plain || fail "openssl and zstd"
tail -c "$(stat -c %s large.eml)" plain | cmp - large.eml || fail "what openssl and zstd gave"

FORGED_OPTIONS="--message-keys $TEST_DIR/keys"
m=data/messages
forged "a bit of ciphertext" "c(256|512): $m/$3: what it decrypts to" flip "$m/$3.part.0"
forged "a bit of a later part" "c256: $m/$1: what it decrypts to" flip "$m/$1.part.1"
forged "a part less" "missing: $m/$1.part.1: " rm "$m/$1.part.1"
forged "ciphertexts exchanged" "c256: $m/$3: " cp "$m/$2.part.0" "$m/$3.part.0"
cp -a keys wrong && cp "wrong/$2.key" "wrong/$3.key"
checked dash pkg --message-keys wrong >out 2>&1
expect 1 $? "a wrong key"
grep -q "^FAILED c256: $m/$3: what it decrypts to is not what the entry says: the key" out || fail "a wrong key: $(cat out)"
rm "wrong/$3.key"
checked dash pkg --message-keys wrong >out 2>&1
grep -q "^FAILED message-key: $m/$3.form: there is no $3.key" out || fail "a missing key: $(cat out)"
cp -a keys pkg/keys
checked dash pkg --message-keys pkg/keys >out 2>&1
expect 2 $? "keys in the package"
rm -r pkg/keys

# Codec 2, written from the format page alone: raw, base64 with CRLF and with LF, chunks of both codecs.
fk export --to inclear --seq "$4" >/dev/null || fail "export"
rm -rf recipe
cp -a pkg recipe
python3 - "$4" <<'PY' || fail "a package with a recipe"
import base64, os, random, subprocess, sys
seq, r = sys.argv[1], random.Random(4)
def run(data, *args): return subprocess.run(args, input=data, capture_output=True, check=True).stdout
def zstd(data): return run(data, "zstd", "-q", "-c")
def seal(name, data, key, part):
    open(name, "wb").write(run(data, "openssl", "enc", "-aes-256-ctr", "-K", key, "-iv", "%024x00000002" % part) + bytes(16))
base, key = "recipe/data/messages/" + seq, open("keys/%s.key" % seq).read().strip()
plain = b"".join(open("inclear/data/messages/%s.%s" % (seq, s), "rb").read() for s in ("salt", "envelope", "eml"))
recipe, form, store, chunks = "fumikura-recipe/1\n", "", b"", 0
def chunk(data, codec):
    global recipe, form, chunks
    chunks += 1
    own = r.randbytes(32).hex()
    seal("%s.chunk.%d" % (base, 900 + chunks), zstd(data) if codec else data, own, 0)
    recipe += "chunk %d %d %s\n" % (900 + chunks, len(data), own)
    form += "chunk %d: %d\n" % (900 + chunks, codec)
for i, end in enumerate((b"\r\n", b"\n", b"\r\n")):
    blob = open("blob.%d" % i, "rb").read()
    text = base64.b64encode(blob)
    text = end.join(text[j:j + 76] for j in range(0, len(text), 76))
    before, plain = plain.split(text, 1)
    recipe += "raw %d\n" % len(before)
    if i == 1:
        chunk(before, 1)
    else:
        store += before
    recipe += "base64 %d 76 %s\n" % (len(blob), "crlf" if end == b"\r\n" else "lf")
    if i == 0:
        chunk(blob[:1000], 0)
        chunk(blob[1000:], 1)
    else:
        store += blob
recipe += "raw %d\n" % len(plain)
store += plain
for old in range(50):
    if os.path.exists("%s.part.%d" % (base, old)): os.remove("%s.part.%d" % (base, old))
seal(base + ".part.0", zstd(store), key, 0)
seal(base + ".part.1", recipe.encode(), key, 1)
head = open(base + ".form").read().split("codec: ")[0]
open(base + ".form", "w").write(head + "codec: 2\nparts: 2\n" + form)
PY
manifests_anew recipe
for sh in dash "bash --posix"; do
    checked "$sh" recipe --message-keys keys >out 2>&1 || fail "$sh, codec 2: $(cat out)"
done
PACKAGE=$TEST_DIR/recipe
forged "a bit of a chunk" "c256: $m/$4: what it decrypts to" flip "$m/$4.chunk.901"
forged "a bit of a recipe" "c256: $m/$4: what it decrypts to" flip "$m/$4.part.1" 40
forged "a chunk that is gone" "c256: $m/$4: what it decrypts to" rm "$m/$4.chunk.902"
PACKAGE=$TEST_DIR/pkg

# What fails leaves no key.
before=$(fk export list | wc -l)
for n in 2 6 12; do
    FUMIKURA_FAULT=bag-write:$n:enospc fk export --to no --sealed --keys-to nokeys --seq $seqs >out 2>&1 && fail "a full disk was not seen"
    [ ! -e no ] && [ ! -e nokeys ] || fail "write $n: $(find no nokeys)"
done
expect "$before" "$(fk export list | wc -l)" "packages after failed ones"
mkdir no
fk export --to no --sealed --keys-to no/keys --seq "$first" >out 2>&1 && fail "keys in the package they open"
rmdir no || fail "left: $(find no)"
grep -q 'handed over apart' out || fail "keys in the package: $(cat out)"

# Disposed of: the entry and the word of it, no content; whoever says so without such a word is refused.
forward 3
accept_clock >/dev/null || fail "run"
fresh=$(fk import words.eml | cut -f 1)
fk export --to pkg2 --seq "$first" "$fresh" --json >made || fail "export of a disposed message"
expect 1 "$(jq .disposed made)" "disposed messages"
[ ! -e "pkg2/data/messages/$first.eml" ] || fail "a disposed message"
PACKAGE=$TEST_DIR/pkg2
checked dash pkg2 >out 2>&1 || fail "with a disposed message: $(cat out)"
grep -q "^entry $first: its content was disposed of" out || fail "with a disposed message: $(cat out)"
FORGED_OPTIONS=
for f in pkg2/data/entries/*.entry; do grep -q kind=dispose "$f" && word=$(basename "$f" .entry); done
forged "no word of the disposal" "disposal: data/entries/$first.entry: " rm "data/entries/$word.entry" "data/entries/$word.proof"

# A tape, by the same script.
fk checkpoint >old.note
fk tape write --to tape >out || fail "tape write: $(cat out)"
"$FUMIKURA" -C "$V" checkpoint >later.note
for sh in dash "bash --posix"; do
    checked "$sh" tape --checkpoint old.note >out 2>&1 || fail "$sh, a tape: $(cat out)"
    grep -q '^the first [0-9]* entries are those of .*/old.note$' out || fail "$sh: $(cat out)"
    grep -q '^the first [0-9]* entries are those of data/log/checkpoint$' out || fail "$sh: $(cat out)"
    tail -n 1 out | grep -q " $(cat tape/data/ledger/*.txt | wc -l) ledger entries, $(ls tape/data/segments | wc -l) segments: 0 failed" || fail "$sh: $(cat out)"
done
checked dash tape --checkpoint later.note >out 2>&1
expect 1 $? "a tape that is older than a checkpoint of mine"
grep -q '^FAILED truncated: data/ledger: ' out || fail "an older tape: $(cat out)"
PACKAGE=$TEST_DIR/tape
tamper() { sed -i '3s/kind=mail/kind=mall/' data/ledger/000000000000.txt; }
cut_tail() { head -n -4 data/ledger/000000000000.txt >short && mv short data/ledger/000000000000.txt; }
chained_anew() { python3 - data/ledger/000000000000.txt <<'PY'
import hashlib, re, sys
lines = open(sys.argv[-1], "rb").read().splitlines(keepends=True)
lines[2] = lines[2].replace(b"kind=mail", b"kind=mall")
for i in range(3, len(lines)):
    lines[i] = re.sub(rb"prev=[0-9a-f]{64}", b"prev=" + hashlib.sha256(lines[i - 1]).hexdigest().encode(), lines[i], count=1)
open(sys.argv[-1], "wb").write(b"".join(lines))
PY
}
FORGED_OPTIONS="--checkpoint $TEST_DIR/old.note"
forged "an entry of a tape" "chain: data/ledger: entry 3 does not hold" tamper
forged "an entry of a tape, chained anew" "fork: data/ledger: the first [0-9]* entries are not those that were signed in .*/old.note" chained_anew
forged "a ledger cut short" "truncated: data/ledger: has " cut_tail
forged "a segment" "seal: data/segments/00000001.sealed: " flip data/segments/00000001.sealed 5000
