#!/usr/bin/env bash
# swaks delivers over STARTTLS and implicit TLS, with and without a client certificate; the envelope says how
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/certificates.sh"
ca_new ca
ca_new other
certificate_new ca server DNS:mail.example.jp
certificate_new ca client DNS:mta.example.jp
certificate_new ca second DNS:second.example.jp
certificate_new other stranger DNS:mta.example.jp
ca_new self # signs itself, and is its own CA
cat "$TLS/ca.pem" "$TLS/self.pem" >"$TLS/both.pem"
vault_new
lines=$(with_certificate)
listener offered 'tls = "starttls"' "$lines"
listener required 'tls = "required"' "$lines" 'source = "border"' 'floor = "P3Y"'
listener implicit 'tls = "implicit"' "$lines"
listener lmtp-tls 'protocol = "lmtp"' 'tls = "starttls"' "$lines"
listener certified 'tls = "required"' "$lines" "client-ca = \"$TLS/ca.pem\"" 'clients = {"mta.example.jp"}'
listener by-print 'tls = "implicit"' "$lines" "client-ca = \"$TLS/ca.pem\"" "clients = {\"$(fingerprint second)\"}"
listener self-signed 'tls = "implicit"' "$lines" "client-ca = \"$TLS/both.pem\"" 'clients = {"self", "else.example"}'
server_start

try() { # expected reply, listener, swaks options
    local want=$1 to=$2
    shift 2
    swaks --server "$(at "$to")" --from a@example.jp --to b@example.jp --body one --timeout 20 "$@" >"$TEST_DIR/out" 2>&1
    grep -q -- "$want" "$TEST_DIR/out" || { cat "$TEST_DIR/out"; fail "$to: no '$want': swaks $*"; }
}
kept='250 2.0.0 kept seq='
envelope() { # a line that the last message's must have
    fk show "$(seq_of <"$TEST_DIR/out")" --envelope >"$TEST_DIR/envelope"
    grep -q -- "$1" "$TEST_DIR/envelope" || { cat "$TEST_DIR/envelope"; fail "the envelope has no '$1'"; }
}
lacks() { ! grep -q -- "$1" "$TEST_DIR/envelope" || { cat "$TEST_DIR/envelope"; fail "the envelope has '$1'"; }; }

try "$kept" offered
envelope '^listener-name: offered$'
lacks '^tls:'
lacks '^journal:' # being on this machine is no ground for trust
try "$kept" offered --tls
envelope '^tls: TLSv1.3 TLS_AES_256_GCM_SHA384$'
lacks '^tls-client'
try "$kept" offered --tls --tls-protocol tlsv1_2
envelope '^tls: TLSv1.2 ECDHE-'
try 'TLS startup failed\|no protocols available' offered --tls --tls-protocol tlsv1_1
try '450 4.7.0 say STARTTLS first' required
try "$kept" required --tls
seq=$(seq_of <"$TEST_DIR/out")
fk show "$seq" --entry | grep -q 'source=border floor=P3Y' || fail "$(fk show "$seq" --entry)"
try "$kept" implicit --tls-on-connect
envelope '^tls: TLSv1.3'
swaks --server "$(at lmtp-tls)" --protocol LMTP --tls --from a@example.jp --to b@example.jp,c@example.jp --timeout 20 >"$TEST_DIR/out" 2>&1
expect 2 "$(grep -c "$kept" "$TEST_DIR/out")" "answers by LMTP over TLS"
envelope '^via: lmtp$'

# Client certificates: by CA and name, by CA and fingerprint.
ours=(--tls-cert "$TLS/client.pem" --tls-key "$TLS/client.key")
second=(--tls-cert "$TLS/second.pem" --tls-key "$TLS/second.key")
try '450 4.7.0 say STARTTLS' certified
try '450 4.7.1 a client certificate is needed' certified --tls
try '450 4.7.1' certified --tls "${second[@]}" # of the CA, and not the name
try "$kept" certified --tls "${ours[@]}"
envelope '^tls-client: CN=client,O=Example$'
envelope "^tls-client-sha256: $(fingerprint client)\$"
try "$kept" by-print --tls-on-connect "${second[@]}"
try '450 4.7.1' by-print --tls-on-connect "${ours[@]}"
try "$kept" self-signed --tls-on-connect --tls-cert "$TLS/self.pem" --tls-key "$TLS/self.key"
envelope '^tls-client: CN=self,O=Example$'
try '450 4.7.1' self-signed --tls-on-connect "${ours[@]}"
before=$(fk status --json | jq .next)
swaks --server "$(at certified)" --from a@example.jp --to b@example.jp --tls --tls-cert "$TLS/stranger.pem" --tls-key "$TLS/stranger.key" \
    --timeout 20 >"$TEST_DIR/out" 2>&1 && fail "a certificate of another CA delivered"
grep -q 'TLS: ' "$SERVER_LOG" || fail "the log does not say that a handshake failed: $(cat "$SERVER_LOG")"
expect "$before" "$(fk status --json | jq .next)" "entries after a certificate of another CA"
server_stop
fk verify >/dev/null || fail verify
