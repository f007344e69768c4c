#!/usr/bin/env bash
# in the clear: 180 idle connections beside 20 busy ones lose nothing and are served when they wake; slow writers, writers that never end and readers that do not read are ended, 150 MB come in by LMTP; memory bounded
# not under asan: its shadow memory is not ours
. "$ROOT/tests/lib/server.sh"
vault_new --lmtp 127.0.0.1:0
own_mails
dialogue() { # the part of the client's program
    PYTHONPATH=$ROOT/tests/lib python3 - "$TEST_DIR" "$1" <<'PY' || fail "$1 went wrong; $(tail -n 5 "$SERVER_LOG")"
import json, os, socket, sys, time
from rawsmtp import Client, GROUP
out, part = sys.argv[1:]
addresses = json.load(open(out + "/v/run/addresses.json"))
smtp, lmtp = addresses["smtp"][0], next(a for a in addresses["lmtp"] if not a.startswith("unix:"))
acks = open(out + "/acks", "a")
os.makedirs(out + "/sent", exist_ok=True)
def note(line, message, name):
    path = f"{out}/sent/{name}"
    open(path, "wb").write(message)
    s, c256 = (w.split("=")[1] for w in line.split()[3:5])
    acks.write(f"{path}\t{s}\t{c256}\n")
if part == "idle":
    idle = [Client(smtp) for _ in range(180)]
    for i, c in enumerate(idle[:60]): # a third of them stand in the middle of something
        c.say(GROUP, "250", "250", "354")
        c.s.sendall(b"half %d" % i)
    busy = [Client(smtp) for _ in range(20)]
    for n in range(15):
        for i, c in enumerate(busy):
            message = b"Subject: %d %d\r\n\r\nbusy\r\n" % (n, i)
            note(c.say(GROUP, "250", "250", "354") and c.say(message + b".\r\n", "250"), message, f"busy-{n}-{i}")
    for i, c in enumerate(idle): # they wake
        if i < 60:
            note(c.say(b"\r\n.\r\n", "250 2.0.0 kept"), b"half %d\r\n" % i, f"idle-{i}")
        else:
            note(c.say(GROUP, "250", "250", "354") and c.say(b"woke\r\n.\r\n", "250"), b"woke\r\n", f"idle-{i}")
    # A reader that does not read: what it is owed is bounded, so at last it cannot send.
    c = Client(smtp)
    c.s.setblocking(False)
    sent, moved = 0, time.monotonic()
    while time.monotonic() - moved < 1 and sent < 60_000_000:
        try:
            sent += c.s.send(b"HELP\r\n" * 2000)
            moved = time.monotonic()
        except BlockingIOError:
            time.sleep(0.001)
    assert sent < 60_000_000, sent
    # 150 MB by LMTP, to three recipients.
    host, port = lmtp.rsplit(":", 1)
    c = Client(lmtp, hello=False)
    c.hear("220")
    c.s.settimeout(300)
    c.say(b"LHLO raw\r\n", "250")
    c.say(b"MAIL FROM:<f@x>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n", "250", "250", "250", "250", "354")
    big = b"".join(os.urandom(499).hex().encode() + b"\r\n" for _ in range(150000))
    c.s.sendall(big)
    c.s.sendall(b".\r\n")
    replies = [c.hear("250 2.0.0 kept") for _ in range(3)]
    note(replies[0] if isinstance(replies[0], str) else replies[0][-1], big, "big")
if part == "timeouts":
    def ends(c, words, least, most): # is told so, and closed
        began = time.monotonic()
        c.hear(words)
        c.ended()
        took = time.monotonic() - began
        assert least < took < most, took
    ends(Client(smtp), "421 4.4.2", 2, 12) # no command
    half = Client(smtp)
    half.s.sendall(b"MAIL FR") # a command that does not end
    ends(half, "421 4.4.2", 2, 12)
    c = Client(smtp)
    c.say(GROUP, "250", "250", "354")
    c.s.sendall(b"Subject: never ends\r\n")
    ends(c, "421 4.4.2", 2, 12)
    # One that is slow and goes on is no such: a byte a second, over longer than the timeout.
    c = Client(smtp)
    c.say(GROUP, "250", "250", "354")
    for _ in range(8):
        c.s.sendall(b"x")
        time.sleep(1)
    note(c.say(b"\r\n.\r\n", "250 2.0.0 kept"), b"xxxxxxxx\r\n", "slow")
    # A reader that never reads is ended too: its socket does not stay for ever.
    c = Client(smtp)
    c.s.setblocking(False)
    until = time.monotonic() + 40
    while time.monotonic() < until:
        try:
            c.s.send(b"HELP\r\n" * 2000)
        except BlockingIOError:
            time.sleep(0.05)
        except (ConnectionResetError, BrokenPipeError):
            break
    else:
        raise AssertionError("a client that does not read was kept for 40 s")
PY
}
server_start
receiver=$(role_pid receive)
python3 "$ROOT/tests/lib/peak.py" keep="$(role_pid keep)" receive="$receiver" >"$TEST_DIR/peak" &
watch=$!
dialogue idle
kill $watch
wait $watch
for part in keep receive; do
    peak=$(awk -v p=$part '$1 == p {print $2}' "$TEST_DIR/peak")
    note "$part: $((peak / 1024)) MiB at most, with 150 MB in flight"
    [ "$peak" -lt $((150 * 1024 + 65536)) ] || fail "$part had $peak KiB"
done
expect "$receiver" "$(role_pid receive)" "the receiver's process id"
server_stop
config command-timeout '"4 s"'
config data-timeout '"4 s"'
server_start
dialogue timeouts
server_stop
expect $((300 + 180 + 1 + 1)) "$(wc -l <"$TEST_DIR/acks")" "messages that were acknowledged"
all_acked "$TEST_DIR/acks"
