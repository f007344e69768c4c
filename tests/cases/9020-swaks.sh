#!/usr/bin/env bash
# swaks delivers by SMTP, pipelined or not, with several recipients, and by LMTP with an answer for each
. "$ROOT/tests/lib/server.sh"
vault_new
server_start
port=$(address smtp)
kept() { grep -c '250 2.0.0 kept seq=[0-9]* c256=[0-9a-f]\{16\}$' "$TEST_DIR/out"; }
try() { # answers expected, swaks options
    local want=$1
    shift
    swaks "$@" --from a@example.jp --header 'Subject: swaks' --body $'one line\n.\n..two dots\n' --timeout 20 >"$TEST_DIR/out" 2>&1 || { cat "$TEST_DIR/out"; fail "swaks $*"; }
    [ "$(kept)" -eq "$want" ] || { cat "$TEST_DIR/out"; fail "swaks $*: $(kept) answers, not $want"; }
}
try 1 --server "$port" --to b@example.jp
try 1 --server "$port" --to b@example.jp,c@example.jp,d@example.jp
try 1 --server "$port" --to b@example.jp --pipeline
try 1 --server "$port" --protocol SMTP --to b@example.jp # HELO only
try 1 --server "$port" --to b@example.jp --from '<>'
try 2 --socket "$(address lmtp)" --protocol LMTP --to b@example.jp,c@example.jp
seq=$(seq_of <"$TEST_DIR/out")
fk show "$seq" --raw | grep -qx $'\\.\\.two dots\r' || fail "dots: $(fk show "$seq" --raw | tail -n 4)"
fk show "$seq" --envelope >"$TEST_DIR/envelope"
grep -q '^rcpt-to: c@example.jp' "$TEST_DIR/envelope" || fail "no second recipient: $(cat "$TEST_DIR/envelope")"
grep -q '^via: lmtp' "$TEST_DIR/envelope" || fail "not via lmtp: $(cat "$TEST_DIR/envelope")"
server_stop
