#!/usr/bin/env bash
# a key from a signed zone is kept as secure, from an unsigned one as insecure, and a forged one is bogus and verifies nothing
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/auth.sh"
cd "$TEST_DIR" || exit 1
command -v nsd >/dev/null && command -v ldns-signzone >/dev/null || { echo "SKIP nsd and ldnsutils are not here"; exit 77; }
for d in signed plain forged; do DNS_PORT=0 key_new $d.example s1 2048; done
record() { sed -n "s/^s1._domainkey.$1.example TXT //p" zone | fold -w 200 | sed 's/.*/"&"/' | xargs -d '\n' echo; }
zone_of() {
    cat <<Z
\$ORIGIN $1.example.
@ 60 IN SOA ns.$1.example. admin.$1.example. 1 3600 600 86400 60
@ 60 IN NS ns.$1.example.
ns 60 IN A 127.0.0.1
s1._domainkey 60 IN TXT ( $(record $1) )
Z
}
for d in signed plain forged; do zone_of $d >$d.zone; done
# One root of trust for both signed zones: their own keys.
for d in signed forged; do
    key=$(ldns-keygen -a ECDSAP256SHA256 -k $d.example 2>/dev/null) || fail "ldns-keygen"
    ldns-signzone -f $d.signed $d.zone "$key" || fail "ldns-signzone"
    cat "$key.key" >>anchor
done
# The forged one: a record is exchanged after it was signed.
sed -i '/IN[[:space:]]*TXT/s/v=DKIM1; k=rsa; /v=DKIM1; k=rsa; t=y; /' forged.signed
grep -q 't=y' forged.signed || fail "nothing was forged"
cat >nsd.conf <<C
server:
  ip-address: 127.0.0.1@PORT
  username: ""
  chroot: ""
  database: ""
  zonelistfile: "$TEST_DIR/zone.list"
  xfrdfile: "$TEST_DIR/xfrd.state"
  pidfile: "$TEST_DIR/nsd.pid"
  zonesdir: "$TEST_DIR"
  logfile: "$TEST_DIR/nsd.log"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: signed.example
  zonefile: signed.signed
zone:
  name: plain.example
  zonefile: plain.zone
zone:
  name: forged.example
  zonefile: forged.signed
C
# nsd cannot take any free port, so one is looked for.
for try in 1 2 3 4 5; do
    DNS_PORT=$((20000 + RANDOM % 20000))
    sed "s/PORT/$DNS_PORT/" nsd.conf >nsd.here
    nsd -d -c nsd.here 2>nsd.err &
    NSD=$!
    sleep 1
    kill -0 $NSD 2>/dev/null && break
done
kill -0 $NSD || fail "nsd: $(cat nsd.err nsd.log)"
at_exit 'kill $NSD; wait $NSD 2>/dev/null'
auth_vault auth-anchor "\"$TEST_DIR/anchor\""
server_start
for d in signed plain forged; do
    printf 'From: t@%s.example\nSubject: x\nDate: Tue, 24 Nov 2026 10:00:00 +0900\n\nbody\n' $d | sign $d.example s1 >$d.eml
    seq=$(send $d.eml | sed -n 's/.*seq=\([0-9]*\).*/\1/p')
    checked "$seq"
    case $d in signed) want="pass secure" ;; plain) want="pass insecure" ;; forged) want="temperror bogus" ;; esac
    expect "$want" "$(auth '"\(.dkim[0].result) \(.dns[] | select(.name | startswith("s1.")) | .dnssec)"')" $d
done
server_stop
verify_clean "the checks"
