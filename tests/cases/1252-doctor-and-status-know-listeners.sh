#!/usr/bin/env bash
# doctor says what is wrong with a listener's certificate before it hurts; status and addresses.json show listeners
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/certificates.sh"
ca_new ca
certificate_new ca server DNS:mail.example.jp 60
certificate_new ca soon DNS:mail.example.jp 5
chmod 600 "$TLS"/*.key
vault_new
listener border 'tls = "starttls"' 'source = "border"' "$(with_certificate)"
listener plain 'protocol = "lmtp"'
listener handed 'address = {}'
told() { # verdict, text: a line of doctor's about the listener
    fk doctor >"$TEST_DIR/doctor"
    grep -q "^$1 *listener $2" "$TEST_DIR/doctor" || { cat "$TEST_DIR/doctor"; fail "no '$1 listener $2'"; }
}
listener door 'address = {"0.0.0.0:0"}'
listener guarded 'address = {"0.0.0.0:0"}' 'allow = {"192.0.2.0/24"}'
told warning 'door: 0.0.0.0:0: whoever reaches it may deliver'
grep -q 'listener guarded: .*whoever' "$TEST_DIR/doctor" && fail "a listener with a list is no open door"
told good 'border: .*server.pem: .*CN=server, good until 20'
told good 'plain: 127.0.0.1:0 is free'
told warning 'handed: no address'
status() { fk status --json | jq -c "$1"; }
expect '["border","smtp","starttls","border",[]]' "$(status '.listeners[0] | [.name,.protocol,.tls,.source,.addresses]')" "status without a server"
expect 'null' "$(status '.listeners[0].certificate.trouble')" "its certificate"
expect 'null' "$(status '.listeners[1].certificate')" "no certificate"

chmod 644 "$TLS/server.key"
told warning 'border: .*server.key: anybody may read it'
cp "$TLS/soon.pem" "$TLS/server.pem"
told bad 'border: .*not that of'
cp "$TLS/soon.key" "$TLS/server.key"
told warning 'border: .*renew it soon'
openssl x509 -req -in "$TLS/soon.csr" -CA "$TLS/ca.pem" -CAkey "$TLS/ca.key" -set_serial 9 -days -1 -out "$TLS/server.pem" >/dev/null 2>&1 ||
    openssl x509 -req -in "$TLS/soon.csr" -CA "$TLS/ca.pem" -CAkey "$TLS/ca.key" -set_serial 9 -not_before 20200101000000Z -not_after 20200201000000Z \
        -out "$TLS/server.pem" >/dev/null 2>&1 || fail "openssl made no certificate that has ended"
told bad 'border: .*ended at'
rm "$TLS/server.pem"
told bad 'border: .*the certificate: No such file'
fk doctor >/dev/null && fail "doctor is content"
fk status >"$TEST_DIR/status" || fail status
grep -q '^listener border: smtp, tls starttls, source border; .*No such file' "$TEST_DIR/status" || fail "$(cat "$TEST_DIR/status")"

cp "$TLS/soon.pem" "$TLS/server.pem"
sed -i '/^listener "handed"/,/^}/d' "$V/fumikura.conf"
server_start
expect '"127.0.0.1"' "$(status '.listeners[0].addresses[0] | split(":")[0]')" "status of a server"
expect "$(at plain)" "$(fk status --json | jq -r '.listeners[1].addresses[0]')" "its address"
grep -q . <<<"$(fk status | grep "^listener plain: lmtp, tls off, source mail, $(at plain)\$")" || fail "$(fk status)"
server_stop
