#!/usr/bin/env bash
# a stamp by what is no authority, for another request, by a revoked one, before what it covers: refused, and found later; renewal in time rescues
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/authority.sh"
cd "$TEST_DIR" || exit 1
own_mails
vault_new
by() { config timestamp "\"$(authority_url "$1")\""; }
judge() { config timestamp-roots "\"${1-$TEST_DIR/roots.pem}\""; }
stamped() { # JSON FIELD of the stamp that is made now
    fk timestamp --json >made 2>err || fail "timestamp: $(cat err)"
    name=$(jq -r .stamp made) entry=$(jq .entry made)
}
files() { ls v/time 2>/dev/null | wc -l; }
refused() { # SENTENCE: nothing is written, nothing anchored
    local before next
    before=$(files) next=$(fk status --json | jq .next)
    fk timestamp >out 2>err
    expect 1 $? "$1: exit status ($(cat err))"
    grep -Eq "$1" err || fail "$1: $(cat err)"
    expect "$before" "$(files)" "$1: files after a refusal"
    expect "$next" "$(fk status --json | jq .next)" "$1: entries after a refusal"
}
found() { # ENTRY SENTENCE: at that anchor, and nowhere else
    fk verify >out 2>&1
    expect 1 $? "$2: exit status of verify"
    expect 1 "$(grep -c ' check stamp: ' out)" "$2: findings ($(grep check out))"
    grep -Eq "^entry $1 segment [0-9]+ check stamp: $2" out || fail "$2: $(grep check out)"
}
whole() { fk verify >out 2>&1 || fail "verify ($1): $(cat out)"; }
fk import mails/*.eml >/dev/null || fail "import"

# Certificates that are not, or not only, for time stamps. Unjudged they are taken; with roots they are refused, and found.
for usage in no-usage soft-usage two-usages; do
    authority $usage $usage 3650
    cp $usage/roots.pem roots.pem
    by $usage
    judge
    refused "$(authority_url $usage): the time stamp does not verify: (Verify error:)?unsuitable certificate purpose"
    judge ""
    stamped
    whole "nobody is judged"
    judge
    found "$entry" "time/$name.tsr: the time stamp does not verify: (Verify error:)?unsuitable certificate purpose"
    rm -r v && vault_new && fk import mails/*.eml >/dev/null || fail "a new vault"
done

# The reply to another request, by nonce; a request that asked for another policy.
authority nonce nonce 3650
authority one good 30
authority two good 3650
authority listed crl 3650
cat nonce/roots.pem one/roots.pem two/roots.pem listed/roots.pem >roots.pem
judge
by nonce
refused "$(authority_url nonce): the time stamp does not verify: .*nonce mismatch"
by one
stamped
data=v/time/$name.checkpoint
cp "v/time/$name.tsq" kept
openssl ts -query -data "$data" -sha512 -cert -out "v/time/$name.tsq" 2>/dev/null || fail "openssl ts -query"
found "$entry" "time/$name.tsr: the time stamp does not verify: .*nonce mismatch"
openssl ts -query -data "$data" -sha512 -cert -no_nonce -tspolicy 1.2.3.4.9 -out "v/time/$name.tsq" 2>/dev/null || fail "openssl ts -query"
found "$entry" "time/$name.tsr: the time stamp does not verify: .*policy mismatch"
openssl ts -query -data "$data" -sha512 -cert -no_nonce -tspolicy 1.2.3.4.1 -out "v/time/$name.tsq" 2>/dev/null || fail "openssl ts -query"
whole "the policy that the reply has"
openssl ts -query -data "$data" -sha256 -cert -no_nonce -out "v/time/$name.tsq" 2>/dev/null || fail "openssl ts -query"
found "$entry" "time/$name.tsr: the time stamp request is over other bytes"
{ cat kept; printf x; } >"v/time/$name.tsq"
found "$entry" "time/$name.tsr: the time stamp request cannot be read"
cp kept "v/time/$name.tsq"
whole "the request put back"

# The authority's clock. Within five minutes: clocks differ. Before what the stamp is over: it is made, with a warning, and found.
received=$(fk show 2 --entry | sed 's/.* time=\([^ ]*\).*/\1/')
by two
echo -200 >two/offset
stamped
grep -q "clock" err && fail "200 seconds: $(cat err)"
whole "a clock that is 200 s off"
echo -3600 >two/offset
stamped
grep -Eq "this machine's clock is (3[56][0-9]{2}) s ahead of that of $(authority_url two): \"verify\" will find" err || fail "3600 seconds: $(cat err)"
size=$(jq .size made)
found "$entry" "time/$name.tsr says [-0-9T:.]+Z, before entry $((size - 1)) under it was received \([-0-9T:.]+Z\)"
echo 3600 >two/offset
rm -r v/time v && vault_new && fk import mails/*.eml >/dev/null || fail "a new vault"
judge
by two
stamped
grep -q "this machine's clock is 3[56].. s behind that of " err || fail "an authority that is ahead: $(cat err)"
whole "an authority that is ahead"
# A certificate is judged at the time that the stamp says.
by one
echo $((31 * 86400)) >one/offset
refused "$(authority_url one): the time stamp does not verify: .*certificate has expired"
echo $((-4000 * 86400)) >one/offset
refused "$(authority_url one): the time stamp does not verify: .*certificate is not yet valid"
rm one/offset two/offset

# Revoked, as the list says that came after the stamp (RFC 3161, section 4).
revoked() { # WORD SENTENCE, "" for none
    rm -rf v && vault_new && fk import mails/*.eml >/dev/null || fail "a new vault"
    judge
    by listed
    rm -f listed/revoke
    touch listed/no-crl
    stamped
    [ ! -e "v/time/$name.crl" ] || fail "a list out of nothing"
    whole "no list yet"
    rm listed/no-crl
    echo "$1" >listed/revoke
    local anchor=$entry stamp=$name
    by one
    fk timestamp >out 2>err || fail "timestamp by another: $(cat err)"
    [ -e "v/time/$stamp.crl" ] || fail "the list was not fetched ($1): $(cat err)"
    if [ -n "$2" ]; then
        grep -Eq "time/$stamp does not hold any more: $2" err || fail "what is told of a list ($1): $(cat err)"
        found "$anchor" "time/$stamp.tsr: $2"
        grep -Eq "^stamp $stamp by CN=Authority of a test at .*: does not hold: time/$stamp.tsr: $2" out || fail "the report ($1): $(cat out)"
    else
        whole "revoked afterwards ($1)"
        grep -q "^2 time stamps hold, 0 do not" out || fail "revoked afterwards ($1): $(cat out)"
    fi
}
past=$(date -u -d '-1 day' +%y%m%d%H%M%SZ) later=$(date -u -d '+1 day' +%y%m%d%H%M%SZ)
who="the certificate of CN=Authority of a test was revoked [-0-9T:.]+Z"
revoked "$past,superseded" "$who"
revoked "$past" "$who"
revoked "$later,superseded" ""
revoked "$later,cessationOfOperation" ""
revoked "$later,affiliationChanged" ""
revoked "$later,keyCompromise" "$who, for a reason that says nothing good of its key"
revoked "$later,CACompromise" "$who, for a reason that says nothing good of its key"
revoked "$later" "$who, for a reason that says nothing good of its key"
# A list that a stranger signed, and one of which the first line was damaged, say nothing; they are no lists.
stamp=$(ls v/time/*.crl) stamp=${stamp##*/}
(cd two && touch index.txt && openssl ca -config tsa.cnf -name own -gencrl -crldays 30 -out list.pem 2>/dev/null) || fail "a stranger's list"
anchor=$(fk verify | sed -n "s/^stamp ${stamp%.crl} .* anchor \([0-9]*\): .*/\1/p")
cp "v/time/$stamp" kept
cp two/list.pem "v/time/$stamp"
found "$anchor" "time/${stamp%.crl}.tsr: the revocation list of CN=Root of a test is not signed by anybody of the chain"
{ openssl crl -in kept -text; } >"v/time/$stamp"
found "$anchor" "time/${stamp%.crl}.tsr: (the revocation lists cannot be read|$who)"

# Renewal: sixty days on the certificate of the first stamp has ended.
rm -rf v && vault_new && fk import mails/*.eml >/dev/null || fail "a new vault"
judge
by one
stamped
first=$name
on() { FUMIKURA_TEST_CLOCK=+$((60 * 86400000)) fk verify "$@"; }
ended() { # WHEN: nothing rescues it
    on >out 2>&1
    expect 1 $? "sixty days on, $1"
    grep -Eq "check stamp: the certificates of time/$first.tsr ended at [-0-9T:.]+Z, and nothing that holds vouched for it before" out || fail "$1: $(cat out)"
}
holds() { # BY
    on --json >out 2>err || fail "sixty days on, vouched for by $1: $(cat out)"
    expect "renewed $1" "$(jq -r --arg n "$first" '.stamp // empty | select(.name == $n) | .verdict + " " + .by' out)" "the verdict"
}
whole "today"
ended "alone"
by two
echo $((31 * 86400)) >two/offset
stamped
ended "a stamp that came too late"
fk timestamp --renew >out 2>err || fail "renew: $(cat err)"
ended "a renewal that came too late"
rm two/offset
stamped
holds "$name"
fk timestamp --renew --json >made 2>err || fail "renew: $(cat err)"
renewal=$(jq -r .stamp made)
holds "$renewal"
# So a stranger has it: the first is refused today, the renewal and the list it is over are not.
then=$(date -d '+60 days' +%s)
openssl ts -verify -data "v/time/$first.checkpoint" -in "v/time/$first.tsr" -CAfile roots.pem -attime "$then" >out 2>&1 && fail "openssl took what has ended"
openssl ts -verify -data "v/time/$renewal.sha512" -in "v/time/$renewal.tsr" -CAfile roots.pem -attime "$then" >out 2>&1 || fail "openssl: $(cat out)"
grep -q "  $first.tsr\$" "v/time/$renewal.sha512" && (cd v/time && sha512sum -c --quiet "$renewal.sha512") || fail "the list"
# One that does not hold vouches for nothing.
rm v/time/"$name".*
cp "v/time/$renewal.sha512" kept
sed -i '1d' "v/time/$renewal.sha512"
ended "a renewal whose list was changed"
cp kept "v/time/$renewal.sha512"

# The server does it by itself when a certificate nears its end, and asks the authority that gains something by it.
rm -rf v && vault_new && fk import mails/*.eml >/dev/null || fail "a new vault"
judge
config timestamp "{\"$(authority_url one)\", \"$(authority_url two)\"}"
config timestamp-renewal '"10 d"'
server_start
wait_for 60 eval '[ "$(ls v/time/*.tsr | wc -l)" = 2 ]' || fail "no stamps: $(tail -n 5 "$SERVER_LOG")"
wait_for 60 eval 'fk status | grep -q "^renewal of time stamps: not due"' || fail "status: $(fk status)"
ls v/time/renewal-* >/dev/null 2>&1 && fail "a renewal thirty days before the end"
server_stop
server_start env FUMIKURA_TEST_CLOCK=+$((21 * 86400000))
wait_for 60 test -e v/time/renewal-1.tsr || fail "no renewal nine days before the end: $(tail -n 5 "$SERVER_LOG")"
wait_for 60 grep -q "time stamps were renewed: renewal-1" "$SERVER_LOG" || fail "what is told: $(tail -n 5 "$SERVER_LOG")"
server_stop
openssl ts -verify -data v/time/renewal-1.sha512 -in v/time/renewal-1.tsr -CAfile two/roots.pem >out 2>&1 || fail "by whom: $(cat out)"
fk verify >out 2>&1
first=$(ls v/time/*.tsr | grep -v renewal | head -n 1) first=${first##*/} first=${first%.tsr}
[ "$(grep -c "  .*tsr\$" v/time/renewal-1.sha512)" -ge 2 ] || fail "what is listed: $(cat v/time/renewal-1.sha512)"
