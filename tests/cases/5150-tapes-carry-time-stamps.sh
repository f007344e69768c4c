#!/usr/bin/env bash
# time stamps, their lists and renewals are on a tape, are checked there by the program and by openssl, and come back; a forged one is named
. "$ROOT/tests/lib/package.sh"
. "$ROOT/tests/lib/kept.sh"
. "$ROOT/tests/lib/authority.sh"
cd "$TEST_DIR" || exit 1
vault_new
authority one crl
authority two good
cat one/roots.pem two/roots.pem >roots.pem
kept 3
fk checkpoint --key >"$KEY" || fail "the key"
fk tape write --to bare >out 2>err || fail "a tape without stamps: $(cat err)"
[ ! -e bare/data/time ] || fail "stamps out of nothing"
config timestamp "{\"$(authority_url one)\", \"$(authority_url two)\"}"
config timestamp-roots "\"$TEST_DIR/roots.pem\""
fk timestamp --json >made 2>err || fail "timestamp: $(cat err)"
name=$(sed -n 1p made | jq -r .stamp) anchor=$(sed -n 1p made | jq .entry)
fk timestamp --renew >out 2>err || fail "renew: $(cat err)"
fk timestamp --renew --all >out 2>err || fail "renew --all: $(cat err)"
kept 5
fk tape write --to tape >out 2>err || fail "tape write: $(cat err)"
[ ! -s err ] || fail "tape write says: $(cat err)"
diff -r v/time tape/data/time >out || fail "what is on the tape: $(cat out)"
[ -e "tape/data/time/$name.crl" ] || fail "no revocation list on the tape"

# By the program, with roots from outside and without; by the archive's own configuration; by openssl alone; by the script.
tape_verify() { "$FUMIKURA" tape verify "$@" >out 2>err; }
tape_verify tape --tsa-roots roots.pem || fail "tape verify: $(cat out)"
grep -q "^4 of the 4 time stamps that its ledger speaks of are here and hold$" out || fail "tape verify says: $(cat out)"
tape_verify tape || fail "tape verify: $(cat out)"
grep -q "^4 of the 4 .* hold; who signed them was not judged (--tsa-roots)$" out || fail "unjudged: $(cat out)"
fk tape verify tape --json >out || fail "tape verify of the archive: $(cat out)"
expect "4 4 true" "$(jq -r 'select(.type == "summary") | "\(.stamps) \(.anchors) \(.stamps_judged)"' out)" "the summary"
cp roots.pem tape/roots.pem
tape_verify tape --tsa-roots tape/roots.pem
expect 2 $? "roots that are on the set"
grep -q "roots.pem: is on the set itself" err || fail "roots on the set: $(cat err)"
rm tape/roots.pem
(cd tape/data/time && openssl ts -verify -data "$name.checkpoint" -in "$name.tsr" -CAfile "$TEST_DIR/roots.pem") >out 2>&1 || fail "openssl: $(cat out)"
(cd tape/data/time && sha512sum -c --quiet renewal-1.sha512) || fail "sha512sum"
for sh in dash "bash --posix"; do
    checked "$sh" tape --tsa-roots roots.pem >out 2>&1 || fail "$sh: $(cat out)"
    tail -n 1 out | grep -q ", 4 time stamps, .*: 0 failed$" || fail "$sh: $(cat out)"
    expect 4 "$(grep -c ': the time stamp holds$' out)" "$sh: stamps that hold ($(cat out))"
    grep -q "^the first [0-9]* entries are those of data/time/$name.checkpoint$" out || fail "$sh: $(cat out)"
    grep -q "^not bound" out && fail "$sh: $(cat out)"
done
# Sets of before there were any are whole; so is one of which the vault had lost its stamps.
tape_verify bare --tsa-roots roots.pem || fail "a set without stamps: $(cat out)"
checked dash bare --tsa-roots roots.pem >out 2>&1 || fail "a set without stamps, by script: $(cat out)"
rm -rf old && cp -a tape old && rm -r old/data/time && manifests_anew old
sed -i '/^Payload-Oxum/d' old/bag-info.txt && manifests_anew old
tape_verify old --tsa-roots roots.pem || fail "a set of an older program: $(cat out)"
grep -q "^0 of the 4 time stamps" out || fail "a set of an older program: $(cat out)"
checked dash old --tsa-roots roots.pem >out 2>&1 || fail "a set of an older program, by script: $(cat out)"
# A stranger's roots.
tape_verify tape --tsa-roots two/roots.pem
expect 1 $? "roots that do not vouch for one"
grep -q "^FAILED stamp: data/time/$name.tsr: time/$name.tsr: the time stamp does not verify: .*self-signed certificate.* (its anchor is entry $anchor)$" out || fail "a stranger: $(cat out)"

# Forged, with manifests made anew: named by the script and by the program.
PACKAGE=$TEST_DIR/tape FORGED_OPTIONS="--tsa-roots $TEST_DIR/roots.pem"
t=data/time/$name
named() { # PATTERN: by the program, in what forged left
    sed -i '/^Payload-Oxum/d' forged/bag-info.txt && manifests_anew forged
    tape_verify forged --tsa-roots roots.pem
    expect 1 $? "the program: $(cat out)"
    grep -Eq "^FAILED $1" out || fail "the program, not '$1': $(cat out)"
}
forged "a bit of a token" "stamp: $t.tsr: " flip "$t.tsr" 150
grep -q "^FAILED anchor: $t.tsr: is not the reply" out || fail "the anchor of a changed token: $(cat out)"
named "stamp: $t.tsr: time/$name.tsr is not the reply that the anchor has \(its anchor is entry $anchor\)"
another_token() { # a true one, of another day
    openssl ts -query -data "$t.checkpoint" -sha512 -cert -out "$t.tsq" 2>/dev/null
    (cd "$TEST_DIR/one" && openssl ts -reply -config tsa.cnf -queryfile "$TEST_DIR/forged/$t.tsq" -out "$TEST_DIR/forged/$t.tsr" 2>/dev/null)
}
forged "another token over the same" "anchor: $t.tsr: is not the reply that its anchor entry has" another_token
named "stamp: $t.tsr: time/$name.tsr is not the reply that the anchor has"
forged "a bit of what was stamped" "(signature|checkpoint|stamp): $t.(checkpoint|tsr): " flip "$t.checkpoint" 60
named "stamp: $t.tsr: time/$name.checkpoint"
forged "no checkpoint of a stamp" "missing: $t.checkpoint: " rm "$t.checkpoint"
named "stamp: $t.tsr: time/$name.checkpoint: the file is missing"
forged "a list that a renewal has" "renewal: $name.crl: is not what was written" flip "$t.crl" 300
named "stamp: $t.tsr: time/$name.crl is not the revocation list that the anchor has"
forged "a renewal's list cut short" "stamp: data/time/renewal-1.tsr: openssl ts -verify does not take it" sed -i 1d data/time/renewal-1.sha512
named "stamp: data/time/renewal-1.tsr: time/renewal-1.tsr: the time stamp request is over other bytes"
forged "a list that leads elsewhere" "renewal: data/time/renewal-1.sha512: lists what is no file of a renewal" sed -i '1s|  .*|  ../../bag-info.txt|' data/time/renewal-1.sha512
piped() { rm "$t.tsq" && mkfifo "$t.tsq"; }
rm -rf forged && cp -a tape forged && (cd forged && piped)
timeout 60 "$FUMIKURA" tape verify forged --tsa-roots roots.pem >out 2>err
expect 1 $? "a pipe in place of a request: $(cat out)"
grep -q "^FAILED type: $t.tsq" out || fail "a pipe: $(cat out)"
chained_anew() { python3 - data/ledger/000000000000.txt <<'PY'
import hashlib, re, sys # and a checkpoint that goes along is taken away: what is left are the stamps
lines = open(sys.argv[-1], "rb").read().splitlines(keepends=True)
lines[2] = lines[2].replace(b"kind=mail", b"kind=mall")
for i in range(3, len(lines)):
    lines[i] = re.sub(rb"prev=[0-9a-f]{64}", b"prev=" + hashlib.sha256(lines[i - 1]).hexdigest().encode(), lines[i], count=1)
open(sys.argv[-1], "wb").write(b"".join(lines))
info = open("bag-info.txt").read()
open("bag-info.txt", "w").write(re.sub(r"Fumikura-Head: .*", "Fumikura-Head: " + hashlib.sha256(lines[-1]).hexdigest(), info))
PY
    rm -r data/log
}
forged "a ledger chained anew" "fork: data/ledger: the first [0-9]* entries are not those that were signed in $t.checkpoint" chained_anew
named "stamp: $t.tsr: time/$name.checkpoint was stamped over another ledger: the root of the first [0-9]+ entries is not its root"

# What is damaged in the vault is told and left out; the mail goes onto the set all the same.
cp "v/time/$name.tsr" kept.tsr
flip "v/time/$name.tsr"
fk tape write --to left >out 2>err || fail "tape write with a damaged stamp: $(cat err)"
grep -q "^fumikura: a time stamp is left out: entry $anchor: time/$name.tsr is not the reply that the anchor has$" err || fail "what is left out: $(cat err)"
tape_verify left --tsa-roots roots.pem || fail "the set: $(cat out)"
grep -q "^1 of the 4 time stamps" out || fail "renewals list what is left out: $(cat out)"
cp kept.tsr "v/time/$name.tsr"

# Back into a vault, a damaged copy from another set; there they hold as they did.
cp -a tape rotten
flip "rotten/data/time/$name.tsr"
"$FUMIKURA" tape restore rotten tape --keys v --to w >out 2>err || fail "restore: $(cat err)"
grep -q "rotten/data/time/$name.tsr: is not what the set's manifest lists" err || fail "a damaged copy: $(cat err)"
diff -r tape/data/time w/time >out || fail "what came back: $(cat out)"
grep -q "^$(ls w/time | wc -l) files of time stamps came with it$" <("$FUMIKURA" tape restore tape --keys v --to x) || fail "what is told"
V=w
fk checkpoint >/dev/null || fail "the log of the restored vault"
fk verify --json >out 2>err || fail "verify of the restored vault: $(cat out)"
expect 4 "$(jq -s '[.[].stamp // empty | select(.verdict == "holds")] | length' out)" "stamps that hold after the restore"
# And onto the next tape, where the older ones are of a log before the restore.
kept 5
fk timestamp >out 2>err || fail "timestamp: $(cat err)"
fk tape write --to next >out 2>err || fail "a tape of the restored vault: $(cat err)"
fk tape verify next >out || fail "its verification: $(cat out)"
fk checkpoint --key >"$KEY"
checked dash next --tsa-roots roots.pem >out 2>&1 || fail "its script: $(cat out)"
grep -q "^not checked: the signature of data/time/$name.checkpoint, which is of another log" out || fail "of another log: $(cat out)"
tail -n 1 out | grep -q ", 6 time stamps, .*: 0 failed$" || fail "its script: $(cat out)"
