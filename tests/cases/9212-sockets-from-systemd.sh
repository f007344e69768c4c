#!/usr/bin/env bash
# sockets that systemd hands over are taken by name, outlive the receiver, and keep what comes in between
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/certificates.sh"
ca_new ca
certificate_new ca server DNS:mail.example.jp
vault_new
listener border 'address = {}' 'source = "border"' 'tls = "implicit"' "$(with_certificate)"
listener both 'address = {"127.0.0.1:1"}' 'allow = {"127.0.0.0/8"}' # port 1 is not bound: it is handed over
listener own 'protocol = "lmtp"'
server_start python3 "$ROOT/tests/lib/activate.py" smtp=127.0.0.1:0 "border=127.0.0.1:0" "both=[::]:0" "lmtp=unix:$TEST_DIR/l.sock" --
expect "unix:$TEST_DIR/l.sock" "$(jq -r '.lmtp[0]' "$V/run/addresses.json")" "the socket for LMTP"
expect '{"protocol":"smtp","tls":"implicit","source":"border","addresses":1}' \
    "$(jq -c '.listeners.border | .addresses |= length' "$V/run/addresses.json")" "what addresses.json says of a listener"
own_mails
mail=$TEST_DIR/mails/01-iso-2022-jp.eml
send "$mail" | grep -q '^250 2.0.0 kept' || fail "by the plain socket"
python3 "$ROOT/tests/lib/smtp.py" --lmtp "$TEST_DIR/l.sock" "$mail" | grep -q '^250' || fail "by the Unix socket"
blast -I -o "$TEST_DIR/acks" "$(at border)" "$mail" >/dev/null || fail "by TLS"
fk show "$(cut -f 2 "$TEST_DIR/acks")" --entry | grep -q source=border || fail "its source"
# An IPv4 client on a socket for both families is its IPv4 address: allow finds it.
port=$(at both | sed 's/.*://')
python3 "$ROOT/tests/lib/smtp.py" "127.0.0.1:$port" "$mail" >"$TEST_DIR/out" || fail "an IPv4 client of an IPv6 socket: $(cat "$TEST_DIR/out")"
fk show "$(seq_of <"$TEST_DIR/out")" --envelope | grep -qx 'peer: 127\.0\.0\.1:[0-9]*' || fail "its peer"
# The receiver dies: the next one has the same sockets, and who came meanwhile is served.
plain=$(address smtp)
kill -9 "$(role_pid receive)"
python3 "$ROOT/tests/lib/smtp.py" "$plain" "$mail" | grep -q '^250 2.0.0 kept' || fail "mail that came while there was no receiver"
expect "$plain" "$(address smtp)" "the address afterwards"
server_stop
[ -S "$TEST_DIR/l.sock" ] || fail "a socket that is systemd's was removed"
fk verify >/dev/null || fail verify

refused() { # words it must say, environment and sockets
    local says=$1
    shift
    rm -f "$TEST_DIR"/*.sock
    timeout 30 env "$@" -- "$FUMIKURA" -C "$V" serve >"$TEST_DIR/out" 2>&1 && fail "served: $*"
    grep -q -- "$says" "$TEST_DIR/out" || fail "$*: $(cat "$TEST_DIR/out")"
}
refused 'there is no listener of that name' python3 "$ROOT/tests/lib/activate.py" smtp=127.0.0.1:0 border=127.0.0.1:0 else=127.0.0.1:0
refused 'descriptor 5 is not open' FDS=3 python3 "$ROOT/tests/lib/activate.py" smtp=127.0.0.1:0 border=127.0.0.1:0
refused 'LISTEN_FDS is 99' FDS=99 python3 "$ROOT/tests/lib/activate.py" smtp=127.0.0.1:0
refused 'listener "border" has no address' python3 "$ROOT/tests/lib/activate.py" smtp=127.0.0.1:0
refused 'listener "border" has no address' PID=1 python3 "$ROOT/tests/lib/activate.py" border=127.0.0.1:0 # meant for another
