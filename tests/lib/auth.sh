# auth.sh - for cases of authenticity: a name server of the test's own, keys, signed messages.
#
#     . "$ROOT/tests/lib/server.sh"; . "$ROOT/tests/lib/auth.sh"
#     dns_start                      $TEST_DIR/zone is served (tests/lib/dnsd.py); DNS_PORT
#     zone "NAME TYPE VALUE"...      adds lines
#     key_new DOMAIN SELECTOR        makes a key and puts its record into the zone
#     sign DOMAIN SELECTOR [NAME=VALUE]... <in >out      tests/lib/dkimsign.py (with the system's Python, which has Debian's dkimpy)
#     auth_vault [KEY VALUE]...      a new vault that asks this server, without DNSSEC
#     checked SEQ                    waits for the evidence; then $TEST_DIR/auth.json has it
dns_start() {
    touch "$TEST_DIR/zone"
    python3 "$ROOT/tests/lib/dnsd.py" "$TEST_DIR/zone" "$TEST_DIR/dns-port" &
    DNS=$!
    at_exit dns_stop
    wait_for 20 test -s "$TEST_DIR/dns-port" || fail "no name server"
    DNS_PORT=$(cat "$TEST_DIR/dns-port")
}
dns_stop() { [ -z "${DNS:-}" ] || { kill "$DNS"; wait "$DNS" 2>/dev/null; }; DNS=; }
zone() { printf '%s\n' "$@" >>"$TEST_DIR/zone"; }
key_new() {
    mkdir -p "$TEST_DIR/keys"
    [ -s "$TEST_DIR/keys/$2.$1.pem" ] ||
        openssl genrsa -traditional -out "$TEST_DIR/keys/$2.$1.pem" "${3:-2048}" 2>/dev/null || fail "no key"
    zone "$2._domainkey.$1 TXT v=DKIM1; k=rsa; p=$(openssl rsa -in "$TEST_DIR/keys/$2.$1.pem" -pubout -outform DER 2>/dev/null | base64 -w0)"
}
sign() { /usr/bin/python3 "$ROOT/tests/lib/dkimsign.py" "$TEST_DIR/keys" "$@" || fail "not signed"; }
auth_vault() {
    vault_new
    config auth-check '"on"'
    config auth-resolver "\"127.0.0.1@$DNS_PORT\""
    config auth-anchor '""'
    config auth-name-time '"2 s"'
    while [ $# -gt 0 ]; do
        config "$1" "$2"
        shift 2
    done
}
auth_show() { fk show "$1" --auth --json >"$TEST_DIR/auth.json" 2>"$TEST_DIR/auth.err"; }
checked() { wait_for "${2:-30}" auth_show "$1" || { cat "$TEST_DIR/auth.err" "$SERVER_LOG" >&2; fail "no evidence of $1"; }; }
# auth FILTER: of the evidence that was shown last
auth() { jq -r "$1" "$TEST_DIR/auth.json"; }
