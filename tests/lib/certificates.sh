# certificates.sh - for cases: a CA and what it signs, by openssl, in $TEST_DIR/tls.
#
#     . "$ROOT/tests/lib/certificates.sh"
#     ca_new ca                              ca.pem, ca.key
#     certificate_new ca server DNS:mail.example.jp [DAYS]   server.pem (with its chain), server.key
#     fingerprint server                     SHA-256 in hex
TLS=$TEST_DIR/tls
mkdir -p "$TLS"
ca_new() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$TLS/$1.key" -out "$TLS/$1.pem" \
        -subj "/O=Example/CN=$1" -days 30 >/dev/null 2>&1 || fail "openssl made no CA"
}
certificate_new() { # ca, name, subject alternative name, days
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$TLS/$2.key" -out "$TLS/$2.csr" \
        -subj "/O=Example/CN=$2" >/dev/null 2>&1 &&
        openssl x509 -req -in "$TLS/$2.csr" -CA "$TLS/$1.pem" -CAkey "$TLS/$1.key" -CAcreateserial -days "${4:-30}" \
            -extfile <(echo "subjectAltName=$3") -out "$TLS/$2.crt" >/dev/null 2>&1 || fail "openssl made no certificate"
    cat "$TLS/$2.crt" "$TLS/$1.pem" >"$TLS/$2.pem.new" && mv "$TLS/$2.pem.new" "$TLS/$2.pem"
    chmod 644 "$TLS/$2.key" # a private Postfix reads it as its own user; $TEST_DIR goes with the test
}
fingerprint() { openssl x509 -in "$TLS/$1.crt" -outform DER | sha256sum | cut -d ' ' -f 1; }
# listener NAME KEY=VALUE...: a section of fumikura.conf; NAME listens on 127.0.0.1, any port.
listener() {
    local name=$1
    shift
    {
        echo "listener \"$name\" {"
        case "$*" in *address*) ;; *) echo '  address = {"127.0.0.1:0"}' ;; esac
        printf '  %s\n' "$@"
        echo "}"
    } >>"$V/fumikura.conf"
}
# with_certificate: the lines of a section that name the server's.
with_certificate() { printf 'certificate = "%s"\nkey = "%s"\n' "$TLS/server.pem" "$TLS/server.key"; }
at() { jq -er --arg n "$1" '.listeners[$n].addresses[0]' "$V/run/addresses.json"; }
