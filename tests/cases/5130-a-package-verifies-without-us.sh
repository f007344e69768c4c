#!/usr/bin/env bash
# an exported package is verified by its own script under dash and bash, by sha256sum, and by a second reader; what is forged is named
. "$ROOT/tests/lib/package.sh"
. "$ROOT/tests/lib/authority.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
authority tsa good
cp tsa/roots.pem roots.pem
config timestamp "\"$(authority_url tsa)\""
config timestamp-roots "\"$TEST_DIR/roots.pem\""
fk import mails/20*.eml >/dev/null && fk checkpoint >old.note || fail "checkpoint"
for m in mails/0*.eml mails/1*.eml; do fk import "$m" >/dev/null || fail "import"; done

fk timestamp --json >stamp || fail "timestamp"
fk checkpoint --key >"$KEY"
fk index --wait >/dev/null || fail "index"

# What is exported is byte for byte what show gives, and what is recorded is what was exported.
fk export --to pkg --reason "事件 12" --json 会議 >made 2>err || fail "export: $(cat err)"
seqs=$(jq -r .seqs pkg/data/report.json)
expect "$(fk search --limit 0 --json 会議 | jq -r 'select(.seq).seq' | sort -n | xargs)" \
    "$(ls pkg/data/messages/*.eml | xargs -n1 basename | cut -d. -f1 | sort -n | xargs)" "messages in the package"
for f in pkg/data/messages/*.eml; do
    seq=$(basename "$f" .eml)
    fk show "$seq" --raw | cmp - "$f" || fail "$f"
    fk show "$seq" --entry | cmp - "${f%.eml}.entry" || fail "the entry of $seq"
    python3 "$ROOT/tests/lib/proof.py" "${f%.eml}.entry" "${f%.eml}.proof" "$KEY" >out || fail "the proof of $seq: $(cat out)"
    expect "$(sed 's/.* c256=\([0-9a-f]*\) .*/\1/' "${f%.eml}.entry")" "$(cat "${f%.eml}".salt "${f%.eml}".envelope "$f" | sha256sum | cut -c 1-64)" "c256 of $seq"
done
entry=$(jq .entry made)
fk show "$entry" --entry >line
grep -q "kind=export .*what=package form=plain .*manifest=$(sha256sum pkg/manifest-sha256.txt | cut -c 1-64) of=$seqs " line || fail "the entry: $(cat line)"
fk show "$(jq .act made)" --entry | grep -q "kind=act .*what=export form=plain of=$seqs " || fail "the act"
[ "$(jq .act made)" -lt "$entry" ] || fail "the act came after the package"
fk audit --json | jq -r "select(.seq == $entry) | .person, .reason" | xargs | grep -q "^$(id -un)($(id -u)) 事件 12$" || fail "who and why: $(fk audit | tail -n 3)"
fk show "$entry" --json | jq -r '.body.where[0]' | grep -qx "$TEST_DIR/pkg" || fail "where to"
[ -z "$(find pkg -type f -perm /077)" ] || fail "others can read the package"

(cd pkg && sha256sum --quiet -c tagmanifest-sha256.txt manifest-sha256.txt && sha512sum --quiet -c manifest-sha512.txt) || fail "sha256sum -c"
for sh in dash "bash --posix"; do
    checked "$sh" pkg --tsa-roots roots.pem --checkpoint pkg.note >out 2>&1 && fail "a checkpoint that is not there"
    fk checkpoint >new.note
    checked "$sh" pkg --tsa-roots roots.pem >out 2>&1 || fail "$sh: $(cat out)"
    grep -q "^signed by your key: " out || fail "$sh: $(cat out)"
    expect 1 "$(grep -c 'the time stamp holds$' out)" "time stamps: $(cat out)"
    tail -n 1 out | grep -q "^$(ls pkg/data/messages/*.eml | wc -l) messages, .*: 0 failed$" || fail "$sh: $(cat out)"
    checked "$sh" pkg --checkpoint pkg/data/log/checkpoint >out 2>&1
    expect 2 $? "a checkpoint out of the package: $(cat out)"
done
timeout 60 dash pkg/verify.sh --key pkg/data/log/key.pem pkg >out 2>&1
expect 2 $? "a key out of the package: $(cat out)"
grep -q 'is in the package itself' out || fail "a key out of the package: $(cat out)"
timeout 60 dash pkg/verify.sh pkg >out 2>&1
expect 2 $? "no key"
cp pkg/data/log/checkpoint same.note
checked dash pkg --checkpoint same.note >out 2>&1 || fail "the same checkpoint: $(cat out)"
grep -q '^your checkpoint is the one that is here' out || fail "the same checkpoint: $(cat out)"
checked dash pkg --checkpoint old.note >out 2>&1 || fail "an older checkpoint of mine: $(cat out)"
grep -q '^not checked: that your checkpoint' out || fail "an older checkpoint: $(cat out)"

# Another archive, which has the same mail: its files are true, and not of this one.
"$FUMIKURA" init other --smtp 127.0.0.1:0 --lmtp none --web 127.0.0.1:0 >/dev/null && "$FUMIKURA" -C other import mails/*.eml >/dev/null &&
    "$FUMIKURA" -C other checkpoint >other.note && "$FUMIKURA" -C other checkpoint --key >other.pem || fail "another archive"
KEY=other.pem checked dash pkg >out 2>&1
expect 1 $? "another's key"
grep -q '^FAILED signature: data/log/checkpoint: has no signature by your key' out || fail "another's key: $(cat out)"
grep -q '^FAILED key: data/log/key.pem' out || fail "another's key: $(cat out)"

set -- $(ls pkg/data/messages/*.eml | xargs -n1 basename | cut -d. -f1)
a=$1 b=$2 z=${!#} m=data/messages tsr=$(basename pkg/data/time/*.tsr .tsr)
grow() { printf x >>"$1"; }
swap() { mv "$1" swap.tmp && mv "$2" "$1" && mv swap.tmp "$2"; }
swap_all() { for s in eml salt envelope; do swap $m/$a.$s $m/$b.$s; done; }
move_line() { # from the message to the envelope: together they are the same bytes
    head -n 1 $m/$a.eml >>$m/$a.envelope && tail -n +2 $m/$a.eml >rest && mv rest $m/$a.eml
}
gone() { rm $m/$a.*; }
line_out() { sed -i "/$a.eml/d" manifest-sha256.txt manifest-sha512.txt; }
drop_hash() { sed -i 3d $m/$a.proof; }
more_hash() { sed -i 3p $m/$a.proof; }
index_other() { sed -i "s/^index .*/index $b/" $m/$a.proof; }
old_checkpoint() { cp ../old.note data/log/checkpoint; }
old_everywhere() { cp ../old.note data/log/checkpoint; for p in $m/*.proof; do sed -i '/^$/,$d' $p && { echo; cat ../old.note; } >>$p; done; }
other_checkpoint() { cp ../other.note data/log/checkpoint; }
size_up() { sed -i '2s/.*/99999/' data/log/checkpoint; }
other_key() { cp ../other.pem data/log/key.pem; }
stamp_other() { cp data/log/checkpoint data/time/$tsr.checkpoint; }
retime() { sed -i 's/time=2/time=1/' $m/$a.entry; }
two_entries() { cat $m/$b.entry >>$m/$a.entry; }
blank_last() { echo >>$m/$z.entry; }
blank_entry() { echo >>$m/$a.entry; }
to_bare() { mkdir -p data/entries && mv $m/$a.entry $m/$a.proof data/entries/ && rm $m/$a.*; }
link() { mv $m/$a.eml ../linked.eml && ln -s ../../../linked.eml $m/$a.eml; }
FORGED_OPTIONS="--tsa-roots $TEST_DIR/roots.pem"
forged "a bit of a message" "c256: $m/$a: salt, envelope and message" flip $m/$a.eml
forged "a bit of a salt" "c512: $m/$a: " flip $m/$a.salt
forged "a bit of an envelope" "c256: $m/$a: " flip $m/$a.envelope
forged "a longer message" "envelope: $m/$a.envelope: " grow $m/$a.eml
forged "a line moved into the envelope" "envelope: $m/$a.envelope: " move_line
forged "a bit of an entry" "(proof|entry): $m/$a" flip $m/$a.entry
forged "another time in an entry" "proof: $m/$a.proof: entry $a is not the one in the tree" retime
forged "two entries" "entry: $m/$a.entry: is not one line" two_entries
forged "an empty line after an entry" "entry: $m/$a.entry: is not one line" blank_entry
forged "an empty line after the last entry" "entry: $m/$z.entry: is not one line" blank_last
forged "a file of another kind" "extra: $m/$a.exe: " cp $m/$b.eml $m/$a.exe
forged "an entry that is none" "entry: $m/$a.entry: is not the line of entry $a" cp $m/$b.entry $m/$a.entry
forged "a bit of a proof" "proof: $m/$a.proof: " flip $m/$a.proof 60
forged "a hash less" "proof: $m/$a.proof: " drop_hash
forged "a hash more" "proof: $m/$a.proof: " more_hash
forged "another index" "proof: $m/$a.proof: is not the proof of entry $a" index_other
forged "proofs exchanged" "proof: $m/$a.proof: is not the proof of entry $a" swap $m/$a.proof $m/$b.proof
forged "messages exchanged" "c256: $m/$a: " swap_all
forged "entries exchanged" "entry: $m/$a.entry: " swap $m/$a.entry $m/$b.entry
forged "a bit of the root" "(signature|checkpoint): data/log/checkpoint: " flip data/log/checkpoint 60
forged "a bit of the signature" "signature: data/log/checkpoint: " flip data/log/checkpoint $(($(stat -c %s pkg/data/log/checkpoint) - 9))
forged "another size" "signature: data/log/checkpoint: the signature by your key does not hold" size_up
forged "an older checkpoint" "older: data/log/checkpoint: is older than data/time" old_checkpoint
forged "an older checkpoint in each proof" "proof: $m/$a.proof: " old_everywhere
forged "another log's checkpoint" "signature: data/log/checkpoint: has no signature by your key" other_checkpoint
forged "another key inside" "key: data/log/key.pem: is not the key that you gave" other_key
forged "a bit of a token" "stamp: data/time/$tsr.tsr: " flip data/time/$tsr.tsr
forged "a stamp over something else" "stamp: data/time/$tsr.tsr: openssl" stamp_other
forged "a stamp's proof" "consistency: data/time/$tsr.consistency: " flip data/time/$tsr.consistency 40
forged "a file too many" "extra: $m/7777.eml: belongs to no entry" cp $m/$a.eml $m/7777.eml
forged "a file outside" manifests touch note.txt
forged "a message without its salt" "missing: $m/$a: " rm $m/$a.salt
forged "a message without its proof" "missing: $m/$a.proof: " rm $m/$a.proof
forged "a message that is gone" manifests gone
forged "a line out of the manifests" manifests line_out
forged "a message that is said to be disposed of" "disposal: data/entries/$a.entry: " to_bare
forged "a link" "missing|extra" link
forged "not finished" manifests rm tagmanifest-sha256.txt
grep -q '^FAILED layout: tagmanifest-sha256.txt: is not there' out || fail "not finished: $(cat out)"

# Nothing is exported over something else, of nothing, or of what is no message; and what fails leaves nothing.
before=$(fk status --json | jq .next)
refused() { # STATUS PATTERN COMMAND...
    local status=$1 pattern=$2
    shift 2
    "$@" >out 2>&1
    expect "$status" $? "$*: $(cat out)"
    grep -q "$pattern" out || fail "$*: $(cat out)"
}
refused 2 "there is something in it" fk export --to pkg --seq "$a"
refused 2 "is in the vault's own directory" fk export --to v/pkg --seq "$a"
refused 2 "of what" fk export --to no
refused 2 "not both" fk export --to no --seq "$a" 会議
refused 2 "belong together" fk export --to no --sealed --seq "$a"
expect "$before" "$(fk status --json | jq .next)" "entries after what was refused before anything was asked"
refused 1 "there is no entry 99999" fk export --to no --seq 99999
refused 2 "entry 0 (genesis) is no message" fk export --to no --seq 0
refused 1 "finds no message" fk export --to no 此処には無い言葉
[ ! -e no ] || fail "a refused export left something"
for n in 1 4 9 14 20 25; do
    FUMIKURA_FAULT=bag-write:$n:enospc refused 75 "cannot write" fk export --to no --seq "$a" "$b"
    [ ! -e no ] || fail "an export that failed at write $n left: $(find no)"
done
fk audit --json | jq -e 'select(.kind == "export" and .seq > '"$entry"')' && fail "what failed is recorded"

# mboxrd beside the exact bytes.
printf 'From: a@example.jp\r\nSubject: quoted\r\n\r\nFrom here\r\n>From there\r\n' >from.eml
seq=$(fk import from.eml | cut -f 1)
fk export --to box --format mbox --seq "$seq" >/dev/null || fail "export --format mbox"
cmp from.eml "box/data/messages/$seq.eml" || fail "the message beside the mbox"
python3 - box/data/messages.mbox <<'PY' || fail "the mbox: $(cat box/data/messages.mbox)"
import sys
b = open(sys.argv[1], "rb").read()
assert b.startswith(b"From MAILER-DAEMON ") and b.endswith(b"\n\n>From here\n>>From there\n\n"), b
PY

# List, and the word that one is no more.
expect "$entry $(fk export list --json | tail -n 1 | jq .entry)" "$(fk export list --json | jq .entry | xargs)" "packages"
refused 2 "is not the entry of a package" fk export destroyed "$a" --reason x
fk export destroyed "$entry" --reason "shredded" --json >out || fail "destroyed"
fk show "$(jq .entry out)" --entry | grep -q "kind=fact .*what=destroyed of=$entry " || fail "the fact"
refused 2 "says that already" fk export destroyed "$entry" --reason x
expect null "$(fk export list --json | tail -n 1 | jq .destroyed)" "a package that is out"
fk verify >out || fail "verify: $(cat out)"
