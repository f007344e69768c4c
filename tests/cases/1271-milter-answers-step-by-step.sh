#!/usr/bin/env bash
# miltertest: macros, refused recipients, folded fields and odd bytes come out as they are; each reply is the one it should be
. "$ROOT/tests/lib/milter.sh"
vault_new
milter_vault
config size-limit '"64 KiB"'
server_start
milter_port_fixed
at=$(address milter)
miltertest -s "$ROOT/tests/lib/milter.lua" -D "port=${at##*:}" >"$TEST_DIR/told" 2>&1 || { cat "$TEST_DIR/told" >&2; fail "miltertest"; }
# answered WANTED BYTES: a message of that size.
answered() {
    local got
    got=$(python3 "$ROOT/tests/lib/milter.py" "$at" message "$2")
    case $got in "$1"*) ;; *) fail "a message of $2 bytes is answered \"$got\", not $1" ;; esac
}
seq=$(mail_seqs)
expect 1 "$(echo "$seq" | wc -w)" "messages kept"
fk show "$seq" --envelope | grep -v -e '^received: 20' -e '^peer: 203.0.113.5:' -e '^listener: 127' >"$TEST_DIR/env"
cat >"$TEST_DIR/want" <<'ENV'
via: milter
client-name: client.example.net
helo: client.example.net
tls: TLSv1.3 TLS_AES_256_GCM_SHA384 256
tls-subject: CN=client
tls-issuer: CN=ca
auth: tanaka
auth-method: PLAIN
mail-from:  SIZE=100
rcpt-to: a@example.jp NOTIFY=NEVER
rcpt-refused: refused@example.jp
rcpt-to: routed-to-error@example.jp
rcpt-to: "odd > one"@example.jp
queue-id: 4bXYZ1
daemon: submission
mta: mx.example.jp
flags: bare-lf
reconstructed: milter
ENV
diff "$TEST_DIR/want" "$TEST_DIR/env" >&2 || fail "the envelope is another"
# miltertest puts a space before each value, as a mail server does that sends what stands there.
printf 'Subject: no space\r\nX-Folded:   two spaces,\r\n\tfolded,\r\n by LF\r\nX-Empty: \r\n\r\nfirst line\r\n.dot\r\n\r\nbare\nthe end, without a line end' >"$TEST_DIR/want.eml"
fk show "$seq" --raw >"$TEST_DIR/got.eml"
cmp "$TEST_DIR/want.eml" "$TEST_DIR/got.eml" >&2 || { cat -A "$TEST_DIR/got.eml" >&2; fail "not the bytes that were told"; }

# Over the size limit: refused for good, since it would come again for ever.
answered "552 5.3.4" 70000
answered kept 60000
# Over what may be in flight: later, perhaps.
server_stop
config size-limit '"16 MiB"'
config in-flight '"1 MiB"'
server_start
answered "452 4.3.1" 2000000
answered kept 60000
# Without the pen: said at MAIL, so that nothing is sent in vain; then as before.
keep=$(role_pid keep)
kill -STOP "$SERVER" # so that it brings no other
kill -9 "$keep"
wait_for 10 are_gone "$keep"
answered "451 4.3.0" 100
kill -CONT "$SERVER"
taken_again() { (answered kept 100) 2>/dev/null; }
wait_for 20 taken_again || fail "with another pen mail is not taken"
# No memory for a message.
server_stop
server_start env FUMIKURA_FAULT=mail-file:1+:enospc
answered "452 4.3.1" 100
server_stop
verify_clean "it all"
