#!/usr/bin/env bash
# whatever comes in on the milter's port, no process ends, nothing reaches the archive but whole messages, and service goes on
. "$ROOT/tests/lib/milter.sh"
vault_new
milter_vault
config connections 64
server_start
at=$(address milter)
peer() { python3 "$ROOT/tests/lib/milter.py" "$at" "$@"; }
before=$(milter_pid) keep=$(role_pid keep)
seed=${SEED:-$(date +%s)}
tried=$(peer hostile "$seed") || fail "hostile frames, seed $seed: $tried"
kill -0 "$before" || fail "fumikura-milter ended, seed $seed: $(tail -n 3 "$SERVER_LOG")"
expect "$before" "$(milter_pid)" "the process of the milter, seed $seed"
expect "$keep" "$(role_pid keep)" "the process of keep"
expect "" "$(mail_seqs)" "messages that nobody sent, seed $seed"

# Bytes that differ from what an SMTP client could send, and a header without a space: as they are told.
python3 - "$at" "$ROOT" <<'PY' || fail "odd bytes"
import sys
sys.path.insert(0, sys.argv[2] + "/tests/lib")
from milter import ALL, LEADSPC, Milter, begun
m = begun(sys.argv[1])
answer = m.message([(b"Subject", b"tight"), (b"X", b"\ta\n b\r\n c")], b"nul \0, cr \r, lf \n, end\r")
assert answer[0] == b"c", answer
m = Milter(sys.argv[1], ALL & ~LEADSPC)  # one that cannot tell what stands after the colon
m.connect()
answer = m.message([(b"Subject", b"loose")], b"x\r\n")
assert answer[0] == b"c", answer
PY
set -- $(mail_seqs)
expect 2 $# "messages kept"
fk show "$1" --raw >"$TEST_DIR/got"
printf 'Subject:tight\r\nX:\ta\r\n b\r\n c\r\n\r\nnul \0, cr \r, lf \n, end\r' | cmp - "$TEST_DIR/got" >&2 || fail "not the bytes that were told"
fk show "$1" --envelope | grep -qx 'flags: bare-lf bare-cr nul' || fail "flags: $(fk show "$1" --envelope)"
fk show "$2" --envelope | grep -qx 'reconstructed: milter header-space' || fail "a space that was put there is not said"

# Connections that say nothing: the mail server still gets through, or is told to come again; memory stays.
python3 "$ROOT/tests/lib/milter.py" "$at" idle 500 60 >"$TEST_DIR/idle" &
idle=$!
at_exit 'kill $idle 2>/dev/null'
wait_for 10 grep -q there "$TEST_DIR/idle" || fail "500 connections"
mail() { peer load 1 "$TEST_DIR/acks"; }
mail || fail "beside 500 silent connections nothing is taken"
rss=$(awk '/^VmRSS/ {print $2}' "/proc/$before/status")
[ "$rss" -lt 65536 ] || case $BUILD in *asan) ;; *) fail "fumikura-milter has $rss KiB" ;; esac
kill $idle
wait $idle 2>/dev/null
expect "$before" "$(milter_pid)" "the process of the milter"

# What it has given up: files, programs, the network, every descriptor but its own.
grep -q '^Seccomp:.2' "/proc/$before/status" || fail "no seccomp filter"
if readlink "/proc/$before/fd/"* | grep -v -e '^socket:' -e '^anon_inode:' -e '^pipe:' -e '^/dev/null$' -e 'server.log' | grep .; then fail "it has other descriptors than it should"; fi
server_stop
verify_clean "it all"
note "$tried hostile sessions, seed $seed; $rss KiB at the end"
