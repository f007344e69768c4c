#!/usr/bin/env bash
# SIGHUP makes the receiver read certificates again: a wrong one is told and the old one stays, a connection goes on
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/certificates.sh"
ca_new ca
certificate_new ca server DNS:mail.example.jp
certificate_new ca next DNS:mail.example.jp
vault_new
listener tls 'tls = "implicit"' "$(with_certificate)"
server_start
shown() { # fingerprint of what a client is shown
    openssl s_client -connect "$(at tls)" </dev/null 2>/dev/null | openssl x509 -outform DER 2>/dev/null | sha256sum | cut -d ' ' -f 1
}
serial() { wc -l <"$SERVER_LOG"; }
again() { # what the log must say then
    local from
    from=$(serial)
    kill -HUP "$SERVER"
    said() { tail -n +$((from + 1)) "$SERVER_LOG" | grep -q -- "$1"; }
    wait_for 20 said "$1" || fail "after SIGHUP the log does not say '$1': $(tail -n 5 "$SERVER_LOG")"
}
expect "$(fingerprint server)" "$(shown)" "the certificate at first"
receiver=$(role_pid receive)
# A connection with a message half way, across all of it.
cat >"$TEST_DIR/client.py" <<'PY'
import os, sys, time
from rawsmtp import Client, GROUP
c = Client(sys.argv[1], tls=True)
c.say(GROUP, "250", "250", "354")
c.s.sendall(b"first half\r\n")
open(sys.argv[2] + "/half", "w").close()
while not os.path.exists(sys.argv[2] + "/go"):
    time.sleep(0.05)
c.say(b"second half\r\n.\r\n", "250 2.0.0 kept")
c.say(b"QUIT\r\n", "221")
PY
PYTHONPATH=$ROOT/tests/lib timeout 120 python3 "$TEST_DIR/client.py" "$(at tls)" "$TEST_DIR" &
client=$!
wait_for 20 test -e "$TEST_DIR/half" || fail "the client did not get so far"

cp "$TLS/server.key" "$TLS/server.key.old"
cp "$TLS/server.pem" "$TLS/server.pem.old"
# The certificate without its key, half a file, nothing, no file: the old one stays each time.
cp "$TLS/next.pem" "$TLS/server.pem"
again 'listener "tls": .*not that of.*the certificate that was read before stays in use'
expect "$(fingerprint server)" "$(shown)" "the certificate after one without its key"
head -c 200 "$TLS/next.pem" >"$TLS/server.pem"
again 'no certificate in PEM form'
: >"$TLS/server.pem"
again 'no certificate in PEM form'
rm "$TLS/server.pem"
again 'the certificate: No such file'
mkdir "$TLS/server.pem"
again 'stays in use'
rmdir "$TLS/server.pem"
expect "$(fingerprint server)" "$(shown)" "the certificate after no file"
# Key with a passphrase: nobody is asked, and nothing waits.
cp "$TLS/server.pem.old" "$TLS/server.pem"
openssl ec -in "$TLS/server.key.old" -aes128 -passout pass:secret -out "$TLS/server.key" 2>/dev/null
again 'no key in PEM form without a passphrase'
expect "$(fingerprint server)" "$(shown)" "the certificate after a key with a passphrase"
# The next one, whole.
cp "$TLS/next.pem" "$TLS/server.pem"
cp "$TLS/next.key" "$TLS/server.key"
again 'listener "tls": the certificate was read again'
expect "$(fingerprint next)" "$(shown)" "the certificate after the next one"

touch "$TEST_DIR/go"
wait $client || fail "the connection did not outlive it"
expect "$receiver" "$(role_pid receive)" "the receiver's process id"
server_stop
fk verify >/dev/null || fail verify
# A server does not begin with what is wrong, and says what.
cp "$TLS/server.key.old" "$TLS/server.key"
fk serve >"$TEST_DIR/out" 2>&1 && fail "it began with a key that is not the certificate's"
grep -q 'listener "tls".*not that of' "$TEST_DIR/out" || fail "$(cat "$TEST_DIR/out")"
