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
python3 - "$(address milter)" "$ROOT" "$SERVER" "$(milter_pid)" <<'PY' || fail "a message that was under way"
import atexit, contextlib, os, signal, subprocess, sys, time
sys.path.insert(0, sys.argv[2] + "/tests/lib")
from milter import begun, frame
under_way, late = [begun(sys.argv[1]) for _ in range(30)], begun(sys.argv[1])
for m in under_way:
    assert m.ask(b"M", b"<a@example.jp>\0")[0] == b"c"
os.kill(int(sys.argv[3]), signal.SIGTERM)
time.sleep(2)
command, data = late.ask(b"M", b"<late@example.jp>\0")
assert command == b"y" and data.startswith(b"451 4.3.0"), (command, data)
for m in under_way:
    m.ask(b"R", b"<b@example.jp>\0")
    m.ask(b"L", b"Subject\0 finished\0")
    m.ask(b"N")
    m.ask(b"B", b"to its end\r\n")
# The threads that answer are slower than the one that ends the milter: the last answers are written
# when it has nothing left to do. A thread of libmilter's that has no session ends when it likes.
milter = sys.argv[4]
for thread in os.listdir(f"/proc/{milter}/task"):
    if thread != milter:
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, int(thread), 19)
busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())]
atexit.register(lambda: [b.kill() for b in busy])
for m in under_way:
    m.raw(frame(b"E"))
for m in under_way:
    assert m.reply()[0] == b"c"
PY
server_stop
expect 30 "$(mail_seqs | wc -l)" "messages kept"
expect finished "$(fk show "$(mail_seqs | head -n 1)" --raw | sed -n 's/^Subject: //p' | tr -d '\r')" "what is kept"
# Without it, and with nonsense, serve says what is wrong.
rm "$TEST_DIR/usr/libexec/fumikura/fumikura-milter"
fk serve >/dev/null 2>"$TEST_DIR/err" && fail "serve runs without the milter that is set"
grep -q 'no fumikura-milter in' "$TEST_DIR/err" || fail "it does not say so: $(cat "$TEST_DIR/err")"
config milter '{"127.0.0.1:1", "127.0.0.1:2"}'
fk status >/dev/null 2>"$TEST_DIR/err" && fail "two addresses are taken"
grep -q 'milter has over one address' "$TEST_DIR/err" || fail "it does not say so: $(cat "$TEST_DIR/err")"
