#!/usr/bin/env bash
# a real Postfix that must encrypt, with its client certificate, delivers; its blind copies carry their true recipient
. "$ROOT/tests/lib/server.sh"
. "$ROOT/tests/lib/certificates.sh"
own_mails
ca_new ca
certificate_new ca server DNS:mail.example.jp
certificate_new ca client DNS:mta.example.jp
chmod 755 "$TEST_DIR" "$TLS"
vault_new
listener border 'tls = "required"' "$(with_certificate)" "client-ca = \"$TLS/ca.pem\"" 'journal = "on"' 'clients = {"mta.example.jp"}' \
    'source = "border"' 'carried-recipient = "+"'
server_start
stop_postfix() { "$ROOT/tests/postfix.sh" stop "$TEST_DIR/postfix"; }
at_exit stop_postfix
to="smtp:[127.0.0.1]:$(at border | sed 's/.*://')"
start() { # main.cf lines
    rm -rf "$TEST_DIR/postfix"
    port=$("$ROOT/tests/postfix.sh" start "$TEST_DIR/postfix" "transport_maps = inline:{ fumikura.invalid=$to }" "$@") || exit $?
}
log() { grep -c -- "$1" "$TEST_DIR/postfix/log/mail.log"; }
mail() { python3 "$ROOT/tests/lib/smtp.py" "127.0.0.1:$port" "$TEST_DIR/mails/$1" tanaka@example.jp "${@:2}" >/dev/null || fail "Postfix refused $1"; }

# In the clear nothing is taken, and nothing is lost or bounced: it stays in Postfix's queue.
start "always_bcc = archive@fumikura.invalid" "smtp_tls_security_level = none"
mail 01-iso-2022-jp.eml suzuki@example.jp
deferred() { [ "$(log 'status=deferred .*450 4.7.0 say STARTTLS first')" -ge 1 ]; }
wait_for 40 deferred || { cat "$TEST_DIR/postfix/log/mail.log"; fail "it was not deferred"; }
expect 0 "$(log 'status=bounced')" "bounced"
stop_postfix

# docs/format-smtp.md has these lines.
regexp=$TEST_DIR/recipient_bcc
printf '%s\n' '/^([^+@]+(\+[^@]*)?)@(.*)$/ archive+$1=$3@fumikura.invalid' >"$regexp"
chmod 644 "$regexp"
start "recipient_bcc_maps = regexp:$regexp" "sender_bcc_maps = regexp:$regexp" "smtp_tls_security_level = encrypt" \
    "smtp_tls_cert_file = $TLS/client.pem" "smtp_tls_key_file = $TLS/client.key" "smtp_tls_CAfile = $TLS/ca.pem" "smtp_tls_loglevel = 1"
mail 01-iso-2022-jp.eml suzuki@example.jp blind+tag@example.jp
long=a-local-part-of-sixty-four-bytes-as-RFC-5321-has-them-at-most-64@a-domain-that-is-not-short-either.example.jp
mail 24-big.eml "$long"
arrived() { [ "$(log 'status=sent (250 2.0.0 kept seq=')" -eq 5 ]; } # two copies' recipients, one, and the sender's of each
wait_for 60 arrived || { cat "$TEST_DIR/postfix/log/mail.log"; fail "not all of the copies arrived"; }
expect 0 "$(log 'status=bounced')" "bounced"
[ "$(log 'TLS connection established to')" -gt 0 ] || fail "Postfix spoke no TLS"
kept=$(sed -n 's/.*kept seq=\([0-9]*\) .*/\1/p' "$TEST_DIR/postfix/log/mail.log" | sort -un)
expect 2 "$(echo "$kept" | wc -l)" "messages, one of them with two copies' recipients"
for seq in $kept; do fk show "$seq" --envelope; done >"$TEST_DIR/envelopes"
for line in 'tls: TLSv1.3 .*' 'tls-client: CN=client,O=Example' "tls-client-sha256: $(fingerprint client)" 'journal: trusted'; do
    expect 2 "$(grep -cx "$line" "$TEST_DIR/envelopes")" "envelopes with '$line'"
done
carried=$(sed -n 's/^carried-to: //p' "$TEST_DIR/envelopes" | LC_ALL=C sort | tr '\n' ' ')
expect "$long blind+tag@example.jp suzuki@example.jp tanaka@example.jp tanaka@example.jp " "$carried" "carried recipients"
for seq in $kept; do
    fk show "$seq" --entry | grep -q 'source=border' || fail "$(fk show "$seq" --entry)"
    fk show "$seq" --raw
done >"$TEST_DIR/raw"
python3 - "$TEST_DIR" <<'PY' || fail "not the bytes that were sent"
import sys
raw = open(sys.argv[1] + "/raw", "rb").read()
for name in ("01-iso-2022-jp.eml", "24-big.eml"):
    assert open(sys.argv[1] + "/mails/" + name, "rb").read() in raw, name
PY
stop_postfix
server_stop
