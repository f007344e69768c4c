#!/usr/bin/env bash
# an exported package has what was found of its messages with the key records, bound to the ledger; a stranger checks the signatures without DNS
. "$ROOT/tests/lib/package.sh"
. "$ROOT/tests/lib/auth.sh"
cd "$TEST_DIR" || exit 1
dns_start
key_new sender.example s1
auth_vault
server_start
mail() { printf 'From: t@sender.example\nSubject: %s\nDate: Tue, 24 Nov 2026 10:00:00 +0900\n\nbody\n' "$1"; }
mail one | sign sender.example s1 >one.eml
mail two | sign sender.example s1 | sed 's/^body/ydob/' >two.eml
mail three | sign sender.example s1 >three.eml
python3 -c '
import os, sys
sys.path.insert(0, os.environ["ROOT"] + "/tests/fixtures")
import make_journals as m
sys.stdout.buffer.write(m.report(open("three.eml", "rb").read(), *m.said("signed", "Bcc: himitsu@example.jp")))' >three.report
for f in one.eml two.eml three.report; do send $f >/dev/null; done
for seq in 1 2 3; do checked $seq; done
entry=$(auth .entry)
config auth-check '"off"' # what comes from now on is not checked
server_stop
dns_stop
: >zone
fk import one.eml >/dev/null || fail "import"
later=$(fk status --json | jq '.next - 1')
fk checkpoint >/dev/null && fk checkpoint --key >"$KEY" || fail "checkpoint"
fk export --to pkg --seq 1-3 "$later" --json >made || fail "export"
expect "1.auth 2.auth 3.auth" "$(cd pkg/data/messages && echo *.auth)" "messages whose evidence is there"
expect 3 "$(jq .auth pkg/data/report.json)" "said in the report"
for seq in 1 2 3; do
    fk show $seq --auth | tail -n +2 | cmp - pkg/data/messages/$seq.auth || fail "$seq is not what show --auth says"
done
grep -r sender.example pkg/data/auth pkg/data/entries && fail "names in the clear beside the messages"
fk show "$(($(jq .entry made) - 1))" --entry | grep -q "what=export form=plain of=$entry " || fail "no act names the entry of the evidence"
for sh in dash "bash --posix"; do
    checked_package() { timeout 120 $sh pkg/verify.sh --key "$KEY" pkg; }
    checked_package >out 2>&1 || fail "$sh: $(cat out)"
    grep -q '^where they are from was found for 3 messages' out || fail "$sh: $(cat out)"
done
# As VERIFY.md says, with its own commands, by hand and by two verifiers that are not ours.
cd pkg/data/messages || exit 1
awk '/^dns: [a-z]* ok TXT .*[.]_domainkey[.]/ { n = $5; next } /^record: / && n { sub(/^record: /, ""); print n, $0 } { n = "" }' 1.auth >keys
grep -qF "awk '/^dns: [a-z]* ok TXT .*[.]_domainkey[.]/ { n = \$5; next } /^record: / && n { sub(/^record: /, \"\"); print n, \$0 } { n = \"\" }' N.auth >keys" ../../VERIFY.md || fail "VERIFY.md says otherwise"
printf 'Mode v\nTestPublicKeys keys\n' >check.conf
opendkim -x check.conf -t 1.eml | grep -q 'verification (s=s1, d=sender.example, 2048-bit key) succeeded' || fail "opendkim: $(opendkim -x check.conf -t 1.eml 2>&1)"
opendkim -x check.conf -t 2.eml 2>&1 | grep -q 'failed' || fail "opendkim takes what is changed"
read -r _ offset len coding sha <<<"$(grep ^judged: 3.auth)"
expect identity "$coding" "how the message stands in the report"
tail -c +$((offset + 1)) 3.eml | head -c "$len" >inner.eml
expect "$sha" "$(sha256sum <inner.eml | cut -d ' ' -f 1)" "the message inside"
by_dkimpy() {
    /usr/bin/python3 -c '
import dkim, sys
keys = dict(l.rstrip("\n").split(" ", 1) for l in open("keys"))
sys.exit(not dkim.verify(open(sys.argv[1], "rb").read(), dnsfunc=lambda n, timeout=5: keys.get(n.decode().rstrip("."), "").encode()))' "$1"
}
by_dkimpy 1.eml && by_dkimpy inner.eml || fail "dkimpy does not verify"
by_dkimpy 2.eml && fail "dkimpy takes what is changed"
rm keys check.conf inner.eml
cd ../../..
m=data/messages
result() { sed -i 's/^dkim: fail/dkim: pass/' $m/2.auth; }
exchange() { cp $m/1.auth $m/2.auth; }
body_gone() { rm data/auth/*; }
forged "another result" "auth: $m/2.auth: is not what the entry says" result
forged "another message's evidence" "auth: $m/2.auth: " exchange
forged "a bit of the entry's body" "c256: data/auth/$entry.body: " flip data/auth/$entry.body
forged "no body" "auth: $m/1.auth: " body_gone
# Sealed: the entry's body alone, which the message's salt opens.
fk export --to sealed --sealed --keys-to kept --seq 1-3 >/dev/null || fail "export --sealed"
[ -z "$(ls sealed/$m | grep auth)" ] && [ -s "sealed/data/auth/$entry.body" ] || fail "sealed: $(ls sealed/$m sealed/data/auth)"
grep -r sender.example sealed/data && fail "names in the clear in a sealed package"
timeout 120 dash sealed/verify.sh --key "$KEY" --message-keys kept sealed >out 2>&1 || fail "the sealed package: $(cat out)"
verify_clean "the exports"
