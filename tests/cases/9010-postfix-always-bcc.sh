#!/usr/bin/env bash
# a copy of all that a real Postfix takes arrives by SMTP and by LMTP, byte for byte, with its envelope
. "$ROOT/tests/lib/server.sh"
own_mails
vault_new
mkdir "$TEST_DIR/sock" # a directory that the mail server's user can enter
config lmtp "{\"unix:$TEST_DIR/sock/lmtp.sock\", \"127.0.0.1:0\"}"
server_start
smtp=$(address smtp)
inet=$(jq -r '.lmtp[] | select(startswith("127."))' "$V/run/addresses.json")
stop_postfix() { "$ROOT/tests/postfix.sh" stop "$TEST_DIR/postfix"; }
at_exit stop_postfix

through() { # name, transport
    local port n want
    rm -rf "$TEST_DIR/postfix"
    # These are the two lines of README's "Hooking up Postfix".
    port=$("$ROOT/tests/postfix.sh" start "$TEST_DIR/postfix" \
        "always_bcc = archive@fumikura.invalid" \
        "transport_maps = inline:{ fumikura.invalid=$2 }") || exit $?
    while IFS=$'\t' read -r file from to _; do
        python3 "$ROOT/tests/lib/smtp.py" "127.0.0.1:$port" "$TEST_DIR/mails/$file" "$from" $to >/dev/null || fail "Postfix refused $file"
    done <"$TEST_DIR/mails/names.tsv"
    want=$(wc -l <"$TEST_DIR/mails/names.tsv")
    all_sent() { [ "$(grep -c 'status=sent (250 2.0.0 kept seq=' "$TEST_DIR/postfix/log/mail.log")" -eq "$want" ]; }
    wait_for 40 all_sent || { grep 'status=' "$TEST_DIR/postfix/log/mail.log" | tail; fail "$1: not all $want arrived"; }
    # The sender's own log is a witness: it has the seq and the digest of each.
    grep -o 'kept seq=[0-9]* c256=[0-9a-f]\{16\}' "$TEST_DIR/postfix/log/mail.log" | sed 's/kept seq=\([0-9]*\) c256=/\1 /' >"$TEST_DIR/kept.$1"
    stop_postfix
    while read -r seq c256; do
        fk show "$seq" --raw >"$TEST_DIR/raw.$seq" || fail "$1: show $seq"
        fk show "$seq" --entry | grep -q " c256=$c256" || fail "$1: seq $seq has another c256 than Postfix's log"
        fk show "$seq" --envelope | grep -qi '^rcpt-to: archive@fumikura.invalid' || fail "$1: seq $seq has no such recipient: $(fk show "$seq" --envelope)"
    done <"$TEST_DIR/kept.$1"
    # Postfix puts its own Received line before a message, and leaves the rest as it was.
    python3 - "$TEST_DIR" <<'PY' || fail "$1: not the bytes that were sent"
import glob, sys
kept = [open(f, "rb").read() for f in glob.glob(sys.argv[1] + "/raw.*")]
for name in glob.glob(sys.argv[1] + "/mails/*.eml"):
    sent = open(name, "rb").read()
    if not any(k.endswith(sent) and k.startswith(b"Received: ") for k in kept):
        sys.exit("not found as it was sent: " + name)
PY
    rm "$TEST_DIR"/raw.*
    note "$1: $want messages"
}
through smtp "smtp:[127.0.0.1]:${smtp##*:}"
through lmtp-unix "lmtp:unix:$TEST_DIR/sock/lmtp.sock"
through lmtp-inet "lmtp:inet:$inet"
server_stop
