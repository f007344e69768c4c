#!/usr/bin/env bash
# two authorities stamp side by side, one away keeps the other from nothing; revocation lists are kept; strangers check a renewal
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/authority.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
authority one good
authority two crl
cat one/roots.pem two/roots.pem >roots.pem
away='"http://127.0.0.1:1/tsr"' one="\"$(authority_url one)\"" two="\"$(authority_url two)\""
config timestamp-roots "\"$TEST_DIR/roots.pem\""
fk import mails/*.eml >/dev/null || fail "import"

# One is away: the others stamp, the exit status says so, status and doctor name it.
config timestamp "{$away, $one, $two}"
fk timestamp --json >made 2>err
expect 75 $? "one of three is away"
expect 2 "$(wc -l <made)" "stamps by the two others"
expect 2 "$(ls v/time/*.tsr | wc -l)" "their files"
fk status --json >status || fail "status"
expect '[null,true,true]' "$(jq -c '[.stamps[].stamp] | map(. and true) | .[0] = (if .[0] then true else null end)' status)" "status by authority"
jq -e '.stamps[0].trouble | contains("127.0.0.1")' status >/dev/null || fail "what is in the way: $(cat status)"
fk doctor >out
grep -q "warning.*time stamps: .*127.0.0.1:1/" out || fail "doctor: $(cat out)"
config timestamp "{$one, $two}"

# The revocation list of the second is kept, bound by the anchor, and openssl reads it.
name=$(sed -n 2p made | jq -r .stamp)
openssl crl -in "v/time/$name.crl" -noout -CAfile two/roots.pem 2>&1 | grep -q "verify OK" || fail "the list that was kept"
fk show "$(sed -n 2p made | jq .entry)" --entry | grep -q " crl=$(sha256sum "v/time/$name.crl" | cut -c 1-64)" || fail "the list in the anchor"
fk verify >out || fail "verify: $(cat out)"
grep -q "^2 time stamps hold, 0 do not$" out || fail "verify says: $(cat out)"
grep -q "^stamp $name by CN=Authority of a test at .* anchor $(sed -n 2p made | jq .entry): holds, its certificates until" out || fail "report: $(cat out)"
fk verify --to 3 >out || fail "verify of a period"
grep -q "^no entry of the period holds a time stamp$" out || fail "a period without: $(cat out)"

# Renewal, and what a stranger does with it.
fk timestamp --renew >out || fail "renew: $(cat out)"
fk timestamp --renew --all >out || fail "renew --all: $(cat out)"
for n in 1 2; do
    (cd v/time && sha512sum -c --quiet "renewal-$n.sha512") || fail "sha512sum -c of renewal-$n"
    openssl ts -verify -data "v/time/renewal-$n.sha512" -in "v/time/renewal-$n.tsr" -CAfile roots.pem >out 2>&1 || fail "openssl ts: $(cat out)"
done
grep -q "  renewal-1.tsr$" v/time/renewal-2.sha512 && grep -q "  renewal-2.entries$" v/time/renewal-2.sha512 || fail "what is listed"
fk verify --json >out || fail "verify after renewal: $(cat out)"
expect 4 "$(jq -s '[.[].stamp // empty | select(.verdict == "holds")] | length' out)" "stamps that hold"

# Ten years on the certificates have ended; the renewals are by the same ones: nothing vouches for any.
FUMIKURA_TEST_CLOCK=+400000000000 fk verify >out
expect 1 $? "verify after all certificates have ended"
grep -q "ended at .*, and nothing that holds vouched for it before" out || fail "ended: $(cat out)"

# One byte of each kind of file, and each gone: named, exit status 1.
attack() { # FILE SENTENCE
    cp "v/time/$1" kept
    python3 -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[len(b) // 2] ^= 1; open(sys.argv[1], "wb").write(b)' "v/time/$1"
    fk verify >out 2>err
    expect 1 $? "verify with a changed $1"
    grep -q "check stamp: .*$2" out || fail "$1 changed: $(grep check out)"
    rm "v/time/$1"
    fk verify >out 2>err
    expect 1 $? "verify without $1"
    grep -q "check stamp: .*$1.*missing" out || fail "$1 gone: $(grep check out)"
    cp kept "v/time/$1"
}
attack "$name.tsr" "is not the reply that the anchor has"
attack "$name.checkpoint" "$name.checkpoint"
attack "$name.crl" "is not the revocation list that the anchor has"
attack renewal-1.sha512 "renewal-1.tsr: the time stamp request is over other bytes"
attack renewal-2.entries "renewal-2.entries is not what was listed"
fk verify >out || fail "put back: $(cat out)"

# Request and reply of another list, and an anchor that does not say which: over other bytes.
cp v/time/renewal-1.sha512 kept && cp v/time/renewal-2.sha512 v/time/renewal-1.sha512
fk verify >out
expect 1 $? "a valid token for another list"
grep -q "anchor .*over other bytes" out || fail "another list: $(cat out)"
cp kept v/time/renewal-1.sha512

# Revoked: refused when it is asked, with the reason, and nothing is written.
touch two/revoke
config timestamp "$two"
before=$(ls v/time | wc -l)
fk timestamp >out 2>err && fail "a revoked authority's stamp was taken"
grep -q "certificate of CN=Authority of a test was revoked" err || fail "revoked: $(cat err)"
expect "$before" "$(ls v/time | wc -l)" "files after a refusal"

# No list to be had: a warning, and the stamp is made; the list is fetched when it can be.
rm two/revoke
touch two/no-crl
fk timestamp --json >made 2>err || fail "without a list: $(cat err)"
grep -q "no revocation list is kept" err || fail "no warning: $(cat err)"
name=$(jq -r .stamp made)
[ -e "v/time/$name.crl" ] && fail "a list out of nothing"
rm two/no-crl
fk timestamp >out 2>err || fail "with a list again: $(cat err)"
[ -e "v/time/$name.crl" ] || fail "the list was not fetched later"
fk verify >out || fail "verify at the end: $(cat out)"
