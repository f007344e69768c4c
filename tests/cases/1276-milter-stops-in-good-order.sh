#!/usr/bin/env bash
# told to stop, the milter lets a message under way finish, keeps it, and takes no new one; the installed program finds it
. "$ROOT/tests/lib/milter.sh"
# As it is installed: one in bin, the other in libexec.
mkdir -p "$TEST_DIR/usr/bin" "$TEST_DIR/usr/libexec/fumikura"
cp "$FUMIKURA" "$TEST_DIR/usr/bin/fumikura"
cp "$BUILD/fumikura-milter" "$TEST_DIR/usr/libexec/fumikura/"
FUMIKURA=$TEST_DIR/usr/bin/fumikura
vault_new
milter_vault
server_start
python3 - "$(address milter)" "$ROOT" "$SERVER" <<'PY' || fail "a message that was under way"
import os, signal, sys, time
sys.path.insert(0, sys.argv[2] + "/tests/lib")
from milter import begun
under_way, late = begun(sys.argv[1]), begun(sys.argv[1])
assert under_way.ask(b"M", b"<a@example.jp>\0")[0] == b"c"
os.kill(int(sys.argv[3]), signal.SIGTERM)
time.sleep(2)
command, data = late.ask(b"M", b"<late@example.jp>\0")
assert command == b"y" and data.startswith(b"451 4.3.0"), (command, data)
under_way.ask(b"R", b"<b@example.jp>\0")
under_way.ask(b"L", b"Subject\0 finished\0")
under_way.ask(b"N")
under_way.ask(b"B", b"to its end\r\n")
assert under_way.ask(b"E")[0] == b"c"
PY
server_stop
expect 1 "$(mail_seqs | wc -l)" "messages kept"
expect finished "$(fk show "$(mail_seqs)" --raw | sed -n 's/^Subject: //p' | tr -d '\r')" "what is kept"
# Without it, and with nonsense, serve says what is wrong.
rm "$TEST_DIR/usr/libexec/fumikura/fumikura-milter"
fk serve >/dev/null 2>"$TEST_DIR/err" && fail "serve runs without the milter that is set"
grep -q 'no fumikura-milter in' "$TEST_DIR/err" || fail "it does not say so: $(cat "$TEST_DIR/err")"
config milter '{"127.0.0.1:1", "127.0.0.1:2"}'
fk status >/dev/null 2>"$TEST_DIR/err" && fail "two addresses are taken"
grep -q 'milter has over one address' "$TEST_DIR/err" || fail "it does not say so: $(cat "$TEST_DIR/err")"
