#!/usr/bin/env bash
# kill -9 of the pen and the receiver, and SIGHUP, under load over TLS: nothing acknowledged is lost, and service comes back
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/certificates.sh"
own_mails
rm "$TEST_DIR"/mails/24-big.eml
ca_new ca
certificate_new ca server DNS:mail.example.jp
vault_new
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
listener tls "address = {\"127.0.0.1:$port\"}" 'tls = "required"' "$(with_certificate)"
server_start
acks=$TEST_DIR/acks
client_starts() {
    "$BUILD/tools/smtp-blast" -T -a -c 8 -r 100000 -o "$acks" "127.0.0.1:$port" "$TEST_DIR"/mails/*.eml >"$TEST_DIR/blast" 2>&1 &
    client=$!
}
client_ends() { # what it had acknowledged goes to the rest
    kill $client 2>/dev/null
    wait $client 2>/dev/null
    cat "$acks" >>"$acks.all"
    : >"$acks"
}
: >"$acks"
client_starts
at_exit 'kill $client 2>/dev/null'
mail_is_taken() { timeout 10 "$BUILD/tools/smtp-blast" -T -o "$TEST_DIR/acks.1" "127.0.0.1:$port" "$TEST_DIR/mails/01-iso-2022-jp.eml"; }
for role in keep receive keep receive; do
    if ! kill -0 $client 2>/dev/null; then # its connections were all cut
        client_ends
        client_starts
    fi
    sleep 0.5
    kill -HUP "$SERVER" # certificates are read again meanwhile
    pid=$(role_pid $role) || fail "no process is $role"
    kill -9 "$pid"
    wait_for 20 mail_is_taken || fail "20 s after $role was killed no mail is taken; $(tail -n 3 "$SERVER_LOG")"
    cat "$TEST_DIR/acks.1" >>"$acks.all"
    another() { local now; now=$(role_pid $role) && [ "$now" != "$pid" ]; }
    wait_for 10 another || fail "10 s after $role was killed there is no other"
done
client_ends
server_stop
verify_clean "it all"
all_acked "$acks.all"
[ "$(wc -l <"$acks.all")" -gt 20 ] || fail "only $(wc -l <"$acks.all") were acknowledged"
note "$(wc -l <"$acks.all") acknowledged, all there"
