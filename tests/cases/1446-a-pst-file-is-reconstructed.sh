#!/usr/bin/env bash
# messages of a PST file come in marked as reconstructed; a file that is cut short says so and how much it gave
. "$ROOT/tests/lib/server.sh"
cd "$TEST_DIR" || exit 2
# A PST that may be passed on: the npm package pst-extractor (MIT) has one of the Enron mails, which are public.
command -v npm >/dev/null || { echo "npm is not here, which has a PST file to try"; exit 77; }
HOME=$TEST_DIR npm pack --silent pst-extractor@1.12.0 >npm.log 2>&1 || { echo "npm does not get pst-extractor: $(tail -n 1 npm.log)"; exit 77; }
tar xzf pst-extractor-1.12.0.tgz package/example/testdata
mv package/example/testdata/enron.pst .
vault_new
fk import --json enron.pst >out.json 2>err || fail "$(cat err)"
expect 71 "$(wc -l <out.json)" "messages of the file"
seq=$(jq -r 'select(.path | endswith("/Sent Items/1.eml")).seq' out.json)
expect "enron.pst!Personal folders/lokay-m/MLOKAY (Non-Privileged)/Sent Items/1.eml" "$(fk show "$seq" --envelope | sed -n 's/^origin: //p')" "origin"
grep -q '^reconstructed: .*LibPST v0\.' <(fk show "$seq" --envelope) || fail "not marked as reconstructed: $(fk show "$seq" --envelope)"
grep -qi '^subject: ' <(fk show "$seq" --raw) || fail "no message"
expect "" "$(find "$V/run/import" -mindepth 1)" "files that are left of it"
# The same by readpst itself, byte for byte but for the boundaries that it makes up.
mkdir own
readpst -e -D -j 0 -t e -o own enron.pst >/dev/null 2>&1
plain() { sed 's/--boundary-LibPST-iamunique-[0-9_-]*/BOUNDARY/g; s/boundary="[^"]*"/BOUNDARY/g'; }
while IFS=$'\t' read -r seq path; do
    cmp <(fk show "$seq" --raw | plain) <(plain <"own/${path#enron.pst!}") || fail "$path"
done < <(jq -r '[(.seq | tostring), .path] | @tsv' out.json | head -n 20)
# An OST too.
mv package/example/testdata/pstextractortest@outlook.com.ost a.ost
fk import a.ost >out 2>err || fail "an OST: $(cat err)"
[ "$(wc -l <out)" -ge 10 ] || fail "messages of an OST: $(wc -l <out)"

told() { # FILE WORDS
    fk import --json "$1" >out.json 2>err
    expect 1 $? "$1: $(cat err)"
    grep -q -- "fumikura: $1: not imported: $2" err || fail "$1: $(cat err)"
    expect "" "$(find "$V/run/import" -mindepth 1 -name 'pst.*')" "$1: files that are left of it"
}
head -c 7000000 enron.pst >half.pst
told half.pst '0 messages could be read of it; it is cut short: 7000000 bytes of 13984768; readpst: '
{ printf '!BDN'; head -c 100000 /dev/urandom; } >rubbish.pst
told rubbish.pst '0 messages could be read of it; readpst: '
# A page in the middle that is zeros: what can be read comes in.
cp enron.pst holed.pst
dd if=/dev/zero of=holed.pst bs=4096 seek=1000 count=300 conv=notrunc 2>/dev/null
fk import --json holed.pst >out.json 2>err
note "a PST with a hole gave $(wc -l <out.json) of 71 messages"
FUMIKURA_FAULT=landlock:1+:eio fk import --json enron.pst >out.json 2>err
expect 1 $? "without a box"
[ ! -s out.json ] || fail "readpst ran without a box"
verify_clean "it all"
