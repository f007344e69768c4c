#!/usr/bin/env bash
# what no mail client would send gets its proper reply or is kept byte for byte, and the receiver lives
. "$ROOT/tests/lib/server.sh"
vault_new
server_start
receiver=$(role_pid receive)
before=$(fk status --json | jq .next)
mkdir "$TEST_DIR/sent"
python3 - "$(address smtp)" "$TEST_DIR" <<'PY' || fail "a dialogue went wrong"
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
out = sys.argv[2]
acks = open(out + "/acks", "w")
GROUP = b"MAIL FROM:<f@x.example>\r\nRCPT TO:<t@x.example>\r\nDATA\r\n"

class Client:
    def __init__(self, hello=True):
        self.s = socket.create_connection((host, int(port)), 20)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.f = self.s.makefile("rb")
        self.hear("220")
        if hello:
            self.say(b"EHLO raw\r\n", "250")
    def hear(self, expect):
        while True:
            line = self.f.readline().decode()
            if not line or line[3] != "-":
                break
        assert line.startswith(expect), f"expected {expect}, got {line!r}"
        return line
    def say(self, data, *expect):
        self.s.sendall(data)
        for e in expect:
            line = self.hear(e)
        return line if expect else None
    def crumbs(self, data, *expect):
        for i in range(len(data)):
            self.s.sendall(data[i:i + 1])
        return self.say(b"", *expect)
    def ended(self):
        try:
            assert self.f.read() == b""
        except ConnectionResetError:
            pass
    def begin(self):
        self.say(GROUP, "250", "250", "354")

kept = 0
def note(line, message):
    """What was acknowledged, for the comparison afterwards."""
    global kept
    kept += 1
    path = f"{out}/sent/{kept}"
    open(path, "wb").write(message)
    seq, c256 = (w.split("=")[1] for w in line.split()[3:5])
    acks.write(f"{path}\t{seq}\t{c256}\n")

# Odd bytes, dots, an empty message, a line of a megabyte, a million headers.
for wire, message in [
        (b"", b""), (b"\r\n", b"\r\n"), (b"..\r\n", b".\r\n"), (b".a\r\n", b"a\r\n"),
        (b"a\nb\rc\0d\r\n", b"a\nb\rc\0d\r\n"), (b"\xff\xfe\r\r\n", b"\xff\xfe\r\r\n"),
        (b"x" * (1 << 20) + b"\r\n", b"x" * (1 << 20) + b"\r\n"),
        (b"A: b\r\n" * 1000000, b"A: b\r\n" * 1000000)]:
    c = Client()
    c.begin()
    note(c.say(wire + b".\r\n", "250 2.0.0 kept"), message)
    c.say(b"QUIT\r\n", "221")

# A byte a packet.
c = Client(hello=False)
c.crumbs(b"EHLO raw\r\n", "250")
c.crumbs(GROUP, "250", "250", "354")
note(c.crumbs(b"..a\r\nb\r\n.\r\n", "250 2.0.0 kept"), b".a\r\nb\r\n")

# What other servers took for the end of a message: one message, with all that follows in it.
evil = b"MAIL FROM:<evil@x>\r\nRCPT TO:<u@x>\r\nDATA\r\nevil\r\n"
for end in [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\r\n.\0\r\n", b"\n\r.\r\n"]:
    c = Client()
    c.begin()
    line = c.say(b"a" + end + evil + b".\r\n", "250 2.0.0 kept")
    note(line, (b"a" + end + evil).replace(b"\r\n.", b"\r\n"))
    c.say(b"NOOP\r\n", "250 2.0.0 ok")

# The next group behind the message, as RFC 2920 allows.
c = Client()
c.begin()
note(c.say(b"1\r\n.\r\n" + GROUP, "250 2.0.0 kept"), b"1\r\n")
c.say(b"", "250", "250", "354")
note(c.say(b"2\r\n.\r\nQUIT\r\n", "250 2.0.0 kept"), b"2\r\n")
c.hear("221")

# Refusals.
c = Client()
c.say(b"MAIL FROM:<f@x> SIZE=2147483648\r\n", "552 5.3.4")
c.say(b"MAIL FROM:<f@x> RET=FULL\r\n", "555 5.5.4")
c.say(b"x" * 100000 + b"\r\n", "500 5.5.2")
c.say(b"NOOP\n", "500 5.5.2")
c.say(b"BDAT 5 LAST\r\nhello", "502")
c.ended()
c = Client()
c.say(GROUP + b"too early\r\n.\r\n", "250", "250", "554 5.5.0")
c.ended()
c = Client()
for i in range(19):
    c.say(b"WHAT\r\n", "500")
c.say(b"WHAT\r\n", "500", "421 4.7.0")
c.ended()

# Broken off at every byte: what had no final dot is not kept.
dialogue = b"EHLO raw\r\n" + GROUP + b"cut\r\n.\r"
for n in range(1, len(dialogue) + 1):
    c = Client(hello=False)
    c.s.sendall(dialogue[:min(n, 10)])
    if n > 10:
        c.hear("250")
        c.s.sendall(dialogue[10:min(n, 10 + len(GROUP))])
    if n > 10 + len(GROUP):
        c.hear("250"), c.hear("250"), c.hear("354")
        c.s.sendall(dialogue[10 + len(GROUP):n])
    c.s.close()
acks.close()
open(out + "/kept", "w").write(str(kept))
PY
expect "$receiver" "$(role_pid receive)" "the receiver's process id"
expect $((before + $(cat "$TEST_DIR/kept"))) "$(fk status --json | jq .next)" "entries after all that was kept"
server_stop
all_acked "$TEST_DIR/acks"
fk verify >/dev/null || fail "verify"
